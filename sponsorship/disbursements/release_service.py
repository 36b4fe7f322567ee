"""Release, and what the bank answers. One transaction holds signature, spending and the bytes of the instruction."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from flask_babel import gettext as _

from accounts.permissions import acting_for, require
from core import clock, events, vault
from core.actor import Actor, system
from core.db import command, db, get, lock, new_id
from core.errors import RuleBroken
from core.references import next_reference
from meetings.calendar.models import Meeting
from sponsorship.awards.approvals import sign
from sponsorship.awards.models import Award
from sponsorship.disbursements.instruction import Instruction, Line, make
from sponsorship.disbursements.models import Disbursement, Payee, PaymentInstruction, PaymentLine
from sponsorship.disbursements.plan_service import back_to_draft, next_actor, set_dates
from sponsorship.disbursements.planning import dates_for
from sponsorship.disbursements.service import barred, check_payable, may
from sponsorship.disbursements.stops import refuse_if_stopped
from sponsorship.disbursements.transitions import DISBURSEMENT
from sponsorship.ledger import service as ledger

MOST_AT_ONCE = 500
FAILURES = ("account_closed", "account_unknown", "name_differs", "rejected_by_bank", "returned", "other")


@dataclass(frozen=True)
class Locked:
    """One payment about to be released, with what it hangs on."""

    row: Disbursement
    award: Award
    payee: Payee


def _lock_all(versions: Mapping[uuid.UUID, int]) -> list[Locked]:
    """Meetings, then awards, then payments, then payees: each in order of id."""
    found = [get(Disbursement, row_id) for row_id in sorted(versions)]
    for meeting_id in sorted({row.meeting_id for row in found}):
        lock(Meeting, meeting_id)
    awards = {award_id: lock(Award, award_id) for award_id in sorted({row.award_id for row in found})}
    rows = [lock(Disbursement, row_id, versions[row_id]) for row_id in sorted(versions)]
    payees = {payee_id: lock(Payee, payee_id) for payee_id in sorted({row.payee_id for row in found})}
    return [Locked(row, awards[row.award_id], payees[row.payee_id]) for row in rows]


def _line(item: Locked) -> Line:
    payee = item.payee
    opened = {
        name: vault.unseal(payee.id, getattr(payee, f"{name}_sealed")) or ""
        for name in ("holder", "bank_name", "bank_country", "account", "bic")
    }
    if not opened["holder"] or not opened["account"]:
        raise RuleBroken(_("The payee's bank data is gone. Ask for it again."), code="disbursement.payee_erased")
    return Line(item.row.reference, opened["holder"], opened["bank_name"], opened["bank_country"], opened["account"],
                opened["bic"], item.row.amount_minor, f"{item.award.reference} {item.row.reference}")


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
    number = next_reference("PAY", now.year)
    signed: dict[uuid.UUID, dict[str, str]] = {}
    own_role = acting_for(actor, "disbursement.release") is None  # asked once for all lines
    for item in items:
        may(item.row, "release", actor)
        check_payable(item.award, item.payee, item.row)
        if item.row.due_at > now:
            raise RuleBroken(_("%(reference)s is not due yet.", reference=item.row.reference),
                             code="disbursement.too_early")
        signed[item.row.id] = sign(
            "disbursement.released", item.row.id, item.row.round, actor, amount_minor=item.row.amount_minor,
            own_role=own_role, barred=barred(item.award, item.payee, actor, "released"))
    for item in items:
        assert item.award.reservation_id is not None
        item.row.spend_id = ledger.spend(
            item.award.reservation_id, item.row.amount_minor,
            key=f"disbursement:{item.row.id}:{item.row.round}", actor=actor, subject=("disbursement", item.row.id),
        )
    made = make(number, now.date(), [_line(item) for item in items])
    instruction_id = _store(number, made, items, actor.person_id)
    for item in items:
        item.row.released_at, item.row.bank_reference, item.row.settled_at = now, None, None
        next_actor(item.row, "released")
        DISBURSEMENT.apply(item.row, "release", actor, organisation_id=item.row.organisation_id,
                           data={"round": item.row.round, "instruction": number,
                                 "amount_minor": item.row.amount_minor, **signed[item.row.id]})
    return instruction_id


def _store(number: str, made: Instruction, items: list[Locked], person_id: uuid.UUID) -> uuid.UUID:
    instruction_id = new_id()  # known before the row: the bytes are sealed under it
    sealed = vault.seal(instruction_id, made.content.decode())
    assert sealed is not None
    db.session.add(PaymentInstruction(
        id=instruction_id, number=number, content_sealed=sealed, size=len(made.content), sha256=made.sha256,
        signature=made.signature, public_key=made.public_key, currency="USD",
        total_minor=sum(item.row.amount_minor for item in items), lines=len(items), created_at=clock.now(),
        recorded_at=clock.real_now(), released_by=person_id,
    ))
    db.session.flush()  # the lines point at it
    for n, item in enumerate(items, 1):
        assert item.row.spend_id is not None
        db.session.add(PaymentLine(instruction_id=instruction_id, n=n, disbursement_id=item.row.id,
                                   round=item.row.round, amount_minor=item.row.amount_minor,
                                   spend_id=item.row.spend_id))
    db.session.flush()  # `released` is only allowed to a payment that stands in an instruction
    return instruction_id


@command
def download(instruction_id: uuid.UUID, actor: Actor) -> tuple[str, bytes]:
    """(file name, bytes) of an instruction: always the same bytes. Each download is an event.

    Raises NotAllowed, NotFound, RuleBroken when the stored bytes no longer match their digest.
    """
    require(actor, "disbursement.release")
    row = get(PaymentInstruction, instruction_id)
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


def _lock_one(disbursement_id: uuid.UUID, expected_version: int) -> tuple[Disbursement, Award]:
    found = get(Disbursement, disbursement_id)
    award = lock(Award, found.award_id)
    return lock(Disbursement, disbursement_id, expected_version), award


@command
def confirm(
    disbursement_id: uuid.UUID, bank_reference: str, actor: Actor, expected_version: int, *, bank_fee_minor: int = 0,
) -> None:
    """The bank has paid: its reference is recorded, its fee (US cents) is charged to the pool.

    Raises NotAllowed, Stale, IllegalMove.
    """
    row, _award = _lock_one(disbursement_id, expected_version)
    may(row, "confirm", actor)
    assert row.spend_id is not None
    ledger.confirm_spend(row.spend_id, key=f"disbursement:{row.id}:{row.round}:confirm", actor=actor,
                         bank_fee_minor=bank_fee_minor)
    row.bank_reference, row.settled_at, row.act_by = bank_reference, clock.now(), None
    DISBURSEMENT.apply(row, "confirm", actor, organisation_id=row.organisation_id,
                       data={"round": row.round, "bank_fee_minor": bank_fee_minor})


@command
def fail(
    disbursement_id: uuid.UUID, reason: str, bank_reference: str, actor: Actor, expected_version: int,
    text: str | None = None,
) -> None:
    """The bank could not pay: the money is reserved again. When the award has ended meanwhile it is free again.

    Raises NotAllowed, Stale, IllegalMove.
    """
    row, award = _lock_one(disbursement_id, expected_version)
    may(row, "fail", actor)
    assert row.spend_id is not None and award.reservation_id is not None
    ledger.return_spend(row.spend_id, key=f"disbursement:{row.id}:{row.round}:return", actor=actor)
    row.bank_reference = bank_reference or None
    next_actor(row, "failed")
    DISBURSEMENT.apply(row, "fail", actor, organisation_id=row.organisation_id, reason=reason, text=text,
                       data={"round": row.round})
    if award.state not in ("accepted", "suspended"):
        row.act_by = None
        DISBURSEMENT.apply(row, "cancel", system("disbursements"), reason="award_ended")
        ledger.release(award.reservation_id, key=f"award:{award.id}:release:after:{row.id}:{row.round}", actor=actor)


@command
def plan_again(disbursement_id: uuid.UUID, actor: Actor, expected_version: int) -> None:
    """After a failed payment: a new round of four signatures. Raises NotAllowed, Stale, IllegalMove."""
    row, award = _lock_one(disbursement_id, expected_version)
    may(row, "plan_again", actor)
    set_dates(row, dates_for(row.kind, award.travel_from, award.travel_to, clock.today()))
    row.spend_id = row.released_at = row.bank_reference = None
    back_to_draft(row, "plan_again", "payment_failed", actor=actor)
