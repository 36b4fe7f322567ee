"""Letters that are to be written: what has happened to an application or award of which no signed letter tells yet.

Nothing is queued: a letter waits as long as the state of things calls for it and none has been signed for that
occasion. So none is lost, and one that is overtaken (an offer that was turned down) waits no longer.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, or_, select

from core import clock
from core.db import db
from core.events import Event
from meetings.calendar.models import Meeting, MeetingDates
from sponsorship.applications.models import Application, Call
from sponsorship.applications.paper_models import NomineeSubstitution
from sponsorship.applications.substitution_service import unchecked
from sponsorship.awards.models import Award
from sponsorship.letters.models import REASONS_OF, StateLetter

KEPT_WAITING = timedelta(days=60)  # after a meeting's last day nobody needs a letter about it any more
UNDER_WAY = ("submitted", "returned", "eligible", "recommended", "reserve", "not_recommended")
OFFERED = ("offered", "accepted")
ONCE = "once"  # the occasion of what happens to an application only once


@dataclass(frozen=True)
class Waiting:
    """One letter to be signed. `awards` are those it speaks of (none that the State has not been told of);
    `proposed` is the reason found or proposed, for kinds that have one; `replaces` an earlier letter of its kind: (id,
    reference)."""

    kind: str
    application_id: uuid.UUID
    application: str
    call_id: uuid.UUID
    organisation_id: uuid.UUID
    subject_id: uuid.UUID
    occasion: str
    awards: tuple[uuid.UUID, ...] = ()
    proposed: str | None = None
    replaces: tuple[uuid.UUID, str] | None = None

    @property
    def key(self) -> str:
        """What a form calls it."""
        return f"{self.kind}-{self.subject_id}"


@dataclass(frozen=True)
class _Case:
    application: Application
    call: Call
    meeting: Meeting
    awards: tuple[Award, ...]
    substitutions: dict[uuid.UUID, uuid.UUID]  # the last one, by nominee
    unlooked: set[uuid.UUID]  # nominees who took a place and whom no officer has looked at yet
    withdrawals: dict[uuid.UUID, str]

    def travels(self, award: Award) -> str:
        """Who travels on which days: what a letter "selected" stands for."""
        substitution = self.substitutions.get(award.nominee_id)
        other = f":{substitution.hex[-12:]}" if substitution else ""
        return f"{award.nominee_id}:{award.travel_from}:{award.travel_to}{other}"


def waiting_letters(call_id: uuid.UUID | None = None) -> list[Waiting]:
    """Letters that wait under one call, or under all, in the order of the applications' references. Seven
    queries."""
    cases = _cases(call_id)
    signed: dict[tuple[str, uuid.UUID], dict[str, tuple[uuid.UUID, str]]] = defaultdict(dict)
    rows = db.session.execute(
        select(StateLetter.kind, StateLetter.subject_id, StateLetter.occasion, StateLetter.id, StateLetter.reference)
        .where(StateLetter.call_id.in_({case.call.id for case in cases})).order_by(StateLetter.id)
    )
    for kind, subject, occasion, key, reference in rows:
        signed[kind, subject][occasion] = (key, reference)
    moves = dict(db.session.execute(
        select(MeetingDates.meeting_id, func.max(MeetingDates.at))
        .where(MeetingDates.meeting_id.in_({case.meeting.id for case in cases})).group_by(MeetingDates.meeting_id)
    ).all())
    found = []
    for case in cases:
        moved = moves.get(case.meeting.id)
        for kind, award, occasion, reason in _called_for(case, moved.strftime("%Y%m%dT%H%M%S.%fZ") if moved else ONCE):
            subject = award.id if award else case.application.id
            if kind == "cancelled" and signed["call_cancelled", subject]:
                continue  # told already that it has ended
            earlier = signed[kind, subject]
            if occasion in earlier:
                continue
            told = (award,) if award else tuple(a for a in case.awards if a.offered_at is not None)
            found.append(Waiting(
                kind, case.application.id, case.application.reference, case.call.id, case.application.organisation_id,
                subject, occasion, tuple(a.id for a in told), reason,
                list(earlier.values())[-1] if earlier and kind == "selected" else None))
    return found


def _cases(call_id: uuid.UUID | None) -> list[_Case]:
    where = [or_(Meeting.end_date.is_(None), Meeting.end_date >= clock.today() - KEPT_WAITING),
             Application.state != "draft", Application.received_at.is_not(None)]
    if call_id is not None:
        where.append(Application.call_id == call_id)
    rows = db.session.execute(
        select(Application, Call, Meeting).join(Call, Call.id == Application.call_id)
        .join(Meeting, Meeting.id == Call.meeting_id).where(*where).order_by(Application.reference)
    ).all()
    awards: dict[uuid.UUID, list[Award]] = defaultdict(list)
    for award in db.session.scalars(
        select(Award).where(Award.call_id.in_({call.id for _a, call, _m in rows})).order_by(Award.reference)
    ):
        awards[award.application_id].append(award)
    nominees = {award.nominee_id for found in awards.values() for award in found}
    substitutions: dict[uuid.UUID, uuid.UUID] = dict(db.session.execute(
        select(NomineeSubstitution.nominee_id, NomineeSubstitution.id)
        .where(NomineeSubstitution.nominee_id.in_(nominees)).order_by(NomineeSubstitution.at)).all())
    ended = {award.id for found in awards.values() for award in found if award.state == "withdrawn"}
    unlooked, withdrawals = unchecked(nominees), _withdrawals(ended)
    return [_Case(a, call, meeting, tuple(awards[a.id]), substitutions, unlooked, withdrawals)
            for a, call, meeting in rows]


def _withdrawals(award_ids: set[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Why awards ended that were withdrawn by the fund or given back by the State: an approved reason, by award."""
    rows = db.session.execute(
        select(Event.subject_id, Event.tag, Event.reason)
        .where(Event.subject_type == "award", Event.subject_id.in_(award_ids),
               Event.tag.in_(("awards.award.withdraw", "awards.award.give_back")))
    )
    return {row.subject_id: "state_request" if row.tag.endswith("give_back")
            else row.reason if row.reason in REASONS_OF["withdrawn"] else "rules_not_met" for row in rows}


def _called_for(case: _Case, moved: str) -> Iterator[tuple[str, Award | None, str, str | None]]:
    """(kind, award, occasion, proposed reason) of each letter that the state of things calls for."""
    state = case.application.state
    if case.meeting.state == "postponed":
        if any(a.state == "suspended" for a in case.awards) or (
            case.call.state == "suspended" and state in UNDER_WAY
        ):
            yield "postponed", None, moved, None
        return
    if case.meeting.state == "cancelled":
        if state == "cancelled" or any(a.state == "cancelled" for a in case.awards):
            yield "cancelled", None, ONCE, None
        return
    for award in case.awards:
        if award.state in OFFERED and award.nominee_id not in case.unlooked:
            yield "selected", award, case.travels(award), None
        elif award.state == "lapsed":
            yield "lapsed", award, ONCE, None
        elif award.state == "withdrawn" and award.offered_at is not None and award.id in case.withdrawals:
            yield "withdrawn", award, ONCE, case.withdrawals[award.id]
    if state == "ineligible" and case.application.ineligible_reason in REASONS_OF["ineligible"]:
        found = case.application.ineligible_reason
        yield "ineligible", None, f"round:{case.application.screening_round}:{found}", found
    elif state == "withdrawn":
        yield "taken_back", None, ONCE, None
    elif state == "reserve_list":
        yield "reserve", None, ONCE, None
    elif state == "not_selected":
        ended = any(a.state == "reserve_ended" for a in case.awards)
        yield "not_selected", None, ONCE, "reserve_ended" if ended else "no_funds"
    elif state == "cancelled" and case.call.state == "cancelled":
        yield "call_cancelled", None, ONCE, None
