"""Dated settings of accounts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core import clock, dated

DATA = Path(__file__).resolve().parent / "data" / "settings.json"


def setting(key: str) -> Any:
    """The value that holds today, by the business clock. Raises KeyError."""
    return dated.setting(DATA, key, clock.today())
