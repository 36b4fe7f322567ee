"""By invoice: one of the ways to pay a pledge, and what the next invoice would ask for."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext as _

from core import clock
from core.db import db
from core.money import Money
from core.web.formats import format_money
from sponsorship.contributions import fund_settings
from sponsorship.contributions.invoice_queries import invoice_out
from sponsorship.contributions.models import Pledge
from sponsorship.contributions.queries import PledgePage
from sponsorship.contributions.schedules import is_open, next_part
from sponsorship.contributions.ways import Payer, Way, register_way
from sponsorship.gateways.stripe_digits import WireAmountError, most_at_once, to_wire
from sponsorship.gateways.stripe_invoices import TRANSFERS


@dataclass(frozen=True)
class NextInvoice:
    """What would be asked for: the next instalment. `by_card`, `by_transfer`: how it can be paid at Stripe."""

    amount: Money
    due_on: date | None
    by_card: bool
    by_transfer: bool


def next_invoice(pledge_id: uuid.UUID) -> NextInvoice | None:
    """What the next invoice of a pledge would ask for; None where Stripe can make none."""
    pledge = db.session.get(Pledge, pledge_id)
    if pledge is None or not is_open(pledge):
        return None
    part = next_part(pledge)
    amount = part.left if part is not None else Money(pledge.outstanding_minor, pledge.currency)
    limit = most_at_once(amount.currency)
    by_card, by_transfer = fund_settings.cards_accepted(), amount.currency in TRANSFERS
    if limit is None or amount > limit or not (by_card or by_transfer) or not _carried(amount):
        return None
    return NextInvoice(amount, part.due_on if part is not None else None, by_card, by_transfer)


def _carried(amount: Money) -> bool:
    try:
        to_wire(amount)
    except WireAmountError:
        return False
    return True


def invoice_way(page: PledgePage, payer: Payer) -> list[Way]:
    """The invoice that is out, before anything else; or an invoice on request."""
    out = invoice_out(page.id, clock.today())
    if out is not None:
        return [Way("invoice", _("Pay the invoice"), _(
            "An invoice of %(amount)s is out. Its page says how it can be paid.",
            amount=format_money(out.amount)), payer.url("invoice"), primary=True)]
    wanted = next_invoice(page.id)
    if wanted is None:
        return []
    if wanted.by_card and wanted.by_transfer:
        how = _("It can be paid by card or by bank transfer.")
    else:
        how = _("It can be paid by card.") if wanted.by_card else _("It can be paid by bank transfer.")
    what = _("For the next instalment, with a day by which to pay; for those who need a paper to pay against.")
    return [Way("invoice", _("Ask for an invoice"), f"{what} {how}", payer.url("invoice"))]


def register() -> None:
    """Called once by app.py."""
    register_way(invoice_way)
