"""What a programme consists of, as values: slots, items, rooms, half-days, and the content of a version."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

LANGUAGES = ("A", "C", "E", "F", "R", "S")
MORNING, AFTERNOON = (time(10), time(13)), (time(15), time(18))
BREAKFAST = time(9)  # side events before the morning's plenary meeting begin here
AROUND = timedelta(minutes=15)  # between a plenary meeting and a side event


@dataclass(frozen=True, slots=True)
class SlotFacts:
    """One slot as the organiser writes it; times are local to the meeting."""

    kind: str
    day: date
    starts: time
    ends: time
    title: str = ""
    room_id: uuid.UUID | None = None
    items: tuple[uuid.UUID, ...] = ()
    languages: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    note: str | None = None

    def as_json(self) -> dict[str, Any]:
        """For the history of changes."""
        return {
            "kind": self.kind, "day": self.day.isoformat(), "starts": f"{self.starts:%H:%M}",
            "ends": f"{self.ends:%H:%M}", "title": self.title, "room_id": str(self.room_id) if self.room_id else None,
            "items": [str(key) for key in self.items], "languages": list(self.languages), "people": list(self.people),
            "note": self.note,
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> SlotFacts:
        """Back from the history."""
        return cls(
            kept["kind"], date.fromisoformat(kept["day"]), time.fromisoformat(kept["starts"]),
            time.fromisoformat(kept["ends"]), kept["title"], uuid.UUID(kept["room_id"]) if kept["room_id"] else None,
            tuple(uuid.UUID(key) for key in kept["items"]), tuple(kept["languages"]), tuple(kept["people"]),
            kept["note"],
        )


@dataclass(frozen=True, slots=True)
class ItemRow:
    """An agenda item."""

    id: uuid.UUID
    number: str
    title: str
    role: str


@dataclass(frozen=True, slots=True)
class RoomRow:
    """A room."""

    id: uuid.UUID
    name: str
    seats: int | None
    opens: time
    closes: time
    interpretation: bool


@dataclass(frozen=True, slots=True)
class HalfRow:
    """A half-day of the meeting's own calendar."""

    id: uuid.UUID
    day: date
    half: str
    starts: time
    ends: time
    is_open: bool
    note: str | None


@dataclass(frozen=True, slots=True)
class SlotView:
    """One slot as readers see it, in the draft or in a version: names instead of keys. `number` counts plenary
    meetings through the whole meeting; `continued` says that its items were taken up before."""

    id: str
    kind: str
    day: date
    starts: time
    ends: time
    title: str
    room: str | None
    items: tuple[str, ...]
    languages: tuple[str, ...]
    people: tuple[str, ...]
    note: str | None
    number: int | None = None
    continued: bool = False

    def as_json(self) -> dict[str, Any]:
        """For a version's content."""
        return {
            "id": self.id, "kind": self.kind, "day": self.day.isoformat(), "starts": f"{self.starts:%H:%M}",
            "ends": f"{self.ends:%H:%M}", "title": self.title, "room": self.room, "items": list(self.items),
            "languages": list(self.languages), "people": list(self.people), "note": self.note, "number": self.number,
            "continued": self.continued,
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> SlotView:
        """Back from a version's content."""
        return cls(
            kept["id"], kept["kind"], date.fromisoformat(kept["day"]), time.fromisoformat(kept["starts"]),
            time.fromisoformat(kept["ends"]), kept["title"], kept["room"], tuple(kept["items"]),
            tuple(kept["languages"]), tuple(kept["people"]), kept["note"], kept["number"], kept["continued"],
        )


@dataclass(frozen=True, slots=True)
class Content:
    """A whole programme: agenda (number and title) and slots in order of time."""

    agenda: tuple[tuple[str, str], ...]
    slots: tuple[SlotView, ...]

    def as_json(self) -> dict[str, Any]:
        """What a version keeps."""
        return {"agenda": [{"number": n, "title": t} for n, t in self.agenda],
                "slots": [slot.as_json() for slot in self.slots]}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Content:
        """Back from what a version keeps."""
        return cls(tuple((item["number"], item["title"]) for item in kept["agenda"]),
                   tuple(SlotView.from_json(slot) for slot in kept["slots"]))

    def titles(self, slot: SlotView) -> list[str]:
        """The titles of a slot's items, in order of the agenda."""
        return [title for number, title in self.agenda if number in slot.items]


NOTHING = Content((), ())


def digest_of(kept: Mapping[str, Any]) -> str:
    """SHA-256 of a content as sorted JSON."""
    return hashlib.sha256(json.dumps(kept, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def content_of(
    slots: Iterable[tuple[uuid.UUID, SlotFacts]], items: Sequence[ItemRow], rooms: Iterable[RoomRow]
) -> Content:
    """The draft as readers would see it: names, numbers of plenary meetings, what is continued."""
    number_of = {item.id: item.number for item in items}
    room_of = {room.id: room.name for room in rooms}
    order = {item.number: n for n, item in enumerate(items)}
    found, plenary, begun = [], 0, set[str]()
    for key, slot in sorted(slots, key=lambda s: (s[1].day, s[1].starts, s[1].ends, str(s[0]))):
        numbers = tuple(sorted((number_of[i] for i in slot.items if i in number_of), key=lambda n: order[n]))
        number = None
        continued = False
        if slot.kind == "plenary":
            plenary += 1
            number, continued = plenary, bool(numbers) and begun.issuperset(numbers)
            begun.update(numbers)
        found.append(SlotView(
            str(key), slot.kind, slot.day, slot.starts, slot.ends, slot.title,
            room_of.get(slot.room_id) if slot.room_id else None, numbers, slot.languages, slot.people, slot.note,
            number, continued))
    return Content(tuple((item.number, item.title) for item in items), tuple(found))


def earlier(moment: time, by: timedelta) -> time:
    """A time of the same day, earlier by so much (never before midnight)."""
    at = datetime.combine(date(2000, 1, 2), moment) - by
    return at.time() if at.date() == date(2000, 1, 2) else time(0)


def later(moment: time, by: timedelta) -> time:
    """A time of the same day, later by so much (never past 23:59)."""
    at = datetime.combine(date(2000, 1, 2), moment) + by
    return at.time() if at.date() == date(2000, 1, 2) else time(23, 59)


def side_windows(halves: Iterable[HalfRow]) -> dict[date, list[tuple[time, time]]]:
    """When side events may be held on each open day: before the morning's plenary meeting and over lunch."""
    days: dict[date, dict[str, HalfRow]] = {}
    for half in halves:
        days.setdefault(half.day, {})[half.half] = half
    found: dict[date, list[tuple[time, time]]] = {}
    for day, parts in days.items():
        if not any(part.is_open for part in parts.values()):
            continue
        morning, afternoon = parts["morning"], parts["afternoon"]
        windows = [(BREAKFAST, earlier(morning.starts, AROUND)),
                   (later(morning.ends, AROUND), earlier(afternoon.starts, AROUND))]
        found[day] = [(a, b) for a, b in windows if a < b]
    return found
