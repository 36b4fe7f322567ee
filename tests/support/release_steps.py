"""Where a release may die: the steps between which processes are killed, of the worker that makes payments ready and of
the web process in which a signatory releases them."""

from __future__ import annotations

from typing import Any

import core.events
from core.db import db
from sponsorship.disbursements import release_service, service
from sponsorship.ledger import spend_many
from tests.support.kills import AtCommit, Failpoint


class AtWrite(AtCommit):
    """Before or after the n-th commit of something written: a web request also ends a transaction that only read."""

    def _counts(self, args: tuple[Any, ...]) -> bool:
        return bool(db.session().info.get("wrote"))


def _release() -> Any:
    return release_service


RELEASE = [
    Failpoint("before any signature", _release, "sign_many", "before"),
    Failpoint("signed, nothing spent", _release, "sign_many", "after"),
    Failpoint("entries made, not posted", lambda: spend_many, "post_many", "before"),
    Failpoint("posted, not spent", lambda: spend_many, "post_many", "after"),
    Failpoint("spent, no file", _release, "make", "before"),
    Failpoint("file made, not stored", _release, "make", "after"),
    Failpoint("file stored, not marked", _release, "_store", "after"),
    Failpoint("marked, not told", lambda: core.events, "record_many", "before"),
    Failpoint("told, not committed", lambda: core.events, "record_many", "after"),
    AtWrite("before"),
]
RELEASED = AtWrite("after")  # committed, and nobody was answered

READY = [
    Failpoint("locked, not moved", lambda: service, "next_actor", "before"),
    Failpoint("one moved, not the other", lambda: service, "next_actor", "after"),
    Failpoint("moved, not told", lambda: core.events, "record_many", "before"),
    Failpoint("told, not committed", lambda: core.events, "record_many", "after"),
    AtWrite("before", 2),  # the first is the record of the run
]
MADE_READY = AtWrite("after", 2)
