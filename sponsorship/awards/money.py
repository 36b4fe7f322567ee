"""Which pools may pay for an award: those of its call, in the call's order, whose earmark fits it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from accounts.queries import facts_at
from core.db import get
from core.money import Money, usd
from meetings.calendar.queries import meeting_by_id
from sponsorship.applications.queries import CallRow, call_by_id, nominee_by_id
from sponsorship.awards.models import Award
from sponsorship.ledger.earmarks import Journey, fits, narrowest_first
from sponsorship.ledger.queries import headroom, pool_figures, pools_by_ids, reservation_state, support_on


def fitting_pools(award: Award, call: CallRow) -> list[uuid.UUID]:
    """Those pools of the call that may pay, in the order in which they are drawn: the narrowest earmark first, money
    without one last, equal ones in the call's order.

    An earmark is judged on the facts dated at the call's closing date; a predicate not understood never fits: money
    is rather left unspent than spent outside its purpose.
    """
    pools = pools_by_ids(call.pool_ids)
    meeting = meeting_by_id(award.meeting_id)
    facts = facts_at([award.organisation_id], call.closes_at.date())[award.organisation_id]
    journey = Journey(facts, frozenset({meeting.slug, str(meeting.id)}), meeting.kind,
                      nominee_by_id(award.nominee_id).sex)
    return narrowest_first(
        (pool, pools[pool].earmark) for pool in call.pool_ids
        if pool in pools and fits(pools[pool].earmark, journey)
    )


@dataclass(frozen=True)
class Cover:
    """What an obligation sets aside (US dollars; `support` None when the pools do not carry it) and the pools in the
    order in which they are drawn: name, what is free, and the direct cost that carries."""

    direct: Money
    support: Money | None
    pools: tuple[tuple[str, Money, Money], ...]

    @property
    def total(self) -> Money | None:
        return None if self.support is None else usd(self.direct.minor + self.support.minor)


def cover_of(award_id: uuid.UUID) -> Cover:
    """Before certification what would be reserved today, after it what stands reserved."""
    award = get(Award, award_id)
    pools = fitting_pools(award, call_by_id(award.call_id))
    figures = {f.pool_id: f for f in pool_figures()}
    if award.reservation_id is not None:
        support: int | None = reservation_state(award.reservation_id).support
    else:
        support = support_on(pools, award.amount_minor)
    return Cover(usd(award.amount_minor), None if support is None else usd(support), tuple(
        (figures[pool].name, usd(figures[pool].available), usd(headroom([pool]))) for pool in pools
    ))
