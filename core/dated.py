"""Settings that hold from a day on, read from a room's file of data with the unit and the source of each value."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from functools import cached_property
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


class DatedSettings:
    """The settings of one file: a JSON list of key, valid_from, value, unit and source."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def rows(self) -> tuple[Setting, ...]:
        """Every setting, in order of key and date."""
        made = [
            Setting(r["key"], date.fromisoformat(r["valid_from"]), r["value"], r["unit"], r["source"])
            for r in json.loads(self.path.read_text())
        ]
        return tuple(sorted(made, key=lambda s: (s.key, s.valid_from)))

    def on(self, key: str, day: date) -> Setting:
        """The setting that holds on a day: the latest that began by then, else the earliest known. Raises KeyError."""
        rows = [s for s in self.rows if s.key == key]
        if not rows:
            raise KeyError(key)
        begun = [s for s in rows if s.valid_from <= day]
        return begun[-1] if begun else rows[0]
