"""Dated settings of what a journey is worth: reductions, official days, terminal expenses. Each has its unit and where
it comes from; none is a constant in code."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

DATA = Path(__file__).resolve().parent / "data"


@dataclass(frozen=True)
class TravelSetting:
    """One value from a day on, everywhere (`place` empty) or at one place."""

    key: str
    place: str
    valid_from: date
    value: int
    unit: str
    source: str


def place_key(place: str) -> str:
    """A place as it is compared: without case, marks of spacing and forms of width. `New  York` and `new york` are
    one."""
    return " ".join(unicodedata.normalize("NFKC", place).casefold().split())


@lru_cache(maxsize=1)
def travel_settings() -> tuple[TravelSetting, ...]:
    """Every setting, in order of key, place and date."""
    rows = json.loads((DATA / "travel.json").read_text())
    made = [TravelSetting(r["key"], place_key(r["place"]), date.fromisoformat(r["valid_from"]), int(r["value"]),
                          r["unit"], r["source"]) for r in rows]
    return tuple(sorted(made, key=lambda s: (s.key, s.place, s.valid_from)))


@lru_cache(maxsize=4096)
def travel_setting(key: str, on: date, place: str = "") -> TravelSetting:
    """What holds on a day: the place's own where it has one, else what holds everywhere. Raises KeyError."""
    for wanted in dict.fromkeys((place_key(place), "")):
        rows = [s for s in travel_settings() if s.key == key and s.place == wanted]
        if rows:
            begun = [s for s in rows if s.valid_from <= on]
            return begun[-1] if begun else rows[0]
    raise KeyError(key)
