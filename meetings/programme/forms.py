"""Forms of the programme."""

from __future__ import annotations

import uuid
from datetime import date, time, timedelta
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms import (
    BooleanField,
    FieldList,
    FormField,
    HiddenField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import Length, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from core.web.formats import format_day
from core.web.forms import BaseForm, DayField, Required, RowForm, UploadField, VersionField, WholeNumberField
from meetings.programme.facts import LANGUAGES, SlotFacts
from meetings.programme.paste import parse_time
from meetings.programme.queries import Draft
from meetings.programme.words import KIND_NAMES, LANGUAGE_NAMES


def _at_most(n: int) -> Length:
    return Length(max=n, message=_l("Write at most %(n)s characters.", n=n))


class HourField(StringField):
    """A time of day, 24 hours. ``data`` is a time, or None."""

    data: Any

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read what was typed: 15:00, 15.00, 15h or 3 p.m."""
        self.raw = valuelist[0].strip() if valuelist else ""
        self.data = parse_time(self.raw)
        if self.raw and self.data is None:
            raise ValueError(gettext("Write the time as 15:00."))

    def validate(self, form: Any, extra_validators: Any = ()) -> bool:
        """What could not be read is the error to show, whatever validators would add to it."""
        if self.process_errors:
            self.errors = list(self.process_errors)
            return False
        return bool(super().validate(form, extra_validators))

    def _value(self) -> str:
        return f"{self.data:%H:%M}" if isinstance(self.data, time) else getattr(self, "raw", "") or ""


class BoxesField(SelectMultipleField):
    """Several of a few, as boxes."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class VersionForm(BaseForm):
    """A button: what the page showed."""

    version = VersionField()


class SlotForm(BaseForm):
    """One slot."""

    version = VersionField()
    kind = RadioField(_l("What it is"), choices=list(KIND_NAMES.items()), default="plenary",
                      validators=[Required(_l("Choose what it is."))])
    day = DayField(_l("Day"), validators=[Required(_l("Choose the day."))])
    starts = HourField(_l("From"), validators=[Required(_l("Write when it begins."))])
    ends = HourField(_l("Until"), validators=[Required(_l("Write when it ends."))])
    items = BoxesField(_l("Agenda items"), choices=[])
    title = StringField(_l("Title"), validators=[_at_most(300)],
                        description=_l("Needed where no agenda item is chosen; else the titles of the items stand."))
    room_id = SelectField(_l("Room"), choices=[])
    languages = BoxesField(_l("Interpretation"), choices=[(c, LANGUAGE_NAMES[c]) for c in LANGUAGES])
    people = TextAreaField(_l("People named in the programme"), validators=[_at_most(2000)],
                           render_kw={"rows": 3},
                           description=_l("One on each line: who presides, facilitates, speaks."))
    note = TextAreaField(_l("Note"), validators=[_at_most(1000)], render_kw={"rows": 2})

    def offer(self, draft: Draft) -> None:
        """Fill the choices from the draft."""
        self.items.choices = [(str(i.id), f"{i.number}. {i.title}") for i in draft.items]
        self.room_id.choices = [("", gettext("No room yet")), *((str(r.id), r.name) for r in draft.rooms)]

    def show(self, facts: SlotFacts) -> None:
        """Show a slot."""
        self.kind.data, self.day.data, self.starts.data, self.ends.data = (
            facts.kind, facts.day, facts.starts, facts.ends)
        self.items.data, self.languages.data = [str(key) for key in facts.items], list(facts.languages)
        self.title.data, self.note.data, self.people.data = facts.title, facts.note, "\n".join(facts.people)
        self.room_id.data = str(facts.room_id) if facts.room_id else ""

    def facts(self) -> SlotFacts:
        """What was written."""
        day: Any = self.day.data  # required: validated before this is asked
        people = tuple(" ".join(line.split()) for line in (self.people.data or "").splitlines() if line.strip())
        return SlotFacts(
            self.kind.data, day, self.starts.data, self.ends.data, self.title.data or "",
            uuid.UUID(self.room_id.data) if self.room_id.data else None,
            tuple(uuid.UUID(key) for key in self.items.data or ()), tuple(self.languages.data or ()), people,
            self.note.data or None)


class MoveForm(BaseForm):
    """Where a slot goes, from the grid."""

    version = VersionField()
    day = DayField(_l("Day"), validators=[Required()])
    starts = HourField(_l("From"), validators=[Required()])


class ResizeForm(BaseForm):
    """How much longer a slot gets, from the grid."""

    version = VersionField()
    minutes = WholeNumberField(_l("Minutes"), validators=[Required()])


class CopyForm(BaseForm):
    """On which days the same is held again."""

    version = VersionField()
    days = BoxesField(_l("Copy to"), choices=[])

    def offer(self, start: date, end: date, but: date) -> None:
        """The days of the meeting, but the slot's own."""
        days = [start + timedelta(days=n) for n in range((end - start).days + 1)]
        self.days.choices = [(d.isoformat(), format_day(d, weekday=True)) for d in days if d != but]


class AgendaForm(BaseForm):
    """The whole agenda as text."""

    version = VersionField()
    agenda = TextAreaField(
        _l("Agenda"), render_kw={"rows": 16, "spellcheck": "true"},
        description=_l("One item on each line, its number first. What an item is for stands in brackets at the end; "
                       "where it is left out, the words of the title decide."))


class RoomForm(BaseForm):
    """One room."""

    version = VersionField()
    name = StringField(_l("Name"), validators=[Required(_l("Write the name of the room.")), _at_most(120)])
    seats = WholeNumberField(_l("Seats"), validators=[Optional()])
    opens = HourField(_l("Building open from"), validators=[Required(_l("Write the hour."))])
    closes = HourField(_l("Building open until"), validators=[Required(_l("Write the hour."))])
    interpretation = BooleanField(_l("It has booths for interpreters"))


class HalfForm(RowForm):
    """One half-day."""

    key = HiddenField()
    is_open = BooleanField(_l("Meeting"))
    starts = HourField(_l("From"), validators=[Required(_l("Write the hour."))])
    ends = HourField(_l("Until"), validators=[Required(_l("Write the hour."))])
    note = StringField(_l("Note"), validators=[_at_most(200)])


class HalvesForm(BaseForm):
    """The calendar of half-days."""

    version = VersionField()
    halves = FieldList(FormField(HalfForm))


class SettingsForm(BaseForm):
    """Symbol and teams of interpreters."""

    version = VersionField()
    symbol = StringField(_l("Symbol of the document"), validators=[_at_most(80)],
                         description=_l("Such as A/CONF.192/BMS/2028/L.2; later versions add /Rev.1, /Rev.2."))
    teams = WholeNumberField(_l("Teams of interpreters"), validators=[Required(_l("Write a number from 0 to 20."))],
                             description=_l("Each serves at most two half-days a day."))


class FillForm(BaseForm):
    """A template."""

    version = VersionField()
    plan = RadioField(_l("Template"), validators=[Required(_l("Choose a template."))])
    room_id = SelectField(_l("Room of the plenary meetings"), choices=[])


class PublishForm(BaseForm):
    """What the programme is from now on."""

    version = VersionField()
    standing = RadioField(_l("Publish as"), validators=[Required(_l("Choose what the programme is."))])
    note = TextAreaField(_l("Note on this version"), validators=[_at_most(500)], render_kw={"rows": 2},
                         description=_l("Shown with the version. Where the meeting adopted it, say when."))


class PasteForm(BaseForm):
    """Rows of a spreadsheet."""

    version = VersionField()
    rows = TextAreaField(
        _l("Rows"), render_kw={"rows": 10, "spellcheck": "false"},
        description=_l("Copy the cells in your spreadsheet and paste them here, with or without the line of headings."))
    file = UploadField(_l("Or a file"), kinds=("csv", "xlsx", "txt"), validators=[Optional()])


class FollowForm(BaseForm):
    """Whether to be told of changes."""

    slot = HiddenField()
    wanted = HiddenField()


class SideEventForm(BaseForm):
    """A request for a side event."""

    title = StringField(_l("Title"), validators=[Required(_l("Write the title.")), _at_most(200)])
    organisers = StringField(_l("Organised by"), validators=[Required(_l("Write who organises it.")), _at_most(300)])
    cosponsor = StringField(_l("Co-sponsoring State"), validators=[_at_most(200)])
    summary = TextAreaField(_l("What it is about"), validators=[_at_most(2000)])
    wishes = BoxesField(_l("Slots that would suit"), choices=[])
    people_expected = WholeNumberField(_l("People expected"), validators=[Required(_l("Write how many."))])
    needs = TextAreaField(_l("Equipment, interpretation, access"), validators=[_at_most(500)], render_kw={"rows": 3})


class AcceptForm(BaseForm):
    """A slot and a room for a side event."""

    version = VersionField()
    wish = SelectField(_l("Slot"), choices=[])
    room_id = SelectField(_l("Room"), choices=[])
    answer = TextAreaField(_l("Words to whoever asked"), validators=[_at_most(500)], render_kw={"rows": 2})


class DeclineForm(BaseForm):
    """Why a side event is not accepted."""

    version = VersionField()
    reason = TextAreaField(_l("Reason"), validators=[Required(_l("Write the reason: whoever asked is told.")),
                                                     _at_most(500)], render_kw={"rows": 2})
