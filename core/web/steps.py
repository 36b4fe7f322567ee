"""Long lists, leafed through by where a row stands rather than by how many stand before it: a leaf costs the same at
the beginning and at the end of millions of rows, as long as an index has the order.

The order is an instant and, among rows of one instant, the identifier. The address names the row before which (or after
which) a leaf begins; rubbish there never raises and leads to the beginning.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import literal, tuple_

from core.db import db

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WRITTEN = re.compile(r"(\d{1,17})-([0-9a-f]{32})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a row stands."""

    at: datetime
    id: uuid.UUID

    def __str__(self) -> str:
        return f"{(self.at - _EPOCH) // timedelta(microseconds=1)}-{self.id.hex}"

    @classmethod
    def read(cls, text: str) -> Mark | None:
        """The mark that an address names, or None."""
        found = _WRITTEN.fullmatch(text)
        if found is None:
            return None
        return cls(_EPOCH + timedelta(microseconds=int(found[1])), uuid.UUID(found[2]))


@dataclass(frozen=True, slots=True)
class Step:
    """Which leaf is wanted: the one after a row, the one before a row, or the first."""

    after: Mark | None = None
    before: Mark | None = None

    @classmethod
    def from_args(cls, args: Mapping[str, str]) -> Step:
        """What the address asks for."""
        return cls(Mark.read(args.get("after", "")), Mark.read(args.get("before", "")))


@dataclass(frozen=True, slots=True)
class Leaf:
    """The rows of one leaf; `previous` and `next` are the marks from which to go on, None at an end."""

    rows: Sequence[Any]
    previous: Mark | None = None
    next: Mark | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """A query with the columns of its order; `mark` tells where one of its rows stands."""

    wanted: Any
    at: Any
    key: Any
    mark: Callable[[Any], Mark]
    descending: bool = True

    def _run(self, onwards: bool, beyond: Mark | None, count: int) -> Sequence[Any]:
        query, down = self.wanted, self.descending == onwards
        if beyond is not None:
            here = tuple_(self.at, self.key)
            there = tuple_(literal(beyond.at, self.at.type), literal(beyond.id, self.key.type))
            query = query.where(here < there if down else here > there)
        order = (self.at.desc(), self.key.desc()) if down else (self.at, self.key)
        return db.session.execute(query.order_by(*order).limit(count)).all()

    def leaf(self, step: Step, count: int) -> Leaf:
        """So many rows: one query that reads one row more. The first leaf is always a full one."""
        if step.before is not None and step.after is None:
            found = self._run(False, step.before, count + 1)
            if len(found) > count:
                rows = found[count - 1::-1]
                return Leaf(rows, self.mark(rows[0]), self.mark(rows[-1]))
        found = self._run(True, step.after, count + 1)
        rows = found[:count]
        return Leaf(rows, self.mark(rows[0]) if rows and step.after else None,
                    self.mark(rows[-1]) if len(found) > count else None)

    def all(self, batch: int = 1_000) -> Iterator[Any]:
        """Every row, read batch by batch: for a file of any length."""
        found = self._run(True, None, batch)
        while found:
            yield from found
            found = self._run(True, self.mark(found[-1]), batch) if len(found) == batch else []
