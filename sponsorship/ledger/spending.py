"""Payments out of reservations: sent, confirmed by the bank with its fee, or returned."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, insert, select, update

from core import clock
from core.actor import Actor
from core.db import command, db, new_id
from core.errors import NotFound, RuleBroken
from core.money import support_costs
from sponsorship.ledger.chart import account_id
from sponsorship.ledger.costs import Cost, PoolStopped, cost, stopped
from sponsorship.ledger.models import Entry, Spend, SpendCut, SpendLine, SpendRecovery, tables
from sponsorship.ledger.posting import KeyReused, LegSpec, Subject, credit, debit, nonzero, post_once
from sponsorship.ledger.reservations import Line, Movement, lock_reservation, move_lines, move_lots

_spend, _spend_line, _cut, _back = tables(Spend, SpendLine, SpendCut, SpendRecovery)


class ReservationTooSmall(RuleBroken):
    """The payment is larger than what the reservation has left; `left_minor` US cents of direct cost remain."""

    code = "ledger.reservation_too_small"

    def __init__(self, left_minor: int) -> None:
        super().__init__(_l("The payment is larger than what is still reserved for it."))
        self.left_minor = left_minor


@command
def spend(
    reservation_id: uuid.UUID,
    direct_minor: int,
    *,
    key: str,
    actor: Actor,
    subject: Subject | None = None,
    even_if_stopped: bool = False,
    occurred_at: datetime | None = None,
) -> uuid.UUID:
    """A payment of `direct_minor` US cents is instructed: it leaves the reservation, and is in transit until the
    bank confirms it. Support costs are charged on top, line by line: floor(rate x direct spent so far) less what
    was charged so far. `subject` is the payment (the reservation's subject by default). `even_if_stopped`: the bank has
    paid it already, so that no stop can keep it.

    Returns the spend; the same `key` returns the first. Raises ReservationTooSmall, PoolStopped (nothing is
    written), NotFound, KeyReused, ValueError.
    """
    if type(direct_minor) is not int or direct_minor <= 0:
        raise ValueError("a payment is of whole US cents above zero")
    about, lines = lock_reservation(reservation_id)
    subject = subject or about
    known = db.session.execute(select(_spend).where(_spend.c.key == key)).first()
    if known is not None:
        if (known.reservation_id, known.direct_minor) != (reservation_id, direct_minor):
            raise KeyReused()
        return known.id  # type: ignore[no-any-return]
    parts = split(lines, direct_minor)
    if not even_if_stopped and stopped({line.pool_id for line, _direct, _support in parts}):
        raise PoolStopped()
    at = occurred_at or clock.now()
    posted = post_once(
        "spend", legs_out(parts), key=key, actor=actor, occurred_at=at, subject=subject
    )
    if not posted.created:
        raise KeyReused()
    spend_id = new_id()
    db.session.execute(
        insert(_spend).values(
            id=spend_id, key=key, reservation_id=reservation_id, subject_type=subject[0], subject_id=subject[1],
            state="sent", direct_minor=direct_minor, support_minor=sum(support for _l, _d, support in parts),
            sent_at=at, entry_id=posted.id,
        )
    )
    db.session.execute(
        insert(_spend_line),
        [
            {"spend_id": spend_id, "reservation_line_id": line.id, "direct_minor": direct, "support_minor": support}
            for line, direct, support in parts
        ],
    )
    move(posted.id, parts, 1)
    return spend_id


Part = tuple[Line, int, int]  # line, direct, support; US cents


def split(lines: list[Line], direct_minor: int) -> list[Part]:
    """The payment by lines, in their order. Raises ReservationTooSmall."""
    left, parts = direct_minor, []
    for line in lines:
        direct = min(left, line.left_direct)
        if direct > 0:
            parts.append((line, direct, support_costs(line.spent_direct + direct, line.rate_bp) - line.spent_support))
            left -= direct
    if left:
        raise ReservationTooSmall(direct_minor - left)
    return parts


def legs_out(parts: list[Part]) -> list[LegSpec]:
    """These parts leave the reservation and are in transit."""
    legs: list[LegSpec] = []
    support_due = 0
    for pool_id, direct, support in by_pool(parts):
        legs += [
            debit(account_id("spent_direct", pool_id), direct),
            credit(account_id("in_transit", pool_id), direct),
            debit(account_id("spent_support", pool_id), support),
            debit(account_id("reserved", pool_id), direct + support),
            credit(account_id("appropriated", pool_id), direct + support),
        ]
        support_due += support
    return nonzero([*legs, credit(account_id("support_costs_due"), support_due)])


def by_pool(parts: list[Part]) -> list[tuple[uuid.UUID, int, int]]:
    """(pool, direct, support): the parts of each pool together."""
    totals: dict[uuid.UUID, tuple[int, int]] = {}
    for line, direct, support in parts:
        had = totals.get(line.pool_id, (0, 0))
        totals[line.pool_id] = (had[0] + direct, had[1] + support)
    return [(pool_id, direct, support) for pool_id, (direct, support) in totals.items()]


def move(entry_id: uuid.UUID, parts: list[Part], sign: int) -> None:
    """Lines and lots follow the entry: spent (+1) or given back to the reservation (-1)."""
    move_lines({
        line.id: {"spent_direct_minor": sign * direct, "spent_support_minor": sign * support}
        for line, direct, support in parts
    })
    move_lots(entry_id, [(lot, part, sign * amount) for lot, part, amount in movements_out(parts)])


def movements_out(parts: list[Part]) -> list[Movement]:
    """What a payment does with lots."""
    movements: list[Movement] = []
    for line, direct, support in parts:
        movements += [(line.lot_id, "reserved", -(direct + support)), (line.lot_id, "direct", direct),
                      (line.lot_id, "support", support)]
    return movements


def lock_spend(spend_id: uuid.UUID) -> Any:
    """The payment's row, locked. Raises NotFound."""
    row = db.session.execute(select(_spend).where(_spend.c.id == spend_id).with_for_update(key_share=True)).first()
    if row is None:
        raise NotFound()
    return row


def parts_of(spend_id: uuid.UUID, lines: list[Line]) -> list[tuple[Line, int]]:
    """What stands of a payment by line of its reservation, in the order in which they were drawn, US cents of direct
    cost: what the bank left unpaid is no longer part."""
    by_id = {line.id: line for line in lines}
    rows = db.session.execute(
        select(_spend_line.c.reservation_line_id, _spend_line.c.direct_minor
               - func.coalesce(_cut.c.direct_minor, 0))
        .outerjoin(_cut, (_cut.c.spend_id == _spend_line.c.spend_id)
                   & (_cut.c.reservation_line_id == _spend_line.c.reservation_line_id))
        .where(_spend_line.c.spend_id == spend_id)
    )
    return sorted(((by_id[r[0]], r[1]) for r in rows if r[1]), key=lambda part: lines.index(part[0]))


def settled_otherwise() -> RuleBroken:
    """The refusal of a second answer."""
    return RuleBroken(_l("This payment was already confirmed or returned."), code="ledger.spend_settled")


@command
def confirm_spend(
    spend_id: uuid.UUID,
    *,
    key: str,
    actor: Actor,
    bank_fee_minor: int = 0,
    clearing: str = "bank",
    occurred_at: datetime | None = None,
) -> uuid.UUID:
    """The bank confirms the payment: money in transit leaves the bank account (or `clearing`). Returns the entry.

    `bank_fee_minor` (US cents) is charged to the pool of the payment's first line, out of its free money; what the
    pool lacks stands as its shortfall, and releases from that pool stop. The same `key` returns the first entry.
    Raises NotFound, RuleBroken (ledger.spend_settled), KeyReused, ValueError.
    """
    if type(bank_fee_minor) is not int or bank_fee_minor < 0:
        raise ValueError("a bank's fee is in whole US cents")
    row = lock_spend(spend_id)
    if row.state != "sent":
        return repeated(row.confirm_entry_id, key)
    _subject, lines = lock_reservation(row.reservation_id)
    parts = [(line, direct, 0) for line, direct in parts_of(spend_id, lines)]
    legs: list[LegSpec] = []
    for pool_id, direct, _support in by_pool(parts):
        legs += [debit(account_id("in_transit", pool_id), direct), credit(account_id(clearing), direct)]
    about = (row.subject_type, row.subject_id)
    fee = cost(parts[0][0].pool_id, bank_fee_minor, "fees", source=about) if bank_fee_minor else Cost()
    posted = post_once(
        "spend.confirm", nonzero([*legs, *fee.legs, credit(account_id("bank"), bank_fee_minor)]), key=key,
        actor=actor, occurred_at=occurred_at, subject=about,
    )
    if not posted.created:
        raise KeyReused()
    fee.record(posted.id)
    db.session.execute(
        update(_spend).where(_spend.c.id == spend_id).values(state="confirmed", confirm_entry_id=posted.id)
    )
    return posted.id


def repeated(entry_id: uuid.UUID | None, key: str) -> uuid.UUID:
    """The entry of the same step, if this call repeats it."""
    stood = db.session.scalar(select(Entry.key).where(Entry.id == entry_id)) if entry_id else None
    if entry_id is None or stood != key:
        raise settled_otherwise()
    return entry_id


def parts_back(parts: list[tuple[Line, int]]) -> list[Part]:
    """With the support costs that go back too: they stay cumulative, so what remains charged is floor(rate x direct
    that remains spent)."""
    return [(line, direct, line.spent_support - support_costs(line.spent_direct - direct, line.rate_bp))
            for line, direct in parts]


def clearing_of(row: Any) -> str | None:
    """Where the money of a payment lies once it is back: None while it had not left (it is in transit)."""
    return "bank" if row.state == "confirmed" else None


def legs_back(parts: list[Part], clearing: str | None) -> list[LegSpec]:
    """These parts are reserved again: out of `clearing`, or out of transit."""
    legs: list[LegSpec] = []
    support_due = 0
    for pool_id, direct, support in by_pool(parts):
        legs += [
            debit(account_id(clearing) if clearing else account_id("in_transit", pool_id), direct),
            credit(account_id("spent_direct", pool_id), direct),
            credit(account_id("spent_support", pool_id), support),
            debit(account_id("appropriated", pool_id), direct + support),
            credit(account_id("reserved", pool_id), direct + support),
        ]
        support_due += support
    return nonzero([*legs, debit(account_id("support_costs_due"), support_due)])


@command
def return_spend(
    spend_id: uuid.UUID, *, key: str, actor: Actor, bank_fee_minor: int = 0, occurred_at: datetime | None = None
) -> uuid.UUID:
    """The payment failed, or the bank sent it back: the money is reserved again, its support costs are taken back.

    Works before confirmation (nothing left the bank) and after it (the bank holds the money again; the fee of the
    confirmation stays charged). What the bank kept for it (`bank_fee_minor`, US cents) is charged to the pool of the
    payment's first line. Returns the entry; the same `key` returns the first. Raises NotFound, RuleBroken
    (ledger.spend_settled; ledger.spend_recovered when its payee paid some of it back), KeyReused, ValueError.
    """
    if type(bank_fee_minor) is not int or bank_fee_minor < 0:
        raise ValueError("a bank's fee is in whole US cents")
    row = lock_spend(spend_id)
    if row.state == "returned":
        return repeated(row.return_entry_id, key)
    if db.session.execute(select(_back.c.entry_id).where(_back.c.spend_id == spend_id)).first() is not None:
        raise RuleBroken(_l("Part of this payment was paid back by its payee, so the bank cannot have returned it."),
                         code="ledger.spend_recovered")
    _subject, lines = lock_reservation(row.reservation_id)
    parts = parts_back(parts_of(spend_id, lines))
    about = (row.subject_type, row.subject_id)
    fee = cost(parts[0][0].pool_id, bank_fee_minor, "fees", source=about) if bank_fee_minor else Cost()
    posted = post_once(
        "spend.return",
        nonzero([*legs_back(parts, clearing_of(row)), *fee.legs, credit(account_id("bank"), bank_fee_minor)]), key=key,
        actor=actor, occurred_at=occurred_at, subject=about,
    )
    if not posted.created:
        raise KeyReused()
    move(posted.id, parts, -1)
    fee.record(posted.id)
    db.session.execute(
        update(_spend).where(_spend.c.id == spend_id).values(state="returned", return_entry_id=posted.id)
    )
    return posted.id
