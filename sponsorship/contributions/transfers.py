"""Commands on bank transfers: announced by donors, confirmed by officers from the bank's statement."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from accounts.permissions import require
from core import clock
from core.actor import Actor, system
from core.db import command, db, get, lock
from core.errors import IllegalMove, NotFound, RuleBroken, Stale
from core.money import Money, currency_digits, usd
from core.web.formats import format_money
from sponsorship.contributions import transfer_notices as notices
from sponsorship.contributions.bank_lines import MOST_BANK_FEE, OLDEST, check_day, checked_reference
from sponsorship.contributions.models import Agreement, Contribution, Pledge
from sponsorship.contributions.money_in import Came, accepted_by_rule, locked, record_money
from sponsorship.contributions.payments import amount_to_pay, may_pay, new_contribution
from sponsorship.contributions.schedules import is_open
from sponsorship.contributions.transitions import CONTRIBUTION
from sponsorship.contributions.valuation import Worth, value_of
from sponsorship.gateways.rates import rate_on
from sponsorship.ledger.models import MAX_USD_MINOR

TRANSFERS = system("transfers")
NOT_ARRIVED = {
    "not_on_statement": _l("It is not on the bank’s statement"),
    "sent_back": _l("The bank sent it back"),
    "announced_twice": _l("It was announced twice"),
    "donor_said": _l("The donor said that it was not sent"),
    "other": _l("Another reason"),
}
CONFIRMABLE = ("declared", "not_arrived", "failed")


# --- donors -----------------------------------------------------------------------------------------------------
@command
def declare(pledge_id: uuid.UUID, actor: Actor, token: str | None, amount_minor: int, sent_on: date) -> uuid.UUID:
    """The donor announces that so much of the pledge's currency was sent on such a day. Announcing the same twice is
    once. The contribution. Raises NotFound (also for another's pledge), RuleBroken (with its field)."""
    pledge = lock(Pledge, pledge_id)
    if not may_pay(pledge, actor, token):
        raise NotFound()
    known = announced(pledge.id)
    if known is not None and (known.amount_minor, known.declared_on) == (amount_minor, sent_on):
        return known.id
    if known is not None:
        raise RuleBroken(_("A transfer of this pledge is announced already. Take that announcement back first."),
                         code="transfer.announced")
    if not is_open(pledge):
        raise RuleBroken(_("This pledge is no longer open for payment."), code="contribution.not_payable")
    amount = amount_to_pay(pledge, amount_minor)
    if not clock.today() - OLDEST <= sent_on <= clock.today():
        raise RuleBroken(_("Write the day on which you sent it: not after today, and not more than a year ago."),
                         code="transfer.day", field="sent_on")
    row = new_contribution(pledge, amount, actor, method="transfer", declared_on=sent_on)
    CONTRIBUTION.apply(row, "declare", TRANSFERS, data={"sent_on": sent_on.isoformat()})
    notices.announced(pledge, row)
    return row.id


@command
def take_back_announcement(contribution_id: uuid.UUID, actor: Actor, token: str | None, expected_version: int) -> None:
    """The donor takes back what was announced: nothing was sent. Raises NotFound, IllegalMove, Stale."""
    pledge, row = locked(contribution_id)
    if not may_pay(pledge, actor, token):
        raise NotFound()
    if row.version != expected_version:
        raise Stale()
    CONTRIBUTION.apply(row, "take_back", TRANSFERS, reason="donor_took_back")
    notices.taken_back(pledge, row)


def announced(pledge_id: uuid.UUID) -> Contribution | None:
    """The transfer of a pledge that its donor has announced and nobody has found yet."""
    return db.session.scalars(
        select(Contribution).where(Contribution.pledge_id == pledge_id, Contribution.method == "transfer",
                                   Contribution.state == "declared")).first()


# --- what stands on the statement -------------------------------------------------------------------------------
@dataclass(frozen=True)
class BankLine:
    """A deposit as it stands on the bank's statement. `paid` is what the donor paid; `credited_minor` the US cents that
    reached the account, `fee_minor` those that the banks kept. `settles_minor`: how much of the pledge it settles, in
    its currency; None: as proposed."""

    bank_reference: str
    value_date: date
    paid: Money
    credited_minor: int
    fee_minor: int = 0
    settles_minor: int | None = None


@dataclass(frozen=True)
class Deposit:
    """A line of the statement, understood: its worth at the rate of its value date, what it brought beyond that
    (`exchange_minor`, signed US cents), how much of the pledge it settles, what the rates propose for that, and where
    it goes."""

    reference: str
    worth: Worth
    exchange_minor: int
    settles: Money
    proposed: Money
    into_pool_id: uuid.UUID | None
    left: Money

    @property
    def more_than_owed(self) -> bool:
        return self.settles > self.left


def understood(pledge: Pledge, line: BankLine) -> Deposit:
    """What a line means for a pledge. Reads only. Raises RuleBroken with its field, RateMissing."""
    reference = checked_reference(line.bank_reference)
    check_day(line.value_date)
    if line.paid.minor <= 0:
        raise RuleBroken(_("Write an amount above zero."), code="deposit.amount", field="paid")
    if line.credited_minor <= 0:
        raise RuleBroken(_("Write the US dollars that reached the account, above zero."), code="deposit.credited",
                         field="credited")
    if not 0 <= line.fee_minor <= MOST_BANK_FEE:
        raise RuleBroken(_("Check the bank’s fee: it is more than %(most)s.", most=format_money(usd(MOST_BANK_FEE))),
                         code="deposit.fee", field="fee")
    came = line.credited_minor + line.fee_minor
    if line.paid.currency == "USD" and came != line.paid.minor:
        raise RuleBroken(
            _("%(credited)s credited and a fee of %(fee)s make %(came)s, and %(paid)s was paid. In US dollars they "
              "agree to the cent: check all three.", credited=format_money(usd(line.credited_minor)),
              fee=format_money(usd(line.fee_minor)), came=format_money(usd(came)), paid=format_money(line.paid)),
            code="deposit.differs", field="credited")
    worth = value_of(line.paid, line.value_date)
    if max(worth.usd_minor, came) > MAX_USD_MINOR:  # the books carry no more in one line
        raise RuleBroken(_("Check the number of zeros: no line of a statement is worth more than %(most)s.",
                           most=format_money(usd(MAX_USD_MINOR))), code="deposit.too_large", field="paid")
    if not worth.usd_minor or not worth.usd_minor <= 2 * came <= 4 * worth.usd_minor:
        raise RuleBroken(
            _("%(paid)s was worth %(worth)s on that day, and %(came)s came. Check amount, currency and day.",
              paid=format_money(line.paid), worth=format_money(usd(worth.usd_minor)), came=format_money(usd(came))),
            code="deposit.worth", field="paid")
    proposed = proposal(pledge, line, worth)
    settles = proposed if line.settles_minor is None or line.paid.currency == pledge.currency else Money(
        line.settles_minor, pledge.currency)
    if settles.minor < 0 or not proposed.minor <= 2 * settles.minor <= 4 * proposed.minor:
        raise RuleBroken(_("By the rates of that day it settles %(proposed)s. Check the amount.",
                           proposed=format_money(proposed)), code="deposit.settles", field="settles")
    left = Money(pledge.outstanding_minor if is_open(pledge) else 0, pledge.currency)
    agreement = get(Agreement, pledge.agreement_id) if pledge.agreement_id else None
    by_rule = accepted_by_rule(pledge, agreement, settles.minor, line.value_date)
    return Deposit(reference, worth, came - worth.usd_minor, settles, proposed,
                   agreement.pool_id if agreement and by_rule else None, left)


def proposal(pledge: Pledge, line: BankLine, worth: Worth) -> Money:
    """How much of the pledge a deposit settles by the rates of its value date: exact, then rounded half up. Raises
    RateMissing."""
    if line.paid.currency == pledge.currency:
        return line.paid
    per_usd = rate_on(pledge.currency, line.value_date).per_usd
    minor = Fraction(worth.usd_minor, 100) * per_usd * 10 ** currency_digits(pledge.currency)
    return Money(int(minor + Fraction(1, 2)), pledge.currency)


# --- officers ---------------------------------------------------------------------------------------------------
@command
def confirm(contribution_id: uuid.UUID, line: BankLine, actor: Actor, expected_version: int) -> None:
    """An announced transfer (also one that had been given up) stands on the bank's statement. Raises NotAllowed,
    NotFound, IllegalMove, Stale, RuleBroken (with its field), RateMissing: then nothing is written."""
    require(actor, "contribution.deposit")
    pledge, row = locked(contribution_id)
    if row.version != expected_version:
        raise Stale()
    if row.method != "transfer" or row.state not in CONFIRMABLE:
        raise IllegalMove(code=f"contribution.confirm.from.{row.state}")
    _record(pledge, row, line, understood(pledge, line), actor)


@command
def record_deposit(pledge_id: uuid.UUID, line: BankLine, actor: Actor) -> uuid.UUID:
    """A deposit for a pledge that nobody announced. The contribution. Raises NotAllowed, NotFound, RuleBroken (with its
    field; also while a transfer of the pledge is announced), RateMissing."""
    require(actor, "contribution.deposit")
    pledge = lock(Pledge, pledge_id)
    waiting = announced(pledge.id)
    if waiting is not None:
        raise RuleBroken(
            _("%(reference)s is announced for this pledge: confirm that one, or record first that it did not arrive.",
              reference=waiting.reference), code="deposit.announced")
    deposit = understood(pledge, line)
    row = new_contribution(pledge, line.paid, actor, method="transfer")
    _record(pledge, row, line, deposit, actor)
    return row.id


def _record(pledge: Pledge, row: Contribution, line: BankLine, deposit: Deposit, actor: Actor) -> None:
    try:
        with db.session.begin_nested():
            row.bank_reference, row.value_date, row.confirmed_by = deposit.reference, line.value_date, actor.person_id
            db.session.flush()
    except IntegrityError:  # somebody recorded the same line between our look and the index
        checked_reference(deposit.reference)
        raise
    came = Came(line.paid, line.fee_minor, line.credited_minor, deposit.settles.minor, key=f"transfer:{row.id}",
                day=line.value_date, clearing="bank")
    record_money(pledge, row, came, actor, moves=("confirm", "confirm_held"))


@command
def not_arrived(contribution_id: uuid.UUID, actor: Actor, code: str, words: str, expected_version: int) -> None:
    """An announced transfer did not arrive; the donor is told why. Raises NotAllowed, NotFound, IllegalMove, Stale,
    RuleBroken."""
    pledge, row = locked(contribution_id)
    if code not in NOT_ARRIVED:
        raise RuleBroken(_("Choose a reason."), code="transfer.no_reason", field="reason")
    CONTRIBUTION.apply(row, "not_arrived", actor, expected_version=expected_version, reason=code,
                       text=words.strip() or None)
    notices.not_arrived(pledge, row, NOT_ARRIVED[code])
