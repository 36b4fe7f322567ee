"""What the two finance officers' pages may know about lists and possible matches. Nobody else asks these."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select

from accounts.queries import names
from core import clock
from core.db import db, get
from core.machines import State
from core.web.formats import format_day
from core.web.tables import TableQuery
from sponsorship.awards.models import Award
from sponsorship.disbursements.models import Disbursement, Payee
from sponsorship.disbursements.sanctions_models import SanctionsEntry, SanctionsList, SanctionsMatch
from sponsorship.disbursements.sanctions_service import Identity, current_list, identity_of
from sponsorship.disbursements.sanctions_words import LIKENESS
from sponsorship.disbursements.settings import days
from sponsorship.disbursements.transitions import MATCH

OPEN = ("open", "proposed")


@dataclass(frozen=True)
class MatchRow:
    """A possible match in a list."""

    id: uuid.UUID
    payee_id: uuid.UUID
    award: str
    organisation: str
    listed: str
    reference: str
    likeness: str
    state: str
    found_at: datetime
    proposed_by: uuid.UUID | None
    version: int

    @property
    def status(self) -> State:
        return MATCH.state(self.state)


def _select():  # type: ignore[no-untyped-def]
    return (
        select(SanctionsMatch, SanctionsEntry, Award.reference, Award.organisation_id)
        .join(SanctionsEntry, SanctionsEntry.id == SanctionsMatch.entry_id)
        .join(Payee, Payee.id == SanctionsMatch.payee_id).join(Award, Award.id == Payee.award_id)
    )


def _rows(found: list[tuple[SanctionsMatch, SanctionsEntry, str, uuid.UUID]]) -> list[MatchRow]:
    places = names({row[3] for row in found})
    return [
        MatchRow(match.id, match.payee_id, award, places.get(place, ""), entry.names[0], entry.reference,
                 str(LIKENESS[match.likeness]), match.state, match.found_at, match.proposed_by, match.version)
        for match, entry, award, place in found
    ]


def list_matches(query: TableQuery) -> tuple[list[MatchRow], int]:
    """Possible matches, the open ones first. Filter: state."""
    where = [SanctionsMatch.state == state] if (state := query.get("state")) else []
    total = db.session.scalar(select(func.count()).select_from(SanctionsMatch).where(*where)) or 0
    statement = _select().where(*where).order_by(
        SanctionsMatch.state.not_in(OPEN), SanctionsMatch.found_at.desc(), SanctionsMatch.id)
    if query.format is None:
        statement = statement.offset(query.offset).limit(query.limit)
    return _rows([tuple(row) for row in db.session.execute(statement)]), int(total)


def matches_open(limit: int = 50) -> list[MatchRow]:
    """What waits for an officer, the oldest first."""
    return _rows([tuple(row) for row in db.session.execute(
        _select().where(SanctionsMatch.state.in_(OPEN)).order_by(SanctionsMatch.found_at).limit(limit))])


@dataclass(frozen=True)
class MatchPage:
    """One possible match with both sides beside each other."""

    row: MatchRow
    identity: Identity
    names: tuple[str, ...]
    births: tuple[str, ...]
    listed_on: date | None
    published_on: date
    next_due: datetime | None

    @property
    def born(self) -> list[str]:
        """Dates of birth as the list has them (days, years, spans of years), days written as everywhere."""
        return [format_day(date.fromisoformat(b)) if len(b) == 10 else b.replace("-", "–") for b in self.births]


def match_page(match_id: uuid.UUID) -> MatchPage:
    """Raises NotFound."""
    match = get(SanctionsMatch, match_id)
    row = _rows([tuple(db.session.execute(_select().where(SanctionsMatch.id == match_id)).one())])[0]
    entry = get(SanctionsEntry, match.entry_id)
    due = db.session.scalar(select(func.min(Disbursement.act_by)).where(
        Disbursement.payee_id == match.payee_id, Disbursement.state.in_(("draft", "requested", "approved", "ready"))))
    return MatchPage(row, identity_of(get(Payee, match.payee_id)), tuple(entry.names), tuple(entry.births),
                     entry.listed_on, get(SanctionsList, entry.list_id).published_on, due)


@dataclass(frozen=True)
class ListRow:
    """An imported list."""

    id: uuid.UUID
    published_on: date
    persons: int
    sha256: str
    imported_at: datetime
    file_id: uuid.UUID


def list_lists(query: TableQuery) -> tuple[list[ListRow], int]:
    """Imported lists, the one that holds first."""
    total = db.session.scalar(select(func.count()).select_from(SanctionsList)) or 0
    statement = select(SanctionsList).order_by(SanctionsList.published_on.desc(), SanctionsList.id.desc())
    if query.format is None:
        statement = statement.offset(query.offset).limit(query.limit)
    return [ListRow(r.id, r.published_on, r.persons, r.sha256, r.imported_at, r.file_id)
            for r in db.session.scalars(statement)], int(total)


def list_row(list_id: uuid.UUID) -> ListRow:
    """Raises NotFound."""
    r = get(SanctionsList, list_id)
    return ListRow(r.id, r.published_on, r.persons, r.sha256, r.imported_at, r.file_id)


@dataclass(frozen=True)
class Standing:
    """Whether there is a list, and whether it is old."""

    published_on: date | None
    old: bool
    unscreened: int


def standing() -> Standing:
    """What a page says above everything."""
    holds = current_list()
    if holds is None:
        return Standing(None, True, 0)
    waiting = db.session.scalar(select(func.count()).select_from(Payee).where(
        Payee.state.in_(("entered", "verified")),
        Payee.screened_list_id.is_(None) | (Payee.screened_list_id != holds.id))) or 0
    age = timedelta(days=days("sanctions_list_days", clock.today()))
    return Standing(holds.published_on, clock.today() - holds.published_on > age, int(waiting))


@dataclass(frozen=True)
class Compared:
    """A file against the list that holds."""

    persons: int
    new: int
    changed: int
    gone: int


def compare_with_current(digests: dict[str, str]) -> Compared:
    """What a file (digest by number of the person) would change."""
    holds = current_list()
    known = {} if holds is None else {row.data_id: row.digest for row in db.session.execute(
        select(SanctionsEntry.data_id, SanctionsEntry.digest).where(SanctionsEntry.list_id == holds.id))}
    return Compared(len(digests), len(digests.keys() - known.keys()),
                    sum(known.get(key, digest) != digest for key, digest in digests.items()),
                    len(known.keys() - digests.keys()))
