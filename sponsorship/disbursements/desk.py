"""What waits on people's desks for payments, and what a payment adds to the page of its award."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from accounts.desk import DeskItem, register_source
from accounts.permissions import allows
from core import clock
from core.actor import Actor
from core.web.formats import instant_html
from core.web.tables import Column, Table, TableQuery
from sponsorship.awards.panels import Asked, Panel, register_award_panel
from sponsorship.disbursements import (
    answer_queries,
    cash_queries,
    kept_queries,
    loss_queries,
    queries,
    sanctions_queries,
)
from sponsorship.disbursements.cash_models import CASH
from sponsorship.disbursements.settings import setting
from sponsorship.disbursements.transitions import BACK


def _source(states: tuple[str, ...], what: object, *, payee_known: bool = False,
            signs: bool = False, transfers: bool = False) -> Callable[[Actor], list[DeskItem]]:
    def items(actor: Actor) -> list[DeskItem]:
        return [
            DeskItem(_("%(kind)s, %(state)s", kind=row.kind_label, state=row.organisation),
                     url_for("disbursements.disbursement_page", id=row.id), row.act_by, what, row.reference,
                     "attention" if row.overdue else "waiting")
            for row in queries.in_states(states, unsigned_by=actor.person_id if signs else None)
            if not (transfers and row.rail == CASH)
            and (not payee_known or (row.payee_state == "verified" and row.act_by is not None))
        ]

    return items


to_request = _source(("draft",), _l("Request the payment"), payee_known=True)
to_plan_again = _source(BACK, _l("Plan the failed payment again"))
to_certify = _source(("requested",), _l("Certify the payment"), signs=True)
to_approve = _source(("certified",), _l("Approve the payment"), signs=True)
to_release = _source(("ready",), _l("Release the payment"), signs=True)
to_confirm = _source(("sent",), _l("Record the bank’s answer"), transfers=True)
to_find_out = _source(("unknown",), _l("Find out whether it was paid"))


def to_hand_over(actor: Actor) -> list[DeskItem]:
    return [
        DeskItem(_("Instruction %(number)s", number=number), url_for("disbursements.instruction", id=row_id), at,
                 _("Count the cash with the paymaster, then confirm that it was received") if rail == CASH
                 else _("Hand the file to the bank, then confirm that it has it"), number, "attention")
        for row_id, number, at, rail in answer_queries.to_hand_over()
    ]


def to_pay_in_cash(_actor: Actor) -> list[DeskItem]:
    """What a paymaster has in hand."""
    return [DeskItem(_("Receipt %(number)s, %(state)s", number=row.receipt, state=row.organisation),
                     url_for("paymaster.hand_out", id=row.id), row.released_at or clock.now(),
                     _("Hand the cash over, or record that it was not paid"), row.reference, "attention")
            for row in cash_queries.to_pay(50)]


def to_count_again(actor: Actor) -> list[DeskItem]:
    """What another has counted."""
    return [DeskItem(_("Receipt %(number)s", number=row.receipt), url_for("paymaster.agree", id=row.id), row.counted_at,
                     _("Count the money again and agree"), row.reference, "attention")
            for row in cash_queries.counts(("counted",)) if row.counted_by_id != actor.person_id]


def to_agree(actor: Actor) -> list[DeskItem]:
    return [
        DeskItem(_("Payment %(reference)s: %(what)s", reference=reference, what=found.outcome_label),
                 url_for("disbursements.disbursement_page", id=found.disbursement_id), by,
                 _("Agree, or refuse, what another person found"), reference, "attention")
        for found, reference, by in answer_queries.findings_open() if found.asked_by != actor.person_id
    ]


def files_to_agree(actor: Actor) -> list[DeskItem]:
    """Files kept back of which another says that nothing was paid."""
    return [DeskItem(_("Instruction %(number)s: none of it was paid", number=number),
                     url_for("disbursements.agree_file_unpaid", id=row_id), since, _("Agree, or refuse"), number,
                     "attention")
            for row_id, number, since, _payments in kept_queries.to_decide(actor)]


def losses_to_agree(actor: Actor) -> list[DeskItem]:
    """Money that another says was paid before, or is gone."""
    return [
        DeskItem(_("Payment %(reference)s: %(what)s", reference=row.payment, what=row.kind_label),
                 url_for("losses.loss_page", id=row.id), row.asked_at, _("Agree, or refuse"), row.reference,
                 "attention")
        for row in loss_queries.open_losses() if row.asked_by != actor.person_id
    ]


def matches_to_look_at(actor: Actor) -> list[DeskItem]:
    """For two kinds of finance officers only; never names anybody."""
    return [
        DeskItem(_("Possible match, award %(award)s", award=row.award), url_for("sanctions.match", id=row.id),
                 row.found_at, _("Agree to clear it, or object") if row.state == "proposed" else
                 _("Compare the payee with the person on the list"), row.award, "attention")
        for row in sanctions_queries.matches_open() if row.proposed_by != actor.person_id
    ]


def list_to_import(_actor: Actor) -> list[DeskItem]:
    """While there is no list, or the one in use is old."""
    found = sanctions_queries.standing()
    if not found.old:
        return []
    return [DeskItem(_("Consolidated List of the Security Council"), url_for("sanctions.lists"), clock.now(),
                     _("Import the present list: the one in use is old") if found.published_on else
                     _("Import the list: nothing can be certified without it"), "", "attention")]


def _payee_title(row: queries.PayeeRow) -> str:
    return _("Identity for award %(award)s", award=row.award) if row.rail == CASH else _(
        "Bank data for award %(award)s", award=row.award)


def payees_to_enter(actor: Actor) -> list[DeskItem]:
    return [
        DeskItem(_payee_title(row), url_for("payees.payee_page", id=row.id), row.first_due,
                 _("Give the identity of the person who travels") if row.rail == CASH else
                 _("Give the bank data of the person who travels"), row.award, "attention")
        for row in queries.payees_wanted(actor)
    ]


def payees_to_verify(actor: Actor) -> list[DeskItem]:
    return [
        DeskItem(_payee_title(row), url_for("payees.payee_page", id=row.id), row.first_due,
                 _("Verify the identity against the passport") if row.rail == CASH else
                 _("Verify the bank data against its proof"), row.award)
        for row in queries.payees_to_verify()
    ]


def _payments(award_id: uuid.UUID) -> Table:
    zone = setting("office_zone", clock.today())
    rows = queries.of_award(award_id)
    columns = [
        Column("reference", _("Payment"), heading=True), Column("kind_label", _("For")),
        Column("due_at", _("Release from"), render=lambda row: instant_html(row.due_at, zone, time=False)),
        Column("status", _("Where it stands")), Column("amount", _("Amount"), numeric=True, currency="USD"),
    ]
    return Table(_("Disbursements"), columns, rows, csv=False, query=TableQuery(per_page=len(rows) or 1),
                 row_url=lambda row: url_for("disbursements.disbursement_page", id=row.id), anchor="payments")


def award_panel(award_id: uuid.UUID, actor: Actor) -> Panel | None:
    """Payments and bank data on the page of an award: officers see both, the State its bank data only."""
    payee = queries.payee_of_award(award_id)
    if payee is None:
        return None
    officer = allows(actor, "disbursement.view_all")
    return Panel("disbursements/_award_panel.html", {
        "award_id": award_id, "table": _payments(award_id) if officer else None, "officer": officer,
        "payee_id": payee[0], "payee_status": payee[1], "cash": payee[2],
        "sees_payee": allows(actor, "payee.verify") or allows(actor, "payee.enter"),
    }, _bank_data_asked(award_id, actor))


def _bank_data_asked(award_id: uuid.UUID, actor: Actor) -> Asked | None:
    """While bank data or identity is wanted, giving it is the next step of whoever may."""
    return next((
        Asked(_("The identity of the person who travels is given, with a copy of the paper."), _("Your mission"),
              row.by, _("Give the identity"), url_for("payees.identify", id=row.id)) if row.rail == CASH else
        Asked(_("The bank data of the person who travels is given, with a proof."), _("Your mission"), row.by,
              _("Give the bank data"), url_for("payees.edit", id=row.id))
        for row in queries.payees_wanted(actor, award_id)
    ), None)


def register() -> None:
    """Called once by app.py."""
    for permission, source in (
        ("disbursement.request", to_request), ("disbursement.request", to_plan_again),
        ("disbursement.certify", to_certify), ("disbursement.approve", to_approve),
        ("disbursement.release", to_release), ("disbursement.confirm", to_confirm),
        ("disbursement.confirm", to_find_out), ("disbursement.release", to_hand_over),
        ("disbursement.resolve", to_agree), ("disbursement.resolve", files_to_agree),
        ("disbursement.resolve", losses_to_agree),
        ("paymaster.pay", to_pay_in_cash), ("paymaster.pay", to_count_again),
        ("payee.enter", payees_to_enter), ("payee.verify", payees_to_verify), ("sanctions.review", matches_to_look_at),
        ("sanctions.import", list_to_import),
    ):
        register_source(permission, source)
    register_award_panel(award_panel)
