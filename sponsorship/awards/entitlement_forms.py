"""Forms of entitlements: a fare quote, what is known of a journey, a file of rates."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import Length, Optional, Regexp, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from core.money import Money
from core.web.formats import format_day
from core.web.forms import BaseForm, DayField, MoneyField, Required, UploadField, WholeNumberField, add_error
from sponsorship.applications.queries import CallRow
from sponsorship.awards.dsa_csv import MAX_BYTES
from sponsorship.awards.entitlement import LEGS, PROVIDED
from sponsorship.awards.entitlement_models import AwardJourney
from sponsorship.awards.entitlement_service import Fare, Known
from sponsorship.awards.entitlement_words import LEG_LABELS, PROVIDED_LABELS
from sponsorship.awards.forms import VersionedForm


def _checkboxes(label: Any, choices: list[tuple[str, Any]], **kwargs: Any) -> SelectMultipleField:
    return SelectMultipleField(label, choices=choices, option_widget=CheckboxInput(),
                               widget=ListWidget(prefix_label=False), validators=[Optional()], **kwargs)


class QuoteForm(VersionedForm):
    """A fare as it was quoted. The expiry is by the clock of the meeting's place."""

    currency = StringField(
        _l("Currency"), description=_l("Three letters, for example USD or EUR."), default="USD",
        validators=[Required(), Regexp(r"[A-Za-z]{3}\Z", message=_l("Write three letters, such as USD."))],
        filters=[lambda text: text.upper() if text else text],
    )
    amount = MoneyField(_l("Fare, taxes included"), currency_from="currency", allow_zero=False,
                        validators=[Required(_l("Write the fare."))])
    source = StringField(_l("Who quoted it"), description=_l("Travel agency or airline, and its reference."),
                         validators=[Required(), Length(max=120)])
    quoted_on = DayField(_l("Quoted on"), validators=[Required()])
    expires_day = DayField(_l("Expires on"), description=_l("The ticket must be issued by then."),
                           validators=[Required()])
    expires_time = StringField(_l("Expires at"), default="23:59", validators=[Required()])

    def validate_expires_time(self, field: Any) -> None:
        """Hours and minutes."""
        if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", field.data or ""):
            raise ValidationError(_("Write the time as 17:00."))

    def fare(self, zone: str) -> Fare:
        """What the command takes. In the hour that a clock change repeats, the earlier one: no quote lives longer than
        its words say."""
        assert isinstance(self.amount.data, Money)
        assert self.expires_day.data is not None and self.quoted_on.data is not None
        day, (hours, minutes) = self.expires_day.data, map(int, self.expires_time.data.split(":"))
        local = datetime.combine(day, time(hours, minutes), ZoneInfo(zone))
        return Fare(self.amount.data, self.source.data, self.quoted_on.data, local.astimezone(UTC))


class JourneyForm(VersionedForm):
    """What is known of the journey. Nights are offered by their dates."""

    nights = _checkboxes(_l("Nights in the air"), [])
    provided = _checkboxes(_l("Provided free by the host on days of the meeting"),
                           [(code, PROVIDED_LABELS[code]) for code in PROVIDED])
    cars = _checkboxes(_l("Legs on which a car is provided"), [(leg, LEG_LABELS[leg]) for leg in LEGS])
    hours = WholeNumberField(_l("Hours away from home"), description=_l("Only for a journey without a night."),
                             validators=[Optional()])
    covered_from = WholeNumberField(_l("Paid from day of the meeting"),
                                    description=_l("1 is its first day. Leave both empty for the whole meeting."),
                                    validators=[Optional()])
    covered_to = WholeNumberField(_l("Paid until day of the meeting"), validators=[Optional()])

    def offer(self, first: date, last: date) -> None:
        """Offer the nights of this journey."""
        self.nights.choices = [
            (str(n), format_day(first + timedelta(days=n), weekday=True)) for n in range((last - first).days)]

    def fill(self, journey: AwardJourney | None, call: CallRow) -> None:
        """What is known already; before that, the days of the meeting that the call pays."""
        if journey is None:
            self.covered_from.data, self.covered_to.data = call.part_first_day, call.part_last_day
            return
        self.nights.data = [str(n) for n in journey.nights_in_air]
        self.provided.data, self.cars.data, self.hours.data = journey.provided, journey.cars, journey.hours
        self.covered_from.data, self.covered_to.data = journey.covered_from, journey.covered_to

    def validate_hours(self, field: Any) -> None:
        """Hours of one day."""
        if field.data is not None and not 1 <= field.data <= 24:
            raise ValidationError(_("Write a number from 1 to 24."))

    def validate(self, extra_validators: Any = None) -> bool:
        """Both days of the meeting or none."""
        good = super().validate(extra_validators)
        if good and (self.covered_to.data is None) != (self.covered_from.data is None):
            add_error(self, "covered_to", _("Write both days of the meeting, or none."))
            return False
        return good

    @property
    def known(self) -> Known:
        """What the command takes."""
        covered = None
        if self.covered_from.data is not None and self.covered_to.data is not None:
            covered = (self.covered_from.data, self.covered_to.data)
        return Known([int(n) for n in self.nights.data or ()], self.provided.data or (), self.cars.data or (),
                     self.hours.data, covered)


class DsaUploadForm(BaseForm):
    """A file of rates and the circular it repeats."""

    source = StringField(
        _l("Circular"), description=_l("What the file repeats, with its number and date."),
        validators=[Required(_l("Write which circular the rates are from.")), Length(max=120)])
    file = UploadField(
        _l("File"), kinds=("csv", "txt", "tsv"), max_bytes=MAX_BYTES,
        validators=[Required(_l("Choose the file with the rates."))],
        description=_l("CSV in UTF-8 with the columns place, country, valid_from, rate_usd. Nothing is stored before "
                       "you have seen what was read."))


class DsaCheckForm(BaseForm):
    """What travels with a preview."""

    source = HiddenField(validators=[Required(), Length(max=120)])
    kept_token = HiddenField()


class DsaWithdrawForm(BaseForm):
    """An import is withdrawn."""

    words = TextAreaField(_l("Why"), description=_l("For the record: what was wrong, and what takes its place."),
                          validators=[Required(_l("Say in a sentence why.")), Length(max=2000)])
