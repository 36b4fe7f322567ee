"""The control switches that move money and time; see ``control`` for the list."""

from __future__ import annotations

import time
from decimal import Decimal, InvalidOperation
from typing import Any

from flask import Blueprint, request

from . import balance, checkout, disputes, invoices, payouts, rates, refunds
from .control import bad, body, guard, number, parts
from .currencies import SUPPORTED
from .store import Obj, Tx

blueprint = Blueprint("control_money", __name__, url_prefix="/_simulator")
blueprint.before_request(guard)


def _only(data: dict[str, Any], *known: str) -> dict[str, Any]:
    if unknown := set(data) - set(known):
        raise bad(f"Unknown: {', '.join(sorted(unknown))}. Known: {', '.join(known)}.")
    return data


def _amount(data: dict[str, Any]) -> dict[str, int]:
    return {"amount": int(number(data, "amount", 0, 1, 1 << 40))} if "amount" in data else {}


def _one_of(data: dict[str, Any], name: str, known: tuple[str, ...]) -> str:
    value = data.get(name)
    if value not in known:
        raise bad(f"{name} must be one of {', '.join(known)}.")
    return str(value)


def _charge(tx: Tx, data: dict[str, Any]) -> Obj:
    if "charge" in data:
        return tx.load("charge", str(data["charge"]), "charge")
    intent = tx.load("payment_intent", str(data.get("payment_intent", "")), "payment_intent")
    return tx.load("charge", str(intent["latest_charge"]), "charge")


@blueprint.post("/checkout/<session_id>")
def move_expiry(session_id: str) -> Obj:
    """Change when an open session runs out."""
    store, _ = parts()
    at = int(number(body(), "expires_at", time.time(), 0, 1 << 40))
    with store.write() as tx:
        session = tx.load(checkout.KIND, session_id, "session")
        session["expires_at"] = at
        tx.save(session)
        for overdue in checkout.overdue(tx):
            checkout.run_out(tx, overdue)
        return tx.load(checkout.KIND, session_id, "session")


@blueprint.post("/invoices/<invoice_id>")
def move_invoice(invoice_id: str) -> Obj:
    """Change when an invoice is due, or when a draft finalizes by itself."""
    store, _ = parts()
    data = _only(body(), "due_date", "automatically_finalizes_at")
    changes = {name: int(number(data, name, 0, 0, 1 << 40)) for name in data}
    with store.write() as tx:
        return invoices.move(tx, invoice_id, changes)


@blueprint.post("/refunds")
def dashboard_refund() -> Obj:
    """A refund made in the dashboard: it carries nothing of the application's."""
    store, _ = parts()
    data = _only(body(), "charge", "payment_intent", "amount", "reason")
    known = ("duplicate", "fraudulent", "requested_by_customer")
    reason = {"reason": _one_of(data, "reason", known)} if "reason" in data else {}
    with store.write() as tx:
        return refunds.create(tx, {"charge": _charge(tx, data)["id"], **_amount(data), **reason})


@blueprint.post("/refunds/<refund_id>")
def move_refund(refund_id: str) -> Obj:
    """Let a pending refund succeed, or any refund fail."""
    store, _ = parts()
    data = _only(body(), "status", "failure_reason")
    with store.write() as tx:
        if _one_of(data, "status", ("succeeded", "failed")) == "succeeded":
            return refunds.succeed(tx, refund_id)
        return refunds.fail(tx, refund_id, str(data.get("failure_reason", "lost_or_stolen_card")))


@blueprint.post("/disputes")
def dispute_charge() -> Obj:
    """The payer's bank disputes a charge, in full or in part."""
    store, _ = parts()
    data = _only(body(), "charge", "payment_intent", "amount", "reason", "inquiry")
    reason = _one_of({"reason": "fraudulent"} | data, "reason", tuple(sorted(disputes.REASONS)))
    if not isinstance(data.get("inquiry", False), bool):
        raise bad("inquiry must be true or false.")
    with store.write() as tx:
        charge = _charge(tx, data)
        amount = _amount(data).get("amount") or charge["amount"]
        return disputes.open_dispute(tx, charge, amount, reason, inquiry=data.get("inquiry", False))


@blueprint.post("/disputes/<dispute_id>")
def move_dispute(dispute_id: str) -> Obj:
    """Decide it, escalate an inquiry, or change when it must be answered."""
    store, _ = parts()
    data = _only(body(), "status", "due_by")
    with store.write() as tx:
        dispute = tx.load(disputes.KIND, dispute_id, "dispute")
        if "due_by" in data:
            dispute["evidence_details"]["due_by"] = int(number(data, "due_by", 0, 0, 1 << 40))
            tx.save(dispute)
            if dispute_id in disputes.past_due(tx):
                disputes.miss(tx, dispute_id)
            return disputes.shown(tx, tx.load(disputes.KIND, dispute_id, "dispute"))
        known = ("won", "lost", "warning_closed", "needs_response")
        status = _one_of(data, "status", known)
        if status == "needs_response":
            return disputes.escalate(tx, dispute)
        return disputes.decide(tx, dispute, status)


@blueprint.post("/payouts")
def pay_out() -> Obj:
    """An automatic payout; ``data`` is empty when nothing is available."""
    store, _ = parts()
    data = _only(body(), "reconciled")
    with store.write() as tx:
        made = payouts.automatic(tx, reconciled=data.get("reconciled", True) is True)
        return {"data": [made] if made else []}


@blueprint.post("/payouts/<payout_id>")
def move_payout(payout_id: str) -> Obj:
    """Move a payout on, or say what it contains."""
    store, _ = parts()
    known = ("status", "failure_code", "failure_message", "reconciliation_status", "arrival_date")
    data = _only(body(), *known)
    with store.write() as tx:
        if "arrival_date" in data:
            return payouts.expect(tx, payout_id, int(number(data, "arrival_date", 0, 0, 1 << 40)))
        if "reconciliation_status" in data:
            _one_of(data, "reconciliation_status", ("completed",))
            return payouts.reconcile(tx, payout_id)
        status = _one_of(data, "status", tuple(payouts.MOVES))
        code = str(data.get("failure_code", "could_not_process"))
        return payouts.move(tx, payout_id, status, code, data.get("failure_message"))


@blueprint.post("/balance")
def mature_balance() -> Obj:
    """Everything that is pending is available now."""
    store, _ = parts()
    if _only(body(), "available") != {"available": True}:
        raise bad('Only {"available": true} is known.')
    with store.write() as tx:
        changed = balance.mature(tx)
        return {"changed": changed} | balance.retrieve(tx)


@blueprint.route("/rates", methods=["GET", "POST"])
def show_rates() -> Obj:
    """Simulated rates: one unit in the settlement currency."""
    store, _ = parts()
    given: dict[str, Decimal] = {}
    for name, value in (body() if request.method == "POST" else {}).items():
        try:
            given[name.lower()] = Decimal(str(value))
        except InvalidOperation as error:
            raise bad(f"The rate of {name} must be a decimal number.") from error
    with store.write() as tx:
        home = tx.config.settlement_currency
        for code, value in given.items():
            if code not in SUPPORTED or code == home:
                raise bad(f"{code} has no rate to {home}.")
            if not (value.is_finite() and Decimal("1e-9") <= value <= Decimal("1e9")):
                raise bad(f"The rate of {code} must be a number above zero.")
            rates.set_rate(tx, code, value)
        shown = {code: str(rates.rate_of(tx, code)) for code in sorted(rates.US_DOLLARS)}
        return {"simulated": True, "settlement_currency": home, "rates": shown}
