"""The ticket of a late claim. When the claim was closed, a ticket that had not been paid was cancelled; whoever bought
one all the same asks for it with the late claim, against its receipt and within what the award holds for it. Once the
claim is settled it is a payment of its own, by the chain of four. Reads, never writes."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import gettext as _
from sqlalchemy import select

from core.db import db
from core.errors import RuleBroken
from core.money import usd
from core.web.formats import format_money
from sponsorship.awards.models import Award
from sponsorship.awards.queries import lines_of
from sponsorship.disbursements.claim_models import Claim
from sponsorship.disbursements.late_models import LateClaim
from sponsorship.disbursements.loss_books import settled_by_losses
from sponsorship.disbursements.models import Disbursement


def open_of(award: Award, rows: Sequence[Disbursement]) -> int:
    """US cents that a ticket bought by the delegate may cost the award: its line of the obligation, where no payment of
    it stands, has left or was made by an earlier release; else 0."""
    tickets = [row for row in rows if row.kind == "ticket"]
    if any(row.state != "cancelled" for row in tickets) or settled_by_losses([row.id for row in tickets]):
        return 0
    return lines_of(award.id).get("ticket", 0)


def check(award: Award, rows: Sequence[Disbursement], ticket_minor: int) -> None:
    """Raises RuleBroken (`late.ticket_paid`, `late.ticket`) where the award does not bear it."""
    most = open_of(award, rows)
    if not most:
        raise RuleBroken(_("The ticket of this journey was paid, is being paid, or is not part of the award."),
                         code="late.ticket_paid", field="ticket")
    if not 0 < ticket_minor <= most:
        raise RuleBroken(_("The award holds %(most)s for the ticket. Write what it cost, up to that.",
                           most=format_money(usd(most))), code="late.ticket", field="ticket")


def to_pay(claim: Claim, award: Award, rows: Sequence[Disbursement]) -> int:
    """US cents of the ticket that settling this claim plans as a payment: what the latest late claim that two allowed
    asks for, once, and only if somebody travelled."""
    asked = db.session.scalar(
        select(LateClaim.ticket_minor).where(LateClaim.claim_id == claim.id, LateClaim.state == "agreed")
        .order_by(LateClaim.agreed_at.desc(), LateClaim.id.desc()).limit(1))
    if asked is None or claim.attendance == "none":
        return 0
    return min(asked, open_of(award, rows))
