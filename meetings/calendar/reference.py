"""The real calendar, 2001 to 2030, and the mandates of resolution 68/48: facts with their sources, from files.

Rules of dates come with them. Loading twice changes nothing: a meeting that is there already is left as the organiser
made it.
"""

from __future__ import annotations

import json
import uuid
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import select

from core import clock, events
from core.actor import system
from core.db import command, db
from meetings.calendar.date_models import DateRule, DependentDate
from meetings.calendar.models import Mandate, MandateMeeting, Meeting, MeetingDates
from meetings.calendar.stamp import touch_calendar

DATA = Path(__file__).parent / "data"
# ids made from names, so that the UID in people's calendars survives a database made anew
NAMESPACE = uuid.UUID("6f0d1f6e-5b0c-5c5e-9f57-5d1c2d1f6848")
ACTOR = system("reference-data")
LOADED = "calendar.meeting.load"

ZONES = {
    "New York": "America/New_York", "Kathmandu": "Asia/Kathmandu", "Lomé": "Africa/Lome",
    "Nairobi": "Africa/Nairobi", "Lima": "America/Lima",
}
# addresses and short names are ours; where the kind and the number make them, they are not listed
NAMES = {
    "CONF2001": ("conference-2001", "Conference 2001"),
    "OETEG-2026": ("oeteg-2026", "Technical expert group 2026"),
    "BMS7-2020": ("bms7-2020", "BMS7 (first dates)"),
    "REG-2024-ASIA": ("regional-2024-asia-pacific", "Asia-Pacific 2024"),
    "REG-2024-WCAF": ("regional-2024-west-central-africa", "West and Central Africa 2024"),
    "REG-2024-ESAF": ("regional-2024-east-southern-africa", "East and Southern Africa 2024"),
    "REG-2024-LATAM": ("regional-2024-latin-america", "Latin America 2024"),
    "REG-2024-CARIB": ("regional-2024-caribbean", "Caribbean 2024"),
    "REG-2018-LIMA": ("regional-2018-latin-america", "Latin America 2018"),
}
YEARS = {"BMS10": 2028, "REVCON5": 2030, "REG-2018-LIMA": 2018}  # of meetings without days: as their notes say
REPLACED = {"BMS7-2020": "BMS7"}
POSTPONED_BECAUSE = "The COVID-19 pandemic"


def meeting_id(key: str) -> uuid.UUID:
    """The id of a meeting of the reference file (key such as BMS9), the same in every database."""
    return uuid.uuid5(NAMESPACE, f"meeting:{key}")


def names_of(key: str, kind: str) -> tuple[str, str]:
    """(address, short name) of a meeting of the reference file."""
    if key in NAMES:
        return NAMES[key]
    number = key.removesuffix("-PC").removeprefix("REVCON").removeprefix("BMS").removeprefix("MGE")
    if kind == "PrepCom":
        return f"revcon{number}-prepcom", f"RevCon{number} PrepCom"
    return f"{kind.lower()}{number}", f"{kind}{number}"


def read_meetings() -> list[dict[str, Any]]:
    """The file's records, as they stand there."""
    found: list[dict[str, Any]] = json.loads((DATA / "poa_meetings.json").read_text("utf-8"))["meetings"]
    return found


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _mode(record: dict[str, Any]) -> str:
    if record["venue"] == "virtual":
        return "virtual"
    return "hybrid" if "hybrid format" in (record["notes"] or "").lower() else "in_person"


def _state(record: dict[str, Any]) -> str:
    if record["status"] != "scheduled":
        return str(record["status"])
    return "mandated" if record["start_date"] is None else "published"


def _meeting(record: dict[str, Any]) -> Meeting:
    now, key, start = clock.real_now(), record["id"], _day(record["start_date"])
    slug, short = names_of(key, record["kind"])
    chair, state = record["presiding_officer"], _state(record)
    shown = clock.now()
    return Meeting(
        id=meeting_id(key), slug=slug, kind=record["kind"], ordinal=record["ordinal"], short_name=short,
        title=record["title"], year=start.year if start else YEARS[key], start_date=start,
        end_date=_day(record["end_date"]), city=record["city"], country_code=record["country_iso2"],
        venue=None if record["venue"] == "virtual" else record["venue"], timezone=ZONES.get(record["city"], "UTC"),
        mode=_mode(record), state=state, meetings_allotted=record["meetings_allotted"],
        presiding_role=chair["role"] if chair["name"] else None, presiding_name=chair["name"],
        presiding_country=chair["country_iso2"], bureau=record["bureau"], mandate_text=record["mandate"],
        documents=record["documents"], report_deadline=_day(record["national_report_deadline"]),
        notes=record["notes"], sources=record["sources"], unverified=record["unverified_fields"],
        replaced_by_id=meeting_id(REPLACED[key]) if key in REPLACED else None, announced_at=shown,
        published_at=None if state == "mandated" else shown, created_at=now, changed_at=now,
    )


@command
def load_meetings() -> int:
    """Add the meetings and mandates that are not there yet; the number of rows added. Idempotent."""
    present = set(db.session.scalars(select(Meeting.slug)))
    ids = set(db.session.scalars(select(Meeting.id)))
    new = [
        record for record in read_meetings()
        if meeting_id(record["id"]) not in ids and names_of(record["id"], record["kind"])[0] not in present
    ]
    # a meeting that another replaces points at it, so it comes after
    for record in sorted(new, key=lambda r: r["id"] in REPLACED):
        meeting = _meeting(record)
        db.session.add(meeting)
        db.session.flush()  # the event and the next meeting refer to this row
        if meeting.report_deadline is not None:
            db.session.add(DependentDate(
                meeting_id=meeting.id, code="reports", day=meeting.report_deadline, by_hand=True, version=1,
                sequence=0, created_at=meeting.created_at, changed_at=meeting.changed_at))
        events.record(ACTOR, LOADED, "meeting", meeting.id, to_state=meeting.state)
        if record["id"] in REPLACED:
            later = next(r for r in read_meetings() if r["id"] == REPLACED[record["id"]])
            db.session.add(MeetingDates(
                meeting_id=meeting.id, old_start=meeting.start_date, old_end=meeting.end_date,
                new_start=_day(later["start_date"]), new_end=_day(later["end_date"]), reason=POSTPONED_BECAUSE,
                at=clock.now(),
            ))
    added = len(new) + _load_mandates()
    _load_rules()
    if new:
        touch_calendar()
    return added


def _load_rules() -> None:
    """The rules of dates, where nobody has ever set one for the same date and kind of meeting."""
    body = json.loads((DATA / "date_rules.json").read_text("utf-8"))
    known = {(row.code, row.kind) for row in db.session.execute(select(DateRule.code, DateRule.kind))}
    for item in body["rules"]:
        if (item["code"], item["kind"]) not in known:
            db.session.add(DateRule(**item, set_at=clock.now()))


def _load_mandates() -> int:
    body = json.loads((DATA / "mandates_68_48.json").read_text("utf-8"))
    present = set(db.session.scalars(select(Mandate.key)))
    slugs = {row.slug: row.id for row in db.session.execute(select(Meeting.slug, Meeting.id))}
    new = [(n, item) for n, item in enumerate(body["mandates"], 1) if item["key"] not in present]
    ids = {item["key"]: uuid.uuid5(NAMESPACE, f"mandate:{item['key']}") for item in body["mandates"]}
    # one that precedes another points at it, so it comes after
    for position, item in sorted(new, key=lambda pair: "precedes" in pair[1]):
        db.session.add(Mandate(
            id=ids[item["key"]], key=item["key"], resolution=body["resolution"],
            adopted_on=date.fromisoformat(body["adopted_on"]), paragraph=item["paragraph"],
            rests_on=item.get("rests_on"), kind=item["kind"], year_printed=item["year_printed"],
            year_read=item["year_read"], year_reason=item.get("year_reason"),
            start_printed=_day(item.get("start_printed")), end_printed=_day(item.get("end_printed")),
            weeks=item.get("weeks"), place=item.get("place"), timing=item.get("timing"),
            precedes_id=ids[item["precedes"]] if "precedes" in item else None,
            language_read=body["language_read"], note=item.get("note"), position=position,
        ))
        db.session.flush()  # links and later mandates refer to this row
        for slug in item["meetings"]:
            if slug in slugs:
                db.session.add(MandateMeeting(mandate_id=ids[item["key"]], meeting_id=slugs[slug]))
    return len(new)
