"""Forms of what became of payments that left."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import Length, Optional, Regexp

from core.money import Money
from core.web.forms import MoneyField, Required
from sponsorship.awards.forms import VersionedForm
from sponsorship.contributions.giving_fields import OneOfField
from sponsorship.disbursements.answer_service import BankFigures
from sponsorship.disbursements.answer_words import CONTRADICTIONS, DOUBTS, FINDING_REFUSALS, REASONS

MOST_WORDS = 2000
_CHOOSE = ("", _l("Choose a reason"))


def _reference(description: Any = None) -> StringField:
    return StringField(
        _l("The bank’s reference"), description=description or _l("As on the bank’s advice or statement."),
        validators=[Required(), Length(max=60),
                    Regexp(r"[A-Za-z0-9/ ._-]+\Z", message=_l("Write letters, figures, spaces and . / - _ only."))],
    )


def _words(label: Any, needed: Any = None) -> TextAreaField:
    return TextAreaField(label, validators=[Required(needed) if needed else Optional(), Length(max=MOST_WORDS)])


def _minor(field: MoneyField) -> int | None:
    return field.data.minor if isinstance(field.data, Money) else None


class ConfirmForm(VersionedForm):
    """The bank has paid, the whole or a part."""

    bank_reference = _reference()
    fee = MoneyField(_l("The bank’s fee"), description=_l("Leave empty if there is none."), validators=[Optional()])
    fee_bearer = RadioField(
        _l("Who bears the fee"), default="fund", validators=[Optional()],
        choices=[("fund", _l("The fund: it is booked beside the payment, and the pool bears it")),
                 ("payee", _l("The payee: it was taken out of what arrived, and costs the fund nothing"))])
    paid = MoneyField(
        _l("Paid, if less than instructed"), validators=[Optional()],
        description=_l("Leave empty if the bank paid the whole. The rest is reserved again and signed for anew."))
    booked = MoneyField(
        _l("Booked on the fund’s account, if other than paid"), validators=[Optional()],
        description=_l("Without the fee. Only where the bank converted: the pool bears the exchange difference."))

    @property
    def figures(self) -> BankFigures:
        return BankFigures(_minor(self.fee) or 0, self.fee_bearer.data or "fund", _minor(self.paid),
                           _minor(self.booked))


class BackForm(VersionedForm):
    """The bank did not pay, or the money is back."""

    reason = SelectField(_l("What the bank says"), validators=[Required()])
    bank_reference = _reference()
    fee = MoneyField(_l("Kept by a bank as its fee"), description=_l("Leave empty if nothing was kept."),
                     validators=[Optional()])
    booked = MoneyField(
        _l("Credited on the fund’s account, if other than paid"), validators=[Optional()],
        description=_l("Before the fee. Only where a bank converted: the pool bears the exchange difference."))
    text = _words(_l("Note for the file"))

    @classmethod
    def about(cls, action: str, left_the_account: bool) -> BackForm:
        """The form for one answer; what was never debited cannot be credited otherwise."""
        form = cls()
        form.reason.choices = [_CHOOSE, *REASONS[action].items()]
        if not left_the_account:
            del form.booked
        return form

    @property
    def figures(self) -> BankFigures:
        booked = _minor(self.booked) if "booked" in self else None
        return BankFigures(_minor(self.fee) or 0, booked_minor=booked)


class DoubtForm(VersionedForm):
    """Nobody knows whether the bank paid."""

    reason = SelectField(_l("Why nobody knows"), choices=[_CHOOSE, *DOUBTS.items()], validators=[Required()])
    text = _words(_l("What was asked of the bank, and when"), _l("Say in a sentence what was asked of the bank."))


class ContradictForm(VersionedForm):
    """The bank takes back that it had not paid."""

    round = SelectField(_l("Which release the bank speaks of"), coerce=int, validators=[Required()])
    reason = SelectField(_l("What the bank says now"), choices=[_CHOOSE, *CONTRADICTIONS.items()],
                         validators=[Required()])
    bank_reference = _reference()
    text = _words(_l("Note for the file"))


class FindingForm(VersionedForm):
    """What the papers show where the bank is silent."""

    outcome = OneOfField(_l("What became of it"), validators=[Required(_l("Choose what the papers show."))],
                         choices=[("paid", _l("It was paid")), ("unpaid", _l("It was not paid"))])
    text = _words(_l("Which papers show it"), _l("Name the papers that show it: statement, receipt, letter."))


class RefuseFindingForm(VersionedForm):
    """Another person does not agree."""

    reason = SelectField(_l("Reason"), choices=[_CHOOSE, *FINDING_REFUSALS.items()], validators=[Required()])
    text = _words(_l("What speaks against it"), _l("Say in a sentence what speaks against it."))


class HandOverForm(VersionedForm):
    """The bank has the file."""

    receipt = StringField(
        _l("The bank’s number for the file"), description=_l("If it gave one."),
        validators=[Optional(), Length(max=60),
                    Regexp(r"[A-Za-z0-9/ ._-]*\Z", message=_l("Write letters, figures, spaces and . / - _ only."))],
        render_kw={"autocomplete": "off"})
