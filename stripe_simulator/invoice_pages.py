"""The hosted invoice page, its printable form, and the page of bank transfer instructions."""

from __future__ import annotations

import time
from typing import Any

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from . import bank_accounts, cash, invoices
from .currencies import digits, show, typed
from .errors import ApiError, no_such
from .pages import ACTIONS, STEP_ACTIONS
from .screens import html, make, parts, same_origin
from .store import Obj, Tx

blueprint = make("invoice_pages")
SAID = {
    "paid": ("Invoice paid", "good", "Thank you. There is nothing more to pay."),
    "void": ("This invoice was voided", "warn", "It was withdrawn by the merchant. Nothing is due."),
    "uncollectible": ("This invoice can no longer be paid here", "warn", "Please write to the merchant."),
}


def _day(seconds: int) -> str:
    return time.strftime("%-d %B %Y", time.gmtime(seconds))


def _grouped(iban: str) -> str:
    return " ".join(iban[n : n + 4] for n in range(0, len(iban), 4))


def _transfer(tx: Tx, customer: Obj, currency: str, country: str, reference: str, missing: int) -> Obj:
    """What the bank transfer part of a page shows; its form carries what was typed when it was refused."""
    waiting = cash.available(tx, customer["id"]).get(currency, 0)
    wanted = max(missing, 0)
    typed_in = request.form if request.method == "POST" else {}
    return {
        "accounts": [
            {
                "title": _TITLES.get(a["type"], ""),
                "rows": [
                    (label, _grouped(a[a["type"]][name]) if name == "iban" else a[a["type"]][name])
                    for label, name in _LABELS
                    if name in a[a["type"]]
                ],
            }
            for a in bank_accounts.addresses(customer["id"], currency, country, tx.config.merchant)
        ],
        "currency": currency.upper(),
        "kept": show(waiting, currency) if waiting > 0 else "",
        "missing": show(wanted, currency),
        "reference": reference,
        "typed": {
            "amount": typed_in.get("amount", show(wanted, currency).partition(" ")[2]),
            "reference": typed_in.get("reference", reference),
            "sender": typed_in.get("sender", customer["name"] or ""),
        },
    }


_TITLES = {"aba": "From within the United States", "swift": "From abroad, by SWIFT"}
_LABELS = (
    ("Account holder", "account_holder_name"),
    ("Bank", "bank_name"),
    ("IBAN", "iban"),
    ("BIC", "bic"),
    ("Sort code", "sort_code"),
    ("CLABE", "clabe"),
    ("Routing number", "routing_number"),
    ("SWIFT code", "swift_code"),
    ("Branch code", "branch_code"),
    ("Account number", "account_number"),
)


def _invoice(tx: Tx, invoice_id: str) -> Obj:
    invoice = tx.load(invoices.KIND, invoice_id, "invoice")
    if invoice["status"] == "draft":
        raise no_such("invoice", invoice_id, "invoice")
    return invoice


def _facts(tx: Tx, invoice: Obj) -> Obj:
    """What the screens of an invoice show."""
    currency = invoice["currency"]
    intent = invoices.intent_of(tx, invoice) if invoice["amount_due"] else None
    types = invoice["payment_settings"]["payment_method_types"] or ["card"]
    charge = tx.get("charge", intent["latest_charge"] or "") if intent else None
    shown: Obj = {
        "invoice": invoice,
        "intent": intent,
        "problem": (intent or {}).get("last_payment_error"),
        "by_card": "card" in types,
        "transfer": None,
        "receipt": charge["receipt_url"] if charge and charge["paid"] else None,
        "lines": [
            {"name": line["description"] or "Item", "total": show(line["amount"], currency)}
            for line in tx.children("line_item", invoice["id"])
        ],
        "total": show(invoice["amount_due"], currency),
        "due": _day(invoice["due_date"]),
        "issued": _day(invoice["effective_at"]),
        "late": invoice["due_date"] <= tx.now,
    }
    if "customer_balance" in types and invoice["status"] == "open":
        customer = tx.load("customer", invoice["customer"], "customer")
        options = invoice["payment_settings"]["payment_method_options"]["customer_balance"]["bank_transfer"]
        missing = invoice["amount_remaining"] - cash.available(tx, customer["id"]).get(currency, 0)
        country = bank_accounts.country_of(currency, options)
        shown["transfer"] = _transfer(tx, customer, currency, country, invoice["number"], missing)
    return shown


def _page(invoice_id: str, status: int = 200, wrong: str | None = None) -> Response:
    _, store = parts()
    with store.read() as tx:
        invoice = _invoice(tx, invoice_id)
        shown = _facts(tx, invoice)
    if invoice["status"] == "open":
        return html("invoice.html", status, wrong=wrong, **shown)
    title, tone, text = SAID[invoice["status"]]
    link = {"link": shown["receipt"], "link_text": "Open the receipt"} if shown["receipt"] else {}
    return html(
        "message.html",
        200,
        title=title,
        tone=tone,
        text=f"Invoice {invoice['number']}, {shown['total']}. {text}",
        **link,
    )


@blueprint.get("/i/<invoice_id>")
def invoice_page(invoice_id: str) -> Response:
    """What is due, and the ways to pay it."""
    return _page(invoice_id)


@blueprint.post("/i/<invoice_id>")
def pay_invoice(invoice_id: str) -> BaseResponse:
    """One press of a card button, or a bank transfer sent."""
    same_origin()
    action = request.form.get("action", "")
    _, store = parts()
    with store.read() as tx:
        invoice = _invoice(tx, invoice_id)
        by_card = _facts(tx, invoice)["by_card"]
    if action == "send":
        if invoice["status"] == "open" and (wrong := _send(invoice["customer"], invoice["currency"])):
            return _page(invoice_id, 422, wrong)
        return redirect(f"/i/{invoice_id}", 303)
    if action not in ACTIONS or not by_card:
        raise ApiError(400, "Unknown button.")
    return _act(invoice_id, action)


def _act(invoice_id: str, action: str) -> BaseResponse:
    _, store = parts()
    name = request.form.get("name", "").strip()[:200] or None
    with store.write() as tx:
        _invoice(tx, invoice_id)
        invoice = invoices.payer_acts(tx, invoice_id, action, name)
    step = action == "challenge" and invoice["status"] == "open"
    return redirect(f"/i/{invoice_id}/confirm" if step else f"/i/{invoice_id}", 303)


@blueprint.get("/i/<invoice_id>/confirm")
def confirm_invoice_page(invoice_id: str) -> BaseResponse:
    """The simulated bank's authentication step."""
    _, store = parts()
    with store.read() as tx:
        invoice = _invoice(tx, invoice_id)
        shown = _facts(tx, invoice)
    if invoice["status"] != "open" or shown["intent"]["status"] != "requires_action":
        return redirect(f"/i/{invoice_id}", 303)
    return html("confirm.html", 200, back=f"/i/{invoice_id}", total=shown["total"])


@blueprint.post("/i/<invoice_id>/confirm")
def confirm_invoice(invoice_id: str) -> BaseResponse:
    """Authentication completed or refused."""
    same_origin()
    action = request.form.get("action", "")
    if action not in STEP_ACTIONS:
        raise ApiError(400, "Unknown button.")
    return _act(invoice_id, action)


@blueprint.get("/i/<invoice_id>/pdf")
def printable(invoice_id: str) -> Response:
    """Where ``invoice_pdf`` points: a page to print, not a PDF file."""
    _, store = parts()
    with store.read() as tx:
        invoice = _invoice(tx, invoice_id)
        return html("invoice_print.html", 200, **_facts(tx, invoice))


def _send(customer: str, currency: str) -> str | None:
    """Bring the money that the form names into the cash balance; what is wrong with the form, or None."""
    amount = typed(request.form.get("amount", ""), currency)
    if amount is None:
        places = digits(currency)
        example = "1,250." + "0" * places if places else "1,250"
        return f"Write the amount in {currency.upper()} as a number, for example {example}."
    given: dict[str, Any] = {"amount": amount, "currency": currency}
    for name, field in (("reference", "reference"), ("sender_name", "sender")):
        if text := request.form.get(field, "").strip()[:140]:
            given[name] = text
    _, store = parts()
    with store.write() as tx:
        cash.fund(tx, customer, given)
    return None


def _instructions(intent_id: str, status: int = 200, wrong: str | None = None) -> Response:
    _, store = parts()
    with store.read() as tx:
        intent = _transfer_intent(tx, intent_id)
        customer = tx.load("customer", intent["customer"], "customer")
        currency = intent["currency"]
        total = show(intent["amount"], currency)
        kept = cash.available(tx, customer["id"]).get(currency, 0)
        charge = tx.get("charge", intent["latest_charge"] or "")
        if intent["status"] == "requires_action":
            asked = intent["next_action"]["display_bank_transfer_instructions"]
            options = intent["payment_method_options"]["customer_balance"]["bank_transfer"]
            country = bank_accounts.country_of(currency, options)
            left = asked["amount_remaining"]
            shown = _transfer(tx, customer, currency, country, asked["reference"], left)
            received = show(intent["amount"] - left, currency) if left < intent["amount"] else ""
            return html(
                "transfer.html",
                status,
                intent=intent,
                total=total,
                received=received,
                transfer=shown | {"kept": ""},
                wrong=wrong,
                post=f"/bank_transfers/instructions/{intent_id}",
            )
    if charge is None:
        text, tone, title = "Nothing is due any more.", "warn", "This payment was cancelled"
        return html("message.html", 410, title=title, tone=tone, text=text)
    text = f"{total} arrived by simulated bank transfer."
    if kept > 0:
        text += f" {show(kept, currency)} more than was due stay in the payer's cash balance."
    link = {"link": charge["receipt_url"], "link_text": "Open the receipt"}
    return html("message.html", 200, title="The money has arrived", tone="good", text=text, **link)


def _transfer_intent(tx: Tx, intent_id: str) -> Obj:
    intent = tx.load("payment_intent", intent_id, "intent")
    if "customer_balance" not in intent["payment_method_options"] or intent["status"] not in (
        "requires_action",
        "succeeded",
        "canceled",
    ):
        raise no_such("payment_intent", intent_id, "intent")
    return intent


@blueprint.get("/bank_transfers/instructions/<intent_id>")
def instructions_page(intent_id: str) -> Response:
    """Where ``hosted_instructions_url`` points: what to send, where, and with which reference."""
    return _instructions(intent_id)


@blueprint.post("/bank_transfers/instructions/<intent_id>")
def send_transfer(intent_id: str) -> BaseResponse:
    """The payer's bank sends so much."""
    same_origin()
    if request.form.get("action") != "send":
        raise ApiError(400, "Unknown button.")
    _, store = parts()
    with store.read() as tx:
        intent = _transfer_intent(tx, intent_id)
    if intent["status"] == "requires_action" and (wrong := _send(intent["customer"], intent["currency"])):
        return _instructions(intent_id, 422, wrong)
    return redirect(f"/bank_transfers/instructions/{intent_id}", 303)
