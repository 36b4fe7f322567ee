"""Forms of the organiser's records: mandates, kinds, dates and their rules; and of people's own feeds."""

from __future__ import annotations

import uuid
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, RadioField, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import Optional, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from core.web.forms import (
    After,
    BaseForm,
    DayField,
    Required,
    RequiredWhen,
    VersionField,
    WholeNumberField,
)
from meetings.calendar.date_service import MAX_DAYS_AWAY, TIME
from meetings.calendar.dates import ROLL_NAMES
from meetings.calendar.feed_filters import LANGUAGE, FeedFilter
from meetings.calendar.forms import AtMost, Between
from meetings.calendar.kind_service import KindFacts
from meetings.calendar.mandate_service import MandateFacts
from meetings.calendar.words import LANGUAGE_NAMES


def _boxes(label: Any, description: Any = "") -> SelectMultipleField:
    return SelectMultipleField(label, choices=[], option_widget=CheckboxInput(), widget=ListWidget(prefix_label=False),
                               description=description)


def _time(form: Any, field: Any) -> None:
    if field.data and not TIME.fullmatch(field.data):
        raise ValidationError(gettext("Write the time as hours and minutes, such as 18:00."))


class MandateForm(BaseForm):
    """What one paragraph asks for."""

    version = VersionField()
    resolution = StringField(_l("Resolution or decision"), validators=[
        Required(_l("Write its number, such as 68/48.")), AtMost(40)],
        description=_l("68/48 for a resolution of the General Assembly; other papers by their whole symbol."))
    adopted_on = DayField(_l("Adopted on"), validators=[Required(_l("Write the day of its adoption."))])
    paragraph = StringField(_l("Paragraph"), validators=[Required(_l("Write the paragraph, such as 5.")), AtMost(20)])
    language_read = SelectField(
        _l("Read in"), validators=[Required(_l("Say in which language the paper was read."))],
        choices=[("", _l("Choose")), *LANGUAGE_NAMES.items(), ("all", _l("All six, compared"))],
        description=_l("A contradiction may be the printer’s in one language: say which you read."))
    source_url = StringField(_l("Where the paper is"), validators=[AtMost(400)], render_kw={"inputmode": "url"},
                             description=_l("Its address, such as https://docs.un.org/en/A/RES/68/48."))
    rests_on = StringField(_l("Rests on"), validators=[AtMost(200)],
                           description=_l("An earlier paper that the paragraph carries out."))
    kind = SelectField(_l("Kind of meeting"), validators=[Required(_l("Choose a kind."))])
    year_printed = WholeNumberField(_l("Year as printed"), validators=[
        Required(_l("Write a year from 1990 to 2100.")), Between(1990, 2100)])
    year_read = WholeNumberField(_l("Year read"), validators=[Optional(), Between(1990, 2100)],
                                 description=_l("Only where the printed one cannot be meant."))
    year_reason = TextAreaField(_l("Why another year is read"), validators=[AtMost(2000)], render_kw={"rows": 3})
    start_printed = DayField(_l("First day, where the paragraph names it"), validators=[Optional()])
    end_printed = DayField(_l("Last day"), validators=[Optional(), After("start_printed", or_same=True)])
    weeks = WholeNumberField(_l("Weeks"), validators=[Optional(), Between(1, 8)])
    place = StringField(_l("Place"), validators=[AtMost(120)],
                        description=_l("The city, where the paragraph names one."))
    early = BooleanField(_l("It says: early in the year"))
    precedes_id = SelectField(_l("Precedes"),
                              description=_l("The mandate of the conference that this meeting prepares."))
    note = TextAreaField(_l("What the paragraph says, in our own words"), validators=[AtMost(2000)],
                         render_kw={"rows": 3})
    meeting_ids = _boxes(_l("Meetings that answer it"),
                         _l("Without any, those of this kind and year are compared."))

    def offer(
        self, kinds: list[tuple[str, str]], later: list[tuple[str, str]], meetings: list[tuple[str, str]]
    ) -> None:
        """Fill the choices."""
        self.kind.choices = [("", gettext("Choose")), *kinds]
        self.precedes_id.choices = [("", gettext("Nothing")), *later]
        self.meeting_ids.choices = meetings

    def facts(self) -> MandateFacts:
        """What was written, for the command."""
        return MandateFacts(
            self.resolution.data or "", self.adopted_on.data, self.paragraph.data or "", self.kind.data,
            self.year_printed.data, self.language_read.data, self.year_read.data, self.year_reason.data,
            self.start_printed.data, self.end_printed.data, self.weeks.data, self.place.data, self.early.data,
            uuid.UUID(self.precedes_id.data) if self.precedes_id.data else None, self.rests_on.data, self.note.data,
            self.source_url.data, tuple(uuid.UUID(key) for key in self.meeting_ids.data or ()))


class WithdrawForm(BaseForm):
    """Why a mandate is taken out of the check."""

    version = VersionField()
    reason = TextAreaField(_l("Reason"), validators=[Required(_l("Write why it is withdrawn.")), AtMost(500)],
                           render_kw={"rows": 3})


class KindForm(BaseForm):
    """A kind of meeting."""

    version = VersionField()
    short_name = StringField(_l("Short name"), validators=[
        Required(_l("Write a short name, such as MGE.")), AtMost(30)],
                             description=_l("What everybody calls it. Its code is made from it and never changes."))
    name = StringField(_l("Name"), validators=[Required(_l("Write the name of the kind.")), AtMost(80)])
    precedes = SelectField(_l("Prepares"), description=_l("The kind of conference that must come after it."))
    source = StringField(_l("Made by"), validators=[AtMost(300)],
                         description=_l("The resolution or decision that made this kind of meeting."))
    offered = BooleanField(_l("Offered for new meetings"), default=True)

    def offer(self, kinds: list[tuple[str, str]]) -> None:
        """Fill the choices."""
        self.precedes.choices = [("", gettext("Nothing")), *kinds]

    def facts(self) -> KindFacts:
        """What was written, for the command."""
        return KindFacts(self.short_name.data or "", self.name.data or "", self.precedes.data or None,
                         bool(self.offered.data), self.source.data)


class SetDateForm(BaseForm):
    """One date of one meeting, by hand."""

    version = VersionField()
    day = DayField(_l("Day"), validators=[Optional()],
                   description=_l("Leave it empty if this meeting has no such date."))
    at_time = StringField(_l("Time"), validators=[_time], render_kw={"placeholder": "18:00", "autocomplete": "off"},
                          description=_l("Hours and minutes at the place of the meeting; empty for the whole day."))
    reason = StringField(_l("Reason"), validators=[Required(_l("Write why this date is set by hand.")), AtMost(500)],
                         description=_l("Everybody can read it once the date has changed."))


class DateKindForm(BaseForm):
    """A date that meetings may have."""

    name = StringField(_l("Name"), validators=[
        Required(_l("Write what the date is, such as: speakers’ list opens.")), AtMost(120)])
    public = BooleanField(_l("Shown to everybody"), default=True)


class RuleForm(BaseForm):
    """From what a date follows."""

    kind = SelectField(_l("For meetings of the kind"))
    direction = RadioField(_l("When"), default="before", choices=[
        ("before", _l("Days before")), ("after", _l("Days after")), ("never", _l("Such meetings have no such date"))])
    days = WholeNumberField(_l("Days"), validators=[
        RequiredWhen("direction", ("before", "after"), _l("Write the number of days.")), Between(0, MAX_DAYS_AWAY)])
    anchor = SelectField(_l("Counted from"))
    roll = SelectField(_l("At a weekend"), choices=list(ROLL_NAMES.items()))
    at_time = StringField(_l("Time"), validators=[_time], render_kw={"placeholder": "18:00", "autocomplete": "off"},
                          description=_l("Hours and minutes at the place of the meeting; empty for the whole day."))
    source = StringField(_l("Where the rule comes from"), validators=[
        Required(_l("Write where the rule comes from.")), AtMost(400)],
        description=_l("The rules of procedure, the invitation, or that it is a setting of the house."))

    def offer(self, kinds: list[tuple[str, str]], anchors: list[tuple[str, str]]) -> None:
        """Fill the choices."""
        self.kind.choices = [("", gettext("All kinds without a rule of their own")), *kinds]
        self.anchor.choices = anchors

    @property
    def offset(self) -> int | None:
        """Days as the rule counts them: before is negative; None where there is no such date."""
        if self.direction.data == "never":
            return None
        days = self.days.data or 0
        return -days if self.direction.data == "before" else days


class FeedForm(BaseForm):
    """What a person wants to find in the own feed."""

    version = VersionField()
    kind = _boxes(_l("Kinds of meetings"), _l("Without any, all kinds."))
    place = _boxes(_l("Places"), _l("Without any, all places."))
    dates = BooleanField(_l("Deadlines too: registration, credentials, accreditation, documents, reports"))
    by_mail = BooleanField(_l("Also tell me by mail when one of these meetings moves or is cancelled"))
    lang = SelectField(_l("Language"))

    def offer(self, kinds: list[tuple[str, str]], places: list[tuple[str, str]], languages: list[tuple[str, str]],
              ) -> None:
        """Fill the choices."""
        self.kind.choices, self.place.choices, self.lang.choices = kinds, places, languages

    def wanted(self) -> FeedFilter:
        """What was chosen."""
        return FeedFilter(kinds=tuple(sorted(self.kind.data or ())), places=tuple(sorted(self.place.data or ())),
                          dates=bool(self.dates.data), language=self.lang.data or LANGUAGE)
