"""Whatever is done in whatever order, the money adds up: a random walk, judged from outside."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from .conftest import Simulator
from .test_bank_transfers import invoice_for, wanted
from .test_disputes import pay

STEPS = 130


class Walk:
    """What can be done, and what must hold afterwards."""

    def __init__(self, simulator: Simulator, seed: int) -> None:
        self.simulator, self.client = simulator, simulator.client()
        self.random = random.Random(seed)
        self.customers = [
            self.client.v1.customers.create({"email": f"c{n}@state.example", "name": f"C{n}"}).id
            for n in range(2)
        ]
        self.refused = 0
        self.payouts: list[str] = []

    def _some(self, items: Any) -> Any:
        found = list(items)
        return self.random.choice(found) if found else None

    def _amount(self) -> int:
        return self.random.randint(500, 90_000) // 10 * 10

    def card(self) -> None:
        currency = self.random.choice(["usd", "eur", "jpy", "kwd"])
        name = self.random.choice(
            ["pm_card_visa"] * 3 + ["pm_card_createDispute", "pm_card_createDisputeInquiry"]
        )
        pay(self.client, name, self._amount(), currency=currency)

    def transfer(self) -> None:
        self.client.v1.payment_intents.create(wanted(self._some(self.customers), self._amount()))

    def invoice(self) -> None:
        invoice_for(self.client, self._some(self.customers), self._amount())

    def fund(self) -> None:
        given: Any = {"amount": self._amount(), "currency": "usd"}
        self.client.v1.test_helpers.customers.fund_cash_balance(self._some(self.customers), given)

    def cancel(self) -> None:
        intents = self.client.v1.payment_intents.list({"limit": 20}).data
        if chosen := self._some(i for i in intents if i.status == "requires_action"):
            self.client.v1.payment_intents.cancel(chosen.id)

    def press_invoice(self) -> None:
        if chosen := self._some(self.client.v1.invoices.list({"status": "open"}).data):
            self.simulator.press(
                str(chosen.hosted_invoice_url), self.random.choice(["pay", "decline", "challenge"])
            )

    def end_invoice(self) -> None:
        if chosen := self._some(self.client.v1.invoices.list({"status": "open"}).data):
            invoices = self.client.v1.invoices
            end: Callable[[str], Any] = self.random.choice(
                [
                    invoices.void_invoice,
                    invoices.mark_uncollectible,
                    lambda i: invoices.pay(i, {"paid_out_of_band": True}),
                ]
            )
            end(chosen.id)

    def refund(self) -> None:
        if charge := self._some(c for c in self.client.v1.charges.list({"limit": 30}).data if c.paid):
            given: Any = {
                "charge": charge.id,
                "amount": self.random.randint(1, charge.amount) // 10 * 10 or 10,
            }
            self.client.v1.refunds.create(given)

    def move_refund(self) -> None:
        if refund := self._some(self.client.v1.refunds.list({"limit": 20}).data):
            status = "failed" if refund.status != "pending" or self.random.random() < 0.5 else "succeeded"
            if refund.status != "failed":
                self.simulator.control(f"refunds/{refund.id}", {"status": status})

    def answer(self) -> None:
        open_ones = [
            d for d in self.client.v1.disputes.list({"limit": 20}).data if d.status.endswith("_response")
        ]
        if dispute := self._some(open_ones):
            text = self.random.choice(["winning_evidence", "losing_evidence", "escalate_inquiry_evidence"])
            self.client.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": text}})

    def pay_out(self) -> None:
        self.simulator.control("balance", {"available": True})
        self.payouts += [p["id"] for p in self.simulator.control("payouts", {})["data"]]

    def break_payout(self) -> None:
        if payout := self._some(p for p in self.client.v1.payouts.list({}).data if p.status != "failed"):
            self.simulator.control(f"payouts/{payout.id}", {"status": "failed"})

    def rate(self) -> None:
        self.simulator.control("rates", {"eur": str(round(self.random.uniform(0.9, 1.3), 4))})

    def run(self) -> None:
        steps = [
            *[self.card, self.transfer, self.invoice, self.fund, self.fund, self.refund, self.move_refund],
            *[
                self.cancel,
                self.press_invoice,
                self.end_invoice,
                self.answer,
                self.pay_out,
                self.break_payout,
            ],
            self.rate,
        ]
        for _ in range(STEPS):
            try:
                self.random.choice(steps)()
            except stripe.StripeError as error:
                assert error.http_status in (400, 402), error
                self.refused += 1

    def all(self, service: Any, **params: Any) -> list[Any]:
        return list(service.list({"limit": 100, **params}).auto_paging_iter())

    def judge(self) -> None:
        v1 = self.client.v1
        txns = self.all(v1.balance_transactions)
        balance = v1.balance.retrieve()
        assert sum(t.net for t in txns) == balance.available[0].amount + balance.pending[0].amount
        assert all(t.net == t.amount - t.fee and t.fee >= 0 for t in txns)
        contained = [
            t.id for payout in self.payouts for t in self.all(v1.balance_transactions, payout=payout)
        ]
        assert len(contained) == len(set(contained))  # each in one payout
        for payout in self.payouts:
            assert sum(t.net for t in self.all(v1.balance_transactions, payout=payout)) == 0
        charges = {c.id: c for c in self.all(v1.charges)}
        for charge in charges.values():
            kept = [r for r in self.all(v1.refunds, charge=charge.id) if r.status != "failed"]
            assert charge.amount_refunded == sum(r.amount for r in kept) <= charge.amount
        self.judge_customers(charges)

    def judge_customers(self, charges: dict[str, Any]) -> None:
        v1 = self.client.v1
        for customer in self.customers:
            moves = list(
                v1.customers.cash_balance_transactions.list(customer, {"limit": 100}).auto_paging_iter()
            )
            available = v1.customers.cash_balance.retrieve(customer).available
            left = available.to_dict().get("usd", 0) if available else 0
            assert sum(m.net_amount for m in moves) == left >= 0
            assert all(m.ending_balance >= 0 for m in moves)
            by_transfer = [c for c in charges.values() if c.customer == customer and c.id.startswith("py_")]
            waiting = [
                i
                for i in self.all(v1.payment_intents, customer=customer)
                if i.status == "requires_action"
                and i.next_action.type == "display_bank_transfer_instructions"
            ]
            parts = sum(
                i.amount - i.next_action.display_bank_transfer_instructions.amount_remaining for i in waiting
            )
            funded = sum(m.net_amount for m in moves if m.type == "funded")
            assert funded == left + parts + sum(c.amount for c in by_transfer)
            for invoice in self.all(v1.invoices, customer=customer):
                assert invoice.amount_remaining == invoice.amount_due - invoice.amount_paid
                assert (invoice.status == "paid") == (invoice.amount_remaining == 0)
                (payment,) = v1.invoice_payments.list({"invoice": invoice.id}).data
                intent = v1.payment_intents.retrieve(str(payment.payment.payment_intent))
                assert (payment.status == "paid") == (intent.status == "succeeded")


@pytest.mark.parametrize("seed", [1, 2])
def test_the_money_adds_up(simulator: Simulator, seed: int) -> None:
    walk = Walk(simulator, seed)
    walk.run()
    walk.judge()
    assert walk.payouts and walk.refused < STEPS / 4
