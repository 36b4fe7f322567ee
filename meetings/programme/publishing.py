"""Publishing: the draft becomes a version that never changes again, and whoever follows what changed is told once."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from flask_babel import force_locale, gettext
from sqlalchemy import delete, select

from accounts.models import Person
from core import clock
from core.actor import Actor
from core.db import command, db, insert_into, lock, new_id
from core.errors import RuleBroken, SignInNeeded
from core.outbox import send_mail
from core.web.links import absolute
from meetings.calendar.models import Meeting
from meetings.calendar.queries import MeetingRow, meeting_by_id
from meetings.calendar.stamp import touch_calendar
from meetings.programme.days_off import days_off
from meetings.programme.differences import Difference, differences
from meetings.programme.facts import NOTHING, Content, digest_of
from meetings.programme.models import Follower, Programme, ProgrammeVersion, SideEvent
from meetings.programme.queries import Draft, draft_of, latest_of_meeting
from meetings.programme.review import Finding, Frame, review
from meetings.programme.transitions import ACTION_OF, PROGRAMME, STANDINGS
from meetings.programme.words import STANDING_TITLES

MAX_NOTE = 500


def symbol_of(base: str | None, number: int) -> str | None:
    """The document's symbol: later versions add /Rev.1, /Rev.2 and so on."""
    if not base:
        return None
    return base if number == 1 else f"{base}/Rev.{number - 1}"


def label_of(number: int) -> str:
    """What a version is called where the document has no symbol."""
    return gettext("first version") if number == 1 else f"Rev.{number - 1}"


def findings_of(draft: Draft, meeting: MeetingRow, allotted: int | None) -> list[Finding]:
    """What the checks say of the draft."""
    off = days_off(meeting.start_date, meeting.end_date, meeting.timezone) \
        if meeting.start_date and meeting.end_date else []
    return review(draft.content, Frame(meeting.start_date, meeting.end_date, allotted, draft.teams, draft.halves,
                                       draft.rooms, draft.items, tuple(off)))


def allotted_to(meeting_id: uuid.UUID) -> int | None:
    """How many plenary meetings the mandate grants. One query."""
    return db.session.scalar(select(Meeting.meetings_allotted).where(Meeting.id == meeting_id))


@command
def publish_programme(programme_id: uuid.UUID, actor: Actor, standing: str, *, note: str | None = None,
                      expected_version: int | None = None) -> int:
    """Publish the draft under this standing; returns the version's number. `adopted` records what the meeting did, so
    it needs a note that says when it did so, and a meeting that has begun. Raises RuleBroken (the meeting is not
    public, a hard finding, nothing new), NotAllowed, Stale, IllegalMove."""
    programme = lock(Programme, programme_id, expected_version)
    if standing not in STANDINGS:
        raise RuleBroken(gettext("Choose what the programme is."), code="programme.standing", field="standing")
    words = (note or "").strip()[:MAX_NOTE] or None
    meeting = meeting_by_id(programme.meeting_id)
    PROGRAMME.apply(programme, ACTION_OF[standing], actor, data={"number": programme.numbered + 1})
    if meeting.published_at is None:
        raise RuleBroken(gettext("Publish the meeting’s dates first."), code="programme.meeting_not_public")
    if meeting.state == "cancelled":
        raise RuleBroken(gettext("The meeting is cancelled."), code="programme.meeting_cancelled")
    if standing == "adopted" and not words:
        raise RuleBroken(gettext("Write when the meeting adopted it, such as “at its 1st plenary meeting”."),
                         code="programme.adopted_when", field="note")
    if standing == "adopted" and (meeting.opens_at is None or clock.now() < meeting.opens_at):
        raise RuleBroken(gettext("Only the meeting adopts its programme of work, and it has not opened yet."),
                         code="programme.not_open", field="standing")
    draft = draft_of(programme)
    content = draft.content
    if not content.slots:
        raise RuleBroken(gettext("There is nothing to publish yet."), code="programme.empty")
    if any(f.hard for f in findings_of(draft, meeting, allotted_to(meeting.id))):
        raise RuleBroken(gettext("Put right what cannot be held as it is written, then publish."),
                         code="programme.hard_findings")
    before = latest_of_meeting(programme.meeting_id)
    old = before.content if before else NOTHING
    if before is not None and before.standing == standing and before.content == content:
        raise RuleBroken(gettext("Nothing has changed since the last version."), code="programme.unchanged")
    kept = content.as_json()
    programme.numbered += 1
    version = ProgrammeVersion(
        id=new_id(), programme_id=programme.id, number=programme.numbered, standing=standing,
        symbol=symbol_of(programme.symbol, programme.numbered), content=kept, digest=digest_of(kept), note=words,
        published_at=clock.now())
    db.session.add(version)
    touch_calendar()
    if before is not None:
        _tell(version, meeting, old, content, before.standing != standing)
    return version.number


def _tell(version: ProgrammeVersion, meeting: MeetingRow, old: Content, new: Content, other_standing: bool) -> None:
    """One mail to each person concerned, in the language of each: followers of the whole hear of everything, followers
    of a slot and whoever asked for a side event of their own slots only, everybody else of nothing."""
    wanted: dict[uuid.UUID, set[str]] = {}
    for follower in db.session.scalars(select(Follower).where(Follower.programme_id == version.programme_id)):
        wanted.setdefault(follower.person_id, set()).add(follower.slot_key)
    for event in db.session.scalars(select(SideEvent).where(
            SideEvent.programme_id == version.programme_id, SideEvent.state == "accepted")):
        wanted.setdefault(event.person_id, set()).add(str(event.slot_id))
    people = db.session.execute(
        select(Person.id, Person.email, Person.locale).where(Person.id.in_(wanted), Person.active)
        .order_by(Person.email)) if wanted else ()
    told: dict[str, list[Difference]] = {}
    for person in people:
        keys = wanted[person.id]
        with force_locale(person.locale):
            found = told.setdefault(person.locale, differences(old, new))
            mine = found if "" in keys else [d for d in found if d.slots & keys]
            if not mine and not ("" in keys and other_standing):
                continue
            send_mail(
                person.email, kind="programme.changed",
                subject=gettext("%(meeting)s: the programme of work has changed", meeting=meeting.short_name),
                body=_digest(version, meeting, mine),
                dedupe_key=f"programme.changed:{version.id}:{person.id}")


def _digest(version: ProgrammeVersion, meeting: MeetingRow, mine: Sequence[Difference]) -> str:
    lines = [f"{meeting.short_name}: {STANDING_TITLES[version.standing]} "
             f"({version.symbol or label_of(version.number)})", ""]
    lines += [f"- {difference.text}" for difference in mine]
    if version.note:
        lines += ["", version.note]
    return "\n".join([*lines, "", absolute("programme.page", slug=meeting.slug), ""])


# --- following --------------------------------------------------------------------------------------------------
@command
def follow(meeting_id: uuid.UUID, actor: Actor, slot_key: str = "", *, wanted: bool = True) -> None:
    """Be told of changes, or no more: of the whole programme, or of one slot. For oneself only: whoever has an account
    may. Raises SignInNeeded, RuleBroken where nothing is published, or such a slot is not."""
    if actor.person_id is None:
        raise SignInNeeded()
    programme = db.session.scalar(select(Programme).where(Programme.meeting_id == meeting_id))
    latest = latest_of_meeting(meeting_id)
    if programme is None or latest is None or (slot_key and all(s.id != slot_key for s in latest.content.slots)):
        raise RuleBroken(gettext("This is not in the published programme."), code="programme.follow_what")
    if wanted:  # in one statement: a button pressed twice counts once
        db.session.execute(
            insert_into(Follower).on_conflict_do_nothing(index_elements=["programme_id", "person_id", "slot_key"]),
            {"id": new_id(), "programme_id": programme.id, "person_id": actor.person_id, "slot_key": slot_key,
             "since": clock.real_now()})
    else:
        db.session.execute(delete(Follower).where(
            Follower.programme_id == programme.id, Follower.person_id == actor.person_id,
            Follower.slot_key == slot_key))
