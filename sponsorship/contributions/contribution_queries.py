"""What officers read of contributions: the list with its totals, one contribution with all that followed it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import func, or_, select

from accounts.queries import names, person_labels
from core import clock, vault
from core.db import db
from core.errors import NotFound
from core.events import History, history
from core.machines import State
from core.money import Money, usd
from core.web.fields import parse_day
from core.web.tables import TableQuery
from sponsorship.contributions.back_models import DonorCheck, Refund
from sponsorship.contributions.dispute_queries import DisputeRow, disputes_of
from sponsorship.contributions.donor_checks import check_of, needs_check, of_donor
from sponsorship.contributions.going_back import gone_minor, left_of, undecided_dispute
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.contributions.paper_queries import PaperRow, papers_of
from sponsorship.contributions.queries import (
    ContributionRow,
    PledgePage,
    contribution_rows,
    escaped,
    get_pledge,
    joined,
    ordered,
    window,
)
from sponsorship.contributions.transitions import REFUND
from sponsorship.ledger.queries import waiting_minor

WITHOUT_ACCOUNT = "none"
SORTABLE = ("reference", "received_at", "created_at", "gross", "net")
_SORTS: dict[str, Any] = {
    "reference": Contribution.reference, "received_at": Contribution.received_at, "created_at": Contribution.created_at,
    "gross": Contribution.gross_minor, "net": Contribution.net_minor,
}
_SUMS = ("gross", "exchange", "fee", "net", "back")


# --- the list ---------------------------------------------------------------------------------------------------
def list_contributions(
    query: TableQuery, everything: bool = False
) -> tuple[list[ContributionRow], int, dict[str, Money]]:
    """Contributions (newest first unless sorted), their number, and the sums in US dollars of all that match."""
    where = _where(query)
    counted = db.session.execute(
        select(func.count(Contribution.id), *(func.sum(getattr(Contribution, f"{name}_minor")) for name in _SUMS))
        .join(Pledge, Pledge.id == Contribution.pledge_id).where(*where)
    ).one()
    found = db.session.execute(
        window(ordered(joined().where(*where), _SORTS, query, Contribution.id), query, everything)).all()
    sums = {name: usd(int(total or 0)) for name, total in zip(_SUMS, counted[1:], strict=True)}
    return contribution_rows(list(found)), int(counted[0]), sums


def _where(query: TableQuery) -> list[Any]:
    found: list[Any] = []
    for name, column in (("state", Contribution.state), ("method", Contribution.method)):
        if value := query.get(name):
            found.append(column == value)
    if currency := query.get("currency"):
        found.append(func.coalesce(Contribution.paid_currency, Contribution.currency) == currency)
    if donor := query.get("donor"):
        found.append(Pledge.organisation_id.is_(None) if donor == WITHOUT_ACCOUNT
                     else Pledge.organisation_id == uuid.UUID(donor))
    first, last = (parse_day(query.get(name) or "") for name in ("received_from", "received_to"))
    if first is not None:
        found.append(Contribution.received_at >= _midnight(first))
    if last is not None:
        found.append(Contribution.received_at < _midnight(last + timedelta(days=1)))
    if words := query.get("q"):
        like = f"%{escaped(words)}%"
        found.append(or_(*(column.ilike(like, escape="\\") for column in (
            Contribution.reference, Pledge.reference, Contribution.bank_reference))))
    return found


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def donors_with_contributions() -> list[tuple[uuid.UUID, str]]:
    """Organisations that have tried to pay, by name, for the filter."""
    ids = db.session.scalars(
        select(Pledge.organisation_id).where(Pledge.organisation_id.is_not(None),
                                             Pledge.id.in_(select(Contribution.pledge_id))).distinct())
    return sorted(names(key for key in ids if key is not None).items(), key=lambda pair: pair[1])


def currencies() -> list[str]:
    """Currencies in which contributions were asked or paid."""
    found = {*db.session.scalars(select(Contribution.currency).distinct()),
             *db.session.scalars(select(Contribution.paid_currency).distinct())}
    return sorted(code for code in found if code)


# --- one contribution -------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class RefundRow:
    """Money on its way back, or gone back, or asked for. `settled` is what it really cost, `at_stripe` its name there,
    `people` who asked, approved and recorded, as officers name them."""

    id: uuid.UUID
    version: int
    kind: str
    status: State
    code: str
    amount: Money
    usd: Money
    settled: Money | None
    reason: str
    created_at: datetime
    succeeded_at: datetime | None
    returned_at: datetime | None
    failure: str | None
    bank_reference: str | None
    at_stripe: str | None
    requested_by: uuid.UUID | None
    approved_by: uuid.UUID | None
    recorded_by: uuid.UUID | None
    contribution_id: uuid.UUID

    @property
    def under_way(self) -> bool:
        return self.code in ("requested", "created", "pending")


@dataclass(frozen=True)
class CheckRow:
    """A check of the donor as officers read it; `consulted` is a dash once erased."""

    id: uuid.UUID
    outcome: str
    consulted: str
    checked_by: uuid.UUID
    checked_on: date
    valid_until: date
    file_id: uuid.UUID | None
    holds: bool


@dataclass(frozen=True)
class ContributionPage:
    """All that an officer sees of a contribution. `left` is what has not gone back and is not on its way there, `waits`
    what still lies in suspense (US dollars). `check` is the one that holds, None where none does; `needs_check` False
    for States. `held` is what of `row.back` a dispute holds that is not decided. `people` names everybody who acted."""

    row: ContributionRow
    pledge: PledgePage
    declared_on: date | None
    bank_reference: str | None
    value_date: date | None
    stripe_payment: str | None
    rate: str | None
    rate_source: str | None
    rate_day: date | None
    settles: Money | None
    left: Money | None
    held: Money
    waits: Money
    refusal_code: str | None
    disputed: bool
    needs_check: bool
    check: CheckRow | None
    checks: tuple[CheckRow, ...]
    refunds: tuple[RefundRow, ...]
    disputes: tuple[DisputeRow, ...]
    papers: tuple[PaperRow, ...]
    history: tuple[History, ...]
    people: dict[uuid.UUID, str]

    @property
    def under_way(self) -> RefundRow | None:
        """The refund of ours that has not ended."""
        return next((r for r in self.refunds if r.under_way and r.kind != "external"), None)

    @property
    def on_its_way(self) -> RefundRow | None:
        """The same, or else one made at Stripe: money in suspense is sent back once that has ended."""
        return self.under_way or next((r for r in self.refunds if r.under_way), None)


def refund_row(r: Refund) -> RefundRow:
    return RefundRow(
        r.id, r.version, r.kind, REFUND.state(r.state), r.state, Money(r.amount_minor, r.currency), usd(r.usd_minor),
        None if r.settled_minor is None else usd(r.settled_minor), r.reason, r.created_at, r.succeeded_at,
        r.returned_at, r.failure_code, r.bank_reference, r.stripe_refund_id, r.requested_by, r.approved_by,
        r.recorded_by, r.contribution_id)


def check_rows(pledge: Pledge) -> list[CheckRow]:
    """Every check of the pledge's donor, newest first."""
    found = db.session.scalars(select(DonorCheck).where(of_donor(pledge)).order_by(DonorCheck.id.desc())).all()
    vault.preload(check.id for check in found)
    today, holds = clock.today(), check_of(pledge, clock.today())
    return [
        CheckRow(c.id, c.outcome, vault.unseal(c.id, c.consulted_sealed) or "—", c.checked_by, c.checked_on,
                 c.valid_until, c.file_id, holds is not None and c.id == holds.id and c.valid_until >= today)
        for c in found
    ]


def get_contribution(contribution_id: uuid.UUID) -> ContributionPage:
    """A contribution, for officers. Raises NotFound."""
    found = db.session.execute(joined().where(Contribution.id == contribution_id)).one_or_none()
    if found is None:
        raise NotFound()
    row, pledge, _number = found
    refunds = [refund_row(r) for r in db.session.scalars(
        select(Refund).where(Refund.contribution_id == row.id).order_by(Refund.id))]
    checks, past = check_rows(pledge), history("contribution", row.id)
    here = row.received_at is not None
    return ContributionPage(
        row=contribution_rows([found])[0], pledge=get_pledge(pledge.id), declared_on=row.declared_on,
        bank_reference=row.bank_reference, value_date=row.value_date, stripe_payment=row.stripe_payment_intent_id,
        rate=row.rate, rate_source=row.rate_source, rate_day=row.rate_date,
        settles=None if row.settles_minor is None else Money(row.settles_minor, pledge.currency),
        left=left_of(row).amount if here else None, held=usd(_held_minor(row) if here else 0),
        waits=usd(waiting_minor(("contribution", row.id))),
        refusal_code=row.refusal_code, disputed=undecided_dispute(row.id) is not None,
        needs_check=needs_check(pledge), check=next((c for c in checks if c.holds), None), checks=tuple(checks),
        refunds=tuple(refunds), disputes=disputes_of([row.id]), papers=tuple(papers_of(row.id)), history=tuple(past),
        people=people_in(refunds, (event.actor_id for event in past), (check.checked_by for check in checks)),
    )


def _held_minor(row: Contribution) -> int:
    assert row.paid_minor is not None
    return row.back_minor - row.came_minor * gone_minor(row, final=True) // row.paid_minor


def people_in(refunds: Iterable[RefundRow], *others: Iterable[uuid.UUID | None]) -> dict[uuid.UUID, str]:
    """Names of everybody who acted on these, as officers read them."""
    wanted = {person for r in refunds for person in (r.requested_by, r.approved_by, r.recorded_by)}
    for ids in others:
        wanted |= set(ids)
    return person_labels(person for person in wanted if person is not None)
