"""Pages after the journey: the claim of the State, its settlement by an officer, money asked back, the report."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from werkzeug.wrappers import Response

from accounts.current import current_actor
from accounts.permissions import allows
from accounts.queries import person_labels
from core import clock
from core.errors import NotFound, RuleBroken
from core.events import history
from core.files import check_upload, serve
from core.machines import SYSTEM
from core.money import Money, usd
from core.web.access import needs
from core.web.downloads import download
from core.web.formats import instant_html
from core.web.forms import add_error
from core.web.tables import Column, Filter, Table, TableQuery
from core.web.timeline import timeline_items
from sponsorship.awards.entitlement import PROVIDED
from sponsorship.awards.entitlement_routes import FILE_COLUMNS, lines_table
from sponsorship.awards.entitlement_words import PROVIDED_LABELS
from sponsorship.contributions.fund_settings import bank_details
from sponsorship.disbursements import claim_payments, claim_recovery, claim_service, late_queries
from sponsorship.disbursements import claim_queries as queries
from sponsorship.disbursements.claim_forms import (
    AIR,
    ClaimForm,
    NoShowForm,
    ReceiptForm,
    ReportForm,
    ReturnClaimForm,
    SettleForm,
    WriteOffForm,
    week_around,
)
from sponsorship.disbursements.claim_reckoning import Days, trip_of
from sponsorship.disbursements.claim_states import CLAIM, RECOVERY
from sponsorship.disbursements.claim_words import (
    ATTENDANCE_LABELS,
    LABELS,
    REPORT_LABELS,
    claim_step,
    recovery_step,
)
from sponsorship.disbursements.payment_tabs import tabs
from sponsorship.disbursements.settings import setting

bp = Blueprint("claims", __name__)
View = str | Response | tuple[str, int]


@bp.context_processor
def _words() -> dict[str, Any]:
    return {"office_zone": setting("office_zone", clock.today()), "attendance_labels": ATTENDANCE_LABELS}


def _due_day(instant: datetime) -> Markup:
    """The day by the clock of the fund's seat, where it ends."""
    return instant_html(instant, setting("office_zone", clock.today()), time=False)


CLAIM_COLUMNS = [
    Column("reference", _l("Claim"), sortable=True, heading=True),
    Column("organisation", _l("State")),
    Column("meeting", _l("Meeting")),
    Column("award", _l("Award")),
    Column("status", _l("Where it stands"), csv=lambda row: row.status.label),
    Column("due_at", _l("Due"), sortable=True, render=lambda row: _due_day(row.due_at)),
    Column("entitled", _l("Due to the payee"), numeric=True, currency="USD"),
    Column("paid", _l("Paid before"), numeric=True, currency="USD"),
]
RECOVERY_COLUMNS = [
    Column("reference", _l("Recovery"), heading=True),
    Column("organisation", _l("State")),
    Column("award", _l("Award")),
    Column("status", _l("Where it stands"), csv=lambda row: row.status.label),
    Column("due_at", _l("Due"), render=lambda row: _due_day(row.due_at)),
    Column("reminders", _l("Reminders"), numeric=True),
    Column("amount", _l("Asked back"), numeric=True, currency="USD"),
    Column("open", _l("Open"), numeric=True, currency="USD"),
]


@bp.get("/claims/")
@needs("disbursement.view_all")
def claim_list() -> View:
    """Every claim."""
    filters = [Filter("state", _("Where it stands"), [(s.code, s.label) for s in CLAIM.states]),
               Filter("q", _("Reference"))]
    query = TableQuery.from_args(request.args, ("reference", "due_at"), filters, default_sort="due_at",
                                 default_direction="desc")
    rows, total = queries.list_claims(query)
    if query.format:
        return download(query, CLAIM_COLUMNS, rows, "claims")
    table = Table(_("Claims"), CLAIM_COLUMNS, rows, filters=filters, query=query, total=total,
                  base_url=url_for("claims.claim_list"), empty_title=_("No claims yet"),
                  empty_text=_("A claim is awaited once a sponsored journey is over."),
                  row_url=lambda row: url_for("claims.claim_page", id=row.id))
    return render_template("disbursements/claims.html", table=table, tabs=tabs("claims.claim_list"))


@bp.get("/claims/<uuid:id>")
@needs("claim.submit", "disbursement.view_all")
def claim_page(id: uuid.UUID) -> View:
    """One claim: the State and the delegate see their own."""
    return _show(id)


def _show(claim_id: uuid.UUID, message: object | None = None) -> View:
    actor = current_actor()
    page = queries.claim_page(claim_id, actor)
    query = TableQuery.from_args(request.args)
    if query.format:
        return download(query, FILE_COLUMNS, page.lines, f"claim-{page.row.reference}")
    events = history("claim", claim_id)
    people = person_labels([e.actor_id for e in events]) if page.officer else {}
    moves = [m for m in CLAIM.from_state(page.row.state)
             if m.permission != SYSTEM and allows(actor, m.permission, page.row.organisation_id)]
    late = late_queries.latest_of(claim_id)
    body = render_template(
        "disbursements/claim.html", page=page, row=page.row, message=message, moves={m.action for m in moves},
        ask_late=page.row.state == "unclaimed" and page.own and not page.row.ended,
        next=claim_step(page.row.state, page.row.due_at, page.row.ended, page.back_due,
                        late.state if late else None),
        trip=trip_of(page.award, page.days),
        told=_told(page.days), lines=lines_table(page.lines, _("What it was settled on"), csv=True)
        if page.lines else None,
        reckoned=lines_table(page.reckoned.lines, _("Reckoned by the days of the claim"), anchor="reckoned")
        if page.reckoned and page.reckoned.lines else None,
        timeline=timeline_items(events, CLAIM, people, show_text=page.officer),
        overdue=page.row.due_at <= clock.now(), late=late)
    return (body, 422) if message else body


def _told(days: Days | None) -> list[tuple[Any, str]]:
    """What the State says was different, by day."""
    if days is None:
        return []
    found: list[tuple[Any, str]] = []
    for day in sorted({*days.provided, *days.in_air}):
        words = [str(PROVIDED_LABELS[w]) for w in PROVIDED if w in days.provided.get(day, ())]
        if day in days.in_air:
            words.append(_("Night in the air"))
        if words:
            found.append((day, ", ".join(words)))
    return found


def _leave(endpoint: str, key: uuid.UUID, words: str) -> Response:
    flash(words, "success")
    return redirect(url_for(endpoint, id=key), 303)


@bp.route("/claims/<uuid:id>/submit", methods=["GET", "POST"])
@needs("claim.submit")
def submit(id: uuid.UUID) -> View:
    """Send the claim, with boarding passes."""
    actor = current_actor()
    page = queries.claim_page(id, actor)
    if not claim_service.may_claim(actor, page.award):
        raise NotFound()
    planned = trip_of(page.award, None)
    shown = page.days or Days(planned.first_day, planned.last_day, planned.nights_in_air, planned.provided,
                              planned.hours, planned.legs, planned.cars)
    form = ClaimForm()
    form.offer(week_around(page.award.travel_from, page.award.travel_to))
    if request.method == "GET":
        form.version.data = page.row.version
        form.fill(page.days, shown)
    elif form.validate_on_submit():
        try:
            papers = [(kind, check_upload(form[name].data, field=name))
                      for name, kind in (("boarding_out", "boarding_pass"), ("boarding_back", "boarding_pass"),
                                         ("other", "other")) if form[name].data]
            claim_service.submit(id, form.told, papers, form.words.data or "", actor, form.seen)
        except RuleBroken as error:
            add_error(form, error.field, error.message)
        else:
            return _leave("claims.claim_page", id, _("Thank you. The claim has been sent."))
    body = render_template("disbursements/claim_edit.html", page=page, row=page.row, form=form, planned=planned,
                           provided=[*((what, PROVIDED_LABELS[what]) for what in PROVIDED),
                                     (AIR, _("Night in the air"))])
    return (body, 422) if request.method == "POST" else body


@bp.get("/claims/<uuid:id>/papers/<uuid:file_id>")
@needs("claim.submit", "disbursement.view_all")
def paper(id: uuid.UUID, file_id: uuid.UUID) -> Response:
    """A paper of the claim."""
    return serve(queries.paper_of(id, file_id, current_actor()))


@bp.route("/claims/<uuid:id>/settle", methods=["GET", "POST"])
@needs("claim.settle")
def settle(id: uuid.UUID) -> View:
    """See what settling would say, then settle."""
    page = queries.claim_page(id, current_actor())
    form = SettleForm()
    needs_amount = page.reckoned is not None and page.reckoned.missing is not None
    if not needs_amount:
        del form.dsa
    if request.method == "GET":
        form.version.data = page.row.version
    elif form.validate_on_submit():
        dsa = form.dsa.data if needs_amount else None
        try:
            claim_service.settle(id, form.attendance.data, current_actor(), form.seen,
                                 dsa_minor=dsa.minor if isinstance(dsa, Money) else None, words=form.text.data or "",
                                 seen_minor=int(form.seen_minor.data) if form.seen_minor.data else None)
        except RuleBroken as error:
            add_error(form, error.field, error.message)
        else:
            return _leave("claims.claim_page", id, _("Settled. What follows from it stands below."))
    form.seen_minor.data = str(page.reckoned.entitled) if page.reckoned and not needs_amount else ""
    paid, in_flight = _paid_before(page) if page.reckoned and not needs_amount else (None, None)
    body = render_template(
        "disbursements/claim_settle.html", page=page, row=page.row, form=form, needs_amount=needs_amount,
        entitled=usd(page.reckoned.entitled) if page.reckoned else None, paid=paid, in_flight=in_flight,
        table=lines_table(page.reckoned.lines, _("Reckoned by the days of the claim"))
        if page.reckoned and page.reckoned.lines else None)
    return (body, 422) if request.method == "POST" else body


def _paid_before(page: queries.ClaimPage) -> tuple[Money | None, str | None]:
    """What was paid of the days so far; or why that is not known yet."""
    try:
        return usd(claim_payments.paid_so_far(page.row.award_id)), None
    except RuleBroken as refusal:
        return None, str(refusal.message)


def _act(
    form: Any, row: Any, run: Callable[[Any], None], back: str, done: str, title: object, lead: object,
    button: object, kind: str = "danger",
) -> View:
    """An act with a page of its own."""
    if request.method == "GET":
        form.version.data = row.version
    elif form.validate_on_submit():
        try:
            run(form)
        except RuleBroken as error:
            add_error(form, error.field, error.message)
        else:
            return _leave(back, row.id, done)
    body = render_template("disbursements/claim_act.html", row=row, form=form, title=title, lead=lead, button=button,
                           kind=kind, back=url_for(back, id=row.id))
    return (body, 422) if request.method == "POST" else body


@bp.route("/claims/<uuid:id>/return", methods=["GET", "POST"])
@needs("claim.settle")
def give_back(id: uuid.UUID) -> View:
    """Return the claim for completion."""
    return _act(
        ReturnClaimForm(), queries.claim_page(id, current_actor()).row,
        lambda f: claim_service.give_back(id, current_actor(), f.seen, f.reason.data, f.text.data),
        "claims.claim_page", _("Returned. The State has been asked to complete it."), _("Return the claim"),
        _("The State completes the claim and sends it again."), _("Return it"), "primary")


@bp.route("/claims/<uuid:id>/no-show", methods=["GET", "POST"])
@needs("claim.settle")
def no_show(id: uuid.UUID) -> View:
    """Record that nobody travelled."""
    return _act(
        NoShowForm(), queries.claim_page(id, current_actor()).row,
        lambda f: claim_service.no_show(id, current_actor(), f.seen, f.reason.data, f.text.data),
        "claims.claim_page", _("Recorded. What was paid is asked back."), _("Record that nobody travelled"),
        _("Payments that have not left are cancelled. Subsistence and terminal expenses that were paid are asked back. "
          "This cannot be undone."), _("Nobody travelled"))


@bp.route("/claims/<uuid:id>/close-unclaimed", methods=["GET", "POST"])
@needs("claim.settle")
def close_unclaimed(id: uuid.UUID) -> View:
    """Close an overdue claim that never came."""
    return _act(
        NoShowForm(), queries.claim_page(id, current_actor()).row,
        lambda f: claim_service.close_unclaimed(id, current_actor(), f.seen, f.reason.data, f.text.data),
        "claims.claim_page", _("Closed. What was paid in advance is asked back."), _("Close without a claim"),
        _("The final share is not paid, and what was paid in advance is asked back. Only a late claim that the head of "
          "the fund and another officer allow opens it again."),
        _("Close without a claim"))


# --- money asked back ---------------------------------------------------------------------------------------------
@bp.get("/recoveries/")
@needs("disbursement.view_all")
def recovery_list() -> View:
    """Money asked back."""
    filters = [Filter("state", _("Where it stands"), [(s.code, s.label) for s in RECOVERY.states])]
    query = TableQuery.from_args(request.args, (), filters)
    rows, total, open_ = queries.list_recoveries(query)
    if query.format:
        return download(query, RECOVERY_COLUMNS, rows, "recoveries")
    table = Table(_("Money asked back"), RECOVERY_COLUMNS, rows, filters=filters, query=query, total=total,
                  base_url=url_for("claims.recovery_list"), empty_title=_("Nothing is asked back"),
                  empty_text=_("A recovery begins when a claim shows that more was paid than the journey was worth."),
                  row_url=lambda row: url_for("claims.recovery_page", id=row.id),
                  totals={"open": open_} if total else None)
    return render_template("disbursements/claims.html", table=table, tabs=tabs("claims.recovery_list"))


@bp.get("/recoveries/<uuid:id>")
@needs("claim.submit", "disbursement.view_all")
def recovery_page(id: uuid.UUID) -> View:
    """One recovery: how much, why, how to pay it back."""
    actor = current_actor()
    page = queries.recovery_page(id, actor)
    events = history("recovery", id)
    people = person_labels([e.actor_id for e in events]) if page.officer else {}
    moves = {m.action for m in RECOVERY.from_state(page.row.state)
             if m.permission != SYSTEM and allows(actor, m.permission)}
    return render_template("disbursements/recovery.html", page=page, row=page.row, moves=moves,
                           next=recovery_step(page.row.state, page.row.due_at),
                           details=bank_details() if page.row.state == "asked" and not page.officer else None,
                           overdue=page.row.state == "asked" and page.row.due_at < clock.now(),
                           timeline=timeline_items(events, RECOVERY, people, LABELS, show_text=page.officer))


@bp.route("/recoveries/<uuid:id>/record", methods=["GET", "POST"])
@needs("recovery.record")
def record(id: uuid.UUID) -> View:
    """Record money that came back."""
    form = ReceiptForm()
    page = queries.recovery_page(id, current_actor())
    if request.method == "GET":
        form.amount.data = page.row.open
    return _act(
        form, page.row,
        lambda f: claim_recovery.record(id, f.amount.data.minor, f.bank_reference.data, f.paid_on.data,
                                        current_actor(), f.seen),
        "claims.recovery_page", _("Recorded. The money is back in the lots it came from."),
        _("Record money that came back"), _("By the bank’s statement only. This cannot be undone here."),
        _("Record it"), "primary")


@bp.route("/recoveries/<uuid:id>/write-off", methods=["GET", "POST"])
@needs("recovery.write_off")
def write_off(id: uuid.UUID) -> View:
    """Give up what is open."""
    return _act(
        WriteOffForm(), queries.recovery_page(id, current_actor()).row,
        lambda f: claim_recovery.write_off(id, current_actor(), f.seen, f.reason.data, f.text.data),
        "claims.recovery_page", _("Written off. It stays visible in the next call."), _("Write off what is open"),
        _("The money stays spent, and nobody asks for it any more. This cannot be undone."), _("Write it off"))


# --- the report ---------------------------------------------------------------------------------------------------
@bp.get("/reports/<uuid:id>")
@needs("report.write", "disbursement.view_all")
def report_page(id: uuid.UUID) -> View:
    """A delegate's report."""
    page = queries.report_page(id, current_actor())
    return render_template("disbursements/report.html", page=page, row=page.row, labels=REPORT_LABELS)


@bp.route("/reports/<uuid:id>/write", methods=["GET", "POST"])
@needs("report.write")
def write_report(id: uuid.UUID) -> View:
    """Write the report."""
    page = queries.report_page(id, current_actor())
    form = ReportForm()
    if request.method == "GET":
        form.version.data = page.row.version
    elif form.validate_on_submit():
        try:
            claim_recovery.write_report(id, {part: form[part].data or "" for part in REPORT_LABELS}, current_actor(),
                                        form.seen)
        except RuleBroken as error:
            add_error(form, error.field, error.message)
        else:
            return _leave("claims.report_page", id, _("Thank you. The report has been received."))
    body = render_template("disbursements/report_edit.html", page=page, row=page.row, form=form, labels=REPORT_LABELS)
    return (body, 422) if request.method == "POST" else body
