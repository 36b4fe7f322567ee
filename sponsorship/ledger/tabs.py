"""The ledger's main pages, as tabs."""

from __future__ import annotations

from typing import Any

from flask import url_for
from flask_babel import gettext as _


def ledger_tabs(current: str) -> list[dict[str, Any]]:
    """Trial balance, chart, pools, financial statement; `current` is the endpoint's own name."""
    return [
        {"label": label, "url": url_for(f"ledger.{name}"), "current": name == current}
        for name, label in (
            ("trial_balance", _("Trial balance")), ("chart", _("Chart of accounts")), ("pools", _("Pools")),
            ("financial_statement", _("Financial statement")),
        )
    ]
