"""A State asks for its account, and the secretariat reviews the request."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import get_locale
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from accounts import queries, request_queries, waiting
from accounts.blueprint import bp
from accounts.current import current_actor
from accounts.forms import AcceptRequestForm, AccountRequestForm, ReturnRequestForm
from accounts.lists import REQUEST_FILTERS, REQUEST_SORTABLE, request_table
from accounts.requests import (
    FocalPointData,
    accept_account_request,
    reason_label,
    return_account_request,
    submit_account_request,
)
from accounts.tokens import keep_upload
from accounts.transitions import ACCOUNT_REQUEST
from core import events, files
from core.errors import RuleBroken
from core.web.access import needs, public
from core.web.downloads import download
from core.web.forms import add_error
from core.web.limits import limiter
from core.web.tables import TableQuery
from core.web.timeline import timeline_items

Answer = Any


# --- a State asks for its account -------------------------------------------------------------------------------
@bp.get("/accounts/request")
@public
def request_account() -> Answer:
    """The form for a State's account."""
    return render_template("accounts/request.html", form=_request_form())


@bp.post("/accounts/request")
@limiter.limit("120/hour")
@limiter.limit("10/hour", deduct_when=lambda response: response.status_code == 303)
@public
def send_account_request() -> Answer:
    """Check the answers, show them, and take them once confirmed. A first try only shows what would be sent."""
    form = _request_form()
    good = form.validate()
    letter = form.kept
    if form.letter.data and not form.letter.errors:
        try:
            letter = files.check_upload(form.letter.data, field="letter")
            form.kept_letter.data = keep_upload(letter)
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
            good = False
    if not good or letter is None:
        return render_template("accounts/request.html", form=form), 422
    if request.form.get("action") == "change":
        return render_template("accounts/request.html", form=form)
    if request.form.get("action") != "send":
        return render_template("accounts/request_check.html", form=form, letter=letter,
                               state=queries.name(uuid.UUID(form.state.data)))
    try:
        made = submit_account_request(
            uuid.UUID(form.state.data), _focal_point(form, "primary"), _focal_point(form, "backup"), letter, _day(form),
            locale=str(get_locale() or "en"),
        )
    except RuleBroken as refusal:
        add_error(form, refusal.field, refusal.message)
        return render_template("accounts/request.html", form=form), 422
    return redirect(url_for("accounts.request_received", request_id=made), 303)


def _focal_point(form: AccountRequestForm, part: str) -> FocalPointData:
    return FocalPointData(form[f"{part}_name"].data, form[f"{part}_email"].data, form[f"{part}_office"].data,
                          form[f"{part}_sits"].data == "ministry")


def _request_form() -> AccountRequestForm:
    demo = queries.shows_demonstration()
    return AccountRequestForm([(str(row.id), row.name) for row in queries.list_states(include_demo=demo)])


@bp.get("/accounts/request/<uuid:request_id>/received")
@public
def request_received(request_id: uuid.UUID) -> Answer:
    """The receipt: the reference and what happens next. It names nobody and no State."""
    return render_template("accounts/request_received.html", reference=request_queries.reference_of(request_id))


# --- the secretariat reviews ------------------------------------------------------------------------------------
@bp.get("/accounts/requests/")
@needs("account.request.review")
def requests_list() -> Answer:
    """Every account request."""
    query = TableQuery.from_args(request.args, REQUEST_SORTABLE, REQUEST_FILTERS, default_sort="received_at",
                                 default_direction="desc")
    rows, total = request_queries.list_requests(query)
    table = request_table(rows, total, query)
    if query.format:
        return download(query, table.columns, rows, "account-requests")
    return render_template("accounts/requests.html", table=table)


@bp.get("/accounts/requests/<uuid:request_id>/")
@needs("account.request.review")
def request_page(request_id: uuid.UUID) -> Answer:
    """One account request with its letter."""
    found = request_queries.get_request(request_id)
    return _request_page(found, AcceptRequestForm(version=found.version))


def _request_page(found: request_queries.RequestPage, form: AcceptRequestForm) -> str:
    history = events.history("account_request", found.id)
    names = queries.person_labels(h.actor_id for h in history)
    return render_template(
        "accounts/request_page.html", found=found, state=ACCOUNT_REQUEST.state(found.state), form=form,
        open=found.state == "received", due=found.received_at + waiting.REVIEW_WITHIN,
        timeline=timeline_items(history, ACCOUNT_REQUEST, names, {"accounts.request.receive": _("Received")}),
        returned_for=next((reason_label(h.reason) for h in history if h.to_state == "returned" and h.reason), None),
    )


@bp.post("/accounts/requests/<uuid:request_id>/accept")
@needs("account.request.review")
def accept_request(request_id: uuid.UUID) -> Answer:
    """Open the account."""
    form = AcceptRequestForm()
    if form.validate():
        try:
            accept_account_request(request_id, current_actor(), _version(form), form.checked_by.data)
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            flash(_("The account is open. Both focal points were sent a link."), "success")
            return redirect(url_for("accounts.request_page", request_id=request_id), 303)
    return _request_page(request_queries.get_request(request_id), form), 422


@bp.get("/accounts/requests/<uuid:request_id>/return")
@needs("account.request.review")
def return_request_page(request_id: uuid.UUID) -> Answer:
    """Ask for the reason."""
    found = request_queries.get_request(request_id)
    if found.state != "received":
        return redirect(url_for("accounts.request_page", request_id=request_id), 303)
    return render_template("accounts/request_return.html", found=found, form=ReturnRequestForm(version=found.version))


@bp.post("/accounts/requests/<uuid:request_id>/return")
@needs("account.request.review")
def return_request(request_id: uuid.UUID) -> Answer:
    """Send it back with a reason."""
    form = ReturnRequestForm()
    if form.validate():
        try:
            return_account_request(request_id, current_actor(), _version(form), form.reason.data,
                                   form.words.data or "")
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            flash(_("The request was returned and the primary focal point told."), "success")
            return redirect(url_for("accounts.request_page", request_id=request_id), 303)
    found = request_queries.get_request(request_id)
    return render_template("accounts/request_return.html", found=found, form=form), 422


@bp.get("/accounts/requests/<uuid:request_id>/letter")
@needs("account.request.review")
def request_letter(request_id: uuid.UUID) -> Response:
    """The letter as it was sent."""
    return files.serve(request_queries.get_request(request_id).letter_file_id)


def _version(form: AcceptRequestForm | ReturnRequestForm) -> int:
    """The number a valid form carries."""
    return int(form.version.data or 0)


def _day(form: AccountRequestForm) -> date:
    """The day a valid form carries."""
    day = form.letter_date.data
    if day is None:
        raise RuleBroken(_("Write the date printed on the letter."), field="letter_date")
    return day
