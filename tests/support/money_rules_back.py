"""Money going back, as rules: refused, asked for and approved, made at Stripe by others, disputed, corrected; and what
lacks, covered."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from core import clock
from core.db import db
from core.errors import IllegalMove, PlacardError, RuleBroken
from core.money import Money
from sponsorship.contributions import checkout, service, shortfalls
from sponsorship.contributions.back_models import Refund as RefundRow
from sponsorship.contributions.models import Contribution
from sponsorship.contributions.refunds import BankRefund
from sponsorship.contributions.shortfall_models import Cover
from tests.support.money_model import Payment, Refund
from tests.support.money_rules import MoneyRules


class BackRules(MoneyRules):
    """Refunds ordered by us go through the application; refunds and disputes at Stripe are heard of as events."""

    def payments(self, *states: str) -> list[Payment]:
        return [p for p in self.model.payments if p.state in states]

    def refunds(self, *states: str) -> list[Refund]:
        return [r for p in self.model.payments for r in p.refunds if r.state in states]

    # --- ordered ----------------------------------------------------------------------------------------------------
    def refused_by(self, data: Any, act: Callable[[], Any], allowed: bool) -> bool:
        """Run a command that may be refused; whether it was. The model said whether it is allowed."""
        try:
            self.do(data, act)
        except (RuleBroken, IllegalMove) as refusal:
            db.session.rollback()
            assert not allowed, refusal.code
            return True
        assert allowed, "it should have been refused"
        return False

    @precondition(lambda self: self.payments("in_suspense"))
    @rule(data=st.data())
    def the_head_refuses(self, data: Any) -> None:
        payment = data.draw(st.sampled_from(self.payments("in_suspense")))
        version = self.version(Contribution, payment.id)
        allowed = not payment.disputed and not payment.under_way(ours=False) and payment.came.waits > 0
        if not self.refused_by(data, lambda: service.refuse(payment.id, self.world.officer, "due_diligence", "",
                                                            version), allowed):
            payment.refused = True
            self._ordered(payment)
            payment.state = "refund_due"

    def _ordered(self, payment: Payment) -> None:
        row = self.row(RefundRow, contribution_id=payment.id)
        self.model.hold(self.model.order(payment, row.id, "refusal", payment.left()[0]))

    @precondition(lambda self: self.payments("refund_due"))
    @rule(data=st.data())
    def it_is_sent_again(self, data: Any) -> None:
        payment = data.draw(st.sampled_from(self.payments("refund_due")))
        allowed = (not payment.disputed and not payment.under_way(ours=False) and payment.left()[0] > 0
                   and payment.came.waits > 0)
        if not self.refused_by(data, lambda: service.send_again(payment.id, self.world.officer), allowed):
            self._ordered(payment)

    def possible(self, payment: Payment, usd: int) -> bool:
        """Whether so much of accepted money is free now, or its fee can be borne."""
        books, lots = self.model.books, payment.came.lots
        free = sum(books.free(lot) for lot in lots)
        used = any(books.total(what, lot=lot) for what in ("reserved", "direct", "support") for lot in lots)
        spare = sum(books.free(lot) for lot in books.in_order(self.world.general) if lot not in lots)
        return usd <= free + (0 if used else min(payment.came.fee, spare))

    @precondition(lambda self: self.payments("accepted"))
    @rule(data=st.data(), part=st.integers(1, 110))
    def a_refund_is_asked_for(self, data: Any, part: int) -> None:
        payment = data.draw(st.sampled_from(self.payments("accepted")))
        version = self.version(Contribution, payment.id)
        left, _usd = payment.left()
        amount = left if part >= 100 else max(left * part // 100, 1)
        allowed = bool(not payment.disputed and not payment.under_way() and left and payment.share(amount)
                       and self.possible(payment, payment.share(amount)))
        if not self.refused_by(data, lambda: service.request_refund(
                payment.id, amount, self.world.officer, "donor_asked", "The donor wrote.", version), allowed):
            self.model.order(payment, self.row(RefundRow, contribution_id=payment.id).id, "refund", amount)

    @precondition(lambda self: any(p.came.clearing == "bank" for p in self.payments("accepted", "in_suspense")))
    @rule(data=st.data())
    def a_correction_is_asked_for(self, data: Any) -> None:
        payment = data.draw(st.sampled_from(
            [p for p in self.payments("accepted", "in_suspense") if p.came.clearing == "bank"]))
        version = self.version(Contribution, payment.id)
        allowed = not payment.under_way() and not payment.gone
        if not self.refused_by(data, lambda: service.request_correction(
                payment.id, self.world.officer, "Another's money.", version), allowed):
            self.model.order(payment, self.row(RefundRow, contribution_id=payment.id).id, "correction",
                             payment.left()[0])

    @precondition(lambda self: self.refunds("requested"))
    @rule(data=st.data(), declined=st.booleans())
    def the_head_approves(self, data: Any, declined: bool) -> None:
        refund = data.draw(st.sampled_from(self.refunds("requested")))
        payment, version, head = refund.payment, self.version(RefundRow, refund.id), self.officer("head_of_fund")
        if not declined:
            usd = payment.share(refund.amount, refund)
            allowed = not payment.gone if refund.kind == "correction" else (
                not payment.disputed and refund.amount <= payment.left(refund)[0] and usd > 0
                and self.possible(payment, usd))
            if not self.refused_by(data, lambda: service.approve_refund(refund.id, head, version), allowed):
                if refund.kind == "correction":
                    self.model.correct(refund)
                else:
                    refund.usd = usd
                    self.model.hold(refund)
                return
        self.do(data, lambda: service.decline_refund(refund.id, head, "Not now.", version))
        refund.state = "declined"

    @precondition(lambda self: any(r.payment.intent for r in self.refunds("created", "pending")))
    @rule(data=st.data(), status=st.sampled_from(["succeeded", "succeeded", "pending"]))
    def the_sweep_sends_a_refund(self, data: Any, status: str) -> None:
        refund = data.draw(st.sampled_from(
            [r for r in self.refunds("created", "pending") if r.payment.intent]))
        self._send(data, refund, status)

    def _send(self, data: Any, refund: Refund, status: str) -> None:
        self.stripe.next_refund = status
        row = self.row(RefundRow, stripe_refund_id=refund.stripe_id) if refund.kind == "external" \
            else self.row(RefundRow, id=refund.id)
        row_id = row.id
        self.converse(data, lambda: checkout.send_refund(self.stripe, row_id))  # type: ignore[arg-type]
        self._hear()
        facts = self.stripe.refunds[refund.stripe_id] if refund.stripe_id else self.stripe.refund_under(
            f"refund-{refund.id}")
        if facts is None:  # Stripe said no
            self.model.failed(refund, 0, 0, clock.now())
        else:
            assert self.model.hears_refund(facts, clock.now())

    @precondition(lambda self: any(r.payment.came.clearing == "bank" for r in self.refunds("created")))
    @rule(data=st.data(), fee=st.sampled_from([0, 0, 25_00]), rate=st.integers(95, 105))
    def the_bank_has_sent_a_refund(self, data: Any, fee: int, rate: int) -> None:
        refund = data.draw(st.sampled_from(
            [r for r in self.refunds("created") if r.payment.came.clearing == "bank"]))
        cost = refund.amount if refund.payment.paid.currency == "USD" else max(refund.usd * rate // 100, 1)
        done = BankRefund(uuid.uuid4().hex.upper(), clock.today(), cost, fee)
        version = self.version(RefundRow, refund.id)
        self.do(data, lambda: service.record_bank_refund(refund.id, done, self.officer("requesting_officer"), version))
        if fee:
            self.model.books.charge(fee, "bank")
        self.model.paid_back(refund, cost, clock.now())

    # --- at Stripe --------------------------------------------------------------------------------------------------
    @property
    def refundable(self) -> list[str]:
        return [s.payment_intent_id for s in self.stripe.sessions.values() if s.payment_intent_id
                and self.stripe.unrefunded(s.payment_intent_id) > 1 and not self.stripe.disputed(s.payment_intent_id)]

    @precondition(lambda self: self.refundable)
    @rule(data=st.data(), part=st.integers(1, 100), status=st.sampled_from(["succeeded", "pending"]))
    def somebody_refunds_at_stripe(self, data: Any, part: int, status: str) -> None:
        intent = data.draw(st.sampled_from(self.refundable))
        left = self.stripe.unrefunded(intent)
        amount = left if part > 80 else max(left * part // 100, 1)
        self.stripe.next_refund = status
        currency = self.stripe.session_of(intent).amount
        assert currency is not None
        self.stripe.refund_in_dashboard(intent, Money(amount, currency.currency))
        self._hear()

    @precondition(lambda self: any(r.status != "failed" for r in self.stripe.refunds.values()))
    @rule(data=st.data(), status=st.sampled_from(["succeeded", "failed"]))
    def a_refund_moves_on_at_stripe(self, data: Any, status: str) -> None:
        refund = data.draw(st.sampled_from([r for r in self.stripe.refunds.values() if r.status != "failed"]))
        if (refund.status, status) != ("succeeded", "succeeded"):
            self.stripe.refund_moves(refund.refund_id, status)
            self._hear()

    @precondition(lambda self: self.disputable)
    @rule(data=st.data(), part=st.integers(1, 200), fee=st.sampled_from([0, 15_00]), inquiry=st.booleans())
    def a_payment_is_disputed(self, data: Any, part: int, fee: int, inquiry: bool) -> None:
        session = self.stripe.sessions[data.draw(st.sampled_from(self.disputable))]
        assert session.amount is not None and session.payment_intent_id is not None
        amount = Money(max(session.amount.minor * min(part, 100) // 100, 1), session.amount.currency)
        self.stripe.dispute(session.payment_intent_id, amount, fee, inquiry=inquiry)
        self._hear()

    @property
    def disputable(self) -> list[str]:
        known = {d.payment_intent_id for d in self.stripe.disputes.values()}
        return [s.session_id for s in self.stripe.sessions.values() if s.payment_intent_id
                and s.payment_intent_id not in known]

    @precondition(lambda self: any(d.status not in ("won", "lost", "warning_closed")
                                   for d in self.stripe.disputes.values()))
    @rule(data=st.data(), what=st.sampled_from(["won", "won late", "lost", "under_review", "escalated"]),
          fee=st.sampled_from([0, 15_00]), fee_returned=st.booleans())
    def a_dispute_moves_on(self, data: Any, what: str, fee: int, fee_returned: bool) -> None:
        dispute = data.draw(st.sampled_from([d for d in self.stripe.disputes.values()
                                             if d.status not in ("won", "lost", "warning_closed")]))
        if dispute.taken_minor:
            status = {"escalated": "needs_response", "won late": "won"}.get(what, what)
        else:
            status = {"escalated": "needs_response", "under_review": "warning_under_review"}.get(
                what, "warning_closed")
        self.stripe.dispute_moves(dispute.dispute_id, status, fee=fee, fee_returned=fee_returned,
                                  late=what == "won late")
        self._hear()

    @property
    def owed_by_banks(self) -> list[str]:
        return [d.dispute_id for d in self.stripe.disputes.values()
                if d.status == "won" and d.taken_minor > d.reinstated_minor == 0]

    @precondition(lambda self: self.owed_by_banks)
    @rule(data=st.data(), fee_returned=st.booleans())
    def the_money_of_a_won_dispute_is_back(self, data: Any, fee_returned: bool) -> None:
        self.stripe.reinstate(data.draw(st.sampled_from(self.owed_by_banks)), fee_returned)
        self._hear()

    # --- what lacks -------------------------------------------------------------------------------------------------
    @precondition(lambda self: any(s.left for s in self.model.books.shortfalls))
    @rule(data=st.data())
    def a_shortfall_is_covered(self, data: Any) -> None:
        pool = data.draw(st.sampled_from([s.pool for s in self.model.books.shortfalls if s.left]))
        books = self.model.books
        allowed = sum(s.left for s in books.shortfalls if s.pool == pool) <= books.available(pool)
        if self.refused_by(data, lambda: shortfalls.request_cover(pool, self.world.officer, "It must go on."), allowed):
            return
        cover = self.row(Cover, pool_id=pool).id
        self.do(data, lambda: shortfalls.approve_cover(cover, self.officer("head_of_fund"), 1))
        books.cover(pool)

    @precondition(lambda self: self.payments("refunded", "disputed", "refund_due", "corrected"))
    @rule(data=st.data())
    def what_has_ended_is_not_accepted(self, data: Any) -> None:
        payment = data.draw(st.sampled_from(self.payments("refunded", "disputed", "refund_due", "corrected")))
        try:
            service.accept(payment.id, self.officer("head_of_fund"), "Again.")
        except PlacardError:
            db.session.rollback()
        else:
            raise AssertionError(f"{payment.state} was accepted")
