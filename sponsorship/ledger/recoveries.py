"""Money that a payee pays back after the bank confirmed the payment: whole or in parts, to the lots it came from."""

from __future__ import annotations

import uuid
from datetime import datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, insert, select

from core.actor import Actor
from core.db import command, db
from core.errors import RuleBroken
from sponsorship.ledger.models import Entry, SpendRecovery, tables
from sponsorship.ledger.posting import KeyReused, Subject, post_once
from sponsorship.ledger.reservations import Line, lock_reservation
from sponsorship.ledger.spending import legs_back, lock_spend, move, parts_back, parts_of

RECOVER = "spend.recover"
_recovery, _entry = tables(SpendRecovery, Entry)


class MoreThanSpent(RuleBroken):
    """More is said to come back than this payment still holds; `left_minor` US cents remain."""

    code = "ledger.more_than_spent"

    def __init__(self, left_minor: int) -> None:
        super().__init__(_l("More than was paid cannot come back."))
        self.left_minor = left_minor


def recovered_of(spend_id: uuid.UUID) -> dict[uuid.UUID, int]:
    """What of a payment has come back, US cents of direct cost by line of the reservation."""
    rows = db.session.execute(
        select(_recovery.c.reservation_line_id, func.sum(_recovery.c.direct_minor))
        .where(_recovery.c.spend_id == spend_id).group_by(_recovery.c.reservation_line_id))
    return {row[0]: int(row[1]) for row in rows}


@command
def recover(
    spend_id: uuid.UUID, direct_minor: int, *, key: str, actor: Actor, subject: Subject,
    occurred_at: datetime | None = None,
) -> uuid.UUID:
    """`direct_minor` US cents of a confirmed payment come back to the fund's bank account: they are reserved again, in
    the lots they came from (what was taken last comes back first), and the support costs charged on them are taken
    back, so that what stays charged is floor(rate x direct that stays spent).

    `subject` is what asked for the money. Returns the entry; the same `key` returns the first. Raises MoreThanSpent
    (nothing is written), RuleBroken (ledger.not_confirmed), NotFound, KeyReused, ValueError.
    """
    if type(direct_minor) is not int or direct_minor <= 0:
        raise ValueError("what comes back is of whole US cents above zero")
    row = lock_spend(spend_id)
    known = db.session.execute(select(_entry.c.id).where(_entry.c.key == key)).first()
    if known is not None:
        total = db.session.scalar(select(func.sum(_recovery.c.direct_minor)).where(
            _recovery.c.entry_id == known.id, _recovery.c.spend_id == spend_id))
        if total is None or int(total) != direct_minor:
            raise KeyReused()
        return known.id  # type: ignore[no-any-return]
    if row.state != "confirmed":
        raise RuleBroken(_l("Only a payment that the bank has confirmed can be paid back."),
                         code="ledger.not_confirmed")
    _subject, lines = lock_reservation(row.reservation_id)
    back = recovered_of(spend_id)
    taken: list[tuple[Line, int]] = []
    left = direct_minor
    for line, paid in reversed(parts_of(spend_id, lines)):
        direct = min(left, paid - back.get(line.id, 0))
        if direct > 0:
            taken.append((line, direct))
            left -= direct
    if left:
        raise MoreThanSpent(direct_minor - left)
    parts = parts_back(taken)
    posted = post_once(RECOVER, legs_back(parts, "bank"), key=key, actor=actor, occurred_at=occurred_at,
                       subject=subject)
    if not posted.created:
        raise KeyReused()
    db.session.execute(insert(_recovery), [
        {"entry_id": posted.id, "spend_id": spend_id, "reservation_line_id": line.id, "direct_minor": direct,
         "support_minor": support} for line, direct, support in parts])
    move(posted.id, parts, -1)
    return posted.id
