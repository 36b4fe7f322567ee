"""Rules for a second approving officer: proposed by one person, agreed to by another, ended in the same way."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime

from flask import url_for
from flask_babel import gettext as _
from sqlalchemy import or_, select

from accounts.desk import DeskItem, register_source
from accounts.permissions import require
from accounts.queries import person_labels
from core import clock, events
from core.actor import Actor
from core.db import command, db, get, lock, new_id
from core.errors import RuleBroken, Stale
from core.machines import State
from core.money import Money, usd
from core.web.formats import format_money
from sponsorship.awards.models import Award
from sponsorship.disbursements.models import KINDS, Disbursement
from sponsorship.disbursements.rule_models import ApprovalRule
from sponsorship.disbursements.words import KIND_LABELS
from sponsorship.ledger.models import Lot, ReservationLine
from sponsorship.ledger.queries import list_pools, pools_by_ids


def rule_for(row: Disbursement) -> uuid.UUID | None:
    """The rule in force today that asks for a second approving officer of this payment, the strictest; None."""
    today = clock.today()
    reservation = get(Award, row.award_id).reservation_id
    pools = select(Lot.pool_id).join(ReservationLine, ReservationLine.lot_id == Lot.id).where(
        ReservationLine.reservation_id == reservation)
    return db.session.scalar(
        select(ApprovalRule.id).where(
            ApprovalRule.agreed.is_(True), ApprovalRule.valid_from <= today,
            or_(ApprovalRule.valid_to.is_(None), ApprovalRule.valid_to > today),
            ApprovalRule.from_minor <= row.amount_minor,
            or_(ApprovalRule.kind.is_(None), ApprovalRule.kind == row.kind),
            or_(ApprovalRule.pool_id.is_(None), ApprovalRule.pool_id.in_(pools)))
        .order_by(ApprovalRule.from_minor, ApprovalRule.id).limit(1))


@command
def propose(
    actor: Actor, *, kind: str | None, pool_id: uuid.UUID | None, from_minor: int, valid_from: date,
) -> uuid.UUID:
    """Propose a rule. Raises RuleBroken (amount, day in the past), NotAllowed."""
    require(actor, "approval.rules.propose")
    if kind is not None and kind not in KINDS:
        raise RuleBroken(_("Choose a kind from the list."), code="approval_rule.kind", field="kind")
    if from_minor < 0:
        raise RuleBroken(_("Write an amount of zero or more."), code="approval_rule.amount", field="amount")
    if valid_from < clock.today():
        raise RuleBroken(_("A rule holds from today at the earliest: what was certified before stands."),
                         code="approval_rule.past", field="valid_from")
    if pool_id is not None and pool_id not in pools_by_ids([pool_id]):
        raise RuleBroken(_("Choose a pool from the list."), code="approval_rule.pool", field="pool")
    assert actor.person_id is not None
    row = ApprovalRule(id=new_id(), kind=kind, pool_id=pool_id, from_minor=from_minor, valid_from=valid_from,
                       proposed_by=actor.person_id, proposed_at=clock.now(), version=1)
    db.session.add(row)
    db.session.flush()  # the event speaks of it
    events.record(actor, "disbursements.rule.propose", "approval_rule", row.id, data={
        "kind": kind, "pool": str(pool_id) if pool_id else None, "from_minor": from_minor,
        "valid_from": valid_from.isoformat()})
    return row.id


@command
def decide(actor: Actor, rule_id: uuid.UUID, expected_version: int, agree: bool) -> None:
    """Agree to a proposed rule, or refuse it. Raises RuleBroken (own proposal), Stale, NotAllowed."""
    require(actor, "approval.rules.agree")
    row = lock(ApprovalRule, rule_id, expected_version)
    if row.decided_by is not None:
        raise Stale()
    _another(actor, row.proposed_by)
    row.decided_by, row.decided_at, row.agreed = actor.person_id, clock.now(), agree
    row.version += 1
    events.record(actor, f"disbursements.rule.{'agree' if agree else 'refuse'}", "approval_rule", row.id)


@command
def ask_end(actor: Actor, rule_id: uuid.UUID, expected_version: int, end_on: date) -> None:
    """Ask that a rule no longer hold from `end_on`. Raises RuleBroken (not in force, day), Stale, NotAllowed."""
    require(actor, "approval.rules.propose")
    row = lock(ApprovalRule, rule_id, expected_version)
    if not row.agreed or row.valid_to is not None:
        raise RuleBroken(_("Only a rule that holds can be ended."), code="approval_rule.not_in_force")
    if end_on < max(clock.today(), row.valid_from):
        raise RuleBroken(_("Choose today or a later day."), code="approval_rule.past", field="end_on")
    row.end_on, row.end_asked_by = end_on, actor.person_id
    row.version += 1
    events.record(actor, "disbursements.rule.ask_end", "approval_rule", row.id, data={"end_on": end_on.isoformat()})


@command
def decide_end(actor: Actor, rule_id: uuid.UUID, expected_version: int, agree: bool) -> None:
    """Agree that a rule ends, or keep it. Raises RuleBroken (own request), Stale, NotAllowed."""
    require(actor, "approval.rules.agree")
    row = lock(ApprovalRule, rule_id, expected_version)
    if row.end_asked_by is None or row.valid_to is not None:
        raise Stale()
    _another(actor, row.end_asked_by)
    if agree:
        row.valid_to, row.end_agreed_by = row.end_on, actor.person_id
    else:
        row.end_on = row.end_asked_by = None
    row.version += 1
    events.record(actor, f"disbursements.rule.{'end' if agree else 'keep'}", "approval_rule", row.id)


def _another(actor: Actor, first: uuid.UUID) -> None:
    if actor.person_id == first:
        raise RuleBroken(_("You asked for it. Another person must agree."), code="approval_rule.same_person")


# --- pages ------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class RuleRow:
    """A rule with names; `waits` is rule, end or None: on what a second person must decide."""

    id: uuid.UUID
    version: int
    kind: str
    pool: str
    amount: Money
    valid_from: date
    valid_to: date | None
    end_on: date | None
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    end_asked_by: str | None
    end_agreed_by: str | None
    status: State
    waits: str | None
    asker: uuid.UUID | None


def _status(row: ApprovalRule, today: date) -> State:
    if row.agreed is None:
        return State("proposed", _("Proposed, waits for a second person"), "attention")
    if not row.agreed:
        return State("refused", _("Refused"), "stopped")
    if row.valid_to is not None and row.valid_to <= today:
        return State("ended", _("Ended"), "neutral")
    if row.end_asked_by is not None and row.valid_to is None:
        return State("ending", _("Holds; its end waits for a second person"), "attention")
    return State("later", _("Holds later"), "waiting") if row.valid_from > today else State("holds", _("Holds"), "done")


def rule_rows(limit: int = 500) -> list[RuleRow]:
    """Rules, the newest first. Three queries."""
    rows = db.session.scalars(select(ApprovalRule).order_by(ApprovalRule.proposed_at.desc()).limit(limit)).all()
    pools = pools_by_ids({r.pool_id for r in rows if r.pool_id})
    names = person_labels({p for r in rows for p in (r.proposed_by, r.decided_by, r.end_asked_by, r.end_agreed_by)})
    today = clock.today()

    def name(person: uuid.UUID | None) -> str | None:
        return names.get(person) if person else None

    found = []
    for r in rows:
        waits = "rule" if r.agreed is None else "end" if r.agreed and r.end_asked_by and r.valid_to is None else None
        found.append(RuleRow(
            r.id, r.version, str(KIND_LABELS[r.kind]) if r.kind else _("every kind"),
            pools[r.pool_id].name if r.pool_id else _("every pool"), usd(r.from_minor), r.valid_from, r.valid_to,
            r.end_on, name(r.proposed_by) or "", r.proposed_at, name(r.decided_by), name(r.end_asked_by),
            name(r.end_agreed_by), _status(r, today), waits, r.proposed_by if waits == "rule" else r.end_asked_by))
    return found


def pool_choices() -> list[tuple[str, str]]:
    return [(str(pool.id), pool.name) for pool in list_pools()]


def _to_agree(actor: Actor) -> list[DeskItem]:
    return [DeskItem(_("Second approving officer from %(amount)s", amount=_amount(row)),
                     url_for("disbursements.approval_rules"), row.valid_from if row.waits == "rule" else row.end_on,
                     _("Agree to the rule, or refuse it") if row.waits == "rule"
                     else _("Agree to end the rule, or keep it"))
            for row in rule_rows(50) if row.waits and row.asker != actor.person_id]


def _amount(row: RuleRow) -> str:
    return format_money(row.amount)


def register() -> None:
    """Called once by app.py."""
    register_source("approval.rules.agree", _to_agree)
