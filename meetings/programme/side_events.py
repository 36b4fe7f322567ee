"""Side events: requests, and what the organiser answers. Accepting one puts it into the draft, in a slot for side
events and a room; readers see it with the next published version."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from flask_babel import force_locale, gettext
from sqlalchemy import select

from accounts.models import Person
from accounts.permissions import allows, people_with, require
from core import clock, events
from core.actor import Actor, system
from core.db import command, db, lock, new_id
from core.errors import NotFound, RuleBroken
from core.machines import State
from core.outbox import send_mail
from core.web.links import absolute
from meetings.calendar.queries import MeetingRow, meeting_by_id
from meetings.programme.editing import add_slots, drop_slot
from meetings.programme.facts import HalfRow, SlotFacts, side_windows
from meetings.programme.models import Programme, SideEvent
from meetings.programme.queries import draft_of
from meetings.programme.transitions import MANAGE, REQUEST, SIDE_EVENT
from meetings.programme.words import clock_time, short_day

MOST_OPEN = 10  # requests of one person that wait for an answer


@dataclass(frozen=True, slots=True)
class EventFacts:
    """What is asked for."""

    title: str
    organisers: str
    wishes: tuple[str, ...]
    people_expected: int
    cosponsor: str | None = None
    summary: str | None = None
    needs: str | None = None


@dataclass(frozen=True, slots=True)
class EventRow:
    """A request as its author and the organiser see it."""

    id: uuid.UUID
    programme_id: uuid.UUID
    person_id: uuid.UUID
    state: str
    title: str
    organisers: str
    cosponsor: str | None
    summary: str | None
    wishes: tuple[str, ...]
    people_expected: int
    needs: str | None
    slot_id: uuid.UUID | None
    answer: str | None
    requested_at: datetime
    version: int

    @property
    def status(self) -> State:
        """Word and tone."""
        return SIDE_EVENT.state(self.state)


def _row(event: SideEvent) -> EventRow:
    return EventRow(event.id, event.programme_id, event.person_id, event.state, event.title, event.organisers,
                    event.cosponsor, event.summary, tuple(event.wishes), event.people_expected, event.needs,
                    event.slot_id, event.answer, event.requested_at, event.version)


# --- slots on offer ---------------------------------------------------------------------------------------------
def wish_key(day: date, starts: time, ends: time) -> str:
    """How a slot on offer is named: `2027-06-07 13:15-14:45`."""
    return f"{day.isoformat()} {starts:%H:%M}-{ends:%H:%M}"


def wish_parts(key: str) -> tuple[date, time, time]:
    """Day and hours of a wish."""
    day, _, hours = key.partition(" ")
    starts, _, ends = hours.partition("-")
    return date.fromisoformat(day), time.fromisoformat(starts), time.fromisoformat(ends)


def wish_words(key: str) -> str:
    """`Mon 7 June 13:15–14:45`."""
    day, starts, ends = wish_parts(key)
    return f"{short_day(day)} {clock_time(starts)}–{clock_time(ends)}"


def offered(halves: Sequence[HalfRow]) -> list[str]:
    """Every slot for side events, in order of time."""
    return [wish_key(day, a, b) for day, windows in sorted(side_windows(halves).items()) for a, b in windows]


# --- reading ----------------------------------------------------------------------------------------------------
def requests_of(programme_id: uuid.UUID, person_id: uuid.UUID | None = None) -> list[EventRow]:
    """Requests of a programme, those of one person where given; what waits first. One query."""
    found = select(SideEvent).where(SideEvent.programme_id == programme_id)
    if person_id is not None:
        found = found.where(SideEvent.person_id == person_id)
    rows = [_row(e) for e in db.session.scalars(found.order_by(SideEvent.requested_at, SideEvent.id))]
    return sorted(rows, key=lambda r: r.state != "requested")


def request_by_id(event_id: uuid.UUID, actor: Actor) -> EventRow:
    """One request, for its author and for organisers. Raises NotFound for everybody else."""
    event = db.session.get(SideEvent, event_id)
    if event is None or (event.person_id != actor.person_id and not allows(actor, MANAGE)):
        raise NotFound()
    return _row(event)


# --- commands ---------------------------------------------------------------------------------------------------
@command
def request_side_event(meeting_id: uuid.UUID, actor: Actor, facts: EventFacts) -> uuid.UUID:
    """Ask for a side event. Raises RuleBroken (nothing is offered, the meeting is over), NotAllowed, SignInNeeded."""
    require(actor, REQUEST)
    assert actor.person_id is not None
    programme = db.session.scalar(select(Programme).where(Programme.meeting_id == meeting_id))
    meeting = meeting_by_id(meeting_id)
    if programme is None or meeting.published_at is None or meeting.phase not in ("upcoming", "in_session"):
        raise RuleBroken(gettext("This meeting takes no requests for side events."), code="side_event.shut")
    if not facts.title.strip():
        raise RuleBroken(gettext("Write the title."), code="side_event.title", field="title")
    if not facts.organisers.strip():
        raise RuleBroken(gettext("Write who organises it."), code="side_event.organisers", field="organisers")
    slots = set(offered(draft_of(programme).halves))
    if not facts.wishes or not set(facts.wishes) <= slots:
        raise RuleBroken(gettext("Choose at least one of the slots."), code="side_event.wishes", field="wishes")
    if not 1 <= facts.people_expected <= 5000:
        raise RuleBroken(gettext("Write a number from 1 to 5000."), code="side_event.people", field="people_expected")
    waiting = db.session.scalars(select(SideEvent.id).where(
        SideEvent.programme_id == programme.id, SideEvent.person_id == actor.person_id,
        SideEvent.state == "requested")).all()
    if len(waiting) >= MOST_OPEN:
        raise RuleBroken(gettext("You have %(n)s requests that wait for an answer. Wait for it first.", n=MOST_OPEN),
                         code="side_event.many")
    event = SideEvent(
        id=new_id(), programme_id=programme.id, person_id=actor.person_id, state=SIDE_EVENT.initial, version=1,
        title=" ".join(facts.title.split())[:200], organisers=" ".join(facts.organisers.split())[:300],
        cosponsor=facts.cosponsor or None, summary=facts.summary or None, wishes=list(facts.wishes),
        people_expected=facts.people_expected, needs=facts.needs or None, requested_at=clock.now())
    db.session.add(event)
    db.session.flush()
    events.record(actor, "programme.side_event.request", "side_event", event.id, to_state=event.state)
    for contact in people_with(MANAGE):
        with force_locale(contact.locale):
            send_mail(contact.email, kind="programme.side_event.requested",
                      subject=gettext("%(meeting)s: a side event is requested", meeting=meeting.short_name),
                      body=f"{event.title}\n{event.organisers}\n\n"
                           f"{absolute('programme.side_event', slug=meeting.slug, id=event.id)}\n",
                      dedupe_key=f"programme.side_event.requested:{event.id}:{contact.person_id}")
    return event.id


@command
def accept_side_event(event_id: uuid.UUID, actor: Actor, wish: str, room_id: uuid.UUID | None, *,
                      answer: str | None = None, expected_version: int | None = None) -> uuid.UUID:
    """Give a side event a slot on offer and a free room. Raises RuleBroken (not on offer, taken), NotAllowed, Stale,
    IllegalMove."""
    event = lock(SideEvent, event_id, expected_version)
    SIDE_EVENT.move(event.state, "accept")
    programme = lock(Programme, event.programme_id)
    require(actor, MANAGE)
    draft = draft_of(programme)
    if wish not in offered(draft.halves):
        raise RuleBroken(gettext("Choose one of the slots for side events."), code="side_event.slot", field="wish")
    if room_id is None:
        raise RuleBroken(gettext("Choose a room."), code="side_event.room", field="room_id")
    day, starts, ends = wish_parts(wish)
    for _key, other in draft.slots:
        if other.room_id == room_id and other.day == day and other.starts < ends and starts < other.ends:
            raise RuleBroken(gettext("This room is taken then. Choose another one."), code="side_event.room_taken",
                             field="room_id")
    title = f"{event.title} ({event.organisers})"[:300]
    (key,) = add_slots(programme.id, actor, [SlotFacts("side_event", day, starts, ends, title, room_id)],
                       action="accept")
    event.slot_id, event.answer = key, (answer or "").strip() or None
    SIDE_EVENT.apply(event, "accept", actor, data={"slot": str(key)})
    room = next(r.name for r in draft.rooms if r.id == room_id)
    _answer(event, meeting_by_id(programme.meeting_id), wish, room)
    return key


@command
def decline_side_event(event_id: uuid.UUID, actor: Actor, answer: str, *,
                       expected_version: int | None = None) -> None:
    """Do not accept a request, with the reason its author is told. Raises RuleBroken, NotAllowed, Stale,
    IllegalMove."""
    event = lock(SideEvent, event_id, expected_version)
    if not answer.strip():
        raise RuleBroken(gettext("Write the reason: whoever asked is told."), code="side_event.reason", field="reason")
    event.answer = answer.strip()[:500]
    SIDE_EVENT.apply(event, "decline", actor, text=event.answer)
    programme = db.session.get_one(Programme, event.programme_id)
    _answer(event, meeting_by_id(programme.meeting_id))


@command
def withdraw_side_event(event_id: uuid.UUID, actor: Actor, *, expected_version: int | None = None) -> None:
    """Take one's own request back; its slot leaves the draft. Raises NotFound, NotAllowed, Stale, IllegalMove."""
    event = lock(SideEvent, event_id, expected_version)
    if event.person_id != actor.person_id:
        raise NotFound()
    SIDE_EVENT.apply(event, "withdraw", actor)
    if event.slot_id is not None:
        # the author may not edit the programme; that the slot leaves it follows from the withdrawal
        drop_slot(lock(Programme, event.programme_id), system("side-events"), event.slot_id)


def _answer(event: SideEvent, meeting: MeetingRow, wish: str | None = None, room: str | None = None) -> None:
    person = db.session.get(Person, event.person_id)
    if person is None or not person.active:
        return
    with force_locale(person.locale):
        if wish is not None:
            text = gettext("Your side event “%(title)s” is accepted: %(when)s, %(room)s. It appears in the next "
                           "published programme.", title=event.title, when=wish_words(wish), room=room)
        else:
            text = gettext("Your side event “%(title)s” is not accepted.", title=event.title)
        lines = [text, *([event.answer] if event.answer else [])]
        send_mail(person.email, kind="programme.side_event.answered",
                  subject=gettext("%(meeting)s: your side event", meeting=meeting.short_name),
                  body="\n\n".join([*lines, absolute("programme.side_event", slug=meeting.slug, id=event.id)]) + "\n",
                  dedupe_key=f"programme.side_event.answered:{event.id}:{event.version}")
