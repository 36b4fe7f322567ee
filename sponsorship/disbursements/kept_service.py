"""Commands of a file that must never leave: one officer keeps it, and every payment that waits in it is unknown in the
same transaction. Whether any of it was paid all the same nobody knows by that: as for every unknown payment the bank's
word ends it, or what two people find; of a file they find it together, for all payments that are still unknown.

Each command is one transaction over the whole file (at most MOST_AT_ONCE payments): a process that dies leaves the file
as it was, and whoever tries again does it once. Locks: awards, payments, payees, findings, each in order of id.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import select

from accounts.permissions import require, require_any
from core import clock, events
from core.actor import Actor
from core.db import command, db, get, locked, new_id
from core.errors import IllegalMove, RuleBroken, Stale
from sponsorship.awards.models import Award
from sponsorship.disbursements import finding_service, kept_mails
from sponsorship.disbursements.answer_models import Finding, Handover
from sponsorship.disbursements.cash_models import CASH
from sponsorship.disbursements.kept_models import KeptFile
from sponsorship.disbursements.loss_books import check_not_paid_before
from sponsorship.disbursements.models import Disbursement, Payee, PaymentInstruction, PaymentLine
from sponsorship.disbursements.plan_service import next_actor
from sponsorship.disbursements.service import may
from sponsorship.disbursements.transitions import DISBURSEMENT, FINDING

REASONS = ("wrong_payee", "wrong_amount", "went_astray", "damaged", "other")
UNPAID = "unpaid"
_INSTRUCTION = "payment_instruction"


@dataclass(frozen=True)
class Held:
    """One payment of the file, locked, with what it hangs on."""

    row: Disbursement
    award: Award
    payee: Payee


def digest(shown: Iterable[tuple[uuid.UUID, int]]) -> str:
    """Of what a page showed: identifiers with their versions. Who confirms confirms these and nothing else."""
    return hashlib.sha256(repr(sorted((str(key), version) for key, version in shown)).encode()).hexdigest()


def _locked(instruction_id: uuid.UUID, state: str) -> list[Held]:
    """The payments that stand in this state by this very file."""
    found = db.session.execute(
        select(PaymentLine.disbursement_id, PaymentLine.round, Disbursement.award_id, Disbursement.payee_id)
        .join(Disbursement, Disbursement.id == PaymentLine.disbursement_id)
        .where(PaymentLine.instruction_id == instruction_id)).all()
    rounds = {row.disbursement_id: row.round for row in found}
    awards = {award.id: award for award in locked(Award, {row.award_id for row in found})}
    rows = locked(Disbursement, rounds)
    payees = {payee.id: payee for payee in locked(Payee, {row.payee_id for row in found})}
    return [Held(row, awards[row.award_id], payees[row.payee_id]) for row in rows
            if row.round == rounds[row.id] and row.state == state]


def _as_shown(shown: Iterable[tuple[uuid.UUID, int]], seen: str) -> None:
    if digest(shown) != seen:
        raise Stale()


@command
def keep(instruction_id: uuid.UUID, reason: str, text: str, actor: Actor, seen: str) -> int:
    """This file must never leave: no payment of it that still waits is handed over, and each is unknown. How many.

    `seen` is the digest of the payments that the page showed. Raises RuleBroken (handed over, a list of cash, a loss to
    be decided first), NotAllowed, Stale, IllegalMove when nothing waits in it.
    """
    require(actor, "disbursement.confirm")
    assert actor.person_id is not None
    instruction = get(PaymentInstruction, instruction_id)
    held = _locked(instruction_id, "released")
    if instruction.rail == CASH:
        raise RuleBroken(_("A list of cash is given to the paymaster with the cash, who records that nothing was paid "
                           "from it; two people count it."), code="kept.cash")
    if db.session.get(Handover, instruction_id) is not None:
        raise RuleBroken(_("The bank has this file. Ask the bank to hold it, and record its answer on each payment."),
                         code="kept.handed_over")
    if not held:
        raise IllegalMove(code="kept.nothing_waits")
    if reason not in REASONS:
        raise RuleBroken(_("Choose a reason."), code="kept.reason", field="reason")
    _as_shown(((h.row.id, h.row.version) for h in held), seen)
    check_not_paid_before([h.row for h in held])
    may(held[0].row, "doubt", actor)
    db.session.add(KeptFile(instruction_id=instruction_id, reason=reason, by_person=actor.person_id, at=clock.now(),
                            recorded_at=clock.real_now()))
    db.session.flush()
    events.record(actor, "disbursements.instruction.keep", _INSTRUCTION, instruction_id, reason=reason, text=text,
                  data={"payments": len(held)})
    with db.session.no_autoflush:
        for h in held:
            next_actor(h.row, "unknown")
        DISBURSEMENT.apply_many([h.row for h in held], "doubt", actor, reason="file_kept", data=[
            {"round": h.row.round, "instruction": instruction.number} for h in held])
    kept_mails.kept(instruction, len(held))
    return len(held)


def _kept(instruction_id: uuid.UUID) -> tuple[PaymentInstruction, list[Held]]:
    instruction = get(PaymentInstruction, instruction_id)
    get(KeptFile, instruction_id)
    return instruction, _locked(instruction_id, "unknown")


def _asked(held: Iterable[Held]) -> dict[uuid.UUID, Finding]:
    """What waits for a second person, by payment; locked."""
    ids = db.session.scalars(select(Finding.id).where(
        Finding.disbursement_id.in_([h.row.id for h in held]), Finding.state == "asked")).all()
    return {f.disbursement_id: f for f in locked(Finding, ids)}


@command
def ask_unpaid(instruction_id: uuid.UUID, text: str, actor: Actor, seen: str) -> int:
    """Say that the papers show of this file that none of it was paid. Nothing moves before another person agrees. Of
    how many payments: those that are unknown, and of which nobody has said anything yet.

    Raises RuleBroken (an interested person), NotAllowed, NotFound, Stale, IllegalMove (nothing to say).
    """
    require_any(actor, finding_service.ASK)
    assert actor.person_id is not None
    instruction, held = _kept(instruction_id)
    asked = _asked(held)
    held = [h for h in held if h.row.id not in asked]
    if not held:
        raise IllegalMove(code="kept.nothing_unknown")
    _as_shown(((h.row.id, h.row.version) for h in held), seen)
    new = []
    for h in held:
        finding_service.no_interest(h.award, h.payee, actor)
        finding = Finding(id=new_id(), disbursement_id=h.row.id, round=h.row.round, outcome=UNPAID,
                          state=FINDING.initial, version=1, asked_by=actor.person_id, asked_at=clock.now())
        db.session.add(finding)
        new.append(events.NewEvent("disbursements.finding.ask", "disbursement", h.row.id, reason=UNPAID, data={
            "finding": str(finding.id), "round": h.row.round, "instruction": instruction.number}))
    db.session.flush()  # the events point at them
    events.record(actor, "disbursements.instruction.ask_unpaid", _INSTRUCTION, instruction_id, text=text,
                  data={"payments": len(held)})
    events.record_many(actor, new)
    kept_mails.asked(instruction, len(held), actor.person_id)
    return len(held)


def _to_decide(instruction_id: uuid.UUID, actor: Actor, seen: str) -> tuple[list[Held], dict[uuid.UUID, Finding]]:
    _instruction, held = _kept(instruction_id)
    open_ = {key: f for key, f in _asked(held).items() if f.outcome == UNPAID}
    mine = {key for key, f in open_.items() if f.asked_by == actor.person_id}
    if open_ and not open_.keys() - mine:
        raise RuleBroken(_("You said so yourself. Another person must agree or refuse."), code="finding.same_person")
    asked = {key: f for key, f in open_.items() if key not in mine}
    if not asked:
        raise IllegalMove(code="kept.nothing_asked")
    _as_shown(((f.id, f.version) for f in asked.values()), seen)
    held = [h for h in held if h.row.id in asked]
    for h in held:
        finding_service.no_interest(h.award, h.payee, actor)
    return held, asked


@command
def agree_unpaid(instruction_id: uuid.UUID, actor: Actor, seen: str) -> int:
    """A second person agrees that none of it was paid: the money of each payment is reserved again, and it may be
    planned anew. How many. `seen` is the digest of what others had said when the page was opened.

    Raises RuleBroken (the same person, an interested person), NotAllowed, NotFound, Stale, IllegalMove.
    """
    require(actor, "disbursement.resolve")
    held, asked = _to_decide(instruction_id, actor, seen)
    for h in held:
        finding_service.agreed(h.row, h.award, asked[h.row.id], actor)
    events.record(actor, "disbursements.instruction.agree_unpaid", _INSTRUCTION, instruction_id,
                  data={"payments": len(held)})
    return len(held)


@command
def refuse_unpaid(instruction_id: uuid.UUID, reason: str, text: str, actor: Actor, seen: str) -> int:
    """A second person does not agree: the payments stay unknown. How many. Raises as `agree_unpaid`."""
    require(actor, "disbursement.resolve")
    held, asked = _to_decide(instruction_id, actor, seen)
    for h in held:
        finding_service.decided(asked[h.row.id], actor, "refuse", reason)
    events.record(actor, "disbursements.instruction.refuse_unpaid", _INSTRUCTION, instruction_id, reason=reason,
                  text=text, data={"payments": len(held)})
    return len(held)
