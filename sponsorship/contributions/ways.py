"""Ways to pay a pledge, as its donor sees them: each way is told by its own module, the page shows whatever is open."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import url_for

from core.money import Money
from core.web.links import absolute
from sponsorship.contributions.queries import PledgePage


@dataclass(frozen=True)
class Payer:
    """Whoever stands before the pledge: a donor with an account (`token` None), or the holder of its private link."""

    pledge_id: uuid.UUID
    token: str | None = None

    def url(self, name: str, **values: Any) -> str:
        """The address of a step of this payer: endpoint contributions.<name>_own, or contributions.<name>_by_link."""
        if self.token is None:
            return url_for(f"contributions.{name}_own", pledge_id=self.pledge_id, **values)
        return url_for(f"contributions.{name}_by_link", pledge_id=self.pledge_id, token=self.token, **values)

    def page(self, **values: Any) -> str:
        """The address of the pledge's own page."""
        if self.token is None:
            return url_for("contributions.own_pledge", pledge_id=self.pledge_id, **values)
        return url_for("contributions.pledge_by_link", pledge_id=self.pledge_id, token=self.token, **values)

    def absolute_page(self, **values: Any) -> str:
        """The same from outside."""
        if self.token is None:
            return absolute("contributions.own_pledge", pledge_id=self.pledge_id, **values)
        return absolute("contributions.pledge_by_link", pledge_id=self.pledge_id, token=self.token, **values)


@dataclass(frozen=True)
class Way:
    """One way to pay. `method` is get (a page with more) or post (a button); `text` says what happens and how long it
    takes; `primary` for the one that suits most; `amount` what it pays at once, where that is settled."""

    key: str
    label: Any
    text: Any
    url: str
    method: str = "get"
    primary: bool = False
    amount: Money | None = None


Source = Callable[[PledgePage, Payer], list[Way]]
_SOURCES: list[Source] = []


def register_way(source: Source) -> None:
    """A module says which ways it offers for a pledge that is open; called once, by app.py's wiring."""
    if source not in _SOURCES:
        _SOURCES.append(source)


def ways_to_pay(page: PledgePage, payer: Payer) -> list[Way]:
    """All of them, the primary first; none once nothing is to be paid."""
    if not page.outstanding:
        return []
    return sorted((way for source in _SOURCES for way in source(page, payer)), key=lambda way: not way.primary)
