"""The ledger in people's words: kinds of accounts with their definitions, kinds of entries, what entries are about."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core.machines import State

ACCOUNTS: dict[str, tuple[Any, Any]] = {
    "bank": (_l("Bank"), _l("Money in the fund’s bank account.")),
    "stripe_clearing": (
        _l("Payment provider"), _l("Money paid by card or transfer that the provider has not yet paid out."),
    ),
    "suspense_fees": (
        _l("Fees of money in suspense"),
        _l("What the provider kept of money that nobody has accepted yet; the pool bears it on acceptance."),
    ),
    "suspense_exchange": (
        _l("Exchange differences of money in suspense"),
        _l("What money not yet accepted brought short of its value at the rate of its deposit (debit) or beyond it "
           "(credit); the pool takes it over on acceptance."),
    ),
    "refunds_due": (_l("Refunds due"), _l("Money on its way back to donors: set aside, and no pool’s any more.")),
    "suspense": (
        _l("Suspense"), _l("Money received and not yet accepted. It is owed to its giver, and no pool may use it."),
    ),
    "support_costs_due": (
        _l("Programme support costs due"), _l("Support costs charged on what was spent, owed to the Organization."),
    ),
    "fees_lost": (_l("Fees lost on refunds"), _l("What the provider kept of payments that went back in full.")),
    "received": (_l("Contributions received"), _l("Contributions accepted, before fees.")),
    "refunded": (
        _l("Paid back"),
        _l("Accepted contributions, or parts of them, that went back to their donors, are held in a dispute that is "
           "not decided, or were corrected."),
    ),
    "exchange": (
        _l("Exchange difference"),
        _l("What payments in other currencies brought beyond their value at the rate of their deposit (credit), or "
           "short of it (debit)."),
    ),
    "losses": (
        _l("Losses"),
        _l("Money that donors’ banks took back after it was promised or spent, covered by the pool; and payments made "
           "twice and cash lost, as far as nothing came back."),
    ),
    "fees": (_l("Fees"), _l("What payment providers and banks kept.")),
    "spent_direct": (
        _l("Direct costs"), _l("Tickets, subsistence and terminal expenses paid, those in transit included."),
    ),
    "spent_support": (_l("Support costs"), _l("Programme support costs charged on direct costs.")),
    "in_transit": (_l("In transit"), _l("Payments instructed that the bank has not confirmed yet.")),
    "shortfall": (
        _l("Shortfall"), _l("What was taken when the pool had nothing free. Payments stop until it is covered."),
    ),
    "appropriated": (
        _l("Appropriated"),
        _l("Money the pool may promise or has promised: received, less what was paid back, kept as fees and spent."),
    ),
    "available": (_l("Available"), _l("Money that nobody has been promised. It can never fall below zero.")),
    "reserved": (
        _l("Reserved"), _l("Money promised to awards and not yet spent, support costs included."),
    ),
}
NATURES = {
    "asset": _l("Asset"), "liability": _l("Liability"), "income": _l("Income"), "expense": _l("Expense"),
    "budget": _l("Budgetary"),
}
ENTRIES: dict[str, Any] = {
    "deposit": _l("Contribution received"),
    "suspense.deposit": _l("Money received in suspense"),
    "suspense.accept": _l("Money in suspense accepted"),
    "suspense.refund": _l("Money in suspense refunded"),
    "refund.restated": _l("Refund booked anew"),
    "refund.hold": _l("Refund set aside"),
    "refund.paid": _l("Refund paid"),
    "refund.came-back": _l("Refund came back"),
    "refund.given-up": _l("Refund given up"),
    "takeback.dispute": _l("Taken back in a dispute"),
    "takeback.refund": _l("Refunded at the payment provider"),
    "takeback.correction": _l("Deposit corrected"),
    "give-back": _l("Given back"),
    "fee": _l("Fee charged"),
    "fee.lost": _l("Fee of money that went back"),
    "exchange": _l("Exchange difference of a refund or payment"),
    "payout": _l("Paid out to the bank"),
    "payout.failed": _l("Payout came back"),
    "reserve": _l("Money reserved"),
    "release": _l("Reservation released"),
    "spend": _l("Payment instructed"),
    "spend.confirm": _l("Payment confirmed by the bank"),
    "spend.return": _l("Payment returned"),
    "spend.part": _l("Part of a payment that the bank left unpaid"),
    "spend.recover": _l("Paid back by its payee"),
    "shortfall.cover": _l("Shortfall covered"),
    "loss": _l("Paid twice, lost or stolen"),
    "loss.back": _l("A loss came back"),
}
Named = tuple[str, str | None]  # a name, and the address of its page where the reader may open it
Describe = Callable[[Iterable[uuid.UUID]], Mapping[uuid.UUID, Named]]
Earmark = Mapping[str, Any] | None
SUBJECTS: dict[str, tuple[Any, Describe | None]] = {
    "contribution": (_l("Contribution"), None),
    "award": (_l("Award"), None),
    "disbursement": (_l("Disbursement"), None),
    "recovery": (_l("Recovery"), None),
    "payment_loss": (_l("Loss"), None),
    "pool": (_l("Pool"), None),
    "shortfall": (_l("Shortfall"), None),
    "payout": (_l("Payout"), None),
    "refund": (_l("Refund"), None),
    "dispute": (_l("Dispute"), None),
    "exchange": (_l("Exchange difference of a refund"), None),
}
_EARMARKS: list[Callable[[Sequence[Earmark]], list[str]]] = []


def describe_subjects(subject_type: str, label: Any, describe: Describe) -> None:
    """A room says how the ledger's pages name and link what its entries are about."""
    SUBJECTS[subject_type] = (label, describe)


def describe_earmarks(describe: Callable[[Sequence[Earmark]], list[str]]) -> None:
    """A room says how earmarks read, in the order given; the last to say so is asked."""
    _EARMARKS[:] = [describe]


def earmarks(found: Sequence[Earmark]) -> list[str]:
    """What each earmark lets money be used for, in the reader's language."""
    if _EARMARKS:
        return _EARMARKS[0](found)
    return [_("With an earmark") if earmark else _("Without an earmark") for earmark in found]


def subjects(pairs: Iterable[tuple[str | None, uuid.UUID | None]]) -> dict[uuid.UUID, Named]:
    """How each thing that entries are about is named; one look-up for each type."""
    wanted: dict[str, set[uuid.UUID]] = {}
    for kind, subject_id in pairs:
        if kind and subject_id:
            wanted.setdefault(kind, set()).add(subject_id)
    found: dict[uuid.UUID, Named] = {}
    for kind, ids in wanted.items():
        label, describe = SUBJECTS.get(kind, (kind.replace("_", " "), None))
        known = describe(ids) if describe else {}
        for subject_id in ids:
            found[subject_id] = known.get(subject_id) or (
                _("%(what)s %(end)s", what=label, end=subject_id.hex[-6:]), None,
            )
    return found


def account_label(kind: str, pool_name: str | None) -> str:
    """Available: African Group."""
    label = ACCOUNTS[kind][0]
    return f"{label}: {pool_name}" if pool_name else str(label)


def entry_label(kind: str) -> str:
    """The kind of an entry in words."""
    return str(ENTRIES.get(kind) or kind.replace(".", " ").replace("_", " ").capitalize())


def payments_state(shortfall_minor: int) -> State:
    """Whether payments may leave a pool with this shortfall (US cents)."""
    return State("stopped", _("Stopped"), "stopped") if shortfall_minor else State("open", _("May leave"), "done")
