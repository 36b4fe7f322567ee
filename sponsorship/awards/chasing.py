"""Obligations that wait too long: first the officers who act next and their alternates are told, then the head of the
fund. Notice only: nobody's authority moves. Days are dated settings."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from pathlib import Path

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import String, and_, cast, or_, select

from accounts.permissions import Contact, alternates_with, people_with
from core.dated import DatedSettings
from core.db import command, db
from core.jobs import Due
from core.outbox import send_mail
from core.web.formats import format_day
from core.web.links import absolute
from sponsorship.awards.approvals import Approval
from sponsorship.awards.models import Award
from sponsorship.awards.service import lock_award
from sponsorship.awards.transitions import AWARD

SETTINGS = DatedSettings(Path(__file__).resolve().parent / "data" / "approval_settings.json")
# state -> the signature since which it waits, and who signs next
WAITS = {"selected": ("award.decided", "obligation.certify"), "certified": ("award.certified", "obligation.approve")}
HEAD = "award.decide"


def _days(key: str, now: datetime) -> timedelta:
    return timedelta(days=int(SETTINGS.on(key, now.date()).value))


def _mark(award: Award) -> str:
    """Of what one is told once: this state in this round."""
    return f"{award.state}:{award.round}"


def _waiting(now: datetime, after: timedelta, limit: int, told: object) -> list[Due]:
    since = or_(*(and_(Award.state == state, Approval.step == step) for state, (step, _who) in WAITS.items()))
    rows = db.session.execute(
        select(Award.id, Approval.at, Award.reference)
        .join(Approval, and_(Approval.subject_type == "award", Approval.subject_id == Award.id,
                             Approval.round == Award.round))
        .where(since, Approval.at <= now - after, told).order_by(Approval.at, Award.id)  # type: ignore[arg-type]
        .limit(limit)).all()
    return [(row.id, row.at + after, row.reference) for row in rows]


def _not_told(column: object) -> object:
    mark = Award.state + ":" + cast(Award.round, String)
    return or_(column.is_(None), column != mark)  # type: ignore[attr-defined]


def to_chase(now: datetime, limit: int) -> list[Due]:
    """Obligations of which the officers are to be told."""
    return _waiting(now, _days("obligation_days", now), limit, _not_told(Award.chased_for))


def to_tell_head(now: datetime, limit: int) -> list[Due]:
    """Obligations of which the head is to be told."""
    after = _days("obligation_days", now) + _days("obligation_head_days", now)
    return _waiting(now, after, limit, _not_told(Award.head_told_for))


def _since(award: Award) -> datetime | None:
    step = WAITS[award.state][0] if award.state in WAITS else None
    return db.session.scalar(select(Approval.at).where(
        Approval.subject_type == "award", Approval.subject_id == award.id, Approval.round == award.round,
        Approval.step == step))


@command
def chase(award_id: uuid.UUID, now: datetime) -> bool:
    """Tell once those who act next, and their alternates. False when it is no longer due."""
    award = lock_award(award_id)
    since = _since(award)
    if since is None or since + _days("obligation_days", now) > now or award.chased_for == _mark(award):
        return False
    award.chased_for = _mark(award)
    permission = WAITS[award.state][1]
    _write(people_with(permission) + alternates_with(permission), award, since, "obligation-waits")
    return True


@command
def tell_head(award_id: uuid.UUID, now: datetime) -> bool:
    """Tell the head of the fund once. False when it is no longer due."""
    award = lock_award(award_id)
    since, after = _since(award), _days("obligation_days", now) + _days("obligation_head_days", now)
    if since is None or since + after > now or award.head_told_for == _mark(award):
        return False
    award.head_told_for = _mark(award)
    _write(people_with(HEAD), award, since, "obligation-overdue")
    return True


def _write(contacts: list[Contact], award: Award, since: datetime, kind: str) -> None:
    for contact in {contact.person_id: contact for contact in contacts}.values():
        with force_locale(contact.locale):
            state = str(AWARD.state(award.state).label)
            send_mail(
                contact.email, kind=kind, subject=_("Waits: %(reference)s, %(state)s", reference=award.reference,
                                                    state=state),
                body=_("The obligation of award %(reference)s stands at “%(state)s” since %(day)s. The offer cannot "
                       "leave before it is certified and approved.", reference=award.reference, state=state,
                       day=format_day(since.date()))
                + "\n\n" + _("This mail informs you; it gives nobody another’s authority.")
                + "\n\n" + absolute("awards.award_page", id=award.id) + "\n",
                dedupe_key=f"{kind}:{award.id}:{_mark(award)}:{contact.person_id}")
