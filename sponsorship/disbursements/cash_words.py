"""Words of rails and of cash paid by hand."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

RAIL_LABELS = {"transfer": _l("Transfer to the bank account"), "paymaster_cash": _l("Cash from the paymaster")}
OUTCOMES = {"confirmed": _l("Paid"), "returned": _l("Not paid")}
REASONS = {
    "not_arrived": _l("The person did not come"),
    "papers_differ": _l("Passport or boarding pass do not fit"),
    "declined": _l("The person declined the money"),
    "stopped": _l("Payment was stopped"),
    "other": _l("Another reason"),
}
