"""Release: one transaction holds signature, spending and the bytes of the instruction. Then the file is handed over."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from flask_babel import gettext as _
from sqlalchemy import select

from accounts.permissions import require
from core import clock, events, vault
from core.actor import Actor, system
from core.db import command, db, get, insert_rows, locked, new_id
from core.errors import NotFound, RuleBroken
from core.references import next_reference
from meetings.calendar.models import Meeting
from sponsorship.awards import service as awards
from sponsorship.awards.approvals import sign_many
from sponsorship.awards.models import Award
from sponsorship.disbursements.answer_models import Handover
from sponsorship.disbursements.answer_service import FAILURES, confirm, fail, plan_again
from sponsorship.disbursements.cash_models import CASH
from sponsorship.disbursements.instruction import CashLine, Instruction, Line, make, make_list
from sponsorship.disbursements.kept_models import KeptFile
from sponsorship.disbursements.loss_books import check_not_paid_before
from sponsorship.disbursements.loss_models import Withdrawal
from sponsorship.disbursements.models import Disbursement, Payee, PaymentInstruction, PaymentLine
from sponsorship.disbursements.payee_needs import paper_of
from sponsorship.disbursements.plan_service import next_actor
from sponsorship.disbursements.sanctions_service import check_unblocked
from sponsorship.disbursements.service import check_payable, keepers
from sponsorship.disbursements.stops import hold_back_if_stopped, refuse_if_stopped
from sponsorship.disbursements.transitions import DISBURSEMENT
from sponsorship.ledger import service as ledger

__all__ = ["FAILURES", "MOST_AT_ONCE", "confirm", "content_of", "download", "fail", "hand_over", "lost_in_restore",
           "plan_again", "release", "release_all"]
MOST_AT_ONCE = 500


@dataclass(frozen=True)
class Locked:
    """One payment about to be released, with what it hangs on."""

    row: Disbursement
    award: Award
    payee: Payee
    meeting: Meeting  # held, so that looking at it again asks nobody


def _lock_all(versions: Mapping[uuid.UUID, int]) -> list[Locked]:
    """Meetings, then awards, then payments, then payees: each in order of id."""
    found = db.session.execute(
        select(Disbursement.id, Disbursement.meeting_id, Disbursement.award_id, Disbursement.payee_id)
        .where(Disbursement.id.in_(list(versions)))).all()  # none of these ever changes
    if len(found) != len(versions):
        raise NotFound()
    meetings = locked(Meeting, {row.meeting_id for row in found})
    held = {award.id: award for award in locked(Award, {row.award_id for row in found})}
    rows = locked(Disbursement, versions, versions)
    payees = {payee.id: payee for payee in locked(Payee, {row.payee_id for row in found})}
    by_id = {meeting.id: meeting for meeting in meetings}
    return [Locked(row, held[row.award_id], payees[row.payee_id], by_id[row.meeting_id]) for row in rows]


def _line(item: Locked) -> Line:
    payee = item.payee
    opened = {
        name: vault.unseal(payee.id, getattr(payee, f"{name}_sealed")) or ""
        for name in ("holder", "bank_name", "bank_country", "account", "bic")
    }
    if not opened["holder"] or not opened["account"]:
        raise RuleBroken(_("The payee’s bank data is gone. Ask for it again."), code="disbursement.payee_erased")
    return Line(item.row.reference, opened["holder"], opened["bank_name"], opened["bank_country"], opened["account"],
                opened["bic"], item.row.amount_minor, f"{item.award.reference} {item.row.reference}")


def _cash_line(item: Locked) -> CashLine:
    """By the name in the paper, which the paymaster compares."""
    paper = paper_of(item.payee)
    if paper is None:
        raise RuleBroken(_("The payee’s identity is gone. Ask for it again."), code="disbursement.payee_erased")
    name = paper.name
    if name[0] in "=+-@":  # a list opened as a sheet must not compute
        name = f"'{name}"
    return CashLine(item.row.reference, name, paper.kind, paper.ending, item.row.amount_minor,
                    f"{item.award.reference} {item.row.reference}")


@command
def release(versions: Mapping[uuid.UUID, int], actor: Actor) -> uuid.UUID:
    """Release payments that are ready, all or none, into one signed instruction; returns the instruction.

    `versions` gives the version each payment was shown in. For each: the bank signatory signs, the money leaves its
    reservation, and the bytes that tell the bank are stored; all in this one transaction, so nothing is sent twice
    and nothing is lost. The meeting is looked at again. Raises RuleBroken (none chosen, before its date, meeting
    postponed, bank data changed, same person), NotAllowed, Stale, IllegalMove.
    """
    if not versions:
        raise RuleBroken(_("Choose at least one payment."), code="release.none", field="payments")
    if len(versions) > MOST_AT_ONCE:
        raise RuleBroken(_("Choose at most %(most)s payments at once.", most=MOST_AT_ONCE), code="release.too_many",
                         field="payments")
    require(actor, "disbursement.release")
    refuse_if_stopped()
    assert actor.person_id is not None  # a person: nobody else holds the permission
    now = clock.now()
    items = _lock_all(versions)
    rails = {item.row.rail for item in items}
    if len(rails) > 1:
        raise RuleBroken(_("Cash goes into a list of its own. Choose either transfers or payments in cash."),
                         code="release.two_rails", field="payments")
    rail = rails.pop()
    number = next_reference("CASH" if rail == CASH else "PAY", now.year)
    unchecked = awards.unchecked_nominees(item.award for item in items)
    for item in items:
        DISBURSEMENT.move(item.row.state, "release")
        check_payable(item.award, item.payee, item.row, unchecked)
        if item.row.due_at > now:
            raise RuleBroken(_("%(reference)s is not due yet.", reference=item.row.reference),
                             code="disbursement.too_early")
        if item.payee.frozen_until is not None and item.payee.frozen_until > now:
            raise RuleBroken(_("The bank data of %(reference)s was changed a short time ago. Nothing is released to it "
                               "before its cooling time is over.", reference=item.row.reference),
                             code="disbursement.cooling", field="payments")
    check_unblocked({item.payee.id for item in items})
    check_not_paid_before([item.row for item in items])
    more = sign_many("disbursement.released", {item.row.id: item.row.round for item in items}, actor,
                     barred=_barred(items, actor), most_minor=max(item.row.amount_minor for item in items))
    spends = ledger.spend_many([_order(item) for item in items], actor=actor)
    if rail == CASH:
        vault.preload([item.payee.id for item in items])
        made = make_list(number, now.date(), [_cash_line(item) for item in items])
    else:
        vault.preload([item.payee.id for item in items])
        made = make(number, now.date(), [_line(item) for item in items])
    instruction_id = _store(number, rail, made, items, spends, actor.person_id)
    with db.session.no_autoflush:
        for item, spend_id in zip(items, spends, strict=True):
            item.row.spend_id, item.row.released_at = spend_id, now
            item.row.bank_reference = item.row.settled_at = None
            next_actor(item.row, "released")
        DISBURSEMENT.apply_many([item.row for item in items], "release", actor, data=[
            {"round": item.row.round, "instruction": number, "amount_minor": item.row.amount_minor, **more}
            for item in items])
    return instruction_id


def _barred(items: list[Locked], actor: Actor) -> dict[uuid.UUID, frozenset[uuid.UUID]]:
    travel = awards.barred_many({item.award.id: item.award for item in items}.values(), actor)
    return {item.row.id: travel[item.award.id] | keepers(item.payee, "released") for item in items}


def release_all(versions: Mapping[uuid.UUID, int], actor: Actor) -> Iterator[uuid.UUID]:
    """Any number of payments in as many instructions as they need, each released by itself: what was released stands if
    a later one is refused. Raises as `release`."""
    cash = set(db.session.scalars(select(Disbursement.id).where(Disbursement.rail == CASH,
                                                                Disbursement.state == "ready")))
    for chosen in (versions.keys() - cash, cash):
        yield from _in_parts({key: version for key, version in versions.items() if key in chosen}, actor)


def _in_parts(versions: Mapping[uuid.UUID, int], actor: Actor) -> Iterator[uuid.UUID]:
    left = iter(versions.items())
    while part := dict(islice(left, MOST_AT_ONCE)):
        yield release(part, actor)
        db.session.expunge_all()  # however many there are, only one instruction's rows are held


def _order(item: Locked) -> ledger.Order:
    assert item.award.reservation_id is not None
    return ledger.Order(item.award.reservation_id, item.row.amount_minor,
                        f"disbursement:{item.row.id}:{item.row.round}", ("disbursement", item.row.id))


def _store(
    number: str, rail: str, made: Instruction, items: list[Locked], spends: list[uuid.UUID], person_id: uuid.UUID,
) -> uuid.UUID:
    instruction_id = new_id()  # known before the row: the bytes are sealed under it
    sealed = vault.seal(instruction_id, made.content.decode())
    assert sealed is not None
    db.session.add(PaymentInstruction(
        id=instruction_id, number=number, content_sealed=sealed, size=len(made.content), sha256=made.sha256,
        signature=made.signature, public_key=made.public_key, currency="USD", rail=rail,
        total_minor=sum(item.row.amount_minor for item in items), lines=len(items), created_at=clock.now(),
        recorded_at=clock.real_now(), released_by=person_id,
    ))
    db.session.flush()  # the lines point at it
    # `released` is only allowed to a payment that stands in an instruction
    insert_rows(PaymentLine, [
        {"id": new_id(), "instruction_id": instruction_id, "n": n, "disbursement_id": item.row.id,
         "round": item.row.round, "amount_minor": item.row.amount_minor, "spend_id": spend_id}
        for n, (item, spend_id) in enumerate(zip(items, spends, strict=True), 1)
    ])
    return instruction_id


@command
def download(instruction_id: uuid.UUID, actor: Actor) -> tuple[str, bytes]:
    """(file name, bytes) of an instruction: always the same bytes. Each download is an event.

    Raises NotAllowed, NotFound, RuleBroken when the stored bytes no longer match their digest; of a file that was not
    handed over, also while all releases are stopped, or when it must not leave (as `hand_over`).
    """
    require(actor, "disbursement.release")
    row = get(PaymentInstruction, instruction_id)
    if db.session.get(Handover, instruction_id) is None:
        hold_back_if_stopped()
        _check_may_leave(instruction_id, _released_in(instruction_id))
    content = content_of(row)
    events.record(actor, "disbursements.instruction.download", "payment_instruction", row.id,
                  data={"sha256": row.sha256})
    return f"{row.number}.csv", content


def content_of(row: PaymentInstruction) -> bytes:
    """The stored bytes, proven against their digest."""
    content = (vault.unseal(row.id, row.content_sealed) or "").encode()
    if hashlib.sha256(content).hexdigest() != row.sha256:
        raise RuleBroken(_("The stored file does not match its digest. Do not use it; tell the auditor."),
                         code="instruction.damaged")
    return content


def _released_in(instruction_id: uuid.UUID) -> list[Disbursement]:
    """Payments that still wait in this file, locked."""
    rounds: dict[uuid.UUID, int] = dict(db.session.execute(select(PaymentLine.disbursement_id, PaymentLine.round).where(
        PaymentLine.instruction_id == instruction_id)).all())
    return [row for row in locked(Disbursement, rounds) if row.state == "released" and row.round == rounds[row.id]]


def _check_may_leave(instruction_id: uuid.UUID, rows: list[Disbursement]) -> None:
    if db.session.get(KeptFile, instruction_id) is not None:
        raise RuleBroken(_("An officer keeps this file back: it must never leave. The bank must not get it."),
                         code="instruction.kept")
    if db.session.get(Withdrawal, instruction_id) is not None:
        raise RuleBroken(_("This file was withdrawn: a payment in it was made already. The bank must not get it."),
                         code="instruction.withdrawn")
    check_not_paid_before(rows)


@command
def hand_over(instruction_id: uuid.UUID, actor: Actor, receipt: str = "") -> int:
    """A bank signatory confirms that the bank has the file: its payments are with the bank from now on. `receipt` is
    the bank's number for the file, if it gave one. How many payments moved.

    Raises RuleBroken when it was handed over before, was withdrawn, is held because a payment in it may have been made
    already, or all releases are stopped; NotAllowed, NotFound.
    """
    require(actor, "disbursement.release")
    assert actor.person_id is not None
    hold_back_if_stopped()
    instruction = get(PaymentInstruction, instruction_id)
    rows = _released_in(instruction_id)
    if db.session.get(Handover, instruction_id) is not None:
        raise RuleBroken(_("Somebody has already confirmed that the paymaster has this list and its cash.")
                         if instruction.rail == CASH else
                         _("Somebody has already confirmed that the bank has this file."),
                         code="instruction.handed_over")
    _check_may_leave(instruction_id, rows)
    db.session.add(Handover(instruction_id=instruction_id, receipt=receipt or None, by_person=actor.person_id,
                            at=clock.now(), recorded_at=clock.real_now()))
    db.session.flush()  # `sent` is only allowed to what was handed over
    events.record(actor, "disbursements.instruction.hand_over", "payment_instruction", instruction.id,
                  data={"payments": len(rows)})
    for row in rows:
        next_actor(row, "sent")
    DISBURSEMENT.apply_many(rows, "hand_over", actor, data=[{"round": row.round} for row in rows])
    return len(rows)


@command
def lost_in_restore() -> int:
    """After a restore: nobody knows what became of payments that were being sent. How many are unknown now."""
    ids = db.session.scalars(select(Disbursement.id).where(Disbursement.state == "sending")).all()
    rows = locked(Disbursement, ids)
    for row in rows:
        next_actor(row, "unknown")
    DISBURSEMENT.apply_many(rows, "lose_sight", system("restore"))
    return len(rows)
