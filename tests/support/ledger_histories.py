"""Random histories of the ledger, for tests of what must hold after any of them: receiving (in dollars or not),
reserving, releasing, paying, confirming, returning, sending back and losing money in disputes, in any order.

The model beside the ledger is slow and simple: it recomputes every figure from the list of what happened.
"""

import itertools
import uuid
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from core import clock
from core.actor import system
from core.db import db
from core.errors import RuleBroken
from core.money import Money, dollars_at
from core.verify import CHECKS
from sponsorship.ledger import books
from sponsorship.ledger import checks as _checks  # noqa: F401 - registers them
from sponsorship.ledger.queries import headroom, lot_uses, lots_of, pool_figures
from sponsorship.ledger.service import (
    Intake,
    NotEnoughMoney,
    Original,
    PoolStopped,
    ReservationTooSmall,
    accept_from_suspense,
    confirm_spend,
    cover_shortfall,
    give_back,
    give_up_refund,
    hold_refund,
    open_pool,
    pay_refund,
    receive,
    receive_in_suspense,
    refund_came_back,
    release,
    reserve,
    return_spend,
    spend,
    take_back,
)

TESTS = system("tests")
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
        self.refunds, self.taken, self.shortfalls = [], [], []
        self.due = books.account_by_code("refunds_due").balance  # of earlier runs: the account is everybody's

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

    def charge(self, pool, amount, part="fee", only=None, but=None):
        """What lots pay of a cost: [(lot, amount)], and what is lacking."""
        paid = []
        for lot in self.in_order(pool):
            if (only is not None and lot is not only) or lot is but:
                continue
            bears = min(amount, self.free(lot))
            lot["charged"] += bears
            lot[part] += bears
            paid += [(lot, bears)]
            amount -= bears
        return paid, amount

    def short(self, pool, amount, part):
        made = {"pool": pool, "left": amount, "part": part, "covers": []}
        if amount:
            self.shortfalls.append(made)
        return made

    def shortfall(self, pool):
        return sum(s["left"] for s in self.shortfalls if s["pool"] == pool)

    def new_lot(self, lot, pool, gross, fee, rate, end, at, source, exchange=0):
        self.lots.append({
            "id": lot, "pool": pool, "gross": gross, "initial_fee": fee, "exchange": exchange,
            "amount": gross + exchange - fee, "rate": rate, "end": end, "at": at, "source": source, "charged": 0,
            "fee": 0, "refund": 0, "loss": 0, "fee_gone": 0,
        })

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
            lot = receive(self.pools[which], Intake(gross, fee), source=given, key=self.key(), actor=TESTS,
                          rate_bp=rate, end_date=end)
        self.new_lot(lot, self.pools[which], gross, fee, rate, end, self.now, given[1])

    @rule(which=st.integers(0, 1), minor=st.integers(1, 500_000), currency=st.sampled_from(["JPY", "EUR", "KWD"]),
          rate=st.sampled_from(["0.92", "150.82", "0.3067", "163.52/1.0842"]), off=st.integers(-50, 50))
    def foreign_money_arrives(self, which, minor, currency, rate, off):
        gross = dollars_at(Money(minor, currency), rate)
        if gross + off <= 0 or gross <= 0 or gross > 1_000_000:
            return
        given = ("contribution", uuid.uuid4())
        paid = Original(minor, currency, rate, "a test", self.now.date())
        with clock.moved_to(self.now):
            lot = receive(self.pools[which], Intake(gross, 0, off, original=paid), source=given, key=self.key(),
                          actor=TESTS)
        self.new_lot(lot, self.pools[which], gross, 0, 1300, None, self.now, given[1], off)

    @rule(gross=st.integers(1, 5_000), fee=st.integers(0, 100))
    def money_waits(self, gross, fee):
        given = ("contribution", uuid.uuid4())
        with clock.moved_to(self.now):
            receive_in_suspense(Intake(gross, min(fee, gross - 1)), source=given, key=self.key(), actor=TESTS)
        self.held.append({"source": given, "gross": gross, "fee": min(fee, gross - 1), "at": self.now})

    @precondition(lambda self: self.held)
    @rule(data=st.data(), accept=st.booleans(), which=st.integers(0, 1))
    def somebody_decides(self, data, accept, which):
        held = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        if not accept:
            held |= {"hold": self.key(), "lot": None, "amount": held["gross"], "state": "held", "lost": False,
                     "own": held["gross"], "borne": []}
            hold_refund(held["gross"], source=held["source"], fee_minor=held["fee"], bearer_pool_id=self.pools[1],
                        key=held["hold"], actor=TESTS)
            self.refunds.append(held)
            self.due += held["gross"]
            return
        with clock.moved_to(self.now):
            lot = accept_from_suspense(self.pools[which], source=held["source"], key=self.key(), actor=TESTS)
        self.new_lot(lot, self.pools[which], held["gross"], held["fee"], 1300, None, held["at"], held["source"][1])

    # --- money going back ---------------------------------------------------------------------------------------
    @precondition(lambda self: self.lots)
    @rule(data=st.data(), part=st.integers(1, 100))
    def a_refund_is_ordered(self, data, part):
        lot = data.draw(st.sampled_from(self.lots))
        came = lot["gross"] + lot["exchange"] - lot["refund"] - lot["fee_gone"]
        amount = max(came * part // 100, 1)
        source, hold = ("contribution", lot["source"]), self.key()
        own = min(amount, self.free(lot))
        fee, bearer = amount - own, self.pools[1]
        allowed = 0 if any(self.used(lot)) else lot["initial_fee"]
        free = sum(self.free(other) for other in self.in_order(bearer) if other is not lot)
        try:
            hold_refund(amount, source=source, fee_minor=lot["initial_fee"], bearer_pool_id=bearer, key=hold,
                        actor=TESTS)
        except NotEnoughMoney:
            assert fee > allowed or fee > free
            return
        assert fee <= allowed and fee <= free
        lot["charged"] += own
        lot["refund"] += own
        lot["fee_gone"] += fee
        borne, lacking = self.charge(bearer, fee, but=lot)
        assert not lacking
        self.due += amount
        self.refunds.append({"source": source, "hold": hold, "lot": lot, "own": own, "borne": borne, "amount": amount,
                             "fee": fee, "state": "held", "lost": True})

    @precondition(lambda self: any(r["state"] == "held" for r in self.refunds))
    @rule(data=st.data())
    def a_refund_is_paid(self, data):
        refund = data.draw(st.sampled_from([r for r in self.refunds if r["state"] == "held"]))
        pay_refund(refund["hold"], refund["amount"], source=refund["source"], clearing="stripe_clearing",
                   bearer_pool_id=self.pools[1], key=self.key(), actor=TESTS)
        refund["state"] = "paid"
        self.due -= refund["amount"]
        if not refund["lost"] and refund["fee"]:
            refund["lost"] = True
            _paid, lacking = self.charge(self.pools[1], refund["fee"])
            self.short(self.pools[1], lacking, "fee")

    @precondition(lambda self: any(r["state"] == "paid" for r in self.refunds))
    @rule(data=st.data())
    def a_paid_refund_comes_back(self, data):
        refund = data.draw(st.sampled_from([r for r in self.refunds if r["state"] == "paid"]))
        refund_came_back(refund["hold"], refund["amount"], source=refund["source"], clearing="stripe_clearing",
                         bearer_pool_id=self.pools[1], key=self.key(), actor=TESTS)
        refund["state"] = "held"
        self.due += refund["amount"]

    @precondition(lambda self: any(r["state"] == "held" and r["lot"] for r in self.refunds))
    @rule(data=st.data())
    def a_refund_is_given_up(self, data):
        refund = data.draw(st.sampled_from([r for r in self.refunds if r["state"] == "held" and r["lot"]]))
        give_up_refund(refund["hold"], source=refund["source"], key=self.key(), actor=TESTS)
        refund["state"] = "given up"
        self.due -= refund["amount"]
        for lot, amount, part in [(refund["lot"], refund["own"], "refund"),
                                  *((lot, amount, "fee") for lot, amount in refund["borne"])]:
            lot["charged"] -= amount
            lot[part] -= amount
        refund["lot"]["fee_gone"] -= refund["fee"]
        for taken in self.taken:  # what its own bank took meanwhile comes first
            if taken["lot"] is refund["lot"]:
                amount = min(taken["short"]["left"], self.free(refund["lot"]))
                refund["lot"]["charged"] += amount
                refund["lot"]["refund"] += amount
                taken["short"]["left"] -= amount
                taken["short"]["covers"].append((refund["lot"], amount, "refund"))

    @precondition(lambda self: self.lots)
    @rule(data=st.data(), amount=st.integers(1, 3_000))
    def a_bank_takes_money_back(self, data, amount):
        lot = data.draw(st.sampled_from(self.lots))
        entry = take_back(amount, source=("contribution", lot["source"]), clearing="stripe_clearing",
                          kind="takeback.dispute", bearer_pool_id=self.pools[1], key=self.key(), actor=TESTS)
        paid, lacking = self.charge(lot["pool"], amount, "refund", only=lot)
        self.taken.append({"entry": entry, "paid": paid, "lot": lot, "short": self.short(lot["pool"], lacking, "loss")})

    @precondition(lambda self: self.taken)
    @rule(data=st.data())
    def a_dispute_is_won(self, data):
        taken = self.taken.pop(data.draw(st.integers(0, len(self.taken) - 1)))
        give_back(taken["entry"], key=self.key(), actor=TESTS)
        for lot, amount in taken["paid"]:
            lot["charged"] -= amount
            lot["refund"] -= amount
        for lot, amount, part in taken["short"]["covers"]:
            lot["charged"] -= amount
            lot[part] -= amount
        taken["short"]["left"] = 0
        taken["short"]["covers"] = []

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
            assert any(self.shortfall(line["lot"]["pool"]) for line, _ in parts)
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
        _paid, lacking = self.charge(payment["pool"], fee)
        self.short(payment["pool"], lacking, "fee")

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
        missing, free = self.shortfall(pool), sum(self.free(lot) for lot in self.in_order(pool))
        try:
            cover_shortfall(pool, key=self.key(), actor=TESTS)
        except NotEnoughMoney:
            assert missing > free
            return
        assert missing <= free
        for item in self.shortfalls:
            if item["pool"] == pool and item["left"]:
                paid, lacking = self.charge(pool, item["left"], item["part"])
                assert not lacking
                item["covers"] += [(lot, amount, item["part"]) for lot, amount in paid]
                item["left"] = 0

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
            assert f.exchange == sum(lot["exchange"] for lot in lots)
            assert f.fees == sum(lot["initial_fee"] - lot["fee_gone"] + lot["fee"] for lot in lots)
            assert f.refunded == sum(lot["refund"] + lot["fee_gone"] for lot in lots)
            assert f.losses == sum(lot["loss"] for lot in lots)
            assert f.available == sum(self.free(lot) for lot in lots)
            assert f.reserved == sum(self.used(lot)[0] for lot in lots)
            assert f.spent == sum(self.used(lot)[1] for lot in lots)
            assert f.in_transit == sum(
                part for s in self.spends if s["state"] == "sent" for line, part in s["parts"]
                if line["lot"]["pool"] == pool
            )
            assert f.shortfall == self.shortfall(pool)
            assert f.available + f.reserved == (
                f.received + f.exchange - f.refunded - f.fees - f.losses - f.spent)

    @invariant()
    def refunds_due_are_what_is_held(self):
        assert books.account_by_code("refunds_due").balance == self.due

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
