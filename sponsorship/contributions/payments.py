"""Commands on card payments: an attempt to pay, and what Stripe says of it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import func, select

from accounts.permissions import allows
from core import clock, events
from core.actor import Actor, system
from core.db import command, db, lock
from core.errors import IllegalMove, NotFound, RuleBroken
from core.money import Money
from core.references import next_reference
from core.web.formats import format_money
from sponsorship.contributions import fund_settings
from sponsorship.contributions.links import opens
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.contributions.money_in import SUBJECT, Came, locked, record_money
from sponsorship.contributions.schedules import is_open, next_part
from sponsorship.contributions.transitions import CONTRIBUTION, LIVE
from sponsorship.gateways.stripe_digits import WireAmountError, most_at_once, to_wire
from sponsorship.gateways.stripe_facts import SessionFacts
from sponsorship.gateways.stripe_money_facts import PaymentFacts

CHECKOUT = system("checkout")
SWEEP = system("stripe-sweep")
SESSION_LIFE = timedelta(hours=2)
KEY_LIFE = timedelta(hours=23)  # Stripe may forget an idempotency key after a day
CLOSING = timedelta(minutes=1)


@dataclass(frozen=True)
class Attempt:
    """One attempt to pay. `url` is set when its page is already open; `to_close` when its page asks for another amount,
    or is about to close: it must be closed at Stripe before another attempt may begin."""

    contribution_id: uuid.UUID
    reference: str
    amount: Money
    key: str
    expires_at: datetime
    locale: str = "en"
    url: str | None = None
    to_close: bool = False


@command
def start_payment(
    pledge_id: uuid.UUID, actor: Actor, token: str | None = None, amount_minor: int | None = None
) -> Attempt:
    """Store an attempt to pay by card and its idempotency key, before Stripe is asked: `amount_minor` of the pledge's
    currency, by default what an open page asks for, else what is due next. A live attempt is resumed, never doubled.
    Raises NotFound (also for another's pledge), RuleBroken."""
    pledge = lock(Pledge, pledge_id)
    if not may_pay(pledge, actor, token):
        raise NotFound()
    if not is_open(pledge):
        raise RuleBroken(_("This pledge is no longer open for payment."), code="contribution.not_payable")
    if not fund_settings.cards_accepted():
        raise RuleBroken(_("The fund does not take cards now. Please pay by bank transfer."),
                         code="contribution.no_cards")
    if live_payment(pledge, "invoice") is not None:
        raise RuleBroken(_("An invoice for this pledge is out. Please pay it on its own page, by card or by bank "
                           "transfer."), code="contribution.invoice_out")
    live = live_payment(pledge, "card")
    wanted = amount_minor
    if live is not None and wanted is None and live.amount_minor <= pledge.outstanding_minor:
        wanted = live.amount_minor
    amount = amount_to_pay(pledge, wanted)
    check_carried(amount)
    if live is not None:
        same = live.amount_minor == amount.minor
        if live.state == "checkout":
            return _attempt(live, pledge, keep=same)
        if same and live.opened_at > clock.real_now() - KEY_LIFE:
            return _attempt(live, pledge)
        # nobody was given the address of a page that was never opened
        CONTRIBUTION.apply(live, "fail", CHECKOUT, reason="replaced" if not same else "key_too_old")
    return _attempt(_new_attempt(pledge, amount, actor), pledge)


def live_payment(pledge: Pledge, method: str) -> Contribution | None:
    """The payment of this kind that is under way for a locked pledge, locked; the database allows one."""
    found = db.session.scalar(select(Contribution.id).where(
        Contribution.pledge_id == pledge.id, Contribution.method == method, Contribution.state.in_(LIVE)))
    return lock(Contribution, found) if found is not None else None


def amount_to_pay(pledge: Pledge, amount_minor: int | None) -> Money:
    """What is to be paid now: what was asked for, else what is due next. Raises RuleBroken (field `amount`)."""
    part = next_part(pledge)
    wanted = amount_minor if amount_minor is not None else part.left.minor if part else pledge.outstanding_minor
    if not 0 < wanted <= pledge.outstanding_minor:
        raise RuleBroken(
            _("Write an amount above zero and up to %(most)s, which is still to be paid.",
              most=format_money(Money(pledge.outstanding_minor, pledge.currency))),
            code="contribution.amount", field="amount")
    return Money(wanted, pledge.currency)


def card_limit(currency: str) -> Money | None:
    """The most that one card payment carries in this currency; None where cards do not carry it at all."""
    return most_at_once(currency)


def check_carried(amount: Money) -> None:
    """Raises RuleBroken where Stripe cannot carry this amount: too much at once, or too small a part of the unit."""
    limit = most_at_once(amount.currency)
    if limit is None:
        raise RuleBroken(_("Cards do not carry %(currency)s here. Please pay by bank transfer.",
                           currency=amount.currency), code="contribution.too_large_for_card")
    if amount > limit:
        raise RuleBroken(_("A card payment carries at most %(amount)s. Please pay in parts, or by bank transfer.",
                           amount=format_money(limit)), code="contribution.too_large_for_card")
    try:
        to_wire(amount)
    except WireAmountError as error:
        raise RuleBroken(
            _("Cards do not carry such a small part of %(currency)s. Write an amount that ends in 0.",
              currency=amount.currency), code="contribution.too_fine", field="amount") from error


def may_pay(pledge: Pledge, actor: Actor, token: str | None) -> bool:
    """Whether this person, or whoever holds this private link, gives for the pledge's donor."""
    if pledge.organisation_id is not None:
        return allows(actor, "contribution.own", pledge.organisation_id)
    return opens(pledge, token)


def _new_attempt(pledge: Pledge, amount: Money, actor: Actor) -> Contribution:
    real = clock.real_now()
    return new_contribution(
        pledge, amount, actor, method="card",
        expires_at=(real + SESSION_LIFE).replace(microsecond=0),  # whole seconds: the key is tied to what was sent
    )


def new_contribution(pledge: Pledge, amount: Money, actor: Actor, *, method: str, **values: object) -> Contribution:
    """A new payment towards a locked pledge, not yet begun, with a key of its own."""
    number = (db.session.scalar(
        select(func.max(Contribution.attempt)).where(Contribution.pledge_id == pledge.id)
    ) or 0) + 1
    row = Contribution(
        reference=next_reference("CTR", clock.today().year), pledge_id=pledge.id, attempt=number, method=method,
        currency=amount.currency, amount_minor=amount.minor, back_minor=0,
        idempotency_key=f"{'checkout' if method == 'card' else method}-{pledge.id}-{number}", created_at=clock.now(),
        opened_at=clock.real_now(), **values,
    )
    db.session.add(row)
    db.session.flush()  # the event names the row
    events.record(actor, "contributions.contribution.start", SUBJECT, row.id, to_state=row.state,
                  data={"pledge": str(pledge.id), "attempt": number, "method": method,
                        "amount_minor": row.amount_minor, "currency": row.currency})
    return row


def _attempt(row: Contribution, pledge: Pledge, *, keep: bool = True) -> Attempt:
    opened = row.state == "checkout"
    assert row.expires_at is not None, "a card payment's page closes"
    to_close = opened and (not keep or row.expires_at <= clock.real_now() + CLOSING)
    return Attempt(
        row.id, row.reference, Money(row.amount_minor, row.currency), row.idempotency_key, row.expires_at,
        locale=pledge.locale, url=row.checkout_url if opened and not to_close else None, to_close=to_close,
    )


@command
def checkout_opened(contribution_id: uuid.UUID, facts: SessionFacts) -> str:
    """Store the session that Stripe opened; the address to send the donor to. Repeating it changes nothing.
    Raises NotFound, IllegalMove when the attempt was given up meanwhile."""
    _pledge, row = locked(contribution_id)
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
    _pledge, row = locked(contribution_id)
    if row.state in LIVE:
        CONTRIBUTION.apply(row, "fail", CHECKOUT, reason=code[:60])


@command
def note_checked(contribution_id: uuid.UUID) -> None:
    """Remember that Stripe was asked about an attempt, so that the sweep does not ask again at once."""
    _pledge, row = locked(contribution_id)
    row.checked_at = clock.real_now()


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
    pledge, row = locked(contribution_id)
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
    if facts.amount is None:
        return Settled("differs", problem="currency_differs")
    payment = PaymentFacts(facts.payment_intent_id, facts.amount, facts.charge_id, facts.fee, facts.net, facts.paid_at)
    problem = differs(row, payment)
    if problem:
        return Settled("differs", problem=problem)
    row.stripe_session_id = row.stripe_session_id or facts.session_id
    return Settled("received" if record_payment(pledge, row, payment, actor) else "held")


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


# --- what every payment at Stripe has in common -----------------------------------------------------------------
def differs(row: Contribution, payment: PaymentFacts) -> str:
    """The first difference between what was asked and what was paid, to the cent: the code of a problem, or empty."""
    asked = Money(row.amount_minor, row.currency)
    if payment.amount.currency != asked.currency:
        return "currency_differs"
    if payment.amount != asked:
        return "amount_differs"
    assert payment.fee is not None and payment.net is not None
    if payment.fee.currency != "USD" or payment.net.currency != "USD":
        return "settled_in_other_currency"
    came = payment.fee + payment.net
    if payment.fee.minor < 0 or payment.net.minor <= 0 or (asked.currency == "USD" and came != asked):
        return "fee_differs"
    other = db.session.scalar(
        select(Contribution.id).where(
            Contribution.stripe_payment_intent_id == payment.payment_intent_id, Contribution.id != row.id)
    )
    return "payment_used_twice" if other is not None else ""


def record_payment(
    pledge: Pledge, row: Contribution, payment: PaymentFacts, actor: Actor, *,
    moves: tuple[str, str] = ("receive", "hold"),
) -> bool:
    """Record a payment in which nothing differs, on a locked contribution; whether it went into its pool at once."""
    assert payment.fee is not None and payment.net is not None
    row.stripe_payment_intent_id, row.stripe_charge_id = payment.payment_intent_id, payment.charge_id
    came = Came(payment.amount, payment.fee.minor, payment.net.minor, payment.amount.minor,
                key=f"stripe:{payment.payment_intent_id}", day=day_of(payment.paid_at))
    return record_money(pledge, row, came, actor, moves=moves)


def day_of(paid_at: datetime | None) -> date:
    """The business day of something that Stripe dates in real time: news that came late is valued as on its own day."""
    return (clock.now() - max(clock.real_now() - (paid_at or clock.real_now()), timedelta(0))).date()
