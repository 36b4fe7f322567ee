"""The receipt that a payee signs for cash: one page, numbered by list and line."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from flask import current_app
from flask_babel import get_locale
from flask_babel import gettext as _

from core import clock
from core.pdf import Amount, Document, Facts, Note, Paragraph
from sponsorship.disbursements.cash_queries import CashRow, CountRow

_LINE = "…" * 24


def receipt_document(row: CashRow, count: CountRow | None) -> Document:
    """To be signed before it is paid; afterwards with the amount that two people counted."""
    paid = count is not None and count.outcome == "confirmed"
    facts: list[tuple[Any, Any]] = [(_("Payee"), row.payee), (_("Identity paper"), row.paper),
                                    (_("State"), row.organisation), (_("For"), row.kind_label),
                                    (_("Payment"), row.reference)]
    if count is not None and paid:
        facts += [(_("Paid by"), count.counted_by), (_("Counted again by"), count.second_by)]
        if count.back.minor:
            facts.append((_("Of the list, not paid"), count.back))
        note = _("Identity paper and boarding pass were seen. Two people counted the money.")
    else:
        facts += [(_("Signature of the payee"), _LINE), (_("Paymaster"), _LINE), (_("Second counter"), _LINE),
                  (_("Identity paper and boarding pass seen, day"), _LINE)]
        note = _("Sign only once you have counted the money. If another amount is handed over, it is written here and "
                 "signed.")
    day = ((count.second_at if count and paid else None) or row.released_at or clock.now()).astimezone(UTC).date()
    return Document(
        reference=row.receipt, title=_("Receipt for cash"), language=str(get_locale() or "en").replace("_", "-"),
        day=day, blocks=[
            Paragraph(_("I have received in cash, from the voluntary sponsorship fund of the Programme of Action:")),
            Amount(_("Received"), count.paid if count is not None and paid else row.amount), Facts(facts), Note(note)],
        issuer=(_("Voluntary sponsorship fund of the Programme of Action"),
                _("General Assembly resolution 68/48, paragraph 18")),
        mark=_("Demonstration") if current_app.extensions["placard_settings"].env == "demo" else None)
