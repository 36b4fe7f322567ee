"""Calls that list what Stripe has: events, movements of the balance, payouts; and one look at any object."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from core.money import Money
from sponsorship.gateways.stripe_calls import StripeCalls
from sponsorship.gateways.stripe_digits import from_wire
from sponsorship.gateways.stripe_money_facts import MovementFacts, PayoutFacts, movement_facts, payout_facts


class StripeLists(StripeCalls):
    """Lists come page by page, the newest first; the caller may write between two pages."""

    def list_events(
        self, since: datetime | None = None, until: datetime | None = None, kind: str | None = None
    ) -> Iterator[list[dict[str, Any]]]:
        """Events as Stripe keeps them (for 30 days); `kind` a type, or a part of one with a star."""
        return self._pages(self._client.v1.events.list, {**_between(since, until), **({"type": kind} if kind else {})})

    def list_movements(self, since: datetime | None = None) -> Iterator[list[MovementFacts]]:
        """Balance transactions."""
        pages = self._pages(self._client.v1.balance_transactions.list, _between(since, None))
        return ([movement_facts(row) for row in rows] for rows in pages)

    def list_contained(self, payout_id: str) -> list[MovementFacts]:
        """What an automatic payout contains, its own movement among them. Refused until Stripe can tell."""
        pages = self._pages(self._client.v1.balance_transactions.list, {"payout": payout_id})
        return [movement_facts(row) for rows in pages for row in rows]

    def fetch_payout(self, payout_id: str) -> PayoutFacts:
        """The payout as it now stands."""
        return payout_facts(self._call(lambda: self._client.v1.payouts.retrieve(payout_id)).to_dict())

    def list_payouts(self, since: datetime | None = None) -> Iterator[list[PayoutFacts]]:
        """Payouts."""
        pages = self._pages(self._client.v1.payouts.list, _between(since, None))
        return ([payout_facts(row) for row in rows] for rows in pages)

    def balance(self) -> tuple[Money, ...]:
        """All that Stripe holds for the fund, available or not yet, one amount for each currency."""
        found = self._call(lambda: self._client.v1.balance.retrieve()).to_dict()
        totals: dict[str, int] = {}
        for part in (*found["available"], *found["pending"]):
            totals[part["currency"]] = totals.get(part["currency"], 0) + part["amount"]
        return tuple(from_wire(value, currency) for currency, value in sorted(totals.items()))


def _between(since: datetime | None, until: datetime | None) -> dict[str, Any]:
    span = {**({"gte": int(since.timestamp())} if since else {}), **({"lt": int(until.timestamp())} if until else {})}
    return {"created": span} if span else {}
