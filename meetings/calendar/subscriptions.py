"""People's own feeds: a secret address of which the digest is kept. What is wanted may change without a new address."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from accounts.models import Person
from core import clock, events
from core.actor import Actor
from core.db import command, db, new_id
from core.errors import NotFound, SignInNeeded, Stale
from meetings.calendar.date_models import CalendarSubscription
from meetings.calendar.feed_filters import FeedFilter, from_stored
from meetings.calendar.models import CalendarStamp
from meetings.calendar.stamp import EMPTY, Stamp


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _person(actor: Actor) -> uuid.UUID:
    """Every signed-in person may have a feed of the public calendar. Raises SignInNeeded."""
    if actor.person_id is None:
        raise SignInNeeded()
    return actor.person_id


def _standing(person_id: uuid.UUID) -> CalendarSubscription | None:
    return db.session.scalar(
        select(CalendarSubscription).where(CalendarSubscription.person_id == person_id,
                                           CalendarSubscription.revoked_at.is_(None)).with_for_update()
        .execution_options(populate_existing=True))


@command
def make(actor: Actor, wanted: FeedFilter, *, by_mail: bool = False) -> str:
    """A new secret for this person's feed, shown once; the one before no longer works. Raises SignInNeeded."""
    person_id = _person(actor)
    now = clock.real_now()
    if (before := _standing(person_id)) is not None:
        before.revoked_at = now
        db.session.flush()
    token = secrets.token_urlsafe(32)
    row = CalendarSubscription(
        id=new_id(), person_id=person_id, token_sha256=_digest(token), wanted=wanted.stored, by_mail=by_mail,
        made_at=now, changed_at=now, version=1)
    db.session.add(row)
    events.record(actor, "calendar.subscription.make", "calendar_subscription", row.id)
    return token


@command
def change(actor: Actor, wanted: FeedFilter, *, by_mail: bool, expected_version: int | None = None) -> None:
    """The same address brings something else from now on. Raises SignInNeeded, NotFound, Stale."""
    row = _standing(_person(actor))
    if row is None:
        raise NotFound()
    if expected_version is not None and row.version != expected_version:
        raise Stale()
    if (row.wanted, row.by_mail) == (wanted.stored, by_mail):
        return
    row.wanted, row.by_mail, row.version = wanted.stored, by_mail, row.version + 1
    row.changed_at = max(clock.real_now(), row.changed_at + timedelta(seconds=1))
    events.record(actor, "calendar.subscription.change", "calendar_subscription", row.id)


@command
def revoke(actor: Actor) -> bool:
    """The address no longer works; False when there was none. Raises SignInNeeded."""
    row = _standing(_person(actor))
    if row is None:
        return False
    row.revoked_at = clock.real_now()
    events.record(actor, "calendar.subscription.revoke", "calendar_subscription", row.id)
    return True


@dataclass(frozen=True, slots=True)
class Subscription:
    """A person's feed as its page shows it."""

    made_at: datetime
    version: int
    by_mail: bool
    wanted: FeedFilter


def subscription_of(person_id: uuid.UUID | None) -> Subscription | None:
    """The feed that stands; None without one. One query."""
    if person_id is None:
        return None
    row = db.session.scalar(select(CalendarSubscription).where(
        CalendarSubscription.person_id == person_id, CalendarSubscription.revoked_at.is_(None)))
    return Subscription(row.made_at, row.version, row.by_mail, from_stored(row.wanted)) if row else None


@dataclass(frozen=True, slots=True)
class Behind:
    """What stands behind a secret, and the stamp of what it brings."""

    id: uuid.UUID
    version: int
    wanted: FeedFilter
    stamp: Stamp


def behind(token: str) -> Behind:
    """The feed behind a secret, with the calendar's stamp, in one query over three rows. Raises NotFound for a secret
    that is unknown or revoked, and for somebody who may not sign in any more."""
    row = db.session.execute(
        select(CalendarSubscription.id, CalendarSubscription.version, CalendarSubscription.wanted,
               CalendarSubscription.changed_at, CalendarStamp.number, CalendarStamp.changed_at.label("stamped"))
        .join(Person, Person.id == CalendarSubscription.person_id)
        .outerjoin(CalendarStamp, CalendarStamp.id == 1)
        .where(CalendarSubscription.token_sha256 == _digest(token), CalendarSubscription.revoked_at.is_(None),
               Person.active)
    ).first()
    if row is None:
        raise NotFound()
    stamped = row.stamped or EMPTY
    return Behind(row.id, row.version, from_stored(row.wanted),
                  Stamp(row.number or 0, max(stamped, row.changed_at).astimezone(UTC)))
