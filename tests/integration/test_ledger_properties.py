"""Whatever happens in the ledger, its figures are those of a slow model beside it, the statements of all donors
together are the fund's books, of any period, and the years are too."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from core.verify import CHECKS
from sponsorship.ledger.models import Lot
from sponsorship.ledger.queries import pool_figures
from sponsorship.transparency import checks as _checks  # noqa: F401 - registers them
from sponsorship.transparency.statement_sums import NOTHING, Period, Sums, of_everybody, sums_by
from sponsorship.transparency.years import CAME, WENT, year_lines
from tests.support.ledger_histories import START, Books
from tests.support.soak import SOAKING, count

PARTS = (*CAME, *WENT)


class Told(Books):
    """The ledger's histories, read as statements."""

    @invariant()
    def every_lots_statement_is_the_models(self) -> None:
        found = sums_by(Lot.id, of_everybody, Period())
        for lot in self.lots:
            sums = found[lot["id"]]
            reserved, spent = self.used(lot)
            assert sums.received.minor == lot["gross"]
            assert sums.exchange.minor == lot["exchange"]
            assert sums.refunded.minor == lot["refund"] + lot["fee_gone"]
            assert sums.fees.minor == lot["initial_fee"] - lot["fee_gone"] + lot["fee"]
            assert sums.losses.minor == lot["loss"]
            assert (sums.spent_direct + sums.spent_support).minor == spent
            assert (sums.reserved.minor, sums.unspent.minor) == (reserved, self.free(lot))

    def together_they_are_the_pools(self) -> None:
        found = sums_by(Lot.pool_id, of_everybody, Period())
        for pool in pool_figures():
            sums = found.get(pool.pool_id, NOTHING)
            assert [getattr(sums, kind).minor for kind in PARTS] == [getattr(pool, kind) for kind in PARTS]
            assert (sums.reserved.minor, sums.unspent.minor) == (pool.reserved, pool.available)

    def a_period_ends_where_the_next_begins(self) -> None:
        whole = sums_by(Lot.id, of_everybody, Period())
        for days in (3, 40, 200):
            at = START + timedelta(days=days)
            before = sums_by(Lot.id, of_everybody, Period(end=at))
            after = sums_by(Lot.id, of_everybody, Period(start=at))
            for lot, sums in whole.items():
                early, late = before.get(lot, NOTHING), after.get(lot, NOTHING)
                assert (early.closing, early.reserved) == (late.opening, late.opening_reserved)
                assert (late.closing, late.reserved) == (sums.closing, sums.reserved)
                assert [_and(early, late, kind) for kind in PARTS] == [getattr(sums, kind) for kind in PARTS]
                for part in (early, late):
                    assert part.closing == part.opening + part.received + part.exchange - part.refunded - part.fees \
                        - part.losses - part.spent_direct - part.spent_support

    def the_years_are_the_books(self) -> None:
        lines, pools = year_lines(), pool_figures()
        for kind in PARTS:
            assert sum(getattr(line, kind).minor for line in lines) == sum(getattr(pool, kind) for pool in pools)
        assert (lines[-1].closing.minor if lines else 0) == sum(pool.available + pool.reserved for pool in pools)

    def teardown(self) -> None:
        self.together_they_are_the_pools()
        self.a_period_ends_where_the_next_begins()  # books only grow: what holds of the whole held at every step
        self.the_years_are_the_books()
        faults = [fault for name in ("transparency.figures", "transparency.years") for fault in CHECKS[name]()[1]]
        # these lots' contributions are made up: that they are missing is all that may be wrong
        faults += [f for f in CHECKS["transparency.statements"]()[1] if not f.endswith("has more than one lot")]
        assert faults == []
        super().teardown()


def _and(early: Sums, late: Sums, kind: str) -> Any:
    return getattr(early, kind) + getattr(late, kind)


def test_any_order_of_events_leaves_books_and_statements_right(app: Any) -> None:
    run_state_machine_as_test(
        Told,
        settings=settings(max_examples=count("EXAMPLES", 8), stateful_step_count=30, deadline=None, print_blob=True,
                          derandomize=not SOAKING, suppress_health_check=list(HealthCheck)),
    )
