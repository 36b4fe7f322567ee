"""Any order of payments, reductions, deferrals, corrections and endings leaves a pledge what its payments make it: its
instalments add up, nothing that ended comes back, nothing promised is hidden. (What goes back: test_money_properties.)

The model beside it is slow and simple: it recomputes every figure from the list of what happened.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from core import clock
from core.db import db
from core.errors import IllegalMove, RuleBroken
from core.money import Money
from core.verify import CHECKS
from sponsorship.contributions import checks as _checks  # noqa: F401 - registers them
from sponsorship.contributions import service
from sponsorship.contributions.back_models import Refund
from sponsorship.contributions.giving_fields import split_evenly
from sponsorship.contributions.models import Contribution, Instalment, Pledge
from sponsorship.contributions.reminder_sending import overdue
from sponsorship.contributions.reminders import letters
from sponsorship.contributions.schedules import Part
from sponsorship.contributions.transitions import OPEN
from tests.support.giving import Fund, fresh
from tests.support.rates import put_rates
from tests.support.soak import SOAKING, count

EXAMPLES = count("EXAMPLES", 8)
START = datetime(2027, 1, 10, 9, tzinfo=UTC)
ENDED = ("cancelled", "written_off")
REFUSED = (RuleBroken, IllegalMove)


def machine(fund: Fund) -> type[RuleBasedStateMachine]:
    """One pledge of a State, with or without an agreement, in dollars or euros; and what is done to it."""
    known_days: set[Any] = set()

    class Life(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.now = START
            self.payments: list[dict[str, Any]] = []
            self.schedules: list[tuple[int, ...]] = []
            self.ended: str | None = None
            self.current = 0

        def at(self) -> Any:
            return clock.moved_to(self.now)

        def row(self) -> Pledge:
            found: Pledge = fresh(Pledge, self.pledge)
            return found

        def rated(self) -> None:
            if self.now.date() not in known_days:
                known_days.add(self.now.date())
                with self.at():
                    put_rates({"EUR": "0.92"}, self.now.date())

        @initialize(currency=st.sampled_from(("USD", "EUR")), under=st.booleans(), number=st.integers(0, 4),
                    amount=st.integers(10_00, 90_000_00))
        def begin(self, currency: str, under: bool, number: int, amount: int) -> None:
            self.rated()
            with self.at():
                parts = split_evenly(amount, number, self.now.date() + timedelta(days=20), 1) if number else ()
                donor = fund.state if under else fund.other
                self.pledge = fund.pledge(amount, currency=currency, parts=parts, organisation=donor)
            self.amount = self.current = amount
            self.schedules.append(tuple(part.amount_minor for part in parts) or (amount,))

        # --- what may happen ------------------------------------------------------------------------------------
        @rule(days=st.integers(1, 25))
        def time_passes(self, days: int) -> None:
            self.now += timedelta(days=days)
            self.rated()
            with self.at():
                for item, _due, _word in overdue(self.now, 100):
                    service.fall_due(item, self.now)

        @rule(how=st.sampled_from(("next", "all", "some", "over")), share=st.integers(1, 99))
        def pay(self, how: str, share: int) -> None:
            left = max(self.current - self.paid, 0)
            minor = {"next": self.next_left() or left, "all": left, "some": left * share // 100,
                     "over": left + share}[how]
            if minor > 0:
                with self.at():
                    made = fund.pay(self.pledge, minor)
                self.payments.append({"id": made, "settles": minor, "corrected": False})

        @rule(share=st.integers(0, 100))
        def reduce(self, share: int) -> None:
            to, row = self.current * share // 100, self.row()
            allowed = row.state in OPEN and max(self.paid, 1) <= to < self.current
            with self.at():
                try:
                    service.reduce(self.pledge, to, fund.manager, "Less.", row.version)
                except REFUSED:
                    assert not allowed
                    return
            assert allowed
            self.schedules.append(self.shrunk(to))
            self.current = to

        @rule(number=st.integers(1, 3), first=st.integers(-5, 60))
        def defer(self, number: int, first: int) -> None:
            row, left = self.row(), max(self.current - self.paid, 0)
            allowed = row.state in OPEN and left >= number and first >= 0
            parts: tuple[Part, ...] = ()
            if left >= number:
                parts = split_evenly(left, number, self.now.date() + timedelta(days=first), 2)
            with self.at():
                try:
                    service.defer(self.pledge, parts, fund.manager, "Later.", row.version)
                except REFUSED:
                    assert not allowed
                    return
            assert allowed
            after = self.row()
            rows = db.session.query(Instalment).filter_by(pledge_id=self.pledge, schedule=after.schedule)
            self.schedules.append(tuple(i.amount_minor for i in rows.order_by(Instalment.n)))
            assert after.next_due_on == parts[0].due_on, "what is not paid is due on the first new day"

        @rule(sure=st.integers(0, 7), state=st.sampled_from(ENDED))
        def end(self, sure: int, state: str) -> None:
            if sure:  # most lives should last
                return
            row = self.row()
            allowed = row.state in OPEN and not (state == "cancelled" and self.paid)
            with self.at():
                try:
                    if state == "cancelled":
                        service.cancel_pledge(self.pledge, fund.manager, "Not paid.", row.version)
                    else:
                        service.write_off(self.pledge, fund.head, "Given up.", row.version)
                except REFUSED:
                    assert not allowed
                    return
            assert allowed
            self.ended = state

        @rule(which=st.integers(0, 3))
        def a_deposit_is_corrected(self, which: int) -> None:
            if not self.payments:
                self.pay("all", 50)
            if not self.payments:
                return
            payment = self.payments[which % len(self.payments)]
            row = fresh(Contribution, payment["id"])
            with self.at():
                try:
                    made = service.request_correction(row.id, fund.manager, "A mistake.", row.version)
                except REFUSED:
                    assert payment["corrected"]
                    return
                service.approve_refund(made, fund.head, fresh(Refund, made).version)
            assert not payment["corrected"]
            payment["corrected"] = True

        # --- the model ------------------------------------------------------------------------------------------
        @property
        def paid(self) -> int:
            return sum(p["settles"] for p in self.payments if not p["corrected"])

        def shrunk(self, to: int) -> tuple[int, ...]:
            found, left = [], to
            for part in self.schedules[-1]:
                found.append(min(part, left))
                left -= found[-1]
            return tuple(part for part in found if part)

        def next_left(self) -> int:
            covered = self.paid
            for part in self.schedules[-1]:
                if covered < part:
                    return part - covered
                covered -= part
            return 0

        @invariant()
        def is_what_its_payments_say(self) -> None:
            if not hasattr(self, "pledge"):
                return
            row = self.row()
            assert (row.amount_minor, row.current_minor) == (self.amount, self.current)
            assert (row.paid_minor, row.returned_minor) == (self.paid, 0)
            if self.ended is not None:
                assert row.state == self.ended, "what has ended stays ended"
            elif self.paid >= self.current:
                assert row.state == "paid"
            else:
                assert row.state in OPEN, "something is owed, and nothing hides it"
            every = db.session.query(Instalment).filter_by(pledge_id=self.pledge).order_by(
                Instalment.schedule, Instalment.n).all()
            told = [tuple(i.amount_minor for i in every if i.schedule == n + 1) for n in range(row.schedule)]
            assert told == self.schedules, "earlier instalments stay readable"
            assert CHECKS["contributions.pledges"]()[1] == []

        @invariant()
        def only_what_is_owed_is_recalled(self) -> None:
            if not hasattr(self, "pledge"):
                return
            with self.at():
                for letter in letters(self.now.date()):
                    for line in letter.lines:
                        if line.pledge.id == self.pledge:
                            assert self.ended is None
                            assert line.left == Money(self.next_left(), line.pledge.currency)

        def teardown(self) -> None:
            names = ("contributions.", "ledger.")
            assert [f for name, check in CHECKS.items() if name.startswith(names) for f in check()[1]] == []
            db.session.expunge_all()

    return Life


def test_any_order_of_events_leaves_a_pledge_right(app: Any, make: Any) -> None:
    with clock.moved_to(START):
        fund = Fund(make)
        fund.other = make.donor()  # type: ignore[attr-defined]
        fund.agreement(pool_id=fund.general)
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine(fund),
        settings=settings(max_examples=EXAMPLES, stateful_step_count=25, deadline=None, derandomize=not SOAKING,
                          suppress_health_check=list(HealthCheck), print_blob=True),
    )
