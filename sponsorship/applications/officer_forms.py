"""Forms of the fund's officers: dense, one page each."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import Field, StringField, TextAreaField
from wtforms.validators import Length, NumberRange, Optional, ValidationError

from core.web.forms import DayField, MoneyField, Required, RequiredWhen, WholeNumberField
from meetings.calendar.queries import MeetingRow
from sponsorship.applications.call_service import CallValues
from sponsorship.applications.forms import OneOf, OneOfList, VersionedForm
from sponsorship.applications.models import CRITERIA, ELIGIBILITY, FACT_CRITERIA
from sponsorship.applications.screening_service import INELIGIBLE_REASONS, Finding
from sponsorship.applications.words import (
    CRITERION_NAMES,
    ELIGIBILITY_NAMES,
    INELIGIBLE_SENTENCES,
    OUTCOME_NAMES,
    PACKAGE_NAMES,
)

POOLS = 3
DECLARED = tuple(c for c in CRITERIA if c not in FACT_CRITERIA)


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
    criterion_1 = OneOfList(_l("First rule of the ranking"), [Optional()])
    criterion_2 = OneOfList(_l("Second rule"), [Optional()])
    criterion_3 = OneOfList(_l("Third rule"), [Optional()])
    criterion_4 = OneOfList(_l("Fourth rule"), [Optional()])
    criterion_5 = OneOfList(_l("Fifth rule"), [Optional()])
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
            guidance_text=self.guidance_text.data or "",
        )


class ReasonForm(VersionedForm):
    """A step that needs a reason in words."""

    reason = TextAreaField(_l("Reason"), [Required(_l("Write the reason.")), Length(max=2000)], render_kw={"rows": 4})


class ScreeningForm(VersionedForm):
    """Findings on one application, and what follows from them."""

    outcome = OneOf(
        _l("Result"), [Required(_l("Choose the result."))],
        choices=[("eligible", _l("Eligible")), ("return", _l("Return to the mission for completion")),
                 ("ineligible", _l("Not eligible"))])
    note = TextAreaField(
        _l("What is missing"), [RequiredWhen("outcome", "return", _l("Write what is missing: the mission reads it.")),
                                Length(max=4000)],
        description=_l("The mission reads these words, in the mail and on its page."), render_kw={"rows": 4})
    due_on = DayField(_l("To be completed by"),
                      [RequiredWhen("outcome", "return", _l("Write the day by which it is expected."))],
                      description=_l("Until the end of that day at the place of the meeting."))
    reason = OneOfList(
        _l("Reason given to the mission"),
        [RequiredWhen("outcome", "ineligible", _l("Choose the reason that the mission is given."))],
        choices=[("", _l("Choose")), *((code, INELIGIBLE_SENTENCES[code]) for code in INELIGIBLE_REASONS)])

    def findings(self) -> dict[str, Finding]:
        """The officer's findings, by criterion."""
        return {
            code: Finding(self[f"{code}_met"].data == "yes", self[f"{code}_evidence"].data or "",
                          self[f"{code}_source"].data or "")
            for code in (*ELIGIBILITY, *DECLARED)
        }


def _add_findings() -> None:
    for code in (*ELIGIBILITY, *DECLARED):
        label = ELIGIBILITY_NAMES.get(code) or CRITERION_NAMES[code]
        not_returned = ("eligible", "ineligible")
        setattr(ScreeningForm, f"{code}_met", OneOfList(
            label, [RequiredWhen("outcome", not_returned, _l("Choose yes or no."))],
            choices=[("", "–"), ("yes", _l("Yes")), ("no", _l("No"))]))
        setattr(ScreeningForm, f"{code}_evidence", StringField(
            _l("Evidence: %(criterion)s", criterion=label), [Length(max=1000)]))
        setattr(ScreeningForm, f"{code}_source", StringField(
            _l("Where it was read: %(criterion)s", criterion=label), [Length(max=200)]))


_add_findings()


def recommendation_form(
    rows: Sequence[tuple[uuid.UUID, str]], defaults: Mapping[uuid.UUID, tuple[str, int, int, str]], filled: bool
) -> VersionedForm:
    """A form with one line for each (application, State). `defaults` are outcome, place, seats, reason."""
    fields: dict[str, Any] = {}
    for application_id, name in rows:
        outcome, place, seats, reason = defaults[application_id]
        fields[f"{application_id}-outcome"] = OneOfList(
            _("Recommendation for %(state)s", state=name), [Required()], choices=list(OUTCOME_NAMES.items()),
            default=outcome)
        fields[f"{application_id}-position"] = WholeNumberField(
            _("Place of %(state)s", state=name), [Required(_l("Write the place as a number."))], default=place)
        fields[f"{application_id}-seats"] = WholeNumberField(
            _("Seats for %(state)s", state=name), [Optional()], default=seats)
        fields[f"{application_id}-reason"] = StringField(
            _("Reason for %(state)s", state=name), [Length(max=2000)], default=reason)
    form_class = type("RecommendationForm", (VersionedForm,), fields)
    form: VersionedForm = form_class() if filled else form_class(formdata=None)
    return form
