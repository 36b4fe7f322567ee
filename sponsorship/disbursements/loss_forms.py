"""Forms of money that is gone."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import RadioField, SelectField
from wtforms.validators import Optional

from core.money import Money
from core.web.forms import MoneyField, Required, UploadField
from sponsorship.awards.forms import VersionedForm
from sponsorship.disbursements.answer_forms import _reference, _words
from sponsorship.disbursements.loss_words import KINDS, REFUSALS


class PaidBeforeForm(VersionedForm):
    """The bank admits that it paid an earlier release."""

    round = SelectField(_l("Which release the bank speaks of"), coerce=int, validators=[Required()],
                        description=_l("Round, instruction, and what of it is not on record as paid."))
    amount = MoneyField(_l("Paid beyond what is on record, if a part only"), validators=[Optional()],
                        description=_l("Leave empty if the bank paid all that is not on record of that release."))
    bank_reference = _reference()
    text = _words(_l("What the bank says, and in which paper"), _l("Name the paper in which the bank says so."))

    @property
    def minor(self) -> int | None:
        return self.amount.data.minor if isinstance(self.amount.data, Money) else None


class CashGoneForm(VersionedForm):
    """A paymaster reports cash."""

    kind = RadioField(_l("What happened"), choices=[(k, KINDS[k]) for k in ("lost", "stolen", "short")],
                      validators=[Required(_l("Choose what happened."))])
    amount = MoneyField(_l("How much of this payment is missing"), validators=[Required()])
    report = UploadField(_l("Report"), validators=[Optional()], description=_l(
        "Of the police, of security, or your own, signed: PDF, PNG or JPG. Needed unless it is short at the count."))
    text = _words(_l("What happened, where and when"), _l("Say in a sentence what happened, where and when."))


class RefuseLossForm(VersionedForm):
    """Another person does not agree."""

    reason = SelectField(_l("Reason"), choices=[("", _l("Choose a reason")), *REFUSALS.items()],
                         validators=[Required()])
    text = _words(_l("What speaks against it"), _l("Say in a sentence what speaks against it."))


class FoundForm(VersionedForm):
    """Missing cash is on the fund's account again."""

    amount = MoneyField(_l("Amount"), validators=[Required()])
    bank_reference = _reference(_l("As on the bank’s statement."))
