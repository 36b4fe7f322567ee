"""Templates: how a meeting's half-days are filled from its agenda. Pure functions.

A biennial meeting takes up its themes from the first day, without a general debate, and its draft document the day
before the last; a review conference gives the first two days to a general exchange of views, and its last three to the
outcome. Both end with the report. Whoever holds the pen changes the rest.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from flask_babel import lazy_gettext as _l

from meetings.programme.facts import LANGUAGES, HalfRow, ItemRow, SlotFacts
from meetings.programme.service import ItemFacts

PLANS: dict[str, Any] = {"bms": _l("One week, biennial meeting"), "revcon": _l("Two weeks, review conference")}
DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Share:
    """How many half-days at the beginning and before the end are kept for the exchange of views and the outcome."""

    exchange: int
    outcome: int


def _share(plan: str, halves: int) -> Share:
    if plan == "revcon":
        return Share(min(4, halves // 4), min(6, halves * 3 // 10))
    return Share(0, min(2, halves // 4))


@cache
def agendas() -> dict[str, list[ItemFacts]]:
    """The agendas that a programme may begin with, by template."""
    kept = json.loads((DATA / "agendas.json").read_text())["agendas"]
    return {a["key"]: [ItemFacts(i["number"], i["title"], i["role"]) for i in a["items"]] for a in kept}


def plan_for(kind: str, open_halves: int) -> str:
    """The template that is offered first."""
    return "revcon" if kind in ("RevCon", "Conference") or open_halves > 12 else "bms"


def fill(plan: str, halves: Sequence[HalfRow], items: Sequence[ItemRow], room_id: uuid.UUID | None) -> list[SlotFacts]:
    """A plenary meeting for each open half-day, with the items it takes up, in order of time."""
    open_halves = [half for half in halves if half.is_open]
    count = len(open_halves)
    taken: list[list[uuid.UUID]] = [[] for _half in open_halves]
    if not count:
        return []
    by_role: dict[str, list[uuid.UUID]] = {}
    for item in items:
        by_role.setdefault(item.role, []).append(item.id)
    share = _share(plan, count)
    taken[0] += by_role.get("opening", []) + by_role.get("organisation", [])
    exchange = by_role.get("exchange", [])
    first = 0
    if exchange:
        first = max(share.exchange, 1)
        for n in range(min(first, count)):
            taken[n] += exchange
    end = max(count - 1 - share.outcome, first)
    subjects = by_role.get("theme", []) + by_role.get("other", [])
    middle = list(range(first, end)) or [min(first, count - 1)]
    for n, place in enumerate(middle):
        if subjects:
            begins = n * len(subjects) // len(middle)
            stops = max((n + 1) * len(subjects) // len(middle), begins + 1)
            taken[place] += subjects[begins:stops]
    for place in range(end, count - 1):
        taken[place] += by_role.get("outcome", [])
    if share.outcome == 0 or count == 1:
        taken[-1] += by_role.get("outcome", [])
    taken[-1] += by_role.get("credentials", []) + by_role.get("report", [])
    order = {item.id: n for n, item in enumerate(items)}
    return [
        SlotFacts("plenary", half.day, half.starts, half.ends, "" if keys else str(_l("Plenary meeting")), room_id,
                  tuple(sorted(dict.fromkeys(keys), key=lambda k: order[k])), LANGUAGES)
        for half, keys in zip(open_halves, taken, strict=True)
    ]
