"""What must always hold of money coming in and going back."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select, text

from core import clock
from core.db import db
from core.verify import check
from sponsorship.contributions.back_models import Receipt, Refund
from sponsorship.contributions.models import Contribution, Instalment, Pledge
from sponsorship.contributions.transitions import OPEN
from sponsorship.ledger.models import HeldReceipt, Lot

ASKED_TOO_LONG = timedelta(days=2)


def _ids(words: str, rows: Sequence[Any]) -> list[str]:
    return [words.format(row) for row in rows]


@check("contributions.receipts")
def receipts_without_gaps() -> tuple[int, list[str]]:
    """Receipts and credit notes of each year run from 1 without a gap; every accepted contribution has its receipt, and
    no other (what papers say, see back_checks.py)."""
    faults = []
    rows = db.session.execute(
        select(Receipt.kind, Receipt.year, func.min(Receipt.sequence), func.max(Receipt.sequence), func.count())
        .group_by(Receipt.kind, Receipt.year)
    ).all()
    for kind, year, first, last, count in rows:
        if first != 1 or last != count:
            faults.append(f"{kind}s of {year}: {count} between {first} and {last}")
    own = (Receipt.cause_type == "contribution") & (Receipt.cause_id == Contribution.id)
    faults += _ids("contribution {} and its receipt do not agree", db.session.scalars(
        select(Contribution.id).outerjoin(Receipt, own)
        .where((Contribution.accepted_at.is_not(None)) != (Receipt.id.is_not(None)))).all())
    return sum(row[4] for row in rows), faults


@check("contributions.books")
def books_know_every_contribution() -> tuple[int, list[str]]:
    """An accepted contribution is its net in its pool; one that waits is held whole in suspense, less what
    went back; refunds due are what is set aside for donors."""
    faults: list[str] = []
    rows = db.session.execute(
        select(Contribution.id, Contribution.state, Contribution.net_minor, Contribution.pool_id,
               Contribution.gross_minor, Contribution.exchange_minor, Contribution.fee_minor)
        .where(Contribution.received_at.is_not(None))
    ).all()
    lots: dict[uuid.UUID, list[Lot]] = {}
    for lot in db.session.scalars(
            select(Lot).where(Lot.source_type == "contribution").execution_options(populate_existing=True)):
        lots.setdefault(lot.source_id, []).append(lot)
    held = {h.source_id: h for h in db.session.scalars(
        select(HeldReceipt).where(HeldReceipt.source_type == "contribution")
        .execution_options(populate_existing=True))}
    for row in rows:
        own, waits = lots.get(row.id, []), held.get(row.id)
        figures = (row.gross_minor, row.exchange_minor, row.fee_minor)
        good = waits is None or (waits.gross_minor, waits.exchange_minor, waits.fee_minor) == figures
        if row.pool_id is not None:
            net = row.net_minor if waits is None else row.net_minor - waits.refunded_minor
            good = good and bool(own) and sum(lot.amount_minor for lot in own) == net
            good = good and {lot.pool_id for lot in own} == {row.pool_id}
        else:
            good = good and not own and waits is not None and not waits.accepted_minor
        if not good:
            faults.append(f"contribution {row.id} ({row.state}) and the ledger do not agree")
    known = {row.id for row in rows}
    faults += [f"lot of unknown contribution {source}" for source in lots if source not in known]
    due = db.session.scalar(text("SELECT credits_posted - debits_posted FROM account WHERE code = 'refunds_due'")) or 0
    ordered = db.session.scalar(
        select(func.coalesce(func.sum(Refund.usd_minor), 0))
        .where(Refund.kind.in_(("refusal", "refund")), Refund.state.in_(("created", "pending"))))
    if due != ordered:
        faults.append("refunds due are not what is set aside for donors")
    return len(rows), faults


@check("contributions.pledges")
def pledges_agree_with_payments() -> tuple[int, list[str]]:
    """Every pledge is paid as far as its payments settle it and paid back as far as refunds and disputes took; it is
    open only while something is owed; its instalments in force add up to it, and the next of them is the one due."""
    paid = (
        select(func.coalesce(func.sum(Contribution.settles_minor), 0))
        .where(Contribution.pledge_id == Pledge.id, Contribution.received_at.is_not(None),
               Contribution.state != "corrected").scalar_subquery()
    )
    promised = (
        select(func.coalesce(func.sum(Instalment.amount_minor), 0))
        .where(Instalment.pledge_id == Pledge.id, Instalment.schedule == Pledge.schedule).scalar_subquery()
    )
    faults = _ids("pledge {} is not paid as its payments say",
                  db.session.scalars(select(Pledge.id).where(Pledge.paid_minor != paid)).all())
    faults += _ids("instalments of pledge {} do not add up to it",
                   db.session.scalars(select(Pledge.id).where(Pledge.current_minor != promised)).all())
    faults += _ids("pledge {} is paid in full and still open", db.session.scalars(
        select(Pledge.id).where(Pledge.state.in_(OPEN), Pledge.paid_minor >= Pledge.current_minor)).all())
    faults += _ids("pledge {} is called paid and is not", db.session.scalars(
        select(Pledge.id).where(Pledge.state == "paid", Pledge.paid_minor < Pledge.current_minor)).all())
    running = (
        select(Instalment.pledge_id, Instalment.due_on,
               func.sum(Instalment.amount_minor).over(
                   partition_by=(Instalment.pledge_id, Instalment.schedule), order_by=Instalment.n).label("so_far"),
               Instalment.schedule, Instalment.n).subquery()
    )
    first_open = (
        select(running.c.due_on)
        .where(running.c.pledge_id == Pledge.id, running.c.schedule == Pledge.schedule,
               running.c.so_far > Pledge.paid_minor).order_by(running.c.n).limit(1).scalar_subquery()
    )
    faults += _ids("pledge {}: the next instalment is another one", db.session.scalars(
        select(Pledge.id).where(Pledge.next_due_on.is_distinct_from(first_open))).all())
    checked = db.session.scalar(select(func.count()).select_from(Pledge)) or 0
    return checked, faults


@check("contributions.stripe-answered")
def stripe_was_asked() -> tuple[int, list[str]]:
    """No payment page stays open, and no refund unsent, for two days (real time): the sweeps must have settled it."""
    before = clock.real_now() - ASKED_TOO_LONG
    open_attempts = db.session.scalars(
        select(Contribution.id).where(Contribution.state.in_(("created", "checkout")),
                                      Contribution.expires_at < before)
    ).all()
    unsent: list[uuid.UUID] = list(db.session.scalars(
        select(Refund.id).join(Contribution, Contribution.id == Refund.contribution_id)
        .where(Refund.state == "created", Refund.asked_at < before, Contribution.bank_reference.is_(None))
    ))
    checked = db.session.scalar(select(func.count()).select_from(Contribution)) or 0
    return checked, [
        *_ids("attempt {} was never settled", open_attempts), *_ids("refund {} not sent", unsent)]
