"""Which pools may pay for an award: those of its call, in the call's order, whose earmark fits it."""

from __future__ import annotations

import uuid
from typing import Any

from accounts.queries import facts_at
from meetings.calendar.queries import MeetingRow, meeting_by_id
from sponsorship.applications.queries import CallRow, nominee_by_id
from sponsorship.awards.models import Award
from sponsorship.ledger.queries import pools_by_ids


def fitting_pools(award: Award, call: CallRow) -> list[uuid.UUID]:
    """Pools in the order in which they are drawn (the call's: narrowest earmark first, unearmarked last).

    An earmark is judged on the facts dated at the call's closing date; a predicate not understood never fits: money
    is rather left unspent than spent outside its purpose.
    """
    pools = pools_by_ids(call.pool_ids)
    meeting = meeting_by_id(award.meeting_id)
    facts = facts_at([award.organisation_id], call.closes_at.date())[award.organisation_id]
    sex = nominee_by_id(award.nominee_id).sex
    return [
        pool for pool in call.pool_ids
        if pool in pools and fits(pools[pool].earmark, facts=facts, meeting=meeting, sex=sex)
    ]


def fits(earmark: dict[str, Any] | None, *, facts: frozenset[str], meeting: MeetingRow, sex: str | None) -> bool:
    """Whether an earmark allows a journey. All its conditions must hold; within one, any of its values.

    Conditions: fact or facts (ldc, lldc, sids), group or region (regional group), meeting (slug or id), kind (of
    meeting), sex; or the fact itself with true, such as {"ldc": true}.
    """
    if not earmark:
        return True
    held = {
        "facts": facts,
        "group": frozenset(f.removeprefix("group:") for f in facts if f.startswith("group:")),
        "meeting": frozenset({meeting.slug, str(meeting.id)}),
        "kind": frozenset({meeting.kind}),
        "sex": frozenset({sex} if sex else ()),
    }
    held |= {"fact": held["facts"], "region": held["group"]}
    for condition, wanted in earmark.items():
        if condition in ("ldc", "lldc", "sids") and wanted is True:
            if condition not in facts:
                return False
            continue
        values = wanted if isinstance(wanted, list) else [wanted]
        if condition not in held or not held[condition] & {str(v) for v in values}:
            return False
    return True
