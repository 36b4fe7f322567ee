"""Mails by schedule to those who recommend and decide: the ranking is there, the day of decision is near, the
recommendation waits. One to each person for each round; an alternate of the head reads what the head reads."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import ColumnElement, func, or_, select

from accounts.permissions import Contact, alternates_with, people_with
from core.db import command, db, lock
from core.jobs import Due
from core.office import begin_of_day, office_day
from core.outbox import send_mail
from core.web.formats import format_day
from core.web.links import absolute
from meetings.calendar.queries import meeting_by_id
from sponsorship.applications import recusals
from sponsorship.applications.models import Call, Ranking, Recommendation

REMIND_BEFORE = timedelta(days=3)  # before the panel meets, or the day by which States are told
# the panel's own meeting, where its day is fixed
PANEL_DAY = func.coalesce(Call.panel_meets_on, Call.decide_by)
NOT_AT_ONCE = timedelta(days=1)  # whoever was told of the ranking today is not reminded today


def _since(round_of: Any, rows: type[Ranking] | type[Recommendation], state: str, told: Any) -> Any:
    """Calls in a state whose standing round nobody has been told of, with the instant since which it stands."""
    not_told: ColumnElement[bool] = or_(told.is_(None), told != round_of)
    return (
        select(Call.id, Call.reference, PANEL_DAY.label("day"), func.max(rows.at).label("at"))
        .join(rows, (rows.call_id == Call.id) & (rows.round == round_of))
        .where(Call.state == state, not_told).group_by(Call.id, Call.reference, PANEL_DAY)
    )


def to_tell_panel(now: datetime, limit: int) -> list[Due]:
    """Rankings of which the panel has not been told."""
    found = _since(Call.ranking_round, Ranking, "ranked", Call.panel_told_for)
    rows = db.session.execute(found.having(func.max(Ranking.at) <= now).order_by("at", Call.id).limit(limit))
    return [(r.id, r.at, r.reference) for r in rows]


def to_remind_panel(now: datetime, limit: int) -> list[Due]:
    """Calls without a recommendation, from the begin of the third day before the panel meets, or where that day is not
    fixed before States are to be told, at the seat."""
    found = _since(Call.ranking_round, Ranking, "ranked", Call.panel_reminded_for)
    rows = db.session.execute(
        found.where(office_day(now) + REMIND_BEFORE >= PANEL_DAY)
        .having(func.max(Ranking.at) <= now - NOT_AT_ONCE).order_by(PANEL_DAY, Call.id).limit(limit))
    return [(r.id, max(begin_of_day(r.day - REMIND_BEFORE), r.at + NOT_AT_ONCE), r.reference) for r in rows]


def to_tell_head(now: datetime, limit: int) -> list[Due]:
    """Recommendations of which the head of the fund has not been told."""
    found = _since(Call.recommendation_round, Recommendation, "recommended", Call.head_told_for)
    rows = db.session.execute(found.having(func.max(Recommendation.at) <= now).order_by("at", Call.id).limit(limit))
    return [(r.id, r.at, r.reference) for r in rows]


def _send(call: Call, kind: str, round: int, to: Iterable[Contact], page: str, words: Callable[[str], tuple[str, str]]
          ) -> None:
    meeting = meeting_by_id(call.meeting_id)
    for contact in {one.person_id: one for one in to}.values():
        with force_locale(contact.locale):
            subject, body = words(meeting.title)
            send_mail(contact.email, kind=f"applications.{kind.partition(':')[0]}", subject=subject,
                      body=f"{body}\n\n{absolute(page, id=call.id)}\n",
                      dedupe_key=f"{kind}:{call.id}:{round}:{contact.person_id}")


def _panel(call: Call) -> list[Contact]:
    seated = recusals.seated_people(call)
    return [one for one in people_with("panel.recommend") if one.person_id in seated]


def _meets(call: Call) -> str:
    if call.panel_meets_on is None:
        return ""
    return "\n\n" + _("The panel meets on %(day)s.", day=format_day(call.panel_meets_on))


@command
def tell_panel(call_id: uuid.UUID, now: datetime) -> str:
    """Screening is over and the States are ranked."""
    call = lock(Call, call_id)
    if call.state != "ranked" or call.panel_told_for == call.ranking_round:
        return "no longer due"
    call.panel_told_for = call.ranking_round
    _send(call, "panel-ranked", call.ranking_round, _panel(call), "panel.recommendation", lambda meeting: (
        _("To recommend on: call %(call)s", call=call.reference),
        _("Screening is finished and the States are ranked for:\n%(meeting)s\n\nThe panel recommends next. States are "
          "to be told by %(day)s. If you have an interest in a State, declare it before you record anything.",
          meeting=meeting, day=format_day(call.decide_by)) + _meets(call)))
    return "told"


@command
def remind_panel(call_id: uuid.UUID, now: datetime) -> str:
    """The panel has not recommended, and the day by which States are told is near."""
    call = lock(Call, call_id)
    if call.state != "ranked" or call.panel_reminded_for == call.ranking_round:
        return "no longer due"
    call.panel_reminded_for = call.ranking_round
    day = call.panel_meets_on
    # a day that was moved is told anew
    _send(call, f"panel-due:{day}" if day else "panel-due", call.ranking_round, _panel(call), "panel.recommendation",
          lambda meeting: (
        _("The panel meets on %(day)s: call %(call)s", day=format_day(day), call=call.reference) if day else
        _("The panel is due to meet: call %(call)s", call=call.reference),
        _("No recommendation is recorded yet for:\n%(meeting)s\n\nStates are to be told by %(day)s, and the head of "
          "the fund decides before that. Please meet and record the recommendation.",
          meeting=meeting, day=format_day(call.decide_by))))
    return "reminded"


@command
def tell_head(call_id: uuid.UUID, now: datetime) -> str:
    """The panel has recommended."""
    call = lock(Call, call_id)
    if call.state != "recommended" or call.head_told_for == call.recommendation_round:
        return "no longer due"
    call.head_told_for = call.recommendation_round
    to = [*people_with("award.decide"), *alternates_with("award.decide")]
    _send(call, "decision-waits", call.recommendation_round, to, "decisions.decision", lambda meeting: (
        _("To be decided: call %(call)s", call=call.reference),
        _("The panel has recorded its recommendation for:\n%(meeting)s\n\nIt waits for the decision of the head of the "
          "fund. States are to be told by %(day)s.", meeting=meeting, day=format_day(call.decide_by))))
    return "told"
