"""Money that has come, however it came: recorded once, into its pool under an agreement, else into suspense until it is
accepted by name.

Locks, always in this order: the inbox event (by its caller), pledge, contribution, refund, then ledger accounts.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext as _
from sqlalchemy import select

from accounts.permissions import require
from core import clock
from core.actor import Actor, system
from core.db import command, db, lock
from core.errors import NotFound, RuleBroken, Stale
from core.money import Money
from sponsorship.contributions import notices
from sponsorship.contributions.agreements import in_force
from sponsorship.contributions.donor_checks import check_before_acceptance, is_clear, needs_check
from sponsorship.contributions.going_back import SUBJECT, gone_minor, refund_under_way, undecided_dispute
from sponsorship.contributions.models import Agreement, Contribution, Pledge
from sponsorship.contributions.pools import general_pool_id
from sponsorship.contributions.receipts import papers_follow
from sponsorship.contributions.schedules import is_open, settle
from sponsorship.contributions.transitions import CONTRIBUTION
from sponsorship.contributions.valuation import value_of
from sponsorship.ledger import service as ledger
from sponsorship.ledger.queries import waiting_minor


@dataclass(frozen=True)
class Came:
    """A payment as it arrived. `paid` is what the donor paid; `fee_minor` and `net_minor` are US cents as the provider
    or the bank booked them on `clearing`; `settles_minor` is how much of the pledge it settles, in its currency. `key`
    is the payment's own name (unique for good); `day` the day whose rate values it (UTC)."""

    paid: Money
    fee_minor: int
    net_minor: int
    settles_minor: int
    key: str
    day: date
    clearing: str = "stripe_clearing"


def locked(contribution_id: uuid.UUID) -> tuple[Pledge, Contribution]:
    """The pledge and its contribution, locked in the order everyone keeps. Raises NotFound."""
    pledge_id = db.session.scalar(select(Contribution.pledge_id).where(Contribution.id == contribution_id))
    if pledge_id is None:
        raise NotFound()
    return lock(Pledge, pledge_id), lock(Contribution, contribution_id)


def record_money(
    pledge: Pledge, row: Contribution, came: Came, actor: Actor, *, moves: tuple[str, str] = ("receive", "hold"),
) -> bool:
    """Record a payment on a locked contribution that has none yet; whether it went into its pool at once.

    `moves` are the state moves into a pool and into suspense. Raises RateMissing when its currency has no rate for its
    day: then nothing is written, and the payment is recorded once the rate is there.
    """
    worth = value_of(came.paid, came.day)
    original = worth.original
    intake = ledger.Intake(
        worth.usd_minor, came.fee_minor, came.fee_minor + came.net_minor - worth.usd_minor, came.clearing, original)
    agreement = db.session.get_one(Agreement, pledge.agreement_id) if pledge.agreement_id else None
    into_pool = accepted_by_rule(pledge, agreement, came.settles_minor, came.day)
    with db.session.no_autoflush:  # constraints tie these columns to the state: all change in one statement
        row.paid_minor, row.paid_currency, row.settles_minor = came.paid.minor, came.paid.currency, came.settles_minor
        row.gross_minor, row.exchange_minor = intake.gross_minor, intake.exchange_minor
        row.fee_minor, row.net_minor, row.received_at = came.fee_minor, came.net_minor, clock.now()
        if original is not None:
            row.rate, row.rate_source, row.rate_date = original.rate, original.source, original.day
        if into_pool and agreement is not None:
            row.pool_id, row.accepted_at = agreement.pool_id, row.received_at
        CONTRIBUTION.apply(row, moves[0] if into_pool else moves[1], actor, data={
            "paid_minor": came.paid.minor, "currency": came.paid.currency, "gross_minor": row.gross_minor,
            "fee_minor": row.fee_minor, "exchange_minor": row.exchange_minor, "payment": came.key})
    if into_pool and agreement is not None:
        ledger.receive(
            agreement.pool_id, intake, source=(SUBJECT, row.id), key=f"{came.key}:payment", actor=actor,
            rate_bp=agreement.support_rate_bp, end_date=agreement.end_date,
        )
    else:
        ledger.receive_in_suspense(intake, source=(SUBJECT, row.id), key=f"{came.key}:payment", actor=actor)
    settle(pledge, came.settles_minor, _as_system(actor), {"contribution": str(row.id)})
    if into_pool:
        papers_follow(pledge, row, came.paid.minor, actor, (SUBJECT, row.id))
    else:
        notices.payment_waits(pledge, row, unchecked=needs_check(pledge) and not is_clear(pledge))
    return into_pool


def accepted_by_rule(pledge: Pledge, agreement: Agreement | None, settles_minor: int, day: date) -> bool:
    """Whether a payment of `day` that settles so much of the pledge (its currency) goes into its pool at once. What is
    more than was pledged, or comes after the agreement ended, is nobody's to accept by rule; and only a State's letters
    take the place of a check and an acceptance by name (domain.md (g))."""
    expected = is_open(pledge) and settles_minor <= pledge.outstanding_minor
    return agreement is not None and expected and in_force(agreement, day) and not needs_check(pledge)


def _as_system(actor: Actor) -> Actor:
    """A pledge follows its payments by itself, whoever recorded them."""
    return actor if actor.kind == "system" else system("payments")


@command
def accept(contribution_id: uuid.UUID, actor: Actor, words: str, expected_version: int | None = None) -> None:
    """The head of the fund accepts a contribution held in suspense, saying why: what is left of it enters the pool of
    the pledge's purpose. A donor other than a State must have been checked, by somebody else. Where its agreement has
    ended, it enters without an end date, by which it could never be spent.

    Raises NotAllowed, NotFound, IllegalMove, Stale, RuleBroken.
    """
    require(actor, "contribution.accept")
    pledge, row = locked(contribution_id)
    if not words.strip():
        raise RuleBroken(_("Write why it is accepted, for the record."), code="contribution.no_reason",
                         field="checked")
    if expected_version is not None and row.version != expected_version:
        raise Stale()
    CONTRIBUTION.move(row.state, "accept")
    check_before_acceptance(pledge, actor)
    _acceptable(row)
    pool_id = pledge.pool_id or general_pool_id()
    agreement = db.session.get_one(Agreement, pledge.agreement_id) if pledge.agreement_id else None
    ended = agreement is not None and agreement.has_ended(clock.today())
    with db.session.no_autoflush:
        row.pool_id, row.accepted_at, row.accepted_by = pool_id, clock.now(), actor.person_id
        CONTRIBUTION.apply(row, "accept", actor, text=words, data={"pool": str(pool_id)})
    ledger.accept_from_suspense(
        pool_id, source=(SUBJECT, row.id), key=f"contribution:{row.id}:acceptance", actor=actor,
        rate_bp=agreement.support_rate_bp if agreement else ledger.STANDARD_RATE_BP,
        end_date=agreement.end_date if agreement and not ended else None,
    )
    assert row.paid_minor is not None
    papers_follow(pledge, row, row.paid_minor - gone_minor(row), actor, (SUBJECT, row.id))


def _acceptable(row: Contribution) -> None:
    """Raises RuleBroken where accepting would be too early, or would bring nothing."""
    if refund_under_way(row.id):
        raise RuleBroken(_("Somebody has asked that this deposit be taken out of the books. Accept it once that is "
                           "decided."), code="contribution.refund_under_way", field="checked")
    if undecided_dispute(row.id) is not None:
        raise RuleBroken(_("The donor’s bank disputes this payment. Accept what is left of it once that is decided."),
                         code="contribution.disputed", field="checked")
    if waiting_minor((SUBJECT, row.id)) <= (row.fee_minor or 0):
        raise RuleBroken(_("So much of it has gone back that the rest does not cover the fee: pay the rest back too."),
                         code="contribution.only_fee_left", field="checked")
