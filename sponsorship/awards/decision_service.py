"""The decision of the head of the fund: who is selected, who is on the reserve list, who is not selected."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from flask_babel import gettext as _

from accounts.permissions import require
from accounts.queries import find_person_id
from core import clock, events
from core.actor import Actor
from core.db import command, db, lock
from core.errors import RuleBroken, Stale
from core.references import next_reference
from meetings.calendar.queries import meeting_by_id
from sponsorship.applications.models import Call
from sponsorship.applications.queries import (
    CallRow,
    NomineeRow,
    Slot,
    application_by_id,
    call_by_id,
    nominees_by_ids,
    ranked_slots,
)
from sponsorship.applications.recusals import tainted
from sponsorship.applications.service import close_decided, mark_decided
from sponsorship.applications.transitions import CALL
from sponsorship.awards import mails
from sponsorship.awards.approvals import sign
from sponsorship.awards.models import Award, AwardLine
from sponsorship.awards.transitions import AWARD

Outcome = Literal["selected", "reserve", "not"]
ADVISED: dict[str, Outcome] = {"recommend": "selected", "reserve": "reserve", "not": "not"}
_RANK = {"selected": 0, "reserve": 1, "not": 2}
_APPLICATION_OUTCOME = {"selected": "selected", "reserve": "reserve_list", "not": "not_selected"}


@dataclass(frozen=True)
class Choice:
    """What the head decides for one nominee; `reason` is needed where it departs from the panel's advice."""

    outcome: Outcome
    reason: str = ""


def estimate_lines(call: CallRow) -> dict[str, int]:
    """The first estimate of an award under this call, in US cents by kind, by what the call's package holds."""
    lines: dict[str, int] = {}
    if call.package in ("ticket_and_dsa", "ticket"):
        lines["ticket"] = call.estimate_ticket_minor
    if call.package in ("ticket_and_dsa", "dsa"):
        lines["dsa"] = call.estimate_dsa_minor
        lines["terminal"] = call.estimate_terminal_minor
    return {kind: minor for kind, minor in lines.items() if minor > 0}


@command
def decide(call_id: uuid.UUID, choices: Mapping[uuid.UUID, Choice], actor: Actor, expected_version: int) -> None:
    """Decide on every nominee of a call at once; `choices` go by nominee.

    Selected and reserve places become awards, each signed by the head; the call is done. Raises RuleBroken (a
    departure without a reason, a State's order of priority broken, more than the ceiling, advice by a member recused
    since), Stale (the list has
    changed since the page was made), NotAllowed, IllegalMove.
    """
    call = lock(Call, call_id, expected_version)
    require(actor, CALL.move(call.state, "decide").permission)
    if recused := tainted(call_id):
        raise RuleBroken(
            _("Whoever recorded the recommendation on %(references)s is recused from it since. Another panel member "
              "records it again first.", references=", ".join(recused)), code="award.recused")
    row, slots = call_by_id(call_id), ranked_slots(call_id)
    if {slot.nominee_id for slot in slots} != set(choices):
        raise Stale()
    check_choices(slots, choices, row)
    nominees = nominees_by_ids([slot.nominee_id for slot in slots], actor)
    meeting = meeting_by_id(row.meeting_id)
    best: dict[uuid.UUID, Outcome] = {}
    counts = {"selected": 0, "reserve": 0}
    for slot in slots:
        choice = choices[slot.nominee_id]
        before = best.get(slot.application_id, "not")
        best[slot.application_id] = min(before, choice.outcome, key=_RANK.__getitem__)
        if choice.outcome == "not":
            if choice.outcome != ADVISED[slot.recommended]:
                events.record(actor, "awards.decision.departs", "application", slot.application_id,
                              data={"advised": slot.recommended, "decided": "not", "nominee": str(slot.nominee_id)},
                              text=choice.reason)
            continue
        counts[choice.outcome] += 1
        _award(slot, choice, row, nominees[slot.nominee_id], meeting, counts[choice.outcome], actor)
    for application_id, outcome in best.items():
        mark_decided(application_id, _APPLICATION_OUTCOME[outcome], actor)  # type: ignore[arg-type]
        if outcome == "not":
            application = application_by_id(application_id)
            mails.not_selected(application.organisation_id, application.id, application.reference, meeting.title)
    close_decided(call_id, actor)


def check_choices(slots: Sequence[Slot], choices: Mapping[uuid.UUID, Choice], call: CallRow) -> None:
    """Raises RuleBroken, with the field that can put it right: a departure without a reason, a State's own order of
    priority broken, more than the ceiling carries."""
    last: dict[uuid.UUID, int] = {}
    for slot in slots:
        choice = choices[slot.nominee_id]
        if choice.outcome != ADVISED[slot.recommended] and not choice.reason.strip():
            raise RuleBroken(_("Say why the decision departs from the panel’s recommendation."),
                             code="award.reason", field=f"reason-{slot.nominee_id}")
        if _RANK[choice.outcome] < last.get(slot.application_id, 0):
            raise RuleBroken(_("The State put another nominee first. Keep the State’s order of priority."),
                             code="award.priority", field=f"outcome-{slot.nominee_id}")
        last[slot.application_id] = _RANK[choice.outcome]
    each = sum(estimate_lines(call).values())
    selected = sum(1 for choice in choices.values() if choice.outcome == "selected")
    if call.ceiling_minor is not None and each * selected > call.ceiling_minor:
        raise RuleBroken(
            _("%(count)s places pass the ceiling of the call. It carries %(most)s.", count=selected,
              most=call.ceiling_minor // each),
            code="award.ceiling")


def _award(
    slot: Slot, choice: Choice, call: CallRow, nominee: NomineeRow, meeting: object, position: int, actor: Actor,
) -> None:
    start, end = meeting.start_date, meeting.end_date  # type: ignore[attr-defined]
    travel_from = nominee.travel_from or start - timedelta(days=1)
    travel_to = nominee.travel_to or end + timedelta(days=1)
    lines = estimate_lines(call)
    award = Award(
        reference=next_reference("AWD", clock.today().year), call_id=call.id, meeting_id=call.meeting_id,
        application_id=slot.application_id, nominee_id=slot.nominee_id, organisation_id=slot.organisation_id,
        beneficiary_id=find_person_id(nominee.email) if nominee.email else None, position=position,
        on_reserve=choice.outcome == "reserve", state="reserve", amount_minor=sum(lines.values()),
        travel_from=travel_from, travel_to=travel_to, days_before=(start - travel_from).days,
        days_after=(travel_to - end).days, created_at=clock.now(), version=1, round=1,
    )
    db.session.add(award)
    db.session.flush()  # lines and signature point at the award
    for kind, minor in lines.items():
        db.session.add(AwardLine(award_id=award.id, kind=kind, amount_minor=minor))
    barred = frozenset({award.beneficiary_id} - {None})
    signed = sign("award.decided", award.id, award.round, actor, barred=barred,  # type: ignore[arg-type]
                  amount_minor=award.amount_minor)
    departs = choice.outcome != ADVISED[slot.recommended]
    data = {"call": str(call.id), "position": position, "advised": slot.recommended, "departs": departs,
            **signed}
    text = choice.reason.strip() or None
    if choice.outcome == "selected":
        AWARD.apply(award, "select", actor, organisation_id=award.organisation_id, data=data, text=text)
    else:
        events.record(actor, "awards.award.reserve", "award", award.id, to_state="reserve", data=data, text=text)
        mails.on_reserve(award)
