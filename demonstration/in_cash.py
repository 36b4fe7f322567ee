"""One delegate of the demonstration is paid in cash on arrival: identity, paymaster, second count."""

from __future__ import annotations

import io
import uuid
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import select, true
from werkzeug.datastructures import FileStorage

from core import clock, files
from core.db import db
from core.files import CheckedUpload
from demonstration.stage import Stage, version_of
from meetings.calendar.models import Meeting
from sponsorship.applications.queries import nominee_by_id
from sponsorship.awards.models import Award
from sponsorship.disbursements import cash_service, payee_service, rails
from sponsorship.disbursements.cash_models import CASH, CashCount
from sponsorship.disbursements.models import Disbursement, Payee
from sponsorship.disbursements.payee_needs import Paper

PAPER = b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 100]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>endobj
4 0 obj<</Length 66>>stream
BT /F1 12 Tf 20 50 Td (Demonstration: an invented paper) Tj ET
endstream endobj
5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj
trailer<</Root 1 0 R>>
%%EOF
"""


def _upload(name: str, field: str) -> CheckedUpload:
    with current_app.test_request_context("/"):
        return files.check_upload(FileStorage(io.BytesIO(PAPER), filename=name), field=field)


def arrange(stage: Stage, meeting_id: uuid.UUID, at: datetime, only: str | None = None) -> None:
    """The host's place has a paymaster; advance and terminal expenses of the first award, or of the State `only`, are
    paid in cash, and the identity that this needs is given and verified."""
    keeper = stage.actor("payee-data")
    with clock.moved_to(at):
        payee_id, place, nominee_id = db.session.execute(
            select(Payee.id, Award.organisation_id, Award.nominee_id).join(Award, Award.id == Payee.award_id)
            .where(Award.meeting_id == meeting_id, Payee.state == "verified",
                   Award.organisation_id == stage.places[only] if only else true())
            .order_by(Award.position, Award.reference).limit(1)).one()
        country = db.session.get_one(Meeting, meeting_id).country_code or ""
        code = next(code for code, known in stage.places.items() if known == place)
        focal = stage.actor(f"focal-{code.lower()}")
        name = nominee_by_id(nominee_id, focal).name or f"Demo Nominee {code}"
        db.session.rollback()
        if not rails.serves(CASH, country, clock.today()):
            rails.set_place(country, CASH, True, clock.today(), "Invented for the demonstration",
                            stage.actor("fund-manager"))
        rails.choose(payee_id, CASH, keeper, version_of(Payee, payee_id))
    with clock.moved_to(at + timedelta(hours=2)):
        payee_service.identify(payee_id, Paper(name, "passport", "4821"), focal, version_of(Payee, payee_id),
                               _upload("passport-page.pdf", "copy"))
    with clock.moved_to(at + timedelta(hours=4)):
        payee_service.verify(payee_id, keeper, version_of(Payee, payee_id))


def pay(stage: Stage, meeting_id: uuid.UUID, at: datetime) -> None:
    """What the paymaster has in hand is handed over and counted by a second person."""
    with clock.moved_to(at):
        rows = db.session.execute(
            select(Disbursement.id, Disbursement.version, Disbursement.amount_minor)
            .where(Disbursement.meeting_id == meeting_id, Disbursement.rail == CASH, Disbursement.state == "sent")
            .order_by(Disbursement.reference)).all()
        db.session.rollback()
        for row_id, version, amount in rows:
            count = cash_service.hand_out(row_id, cash_service.Handed(amount, True, True),
                                          _upload("signed-receipt.pdf", "receipt"), stage.actor("paymaster"), version)
            cash_service.agree(count, amount, stage.actor("paymaster-2"), version_of(CashCount, count))
