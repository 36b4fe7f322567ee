"""Words of rails and of cash paid by hand."""

from __future__ import annotations

from dataclasses import replace

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core.machines import State
from sponsorship.disbursements.cash_models import CASH
from sponsorship.disbursements.transitions import DISBURSEMENT

RAIL_LABELS = {"transfer": _l("Transfer to the bank account"), "paymaster_cash": _l("Cash from the paymaster")}
# where a payment in cash stands, and what is done with it, where the words of a transfer speak of the bank
_STATES = {
    "ready": _l("Ready for the paymaster"),
    "released": _l("Released, to be handed over"),
    "sent": _l("With the paymaster"),
    "confirmed": _l("Paid in cash, counted by two"),
    "returned": _l("Not paid, the cash is back"),
}
MOVES = {"release": _l("Release to the paymaster"), "hand_over": _l("Confirm that the paymaster has list and cash")}
OUTCOMES = {"confirmed": _l("Paid"), "returned": _l("Not paid")}
REASONS = {
    "not_arrived": _l("The person did not come"),
    "papers_differ": _l("Passport or boarding pass do not fit"),
    "declined": _l("The person declined the money"),
    "stopped": _l("Payment was stopped"),
    "other": _l("Another reason"),
}


def despite_label(code: str) -> str:
    """What stood against a handing over that happened all the same. A check of the payee is never named."""
    return _("All releases were stopped") if code == "release.stopped" else _("The payee was not to be paid then")


def status_of(state: str, rail: str) -> State:
    """A payment's state in the words of its rail."""
    known = DISBURSEMENT.state(state)
    return replace(known, label=_STATES[state]) if rail == CASH and state in _STATES else known
