"""What an endpoint is: a method and path of Stripe's API, its parameters, and what it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import listing
from .errors import unsupported
from .params import check, leaves
from .store import Obj, Tx

Handler = Callable[[Tx, str, dict[str, Any]], Obj]

LIST = "limit starting_after ending_before expand"
RANGE = "created"
#: Where a handler finds the second id of a path such as /v1/customers/:id/cash_balance_transactions/:id.
CHILD = "#child"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A method and path of Stripe's API."""

    method: str
    rule: str
    schema: type
    run: Handler
    accepted: frozenset[str] = field(default_factory=frozenset)

    def read(self, given: dict[str, Any]) -> dict[str, Any]:
        """Checked parameters; one that the simulator would ignore is refused."""
        typed = check(self.schema, given)
        for path in leaves(typed):
            prefixes = path.split(".")
            if path and not any(".".join(prefixes[: n + 1]) in self.accepted for n in range(len(prefixes))):
                raise unsupported(path)
        return typed


def end(method: str, rule: str, schema: type, run: Handler, accepted: str) -> Endpoint:
    """An endpoint; ``accepted`` are dotted paths, list positions written ``*``."""
    return Endpoint(method, rule, schema, run, frozenset(accepted.split()))


def getter(kind: str, param: str) -> Handler:
    """Retrieve one object."""

    def run(tx: Tx, object_id: str, given: dict[str, Any]) -> Obj:
        return listing.present(tx, tx.load(kind, object_id, param))

    return run


def lister(kind: str, url: str) -> Handler:
    """List objects of a kind."""

    def run(tx: Tx, object_id: str, given: dict[str, Any]) -> Obj:
        return listing.list_of(tx, kind, url, given)

    return run


def children(parent: str, kind: str, url: str) -> Handler:
    """List what hangs on an object; ``{id}`` in the url stands for it."""

    def run(tx: Tx, object_id: str, given: dict[str, Any]) -> Obj:
        tx.load(parent, object_id, parent)
        return listing.list_of(tx, kind, url.format(id=object_id), given, object_id)

    return run
