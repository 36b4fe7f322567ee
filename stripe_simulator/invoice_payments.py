"""Payments of invoices: the link between an invoice and its payment intent (API reference, "Invoice Payment").

Finalizing an invoice makes one default payment of it, for the whole amount. It ends paid with its intent, or
cancelled when the invoice is voided or paid outside Stripe.
"""

from __future__ import annotations

from typing import Any

from .ids import new_id
from .store import Obj, Tx

KIND = "invoice_payment"


def add(tx: Tx, invoice: Obj, intent: Obj) -> Obj:
    """The default payment of a finalized invoice."""
    made: Obj = {
        "id": new_id("inpay"),
        "object": KIND,
        "amount_paid": None,
        "amount_requested": invoice["amount_due"],
        "created": tx.now,
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": False,
        "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
    }
    return tx.add(made, parent=invoice["id"])


def of_intent(tx: Tx, intent_id: str) -> Obj | None:
    """The payment that this intent makes, if it pays an invoice."""
    ids = tx.ids("kind = ? AND json_extract(data, '$.payment.payment_intent') = ?", KIND, intent_id)
    return tx.get(KIND, ids[0]) if ids else None


def of_invoice(tx: Tx, invoice_id: str) -> Obj | None:
    """The default payment of an invoice; none before it is finalized."""
    found = tx.children(KIND, invoice_id)
    return found[0] if found else None


def settled(tx: Tx, intent: Obj) -> None:
    """The intent succeeded: so has the payment, and the invoice is paid."""
    payment = of_intent(tx, intent["id"])
    if payment is None:
        return
    payment.update(status="paid", amount_paid=intent["amount_received"])
    payment["status_transitions"]["paid_at"] = tx.now
    tx.save(payment)
    invoice = tx.load("invoice", payment["invoice"], "invoice")
    invoice.update(attempted=True, attempt_count=invoice["attempt_count"] + 1)
    mark_paid(tx, invoice)
    tx.emit("invoice_payment.paid", payment)
    tx.emit("invoice.paid", invoice)
    tx.emit("invoice.payment_succeeded", invoice)


def failed(tx: Tx, intent: Obj) -> None:
    """The intent was refused: the invoice stays as it was and says that it was tried."""
    payment = of_intent(tx, intent["id"])
    if payment is None:
        return
    invoice = tx.load("invoice", payment["invoice"], "invoice")
    invoice.update(attempted=True, attempt_count=invoice["attempt_count"] + 1)
    tx.save(invoice)
    tx.emit("invoice.payment_failed", invoice)


def mark_paid(tx: Tx, invoice: Obj) -> None:
    """The whole amount has come."""
    invoice.update(status="paid", amount_paid=invoice["amount_due"], amount_remaining=0, auto_advance=False)
    invoice["status_transitions"]["paid_at"] = tx.now
    tx.save(invoice)


def cancel(tx: Tx, invoice: Obj) -> Obj | None:
    """Give up the open payment of an invoice; its intent is for the caller to cancel."""
    payment = of_invoice(tx, invoice["id"])
    if payment is None or payment["status"] != "open":
        return None
    payment["status"] = "canceled"
    payment["status_transitions"]["canceled_at"] = tx.now
    tx.save(payment)
    return tx.get("payment_intent", payment["payment"]["payment_intent"])


def filters(given: dict[str, Any]) -> list[tuple[str, Any]]:
    """(path in the object, value) of the list parameters of GET /v1/invoice_payments."""
    found = [("payment." + name, value) for name, value in given.get("payment", {}).items()]
    return found + [(name, given[name]) for name in ("invoice", "status") if name in given]
