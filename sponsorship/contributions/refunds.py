"""Commands on money going back: refused by the head, or asked for by one person and approved by another. What Stripe
says of it is applied in refund_settling.py."""

from __future__ import annotations

import uuid

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from accounts.permissions import require
from core import clock
from core.actor import Actor
from core.db import command, db
from core.errors import IllegalMove, RuleBroken, Stale
from core.money import Money
from core.web.formats import format_money
from sponsorship.contributions import notices
from sponsorship.contributions.back_models import Refund
from sponsorship.contributions.going_back import credit_note, left_of, share_of
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.contributions.money_in import SUBJECT, locked
from sponsorship.contributions.pools import general_pool_id
from sponsorship.contributions.refund_books import REFUNDS, hold, locked_refund, new_refund, paid, share
from sponsorship.contributions.schedules import unsettle
from sponsorship.contributions.transitions import CONTRIBUTION, REFUND
from sponsorship.ledger import service as ledger

REFUSALS = {
    "due_diligence": _l("The check of the donor did not allow it"),
    "purpose": _l("Its purpose is not the fund's"),
    "donor_asked": _l("The donor asked for it back"),
    "paid_twice": _l("It was paid twice"),
    "agreement_ended": _l("The agreement ended with money unspent"),
    "wrong_entry": _l("It was recorded by mistake"),
    "other": _l("Another reason"),
}


# --- ordering ---------------------------------------------------------------------------------------------------
@command
def refuse(
    contribution_id: uuid.UUID, actor: Actor, code: str, words: str, expected_version: int | None = None
) -> uuid.UUID:
    """A contribution in suspense is not accepted: all that is left of it goes back. Stores the refund and its key;
    Stripe is asked afterwards. The refund's id. Raises NotAllowed, NotFound, IllegalMove, Stale, RuleBroken."""
    require(actor, "contribution.refund")
    pledge, row = locked(contribution_id)
    _reason(code)
    row.refusal_code = code
    CONTRIBUTION.apply(row, "refuse", actor, expected_version=expected_version, reason=code, text=words or None)
    refund = new_refund(row, "refusal", left_of(row), code, actor, state="created")
    hold(row, refund, actor)
    notices.refund_begun(pledge, row)
    return refund.id


@command
def send_again(contribution_id: uuid.UUID, actor: Actor) -> uuid.UUID:
    """After the refund of a contribution that was not accepted failed: a new one, under a new key. Raises NotAllowed,
    NotFound, IllegalMove."""
    require(actor, "contribution.refund")
    _pledge, row = locked(contribution_id)
    if row.state != "refund_due" or not left_of(row).amount.minor:
        raise IllegalMove(code="contribution.refund_again")
    refund = new_refund(row, "refusal", left_of(row), row.refusal_code or "other", actor, state="created")
    hold(row, refund, actor)
    return refund.id


@command
def request_refund(
    contribution_id: uuid.UUID, amount_minor: int, actor: Actor, code: str, words: str, expected_version: int,
) -> uuid.UUID:
    """Ask that so much of an accepted contribution (minor units of the currency it was paid in) go back to its donor.
    Somebody else approves it. The refund's id. Raises NotAllowed, NotFound, IllegalMove, Stale, RuleBroken."""
    require(actor, "contribution.refund")
    _pledge, row = locked(contribution_id)
    _current(row, expected_version, "accepted")
    _reason(code)
    left = left_of(row)
    if not 0 < amount_minor <= left.amount.minor:
        raise RuleBroken(_("Write an amount above zero and up to %(most)s, which has not gone back yet.",
                           most=format_money(left.amount)), code="refund.amount", field="amount")
    _none_under_way(row)
    refund = new_refund(row, "refund", share_of(row, Money(amount_minor, left.amount.currency)), code, actor, words)
    notices.refund_requested(row, refund)
    return refund.id


@command
def request_correction(contribution_id: uuid.UUID, actor: Actor, words: str, expected_version: int) -> uuid.UUID:
    """Ask that a deposit which an officer recorded by mistake be taken out of the books again; no money moves. Somebody
    else approves it. The refund's id. Raises NotAllowed, NotFound, IllegalMove, Stale, RuleBroken."""
    require(actor, "contribution.refund")
    _pledge, row = locked(contribution_id)
    _current(row, expected_version, "accepted", "in_suspense")
    if row.bank_reference is None or row.back_minor:
        raise RuleBroken(
            _("Only a deposit that an officer recorded, and of which nothing went back, can be corrected."),
            code="refund.not_correctable")
    if not words.strip():
        raise RuleBroken(_("Write what was wrong, for the record."), code="refund.no_words", field="note")
    _none_under_way(row)
    refund = new_refund(row, "correction", left_of(row), "wrong_entry", actor, words)
    notices.refund_requested(row, refund)
    return refund.id


def _current(row: Contribution, expected_version: int, *states: str) -> None:
    if row.version != expected_version:
        raise Stale()
    if row.state not in states:
        raise IllegalMove(code=f"contribution.refund.from.{row.state}")


def _reason(code: str) -> None:
    if code not in REFUSALS:
        raise RuleBroken(_("Choose a reason."), code="contribution.no_reason", field="reason")


def _none_under_way(row: Contribution) -> None:
    under_way = db.session.scalar(
        select(Refund.id)
        .where(Refund.contribution_id == row.id, Refund.state.in_(("requested", "created", "pending"))))
    if under_way is not None:
        raise RuleBroken(_("A refund of this contribution is under way. Wait until it has ended."),
                         code="refund.under_way")


# --- approval ---------------------------------------------------------------------------------------------------
@command
def approve_refund(refund_id: uuid.UUID, actor: Actor, expected_version: int) -> None:
    """Approve what somebody else asked for: its money is set aside now (a correction is made now). Raises NotAllowed,
    NotFound, IllegalMove, Stale, NotEnoughMoney (nothing is written), RuleBroken (the same person)."""
    require(actor, "contribution.refund.approve")
    pledge, row, refund = locked_refund(refund_id, expected_version)
    if refund.requested_by == actor.person_id:
        raise RuleBroken(_("You asked for this refund yourself: somebody else approves it."), code="refund.same_person")
    refund.approved_by, refund.asked_at = actor.person_id, clock.real_now()
    REFUND.apply(refund, "approve", actor)
    if refund.kind == "correction":
        _correct(pledge, row, refund, actor)
    else:
        hold(row, refund, actor)
        notices.refund_begun(pledge, row)


@command
def decline_refund(refund_id: uuid.UUID, actor: Actor, words: str, expected_version: int) -> None:
    """Do not approve it. Raises NotAllowed, NotFound, IllegalMove, Stale, RuleBroken."""
    require(actor, "contribution.refund.approve")
    _pledge, _row, refund = locked_refund(refund_id, expected_version)
    if not words.strip():
        raise RuleBroken(_("Write why, for the record."), code="refund.no_words", field="note")
    REFUND.apply(refund, "decline", actor, text=words)


def _correct(pledge: Pledge, row: Contribution, refund: Refund, actor: Actor) -> None:
    assert row.net_minor is not None and row.fee_minor is not None and row.settles_minor is not None
    taken = row.net_minor if row.accepted_at is not None else row.came_minor
    ledger.take_back(
        taken, source=(SUBJECT, row.id), clearing="bank", kind="takeback.correction", actor=actor,
        bearer_pool_id=general_pool_id(), key=f"refund:{refund.id}:correction",
        fee_minor=row.fee_minor if row.accepted_at is not None else 0,
    )
    refund.settled_minor, refund.succeeded_at = taken, clock.now()
    REFUND.apply(refund, "succeed", REFUNDS)
    CONTRIBUTION.apply(row, "correct", REFUNDS, data={"refund": str(refund.id)})
    row.back_minor = row.came_minor
    unsettle(pledge, row.settles_minor, REFUNDS, {"refund": str(refund.id)})
    credit_note(pledge, row, share(refund), REFUNDS, ("refund", refund.id))


@command
def record_bank_refund(
    refund_id: uuid.UUID, bank_reference: str, fee_minor: int, actor: Actor, expected_version: int
) -> None:
    """The bank has sent an approved refund of a transfer, under its reference; `fee_minor` US cents it charged for that
    are borne by the money without an earmark. Raises NotAllowed, NotFound, IllegalMove, Stale, RuleBroken."""
    require(actor, "contribution.deposit")
    pledge, row, refund = locked_refund(refund_id, expected_version)
    if row.bank_reference is None:
        raise IllegalMove(code="refund.record.not_by_bank")
    if actor.person_id in (refund.requested_by, refund.approved_by):
        raise RuleBroken(_("You asked for this refund or approved it: somebody else records what the bank did."),
                         code="refund.same_person")
    if not bank_reference.strip():
        raise RuleBroken(_("Write the bank's reference."), code="refund.no_reference", field="bank_reference")
    refund.bank_reference, refund.recorded_by = bank_reference.strip(), actor.person_id
    REFUND.apply(refund, "record", actor)
    if fee_minor:
        ledger.charge_fee(general_pool_id(), fee_minor, clearing="bank", subject=("refund", refund.id),
                          key=f"refund:{refund.id}:fee", actor=actor)
    paid(pledge, row, refund, refund.usd_minor, "bank", actor)
