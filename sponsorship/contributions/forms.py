"""Forms of donors and of the officers who keep contributions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms import RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import Length, Optional, StopValidation, ValidationError

from accounts.emails import EmailAddress
from core.money import usd
from core.web.formats import format_money
from core.web.forms import BaseForm, DayField, MoneyField, Required, VersionField
from sponsorship.contributions.pledges import LARGEST_MINOR, SMALLEST_MINOR
from sponsorship.contributions.pools import PoolChoice

Choices = Sequence[tuple[str, Any]]
DONOR_KIND_LABELS = {
    "state": _l("A State"),
    "organisation": _l("An organisation, a foundation or a company"),
    "person": _l("A private person"),
}


class OneOfField(RadioField):
    """One answer out of a few. Says one thing at a time: what to choose, or that the answer is none of these."""

    def pre_validate(self, form: Any) -> None:
        """Leave an empty answer to `Required`; refuse one that was not offered."""
        if not self.data:
            return
        if self.data not in {value for value, *_ in self.iter_choices()}:
            raise StopValidation(gettext("Choose one of the answers offered."))


class AmountForm(BaseForm):
    """How much, for what; and for which organisation, where the person serves several.

    What it is for is not asked where an agreement decides it: `bound` has the organisations with one in force.
    """

    organisation = OneOfField(_l("Who gives"), validators=[Optional()])
    amount = MoneyField(
        _l("Amount"), validators=[Required(_l("Write the amount you wish to give."))], allow_zero=False,
        description=_l("In US dollars, for example 25,000."),
    )
    purpose = OneOfField(_l("What it is for"), validators=[Required(_l("Choose what the money is for."))])

    def __init__(
        self, purposes: Sequence[PoolChoice], organisations: Choices, bound: Collection[str] = (), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.purpose.choices = [(choice.value, choice.label) for choice in purposes]
        self.organisation.choices = list(organisations)
        if len(organisations) > 1:
            self.organisation.validators = [Required(_l("Choose for whom you give."))]
        else:
            del self.organisation
        if organisations and all(key in bound for key, _label in organisations):
            del self.purpose

    def validate_amount(self, field: Any) -> None:
        """Within what a pledge may be."""
        if field.data is not None and field.data.minor < SMALLEST_MINOR:
            raise ValidationError(gettext("Write %(amount)s or more: below it, card fees take too much of it.",
                                          amount=format_money(usd(SMALLEST_MINOR))))
        if field.data is not None and field.data.minor > LARGEST_MINOR:
            raise ValidationError(gettext("Check the number of zeros. Pledges above %(amount)s are made by letter.",
                                          amount=format_money(usd(LARGEST_MINOR))))


class DonorForm(BaseForm):
    """Who gives, when they have no account here."""

    donor_kind = OneOfField(
        _l("Who gives"), choices=list(DONOR_KIND_LABELS.items()),
        validators=[Required(_l("Choose who gives: the fund takes no anonymous contributions."))],
    )
    donor_name = StringField(
        _l("Name of the donor"), description=_l("The full name, as it should stand on the receipt."),
        validators=[Required(_l("Write the name of the donor: the fund takes no anonymous contributions.")),
                    Length(max=200, message=_l("Write a name of at most 200 letters."))],
        render_kw={"autocomplete": "organization"},
    )
    donor_contact = StringField(
        _l("Person we may speak to"), validators=[Length(max=200, message=_l("Write a name of at most 200 letters."))],
        render_kw={"autocomplete": "name"},
    )
    donor_email = StringField(
        _l("E-mail address"), description=_l("The reference, the receipt and any question go to this address."),
        validators=[Required(_l("Write an e-mail address, so that we can answer.")), EmailAddress()],
        render_kw={"autocomplete": "email", "inputmode": "email"},
    )


class CancelForm(BaseForm):
    """An officer cancels a pledge."""

    words = TextAreaField(
        _l("Why it is cancelled"),
        validators=[Required(_l("Write why the pledge is cancelled.")),
                    Length(max=2000, message=_l("Keep it under 2,000 letters."))],
    )
    version = VersionField()


class VersionOnlyForm(BaseForm):
    """A button that must know what the page showed."""

    version = VersionField()


class PercentField(StringField):
    """A percentage with at most two decimals; `basis_points` is the integer (13 % = 1300), or None."""

    basis_points: int | None = None

    def post_validate(self, form: Any, validation_stopped: bool) -> None:
        """Read what was typed, or say how to write it."""
        text = str(self.data or "").rstrip("% \u00a0\u202f").replace(",", ".")
        if validation_stopped or not text:
            return
        try:
            value = Decimal(text) * 100
        except ArithmeticError:  # no number, or one too large to be one
            value = Decimal("0.5")
        if value != value.to_integral_value() or not 0 <= value <= 5000:
            raise ValidationError(gettext("Write a rate from 0 to 50, with at most two decimals, for example 13."))
        self.basis_points = int(value)


class AgreementForm(BaseForm):
    """An exchange of letters goes on record."""

    organisation = SelectField(_l("Donor"), validators=[Required(_l("Choose the donor."))])
    reference = StringField(
        _l("Reference of the letter or note verbale"),
        validators=[Required(_l("Write the reference of the letter.")),
                    Length(max=80, message=_l("Write a reference of at most 80 letters."))],
    )
    exchange_of_letters = DayField(_l("Date of the exchange of letters"),
                                   validators=[Required(_l("Write the date of the exchange of letters."))])
    support_rate = PercentField(
        _l("Programme support costs"), default="13",
        description=_l("In per cent of what is spent. The standard is 13."),
        validators=[Required(_l("Write the rate of programme support costs, for example 13."))],
    )
    end_date = DayField(_l("Last day of the agreement"), validators=[Optional()],
                        description=_l("Leave it empty if the agreement has no end."))
    pool = SelectField(
        _l("Pool"), description=_l("A State's payments go into this pool without further acceptance."),
        validators=[Required(_l("Choose the pool."))],
    )

    def __init__(self, organisations: Choices, pools: Sequence[PoolChoice], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.organisation.choices = [("", gettext("Choose")), *organisations]
        self.pool.choices = [("", gettext("Choose")), *((choice.value, choice.label) for choice in pools)]
