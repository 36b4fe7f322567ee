"""The steps of receiving money and of sending it back, in order: a kill stands between each and the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core import outbox
from core.db import db
from core.outbox import MailboxTransport
from sponsorship.contributions import checkout, invoices, invoicing, money_in
from sponsorship.gateways import inbox
from sponsorship.gateways.stripe_gateway import StripeGateway
from sponsorship.ledger import service as ledger
from tests.support.kills import AtCommit, Failpoint


def at(name: str, holder: Callable[[], Any], attribute: str, when: str = "before", n: int = 1) -> Failpoint:
    return Failpoint(name, holder, attribute, when, n)


def stripe() -> Any:
    return StripeGateway


def around(holder: Callable[[], Any], *attributes: str) -> list[Failpoint]:
    """Before and after each of these calls."""
    return [at(f"{when} {attribute}", holder, attribute, when)
            for attribute in attributes for when in ("before", "after")]


_WRITTEN = [at("written, not committed", lambda: db.session, "commit"), AtCommit("after")]
_SETTLED = [
    at("event not settled", lambda: inbox, "_move"), at("settled, not committed", lambda: inbox, "_move", "after"),
    at("applied", lambda: inbox, "_apply", "after"),
]

# what is done, by the word of tests.support.money_till
STEPS: dict[str, list[Failpoint]] = {
    # by card
    "begin": [
        AtCommit("before"), AtCommit("after"), at("attempt stored, Stripe not asked", stripe, "create_checkout"),
        at("Stripe asked, answer lost", stripe, "create_checkout", "after"),
        at("answer there, not stored", lambda: db.session, "commit", "before", 2),
        at("answer stored, donor not sent", lambda: db.session, "commit", "after", 2),
    ],
    "read": [
        at("about to fetch", stripe, "fetch_session"), at("fetched, not applied", lambda: inbox, "_apply"),
        at("posted, pledge not settled", lambda: money_in, "settle"), *_SETTLED,
    ],
    # by invoice
    "invoice": [
        AtCommit("before"), AtCommit("after"), *around(stripe, "find_customer", "create_customer"),
        *around(lambda: invoicing, "keep_customer"), *around(stripe, "create_invoice"),
        *around(lambda: invoices, "invoice_drafted"),
        *around(stripe, "add_invoice_item", "finalize_invoice", "send_invoice"),
        *around(lambda: invoices, "invoice_sent", "settle_invoice"),
    ],
    "read invoice": [
        at("about to fetch", stripe, "fetch_invoice"), at("fetched, not applied", lambda: inbox, "_apply"),
        at("posted, pledge not settled", lambda: money_in, "settle"), *_SETTLED,
    ],
    # by transfer to the fund's account
    "declare": _WRITTEN,
    "confirm": [at("not posted", lambda: ledger, "receive"), at("posted", lambda: ledger, "receive", "after"),
                at("posted, pledge not settled", lambda: money_in, "settle"), *_WRITTEN],
    # any of them
    "store": [
        at("verified, not stored", lambda: inbox, "_insert_once"),
        at("stored, not committed", lambda: db.session, "commit"),
        at("committed, not answered", lambda: db.session, "commit", "after"),
    ],
    "accept": _WRITTEN,
    "mail": [
        at("claimed, not sent", lambda: outbox, "_claim", "after"),
        at("sent, not noted", lambda: MailboxTransport, "send", "after"),
        at("noted", lambda: outbox, "_settle", "after"),
    ],
    # going back
    "order": _WRITTEN,
    "approve": [at("held, not committed", lambda: ledger, "hold_refund", "after"), *_WRITTEN],
    "send": [
        at("about to be sent", stripe, "create_refund"), at("sent, answer lost", stripe, "create_refund", "after"),
        at("answer there, not booked", lambda: ledger, "pay_refund"),
        at("booked, not committed", lambda: ledger, "pay_refund", "after"),
        at("settled", lambda: checkout.refund_settling, "settle_refund", "after"),
    ],
    "hear": [at("about to fetch", stripe, "fetch_refund"), at("fetched, not applied", lambda: inbox, "_apply"),
             *_SETTLED],
    "bank": [at("booked, not committed", lambda: ledger, "pay_refund", "after"), *_WRITTEN],
}
