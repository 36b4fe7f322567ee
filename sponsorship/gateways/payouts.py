"""Payouts: Stripe sends the fund's money to its bank account. Posted the moment Stripe's balance is charged, put back
when the bank sends it back, compared with the movements it contains, and confirmed from the bank's statement."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import func, or_, select

from accounts.permissions import people_with, require
from core import clock, events
from core.actor import Actor, system
from core.db import command, db, lock, new_id, reading
from core.errors import RuleBroken
from core.money import usd
from core.outbox import send_mail
from core.web.formats import format_money
from core.web.links import absolute
from sponsorship.gateways import movements
from sponsorship.gateways.money_models import StripeMovement, StripePayout
from sponsorship.gateways.stripe_calls import GatewayError
from sponsorship.gateways.stripe_gateway import StripeGateway
from sponsorship.gateways.stripe_money_facts import MovementFacts, PayoutFacts
from sponsorship.gateways.transitions import PAYOUT
from sponsorship.ledger import service as ledger
from sponsorship.ledger.bank_references import check_readable, check_unused, kept_as

PAYOUTS = system("stripe-payouts")
ASK_AFTER = timedelta(minutes=30)
_MOVES = {"in_transit": "depart", "paid": "arrive", "failed": "fail", "canceled": "cancel"}


@dataclass(frozen=True)
class PayoutNews:
    """`problem` is the code of what a person must look at (then nothing was written); `waiting` when Stripe has not
    finished with it."""

    problem: str = ""
    waiting: bool = False


@command
def settle_payout(facts: PayoutFacts, actor: Actor, livemode: bool) -> PayoutNews:
    """Apply what Stripe says of a payout; safe to repeat, in any order."""
    if facts.livemode != livemode:
        return PayoutNews("other_mode")
    if facts.amount.currency != "USD":
        return PayoutNews("payout_in_other_currency")
    known = db.session.scalar(select(StripePayout.id).where(StripePayout.payout_id == facts.payout_id))
    row = lock(StripePayout, known) if known else _begun(facts, actor)
    if row.amount_minor != facts.amount.minor:
        return PayoutNews("payout_differs")
    row.checked_at, row.arrives_on, row.txn_id = clock.real_now(), facts.arrives_on, facts.txn_id
    row.trace = facts.trace or row.trace
    action = _MOVES.get(facts.status)
    if action is None or not PAYOUT.find(row.state, action):
        return PayoutNews()
    if action in ("fail", "cancel"):
        if not facts.returned:  # the bank has said no, the money is not back in the balance yet
            return PayoutNews(waiting=True)
        _came_back(row, facts, action, actor)
        return PayoutNews()
    PAYOUT.apply(row, action, actor, data={"payout": facts.payout_id})
    return PayoutNews()


def _begun(facts: PayoutFacts, actor: Actor) -> StripePayout:
    entry_id = ledger.record_payout(facts.amount.minor, key=f"payout:{facts.payout_id}", actor=actor)
    row = StripePayout(
        id=new_id(), payout_id=facts.payout_id, amount_minor=facts.amount.minor, automatic=facts.automatic,
        created_at=facts.created_at, arrives_on=facts.arrives_on, entry_id=entry_id,
    )
    db.session.add(row)
    db.session.flush()  # the event names the row
    events.record(actor, "gateways.payout.begin", "stripe_payout", row.id, to_state=row.state,
                  data={"payout": facts.payout_id, "amount_minor": row.amount_minor})
    return row


def _came_back(row: StripePayout, facts: PayoutFacts, action: str, actor: Actor) -> None:
    key = f"payout:{facts.payout_id}:back"
    with db.session.no_autoflush:  # a constraint ties the entry to the state: both change in one statement
        if row.amount_minor > 0:
            row.back_entry_id = ledger.payout_came_back(row.entry_id, row.amount_minor, key=key, actor=actor)
        else:
            row.back_entry_id = ledger.record_payout(-row.amount_minor, key=key, actor=actor)
        row.failure_code = (facts.failure_code or "")[:60] or None
        PAYOUT.apply(row, action, actor, reason=row.failure_code, data={"payout": facts.payout_id})
    if action == "fail":
        _tell(row)


def _tell(row: StripePayout) -> None:
    """Officers learn that the bank sent a payout back."""
    for contact in people_with("contribution.reconcile"):
        with force_locale(contact.locale):
            send_mail(
                contact.email, kind="payout.failed", dedupe_key=f"payout:{row.id.hex}:failed:{contact.person_id.hex}",
                subject=_("A payout of %(amount)s came back", amount=format_money(usd(row.amount_minor))),
                body=_("The fund’s bank did not take a payout from Stripe. The money is at Stripe again and goes with "
                       "the next payout, once the account there is in order. Look at Stripe’s notice first.")
                + "\n\n" + absolute("contributions.payout", payout_id=row.id) + "\n",
            )


@command
def contains(payout_id: str, rows: list[MovementFacts], actor: Actor) -> int | None:
    """Keep what Stripe says a payout contains, once; the difference to its amount in US cents, None when this was known
    already. Raises NotFound."""
    row = _locked(payout_id)
    if row.reconciled_at is not None:
        return None
    movements.keep(rows)
    own = {row.txn_id}
    inside = [facts for facts in rows if facts.txn_id not in own and facts.source_id != payout_id]
    for facts in rows:
        found = db.session.scalars(select(StripeMovement).where(StripeMovement.txn_id == facts.txn_id)).one()
        found.payout_id = row.id
    with db.session.no_autoflush:
        row.contained_minor = sum(facts.net.minor for facts in inside if facts.net.currency == "USD")
        row.contained_count, row.reconciled_at = len(inside), clock.real_now()
    difference = row.contained_minor - row.amount_minor
    events.record(actor, "gateways.payout.reconcile", "stripe_payout", row.id,
                  data={"movements": row.contained_count, "contained_minor": row.contained_minor,
                        "difference_minor": difference})
    return difference


def _locked(payout_id: str) -> StripePayout:
    known = db.session.scalar(select(StripePayout.id).where(StripePayout.payout_id == payout_id))
    return lock(StripePayout, known or uuid.UUID(int=0))


@command
def confirm_arrival(
    payout_row_id: uuid.UUID, bank_reference: str, value_date: date, amount_minor: int, actor: Actor,
    expected_version: int | None = None,
) -> None:
    """An officer finds a payout on the bank's statement: its reference, its value date, its amount in US cents.

    What a file of the bank says will be confirmed by this same command. Raises NotAllowed, NotFound, IllegalMove,
    Stale, RuleBroken.
    """
    require(actor, "contribution.deposit")
    row = lock(StripePayout, payout_row_id, expected_version)
    PAYOUT.move(row.state, "confirm")
    reference = " ".join(bank_reference.split())
    if not reference:
        raise RuleBroken(_("Write the reference that stands on the bank’s statement."), code="payout.no_reference",
                         field="bank_reference")
    if len(reference) > 80:
        raise RuleBroken(_("Write a reference of at most 80 letters."), code="payout.long_reference",
                         field="bank_reference")
    taken = db.session.scalar(select(func.count()).select_from(StripePayout).where(
        StripePayout.bank_reference == reference, StripePayout.id != row.id))
    if taken:
        raise RuleBroken(_("Another payout was confirmed under this reference. Check the statement."),
                         code="payout.reference_used", field="bank_reference")
    check_readable(reference)
    check_unused(reference, but="payouts")
    if amount_minor != row.amount_minor:
        raise RuleBroken(
            _("Stripe paid out %(amount)s. Where the statement says something else, ask the bank, and do not confirm "
              "it yet.", amount=format_money(usd(row.amount_minor))), code="payout.amount", field="amount")
    if not row.created_at.date() - timedelta(days=1) <= value_date <= clock.real_now().date() + timedelta(days=1):
        raise RuleBroken(_("The value date lies between the day of the payout and today."), code="payout.value_date",
                         field="value_date")
    with db.session.no_autoflush:
        row.bank_reference, row.value_date = reference, value_date
        row.confirmed_by, row.confirmed_at = actor.person_id, clock.now()
        PAYOUT.apply(row, "confirm", actor, data={"amount_minor": amount_minor})


def _look(reference: str) -> str | None:
    return db.session.scalar(select(StripePayout.payout_id).where(func.upper(StripePayout.bank_reference) == reference))


kept_as("payouts", _look)


# --- conversations with Stripe ----------------------------------------------------------------------------------
def ask(gateway: StripeGateway, payout_id: str) -> str:
    """Ask Stripe about a payout and what it contains, and apply the answer; a word. Raises GatewayError."""
    news = settle_payout(gateway.fetch_payout(payout_id), PAYOUTS, gateway.livemode)
    return news.problem or look_inside(gateway, payout_id)


def look_inside(gateway: StripeGateway, payout_id: str) -> str:
    """What an automatic payout contains, once Stripe can tell; a word. Raises GatewayError."""
    with reading():
        found = db.session.execute(
            select(StripePayout.automatic, StripePayout.reconciled_at).where(StripePayout.payout_id == payout_id)
        ).one_or_none()
        db.session.rollback()
    if found is None or not found.automatic or found.reconciled_at is not None:
        return "known"
    try:
        rows = gateway.list_contained(payout_id)
    except GatewayError as error:
        if error.refused:  # not told yet
            return "waits"
        raise
    difference = contains(payout_id, rows, PAYOUTS)
    return "agrees" if not difference else f"differs by {difference}"


def due(now: datetime, limit: int) -> list[tuple[uuid.UUID, datetime, str]]:
    """Payouts on their way, and those whose contents are not known, not asked about for half an hour. Real time."""
    before = clock.real_at(now) - ASK_AFTER
    rows = db.session.execute(
        select(StripePayout.id, StripePayout.created_at, StripePayout.checked_at, StripePayout.payout_id)
        .where(
            or_(StripePayout.state.in_(("pending", "in_transit")),
                StripePayout.automatic & StripePayout.reconciled_at.is_(None)),
            StripePayout.checked_at.is_(None) | (StripePayout.checked_at <= before))
        .order_by(StripePayout.created_at, StripePayout.id).limit(limit)
    )
    return sorted(((row.id, row.checked_at + ASK_AFTER if row.checked_at else row.created_at, row.payout_id)
                   for row in rows), key=lambda found: found[1])


def perform(gateway: StripeGateway, payout_row_id: uuid.UUID) -> str:
    """Ask about one of them. Raises GatewayError."""
    with reading():
        payout_id = db.session.scalar(select(StripePayout.payout_id).where(StripePayout.id == payout_row_id))
        db.session.rollback()
    return ask(gateway, payout_id) if payout_id else "gone"
