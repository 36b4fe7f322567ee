"""What pages may know about account requests."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, or_, select

from accounts.models import AccountRequest, Membership, Organisation
from accounts.queries import name, names, person_labels
from core import clock
from core.db import db
from core.errors import NotFound
from core.files import StoredFile
from core.web.tables import TableQuery


@dataclass(frozen=True)
class RequestRow:
    """A State's request for its account, without anything sealed."""

    id: uuid.UUID
    reference: str
    organisation_id: uuid.UUID
    organisation: str
    state: str
    received_at: datetime
    decided_at: datetime | None


@dataclass(frozen=True)
class RequestPage(RequestRow):
    """Everything about one request, for those who review it."""

    version: int
    primary_name: str
    primary_email: str
    backup_name: str
    backup_email: str
    known_email: str | None
    letter_date: date
    letter_file_id: uuid.UUID
    letter_name: str
    letter_size: int
    current_focal_points: tuple[str, ...]
    primary_office: str
    backup_office: str
    primary_of_ministry: bool
    backup_of_ministry: bool


def list_requests(query: TableQuery) -> tuple[list[RequestRow], int]:
    """Requests, those that wait first and then the newest; filter state."""
    statement = select(AccountRequest)
    if query.get("state"):
        statement = statement.where(AccountRequest.state == query.get("state"))
    total = db.session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    order = {
        "reference": AccountRequest.reference, "received_at": AccountRequest.received_at,
        "state": AccountRequest.state,
    }.get(query.sort or "received_at", AccountRequest.received_at)
    statement = statement.order_by(order.desc() if query.descending else order.asc(), AccountRequest.id)
    if query.format is None:
        statement = statement.offset(query.offset).limit(query.limit)
    rows = db.session.scalars(statement).all()
    labels = names({row.organisation_id for row in rows})
    return [
        RequestRow(row.id, row.reference, row.organisation_id, labels[row.organisation_id], row.state,
                   row.received_at, row.decided_at)
        for row in rows
    ], total


def get_request(request_id: uuid.UUID) -> RequestPage:
    """One request with the names and addresses it gives. Raises NotFound."""
    found = db.session.execute(
        select(AccountRequest, Organisation, StoredFile)
        .join(Organisation, Organisation.id == AccountRequest.organisation_id)
        .join(StoredFile, StoredFile.id == AccountRequest.letter_file_id)
        .where(AccountRequest.id == request_id)
    ).one_or_none()
    if found is None:
        raise NotFound()
    row, organisation, letter = found
    return RequestPage(
        row.id, row.reference, organisation.id, name(organisation.id), row.state, row.received_at, row.decided_at,
        row.version, row.unsealed("primary_name"), row.unsealed("primary_email"), row.unsealed("backup_name"),
        row.unsealed("backup_email"), organisation.known_email, row.letter_date, letter.id, letter.name, letter.size,
        tuple(_focal_points(organisation.id)), row.unsealed("primary_office"), row.unsealed("backup_office"),
        row.primary_of_ministry, row.backup_of_ministry,
    )


def _focal_points(organisation_id: uuid.UUID) -> list[str]:
    today = clock.today()
    ids = db.session.scalars(
        select(Membership.person_id).where(
            Membership.organisation_id == organisation_id, Membership.role == "focal_point",
            Membership.valid_from <= today, or_(Membership.valid_to.is_(None), Membership.valid_to > today))
        .order_by(Membership.valid_from, Membership.id)
    ).all()
    labels = person_labels(ids)
    return [labels[key] for key in ids]


def reference_of(request_id: uuid.UUID) -> str:
    """The reference shown on the receipt. Raises NotFound."""
    found = db.session.scalar(select(AccountRequest.reference).where(AccountRequest.id == request_id))
    if found is None:
        raise NotFound()
    return found


def requests_waiting(limit: int = 50) -> list[RequestRow]:
    """Requests that nobody has decided yet, oldest first."""
    rows, _total = list_requests(TableQuery(sort="received_at", per_page=limit, values={"state": "received"}))
    return rows
