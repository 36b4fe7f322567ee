"""Customers (API reference, "Customers"): who is billed, with an invoice prefix and a cash balance of their own."""

from __future__ import annotations

import re
import secrets
from typing import Any

from . import objects
from .errors import InvalidParameters
from .ids import new_id
from .store import Obj, Tx

KIND = "customer"
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
#: Plain fields that a request sets; an empty value unsets them.
FIELDS = ("description", "email", "name", "phone")
_PREFIX = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"


def create(tx: Tx, given: dict[str, Any]) -> Obj:
    """POST /v1/customers."""
    customer: Obj = {
        "id": new_id("cus", 14),
        "object": KIND,
        "address": None,
        "balance": 0,
        "created": tx.now,
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": "".join(secrets.choice(_PREFIX) for _ in range(8)),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": objects.kept_metadata(given),
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }
    _set(customer, {key: value for key, value in given.items() if key != "metadata"})
    tx.add(customer)
    tx.emit("customer.created", customer)
    return customer


def _set(customer: Obj, given: dict[str, Any]) -> None:
    if given.get("email") and not EMAIL.fullmatch(given["email"]):
        raise InvalidParameters(
            f"Invalid email address: {given['email']}", code="email_invalid", param="email"
        )
    for name in FIELDS:
        if name in given:
            customer[name] = given[name] or None
    if "address" in given:
        customer["address"] = objects.NO_ADDRESS | dict(given["address"]) if given["address"] else None
    if "preferred_locales" in given:
        customer["preferred_locales"] = given["preferred_locales"]


def update(tx: Tx, customer_id: str, given: dict[str, Any]) -> Obj:
    """POST /v1/customers/:id; invoices that are finalized keep what they were made out to."""
    customer = tx.load(KIND, customer_id, "customer")
    before = dict(customer)
    _set(customer, given)
    customer["metadata"] = objects.merged_metadata(customer["metadata"], given.get("metadata"))
    tx.save(customer)
    changed = {key: before[key] for key in customer if customer[key] != before[key]}
    tx.emit("customer.updated", customer, changed)
    return customer


def next_number(tx: Tx, customer: Obj) -> str:
    """The number of the next invoice: the customer's prefix and a sequence without gaps."""
    number = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04d}"
    customer["next_invoice_sequence"] += 1
    tx.save(customer)
    return number
