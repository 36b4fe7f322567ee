"""Where money may go, as donors choose it: in words, the general pool first."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from flask_babel import gettext as _

from accounts.queries import shows_demonstration
from core.errors import RuleBroken
from sponsorship.ledger.queries import PoolRow, list_pools, pools_by_ids


@dataclass(frozen=True)
class PoolChoice:
    """One purpose a donor may choose. `id` None: where it is needed most."""

    id: uuid.UUID | None
    label: str

    @property
    def value(self) -> str:
        """What the form carries."""
        return str(self.id) if self.id else "general"


def _pools() -> list[PoolRow]:
    return list_pools(include_demo=shows_demonstration())


def unearmarked_words() -> str:
    """What donors read of money without an earmark, wherever they choose or read it."""
    return _("Where it is needed most (unearmarked)")


def general_pool_id() -> uuid.UUID:
    """The pool of unearmarked money. Raises RuleBroken while the fund has none."""
    found = sorted((pool for pool in _pools() if pool.earmark is None), key=lambda pool: (pool.is_demo, pool.code))
    if not found:
        raise RuleBroken(_("The fund has no pool for unearmarked money yet."), code="contribution.no_pool")
    return found[0].id


def purposes() -> list[PoolChoice]:
    """What donors may choose from, unearmarked first: the fund asks for that."""
    earmarked = sorted((pool for pool in _pools() if pool.earmark is not None), key=lambda pool: (pool.name, pool.code))
    return [PoolChoice(None, unearmarked_words()), *(PoolChoice(pool.id, pool.name) for pool in earmarked)]


def all_pools() -> list[PoolChoice]:
    """Every pool by name, for officers."""
    return [PoolChoice(pool.id, pool.name) for pool in sorted(_pools(), key=lambda pool: (pool.name, pool.code))]


def pool_of(pool_id: uuid.UUID | None) -> str:
    """The name of the pool that accepted money would enter; a dash while there is none."""
    try:
        wanted = pool_id or general_pool_id()
    except RuleBroken:
        return "—"
    return pool_names([wanted]).get(wanted, "—")


def pool_names(pool_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Names of pools, in one query at most."""
    wanted = set(pool_ids)
    return {key: row.name for key, row in pools_by_ids(wanted).items()} if wanted else {}


def purpose_names(pool_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """What donors read of pools, in one query at most: their names; one phrase for money without an earmark."""
    wanted = set(pool_ids)
    if not wanted:
        return {}
    return {key: row.name if row.earmark else unearmarked_words() for key, row in pools_by_ids(wanted).items()}
