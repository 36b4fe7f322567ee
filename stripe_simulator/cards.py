"""Test cards of Stripe docs, "Testing", by the names that stand for their payment methods."""

from __future__ import annotations

from dataclasses import dataclass

from . import money_objects, objects
from .errors import no_such
from .store import Obj, Tx


@dataclass(frozen=True, slots=True)
class TestCard:
    """What a card does when it is charged; ``dispute`` is the reason it is disputed for afterwards."""

    brand: str = "visa"
    last4: str = "4242"
    decline_code: str | None = None
    code: str = "card_declined"
    message: str = "Your card was declined."
    challenge: bool = False
    dispute: str | None = None
    inquiry: bool = False

    @property
    def refusal(self) -> Obj | None:
        """Why the issuer refuses, or None."""
        if self.decline_code is None:
            return None
        return {"code": self.code, "decline_code": self.decline_code, "message": self.message}


CARDS: dict[str, TestCard] = {
    "pm_card_visa": TestCard(),
    "pm_card_mastercard": TestCard("mastercard", "4444"),
    "pm_card_amex": TestCard("amex", "8431"),
    "pm_card_chargeDeclined": TestCard(last4="0002", decline_code="generic_decline"),
    "pm_card_visa_chargeDeclined": TestCard(last4="0002", decline_code="generic_decline"),
    "pm_card_visa_chargeDeclinedInsufficientFunds": TestCard(
        last4="9995", decline_code="insufficient_funds", message="Your card has insufficient funds."
    ),
    "pm_card_chargeDeclinedExpiredCard": TestCard(
        last4="0069", decline_code="expired_card", code="expired_card", message="Your card has expired."
    ),
    "pm_card_authenticationRequired": TestCard(last4="3184", challenge=True),
    "pm_card_threeDSecure2Required": TestCard(last4="3220", challenge=True),
    "pm_card_createDispute": TestCard(last4="0259", dispute="fraudulent"),
    "pm_card_createDisputeProductNotReceived": TestCard(last4="2685", dispute="product_not_received"),
    "pm_card_createDisputeInquiry": TestCard(last4="1976", dispute="fraudulent", inquiry=True),
}


def card_for(name: str) -> TestCard:
    """The test card behind a ``pm_card_...`` name."""
    if name not in CARDS:
        raise no_such("PaymentMethod", name, "payment_method", 400)
    return CARDS[name]


def method_for(tx: Tx, name: str, billing: Obj | None = None) -> Obj:
    """A fresh PaymentMethod from a test name; the name is kept as the row's parent."""
    card = card_for(name)
    made = money_objects.payment_method(tx.now, card.brand, card.last4, billing or objects.billing_details())
    return tx.add(made, parent=name)


def name_of(tx: Tx, method_id: str) -> str:
    """The test name a payment method was made from; a test name stands for itself."""
    row = tx.conn.execute("SELECT parent FROM object WHERE id = ? AND kind = 'payment_method'", (method_id,))
    found = row.fetchone()
    return str(found["parent"]) if found else method_id
