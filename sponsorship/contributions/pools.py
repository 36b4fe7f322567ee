"""Where money may go, as donors choose it: in words, the general pool first."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _

from accounts.queries import shows_demonstration
from accounts.service import in_language
from core.errors import RuleBroken
from sponsorship.contributions.earmark_words import earmark_words, unearmarked_words
from sponsorship.ledger.earmarks import canonical, key_of
from sponsorship.ledger.queries import PoolRow, list_pools, pools_by_ids
from sponsorship.ledger.service import open_pool


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
    key = key_of(wanted)
    known = [pool for pool in _pools() if key_of(pool.earmark) == key]
    if known:
        return min(known, key=lambda pool: (pool.is_demo, pool.code)).id
    digest = hashlib.sha256(key.encode()).hexdigest()[:8]
    with in_language("en"):  # a pool's name is one for all readers; its purpose is read in the reader's language
        name = earmark_words(wanted)[:200]
    return open_pool(f"earmark-{digest}", name, dict(wanted), is_demo=shows_demonstration())


def purposes() -> list[PoolChoice]:
    """What donors may choose from, unearmarked first: the fund asks for that."""
    earmarked = sorted((pool for pool in _pools() if pool.earmark is not None), key=lambda pool: (pool.name, pool.code))
    found = [PoolChoice(pool.id, pool.name, pool.earmark) for pool in earmarked]
    return [PoolChoice(None, unearmarked_words()), *found]


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
