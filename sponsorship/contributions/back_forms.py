"""Forms of officers (and of donors who pay by bank transfer): checks, transfers, refunds, disputes, settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, HiddenField, SelectField, StringField, TextAreaField
from wtforms.validators import Length, Optional, ValidationError

from accounts.tokens import kept_upload
from core.files import MAX_BYTES, CheckedUpload
from core.money import Money
from core.web.forms import BaseForm, DayField, MoneyField, Required, UploadField
from sponsorship.contributions.donor_checks import OUTCOMES
from sponsorship.contributions.forms import VersionForm
from sponsorship.contributions.fund_settings import MOST_DETAILS
from sponsorship.contributions.giving_fields import OneOfField
from sponsorship.contributions.refunds import REFUSALS, not_left
from sponsorship.contributions.transfers import NOT_ARRIVED

Choices = Sequence[tuple[str, Any]]
MOST_WORDS = Length(max=2000, message=_l("Keep it under 2,000 letters."))


class FormsMoneyField(MoneyField):
    """An amount in the currency that its form is made for (`money_currency`, set before the fields are read)."""

    @property
    def currency(self) -> str:
        """The code that counts for this amount."""
        return str(self._owner.money_currency)


class AcceptForm(VersionForm):
    """The head of the fund accepts a contribution."""

    checked = TextAreaField(
        _l("Why it is accepted"), description=_l("For the record: what speaks for it, and what was looked at."),
        validators=[Required(_l("Write why it is accepted, for the record.")), MOST_WORDS],
    )


class RefuseForm(VersionForm):
    """A contribution is not accepted and goes back."""

    reason = SelectField(_l("Reason"), choices=[("", _l("Choose")), *REFUSALS.items()],
                         validators=[Required(_l("Choose a reason."))])
    note = TextAreaField(_l("For the record"), validators=[MOST_WORDS])


class CheckForm(BaseForm):
    """Due diligence on a donor."""

    outcome = OneOfField(_l("Result"), choices=list(OUTCOMES.items()), validators=[Required(_l("Choose a result."))])
    consulted = TextAreaField(
        _l("What was consulted"),
        description=_l("Lists and registers, each with its day: for example the Security Council’s Consolidated List "
                       "and the register in which the donor is entered."),
        validators=[Required(_l("Write which lists and registers were consulted.")), MOST_WORDS],
    )
    kept_file = HiddenField()
    file = UploadField(_l("Paper to keep with it"), validators=[Optional()], max_bytes=MAX_BYTES)

    @property
    def kept(self) -> CheckedUpload | None:
        """The file that came with an earlier try of this form."""
        return kept_upload(self.kept_file.data or "")


# --- bank transfers ---------------------------------------------------------------------------------------------
class AnnounceForm(BaseForm):
    """A donor says that so much was sent on such a day."""

    amount = FormsMoneyField(_l("Amount sent"), validators=[Required(_l("Write the amount that you sent."))],
                             allow_zero=False)
    sent_on = DayField(_l("Day on which it was sent"), validators=[Required(_l("Write the day on which you sent it."))])

    def __init__(self, currency: str, **kwargs: Any) -> None:
        self.money_currency = currency
        super().__init__(**kwargs)


class FindPledgeForm(BaseForm):
    """For which pledge a deposit is."""

    pledge = StringField(
        _l("Reference of the pledge"), description=_l("As it stands on the statement, for example PLG-2027-0042."),
        validators=[Required(_l("Write the reference of the pledge.")),
                    Length(max=40, message=_l("Write a reference such as PLG-2027-0042."))],
    )


class BankLineForm(BaseForm):
    """What names a line of the bank's statement."""

    bank_reference = StringField(
        _l("Bank reference"), description=_l("The reference that the bank gave this line of its statement."),
        validators=[Required(_l("Write the bank’s reference as it stands on the statement.")),
                    Length(max=80, message=_l("Write a reference of at most 80 letters."))],
        render_kw={"autocomplete": "off"},
    )
    value_date = DayField(_l("Value date"), validators=[Required(_l("Write the value date of the statement."))])


class DepositForm(BankLineForm):
    """A line of the bank's statement that says what came."""

    currency = SelectField(_l("Currency in which the donor paid"),
                           validators=[Required(_l("Choose the currency."))])
    paid = MoneyField(_l("Amount that the donor paid"), currency_from="currency", allow_zero=False,
                      validators=[Required(_l("Write the amount that the donor paid."))])
    credited = MoneyField(
        _l("US dollars that reached the account"), allow_zero=False,
        validators=[Required(_l("Write the US dollars that reached the account."))])
    fee = MoneyField(
        _l("Bank fee"), description=_l("In US dollars, what banks kept on the way. Leave it empty if nothing."),
        validators=[Optional()])
    settles = FormsMoneyField(_l("How much of the pledge it settles"), validators=[Optional()])
    compared = BooleanField(_l("I have compared all of this with the bank’s statement."))

    def __init__(self, currencies: Choices, pledge_currency: str, **kwargs: Any) -> None:
        self.money_currency = pledge_currency
        super().__init__(**kwargs)
        self.currency.choices = list(currencies)
        self.settles.description = gettext(
            "In %(currency)s, only where the donor paid in another currency. Leave it empty, and the rates of the "
            "value date say it.", currency=pledge_currency)


class ConfirmForm(VersionForm, DepositForm):
    """The same, for a transfer that was announced."""


class NotArrivedForm(VersionForm):
    """An announced transfer did not arrive."""

    reason = SelectField(_l("Reason"), choices=[("", _l("Choose")), *NOT_ARRIVED.items()],
                         validators=[Required(_l("Choose a reason."))])
    note = TextAreaField(_l("For the record"), validators=[MOST_WORDS])


# --- refunds ----------------------------------------------------------------------------------------------------
class RefundForm(VersionForm):
    """So much of an accepted contribution is to go back."""

    amount = FormsMoneyField(_l("Amount to go back"), allow_zero=False,
                             validators=[Required(_l("Write the amount that is to go back."))])
    reason = SelectField(_l("Reason"), choices=[("", _l("Choose")), *REFUSALS.items()],
                         validators=[Required(_l("Choose a reason."))])
    note = TextAreaField(_l("Why"), description=_l("For whoever approves it, and for the record."),
                         validators=[Required(_l("Write why, for whoever approves it.")), MOST_WORDS])

    def __init__(self, left: Money, **kwargs: Any) -> None:
        self.money_currency, self.left = left.currency, left
        super().__init__(**kwargs)

    def validate_amount(self, field: Any) -> None:
        """Not more than is left, already before the check is shown."""
        if field.data is not None and field.data > self.left:
            raise ValidationError(not_left(self.left))


class WordsOnlyForm(BaseForm):
    """Something that is asked for with a reason in words."""

    note = TextAreaField(_l("Why"), validators=[Required(_l("Write why, for the record.")), MOST_WORDS])


class WordsForm(VersionForm, WordsOnlyForm):
    """A decision that takes a reason in words."""


class BankRefundForm(VersionForm, BankLineForm):
    """What the bank did with a refund."""

    cost = MoneyField(_l("US dollars that left the account for it"), allow_zero=False,
                      validators=[Required(_l("Write the US dollars that left the account."))])
    fee = MoneyField(_l("Bank fee"), description=_l("In US dollars, beside that. Leave it empty if nothing."),
                     validators=[Optional()])
    compared = BooleanField(_l("I have compared all of this with the bank’s statement."))


class ExplainForm(VersionForm):
    """An officer closes a notice of Stripe that matched nothing."""

    words = TextAreaField(_l("What was done about it"),
                          validators=[Required(_l("Write what was done about it.")), MOST_WORDS])


# --- the fund ---------------------------------------------------------------------------------------------------
class SettingsForm(VersionForm):
    """What the fund manager sets for the whole fund."""

    cards = OneOfField(_l("Payment by card"), choices=[("on", _l("Donors may pay by card")),
                                                       ("off", _l("No cards are taken now"))],
                       validators=[Required(_l("Choose whether cards are taken."))])
    details = TextAreaField(
        _l("Bank details for transfers"),
        description=_l("Shown to donors as they stand here: name of the account, bank, account number or IBAN, BIC. "
                       "Leave it empty, and donors read that the office writes to them. The head of the fund approves "
                       "a change before donors read it."),
        validators=[Length(max=MOST_DETAILS, message=_l("Keep it under 2,000 letters."))], render_kw={"rows": 8},
    )
