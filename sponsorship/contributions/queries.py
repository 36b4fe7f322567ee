"""What pages may know about pledges, contributions, receipts and agreements: typed rows, a fixed number of queries."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, select

from accounts.queries import names
from core import clock, vault
from core.db import db
from core.errors import NotFound
from core.events import History, history
from core.machines import State
from core.money import Money, usd
from core.web.tables import TableQuery
from sponsorship.contributions.back_models import Receipt
from sponsorship.contributions.dispute_queries import DisputeRow, disputes_of
from sponsorship.contributions.earmark_words import unearmarked_words
from sponsorship.contributions.going_back import disputed_of
from sponsorship.contributions.links import opens
from sponsorship.contributions.models import Agreement, Contribution, Pledge
from sponsorship.contributions.pools import purpose_names
from sponsorship.contributions.schedules import PartRow, parts_of
from sponsorship.contributions.transitions import CONTRIBUTION, OPEN, PLEDGE
from sponsorship.contributions.valuation import part_worth
from sponsorship.gateways.rates import Rate

MAX_LIST = 10_000  # rows of a downloaded file


@dataclass(frozen=True)
class ContributionRow:
    """One payment towards a pledge. `amount` is what was asked, `paid` what the donor paid, `settles` how much of the
    pledge that settles (its currency); in US dollars `gross` (at
    the rate of the deposit), `exchange` (what it brought beyond that), `fee`, `net`: None until the money is there.
    `back` went back since."""

    id: uuid.UUID
    version: int
    reference: str
    attempt: int
    code: str
    status: State
    method: str
    amount: Money
    paid: Money | None
    settles: Money | None
    gross: Money | None
    exchange: Money | None
    fee: Money | None
    net: Money | None
    back: Money
    created_at: datetime
    expires_at: datetime | None
    received_at: datetime | None
    accepted_at: datetime | None
    pledge_id: uuid.UUID
    pledge_reference: str
    donor: str
    purpose: str
    receipt_number: str | None
    checkout_url: str | None = None


@dataclass(frozen=True)
class PledgeRow:
    """One pledge. `donor` is in the reader's language, a dash once erased. `outstanding` is what an open pledge still
    owes; `usd` its worth in US dollars when announced. `returned` is with the donor for good, `disputed` is what a
    dispute holds that is not decided."""

    id: uuid.UUID
    version: int
    reference: str
    code: str
    status: State
    donor: str
    donor_kind: str
    amount: Money
    current: Money
    paid: Money
    returned: Money
    disputed: Money
    outstanding: Money
    usd: Money
    next_due_on: date | None
    purpose: str
    announced_at: datetime
    organisation_id: uuid.UUID | None
    agreement_id: uuid.UUID | None
    pool_id: uuid.UUID | None

    @property
    def outstanding_usd(self) -> Money:
        """What is outstanding, in US dollars at the rate of the announcement."""
        return usd(part_worth(self.usd.minor, self.amount.minor, self.outstanding.minor))


@dataclass(frozen=True)
class PledgePage(PledgeRow):
    """A pledge with all that its page shows. `contact` and `email` are set for donors without an account; `parts` are
    the instalments in force with what payments cover; `rate` is that of the announcement, None for dollars;
    `disputes` are those of all its payments."""

    contact: str | None
    email: str | None
    agreement_reference: str | None
    agreement_ended: date | None  # its last day, once that is past
    earmark: dict[str, Any] | None
    rate: Rate | None
    parts: tuple[PartRow, ...]
    attempts: tuple[ContributionRow, ...]
    disputes: tuple[DisputeRow, ...]
    history: tuple[History, ...]

    @property
    def latest(self) -> ContributionRow | None:
        """The attempt that counts now."""
        return self.attempts[-1] if self.attempts else None

    @property
    def next_part(self) -> PartRow | None:
        """The instalment that is due next; None when all is paid."""
        return next((part for part in self.parts if part.left), None)


# --- names, in a fixed number of queries ------------------------------------------------------------------------
def donors_of(pledges: Iterable[Pledge]) -> dict[uuid.UUID, str]:
    """Names of pledges' donors in the reader's language; a dash once erased."""
    rows = list(pledges)
    of_organisation = names(p.organisation_id for p in rows if p.organisation_id is not None)
    vault.preload(p.id for p in rows if p.organisation_id is None)
    return {
        p.id: of_organisation.get(p.organisation_id, "—") if p.organisation_id is not None
        else vault.unseal(p.id, p.donor_name_sealed) or "—"
        for p in rows
    }


def purposes_of(pledges: Iterable[Pledge]) -> dict[uuid.UUID, str]:
    """What pledges are for, in the words for donors."""
    rows = list(pledges)
    known = purpose_names({p.pool_id for p in rows if p.pool_id is not None})
    return {p.id: known.get(p.pool_id, "—") if p.pool_id else unearmarked_words() for p in rows}


def contribution_rows(found: list[tuple[Contribution, Pledge, str | None]]) -> list[ContributionRow]:
    """What `joined` found, as rows, with names in a fixed number of queries."""
    pledges = {pledge.id: pledge for _row, pledge, _number in found}
    donors, purposes = donors_of(pledges.values()), purposes_of(pledges.values())
    return [
        ContributionRow(
            id=c.id, version=c.version, reference=c.reference, attempt=c.attempt, code=c.state,
            status=CONTRIBUTION.state(c.state), method=c.method, amount=Money(c.amount_minor, c.currency),
            paid=_money(c.paid_minor, c.paid_currency or c.currency),
            settles=_money(c.settles_minor, p.currency), gross=_money(c.gross_minor, "USD"),
            exchange=_money(c.exchange_minor, "USD"), fee=_money(c.fee_minor, "USD"),
            net=_money(c.net_minor, "USD"), back=usd(c.back_minor), created_at=c.created_at, expires_at=c.expires_at,
            received_at=c.received_at, accepted_at=c.accepted_at, pledge_id=p.id, pledge_reference=p.reference,
            donor=donors[p.id], purpose=purposes[p.id], receipt_number=number,
            checkout_url=c.checkout_url if c.state == "checkout" else None,
        )
        for c, p, number in found
    ]


def _money(minor: int | None, currency: str) -> Money | None:
    return None if minor is None else Money(minor, currency)


def joined() -> Select[Contribution, Pledge, str]:
    """Contribution, its pledge, and the number of its receipt if there is one."""
    return (
        select(Contribution, Pledge, Receipt.number)
        .join(Pledge, Pledge.id == Contribution.pledge_id)
        .outerjoin(Receipt, (Receipt.cause_id == Contribution.id) & (Receipt.cause_type == "contribution"))
    )


# --- lists ------------------------------------------------------------------------------------------------------


def pledge_rows(pledges: list[Pledge]) -> list[PledgeRow]:
    """Pledges as rows, with names in a fixed number of queries."""
    donors, purposes, held = donors_of(pledges), purposes_of(pledges), disputed_of(p.id for p in pledges)
    return [PledgeRow(**_pledge_values(p, donors[p.id], purposes[p.id], held.get(p.id, 0))) for p in pledges]


def escaped(words: str) -> str:
    """Words to be looked for with LIKE, as they are."""
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def ordered(wanted: Any, sorts: dict[str, Any], query: TableQuery, key: Any) -> Any:
    """In the order that the address asks for, else the newest first."""
    column = sorts.get(query.sort or "")
    if column is None:
        return wanted.order_by(key.desc())
    return wanted.order_by(column.desc().nulls_last() if query.descending else column.asc().nulls_last(), key)


def window(wanted: Any, query: TableQuery, everything: bool) -> Any:
    """One page of it, or all that a file may hold."""
    return wanted.limit(MAX_LIST) if everything else wanted.limit(query.limit).offset(query.offset)


def _pledge_values(p: Pledge, donor: str, purpose: str, held_minor: int) -> dict[str, Any]:
    return {
        "id": p.id, "version": p.version, "reference": p.reference, "code": p.state, "status": PLEDGE.state(p.state),
        "donor": donor, "donor_kind": p.donor_kind, "amount": Money(p.amount_minor, p.currency),
        "current": Money(p.current_minor, p.currency), "paid": Money(p.paid_minor, p.currency),
        "returned": Money(p.returned_minor - held_minor, p.currency), "disputed": Money(held_minor, p.currency),
        "outstanding": Money(p.outstanding_minor if p.state in OPEN else 0, p.currency),
        "usd": usd(p.usd_minor), "next_due_on": p.next_due_on, "purpose": purpose,
        "announced_at": p.announced_at, "organisation_id": p.organisation_id, "agreement_id": p.agreement_id,
        "pool_id": p.pool_id,
    }


# --- one object -------------------------------------------------------------------------------------------------
def pledge_by_link(pledge_id: uuid.UUID, token: str) -> PledgePage:
    """The pledge that a private link opens. Raises NotFound for any other link."""
    pledge = db.session.get(Pledge, pledge_id)
    if pledge is None or not opens(pledge, token):
        raise NotFound()
    return _pledge_page(pledge)


def own_pledge(pledge_id: uuid.UUID, organisations: Iterable[uuid.UUID]) -> PledgePage:
    """A pledge of one of these organisations. Raises NotFound for any other."""
    pledge = db.session.get(Pledge, pledge_id)
    if pledge is None or pledge.organisation_id not in set(organisations):
        raise NotFound()
    return _pledge_page(pledge)


def get_pledge(pledge_id: uuid.UUID) -> PledgePage:
    """A pledge, for officers. Raises NotFound."""
    pledge = db.session.get(Pledge, pledge_id)
    if pledge is None:
        raise NotFound()
    return _pledge_page(pledge)


def _pledge_page(pledge: Pledge) -> PledgePage:
    attempts = db.session.execute(
        joined().where(Contribution.pledge_id == pledge.id).order_by(Contribution.attempt)
    ).all()
    agreement = db.session.get(Agreement, pledge.agreement_id) if pledge.agreement_id else None
    return PledgePage(
        **_pledge_values(pledge, donors_of([pledge])[pledge.id], purposes_of([pledge])[pledge.id],
                         disputed_of([pledge.id]).get(pledge.id, 0)),
        contact=vault.unseal(pledge.id, pledge.donor_contact_sealed),
        email=vault.unseal(pledge.id, pledge.donor_email_sealed),
        agreement_reference=agreement.reference if agreement else None,
        agreement_ended=agreement.end_date if agreement and agreement.has_ended(clock.today()) else None,
        earmark=pledge.earmark,
        rate=rate_of(pledge), parts=tuple(parts_of(pledge)), attempts=tuple(contribution_rows(list(attempts))),
        disputes=disputes_of(row.id for row, _pledge, _number in attempts),
        history=tuple(history("pledge", pledge.id)),
    )


def rate_of(pledge: Pledge) -> Rate | None:
    """The rate that gave a pledge its worth in dollars; None for a pledge in dollars."""
    if pledge.rate is None or pledge.rate_source is None or pledge.rate_date is None:
        return None
    return Rate.from_text(pledge.currency, pledge.rate, pledge.rate_source, pledge.rate_date)
