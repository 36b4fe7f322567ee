"""What a donor has answered so far. It travels in the visitor's own signed session until the pledge is made; nothing is
stored before."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import session
from flask_babel import gettext as _

from core import clock
from core.errors import RuleBroken
from core.money import Money
from sponsorship.contributions.donate_forms import DATED, ONCE, OWN_PURPOSE
from sponsorship.contributions.pools import PoolChoice
from sponsorship.contributions.schedules import Part, check_parts
from sponsorship.contributions.valuation import Worth
from sponsorship.ledger.earmarks import Earmark

KEY = "donation"


@dataclass(frozen=True)
class Draft:
    """Answers as kept. `organisation` is set for donors with an account; `purpose` is general, the identifier of a
    pool, or own (then `earmark` holds its conditions); `when` is once or dated (then `parts` hold the instalments)."""

    key: str = ""
    organisation: str | None = None
    currency: str = "USD"
    amount_minor: int = 0
    purpose: str = "general"
    earmark: Earmark | None = None
    when: str = ONCE
    parts: tuple[Part, ...] = ()
    donor_kind: str = ""
    donor_name: str = ""
    donor_contact: str = ""
    donor_email: str = ""

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def parts_fit(self) -> bool:
        """Whether the instalments are the amount."""
        return bool(self.parts) and sum(part.amount_minor for part in self.parts) == self.amount_minor


def read() -> Draft:
    """The draft of this visitor; an empty one where there is none."""
    kept = session.get(KEY)
    if not isinstance(kept, dict):
        return Draft()
    values = {name: value for name, value in kept.items() if name in Draft.__dataclass_fields__}
    values["parts"] = tuple(Part(minor, date.fromisoformat(day) if day else None) for minor, day in
                            values.get("parts") or ())
    return Draft(**values)


def keep(**values: Any) -> Draft:
    """Add answers to the draft."""
    if "parts" in values:
        values["parts"] = [[part.amount_minor, part.due_on and part.due_on.isoformat()] for part in values["parts"]]
    known = session.get(KEY)
    session[KEY] = {"key": uuid.uuid4().hex, **(known if isinstance(known, dict) else {}), **values}
    return read()


def forget() -> None:
    """The pledge is made."""
    session.pop(KEY, None)


def steps(draft: Draft, organisations: Mapping[str, str]) -> list[tuple[str, str]]:
    """(endpoint, label) of the pages that this draft goes through."""
    found = [("donate", _("Amount"))]
    if draft.purpose == OWN_PURPOSE:
        found.append(("donate_purpose", _("Purpose")))
    if draft.when == DATED:
        found.append(("donate_instalments", _("Instalments")))
    if not organisations:
        found.append(("donate_who", _("Donor")))
    return [*found, ("donate_check", _("Check")), ("", _("Pay"))]


def first_missing(draft: Draft, organisations: Mapping[str, str], offered: list[PoolChoice]) -> str | None:
    """The page that still lacks an answer, or None."""
    purposes = {choice.value for choice in offered} | {OWN_PURPOSE}
    if not draft.amount_minor or draft.purpose not in purposes or (
            organisations and draft.organisation not in organisations):
        return "donate"
    if draft.purpose == OWN_PURPOSE and not draft.earmark:
        return "donate_purpose"
    if draft.when == DATED and not _parts_good(draft):
        return "donate_instalments"
    if not organisations and not (draft.donor_name and draft.donor_email):
        return "donate_who"
    return None


def _parts_good(draft: Draft) -> bool:
    try:
        check_parts(draft.parts, draft.amount_minor, draft.currency, from_day=clock.today())
    except RuleBroken:
        return False
    return True


def earmark_of(draft: Draft, offered: list[PoolChoice]) -> Mapping[str, Any] | None:
    """The earmark that was chosen; None: where it is needed most."""
    if draft.purpose == OWN_PURPOSE:
        return draft.earmark
    return next((choice.earmark for choice in offered if choice.value == draft.purpose), None)


def fingerprint(draft: Draft, worth: Worth) -> str:
    """A mark of what a page showed: the answers and the rate. What is confirmed is what was seen."""
    seen = [repr(draft), worth.usd_minor, repr(worth.original)]
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:20]
