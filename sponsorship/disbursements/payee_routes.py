"""Pages of bank data and identity: a focal point or the nominee gives them, a payee data officer verifies them."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from accounts.current import current_actor
from accounts.queries import person_labels
from core import clock
from core.errors import NotFound, RuleBroken
from core.events import history
from core.files import check_upload, serve
from core.web.access import needs
from core.web.forms import add_error
from core.web.timeline import timeline_items
from sponsorship.awards.forms import VersionedForm
from sponsorship.disbursements import payee_service, queries
from sponsorship.disbursements.cash_models import CASH
from sponsorship.disbursements.forms import IdentityForm, NameForm, PayeeForm, ReturnForm
from sponsorship.disbursements.payee_needs import Paper
from sponsorship.disbursements.payee_service import BankData
from sponsorship.disbursements.settings import setting
from sponsorship.disbursements.transitions import PAYEE
from sponsorship.disbursements.words import LABELS, NAME_CHECKS

bp = Blueprint("payees", __name__)
View = str | Response | tuple[str, int]


@bp.context_processor
def _words() -> dict[str, Any]:
    return {"office_zone": setting("office_zone", clock.today()), "name_checks": NAME_CHECKS}


@bp.get("/payees/<uuid:id>")
@needs("payee.enter", "payee.verify", "disbursement.view_all")
def payee_page(id: uuid.UUID) -> View:
    return _show(id)


def _show(payee_id: uuid.UUID, message: object | None = None) -> View:
    page = queries.payee_page(payee_id, current_actor())
    events = history("payee", payee_id)
    names = person_labels([e.actor_id for e in events] + [page.entered_by, page.verified_by])
    if not page.may_verify:  # officers' names stay inside the fund
        own = {current_actor().person_id}
        names = {person: name for person, name in names.items() if person in own}
    # the last return tells the State what to correct
    returned = next((e.text for e in reversed(events) if e.tag.endswith(".return")), None)
    body = render_template("disbursements/payee.html", page=page, message=message, names=names,
                           returned=returned if page.row.state == "wanted" else None,
                           timeline=timeline_items(events, PAYEE, names, LABELS))
    return (body, 422) if message else body


@bp.route("/payees/<uuid:id>/edit", methods=["GET", "POST"])
@needs("payee.enter")
def edit(id: uuid.UUID) -> View:
    """Bank data is typed whole each time: what stands is never shown in a field."""
    actor = current_actor()
    page = queries.payee_page(id, actor)
    if not page.may_enter:
        raise NotFound()
    form = PayeeForm()
    if request.method == "GET":
        form.version.data = page.row.version
        if page.row.state == "wanted" and page.holder is None:
            form.holder.data = page.nominee.name
    elif form.validate_on_submit():
        data = BankData(form.holder.data or "", form.bank_name.data or "", form.bank_country.data or "",
                        form.account.data or "", form.bic.data or "")
        try:
            needed = page.proof_file_id is None or bool(form.proof.data)
            proof = check_upload(form.proof.data, field="proof") if needed else None
            payee_service.enter(id, data, actor, form.seen, proof)
        except RuleBroken as error:
            add_error(form, error.field, error.message)
        else:
            flash(_("Thank you. The bank data is now verified against its proof."), "success")
            return redirect(url_for("payees.payee_page", id=id), 303)
    body = render_template("disbursements/payee_edit.html", page=page, form=form)
    return (body, 422) if request.method == "POST" else body


@bp.route("/payees/<uuid:id>/identity", methods=["GET", "POST"])
@needs("payee.enter")
def identify(id: uuid.UUID) -> View:
    """The paper that the paymaster will check; typed whole each time, as bank data is."""
    actor = current_actor()
    page = queries.payee_page(id, actor)
    if not page.may_enter or page.rail != CASH:
        raise NotFound()
    form = IdentityForm()
    if request.method == "GET":
        form.version.data = page.row.version
        if page.paper is None:
            form.name.data = page.nominee.name
    elif form.validate_on_submit():
        try:
            needed = page.paper_file_id is None or bool(form.copy.data)
            copy = check_upload(form.copy.data, field="copy") if needed else None
            paper = Paper(form.name.data or "", form.kind.data, form.ending.data or "")
            payee_service.identify(id, paper, actor, form.seen, copy)
        except RuleBroken as error:
            add_error(form, error.field, error.message)
        else:
            flash(_("Thank you. A payee data officer now compares it with the passport."), "success")
            return redirect(url_for("payees.payee_page", id=id), 303)
    body = render_template("disbursements/payee_identity.html", page=page, form=form)
    return (body, 422) if request.method == "POST" else body


@bp.route("/payees/<uuid:id>/verify", methods=["GET", "POST"])
@needs("payee.verify")
def verify(id: uuid.UUID) -> View:
    """Where the names fit, one button does it; where they differ, an officer says why it is the same person."""
    page = queries.payee_page(id, current_actor())
    if page.needs_reason or request.method == "GET":
        return _verify_with_reason(id, page)
    form = VersionedForm()
    if not form.validate_on_submit():
        return _show(id, form.version.errors[0] if form.version.errors else _("Open the page again."))
    try:
        payee_service.verify(id, current_actor(), form.seen)
    except RuleBroken as error:
        return _show(id, error.message)
    return _verified(id)


def _verify_with_reason(payee_id: uuid.UUID, page: queries.PayeePage) -> View:
    form = NameForm()
    if request.method == "GET":
        form.version.data = page.row.version
    elif form.validate_on_submit():
        try:
            payee_service.verify(payee_id, current_actor(), form.seen, form.reason.data, form.text.data)
        except RuleBroken as error:
            add_error(form, error.field, error.message)
        else:
            return _verified(payee_id)
    body = render_template("disbursements/payee_verify.html", page=page, form=form)
    return (body, 422) if request.method == "POST" else body


def _verified(id: uuid.UUID) -> Response:
    flash(_("Verified. The payments can be requested."), "success")
    return redirect(url_for("payees.payee_page", id=id), 303)


@bp.route("/payees/<uuid:id>/return", methods=["GET", "POST"])
@needs("payee.verify")
def give_back(id: uuid.UUID) -> View:
    page = queries.payee_page(id, current_actor())
    form = ReturnForm()
    if request.method == "GET":
        form.version.data = page.row.version
    elif form.validate_on_submit():
        try:
            payee_service.give_back(id, current_actor(), form.seen, form.reason.data, form.text.data)
        except RuleBroken as error:
            add_error(form, error.field, error.message)
        else:
            flash(_("Returned. The State has been asked to correct it."), "success")
            return redirect(url_for("payees.payee_page", id=id), 303)
    body = render_template("disbursements/payee_return.html", page=page, form=form)
    return (body, 422) if request.method == "POST" else body


@bp.get("/payees/<uuid:id>/proof")
@needs("payee.enter", "payee.verify", "disbursement.view_all")
def proof(id: uuid.UUID) -> Response:
    """The bank's letter, for those who gave it and those who verify."""
    page = queries.payee_page(id, current_actor())
    if page.proof_file_id is None:
        raise NotFound()
    return serve(page.proof_file_id)


@bp.get("/payees/<uuid:id>/paper")
@needs("payee.enter", "payee.verify", "disbursement.view_all")
def paper(id: uuid.UUID) -> Response:
    """The copy of the identity paper, for the same."""
    page = queries.payee_page(id, current_actor())
    if page.paper_file_id is None:
        raise NotFound()
    return serve(page.paper_file_id)
