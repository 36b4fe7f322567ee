"""One award on one page: who acts by when, from the offer to the close. Reads only; a fixed number of queries."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from flask import url_for
from flask_babel import gettext as _
from sqlalchemy import select

from core import clock
from core.actor import Actor
from core.db import db
from sponsorship.awards.queries import AwardPage, award_page
from sponsorship.disbursements import queries
from sponsorship.disbursements.cash_models import CASH
from sponsorship.disbursements.claim_models import Claim, DelegateReport, Recovery
from sponsorship.disbursements.claim_states import DECIDED
from sponsorship.disbursements.models import Disbursement, Payee
from sponsorship.disbursements.settings import setting
from sponsorship.disbursements.words import KIND_LABELS

_ORDER = ("draft", "requested", "certified", "approved", "ready", "released")
_STEPS = (("request_by", "requested"), ("certify_by", "certified"), ("approve_by", "approved"), ("due_at", "released"))


@dataclass(frozen=True)
class Step:
    """One line: an instant or a day, what, who acts, whether it is done. `tone` as of states."""

    at: datetime | date
    what: str
    who: str
    tone: str
    word: str
    url: str | None = None

    def key(self, zone: ZoneInfo) -> datetime:
        """Where it stands in order."""
        return self.at if isinstance(self.at, datetime) else datetime.combine(self.at, time(0), zone)


def _state(done: bool, at: datetime | date, now: datetime, gone: bool = False) -> tuple[str, str]:
    if gone:
        return "stopped", _("Dropped")
    if done:
        return "done", _("Done")
    late = at < now if isinstance(at, datetime) else at < now.date()
    return ("attention", _("Overdue")) if late else ("waiting", _("To come"))


def _past(state: str, target: str) -> bool:
    return state not in _ORDER or _ORDER.index(state) >= _ORDER.index(target)


def timeline_of(award_id: uuid.UUID, actor: Actor) -> tuple[AwardPage, list[Step]]:
    """The award and its steps in order of time. A State sees its own steps and the journey, officers all. Raises
    NotFound, also for another State's award."""
    page = award_page(award_id, actor)
    now, zone = clock.now(), ZoneInfo(setting("office_zone", clock.today()))
    found: list[Step] = []

    def add(at: datetime | date | None, what: str, who: str, done: bool, url: str | None = None,
            gone: bool = False) -> None:
        if at is not None:
            found.append(Step(at, what, who, *_state(done, at, now, gone), url))

    state_person, delegate = _("The State’s focal point"), _("The delegate or the State’s focal point")
    live = page.row.state in ("accepted", "closed")
    ended = page.row.status.tone == "stopped"
    add(page.offered_at, _("The offer is sent"), _("An approving officer"), True)
    add(page.answered_at or page.row.offer_expires_at, _("The offer is answered"), state_person,
        page.answered_at is not None, gone=ended and page.answered_at is None)
    payments = _payments(award_id, page, add) if live or page.officer else []
    if payments and page.officer:
        for row in payments:
            _of_payment(row, add)
    if live:
        add(page.row.travel_from, _("Leaves home"), _("The delegate"), page.row.travel_from < now.date())
        add(page.meeting.start_date, _("The meeting opens"), "", bool(
            page.meeting.start_date and page.meeting.start_date <= now.date()))
        add(page.row.travel_to, _("Home again"), _("The delegate"), page.row.travel_to < now.date())
    _after(award_id, add, delegate)
    return page, sorted(found, key=lambda step: step.key(zone))


def _payments(award_id: uuid.UUID, page: AwardPage, add: Any) -> list[Disbursement]:
    rows = list(db.session.scalars(select(Disbursement).where(Disbursement.award_id == award_id)
                                   .order_by(Disbursement.due_at, Disbursement.id)))
    payee = db.session.scalars(select(Payee).where(Payee.award_id == award_id)).first()
    first = min((row.request_by for row in rows), default=None)
    if payee is not None and first is not None:
        sees = queries.payee_of_award(award_id) is not None and not page.officer
        add(first, _("The identity is given and verified") if payee.rail == CASH else
            _("The bank data is given and verified"), _("The State, then a payee data officer"),
            payee.state in ("verified", "ended"), url_for("payees.payee_page", id=payee.id) if sees else None)
    return rows


def _of_payment(row: Disbursement, add: Any) -> None:
    who = {"requested": _("A requesting officer"), "certified": _("A certifying officer"),
           "approved": _("An approving officer"), "released": _("A bank signatory")}
    labels = {"requested": _("%(kind)s: requested", kind=KIND_LABELS[row.kind]),
              "certified": _("%(kind)s: certified", kind=KIND_LABELS[row.kind]),
              "approved": _("%(kind)s: approved", kind=KIND_LABELS[row.kind]),
              "released": _("%(kind)s: released", kind=KIND_LABELS[row.kind])}
    gone = row.state == "cancelled"
    url = url_for("disbursements.disbursement_page", id=row.id)
    for column, target in _STEPS:
        if not gone or target == "released":
            held = row.state in ("held", "failed")
            add(getattr(row, column), labels[target], who[target], not gone and not held and _past(row.state, target),
                url, gone)
    if not gone:
        add(row.settled_at or row.confirm_by, _("%(kind)s: confirmed by the bank", kind=KIND_LABELS[row.kind]),
            _("A requesting officer"), row.settled_at is not None, url)


def _after(award_id: uuid.UUID, add: Any, delegate: str) -> None:
    claim = db.session.scalars(select(Claim).where(Claim.award_id == award_id)).first()
    if claim is None:
        return
    url = url_for("claims.claim_page", id=claim.id)
    add(claim.submitted_at or claim.due_at, _("The claim is sent"), delegate, claim.submitted_at is not None, url,
        claim.state in ("no_show", "unclaimed"))
    if claim.state in DECIDED:
        add(claim.decided_at, _("The claim is settled"), _("A requesting officer"), True, url)
    report = db.session.scalars(select(DelegateReport).where(DelegateReport.award_id == award_id)).first()
    if report is not None:
        add(report.received_at or report.due_at, _("The report is written"), delegate, report.state == "received",
            url_for("claims.report_page", id=report.id), report.state == "dropped")
    recovery = db.session.scalars(select(Recovery).where(Recovery.claim_id == claim.id)
                                  .order_by(Recovery.asked_at.desc(), Recovery.id.desc()).limit(1)).first()
    if recovery is not None:
        add(recovery.ended_at or recovery.due_at, _("What was paid too much is paid back"),
            _("The payee, through the State"), recovery.state == "recovered",
            url_for("claims.recovery_page", id=recovery.id), recovery.state == "written_off")
