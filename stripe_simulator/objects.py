"""Builders of Stripe objects, with the key sets of the API version pinned in the SDK.

Each function follows "The ... object" page of the Stripe API reference; ``tests/simulator`` compares the keys
with the annotations of the SDK's resource classes. Here: what is sold, and the session it is sold in.
"""

from __future__ import annotations

from typing import Any

from .ids import new_id

Obj = dict[str, Any]

NO_ADDRESS: Obj = {
    "city": None,
    "country": None,
    "line1": None,
    "line2": None,
    "postal_code": None,
    "state": None,
}


def kept_metadata(given: Obj) -> Obj:
    """Metadata at creation: an empty value sets nothing."""
    return {key: value for key, value in (given.get("metadata") or {}).items() if value != ""}


def merged_metadata(current: Obj, change: Obj | str | None) -> Obj:
    """Metadata after an update: an empty value removes a key, an empty string all of them."""
    if change is None or isinstance(change, str):
        return current if change is None else {}
    return {k: v for k, v in (current | change).items() if v != ""}


def billing_details(email: str | None = None, name: str | None = None) -> Obj:
    """``billing_details`` of a charge or payment method."""
    return {"address": dict(NO_ADDRESS), "email": email, "name": name, "phone": None, "tax_id": None}


def product(now: int, data: Obj) -> Obj:
    """The Product object, made inline from ``price_data[product_data]``."""
    return {
        "id": new_id("prod", 14),
        "object": "product",
        "active": False,
        "created": now,
        "default_price": None,
        "description": data.get("description"),
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": kept_metadata(data),
        "name": data["name"],
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "type": "service",
        "unit_label": None,
        "updated": now,
        "url": None,
    }


def price(now: int, product_id: str, currency: str, unit_amount: int) -> Obj:
    """The Price object, made inline from ``price_data``."""
    return {
        "id": new_id("price"),
        "object": "price",
        "active": False,
        "billing_scheme": "per_unit",
        "created": now,
        "currency": currency,
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": None,
        "metadata": {},
        "nickname": None,
        "product": product_id,
        "recurring": None,
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "one_time",
        "unit_amount": unit_amount,
        "unit_amount_decimal": str(unit_amount),
    }


def line_item(name: str, price_obj: Obj, quantity: int) -> Obj:
    """The Line Item object of a Checkout Session."""
    total = price_obj["unit_amount"] * quantity
    return {
        "id": new_id("li"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": total,
        "amount_tax": 0,
        "amount_total": total,
        "currency": price_obj["currency"],
        "description": name,
        "metadata": {},
        "price": price_obj,
        "quantity": quantity,
    }


def checkout_session(now: int, base_url: str, given: Obj, currency: str, total: int) -> Obj:
    """The Checkout Session object, hosted page, ``mode=payment``."""
    session_id = new_id("cs_test", 58)
    email = given.get("customer_email")
    return {
        "id": session_id,
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": False},
        "after_expiration": None,
        "allow_promotion_codes": None,
        "allowed_payment_method_types": given.get("allowed_payment_method_types"),
        "amount_subtotal": total,
        "amount_total": total,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": None,
        "cancel_url": given.get("cancel_url"),
        "client_reference_id": given.get("client_reference_id"),
        "client_secret": None,
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "created": now,
        "currency": currency,
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer": None,
        "customer_account": None,
        "customer_creation": "if_required",
        "customer_details": customer_details(email) if email else None,
        "customer_email": email,
        "discounts": [],
        "expires_at": given["expires_at"],
        "invoice": None,
        "invoice_creation": None,
        "livemode": False,
        "locale": given.get("locale"),
        "metadata": kept_metadata(given),
        "mode": "payment",
        "origin_context": None,
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "if_required",
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "saved_payment_method_options": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": given.get("submit_type"),
        "subscription": None,
        "success_url": given["success_url"],
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": f"{base_url}/c/pay/{session_id}",
        "wallet_options": None,
    }


def customer_details(email: str | None, name: str | None = None) -> Obj:
    """``customer_details`` of a Checkout Session."""
    return {
        "address": None,
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": name,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": None,
    }
