"""Officers of the demonstration do what waits for them: obligations, bank data, payments, the bank's answers."""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import ColumnElement, select
from werkzeug.datastructures import FileStorage

from core import clock, files, jobs
from core.db import db
from demonstration import in_cash
from demonstration.stage import Stage
from sponsorship.applications.queries import nominee_by_id
from sponsorship.awards import answer_service
from sponsorship.awards import service as awards
from sponsorship.awards.models import Award
from sponsorship.disbursements import payee_service, release_service, sanctions_service
from sponsorship.disbursements import service as disbursements
from sponsorship.disbursements.cash_models import TRANSFER
from sponsorship.disbursements.models import Disbursement, Payee
from sponsorship.disbursements.sanctions_reading import read_list

PROOF = b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 100]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>endobj
4 0 obj<</Length 58>>stream
BT /F1 12 Tf 20 50 Td (Demonstration: bank letter) Tj ET
endstream endobj
5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj
trailer<</Root 1 0 R>>
%%EOF
"""


LIST = """<?xml version="1.0" encoding="UTF-8"?>
<CONSOLIDATED_LIST dateGenerated="{day}T06:00:00.000Z"><INDIVIDUALS>
<INDIVIDUAL><DATAID>1</DATAID><VERSIONNUM>1</VERSIONNUM><FIRST_NAME>DEMO</FIRST_NAME><SECOND_NAME>LISTED</SECOND_NAME>
<THIRD_NAME>PERSON</THIRD_NAME><UN_LIST_TYPE>Demonstration</UN_LIST_TYPE><REFERENCE_NUMBER>DEMi.001</REFERENCE_NUMBER>
<LISTED_ON>2020-01-01</LISTED_ON><INDIVIDUAL_ALIAS><QUALITY>Good</QUALITY><ALIAS_NAME>Demo Invented Alias</ALIAS_NAME>
</INDIVIDUAL_ALIAS><INDIVIDUAL_DATE_OF_BIRTH><TYPE_OF_DATE>EXACT</TYPE_OF_DATE><DATE>1970-01-01</DATE>
</INDIVIDUAL_DATE_OF_BIRTH></INDIVIDUAL></INDIVIDUALS><ENTITIES/></CONSOLIDATED_LIST>
"""


# the simulator's time does not move with the story: what listens to it is called where the story needs it
_NOT_PLAYED = {
    "outbox", "outbox-erase", "seal-events", "verify", "stripe-inbox", "stripe-events", "stripe-movements",
    "payout-sweep", "stripe-forget",
}


def run_jobs(at: datetime) -> None:
    """What the schedule would have done by then."""
    with clock.moved_to(at):
        for name in jobs.JOBS:
            if name not in _NOT_PLAYED and jobs.preview(name, at, 1):  # nearly every job is idle on nearly every day
                outcome = jobs.run(name, at)
                if outcome.failed:
                    raise RuntimeError(f"job {name} failed in the demonstration at {at:%Y-%m-%d}")


def sanctions_list(stage: Stage, at: datetime) -> None:
    """The payee data officer imports the list that payees are compared with: of invented persons."""
    with clock.moved_to(at):
        content = LIST.format(day=f"{at:%Y-%m-%d}").encode()
        with current_app.test_request_context("/"):
            upload = files.lay_down(content, "demonstration-consolidated-list.xml", "application/xml")
        sanctions_service.import_list(read_list(content), upload, stage.actor("payee-data"))


def _each(
    model: type, where: ColumnElement[bool], act: Callable[[uuid.UUID, int], object], most: int | None = None
) -> None:
    rows = db.session.execute(
        select(model.id, model.version).where(where).order_by(model.id).limit(most)  # type: ignore[attr-defined]
    ).all()
    db.session.rollback()
    for row_id, version in rows:
        act(row_id, version)


def oblige(stage: Stage, meeting_id: uuid.UUID, at: datetime, most: int | None = None) -> None:
    """Certify and approve the obligations that wait (at most `most`): the offers go out."""
    with clock.moved_to(at):
        _each(Award, (Award.meeting_id == meeting_id) & (Award.state == "selected"),
              lambda i, v: awards.certify(i, stage.actor("certifying"), v), most)
    with clock.moved_to(at + timedelta(hours=3)):
        _each(Award, (Award.meeting_id == meeting_id) & (Award.state == "certified"),
              lambda i, v: awards.approve(i, stage.actor("approving"), v))


def answer(stage: Stage, meeting_id: uuid.UUID, at: datetime, *, turn_down: tuple[str, ...] = (),
           silent: tuple[str, ...] = ()) -> None:
    """The States' focal points answer their offers; those in `silent` do not."""
    codes = {place: code for code, place in stage.places.items()}
    with clock.moved_to(at):
        rows = db.session.execute(
            select(Award.id, Award.version, Award.organisation_id)
            .where(Award.meeting_id == meeting_id, Award.state == "offered")).all()
        db.session.rollback()
        for award_id, version, place in rows:
            code = codes[place]
            focal = stage.actor(f"focal-{code.lower()}")
            if code in turn_down:
                answer_service.turn_down(award_id, focal, version, "The nominee was called to other duties.")
            elif code not in silent:
                answer_service.accept(award_id, focal, version)


def bank_data(stage: Stage, meeting_id: uuid.UUID, at: datetime, *, verify: bool = True) -> None:
    """Focal points give bank data with a proof; the payee data officer checks it."""
    codes = {place: code for code, place in stage.places.items()}
    with clock.moved_to(at):
        rows = db.session.execute(
            select(Payee.id, Payee.version, Award.organisation_id, Award.reference, Award.nominee_id)
            .join(Award, Award.id == Payee.award_id)
            .where(Award.meeting_id == meeting_id, Payee.state == "wanted")).all()
        db.session.rollback()
        for payee_id, version, place, reference, nominee in rows:
            with current_app.test_request_context("/"):
                proof = files.check_upload(FileStorage(io.BytesIO(PROOF), filename="bank-letter.pdf"), field="proof")
            code = codes[place]
            holder = nominee_by_id(nominee, stage.actor(f"focal-{code.lower()}")).name
            payee_service.enter(
                payee_id, payee_service.BankData(
                    holder=holder or f"Demo Nominee {code}", bank_name=f"Demo Bank of {code}", bank_country="XX",
                    account=f"DEMO{code}{reference[-4:]}", bic=""),
                stage.actor(f"focal-{code.lower()}"), version, proof)
    if verify:
        with clock.moved_to(at + timedelta(hours=20)):
            _each(Payee, (Payee.state == "entered") & Payee.award_id.in_(
                select(Award.id).where(Award.meeting_id == meeting_id)),
                lambda i, v: payee_service.verify(i, stage.actor("payee-data"), v))


def work_day(stage: Stage, meeting_id: uuid.UUID, at: datetime, *, bank_fails: set[str] | None = None,
             keep_ready: int = 0, keep_released: int = 0) -> None:
    """One day of the four officers and the bank: each does what has come due. So many payments are left ready for
    release, and so many released payments unanswered by the bank, for the visitor to go on with."""
    mine = Disbursement.meeting_id == meeting_id

    def due(state: str) -> ColumnElement[bool]:
        return mine & (Disbursement.state == state) & (Disbursement.act_by <= at + timedelta(days=1))

    with clock.moved_to(at):
        _each(Disbursement, due("draft"), lambda i, v: disbursements.request(i, stage.actor("requesting"), v))
        _each(Disbursement, due("requested"), lambda i, v: disbursements.certify(i, stage.actor("certifying"), v))
        _each(Disbursement, due("certified"), lambda i, v: disbursements.approve(i, stage.actor("approving"), v))
    run_jobs(at + timedelta(hours=3))
    with clock.moved_to(at + timedelta(hours=4)):
        ready = {row.id: row.version for row in db.session.execute(
            select(Disbursement.id, Disbursement.version).where(mine, Disbursement.state == "ready")
            .order_by(Disbursement.reference)).all()[keep_ready:]}
        db.session.rollback()
        instructions = list(release_service.release_all(ready, stage.actor("signatory")))
    for instruction in () if keep_released else instructions:
        with clock.moved_to(at + timedelta(hours=5)):
            release_service.hand_over(instruction, stage.actor("signatory"), f"EB-{at:%Y%m%d}")
    with clock.moved_to(at + timedelta(hours=6)):
        sent = db.session.execute(
            select(Disbursement.id, Disbursement.version, Disbursement.reference, Disbursement.round, Disbursement.kind)
            .where(mine, Disbursement.state.in_(("released", "sent")), Disbursement.rail == TRANSFER)
            .order_by(Disbursement.reference)).all()[keep_released:]
        db.session.rollback()
        for n, (row_id, version, reference, _round, kind) in enumerate(sent):
            bank = f"DEMOBANK-{at:%Y%m%d}-{reference[-4:]}"
            if bank_fails and kind in bank_fails:
                bank_fails.discard(kind)
                release_service.fail(row_id, "account_closed", bank, stage.actor("requesting"), version,
                                     "Demonstration: the bank returned the first transfer.")
                fresh = db.session.get_one(Disbursement, row_id).version
                release_service.plan_again(row_id, stage.actor("requesting"), fresh)
            else:
                release_service.confirm(row_id, bank, stage.actor("requesting"), version,
                                        bank_fee_minor=350 if n == 0 else 0)
    in_cash.pay(stage, meeting_id, at + timedelta(hours=6))


def leave_on_desks(stage: Stage, meeting_id: uuid.UUID, at: datetime) -> None:
    """Daily allowances part of the way: one for each officer of the chain to take up."""
    with clock.moved_to(at):
        rows = db.session.execute(
            select(Disbursement.id).where(
                Disbursement.meeting_id == meeting_id, Disbursement.kind == "dsa_advance",
                Disbursement.state == "requested")
            .order_by(Disbursement.reference)).scalars().all()
        db.session.rollback()
        steps = ((disbursements.certify, "certifying"), (disbursements.approve, "approving"))
        for n, row_id in enumerate(rows[:2]):
            for step, who in steps[:2 - n]:
                version = db.session.get_one(Disbursement, row_id, populate_existing=True).version
                db.session.rollback()
                step(row_id, stage.actor(who), version)
