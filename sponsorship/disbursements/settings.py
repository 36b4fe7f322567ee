"""Dated settings of payments: each with its unit and where it comes from. None is a constant in code."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from core.dated import DatedSettings, Setting
from core.office import SETTINGS as OFFICE

DATA = Path(__file__).resolve().parent / "data"
SETTINGS = DatedSettings(DATA / "settings.json")


def settings() -> tuple[Setting, ...]:
    """Every setting, in order of key and date."""
    return tuple(sorted((*OFFICE.rows, *SETTINGS.rows), key=lambda s: (s.key, s.valid_from)))


def setting(key: str, on: date) -> Any:
    """The value that holds on a day. Raises KeyError."""
    return (OFFICE if key == "office_zone" else SETTINGS).on(key, on).value


def days(key: str, on: date) -> int:
    """A setting that counts days."""
    return int(setting(key, on))
