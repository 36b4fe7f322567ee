"""Commands on money going back: refused by the head, or asked for by one person and approved by another. What Stripe
says of it is applied in refund_settling.py."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, timedelta

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.exc import IntegrityError

from accounts.permissions import require
from core import clock
from core.actor import Actor
from core.db import command, db, get
from core.errors import IllegalMove, RuleBroken, Stale
from core.money import Money, usd
from core.web.formats import format_day, format_money
from sponsorship.contributions import notices
from sponsorship.contributions.back_models import Refund
from sponsorship.contributions.bank_lines import MOST_BANK_FEE, check_day, checked_reference
from sponsorship.contributions.going_back import (
    SUBJECT,
    disputed_of,
    left_of,
    refund_under_way,
    share_of,
    undecided_dispute,
)
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.contributions.money_in import locked
from sponsorship.contributions.pools import general_pool_id
from sponsorship.contributions.receipts import papers_follow
from sponsorship.contributions.refund_books import (
    REFUNDS,
    effect,
    hold,
    locked_refund,
    new_refund,
    not_free,
    paid,
)
from sponsorship.contributions.schedules import unsettle
from sponsorship.contributions.transitions import CONTRIBUTION, REFUND
from sponsorship.ledger import service as ledger

REFUSALS = {
    "due_diligence": _l("The check of the donor did not allow it"),
    "purpose": _l("Its purpose is not the fund’s"),
    "donor_asked": _l("The donor asked for it back"),
    "paid_twice": _l("It was paid twice"),
    "agreement_ended": _l("The agreement ended with money unspent"),
    "other": _l("Another reason"),
}
WRONG_ENTRY = "wrong_entry"  # the reason of a correction; nobody chooses it
REASONS = {**REFUSALS, WRONG_ENTRY: _l("It was recorded by mistake")}


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
    CONTRIBUTION.move(row.state, "refuse")
    _undisputed(row)
    _none_under_way(row, elsewhere=True)
    row.refusal_code = code
    CONTRIBUTION.apply(row, "refuse", actor, expected_version=expected_version, reason=code, text=words or None)
    return _refuse(pledge, row, code, actor)


@command
def send_again(contribution_id: uuid.UUID, actor: Actor) -> uuid.UUID:
    """After the refund of a contribution that was not accepted failed: a new one, under a new key. Raises NotAllowed,
    NotFound, IllegalMove, RuleBroken."""
    require(actor, "contribution.refund")
    pledge, row = locked(contribution_id)
    if row.state != "refund_due" or not left_of(row).amount:
        raise IllegalMove(code="contribution.refund_again")
    _undisputed(row)
    _none_under_way(row, elsewhere=True)
    return _refuse(pledge, row, row.refusal_code or "other", actor)


def _refuse(pledge: Pledge, row: Contribution, code: str, actor: Actor) -> uuid.UUID:
    left = left_of(row)
    if not left.usd_minor:
        raise RuleBroken(_("Nothing of this contribution is left in the books. Agree with the donor what is owed."),
                         code="refund.nothing_left")
    refund = new_refund(row, "refusal", left, code, actor, state="created")
    hold(row, refund, actor)
    _begun(pledge, row, refund)
    return refund.id


def _begun(pledge: Pledge, row: Contribution, refund: Refund) -> None:
    notices.refund_begun(pledge, row, refund)
    if row.stripe_payment_intent_id is None:
        notices.refund_to_transfer(row, refund)


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
    if not words.strip():
        raise RuleBroken(_("Write why, for whoever approves it."), code="refund.no_words", field="note")
    _undisputed(row)
    _none_under_way(row)
    left = left_of(row)
    if not 0 < amount_minor <= left.amount.minor:
        raise RuleBroken(not_left(left.amount), code="refund.amount", field="amount")
    share = share_of(left, Money(amount_minor, left.amount.currency))
    if not share.usd_minor:
        raise RuleBroken(_("Write a larger amount: this is worth less than one US cent."), code="refund.too_small",
                         field="amount")
    found = effect(row, share.usd_minor)
    if not found.possible:
        raise not_free(row, left, found)
    refund = new_refund(row, "refund", share, code, actor, words)
    notices.refund_requested(row, refund)
    return refund.id


def not_left(most: Money) -> str:
    """What is wrong with an amount that is not left of a contribution, in words."""
    return _("Write an amount above zero and up to %(most)s, which has not gone back yet.", most=format_money(most))


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
    refund = new_refund(row, "correction", left_of(row), WRONG_ENTRY, actor, words)
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


def _none_under_way(row: Contribution, *, elsewhere: bool = False) -> None:
    """No refund of ours is under way; nor (`elsewhere`) one made at Stripe, whose money still waits in suspense: it
    would be set aside with the rest, and be nobody's when that refund failed."""
    if refund_under_way(row.id, elsewhere=elsewhere):
        raise RuleBroken(_("A refund of this contribution is under way. Wait until it has ended."),
                         code="refund.under_way")


def _undisputed(row: Contribution) -> None:
    if undecided_dispute(row.id) is not None:
        raise RuleBroken(_("The donor’s bank disputes this payment: Stripe sends nothing back until that is decided."),
                         code="refund.disputed")


# --- approval ---------------------------------------------------------------------------------------------------
@command
def approve_refund(refund_id: uuid.UUID, actor: Actor, expected_version: int) -> None:
    """Approve what somebody else asked for: its money is set aside now (a correction is made now). Raises NotAllowed,
    NotFound, IllegalMove, Stale, RuleBroken (the same person; the money is no longer free, or went back meanwhile;
    disputed): then nothing is written."""
    require(actor, "contribution.refund.approve")
    pledge, row, refund = locked_refund(refund_id, expected_version)
    if refund.requested_by == actor.person_id:
        raise RuleBroken(_("You asked for this yourself: somebody else approves it."), code="refund.same_person")
    REFUND.move(refund.state, "approve")
    if refund.kind == "refund":
        _still_possible(row, refund)
    refund.approved_by, refund.asked_at = actor.person_id, clock.real_now()
    REFUND.apply(refund, "approve", actor)
    if refund.kind == "correction":
        _correct(pledge, row, refund, actor)
        return
    try:
        hold(row, refund, actor)
    except ledger.NotEnoughMoney as lacking:  # promised by somebody between our look and the lock
        raise not_free(row, left_of(row, but=refund.id), effect(row, refund.usd_minor)) from lacking
    _begun(pledge, row, refund)


def _still_possible(row: Contribution, refund: Refund) -> None:
    """What was asked for may have gone back otherwise meanwhile; what is left decides its worth."""
    _undisputed(row)
    left = left_of(row, but=refund.id)
    if refund.amount_minor > left.amount.minor:
        raise RuleBroken(
            _("Only %(left)s has not gone back yet: part of it was sent back otherwise since this was asked for. Do "
              "not approve it; a smaller refund can be asked for.", left=format_money(left.amount)),
            code="refund.gone_meanwhile")
    refund.usd_minor = max(share_of(left, Money(refund.amount_minor, refund.currency)).usd_minor, 1)
    found = effect(row, refund.usd_minor)
    if not found.possible:
        raise not_free(row, left, found)


@command
def decline_refund(refund_id: uuid.UUID, actor: Actor, words: str, expected_version: int) -> None:
    """Do not approve it. Raises NotAllowed, NotFound, IllegalMove, Stale, RuleBroken."""
    require(actor, "contribution.refund.approve")
    _pledge, row, refund = locked_refund(refund_id, expected_version)
    if not words.strip():
        raise RuleBroken(_("Write why, for the record."), code="refund.no_words", field="note")
    REFUND.apply(refund, "decline", actor, text=words)
    notices.refund_declined(row, refund)


def _correct(pledge: Pledge, row: Contribution, refund: Refund, actor: Actor) -> None:
    assert row.net_minor is not None and row.fee_minor is not None and row.settles_minor is not None
    if row.back_minor:
        raise RuleBroken(_("Part of this deposit went back since: it can no longer be corrected."),
                         code="refund.not_correctable")
    ledger.take_back(
        row.net_minor, source=(SUBJECT, row.id), clearing="bank", kind="takeback.correction", actor=actor,
        bearer_pool_id=general_pool_id(), key=f"refund:{refund.id}:correction", fee_minor=row.fee_minor,
    )
    refund.settled_minor, refund.succeeded_at = row.net_minor, clock.now()
    REFUND.apply(refund, "succeed", REFUNDS)
    CONTRIBUTION.apply(row, "correct", REFUNDS, data={"refund": str(refund.id)})
    row.back_minor = row.came_minor
    unsettle(pledge, row.settles_minor, REFUNDS, {"refund": str(refund.id)},
             disputed_of([pledge.id]).get(pledge.id, 0))
    if row.accepted_at is not None:
        papers_follow(pledge, row, 0, REFUNDS, ("refund", refund.id))
    notices.deposit_corrected(pledge, row, refund)


@dataclass(frozen=True)
class BankRefund:
    """What the bank did with an approved refund of a transfer: its reference, the day it left the account, the US cents
    that left it, and what the bank charged beside them."""

    bank_reference: str
    value_date: date
    cost_minor: int
    fee_minor: int = 0


@command
def record_bank_refund(refund_id: uuid.UUID, done: BankRefund, actor: Actor, expected_version: int) -> None:
    """The bank has sent an approved refund of a transfer. Its fee is borne by the money without an earmark, and so is
    what the refund cost beyond (or short of) what was set aside, where it was not in US dollars.

    Raises NotAllowed, NotFound, IllegalMove, Stale, RuleBroken (with its field).
    """
    require(actor, "contribution.deposit")
    pledge, row, refund = locked_refund(refund_id, expected_version)
    if row.bank_reference is None:
        raise IllegalMove(code="refund.record.not_by_bank")
    if actor.person_id in (refund.requested_by, refund.approved_by):
        raise RuleBroken(_("You asked for this refund or approved it: somebody else records what the bank did."),
                         code="refund.same_person")
    REFUND.move(refund.state, "record")
    reference = _checked(refund, done)
    try:
        with db.session.begin_nested():
            refund.bank_reference, refund.recorded_by = reference, actor.person_id
            REFUND.apply(refund, "record", actor, data={"value_date": done.value_date.isoformat()})
            db.session.flush()
    except IntegrityError:  # somebody recorded the same line between our look and the index
        checked_reference(reference)
        raise
    if done.fee_minor:
        ledger.charge_fee(general_pool_id(), done.fee_minor, clearing="bank", subject=("refund", refund.id),
                          key=f"refund:{refund.id}:fee", actor=actor)
    paid(pledge, row, refund, done.cost_minor, "bank", actor)


def check_bank_refund(refund_id: uuid.UUID, done: BankRefund) -> str:
    """The bank's reference as it would be kept. Reads only. Raises NotFound, RuleBroken (with its field)."""
    return _checked(get(Refund, refund_id), done)


def _checked(refund: Refund, done: BankRefund) -> str:
    reference = checked_reference(done.bank_reference)
    check_day(done.value_date)
    asked_on = refund.created_at.date()
    if done.value_date < asked_on - timedelta(days=1):  # a day, because the bank's may still be yesterday
        raise RuleBroken(_("The bank cannot have sent it before it was asked for, on %(day)s. Check the day.",
                           day=format_day(asked_on)), code="refund.too_early", field="value_date")
    if done.fee_minor < 0 or done.fee_minor > MOST_BANK_FEE:
        raise RuleBroken(_("Check the bank’s fee: it is more than %(most)s.", most=format_money(usd(MOST_BANK_FEE))),
                         code="refund.fee", field="fee")
    if refund.currency == "USD" and done.cost_minor != refund.amount_minor:
        raise RuleBroken(_("%(amount)s was to go back, so exactly that leaves the account. Write the bank’s fee apart.",
                           amount=format_money(usd(refund.amount_minor))), code="refund.cost", field="cost")
    if not refund.usd_minor <= 2 * done.cost_minor <= 4 * refund.usd_minor:
        raise RuleBroken(
            _("Check the amount: %(expected)s was set aside for this refund.",
              expected=format_money(usd(refund.usd_minor))),
            code="refund.cost", field="cost")
    return reference
