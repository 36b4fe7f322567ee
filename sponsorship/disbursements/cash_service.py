"""Cash paid by hand: a paymaster records what was handed over or not, a second person counts the same money, and only
then is the payment confirmed or its money reserved again."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import select

from accounts.permissions import require
from core import clock, events
from core.actor import Actor
from core.db import command, db, get, lock, new_id
from core.errors import IllegalMove, RuleBroken
from core.files import CheckedUpload, keep
from sponsorship.awards.approvals import Approval
from sponsorship.awards.models import Award
from sponsorship.disbursements import cash_mails
from sponsorship.disbursements.answer_service import BankFigures, money_back, paid_out
from sponsorship.disbursements.cash_models import CASH, CashCount
from sponsorship.disbursements.models import Disbursement, Payee, PaymentInstruction, PaymentLine
from sponsorship.disbursements.sanctions_service import check_unblocked
from sponsorship.disbursements.service import check_payable, lock_chain, may
from sponsorship.disbursements.stops import is_stopped, refuse_if_stopped
from sponsorship.disbursements.transitions import CASH_COUNT

PAY = "paymaster.pay"
REASONS = ("not_arrived", "papers_differ", "declined", "stopped", "other")
SIGNED = ("disbursement.approved", "disbursement.approved_second", "disbursement.released")


@dataclass(frozen=True)
class Handed:
    """What was handed to the payee, US cents, and what was seen before."""

    paid_minor: int
    passport_seen: bool
    boarding_pass_seen: bool


def receipt_of(row: Disbursement) -> str:
    """The number of the receipt: list and line, which nothing else bears."""
    number, n = db.session.execute(
        select(PaymentInstruction.number, PaymentLine.n)
        .join(PaymentLine, PaymentLine.instruction_id == PaymentInstruction.id)
        .where(PaymentLine.disbursement_id == row.id, PaymentLine.round == row.round)).one()
    return f"{number}/{n}"


def _lock(disbursement_id: uuid.UUID, actor: Actor, version: int | None) -> tuple[Disbursement, Award, Payee]:
    row, award, payee = lock_chain(disbursement_id, version)
    require(actor, PAY)
    if row.rail != CASH:
        raise RuleBroken(_("This payment is a transfer. No paymaster has it."), code="cash.transfer")
    return row, award, payee


def _other_hands(row: Disbursement, award: Award, payee: Payee, actor: Actor) -> None:
    if actor.person_id in (award.beneficiary_id, payee.entered_by):
        raise RuleBroken(_("Whoever is paid, or gave the payee’s data, does not count the money."),
                         code="cash.benefits")
    signed = db.session.scalars(select(Approval.person_id).where(
        Approval.subject_type == "disbursement", Approval.subject_id == row.id, Approval.round == row.round,
        Approval.step.in_(SIGNED))).all()
    if actor.person_id in signed:
        raise RuleBroken(_("Whoever approved or released the payment does not count the money."), code="cash.signed")


def _not_open(row: Disbursement) -> None:
    if db.session.scalar(select(CashCount.id).where(CashCount.disbursement_id == row.id,
                                                    CashCount.state == "counted")) is not None:
        raise RuleBroken(_("A count of this money waits for a second person. Agree to it, or take it back first."),
                         code="cash.open")


def _keep(row: Disbursement, actor: Actor, outcome: str, paid: int, reason: str | None = None,
          text: str | None = None, handed: Handed | None = None, file_id: uuid.UUID | None = None,
          despite: str | None = None) -> uuid.UUID:
    assert actor.person_id is not None
    count = CashCount(
        id=new_id(), version=1, disbursement_id=row.id, round=row.round, outcome=outcome, state=CASH_COUNT.initial,
        receipt=receipt_of(row), paid_minor=paid, back_minor=row.amount_minor - paid,
        passport_seen=handed is not None and handed.passport_seen,
        boarding_pass_seen=handed is not None and handed.boarding_pass_seen, receipt_file_id=file_id, reason=reason,
        despite=despite, counted_by=actor.person_id, counted_at=clock.now())
    db.session.add(count)
    db.session.flush()
    row.version += 1  # a page opened before shows another person's money
    events.record(actor, "disbursements.disbursement.count_cash", "disbursement", row.id, reason=reason, text=text,
                  data={"round": row.round, "count": str(count.id), "outcome": outcome, "paid_minor": paid,
                        "back_minor": count.back_minor, "receipt": count.receipt,
                        **({"despite": despite} if despite else {})})
    return count.id


def _check_may_leave(row: Disbursement, award: Award, payee: Payee) -> None:
    check_payable(award, payee, row)
    check_unblocked([payee.id])


def obstacle(disbursement_id: uuid.UUID) -> RuleBroken | None:
    """For pages: why this cash must not be handed over now, or None."""
    if is_stopped():
        return RuleBroken(_("All releases are stopped. Keep the cash until two people have restarted them."),
                          code="release.stopped")
    row = get(Disbursement, disbursement_id)
    try:
        _check_may_leave(row, get(Award, row.award_id), get(Payee, row.payee_id))
    except RuleBroken as refusal:
        return refusal
    return None


def _wrong_amount(row: Disbursement, paid_minor: int) -> RuleBroken | None:
    if 0 < paid_minor <= row.amount_minor:
        return None
    return RuleBroken(_("Hand over at most what the list says. If nothing is handed over, record that it was not "
                        "paid."), code="cash.amount", field="amount")


def _no_words() -> RuleBroken:
    return RuleBroken(_("Say in a sentence how it came to it."), code="cash.why", field="happened")


def refused(disbursement_id: uuid.UUID, paid_minor: int, happened: str) -> RuleBroken | None:
    """For the check page: what the command would say to this, as far as it lies with what was typed."""
    if wrong := _wrong_amount(get(Disbursement, disbursement_id), paid_minor):
        return wrong
    return _no_words() if not happened.strip() and obstacle(disbursement_id) else None


@command
def hand_out(
    disbursement_id: uuid.UUID, handed: Handed, receipt: CheckedUpload, actor: Actor, expected_version: int,
    happened: str | None = None,
) -> uuid.UUID:
    """A paymaster hands cash to the payee, after passport and boarding pass, against the signed receipt; less than the
    whole where the rest stays. It counts once a second person agrees.

    Money that left is never denied: what was handed over although it must not have been (releases stopped, the payee
    or the award no longer to be paid) is recorded with the words `happened` on how it came to it, and officers are
    told. Raises RuleBroken (papers not seen, amount, what forbids it while nothing `happened`, the same hands),
    NotAllowed, Stale, IllegalMove (no list that a paymaster has holds it).
    """
    row, award, payee = _lock(disbursement_id, actor, expected_version)
    may(row, "pay_cash", actor)
    _other_hands(row, award, payee, actor)
    _not_open(row)
    despite = None
    try:
        refuse_if_stopped()
        _check_may_leave(row, award, payee)
    except RuleBroken as refusal:
        if happened is None:
            raise
        despite = refusal.code or "other"
        if not happened.strip():
            raise _no_words() from refusal
    if not (handed.passport_seen and handed.boarding_pass_seen):
        raise RuleBroken(_("See the passport and the boarding pass before any money is handed over."),
                         code="cash.papers", field="passport")
    if wrong := _wrong_amount(row, handed.paid_minor):
        raise wrong
    count = _keep(row, actor, "confirmed", handed.paid_minor, text=happened if despite else None, handed=handed,
                  file_id=keep(receipt, "cash-receipt", actor).id, despite=despite)
    if despite:
        cash_mails.handed_over_despite(row, count)
    return count


@command
def not_paid(disbursement_id: uuid.UUID, reason: str, text: str, actor: Actor, expected_version: int) -> uuid.UUID:
    """The cash was not handed out: all of it is back. Its money is reserved again once a second person has counted it.
    Raises RuleBroken, NotAllowed, Stale, IllegalMove."""
    row, award, payee = _lock(disbursement_id, actor, expected_version)
    may(row, "return_cash", actor)
    _other_hands(row, award, payee, actor)
    _not_open(row)
    if reason not in REASONS:
        raise RuleBroken(_("Choose a reason."), code="cash.reason", field="reason")
    return _keep(row, actor, "returned", 0, reason, text)


def _lock_count(count_id: uuid.UUID, actor: Actor, version: int) -> tuple[CashCount, Disbursement, Award, Payee]:
    row, award, payee = _lock(get(CashCount, count_id).disbursement_id, actor, None)
    return lock(CashCount, count_id, version), row, award, payee


@command
def agree(count_id: uuid.UUID, amount_minor: int, actor: Actor, expected_version: int) -> None:
    """A second person has counted the same money: the payment is confirmed (what was left of it is reserved again and
    planned as a payment of its own), or its money is reserved again.

    Raises RuleBroken (the same person, another amount, the same hands), NotAllowed, Stale, IllegalMove.
    """
    count, row, award, payee = _lock_count(count_id, actor, expected_version)
    CASH_COUNT.move(count.state, "agree")
    if actor.person_id == count.counted_by:
        raise RuleBroken(_("You counted this money yourself. A second person must count it."), code="cash.same_person")
    _other_hands(row, award, payee, actor)
    if row.round != count.round:
        raise IllegalMove(code="cash_count.agree.other_round")
    if amount_minor != (count.paid_minor if count.outcome == "confirmed" else count.back_minor):
        raise RuleBroken(_("You counted another amount than the paymaster. Count together; if the record is wrong, "
                           "take it back; if money is missing, report it."), code="cash.differs", field="amount")
    with db.session.no_autoflush:  # who, how much and the state belong to one statement
        count.second_by, count.second_at, count.second_minor = actor.person_id, clock.now(), amount_minor
        CASH_COUNT.apply(count, "agree", actor, data={"disbursement": str(row.id), "amount_minor": amount_minor})
    db.session.flush()  # the payment's own trigger looks for it
    if count.outcome == "confirmed":
        paid_out(row, award, "pay_cash", count.receipt, actor, BankFigures(paid_minor=count.paid_minor))
    else:
        money_back(row, award, "return_cash", "returned", count.reason or "other", count.receipt, actor)


@command
def take_back(count_id: uuid.UUID, actor: Actor, expected_version: int) -> None:
    """The record is wrong: either of the two takes it back, and the money is counted anew. Raises NotAllowed, Stale,
    IllegalMove."""
    count, row, _award, _payee = _lock_count(count_id, actor, expected_version)
    with db.session.no_autoflush:
        count.second_by, count.second_at = actor.person_id, clock.now()
        CASH_COUNT.apply(count, "take_back", actor, data={"disbursement": str(row.id)})
    row.version += 1
