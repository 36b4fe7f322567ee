"""Dated settings of papers and nominees (data/papers.json): how long links, papers and profiles live, and what makes a
passport or a visa good for the journey. None is a constant in code."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from core.dated import DatedSettings

SETTINGS = DatedSettings(Path(__file__).resolve().parent / "data" / "papers.json")


def setting(key: str, on: date) -> Any:
    """The value that holds on a day. Raises KeyError."""
    return SETTINGS.on(key, on).value


def days(key: str, on: date) -> int:
    """A setting that counts days (or months, where its unit says so)."""
    return int(setting(key, on))
