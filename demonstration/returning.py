"""After the journeys of the demonstration: rates, claims, one recovery left open, reports."""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable
from datetime import date, datetime, timedelta

from flask import current_app
from sqlalchemy import select
from werkzeug.datastructures import FileStorage

from core import clock, files
from core.db import db
from demonstration.paying import PROOF
from demonstration.stage import Stage
from sponsorship.awards import entitlement_service
from sponsorship.awards.dsa_csv import read_rates
from sponsorship.awards.models import Award
from sponsorship.disbursements import claim_recovery, claim_service, late_service
from sponsorship.disbursements.claim_models import Claim, DelegateReport
from sponsorship.disbursements.claim_reckoning import Days

RATES = b"place,country,valid_from,rate_usd\nNew York,US,2020-01-01,350.00\nGeneva,CH,2020-01-01,360.00\n"


def rates(stage: Stage, at: datetime) -> None:
    """Invented rates of daily subsistence, plainly named so."""
    with clock.moved_to(at):
        kept = files.lay_down(RATES, "demo-dsa.csv", "text/csv")
        entitlement_service.import_rates(read_rates(RATES), kept, "Demo circular, invented figures",
                                         stage.actor("fund-manager"))


def _pass() -> list[tuple[str, files.CheckedUpload]]:
    with current_app.test_request_context("/"):
        upload = files.check_upload(FileStorage(io.BytesIO(PROOF), filename="boarding-pass.pdf"), field="boarding_out")
    return [("boarding_pass", upload)]


def claims(stage: Stage, meeting_id: uuid.UUID, at: datetime, *, home_early: str = "", silent: str = "") -> None:
    """Claims that have been opened are sent and settled, and reports written. The delegate of the State `home_early`
    left two days early: money is asked back, and stays open. `silent` sends neither claim nor report: once it is
    overdue the claim is closed, and what was paid in advance is asked back."""
    codes = {place: code for code, place in stage.places.items()}
    with clock.moved_to(at):
        rows = db.session.execute(
            select(Claim.id, Claim.version, Claim.due_at, Award.organisation_id, Award.travel_from, Award.travel_to,
                   DelegateReport.id.label("report"))
            .join(Award, Award.id == Claim.award_id).join(DelegateReport, DelegateReport.award_id == Award.id)
            .where(Award.meeting_id == meeting_id, Claim.state == "wanted").order_by(Claim.reference)).all()
        db.session.rollback()
        for row in rows:
            code = codes[row.organisation_id]
            if code == silent:
                if row.due_at < at:
                    claim_service.close_unclaimed(row.id, stage.actor("requesting"), row.version, "no_word",
                                                  "Demonstration: the reminder was not answered.")
                continue
            focal = stage.actor(f"focal-{code.lower()}")
            told = Days(row.travel_from, row.travel_to - timedelta(days=2)) if code == home_early else None
            claim_service.submit(row.id, told, _pass(), "", focal, row.version)
            claim_service.settle(row.id, "part" if told else "attended", stage.actor("requesting"), row.version + 1)
            claim_recovery.write_report(row.report, {
                "meetings": "All meetings of the week; a statement under the item on national reports.",
                "statement": "Demonstration: the State's national report was presented.",
                "follow_up": "Demonstration: a national focal point has been named."}, focal, 1)


def send_claim(stage: Stage, meeting_id: uuid.UUID, code: str, at: datetime,
               told: Callable[[date, date], Days | None]) -> None:
    """The State sends its claim, for the days that `told` makes of the planned ones; nobody settles it."""
    with clock.moved_to(at):
        row = db.session.execute(
            select(Claim.id, Claim.version, Award.travel_from, Award.travel_to).join(Award, Award.id == Claim.award_id)
            .where(Award.meeting_id == meeting_id, Award.organisation_id == stage.places[code])).one()
        db.session.rollback()
        claim_service.submit(row.id, told(row.travel_from, row.travel_to), _pass(), "",
                             stage.actor(f"focal-{code.lower()}"), row.version)


def late(stage: Stage, meeting_id: uuid.UUID, code: str, at: datetime) -> None:
    """The State whose claim was closed asks to send it after all; the head of the fund decides on that."""
    with clock.moved_to(at):
        claim_id, version = db.session.execute(
            select(Claim.id, Claim.version).join(Award, Award.id == Claim.award_id)
            .where(Award.meeting_id == meeting_id, Claim.state == "unclaimed")).one()
        db.session.rollback()
        late_service.ask(claim_id, "Demonstration: the delegate fell ill on return and has only now sent the boarding "
                         "passes.", stage.actor(f"focal-{code.lower()}"), version)
