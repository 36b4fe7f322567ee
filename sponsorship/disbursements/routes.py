"""Pages of payments: the list, one payment, the release, and its instructions."""

from __future__ import annotations

import io
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from flask import flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from werkzeug.wrappers import Response

from accounts.current import current_actor
from accounts.fresh import fresh_sign_in
from accounts.permissions import allows
from accounts.queries import person_labels
from core import clock
from core.errors import RuleBroken
from core.events import history
from core.machines import SYSTEM
from core.money import Money
from core.web.access import needs
from core.web.choosing import choose_column, everything_listed
from core.web.downloads import download
from core.web.formats import format_instant, instant_html
from core.web.forms import add_error
from core.web.tables import Column, Filter, Table, TableQuery
from core.web.timeline import people_in, timeline_items
from sponsorship.awards.approvals import signatures, signer, signer_ids
from sponsorship.awards.forms import VersionedForm
from sponsorship.disbursements import (
    answer_queries,
    loss_queries,
    many_routes,
    queries,
    release_service,
    rule_routes,
    service,
    stop_routes,
)
from sponsorship.disbursements.blueprint import bp
from sponsorship.disbursements.cash_models import CASH
from sponsorship.disbursements.cash_words import MOVES as CASH_MOVES
from sponsorship.disbursements.cash_words import RAIL_LABELS, status_of
from sponsorship.disbursements.finding_service import ASK
from sponsorship.disbursements.forms import ReleaseForm, SendBackForm
from sponsorship.disbursements.held_files import last_downloads
from sponsorship.disbursements.payment_tabs import tabs
from sponsorship.disbursements.settings import setting
from sponsorship.disbursements.stops import is_stopped
from sponsorship.disbursements.transitions import DISBURSEMENT
from sponsorship.disbursements.words import KIND_LABELS, LABELS, SIGNED, STEPS, next_step

__all__ = ["bp", "many_routes", "rule_routes", "stop_routes"]
View = str | Response | tuple[str, int]


@bp.context_processor
def _words() -> dict[str, Any]:
    return {"office_zone": setting("office_zone", clock.today()), "now": clock.now}


COLUMNS = [
    Column("reference", _l("Payment"), sortable=True, heading=True),
    Column("organisation", _l("State")),
    Column("meeting", _l("Meeting")),
    Column("kind_label", _l("For")),
    Column("amount", _l("Amount"), numeric=True, sortable=True, currency="USD"),
    Column("status", _l("Where it stands")),
    Column("act_by", _l("Next step by"), sortable=True, render=lambda row: row.act_by and office_day(row.act_by)),
    Column("due_at", _l("Release from"), sortable=True, render=lambda row: office_day(row.due_at)),
]
IN_FILE = [*COLUMNS, Column("award", _l("Award"))]


def _zone() -> str:
    return str(setting("office_zone", clock.today()))


def office_day(instant: datetime) -> Markup:
    """The day by the clock of the office that pays; the whole instant for machines."""
    return instant_html(instant, _zone(), time=False)


@bp.get("/disbursements/")
@needs("disbursement.view_all")
def disbursement_list() -> View:
    filters = [
        Filter("state", _("Where it stands"), [(s.code, s.label) for s in DISBURSEMENT.states]),
        Filter("kind", _("For"), list(KIND_LABELS.items())),
        Filter("meeting", _("Meeting"), queries.meeting_choices()),
        Filter("due", _("Time"), [("overdue", _("Overdue"))]),
        Filter("q", _("Reference")),
    ]
    query = TableQuery.from_args(request.args, [c.key for c in COLUMNS if c.sortable], filters, default_sort="act_by")
    rows, total, amount = queries.list_disbursements(query)
    if query.format:
        return download(query, IN_FILE, rows, "disbursements")
    table = Table(
        _("Disbursements"), COLUMNS, rows, filters=filters, query=query, total=total,
        base_url=url_for("disbursements.disbursement_list"), empty_title=_("No disbursements yet"),
        empty_text=_("They are planned when a State accepts its award."),
        row_url=lambda row: url_for("disbursements.disbursement_page", id=row.id),
        totals={"amount": amount} if total else None,
    )
    return render_template("disbursements/list.html", table=table, tabs=tabs("disbursements.disbursement_list"),
                           may_release=allows(current_actor(), "disbursement.release"),
                           may_approve=allows(current_actor(), "disbursement.approve"))


@bp.get("/disbursements/<uuid:id>")
@needs("disbursement.view_all")
def disbursement_page(id: uuid.UUID) -> View:
    """One payment: where it stands, its dates, who signed, what has happened."""
    return show(id)


# actions of the state table that have a page of their own: the instruction's, and what two people find
_ELSEWHERE = ("hand_over", "find_paid", "find_unpaid", "reopen", "pay_cash", "return_cash")
_OF_BANKS = ("confirm", "reject", "fail", "return", "reverse", "doubt", "contradict")  # no bank has cash


def answers_table(rows: list[answer_queries.AnswerRow]) -> Table | None:
    """What the bank has said of a payment."""
    if not rows:
        return None
    columns = [
        Column("day", _("Recorded"), heading=True), Column("answer", _("The bank says")), Column("reason", _("Why")),
        Column("bank_reference", _("Reference")), Column("round", _("Round"), numeric=True),
        Column("paid", _("Amount"), numeric=True, currency="USD"),
        Column("fee", _("Fee"), numeric=True, currency="USD"),
        Column("fee_bearer", _("Borne by")), Column("exchange", _("Exchange"), numeric=True, currency="USD"),
    ]
    if not any(row.fee for row in rows):
        columns = [c for c in columns if c.key not in ("fee", "fee_bearer")]
    if not any(row.exchange for row in rows):
        columns = [c for c in columns if c.key != "exchange"]
    return Table(_("The bank’s answers"), columns, rows, csv=False, query=TableQuery(per_page=len(rows)),
                 anchor="answers")


def show(disbursement_id: uuid.UUID, message: object | None = None) -> View:
    """The page of a payment; with a message, one that says why something was not done."""
    actor = current_actor()
    page = queries.disbursement_page(disbursement_id, actor)
    signed = signatures("disbursement", disbursement_id, page.row.round)
    events = history("disbursement", disbursement_id)
    findings = answer_queries.findings_of(disbursement_id)
    names = person_labels(signer_ids(signed) | people_in(events) | {f.asked_by for f in findings})
    moves = [
        m for m in DISBURSEMENT.from_state(page.row.state)
        if m.permission != SYSTEM and m.action != "approve_first" and allows(actor, m.permission)
    ]
    half = page.row.state == "certified" and any(s.step == "disbursement.approved" for s in signed)
    rounds = answer_queries.rounds_of(disbursement_id)
    cash = page.row.rail == CASH
    moves = [m for m in moves if m.action not in _ELSEWHERE and (m.action != "contradict" or rounds)
             and not (cash and m.action in _OF_BANKS)]
    if cash:
        moves = [replace(m, label=CASH_MOVES.get(m.action, m.label)) for m in moves]
    body = render_template(
        "disbursements/disbursement.html", page=page, moves=moves, message=message,
        answers=answers_table(answer_queries.answers_of(disbursement_id)),
        losses=loss_queries.losses_of(disbursement_id),
        paid_before=allows(actor, "disbursement.confirm") and bool(rounds)
        and bool(loss_queries.earlier_rounds(disbursement_id)),
        finding=next((f for f in findings if f.state == "asked"), None),
        may_ask=any(allows(actor, permission) for permission in ASK),
        may_resolve=allows(actor, "disbursement.resolve"), me=actor.person_id,
        signed=[(STEPS[s.step], signer(s, names), s.at) for s in signed],
        timeline=timeline_items(events, DISBURSEMENT, names, {**LABELS, **CASH_MOVES} if cash else LABELS,
                                state_of=lambda state: status_of(state, page.row.rail)),
        cash=cash, rail=RAIL_LABELS[page.row.rail],
        next=next_step("half_approved" if half else f"{page.row.state}_cash" if cash and page.row.state in (
            "ready", "released", "sent") else page.row.state, page.row.by, page.row.payee_state, cash),
        me_signed=any(s.person_id == actor.person_id for s in signed),
        sees_payee=allows(actor, "payee.verify"), names=names,
    )
    return (body, 422) if message else body


def back_to(disbursement_id: uuid.UUID, words: str) -> Response:
    """To the page of a payment, with what was done."""
    flash(words, "success")
    return redirect(url_for("disbursements.disbursement_page", id=disbursement_id), 303)


def _one_button(disbursement_id: uuid.UUID, run: Callable[[int], object],
                done: str | Callable[[], str]) -> View:
    form = VersionedForm()
    if not form.validate_on_submit():
        return show(disbursement_id, form.version.errors[0] if form.version.errors else _("Open the page again."))
    version = form.seen
    try:
        run(version)
    except RuleBroken as error:
        return show(disbursement_id, error.message)
    return back_to(disbursement_id, done() if callable(done) else done)


@bp.post("/disbursements/<uuid:id>/request")
@needs("disbursement.request")
def request_payment(id: uuid.UUID) -> View:
    return _one_button(id, lambda v: service.request(id, current_actor(), v),
                       _("Requested. A certifying officer is next."))


@bp.post("/disbursements/<uuid:id>/certify")
@needs("disbursement.certify")
def certify(id: uuid.UUID) -> View:
    return _one_button(id, lambda v: service.certify(id, current_actor(), v),
                       _("Certified. An approving officer is next."))


@bp.post("/disbursements/<uuid:id>/approve")
@needs("disbursement.approve")
@fresh_sign_in(_l("Approve the payment"))
def approve(id: uuid.UUID) -> View:
    taken: list[str] = []
    return _one_button(
        id, lambda v: taken.append(service.approve(id, current_actor(), v)),
        lambda: _("Approved. A second approving officer is next.") if taken == ["approve_first"]
        else _("Approved. On its date it becomes ready for release."))


@bp.post("/disbursements/<uuid:id>/plan-again")
@needs("disbursement.request")
def plan_again(id: uuid.UUID) -> View:
    return _one_button(id, lambda v: release_service.plan_again(id, current_actor(), v),
                       _("Planned again. It needs four new signatures."))


def page_with_form(
    disbursement_id: uuid.UUID, form: Any, run: Callable[[Any], object], done: str, title: object, warning: object,
    button: object, kind: str = "primary",
) -> View:
    """A page whose form does one thing to a payment."""
    page = queries.disbursement_page(disbursement_id, current_actor())
    if request.method == "GET":
        form.version.data = page.row.version
    elif form.validate_on_submit():
        try:
            run(form)
            return back_to(disbursement_id, done)
        except RuleBroken as error:
            add_error(form, error.field, error.message)
    body = render_template("disbursements/act.html", page=page, form=form, title=title, warning=warning,
                           button=button, kind=kind)
    return (body, 422) if request.method == "POST" else body


def _send_back(disbursement_id: uuid.UUID) -> View:
    return page_with_form(
        disbursement_id, SendBackForm(),
        lambda f: service.send_back(disbursement_id, current_actor(), f.seen, f.reason.data, f.text.data),
        _("Sent back. A new round of signatures begins."), _("Send the payment back"),
        _("The signatures of this round no longer count. The requesting officer begins anew."), _("Send it back"),
        "danger",
    )


@bp.route("/disbursements/<uuid:id>/refuse-certification", methods=["GET", "POST"])
@needs("disbursement.certify")
def refuse_certification(id: uuid.UUID) -> View:
    return _send_back(id)


@bp.route("/disbursements/<uuid:id>/refuse-approval", methods=["GET", "POST"])
@needs("disbursement.approve")
def refuse_approval(id: uuid.UUID) -> View:
    return _send_back(id)


@bp.route("/disbursements/<uuid:id>/refuse-release", methods=["GET", "POST"])
@needs("disbursement.release")
def refuse_release(id: uuid.UUID) -> View:
    return _send_back(id)


# --- release ----------------------------------------------------------------------------------------------------
@bp.route("/disbursements/release", methods=["GET", "POST"])
@needs("disbursement.release")
@fresh_sign_in(_l("Sign and release the payments"))
def release() -> View:
    """Everything ready and due, to choose from; what was checked leaves in one signed instruction."""
    rows = queries.ready()
    form = ReleaseForm()
    if request.method == "GET":
        wanted = request.args.get("payment", "")
        form.payments.data = [_value(row) for row in rows if str(row.id) == wanted]
    elif form.validate_on_submit():
        # a payment shown a moment ago may be stale by now: that is for the command to say, not for the list
        versions = form.versions()
        try:
            instruction = release_service.release(versions, current_actor())
        except RuleBroken as error:
            add_error(form, error.field or "payments", error.message)
        else:
            cash = any(row.rail == CASH for row in rows if row.id in versions)
            flash(_("Released. Give the list and the cash to the paymaster, then confirm it here.") if cash else
                  _("Released. Hand the instruction to the bank, then record its answer."), "success")
            return redirect(url_for("disbursements.instruction", id=instruction), 303)
    return _choose_release(form, rows, 422 if request.method == "POST" else 200)


def _choose_release(form: ReleaseForm, rows: list[queries.DisbursementRow], status: int) -> View:
    return render_template(
        "disbursements/release.html", form=form, rows=rows, rails=Counter(row.rail for row in rows), cash=CASH,
        table=release_table(rows, _("What can be released"), form.payments.data or [])), status


@bp.route("/disbursements/release/check", methods=["GET", "POST"])
@needs("disbursement.release")
def check_release() -> View:
    """One page with every chosen line, before anything is signed. Nothing is written. Whoever comes back by the address
    alone chooses anew."""
    if request.method == "GET":
        return redirect(url_for("disbursements.release"), 303)
    rows = queries.ready()
    form = ReleaseForm(everything_listed(request.form, "payments"))
    if not form.validate():
        return _choose_release(form, rows, 422)
    wanted = form.versions()
    if rail := request.form.get("all"):  # a list of cash and one of transfers leave apart
        wanted = {row.id: wanted[row.id] for row in rows if row.rail == rail and row.id in wanted}
    shown = [row for row in rows if wanted.get(row.id) == row.version]
    if len({row.rail for row in shown}) > 1:
        add_error(form, "payments", _("Cash goes into a list of its own. Choose either transfers or payments in cash."))
        return _choose_release(form, rows, 422)
    return render_template(
        "disbursements/release_check.html", table=release_table(shown, _("You release these payments")),
        chosen=[_value(row) for row in shown], left_out=len(wanted) - len(shown), count=len(shown),
        total=Money(sum(row.amount.minor for row in shown), "USD"))


def _value(row: queries.DisbursementRow) -> str:
    return f"{row.id}:{row.version}"


def release_table(rows: list[queries.DisbursementRow], caption: str, chosen: list[str] | None = None) -> Table:
    """What the bank signatory reads before signing: payee, bank, end of the account, amount, who signed when. With
    `chosen`, a box at the head of each."""
    columns = [] if chosen is None else [choose_column(
        "payments", lambda item: _value(item.row), lambda item: item.reference, chosen,
        _value(rows[0]) if rows else None)]
    columns += [
        Column("reference", _("Payment"), heading=True), Column("holder", _("Payee")), Column("bank", _("Bank")),
        Column("account", _("Account"), render=_account), Column("signed", _("Signatures"), render=_signed_lines),
        Column("amount", _("Amount"), numeric=True, currency="USD"),
    ]
    total = Money(sum(row.amount.minor for row in rows), "USD")
    return Table(
        caption, columns, queries.to_release(rows), csv=False, query=TableQuery(per_page=len(rows) or 1),
        totals={"amount": total} if rows else None,
        row_url=lambda item: url_for("disbursements.disbursement_page", id=item.row.id), anchor="to-release",
    )


def _account(item: queries.ToRelease) -> str | Markup:
    """The end of the account; and until when nothing goes there, after a change of bank data."""
    if item.frozen_until is None or item.frozen_until <= clock.now():
        return Markup('<bdi dir="ltr">{}</bdi>').format(item.account)
    return Markup('<div><bdi dir="ltr">{}</bdi><br>{}</div>').format(item.account, _("Changed: not before %(day)s",
                                                                day=format_instant(item.frozen_until, setting(
                                                                    "office_zone", clock.today()))))


def _signed_lines(item: queries.ToRelease) -> Markup:
    return Markup("<div>{}</div>").format(Markup("<br>").join(
        Markup("{}: <bdi>{}</bdi>, {}").format(SIGNED[s.step], who, office_day(s.at)) for s, who in item.signed
    ))


INSTRUCTION_COLUMNS = [
    Column("number", _l("Instruction"), heading=True),
    Column("created_at", _l("Released"), render=lambda row: instant_html(row.created_at, _zone())),
    Column("status", _l("Where it stands"), csv=lambda row: row.status.label),
    Column("lines", _l("Payments"), numeric=True),
    Column("total", _l("Total"), numeric=True, currency="USD"),
    Column("sha256", _l("SHA-256"), render=lambda row: row.sha256[:16] + "…"),
]


@bp.get("/disbursements/instructions/")
@needs("disbursement.view_all")
def instructions() -> View:
    query = TableQuery.from_args(request.args)
    rows, total = queries.list_instructions(query)
    if query.format:
        return download(query, INSTRUCTION_COLUMNS, rows, "payment-instructions")
    table = Table(
        _("Payment instructions"), INSTRUCTION_COLUMNS, rows, query=query, total=total,
        base_url=url_for("disbursements.instructions"), empty_title=_("No instructions yet"),
        empty_text=_("An instruction is made when a bank signatory releases payments."),
        row_url=lambda row: url_for("disbursements.instruction", id=row.id),
    )
    return render_template("disbursements/instructions.html", table=table, tabs=tabs("disbursements.instructions"))


@bp.get("/disbursements/instructions/<uuid:id>")
@needs("disbursement.view_all")
def instruction(id: uuid.UUID) -> View:
    """What was sent, how to prove it, who downloaded it."""
    page = queries.instruction_page(id)
    events = history("payment_instruction", id)
    handover = answer_queries.handover_of(id)
    names = person_labels([page.row.released_by, *(e.actor_id for e in events)])
    held, kept = handover is None and is_stopped(), loss_queries.kept_back(id)
    return render_template(
        "disbursements/instruction.html", page=page, held=held, kept=kept,
        taken=last_downloads([id]).get(id) if held or kept else None, table=payments_table(page),
        released_by=names.get(page.row.released_by, ""), handover=handover,
        handed_over_by=names.get(handover.by_person, "") if handover else "",
        timeline=timeline_items(events, DISBURSEMENT, names, LABELS),
        may_download=allows(current_actor(), "disbursement.release"),
    )


def payments_table(page: queries.InstructionPage) -> Table:
    """The payments in an instruction, with their total."""
    keys = ("reference", "organisation", "kind_label", "status", "amount")
    columns = [column for key in keys for column in COLUMNS if column.key == key]
    return Table(
        _("Payments in it"), [replace(column, sortable=False) for column in columns], page.payments, csv=False,
        query=TableQuery(per_page=len(page.payments) or 1), totals={"amount": page.row.total},
        row_url=lambda row: url_for("disbursements.disbursement_page", id=row.id), anchor="payments",
    )


@bp.post("/disbursements/instructions/<uuid:id>/file")
@needs("disbursement.release")
def instruction_file(id: uuid.UUID) -> Response:
    """The stored bytes, the same every time; a POST because each download is recorded."""
    try:
        name, content = release_service.download(id, current_actor())
    except RuleBroken as refusal:
        flash(str(refusal.message), "error")
        return redirect(url_for("disbursements.instruction", id=id), 303)
    response = send_file(io.BytesIO(content), mimetype="text/csv", as_attachment=True, download_name=name, etag=False)
    response.headers["Cache-Control"] = "private, no-store"
    return response


from sponsorship.disbursements import answer_routes  # noqa: E402, F401  # its pages belong to this blueprint
