"""Where money may go, as donors choose it: in words, the general pool first."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy.exc import IntegrityError

from accounts.queries import shows_demonstration
from accounts.service import in_language
from core.db import db
from core.errors import RuleBroken
from sponsorship.contributions.earmark_words import earmark_words, names_of_meetings, unearmarked_words
from sponsorship.ledger.earmarks import EarmarkError, canonical, key_of
from sponsorship.ledger.queries import PoolRow, list_pools, pool_figures, pools_by_ids
from sponsorship.ledger.service import open_pool

OWN = "earmark-"  # codes of pools that were opened for a purpose somebody made up


@dataclass(frozen=True)
class PoolChoice:
    """One purpose a donor may choose. `id` None: where it is needed most."""

    id: uuid.UUID | None
    label: str
    earmark: Mapping[str, Any] | None = None

    @property
    def value(self) -> str:
        """What the form carries."""
        return str(self.id) if self.id else "general"


def _pools() -> list[PoolRow]:
    return list_pools(include_demo=shows_demonstration())


def general_pool_id() -> uuid.UUID:
    """The pool of unearmarked money. Raises RuleBroken while the fund has none."""
    found = sorted((pool for pool in _pools() if pool.earmark is None), key=lambda pool: (pool.is_demo, pool.code))
    if not found:
        raise RuleBroken(_("The fund has no pool for unearmarked money yet."), code="contribution.no_pool")
    return found[0].id


def pool_for(earmark: Mapping[str, Any] | None) -> uuid.UUID | None:
    """The pool of this purpose, opened when it is the first of its kind; None without an earmark. Inside a command.
    Raises EarmarkError for what is no earmark."""
    wanted = canonical(earmark)
    if wanted is None:
        return None
    found = _pool_with(key_of(wanted))
    if found is not None:
        return found
    with in_language("en"):  # a pool's name is one for all readers; its purpose is read in the reader's language
        name = earmark_words(wanted)[:200]
    try:
        with db.session.begin_nested():
            return open_pool(_code_for(wanted), name, dict(wanted), is_demo=shows_demonstration())
    except IntegrityError:  # somebody opened it in the same instant
        found = _pool_with(key_of(wanted))
        if found is None:
            raise
        return found


def _pool_with(key: str) -> uuid.UUID | None:
    known = [pool for pool in _pools() if _key(pool) == key]
    return min(known, key=lambda pool: (pool.is_demo, pool.code)).id if known else None


def _key(pool: PoolRow) -> str | None:
    try:
        return key_of(pool.earmark)
    except EarmarkError:  # a condition that nobody reads any more is nobody's purpose
        return None


def _code_for(earmark: Mapping[str, Any]) -> str:
    return f"{OWN}{hashlib.sha256(key_of(earmark).encode()).hexdigest()[:8]}"


def purposes() -> list[PoolChoice]:
    """What donors may choose from, unearmarked first: the fund asks for that. A purpose that a donor made up is offered
    to others once money has come for it."""
    with_money = {row.pool_id for row in pool_figures(shows_demonstration()) if row.received}
    offered = [pool for pool in _pools()
               if pool.earmark is not None and (pool.id in with_money or not pool.code.startswith(OWN))]
    labels = _labels(offered)
    earmarked = sorted(offered, key=lambda pool: (labels[pool.id], pool.code))
    return [unearmarked(), *(
        PoolChoice(pool.id, labels[pool.id], pool.earmark) for pool in earmarked)]


def unearmarked() -> PoolChoice:
    """Where it is needed most."""
    return PoolChoice(None, unearmarked_words())


def all_pools() -> list[PoolChoice]:
    """Every pool by name, for officers."""
    pools = _pools()
    labels = _labels(pools)
    return [PoolChoice(pool.id, labels[pool.id], pool.earmark)
            for pool in sorted(pools, key=lambda pool: (labels[pool.id], pool.code))]


def _labels(pools: Iterable[PoolRow]) -> dict[uuid.UUID, str]:
    """Pools by what people call them: the name an officer gave, or the purpose in the reader's language where a donor
    made it up. One query at most."""
    rows = list(pools)
    own = [pool for pool in rows if pool.earmark and pool.code.startswith(OWN)]
    meetings = names_of_meetings(pool.earmark for pool in own)
    words = {pool.id: earmark_words(pool.earmark, meetings) for pool in own}
    return {pool.id: words.get(pool.id, pool.name) for pool in rows}


def pool_of(pool_id: uuid.UUID | None) -> str:
    """The name of the pool that accepted money would enter; a dash while there is none."""
    try:
        wanted = pool_id or general_pool_id()
    except RuleBroken:
        return "—"
    return pool_names([wanted]).get(wanted, "—")


def pool_names(pool_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Names of pools, in two queries at most."""
    wanted = set(pool_ids)
    return _labels(pools_by_ids(wanted).values()) if wanted else {}


def purpose_names(pool_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """What donors read of pools, in two queries at most: their names; one phrase for money without an earmark."""
    wanted = set(pool_ids)
    if not wanted:
        return {}
    rows = pools_by_ids(wanted)
    labels = _labels(rows.values())
    return {key: labels[key] if row.earmark else unearmarked_words() for key, row in rows.items()}
