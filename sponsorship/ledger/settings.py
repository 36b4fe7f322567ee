"""Settings of the fund that people change: each change is a row, the newest holds, none is ever rewritten."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select

from core import clock, events
from core.actor import Actor
from core.db import command, db
from sponsorship.ledger.models import FundSetting


def newest(name: str) -> FundSetting | None:
    """The row that holds; None where the setting was never changed."""
    return db.session.scalars(
        select(FundSetting).where(FundSetting.name == name).order_by(FundSetting.id.desc()).limit(1)
    ).first()


def setting(name: str, default: str = "") -> str:
    """What the setting says now."""
    found = newest(name)
    return default if found is None else found.value


def changes_of(names: Iterable[str], lock: bool = False) -> list[FundSetting]:
    """Every change of these settings, newest first; locked until the command ends, on request."""
    query = select(FundSetting).where(FundSetting.name.in_(list(names))).order_by(FundSetting.id.desc())
    return list(db.session.scalars(query.with_for_update() if lock else query))


@command
def change_setting(name: str, value: str, actor: Actor, words: str | None = None) -> bool:
    """Say something else from now on, with `words` for the record; saying the same again adds nothing. Whether it is
    something else. The caller has asked for authority."""
    if setting(name) == value:
        return False
    row = FundSetting(name=name, value=value, set_at=clock.now(), set_by=actor.person_id)
    db.session.add(row)
    db.session.flush()  # the event names the row
    events.record(actor, "ledger.setting.change", "fund_setting", row.id, data={"name": name}, text=words)
    return True
