"""What waits for whom about contributions that came, and about money that goes back."""

from __future__ import annotations

from flask import url_for
from flask_babel import gettext as _

from accounts.desk import DeskItem, register_source
from core.actor import Actor
from core.web.formats import format_money
from sponsorship.contributions import back_queries, figures, fund_settings, shortfall_queries
from sponsorship.contributions.back_queries import BackRow
from sponsorship.contributions.contribution_steps import ACCEPT_WITHIN
from sponsorship.contributions.donor_checks import standing_of
from sponsorship.contributions.queries import ContributionRow


def _waiting(standing: str) -> list[ContributionRow]:
    """Contributions in suspense whose donors stand so: unchecked, clear or not_clear; the oldest first."""
    rows = figures.waiting_for_acceptance()
    found = standing_of(row.pledge_id for row in rows)
    return [row for row in rows if found[row.pledge_id] == standing]


def _item(row: ContributionRow, what: str, endpoint: str = "contribution", tone: str = "waiting") -> DeskItem:
    return DeskItem(
        title=_("%(amount)s from %(donor)s", amount=format_money(row.paid or row.amount), donor=row.donor),
        url=url_for(f"contributions.{endpoint}", contribution_id=row.id),
        due=row.received_at + ACCEPT_WITHIN if row.received_at else None, what=what, reference=row.reference, tone=tone)


def checks(_actor: Actor) -> list[DeskItem]:
    """Donors to be checked before their contributions can be accepted."""
    return [_item(row, _("Check the donor"), "check_form") for row in _waiting("unchecked")]


def acceptance(_actor: Actor) -> list[DeskItem]:
    """Contributions that the head of the fund is to accept or send back: nothing else stands in the way."""
    return [_item(row, _("Accept it, or pay it back")) for row in _waiting("clear")]


def not_clear(_actor: Actor) -> list[DeskItem]:
    """Contributions whose donor was not found clear."""
    return [_item(row, _("The donor is not clear: pay it back"), tone="attention") for row in _waiting("not_clear")]


def approvals(actor: Actor) -> list[DeskItem]:
    """Refunds and corrections that somebody else asked for."""
    return [_back(row, _("Approve it, or not")) for row in back_queries.refunds_in("requested")
            if row.requested_by != actor.person_id]


def _back(row: BackRow, what: str) -> DeskItem:
    title = _("Correction of %(amount)s", amount=format_money(row.amount)) if row.kind == "correction" else _(
        "Refund of %(amount)s to %(donor)s", amount=format_money(row.amount), donor=row.donor)
    return DeskItem(title=title, url=url_for("contributions.refund", refund_id=row.id), due=None, what=what,
                    reference=row.reference)


def transfers(_actor: Actor) -> list[DeskItem]:
    """Transfers to be found on the bank's statement."""
    return [
        DeskItem(title=_("%(amount)s from %(donor)s is announced", amount=format_money(row.amount), donor=row.donor),
                 url=url_for("contributions.contribution", contribution_id=row.id), due=row.look_until,
                 what=_("Find it on the bank’s statement"), reference=row.reference)
        for row in back_queries.list_transfers(50)
    ]


def to_send(actor: Actor) -> list[DeskItem]:
    """Refunds that the bank is to send, and whose reference is then recorded."""
    return [_back(row, _("Have the bank send it; record its reference")) for row in back_queries.refunds_in("created")
            if row.by_bank and actor.person_id not in (row.requested_by, row.approved_by)]


def disputes(_actor: Actor) -> list[DeskItem]:
    """Disputes and inquiries that wait for an answer."""
    return [
        DeskItem(title=_("%(amount)s from %(donor)s is disputed", amount=format_money(row.amount), donor=row.donor),
                 url=url_for("contributions.dispute", dispute_id=row.id), due=row.respond_by,
                 what=_("Answer the donor’s bank at Stripe"), reference=row.reference, tone="attention")
        for row in back_queries.disputes_to_answer()
    ]


def stopped(_actor: Actor) -> list[DeskItem]:
    """Pools that lack money and for which nobody has asked yet."""
    return [_stopped(row, _("Ask that it be covered")) for row in shortfall_queries.stopped_pools() if not row.asked]


def to_cover(actor: Actor) -> list[DeskItem]:
    """Pools whose shortfall somebody else asks to be covered."""
    return [_stopped(row, _("Approve that it is covered, or not")) for row in shortfall_queries.stopped_pools()
            if row.asked and row.asked_by != actor.person_id]


def _stopped(row: shortfall_queries.StoppedRow, what: str) -> DeskItem:
    return DeskItem(
        title=_("%(pool)s lacks %(amount)s: payments are stopped", pool=row.name, amount=format_money(row.lacking)),
        url=url_for("contributions.shortfall", pool_id=row.pool_id), due=None, what=what, tone="attention")


def bank_details(actor: Actor) -> list[DeskItem]:
    """Other bank details that somebody else asks for."""
    asked = fund_settings.asked_details()
    if asked is None or asked.by == actor.person_id:
        return []
    return [DeskItem(title=_("Other bank details of the fund"), url=url_for("contributions.fund_settings"), due=None,
                     what=_("Approve them, or not"), tone="attention")]


def register() -> None:
    """Called once by app.py."""
    register_source("contribution.check", checks)
    register_source("contribution.accept", acceptance)
    register_source("contribution.refund", not_clear)
    register_source("contribution.refund.approve", approvals)
    register_source("contribution.deposit", transfers)
    register_source("contribution.deposit", to_send)
    register_source("contribution.refund", disputes)
    register_source("shortfall.cover", stopped)
    register_source("shortfall.approve", to_cover)
    register_source("contribution.settings.approve", bank_details)
