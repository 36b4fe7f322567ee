"""Checkout Sessions: creation, expiry, the buttons of the hosted page (API reference, "Sessions")."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from . import attempts, money_objects, objects
from .currencies import check_charge, check_currency, check_granularity
from .customers import EMAIL
from .errors import ApiError, InvalidParameters, missing, unsupported
from .rates import rate_of
from .store import Obj, Tx

KIND = "checkout.session"
PLACEHOLDER = "{CHECKOUT_SESSION_ID}"
DAY = 24 * 3600


def create(tx: Tx, given: dict[str, Any]) -> Obj:
    """POST /v1/checkout/sessions."""
    _check(tx, given)
    currency, items = _items(tx, given["line_items"])
    total = sum(item["amount_total"] for item in items)
    check_charge(total, currency, "line_items", checkout=True)
    rate_of(tx, currency)
    given = {"expires_at": tx.now + DAY} | given
    session = tx.add(objects.checkout_session(tx.now, tx.config.base_url, given, currency, total))
    for item in items:
        tx.add(item, parent=session["id"])
    # What will be copied to the payment intent is kept apart: the session object has no such field.
    tx.add(
        {"id": f"{session['id']}#intent", "object": "_intent_data", **given.get("payment_intent_data", {})}
    )
    return session


def _check(tx: Tx, given: dict[str, Any]) -> None:
    if given.get("mode") is None:
        raise missing("mode")
    if given["mode"] != "payment":
        raise unsupported(f"mode ({given['mode']})")
    if given.get("ui_mode", "hosted_page") != "hosted_page":
        raise unsupported("ui_mode (other than hosted_page)")
    if given.get("allowed_payment_method_types", ["card"]) != ["card"]:
        raise unsupported("allowed_payment_method_types (other than card)")
    for name in ("success_url", "line_items"):
        if not given.get(name):
            raise missing(name)
    for name in ("success_url", "cancel_url"):
        if name in given:
            check_url(given[name], name)
    email = given.get("customer_email")
    if email is not None and not EMAIL.fullmatch(email):
        raise InvalidParameters(
            f"Invalid email address: {email}", code="email_invalid", param="customer_email"
        )
    if len(given.get("client_reference_id", "")) > 200:
        raise InvalidParameters("Invalid string: must be at most 200 characters", param="client_reference_id")
    if "expires_at" in given:
        wait = given["expires_at"] - tx.now
        if wait < 30 * 60 - 5:
            raise InvalidParameters(
                "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.",
                param="expires_at",
            )
        if wait > DAY + 5:
            raise InvalidParameters(
                "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.",
                param="expires_at",
            )


def check_url(url: str, param: str) -> None:
    """Only absolute http(s) addresses without spaces or control characters."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not good or any(ch <= " " or ch == "\x7f" or ch in '"<>\\' for ch in url) or len(url) > 5000:
        raise InvalidParameters("Not a valid URL", code="url_invalid", param=param)


def _items(tx: Tx, lines: list[Obj]) -> tuple[str, list[Obj]]:
    currencies: list[str] = []
    items: list[Obj] = []
    for index, line in enumerate(lines):
        at = f"line_items[{index}]"
        for name in ("price_data", "quantity"):
            if name not in line:
                raise missing(f"{at}[{name}]")
        data = line["price_data"]
        for name in ("unit_amount", "product_data"):
            if name not in data:
                raise missing(f"{at}[price_data][{name}]")
        currency = check_currency(data["currency"], f"{at}[price_data][currency]")
        if data["unit_amount"] < 0:
            raise InvalidParameters(
                "This value must be greater than or equal to 0.",
                param=f"{at}[price_data][unit_amount]",
                code="parameter_invalid_integer",
            )
        check_granularity(data["unit_amount"], currency, f"{at}[price_data][unit_amount]")
        if line["quantity"] < 1:
            raise InvalidParameters(
                "This value must be greater than or equal to 1.",
                param=f"{at}[quantity]",
                code="parameter_invalid_integer",
            )
        name = data["product_data"]["name"]
        if not name.strip():
            raise InvalidParameters(
                "You passed an empty string for the product's name.",
                code="parameter_invalid_empty",
                param=f"{at}[price_data][product_data][name]",
            )
        made = tx.add(objects.product(tx.now, data["product_data"]))
        cost = tx.add(objects.price(tx.now, made["id"], currency, data["unit_amount"]))
        items.append(objects.line_item(name, cost, line["quantity"]))
        currencies.append(currency)
    if len(set(currencies)) > 1:
        raise InvalidParameters("All line items must have the same currency.", param="line_items")
    return currencies[0], items


def return_url(session: Obj) -> str:
    """Where the payer goes after paying."""
    return str(session["success_url"]).replace(PLACEHOLDER, session["id"])


def expire(tx: Tx, session_id: str) -> Obj:
    """POST /v1/checkout/sessions/:id/expire."""
    session = tx.load(KIND, session_id, "session")
    if session["status"] != "open":
        raise ApiError(
            400,
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session '
            f"has a status of `{session['status']}`.",
        )
    return _expired(tx, session)


def _expired(tx: Tx, session: Obj) -> Obj:
    session.update(status="expired", url=None)
    tx.save(session)
    if session["payment_intent"]:
        intent = tx.load("payment_intent", session["payment_intent"], "payment_intent")
        if intent["status"] not in ("succeeded", "canceled"):
            attempts.cancelled(tx, intent, "expired")
    tx.emit("checkout.session.expired", session)
    return session


def overdue(tx: Tx) -> list[str]:
    """Open sessions whose time is up."""
    rows = tx.conn.execute(
        "SELECT id FROM object WHERE kind = ? AND json_extract(data, '$.status') = 'open' "
        "AND json_extract(data, '$.expires_at') <= ?",
        (KIND, tx.now),
    )
    return [row["id"] for row in rows]


def run_out(tx: Tx, session_id: str) -> Obj:
    """One of them is over."""
    return _expired(tx, tx.load(KIND, session_id, "session"))


def payer_acts(tx: Tx, session_id: str, action: str, email: str | None, name: str | None) -> Obj:
    """One press of a button on the hosted page; on a session that is no longer open it changes nothing."""
    session = tx.load(KIND, session_id, "session")
    if session["status"] != "open":
        return session
    if session["expires_at"] <= tx.now:
        return _expired(tx, session)
    intent = _intent(tx, session)
    billing = objects.billing_details(session["customer_email"] or email, name)
    attempts.press(tx, intent, action, billing, f"{tx.config.base_url}/c/pay/{session_id}/confirm")
    if intent["status"] == "succeeded":
        _complete(tx, session, intent)
    return session


def _intent(tx: Tx, session: Obj) -> Obj:
    """The session's payment intent, made at the first attempt (as hosted Checkout does)."""
    if session["payment_intent"]:
        return tx.load("payment_intent", session["payment_intent"], "payment_intent")
    given = tx.find(f"{session['id']}#intent") or {}
    intent = tx.add(money_objects.payment_intent(tx.now, session["amount_total"], session["currency"], given))
    session["payment_intent"] = intent["id"]
    tx.save(session)
    tx.emit("payment_intent.created", intent)
    return intent


def _complete(tx: Tx, session: Obj, intent: Obj) -> None:
    billing = tx.load("payment_method", intent["payment_method"], "id")["billing_details"]
    session.update(
        status="complete",
        payment_status="paid",
        url=None,
        customer_details=objects.customer_details(billing["email"], billing["name"]),
    )
    tx.save(session)
    tx.emit("checkout.session.completed", session)
