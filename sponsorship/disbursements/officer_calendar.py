"""An officer's own calendar: each step of each payment that this person's roles may take, by its instant; claims to
settle; the days on which panels meet. The address is a secret; the database keeps its digest only.

RFC 5545: every entry has an identifier that never changes, a SEQUENCE that rises with each change, and stays as
CANCELLED when its payment is cancelled. No names, no amounts, no bank data.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from flask_babel import force_locale
from flask_babel import gettext as _
from icalendar import Calendar, Event, vText
from sqlalchemy import select, update

from accounts.models import Person
from accounts.permissions import allows, require
from accounts.queries import names
from core import clock, events
from core.actor import Actor, person
from core.db import command, db, new_id
from core.errors import NotFound
from core.office import begin_of_day
from core.web.links import absolute
from sponsorship.applications.officer_queries import panel_days
from sponsorship.awards.models import Award
from sponsorship.disbursements.claim_models import Claim
from sponsorship.disbursements.models import Disbursement
from sponsorship.disbursements.plan_models import OfficerCalendar
from sponsorship.disbursements.words import KIND_LABELS

MOST = 2000
KEPT = timedelta(days=400)  # what fell due longer ago leaves the feed
LASTS = timedelta(minutes=30)
# step -> permission, the column of its instant, states in which it is already done
STEPS = {
    "request": ("disbursement.request", "request_by", ("draft", "held")),
    "certify": ("disbursement.certify", "certify_by", ("draft", "held", "requested")),
    "approve": ("disbursement.approve", "approve_by", ("draft", "held", "requested", "certified")),
    "release": ("disbursement.release", "due_at", ("draft", "held", "requested", "certified", "approved", "ready")),
}


OF_PANELS = ("call.manage", "panel.recommend", "award.decide")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@command
def make(actor: Actor) -> str:
    """A new secret for the feed of this person, shown once; the one before no longer works. Raises NotAllowed."""
    require(actor, "disbursement.view_all")
    assert actor.person_id is not None
    _revoke(actor.person_id)
    token = secrets.token_urlsafe(32)
    row = OfficerCalendar(id=new_id(), person_id=actor.person_id, token_sha256=_digest(token),
                          made_at=clock.real_now())
    db.session.add(row)
    db.session.flush()
    events.record(actor, "disbursements.calendar.make", "officer_calendar", row.id)
    return token


@command
def revoke(actor: Actor) -> bool:
    """The address no longer works; False when there was none. Raises NotAllowed."""
    require(actor, "disbursement.view_all")
    assert actor.person_id is not None
    found = _revoke(actor.person_id)
    if found is not None:
        events.record(actor, "disbursements.calendar.revoke", "officer_calendar", found)
    return found is not None


def _revoke(person_id: uuid.UUID) -> uuid.UUID | None:
    found = db.session.scalar(select(OfficerCalendar.id).where(
        OfficerCalendar.person_id == person_id, OfficerCalendar.revoked_at.is_(None)))
    db.session.execute(update(OfficerCalendar).where(
        OfficerCalendar.person_id == person_id, OfficerCalendar.revoked_at.is_(None))
        .values(revoked_at=clock.real_now()))
    return found


def standing(person_id: uuid.UUID | None) -> datetime | None:
    """When this person's address was made; None without one."""
    if person_id is None:
        return None
    return db.session.scalar(select(OfficerCalendar.made_at).where(
        OfficerCalendar.person_id == person_id, OfficerCalendar.revoked_at.is_(None)))


@dataclass(frozen=True)
class Entry:
    """One step in the calendar; `at` is when it should be done at the latest."""

    uid: str
    sequence: int
    at: datetime
    created: datetime
    changed: datetime
    cancelled: bool
    done: bool
    summary: str
    url: str
    day: date | None = None  # a whole day at the fund's seat instead of an instant


def feed(token: str) -> bytes:
    """The calendar behind a secret, in its person's language. Raises NotFound for a secret that is unknown or revoked,
    and for somebody who is no officer any more."""
    row = db.session.execute(
        select(OfficerCalendar.person_id, OfficerCalendar.id, Person.locale)
        .join(Person, Person.id == OfficerCalendar.person_id)
        .where(OfficerCalendar.token_sha256 == _digest(token), OfficerCalendar.revoked_at.is_(None), Person.active)
    ).first()
    if row is None or not allows(person(row.person_id), "disbursement.view_all"):
        raise NotFound()
    with force_locale(row.locale):
        return build(entries_of(person(row.person_id)), row.id)


def entries_of(actor: Actor) -> list[Entry]:
    """Every step this person may take, at most `MOST` payments, the latest first; and when panels meet, for those who
    call, recommend and decide. Four queries."""
    steps = [(step, column, waiting) for step, (permission, column, waiting) in STEPS.items()
             if allows(actor, permission)]
    since = clock.now() - KEPT
    found: list[Entry] = []
    if steps:
        rows = db.session.scalars(
            select(Disbursement).where(Disbursement.due_at >= since).order_by(Disbursement.due_at.desc())
            .limit(MOST)).all()
        states = names({row.organisation_id for row in rows})
        for row in rows:
            for step, column, waiting in steps:
                found.append(_payment(row, step, getattr(row, column), row.state not in waiting,
                                      states.get(row.organisation_id, "")))
    if allows(actor, "claim.settle"):
        claims = db.session.execute(
            select(Claim, Award.reference).join(Award, Award.id == Claim.award_id).where(Claim.due_at >= since)
            .order_by(Claim.due_at.desc()).limit(MOST)).all()
        found += [
            Entry(f"{claim.id}-settle@placard", claim.version, claim.due_at, claim.opened_at,
                  claim.decided_at or claim.opened_at, False, claim.decided_at is not None,
                  _("Settle the travel claim %(reference)s", reference=claim.reference),
                  absolute("claims.claim_page", id=claim.id)) for claim, _award in claims]
    if any(allows(actor, permission) for permission in OF_PANELS):
        found += [
            Entry(f"{call.id}-panel@placard", call.version, begin_of_day(call.panel_meets_on), call.created_at,
                  call.created_at, call.state == "cancelled", call.state in ("recommended", "decided"),
                  _("The panel meets: call %(reference)s", reference=call.reference),
                  absolute("calls.manage", id=call.id), call.panel_meets_on) for call in panel_days(since.date(), MOST)]
    return found


def _payment(row: Disbursement, step: str, at: datetime, done: bool, state: str) -> Entry:
    words = {"reference": row.reference, "kind": KIND_LABELS[row.kind], "state": state}
    summary = {
        "request": _("Request %(reference)s: %(kind)s, %(state)s", **words),
        "certify": _("Certify %(reference)s: %(kind)s, %(state)s", **words),
        "approve": _("Approve %(reference)s: %(kind)s, %(state)s", **words),
        "release": _("Release %(reference)s: %(kind)s, %(state)s", **words),
    }[step]
    cancelled = row.state == "cancelled"
    changed = row.settled_at or row.released_at or row.created_at
    return Entry(f"{row.id}-{step}@placard", row.version, at, row.created_at, changed, cancelled,
                 done and not cancelled, summary, absolute("disbursements.disbursement_page", id=row.id))


def _event(entry: Entry) -> Event:
    event = Event()
    event.add("uid", entry.uid)
    event.add("dtstamp", entry.changed.astimezone(UTC).replace(microsecond=0))
    event.add("created", entry.created.astimezone(UTC).replace(microsecond=0))
    event.add("last-modified", entry.changed.astimezone(UTC).replace(microsecond=0))
    event.add("sequence", entry.sequence)
    if entry.day is not None:
        event.add("dtstart", entry.day)
        event.add("dtend", entry.day + timedelta(days=1))
    else:
        event.add("dtstart", (entry.at - LASTS).astimezone(UTC).replace(microsecond=0))
        event.add("dtend", entry.at.astimezone(UTC).replace(microsecond=0))
    summary = entry.summary
    if entry.cancelled:
        summary = _("Cancelled: %(what)s", what=summary)
    elif entry.done:
        summary = _("Done: %(what)s", what=summary)
    event.add("summary", " ".join(summary.split()))
    event.add("url", entry.url)
    event.add("status", "CANCELLED" if entry.cancelled else "CONFIRMED")
    event.add("transp", "TRANSPARENT")
    event.add("class", "PRIVATE")
    return event


def build(entries: list[Entry], calendar_id: uuid.UUID) -> bytes:
    """The calendar's bytes: CRLF, lines folded at 75 octets, UTF-8."""
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", f"-//Placard//{_('Payments and claims')}//EN")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add("uid", str(calendar_id))
    calendar.add("name", vText(_("Placard: what I am to do")))
    calendar.add("x-wr-calname", vText(_("Placard: what I am to do")))
    calendar.add("refresh-interval", timedelta(hours=1), parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT1H")
    for entry in entries:
        calendar.add_component(_event(entry))
    made: bytes = calendar.to_ical()
    return made
