"""What falls due with payments. Jobs make ready, remind and escalate; none of them signs or pays."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta

from flask_babel import lazy_gettext as _l
from sqlalchemy import or_, select

from core.db import db
from core.jobs import Due, Job
from sponsorship.awards.models import Award
from sponsorship.disbursements import mails, sanctions_service, service
from sponsorship.disbursements.claim_models import Claim
from sponsorship.disbursements.claim_states import DECIDED
from sponsorship.disbursements.models import Disbursement, Payee
from sponsorship.disbursements.settings import days
from sponsorship.disbursements.transitions import DONE

_ACTING = tuple(mails.ACTS)


def _to_make_ready(now: datetime, limit: int) -> list[Due]:
    rows = db.session.execute(
        select(Disbursement.id, Disbursement.due_at, Disbursement.reference)
        .where(Disbursement.state == "approved", Disbursement.due_at <= now)
        .order_by(Disbursement.due_at, Disbursement.id).limit(limit)
    )
    return [(r.id, r.due_at, r.reference) for r in rows]


def _to_remind(now: datetime, limit: int) -> list[Due]:
    ahead = timedelta(days=days("remind_days_before", now.date()))
    rows = db.session.execute(
        select(Disbursement.id, Disbursement.act_by, Disbursement.reference)
        .where(Disbursement.act_by <= now + ahead, Disbursement.reminded_at.is_(None),
               Disbursement.state.in_(_ACTING))
        .order_by(Disbursement.act_by, Disbursement.id).limit(limit)
    )
    return [(r.id, r.act_by - ahead, r.reference) for r in rows if r.act_by]


def _to_escalate(now: datetime, limit: int) -> list[Due]:
    rows = db.session.execute(
        select(Disbursement.id, Disbursement.act_by, Disbursement.reference)
        .where(Disbursement.act_by <= now, Disbursement.escalated_at.is_(None), Disbursement.state.in_(_ACTING))
        .order_by(Disbursement.act_by, Disbursement.id).limit(limit)
    )
    return [(r.id, r.act_by, r.reference) for r in rows if r.act_by]


def _to_tell_head(now: datetime, limit: int) -> list[Due]:
    after = timedelta(days=days("head_days_after_overdue", now.date()))
    rows = db.session.execute(
        select(Disbursement.id, Disbursement.act_by, Disbursement.reference)
        .where(Disbursement.act_by <= now - after, Disbursement.escalated_at.is_not(None),
               Disbursement.head_told_at.is_(None), Disbursement.state.in_(_ACTING))
        .order_by(Disbursement.act_by, Disbursement.id).limit(limit)
    )
    return [(r.id, r.act_by + after, r.reference) for r in rows if r.act_by]


def _to_close(now: datetime, limit: int) -> list[Due]:
    still_open = select(Disbursement.award_id).where(Disbursement.state.not_in(DONE))
    rows = db.session.execute(
        select(Award.id, Award.travel_to, Award.reference)
        .where(Award.state == "accepted", Award.travel_to < now.date(), Award.id.not_in(still_open),
               Award.id.in_(select(Disbursement.award_id)),
               Award.id.in_(select(Claim.award_id).where(Claim.state.in_(DECIDED))))
        .order_by(Award.travel_to, Award.id).limit(limit)
    )
    return [(r.id, datetime.combine(r.travel_to + timedelta(days=1), time(), UTC), r.reference) for r in rows]


def _ready(item: uuid.UUID, now: datetime) -> str:
    return "ready" if service.make_ready(item, now) else "no longer due"


def _ready_many(items: Sequence[uuid.UUID], now: datetime) -> dict[uuid.UUID, str]:
    return {item: "ready" if done else "no longer due" for item, done in service.make_ready_many(items, now).items()}


def _remind(item: uuid.UUID, now: datetime) -> str:
    return "reminded" if service.remind(item, now) else "no longer due"


def _escalate(item: uuid.UUID, now: datetime) -> str:
    return "told" if service.escalate(item, now) else "no longer due"


def _tell_head(item: uuid.UUID, now: datetime) -> str:
    return "told" if service.tell_head(item, now) else "no longer due"


def _close(item: uuid.UUID, now: datetime) -> str:
    return "closed" if service.close_award(item, now) else "no longer due"


def _to_screen(now: datetime, limit: int) -> list[Due]:
    holds = sanctions_service.current_list()
    if holds is None:
        return []
    rows = db.session.execute(
        select(Payee.id, Award.reference).join(Award, Award.id == Payee.award_id)
        .where(Payee.state.in_(("entered", "verified")),
               or_(Payee.screened_list_id.is_(None), Payee.screened_list_id != holds.id,
                   Payee.screened_version != Payee.data_version))
        .order_by(Payee.id).limit(limit))
    return [(r.id, holds.imported_at, r.reference) for r in rows]


def _screen(item: uuid.UUID, _now: datetime) -> str:
    return "to be looked at" if sanctions_service.screen(item) else "compared"


JOBS = [
    Job("disbursements-ready", _l("Make approved payments ready on their date"), 60, _to_make_ready, _ready,
        batch=500, together=_ready_many),
    Job("disbursements-remind", _l("Remind officers of payments that should move on"), 300, _to_remind, _remind),
    Job("disbursements-escalate", _l("Tell officers and their alternates of overdue payments"), 300, _to_escalate,
        _escalate),
    Job("disbursements-head", _l("Tell the head of the fund of payments still overdue"), 300, _to_tell_head,
        _tell_head),
    Job("payees-screen", _l("Compare payees with the Security Council’s list"), 300, _to_screen, _screen),
    Job("awards-close", _l("Close awards when travel is over and everything is settled"), 3600, _to_close, _close),
]
