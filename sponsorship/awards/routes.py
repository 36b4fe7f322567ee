"""Pages of awards: the list, one award with what can be done to it now. (The decision stands in decision_routes.py.)"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from accounts.current import current_actor
from accounts.fresh import fresh_sign_in
from accounts.permissions import allows, organisations_with
from accounts.queries import person_labels
from core.errors import NotAllowed, RuleBroken
from core.events import history
from core.machines import SYSTEM
from core.web.access import needs
from core.web.downloads import download
from core.web.forms import add_error
from core.web.tables import Column, Filter, Table, TableQuery
from core.web.timeline import people_in, timeline_items
from sponsorship.awards import answer_service, queries, service
from sponsorship.awards.approvals import signatures, signer, signer_ids
from sponsorship.awards.forms import (
    AnswerForm,
    EstimateForm,
    ReasonForm,
    VersionedForm,
)
from sponsorship.awards.money import cover_of
from sponsorship.awards.panels import panels_for
from sponsorship.awards.transitions import AWARD
from sponsorship.awards.words import LABELS, LINES, STATE_EVENTS, STATE_LABELS, STEPS, next_step, offer_covers

bp = Blueprint("awards", __name__)
View = str | Response | tuple[str, int]

COLUMNS = [
    Column("reference", _l("Award"), sortable=True, heading=True),
    Column("organisation", _l("State")),
    Column("meeting", _l("Meeting")),
    Column("status", _l("Where it stands")),
    Column("travel_from", _l("Travel from"), sortable=True),
    Column("travel_to", _l("Travel to")),
    Column("offer_expires_at", _l("Answer by"), sortable=True),
]
AMOUNT = Column("amount", _l("Estimate"), numeric=True, sortable=True, currency="USD")


@bp.get("/awards/")
@needs("award.view_all", "award.answer")
def award_list() -> View:
    """Officers see every award, focal points those of their State."""
    actor = current_actor()
    officer = allows(actor, "award.view_all")
    if not officer and not organisations_with(actor, "award.answer"):
        raise NotAllowed(_("Your roles do not include this."), code="awards.list")
    filters = [
        Filter("state", _("Where it stands"), [(s.code, s.label) for s in AWARD.states]),
        Filter("meeting", _("Meeting"), queries.meeting_choices(actor)),
        Filter("q", _("Reference")),
    ]
    columns = [*COLUMNS, AMOUNT] if officer else COLUMNS
    query = TableQuery.from_args(request.args, [c.key for c in columns if c.sortable], filters,
                                 default_sort="reference", default_direction="desc")
    rows, total, amount = queries.list_awards(query, actor)
    if query.format:
        return download(query, columns, rows, "awards")
    table = Table(
        _("Awards"), columns, rows, filters=filters, query=query, total=total, base_url=url_for("awards.award_list"),
        empty_title=_("No awards yet"),
        empty_text=_("Awards appear here once the head of the fund has decided on a call."),
        row_url=lambda row: url_for("awards.award_page", id=row.id),
        totals={"amount": amount} if officer and total else None,
    )
    return render_template("awards/list.html", table=table, officer=officer,
                           sees_letters=allows(actor, "application.view_all"))


@bp.get("/awards/<uuid:id>")
@needs("award.view_all", "award.answer")
def award_page(id: uuid.UUID) -> View:
    """One award: where it stands, what happens next, who signed, what has happened."""
    return _show(id)


def _show(award_id: uuid.UUID, message: object | None = None) -> View:
    actor = current_actor()
    page = queries.award_page(award_id, actor)
    signed = signatures("award", award_id, page.round) if page.officer else []
    events = history("award", award_id)
    if not page.officer:
        events = [e for e in events if e.tag in STATE_EVENTS]
    names = person_labels(signer_ids(signed) | people_in(events)) if page.officer else {}
    moves = [
        m for m in AWARD.from_state(page.row.state)
        if m.permission != SYSTEM and m.action != "select" and allows(actor, m.permission, page.row.organisation_id)
    ]
    panels = panels_for(award_id, actor)
    asked = next((p.asked for p in panels if p.asked), None)
    signs = any(m.action in ("certify", "approve") for m in moves)
    body = render_template(
        "awards/award.html", page=page, signed=[(STEPS[s.step], signer(s, names), s.at) for s in signed],
        timeline=timeline_items(events, AWARD, names, LABELS if page.officer else STATE_LABELS,
                                show_text=page.officer), moves=moves, line_labels=LINES,
        next=asked or next_step(page), panels=panels, message=message, asked=asked,
        cover=cover_of(award_id) if signs else None,
        sees_application=allows(actor, "application.view_all"),
        me_signed=any(s.person_id == actor.person_id for s in signed),
    )
    return (body, 422) if message else body


def _back(award_id: uuid.UUID, words: str) -> Response:
    flash(words, "success")
    return redirect(url_for("awards.award_page", id=award_id), 303)


def _one_button(award_id: uuid.UUID, run: Callable[[int], None], done: str) -> View:
    """An act of one button on the award's page: a refusal is shown on that page."""
    form = VersionedForm()
    queries.award_page(award_id, current_actor())
    if not form.validate_on_submit():
        return _show(award_id, form.version.errors[0] if form.version.errors else _("Open the page again."))
    version = form.seen
    try:
        run(version)
    except RuleBroken as error:
        return _show(award_id, error.message)
    return _back(award_id, done)


@bp.post("/awards/<uuid:id>/certify")
@needs("obligation.certify")
def certify(id: uuid.UUID) -> View:
    return _one_button(id, lambda v: service.certify(id, current_actor(), v),
                       _("Certified. The money is reserved; an approving officer is next."))


@bp.post("/awards/<uuid:id>/approve")
@needs("obligation.approve")
@fresh_sign_in(_l("Approve the obligation and send the offer"))
def approve(id: uuid.UUID) -> View:
    return _one_button(id, lambda v: service.approve(id, current_actor(), v), _("Approved. The offer has been sent."))


def _page_with_form(
    award_id: uuid.UUID, form: Any, run: Callable[[Any], None], done: str, title: object, warning: object,
    button: object, kind: str = "primary", covers: object = None,
) -> View:
    """An act with a page of its own: what it does, the form, the button."""
    page = queries.award_page(award_id, current_actor())
    if request.method == "GET":
        form.version.data = page.row.version
    elif form.validate_on_submit():
        try:
            run(form)
            return _back(award_id, done)
        except RuleBroken as error:
            add_error(form, error.field, error.message)
    body = render_template("awards/act.html", page=page, form=form, title=title, warning=warning, button=button,
                           kind=kind, covers=covers)
    return (body, 422) if request.method == "POST" else body


def _refuse(award_id: uuid.UUID, title: str) -> View:
    return _page_with_form(
        award_id, ReasonForm(),
        lambda f: service.refuse(award_id, current_actor(), f.seen, f.reason.data, f.text.data),
        _("Refused. What was reserved is free again."), title,
        _("The award ends, its money is free again, and the next on the reserve list moves up."),
        _("Refuse this obligation"), "danger",
    )


@bp.route("/awards/<uuid:id>/refuse-certification", methods=["GET", "POST"])
@needs("obligation.certify")
def refuse_certification(id: uuid.UUID) -> View:
    return _refuse(id, _("Refuse to certify"))


@bp.route("/awards/<uuid:id>/refuse-approval", methods=["GET", "POST"])
@needs("obligation.approve")
def refuse_approval(id: uuid.UUID) -> View:
    return _refuse(id, _("Refuse to approve"))


@bp.route("/awards/<uuid:id>/accept", methods=["GET", "POST"])
@needs("award.answer")
def accept(id: uuid.UUID) -> View:
    return _page_with_form(
        id, VersionedForm(), lambda f: answer_service.accept(id, current_actor(), f.seen),
        _("Accepted. Please give the bank data of the person who travels next."), _("Check and accept the offer"),
        _("By accepting, the State confirms that this nominee will attend, travel on these dates, and send a short "
          "report afterwards."),
        _("Accept the offer"), covers=offer_covers,
    )


@bp.route("/awards/<uuid:id>/turn-down", methods=["GET", "POST"])
@needs("award.answer")
def turn_down(id: uuid.UUID) -> View:
    return _page_with_form(
        id, AnswerForm(), lambda f: answer_service.turn_down(id, current_actor(), f.seen, f.text.data),
        _("Turned down. Thank you for answering in time."), _("Turn the offer down"),
        _("The place goes to the next State on the reserve list. This cannot be undone."),
        _("Turn the offer down"), "danger",
    )


@bp.route("/awards/<uuid:id>/give-back", methods=["GET", "POST"])
@needs("award.answer")
def give_back(id: uuid.UUID) -> View:
    return _page_with_form(
        id, AnswerForm(), lambda f: answer_service.give_back(id, current_actor(), f.seen, f.text.data),
        _("The award has been given back."), _("Give the award back"),
        _("Payments not yet released are cancelled and the place goes to the next State on the reserve list. This "
          "cannot be undone."),
        _("Give the award back"), "danger",
    )


@bp.route("/awards/<uuid:id>/withdraw", methods=["GET", "POST"])
@needs("award.withdraw")
def withdraw(id: uuid.UUID) -> View:
    return _page_with_form(
        id, ReasonForm(),
        lambda f: answer_service.withdraw(id, current_actor(), f.seen, f.reason.data, f.text.data),
        _("Withdrawn. The State has been told."), _("Withdraw the award"),
        _("The award ends, payments not yet released are cancelled, what is unspent is free again, and the next on "
          "the reserve list moves up."),
        _("Withdraw the award"), "danger",
    )


@bp.route("/awards/<uuid:id>/estimate", methods=["GET", "POST"])
@needs("award.estimate")
def estimate(id: uuid.UUID) -> View:
    form = EstimateForm()
    if request.method == "GET":
        for kind, amount in queries.award_page(id, current_actor()).lines:
            form[kind].data = amount
    return _page_with_form(
        id, form, lambda f: service.set_estimate(id, f.lines(), current_actor(), f.seen),
        _("The estimate has been changed."), _("Change the cost estimate"),
        _("Direct cost in US dollars. Support costs come on top when the money is reserved."), _("Save the estimate"),
    )
