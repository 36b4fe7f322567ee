"""Agreements that end: the fund manager is told in time what is unspent and what the letters say about it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from accounts.desk import DeskItem
from accounts.permissions import people_with
from accounts.queries import name as organisation_name
from accounts.service import in_language
from core import events
from core.actor import Actor, system
from core.clock import today
from core.db import command, db, lock
from core.events import Event
from core.jobs import Due, Job
from core.outbox import send_mail
from core.web.formats import format_day, format_money
from core.web.links import absolute
from sponsorship.contributions.agreement_queries import CLAUSES, money_of
from sponsorship.contributions.models import Agreement
from sponsorship.contributions.reminder_settings import notice_days

ENDS = system("agreements-ending")
TAG = "contributions.agreement.end-notice"


@dataclass(frozen=True)
class Ending:
    """An agreement whose notices have begun: how many of them have their day by now, how many were given."""

    id: uuid.UUID
    reference: str
    end_date: date
    step: int
    given: int


def _ending(day: date, only: Iterable[uuid.UUID] | None = None) -> list[Ending]:
    """Agreements within their first notice and not over yet, the one that ends first coming first."""
    days = notice_days()
    wanted = (
        select(Agreement.id, Agreement.reference, Agreement.end_date)
        .where(Agreement.end_date >= day, Agreement.end_date <= day + timedelta(days=days[0]))
        .order_by(Agreement.end_date, Agreement.id)
    )
    if only is not None:
        wanted = wanted.where(Agreement.id.in_(list(only)))
    rows = db.session.execute(wanted).all()
    given: dict[uuid.UUID, int] = {}
    for event in db.session.scalars(select(Event).where(
            Event.subject_type == "agreement", Event.subject_id.in_([row.id for row in rows]), Event.tag == TAG)):
        given[event.subject_id] = max(given.get(event.subject_id, 0), int(event.data["step"]))
    return [
        Ending(row.id, row.reference, row.end_date,
               sum(row.end_date - timedelta(days=before) <= day for before in days), given.get(row.id, 0))
        for row in rows if row.end_date is not None
    ]


def notices_due(now: datetime, limit: int) -> list[Due]:
    """Agreements of whose end the fund manager has not been told since the last of its days."""
    days = notice_days()
    return [
        (row.id, datetime.combine(row.end_date - timedelta(days=days[row.step - 1]), time(), UTC), row.reference)
        for row in _ending(now.date()) if row.step > row.given
    ][:limit]


@command
def give_notice(agreement_id: uuid.UUID, now: datetime) -> bool:
    """Write to the fund manager. False when that is no longer due. However many notices were missed, one is sent."""
    agreement = lock(Agreement, agreement_id)
    found = [row for row in _ending(now.date(), [agreement_id]) if row.step > row.given]
    if not found or agreement.end_date is None:
        return False
    (row,), unspent = found, money_of([agreement_id])[agreement_id].unspent
    events.record(ENDS, TAG, "agreement", agreement.id,
                  data={"step": row.step, "end": agreement.end_date.isoformat(), "unspent_minor": unspent.minor})
    for contact in people_with("contribution.agreement"):
        with in_language(contact.locale):
            send_mail(
                contact.email, kind="agreement.ends",
                dedupe_key=f"agreement:{agreement.id.hex}:end{row.step}:{contact.person_id.hex}",
                subject=_("%(reference)s of %(donor)s ends on %(day)s", reference=agreement.reference,
                          donor=organisation_name(agreement.organisation_id), day=format_day(agreement.end_date)),
                body=_("The contribution agreement %(reference)s with %(donor)s ends on %(day)s.\n\n"
                       "Unspent today: %(unspent)s, what is reserved for journeys included.\n%(clause)s\n\n"
                       "After that day no journey can be reserved from this money any more.\n\n%(link)s",
                       reference=agreement.reference, donor=organisation_name(agreement.organisation_id),
                       day=format_day(agreement.end_date), unspent=format_money(unspent),
                       clause=CLAUSES[agreement.refund_clause],
                       link=absolute("contributions.agreement", agreement_id=agreement.id)))
    return True


def desk_items(_actor: Actor) -> list[DeskItem]:
    """Agreements about to end, and those that have ended with money unspent."""
    day = today()
    first = day + timedelta(days=notice_days()[0])
    rows = list(db.session.scalars(
        select(Agreement).where(Agreement.end_date <= first).order_by(Agreement.end_date.desc(), Agreement.id)
        .limit(200)))
    money, found = money_of([row.id for row in rows]), []
    for row in rows:
        assert row.end_date is not None, "those without an end are not asked for"
        unspent, over = money[row.id].unspent, row.end_date < day
        if over and not unspent:
            continue
        words = {"reference": row.reference, "unspent": format_money(unspent)}
        found.append(DeskItem(
            title=_("%(reference)s has ended, unspent: %(unspent)s", **words) if over else
            _("%(reference)s ends, unspent: %(unspent)s", **words),
            url=url_for("contributions.agreement", agreement_id=row.id), due=row.end_date,
            what=CLAUSES[row.refund_clause], tone="attention" if over else "waiting",
        ))
    return found


JOBS = [
    Job("agreements-ending", _l("Tells the fund manager of agreements that end, and what is unspent"), 3600,
        notices_due, lambda item, now: "told" if give_notice(item, now) else "no longer due"),
]
