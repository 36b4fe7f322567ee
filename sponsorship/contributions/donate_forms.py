"""Forms of whoever gives: how much and for what, a purpose of one's own, instalments, who gives."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms import SelectField, StringField
from wtforms.validators import Length, Optional, ValidationError

from accounts.emails import EmailAddress
from core import clock
from core.money import usd
from core.text import one_line
from core.web.formats import format_money
from core.web.forms import BaseForm, DayField, MoneyField, Required, WholeNumberField
from sponsorship.contributions.donor_names import LONGEST, is_somebody
from sponsorship.contributions.giving_fields import EVERY, CurrencyField, EarmarkFields, OneOfField, instalment_rows
from sponsorship.contributions.pledges import LARGEST_MINOR, SMALLEST_MINOR
from sponsorship.contributions.pools import PoolChoice
from sponsorship.contributions.schedules import MOST
from sponsorship.contributions.valuation import value_of
from sponsorship.gateways.rates import RateMissing

Choices = Sequence[tuple[str, Any]]
DONOR_KIND_LABELS = {
    "state": _l("A State"),
    "organisation": _l("An organisation, a foundation or a company"),
    "person": _l("A private person"),
}
OWN_PURPOSE, ONCE, DATED = "own", "once", "dated"
TOO_LONG = _l("Write a name of at most 200 letters.")


def worth_problem(field: Any) -> str | None:
    """What is wrong with an amount that is worth too little or too much for a pledge; None where nothing is, or where
    it cannot be told for want of a rate (which its currency says)."""
    try:
        worth = value_of(field.data, clock.today()).usd_minor
    except RateMissing:
        return None
    if worth < SMALLEST_MINOR:
        return gettext("Write %(amount)s or more: below it, card fees take too much of it.",
                       amount=format_money(usd(SMALLEST_MINOR)))
    if worth > LARGEST_MINOR:
        return gettext("Check the number of zeros. Pledges above %(amount)s are made by letter.",
                       amount=format_money(usd(LARGEST_MINOR)))
    return None


class AmountForm(BaseForm):
    """How much, for what, in how many payments; and for which organisation, where the person serves several.

    What it is for is not asked where an agreement decides it: `bound` has the organisations with one in force.
    """

    organisation = OneOfField(_l("Who gives"), validators=[Optional()])
    currency = CurrencyField(_l("Currency"), default="USD", validators=[Required(_l("Choose the currency."))])
    amount = MoneyField(
        _l("Amount"), validators=[Required(_l("Write the amount you wish to give."))], allow_zero=False,
        currency_from="currency", description=_l("In figures, for example 25,000."),
    )
    purpose = OneOfField(_l("What it is for"), validators=[Required(_l("Choose what the money is for."))])
    when = OneOfField(
        _l("When you pay"), default=ONCE, validators=[Required(_l("Choose when you pay."))],
        choices=[(ONCE, _l("In one payment, when it suits me")),
                 (DATED, _l("On a date that I name, or in instalments"))],
    )

    def __init__(
        self, purposes: Sequence[PoolChoice], organisations: Choices, bound: Collection[str] = (), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.currency.offer()
        self.purpose.choices = [*((choice.value, choice.label) for choice in purposes),
                                (OWN_PURPOSE, gettext("A purpose of my own: a meeting, a group of States, women"))]
        self.organisation.choices = list(organisations)
        if len(organisations) > 1:
            self.organisation.validators = [Required(_l("Choose for whom you give."))]
        else:
            del self.organisation
        if organisations and all(key in bound for key, _label in organisations):
            del self.purpose

    def validate_amount(self, field: Any) -> None:
        """Within what a pledge may be."""
        problem = worth_problem(field) if field.data is not None else None
        if problem is not None:
            raise ValidationError(problem)


class PurposeForm(EarmarkFields):
    """A purpose of the donor's own."""

    def validate(self, extra_validators: Any = None) -> bool:
        """Something must be chosen."""
        good = super().validate(extra_validators)
        if good and self.earmark is None:
            self.form_errors = [gettext("Choose at least one condition, or go back and give where it is needed most.")]
            return False
        return good


def instalments_form(currency: str) -> type[BaseForm]:
    """The form of instalments in this currency."""

    class InstalmentsForm(BaseForm):
        instalments = instalment_rows(currency)

    return InstalmentsForm


class SplitForm(BaseForm):
    """Equal instalments, to be filled in for the donor."""

    number = WholeNumberField(_l("How many"), validators=[Required(_l("Write how many instalments, for example 4."))])
    first = DayField(_l("The first on"), validators=[Required(_l("Write the date of the first instalment."))])
    every = SelectField(_l("Then"), choices=list(EVERY.items()), default="12",
                        validators=[Required(_l("Choose how often."))])

    def validate_number(self, field: Any) -> None:
        """Not more than a pledge may have."""
        if field.data is not None and not 1 <= field.data <= MOST:
            raise ValidationError(gettext("Write a number from 1 to %(most)s.", most=MOST))


class DonorForm(BaseForm):
    """Who gives, when they have no account here."""

    donor_kind = OneOfField(
        _l("Who gives"), choices=list(DONOR_KIND_LABELS.items()),
        validators=[Required(_l("Choose who gives: the fund takes no anonymous contributions."))],
    )
    donor_name = StringField(
        _l("Name of the donor"), description=_l("The full name, as it should stand on the receipt."),
        validators=[Required(_l("Write the name of the donor: the fund takes no anonymous contributions.")),
                    Length(max=LONGEST, message=TOO_LONG)],
        render_kw={"autocomplete": "organization"},
    )
    donor_contact = StringField(
        _l("Person we may speak to"), validators=[Length(max=LONGEST, message=TOO_LONG)],
        render_kw={"autocomplete": "name"},
    )
    donor_email = StringField(
        _l("E-mail address"), description=_l("The reference, the receipt and any question go to this address."),
        validators=[Required(_l("Write an e-mail address, so that we can answer.")), EmailAddress()],
        render_kw={"autocomplete": "email", "inputmode": "email"},
    )

    def validate_donor_name(self, field: Any) -> None:
        """Marks that cannot be seen are no name, nor is the word for nobody."""
        if not is_somebody(one_line(field.data)):
            raise ValidationError(
                gettext("Write the name of the donor: the fund takes no anonymous contributions."))
