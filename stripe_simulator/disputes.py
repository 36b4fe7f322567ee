"""Disputes (API reference, "Disputes"; Stripe docs, "Testing", "Disputes" and "Evidence").

A chargeback takes the amount and a fee from the balance at once; an inquiry (``warning_...``) takes nothing
until it is escalated. In test mode the evidence decides: ``uncategorized_text`` ``winning_evidence`` wins,
``losing_evidence`` loses, and ``escalate_inquiry_evidence`` turns an inquiry into a chargeback.

Simplified: the bank decides at once (the answer to the submission still reads ``under_review``), the fee is
never given back, and there is no further fee for countering.
"""

from __future__ import annotations

from typing import Any

from . import balance, objects
from .errors import ApiError
from .ids import new_id
from .store import Obj, Tx

KIND = "dispute"
#: Days to answer, until the end of the day (UTC).
ANSWER_DAYS = 9
_REASONS = """bank_cannot_process check_returned credit_not_processed customer_initiated debit_not_authorized
    duplicate fraudulent general incorrect_account_details insufficient_funds noncompliant product_not_received
    product_unacceptable subscription_canceled unrecognized"""
REASONS = frozenset(_REASONS.split())
_WORDS = """access_activity_log billing_address cancellation_policy_disclosure cancellation_rebuttal
    customer_email_address customer_name customer_purchase_ip duplicate_charge_explanation duplicate_charge_id
    product_description refund_policy_disclosure refund_refusal_explanation service_date shipping_address
    shipping_carrier shipping_date shipping_tracking_number uncategorized_text"""
#: Evidence that is words; files are shown as absent and are not taken.
WORDS = tuple(_WORDS.split())
_FILES = """cancellation_policy customer_communication customer_signature duplicate_charge_documentation receipt
    refund_policy service_documentation shipping_documentation uncategorized_file"""
NETWORK_CODES = {"fraudulent": "10.4", "product_not_received": "13.1", "duplicate": "12.6.1"}
OPEN = ("needs_response", "under_review", "warning_needs_response", "warning_under_review")


def open_dispute(tx: Tx, charge: Obj, amount: int, reason: str, *, inquiry: bool = False) -> Obj:
    """The payer's bank disputes a card charge, or inquires about it."""
    card = charge["payment_method_details"].get("card")
    if card is None or not charge["paid"]:
        raise ApiError(
            400, f"Charge {charge['id']} is no card payment that could be disputed.", param="charge"
        )
    if charge["disputed"]:
        raise ApiError(400, f"Charge {charge['id']} is disputed already.", param="charge")
    if not 1 <= amount <= charge["amount"]:
        raise ApiError(400, "A dispute is for 1 up to the amount of the charge.", param="amount")
    billing = charge["billing_details"]
    midnight = (tx.now // balance.DAY + 1) * balance.DAY
    dispute = tx.add(
        {
            "id": new_id("du"),
            "object": KIND,
            "amount": amount,
            "balance_transactions": [],
            "charge": charge["id"],
            "created": tx.now,
            "currency": charge["currency"],
            "enhanced_eligibility_types": [],
            "evidence": dict.fromkeys((*WORDS, *_FILES.split()))
            | {
                "customer_email_address": billing["email"],
                "customer_name": billing["name"],
                "enhanced_evidence": {},
            },
            "evidence_details": {
                "due_by": midnight + ANSWER_DAYS * balance.DAY - 1,
                "enhanced_eligibility": {},
                "has_evidence": False,
                "past_due": False,
                "submission_count": 0,
                "submission_method": "not_submitted",
            },
            "intended_submission_method": "manual",
            "is_charge_refundable": inquiry,
            "livemode": False,
            "metadata": {},
            "network_reason_code": NETWORK_CODES.get(reason, "10.4"),
            "payment_intent": charge["payment_intent"],
            "payment_method_details": {
                "card": {
                    "brand": card["brand"],
                    "case_type": "inquiry" if inquiry else "chargeback",
                    "network": card["network"],
                    "network_reason_code": NETWORK_CODES.get(reason, "10.4"),
                },
                "type": "card",
            },
            "reason": reason,
            "status": "warning_needs_response" if inquiry else "needs_response",
        },
        parent=charge["id"],
    )
    charge["disputed"] = True
    tx.save(charge)
    tx.emit("charge.dispute.created", dispute)
    if not inquiry:
        _withdraw(tx, dispute)
    return dispute


def _withdraw(tx: Tx, dispute: Obj) -> None:
    _move(
        tx,
        dispute,
        -dispute["amount"],
        f"Chargeback withdrawal for {dispute['charge']}",
        "dispute",
        tx.config.dispute_fee,
    )
    tx.emit("charge.dispute.funds_withdrawn", dispute)


def _move(tx: Tx, dispute: Obj, amount: int, text: str, category: str, fee: int) -> None:
    txn = balance.book(
        tx,
        "adjustment",
        amount,
        dispute["currency"],
        dispute["id"],
        text,
        category=category,
        fee=lambda _: fee,
        fee_text="Dispute fee",
    )
    dispute["balance_transactions"].append(txn)
    tx.save(dispute)


def shown(tx: Tx, dispute: Obj) -> Obj:
    """The dispute as it reads now, with its balance transactions as they stand."""
    return dispute | {
        "balance_transactions": [
            balance.shown(tx, tx.find(txn["id"]) or txn) for txn in dispute["balance_transactions"]
        ]
    }


def update(tx: Tx, dispute_id: str, given: dict[str, Any]) -> Obj:
    """POST /v1/disputes/:id: stage evidence, or submit it (the default)."""
    dispute = tx.load(KIND, dispute_id, "dispute")
    previous: Obj = {}
    if "metadata" in given:
        previous["metadata"] = dispute["metadata"]
        dispute["metadata"] = objects.merged_metadata(dispute["metadata"], given["metadata"])
    if "evidence" in given:
        if dispute["status"] not in ("needs_response", "warning_needs_response"):
            raise ApiError(400, f"This dispute takes no evidence: its status is {dispute['status']}.")
        previous["evidence"] = {name: dispute["evidence"][name] for name in given["evidence"]}
        dispute["evidence"] |= {name: text or None for name, text in given["evidence"].items()}
        dispute["evidence_details"]["has_evidence"] = any(dispute["evidence"][name] for name in WORDS)
    if not given.get("submit", "evidence" in given):
        tx.save(dispute)
        tx.emit("charge.dispute.updated", dispute, previous)
        return dispute
    return _submit(tx, dispute, previous)


def _submit(tx: Tx, dispute: Obj, previous: Obj) -> Obj:
    if dispute["status"] not in ("needs_response", "warning_needs_response"):
        raise ApiError(400, f"This dispute takes no evidence: its status is {dispute['status']}.")
    inquiry = dispute["status"].startswith("warning_")
    previous["status"] = dispute["status"]
    dispute["status"] = "warning_under_review" if inquiry else "under_review"
    dispute["evidence_details"]["submission_method"] = "manual"
    dispute["evidence_details"]["submission_count"] += 1
    tx.save(dispute)
    tx.emit("charge.dispute.updated", dispute, previous)
    answer = shown(tx, dispute)
    text = dispute["evidence"]["uncategorized_text"]
    if inquiry and text == "escalate_inquiry_evidence":
        escalate(tx, dispute)
    elif text == "winning_evidence":
        decide(tx, dispute, "warning_closed" if inquiry else "won")
    elif text == "losing_evidence" and not inquiry:
        decide(tx, dispute, "lost")
    return answer


def decide(tx: Tx, dispute: Obj, outcome: str) -> Obj:
    """The bank's last word: won gives the money back, at the rate of the day."""
    inquiry = dispute["status"].startswith("warning_")
    if dispute["status"] not in OPEN or inquiry != (outcome == "warning_closed"):
        raise ApiError(400, f"A dispute that is {dispute['status']} cannot become {outcome}.", param="status")
    dispute.update(status=outcome, is_charge_refundable=outcome != "lost")
    tx.save(dispute)
    tx.emit("charge.dispute.closed", dispute)
    if outcome == "won":
        _move(
            tx,
            dispute,
            dispute["amount"],
            f"Chargeback reversal for {dispute['charge']}",
            "dispute_reversal",
            0,
        )
        tx.emit("charge.dispute.funds_reinstated", dispute)
    return shown(tx, dispute)


def escalate(tx: Tx, dispute: Obj) -> Obj:
    """An inquiry becomes a chargeback: now the money goes."""
    if dispute["status"] not in ("warning_needs_response", "warning_under_review"):
        raise ApiError(400, "Only an open inquiry can be escalated.", param="status")
    previous = {"status": dispute["status"]}
    dispute.update(status="needs_response", is_charge_refundable=False)
    dispute["payment_method_details"]["card"]["case_type"] = "chargeback"
    tx.save(dispute)
    tx.emit("charge.dispute.updated", dispute, previous)
    _withdraw(tx, dispute)
    return shown(tx, dispute)


def close(tx: Tx, dispute_id: str) -> Obj:
    """POST /v1/disputes/:id/close: give in."""
    dispute = tx.load(KIND, dispute_id, "dispute")
    if dispute["status"] != "needs_response":
        raise ApiError(400, f"This dispute cannot be closed: its status is {dispute['status']}.")
    return decide(tx, dispute, "lost")


def holds_refunds(tx: Tx, charge: Obj) -> None:
    """Refuse a refund of what the bank has already taken (Stripe docs, "Refund a disputed payment")."""
    for dispute in tx.children(KIND, charge["id"]):
        if not dispute["is_charge_refundable"]:
            raise ApiError(
                400,
                f"Charge {charge['id']} has been charged back; cannot issue a refund.",
                code="charge_disputed",
                param="charge",
            )


def refunded(tx: Tx, charge: Obj) -> None:
    """A full refund answers an open inquiry."""
    if charge["refunded"]:
        for dispute in tx.children(KIND, charge["id"]):
            if dispute["status"].startswith("warning_") and dispute["status"] in OPEN:
                decide(tx, dispute, "warning_closed")


def past_due(tx: Tx) -> list[str]:
    """Disputes nobody answered in time."""
    return tx.ids(
        "kind = 'dispute' AND json_extract(data, '$.status') IN ('needs_response', 'warning_needs_response') "
        "AND json_extract(data, '$.evidence_details.due_by') <= ?",
        tx.now,
    )


def miss(tx: Tx, dispute_id: str) -> None:
    """Too late: a chargeback is lost; an inquiry left unanswered closes."""
    dispute = tx.load(KIND, dispute_id, "dispute")
    dispute["evidence_details"]["past_due"] = True
    decide(tx, dispute, "warning_closed" if dispute["status"].startswith("warning_") else "lost")
