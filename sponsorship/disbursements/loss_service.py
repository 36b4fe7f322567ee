"""Money of a payment that is gone. The bank admits that an earlier round was paid after all, while a later one has
left, was paid in part or was cancelled; or cash is lost, stolen or short. One person says so, which holds at once
what has not left; another agrees, and only then do the books move.

Of what the bank paid, so much as a payment that has not left was to pay counts as that payment; what is beyond was paid
twice: the pool bears it, and it is asked back from the payee. Lost cash leaves its payment as it is: the payee is still
paid, out of cash that replaces it.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta

from flask_babel import gettext as _
from sqlalchemy import func, select

from accounts.permissions import require
from core import clock, events
from core.actor import Actor, system
from core.db import command, db, get, lock, locked, new_id
from core.errors import RuleBroken
from core.files import CheckedUpload, keep
from core.references import next_reference
from sponsorship.awards.models import Award
from sponsorship.disbursements import claim_mails, loss_mails
from sponsorship.disbursements.answer_models import BankAnswer, Handover
from sponsorship.disbursements.answer_service import free_if_ended, reopen
from sponsorship.disbursements.cash_models import CASH
from sponsorship.disbursements.claim_models import Recovery
from sponsorship.disbursements.claim_payments import next_reminder
from sponsorship.disbursements.claim_states import RECOVERY
from sponsorship.disbursements.loss_books import about
from sponsorship.disbursements.loss_models import OF_CASH, PAID_TWICE, LossReceipt, PaymentLoss, Withdrawal
from sponsorship.disbursements.models import Disbursement, Payee, PaymentLine
from sponsorship.disbursements.plan_service import back_to_draft
from sponsorship.disbursements.service import barred
from sponsorship.disbursements.settings import days
from sponsorship.disbursements.transitions import BACK, DISBURSEMENT, LOSS, PAID, UNDERWAY
from sponsorship.ledger import service as ledger
from sponsorship.ledger.bank_references import check_readable, check_unused, kept_as, one_form

ASK, ASK_CASH = "disbursement.confirm", "paymaster.pay"
REFUSALS = ("papers_differ", "papers_missing", "other")
_CLERK = system("disbursements")
_LIVE = ("accepted", "suspended")
_WAITS = ("draft", *UNDERWAY, "held", *BACK)


def _no_interest(award: Award, payee: Payee, actor: Actor) -> None:
    if actor.person_id in barred(award, payee, actor, "released"):
        raise RuleBroken(_("Whoever benefits from a payment, or kept its bank data, does not say what became of it."),
                         code="loss.interested")


def line_of(disbursement_id: uuid.UUID, round_: int) -> PaymentLine:
    """The line by which a round left. Raises RuleBroken."""
    found = db.session.scalars(select(PaymentLine).where(
        PaymentLine.disbursement_id == disbursement_id, PaymentLine.round == round_)).first()
    if found is None:
        raise RuleBroken(_("This payment did not leave in that round."), code="loss.round", field="round")
    return found


def unrecorded(row: Disbursement, line: PaymentLine) -> int:
    """What a round may have paid beyond what is on record, US cents; 0 while the bank's answer for it is awaited."""
    if row.round == line.round and row.state in PAID:
        left = row.short_minor
    elif row.round == line.round and row.state not in (*BACK, "cancelled"):
        return 0
    else:
        left = line.amount_minor
    known = db.session.execute(
        select(func.sum(PaymentLoss.settled_minor).label("settled"),
               func.sum(PaymentLoss.lost_minor).filter(PaymentLoss.state.in_(("agreed", "back"))).label("lost"))
        .where(PaymentLoss.disbursement_id == row.id, PaymentLoss.round == line.round,
               PaymentLoss.kind == PAID_TWICE)).one()
    return max(0, left - int(known.settled or 0) - int(known.lost or 0))


def _new(
    row: Disbursement, kind: str, round_: int, amount: int, actor: Actor, text: str, **more: object,
) -> PaymentLoss:
    if db.session.scalar(select(PaymentLoss.id).where(
            PaymentLoss.disbursement_id == row.id, PaymentLoss.state == "asked")) is not None:
        raise RuleBroken(_("Somebody has reported money of this payment already. Decide on that first."),
                         code="loss.open")
    assert actor.person_id is not None
    loss = PaymentLoss(
        id=new_id(), version=1, reference=next_reference("LOSS", clock.today().year), kind=kind,
        disbursement_id=row.id, round=round_, amount_minor=amount, state=LOSS.initial, asked_by=actor.person_id,
        asked_at=clock.now(), settled_minor=0, lost_minor=0, back_minor=0, **more)
    db.session.add(loss)
    db.session.flush()  # the events point at it
    data = {"kind": kind, "round": round_, "amount_minor": amount}
    events.record(actor, "disbursements.loss.ask", "payment_loss", loss.id, to_state=loss.state, text=text, data=data)
    events.record(actor, "disbursements.disbursement.loss", "disbursement", row.id, data={**data, "loss": str(loss.id)})
    row.version += 1  # a page opened before does not show it
    return loss


@command
def ask(
    disbursement_id: uuid.UUID, round_: int, bank_reference: str, text: str, actor: Actor, expected_version: int,
    amount_minor: int | None = None,
) -> uuid.UUID:
    """The bank admits that it paid an earlier round after all: `amount_minor` US cents beyond what is on record (all of
    it by default). From now on no later round, nor the payment of its rest, is released or handed over; officers are
    alarmed; the books wait for another person.

    Raises RuleBroken (no such round, amount, an answer awaited, an interested person, asked already), NotAllowed,
    Stale.
    """
    require(actor, ASK)
    award = lock(Award, get(Disbursement, disbursement_id).award_id)
    row = lock(Disbursement, disbursement_id, expected_version)
    _no_interest(award, lock(Payee, row.payee_id), actor)
    most = unrecorded(row, line := line_of(row.id, round_))
    if not most:
        raise RuleBroken(_("All that left in that round is on record as paid, or its answer is still awaited. Record "
                           "the bank’s answer instead."), code="loss.recorded", field="round")
    amount = most if amount_minor is None else amount_minor
    if not 0 < amount <= most:
        raise RuleBroken(_("More than left in that round and is not on record cannot have been paid."),
                         code="loss.amount", field="amount")
    reference = " ".join(bank_reference.split())
    if not reference:
        raise RuleBroken(_("Write the bank’s reference: it proves what the bank says."), code="answer.reference",
                         field="bank_reference")
    loss = _new(row, PAID_TWICE, line.round, amount, actor, text, bank_reference=reference)
    loss_mails.paid_before(row, loss)
    return loss.id


@command
def ask_cash(
    disbursement_id: uuid.UUID, kind: str, amount_minor: int, text: str, report: CheckedUpload | None, actor: Actor,
    expected_version: int,
) -> uuid.UUID:
    """A paymaster reports cash of a list as lost, stolen or short. Nothing moves before another person agrees; the
    payee is still to be paid.

    Raises RuleBroken (no such cash, amount, no report, an interested person, reported already), NotAllowed, Stale.
    """
    require(actor, ASK_CASH)
    award = lock(Award, get(Disbursement, disbursement_id).award_id)
    row = lock(Disbursement, disbursement_id, expected_version)
    _no_interest(award, lock(Payee, row.payee_id), actor)
    if row.rail != CASH or row.state != "sent":
        raise RuleBroken(_("No paymaster has cash of this payment now."), code="loss.no_cash")
    if kind not in OF_CASH:
        raise RuleBroken(_("Choose what happened."), code="loss.kind", field="kind")
    if not 0 < amount_minor <= row.amount_minor:
        raise RuleBroken(_("Of this payment at most its amount can be missing. Report what is missing of others "
                           "there."),
                         code="loss.amount", field="amount")
    if report is None and kind != "short":
        raise RuleBroken(_("Add the report: of the police, of security, or your own, signed."), code="loss.report",
                         field="report")
    loss = _new(row, kind, row.round, amount_minor, actor, text,
                report_file_id=keep(report, "loss-report", actor).id if report is not None else None)
    loss_mails.cash_missing(row, loss)
    return loss.id


def _decided(loss: PaymentLoss, action: str, actor: Actor, **more: object) -> None:
    with db.session.no_autoflush:  # who decided, sums and state belong to one statement
        loss.decided_by, loss.decided_at = actor.person_id, clock.now()
        LOSS.apply(loss, action, actor, data={"disbursement": str(loss.disbursement_id), "round": loss.round,
                                              "settled_minor": loss.settled_minor, "lost_minor": loss.lost_minor},
                   **more)  # type: ignore[arg-type]


def _may_decide(loss: PaymentLoss, award: Award, payee: Payee, actor: Actor) -> None:
    require(actor, LOSS.move(loss.state, "agree").permission)
    _no_interest(award, payee, actor)
    if actor.person_id == loss.asked_by:
        raise RuleBroken(_("You said so yourself. Another person must agree or refuse."), code="loss.same_person")


@command
def agree(loss_id: uuid.UUID, actor: Actor, expected_version: int) -> None:
    """A second person agrees; see above. What has not left is withdrawn with its file.

    Raises RuleBroken (the same person, an interested person, the bank's answer came meanwhile, a payment to be planned
    first), NotAllowed, Stale, IllegalMove.
    """
    found = get(PaymentLoss, loss_id)
    own = get(Disbursement, found.disbursement_id)
    files = _files_to_withdraw(own.award_id) if found.kind == PAID_TWICE else []
    ids = set(db.session.scalars(select(Disbursement.id).where(Disbursement.award_id == own.award_id)))
    ids |= set(db.session.scalars(select(PaymentLine.disbursement_id).where(PaymentLine.instruction_id.in_(files))))
    awards = {a.id: a for a in locked(Award, set(db.session.scalars(
        select(Disbursement.award_id).where(Disbursement.id.in_(ids)))))}
    rows = {row.id: row for row in locked(Disbursement, ids)}
    row = rows[found.disbursement_id]
    award = awards[row.award_id]
    payee = lock(Payee, row.payee_id)
    loss = lock(PaymentLoss, loss_id, expected_version)
    _may_decide(loss, award, payee, actor)
    line = line_of(row.id, loss.round)
    if loss.kind != PAID_TWICE:
        ledger.lose(line.spend_id, loss.amount_minor, key=f"loss:{loss.id}", actor=actor, subject=about(loss))
        loss.lost_minor = loss.amount_minor
        _decided(loss, "agree", actor)
        loss_mails.replace_cash(row, loss)
        return
    if loss.amount_minor > unrecorded(row, line):
        raise RuleBroken(_("The bank’s answer to this round has been recorded meanwhile. Refuse this."),
                         code="loss.recorded")
    _paid_before(loss, row, award, line, files, rows, awards, actor)


def _files_to_withdraw(award_id: uuid.UUID) -> list[uuid.UUID]:
    """Files that hold a released payment of the award and that the bank does not have."""
    return list(db.session.scalars(
        select(PaymentLine.instruction_id).join(Disbursement, (Disbursement.id == PaymentLine.disbursement_id)
                                                & (Disbursement.round == PaymentLine.round))
        .outerjoin(Handover, Handover.instruction_id == PaymentLine.instruction_id)
        .where(Disbursement.award_id == award_id, Disbursement.state == "released", Handover.instruction_id.is_(None))
        .order_by(PaymentLine.instruction_id)))


def _paid_before(
    loss: PaymentLoss, row: Disbursement, award: Award, line: PaymentLine,
    files: Sequence[uuid.UUID], rows: dict[uuid.UUID, Disbursement], awards: dict[uuid.UUID, Award], actor: Actor,
) -> None:
    chain = chain_of(row, [r for r in rows.values() if r.award_id == award.id])
    for instruction_id in files:
        in_it = {r[0]: r[1] for r in db.session.execute(select(PaymentLine.disbursement_id, PaymentLine.round).where(
            PaymentLine.instruction_id == instruction_id))}
        if any(r.id in in_it and r.round == in_it[r.id] and r.state == "released" for r in chain):
            _withdraw(instruction_id, in_it, rows, awards, loss, actor)
    if (award.state in _LIVE and row.state in (*BACK, "draft", *UNDERWAY)
            and line.amount_minor == row.amount_minor == loss.amount_minor):
        assert loss.bank_reference is not None
        # the release that holds it now is not later than the one that left: it stands as that round again
        reopen(row, loss.round, "paid_after_all", loss.bank_reference, actor, action="reopen")
        _decided(loss, "clear", actor)
        return
    _keep_word(row, loss, line)
    waits = next((r for r in reversed(chain) if r.state in _WAITS), None) if award.state in _LIVE else None
    if waits is not None:
        loss.settled_minor, loss.settles_id = _settle(waits, award, loss, actor), waits.id
    rest = loss.amount_minor - loss.settled_minor
    if rest:
        ledger.lose(line.spend_id, rest, key=f"loss:{loss.id}", actor=actor, subject=about(loss))
        loss.lost_minor = rest
    _decided(loss, "agree" if rest else "clear", actor)
    if rest:
        _ask_back(loss, award)


def chain_of(row: Disbursement, of_award: Sequence[Disbursement]) -> list[Disbursement]:
    """The payment, the one that pays its rest, the one that pays the rest of that."""
    found, following = [row], {r.follows_id: r for r in of_award if r.follows_id is not None and r.state != "cancelled"}
    while found[-1].id in following:
        found.append(following[found[-1].id])
    return found


def _withdraw(
    instruction_id: uuid.UUID, in_it: dict[uuid.UUID, int], rows: dict[uuid.UUID, Disbursement],
    awards: dict[uuid.UUID, Award], loss: PaymentLoss, actor: Actor,
) -> None:
    """The bank never gets this file: the money of all of its payments is reserved again, and each begins a new round,
    for signed bytes do not change."""
    db.session.add(Withdrawal(instruction_id=instruction_id, loss_id=loss.id, at=clock.now()))
    db.session.flush()
    events.record(actor, "disbursements.instruction.withdraw", "payment_instruction", instruction_id,
                  data={"loss": str(loss.id)})
    for row_id, round_ in sorted(in_it.items()):
        row = rows[row_id]
        if row.state != "released" or row.round != round_:
            continue
        assert row.spend_id is not None
        ledger.return_spend(row.spend_id, key=f"disbursement:{row.id}:{round_}:withdraw", actor=actor)
        with db.session.no_autoflush:
            row.spend_id = row.released_at = None
            back_to_draft(row, "withdraw", "file_withdrawn")
        free_if_ended(row, awards[row.award_id], actor)


def _keep_word(row: Disbursement, loss: PaymentLoss, line: PaymentLine) -> None:
    """The bank's word stands with its others."""
    assert loss.bank_reference is not None
    if db.session.scalar(select(BankAnswer.id).where(
            BankAnswer.disbursement_id == row.id, BankAnswer.round == line.round, BankAnswer.answer == "contradicted",
            BankAnswer.bank_reference == loss.bank_reference)) is not None:
        raise RuleBroken(_("This answer of the bank is recorded already. A new one has a reference of its own."),
                         code="answer.known", field="bank_reference")
    db.session.add(BankAnswer(
        id=new_id(), disbursement_id=row.id, round=line.round, answer="contradicted",
        bank_reference=loss.bank_reference, reason="paid_after_all", day=clock.today(), paid_minor=loss.amount_minor,
        fee_minor=0, fee_bearer="fund", exchange_minor=0, by_person=loss.asked_by, at=clock.now()))
    db.session.flush()


def _settle(waits: Disbursement, award: Award, loss: PaymentLoss, actor: Actor) -> int:
    """What this payment was to pay has been paid: it is spent and confirmed, and the payment is cancelled, or so much
    smaller. US cents."""
    due = waits.amount_minor - waits.short_minor
    paid = min(due, loss.amount_minor)
    if paid < due and waits.state in ("held", *BACK):
        raise RuleBroken(_("Plan %(reference)s again first, or wait for the meeting’s new dates: a part of it was "
                           "paid.",
                           reference=waits.reference), code="loss.plan_first")
    assert award.reservation_id is not None
    spend_id = ledger.spend(award.reservation_id, paid, key=f"loss:{loss.id}:spend", actor=actor, subject=about(loss),
                            even_if_stopped=True)
    ledger.confirm_spend(spend_id, key=f"loss:{loss.id}:confirm", actor=actor)
    with db.session.no_autoflush:
        if paid == due:
            waits.act_by = None
            DISBURSEMENT.apply(waits, "cancel", _CLERK, reason="paid_before", data={"loss": str(loss.id)})
            return paid
    if waits.state != "draft":
        back_to_draft(waits, "restart", "paid_before")
        db.session.flush()
    waits.amount_minor -= paid
    waits.version += 1
    return paid


def _ask_back(loss: PaymentLoss, award: Award) -> None:
    """Paid twice: the payee owes it."""
    now = clock.now()
    recovery = Recovery(
        id=new_id(), reference=next_reference("REC", now.year), loss_id=loss.id, award_id=award.id,
        organisation_id=award.organisation_id, state=RECOVERY.initial, version=1, amount_minor=loss.lost_minor,
        back_minor=0, asked_at=now, due_at=now + timedelta(days=days("recovery_due_days", now.date())),
        remind_at=next_reminder(now), reminders=0)
    db.session.add(recovery)
    db.session.flush()
    events.record(_CLERK, "disbursements.recovery.ask", "recovery", recovery.id, to_state=recovery.state,
                  data={"amount_minor": recovery.amount_minor, "loss": str(loss.id)})
    claim_mails.asked_back(award, recovery)


@command
def refuse(loss_id: uuid.UUID, reason: str, text: str, actor: Actor, expected_version: int) -> None:
    """A second person does not agree: nothing moves, and what was held goes on. Raises as `agree`."""
    row = get(Disbursement, get(PaymentLoss, loss_id).disbursement_id)
    award = lock(Award, row.award_id)
    lock(Disbursement, row.id)
    payee = lock(Payee, row.payee_id)
    loss = lock(PaymentLoss, loss_id, expected_version)
    LOSS.move(loss.state, "refuse")
    _may_decide(loss, award, payee, actor)
    if reason not in REFUSALS:
        raise RuleBroken(_("Choose a reason."), code="loss.reason", field="reason")
    _decided(loss, "refuse", actor, reason=reason, text=text)


@command
def found_again(
    loss_id: uuid.UUID, amount_minor: int, bank_reference: str, actor: Actor, expected_version: int,
) -> None:
    """Lost cash is on the fund's account again: found, or paid by whoever answers for it. What was paid twice comes
    back by its recovery instead.

    Raises RuleBroken (`loss.too_much`, `loss.by_recovery`, `bank.*`), NotAllowed, Stale, IllegalMove.
    """
    loss = lock(PaymentLoss, loss_id, expected_version)
    action = "record_rest" if amount_minor == loss.lost_minor - loss.back_minor else "record_part"
    require(actor, LOSS.move(loss.state, action).permission)
    if loss.kind == PAID_TWICE:
        raise RuleBroken(_("What was paid twice comes back by what was asked of its payee."), code="loss.by_recovery")
    if not 0 < amount_minor <= loss.lost_minor - loss.back_minor:
        raise RuleBroken(_("More than is missing cannot come back."), code="loss.too_much", field="amount")
    reference = one_form(bank_reference)
    check_readable(reference)
    check_unused(reference)
    assert actor.person_id is not None
    receipt = LossReceipt(id=new_id(), loss_id=loss.id, amount_minor=amount_minor, bank_reference=reference,
                          recorded_by=actor.person_id, recorded_at=clock.now())
    db.session.add(receipt)
    db.session.flush()  # its trigger asks what is open before this receipt
    came_back(loss, amount_minor, f"loss:{loss.id}:back:{receipt.id}", actor)


def _look(reference: str) -> str | None:
    return db.session.scalar(
        select(PaymentLoss.reference).join(LossReceipt, LossReceipt.loss_id == PaymentLoss.id)
        .where(LossReceipt.bank_reference == reference))


kept_as("losses", _look)


def came_back(loss: PaymentLoss, amount_minor: int, key: str, actor: Actor) -> None:
    """So many US cents of a locked loss are on the bank account again."""
    rest = amount_minor == loss.lost_minor - loss.back_minor
    ledger.loss_back(about(loss), amount_minor, key=key, actor=actor)
    with db.session.no_autoflush:  # sum and state belong to one statement
        loss.back_minor += amount_minor
        LOSS.apply(loss, "record_rest" if rest else "record_part", actor, data={"amount_minor": amount_minor})

