"""Instalments: which are in force, what is due next, and what a payment does to a pledge.

Payments settle instalments in their order, whatever they were made for: the oldest promise first.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext as _
from sqlalchemy import insert, select

from core import clock
from core.actor import Actor
from core.db import db, new_id
from core.errors import RuleBroken
from core.money import Money
from core.web.formats import format_money
from sponsorship.contributions.models import Instalment, Pledge
from sponsorship.contributions.reminder_settings import passed_unsent
from sponsorship.contributions.transitions import OPEN, PLEDGE

MOST = 20  # instalments of one pledge
LATEST_YEARS = 10


@dataclass(frozen=True)
class Part:
    """An instalment as promised: minor units of the pledge's currency, and its day (None: when it suits the donor)."""

    amount_minor: int
    due_on: date | None = None


@dataclass(frozen=True)
class PartRow:
    """An instalment in force with what payments have covered of it."""

    id: uuid.UUID
    n: int
    due_on: date | None
    amount: Money
    covered: Money

    @property
    def left(self) -> Money:
        return self.amount - self.covered

    def is_overdue(self, day: date) -> bool:
        return bool(self.left) and self.due_on is not None and self.due_on < day


def check_parts(parts: Sequence[Part], total_minor: int, currency: str, *, from_day: date | None = None) -> None:
    """Raises RuleBroken (field `instalments`) unless the parts are the pledge, in the order of their days, none of
    which lies before `from_day`."""
    if not parts or len(parts) > MOST:
        raise _wrong(_("Write from one to %(most)s instalments.", most=MOST), "number")
    if any(part.amount_minor <= 0 for part in parts):
        raise _wrong(_("Write an amount above zero for each instalment."), "amount")
    total = sum(part.amount_minor for part in parts)
    if total != total_minor:
        raise _wrong(
            _("The instalments add up to %(sum)s. Make them add up to %(pledge)s.",
              sum=format_money(Money(total, currency)), pledge=format_money(Money(total_minor, currency))), "sum")
    days = [part.due_on for part in parts]
    if len(parts) > 1 and None in days:
        raise _wrong(_("Write a date for each instalment."), "date_missing")
    known = [day for day in days if day is not None]
    if known != sorted(set(known)):
        raise _wrong(_("Write the instalments in the order of their dates, one for each date."), "order")
    if from_day is not None and known and known[0] < from_day:
        raise _wrong(_("An instalment cannot be due before today. Check the year."), "past")
    if known and known[-1].year > clock.today().year + LATEST_YEARS:
        raise _wrong(_("An instalment cannot be due more than %(years)s years from now. Check the year.",
                       years=LATEST_YEARS), "far")


def _wrong(words: str, code: str) -> RuleBroken:
    return RuleBroken(words, code=f"pledge.instalments_{code}", field="instalments")


def put_in_force(pledge: Pledge, parts: Sequence[Part]) -> None:
    """Make these the pledge's instalments: a new schedule beside the earlier ones. They add up to what the pledge is
    (the database holds it). The caller holds the pledge."""
    number = pledge.schedule + 1
    db.session.flush()
    db.session.execute(insert(Instalment), [
        {"id": new_id(), "pledge_id": pledge.id, "schedule": number, "n": n, "due_on": part.due_on,
         "amount_minor": part.amount_minor} for n, part in enumerate(parts, 1)
    ])
    pledge.schedule = number
    _note_due(pledge)


def deferred(pledge: Pledge, rest: Sequence[Part]) -> list[Part]:
    """The whole schedule when what is not paid yet is promised anew as `rest`: instalments that are covered and lie
    before the first new day keep their place; whatever else is paid already counts within the first of `rest`."""
    kept: list[Part] = []
    paid, first = pledge.paid_minor, rest[0]
    for row in parts_of(pledge):
        early = row.due_on is not None and first.due_on is not None and row.due_on < first.due_on
        if row.left or not early:
            break
        kept.append(Part(row.amount.minor, row.due_on))
        paid -= row.amount.minor
    return [*kept, Part(first.amount_minor + paid, first.due_on), *rest[1:]]


def shrunk(pledge: Pledge, to_minor: int) -> list[Part]:
    """The schedule when the pledge is worth `to_minor` only: the last instalments shrink first."""
    left, found = to_minor, []
    for row in parts_of(pledge):
        part = min(left, row.amount.minor)
        if part:
            found.append(Part(part, row.due_on))
        left -= part
    return found


def _note_due(pledge: Pledge) -> None:
    """Say what is due next. Reminders are counted anew for another instalment; when the donor was last written to
    stands, so that a payment never brings the next letter sooner."""
    before, pledge.next_due_on = pledge.next_due_on, next_due(pledge)
    if pledge.next_due_on != before:
        pledge.reminders = passed_unsent(pledge.next_due_on, clock.today())


def instalments(pledge: Pledge) -> list[Instalment]:
    """Those in force, in their order."""
    return list(db.session.scalars(
        select(Instalment).where(Instalment.pledge_id == pledge.id, Instalment.schedule == pledge.schedule)
        .order_by(Instalment.n)
    ))


def parts_of(pledge: Pledge, rows: Sequence[Instalment] | None = None) -> list[PartRow]:
    """The instalments in force with what payments cover of each, the first one first."""
    left, found = pledge.paid_minor, []
    for row in instalments(pledge) if rows is None else rows:
        covered = min(left, row.amount_minor)
        left -= covered
        found.append(PartRow(row.id, row.n, row.due_on, Money(row.amount_minor, pledge.currency),
                             Money(covered, pledge.currency)))
    return found


def next_part(pledge: Pledge) -> PartRow | None:
    """The first instalment that payments do not cover; None when all is paid."""
    return next((part for part in parts_of(pledge) if part.left), None)


def next_due(pledge: Pledge) -> date | None:
    """Its day; None when all is paid, or nothing has a day."""
    part = next_part(pledge)
    return part.due_on if part is not None else None


# --- what money does to a pledge --------------------------------------------------------------------------------
def settle(pledge: Pledge, settles_minor: int, actor: Actor, data: dict[str, object]) -> None:
    """A payment settles so much of the pledge (its currency). One that has ended stays ended: the money is recorded."""
    pledge.paid_minor += settles_minor
    _note_due(pledge)
    action = "pay" if pledge.paid_minor >= pledge.current_minor else "pay_part"
    if PLEDGE.find(pledge.state, action):
        PLEDGE.apply(pledge, action, actor, data=data)


def unsettle(
    pledge: Pledge, settles_minor: int, actor: Actor, data: dict[str, object], disputed_minor: int = 0
) -> None:
    """A payment recorded by mistake is taken out again. `disputed_minor` of what went back is not decided."""
    pledge.paid_minor -= settles_minor
    _note_due(pledge)
    if pledge.paid_minor >= pledge.current_minor:
        _all_returned(pledge, actor, data, disputed_minor > 0)
        return
    action = "unpay_part" if pledge.paid_minor else "unpay_agreed" if pledge.agreement_id else "unpay"
    if PLEDGE.find(pledge.state, action):
        PLEDGE.apply(pledge, action, actor, data=data)


def gone_back(
    pledge: Pledge, settles_minor: int, actor: Actor, data: dict[str, object], *, disputed: bool = False
) -> None:
    """Money of the pledge went back to the donor: it was paid, and is not owed again. `disputed`: a bank has still to
    decide on a part of what went back."""
    pledge.returned_minor += settles_minor
    _all_returned(pledge, actor, data, disputed)


def _all_returned(pledge: Pledge, actor: Actor, data: dict[str, object], disputed: bool) -> None:
    """Nothing is owed and nothing was kept. While something is still owed the pledge stays open: a refund hides no
    promise."""
    paid, owed, action = pledge.paid_minor, pledge.current_minor, "dispute" if disputed else "return"
    if paid and paid >= owed and pledge.returned_minor >= paid and PLEDGE.find(pledge.state, action):
        PLEDGE.apply(pledge, action, actor, data=data)


def came_back(pledge: Pledge, settles_minor: int, actor: Actor, data: dict[str, object]) -> None:
    """Money that had gone back is the fund's again."""
    pledge.returned_minor -= settles_minor
    action = "win" if pledge.state == "disputed" else "restore"
    if pledge.returned_minor < pledge.paid_minor and PLEDGE.find(pledge.state, action):
        PLEDGE.apply(pledge, action, actor, data=data)


def end_if_paid(pledge: Pledge, actor: Actor, disputed_minor: int = 0) -> None:
    """A pledge reduced to what is paid has nothing open any more. `disputed_minor` of what went back is not decided."""
    if pledge.paid_minor >= pledge.current_minor:
        PLEDGE.apply(pledge, "pay", actor, data={"paid_minor": pledge.paid_minor})
        _all_returned(pledge, actor, {"returned_minor": pledge.returned_minor}, disputed_minor > 0)


def is_open(pledge: Pledge) -> bool:
    """Whether a payment is still expected."""
    return pledge.state in OPEN and pledge.outstanding_minor > 0
