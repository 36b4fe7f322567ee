"""What happens to the payments of an award that is accepted, ended, suspended or dated anew. Same transaction."""

from __future__ import annotations

import uuid
from dataclasses import replace

from sqlalchemy import select

from core import clock, events, vault
from core.actor import Actor, system
from core.db import db, get, lock
from core.references import next_reference
from meetings.calendar.queries import meeting_by_id
from sponsorship.awards.models import Award
from sponsorship.awards.queries import lines_of
from sponsorship.awards.signals import AwardAccepted, AwardEnded, AwardResumed, AwardSuspended
from sponsorship.disbursements import mails
from sponsorship.disbursements.cash_models import CASH, rail_for
from sponsorship.disbursements.claim_reckoning import is_decided
from sponsorship.disbursements.models import Disbursement, Payee
from sponsorship.disbursements.plan_places import Place, place_of
from sponsorship.disbursements.planning import Dates, dates_for, plan
from sponsorship.disbursements.transitions import DISBURSEMENT, PAYEE, UNDERWAY, UNRELEASED

PLANNER = system("disbursements")


def set_dates(row: Disbursement, dates: Dates) -> None:
    row.request_by, row.certify_by, row.approve_by = dates.request_by, dates.certify_by, dates.approve_by
    row.due_at, row.confirm_by = dates.due_at, dates.confirm_by


def dates_of(row: Disbursement) -> Dates:
    return Dates(row.request_by, row.certify_by, row.approve_by, row.due_at, row.confirm_by)


def next_actor(row: Disbursement, state: str) -> None:
    """Set the clock of whoever acts in the state about to be entered; their reminders begin anew. Nobody acts on a
    final share before the claim is decided."""
    waits = state == "draft" and row.kind == "final" and not is_decided(row.award_id)
    row.act_by = None if waits else dates_of(row).act_by(state)
    row.reminded_at = row.escalated_at = row.head_told_at = None


def of_award(award_id: uuid.UUID) -> list[Disbursement]:
    """The award's payments, locked, in order of id."""
    ids = db.session.scalars(
        select(Disbursement.id).where(Disbursement.award_id == award_id).order_by(Disbursement.id)
    ).all()
    return [lock(Disbursement, row_id) for row_id in ids]


def on_accepted(accepted: AwardAccepted) -> None:
    """Plan the payments and ask for the payee's bank data."""
    award = lock(Award, accepted.award_id)
    payee = Payee(award_id=award.id, organisation_id=award.organisation_id, state=PAYEE.initial, version=1,
                  rail="transfer", currency="USD", data_version=0)
    db.session.add(payee)
    db.session.flush()  # the payments point at it
    for planned in plan(lines_of(award.id), award.travel_from, award.travel_to, clock.today(), place_for(award, payee)):
        new_payment(award, planned.kind, planned.amount_minor, planned.dates)
    mails.bank_data_wanted(award, payee)


def place_for(award: Award, payee: Payee | None) -> Place:
    """What planning knows of the bank's place (once it is known) and the host's."""
    bank = vault.unseal(payee.id, payee.bank_country_sealed) if payee is not None else None
    place = place_of(bank, meeting_by_id(award.meeting_id).country_code, clock.today())
    if payee is not None and payee.rail == CASH:  # ready on the day of travel: no bank takes its time
        return replace(place, lead_days=0)
    return place


def redate(award_id: uuid.UUID) -> None:
    """The bank data is verified: what is not requested yet is dated by the lead time of the bank's place. The award is
    locked."""
    award = lock(Award, award_id)
    payee = db.session.scalars(select(Payee).where(Payee.award_id == award_id)).one()
    place = place_for(award, payee)
    for row in of_award(award_id):
        if row.state != "draft" or row.kind == "ticket" or (row.kind == "final" and row.act_by is not None):
            continue  # a final share already dated by its claim keeps its dates
        dates = dates_for(row.kind, award.travel_from, award.travel_to, clock.today(), place)
        if dates == dates_of(row):
            continue
        set_dates(row, dates)
        row.version += 1
        next_actor(row, "draft")
        _record_plan(row)


def new_payment(award: Award, kind: str, amount_minor: int, dates: Dates) -> Disbursement:
    """Plan one payment (US cents) of an award whose payee is known."""
    payee_id, chosen = db.session.execute(select(Payee.id, Payee.rail).where(Payee.award_id == award.id)).one()
    row = Disbursement(
        reference=next_reference("DSB", clock.today().year), award_id=award.id, meeting_id=award.meeting_id,
        organisation_id=award.organisation_id, payee_id=payee_id, kind=kind, version=1, round=1,
        rail=rail_for(kind, chosen),
        amount_minor=amount_minor, state=DISBURSEMENT.initial, created_at=clock.now(),
    )
    set_dates(row, dates)
    with db.session.no_autoflush:
        next_actor(row, "draft")
    db.session.add(row)
    db.session.flush()  # the event points at it
    _record_plan(row)
    return row


def _record_plan(row: Disbursement) -> None:
    events.record(PLANNER, "disbursements.disbursement.plan", "disbursement", row.id, to_state="draft",
                  data={"kind": row.kind, "amount_minor": row.amount_minor, "award": str(row.award_id),
                        "due": row.due_at.strftime("%Y-%m-%dT%H:%M:%SZ")})


def on_ended(ended: AwardEnded) -> None:
    """Stop everything that has not left. What was released is with the bank: its answer is still recorded."""
    for row in of_award(ended.award_id):
        if row.state in UNRELEASED:
            row.act_by = None
            DISBURSEMENT.apply(row, "cancel", PLANNER, reason=ended.reason)
    payee_id = db.session.scalar(select(Payee.id).where(Payee.award_id == ended.award_id))
    if payee_id is not None:
        payee = lock(Payee, payee_id)
        if payee.state != "ended":
            PAYEE.apply(payee, "end", PLANNER, reason=ended.reason)


def on_suspended(suspended: AwardSuspended) -> None:
    """The meeting is postponed: nothing more is released."""
    for row in of_award(suspended.award_id):
        if DISBURSEMENT.find(row.state, "hold"):
            row.act_by = None
            DISBURSEMENT.apply(row, "hold", PLANNER, reason="meeting_postponed")


def on_resumed(resumed: AwardResumed) -> None:
    """New dates: every payment that has not left is dated anew and signed anew, for a signature covers the dates it
    showed."""
    award = lock(Award, resumed.award_id)
    place = place_for(award, db.session.scalars(select(Payee).where(Payee.award_id == award.id)).first())
    for row in of_award(award.id):
        if row.state not in (*UNDERWAY, "draft", "held"):
            continue
        set_dates(row, dates_for(row.kind, award.travel_from, award.travel_to, clock.today(), place))
        action = {"held": "resume", "draft": None}.get(row.state, "replan")
        if action is None:
            row.version += 1
            next_actor(row, "draft")
            _record_plan(row)
            continue
        back_to_draft(row, action, "meeting_redated")


def back_to_draft(
    row: Disbursement, action: str, reason: str, *, text: str | None = None, actor: Actor = PLANNER,
) -> None:
    """Begin a new round: what was signed before no longer counts."""
    row.round += 1
    row.payee_data_version = row.second_rule_id = None
    next_actor(row, "draft")
    with db.session.no_autoflush:  # round, rail and state belong to one statement
        row.rail = rail_for(row.kind, get(Payee, row.payee_id).rail)
        DISBURSEMENT.apply(row, action, actor, organisation_id=row.organisation_id, reason=reason, text=text,
                           data={"round": row.round})
