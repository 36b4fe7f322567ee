"""Money that a promise had given back is set aside for it once more, out of what is free now."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select

from core import clock
from core.actor import Actor
from core.db import command, db, new_id
from core.money import direct_carried_by, support_costs
from sponsorship.ledger.chart import account_id
from sponsorship.ledger.models import ReservationLine, tables
from sponsorship.ledger.posting import KeyReused, NotEnoughMoney, credit, debit, lock_accounts, post_once
from sponsorship.ledger.reservations import free_lots, lines_of, lock_reservation, move_lines, move_lots

_line = tables(ReservationLine)[0]


@command
def reserve_again(
    reservation_id: uuid.UUID, pool_ids: Sequence[uuid.UUID], direct_minor: int, *, key: str, actor: Actor,
) -> uuid.UUID:
    """Reserve `direct_minor` US cents and the support costs on them in a reservation that was released, all or none.

    Lots are taken in the order of `free_lots`. One that the reservation has used gives at most what was released of
    it, in its own line (a line never grows); another gets a line of its own. Returns the entry. Raises NotEnoughMoney
    (nothing is written), NotFound, KeyReused, ValueError.
    """
    if type(direct_minor) is not int or direct_minor <= 0:
        raise ValueError("a reservation is for whole US cents above zero")
    subject, _lines = lock_reservation(reservation_id)
    pools = list(dict.fromkeys(pool_ids))
    # from here to the end of the command nobody else takes from these pools
    lock_accounts(account_id(kind, pool) for pool in pools for kind in ("available", "reserved"))
    now = clock.now()
    lines = lines_of(reservation_id)
    known = {line.lot_id: line for line in lines}
    left, new, changes, movements, totals = direct_minor, [], {}, [], {}  # type: ignore[var-annotated]
    for lot in free_lots(pools, now):
        line = known.get(lot.id)
        # support costs are cut down on the line's sum: beside another part they may be a cent more
        part = min(left, direct_carried_by(max(lot.free_minor - (line is not None and lot.rate_bp > 0), 0),
                                           lot.rate_bp))
        if line is not None:
            part = min(part, line.released_direct)
        if part <= 0:
            continue
        if line is None:
            support = support_costs(part, lot.rate_bp)
            new.append(_new_line(reservation_id, lot.id, len(lines) + len(new), lot.rate_bp, part, support))
        else:
            released = line.released_direct - part
            after = line.support - support_costs(line.direct - released, line.rate_bp)
            support = line.released_support - after
            changes[line.id] = {"released_direct_minor": -part, "released_support_minor": -support}
        movements.append((lot.id, "reserved", part + support))
        totals[lot.pool_id] = totals.get(lot.pool_id, 0) + part + support
        left -= part
        if not left:
            break
    if left:
        raise NotEnoughMoney(left)
    posted = post_once(
        "reserve",
        [leg for pool_id, total in totals.items()
         for leg in (debit(account_id("available", pool_id), total), credit(account_id("reserved", pool_id), total))],
        key=key, actor=actor, occurred_at=now, subject=subject,
    )
    if not posted.created:
        raise KeyReused()
    move_lines(changes)
    if new:
        db.session.execute(insert(_line), new)
    move_lots(posted.id, movements)
    return posted.id


def _new_line(
    reservation_id: uuid.UUID, lot_id: uuid.UUID, n: int, rate_bp: int, direct: int, support: int,
) -> dict[str, Any]:
    return {"id": new_id(), "reservation_id": reservation_id, "lot_id": lot_id, "n": n, "rate_bp": rate_bp,
            "direct_minor": direct, "support_minor": support, "spent_direct_minor": 0, "spent_support_minor": 0,
            "released_direct_minor": 0, "released_support_minor": 0}


def left_of(reservation_id: uuid.UUID) -> int:
    """What of a reservation is neither spent nor released, US cents of direct cost."""
    rows = db.session.execute(select(_line.c.direct_minor - _line.c.spent_direct_minor - _line.c.released_direct_minor)
                              .where(_line.c.reservation_id == reservation_id))
    return sum(int(row[0]) for row in rows)
