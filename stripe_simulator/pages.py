"""The hosted payment page of Checkout, the receipt, and the front page."""

from __future__ import annotations

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from . import checkout
from .currencies import show
from .errors import ApiError
from .screens import html, make, parts, same_origin
from .store import Obj, Tx

blueprint = make("pages")

#: Button values of the page, and of the authentication step.
ACTIONS = {"pay", "decline", "challenge"}
STEP_ACTIONS = {"authenticate", "refuse"}
SUBMIT_LABELS = {"donate": "Donate", "book": "Book", "pay": "Pay"}


def _view(tx: Tx, session_id: str) -> tuple[Obj, Obj]:
    """A session and what its screens show."""
    session = tx.load(checkout.KIND, session_id, "session")
    currency = session["currency"]
    intent = tx.get("payment_intent", session["payment_intent"]) if session["payment_intent"] else None
    items = []
    for item in tx.children("item", session_id):
        made = tx.get("product", item["price"]["product"]) or {}
        items.append(
            {
                "name": item["description"],
                "about": made.get("description"),
                "quantity": item["quantity"],
                "unit": show(item["price"]["unit_amount"], currency),
                "total": show(item["amount_total"], currency),
            }
        )
    return session, {
        "items": items,
        "total": show(session["amount_total"], currency),
        "intent": intent,
        "problem": (intent or {}).get("last_payment_error"),
        "verb": SUBMIT_LABELS.get(session["submit_type"] or "pay", "Pay"),
    }


def _closed(session: Obj) -> Response | None:
    """The screen of a session that takes no payment any more."""
    if session["status"] == "complete":
        return html(
            "message.html",
            200,
            session,
            title="Already paid",
            tone="good",
            text="This payment was completed. There is nothing more to do here.",
            link=checkout.return_url(session),
            link_text="Return to the merchant",
        )
    if session["status"] == "expired":
        return html(
            "message.html",
            410,
            session,
            title="This payment page has expired",
            tone="warn",
            text="No payment was taken. Go back and start again to get a new page.",
            link=session["cancel_url"],
            link_text="Go back",
        )
    return None


def _load(session_id: str) -> tuple[Obj, Obj]:
    _, store = parts()
    with store.read() as tx:
        session, view = _view(tx, session_id)
        late = session["status"] == "open" and session["expires_at"] <= tx.now
    if late:
        with store.write() as tx:
            for overdue in checkout.overdue(tx):
                checkout.run_out(tx, overdue)
            session, view = _view(tx, session_id)
    return session, view


@blueprint.get("/c/pay/<session_id>")
def pay_page(session_id: str) -> Response:
    """Merchant, amount, and the ways this payment can go."""
    session, view = _load(session_id)
    return _closed(session) or html("checkout.html", 200, session, **view)


@blueprint.post("/c/pay/<session_id>")
def pay(session_id: str) -> BaseResponse:
    """One press of a button."""
    same_origin()
    action = request.form.get("action", "")
    session, _ = _load(session_id)
    if action == "abandon":
        if not session["cancel_url"]:
            raise ApiError(400, "The merchant gave no address to go back to. You can close this page.")
        return redirect(session["cancel_url"], 303)
    if action not in ACTIONS:
        raise ApiError(400, "Unknown button.")
    return _act(session_id, action)


@blueprint.get("/c/pay/<session_id>/confirm")
def confirm_page(session_id: str) -> BaseResponse:
    """The simulated bank's authentication step."""
    session, view = _load(session_id)
    if closed := _closed(session):
        return closed
    if view["intent"] is None or view["intent"]["status"] != "requires_action":
        return redirect(f"/c/pay/{session_id}", 303)
    return html("confirm.html", 200, session, back=f"/c/pay/{session_id}", **view)


@blueprint.post("/c/pay/<session_id>/confirm")
def confirm(session_id: str) -> BaseResponse:
    """Authentication completed or refused."""
    same_origin()
    action = request.form.get("action", "")
    if action not in STEP_ACTIONS:
        raise ApiError(400, "Unknown button.")
    return _act(session_id, action)


def _act(session_id: str, action: str) -> BaseResponse:
    _, store = parts()
    email = request.form.get("email", "").strip()[:200] or None
    name = request.form.get("name", "").strip()[:200] or None
    with store.write() as tx:
        session = checkout.payer_acts(tx, session_id, action, email, name)
    if session["status"] == "complete":
        return redirect(checkout.return_url(session), 303)
    if action == "challenge":
        return redirect(f"/c/pay/{session_id}/confirm", 303)
    return redirect(f"/c/pay/{session_id}", 303)


@blueprint.get("/receipts/<charge_id>")
def receipt(charge_id: str) -> Response:
    """Where ``receipt_url`` of a charge points."""
    _, store = parts()
    with store.read() as tx:
        charge = tx.load("charge", charge_id, "charge")
    if not charge["paid"]:
        raise ApiError(404, "There is no receipt for a payment that did not succeed.")
    amount = show(charge["amount"], charge["currency"])
    card = charge["payment_method_details"].get("card")
    way = f"with a simulated card ending in {card['last4']}" if card else "by simulated bank transfer"
    text = f"{amount}, paid {way}."
    if charge["amount_refunded"]:
        text += f" Refunded: {show(charge['amount_refunded'], charge['currency'])}."
    return html("message.html", 200, title="Receipt (simulated)", text=text, tone="good")


@blueprint.get("/")
def home() -> Response:
    """A word to whoever opens the bare address."""
    return html(
        "message.html",
        200,
        title="Stripe simulator",
        tone="plain",
        text="This process stands in for Stripe on this computer, for trying things out and for tests. "
        "Payment pages open from the application.",
    )
