"""Pages of a late claim: asked for by the State, decided by the head of the fund, agreed to by another officer."""

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
from accounts.permissions import allows
from accounts.queries import person_labels
from core import clock
from core.errors import NotFound, RuleBroken
from core.events import history
from core.files import serve
from core.web.access import needs
from core.web.downloads import download
from core.web.formats import instant_html
from core.web.tables import Column, Filter, Table, TableQuery
from core.web.timeline import timeline_items
from sponsorship.awards.forms import VersionedForm
from sponsorship.disbursements import claim_queries, claim_service, late_queries, late_service
from sponsorship.disbursements.acts import act
from sponsorship.disbursements.claim_states import LATE
from sponsorship.disbursements.late_forms import (
    REQUEST,
    AskLateForm,
    AskLateWithTicketForm,
    DecideLateForm,
    RefuseLateForm,
)
from sponsorship.disbursements.payment_tabs import tabs
from sponsorship.disbursements.settings import setting
from sponsorship.disbursements.words import NextStep

bp = Blueprint("late_claims", __name__)
View = str | Response | tuple[str, int]


@bp.context_processor
def _words() -> dict[str, Any]:
    return {"office_zone": setting("office_zone", clock.today())}


def _step(state: str) -> NextStep:
    steps = {
        "asked": NextStep(_("The late claim is allowed or turned down, with a reason."), _("The head of the fund")),
        "decided": NextStep(_("Another officer agrees, which reserves the money again, or refuses."),
                            _("A certifying or approving officer")),
        "agreed": NextStep(_("The claim is open again and is sent with the boarding passes."),
                           _("The State’s focal point or the delegate")),
        "refused": NextStep(_("Nothing more: the claim stays closed. The State may ask again if it has more to say.")),
    }
    return steps.get(state, NextStep(_("Nothing more: the State took its request back.")))


COLUMNS = [
    Column("reference", _l("Claim"), heading=True), Column("organisation", _l("State")), Column("award", _l("Award")),
    Column("asked_at", _l("Asked for"), render=lambda row: instant_html(
        row.asked_at, setting("office_zone", clock.today()), time=False)),
    Column("status", _l("Where it stands"), csv=lambda row: row.status.label),
    Column("waits_for", _l("Who acts next")),
    Column("ticket", _l("Ticket"), numeric=True, currency="USD"),
    Column("reserved", _l("Reserved again"), numeric=True, currency="USD"),
]


@bp.get("/late-claims/")
@needs("claim.submit", "disbursement.view_all")
def late_list() -> View:
    """Late claims: officers see all, a mission its own, a delegate the own."""
    actor = current_actor()
    officer = allows(actor, "disbursement.view_all")
    filters = [Filter("state", _("Where it stands"), [(s.code, s.label) for s in LATE.states])]
    query = TableQuery.from_args(request.args, (), filters)
    rows, total = late_queries.list_late(query, actor)
    columns = [c for c in COLUMNS if officer or c.key not in ("organisation", "reserved")]
    if query.format:
        return download(query, columns, rows, "late-claims")
    table = Table(_("Late claims"), columns, rows, filters=filters, query=query, total=total,
                  base_url=url_for("late_claims.late_list"), empty_title=_("No late claims"),
                  empty_text=_("A State may ask for one on the page of a claim that was closed because none had come."),
                  row_url=lambda row: url_for("late_claims.page", id=row.id))
    return render_template("disbursements/lates.html", table=table, officer=officer,
                           tabs=tabs("late_claims.late_list") if officer else None)


@bp.get("/late-claims/<uuid:id>/ticket")
@needs("claim.submit", "disbursement.view_all")
def ticket(id: uuid.UUID) -> Response:
    """The receipt of the ticket that the delegate bought."""
    return serve(late_queries.receipt_of(id, current_actor()))


@bp.get("/late-claims/<uuid:id>")
@needs("claim.submit", "disbursement.view_all")
def page(id: uuid.UUID) -> View:
    """One request: why, what allowing it does, how it ended."""
    return _show(id)


def _show(late_id: uuid.UUID, message: object | None = None) -> View:
    actor = current_actor()
    found = late_queries.late_page(late_id, actor)
    row = found.row
    events = history("late_claim", late_id)
    moves = {m.action for m in LATE.from_state(row.state) if allows(actor, m.permission, row.organisation_id)}
    if actor.person_id in (row.asked_by, row.decided_by):
        moves -= {"agree", "refuse"}
    body = render_template(
        "disbursements/late.html", page=found, row=row, message=message, moves=moves, me=actor.person_id,
        next=_step(row.state),
        timeline=timeline_items(events, LATE, person_labels([e.actor_id for e in events]) if found.officer else {},
                                REQUEST, show_text=found.officer))
    return (body, 422) if message else body


def _act(form: Any, row: Any, claim_id: uuid.UUID, run: Callable[[Any], uuid.UUID | None], back: str, done: str,
         **words: Any) -> View:
    return act("disbursements/late_act.html", form, row.version, run, done,
               lambda made: url_for("late_claims.page", id=made or row.id), row=row, claim_id=claim_id, back=back,
               **words)


@bp.route("/claims/<uuid:id>/late", methods=["GET", "POST"])
@needs("claim.submit")
def ask(id: uuid.UUID) -> View:
    """The State asks to send its claim after it was closed."""
    actor = current_actor()
    claim = claim_queries.claim_page(id, actor)
    if not claim_service.may_claim(actor, claim.award):
        raise NotFound()
    most = late_queries.ticket_open(claim.award)
    form = AskLateWithTicketForm() if most else AskLateForm()
    return _act(
        form, claim.row, id,
        lambda f: late_service.ask(id, f.text.data, actor, f.seen, f.bought() if most else None),
        url_for("claims.claim_page", id=id),
        _("Sent. The head of the fund has been asked to decide."), title=_("Ask to send the claim late"), most=most,
        lead=_("The claim was closed because none had come in time. Say why it comes now; the head of the fund and "
               "another officer decide, and the claim is open again if both allow it."),
        button=_("Ask"), kind="primary")


@bp.post("/late-claims/<uuid:id>/take-back")
@needs("claim.submit")
def take_back(id: uuid.UUID) -> View:
    """The State takes it back while nobody has decided."""
    return _done(id, late_service.take_back, _("The request is taken back. You may ask again."))


def _done(late_id: uuid.UUID, run: Callable[..., None], words: str) -> View:
    form = VersionedForm()
    if not form.validate_on_submit():
        return _show(late_id, _("Open the page again."))
    try:
        run(late_id, current_actor(), form.seen)
    except RuleBroken as error:
        return _show(late_id, error.message)
    flash(words, "success")
    return redirect(url_for("late_claims.page", id=late_id), 303)


@bp.route("/late-claims/<uuid:id>/decide", methods=["GET", "POST"])
@needs("claim.late.decide")
@fresh_sign_in(_l("Allow a late claim"))
def decide(id: uuid.UUID) -> View:
    """The head of the fund allows it, with a reason."""
    found = late_queries.late_page(id, current_actor())
    return _act(
        DecideLateForm(), found.row, found.row.claim_id,
        lambda f: late_service.decide(id, current_actor(), f.seen, f.reason.data, f.text.data),
        url_for("late_claims.page", id=id), _("Allowed. Another officer has been asked to agree."),
        words=found.words, title=_("Allow the late claim"), button=_("Allow it"), kind="primary",
        lead=_("Nothing moves before another officer agrees."))


@bp.route("/late-claims/<uuid:id>/refuse", methods=["GET", "POST"])
@needs("claim.late.decide", "claim.late.agree")
def refuse(id: uuid.UUID) -> View:
    """The head turns it down, or another officer does not agree."""
    found = late_queries.late_page(id, current_actor())
    return _act(
        RefuseLateForm(), found.row, found.row.claim_id,
        lambda f: late_service.refuse(id, current_actor(), f.seen, f.reason.data, f.text.data),
        url_for("late_claims.page", id=id), _("Refused. The State has been told; the claim stays closed."),
        words=found.words, title=_("Refuse the late claim"), button=_("Refuse"), kind="danger",
        lead=_("The claim stays closed, and what is asked back stays asked back."))


@bp.post("/late-claims/<uuid:id>/agree")
@needs("claim.late.agree")
@fresh_sign_in(_l("Agree to a late claim"))
def agree(id: uuid.UUID) -> View:
    """Another officer agrees; the money is reserved again."""
    return _done(id, late_service.agree, _("Agreed by two. The money is reserved, and the State may send its claim."))
