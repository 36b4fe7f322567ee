"""Every endpoint served: its parameters as the SDK describes them, and those the simulator acts on.

Here: sessions, payments, refunds, disputes, payouts, the balance and events. ``billing_schemas`` has the rest.
"""

from __future__ import annotations

from typing import Any

from stripe import params

from . import balance, checkout, disputes, listing, payments, payouts, refunds
from .billing_schemas import BILLING
from .endpoints import LIST, RANGE, Endpoint, end, getter, lister
from .store import Obj, Tx


def _line_items(tx: Tx, session_id: str, given: dict[str, Any]) -> Obj:
    tx.load(checkout.KIND, session_id, "session")
    items = tx.children("item", session_id)
    if "starting_after" in given:
        ids = [item["id"] for item in items]
        items = items[ids.index(given["starting_after"]) + 1 :] if given["starting_after"] in ids else []
    limit = listing.limit_of(given)
    return listing.page_of(
        f"/v1/checkout/sessions/{session_id}/line_items", items[:limit], len(items) > limit
    )


SESSION_CREATE = """mode line_items.*.quantity line_items.*.price_data.currency
    line_items.*.price_data.unit_amount
    line_items.*.price_data.product_data.name line_items.*.price_data.product_data.description
    line_items.*.price_data.product_data.metadata success_url cancel_url client_reference_id metadata
    payment_intent_data.metadata payment_intent_data.description payment_intent_data.receipt_email
    customer_email submit_type expires_at expand locale allowed_payment_method_types ui_mode"""
INTENT_CREATE = """amount currency customer metadata description receipt_email payment_method
    allowed_payment_method_types confirm automatic_payment_methods return_url expand
    payment_method_data.type payment_method_data.customer_balance
    payment_method_options.customer_balance.funding_type payment_method_options.customer_balance.bank_transfer"""

PAYMENTS: tuple[Endpoint, ...] = (
    end(
        "POST",
        "/v1/checkout/sessions",
        params.checkout.SessionCreateParams,
        lambda tx, _, given: checkout.create(tx, given),
        SESSION_CREATE,
    ),
    end(
        "GET",
        "/v1/checkout/sessions",
        params.checkout.SessionListParams,
        lister(checkout.KIND, "/v1/checkout/sessions"),
        f"{LIST} {RANGE} payment_intent status customer_details.email",
    ),
    end(
        "GET",
        "/v1/checkout/sessions/<object_id>",
        params.checkout.SessionRetrieveParams,
        getter(checkout.KIND, "session"),
        "expand",
    ),
    end(
        "GET",
        "/v1/checkout/sessions/<object_id>/line_items",
        params.checkout.SessionListLineItemsParams,
        _line_items,
        "limit starting_after expand",
    ),
    end(
        "POST",
        "/v1/checkout/sessions/<object_id>/expire",
        params.checkout.SessionExpireParams,
        lambda tx, object_id, _: checkout.expire(tx, object_id),
        "expand",
    ),
    end(
        "POST",
        "/v1/payment_intents",
        params.PaymentIntentCreateParams,
        lambda tx, _, given: payments.create(tx, given),
        INTENT_CREATE,
    ),
    end(
        "GET",
        "/v1/payment_intents",
        params.PaymentIntentListParams,
        lister("payment_intent", "/v1/payment_intents"),
        f"{LIST} {RANGE} customer",
    ),
    end(
        "GET",
        "/v1/payment_intents/<object_id>",
        params.PaymentIntentRetrieveParams,
        getter("payment_intent", "intent"),
        "expand",
    ),
    end(
        "POST",
        "/v1/payment_intents/<object_id>/confirm",
        params.PaymentIntentConfirmParams,
        payments.confirm,
        "payment_method payment_method_data.type payment_method_data.customer_balance return_url expand",
    ),
    end(
        "POST",
        "/v1/payment_intents/<object_id>/cancel",
        params.PaymentIntentCancelParams,
        payments.cancel,
        "cancellation_reason expand",
    ),
    end(
        "GET",
        "/v1/charges",
        params.ChargeListParams,
        lister("charge", "/v1/charges"),
        f"{LIST} {RANGE} payment_intent customer",
    ),
    end("GET", "/v1/charges/<object_id>", params.ChargeRetrieveParams, getter("charge", "charge"), "expand"),
    end(
        "GET",
        "/v1/balance_transactions",
        params.BalanceTransactionListParams,
        lister("balance_transaction", "/v1/balance_transactions"),
        f"{LIST} {RANGE} source type currency payout",
    ),
    end(
        "GET",
        "/v1/balance_transactions/<object_id>",
        params.BalanceTransactionRetrieveParams,
        getter("balance_transaction", "id"),
        "expand",
    ),
    end(
        "POST",
        "/v1/refunds",
        params.RefundCreateParams,
        lambda tx, _, given: refunds.create(tx, given),
        "amount charge payment_intent metadata reason origin customer currency instructions_email expand",
    ),
    end(
        "GET",
        "/v1/refunds",
        params.RefundListParams,
        lister("refund", "/v1/refunds"),
        f"{LIST} {RANGE} payment_intent charge",
    ),
    end("GET", "/v1/refunds/<object_id>", params.RefundRetrieveParams, getter("refund", "refund"), "expand"),
    end("POST", "/v1/refunds/<object_id>", params.RefundUpdateParams, refunds.update, "metadata expand"),
    end("GET", "/v1/balance", params.BalanceRetrieveParams, lambda tx, _, __: balance.retrieve(tx), "expand"),
    end(
        "GET",
        "/v1/events",
        params.EventListParams,
        lister("event", "/v1/events"),
        f"{LIST} {RANGE} type types delivery_success",
    ),
    end("GET", "/v1/events/<object_id>", params.EventRetrieveParams, getter("event", "id"), "expand"),
)

MONEY: tuple[Endpoint, ...] = (
    end(
        "GET",
        "/v1/disputes",
        params.DisputeListParams,
        lister(disputes.KIND, "/v1/disputes"),
        f"{LIST} {RANGE} charge payment_intent",
    ),
    end(
        "GET",
        "/v1/disputes/<object_id>",
        params.DisputeRetrieveParams,
        getter(disputes.KIND, "dispute"),
        "expand",
    ),
    end(
        "POST",
        "/v1/disputes/<object_id>",
        params.DisputeUpdateParams,
        disputes.update,
        "metadata submit expand " + " ".join(f"evidence.{name}" for name in disputes.WORDS),
    ),
    end(
        "POST",
        "/v1/disputes/<object_id>/close",
        params.DisputeCloseParams,
        lambda tx, object_id, _: disputes.close(tx, object_id),
        "expand",
    ),
    end(
        "POST",
        "/v1/payouts",
        params.PayoutCreateParams,
        lambda tx, _, given: payouts.create(tx, given),
        "amount currency description metadata method statement_descriptor expand",
    ),
    end(
        "GET",
        "/v1/payouts",
        params.PayoutListParams,
        lister(payouts.KIND, "/v1/payouts"),
        f"{LIST} {RANGE} arrival_date status destination",
    ),
    end(
        "GET",
        "/v1/payouts/<object_id>",
        params.PayoutRetrieveParams,
        getter(payouts.KIND, "payout"),
        "expand",
    ),
    end(
        "POST",
        "/v1/payouts/<object_id>/cancel",
        params.PayoutCancelParams,
        lambda tx, object_id, _: payouts.cancel(tx, object_id),
        "expand",
    ),
)

ENDPOINTS: tuple[Endpoint, ...] = (*PAYMENTS, *MONEY, *BILLING)
