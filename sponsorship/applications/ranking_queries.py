"""The ranking as pages and files show it: every value that a place follows from, with the evidence behind it."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from accounts.queries import names, person_labels
from core.db import db
from sponsorship.applications.models import (
    EQUITY_CRITERIA,
    Application,
    Ranking,
    Recommendation,
    Screening,
)
from sponsorship.applications.queries import CallRow, nominee_counts
from sponsorship.applications.transitions import APPLICATION
from sponsorship.applications.words import CRITERION_SHORT, DECIDED_BY_NAMES, SEX_NAMES


@dataclass(frozen=True)
class Evidence:
    """What the screening found on one criterion, for which day, and where it was read."""

    criterion: str
    met: bool
    evidence: str
    source: str
    as_of: date | None
    override_reason: str
    by: str  # who found it otherwise than the dated facts say; "" for other findings
    at: datetime
    value: str | None = None  # a regional group or a sex found otherwise than recorded

    @property
    def shown(self) -> object:
        """What was found: yes or no, or the group."""
        return self.met if self.value is None else SEX_NAMES.get(self.value, self.value)


@dataclass(frozen=True)
class RankedLine:
    """A State's place with every value it follows from, and what the panel said of it."""

    application_id: uuid.UUID
    reference: str
    organisation_id: uuid.UUID
    state_name: str
    state: str
    position: int
    values: dict[str, bool]
    received_at: datetime
    received_after_date: bool
    decided_by: str
    nominees: int
    region: str = ""
    sex: str = ""
    places: Mapping[str, int] = field(default_factory=dict)
    points: int | None = None
    why: str = ""
    outcome: str | None = None
    panel_position: int | None = None
    seats: int = 0
    reason: str = ""
    evidence: Sequence[Evidence] = ()

    @property
    def status(self) -> Any:
        """Word and tone."""
        return APPLICATION.state(self.state)

    def group(self, criterion: str) -> str:
        """The group that a criterion of equity counts for this State, in words."""
        if criterion == "equity_region":
            return self.region or _("no regional group")
        return str(SEX_NAMES[self.sex] if self.sex else SEX_NAMES["not_said"])

    def value(self, criterion: str) -> bool | str:
        """Yes or no; for a criterion of equity the group with the places it had when this one was given."""
        if criterion in EQUITY_CRITERIA:
            return f"{self.group(criterion)}: {self.places.get(criterion, 0)}"
        return self.values.get(criterion, False)

    @property
    def reasoned(self) -> str:
        """What puts it behind the one before, with the rule that does."""
        return self.why if not self.decided_by else f"{DECIDED_BY_NAMES[self.decided_by]}. {self.why}"

    def groups(self, criteria: Sequence[str]) -> list[str]:
        """The groups that the call's criteria of equity count for this State."""
        return [self.group(c) for c in criteria if c in EQUITY_CRITERIA]

    @property
    def met(self) -> list[str]:
        """The screened criteria that it meets, in short words."""
        return [str(CRITERION_SHORT[c]) for c in self.values if self.values[c]]


def ranked_lines(call: CallRow, with_evidence: bool = False) -> list[RankedLine]:
    """The ranking that stands, first place first, with the panel's recommendation where there is one. Four queries,
    six with the evidence."""
    rows = db.session.execute(
        select(Ranking, Application).join(Application, Application.id == Ranking.application_id)
        .where(Ranking.call_id == call.id, Ranking.round == call.ranking_round).order_by(Ranking.position)
    ).all()
    advice = {
        a.application_id: a for a in db.session.scalars(
            select(Recommendation).where(Recommendation.call_id == call.id,
                                         Recommendation.round == call.recommendation_round))
    }
    labels = names({a.organisation_id for _r, a in rows})
    counts = nominee_counts(a.id for _r, a in rows)
    found = _evidence(call, {a.id: a.screening_round for _r, a in rows}) if with_evidence else {}
    lines: list[RankedLine] = []
    for ranking, application in rows:
        said = advice.get(application.id)
        line = RankedLine(
            application.id, application.reference, application.organisation_id, labels[application.organisation_id],
            application.state, ranking.position, ranking.criteria_values, ranking.received_at,
            application.received_after_date, ranking.decided_by, counts.get(application.id, 0), ranking.region,
            ranking.sex, ranking.places or {}, ranking.points, "",
            said.outcome if said else None, said.position if said else None, said.seats if said else 0,
            said.reason if said else "", found.get(application.id, ()),
        )
        lines.append(replace(line, why=_why(line, lines[-1] if lines else None, ranking.compared)))
    return lines


def made(call: CallRow) -> tuple[datetime, str] | None:
    """When the standing ranking was made, and by whom; None before there is one. Two queries."""
    row = db.session.execute(
        select(Ranking.at, Ranking.ranked_by)
        .where(Ranking.call_id == call.id, Ranking.round == call.ranking_round).limit(1)
    ).one_or_none()
    return None if row is None else (row.at, person_labels([row.ranked_by]).get(row.ranked_by, ""))


def _evidence(call: CallRow, rounds: Mapping[uuid.UUID, int]) -> dict[uuid.UUID, list[Evidence]]:
    """What was found on the call's criteria in each application's latest screening. Two queries."""
    order = list(call.criteria)
    found: dict[uuid.UUID, list[Evidence]] = defaultdict(list)
    rows = [
        row for row in db.session.scalars(
            select(Screening).join(Application, Application.id == Screening.application_id)
            .where(Application.call_id == call.id, Screening.criterion.in_(order)))
        if rounds.get(row.application_id) == row.round
    ]
    people = person_labels(row.by_person for row in rows)
    for row in rows:
        by = people.get(row.by_person, "") if row.by_person and row.override_reason else ""
        found[row.application_id].append(Evidence(row.criterion, row.met, row.evidence, row.source, row.as_of,
                                                  row.override_reason, by, row.at, row.value))
    for findings in found.values():
        findings.sort(key=lambda e: order.index(e.criterion))
    return found


def _why(line: RankedLine, before: RankedLine | None, compared: Mapping[str, int] | None) -> str:
    """What puts a State behind the one before it, in a sentence that can be checked on the page."""
    if before is None:
        return _("First of all.")
    if line.decided_by == "points" and compared:
        return _("%(fewer)s points then, the State before %(more)s.", fewer=compared["after"], more=compared["before"])
    if line.decided_by in EQUITY_CRITERIA and compared:
        return _("%(own)s had %(after)s, %(other)s %(before)s.", own=line.group(line.decided_by),
                 after=compared["after"], other=before.group(line.decided_by), before=compared["before"])
    if line.decided_by == "received_at":
        return _("Otherwise equal; received later.")
    if line.decided_by == "reference":
        return _("Equal, and received at the same moment; the reference decides.")
    if line.decided_by not in CRITERION_SHORT:
        return ""
    return _("The State before meets it, this one does not.")
