"""Any order of accepting, refusing, refunding, disputing, promising and covering leaves states, pledges, papers and
books agreeing: `verify` is asked after every step."""

from __future__ import annotations

import os
import uuid
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from core import clock
from core.actor import system
from core.db import PlacardSession, db
from core.errors import RuleBroken
from core.money import Money
from sponsorship.contributions import refunds, service
from sponsorship.contributions.back_models import Refund
from sponsorship.contributions.going_back import gone_minor, left_of
from sponsorship.contributions.pools import general_pool_id
from sponsorship.contributions.receipts import papers_say
from sponsorship.ledger import service as ledger
from tests.support.going_back import Gifts, faults, only, rates

EXAMPLES = int(os.environ.get("SOAK_EXAMPLES", "10"))
TESTS = system("tests")
GIFTS: list[Gifts] = []


class Backs(RuleBasedStateMachine):
    """One card payment, then whatever may happen to it and around it."""

    def __init__(self) -> None:
        super().__init__()
        db.session.commit()
        self.before = PlacardSession.held_connection.begin_nested()  # each run starts from the same books
        self.gifts: Gifts = GIFTS[0]
        self.row: Any = None
        self.refunds: list[uuid.UUID] = []
        self.outside: list[tuple[str, int, int]] = []
        self.disputes: dict[str, dict[str, Any]] = {}

    def teardown(self) -> None:
        db.session.rollback()
        self.before.rollback()
        db.session.expire_all()

    def refresh(self) -> None:
        db.session.commit()
        self.row = self.gifts.row(self.row.id)

    @precondition(lambda self: self.row is None)
    @rule(currency=st.sampled_from(["USD", "EUR", "JPY"]), minor=st.integers(700, 60_000),
          fee=st.integers(0, 20), off=st.integers(-9, 9), spare=st.integers(0, 5_000))
    def pays(self, currency: str, minor: int, fee: int, off: int, spare: int) -> None:
        """A payment, and perhaps other money without an earmark."""
        if spare:
            ledger.receive(general_pool_id(), ledger.Intake(spare), source=("other", uuid.uuid4()),
                           key=uuid.uuid4().hex, actor=TESTS)
        if currency == "JPY":
            minor *= 3
        amount = Money(minor, currency)
        worth = {"USD": minor, "EUR": minor * 100 // 92, "JPY": minor * 100 // 150}[currency]
        came = worth if currency == "USD" else worth + off
        self.row = self.gifts.card(self.gifts.pledge(amount), amount, fee, came - fee)

    # --- decisions ----------------------------------------------------------------------------------------------
    @precondition(lambda self: self.row is not None and self.row.state == "in_suspense")
    @rule(accept=st.booleans())
    def decides(self, accept: bool) -> None:
        self.gifts.check(self.row)
        try:
            if accept:
                service.accept(self.row.id, self.gifts.head, "Checked.")
            else:
                self.refunds.append(service.refuse(self.row.id, self.gifts.manager, "purpose", ""))
        except RuleBroken as refusal:
            assert refusal.code in ("contribution.disputed", "contribution.only_fee_left", "refund.disputed",
                                    "refund.nothing_left")
        self.refresh()

    @precondition(lambda self: self.row is not None and self.row.state == "accepted")
    @rule(part=st.integers(1, 100))
    def asks(self, part: int) -> None:
        left = left_of(self.row).amount.minor
        try:
            self.refunds.append(self.gifts.ask(self.row, max(left * part // 100, 1)))
        except RuleBroken as refusal:
            assert refusal.code in ("refund.under_way", "refund.disputed", "refund.not_free", "refund.amount",
                                    "refund.too_small"), refusal.code
        self.refresh()

    def _in(self, *states: str) -> list[uuid.UUID]:
        return [key for key in self.refunds if only(Refund, id=key).state in states]

    @precondition(lambda self: self._in("requested"))
    @rule(approve=st.booleans())
    def decides_a_refund(self, approve: bool) -> None:
        refund = only(Refund, id=self._in("requested")[0])
        try:
            if approve:
                self.gifts.approve(refund.id)
            else:
                refunds.decline_refund(refund.id, self.gifts.head, "No.", refund.version)
        except RuleBroken as refusal:
            assert refusal.code in ("refund.not_free", "refund.gone_meanwhile", "refund.disputed"), refusal.code
        self.refresh()

    @precondition(lambda self: self._in("created", "pending", "succeeded"))
    @rule(data=st.data(), status=st.sampled_from(["pending", "succeeded", "failed"]), off=st.integers(-5, 5))
    def stripe_says(self, data: Any, status: str, off: int) -> None:
        key = data.draw(st.sampled_from(self._in("created", "pending", "succeeded")))
        refund = only(Refund, id=key)
        cost = refund.settled_minor or max(refund.usd_minor + (off if refund.currency != "USD" else 0), 1)
        came = max(cost + (off if refund.currency != "USD" else 0), 1)
        if status == "succeeded":
            reality = gone_minor(self.row) + refund.amount_minor <= self.row.paid_minor
            if refund.state != "succeeded" and not reality:
                status = "failed"  # Stripe never sends back more than was paid
        for _ in range(2):  # told twice
            assert not self.gifts.news(key, status, cost, came if status == "failed" else None).problem
        self.refresh()

    @precondition(lambda self: self.row is not None and self.row.state == "refund_due" and not self._in(
        "created", "pending"))
    @rule()
    def sends_again(self) -> None:
        try:
            self.refunds.append(service.send_again(self.row.id, self.gifts.manager))
        except RuleBroken as refusal:
            assert refusal.code in ("refund.disputed", "refund.nothing_left")
        self.refresh()

    # --- reality ------------------------------------------------------------------------------------------------
    @precondition(lambda self: self.row is not None and self.row.received_at is not None)
    @rule(part=st.integers(1, 100), off=st.integers(-3, 3), pending=st.booleans())
    def somebody_refunds_at_stripe(self, part: int, off: int, pending: bool) -> None:
        taken = sum(only(Refund, id=key).amount_minor for key in self._in("pending", "succeeded"))
        taken += sum(minor for _name, minor, _cost in self.outside)
        left = self.row.paid_minor - taken
        if left <= 0 or self.disputes:
            return
        minor = max(left * part // 100, 1)
        worth = self.row.came_minor * minor // self.row.paid_minor
        cost = max(worth + (off if self.row.paid_currency != "USD" else 0), 1)
        cost = minor if self.row.paid_currency == "USD" else cost
        name = f"re_out_{uuid.uuid4().hex}"
        if pending:
            self.gifts.elsewhere(self.row, minor, cost, "pending", name)
        for _ in range(2):
            assert not self.gifts.elsewhere(self.row, minor, cost, "succeeded", name)[1].problem
        self.outside.append((name, minor, cost))
        self.refresh()

    @precondition(lambda self: self.outside)
    @rule(off=st.integers(-3, 3))
    def that_refund_fails_later(self, off: int) -> None:
        name, _minor, cost = self.outside.pop()
        refund = only(Refund, stripe_refund_id=name)
        back = cost if refund.currency == "USD" else max(cost + off, 1)
        assert not self.gifts.news(refund.id, "failed", cost, back).problem
        self.refresh()

    @precondition(lambda self: self.row is not None and self.row.received_at is not None and not self.disputes)
    @rule(part=st.integers(1, 100), off=st.integers(-3, 3), inquiry=st.booleans())
    def the_bank_disputes(self, part: int, off: int, inquiry: bool) -> None:
        minor = max(self.row.paid_minor * part // 100, 1)
        worth = max(self.row.came_minor * minor // self.row.paid_minor, 1)
        taken = minor if self.row.paid_currency == "USD" else max(worth + off, 1)
        name = f"du_{uuid.uuid4().hex}"
        facts = {"taken_minor": taken, "fee_minor": 15}
        self.disputes[name] = {"minor": minor, **facts, "open": True}
        if inquiry:
            self.gifts.dispute(self.row, minor, "warning_needs_response", name, taken_minor=0, fee_minor=0)
        self.gifts.dispute(self.row, minor, "needs_response", name, **facts)
        self.refresh()

    @precondition(lambda self: any(d["open"] for d in self.disputes.values()))
    @rule(won=st.booleans(), late=st.booleans(), off=st.integers(-3, 3), fee=st.booleans())
    def the_dispute_is_decided(self, won: bool, late: bool, off: int, fee: bool) -> None:
        name, d = next((n, d) for n, d in self.disputes.items() if d["open"])
        d["open"] = False
        facts: dict[str, Any] = {"taken_minor": d["taken_minor"], "fee_minor": d["fee_minor"]}
        if won and late:  # closed is told before the money is there again
            self.gifts.dispute(self.row, d["minor"], "won", name, **facts)
            self.refresh()
        if won:
            back = d["taken_minor"] if self.row.paid_currency == "USD" else max(d["taken_minor"] + off, 1)
            facts |= {"reinstated_minor": back, "fee_returned_minor": 15 if fee else 0}
        for _ in range(2):
            self.gifts.dispute(self.row, d["minor"], "won" if won else "lost", name, **facts)
        self.refresh()

    # --- around it ----------------------------------------------------------------------------------------------
    @precondition(lambda self: self.row is not None and self.row.pool_id is not None)
    @rule(direct=st.integers(1, 20_000))
    def money_is_promised(self, direct: int) -> None:
        try:
            ledger.reserve(("award", uuid.uuid4()), [self.row.pool_id], direct, key=uuid.uuid4().hex, actor=TESTS)
        except ledger.NotEnoughMoney:
            pass

    @precondition(lambda self: self.row is not None)
    @rule()
    def shortfall_is_covered(self) -> None:
        try:
            ledger.cover_shortfall(general_pool_id(), key=uuid.uuid4().hex, actor=TESTS)
        except ledger.NotEnoughMoney:
            pass

    # --- what must always be true -------------------------------------------------------------------------------
    @invariant()
    def everything_agrees(self) -> None:
        assert faults() == []
        if self.row is None:
            return
        amount, dollars = papers_say(self.row.id)
        assert amount >= 0 and dollars >= 0
        assert 0 <= self.row.back_minor <= self.row.came_minor
        if self.row.state == "refunded":
            assert self.row.back_minor == self.row.came_minor


def test_whatever_goes_back_and_comes_again(app: Any, make: Any) -> None:
    ledger.open_pool("general", "Unearmarked money")
    GIFTS[:] = [Gifts(make)]
    rates(clock.today() - timedelta(days=1))
    run_state_machine_as_test(
        Backs, settings=settings(max_examples=EXAMPLES, stateful_step_count=18, deadline=None,
                                 suppress_health_check=list(HealthCheck), database=None))

