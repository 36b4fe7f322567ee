"""Commands on invoices for instalments: ordered, sent, closed, and what Stripe says of them. The calls between these
are in invoicing.py."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from flask_babel import gettext as _
from sqlalchemy import select

from accounts.permissions import allows, require
from accounts.service import in_language
from core import clock, events
from core.actor import Actor, system
from core.db import command, db, lock, new_id
from core.errors import NotFound, RuleBroken
from core.money import Money
from core.web.formats import format_day
from sponsorship.contributions import fund_settings
from sponsorship.contributions.customers import billing_of
from sponsorship.contributions.invoice_models import CLOSINGS, DonorInvoice
from sponsorship.contributions.invoice_states import INVOICE
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.contributions.money_in import locked
from sponsorship.contributions.payments import (
    check_carried,
    differs,
    live_payment,
    may_pay,
    new_contribution,
    record_payment,
)
from sponsorship.contributions.schedules import instalments, is_open, next_part
from sponsorship.contributions.transitions import CONTRIBUTION, LIVE, OPEN
from sponsorship.gateways.stripe_invoices import TRANSFERS
from sponsorship.gateways.stripe_money_facts import InvoiceFacts

INVOICES = system("invoices")
PAYABLE = ("open", "uncollectible")  # at Stripe, whatever we expect
USUAL_TERM = timedelta(days=30)
LONGEST_TERM = timedelta(days=5 * 365)


@dataclass(frozen=True)
class Order:
    """`invoice_id` is the invoice ordered, or (`is_new` false) the one that was out already; `to_close` the card
    payment whose page must be closed first, and then nothing was written."""

    invoice_id: uuid.UUID | None = None
    is_new: bool = False
    to_close: uuid.UUID | None = None


@command
def order_invoice(
    pledge_id: uuid.UUID, actor: Actor, *, token: str | None = None, due_on: date | None = None
) -> Order:
    """Store an invoice for the next instalment and its key, before Stripe is asked: by an officer, or by the donor. One
    that is out already is returned, never doubled. Raises NotFound (also for another's pledge), RuleBroken."""
    pledge = lock(Pledge, pledge_id)
    if not (allows(actor, "contribution.invoice") or may_pay(pledge, actor, token)):
        raise NotFound()
    if not is_open(pledge):
        raise RuleBroken(_("This pledge is no longer open for payment."), code="contribution.not_payable")
    out = live_payment(pledge, "invoice")
    if out is not None:
        return Order(db.session.scalars(select(DonorInvoice.id).where(DonorInvoice.contribution_id == out.id)).one())
    if not fund_settings.cards_accepted() and pledge.currency not in TRANSFERS:
        raise RuleBroken(_("Stripe takes no bank transfers in %(currency)s, and the fund takes no cards now. Please "
                           "pay by transfer to the fund’s own account.", currency=pledge.currency),
                         code="invoice.no_way", field="due_on")
    part = next_part(pledge)
    amount = part.left if part is not None else Money(pledge.outstanding_minor, pledge.currency)
    check_carried(amount)
    page = live_payment(pledge, "card")
    if page is not None and page.state == "checkout":
        return Order(to_close=page.id)
    if page is not None:  # nobody was given the address of a page that was never opened
        CONTRIBUTION.apply(page, "fail", INVOICES, reason="replaced")
    billing_of(pledge, actor)
    day = _due(due_on, part.due_on if part is not None else None)
    row = new_contribution(pledge, amount, actor, method="invoice", instalment_id=part.id if part else None)
    invoice = DonorInvoice(
        id=new_id(), contribution_id=row.id, description=_words(pledge, part.n if part else 1), due_on=day,
        after_minor=pledge.paid_minor, due_at=_in_real_time(day), ordered_by=actor.person_id, ordered_at=clock.now(),
        asked_at=clock.real_now(), funded_minor=0,
    )
    db.session.add(invoice)
    db.session.flush()  # the event names the row
    events.record(actor, "contributions.invoice.order", "donor_invoice", invoice.id, to_state=invoice.state,
                  data={"contribution": str(row.id), "amount_minor": amount.minor, "currency": amount.currency,
                        "due_on": day.isoformat()})
    return Order(invoice.id, is_new=True)


def usual_due_day(promised: date | None) -> date:
    """When an invoice is due unless somebody says otherwise: on the day of its instalment, in 30 days at the latest
    where that has passed or was never set."""
    return promised if promised is not None and promised > clock.today() else clock.today() + USUAL_TERM


def _due(wanted: date | None, promised: date | None) -> date:
    day, today = wanted or usual_due_day(promised), clock.today()
    if not today < day <= today + LONGEST_TERM:
        raise RuleBroken(_("Write a date from %(first)s to %(last)s.", first=format_day(today + timedelta(days=1)),
                           last=format_day(today + LONGEST_TERM)), code="invoice.due_on", field="due_on")
    return day


def _in_real_time(day: date) -> datetime:
    """The end of a business day (UTC), in the time that Stripe goes by."""
    end = datetime.combine(day, time(23, 59, 59), UTC)
    return (end + (clock.real_now() - clock.now())).replace(microsecond=0)


def _words(pledge: Pledge, n: int) -> str:
    with in_language(pledge.locale):
        return _("Contribution to the sponsorship fund, pledge %(reference)s, instalment %(n)s of %(total)s",
                 reference=pledge.reference, n=n, total=max(len(instalments(pledge)), 1))[:200]


# --- what became of an order ------------------------------------------------------------------------------------
def locked_invoice(
    invoice_id: uuid.UUID, expected_version: int | None = None
) -> tuple[Pledge, Contribution, DonorInvoice]:
    """Pledge, contribution and invoice, locked in the order everyone keeps. Raises NotFound, Stale."""
    contribution_id = db.session.scalar(select(DonorInvoice.contribution_id).where(DonorInvoice.id == invoice_id))
    if contribution_id is None:
        raise NotFound()
    pledge, row = locked(contribution_id)
    return pledge, row, lock(DonorInvoice, invoice_id, expected_version)


@command
def invoice_drafted(invoice_id: uuid.UUID, stripe_invoice_id: str) -> None:
    """Remember the draft that Stripe made. Raises NotFound."""
    _pledge, row, _invoice = locked_invoice(invoice_id)
    row.stripe_invoice_id = row.stripe_invoice_id or stripe_invoice_id


@command
def invoice_sent(invoice_id: uuid.UUID, facts: InvoiceFacts) -> None:
    """It is out: its number, its page. Repeating it changes nothing, nor does a late answer. Raises NotFound."""
    _pledge, row, invoice = locked_invoice(invoice_id)
    if invoice.state != "ordered" or facts.status != "open" or facts.hosted_url is None:
        return
    invoice.number, invoice.hosted_url, invoice.sent_at = facts.number, facts.hosted_url, clock.now()
    row.stripe_invoice_id = facts.invoice_id
    INVOICE.apply(invoice, "send", INVOICES, data={"invoice": facts.invoice_id})
    if CONTRIBUTION.find(row.state, "invoice"):
        CONTRIBUTION.apply(row, "invoice", INVOICES, data={"invoice": facts.invoice_id})


@command
def invoice_failed(invoice_id: uuid.UUID, code: str) -> None:
    """Stripe would not make it. Does nothing when it has moved on. Raises NotFound."""
    _pledge, row, invoice = locked_invoice(invoice_id)
    if invoice.state == "ordered":
        invoice.failure_code, invoice.closed_at = code[:60], clock.now()
        INVOICE.apply(invoice, "fail", INVOICES, reason=code[:60])
        _let_go(row)


@command
def order_close(
    invoice_id: uuid.UUID, how: str, actor: Actor, words: str, expected_version: int | None = None
) -> None:
    """An officer closes an invoice, before Stripe is asked to: cancelled (`void`), paid by another way (`elsewhere`),
    or given up (`uncollectible`). Raises NotAllowed, NotFound, IllegalMove, Stale, RuleBroken."""
    require(actor, "contribution.invoice")
    _pledge, _row, invoice = locked_invoice(invoice_id, expected_version)
    if how not in CLOSINGS:
        raise RuleBroken(_("Choose how the invoice ends."), code="invoice.how", field="how")
    if not words.strip():
        raise RuleBroken(_("Write why, for the record."), code="invoice.no_words", field="words")
    invoice.close_as, invoice.asked_at, invoice.checked_at = how, clock.real_now(), None
    INVOICE.apply(invoice, "order_close", actor, reason=how, text=words.strip())


@command
def overtake(invoice_id: uuid.UUID) -> bool:
    """Close an invoice that asks for what has been paid by another way, in whole or in part, or for more than the
    pledge still wants: so that nobody pays it twice. False when it is not so. Raises NotFound."""
    pledge, row, invoice = locked_invoice(invoice_id)
    if invoice.state not in PAYABLE or not is_overtaken(pledge, row, invoice):
        return False
    whole = pledge.paid_minor >= invoice.after_minor + row.amount_minor
    invoice.close_as = "elsewhere" if whole else "void"
    invoice.asked_at, invoice.checked_at = clock.real_now(), None
    INVOICE.apply(invoice, "overtake", INVOICES, reason=invoice.close_as,
                  data={"paid_minor": pledge.paid_minor, "after_minor": invoice.after_minor})
    return True


def is_overtaken(pledge: Pledge, row: Contribution, invoice: DonorInvoice) -> bool:
    """Whether what an open invoice asks for has been settled otherwise, or is no longer wanted."""
    wanted = pledge.state in OPEN and pledge.outstanding_minor >= row.amount_minor
    return not wanted or pledge.paid_minor > invoice.after_minor


@command
def closed_unmade(invoice_id: uuid.UUID) -> None:
    """It was to be closed before it ever became payable. Raises NotFound."""
    _pledge, row, invoice = locked_invoice(invoice_id)
    if invoice.state == "closing":
        _close(row, invoice, "void", INVOICES)


@command
def note_asked(invoice_id: uuid.UUID) -> None:
    """Remember that Stripe was asked, so that the sweep does not ask again at once. Raises NotFound."""
    lock(DonorInvoice, invoice_id).checked_at = clock.real_now()


# --- what Stripe says -------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class InvoiceNews:
    """What became of an invoice's news. `problem` is empty, or the code of what a person must look at; `waiting` when
    Stripe has not booked the payment yet."""

    word: str
    problem: str = ""
    waiting: bool = False


_ENDS = {"void": "void", "uncollectible": "give_up"}


@command
def settle_invoice(facts: InvoiceFacts, actor: Actor, livemode: bool) -> InvoiceNews:
    """Apply what Stripe says of an invoice; safe to repeat, in any order. What was paid on it is recorded once, under
    its payment, whatever state it is in; a difference writes no money and names the problem."""
    invoice_id = _whose(facts)
    if invoice_id is None:
        return InvoiceNews("unknown", problem="unknown_invoice")
    pledge, row, invoice = locked_invoice(invoice_id)
    if facts.livemode != livemode:
        return InvoiceNews("foreign", problem="other_mode")
    if facts.metadata.get("placard_contribution") != str(row.id):
        return InvoiceNews("foreign", problem="foreign_metadata")
    if row.stripe_invoice_id not in (None, facts.invoice_id):
        return InvoiceNews("foreign", problem="another_invoice")
    if facts.status == "draft":
        return InvoiceNews("draft")
    if facts.amount != Money(row.amount_minor, row.currency):
        return InvoiceNews("differs", problem="amount_differs")
    row.stripe_invoice_id, invoice.checked_at = facts.invoice_id, clock.real_now()
    if facts.status == "paid":
        return _paid(pledge, row, invoice, facts, actor)
    action = _ENDS.get(facts.status)
    if action is not None and INVOICE.find(invoice.state, action):
        _close(row, invoice, action, actor)
    return InvoiceNews(facts.status)


def _whose(facts: InvoiceFacts) -> uuid.UUID | None:
    known = db.session.scalar(
        select(DonorInvoice.id).join(Contribution, Contribution.id == DonorInvoice.contribution_id)
        .where(Contribution.stripe_invoice_id == facts.invoice_id))
    if known is not None:
        return known
    # the answer to our call may have been lost: then only our own words in the invoice lead to its order
    try:
        wanted = uuid.UUID(facts.metadata.get("placard_contribution", ""))
    except ValueError:
        return None
    return db.session.scalar(select(DonorInvoice.id).where(DonorInvoice.contribution_id == wanted))


def _paid(
    pledge: Pledge, row: Contribution, invoice: DonorInvoice, facts: InvoiceFacts, actor: Actor
) -> InvoiceNews:
    if not facts.payments:
        return _paid_outside(row, invoice, actor)
    if len(facts.payments) > 1 or facts.outside:
        return InvoiceNews("differs", problem="several_payments")
    payment = facts.payments[0]
    if row.received_at is not None:
        same = row.stripe_payment_intent_id == payment.payment_intent_id
        return InvoiceNews("known") if same else InvoiceNews("foreign", problem="another_payment")
    if payment.fee is None or payment.net is None:
        return InvoiceNews("not booked", waiting=True)
    problem = differs(row, payment)
    if problem:
        return InvoiceNews("differs", problem=problem)
    invoice.number, invoice.funded_minor = facts.number or invoice.number, 0
    invoice.hosted_url = facts.hosted_url or invoice.hosted_url
    invoice.closed_at = clock.now()
    INVOICE.apply(invoice, "pay", actor, data={"payment": payment.payment_intent_id})
    return InvoiceNews("received" if record_payment(pledge, row, payment, actor) else "held")


def _paid_outside(row: Contribution, invoice: DonorInvoice, actor: Actor) -> InvoiceNews:
    """Marked as paid outside Stripe: by us, because the money came by another way; or by somebody at Stripe, and then
    a person must say which money that was."""
    ordered = invoice.state == "closing" and invoice.close_as == "elsewhere"
    if INVOICE.find(invoice.state, "settle_elsewhere"):
        _close(row, invoice, "settle_elsewhere", actor)
        return InvoiceNews("elsewhere", problem="" if ordered else "invoice_paid_outside")
    return InvoiceNews("known")


def _close(row: Contribution, invoice: DonorInvoice, action: str, actor: Actor) -> None:
    invoice.closed_at = clock.now()
    INVOICE.apply(invoice, action, actor if actor.kind == "system" else INVOICES)
    _let_go(row)


def _let_go(row: Contribution) -> None:
    """Nothing is expected of this contribution any more; money that comes all the same is recorded."""
    if row.state in LIVE:
        action = "expire" if row.state == "invoiced" else "fail"
        CONTRIBUTION.apply(row, action, INVOICES, reason="invoice_closed")
