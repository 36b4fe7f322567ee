"""Calls on customers and invoices. Those that make something take our key and mark what they make with our own words,
so that it can be found again after Stripe has forgotten the key; the others change nothing when repeated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.money import Money
from sponsorship.gateways.stripe_calls import GatewayError, StripeCalls
from sponsorship.gateways.stripe_digits import from_wire, to_wire
from sponsorship.gateways.stripe_facts import id_of
from sponsorship.gateways.stripe_money_facts import InvoiceFacts, PaymentFacts, invoice_facts, payment_facts

# currencies in which Stripe takes bank transfers, and by which kind of account
TRANSFERS = {"USD": "us_bank_transfer", "EUR": "eu_bank_transfer", "GBP": "gb_bank_transfer",
             "JPY": "jp_bank_transfer", "MXN": "mx_bank_transfer"}
EU_ACCOUNT = "IE"  # where the virtual euro account stands: BE, DE, ES, FR, IE and NL are offered
_BOOKED = ["latest_charge.balance_transaction"]


@dataclass(frozen=True)
class CustomerRequest:
    """A donor as Stripe is told of it. `owner` is our own mark of the donor, the same for good."""

    owner: str
    name: str
    email: str
    locale: str


@dataclass(frozen=True)
class InvoiceRequest:
    """What an invoice is made from. `key` makes each of its steps repeatable; `due_at` is real time."""

    key: str
    contribution_id: str
    reference: str
    customer_id: str
    amount: Money
    description: str
    due_at: datetime
    by_card: bool


class StripeInvoices(StripeCalls):
    """Customers, their cash balance, and invoices. A draft is never payable by itself: one left behind does no harm."""

    def find_customer(self, wanted: CustomerRequest) -> str | None:
        """The customer that carries our mark of this donor, if we ever made one."""
        for rows in self._pages(self._client.v1.customers.list, {"email": wanted.email}):
            for row in rows:
                if (row.get("metadata") or {}).get("placard_donor") == wanted.owner:
                    return str(row["id"])
        return None

    def create_customer(self, wanted: CustomerRequest) -> str:
        """A new customer; the same donor under the same name gives the same one."""
        params: Any = {**_told(wanted), "metadata": {"placard_donor": wanted.owner}}
        made = self._call(lambda: self._client.v1.customers.create(
            params, {"idempotency_key": f"customer-{wanted.owner}"}))
        return str(made.id)

    def update_customer(self, customer_id: str, wanted: CustomerRequest) -> None:
        """Tell Stripe the donor's name and address as they are now."""
        params: Any = _told(wanted)
        self._call(lambda: self._client.v1.customers.update(customer_id, params))

    def cash_balance(self, customer_id: str) -> tuple[Money, ...]:
        """Money of bank transfers that nothing has taken yet, one amount for each currency, none that are zero."""
        found = self._call(lambda: self._client.v1.customers.cash_balance.retrieve(customer_id)).to_dict()
        amounts = (from_wire(value, currency) for currency, value in sorted((found["available"] or {}).items()))
        return tuple(amount for amount in amounts if amount)

    # --- an invoice, step by step -------------------------------------------------------------------------------
    def create_invoice(self, wanted: InvoiceRequest) -> InvoiceFacts:
        """A draft without its item."""
        kind = TRANSFERS.get(wanted.amount.currency)
        transfer = {"type": kind, **({kind: {"country": EU_ACCOUNT}} if kind == "eu_bank_transfer" else {})}
        settings: dict[str, Any] = {
            "payment_method_types": [*(["card"] if wanted.by_card else []), *(["customer_balance"] if kind else [])]}
        if kind:
            settings["payment_method_options"] = {
                "customer_balance": {"funding_type": "bank_transfer", "bank_transfer": transfer}}
        params: Any = {
            "customer": wanted.customer_id, "collection_method": "send_invoice", "auto_advance": False,
            "currency": wanted.amount.currency.lower(), "due_date": int(wanted.due_at.timestamp()),
            "description": wanted.description, "metadata": _marks(wanted), "payment_settings": settings,
            "pending_invoice_items_behavior": "exclude",
        }
        made = self._call(lambda: self._client.v1.invoices.create(params, {"idempotency_key": wanted.key}))
        return invoice_facts(made.to_dict())

    def add_invoice_item(self, invoice_id: str, wanted: InvoiceRequest) -> None:
        """The one amount that the invoice asks for."""
        params: Any = {
            "customer": wanted.customer_id, "invoice": invoice_id, "amount": to_wire(wanted.amount),
            "currency": wanted.amount.currency.lower(), "description": wanted.description, "metadata": _marks(wanted),
        }
        self._call(lambda: self._client.v1.invoice_items.create(params, {"idempotency_key": f"{wanted.key}-item"}))

    def finalize_invoice(self, invoice_id: str, wanted: InvoiceRequest) -> InvoiceFacts:
        """From now on it is open for payment, under its number."""
        params: Any = {"auto_advance": False}
        made = self._call(lambda: self._client.v1.invoices.finalize_invoice(
            invoice_id, params, {"idempotency_key": f"{wanted.key}-finalize"}))
        return invoice_facts(made.to_dict())

    def send_invoice(self, invoice_id: str, wanted: InvoiceRequest) -> None:
        """Stripe writes to the donor."""
        self._call(lambda: self._client.v1.invoices.send_invoice(
            invoice_id, None, {"idempotency_key": f"{wanted.key}-send"}))

    def fetch_invoice(self, invoice_id: str) -> InvoiceFacts:
        """The invoice as it now stands, with what paid it."""
        params: Any = {"expand": ["payments"]}
        body = self._call(lambda: self._client.v1.invoices.retrieve(invoice_id, params)).to_dict()
        paid = [row for row in (body.get("payments") or {}).get("data", ()) if row["status"] == "paid"]
        intents = [row["payment"].get("payment_intent") for row in paid]
        return invoice_facts(body, tuple(self.fetch_payment(intent) for intent in intents if intent))

    def fetch_payment(self, payment_intent_id: str) -> PaymentFacts:
        """A payment with its charge, fee and net."""
        params: Any = {"expand": _BOOKED}
        return payment_facts(
            self._call(lambda: self._client.v1.payment_intents.retrieve(payment_intent_id, params)).to_dict())

    def fetch_charge(self, charge_id: str) -> PaymentFacts:
        """The payment behind a charge. Refused where there is none: charges of the old kind have no payment."""
        charge = self._call(lambda: self._client.v1.charges.retrieve(charge_id)).to_dict()
        intent = id_of(charge.get("payment_intent"))
        if intent is None:
            raise GatewayError("no_payment_intent", refused=True)
        return self.fetch_payment(intent)

    def find_invoice(self, customer_id: str, contribution_id: str) -> str | None:
        """The invoice that carries our mark of this contribution, if one was ever made."""
        for rows in self._pages(self._client.v1.invoices.list, {"customer": customer_id}):
            for row in rows:
                if (row.get("metadata") or {}).get("placard_contribution") == contribution_id:
                    return str(row["id"])
        return None

    def void_invoice(self, invoice_id: str) -> None:
        """It can no longer be paid. Refused when it is paid or void."""
        self._call(lambda: self._client.v1.invoices.void_invoice(invoice_id))

    def mark_uncollectible(self, invoice_id: str) -> None:
        """Nobody expects it to be paid, though it still may be."""
        self._call(lambda: self._client.v1.invoices.mark_uncollectible(invoice_id))

    def mark_paid_outside(self, invoice_id: str) -> None:
        """Its money came by another way: it can no longer be paid at Stripe."""
        self._call(lambda: self._client.v1.invoices.pay(invoice_id, {"paid_out_of_band": True}))


def _told(wanted: CustomerRequest) -> dict[str, Any]:
    return {"name": wanted.name, "email": wanted.email, "preferred_locales": [wanted.locale]}


def _marks(wanted: InvoiceRequest) -> dict[str, str]:
    return {"placard_contribution": wanted.contribution_id, "placard_reference": wanted.reference}
