"""Receipts and credit notes for pages, files and paper: typed rows, a fixed number of queries."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import aliased

from core.db import db
from core.errors import NotFound
from core.money import Money, usd
from core.web.tables import TableQuery
from sponsorship.contributions.back_models import Receipt
from sponsorship.contributions.links import opens
from sponsorship.contributions.models import Agreement, Contribution, Pledge
from sponsorship.contributions.pools import purpose_names
from sponsorship.contributions.queries import MAX_LIST, donors_of, escaped, ordered, window

SORTABLE = ("number", "issued_at", "amount", "usd")
_cancelled = aliased(Receipt, name="cancelled")


@dataclass(frozen=True)
class PaperRow:
    """A receipt, or a credit note with the number of the receipt that it `cancels`. `amount` as paid by (or back to)
    the donor, `usd` its worth at the rate of the deposit."""

    id: uuid.UUID
    kind: str
    number: str
    issued_at: datetime
    amount: Money
    usd: Money
    donor: str
    contribution_id: uuid.UUID
    contribution_reference: str
    pledge_id: uuid.UUID
    pledge_reference: str
    cancels: str | None

    @property
    def is_receipt(self) -> bool:
        return self.kind == "receipt"


@dataclass(frozen=True)
class PaperPage:
    """A paper as printed, with those beside it. For the receipt of a whole payment: in US dollars `gross` (at the rate
    of the deposit), `exchange` beyond that, `fee`, `net`; None where the paper is of a part. `rate`, `rate_source` and
    `rate_day` are of a payment that was not in US dollars. `cancelled` is what credit notes have taken off a receipt.
    """

    row: PaperRow
    received_on: datetime
    value_date: date | None
    method: str
    purpose: str
    agreement_reference: str | None
    gross: Money | None
    exchange: Money | None
    fee: Money | None
    net: Money | None
    rate: str | None
    rate_source: str | None
    rate_day: date | None
    organisation_id: uuid.UUID | None
    others: tuple[PaperRow, ...]

    @property
    def cancelled(self) -> Money:
        notes = (other.amount.minor for other in self.others if other.cancels == self.row.number)
        return Money(sum(notes), self.row.amount.currency)


def _joined() -> Select[Receipt, Contribution, Pledge, str]:
    return (
        select(Receipt, Contribution, Pledge, _cancelled.number)
        .join(Contribution, Contribution.id == Receipt.contribution_id)
        .join(Pledge, Pledge.id == Contribution.pledge_id)
        .outerjoin(_cancelled, _cancelled.id == Receipt.cancels_id)
    )


def _rows(found: Iterable[Any]) -> list[PaperRow]:
    rows = list(found)
    donors = donors_of({pledge.id: pledge for _paper, _row, pledge, _number in rows}.values())
    return [
        PaperRow(
            paper.id, paper.kind, paper.number, paper.issued_at, Money(paper.amount_minor, paper.currency),
            usd(paper.usd_minor), donors[pledge.id], row.id, row.reference, pledge.id, pledge.reference, number)
        for paper, row, pledge, number in rows
    ]


# --- lists ------------------------------------------------------------------------------------------------------
_SORTS: dict[str, Any] = {
    "number": Receipt.number, "issued_at": Receipt.issued_at, "amount": Receipt.amount_minor, "usd": Receipt.usd_minor,
}


def list_papers(
    query: TableQuery, organisations: Iterable[uuid.UUID] | None = None, everything: bool = False
) -> tuple[list[PaperRow], int]:
    """Papers (of these organisations only, when given; newest first unless sorted) and their number."""
    wanted = _joined()
    if organisations is not None:
        wanted = wanted.where(Pledge.organisation_id.in_(list(organisations)))
    if kind := query.get("kind"):
        wanted = wanted.where(Receipt.kind == kind)
    if year := query.get("year"):
        wanted = wanted.where(Receipt.year == (int(year) if year.isdecimal() and len(year) == 4 else 0))
    if words := query.get("q"):
        like = f"%{escaped(words)}%"
        wanted = wanted.where(or_(Receipt.number.ilike(like, escape="\\"), Pledge.reference.ilike(like, escape="\\"),
                                  Contribution.reference.ilike(like, escape="\\")))
    total = db.session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
    found = db.session.execute(window(ordered(wanted, _SORTS, query, Receipt.id), query, everything)).all()
    return _rows(found), total


def papers_of(contribution_id: uuid.UUID) -> list[PaperRow]:
    """All papers of a contribution, in the order in which they were issued."""
    return _rows(db.session.execute(
        _joined().where(Receipt.contribution_id == contribution_id).order_by(Receipt.id)).all())


def papers_by_link(pledge_id: uuid.UUID, token: str) -> list[PaperRow]:
    """All papers of the pledge that a private link opens, newest first. Raises NotFound."""
    pledge = db.session.get(Pledge, pledge_id)
    if pledge is None or not opens(pledge, token):
        raise NotFound()
    return papers_of_pledge(pledge.id)


def papers_of_pledge(pledge_id: uuid.UUID) -> list[PaperRow]:
    """All papers of a pledge, newest first."""
    return _rows(db.session.execute(
        _joined().where(Contribution.pledge_id == pledge_id).order_by(Receipt.id.desc()).limit(MAX_LIST)).all())


# --- one paper --------------------------------------------------------------------------------------------------
def get_paper(paper_id: uuid.UUID) -> PaperPage:
    """A paper, for officers. Raises NotFound."""
    return _page(Receipt.id == paper_id)


def own_paper(paper_id: uuid.UUID, organisations: Iterable[uuid.UUID]) -> PaperPage:
    """A paper of one of these organisations. Raises NotFound."""
    return _page(Receipt.id == paper_id, Pledge.organisation_id.in_(list(organisations)))


def paper_by_link(pledge_id: uuid.UUID, token: str, paper_id: uuid.UUID) -> PaperPage:
    """A paper of the pledge that a private link opens. Raises NotFound."""
    pledge = db.session.get(Pledge, pledge_id)
    if pledge is None or not opens(pledge, token):
        raise NotFound()
    return _page(Receipt.id == paper_id, Contribution.pledge_id == pledge.id)


def receipt_id_of(contribution_id: uuid.UUID) -> uuid.UUID:
    """The receipt that the acceptance of a contribution gave. Raises NotFound."""
    found = db.session.scalar(
        select(Receipt.id).where(Receipt.cause_type == "contribution", Receipt.cause_id == contribution_id))
    if found is None:
        raise NotFound()
    return found


def _page(*where: Any) -> PaperPage:
    found = db.session.execute(_joined().where(*where)).one_or_none()
    if found is None:
        raise NotFound()
    paper, row, pledge, _number = found
    papers = papers_of(row.id)
    agreement = db.session.get(Agreement, pledge.agreement_id) if pledge.agreement_id else None
    whole = paper.kind == "receipt" and paper.amount_minor == row.paid_minor
    purposes = purpose_names({row.pool_id} if row.pool_id else set())
    return PaperPage(
        row=next(other for other in papers if other.id == paper.id), received_on=paper.received_at,
        value_date=row.value_date, method=row.method,
        purpose=purposes.get(row.pool_id, "—") if row.pool_id else "—",
        agreement_reference=agreement.reference if agreement else None,
        gross=usd(row.gross_minor or 0) if whole else None, exchange=usd(row.exchange_minor or 0) if whole else None,
        fee=usd(row.fee_minor or 0) if whole else None, net=usd(row.net_minor or 0) if whole else None,
        rate=row.rate, rate_source=row.rate_source, rate_day=row.rate_date, organisation_id=pledge.organisation_id,
        others=tuple(other for other in papers if other.id != paper.id),
    )

