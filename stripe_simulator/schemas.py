"""Every endpoint served: its parameters as the SDK describes them, and those the simulator acts on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from stripe import params

from . import checkout, listing, payments, refunds
from .errors import unsupported
from .params import check, leaves
from .store import Obj, Tx

Handler = Callable[[Tx, str, dict[str, Any]], Obj]

LIST = "limit starting_after ending_before expand"
RANGE = "created"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A method and path of Stripe's API."""

    method: str
    rule: str
    schema: type
    run: Handler
    accepted: frozenset[str] = field(default_factory=frozenset)

    def read(self, given: dict[str, Any]) -> dict[str, Any]:
        """Checked parameters; one that the simulator would ignore is refused."""
        typed = check(self.schema, given)
        for path in leaves(typed):
            prefixes = path.split(".")
            if path and not any(".".join(prefixes[: n + 1]) in self.accepted for n in range(len(prefixes))):
                raise unsupported(path)
        return typed


def _get(kind: str, param: str) -> Handler:
    def run(tx: Tx, object_id: str, given: dict[str, Any]) -> Obj:
        return listing.present(tx, payments.load(tx, kind, object_id, param))

    return run


def _list(kind: str, url: str) -> Handler:
    def run(tx: Tx, object_id: str, given: dict[str, Any]) -> Obj:
        return listing.list_of(tx, kind, url, given)

    return run


def _line_items(tx: Tx, session_id: str, given: dict[str, Any]) -> Obj:
    payments.load(tx, checkout.KIND, session_id, "session")
    items = tx.children("item", session_id)
    if "starting_after" in given:
        ids = [item["id"] for item in items]
        items = items[ids.index(given["starting_after"]) + 1 :] if given["starting_after"] in ids else []
    limit = listing.limit_of(given)
    return listing.page_of(
        f"/v1/checkout/sessions/{session_id}/line_items", items[:limit], len(items) > limit
    )


def _end(method: str, rule: str, schema: type, run: Handler, accepted: str) -> Endpoint:
    return Endpoint(method, rule, schema, run, frozenset(accepted.split()))


SESSION_CREATE = """mode line_items.*.quantity line_items.*.price_data.currency
    line_items.*.price_data.unit_amount
    line_items.*.price_data.product_data.name line_items.*.price_data.product_data.description
    line_items.*.price_data.product_data.metadata success_url cancel_url client_reference_id metadata
    payment_intent_data.metadata payment_intent_data.description payment_intent_data.receipt_email
    customer_email submit_type expires_at expand locale allowed_payment_method_types ui_mode"""
INTENT_CREATE = """amount currency metadata description receipt_email payment_method
    allowed_payment_method_types confirm automatic_payment_methods return_url expand"""

ENDPOINTS: tuple[Endpoint, ...] = (
    _end(
        "POST",
        "/v1/checkout/sessions",
        params.checkout.SessionCreateParams,
        lambda tx, _, given: checkout.create(tx, given),
        SESSION_CREATE,
    ),
    _end(
        "GET",
        "/v1/checkout/sessions",
        params.checkout.SessionListParams,
        _list(checkout.KIND, "/v1/checkout/sessions"),
        f"{LIST} {RANGE} payment_intent status customer_details.email",
    ),
    _end(
        "GET",
        "/v1/checkout/sessions/<object_id>",
        params.checkout.SessionRetrieveParams,
        _get(checkout.KIND, "session"),
        "expand",
    ),
    _end(
        "GET",
        "/v1/checkout/sessions/<object_id>/line_items",
        params.checkout.SessionListLineItemsParams,
        _line_items,
        "limit starting_after expand",
    ),
    _end(
        "POST",
        "/v1/checkout/sessions/<object_id>/expire",
        params.checkout.SessionExpireParams,
        lambda tx, object_id, _: checkout.expire(tx, object_id),
        "expand",
    ),
    _end(
        "POST",
        "/v1/payment_intents",
        params.PaymentIntentCreateParams,
        lambda tx, _, given: payments.create(tx, given),
        INTENT_CREATE,
    ),
    _end(
        "GET",
        "/v1/payment_intents",
        params.PaymentIntentListParams,
        _list("payment_intent", "/v1/payment_intents"),
        f"{LIST} {RANGE}",
    ),
    _end(
        "GET",
        "/v1/payment_intents/<object_id>",
        params.PaymentIntentRetrieveParams,
        _get("payment_intent", "intent"),
        "expand",
    ),
    _end(
        "POST",
        "/v1/payment_intents/<object_id>/confirm",
        params.PaymentIntentConfirmParams,
        payments.confirm,
        "payment_method return_url expand",
    ),
    _end(
        "POST",
        "/v1/payment_intents/<object_id>/cancel",
        params.PaymentIntentCancelParams,
        payments.cancel,
        "cancellation_reason expand",
    ),
    _end(
        "GET",
        "/v1/charges",
        params.ChargeListParams,
        _list("charge", "/v1/charges"),
        f"{LIST} {RANGE} payment_intent",
    ),
    _end("GET", "/v1/charges/<object_id>", params.ChargeRetrieveParams, _get("charge", "charge"), "expand"),
    _end(
        "GET",
        "/v1/balance_transactions",
        params.BalanceTransactionListParams,
        _list("balance_transaction", "/v1/balance_transactions"),
        f"{LIST} {RANGE} source type currency",
    ),
    _end(
        "GET",
        "/v1/balance_transactions/<object_id>",
        params.BalanceTransactionRetrieveParams,
        _get("balance_transaction", "id"),
        "expand",
    ),
    _end(
        "POST",
        "/v1/refunds",
        params.RefundCreateParams,
        lambda tx, _, given: refunds.create(tx, given),
        "amount charge payment_intent metadata reason expand",
    ),
    _end(
        "GET",
        "/v1/refunds",
        params.RefundListParams,
        _list("refund", "/v1/refunds"),
        f"{LIST} {RANGE} payment_intent charge",
    ),
    _end("GET", "/v1/refunds/<object_id>", params.RefundRetrieveParams, _get("refund", "refund"), "expand"),
    _end("POST", "/v1/refunds/<object_id>", params.RefundUpdateParams, refunds.update, "metadata expand"),
    _end("GET", "/v1/balance", params.BalanceRetrieveParams, lambda tx, _, __: listing.balance(tx), "expand"),
    _end(
        "GET",
        "/v1/events",
        params.EventListParams,
        _list("event", "/v1/events"),
        f"{LIST} {RANGE} type types delivery_success",
    ),
    _end("GET", "/v1/events/<object_id>", params.EventRetrieveParams, _get("event", "id"), "expand"),
)
