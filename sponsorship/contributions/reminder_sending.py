"""What falls due with pledges: instalments whose day has passed, and the letters that recall them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, time, timedelta

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from core import events
from core.actor import system
from core.db import command, db, lock
from core.jobs import Due, Job
from sponsorship.contributions.models import Pledge
from sponsorship.contributions.pledge_changes import fall_due
from sponsorship.contributions.reminder_settings import reminder_days
from sponsorship.contributions.reminder_words import send_letter
from sponsorship.contributions.reminders import donor_by_id, letters
from sponsorship.contributions.transitions import OPEN

REMINDERS = system("pledge-reminders")


def letters_due(now: datetime, limit: int) -> list[Due]:
    """Letters to be sent at `now`, the one that waits longest first."""
    days = reminder_days()
    found = [(letter.donor.id, letter.since(days), letter.lines[0].pledge.reference)
             for letter in letters(now.date()) if letter.may_leave(now)]
    return sorted(found, key=lambda item: (item[1], item[0]))[:limit]


@command
def remind(donor_id: uuid.UUID, now: datetime) -> str:
    """Send a donor its letter, if that is due; a word for the record of the run."""
    donor = donor_by_id(donor_id)
    if donor is None:
        return "no longer due"
    for pledge_id in sorted(line.pledge.id for letter in letters(now.date(), donor) for line in letter.lines):
        lock(Pledge, pledge_id)
    # looked at again, now that nobody else can change it
    letter = next((found for found in letters(now.date(), donor) if found.may_leave(now)), None)
    if letter is None:
        return "no longer due"
    sent = send_letter(letter, now)
    for line in letter.lines:
        line.pledge.reminders, line.pledge.reminded_at = max(line.pledge.reminders, line.step), now
        events.record(REMINDERS, "contributions.pledge.remind", "pledge", line.pledge.id,
                      data={"due": line.due_on.isoformat(), "left_minor": line.left.minor, "step": line.step,
                            "letters": sent})
    return "sent" if sent else "no address"


def overdue(now: datetime, limit: int) -> list[Due]:
    """Pledges with an instalment whose day has passed unpaid and that are not called overdue yet, the oldest first."""
    waiting = tuple(state for state in OPEN if state != "overdue")
    rows = db.session.execute(
        select(Pledge.id, Pledge.next_due_on, Pledge.reference)
        .where(Pledge.state.in_(waiting), Pledge.next_due_on < now.date())
        .order_by(Pledge.next_due_on, Pledge.id).limit(limit))
    return [(row.id, datetime.combine(row.next_due_on + timedelta(days=1), time(), UTC), row.reference)
            for row in rows if row.next_due_on is not None]


JOBS = [
    Job("pledges-overdue", _l("Calls pledges overdue when an instalment’s day has passed unpaid"), 900, overdue,
        lambda item, now: "overdue" if fall_due(item, now) else "no longer due"),
    Job("pledge-reminders", _l("Reminds donors of what is due: one letter to a donor for all its pledges"), 3600,
        letters_due, remind),
]
