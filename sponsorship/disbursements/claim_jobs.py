"""What falls due after a journey."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, or_, select

from core.db import db
from core.jobs import Due, Job
from sponsorship.awards.models import Award
from sponsorship.awards.transitions import ENDED
from sponsorship.disbursements import claim_recovery, claim_service, late_service
from sponsorship.disbursements.claim_models import Claim, DelegateReport, Recovery
from sponsorship.disbursements.claim_states import DECIDED
from sponsorship.disbursements.late_models import LateClaim
from sponsorship.disbursements.models import Disbursement
from sponsorship.disbursements.settings import days


def _to_open(now: datetime, limit: int) -> list[Due]:
    paid = select(Disbursement.award_id).where(Disbursement.state == "confirmed",
                                               Disbursement.kind.in_(("dsa_advance", "terminal")))
    planned = select(Disbursement.award_id)
    rows = db.session.execute(
        select(Award.id, Award.travel_to, Award.reference)
        .where(or_((Award.state == "accepted") & (Award.travel_to < now.date()) & Award.id.in_(planned),
                   Award.state.in_(ENDED) & Award.id.in_(paid)),
               Award.id.not_in(select(Claim.award_id)))
        .order_by(Award.travel_to, Award.id).limit(limit))
    return [(r.id, now, r.reference) for r in rows]


def _claims(now: datetime, limit: int, ahead: timedelta, column: str) -> list[Due]:
    done = getattr(Claim, column)
    rows = db.session.execute(
        select(Claim.id, Claim.due_at, Claim.reference)
        .where(Claim.state == "wanted", Claim.due_at <= now + ahead, done.is_(None))
        .order_by(Claim.due_at, Claim.id).limit(limit))
    return [(r.id, r.due_at - ahead, r.reference) for r in rows]


def _to_remind(now: datetime, limit: int) -> list[Due]:
    return _claims(now, limit, timedelta(days=days("claim_remind_days_before", now.date())), "reminded_at")


def _to_escalate(now: datetime, limit: int) -> list[Due]:
    return _claims(now, limit, timedelta(0), "escalated_at")


def _reports(now: datetime, limit: int) -> list[Due]:
    ahead = timedelta(days=days("claim_remind_days_before", now.date()))
    rows = db.session.execute(
        select(DelegateReport.id, DelegateReport.due_at, Award.reference)
        .join(Award, Award.id == DelegateReport.award_id)
        .where(DelegateReport.state == "awaited", DelegateReport.due_at <= now + ahead,
               DelegateReport.reminded_at.is_(None))
        .order_by(DelegateReport.due_at, DelegateReport.id).limit(limit))
    return [(r.id, r.due_at - ahead, r.reference) for r in rows]


def _recoveries(now: datetime, limit: int) -> list[Due]:
    rows = db.session.execute(
        select(Recovery.id, Recovery.remind_at, Recovery.reference)
        .where(Recovery.state == "asked", Recovery.remind_at <= now)
        .order_by(Recovery.remind_at, Recovery.id).limit(limit))
    return [(r.id, r.remind_at, r.reference) for r in rows]


def _late(now: datetime, limit: int) -> list[Due]:
    at = func.coalesce(LateClaim.remind_at, LateClaim.asked_at)
    rows = db.session.execute(
        select(LateClaim.id, at.label("at"), Claim.reference).join(Claim, Claim.id == LateClaim.claim_id)
        .where(LateClaim.state.in_(("asked", "decided")), at <= now).order_by(at, LateClaim.id).limit(limit))
    return [(r.id, r.at, r.reference) for r in rows]


def _to_settle(now: datetime, limit: int) -> list[Due]:
    rows = db.session.execute(
        select(Award.id, Award.reference).distinct()
        .join(Disbursement, Disbursement.award_id == Award.id)
        .where(Disbursement.state == "confirmed",
               Award.id.in_(select(Claim.award_id).where(Claim.state.in_(DECIDED))),
               Award.id.not_in(select(Recovery.award_id).where(Recovery.state == "asked")))
        .order_by(Award.id).limit(limit))
    return [(r.id, now, r.reference) for r in rows]


def _settle(item: uuid.UUID, now: datetime) -> str:
    return f"{claim_recovery.settle_due(item)} settled"


def _word(done: bool, yes: str) -> str:
    return yes if done else "no longer due"


JOBS = [
    Job("claims-open", _l("Ask for the claim and the report once a journey is over"), 3600, _to_open,
        lambda item, now: _word(claim_service.open_claim(item, now), "opened")),
    Job("claims-remind", _l("Remind States of claims about to fall due"), 3600, _to_remind,
        lambda item, now: _word(claim_service.remind(item, now), "reminded")),
    Job("claims-escalate", _l("Tell States and officers of overdue claims"), 3600, _to_escalate,
        lambda item, now: _word(claim_service.escalate(item, now), "told")),
    Job("reports-remind", _l("Remind States of delegates’ reports about to fall due"), 3600, _reports,
        lambda item, now: _word(claim_recovery.remind_report(item, now), "reminded")),
    Job("recoveries-remind", _l("Remind of money to be paid back"), 3600, _recoveries,
        lambda item, now: _word(claim_recovery.remind(item, now), "reminded")),
    Job("late-claims-remind", _l("Remind officers of late claims that wait for them"), 3600, _late,
        lambda item, now: _word(late_service.remind(item, now), "reminded")),
    Job("disbursements-settle", _l("Settle payments whose claim is decided"), 3600, _to_settle, _settle),
]
