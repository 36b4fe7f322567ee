"""What a call says, what it may say, and how the terms of the last call become those of the next."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import gettext as _

from core.errors import RuleBroken
from core.office import office_day
from meetings.calendar.models import Meeting
from sponsorship.applications.models import CRITERIA, EQUITY_CRITERIA, GOVERNANCE, LATE_RULES, METHODS, PACKAGES, Call
from sponsorship.applications.paper_kinds import PAPER_KINDS

MOST_WEIGHT = 100
MOST_QUESTIONS = 5
MOST_EARLIER = 10  # earlier calls that equity may count
# where an officer puts right what a field of the table says
FIELD_OF = {"opens_at": "opens_on", "criteria": "criterion_1", "weights": "weight_1", "questions": "question_1"}


@dataclass(frozen=True)
class CallValues:
    """What an officer writes about a call. Instants in UTC; money in US cents, for one delegate.

    `weights`: whole points by criterion, only by points. `equity_calls`: earlier calls that equity counts.
    `part_first_day` and `part_last_day` number days of the meeting. `questions`: {"key", "text", "required"}, with
    "of_nominee" where it is asked about each; a key stays with its question.
    """

    meeting_id: uuid.UUID
    opens_at: datetime
    closes_at: datetime
    grace_until: datetime
    decide_by: date
    offer_days: int
    seats_per_state: int
    package: str
    estimate_ticket_minor: int
    estimate_dsa_minor: int
    estimate_terminal_minor: int
    ceiling_minor: int | None
    pool_ids: tuple[uuid.UUID, ...]
    criteria: tuple[str, ...]
    governance_text: str
    guidance_text: str
    ranking_method: str = "in_order"
    weights: Mapping[str, int] = field(default_factory=dict)
    late_rule: str = "refuse"
    governance: str = "secretariat_chair"
    part_first_day: int | None = None
    part_last_day: int | None = None
    required_papers: tuple[str, ...] = ()
    questions: tuple[Mapping[str, Any], ...] = ()
    equity_calls: int = 0
    panel_meets_on: date | None = None


def check_terms(values: CallValues, meeting: Meeting) -> None:
    """Raises RuleBroken with the field that can put it right."""
    _check_dates(values, meeting)
    if not values.pool_ids or len(set(values.pool_ids)) != len(values.pool_ids):
        raise RuleBroken(_("Choose at least one pool, and each only once."), code="call.pools", field="pool_1")
    if values.late_rule not in LATE_RULES:
        raise RuleBroken(_("Choose what becomes of an application received later."), code="call.late_rule",
                         field="late_rule")
    if values.governance not in GOVERNANCE:
        raise RuleBroken(_("Choose who recommends."), code="call.governance", field="governance")
    _check_ranking(values)
    _check_package(values, meeting)
    _check_asked(values)


def _check_dates(values: CallValues, meeting: Meeting) -> None:
    if meeting.state in ("cancelled", "held"):
        raise RuleBroken(_("This meeting is over or cancelled. Choose another."), code="call.meeting_over",
                         field="meeting_id")
    if values.closes_at <= values.opens_at:
        raise RuleBroken(_("The call must close after it opens."), code="call.dates", field="closes_on")
    if values.grace_until < values.closes_at:
        raise RuleBroken(_("The days after the date cannot be fewer than none."), code="call.grace", field="grace_days")
    if meeting.start_date is not None and values.grace_until.date() >= meeting.start_date:
        raise RuleBroken(_("The call must close before the meeting opens."), code="call.after_meeting",
                         field="closes_on")
    if values.decide_by <= values.closes_at.date() or (
        meeting.start_date is not None and values.decide_by >= meeting.start_date
    ):
        raise RuleBroken(_("States must be told after the call closes and before the meeting opens."),
                         code="call.decide_by", field="decide_by")
    check_panel_day(values.panel_meets_on, values.closes_at, values.decide_by)


def check_panel_day(day: date | None, closes_at: datetime, decide_by: date) -> None:
    """The panel's own meeting lies between the closing and the day by which States are told. Raises RuleBroken."""
    if day is not None and not office_day(closes_at) < day <= decide_by:
        raise RuleBroken(_("The panel meets after the call closes, and at the latest on the day by which States are "
                           "told."), code="call.panel_day", field="panel_meets_on")


def _check_ranking(values: CallValues) -> None:
    if len(set(values.criteria)) != len(values.criteria) or not set(values.criteria) <= set(CRITERIA):
        raise RuleBroken(_("Name each rule of the ranking only once."), code="call.criteria", field="criterion_1")
    if not 0 <= values.equity_calls <= MOST_EARLIER:
        raise RuleBroken(_("Write how many earlier calls count, from 0 to %(most)s.", most=MOST_EARLIER),
                         code="call.equity_calls", field="equity_calls")
    if values.equity_calls and not set(values.criteria) & set(EQUITY_CRITERIA):
        raise RuleBroken(_("Earlier calls count for the rules of equity only. Choose one of these rules, or write 0."),
                         code="call.equity_calls", field="equity_calls")
    if values.ranking_method not in METHODS:
        raise RuleBroken(_("Choose how the rules are applied."), code="call.method", field="ranking_method")
    if values.ranking_method == "in_order":
        if values.weights:
            raise RuleBroken(_("In order, rules carry no points: leave them empty, or rank by points."),
                             code="call.weights", field="weight_1")
        return
    if not values.criteria:
        raise RuleBroken(_("By points, at least one rule must bring points."), code="call.criteria",
                         field="criterion_1")
    for n, criterion in enumerate(values.criteria, 1):
        weight = values.weights.get(criterion)
        if type(weight) is not int or not 1 <= weight <= MOST_WEIGHT:
            raise RuleBroken(_("Write the points of this rule, between 1 and %(most)s.", most=MOST_WEIGHT),
                             code="call.weights", field=f"weight_{n}")
    if set(values.weights) != set(values.criteria):
        raise RuleBroken(_("Points are for the rules chosen only."), code="call.weights", field="weight_1")


def check_part(first: int | None, last: int | None, meeting: Meeting) -> None:
    """The part of a meeting that is paid lies within its days. Raises RuleBroken."""
    if first is None and last is None:
        return
    if first is None or last is None:
        raise RuleBroken(_("Write both the first and the last day, or neither for the whole meeting."),
                         code="call.part", field="part_first_day" if first is None else "part_last_day")
    if not 1 <= first <= last:
        raise RuleBroken(_("The last day paid cannot come before the first."), code="call.part", field="part_last_day")
    if meeting.start_date is not None and meeting.end_date is not None:
        days = (meeting.end_date - meeting.start_date).days + 1
        if last > days:
            raise RuleBroken(_("The meeting has %(days)s days.", days=days), code="call.part", field="part_last_day")


def _check_package(values: CallValues, meeting: Meeting) -> None:
    if values.package not in PACKAGES:
        raise RuleBroken(_("Choose what the fund pays."), code="call.package", field="package")
    check_part(values.part_first_day, values.part_last_day, meeting)
    if values.package == "dsa" and values.estimate_ticket_minor:
        raise RuleBroken(_("This call does not pay tickets: leave the ticket at 0."), code="call.estimate",
                         field="estimate_ticket")
    if values.package == "ticket" and values.estimate_dsa_minor:
        raise RuleBroken(_("This call does not pay a daily allowance: leave it at 0."), code="call.estimate",
                         field="estimate_dsa")
    if not values.estimate_ticket_minor + values.estimate_dsa_minor + values.estimate_terminal_minor:
        raise RuleBroken(_("Write what one delegate is expected to cost."), code="call.estimate",
                         field="estimate_ticket" if values.package != "dsa" else "estimate_dsa")


def _check_asked(values: CallValues) -> None:
    if len(set(values.required_papers)) != len(values.required_papers) or (
        not set(values.required_papers) <= set(PAPER_KINDS)
    ):
        raise RuleBroken(_("Choose papers from the list."), code="call.papers", field="required_papers")
    keys = [str(q.get("key", "")) for q in values.questions]
    if len(keys) > MOST_QUESTIONS or len(set(keys)) != len(keys) or "" in keys:
        raise RuleBroken(_("A call asks at most %(most)s questions.", most=MOST_QUESTIONS), code="call.questions",
                         field="question_1")
    for n, question in enumerate(values.questions, 1):
        if not str(question.get("text", "")).strip() or (
            set(question) - {"of_nominee"} != {"key", "text", "required"}
        ):
            raise RuleBroken(_("Write the question."), code="call.questions", field=f"question_{n}")


def copied_values(
    last: Call, pool_ids: tuple[uuid.UUID, ...], before: Meeting, meeting: Meeting, now: datetime
) -> CallValues:
    """The terms of the last call for another meeting, each date as many days before the meeting at the same time of
    day at its place. A call that would have opened by now opens tomorrow instead, for as many days. Raises
    RuleBroken."""
    if meeting.start_date is None or before.start_date is None:
        raise RuleBroken(_("The meeting has no dates yet, so the dates of the call cannot be reckoned."),
                         code="call.meeting_undated", field="meeting_id")
    start, lead, old_zone, zone = meeting.start_date, before.start_date, ZoneInfo(before.timezone), ZoneInfo(
        meeting.timezone)

    def moved(instant: datetime, later: timedelta) -> datetime:
        local = instant.astimezone(old_zone).replace(tzinfo=None)
        return (local + (start - lead) + later).replace(tzinfo=zone).astimezone(UTC)

    # whole days, so that every hour of the day stays what it was
    late = (now.astimezone(zone).date() - moved(last.opens_at, timedelta(0)).astimezone(zone).date()).days + 1
    later = timedelta(days=max(late, 0))
    decide_by = last.decide_by + (start - lead) + later
    if decide_by >= start:
        raise RuleBroken(_("There is no time left before this meeting for a call as long as the last. Make the call "
                           "by hand with shorter times."), code="call.no_time", field="meeting_id")
    fields = {name: getattr(last, name) for name in CallValues.__dataclass_fields__
              if name not in ("pool_ids", "criteria", "required_papers", "questions", "weights")}
    fields |= {
        "meeting_id": meeting.id, "opens_at": moved(last.opens_at, later), "closes_at": moved(last.closes_at, later),
        "grace_until": moved(last.grace_until, later), "decide_by": decide_by,
        "panel_meets_on": last.panel_meets_on and last.panel_meets_on + (start - lead) + later,
    }
    return CallValues(
        pool_ids=pool_ids, criteria=tuple(last.criteria), weights=last.weights or {},
        required_papers=tuple(last.required_papers or ()),
        questions=tuple(last.questions or ()), **fields)
