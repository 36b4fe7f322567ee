"""What may happen to money, as flows: how it comes, waits, goes back and is spent. The rules stand here once more, in
the plainest way, beside the ledger that is held against them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from tests.support.money_flows import Bearing, Came, Flow, Flows, Line, Lot, Short, Shortfall, Spent, Stopped, support


class Books(Flows):
    """Raises Short and Stopped where the application refuses."""

    # --- money comes ----------------------------------------------------------------------------------------------
    def into_pool(self, money: Came, pool: Any, rate_bp: int, end: date | None) -> None:
        lot = self.new_lot(pool, money.donor, rate_bp, end, money.at)
        money.lots.append(lot)
        self.flow(Flow(money.clearing, money.net), Flow("gross", money.gross, pool, lot),
                  Flow("exchange", money.exchange, pool, lot), Flow("fee", money.fee, pool, lot))

    def into_suspense(self, money: Came) -> None:
        money.waits, money.fee_waits = money.all, True
        self.flow(Flow(money.clearing, money.net), Flow("suspense", money.all), Flow("suspense_fee", money.fee))

    def accept(self, money: Came, pool: Any, rate_bp: int, end: date | None) -> None:
        """All that still waits enters the pool, with the fee."""
        self._enters(money, pool, rate_bp, end)
        self.flow(Flow("fee", money.fee, pool, money.lots[-1]), Flow("suspense_fee", -money.fee))
        money.fee_waits = False

    def _enters(self, money: Came, pool: Any, rate_bp: int, end: date | None) -> None:
        lot = self.new_lot(pool, money.donor, rate_bp, end, money.at)
        money.lots.append(lot)
        gross, waits = money.gross - money.owed(money.all - money.waits), money.waits
        self.leaves_suspense(money, waits)
        self.flow(Flow("gross", gross, pool, lot), Flow("exchange", waits - gross, pool, lot))

    def leaves_suspense(self, money: Came, amount: int) -> Flow:
        money.waits -= amount
        flow = Flow("suspense", -amount)
        self.flow(flow)
        return flow

    def fee_is_lost(self, money: Came) -> None:
        """The last of money that nobody accepted has left: its fee is a cost of the general pool."""
        if not money.lots and money.fee_waits:
            money.lost_fee = self.bear(self.general, money.fee, "fee")
            money.lost_fee.flows += self.flow(Flow("suspense_fee", -money.fee))
            money.fee_waits = False

    def back_in_suspense(self, money: Came, amount: int) -> None:
        """It waits again, with its fee; where the rest was accepted meanwhile, it follows that into its pool."""
        money.waits += amount
        if money.lots and amount:
            self._enters(money, money.lots[0].pool, money.lots[0].rate_bp, money.lots[0].end)
        elif money.lost_fee is not None and amount:
            self.unbear(money.lost_fee)
            money.fee_waits, money.lost_fee = True, None

    # --- money goes back: ordered ---------------------------------------------------------------------------------
    def hold(self, money: Came, amount: int) -> list[Bearing]:
        """Set aside for the donor. Raises Short."""
        if money.waits:
            return [Bearing([self.leaves_suspense(money, amount), *self.flow(Flow("due", amount))], waited=amount)]
        own = sum(self.free(lot) for lot in money.lots)
        fee = max(amount - own, 0)
        used = any(self.total(what, lot=lot) for what in ("reserved", "direct", "support") for lot in money.lots)
        if fee > (0 if used else money.fee):
            raise Short(fee)
        can = sum(self.free(lot) for lot in self.in_order(self.general) if lot not in money.lots)
        if fee > can:
            raise Short(fee - can)
        pool, first = money.lots[0].pool, money.lots[0]
        made = [self.bear(pool, amount - fee, "refund", only=money.lots)]
        made[0].flows += self.flow(Flow("refund", fee, pool, first), Flow("fee", -fee, pool, first),
                                   Flow("due", amount))
        return [*made, self.bear(self.general, fee, "fee", but=money.lots)]

    def pay(self, money: Came, held: int, cost: int, at: datetime) -> None:
        """What was held has left."""
        self.flow(Flow("due", -held), Flow(money.clearing, -cost))
        self.fee_is_lost(money)
        self.difference(held - cost, at)

    def comes_back(self, money: Came, held: int, returned: int, at: datetime) -> None:
        self.flow(Flow("due", held), Flow(money.clearing, returned))
        self.difference(returned - held, at)

    def give_up(self, money: Came, made: list[Bearing]) -> None:
        """It is not paid after all. What this payment's other way back took from others comes out of it first."""
        for bearing in made:
            self.unbear(bearing)
            self.back_in_suspense(money, bearing.waited)
        for short in self.shortfalls:
            if short.money is money and short.becomes == "loss":
                self._by_its_own(money, short)

    def _by_its_own(self, money: Came, short: Shortfall) -> None:
        own = money.waits if not money.lots else sum(self.free(lot) for lot in money.lots)
        amount = min(own, short.left)
        if not amount:
            return
        if money.lots:
            short.covers += self.bear(money.lots[0].pool, amount, "refund", only=money.lots).flows
        else:
            short.covers.append(self.leaves_suspense(money, amount))
            short.waited += amount
        short.left -= amount
        short.covers += self.flow(Flow("short", -amount, short.pool))
        if not money.waits:
            self.fee_is_lost(money)

    def keep_rest(self, money: Came, at: datetime) -> None:
        """All went back for less than it had brought, and nobody accepted it: what is left is a gain."""
        left = money.waits
        if left and not money.lots:
            self.leaves_suspense(money, left)
            self.difference(left, at)
            self.fee_is_lost(money)

    # --- money goes back: taken -----------------------------------------------------------------------------------
    def take(self, money: Came, amount: int) -> Bearing:
        self.flow(Flow(money.clearing, -amount))
        if money.waits:
            part = min(amount, money.waits)
            left = self.leaves_suspense(money, part)
            made = self.bear(self.general, amount - part, "refund", only=[], money=money)
            made.flows.append(left)
            made.waited = part
            if not money.waits:
                self.fee_is_lost(money)
            return made
        pool = money.lots[0].pool if money.lots else self.general
        return self.bear(pool, amount, "refund", only=money.lots, money=money)

    def give_back(self, money: Came, made: Bearing, taken: int, returned: int, at: datetime) -> None:
        """It is here again: in suspense, or, when the payment was accepted meanwhile, in its pool."""
        waited = made.waited + (made.short.waited if made.short else 0)
        self.unbear(made)
        self.flow(Flow(money.clearing, taken))
        self.back_in_suspense(money, waited)
        self.difference(returned - taken, at, money.clearing)

    def charge(self, amount: int, clearing: str, pool: Any = None) -> Bearing:
        """A provider's or a bank's own charge."""
        self.flow(Flow(clearing, -amount))
        return self.bear(pool or self.general, amount, "fee")

    def correct(self, money: Came) -> None:
        """The deposit never was; what of it was promised meanwhile is lacking."""
        self.flow(Flow(money.clearing, -money.net))
        if money.waits:
            self.flow(Flow("suspense", -money.waits), Flow("suspense_fee", -money.fee))
            money.waits, money.fee_waits = 0, False
            return
        lot = money.lots[0]
        self.flow(Flow("refund", money.fee, lot.pool, lot), Flow("fee", -money.fee, lot.pool, lot))
        self.bear(lot.pool, money.net, "refund", only=money.lots, money=money)

    def cover(self, pool: Any) -> None:
        """Every shortfall of the pool from its free money. Raises Short."""
        missing = sum(short.left for short in self.shortfalls if short.pool == pool)
        if missing > self.available(pool):
            raise Short(missing - self.available(pool))
        for short in self.shortfalls:
            if short.pool == pool and short.left:
                short.covers += self.bear(pool, short.left, short.becomes).flows
                short.covers += self.flow(Flow("short", -short.left, pool))
                short.left = 0

    # --- journeys -------------------------------------------------------------------------------------------------
    def carried(self, lot: Lot, today: date) -> int:
        """The largest direct cost that a lot's free money carries with its support costs."""
        if lot.end is not None and lot.end < today:
            return 0
        low, high = 0, max(self.free(lot), 0)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if middle + support(middle, lot) <= self.free(lot) else (low, middle - 1)
        return low

    def reserve(self, pools: list[Any], amount: int, today: date) -> list[Line]:
        """Raises Short."""
        lines: list[Line] = []
        for lot in (lot for pool in pools for lot in self.in_order(pool)):
            part = min(amount, self.carried(lot, today))
            if part:
                lines.append(Line(lot, part))
                amount -= part
        if amount:
            raise Short(amount)
        for line in lines:
            self.flow(Flow("reserved", line.direct + support(line.direct, line.lot), line.lot.pool, line.lot))
        return lines

    def spend(self, lines: list[Line], amount: int) -> Spent:
        """Raises Stopped."""
        parts = []
        for line in lines:
            part = min(amount, line.left)
            if part:
                parts.append((line, part))
                amount -= part
        assert not amount
        if any(short.left for line, _part in parts for short in self.shortfalls if short.pool == line.lot.pool):
            raise Stopped
        for line, part in parts:
            self._spends(line, part)
            self.flow(Flow("transit", part, line.lot.pool))
        return Spent(parts)

    def _spends(self, line: Line, part: int) -> None:
        costs = support(line.spent + part, line.lot) - support(line.spent, line.lot)
        line.spent += part
        self.flow(Flow("reserved", -part - costs, line.lot.pool, line.lot), Flow("support_due", costs),
                  Flow("direct", part, line.lot.pool, line.lot), Flow("support", costs, line.lot.pool, line.lot))

    def confirm(self, spent: Spent, fee: int) -> None:
        for line, part in spent.parts:
            self.flow(Flow("transit", -part, line.lot.pool), Flow("bank", -part))
        spent.state = "confirmed"
        self.charge(fee, "bank", spent.parts[0][0].lot.pool)

    def returned(self, spent: Spent) -> None:
        for line, part in spent.parts:
            self._spends(line, -part)
            self.flow(Flow("bank", part) if spent.state == "confirmed" else Flow("transit", -part, line.lot.pool))
        spent.state = "returned"

    def release(self, lines: list[Line]) -> None:
        for line in lines:
            kept = line.direct - line.released - line.left
            costs = support(line.direct - line.released, line.lot) - support(kept, line.lot)
            self.flow(Flow("reserved", -line.left - costs, line.lot.pool, line.lot))
            line.released += line.left
