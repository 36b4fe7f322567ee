"""No ticket is bought on a passport or visa that is not good for the journey: a test that is not met stops the payment
of the ticket, unless the head of the fund lets it go on with a reason. What is merely not known yet stops nothing.

The reason holds for the person who held the place when it was written: a substitution ends it.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import CheckConstraint, ForeignKey, String, Text, func, select
from sqlalchemy.orm import Mapped, mapped_column

from accounts.permissions import allows, require
from accounts.queries import person_labels
from core import clock, events
from core.actor import Actor
from core.db import Base, WithId, command, db, get
from core.ddl import append_only, lookup_table
from core.errors import RuleBroken
from meetings.calendar.queries import meeting_by_id
from sponsorship.applications.paper_models import NomineeSubstitution
from sponsorship.applications.queries import nominee_by_id
from sponsorship.applications.travel_tests import Test, passport_of, tests_of
from sponsorship.awards.models import Award
from sponsorship.awards.panels import Panel
from sponsorship.awards.service import lock_award

CONDITIONS = ("passport", "visa")
OPEN = ("selected", "certified", "offered", "accepted")
lookup_table("travel_condition", CONDITIONS)


class TravelOverride(WithId, Base):
    """A condition of travel that is not met, and why the ticket is bought all the same. Never changed."""

    __tablename__ = "travel_override"
    __table_args__ = (CheckConstraint("length(reason) > 0", name="has_reason"),)
    award_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("award.id"), index=True)
    condition: Mapped[str] = mapped_column(String(40), ForeignKey("travel_condition.code"))
    reason: Mapped[str] = mapped_column(Text)
    by_person: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]


append_only(TravelOverride.__table__)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Overridden:
    """Who lets a condition go, when and why."""

    condition: str
    reason: str
    by: str
    at: datetime


def failed_tests(award: Award) -> list[Test]:
    """The tests of passport and visa that are not met for the award's own days of travel."""
    nominee = nominee_by_id(award.nominee_id)
    journey = replace(nominee, travel_from=award.travel_from, travel_to=award.travel_to)
    found = tests_of(journey, meeting_by_id(award.meeting_id), passport_of(award.nominee_id))
    return [test for test in found if test.met is False]


def _standing(award: Award) -> Sequence[TravelOverride]:
    since = db.session.scalar(
        select(func.max(NomineeSubstitution.at)).where(NomineeSubstitution.nominee_id == award.nominee_id))
    rows = db.session.scalars(
        select(TravelOverride).where(TravelOverride.award_id == award.id).order_by(TravelOverride.at)).all()
    return [row for row in rows if since is None or row.at > since]


def check_conditions(award: Award) -> None:
    """Raises RuleBroken (`award.travel_conditions`) where a condition is not met and nobody lets it go."""
    failed = failed_tests(award)
    if not failed:
        return
    let_go = {row.condition for row in _standing(award)}
    if left := [test for test in failed if test.code not in let_go]:
        raise RuleBroken(
            _("No ticket is bought yet: %(what)s not good for the journey. The nominee puts it right by the personal "
              "link, or the head of the fund lets it go on the page of the award, with a reason.",
              what=", ".join(str(test.what) for test in left)), code="award.travel_conditions")


@command
def override(award_id: uuid.UUID, condition: str, reason: str, expected_version: int, actor: Actor) -> None:
    """Let a condition go that is not met. Raises NotAllowed, Stale, RuleBroken (`travel.*`)."""
    require(actor, "travel.override")
    award = lock_award(award_id)
    if award.version != expected_version or award.state not in OPEN:
        raise RuleBroken(_("The award has changed since you opened the page. Look at it again."), code="travel.stale")
    if condition not in {test.code for test in failed_tests(award)}:
        raise RuleBroken(_("Choose a condition that is not met."), code="travel.condition", field="condition")
    if not reason.strip():
        raise RuleBroken(_("Write why the ticket is bought all the same."), code="travel.reason", field="reason")
    assert actor.person_id is not None
    db.session.add(TravelOverride(award_id=award_id, condition=condition, reason=reason.strip(),
                                  by_person=actor.person_id, at=clock.now()))
    award.version += 1
    events.record(actor, "awards.award.travel_override", "award", award_id, reason=condition, text=reason.strip())


def panel(award_id: uuid.UUID, actor: Actor) -> Panel | None:
    """Conditions that are not met, and who let them go, for officers on the award's page."""
    if not allows(actor, "award.view_all"):
        return None
    award = get(Award, award_id)
    failed = failed_tests(award) if award.state in OPEN else []
    rows = _standing(award)
    if not failed and not rows:
        return None
    people = person_labels(row.by_person for row in rows)
    let_go = [Overridden(row.condition, row.reason, people[row.by_person], row.at) for row in rows]
    left = {test.code for test in failed} - {row.condition for row in rows}
    return Panel("awards/_conditions.html", {
        "award_id": award_id, "failed": failed, "let_go": let_go, "left": left,
        "may": bool(left) and allows(actor, "travel.override")})
