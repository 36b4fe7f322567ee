"""Agreements for pages: typed rows, a fixed number of queries."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from accounts.models import Organisation
from accounts.queries import names
from core import clock
from core.db import db
from core.errors import NotFound
from core.events import History, history
from core.money import Money, usd
from sponsorship.contributions.agreement_files import FileRow, files_of
from sponsorship.contributions.agreements import agreement_in_force, in_force
from sponsorship.contributions.earmark_words import earmark_words
from sponsorship.contributions.models import Agreement, Contribution, Pledge
from sponsorship.contributions.pools import purpose_names
from sponsorship.contributions.queries import PledgeRow, pledge_rows
from sponsorship.contributions.transitions import OPEN
from sponsorship.contributions.valuation import part_worth
from sponsorship.ledger.queries import lots_of, pools_by_ids

MAX_LIST = 10_000
MAX_SHOWN = 200  # pledges on the page of one agreement, the newest
CLAUSES: dict[str, Any] = {
    "return": _l("What is unspent at the end goes back to the donor."),
    "reprogramme": _l("What is unspent at the end may serve another purpose if the donor agrees in writing."),
    "none": _l("The letters do not say what becomes of what is unspent at the end. Ask the donor."),
}


@dataclass(frozen=True)
class AgreementRow:
    """An agreement on record. `support_rate_bp` in basis points; `running`: today lies within it; `replaced`: a
    later one was recorded for the same donor; `in_force`: the one that counts for its donor today."""

    id: uuid.UUID
    organisation_id: uuid.UUID
    donor: str
    reference: str
    exchange_of_letters: date
    support_rate_bp: int
    end_date: date | None
    pool_id: uuid.UUID
    pool: str
    clause: str
    in_force: bool
    replaced: bool
    running: bool

    @property
    def clause_words(self) -> str:
        return str(CLAUSES[self.clause])


@dataclass(frozen=True)
class AgreementMoney:
    """US dollars of the contributions accepted under an agreement, after fees: `received` = `spent` (support costs
    included) + `charged` (refunds, later fees) + `reserved` for journeys + `free`."""

    received: Money
    spent: Money
    charged: Money
    reserved: Money
    free: Money

    @property
    def unspent(self) -> Money:
        return self.reserved + self.free


@dataclass(frozen=True)
class AgreementPage:
    """All that the page of one agreement shows. `expected` is what its open pledges still owe, in US dollars at the
    rate of each announcement."""

    row: AgreementRow
    earmark: str
    money: AgreementMoney
    expected: Money
    pledges: tuple[PledgeRow, ...]
    files: tuple[FileRow, ...]
    history: tuple[History, ...]


def list_agreements(organisations: Iterable[uuid.UUID] | None = None) -> list[AgreementRow]:
    """Every agreement (of these donors, when given), newest first, with whether it is the one in force today."""
    wanted = select(Agreement).order_by(Agreement.recorded_at.desc(), Agreement.id.desc()).limit(MAX_LIST)
    if organisations is not None:
        wanted = wanted.where(Agreement.organisation_id.in_(list(organisations)))
    return _rows(list(db.session.scalars(wanted)))


def _rows(rows: list[Agreement]) -> list[AgreementRow]:
    """Rows of agreements that come newest first, all those of each donor."""
    donors, pools = names(r.organisation_id for r in rows), purpose_names({r.pool_id for r in rows})
    today, found = clock.today(), []
    seen: set[uuid.UUID] = set()
    for r in rows:
        newest = r.organisation_id not in seen
        seen.add(r.organisation_id)
        found.append(AgreementRow(
            r.id, r.organisation_id, donors.get(r.organisation_id, "—"), r.reference, r.exchange_of_letters,
            r.support_rate_bp, r.end_date, r.pool_id, pools.get(r.pool_id, "—"), r.refund_clause,
            newest and in_force(r, today), not newest, in_force(r, today),
        ))
    return found


def agreement_page(agreement_id: uuid.UUID, organisations: Iterable[uuid.UUID] | None = None) -> AgreementPage:
    """One agreement (of one of these donors, when given). Raises NotFound for any other."""
    agreement = db.session.get(Agreement, agreement_id)
    if agreement is None or (organisations is not None and agreement.organisation_id not in set(organisations)):
        raise NotFound()
    row = next(r for r in list_agreements([agreement.organisation_id]) if r.id == agreement_id)
    pledges = list(db.session.scalars(
        select(Pledge).where(Pledge.agreement_id == agreement_id).order_by(Pledge.id.desc()).limit(MAX_LIST)))
    expected = sum(
        part_worth(p.usd_minor, p.amount_minor, p.outstanding_minor) for p in pledges if p.state in OPEN)
    pool = pools_by_ids([agreement.pool_id]).get(agreement.pool_id)
    return AgreementPage(
        row, earmark_words(pool.earmark if pool else None), money_of([agreement_id])[agreement_id], usd(expected),
        tuple(pledge_rows(pledges[:MAX_SHOWN])), tuple(files_of([agreement.organisation_id], agreement_id)),
        tuple(history("agreement", agreement_id)),
    )


def money_of(agreement_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, AgreementMoney]:
    """What became of the money accepted under each agreement. Every id is a key; two queries."""
    wanted = list(agreement_ids)
    under = {
        row.id: row.agreement_id for row in db.session.execute(
            select(Contribution.id, Pledge.agreement_id).join(Pledge, Pledge.id == Contribution.pledge_id)
            .where(Pledge.agreement_id.in_(wanted), Contribution.accepted_at.is_not(None)))
    }
    sums = {key: [0] * 5 for key in wanted}
    for lot in lots_of("contribution", under) if under else ():
        parts = (lot.amount, lot.spent, lot.charged, lot.reserved, lot.free)
        known = sums[under[lot.source_id]]
        sums[under[lot.source_id]] = [so_far + part for so_far, part in zip(known, parts, strict=True)]
    return {key: AgreementMoney(*(usd(value) for value in values)) for key, values in sums.items()}


@dataclass(frozen=True)
class AgreementTermsRow:
    """What a donor should know of the agreement that will apply; `pool` in the words for donors."""

    reference: str
    pool: str
    support_rate_bp: int
    end_date: date | None


def agreement_terms(organisation_id: uuid.UUID, day: date) -> AgreementTermsRow | None:
    """The agreement that a State's payment would come under on `day`, and which decides its pool; None when the
    payment would wait for acceptance."""
    kind = db.session.scalar(select(Organisation.kind).where(Organisation.id == organisation_id))
    found = agreement_in_force(organisation_id, day) if kind == "state" else None
    if found is None:
        return None
    pool = purpose_names({found.pool_id}).get(found.pool_id, "—")
    return AgreementTermsRow(found.reference, pool, found.support_rate_bp, found.end_date)
