"""Builders of the objects of billing: invoice, invoice item, line. See ``objects`` for where the shapes come from."""

from __future__ import annotations

from .ids import new_id
from .objects import Obj, kept_metadata


def invoice_item(now: int, given: Obj, currency: str) -> Obj:
    """The Invoice Item object: one amount to be billed, on an invoice or pending."""
    return {
        "id": new_id("ii"),
        "object": "invoiceitem",
        "amount": given["amount"],
        "currency": currency,
        "customer": given["customer"],
        "customer_account": None,
        "date": now,
        "description": given.get("description"),
        "discountable": True,
        "discounts": [],
        "frozen_fields": None,
        "invoice": given.get("invoice"),
        "livemode": False,
        "metadata": kept_metadata(given),
        "net_amount": given["amount"],
        "parent": None,
        "period": {"end": now, "start": now},
        "pricing": {
            "price_details": None,
            "type": "price_details",
            "unit_amount_decimal": str(given["amount"]),
        },
        "proration": False,
        "quantity": 1,
        "quantity_decimal": "1",
        "tax_rates": [],
        "test_clock": None,
    }


def line(item: Obj) -> Obj:
    """The Line Item object that an invoice item becomes."""
    return {
        "id": new_id("il"),
        "object": "line_item",
        "amount": item["amount"],
        "currency": item["currency"],
        "description": item["description"],
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": item["invoice"],
        "livemode": False,
        "metadata": item["metadata"],
        "parent": {
            "invoice_item_details": {
                "invoice_item": item["id"],
                "proration": False,
                "proration_details": {"credited_items": None},
                "subscription": None,
            },
            "subscription_item_details": None,
            "type": "invoice_item_details",
        },
        "period": item["period"],
        "pretax_credit_amounts": [],
        "pricing": item["pricing"],
        "quantity": 1,
        "quantity_decimal": "1",
        "subscription": None,
        "subtotal": item["amount"],
        "taxes": [],
    }


def invoice(
    now: int, customer: Obj, given: Obj, currency: str, due: int, settings: Obj, merchant: str
) -> Obj:
    """The Invoice object as a draft, ``collection_method=send_invoice``."""
    advance = bool(given.get("auto_advance"))
    invoice_id = new_id("in")
    return {
        "id": invoice_id,
        "object": "invoice",
        "account_country": "US",
        "account_name": merchant,
        "account_tax_ids": None,
        "amount_due": 0,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_paid_off_stripe": 0,
        "amount_remaining": 0,
        "amount_shipping": 0,
        "application": None,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": advance,
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": False,
            "liability": None,
            "provider": None,
            "status": None,
        },
        "automatically_finalizes_at": now + 3600 if advance else None,
        "billing_reason": "manual",
        "collection_method": "send_invoice",
        "created": now,
        "currency": currency,
        "custom_fields": None,
        "customer": customer["id"],
        "customer_account": None,
        **billed(customer),
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": given.get("description"),
        "discounts": [],
        "due_date": due,
        "effective_at": None,
        "ending_balance": None,
        "footer": given.get("footer"),
        "from_invoice": None,
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "issuer": {"type": "self"},
        "last_finalization_error": None,
        "latest_revision": None,
        "lines": {
            "object": "list",
            "data": [],
            "has_more": False,
            "url": f"/v1/invoices/{invoice_id}/lines",
        },
        "livemode": False,
        "metadata": kept_metadata(given),
        "next_payment_attempt": None,
        "number": None,
        "on_behalf_of": None,
        "parent": None,
        "payment_settings": settings,
        "period_end": now,
        "period_start": now,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "receipt_number": None,
        "rendering": None,
        "shipping_cost": None,
        "shipping_details": None,
        "starting_balance": 0,
        "statement_descriptor": None,
        "status": "draft",
        "status_details": {"uncollectible": None},
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "subtotal": 0,
        "subtotal_excluding_tax": 0,
        "test_clock": None,
        "total": 0,
        "total_discount_amounts": [],
        "total_excluding_tax": 0,
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
        "webhooks_delivered_at": now,
    }


def billed(customer: Obj) -> Obj:
    """Who the invoice is made out to: copied while it is a draft, fixed when it is finalized."""
    return {
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_shipping": customer["shipping"],
        "customer_tax_exempt": customer["tax_exempt"],
        "customer_tax_ids": [],
    }
