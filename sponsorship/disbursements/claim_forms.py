"""Forms of claims, recoveries and reports."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from babel.dates import format_skeleton
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import Length, Optional, Regexp
from wtforms.widgets import CheckboxInput, ListWidget

from core.web.formats import current_locale
from core.web.forms import DayField, MoneyField, Required, RequiredWhen, UploadField, WholeNumberField, add_error
from sponsorship.awards.entitlement import LEGS, PROVIDED
from sponsorship.awards.entitlement_words import LEG_LABELS, PROVIDED_LABELS
from sponsorship.awards.forms import VersionedForm
from sponsorship.contributions.giving_fields import OneOfField
from sponsorship.disbursements.claim_reckoning import Days
from sponsorship.disbursements.claim_words import (
    ATTENDANCE_LABELS,
    NO_SHOW_LABELS,
    REPORT_LABELS,
    RETURN_LABELS,
    WRITE_OFF_LABELS,
)

MOST_WORDS = 2000
AIR = "air"
_CHOOSE = ("", _l("Choose"))


def _boxes(label: Any, choices: Sequence[tuple[str, Any]] = ()) -> SelectMultipleField:
    return SelectMultipleField(label, choices=list(choices), option_widget=CheckboxInput(),
                               widget=ListWidget(prefix_label=False), validators=[Optional()])


class ClaimForm(VersionedForm):
    """The claim. What was different is asked only when the journey was not as planned; nothing is lost when a person
    changes that answer."""

    as_planned = OneOfField(
        _l("Was the journey as planned?"),
        choices=[("yes", _l("Yes: these days, nothing provided beyond what was known")),
                 ("no", _l("No: other days, meals, rooms or cars"))],
        validators=[Required(_l("Choose one of the two."))])
    first = DayField(_l("Left home on"), validators=[RequiredWhen("as_planned", "no", _l("Write the day."))])
    last = DayField(_l("Home again on"), validators=[RequiredWhen("as_planned", "no", _l("Write the day."))])
    hours = WholeNumberField(_l("Hours away from home"), description=_l("Only for a journey without a night."),
                             validators=[Optional()])
    days = _boxes(_l("Day by day"))
    no_legs = _boxes(_l("Legs that were not travelled"), [(leg, LEG_LABELS[leg]) for leg in LEGS])
    cars = _boxes(_l("Legs on which a car was provided"), [(leg, LEG_LABELS[leg]) for leg in LEGS])
    boarding_out = UploadField(_l("Boarding passes, way out"))
    boarding_back = UploadField(_l("Boarding passes, way back"))
    other = UploadField(_l("Another paper"))
    words = TextAreaField(_l("Anything the secretariat should know"), validators=[Optional(), Length(max=MOST_WORDS)])

    def offer(self, days: Sequence[date]) -> None:
        """Offer a box for each day and each thing."""
        self.grid = [(day, format_skeleton("MMMEd", day, locale=current_locale()))
                     for day in days]  # short: five columns on a telephone
        labels = {**PROVIDED_LABELS, AIR: _("Night in the air")}
        self.days.choices = [(f"{day.isoformat()}:{what}", _("%(day)s: %(what)s", day=shown, what=labels[what]))
                             for day, shown in self.grid for what in (*PROVIDED, AIR)]

    def fill(self, told: Days | None, planned: Days) -> None:
        """What was sent before, else what was planned."""
        known = told or planned
        self.as_planned.data = "no" if told is not None else None
        self.first.data, self.last.data, self.hours.data = known.first, known.last, known.hours
        self.days.data = [f"{day.isoformat()}:{what}" for day, given in known.provided.items() for what in given] + [
            f"{day.isoformat()}:{AIR}" for day in known.in_air]
        self.no_legs.data = [leg for leg in LEGS if leg not in known.legs]
        self.cars.data = list(known.cars)

    def validate(self, extra_validators: Any = None) -> bool:
        """Hours of one day."""
        good = super().validate(extra_validators)
        if good and self.hours.data is not None and not 1 <= self.hours.data <= 24:
            add_error(self, "hours", _("Write a number from 1 to 24."))
            return False
        return good

    @property
    def told(self) -> Days | None:
        """What the command takes; None for a journey as planned."""
        if self.as_planned.data == "yes":
            return None
        assert self.first.data is not None and self.last.data is not None
        provided: dict[date, set[str]] = {}
        in_air = set()
        for value in self.days.data or ():
            day_text, _colon, what = value.partition(":")
            day = date.fromisoformat(day_text)
            if what == AIR:
                in_air.add(day)
            else:
                provided.setdefault(day, set()).add(what)
        one_day = self.first.data == self.last.data
        return Days(self.first.data, self.last.data, frozenset(in_air),
                    {day: frozenset(what) for day, what in provided.items()}, self.hours.data if one_day else None,
                    frozenset(leg for leg in LEGS if leg not in (self.no_legs.data or ())),
                    frozenset(self.cars.data or ()))


class SettleForm(VersionedForm):
    """A claim is settled. The amount by hand only where no rate is on record."""

    attendance = SelectField(
        _l("Attendance"), choices=[_CHOOSE, *ATTENDANCE_LABELS.items()],
        description=_l("By the delegation’s list or what the secretariat saw; recorded for sponsored delegates only."),
        validators=[Required(_l("Choose what is known."))])
    dsa = MoneyField(_l("Daily subsistence due"), validators=[Optional()])
    text = TextAreaField(_l("Note for the file"), validators=[Optional(), Length(max=MOST_WORDS)])
    seen_minor = HiddenField(validators=[Optional(), Regexp(r"[0-9]{1,15}\Z")])  # what the page said is due, US cents


def _reasoned(labels: Any, hint: Any) -> type[VersionedForm]:
    return type("ReasonedForm", (VersionedForm,), {
        "reason": SelectField(_l("Reason"), choices=[_CHOOSE, *labels.items()], validators=[Required()]),
        "text": TextAreaField(_l("In your words"), description=hint,
                              validators=[Required(_l("Say in a sentence why.")), Length(max=MOST_WORDS)])})


ReturnClaimForm = _reasoned(RETURN_LABELS, _l("The State reads this: say what to send."))
NoShowForm = _reasoned(NO_SHOW_LABELS, _l("For the file and the auditor."))
WriteOffForm = _reasoned(WRITE_OFF_LABELS, _l("For the file and the auditor: what was tried."))


class ReceiptForm(VersionedForm):
    """Money that came back."""

    amount = MoneyField(_l("Amount that came"), allow_zero=False, validators=[Required(_l("Write the amount."))])
    bank_reference = StringField(
        _l("The bank’s reference"), description=_l("As on the bank’s statement; each counts once."),
        validators=[Required(), Length(max=60),
                    Regexp(r"[A-Za-z0-9/ ._-]+\Z", message=_l("Write letters, figures, spaces and . / - _ only."))])
    paid_on = DayField(_l("Day on the statement"), validators=[Required()])


class ReportForm(VersionedForm):
    """The delegate's report."""

    meetings = TextAreaField(REPORT_LABELS["meetings"], validators=[
        Required(_l("Write at least a sentence.")), Length(max=4000)])
    statement = TextAreaField(REPORT_LABELS["statement"], validators=[Optional(), Length(max=4000)])
    contacts = TextAreaField(REPORT_LABELS["contacts"], validators=[Optional(), Length(max=4000)])
    follow_up = TextAreaField(REPORT_LABELS["follow_up"], validators=[
        Required(_l("Write at least a sentence.")), Length(max=4000)])
    lessons = TextAreaField(REPORT_LABELS["lessons"], validators=[Optional(), Length(max=4000)])


def week_around(first: date, last: date) -> list[date]:
    """Two days before the planned journey to two after it: what the day-by-day part of the form shows."""
    start = first - timedelta(days=2)
    return [start + timedelta(days=n) for n in range((last - first).days + 5)]
