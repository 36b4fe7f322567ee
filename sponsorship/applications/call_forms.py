"""The form of a call: dense, one page. Times are those of the meeting's place."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, Field, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import Length, NumberRange, Optional, StopValidation, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from core.money import usd
from core.web.forms import DayField, MoneyField, Required, WholeNumberField
from meetings.calendar.queries import MeetingRow
from sponsorship.applications.call_service import CallValues
from sponsorship.applications.call_terms import MOST_EARLIER, MOST_QUESTIONS, MOST_WEIGHT
from sponsorship.applications.forms import OneOf, OneOfList, VersionedForm
from sponsorship.applications.models import CRITERIA
from sponsorship.applications.paper_kinds import PAPER_KINDS
from sponsorship.applications.queries import CallRow
from sponsorship.applications.words import (
    CRITERION_NAMES,
    GOVERNANCE_NAMES,
    LATE_RULE_NAMES,
    METHOD_NAMES,
    PACKAGE_NAMES,
)

POOLS = 3
ORDINALS = (_l("First rule of the ranking"), _l("Second rule"), _l("Third rule"), _l("Fourth rule"), _l("Fifth rule"),
            _l("Sixth rule"), _l("Seventh rule"), _l("Eighth rule"))


class SomeOf(SelectMultipleField):
    """Check boxes."""

    widget, option_widget = ListWidget(prefix_label=False), CheckboxInput()

    def pre_validate(self, form: Any) -> None:
        """Refuse what is not offered, in words of ours."""
        if not set(self.data or ()) <= {value for value, *_rest in self.iter_choices()}:
            raise StopValidation(_("Choose among the answers offered."))


def _time(_form: Any, field: Field) -> None:
    if field.data and not re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d", field.data):
        raise ValidationError(_("Write the time as 17:00."))


class LocalInstant:
    """Day and time at a place, as one instant."""

    def __init__(self, day: date, clock_time: str, zone: str) -> None:
        hours, _sep, minutes = clock_time.partition(":")
        self.local = datetime.combine(day, time(int(hours), int(minutes)), ZoneInfo(zone))

    @property
    def exists(self) -> bool:
        """False in the hour that the change to summer time leaves out."""
        there_and_back = self.local.astimezone(UTC).astimezone(self.local.tzinfo)
        return there_and_back.replace(tzinfo=None) == self.local.replace(tzinfo=None)

    @property
    def utc(self) -> datetime:
        """The instant."""
        return self.local.astimezone(UTC)


def _of(field: Field) -> Any:
    """A value that validation has made sure of."""
    return field.data


def panel_day() -> DayField:
    return DayField(_l("The panel meets on"), [Optional()], description=_l(
        "A day at the fund’s seat, for panel and officers only. Leave it empty while it is not fixed."))


class PanelDayForm(VersionedForm):
    """The day of the panel's own meeting."""

    panel_meets_on = panel_day()


class CallDatesForm(VersionedForm):
    """When a call closes; times are those of the meeting's place."""

    closes_on = DayField(_l("Closes on"), [Required()])
    closes_time = StringField(_l("Closing time"), [Required(), _time], default="17:00")
    grace_days = WholeNumberField(
        _l("Days in which an application is still taken"), [Required(), NumberRange(0, 30, _l("Between 0 and 30."))],
        default=0, description=_l("Such an application is marked as received after the date. 0 takes none."))
    decide_by = DayField(_l("States are told by"), [Required()])

    def instants(self, zone: str) -> tuple[datetime, datetime] | None:
        """Closing and last receipt in UTC; None, with the error at the field, for an hour that does not exist."""
        day, at = _of(self.closes_on), _of(self.closes_time)
        closes = LocalInstant(day, at, zone)
        last = LocalInstant(day + timedelta(days=_of(self.grace_days)), at, zone)
        if not closes.exists or not last.exists:
            self.closes_time.errors = [_("This hour does not exist on that day: the clocks change.")]
            return None
        return closes.utc, last.utc


class CallForm(CallDatesForm):
    """A call for applications."""

    meeting_id = OneOfList(_l("Meeting"), [Required(_l("Choose a meeting."))])
    opens_on = DayField(_l("Opens on"), [Required()])
    opens_time = StringField(_l("Opening time"), [Required(), _time], default="09:00")
    offer_days = WholeNumberField(_l("Days to answer an offer"),
                                  [Required(), NumberRange(1, 60, _l("Between 1 and 60."))], default=14)
    seats_per_state = WholeNumberField(
        _l("Places for each State"), [Required(), NumberRange(1, 5, _l("Between 1 and 5."))], default=1,
        description=_l("A second place is given only after every State has one."))
    package = OneOfList(_l("The fund pays"), [Required()], choices=list(PACKAGE_NAMES.items()))
    estimate_ticket = MoneyField(_l("Ticket, estimate for one delegate"), [Required()])
    estimate_dsa = MoneyField(_l("Daily subsistence allowance, estimate for one delegate"), [Required()])
    estimate_terminal = MoneyField(_l("Terminal expenses, estimate for one delegate"), [Required()])
    ceiling = MoneyField(_l("Ceiling of the call"), [Optional()], allow_zero=False,
                         description=_l("The most that all its awards may cost directly. Empty: no ceiling."))
    pool_1 = OneOfList(_l("Pool drawn first"), [Required(_l("Choose at least one pool."))],
                         description=_l("The narrowest earmark first, unearmarked money last."))
    pool_2 = OneOfList(_l("Pool drawn second"), [Optional()])
    pool_3 = OneOfList(_l("Pool drawn third"), [Optional()])
    ranking_method = OneOf(_l("How the rules are applied"), [Required(_l("Choose how the rules are applied."))],
                           choices=list(METHOD_NAMES.items()), default="in_order")
    equity_calls = WholeNumberField(
        _l("Earlier calls that the rules of equity count"),
        [Optional(), NumberRange(0, MOST_EARLIER, _l("Between 0 and 10."))], default=0,
        description=_l("0 counts the places of this ranking alone. 1 begins at the places that the last decided call "
                       "gave, and so on."))
    late_rule = OneOf(_l("What arrives later still"),
                      [Required(_l("Choose what becomes of an application received later."))],
                      choices=list(LATE_RULE_NAMES.items()), default="refuse")
    governance = OneOf(_l("Who recommends"), [Required(_l("Choose who recommends."))],
                       choices=list(GOVERNANCE_NAMES.items()), default="secretariat_chair",
                       description=_l("This sets who sits on the panel and from which States a member is recused."))
    panel_meets_on = panel_day()
    part_first_day = WholeNumberField(
        _l("First day of the meeting that is paid"), [Optional(), NumberRange(1, 60, _l("Between 1 and 60."))],
        description=_l("1 is the day on which the meeting opens. Leave both empty for the whole meeting."))
    part_last_day = WholeNumberField(_l("Last day that is paid"),
                                     [Optional(), NumberRange(1, 60, _l("Between 1 and 60."))])
    required_papers = SomeOf(_l("Papers asked for with each nominee"), choices=list(PAPER_KINDS.items()))
    governance_text = TextAreaField(_l("Who decides, in words"), [Length(max=4000)], render_kw={"rows": 4})
    guidance_text = TextAreaField(_l("About this call, for missions"), [Length(max=8000)], render_kw={"rows": 6})

    def offer(self, meetings: Sequence[MeetingRow], pools: Sequence[tuple[uuid.UUID, str]]) -> None:
        """Fill the lists of choices."""
        none = [("", _("Nothing"))]
        self.meeting_id.choices = [("", _("Choose")), *((str(m.id), m.label) for m in meetings)]
        named = [(str(pool_id), name) for pool_id, name in pools]
        self.pool_1.choices = [("", _("Choose")), *named]
        self.pool_2.choices = self.pool_3.choices = none + named
        for n in range(1, len(CRITERIA) + 1):
            self[f"criterion_{n}"].choices = none + list(CRITERION_NAMES.items())

    @property
    def weights(self) -> dict[str, int]:
        """The points written, by rule chosen."""
        chosen = ((self[f"criterion_{n}"].data, self[f"weight_{n}"].data) for n in range(1, len(CRITERIA) + 1))
        return {code: weight for code, weight in chosen if code and weight is not None}

    @property
    def questions(self) -> tuple[dict[str, Any], ...]:
        """The questions written; each keeps the key of its line."""
        lines = range(1, MOST_QUESTIONS + 1)
        return tuple(
            {"key": f"q{n}", "text": self[f"question_{n}"].data, "required": bool(self[f"question_{n}_required"].data)}
            | ({"of_nominee": True} if self[f"question_{n}_of_nominee"].data else {})
            for n in lines if self[f"question_{n}"].data)

    @property
    def pool_ids(self) -> tuple[uuid.UUID, ...]:
        """The pools chosen, in order."""
        return tuple(uuid.UUID(self[f"pool_{n}"].data) for n in range(1, POOLS + 1) if self[f"pool_{n}"].data)

    @property
    def criteria(self) -> tuple[str, ...]:
        """The rules chosen, in order."""
        chosen = (self[f"criterion_{n}"].data for n in range(1, len(CRITERIA) + 1))
        return tuple(code for code in chosen if code)

    def values(self, zone: str) -> CallValues | None:
        """What the command takes; None where a time does not exist. Call after `validate`."""
        opens = LocalInstant(_of(self.opens_on), _of(self.opens_time), zone)
        instants = self.instants(zone)
        if not opens.exists:
            self.opens_time.errors = [_("This hour does not exist on that day: the clocks change.")]
        if instants is None or not opens.exists:
            return None
        return CallValues(
            meeting_id=uuid.UUID(self.meeting_id.data), opens_at=opens.utc, closes_at=instants[0],
            grace_until=instants[1], decide_by=_of(self.decide_by), offer_days=_of(self.offer_days),
            seats_per_state=_of(self.seats_per_state), package=self.package.data,
            estimate_ticket_minor=_of(self.estimate_ticket).minor, estimate_dsa_minor=_of(self.estimate_dsa).minor,
            estimate_terminal_minor=_of(self.estimate_terminal).minor,
            ceiling_minor=self.ceiling.data.minor if self.ceiling.data else None, pool_ids=self.pool_ids,
            criteria=self.criteria, governance_text=self.governance_text.data or "",
            guidance_text=self.guidance_text.data or "", ranking_method=_of(self.ranking_method), weights=self.weights,
            late_rule=_of(self.late_rule), governance=_of(self.governance), part_first_day=self.part_first_day.data,
            part_last_day=self.part_last_day.data, required_papers=tuple(self.required_papers.data or ()),
            questions=self.questions, equity_calls=self.equity_calls.data or 0,
            panel_meets_on=self.panel_meets_on.data,
        )

    def fill(self, call: CallRow, zone: str) -> None:
        """Show a call as it stands."""
        opens, closes = call.opens_at.astimezone(ZoneInfo(zone)), call.closes_at.astimezone(ZoneInfo(zone))
        last = call.grace_until.astimezone(ZoneInfo(zone))
        same = ("version", "decide_by", "offer_days", "seats_per_state", "package", "ceiling", "governance_text",
                "guidance_text", "ranking_method", "late_rule", "governance", "part_first_day", "part_last_day",
                "equity_calls", "panel_meets_on")
        plain = {name: getattr(call, name) for name in same} | {
            "meeting_id": str(call.meeting_id), "opens_on": opens.date(), "opens_time": f"{opens:%H:%M}",
            "closes_on": closes.date(), "closes_time": f"{closes:%H:%M}",
            "grace_days": (last.date() - closes.date()).days, "estimate_ticket": usd(call.estimate_ticket_minor),
            "estimate_dsa": usd(call.estimate_dsa_minor), "estimate_terminal": usd(call.estimate_terminal_minor),
            "required_papers": list(call.required_papers),
        }
        for name, value in plain.items():
            self[name].data = value
        for n, pool_id in enumerate(call.pool_ids, 1):
            self[f"pool_{n}"].data = str(pool_id)
        for n, code in enumerate(call.criteria, 1):
            self[f"criterion_{n}"].data, self[f"weight_{n}"].data = code, call.weights.get(code)
        for question in call.questions:
            name = f"question_{question.key.removeprefix('q')}"
            self[name].data, self[f"{name}_required"].data = question.text, question.required
            self[f"{name}_of_nominee"].data = question.of_nominee


def _add_lines() -> None:
    for n, label in enumerate(ORDINALS, 1):
        setattr(CallForm, f"criterion_{n}", OneOfList(label, [Optional()]))
        setattr(CallForm, f"weight_{n}", WholeNumberField(
            _l("Points of rule %(number)s", number=n),
            [Optional(), NumberRange(1, MOST_WEIGHT, _l("Between 1 and 100."))]))
    for n in range(1, MOST_QUESTIONS + 1):
        setattr(CallForm, f"question_{n}", StringField(_l("Question %(number)s", number=n), [Length(max=300)]))
        needed = _l("An answer to question %(number)s is needed", number=n)
        setattr(CallForm, f"question_{n}_required", BooleanField(needed))
        each = _l("Question %(number)s is asked about each nominee", number=n)
        setattr(CallForm, f"question_{n}_of_nominee", BooleanField(each))


assert len(ORDINALS) == len(CRITERIA)
_add_lines()


class CopyForm(VersionedForm):
    """For which meeting the terms of a call are taken over."""

    meeting_id = OneOfList(_l("Meeting"), [Required(_l("Choose a meeting."))])

    def offer(self, meetings: Sequence[MeetingRow]) -> None:
        """Fill the list of meetings."""
        self.meeting_id.choices = [("", _("Choose")), *((str(m.id), m.label) for m in meetings)]
