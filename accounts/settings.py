"""Dated settings of accounts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core import clock
from core.dated import DatedSettings

SETTINGS = DatedSettings(Path(__file__).resolve().parent / "data" / "settings.json")


def setting(key: str) -> Any:
    """The value that holds today, by the business clock. Raises KeyError."""
    return SETTINGS.on(key, clock.today()).value
