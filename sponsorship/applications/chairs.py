"""The Chair's part on the panel of a call: designated by the fund manager on a paper, ended with a reason.

Under "secretariat with the Chair" the Chair of the meeting, or the representative whom the Chair names, is the one
member from a State who records advice. Whoever it is holds the role of a panel member in that State already; the
designation says for which call, and recuses from that State by rule.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import select

from accounts.models import Membership, Organisation
from accounts.permissions import people_with, require
from accounts.queries import names, person_labels
from core import clock, events
from core.actor import Actor
from core.db import command, db, lock
from core.errors import RuleBroken
from core.outbox import send_mail
from core.web.links import absolute
from meetings.calendar.queries import meeting_by_id
from sponsorship.applications import recusals
from sponsorship.applications.chair_models import CAPACITIES, CallChair
from sponsorship.applications.models import Call

OPEN = ("draft", "scheduled", "open", "closed", "ranked", "recommended", "suspended")


def candidates() -> list[tuple[uuid.UUID, uuid.UUID, str]]:
    """Panel members of States: person, State, "name, State". Three queries."""
    rows = db.session.execute(
        select(Membership.person_id, Membership.organisation_id)
        .join(Organisation, Organisation.id == Membership.organisation_id)
        .where(Membership.role == "panel_member", Organisation.kind.in_(("state", "observer")), *recusals.on_today())
        .distinct()
    ).all()
    people, states = person_labels(r.person_id for r in rows), names({r.organisation_id for r in rows})
    found = [(r.person_id, r.organisation_id, f"{people[r.person_id]}, {states[r.organisation_id]}") for r in rows]
    return sorted(found, key=lambda row: row[2].casefold())


@command
def designate(
    call_id: uuid.UUID, person_id: uuid.UUID, organisation_id: uuid.UUID, capacity: str, source: str,
    expected_version: int, actor: Actor,
) -> None:
    """Designate a panel member of a State as the Chair, or in the Chair's place; whoever sat there before gives way.

    Raises NotAllowed, Stale, RuleBroken (`chair.*`), NotFound.
    """
    require(actor, "call.manage")
    call = lock(Call, call_id, expected_version)
    if call.governance != "secretariat_chair":
        raise RuleBroken(_("Under this call’s rules the Chair has no seat of its own on the panel."),
                         code="chair.model")
    if call.state not in OPEN:
        raise RuleBroken(_("The call is over: the Chair’s part has ended with it."), code="chair.over")
    if capacity not in CAPACITIES:
        raise RuleBroken(_("Choose in which capacity."), code="chair.capacity", field="capacity")
    if not source.strip():
        raise RuleBroken(_("Write which paper says so, with its date."), code="chair.source", field="source")
    if not any((p, o) == (person_id, organisation_id) for p, o, _label in candidates()):
        raise RuleBroken(_("Choose a panel member of a State. The administrator gives that role first."),
                         code="chair.person", field="person")
    assert actor.person_id is not None
    now = clock.now()
    before = recusals.chairs_of([call_id]).get(call_id)
    if before is not None:
        before.ended_at, before.ended_by, before.end_reason = now, actor.person_id, source.strip()
        db.session.flush()  # one at a time: the index looks at each row
    row = CallChair(call_id=call_id, person_id=person_id, organisation_id=organisation_id, capacity=capacity,
                    source=source.strip(), designated_by=actor.person_id, designated_at=now)
    db.session.add(row)
    db.session.flush()  # the rule of recusal looks for the row
    call.version += 1
    events.record(actor, "applications.call.chair", "call", call_id, text=source.strip(), data={
        "person": str(person_id), "organisation_id": str(organisation_id), "capacity": capacity})
    if call.ranking_round:
        recusals.note_by_rule(call, [person_id])
    _tell(row, call)


@command
def end(call_id: uuid.UUID, reason: str, expected_version: int, actor: Actor) -> None:
    """End the designation. What the Chair recorded stands. Raises NotAllowed, Stale, RuleBroken (`chair.*`)."""
    require(actor, "call.manage")
    call = lock(Call, call_id, expected_version)
    row = recusals.chairs_of([call_id]).get(call_id)
    if row is None:
        raise RuleBroken(_("Nobody is designated."), code="chair.nobody")
    if not reason.strip():
        raise RuleBroken(_("Write why the designation ends."), code="chair.reason", field="reason")
    row.ended_at, row.ended_by, row.end_reason = clock.now(), actor.person_id, reason.strip()
    call.version += 1
    events.record(actor, "applications.call.chair_end", "call", call_id, data={"person": str(row.person_id)},
                  text=reason.strip())


def _tell(row: CallChair, call: Call) -> None:
    meeting = meeting_by_id(call.meeting_id)
    for contact in people_with("panel.recommend"):
        if contact.person_id != row.person_id:
            continue
        with force_locale(contact.locale):
            send_mail(
                contact.email, kind="applications.chair",
                subject=_("You sit on the panel of call %(call)s", call=call.reference),
                body=_("You are designated to take the part of the Chair on the panel that recommends on applications "
                       "for:\n%(meeting)s\n\nYou take no part where your own State is considered. Any other interest "
                       "is declared on the page of the panel:\n%(url)s\n", meeting=meeting.title,
                       url=absolute("panel.recommendation", id=call.id)),
                dedupe_key=f"chair:{row.id}:{contact.person_id}")


@dataclass(frozen=True)
class ChairLine:
    """One designation as pages show it."""

    person: str
    state: str
    capacity: str
    source: str
    designated_at: datetime
    ended_at: datetime | None
    end_reason: str


def designations(call_id: uuid.UUID) -> list[ChairLine]:
    """Every designation of a call, the one that stands first, then the newest. Three queries."""
    rows = db.session.scalars(
        select(CallChair).where(CallChair.call_id == call_id)
        .order_by(CallChair.ended_at.is_not(None), CallChair.designated_at.desc(), CallChair.id.desc())).all()
    people, states = person_labels(r.person_id for r in rows), names({r.organisation_id for r in rows})
    return [ChairLine(people[r.person_id], states[r.organisation_id], r.capacity, r.source, r.designated_at,
                      r.ended_at, r.end_reason) for r in rows]
