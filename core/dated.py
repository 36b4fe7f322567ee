"""Dated settings: values that hold from a day on, each with its unit and where it comes from, in a file of a room."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Setting:
    """One value from a day on."""

    key: str
    valid_from: date
    value: Any
    unit: str
    source: str


@lru_cache
def settings(path: Path) -> tuple[Setting, ...]:
    """Every setting of a file, in order of key and date."""
    rows = json.loads(path.read_text())
    made = [Setting(r["key"], date.fromisoformat(r["valid_from"]), r["value"], r["unit"], r["source"]) for r in rows]
    return tuple(sorted(made, key=lambda s: (s.key, s.valid_from)))


def setting(path: Path, key: str, on: date) -> Any:
    """The value that holds on a day: the latest that began by then, else the earliest known. Raises KeyError."""
    rows = [s for s in settings(path) if s.key == key]
    if not rows:
        raise KeyError(key)
    begun = [s for s in rows if s.valid_from <= on]
    return (begun[-1] if begun else rows[0]).value
