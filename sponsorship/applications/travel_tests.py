"""Whether a nominee's passport and visa are good for the journey: met, not met, or not known yet. Only the answer
leaves this module for the mission and the officers, never the number, the class or the day."""

from __future__ import annotations

import calendar
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import select

from core import clock, vault
from core.db import db
from meetings.calendar.queries import MeetingRow
from sponsorship.applications.paper_models import NomineePassport
from sponsorship.applications.paper_settings import days, setting
from sponsorship.applications.queries import NomineeRow

VISA_CLASSES: dict[str, Any] = {
    "not_needed": _l("No visa is needed"),
    "g2": _l("G-2"),
    "g1": _l("G-1"),
    "b1": _l("B-1"),
    "waiver": _l("Visa waiver (such as ESTA)"),
    "short_stay": _l("Short stay (such as Schengen C)"),
    "other": _l("Another class"),
}


@dataclass(frozen=True)
class Passport:
    """What a nominee gave. Confidential: for the nominee's own page and for the tests below only."""

    number: str | None
    expires: date | None
    visa_class: str | None
    visa_held: bool
    visa_day: date | None


@dataclass(frozen=True)
class Test:
    """`met` is None while it cannot be told. `rule` is the test in words. `code`: passport or visa."""

    what: Any
    met: bool | None
    rule: str
    code: str


def add_months(day: date, months: int) -> date:
    """The same day `months` later, or the last of that month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def passport_of(nominee_id: uuid.UUID) -> Passport | None:
    """What the nominee gave; None when nothing was, or once it is erased."""
    return passports_of([nominee_id]).get(nominee_id)


def passports_of(nominee_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Passport]:
    """Of many nominees, in two queries."""
    rows = db.session.scalars(select(NomineePassport).where(NomineePassport.nominee_id.in_(set(nominee_ids)))).all()
    vault.preload([row.subject_id for row in rows])
    return {row.nominee_id: _opened(row) for row in rows}


def _opened(row: NomineePassport) -> Passport:
    def words(sealed: str | None) -> dict[str, Any]:
        text = vault.unseal(row.subject_id, sealed)
        found: dict[str, Any] = json.loads(text) if text else {}
        return found

    def day(text: str | None) -> date | None:
        return date.fromisoformat(text) if text else None

    passport, visa = words(row.passport_sealed), words(row.visa_sealed)
    return Passport(passport.get("number"), day(passport.get("expires")), visa.get("class"), bool(visa.get("held")),
                    day(visa.get("day")))


def passport_needed_until(back: date) -> date:
    """The first day on which a passport may expire for a journey that ends on `back`."""
    return add_months(back, days("passport_months_after_return", clock.today()))


def tests_of(nominee: NomineeRow, meeting: MeetingRow, given: Passport | None) -> list[Test]:
    """The tests of one nominee, against the journey (or the meeting's days, while that is not known)."""
    back, away = nominee.travel_to or meeting.end_date, nominee.travel_from or meeting.start_date
    today = clock.today()
    months = days("passport_months_after_return", today)
    passport = None
    if given is not None and given.expires is not None and back is not None:
        passport = given.expires >= passport_needed_until(back)
    lead = days("visa_days_before_departure", today)
    return [
        Test(_("Passport"), passport, ngettext(
            "Valid for at least one month after the day of return.",
            "Valid for at least %(num)s months after the day of return.", months), "passport"),
        Test(_("Visa"), _visa(given, meeting, away, lead), _(
            "Of a class that fits the host country, and held or with an appointment at least %(days)s days before "
            "departure.", days=lead), "visa"),
    ]


def _visa(given: Passport | None, meeting: MeetingRow, away: date | None, lead: int) -> bool | None:
    if given is None or given.visa_class is None:
        return None
    key = "visa_classes_us" if meeting.country_code == "US" else "visa_classes"
    if given.visa_class not in setting(key, clock.today()):
        return False
    if given.visa_held or given.visa_class in ("not_needed", "waiver"):
        return True
    if given.visa_day is None or away is None:
        return None
    return given.visa_day <= away - timedelta(days=lead)
