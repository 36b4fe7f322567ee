"""Whatever donors, their banks, Stripe, officers and delegates do, in any order, with anybody dying at any step: the
books are right, they are Stripe's to the cent, and the donors' statements together are the fund's."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from core import clock, verify
from core.db import db
from sponsorship.contributions.back_models import Receipt
from sponsorship.contributions.back_models import Refund as RefundRow
from sponsorship.contributions.models import Contribution
from sponsorship.contributions.models import Pledge as PledgeRow
from sponsorship.contributions.transitions import OPEN
from tests.support.money_rules import MoneyRules
from tests.support.money_rules_out import OutRules
from tests.support.money_world import START, World, common_figures, figures_of_pools, in_words, sides, statements_agree
from tests.support.soak import SOAKING, count, note

EXAMPLES, STEPS = count("EXAMPLES", 5), count("STEPS", 30)
# in `make test` a failure is told at once: to look for a smaller one takes minutes
PHASES = tuple(Phase) if SOAKING else (Phase.explicit, Phase.generate)
CHECKED = ("ledger.", "contributions.", "gateways.", "awards.", "disbursements.", "transparency.")


class Money(OutRules):
    """Every figure of the books against the model, after every step."""

    @invariant()
    def looked_at(self) -> None:
        MoneyRules.steps += 1
        self.holds()

    def holds(self) -> None:
        db.session.rollback()
        self.look()
        books, pools = self.model.books, figures_of_pools()
        for pool in self.world.pools:
            for what, amount in pools[pool].items():
                wanted = books.available(pool) if what == "unspent" else books.total(what, pool=pool)
                assert amount == wanted, (what, amount, wanted)
        for what, amount in common_figures().items():
            assert amount == books.total(what), (what, amount, books.total(what))
        self.donors_statements_are_the_funds(pools)
        self.donors_stand_where_the_model_says()

    def donors_statements_are_the_funds(self, pools: Any) -> None:
        found = {donor: in_words(sums) for donor, sums in sides().items()}
        for donor, side in found.items():
            assert side == self.model.books.side(donor), donor
        assert {lot.donor for lot in self.model.books.lots} <= set(found)
        for what in next(iter(found.values()), ()):
            assert sum(side[what] for side in found.values()) == sum(pool[what] for pool in pools.values()), what

    def donors_stand_where_the_model_says(self) -> None:
        rows = {row.id: row for row in db.session.query(PledgeRow)}
        for pledge in self.model.pledges:
            row = rows[pledge.id]
            stands = "" if row.state in OPEN else {"written_off": "ended", "cancelled": "ended"}.get(
                row.state, row.state)
            assert (row.current_minor, row.paid_minor, row.returned_minor, stands) == (
                pledge.current, pledge.paid, pledge.returned, pledge.closed)
        states = dict(db.session.query(Contribution.id, Contribution.state).all())
        refunds = dict(db.session.query(RefundRow.id, RefundRow.state).all())
        papers: dict[Any, int] = {}
        for paper in db.session.query(Receipt):
            signed = paper.amount_minor if paper.kind == "receipt" else -paper.amount_minor
            papers[paper.contribution_id] = papers.get(paper.contribution_id, 0) + signed
        for payment in self.model.payments:
            assert states[payment.id] == payment.state
            assert papers.get(payment.id, 0) == payment.papers, (payment.state, payment.paid)
            for refund in payment.refunds:
                assert refund.kind == "external" or refunds[refund.id] == refund.state

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                self.the_end()
        finally:
            db.session.remove()
            self._clock.__exit__(None, None, None)
            self._savepoint.rollback()

    def the_end(self) -> None:
        """Everything at Stripe is heard of in the end: then its account holds what the books say."""
        self._hear()
        for refund in [r for r in self.refunds("created", "pending") if r.payment.intent]:
            self._send(_Nothing(), refund, "succeeded")
        self.events.sort(key=lambda e: not e[0].startswith("checkout"))
        while self.events:
            self._read(_Nothing(), 0)
        self.holds()
        statements_agree(self.world.donors)
        on_its_way = sum(r.settled.minor for r in self.stripe.refunds.values() if r.status == "pending" and r.settled)
        assert common_figures()["stripe"] == self.stripe.balance + on_its_way - sum(self.model.not_booked.values())
        if db.engine.dialect.name == "postgresql":
            db.session.connection().exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
        assert [f for finding in verify.run_all() if finding.name.startswith(CHECKED) for f in finding.faults] == []


class _Nothing:
    """Draws no death."""

    def draw(self, *_args: Any, **_named: Any) -> None:
        return None


@pytest.mark.timeout(7200 if SOAKING else 900)
def test_any_order_of_anything_leaves_the_books_right(app: Any, make: Any) -> None:
    with clock.moved_to(START):
        Money.world, Money.app = World(make), app
        Money.connection = db.session.connection()
        db.session.commit()
        db.session.remove()
        run_state_machine_as_test(Money, settings=settings(
            max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, derandomize=not SOAKING, phases=PHASES,
            print_blob=True, suppress_health_check=list(HealthCheck), report_multiple_bugs=False))
    note(f"{Money.steps:,} steps, {Money.deaths:,} deaths")
