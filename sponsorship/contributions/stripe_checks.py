"""Stripe's totals against the books, and invoices against what was paid. Nothing here asks Stripe: the movements of its
balance are on record, and these are compared."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import BigInteger, case, cast, func, select

from core import clock
from core.db import db
from core.verify import check
from sponsorship.contributions.invoice_models import DonorInvoice
from sponsorship.contributions.models import Contribution
from sponsorship.gateways.money_models import MovementEntry, MovementTotal, StripeMovement
from sponsorship.ledger.chart import account_id
from sponsorship.ledger.models import Account, Entry, Leg

SEEN_WITHIN = timedelta(days=1)  # a tolerance of time, not of money: so long may the list at Stripe be behind the books
LOOKED_WITHIN = timedelta(hours=2)
MADE_WITHIN = timedelta(days=2)
_CLEARING = account_id("stripe_clearing")


def _whole(cents: Any) -> Any:
    """A sum of cents, zero of none: PostgreSQL adds integers up to a decimal number."""
    return cast(func.coalesce(func.sum(cents), 0), BigInteger)


_NET = _whole(case((Leg.side == "D", Leg.usd_minor), else_=-Leg.usd_minor))


def _tied() -> Any:
    """By how much the entries that answer to a movement moved Stripe's account in the books."""
    return (
        select(_NET).join(MovementEntry, MovementEntry.entry_id == Leg.entry_id)
        .where(MovementEntry.movement_id == StripeMovement.id, Leg.account_id == _CLEARING).scalar_subquery()
    )


def _untied() -> Any:
    """Legs on Stripe's account that no movement answers to yet."""
    return (
        select(Entry.id, Entry.key, _NET.label("net")).join(Leg, Leg.entry_id == Entry.id)
        .where(Leg.account_id == _CLEARING,
               ~select(MovementEntry.entry_id).where(MovementEntry.entry_id == Entry.id).exists())
        .group_by(Entry.id, Entry.key)
    )


@check("contributions.stripe-movements")
def every_movement_is_in_the_books() -> tuple[int, list[str]]:
    """Every movement of Stripe's balance is in the books to the cent, was booked, or is explained; none is overlooked;
    every entry on Stripe's account answers to one within a day."""
    settled = db.session.execute(
        select(StripeMovement.txn_id, StripeMovement.net_minor, _tied(), _cancelled())
        .where(StripeMovement.state.in_(("matched", "booked"))))
    faults = [f"movement {txn} and its entries differ by {net - tied} cents"
              for txn, net, tied, cancelled in settled if net != tied and not cancelled]
    real = clock.real_now()
    faults += [f"movement {txn} ({note}) waits for a person" for txn, note in db.session.execute(
        select(StripeMovement.txn_id, StripeMovement.note).where(StripeMovement.state == "unmatched"))]
    faults += [f"movement {txn} was not looked for in the books" for txn in db.session.scalars(
        select(StripeMovement.txn_id).where(
            StripeMovement.state == "new", StripeMovement.checked_at.is_(None),
            StripeMovement.recorded_at < real - LOOKED_WITHIN))]
    faults += [f"entry {row.id} is on Stripe's account and not in Stripe's list" for row in db.session.execute(
        _untied().where(Entry.recorded_at < real - SEEN_WITHIN))]
    return db.session.scalar(select(func.count()).select_from(StripeMovement)) or 0, faults


def _cancelled() -> Any:
    """Whether a movement and the others of the same thing add up to nothing, with no entry for any: taken and given
    back before the books had anything to say."""
    other = StripeMovement.__table__.alias("other")
    total = select(func.sum(other.c.net_minor)).where(other.c.source_id == StripeMovement.source_id).scalar_subquery()
    entries = (
        select(func.count()).select_from(MovementEntry).join(other, other.c.id == MovementEntry.movement_id)
        .where(other.c.source_id == StripeMovement.source_id).scalar_subquery()
    )
    return (total == 0) & (entries == 0)


@dataclass(frozen=True)
class Totals:
    """Stripe against the books, US cents. `at_stripe` is what its movements add up to, `in_books` its account there;
    between them lie `not_booked` (movements not in the books yet, or for a person), `explained` (left out on purpose)
    and `not_listed` (in the books, not in Stripe's list yet)."""

    at_stripe: int
    in_books: int
    not_booked: int
    explained: int
    not_listed: int

    @property
    def difference(self) -> int:
        """What nobody has named: zero, always."""
        return self.at_stripe - self.not_booked - self.explained + self.not_listed - self.in_books


def totals() -> Totals:
    """Both sides and what stands between them, from the totals kept. What nobody has tied to a movement is what the
    account holds beyond what is tied."""
    sums = {row.state: row for row in db.session.execute(
        select(MovementTotal.state, _whole(MovementTotal.net_minor).label("net"),
               _whole(MovementTotal.net_minor - MovementTotal.tied_minor).label("apart"))
        .where(MovementTotal.currency == "USD").group_by(MovementTotal.state))}
    tied = db.session.scalar(select(_whole(MovementTotal.tied_minor))) or 0
    account = db.session.execute(
        select(Account.debits_posted, Account.credits_posted).where(Account.id == _CLEARING)).one_or_none()
    in_books = account.debits_posted - account.credits_posted if account is not None else 0
    return Totals(
        at_stripe=sum(row.net for row in sums.values()),
        in_books=in_books,
        not_booked=sum(sums[state].apart for state in ("new", "unmatched") if state in sums),
        explained=sums["explained"].apart if "explained" in sums else 0,
        not_listed=in_books - tied,
    )


@check("contributions.stripe-kept-totals")
def totals_are_those_of_the_movements() -> tuple[int, list[str]]:
    """The totals kept are those of the movements and of the entries tied to them."""
    each = select(StripeMovement.state, StripeMovement.category, StripeMovement.currency, StripeMovement.net_minor,
                  _tied().label("tied")).subquery()
    keys = (each.c.state, each.c.category, each.c.currency)
    found = {tuple(row[:3]): tuple(map(int, row[3:])) for row in db.session.execute(
        select(*keys, func.count(), _whole(each.c.net_minor), _whole(each.c.tied)).group_by(*keys))}
    kept = {tuple(row[:3]): tuple(row[3:]) for row in db.session.execute(select(
        MovementTotal.state, MovementTotal.category, MovementTotal.currency, MovementTotal.movements,
        MovementTotal.net_minor, MovementTotal.tied_minor))}
    none = (0, 0, 0)
    return len(kept), [
        f"the total of {' '.join(key)} is kept as {kept.get(key, none)}, and its movements come to "
        f"{found.get(key, none)}"
        for key in sorted(kept.keys() | found.keys()) if kept.get(key, none) != found.get(key, none)]


@check("contributions.stripe-totals")
def stripe_agrees_with_the_books() -> tuple[int, list[str]]:
    """What Stripe's movements add up to is its account in the books, but for what is named: under way, waiting for a
    person, or explained."""
    found = totals()
    if not found.difference:
        return 1, []
    return 1, [f"Stripe's movements and the books differ by {found.difference} cents that nobody has named"]


@check("contributions.invoices")
def invoices_agree() -> tuple[int, list[str]]:
    """An invoice is paid exactly where its contribution has money; one that is out is waited for; none is left half
    made or half closed for two days (real time)."""
    rows = db.session.execute(
        select(DonorInvoice.id, DonorInvoice.state, DonorInvoice.asked_at, Contribution.state,
               Contribution.received_at)
        .join(Contribution, Contribution.id == DonorInvoice.contribution_id)
    ).all()
    faults = []
    for key, state, asked_at, waits, received_at in rows:
        if (state == "paid") != (received_at is not None) or (state == "open" and waits != "invoiced"):
            faults.append(f"invoice {key} ({state}) and its contribution ({waits}) do not agree")
        if state in ("ordered", "closing") and asked_at < clock.real_now() - MADE_WITHIN:
            faults.append(f"invoice {key} is left {state}")
    return len(rows), faults
