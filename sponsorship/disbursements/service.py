"""The payment's chain up to the release: requested, certified, approved, ready; and sent back."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from accounts.permissions import require
from core.actor import Actor, system
from core.db import command, db, get, lock, locked
from core.errors import RuleBroken
from meetings.calendar.models import Meeting
from sponsorship.awards import service as awards
from sponsorship.awards.approvals import sign, signatures
from sponsorship.awards.models import Award
from sponsorship.awards.travel_conditions import check_conditions
from sponsorship.disbursements import mails
from sponsorship.disbursements.cash_models import CASH
from sponsorship.disbursements.claim_reckoning import claim_state, is_decided
from sponsorship.disbursements.loss_books import check_not_paid_before
from sponsorship.disbursements.models import Disbursement, Payee
from sponsorship.disbursements.payee_needs import check_given
from sponsorship.disbursements.plan_service import back_to_draft, next_actor
from sponsorship.disbursements.rails import check_cash, check_rail
from sponsorship.disbursements.rules import rule_for
from sponsorship.disbursements.sanctions_service import check_clear, check_unblocked
from sponsorship.disbursements.settings import days
from sponsorship.disbursements.transitions import DISBURSEMENT, DONE

REASONS = ("amount_wrong", "payee_wrong", "rules_not_met", "papers_missing", "no_longer_needed", "other")
_NOT_PAYABLE = ("postponed", "cancelled")


def lock_chain(disbursement_id: uuid.UUID, expected_version: int | None = None) -> tuple[Disbursement, Award, Payee]:
    """The payment, its award and its payee, locked in the order everyone keeps (meeting, award, payment, payee)."""
    found = get(Disbursement, disbursement_id)  # its meeting, award and payee never change
    lock(Meeting, found.meeting_id)
    award = lock(Award, found.award_id)
    row = lock(Disbursement, disbursement_id, expected_version)
    return row, award, lock(Payee, found.payee_id)


def may(row: Disbursement, action: str, actor: Actor) -> None:
    """Raises IllegalMove or NotAllowed before anything is signed or spent."""
    require(actor, DISBURSEMENT.move(row.state, action).permission, row.organisation_id)


def barred(award: Award, payee: Payee, actor: Actor, step: str) -> frozenset[uuid.UUID]:
    """The person who travels and whoever gave the bank data; for approval and release also who verified it."""
    return awards.barred(award, actor) | keepers(payee, step)


def keepers(payee: Payee, step: str) -> frozenset[uuid.UUID]:
    """Whoever gave the bank data; for approval and release also who verified it."""
    found = {payee.entered_by, payee.verified_by if step in ("approved", "released") else None}
    return frozenset(person for person in found if person is not None)


def check_payable(
    award: Award, payee: Payee, row: Disbursement, unchecked: frozenset[uuid.UUID] | None = None
) -> None:
    """What must hold at every step: an accepted award of a meeting that takes place, and of the payee, verified, what
    the payment's rail needs. `unchecked` is what `awards.unchecked_nominees` said, where many are looked at
    together."""
    meeting = get(Meeting, row.meeting_id)
    if meeting.state in _NOT_PAYABLE:
        raise RuleBroken(_("The meeting is postponed or cancelled. Nothing is paid for it now."),
                         code="disbursement.meeting")
    if award.state != "accepted":
        raise RuleBroken(_("The award is no longer accepted, so it is not paid."), code="disbursement.award")
    awards.check_nominee(award, unchecked)
    check_given(payee, row)
    if row.rail == CASH:
        check_cash(row.meeting_id)
    if row.payee_data_version is not None and row.payee_data_version != payee.data_version:
        raise RuleBroken(_("The payee’s data has changed since the payment was requested."),
                         code="disbursement.payee_changed")


def _step(disbursement_id: uuid.UUID, action: str, step: str, actor: Actor, version: int) -> str:
    """Sign one step and move to the state that follows; returns the action taken. Certification notes whether a rule
    asks for a second approving officer; then the first of two leaves the payment certified."""
    row, award, payee = lock_chain(disbursement_id, version)
    may(row, action, actor)
    check_payable(award, payee, row)
    if row.kind == "ticket" and step in ("certified", "approved"):
        check_conditions(award)
    if step == "certified":
        check_clear(payee)
    elif step == "approved":
        check_unblocked([payee.id])
    signature = f"disbursement.{step}"
    if action == "approve" and row.second_rule_id is not None:
        first = all(s.step != signature for s in signatures("disbursement", row.id, row.round))
        action, signature = ("approve_first", signature) if first else (action, f"{signature}_second")
    signed = sign(signature, row.id, row.round, actor, barred=barred(award, payee, actor, step),
                  amount_minor=row.amount_minor)
    row.payee_data_version = payee.data_version
    data: dict[str, Any] = {"round": row.round, "amount_minor": row.amount_minor, **signed}
    if action == "certify":
        row.second_rule_id = rule_for(row)
        if row.second_rule_id is not None:
            data["second_rule"] = str(row.second_rule_id)
    next_actor(row, DISBURSEMENT.move(row.state, action).target)
    with db.session.no_autoflush:  # the rule and the state it holds from belong to one statement
        DISBURSEMENT.apply(row, action, actor, organisation_id=row.organisation_id, data=data)
    return action


@command
def request(disbursement_id: uuid.UUID, actor: Actor, expected_version: int) -> None:
    """Request the payment: first of four signatures, for the amount and the bank data as they stand.

    Raises RuleBroken (payee not verified, meeting postponed, beneficiary, claim not settled), NotAllowed, Stale,
    IllegalMove.
    """
    row = get(Disbursement, disbursement_id)
    if row.kind == "final" and claim_state(row.award_id) != "settled":
        raise RuleBroken(_("The final share is requested once the claim is settled: it may change."),
                         code="disbursement.claim")
    check_rail(row, get(Payee, row.payee_id))
    check_not_paid_before([row])
    _step(disbursement_id, "request", "requested", actor, expected_version)


@command
def certify(disbursement_id: uuid.UUID, actor: Actor, expected_version: int) -> None:
    """Certify: money, purpose and rules are right. Raises as `request`, and when the person signed before."""
    _step(disbursement_id, "certify", "certified", actor, expected_version)


@command
def approve(disbursement_id: uuid.UUID, actor: Actor, expected_version: int) -> str:
    """Approve: from now on it waits for its date, or for the second of two approving officers where a rule asks for
    one (`approve_first` is returned then, else `approve`). Raises as `certify`."""
    return _step(disbursement_id, "approve", "approved", actor, expected_version)


@command
def send_back(disbursement_id: uuid.UUID, actor: Actor, expected_version: int, reason: str, text: str) -> None:
    """Refuse to certify, approve or release: back to the start, in a new round of signatures.

    Raises NotAllowed, Stale, IllegalMove.
    """
    row, _award, _payee = lock_chain(disbursement_id, expected_version)
    action = {"requested": "refuse_certification", "certified": "refuse_approval"}.get(row.state, "refuse_release")
    may(row, action, actor)
    back_to_draft(row, action, reason, text=text, actor=actor)


@command
def make_ready(disbursement_id: uuid.UUID, now: datetime) -> bool:
    """Approved and its date has come: ready for the bank signatory. False when it is no longer due."""
    row, award, payee = lock_chain(disbursement_id)
    if row.state != "approved" or row.due_at > now:
        return False
    check_payable(award, payee, row)
    next_actor(row, "ready")
    DISBURSEMENT.apply(row, "make_ready", system("disbursements-ready"))
    return True


@command
def make_ready_many(disbursement_ids: Sequence[uuid.UUID], now: datetime) -> dict[uuid.UUID, bool]:
    """As `make_ready`, for many in one transaction: whether each became ready. One that may not is left out, so that it
    hinders no other."""
    found = db.session.execute(
        select(Disbursement.id, Disbursement.meeting_id, Disbursement.award_id, Disbursement.payee_id)
        .where(Disbursement.id.in_(disbursement_ids))).all()
    meetings = locked(Meeting, {row.meeting_id for row in found})  # held, so that looking at them again asks nobody
    held = {award.id: award for award in locked(Award, {row.award_id for row in found})}
    rows = locked(Disbursement, [row.id for row in found])
    payees = {payee.id: payee for payee in locked(Payee, {row.payee_id for row in found})}
    done = {row.id: False for row in rows if row.state != "approved" or row.due_at > now}
    moving = []
    unchecked = awards.unchecked_nominees(held.values())
    with db.session.no_autoflush:  # date and state of a payment belong to one statement
        for row in rows:
            if row.id in done:
                continue
            try:
                check_payable(held[row.award_id], payees[row.payee_id], row, unchecked)
            except RuleBroken:
                continue
            next_actor(row, "ready")
            moving.append(row)
        DISBURSEMENT.apply_many(moving, "make_ready", system("disbursements-ready"))
    del meetings
    return done | {row.id: True for row in moving}


@command
def remind(disbursement_id: uuid.UUID, now: datetime) -> bool:
    """Remind once those who act next, shortly before their time is up. False when it need not."""
    row = lock(Disbursement, disbursement_id)
    ahead = timedelta(days=days("remind_days_before", now.date()))
    if row.act_by is None or row.reminded_at is not None or row.act_by > now + ahead or row.state not in mails.ACTS:
        return False
    row.reminded_at = now
    if row.act_by > now:  # once overdue, the escalation says so
        mails.remind(row)
    return True


@command
def escalate(disbursement_id: uuid.UUID, now: datetime) -> bool:
    """Tell those who should have acted, and their alternates, once; where no alternate is designated, the head of the
    fund at once. Notice only: no authority moves."""
    row = lock(Disbursement, disbursement_id)
    if row.act_by is None or row.escalated_at is not None or row.act_by > now or row.state not in mails.ACTS:
        return False
    row.escalated_at = now
    if not mails.escalate(row):
        row.head_told_at = now
    return True


@command
def tell_head(disbursement_id: uuid.UUID, now: datetime) -> bool:
    """Some days after the alternates were told: tell the head of the fund, once. Notice only."""
    row = lock(Disbursement, disbursement_id)
    after = timedelta(days=days("head_days_after_overdue", now.date()))
    if (row.act_by is None or row.head_told_at is not None or row.escalated_at is None or row.act_by + after > now
            or row.state not in mails.ACTS):
        return False
    row.head_told_at = now
    mails.tell_head(row)
    return True


@command
def close_award(award_id: uuid.UUID, now: datetime) -> bool:
    """Travel is over, the claim is decided, everything is settled or cancelled: the award is closed. False when
    something is still open."""
    award = awards.lock_award(award_id)
    if award.state != "accepted" or award.travel_to >= now.date():
        return False
    states = db.session.scalars(select(Disbursement.state).where(Disbursement.award_id == award_id)).all()
    if not states or any(state not in DONE for state in states) or not is_decided(award_id):
        return False
    awards.close(award_id, system("awards-close"))
    return True
