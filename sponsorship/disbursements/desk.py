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
from sponsorship.disbursements import queries
from sponsorship.disbursements.settings import setting


def _source(states: tuple[str, ...], what: object, *, payee_known: bool = False) -> Callable[[Actor], list[DeskItem]]:
    def items(actor: Actor) -> list[DeskItem]:
        return [
            DeskItem(_("%(kind)s, %(state)s", kind=row.kind_label, state=row.organisation),
                     url_for("disbursements.disbursement_page", id=row.id), row.act_by, what, row.reference,
                     "attention" if row.overdue else "waiting")
            for row in queries.in_states(states)
            if not payee_known or (row.payee_state == "verified" and row.act_by is not None)
        ]

    return items


to_request = _source(("draft",), _l("Request the payment"), payee_known=True)
to_plan_again = _source(("failed",), _l("Plan the failed payment again"))
to_certify = _source(("requested",), _l("Certify the payment"))
to_approve = _source(("certified",), _l("Approve the payment"))
to_release = _source(("ready",), _l("Release the payment"))
to_confirm = _source(("released",), _l("Record the bank's answer"))


def payees_to_enter(actor: Actor) -> list[DeskItem]:
    return [
        DeskItem(_("Bank data for award %(award)s", award=row.award), url_for("payees.payee_page", id=row.id),
                 row.first_due, _("Give the bank data of the person who travels"), row.award, "attention")
        for row in queries.payees_wanted(actor)
    ]


def payees_to_verify(actor: Actor) -> list[DeskItem]:
    return [
        DeskItem(_("Bank data for award %(award)s", award=row.award), url_for("payees.payee_page", id=row.id),
                 row.first_due, _("Verify the bank data against its proof"), row.award)
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
        "payee_id": payee[0], "payee_status": payee[1],
        "sees_payee": allows(actor, "payee.verify") or allows(actor, "payee.enter"),
    }, _bank_data_asked(award_id, actor))


def _bank_data_asked(award_id: uuid.UUID, actor: Actor) -> Asked | None:
    """While the bank data is wanted, giving it is the next step of whoever may."""
    return next((
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
        ("payee.enter", payees_to_enter), ("payee.verify", payees_to_verify),
    ):
        register_source(permission, source)
    register_award_panel(award_panel)
