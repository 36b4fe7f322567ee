"""Forms and words of late claims."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectField, TextAreaField
from wtforms.validators import Length, Optional

from core.errors import RuleBroken
from core.files import check_upload
from core.money import Money
from core.web.forms import MoneyField, Required, UploadField
from sponsorship.awards.forms import VersionedForm
from sponsorship.disbursements.claim_forms import MOST_WORDS
from sponsorship.disbursements.late_service import DECIDE_REASONS, REFUSE_REASONS, Ticket

DECIDE_LABELS = {
    "papers_late": _l("Papers came late through no fault of the delegate"),
    "nobody_told": _l("The request to claim did not reach the delegate"),
    "force_majeure": _l("Illness, conflict or another event nobody could help"), "other": _l("Another reason"),
}
REFUSE_LABELS = {
    "no_good_reason": _l("The reason does not carry"), "too_late": _l("Too much time has passed"),
    "money_needed": _l("The money is needed for other journeys"), "other": _l("Another reason"),
}
assert set(DECIDE_LABELS) == set(DECIDE_REASONS) and set(REFUSE_LABELS) == set(REFUSE_REASONS)
REQUEST = {"disbursements.late_claim.ask": _l("A late claim was asked for")}


def _reason(labels: Any) -> SelectField:
    return SelectField(_l("Reason"), choices=[("", _l("Choose")), *labels.items()], validators=[Required()])


def _text(label: Any, hint: Any) -> TextAreaField:
    return TextAreaField(label, description=hint,
                         validators=[Required(_l("Say in a sentence why.")), Length(max=MOST_WORDS)])


class AskLateForm(VersionedForm):
    """The State asks."""

    text = _text(_l("Why the claim comes late"), _l("The head of the fund decides by this. Name the papers that show "
                                                    "it; they are sent with the claim."))


class AskLateWithTicketForm(AskLateForm):
    """The same where the award's ticket was never paid."""

    ticket = MoneyField(_l("Price of a ticket that the delegate bought"), validators=[Optional()])
    receipt = UploadField(_l("Receipt of the ticket"), description=_l("The airline’s or agent’s receipt that shows the "
                                                                      "price and that it was paid: PDF, PNG or JPG."))

    def bought(self) -> Ticket | None:
        """Raises RuleBroken where price or receipt is missing."""
        if not self.ticket.data and not self.receipt.data:
            return None
        if not isinstance(self.ticket.data, Money):
            raise RuleBroken(_("Write what the ticket cost, or leave out the receipt."), code="late.ticket_price",
                             field="ticket")
        return Ticket(self.ticket.data.minor, check_upload(self.receipt.data, field="receipt"))


class DecideLateForm(VersionedForm):
    """The head of the fund allows it."""

    reason = _reason(DECIDE_LABELS)
    text = _text(_l("In your words"), _l("For the file, the other officer and the auditor."))


class RefuseLateForm(VersionedForm):
    """The head turns it down, or another officer does not agree."""

    reason = _reason(REFUSE_LABELS)
    text = _text(_l("In your words"), _l("For the file and the auditor; not shown to the State."))
