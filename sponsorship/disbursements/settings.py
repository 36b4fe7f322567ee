"""Dated settings of payments: each with its unit and where it comes from. None is a constant in code."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parent / "data"


@dataclass(frozen=True)
class Setting:
    """One value from a day on."""

    key: str
    valid_from: date
    value: Any
    unit: str
    source: str


@lru_cache(maxsize=1)
def settings() -> tuple[Setting, ...]:
    """Every setting, in order of key and date."""
    rows = json.loads((DATA / "settings.json").read_text())
    made = [Setting(r["key"], date.fromisoformat(r["valid_from"]), r["value"], r["unit"], r["source"]) for r in rows]
    return tuple(sorted(made, key=lambda s: (s.key, s.valid_from)))


def setting(key: str, on: date) -> Any:
    """The value that holds on a day: the latest that began by then, else the earliest known. Raises KeyError."""
    rows = [s for s in settings() if s.key == key]
    if not rows:
        raise KeyError(key)
    begun = [s for s in rows if s.valid_from <= on]
    return (begun[-1] if begun else rows[0]).value


def days(key: str, on: date) -> int:
    """A setting that counts days."""
    return int(setting(key, on))
