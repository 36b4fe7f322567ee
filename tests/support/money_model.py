"""Donors' side of the books beside the books: pledges, payments, what went back of them, and the papers about them.

Every figure is worked out anew from the list of payments and of what happened to each.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from core.money import Money, currency_digits
from sponsorship.gateways.stripe_facts import DisputeFacts, RefundFacts
from tests.support.money_books import Books
from tests.support.money_flows import Bearing, Came, Flow

FAILED = ("failed", "canceled")
COUNTS = ("requested", "created", "pending", "succeeded")


@dataclass(frozen=True)
class Terms:
    """An agreement: pool, support costs, last day."""

    id: uuid.UUID
    pool: uuid.UUID
    rate_bp: int
    start: date
    end: date | None

    def holds(self, day: date) -> bool:
        return self.start <= day and (self.end is None or day <= self.end)


class Brief:
    """Shown in one line when an example is printed."""

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        printer.text(repr(self))


@dataclass(eq=False, repr=False)
class Pledge(Brief):
    """`closed` is empty while a payment is expected, else paid, disputed, returned or ended."""

    id: uuid.UUID
    donor: Any
    currency: str
    amount: int
    current: int
    pool: uuid.UUID | None = None
    terms: Terms | None = None
    token: str | None = None
    actor: Any = None
    closed: str = ""
    payments: list[Payment] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"pledge of {self.amount} {self.currency}, {self.closed or 'open'}"

    @property
    def paid(self) -> int:
        return sum(p.settles for p in self.payments if p.state != "corrected")

    @property
    def returned(self) -> int:
        return sum(p.settles * p.gone // p.paid.minor for p in self.payments)

    @property
    def all_back(self) -> str:
        """What a pledge is of which everything went back: for good, or until banks have decided."""
        final = sum(p.settles * p.final // p.paid.minor for p in self.payments)
        return "returned" if final == self.returned else "disputed"

    @property
    def outstanding(self) -> int:
        return max(self.current - self.paid, 0)

    def settled(self) -> None:
        """Nothing is owed any more; and perhaps nothing of it was kept."""
        self.closed = "paid"
        if self.paid and self.returned >= self.paid:
            self.closed = self.all_back


@dataclass(eq=False, repr=False)
class Refund(Brief):
    id: uuid.UUID
    payment: Payment
    kind: str
    amount: int
    usd: int
    state: str
    asked_by: Any = None
    made: list[Bearing] = field(default_factory=list)
    stripe_id: str | None = None

    def __repr__(self) -> str:
        return f"{self.kind} of {self.amount}, {self.state}"


@dataclass(eq=False, repr=False)
class Dispute:
    payment: Payment
    amount: int
    taken: int = 0
    made: Bearing | None = None
    fee: Bearing | None = None
    fee_minor: int = 0
    gone: bool = False
    status: str = ""

    @property
    def decided(self) -> bool:
        return self.status in ("lost", "warning_closed")


@dataclass(eq=False, repr=False)
class Payment(Brief):
    """`settles` of the pledge, in its currency."""

    id: uuid.UUID
    pledge: Pledge
    paid: Money
    settles: int
    came: Came
    state: str = "in_suspense"
    accepted: bool = False
    refused: bool = False
    intent: str | None = None
    refunds: list[Refund] = field(default_factory=list)
    disputes: list[Dispute] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"payment of {self.paid}, {self.state}"

    @property
    def gone(self) -> int:
        """Minor units that are with the donor again, however often they went there."""
        return self._gone(self.disputes)

    @property
    def final(self) -> int:
        """Of that, what no bank has still to decide on."""
        return self._gone([d for d in self.disputes if d.decided])

    def _gone(self, disputes: list[Dispute]) -> int:
        if self.state == "corrected":
            return 0
        back = sum(r.amount for r in self.refunds if r.state == "succeeded")
        return min(back + sum(d.amount for d in disputes if d.gone), self.paid.minor)

    @property
    def papers(self) -> int:
        """What receipts less credit notes must say: what the fund has of it for good."""
        if not self.accepted or self.state == "corrected":
            return 0
        return self.paid.minor - self.final

    @property
    def disputed(self) -> bool:
        """A dispute is not decided."""
        return any(d.status in ("needs_response", "under_review", "warning_under_review")
                   or (d.status == "won" and d.gone) for d in self.disputes)

    def left(self, but: Refund | None = None) -> tuple[int, int]:
        """(minor units, US cents) neither gone nor on their way."""
        refunds = [r for r in self.refunds if r.state in COUNTS and r is not but]
        disputes = [d for d in self.disputes if d.gone]
        usd = max(self.came.all - sum(r.usd for r in refunds) - sum(d.taken for d in disputes), 0)
        return (max(self.paid.minor - sum(x.amount for x in [*refunds, *disputes]), 0),
                usd if self.accepted else self.came.waits)

    def share(self, amount: int, but: Refund | None = None) -> int:
        """US cents of so much of what is left."""
        left, worth = self.left(but)
        return worth if amount >= left else worth * amount // left

    def under_way(self, *, ours: bool = True) -> bool:
        return any(r.state in COUNTS[:3] and not (ours and r.kind == "external") for r in self.refunds)


class Model:
    """`rates` has (first day, currency, units for one dollar as text), oldest first."""

    def __init__(self, general: uuid.UUID, rates: list[tuple[date, str, str]]) -> None:
        self.books = Books(general)
        self.general, self.rates = general, rates
        self.pledges: list[Pledge] = []
        self.payments: list[Payment] = []
        self.disputes: dict[str, Dispute] = {}
        self.not_booked: dict[str, int] = {}  # what rates took from refunds that failed before they were booked

    def worth(self, amount: Money, day: date) -> int:
        """US cents at the newest rate of the day, rounded half up."""
        if amount.currency == "USD":
            return amount.minor
        per_dollar = [rate for first, currency, rate in self.rates if currency == amount.currency and first <= day][-1]
        cents = Fraction(amount.minor * 100, 10 ** currency_digits(amount.currency)) / Fraction(per_dollar)
        return int(cents + Fraction(1, 2))

    # --- money comes ----------------------------------------------------------------------------------------------
    def received(self, pledge: Pledge, row: uuid.UUID, paid: Money, settles: int, fee: int, net: int, clearing: str,
                 at: datetime, day: date, intent: str | None = None) -> Payment:
        """`day` is the one whose rate values it."""
        gross = self.worth(paid, day)
        came = Came(pledge.donor, gross, fee + net - gross, fee, clearing, at)
        payment = Payment(row, pledge, paid, settles, came, intent=intent)
        expected = not pledge.closed and settles <= pledge.outstanding
        if pledge.terms is not None and expected and pledge.terms.holds(day):
            self.books.into_pool(came, pledge.terms.pool, pledge.terms.rate_bp, pledge.terms.end)
            payment.state, payment.accepted = "accepted", True
        else:
            self.books.into_suspense(came)
        pledge.payments.append(payment)
        self.payments.append(payment)
        if pledge.closed != "ended":
            pledge.closed = "paid" if pledge.paid >= pledge.current else ""
        return payment

    def accept(self, payment: Payment) -> None:
        pledge = payment.pledge
        terms = (pledge.terms.rate_bp, pledge.terms.end) if pledge.terms else (1300, None)
        self.books.accept(payment.came, pledge.pool or self.general, *terms)
        payment.state, payment.accepted = "accepted", True

    def follow(self, payment: Payment, at: datetime) -> None:
        """Something went or came back: where the payment and its pledge stand now."""
        if payment.state == "corrected":
            return
        whole = payment.paid.minor
        payment.state = ("refunded" if payment.final >= whole else "disputed" if payment.gone >= whole else "accepted"
                         if payment.accepted else "refund_due" if payment.refused else "in_suspense")
        if payment.state in ("refunded", "disputed") and not payment.under_way(ours=False):
            self.books.keep_rest(payment.came, at)
        pledge = payment.pledge
        all_back = pledge.paid and pledge.paid >= pledge.current and pledge.returned >= pledge.paid
        if pledge.closed in ("", "paid", "disputed", "returned") and all_back:
            pledge.closed = pledge.all_back
        elif pledge.closed in ("disputed", "returned") and pledge.returned < pledge.paid:
            pledge.closed = "paid"

    # --- money goes back ------------------------------------------------------------------------------------------
    def order(self, payment: Payment, refund_id: uuid.UUID, kind: str, amount: int, asked_by: Any = None) -> Refund:
        refund = Refund(refund_id, payment, kind, amount, payment.share(amount), "requested", asked_by)
        payment.refunds.append(refund)
        return refund

    def hold(self, refund: Refund) -> None:
        """Raises Short."""
        refund.made = self.books.hold(refund.payment.came, refund.usd)
        refund.state = "created"

    def correct(self, refund: Refund) -> None:
        payment = refund.payment
        self.books.correct(payment.came)
        refund.state, payment.state = "succeeded", "corrected"
        pledge = payment.pledge
        if pledge.closed in ("", "paid"):
            pledge.closed = ""
            if pledge.paid >= pledge.current:
                pledge.settled()

    def paid_back(self, refund: Refund, cost: int, at: datetime) -> None:
        payment = refund.payment
        if refund.kind == "external":
            refund.made, refund.usd = [self.books.take(payment.came, cost)], cost
        else:
            self.books.pay(payment.came, refund.usd, cost, at)
        refund.state = "succeeded"
        self.follow(payment, at)

    def failed(self, refund: Refund, cost: int, returned: int, at: datetime) -> None:
        payment, was = refund.payment, refund.state
        refund.state = "failed"
        if was != "succeeded":
            self.not_booked[refund.stripe_id or ""] = returned - cost
        if refund.kind != "external":
            if was == "succeeded":
                self.books.comes_back(payment.came, refund.usd, returned, at)
            self.books.give_up(payment.came, refund.made)
        elif was == "succeeded":
            self.books.give_back(payment.came, refund.made[0], cost, returned, at)
        self.follow(payment, at)

    def hears_refund(self, facts: RefundFacts, at: datetime) -> bool:
        """What Stripe says of a refund; False where the payment is not known yet."""
        refund = next((r for p in self.payments for r in p.refunds
                       if r.stripe_id == facts.refund_id or f"refund-{r.id}" == facts.metadata.get("placard_refund")),
                      None)
        assert facts.settled is not None
        returned = facts.returned.minor if facts.returned else 0
        if refund is None:
            payment = next((p for p in self.payments if p.intent == facts.payment_intent_id), None)
            if payment is None:
                return False
            if facts.status in FAILED:
                self.not_booked[facts.refund_id] = returned - facts.settled.minor
                return True
            refund = self.order(payment, uuid.UUID(int=0), "external", facts.amount.minor)
            refund.state, refund.usd = "pending", max(refund.usd, 1)
        refund.stripe_id = facts.refund_id
        if facts.status == "succeeded" and refund.state in ("created", "pending"):
            self.paid_back(refund, facts.settled.minor, at)
        elif facts.status in FAILED and refund.state in ("created", "pending", "succeeded"):
            self.failed(refund, facts.settled.minor, returned, at)
        elif facts.status == "pending" and refund.state == "created":
            refund.state = "pending"
        return True

    def hears_dispute(self, facts: DisputeFacts, at: datetime) -> bool:
        """What Stripe says of a dispute; False where the payment is not known yet."""
        payment = next((p for p in self.payments if p.intent == facts.payment_intent_id), None)
        if payment is None:
            return False
        dispute = self.disputes.get(facts.dispute_id)
        if dispute is None:
            dispute = self.disputes[facts.dispute_id] = Dispute(payment, facts.amount.minor)
            payment.disputes.append(dispute)
        if facts.taken_minor and not dispute.taken:
            dispute.made, dispute.taken, dispute.gone = (
                self.books.take(payment.came, facts.taken_minor), facts.taken_minor, True)
            if facts.fee_minor:
                dispute.fee, dispute.fee_minor = self.books.charge(facts.fee_minor, "stripe"), facts.fee_minor
        if facts.reinstated_minor and dispute.gone:
            assert dispute.made is not None
            dispute.gone = False
            self.books.give_back(payment.came, dispute.made, dispute.taken, facts.reinstated_minor, at)
            if facts.fee_returned_minor and dispute.fee is not None:
                self.books.unbear(dispute.fee)
                self.books.flow(Flow("stripe", dispute.fee_minor))
        dispute.status = facts.status
        self.follow(payment, at)
        return True
