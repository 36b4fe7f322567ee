"""Stripe as an object in memory, for tests that need thousands of objects or want to die in the middle of a call.

What happened at Stripe is the truth that the books are held against: every act of payers, banks and officers at Stripe
is a method here, `balance` is what lies in the fund's account there, and `news` are the events that it causes. The
real adapter is tried against the simulator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from fractions import Fraction
from threading import Lock
from typing import Any

from core import clock
from core.db import db
from core.money import Money, currency_digits, usd
from sponsorship.gateways.stripe_facts import DisputeFacts, RefundFacts, SessionFacts
from sponsorship.gateways.stripe_gateway import GatewayError

UNDONE = ("failed", "canceled")


@dataclass
class MemoryStripe:
    """Answers the gateway's calls (no transaction may be open) from objects that its other methods move on.

    `worth` has the US dollars that Stripe gives for one unit of a currency.
    """

    worth: dict[str, Fraction] = field(default_factory=dict)
    sessions: dict[str, SessionFacts] = field(default_factory=dict)
    refunds: dict[str, RefundFacts] = field(default_factory=dict)
    disputes: dict[str, DisputeFacts] = field(default_factory=dict)
    news: list[tuple[str, str]] = field(default_factory=list)
    stood: list[Any] = field(default_factory=list)  # the object of each news, as it then was
    balance: int = 0
    next_refund: str = "succeeded"
    calls: list[str] = field(default_factory=list)
    livemode: bool = False
    api_version: str | None = None
    one: Any = field(default_factory=Lock)

    def in_dollars(self, amount: Money) -> int:
        """US cents that Stripe books for an amount, at its own rate, cut down."""
        if amount.currency == "USD":
            return amount.minor
        return int(self.worth[amount.currency] * amount.minor * 100 / 10 ** currency_digits(amount.currency))

    # --- what the application asks --------------------------------------------------------------------------------
    def create_checkout(self, wanted: Any) -> SessionFacts:
        def made() -> SessionFacts:
            key = f"cs_{wanted.key}"
            if key not in self.sessions:
                self.sessions[key] = SessionFacts(
                    key, False, "open", "unpaid", wanted.amount, wanted.contribution_id,
                    {"placard_contribution": wanted.contribution_id}, f"https://checkout.test/{key}",
                    wanted.expires_at)
            return self.sessions[key]

        return self._called("create_checkout", made)

    def fetch_session(self, session_id: str) -> SessionFacts:
        return self._called("fetch_session", lambda: self.sessions[session_id])

    def expire_checkout(self, session_id: str) -> SessionFacts:
        def closed() -> SessionFacts:
            if self.sessions[session_id].status != "open":
                raise GatewayError("session_not_open", refused=True)
            self.expire(session_id)
            return self.sessions[session_id]

        return self._called("expire_checkout", closed)

    def create_refund(self, payment_intent_id: str, amount: Money, *, key: str, reference: str) -> RefundFacts:
        def made() -> RefundFacts:
            known = self.refund_under(key)
            if known is not None:
                return known
            if self.disputed(payment_intent_id):
                raise GatewayError("charge_disputed", refused=True)
            if amount.minor > self.unrefunded(payment_intent_id):
                raise GatewayError("amount_too_large", refused=True)
            return self._refund(f"re_{key}", payment_intent_id, amount, {"placard_refund": key})

        return self._called("create_refund", made)

    def fetch_refund(self, refund_id: str) -> RefundFacts:
        return self._called("fetch_refund", lambda: self.refunds[refund_id])

    def find_refund(self, payment_intent_id: str, key: str) -> RefundFacts | None:
        return self._called("find_refund", lambda: self.refund_under(key))

    def fetch_dispute(self, dispute_id: str) -> DisputeFacts:
        return self._called("fetch_dispute", lambda: self.disputes[dispute_id])

    def _called(self, name: str, answer: Callable[[], Any]) -> Any:
        assert not db.session().in_transaction(), "a provider was called inside a transaction"
        self.calls.append(name)
        with self.one:
            return answer()

    def shelf(self, kind: str) -> dict[str, Any]:
        """The objects that events of this kind are about."""
        if kind.startswith("charge.dispute"):
            return self.disputes  # type: ignore[return-value]
        return self.refunds if kind.startswith("refund") else self.sessions  # type: ignore[return-value]

    def _tell(self, kind: str, thing: str) -> None:
        self.news.append((kind, thing))
        self.stood.append(self.shelf(kind)[thing])

    # --- what it knows --------------------------------------------------------------------------------------------
    def refund_under(self, key: str) -> RefundFacts | None:
        return next((r for r in self.refunds.values() if r.metadata.get("placard_refund") == key), None)

    def session_of(self, payment_intent_id: str) -> SessionFacts:
        return next(s for s in self.sessions.values() if s.payment_intent_id == payment_intent_id)

    def unrefunded(self, payment_intent_id: str) -> int:
        """Minor units of the payment that no refund has taken."""
        amount = self.session_of(payment_intent_id).amount
        assert amount is not None
        return amount.minor - sum(r.amount.minor for r in self.refunds.values()
                                  if r.payment_intent_id == payment_intent_id and r.status not in UNDONE)

    def disputed(self, payment_intent_id: str) -> bool:
        """Whether a dispute of the payment holds its refunds back: open or lost, with the money gone."""
        return any(d.payment_intent_id == payment_intent_id and d.taken_minor > d.reinstated_minor
                   for d in self.disputes.values())

    # --- what payers, banks and officers do there -----------------------------------------------------------------
    def pay(self, session_id: str, fee: int) -> SessionFacts:
        """The payer pays; Stripe converts, and keeps `fee` US cents (less where that leaves nothing)."""
        session = self.sessions[session_id]
        assert session.amount is not None
        came = self.in_dollars(session.amount)
        fee = min(fee, came - 1)
        self.sessions[session_id] = replace(
            session, status="complete", payment_status="paid", url=None, payment_intent_id=f"pi_{session_id}",
            charge_id=f"ch_{session_id}", fee=usd(fee), net=usd(came - fee))
        self.balance += came - fee
        self._tell("checkout.session.completed", session_id)
        return self.sessions[session_id]

    def expire(self, session_id: str) -> None:
        """Nobody paid in time."""
        self.sessions[session_id] = replace(self.sessions[session_id], status="expired", url=None,
                                            expires_at=clock.real_now() - timedelta(seconds=1))
        self._tell("checkout.session.expired", session_id)

    def refund_in_dashboard(self, payment_intent_id: str, amount: Money) -> RefundFacts:
        """Somebody refunds at Stripe itself: no mark of ours."""
        return self._refund(f"re_{len(self.refunds)}_{payment_intent_id}", payment_intent_id, amount, {})

    def _refund(self, refund_id: str, intent: str, amount: Money, metadata: dict[str, str]) -> RefundFacts:
        cost = max(self.in_dollars(amount), 1)
        made = RefundFacts(refund_id, self.next_refund, amount, intent, metadata, settled=usd(cost))
        self.refunds[refund_id] = made
        self.balance -= cost
        self._tell("refund.created", refund_id)
        return made

    def refund_moves(self, refund_id: str, status: str) -> None:
        """A refund gets through, or fails (also after it had got through): then the money is back, at today's rate."""
        refund = self.refunds[refund_id]
        back = usd(max(self.in_dollars(refund.amount), 1)) if status in UNDONE else None
        self.refunds[refund_id] = replace(refund, status=status, returned=back)
        self.balance += back.minor if back else 0
        self._tell("refund.failed" if back else "refund.updated", refund_id)

    def dispute(self, payment_intent_id: str, amount: Money, fee: int, *, inquiry: bool = False) -> DisputeFacts:
        """The payer's bank asks (`inquiry`), or takes the amount and a fee at once."""
        dispute_id = f"du_{len(self.disputes)}_{payment_intent_id}"
        self.disputes[dispute_id] = DisputeFacts(
            dispute_id, "warning_needs_response" if inquiry else "needs_response", "fraudulent", amount,
            payment_intent_id, clock.real_now() + timedelta(days=9))
        self._tell("charge.dispute.created", dispute_id)
        if not inquiry:
            self._take(dispute_id, fee)
        return self.disputes[dispute_id]

    def _take(self, dispute_id: str, fee: int) -> None:
        dispute = self.disputes[dispute_id]
        taken = max(self.in_dollars(dispute.amount), 1)
        self.disputes[dispute_id] = replace(dispute, taken_minor=taken, fee_minor=fee)
        self.balance -= taken + fee
        self._tell("charge.dispute.funds_withdrawn", dispute_id)

    def dispute_moves(self, dispute_id: str, status: str, *, fee: int = 0, fee_returned: bool = False,
                      late: bool = False) -> None:
        """It is escalated (an inquiry), answered, won (the money is back, or comes `late`), lost or closed."""
        dispute = self.disputes[dispute_id]
        self.disputes[dispute_id] = replace(dispute, status=status)
        if status == "needs_response" and not dispute.taken_minor:
            self._take(dispute_id, fee)
        if status == "won" and dispute.taken_minor and not late:
            self.reinstate(dispute_id, fee_returned)
        ended = status in ("won", "lost", "warning_closed")
        self._tell("charge.dispute.closed" if ended else "charge.dispute.updated", dispute_id)

    def reinstate(self, dispute_id: str, fee_returned: bool) -> None:
        """The money of a dispute that was won is back, at today's rate, and perhaps its fee."""
        dispute = self.disputes[dispute_id]
        back, returned = max(self.in_dollars(dispute.amount), 1), dispute.fee_minor if fee_returned else 0
        self.disputes[dispute_id] = replace(dispute, reinstated_minor=back, fee_returned_minor=returned)
        self.balance += back + returned
        self._tell("charge.dispute.funds_reinstated", dispute_id)
