"""The bank's answers to payments that left, in whatever order they come: each under the bank's own reference, each with
its own entries, and nothing paid twice.

While nobody knows whether a payment was made it is not made again: only the bank's word, or what two people find
(finding_service.py), ends that.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, select

from core import clock, events
from core.actor import Actor, system
from core.db import command, db, get, lock, new_id
from core.errors import RuleBroken
from core.money import usd
from core.references import next_reference
from core.web.formats import format_money
from sponsorship.awards.approvals import Approval
from sponsorship.awards.models import Award
from sponsorship.contributions.bank_lines import MOST_BANK_FEE
from sponsorship.disbursements.answer_models import BankAnswer, Finding
from sponsorship.disbursements.cash_models import CASH, CashCount
from sponsorship.disbursements.loss_books import undo
from sponsorship.disbursements.models import Disbursement, Payee, PaymentInstruction, PaymentLine
from sponsorship.disbursements.plan_service import back_to_draft, next_actor, place_for, set_dates
from sponsorship.disbursements.planning import dates_for
from sponsorship.disbursements.service import may
from sponsorship.disbursements.transitions import DISBURSEMENT, FINDING, PAID, UNRELEASED
from sponsorship.ledger import service as ledger
from sponsorship.ledger.bank_references import check_readable, check_unused, kept_as

REJECTIONS = ("account_unknown", "name_differs", "format_refused", "sanctions_hold", "rejected_by_bank", "other")
FAILURES = ("account_closed", "account_unknown", "name_differs", "rejected_by_bank", "returned", "other")
RETURNS = ("account_closed", "account_unknown", "name_differs", "not_collected", "returned", "other")
REVERSALS = ("paid_twice", "wrong_payee", "bank_error", "recalled", "other")
DOUBTS = ("no_answer", "unclear_answer", "answers_differ", "file_damaged", "other")
CONTRADICTIONS = ("paid_after_all", "answers_differ")


@dataclass(frozen=True)
class BankFigures:
    """What the bank's advice says, US cents. `fee_minor` is its fee, borne by the `fund` (charged beside the payment)
    or the `payee` (taken out of what arrives, which costs the fund nothing). `paid_minor`: what it paid, when less than
    was instructed. `booked_minor`: what it booked on the account for that, without its fee; what differs is the
    exchange of its own conversion."""

    fee_minor: int = 0
    fee_bearer: str = "fund"
    paid_minor: int | None = None
    booked_minor: int | None = None


NOTHING_ELSE = BankFigures()
CAME_BACK = ("returned", "reversed")  # lines of the statement that bring money


def _look(reference: str) -> str | None:
    return db.session.scalar(
        select(Disbursement.reference).join(BankAnswer, BankAnswer.disbursement_id == Disbursement.id)
        .where(BankAnswer.answer.in_(CAME_BACK), func.upper(BankAnswer.bank_reference) == reference).limit(1))


kept_as("answers", _look)


def _lock_one(disbursement_id: uuid.UUID, expected_version: int) -> tuple[Disbursement, Award]:
    found = get(Disbursement, disbursement_id)
    award = lock(Award, found.award_id)
    return lock(Disbursement, disbursement_id, expected_version), award


def _key(row: Disbursement, step: str) -> str:
    """Of an entry about the present spending of a round: a bank that contradicts itself has a round spent twice."""
    first = f"disbursement:{row.id}:{row.round}"
    again = db.session.scalar(select(func.count()).select_from(BankAnswer).where(
        BankAnswer.disbursement_id == row.id, BankAnswer.round == row.round, BankAnswer.answer == "contradicted"))
    return f"{first}:{again}:{step}" if again else f"{first}:{step}"


def not_the_banks() -> RuleBroken:
    """The refusal of a bank's answer to a payment that no bank has."""
    return RuleBroken(_("This payment is made in cash by a paymaster: two people count what was paid or came back."),
                      code="answer.cash")


def _told(
    row: Disbursement, answer: str, reference: str, actor: Actor, paid_minor: int, *, reason: str | None = None,
    figures: BankFigures = NOTHING_ELSE, exchange_minor: int = 0,
) -> BankAnswer:
    """Keep the bank's word, behind which the state stands. Raises RuleBroken without a reference, or when this word is
    recorded already."""
    if row.rail == CASH and not db.session.scalar(select(CashCount.id).where(
            CashCount.disbursement_id == row.id, CashCount.round == row.round, CashCount.state == "agreed",
            CashCount.outcome == answer, CashCount.receipt == reference)):
        raise not_the_banks()
    reference = " ".join(reference.split())
    if not reference:
        raise RuleBroken(_("Write the bank’s reference: it proves what the bank says."), code="answer.reference",
                         field="bank_reference")
    check_readable(reference)
    if answer in CAME_BACK and row.rail != CASH:
        check_unused(reference, but="answers")
    known = db.session.scalar(select(BankAnswer.id).where(
        BankAnswer.disbursement_id == row.id, BankAnswer.round == row.round, BankAnswer.answer == answer,
        BankAnswer.bank_reference == reference))
    if known is not None:
        raise RuleBroken(_("This answer of the bank is recorded already. A new one has a reference of its own."),
                         code="answer.known", field="bank_reference")
    assert actor.person_id is not None
    told = BankAnswer(
        id=new_id(), disbursement_id=row.id, round=row.round, answer=answer, bank_reference=reference, reason=reason,
        day=clock.today(), paid_minor=paid_minor, fee_minor=figures.fee_minor, fee_bearer=figures.fee_bearer,
        exchange_minor=exchange_minor, by_person=actor.person_id, at=clock.now())
    db.session.add(told)
    with db.session.no_autoflush:
        _overtake(row)
    db.session.flush()  # the state's own trigger looks for this row, so it must be there first
    return told


def _move(
    row: Disbursement, action: str, actor: Actor, told: BankAnswer, data: dict[str, Any], *, reason: str | None = None,
    text: str | None = None,
) -> None:
    with db.session.no_autoflush:  # the answer and the state that follows from it belong to one statement
        row.answer_id, row.bank_reference = told.id, told.bank_reference
        DISBURSEMENT.apply(row, action, actor, organisation_id=row.organisation_id, reason=reason, text=text,
                           data={"round": row.round, "answer": str(told.id), **data})


def _overtake(row: Disbursement) -> None:
    """What one person found, and another has not agreed to, no longer matters."""
    open_id = db.session.scalar(
        select(Finding.id).where(Finding.disbursement_id == row.id, Finding.state == "asked"))
    if open_id is not None:
        FINDING.apply(lock(Finding, open_id), "overtake", system("disbursements"))


def _checked(row: Disbursement, figures: BankFigures) -> tuple[int, int]:
    """(paid, gain of the exchange) in US cents. Raises RuleBroken for figures that cannot be."""
    paid = row.amount_minor if figures.paid_minor is None else figures.paid_minor
    if not 0 < paid <= row.amount_minor:
        raise RuleBroken(_("The part paid is above zero and at most what was instructed. For nothing paid, record that "
                           "the payment failed."), code="answer.part", field="paid")
    if not 0 <= figures.fee_minor <= MOST_BANK_FEE or figures.fee_bearer not in ("fund", "payee"):
        raise RuleBroken(_("A fee is zero or more, and at most %(most)s. Check the number of zeros.",
                           most=format_money(usd(MOST_BANK_FEE))), code="answer.fee", field="fee")
    if figures.fee_bearer == "payee" and figures.fee_minor >= paid:
        raise RuleBroken(_("A fee taken out of the payment is less than the payment."), code="answer.fee", field="fee")
    booked = paid if figures.booked_minor is None else figures.booked_minor
    if booked <= 0 or abs(paid - booked) * 5 > paid:
        raise RuleBroken(_("What the bank booked differs by more than a fifth from what it paid. Look at the statement "
                           "again; the fee is recorded apart."), code="answer.booked", field="booked")
    return paid, paid - booked


@command
def confirm(
    disbursement_id: uuid.UUID, bank_reference: str, actor: Actor, expected_version: int, *, bank_fee_minor: int = 0,
    figures: BankFigures | None = None,
) -> uuid.UUID | None:
    """The bank has paid, the whole or a part: its reference is recorded, its fee and exchange are booked.

    What it left unpaid is reserved again and planned as a payment of its own, whose identifier is returned. Raises
    RuleBroken, NotAllowed, Stale, IllegalMove.
    """
    row, award = _lock_one(disbursement_id, expected_version)
    return paid_out(row, award, "confirm", bank_reference, actor, figures or BankFigures(fee_minor=bank_fee_minor))


def paid_out(
    row: Disbursement, award: Award, action: str, bank_reference: str, actor: Actor, found: BankFigures,
) -> uuid.UUID | None:
    """What `confirm` does with a locked payment; `action` is the move, the bank's or the paymaster's."""
    may(row, action, actor)
    paid, gain = _checked(row, found)
    assert row.spend_id is not None
    told = _told(row, "confirmed", bank_reference, actor, paid, figures=found, exchange_minor=gain)
    if paid < row.amount_minor:
        ledger.cut_spend(row.spend_id, row.amount_minor - paid, key=_key(row, "part"), actor=actor)
        row.short_minor = row.amount_minor - paid
    ledger.confirm_spend(row.spend_id, key=_key(row, "confirm"), actor=actor,
                         bank_fee_minor=found.fee_minor if found.fee_bearer == "fund" else 0)
    if gain:
        ledger.exchange_of_spend(row.spend_id, gain, key=_key(row, "exchange"), actor=actor)
    row.settled_at, row.act_by = clock.now(), None
    _move(row, action, actor, told, {"paid_minor": paid, "bank_fee_minor": found.fee_minor,
                                        "fee_bearer": found.fee_bearer, "exchange_minor": gain})
    return _plan_rest(row, award, actor) if row.short_minor else None


def _plan_rest(row: Disbursement, award: Award, actor: Actor) -> uuid.UUID | None:
    """The unpaid part is a payment of its own, with four signatures of its own; where the award has ended meanwhile,
    its money is free again instead."""
    if award.state not in ("accepted", "suspended"):
        assert award.reservation_id is not None
        ledger.release(award.reservation_id, key=f"award:{award.id}:release:after:{row.id}:{row.round}", actor=actor)
        return None
    dates = dates_for(row.kind, award.travel_from, award.travel_to, clock.today(),
                      place_for(award, get(Payee, row.payee_id)))
    rest = Disbursement(
        reference=next_reference("DSB", clock.today().year), award_id=award.id, meeting_id=award.meeting_id,
        organisation_id=row.organisation_id, payee_id=row.payee_id, kind=row.kind, rail=row.rail, version=1, round=1,
        amount_minor=row.short_minor, state=DISBURSEMENT.initial, created_at=clock.now(), follows_id=row.id,
        request_by=dates.request_by, certify_by=dates.certify_by, approve_by=dates.approve_by, due_at=dates.due_at,
        confirm_by=dates.confirm_by)
    next_actor(rest, "draft")
    db.session.add(rest)
    db.session.flush()  # the event points at it
    events.record(system("disbursements"), "disbursements.disbursement.plan", "disbursement", rest.id, to_state="draft",
                  data={"kind": rest.kind, "amount_minor": rest.amount_minor, "award": str(award.id),
                        "follows": str(row.id), "due": rest.due_at.strftime("%Y-%m-%dT%H:%M:%SZ")})
    return rest.id


def _came_back(
    action: str, answer: str, disbursement_id: uuid.UUID, reason: str, bank_reference: str, actor: Actor,
    expected_version: int, text: str | None, figures: BankFigures,
) -> None:
    row, award = _lock_one(disbursement_id, expected_version)
    money_back(row, award, action, answer, reason, bank_reference, actor, text, figures)


def money_back(
    row: Disbursement, award: Award, action: str, answer: str, reason: str, bank_reference: str, actor: Actor,
    text: str | None = None, figures: BankFigures = NOTHING_ELSE,
) -> None:
    """The money of a locked payment is reserved again, by the bank's word or the paymaster's count."""
    may(row, action, actor)
    assert row.spend_id is not None
    stands = row.amount_minor - row.short_minor
    if figures.fee_minor < 0 or figures.fee_minor >= stands:
        raise RuleBroken(_("What the bank kept is less than the payment."), code="answer.fee", field="fee")
    booked = stands if figures.booked_minor is None else figures.booked_minor
    if booked <= 0 or abs(booked - stands) * 5 > stands or (booked != stands and row.state not in PAID):
        raise RuleBroken(_("What came back differs by more than a fifth from what was paid, or had never left. Look at "
                           "the statement again; what the bank kept is recorded apart."), code="answer.booked",
                         field="booked")
    told = _told(row, answer, bank_reference, actor, stands, reason=reason, figures=figures,
                 exchange_minor=booked - stands)
    ledger.return_spend(row.spend_id, key=_key(row, "return"), actor=actor, bank_fee_minor=figures.fee_minor)
    if booked != stands:
        ledger.exchange_of_spend(row.spend_id, booked - stands, key=_key(row, "return:exchange"), actor=actor)
    row.settled_at = None
    next_actor(row, answer)
    _move(row, action, actor, told, {"bank_fee_minor": figures.fee_minor, "exchange_minor": booked - stands},
          reason=reason, text=text)
    free_if_ended(row, award, actor)


def free_if_ended(row: Disbursement, award: Award, actor: Actor) -> None:
    """Money that came back for an award that has ended meanwhile is free again."""
    if award.state not in ("accepted", "suspended"):
        assert award.reservation_id is not None
        row.act_by = None
        DISBURSEMENT.apply(row, "cancel", system("disbursements"), reason="award_ended")
        ledger.release(award.reservation_id, key=f"award:{award.id}:release:after:{row.spend_id}", actor=actor)


@command
def reject(
    disbursement_id: uuid.UUID, reason: str, bank_reference: str, actor: Actor, expected_version: int,
    text: str | None = None, figures: BankFigures = NOTHING_ELSE,
) -> None:
    """The bank did not take the payment: nothing left the account, the money is reserved again. Raises RuleBroken,
    NotAllowed, Stale, IllegalMove."""
    _came_back("reject", "rejected", disbursement_id, reason, bank_reference, actor, expected_version, text, figures)


@command
def fail(
    disbursement_id: uuid.UUID, reason: str, bank_reference: str, actor: Actor, expected_version: int,
    text: str | None = None, figures: BankFigures = NOTHING_ELSE,
) -> None:
    """The bank could not pay: the money is reserved again. When the award has ended meanwhile it is free again.

    Raises RuleBroken, NotAllowed, Stale, IllegalMove.
    """
    _came_back("fail", "failed", disbursement_id, reason, bank_reference, actor, expected_version, text, figures)


@command
def came_back(
    disbursement_id: uuid.UUID, reason: str, bank_reference: str, actor: Actor, expected_version: int,
    text: str | None = None, figures: BankFigures = NOTHING_ELSE,
) -> None:
    """The payee's bank sent the money back, perhaps days after it was confirmed: it is reserved again. Raises as
    `fail`."""
    _came_back("return", "returned", disbursement_id, reason, bank_reference, actor, expected_version, text, figures)


@command
def reverse(
    disbursement_id: uuid.UUID, reason: str, bank_reference: str, actor: Actor, expected_version: int,
    text: str | None = None, figures: BankFigures = NOTHING_ELSE,
) -> None:
    """The bank undid its own booking, by itself or on our recall: the money is reserved again. Raises as `fail`."""
    _came_back("reverse", "reversed", disbursement_id, reason, bank_reference, actor, expected_version, text, figures)


@command
def doubt(
    disbursement_id: uuid.UUID, reason: str, actor: Actor, expected_version: int, text: str | None = None,
) -> None:
    """Nobody knows whether it was paid: it is not paid again until the bank or two people say. Raises NotAllowed,
    Stale, IllegalMove."""
    row, _award = _lock_one(disbursement_id, expected_version)
    may(row, "doubt", actor)
    if row.rail == CASH:
        raise not_the_banks()
    next_actor(row, "unknown")
    DISBURSEMENT.apply(row, "doubt", actor, organisation_id=row.organisation_id, reason=reason, text=text,
                       data={"round": row.round})


@command
def contradict(
    disbursement_id: uuid.UUID, round_: int, reason: str, bank_reference: str, actor: Actor, expected_version: int,
    text: str | None = None,
) -> None:
    """The bank had said that a round was not paid and now says otherwise: the money is on its way again, a later round
    under preparation stops, and nothing is paid until it is clear.

    Raises RuleBroken (no such round, the reservation no longer holds the money), NotAllowed, Stale, IllegalMove.
    """
    row, _award = _lock_one(disbursement_id, expected_version)
    may(row, "contradict", actor)
    undo(row, round_, actor)
    reopen(row, round_, reason, bank_reference, actor, text)


def reopen(
    row: Disbursement, round_: int, reason: str, bank_reference: str, actor: Actor, text: str | None = None, *,
    action: str = "contradict",
) -> None:
    """The locked payment stands as that round again, on its way; what `contradict` does, and two people (losses)."""
    line = db.session.execute(
        select(PaymentLine, PaymentInstruction.created_at)
        .join(PaymentInstruction, PaymentInstruction.id == PaymentLine.instruction_id)
        .where(PaymentLine.disbursement_id == row.id, PaymentLine.round == round_)).one_or_none()
    if line is None or line[0].amount_minor != row.amount_minor:
        raise RuleBroken(_("No instruction holds this payment, of this amount, in that round. Where it holds another "
                           "amount, record that an earlier release was paid."), code="answer.round", field="round")
    payment, released_at = line
    with db.session.no_autoflush:  # round, spending and state belong to one statement
        row.round, row.payee_data_version = round_, row.payee_data_version or 0
        row.rail = db.session.scalars(select(PaymentInstruction.rail).where(
            PaymentInstruction.id == payment.instruction_id)).one()
        told = _told(row, "contradicted", bank_reference, actor, row.amount_minor, reason=reason)
        _all_again(row)
        award = get(Award, row.award_id)
        assert award.reservation_id is not None
        spend_id = ledger.spend(
            award.reservation_id, row.amount_minor, key=_key(row, "again"), actor=actor,
            subject=("disbursement", row.id), even_if_stopped=True)
        row.spend_id, row.released_at, row.settled_at, row.short_minor = spend_id, released_at, None, 0
        row.due_at = min(row.due_at, released_at)
        for name in ("request_by", "certify_by", "approve_by"):
            setattr(row, name, min(getattr(row, name), row.due_at))
        next_actor(row, "unknown")
    _move(row, action, actor, told, {"instruction_line": str(payment.id)}, reason=reason, text=text)


def _all_again(row: Disbursement) -> None:
    """The whole of a payment is with the bank again: a part of it that was planned as a payment of its own, and has not
    left, is not planned twice."""
    for rest_id in db.session.scalars(
        select(Disbursement.id).where(Disbursement.follows_id == row.id, Disbursement.state.in_(UNRELEASED))
        .order_by(Disbursement.id)
    ).all():
        rest = lock(Disbursement, rest_id)
        rest.act_by = None
        DISBURSEMENT.apply(rest, "cancel", system("disbursements"), reason="with_the_bank_again")


@command
def plan_again(disbursement_id: uuid.UUID, actor: Actor, expected_version: int) -> None:
    """After a payment that came back: a new round of four signatures. Raises NotAllowed, Stale, IllegalMove."""
    row, award = _lock_one(disbursement_id, expected_version)
    may(row, "plan_again", actor)
    set_dates(row, dates_for(row.kind, award.travel_from, award.travel_to, clock.today(),
                             place_for(award, get(Payee, row.payee_id))))
    with db.session.no_autoflush:
        row.spend_id = row.released_at = row.bank_reference = None
        # a round that the bank contradicted is not the last that was signed
        signed = db.session.scalar(select(func.max(Approval.round)).where(
            Approval.subject_type == "disbursement", Approval.subject_id == row.id))
        row.round = max(row.round, signed or 0)
        row.amount_minor, row.short_minor = row.amount_minor - row.short_minor, 0
        back_to_draft(row, "plan_again", "payment_failed", actor=actor)
