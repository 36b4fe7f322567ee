"""How far the lists at Stripe have been read, by Stripe's own clock: ours may be wrong."""

from __future__ import annotations

from datetime import datetime

from core.db import command, db, insert_into, reading
from sponsorship.gateways.money_models import StripeCursor


def cursor(name: str) -> datetime | None:
    """All that was made until then is on record; None before the first time. Leaves no transaction open."""
    with reading():
        found = db.session.get(StripeCursor, name, populate_existing=True)
        through = found.through if found is not None else None
        db.session.rollback()
    return through


@command
def advance(name: str, through: datetime) -> None:
    """Only ever forward."""
    db.session.execute(insert_into(StripeCursor).values(name=name, through=through).on_conflict_do_nothing())
    found = db.session.get_one(StripeCursor, name, with_for_update=True, populate_existing=True)
    if found.through < through:
        found.through = through
