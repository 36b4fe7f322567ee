"""Any order of receiving, reserving, releasing, paying, confirming and returning leaves the books right.

The model beside the ledger is slow and simple: it recomputes every figure from the list of what happened.
"""

import itertools
import os
import uuid
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from core import clock
from core.actor import system
from core.db import db
from core.errors import RuleBroken
from core.verify import CHECKS
from sponsorship.ledger import checks as _checks  # noqa: F401 - registers them
from sponsorship.ledger.queries import headroom, lot_uses, lots_of, pool_figures
from sponsorship.ledger.service import (
    NotEnoughMoney,
    PoolStopped,
    ReservationTooSmall,
    accept_from_suspense,
    confirm_spend,
    cover_shortfall,
    open_pool,
    receive,
    receive_in_suspense,
    refund_from_suspense,
    release,
    reserve,
    return_spend,
    spend,
)

TESTS = system("tests")
EXAMPLES = int(os.environ.get("SOAK_EXAMPLES", "20"))  # `make soak` asks for more
START = datetime(2026, 1, 1, tzinfo=UTC)
_names = itertools.count(1)


class Books(RuleBasedStateMachine):
    """Two pools of their own for each run; the model keeps lists of plain dictionaries."""

    def __init__(self):
        super().__init__()
        n = next(_names)
        self.pools = [open_pool(f"narrow-{n}", "Narrow", {"facts": ["ldc"]}), open_pool(f"wide-{n}", "Wide")]
        self.now = START
        self.lots, self.reservations, self.spends, self.held = [], [], [], []
        self.bank_fees, self.shortfall = 0, dict.fromkeys(self.pools, 0)

    def key(self):
        return uuid.uuid4().hex

    # --- the model ----------------------------------------------------------------------------------------------
    def support(self, direct, lot):
        return direct * lot["rate"] // 10_000

    def used(self, lot):
        """(reserved and left, spent) of a lot, support costs included."""
        left = spent = 0
        for reservation in self.reservations:
            for line in reservation["lines"]:
                if line["lot"] is lot:
                    cap = line["direct"] - line["released"]
                    s = line["spent"] + self.support(line["spent"], lot)
                    spent += s
                    left += cap + self.support(cap, lot) - s
        return left, spent

    def free(self, lot):
        return lot["amount"] - lot["charged"] - sum(self.used(lot))

    def carried(self, lot):
        if lot["end"] is not None and lot["end"] < self.now.date():
            return 0
        low, high = 0, self.free(lot)
        while low < high:
            middle = (low + high + 1) // 2
            if middle + self.support(middle, lot) <= self.free(lot):
                low = middle
            else:
                high = middle - 1
        return low

    def in_order(self, pool):
        mine = [lot for lot in self.lots if lot["pool"] == pool]
        return sorted(mine, key=lambda lot: (lot["end"] is None, lot["end"] or date.min, lot["at"], lot["id"]))

    def charge(self, pool, amount):
        for lot in self.in_order(pool):
            part = min(amount, self.free(lot))
            lot["charged"] += part
            amount -= part
        return amount

    # --- what may happen ----------------------------------------------------------------------------------------
    @rule(days=st.integers(0, 40))
    def time_passes(self, days):
        self.now += timedelta(days=days, seconds=1)

    @rule(which=st.integers(0, 1), gross=st.integers(1, 5_000), fee=st.integers(0, 100),
          rate=st.sampled_from([0, 700, 1300, 1333, 10_000]), lasts=st.one_of(st.none(), st.integers(0, 60)))
    def money_arrives(self, which, gross, fee, rate, lasts):
        fee = min(fee, gross - 1)
        end = None if lasts is None else self.now.date() + timedelta(days=lasts)
        given = ("contribution", uuid.uuid4())
        with clock.moved_to(self.now):
            lot = receive(self.pools[which], gross, fee_minor=fee, source=given, key=self.key(), actor=TESTS,
                          rate_bp=rate, end_date=end)
        self.lots.append({"id": lot, "pool": self.pools[which], "gross": gross, "fee": fee, "amount": gross - fee,
                          "rate": rate, "end": end, "at": self.now, "source": given[1], "charged": 0})

    @rule(gross=st.integers(1, 5_000), fee=st.integers(0, 100))
    def money_waits(self, gross, fee):
        given = ("contribution", uuid.uuid4())
        with clock.moved_to(self.now):
            receive_in_suspense(gross, fee_minor=min(fee, gross - 1), source=given, key=self.key(), actor=TESTS)
        self.held.append({"source": given, "gross": gross, "fee": min(fee, gross - 1), "at": self.now})

    @precondition(lambda self: self.held)
    @rule(data=st.data(), accept=st.booleans(), which=st.integers(0, 1))
    def somebody_decides(self, data, accept, which):
        held = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        if not accept:
            refund_from_suspense(source=held["source"], key=self.key(), actor=TESTS)
            return
        with clock.moved_to(self.now):
            lot = accept_from_suspense(self.pools[which], source=held["source"], key=self.key(), actor=TESTS)
        self.lots.append({"id": lot, "pool": self.pools[which], "gross": held["gross"], "fee": held["fee"],
                          "amount": held["gross"] - held["fee"], "rate": 1300, "end": None, "at": held["at"],
                          "source": held["source"][1], "charged": 0})

    @rule(amount=st.integers(1, 6_000), order=st.permutations([0, 1]), both=st.booleans())
    def money_is_promised(self, amount, order, both):
        pools = [self.pools[n] for n in (order if both else order[:1])]
        can = sum(self.carried(lot) for pool in pools for lot in self.in_order(pool))
        about = ("award", uuid.uuid4())
        with clock.moved_to(self.now):
            assert headroom(pools) == can
            try:
                made = reserve(about, pools, amount, key=self.key(), actor=TESTS)
            except NotEnoughMoney as refusal:
                assert refusal.short_minor == amount - can
                return
        assert amount <= can
        lines, left = [], amount
        for pool in pools:
            for lot in self.in_order(pool):
                part = min(left, self.carried(lot))
                if part:
                    lines.append({"lot": lot, "direct": part, "spent": 0, "released": 0})
                    left -= part
        assert not left
        self.reservations.append({"id": made, "lines": lines})

    @precondition(lambda self: self.reservations)
    @rule(data=st.data(), amount=st.integers(1, 3_000))
    def a_payment_leaves(self, data, amount):
        reservation = data.draw(st.sampled_from(self.reservations))
        parts, left = [], amount
        for line in reservation["lines"]:
            part = min(left, line["direct"] - line["spent"] - line["released"])
            if part:
                parts.append((line, part))
                left -= part
        try:
            made = spend(reservation["id"], amount, key=self.key(), actor=TESTS)
        except ReservationTooSmall:
            assert left
            return
        except PoolStopped:
            assert any(self.shortfall[line["lot"]["pool"]] for line, _ in parts)
            return
        assert not left
        for line, part in parts:
            line["spent"] += part
        self.spends.append({"id": made, "parts": parts, "state": "sent", "pool": parts[0][0]["lot"]["pool"]})

    @precondition(lambda self: any(s["state"] == "sent" for s in self.spends))
    @rule(data=st.data(), fee=st.sampled_from([0, 0, 1, 25, 400]))
    def the_bank_confirms(self, data, fee):
        payment = data.draw(st.sampled_from([s for s in self.spends if s["state"] == "sent"]))
        confirm_spend(payment["id"], key=self.key(), actor=TESTS, bank_fee_minor=fee)
        payment["state"] = "confirmed"
        missing = self.charge(payment["pool"], fee)
        self.shortfall[payment["pool"]] += missing

    @precondition(lambda self: any(s["state"] != "returned" for s in self.spends))
    @rule(data=st.data())
    def a_payment_returns(self, data):
        payment = data.draw(st.sampled_from([s for s in self.spends if s["state"] != "returned"]))
        return_spend(payment["id"], key=self.key(), actor=TESTS)
        payment["state"] = "returned"
        for line, part in payment["parts"]:
            line["spent"] -= part

    @precondition(lambda self: self.reservations)
    @rule(data=st.data())
    def a_promise_ends(self, data):
        reservation = data.draw(st.sampled_from(self.reservations))
        release(reservation["id"], key=self.key(), actor=TESTS)
        for line in reservation["lines"]:
            line["released"] = line["direct"] - line["spent"]

    @rule(which=st.integers(0, 1))
    def a_shortfall_is_covered(self, which):
        pool = self.pools[which]
        missing, free = self.shortfall[pool], sum(self.free(lot) for lot in self.in_order(pool))
        try:
            cover_shortfall(pool, key=self.key(), actor=TESTS)
        except NotEnoughMoney:
            assert missing > free
            return
        assert missing <= free
        self.charge(pool, missing)
        self.shortfall[pool] = 0

    @precondition(lambda self: self.spends)
    @rule(data=st.data())
    def a_settled_payment_is_settled(self, data):
        payment = data.draw(st.sampled_from(self.spends))
        if payment["state"] != "sent":
            with pytest.raises(RuleBroken):
                confirm_spend(payment["id"], key=self.key(), actor=TESTS)

    # --- what must always be true -------------------------------------------------------------------------------
    @invariant()
    def figures_are_the_models(self):
        figures = {f.pool_id: f for f in pool_figures()}
        for pool in self.pools:
            f, lots = figures[pool], [lot for lot in self.lots if lot["pool"] == pool]
            assert f.received == sum(lot["gross"] for lot in lots)
            assert f.fees == sum(lot["fee"] + lot["charged"] for lot in lots)
            assert f.available == sum(self.free(lot) for lot in lots)
            assert f.reserved == sum(self.used(lot)[0] for lot in lots)
            assert f.spent == sum(self.used(lot)[1] for lot in lots)
            assert f.in_transit == sum(
                part for s in self.spends if s["state"] == "sent" for line, part in s["parts"]
                if line["lot"]["pool"] == pool
            )
            assert f.shortfall == self.shortfall[pool]
            assert f.available + f.reserved == f.received - f.fees - f.spent

    @invariant()
    def every_cent_of_a_donor_can_be_traced(self):
        sources = [lot["source"] for lot in self.lots]
        uses = lot_uses("contribution", sources)
        for lot in lots_of("contribution", sources):
            mine = [use for use in uses if use.lot_id == lot.id]
            assert lot.spent == sum(use.spent_direct + use.spent_support for use in mine)
            assert lot.reserved == sum(use.reserved_direct + use.reserved_support for use in mine)

    def teardown(self):
        assert [f for name, check in CHECKS.items() if name.startswith("ledger.") for f in check()[1]] == []
        db.session.expunge_all()


def test_any_order_of_events_leaves_the_books_right(app):
    run_state_machine_as_test(
        Books,
        settings=settings(max_examples=EXAMPLES, stateful_step_count=30, deadline=None,
                          suppress_health_check=list(HealthCheck), print_blob=True),
    )
