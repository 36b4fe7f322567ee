"""Invoices (API reference, "Invoices"; Stripe docs, "Status transitions and finalization").

``draft`` -> ``open`` (finalized) -> ``paid``, ``void`` or ``uncollectible``; an uncollectible one can still be
paid or voided. Only ``collection_method=send_invoice`` is served: the payer pays on the hosted page, by bank
transfer, or outside Stripe.

Simplified: no tax, discounts, credit balance or credit notes; ``invoice.updated`` is sent only for an update by
request; ``invoice.overdue`` is sent once, when the due date has passed (at Stripe an automation sends it).
"""

from __future__ import annotations

from typing import Any

from . import attempts, bank_accounts, cash, customers, invoice_objects, invoice_payments, money_objects
from .currencies import check_charge, check_currency, check_granularity
from .errors import ApiError, InvalidParameters, missing, unsupported
from .objects import billing_details, merged_metadata
from .rates import rate_of
from .store import Obj, Tx

KIND = "invoice"
ITEM = "invoiceitem"
DAY = 24 * 3600
TYPES = ("card", "customer_balance")
MAX_ITEMS = 250


def create(tx: Tx, given: dict[str, Any]) -> Obj:
    """POST /v1/invoices: a draft."""
    if given.get("collection_method", "charge_automatically") != "send_invoice":
        raise unsupported("collection_method (other than send_invoice)")
    if "customer" not in given:
        raise missing("customer")
    customer = tx.load("customer", given["customer"], "customer", 400)
    if not customer["email"]:
        raise ApiError(
            400,
            "Missing email. In order to create invoices that are sent to the customer, the customer must have "
            "a valid email.",
        )
    currency = check_currency(given.get("currency", tx.config.settlement_currency), "currency")
    rate_of(tx, currency)
    settings = _payment_settings(currency, given.get("payment_settings", {}))
    invoice = tx.add(
        invoice_objects.invoice(
            tx.now, customer, given, currency, _due(tx, given), settings, tx.config.merchant
        )
    )
    if given.get("pending_invoice_items_behavior") == "include":
        for item in _pending(tx, customer["id"], currency):
            _attach(tx, invoice, item)
    tx.save(invoice)
    tx.emit("invoice.created", invoice)
    return invoice


def _due(tx: Tx, given: dict[str, Any]) -> int:
    """Seconds of the due date; Stripe wants exactly one way of saying it."""
    days, date = given.get("days_until_due"), given.get("due_date")
    if days is None and date is None:
        raise InvalidParameters(
            "If invoice collection method is 'send_invoice', either `days_until_due` or `due_date` must be "
            "specified.",
            param="days_until_due",
        )
    if days is not None and date is not None:
        raise InvalidParameters(
            "You may only specify one of these parameters: days_until_due, due_date.",
            code="parameters_exclusive",
            param="due_date",
        )
    if days is not None and days < 0:
        raise InvalidParameters("days_until_due must not be negative.", param="days_until_due")
    if date is not None and date <= tx.now:
        raise InvalidParameters("The due date must be in the future.", param="due_date")
    return tx.now + int(days) * DAY if days is not None else int(date or 0)


def _payment_settings(currency: str, given: dict[str, Any]) -> Obj:
    """``payment_settings``: cards when nothing is said, as a fresh account's default would be."""
    types = given.get("payment_method_types") or None
    for name in types or ():
        if name not in TYPES:
            raise unsupported(f"payment_settings[payment_method_types] ({name})")
    options = given.get("payment_method_options", {}).get("customer_balance") or {}
    shown: Obj | None = None
    if "customer_balance" in (types or ()):
        transfer = options.get("bank_transfer", {"type": bank_accounts.TYPES.get(currency)})
        param = "payment_settings[payment_method_options][customer_balance][bank_transfer]"
        shown = {
            "customer_balance": {
                "bank_transfer": bank_accounts.check(currency, transfer, param),
                "funding_type": options.get("funding_type", "bank_transfer"),
            }
        }
    return {"default_mandate": None, "payment_method_options": shown, "payment_method_types": types}


def add_item(tx: Tx, given: dict[str, Any]) -> Obj:
    """POST /v1/invoiceitems: onto a draft, or pending until an invoice includes it."""
    invoice = tx.load(KIND, given["invoice"], "invoice", 400) if "invoice" in given else None
    if "customer" not in given and invoice is None:
        raise missing("customer")
    given = given | {"customer": given.get("customer") or (invoice or {})["customer"]}
    tx.load("customer", given["customer"], "customer", 400)
    if "amount" not in given:
        raise missing("amount")
    default = str(invoice["currency"] if invoice else tx.config.settlement_currency)
    currency = check_currency(given.get("currency", default), "currency")
    check_granularity(given["amount"], currency, "amount")
    if invoice is not None:
        _editable(invoice)
        if currency != invoice["currency"]:
            raise InvalidParameters(
                f"The currency of the invoice item ({currency}) must be that of the invoice "
                f"({invoice['currency']}).",
                param="currency",
            )
        if given["customer"] != invoice["customer"]:
            raise InvalidParameters("The invoice belongs to another customer.", param="invoice")
    item = tx.add(invoice_objects.invoice_item(tx.now, given, currency))
    tx.emit("invoiceitem.created", item)
    if invoice is not None:
        _attach(tx, invoice, item)
    return item


def _pending(tx: Tx, customer: str, currency: str) -> list[Obj]:
    ids = tx.ids(
        "kind = ? AND json_extract(data, '$.customer') = ? AND json_extract(data, '$.currency') = ? "
        "AND json_extract(data, '$.invoice') IS NULL",
        ITEM,
        customer,
        currency,
    )
    return [tx.load(ITEM, item_id, "invoiceitem") for item_id in ids]


def _attach(tx: Tx, invoice: Obj, item: Obj) -> None:
    item["invoice"] = invoice["id"]
    tx.save(item)
    tx.add(invoice_objects.line(item), parent=invoice["id"])
    lines = tx.children("line_item", invoice["id"])
    if len(lines) > MAX_ITEMS:
        raise ApiError(400, f"An invoice can have at most {MAX_ITEMS} items.", param="invoice")
    total = sum(line["amount"] for line in lines)
    due = max(total, 0)
    invoice["lines"] |= {"data": lines[:10], "has_more": len(lines) > 10}
    invoice.update(
        amount_due=due,
        amount_remaining=due,
        subtotal=total,
        subtotal_excluding_tax=total,
        total=total,
        total_excluding_tax=total,
    )
    tx.save(invoice)


def _editable(invoice: Obj) -> None:
    if invoice["status"] != "draft":
        raise ApiError(
            400,
            "This invoice is not editable: only a draft can be changed.",
            code="invoice_not_editable",
            param="invoice",
        )


def update(tx: Tx, invoice_id: str, given: dict[str, Any]) -> Obj:
    """POST /v1/invoices/:id: metadata and description always, the due date, footer and advance of a draft."""
    invoice = tx.load(KIND, invoice_id, "invoice")
    before = dict(invoice)
    if {"due_date", "days_until_due", "footer"} & set(given):
        _editable(invoice)
    if {"due_date", "days_until_due"} & set(given):
        invoice["due_date"] = _due(tx, given)
    for name in ("description", "footer"):
        if name in given:
            invoice[name] = given[name] or None
    if "auto_advance" in given:
        advance = bool(given["auto_advance"]) and invoice["status"] in ("draft", "open")
        at = tx.now + 3600 if advance and invoice["status"] == "draft" else None
        invoice.update(auto_advance=advance, automatically_finalizes_at=at)
    invoice["metadata"] = merged_metadata(invoice["metadata"], given.get("metadata"))
    tx.save(invoice)
    tx.emit("invoice.updated", invoice, {k: before[k] for k in invoice if invoice[k] != before[k]})
    return invoice


def finalize(tx: Tx, invoice_id: str, given: dict[str, Any]) -> Obj:
    """POST /v1/invoices/:id/finalize: it gets its number, its page and its payment intent."""
    invoice = tx.load(KIND, invoice_id, "invoice")
    if invoice["status"] != "draft":
        raise _wrong_state(invoice, "finalized")
    if "auto_advance" in given:
        invoice["auto_advance"] = bool(given["auto_advance"])
    customer = tx.load("customer", invoice["customer"], "customer")
    if invoice["amount_due"]:
        check_charge(invoice["amount_due"], invoice["currency"], "amount_due")
    page = f"{tx.config.base_url}/i/{invoice['id']}"
    invoice.update(
        **invoice_objects.billed(customer),
        status="open",
        number=customers.next_number(tx, customer),
        effective_at=tx.now,
        ending_balance=0,
        automatically_finalizes_at=None,
        hosted_invoice_url=page,
        invoice_pdf=f"{page}/pdf",
    )
    invoice["status_transitions"]["finalized_at"] = tx.now
    tx.save(invoice)
    if invoice["amount_due"]:
        _payment(tx, invoice)
    tx.emit("invoice.finalized", invoice)
    if invoice["auto_advance"]:
        tx.emit("invoice.sent", invoice)
    if not invoice["amount_due"]:
        invoice_payments.mark_paid(tx, invoice)
        tx.emit("invoice.paid", invoice)
        tx.emit("invoice.payment_succeeded", invoice)
    elif "customer_balance" in _types(invoice):
        cash.reconcile(tx, customer["id"], invoice["currency"])
    return tx.load(KIND, invoice_id, "invoice")


def _types(invoice: Obj) -> list[str]:
    return invoice["payment_settings"]["payment_method_types"] or ["card"]


def _payment(tx: Tx, invoice: Obj) -> None:
    transfer = invoice["payment_settings"]["payment_method_options"] or {}
    known = {"card": money_objects.CARD_OPTIONS, **transfer}
    intent = tx.add(
        money_objects.payment_intent(
            tx.now,
            invoice["amount_due"],
            invoice["currency"],
            {"customer": invoice["customer"], "description": "Payment for Invoice"},
            {name: known[name] for name in _types(invoice)},
        )
    )
    invoice_payments.add(tx, invoice, intent)
    tx.emit("payment_intent.created", intent)


def _wrong_state(invoice: Obj, verb: str) -> ApiError:
    return ApiError(
        400,
        f"This invoice cannot be {verb}: its status is {invoice['status']}.",
        code="invoice_not_editable" if invoice["status"] != "draft" else None,
    )


def send(tx: Tx, invoice_id: str) -> Obj:
    """POST /v1/invoices/:id/send: nothing is mailed, as in test mode; a draft is finalized first."""
    invoice = tx.load(KIND, invoice_id, "invoice")
    if invoice["status"] == "draft":
        invoice = finalize(tx, invoice_id, {"auto_advance": False})
    elif invoice["status"] != "open":
        raise _wrong_state(invoice, "sent")
    tx.emit("invoice.sent", invoice)
    return invoice


def void(tx: Tx, invoice_id: str) -> Obj:
    """POST /v1/invoices/:id/void: it was a mistake; the number stays used."""
    invoice = tx.load(KIND, invoice_id, "invoice")
    if invoice["status"] not in ("open", "uncollectible"):
        raise _wrong_state(invoice, "voided")
    invoice.update(status="void", auto_advance=False)
    invoice["status_transitions"]["voided_at"] = tx.now
    tx.save(invoice)
    if intent := invoice_payments.cancel(tx, invoice):
        attempts.cancelled(tx, intent, "void_invoice")
    tx.emit("invoice.voided", invoice)
    return invoice


def mark_uncollectible(tx: Tx, invoice_id: str) -> Obj:
    """POST /v1/invoices/:id/mark_uncollectible: bad debt, though it may still be paid."""
    invoice = tx.load(KIND, invoice_id, "invoice")
    if invoice["status"] != "open":
        raise _wrong_state(invoice, "marked uncollectible")
    invoice.update(status="uncollectible", auto_advance=False)
    invoice["status_details"]["uncollectible"] = {"reason": "payment_not_received"}
    invoice["status_transitions"]["marked_uncollectible_at"] = tx.now
    tx.save(invoice)
    tx.emit("invoice.marked_uncollectible", invoice)
    return invoice


def pay(tx: Tx, invoice_id: str, given: dict[str, Any]) -> Obj:
    """POST /v1/invoices/:id/pay: outside Stripe (no money moves here), or with a test card."""
    invoice = tx.load(KIND, invoice_id, "invoice")
    if invoice["status"] not in ("open", "uncollectible"):
        raise _wrong_state(invoice, "paid")
    if given.get("paid_out_of_band"):
        invoice["amount_paid_off_stripe"] = invoice["amount_due"]
        invoice_payments.mark_paid(tx, invoice)
        if intent := invoice_payments.cancel(tx, invoice):
            attempts.cancelled(tx, intent, None)
        tx.emit("invoice.paid", invoice)
        return invoice
    if "payment_method" not in given:
        raise ApiError(
            400,
            "This customer has no attached payment source or default payment method. Please consider adding a "
            "default payment method.",
            code="resource_missing",
        )
    attempts.by_card(tx, intent_of(tx, invoice), given["payment_method"])
    return tx.load(KIND, invoice_id, "invoice")


def intent_of(tx: Tx, invoice: Obj) -> Obj:
    """The payment intent of an invoice that waits for payment."""
    payment = invoice_payments.of_invoice(tx, invoice["id"])
    assert payment is not None
    return tx.load("payment_intent", payment["payment"]["payment_intent"], "intent")


def payer_acts(tx: Tx, invoice_id: str, action: str, name: str | None) -> Obj:
    """One press of a card button on the hosted page; it changes nothing unless the invoice is open."""
    invoice = tx.load(KIND, invoice_id, "invoice")
    if invoice["status"] == "open":
        billing = billing_details(invoice["customer_email"], name or invoice["customer_name"])
        step = f"{tx.config.base_url}/i/{invoice_id}/confirm"
        attempts.press(tx, intent_of(tx, invoice), action, billing, step)
    return tx.load(KIND, invoice_id, "invoice")


def due_drafts(tx: Tx) -> list[str]:
    """Drafts that advance by themselves and whose hour has come."""
    return tx.ids(
        "kind = 'invoice' AND json_extract(data, '$.status') = 'draft' "
        "AND json_extract(data, '$.automatically_finalizes_at') <= ?",
        tx.now,
    )


def finalize_due(tx: Tx, invoice_id: str) -> None:
    """Finalize such a draft; what is wrong with it is said in the draft."""
    try:
        finalize(tx, invoice_id, {})
    except ApiError as error:
        invoice = tx.load(KIND, invoice_id, "invoice")
        invoice.update(automatically_finalizes_at=None, last_finalization_error=error.error)
        tx.save(invoice)
        tx.emit("invoice.finalization_failed", invoice)


def overdue(tx: Tx) -> list[str]:
    """Open invoices past their due date that nobody was told of."""
    return tx.ids(
        "kind = 'invoice' AND json_extract(data, '$.status') = 'open' "
        "AND json_extract(data, '$.due_date') <= ? "
        "AND NOT EXISTS (SELECT 1 FROM object AS note WHERE note.id = object.id || '#overdue')",
        tx.now,
    )


def tell_overdue(tx: Tx, invoice_id: str) -> None:
    """``invoice.overdue``, once."""
    tx.add({"id": f"{invoice_id}#overdue", "object": "_overdue"})
    tx.emit("invoice.overdue", tx.load(KIND, invoice_id, "invoice"))


def move(tx: Tx, invoice_id: str, changes: Obj) -> Obj:
    """Control: change when it is due, or when a draft finalizes by itself."""
    invoice = tx.load(KIND, invoice_id, "invoice")
    invoice.update(changes)
    tx.save(invoice)
    if "due_date" in changes:
        tx.drop(f"{invoice_id}#overdue")
    if invoice_id in due_drafts(tx):
        finalize_due(tx, invoice_id)
    if invoice_id in overdue(tx):
        tell_overdue(tx, invoice_id)
    return tx.load(KIND, invoice_id, "invoice")
