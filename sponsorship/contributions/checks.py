"""What must always hold of money coming in."""

from __future__ import annotations

import uuid
from datetime import timedelta

from sqlalchemy import func, select

from core import clock
from core.db import db
from core.verify import check
from sponsorship.contributions.models import Contribution, Pledge, Receipt, Refund
from sponsorship.ledger.models import HeldReceipt, Lot

ASKED_TOO_LONG = timedelta(days=2)


@check("contributions.receipts")
def receipts_without_gaps() -> tuple[int, list[str]]:
    """Receipts of each year run from 1 without a gap; every accepted contribution has one, and no other."""
    faults = []
    rows = db.session.execute(
        select(Receipt.year, func.min(Receipt.sequence), func.max(Receipt.sequence), func.count())
        .group_by(Receipt.year)
    ).all()
    for year, first, last, count in rows:
        if first != 1 or last != count:
            faults.append(f"receipts of {year}: {count} between {first} and {last}")
    without = db.session.scalars(
        select(Contribution.id).outerjoin(Receipt, Receipt.contribution_id == Contribution.id)
        .where((Contribution.state == "accepted") != (Receipt.id.is_not(None)))
    ).all()
    faults += [f"contribution {row_id} and its receipt do not agree" for row_id in without]
    return sum(row[3] for row in rows), faults


@check("contributions.books")
def books_know_every_contribution() -> tuple[int, list[str]]:
    """An accepted contribution is one lot of its net in its pool; one that waits is held whole in suspense; one that
    went back left suspense whole."""
    faults: list[str] = []
    rows = db.session.execute(
        select(Contribution.id, Contribution.state, Contribution.gross_minor, Contribution.net_minor,
               Contribution.pool_id)
        .where(Contribution.received_at.is_not(None))
    ).all()
    lots = {lot.source_id: lot for lot in db.session.scalars(select(Lot).where(Lot.source_type == "contribution"))}
    held = {h.source_id: h for h in db.session.scalars(
        select(HeldReceipt).where(HeldReceipt.source_type.in_(("contribution", "refund"))))}
    returned: dict[uuid.UUID, uuid.UUID] = dict(db.session.execute(
        select(Refund.contribution_id, Refund.id).where(Refund.returned_at.is_not(None)).order_by(Refund.returned_at)
    ).all())
    for row in rows:
        lot, waits = lots.get(row.id), held.get(returned.get(row.id, row.id))
        if row.state == "accepted":
            good = lot is not None and (lot.amount_minor, lot.pool_id) == (row.net_minor, row.pool_id)
            good = good and (waits is None or waits.accepted_minor == row.gross_minor)
        else:
            back = row.gross_minor if row.state == "refunded" else 0
            good = lot is None and waits is not None and (
                waits.gross_minor, waits.accepted_minor, waits.refunded_minor) == (row.gross_minor, 0, back)
        if not good:
            faults.append(f"contribution {row.id} ({row.state}) and the ledger do not agree")
    known = {row.id for row in rows}
    faults += [f"lot of unknown contribution {source}" for source in lots if source not in known]
    return len(rows), faults


@check("contributions.pledges")
def pledges_agree_with_payments() -> tuple[int, list[str]]:
    """A pledge is paid exactly when a contribution of it is here; a paid one was paid as pledged."""
    here = select(Contribution.id).where(
        Contribution.pledge_id == Pledge.id, Contribution.state.in_(("in_suspense", "accepted", "refund_due"))
    ).exists()
    wrong = db.session.scalars(select(Pledge.id).where((Pledge.state == "paid") != here)).all()
    faults = [f"pledge {row_id} and its payments do not agree" for row_id in wrong]
    checked = db.session.scalar(select(func.count()).select_from(Pledge)) or 0
    return checked, faults


@check("contributions.stripe-answered")
def stripe_was_asked() -> tuple[int, list[str]]:
    """No attempt stays open, and no refund unsent, for two days (real time): the sweeps must have settled it."""
    before = clock.real_now() - ASKED_TOO_LONG
    open_attempts = db.session.scalars(
        select(Contribution.id).where(Contribution.state.in_(("created", "checkout")),
                                      Contribution.expires_at < before)
    ).all()
    unsent = db.session.scalars(
        select(Refund.id).where(Refund.state == "created", Refund.asked_at < before)
    ).all()
    checked = db.session.scalar(select(func.count()).select_from(Contribution)) or 0
    return checked, [f"attempt {i} was never settled" for i in open_attempts] + [f"refund {i} not sent" for i in unsent]
