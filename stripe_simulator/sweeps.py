"""What happens by itself when its time has come: one pass over everything that can fall due."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import attempts, checkout, disputes, invoices, payouts, refunds
from .store import Store, Tx

#: (ids of what is due, what to do with one of them)
SWEEPS: tuple[tuple[Callable[[Tx], list[str]], Callable[[Tx, str], Any]], ...] = (
    (checkout.overdue, checkout.run_out),
    (attempts.unsettled, attempts.settle),
    (refunds.due, refunds.succeed),
    (invoices.due_drafts, invoices.finalize_due),
    (invoices.overdue, invoices.tell_overdue),
    (disputes.past_due, disputes.miss),
    (payouts.arriving, lambda tx, payout_id: payouts.move(tx, payout_id, "paid")),
)


def sweep(store: Store) -> None:
    """Do what is due, in one transaction; write nothing when nothing is."""
    with store.read() as tx:
        if not any(due(tx) for due, _ in SWEEPS):
            return
    with store.write() as tx:
        for due, act in SWEEPS:
            for object_id in due(tx):
                act(tx, object_id)
