"""Commands on shortfalls of pools: covered from the pool's free money, asked for by one and approved by another."""

from __future__ import annotations

import uuid

from flask_babel import gettext as _
from sqlalchemy import select

from accounts.permissions import require
from core import clock, events
from core.actor import Actor
from core.db import command, db, lock, new_id
from core.errors import NotFound, RuleBroken
from core.money import usd
from core.web.formats import format_money
from sponsorship.contributions import shortfall_notices as notices
from sponsorship.contributions.shortfall_models import Cover
from sponsorship.contributions.transitions import COVER
from sponsorship.ledger import service as ledger
from sponsorship.ledger.models import Pool
from sponsorship.ledger.queries import PoolFigures, pool_figures


def figures_of(pool_id: uuid.UUID) -> PoolFigures:
    """What a pool has and lacks. Raises NotFound."""
    found = next((figures for figures in pool_figures() if figures.pool_id == pool_id), None)
    if found is None:
        raise NotFound()
    return found


@command
def request_cover(pool_id: uuid.UUID, actor: Actor, words: str) -> uuid.UUID:
    """Ask that all that a pool lacks be covered from its free money. Somebody else approves it. Raises NotAllowed,
    NotFound, RuleBroken."""
    require(actor, "shortfall.cover")
    assert actor.person_id is not None
    lock(Pool, pool_id)
    figures = figures_of(pool_id)
    if not words.strip():
        raise RuleBroken(_("Write why, for whoever approves it."), code="cover.no_words", field="note")
    if not figures.shortfall:
        raise RuleBroken(_("This pool lacks nothing."), code="cover.nothing")
    _enough(figures)
    under_way = db.session.scalar(select(Cover.id).where(Cover.pool_id == pool_id, Cover.state == "requested"))
    if under_way is not None:
        raise RuleBroken(_("Somebody has asked for it already: it waits for approval."), code="cover.under_way")
    row = Cover(id=new_id(), pool_id=pool_id, amount_minor=figures.shortfall, requested_by=actor.person_id,
                requested_at=clock.now())
    db.session.add(row)
    db.session.flush()  # the event names the row
    events.record(actor, "contributions.cover.request", "cover", row.id, to_state=row.state, text=words.strip(),
                  data={"pool": str(pool_id), "amount_minor": row.amount_minor})
    notices.cover_requested(row, figures.name)
    return row.id


def _enough(figures: PoolFigures) -> None:
    if figures.shortfall > figures.available:
        raise RuleBroken(
            _("%(short)s is lacking, and %(free)s is free in this pool. Wait for money to arrive, or release awards "
              "that are not accepted.", short=format_money(usd(figures.shortfall)),
              free=format_money(usd(figures.available))), code="cover.not_enough")


@command
def approve_cover(cover_id: uuid.UUID, actor: Actor, expected_version: int) -> None:
    """Approve it: the pool's free money pays what is lacking, oldest first, and payments leave again. Raises
    NotAllowed, NotFound, IllegalMove, Stale, RuleBroken (the same person; more is lacking than was asked for; not
    enough is free): then nothing is written."""
    require(actor, "shortfall.approve")
    row = lock(Cover, cover_id, expected_version)
    if row.requested_by == actor.person_id:
        raise RuleBroken(_("You asked for this yourself: somebody else approves it."), code="cover.same_person")
    COVER.move(row.state, "approve")
    figures = figures_of(row.pool_id)
    if figures.shortfall > row.amount_minor:
        raise RuleBroken(
            _("%(now)s is lacking now, more than the %(asked)s that was asked for. Do not approve it, and have it "
              "asked for anew.", now=format_money(usd(figures.shortfall)), asked=format_money(usd(row.amount_minor))),
            code="cover.grown")
    _enough(figures)
    _decide(row, "approve", actor)
    try:
        ledger.cover_shortfall(row.pool_id, key=f"cover:{row.id}", actor=actor)
    except ledger.NotEnoughMoney as lacking:  # promised by somebody between our look and the lock
        _enough(figures_of(row.pool_id))
        raise RuleBroken(_("Too little is free in this pool now."), code="cover.not_enough") from lacking


@command
def decline_cover(cover_id: uuid.UUID, actor: Actor, words: str, expected_version: int) -> None:
    """Do not approve it. Raises NotAllowed, NotFound, IllegalMove, Stale, RuleBroken."""
    require(actor, "shortfall.approve")
    row = lock(Cover, cover_id, expected_version)
    if row.requested_by == actor.person_id:
        raise RuleBroken(_("You asked for this yourself: somebody else decides it."), code="cover.same_person")
    if not words.strip():
        raise RuleBroken(_("Write why, for the record."), code="cover.no_words", field="note")
    _decide(row, "decline", actor, words)


def _decide(row: Cover, action: str, actor: Actor, words: str | None = None) -> None:
    with db.session.no_autoflush:  # the state and who decided change in one statement
        row.decided_by, row.decided_at = actor.person_id, clock.now()
        COVER.apply(row, action, actor, text=words, data={"pool": str(row.pool_id)})
