"""Invariants of awards for `verify`. Each compares what stands in the table with what happened."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from core.db import db
from core.events import Event
from core.verify import check
from sponsorship.awards.approvals import BEFORE, Approval
from sponsorship.awards.models import Award, AwardLine
from sponsorship.awards.transitions import RESERVED
from sponsorship.ledger.models import Lot, Reservation, ReservationLine


@check("awards.approvals")
def separate_hands() -> tuple[int, list[str]]:
    """Nobody signed twice in a round; every step has the one before it, earlier or at the same instant."""
    faults: list[str] = []
    total = db.session.scalar(select(func.count()).select_from(Approval)) or 0
    twice = db.session.execute(
        select(Approval.subject_type, Approval.subject_id, Approval.round)
        .group_by(Approval.subject_type, Approval.subject_id, Approval.round, Approval.person_id)
        .having(func.count() > 1)
    )
    faults += [f"{kind} {subject} round {n}: one person signed twice" for kind, subject, n in twice]
    for step, before in BEFORE.items():
        if before is None:
            continue
        earlier = aliased(Approval)
        missing = db.session.execute(
            select(Approval.subject_id).outerjoin(
                earlier, (earlier.subject_type == Approval.subject_type) & (earlier.subject_id == Approval.subject_id)
                & (earlier.round == Approval.round) & (earlier.step == before) & (earlier.at <= Approval.at)
            ).where(Approval.step == step, earlier.id.is_(None))
        )
        faults += [f"{step} of {row.subject_id} lacks {before}" for row in missing]
    return total, faults


@check("awards.signed")
def states_are_signed() -> tuple[int, list[str]]:
    """An award stands where its signatures allow."""
    needed = {"selected": "award.decided", "certified": "award.certified", "offered": "award.approved",
              "accepted": "award.approved", "closed": "award.approved"}
    faults: list[str] = []
    for state, step in needed.items():
        rows = db.session.scalars(
            select(Award.id).outerjoin(
                Approval, (Approval.subject_type == "award") & (Approval.subject_id == Award.id)
                & (Approval.round == Award.round) & (Approval.step == step)
            ).where(Award.state == state, Approval.id.is_(None))
        )
        faults += [f"award {row} is {state} without {step}" for row in rows]
    return db.session.scalar(select(func.count()).select_from(Award)) or 0, faults


@check("awards.money")
def obligations_are_reserved() -> tuple[int, list[str]]:
    """Lines sum to the award; a standing obligation has its whole amount reserved or spent, an ended one nothing
    reserved."""
    faults: list[str] = []
    sums = dict(
        db.session.execute(select(AwardLine.award_id, func.sum(AwardLine.amount_minor)).group_by(AwardLine.award_id))
        .all()
    )
    held = {
        row.reservation_id: row
        for row in db.session.execute(
            select(
                ReservationLine.reservation_id, func.sum(ReservationLine.direct_minor).label("direct"),
                func.sum(ReservationLine.spent_direct_minor).label("spent"),
                func.sum(ReservationLine.released_direct_minor).label("released"),
            ).group_by(ReservationLine.reservation_id)
        )
    }
    reopened = set(db.session.scalars(select(Event.subject_id).where(Event.tag == "awards.award.reopen")))
    awards = db.session.scalars(select(Award)).all()
    for award in awards:
        if int(sums.get(award.id, 0)) != award.amount_minor:
            faults.append(f"award {award.id}: lines do not sum to its amount")
        if award.reservation_id is None:
            continue
        line = held.get(award.reservation_id)
        again = award.id in reopened  # what a late claim needs is reserved again, from other lots where need be
        if line is None or int(line.direct) < award.amount_minor or (
                int(line.direct) > award.amount_minor and not again):
            faults.append(f"award {award.id}: its reservation is for another amount")
            continue
        left = int(line.direct) - int(line.spent) - int(line.released)
        standing = award.state in RESERVED or award.suspended_from in RESERVED
        if again and int(line.direct) - int(line.released) > award.amount_minor:
            faults.append(f"award {award.id}: more is reserved and spent than its amount")
        if standing and int(line.released) and not again:
            faults.append(f"award {award.id} stands, but its money was released")
        if not standing and left:
            faults.append(f"award {award.id} has ended with money still reserved")
    stray = db.session.scalars(
        select(Reservation.id).outerjoin(Award, Award.reservation_id == Reservation.id)
        .where(Reservation.subject_type == "award", Award.id.is_(None))
    )
    faults += [f"reservation {row} belongs to no award" for row in stray]
    return len(awards), faults


@check("awards.earmarks")
def earmarks_are_kept() -> tuple[int, list[str]]:
    """Money of a pool went only to awards of calls that may draw on it, and that fit its earmark."""
    from sponsorship.applications.queries import calls_by_ids
    from sponsorship.awards.money import fitting_pools

    rows = db.session.execute(
        select(Award, Lot.pool_id).join(ReservationLine, ReservationLine.reservation_id == Award.reservation_id)
        .join(Lot, Lot.id == ReservationLine.lot_id).distinct()
    ).all()
    calls = calls_by_ids({award.call_id for award, _pool in rows})
    faults, allowed = [], {}
    for award, pool_id in rows:
        if award.id not in allowed:
            allowed[award.id] = set(fitting_pools(award, calls[award.call_id]))
        if pool_id not in allowed[award.id]:
            faults.append(f"award {award.id} draws on pool {pool_id} that does not fit")
    return len(rows), faults


@check("awards.promotion")
def places_are_filled_once() -> tuple[int, list[str]]:
    """Whoever moved up took a place that had become free, in the same call."""
    moved, freed = aliased(Award), aliased(Award)
    rows = db.session.execute(
        select(moved.id, moved.call_id, freed.call_id.label("other"), freed.vacated)
        .join(freed, freed.id == moved.replaces_id)
    ).all()
    return len(rows), [f"award {r.id} took a place that was not free" for r in rows
                       if not r.vacated or r.call_id != r.other]
