"""What columns of many lists show alike."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from typing import Any

from core.web.formats import day_html


def day_of(name: str) -> Callable[[Any], Any]:
    """A column's instant as its day alone (UTC): a list is read by days; the file keeps the instant."""

    def render(row: Any) -> Any:
        instant = getattr(row, name)
        return None if instant is None else day_html(instant.astimezone(UTC).date())

    return render


def state_text(row: Any) -> str:
    """Where a row stands, in the word of its state: for files."""
    return str(row.status.label)
