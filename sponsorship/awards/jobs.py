"""What falls due with awards."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from core.db import db
from core.jobs import Due, Job
from sponsorship.awards import chasing
from sponsorship.awards.answer_service import end_reserve, lapse, remind_offer
from sponsorship.awards.models import Award
from sponsorship.awards.queries import offers_to_lapse, reserves_to_end

REMIND_BEFORE = timedelta(days=3)


def _offers_to_remind(now: datetime, limit: int) -> list[Due]:
    rows = db.session.execute(
        select(Award.id, Award.offer_expires_at, Award.reference)
        .where(Award.state == "offered", Award.offer_reminded_at.is_(None), Award.offer_expires_at > now,
               Award.offer_expires_at <= now + REMIND_BEFORE)
        .order_by(Award.offer_expires_at, Award.id).limit(limit)
    )
    return [(r.id, r.offer_expires_at - REMIND_BEFORE, r.reference) for r in rows if r.offer_expires_at]


def _word(yes: str) -> dict[bool, str]:
    return {True: yes, False: "no longer due"}


def _remind(item: uuid.UUID, now: datetime) -> str:
    return _word("reminded")[remind_offer(item, now)]


def _lapse(item: uuid.UUID, now: datetime) -> str:
    return _word("lapsed")[lapse(item, now)]


def _end(item: uuid.UUID, now: datetime) -> str:
    return _word("ended")[end_reserve(item, now)]


def _chase(item: uuid.UUID, now: datetime) -> str:
    return _word("told")[chasing.chase(item, now)]


def _tell_head(item: uuid.UUID, now: datetime) -> str:
    return _word("told")[chasing.tell_head(item, now)]


JOBS = [
    Job("offers-remind", _l("Remind States of offers about to lapse"), 300, _offers_to_remind, _remind),
    Job("offers-lapse", _l("Lapse offers without an answer; the next on the reserve list moves up"), 60,
        offers_to_lapse, _lapse),
    Job("obligations-chase", _l("Tell officers and their alternates of obligations that wait"), 300,
        chasing.to_chase, _chase),
    Job("obligations-head", _l("Tell the head of the fund of obligations that still wait"), 300,
        chasing.to_tell_head, _tell_head),
    Job("reserve-lists-end", _l("Close reserve lists whose day of travel has come"), 3600, reserves_to_end, _end),
]
