"""Forms of the organiser."""

from __future__ import annotations

import re
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms import RadioField, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import Length, Optional, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from core.web.forms import After, BaseForm, DayField, Required, RequiredWhen, VersionField, WholeNumberField
from meetings.calendar.service import MAX_DAYS, MAX_REASON, RESERVED, SLUG, MeetingFacts, known_zones
from meetings.calendar.words import LANGUAGE_NAMES, MODE_NAMES

CERTAINTY_CHOICES = [
    ("none", _l("No dates yet: only the year")),
    ("provisional", _l("Provisional dates")),
    ("fixed", _l("Fixed dates")),
]
_DATED = ("provisional", "fixed")
_FIRST = ("kind", "ordinal", "short_name", "slug", "title")


class AtMost(Length):
    """A text of at most `n` characters, with advice in words."""

    def __init__(self, n: int) -> None:
        super().__init__(max=n, message=_l("Write at most %(n)s characters.", n=n))


class Between:
    """A whole number from `low` to `high`."""

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high

    def __call__(self, form: Any, field: Any) -> None:
        """Refuse a number outside, with both ends."""
        if field.data is not None and not self.low <= field.data <= self.high:
            raise ValidationError(gettext("Write a number from %(low)s to %(high)s.", low=self.low, high=self.high))


_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")


def no_turning(form: Any, field: Any) -> None:
    """Refuse signs that turn the direction of whatever is written around them; letters of every script are welcome."""
    if field.data and _TURNS.search(field.data):
        raise ValidationError(gettext("This holds invisible signs that turn the direction of writing, as copying from "
                                      "a document may bring. Type it anew, or paste it as plain text."))


class _MeetingFields(BaseForm):
    kind = SelectField(_l("Kind"), validators=[Required(_l("Choose a kind."))])
    ordinal = WholeNumberField(
        _l("Number"), validators=[Optional(), Between(1, 999)],
        description=_l("The tenth biennial meeting is number 10. Leave it empty for meetings without a number."))
    short_name = StringField(_l("Short name"),
                             validators=[Required(_l("Write a short name, such as BMS10.")), AtMost(80), no_turning],
                             description=_l("What everybody calls it, such as BMS10."))
    title = TextAreaField(_l("Official title"), validators=[
        Required(_l("Write the official title.")), AtMost(400), no_turning],
                          render_kw={"rows": 3})
    mode = RadioField(_l("How it is held"), choices=list(MODE_NAMES.items()), default="in_person",
                      validators=[Required(_l("Choose how the meeting is held."))])
    city = StringField(_l("City"), validators=[AtMost(120)],
                       description=_l("Needed once there are dates, unless the meeting is online."))
    country_code = SelectField(_l("State"))
    venue = StringField(_l("Venue"), validators=[AtMost(200)])
    timezone = StringField(
        _l("Time zone"), default="America/New_York",
        validators=[Required(_l("Write a time zone by its city, such as America/New_York."))],
        description=_l("The zone of the venue, by its city. Deadlines of this meeting are counted in it."),
        render_kw={"list": "zones", "autocomplete": "off"})
    seats_in_room = WholeNumberField(
        _l("Seats in the room for each delegation"), validators=[Optional(), Between(1, 99)],
        description=_l("Where the room is small, or part of each delegation takes part from afar."))
    taking_part = TextAreaField(
        _l("Taking part from afar"), validators=[AtMost(1000)], render_kw={"rows": 3},
        description=_l("Who may take part online, and how they get the link. Everybody can read this: write no "
                       "password."))
    languages = SelectMultipleField(
        _l("Interpretation"), choices=list(LANGUAGE_NAMES.items()), option_widget=CheckboxInput(),
        widget=ListWidget(prefix_label=False), description=_l("The languages that the meeting is interpreted in."))
    meetings_allotted = WholeNumberField(
        _l("Plenary meetings granted"), validators=[Optional(), Between(1, 100)],
        description=_l("Half-days, as the mandate grants them: ten make one week."))
    presiding_role = StringField(_l("Role of the presiding officer"), validators=[AtMost(60)],
                                 description=_l("Chair-designate, Chair, President-designate or President."))
    presiding_name = StringField(_l("Name of the presiding officer"), validators=[AtMost(160)])
    presiding_country = SelectField(_l("State of the presiding officer"))
    mandate_text = StringField(_l("Mandate"), validators=[AtMost(300)],
                               description=_l("The resolution or decision it rests on, with its paragraph."))
    report_deadline = DayField(_l("National reports asked for by"), validators=[Optional()],
                               description=_l("Reports are voluntary; this is the date that States are asked to keep."))
    notes = TextAreaField(_l("Notes on this record"), validators=[AtMost(4000)],
                          description=_l("Shown to everybody, below the sources."))

    def offer(self, kinds: list[tuple[str, str]], states: list[tuple[str, str]]) -> None:
        """Fill the choices: kinds as (code, name), States as (ISO alpha-2, name)."""
        self.kind.choices = [("", gettext("Choose")), *kinds]
        self.country_code.choices = [("", gettext("Not stated")), *states]
        self.presiding_country.choices = [("", gettext("Not stated")), *states]

    def validate_timezone(self, field: StringField) -> None:
        """A zone that exists, by its city."""
        if field.data and field.data not in known_zones():
            raise ValidationError(gettext("Write a time zone by its city, such as America/New_York."))

    def facts(self) -> MeetingFacts:
        """What was written, for the command."""
        return MeetingFacts(
            kind=self.kind.data, title=self.title.data or "", short_name=self.short_name.data or "",
            ordinal=self.ordinal.data, mode=self.mode.data, city=self.city.data, country_code=self.country_code.data,
            venue=self.venue.data, timezone=self.timezone.data or "", meetings_allotted=self.meetings_allotted.data,
            presiding_role=self.presiding_role.data, presiding_name=self.presiding_name.data,
            presiding_country=self.presiding_country.data, mandate_text=self.mandate_text.data,
            taking_part=self.taking_part.data, seats_in_room=self.seats_in_room.data,
            languages=tuple(self.languages.data or ()),
            report_deadline=self.report_deadline.data, notes=self.notes.data, **self._days(),
        )

    def _days(self) -> dict[str, Any]:
        return {}


class _DatedFields(_MeetingFields):
    certainty = RadioField(_l("How far the dates are settled"), choices=CERTAINTY_CHOICES, default="none",
                           validators=[Required(_l("Choose how far the dates are settled."))])
    year = WholeNumberField(
        _l("Year"), validators=[RequiredWhen("certainty", "none", _l("Write the year, such as 2028.")),
                                Between(1990, 2100)],
        description=_l("Needed only while there are no dates."))
    start_date = DayField(
        _l("First day"), validators=[RequiredWhen("certainty", _DATED, _l("Write the first day."))])
    end_date = DayField(
        _l("Last day"), validators=[RequiredWhen("certainty", _DATED, _l("Write the last day.")),
                                    After("start_date", or_same=True)])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # the list of problems follows the page, where the days stand before the place
        fields: dict[str, Any] = vars(self)["_fields"]
        later = ("certainty", "year", "start_date", "end_date")
        for name in ("slug", "title", *later, *[n for n in fields if n not in _FIRST and n not in later]):
            if name in fields:
                fields[name] = fields.pop(name)  # to the end, in this order

    def validate(self, extra_validators: Any = None) -> bool:
        """Rules over several fields, beside those of each."""
        fine = super().validate(extra_validators)
        if self.certainty.data in _DATED:
            if self.mode.data != "virtual" and not self.city.data and not self.city.errors:
                self.city.errors = [gettext("Write the city, or choose that the meeting is online.")]
                fine = False
            if self.mode.data != "virtual" and self.timezone.data == "UTC":
                self.timezone.errors = [
                    gettext("Write the zone of the venue by its city, such as America/New_York.")]
                fine = False
            start, end = self.start_date.data, self.end_date.data
            if start and end and (end - start).days + 1 > MAX_DAYS and not self.end_date.errors:
                self.end_date.errors = [gettext("This is longer than %(days)s days. Check both dates.", days=MAX_DAYS)]
                fine = False
        return fine

    def _days(self) -> dict[str, Any]:
        dated = self.certainty.data in _DATED
        return {
            "certainty": self.certainty.data, "year": self.year.data,
            "start_date": self.start_date.data if dated else None, "end_date": self.end_date.data if dated else None,
        }


class NewMeetingForm(_DatedFields):
    """A meeting that does not exist yet."""

    slug = StringField(_l("Address"), validators=[Optional(), AtMost(80)],
                       description=_l("The last part of the page’s address, such as bms10. Made from the short name "
                                      "when left empty; it never changes afterwards."))

    def validate_slug(self, field: StringField) -> None:
        """Small letters, figures, hyphens; none of the calendar's own pages."""
        if field.data and (not SLUG.fullmatch(field.data) or field.data in RESERVED):
            raise ValidationError(
                gettext("This address is used by a page of the calendar. Choose another one.")
                if field.data in RESERVED
                else gettext("Use small letters a to z, figures and single hyphens, such as bms10."))


class EditDraftForm(_DatedFields):
    """A meeting that is not published: days may change freely."""

    version = VersionField()


class EditPublishedForm(_MeetingFields):
    """A published meeting: its days change by pages of their own."""

    version = VersionField()


class VersionForm(BaseForm):
    """A step that needs nothing but a click."""

    version = VersionField()


class ReasonForm(BaseForm):
    """A step that must be explained."""

    version = VersionField()
    reason = TextAreaField(
        _l("Reason"), validators=[Required(_l("Write the reason: it is shown on the meeting’s page.")),
                                  AtMost(MAX_REASON)],
        description=_l("One or two sentences. Everybody can read them on the meeting’s page."), render_kw={"rows": 3})


class RedateForm(ReasonForm):
    """New days for a published or postponed meeting."""

    start_date = DayField(_l("New first day"), validators=[Required(_l("Write the first day."))])
    end_date = DayField(_l("New last day"), validators=[Required(_l("Write the last day.")),
                                                        After("start_date", or_same=True)])

    def validate(self, extra_validators: Any = None) -> bool:
        """Not longer than any meeting is."""
        fine = super().validate(extra_validators)
        start, end = self.start_date.data, self.end_date.data
        if start and end and (end - start).days + 1 > MAX_DAYS and not self.end_date.errors:
            self.end_date.errors = [gettext("This is longer than %(days)s days. Check both dates.", days=MAX_DAYS)]
            return False
        return fine
