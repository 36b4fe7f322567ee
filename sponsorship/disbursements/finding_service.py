"""Where the bank is silent: one person says what the papers show of a payment, another agrees or refuses."""

from __future__ import annotations

import uuid

from flask_babel import gettext as _
from sqlalchemy import select

from accounts.permissions import require, require_any
from core import clock, events
from core.actor import Actor
from core.db import command, db, get, lock, new_id
from core.errors import IllegalMove, RuleBroken
from sponsorship.awards.models import Award
from sponsorship.disbursements import mails
from sponsorship.disbursements.answer_models import OUTCOMES, Finding
from sponsorship.disbursements.answer_service import _key, free_if_ended
from sponsorship.disbursements.models import Disbursement, Payee
from sponsorship.disbursements.plan_service import next_actor
from sponsorship.disbursements.service import barred
from sponsorship.disbursements.transitions import DISBURSEMENT, FINDING
from sponsorship.ledger import service as ledger

ASK = ("disbursement.confirm", "disbursement.resolve")


def _lock_payment(disbursement_id: uuid.UUID, expected_version: int | None) -> tuple[Disbursement, Award, Payee]:
    found = get(Disbursement, disbursement_id)
    award = lock(Award, found.award_id)
    row = lock(Disbursement, disbursement_id, expected_version)
    return row, award, lock(Payee, row.payee_id)


def no_interest(award: Award, payee: Payee, actor: Actor) -> None:
    """Raises RuleBroken for whoever benefits, or kept the payee's data."""
    if actor.person_id in barred(award, payee, actor, "released"):
        raise RuleBroken(_("Whoever benefits from a payment, or kept its bank data, does not say what became of it."),
                         code="finding.interested")


@command
def ask(disbursement_id: uuid.UUID, outcome: str, text: str, actor: Actor, expected_version: int) -> uuid.UUID:
    """Say what the papers show of a payment whose fate is unknown: `paid` or `unpaid`. Nothing moves before another
    person agrees.

    `text` says which papers. Raises RuleBroken (somebody has asked already, an interested person), NotAllowed, Stale,
    IllegalMove.
    """
    require_any(actor, ASK)
    row, award, payee = _lock_payment(disbursement_id, expected_version)
    if row.state != "unknown" or outcome not in OUTCOMES:
        raise IllegalMove(code=f"finding.ask.from.{row.state}")
    no_interest(award, payee, actor)
    if db.session.scalar(select(Finding.id).where(Finding.disbursement_id == row.id, Finding.state == "asked")):
        raise RuleBroken(_("Somebody has said already what became of it. Agree to that, or refuse it, first."),
                         code="finding.open")
    assert actor.person_id is not None
    finding = Finding(id=new_id(), disbursement_id=row.id, round=row.round, outcome=outcome, state=FINDING.initial,
                      version=1, asked_by=actor.person_id, asked_at=clock.now())
    db.session.add(finding)
    db.session.flush()  # the event points at it
    events.record(actor, "disbursements.finding.ask", "disbursement", row.id, reason=outcome, text=text,
                  data={"finding": str(finding.id), "round": row.round})
    mails.finding_asked(row, finding)
    return finding.id


def decided(finding: Finding, actor: Actor, action: str, reason: str | None = None, text: str | None = None) -> None:
    """The second person's word on a locked finding. Raises RuleBroken (the same person), NotAllowed."""
    require(actor, FINDING.move(finding.state, action).permission)
    if actor.person_id == finding.asked_by:
        raise RuleBroken(_("You said so yourself. Another person must agree or refuse."), code="finding.same_person")
    with db.session.no_autoflush:  # who decided and the state belong to one statement
        finding.decided_by, finding.decided_at = actor.person_id, clock.now()
        FINDING.apply(finding, action, actor, reason=reason, text=text,
                      data={"disbursement": str(finding.disbursement_id), "outcome": finding.outcome})


@command
def agree(finding_id: uuid.UUID, actor: Actor, expected_version: int) -> None:
    """A second person agrees: the payment is confirmed, or its money is reserved again, by the word of two.

    Raises RuleBroken (the same person, an interested person), NotAllowed, Stale, IllegalMove.
    """
    row, award, payee = _lock_payment(get(Finding, finding_id).disbursement_id, None)
    finding = lock(Finding, finding_id, expected_version)
    no_interest(award, payee, actor)
    if row.state != "unknown" or row.round != finding.round:
        raise IllegalMove(code=f"finding.agree.from.{row.state}")
    agreed(row, award, finding, actor)


def agreed(row: Disbursement, award: Award, finding: Finding, actor: Actor) -> None:
    """What agreeing does with a locked payment of which nobody knows, by the word of two."""
    decided(finding, actor, "agree")
    db.session.flush()  # the payment's own trigger looks for it
    assert row.spend_id is not None
    with db.session.no_autoflush:
        row.finding_id, row.bank_reference = finding.id, None
        if finding.outcome == "paid":
            ledger.confirm_spend(row.spend_id, key=_key(row, "confirm"), actor=actor)
            row.settled_at, row.act_by = clock.now(), None
            action = "find_paid"
        else:
            ledger.return_spend(row.spend_id, key=_key(row, "return"), actor=actor)
            next_actor(row, "failed")
            action = "find_unpaid"
        DISBURSEMENT.apply(row, action, actor, organisation_id=row.organisation_id,
                           data={"round": row.round, "finding": str(finding.id)})
    if finding.outcome == "unpaid":
        free_if_ended(row, award, actor)


@command
def refuse(finding_id: uuid.UUID, reason: str, text: str, actor: Actor, expected_version: int) -> None:
    """A second person does not agree: the payment stays unknown. Raises as `agree`."""
    _row, award, payee = _lock_payment(get(Finding, finding_id).disbursement_id, None)
    finding = lock(Finding, finding_id, expected_version)
    no_interest(award, payee, actor)
    decided(finding, actor, "refuse", reason, text)
