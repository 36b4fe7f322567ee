"""Commands on money coming in: an attempt to pay, what Stripe says of it, acceptance.

Locks, always in this order: the inbox event (by its caller), pledge, contribution, refund, then ledger accounts.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import func, select

from accounts.permissions import allows, require
from core import clock, events
from core.actor import Actor, system
from core.db import command, db, lock
from core.errors import IllegalMove, NotFound, RuleBroken
from core.money import Money, usd
from core.references import next_number, next_reference
from core.web.formats import format_money
from sponsorship.contributions import notices
from sponsorship.contributions.agreements import in_force
from sponsorship.contributions.links import opens
from sponsorship.contributions.models import Agreement, Contribution, Pledge, Receipt
from sponsorship.contributions.pools import general_pool_id
from sponsorship.contributions.transitions import CONTRIBUTION, LIVE, PLEDGE
from sponsorship.gateways.stripe_gateway import SessionFacts
from sponsorship.ledger import service as ledger

CHECKOUT = system("checkout")
SWEEP = system("stripe-sweep")
CARD_LIMIT_MINOR = 999_999_99  # Stripe takes at most eight digits in one charge
SESSION_LIFE = timedelta(hours=2)
KEY_LIFE = timedelta(hours=23)  # Stripe may forget an idempotency key after a day
CLOSING = timedelta(minutes=1)
SUBJECT = "contribution"


@dataclass(frozen=True)
class Attempt:
    """One attempt to pay. `url` is set when its page is already open; `to_check` when the page has closed, or is
    about to, and Stripe must be asked what became of it before another attempt may begin."""

    contribution_id: uuid.UUID
    reference: str
    amount: Money
    key: str
    expires_at: datetime
    session_id: str | None = None
    url: str | None = None
    to_check: bool = False


@command
def start_payment(pledge_id: uuid.UUID, actor: Actor, token: str | None = None) -> Attempt:
    """Store an attempt to pay the whole pledge and its idempotency key, before Stripe is asked. A live attempt is
    resumed, never doubled. Raises NotFound (also for another's pledge), RuleBroken."""
    pledge = lock(Pledge, pledge_id)
    if not _may_pay(pledge, actor, token):
        raise NotFound()
    if pledge.state != "announced":
        raise RuleBroken(_("This pledge is no longer open for payment."), code="contribution.not_payable")
    if pledge.amount_minor > CARD_LIMIT_MINOR:
        raise RuleBroken(
            _("A card payment carries at most %(amount)s. The fund's office will write to you about a bank transfer.",
              amount=format_money(usd(CARD_LIMIT_MINOR))), code="contribution.too_large_for_card",
        )
    live = db.session.scalars(
        select(Contribution).where(Contribution.pledge_id == pledge.id, Contribution.state.in_(LIVE))
    ).first()
    if live is not None:
        live = lock(Contribution, live.id)
        if live.state == "checkout" or live.opened_at > clock.real_now() - KEY_LIFE:
            return _attempt(live)
        CONTRIBUTION.apply(live, "fail", CHECKOUT, reason="key_too_old")
    return _attempt(_new_attempt(pledge, actor))


def _may_pay(pledge: Pledge, actor: Actor, token: str | None) -> bool:
    if pledge.organisation_id is not None:
        return allows(actor, "contribution.own", pledge.organisation_id)
    return opens(pledge, token)


def _new_attempt(pledge: Pledge, actor: Actor) -> Contribution:
    number = (db.session.scalar(
        select(func.max(Contribution.attempt)).where(Contribution.pledge_id == pledge.id)
    ) or 0) + 1
    real = clock.real_now()
    row = Contribution(
        reference=next_reference("CTR", clock.today().year), pledge_id=pledge.id, attempt=number,
        currency=pledge.currency, amount_minor=pledge.amount_minor,
        idempotency_key=f"checkout-{pledge.id}-{number}", created_at=clock.now(), opened_at=real,
        expires_at=(real + SESSION_LIFE).replace(microsecond=0),  # whole seconds: the key is tied to what was sent
    )
    db.session.add(row)
    db.session.flush()  # the event names the row
    events.record(actor, "contributions.contribution.start", SUBJECT, row.id, to_state=row.state,
                  data={"pledge": str(pledge.id), "attempt": number, "amount_minor": row.amount_minor})
    return row


def _attempt(row: Contribution) -> Attempt:
    in_checkout = row.state == "checkout"
    closing = in_checkout and row.expires_at <= clock.real_now() + CLOSING
    return Attempt(
        row.id, row.reference, Money(row.amount_minor, row.currency), row.idempotency_key, row.expires_at,
        session_id=row.stripe_session_id, url=row.checkout_url if in_checkout and not closing else None,
        to_check=closing,
    )


@command
def checkout_opened(contribution_id: uuid.UUID, facts: SessionFacts) -> str:
    """Store the session that Stripe opened; the address to send the donor to. Repeating it changes nothing.
    Raises NotFound, IllegalMove when the attempt was given up meanwhile."""
    row = _locked(contribution_id)
    if row.state == "checkout" and row.stripe_session_id == facts.session_id and row.checkout_url:
        return row.checkout_url
    if facts.url is None:
        raise IllegalMove(code="contribution.open.no_address")
    row.stripe_session_id, row.checkout_url = facts.session_id, facts.url
    row.expires_at = facts.expires_at or row.expires_at
    CONTRIBUTION.apply(row, "open", CHECKOUT, data={"session": facts.session_id})
    return facts.url


@command
def checkout_failed(contribution_id: uuid.UUID, code: str) -> None:
    """Give up an attempt that never reached a payment page (or whose session Stripe does not know). Does nothing
    when it has moved on. Raises NotFound."""
    row = _locked(contribution_id)
    if row.state in LIVE:
        CONTRIBUTION.apply(row, "fail", CHECKOUT, reason=code[:60])


@command
def note_checked(contribution_id: uuid.UUID) -> None:
    """Remember that Stripe was asked about an attempt, so that the sweep does not ask again at once."""
    _locked(contribution_id).checked_at = clock.real_now()


def _locked(contribution_id: uuid.UUID) -> Contribution:
    pledge_id = db.session.scalar(select(Contribution.pledge_id).where(Contribution.id == contribution_id))
    if pledge_id is None:
        raise NotFound()
    lock(Pledge, pledge_id)
    return lock(Contribution, contribution_id)


# --- what Stripe says -------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Settled:
    """What became of a session's news. `problem` is empty, or the code of what a person must look at; then nothing
    was written. `waiting` when Stripe has not finished with the payment."""

    word: str
    problem: str = ""
    waiting: bool = False


@command
def settle_session(facts: SessionFacts, actor: Actor, livemode: bool) -> Settled:
    """Apply what Stripe says of a Checkout session; safe to repeat, in any order, from webhook and sweep alike.

    A paid session is recorded once, under its PaymentIntent, whatever state the attempt is in. A difference in
    amount, currency, mode or ownership writes nothing and names the problem.
    """
    contribution_id = _whose(facts)
    if contribution_id is None:
        return Settled("unknown", problem="unknown_session")
    row = _locked(contribution_id)
    pledge = db.session.get_one(Pledge, row.pledge_id)
    problem = _foreign(row, facts, livemode)
    if problem:
        return Settled("foreign", problem=problem)
    if not facts.is_paid:
        row.checked_at = clock.real_now()
        return _not_paid(row, facts, actor)
    if row.received_at is not None:
        same = row.stripe_payment_intent_id == facts.payment_intent_id
        return Settled("known") if same else Settled("foreign", problem="another_payment")
    if facts.payment_intent_id is None or facts.fee is None or facts.net is None:
        return Settled("not booked", waiting=True)
    problem = _differs(row, facts)
    if problem:
        return Settled("differs", problem=problem)
    return _record_payment(pledge, row, facts, actor)


def _whose(facts: SessionFacts) -> uuid.UUID | None:
    by_session = db.session.scalar(
        select(Contribution.id).where(Contribution.stripe_session_id == facts.session_id)
    )
    if by_session is not None:
        return by_session
    # the answer to our call may have been lost: then only our own words in the session lead to the attempt
    for text in (facts.metadata.get("placard_contribution"), facts.client_reference_id):
        try:
            wanted = uuid.UUID(text or "")
        except ValueError:
            continue
        return db.session.scalar(select(Contribution.id).where(Contribution.id == wanted))
    return None


def _foreign(row: Contribution, facts: SessionFacts, livemode: bool) -> str:
    if facts.livemode != livemode:
        return "other_mode"
    if facts.metadata.get("placard_contribution") != str(row.id) or facts.client_reference_id != str(row.id):
        return "foreign_metadata"
    if row.stripe_session_id not in (None, facts.session_id):
        return "another_session"
    return ""


def _not_paid(row: Contribution, facts: SessionFacts, actor: Actor) -> Settled:
    if facts.status != "expired" or row.state not in LIVE:
        return Settled("not paid")
    action = "expire" if row.state == "checkout" else "fail"
    CONTRIBUTION.apply(row, action, actor, reason="session_expired")
    return Settled(action)


def _differs(row: Contribution, facts: SessionFacts) -> str:
    """The first difference between what was asked and what was paid, to the cent."""
    asked = Money(row.amount_minor, row.currency)
    if facts.amount is None or facts.amount.currency != asked.currency:
        return "currency_differs"
    if facts.amount != asked:
        return "amount_differs"
    assert facts.fee is not None and facts.net is not None
    if facts.fee.currency != "USD" or facts.net.currency != "USD":
        return "settled_in_other_currency"
    if facts.fee.minor < 0 or facts.net.minor <= 0 or facts.fee + facts.net != asked:
        return "fee_differs"
    other = db.session.scalar(
        select(Contribution.id).where(
            Contribution.stripe_payment_intent_id == facts.payment_intent_id, Contribution.id != row.id)
    )
    return "payment_used_twice" if other is not None else ""


def _record_payment(pledge: Pledge, row: Contribution, facts: SessionFacts, actor: Actor) -> Settled:
    assert facts.amount is not None and facts.fee is not None and facts.net is not None
    agreement = db.session.get_one(Agreement, pledge.agreement_id) if pledge.agreement_id else None
    # a second payment, or one after the agreement ended, is nobody's to accept by rule: it waits for a person
    into_pool = agreement is not None and pledge.state == "announced" and in_force(agreement, clock.today())
    with db.session.no_autoflush:  # constraints tie these columns to the state: all change in one statement
        row.stripe_session_id = row.stripe_session_id or facts.session_id
        row.stripe_payment_intent_id, row.stripe_charge_id = facts.payment_intent_id, facts.charge_id
        row.gross_minor, row.fee_minor, row.net_minor = facts.amount.minor, facts.fee.minor, facts.net.minor
        row.received_at = clock.now()
        if into_pool and agreement is not None:
            row.pool_id, row.accepted_at = agreement.pool_id, row.received_at
        data: dict[str, object] = {"gross_minor": row.gross_minor, "fee_minor": row.fee_minor,
                                   "payment": facts.payment_intent_id}
        CONTRIBUTION.apply(row, "receive" if into_pool else "hold", actor, data=data)
    key = f"stripe:{facts.payment_intent_id}:payment"
    if into_pool and agreement is not None:
        ledger.receive(
            agreement.pool_id, facts.amount.minor, fee_minor=facts.fee.minor, clearing="stripe_clearing",
            source=(SUBJECT, row.id), key=key, actor=actor, rate_bp=agreement.support_rate_bp,
            end_date=agreement.end_date,
        )
    else:
        ledger.receive_in_suspense(
            facts.amount.minor, fee_minor=facts.fee.minor, clearing="stripe_clearing", source=(SUBJECT, row.id),
            key=key, actor=actor,
        )
    if PLEDGE.find(pledge.state, "pay"):
        PLEDGE.apply(pledge, "pay", actor, data={"contribution": str(row.id)})
    if into_pool:
        _issue_receipt(pledge, row, actor)
    else:
        notices.payment_waits(pledge, row)
    return Settled("received" if into_pool else "held")


# --- acceptance -------------------------------------------------------------------------------------------------
@command
def accept(contribution_id: uuid.UUID, actor: Actor, words: str, expected_version: int | None = None) -> uuid.UUID:
    """The head of the fund accepts a contribution held in suspense, saying what was checked: its money enters the
    pool that the pledge names. The receipt's id. Raises NotAllowed, NotFound, IllegalMove, Stale, RuleBroken."""
    require(actor, "contribution.accept")
    row = _locked(contribution_id)
    pledge = db.session.get_one(Pledge, row.pledge_id)
    if not words.strip():
        raise RuleBroken(_("Write what was checked, and by whom."), code="contribution.no_reason", field="checked")
    pool_id = pledge.pool_id or general_pool_id()
    agreement = db.session.get_one(Agreement, pledge.agreement_id) if pledge.agreement_id else None
    with db.session.no_autoflush:
        row.pool_id, row.accepted_at, row.accepted_by = pool_id, clock.now(), actor.person_id
        CONTRIBUTION.apply(row, "accept", actor, expected_version=expected_version, text=words,
                           data={"pool": str(pool_id)})
    ledger.accept_from_suspense(
        pool_id, source=(SUBJECT, row.id), key=f"stripe:{row.stripe_payment_intent_id}:acceptance", actor=actor,
        rate_bp=agreement.support_rate_bp if agreement else ledger.STANDARD_RATE_BP,
        end_date=agreement.end_date if agreement else None,
    )
    return _issue_receipt(pledge, row, actor).id


def _issue_receipt(pledge: Pledge, row: Contribution, actor: Actor) -> Receipt:
    assert row.gross_minor is not None and row.received_at is not None
    issued_at = clock.now()
    sequence = next_number("RCT", issued_at.year)
    receipt = Receipt(
        number=f"RCT-{issued_at.year}-{sequence:04d}", year=issued_at.year, sequence=sequence, contribution_id=row.id,
        currency=row.currency, gross_minor=row.gross_minor, received_at=row.received_at, issued_at=issued_at,
    )
    db.session.add(receipt)
    db.session.flush()  # the event names the row
    events.record(actor, "contributions.receipt.issue", "receipt", receipt.id,
                  data={"number": receipt.number, "contribution": str(row.id), "amount_minor": receipt.gross_minor})
    notices.receipt_issued(pledge, row, receipt)
    return receipt
