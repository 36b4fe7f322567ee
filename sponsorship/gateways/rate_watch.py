"""Rates of currencies in use that run out: on the fund manager's desk every day, and by mail when it first shows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime

from flask import url_for
from flask_babel import force_locale, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from accounts.desk import DeskItem, register_source
from accounts.permissions import people_with
from core import clock
from core.actor import Actor
from core.db import command
from core.jobs import sweep
from core.outbox import send_mail
from core.web.formats import format_day
from core.web.links import absolute
from sponsorship.gateways.rate_sources import find_source
from sponsorship.gateways.rates import covered_until, currencies_in_use

WARN_DAYS = 7


@dataclass(frozen=True)
class RunningOut:
    """A currency in use and the last day it has a rate for; None: it has none today."""

    currency: str
    until: date | None


def running_out(day: date) -> list[RunningOut]:
    """Currencies in use without a rate on `day`, or whose last day is at most WARN_DAYS away; the most pressing first.
    Later rates that are on record already count."""
    covered = covered_until(currencies_in_use(), day, WARN_DAYS + 1)
    found = [RunningOut(code, until) for code, until in covered.items()
             if until is None or (until - day).days <= WARN_DAYS]
    return sorted(found, key=lambda row: (row.until or date.min, row.currency))


def what_to_import(day: date, rows: list[RunningOut]) -> str:
    """What to do about rates that run out, in words."""
    needed = max((row.until or day for row in rows), default=day)
    return _("Import %(wanted)s", wanted=find_source().wanted_for(needed))


def title(rows: list[RunningOut]) -> str:
    """What has run out, or else does so soon, in one sentence."""
    ends = [row.until for row in rows if row.until]
    gone = [row.currency for row in rows if row.until is None]
    codes = ", ".join(gone or [row.currency for row in rows])
    if gone:
        return ngettext("%(codes)s has no exchange rate that may be used", "No exchange rate may be used for %(codes)s",
                        len(gone), codes=codes)
    return ngettext("The exchange rate of %(codes)s expires after %(day)s",
                    "The exchange rates of %(codes)s expire soon, the first after %(day)s",
                    len(ends), codes=codes, day=format_day(min(ends)))


def _parts(rows: list[RunningOut]) -> list[list[RunningOut]]:
    parts = [row for row in rows if row.until is None], [row for row in rows if row.until]
    return [part for part in parts if part]


def desk_items(_actor: Actor) -> list[DeskItem]:
    """Rates that have run out, and rates that soon will."""
    day = clock.today()
    return [
        DeskItem(title=title(part), url=url_for("rates.import_form"), due=part[0].until or day,
                 what=what_to_import(day, part), tone="attention")
        for part in _parts(running_out(day))
    ]


def register() -> None:
    """Called once by app.py."""
    register_source("rates.manage", desk_items)


@command
def write_to_managers(now: datetime) -> int:
    """Mail to those who import rates, once for each thing that has run out or soon will; how many things."""
    day = now.date()
    parts = _parts(running_out(day))
    for part in parts:
        mark = ",".join(f"{row.currency}{row.until or ''}" for row in part)
        digest = hashlib.sha256(mark.encode()).hexdigest()[:16]
        for contact in people_with("rates.manage"):
            with force_locale(contact.locale):
                send_mail(
                    contact.email, kind="rates-expiring", subject=title(part),
                    body=_("%(title)s.\n\n%(what)s. Until then amounts in these currencies cannot be put on the books "
                           "once their rate has expired.", title=title(part), what=what_to_import(day, part))
                    + "\n\n" + absolute("rates.import_form") + "\n",
                    dedupe_key=f"rates-expiring:{digest}:{contact.person_id.hex}",
                )
    return len(parts)


JOBS = [
    sweep("rates-expiring", _l("Tells the fund manager when exchange rates in use run out"), 86_400,
          lambda now: f"{write_to_managers(now)} to tell"),
]
