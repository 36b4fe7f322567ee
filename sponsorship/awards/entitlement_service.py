"""Commands of entitlements: rates imported and withdrawn, quotes, the journey, and taking a calculation over as the
estimate of an award."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy import insert, select

from accounts.permissions import require
from core import clock, events, files
from core.actor import Actor
from core.db import command, db, lock, new_id
from core.errors import RuleBroken
from core.files import CheckedUpload
from core.money import Money, dollars_at
from meetings.calendar.queries import meeting_by_id
from sponsorship.awards.dsa_csv import DsaFile
from sponsorship.awards.entitlement import LEGS, PROVIDED
from sponsorship.awards.entitlement_models import AwardBasis, AwardJourney, DsaImport, DsaRate, FareQuote
from sponsorship.awards.entitlement_queries import calculate, judge
from sponsorship.awards.models import AwardLine
from sponsorship.awards.quotes import check_quote, forget_basis
from sponsorship.awards.service import lock_award, may
from sponsorship.awards.transitions import AWARD
from sponsorship.gateways.rates import rate_on

MANAGE = "travel_rates.manage"


# --- rates ------------------------------------------------------------------------------------------------------
def bytes_of(upload: CheckedUpload) -> bytes:
    """The file laid down before its preview. Raises RuleBroken (field file) when it is no longer there."""
    path = current_app.extensions["placard_settings"].upload_dir / str(upload.key)
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != upload.sha256:
        raise RuleBroken(_("The file was kept for some hours only. Choose it again."), code="dsa.file", field="file")
    return content


@command
def import_rates(read: DsaFile, upload: CheckedUpload, source: str, actor: Actor) -> uuid.UUID:
    """Put the new rates of a file on record, whole or not at all; the import.

    Raises RuleBroken (`dsa.wrong_lines`, `dsa.nothing`), NotAllowed.
    """
    require(actor, MANAGE)
    assert actor.person_id is not None
    judged = judge(read)
    if judged.wrong:
        raise RuleBroken(_("Some lines are wrong, so nothing was imported. Correct the file at its source."),
                         code="dsa.wrong_lines", field="file")
    if not judged.new:
        raise RuleBroken(_("Every rate of this file is on record already."), code="dsa.nothing", field="file")
    stored = files.keep(upload, "dsa-rates", actor)
    made = DsaImport(id=new_id(), source=source, file_id=stored.id, file_name=upload.name, sha256=upload.sha256,
                     rates=len(judged.new), imported_by=actor.person_id, imported_at=clock.now())
    db.session.add(made)
    db.session.flush()  # the rates point at it
    db.session.execute(insert(DsaRate), [
        {"id": new_id(), "import_id": made.id, "line": r.line, "country": r.country, "place": r.place,
         "place_key": r.key[1], "valid_from": r.valid_from, "usd_minor": r.usd_minor} for r in judged.new])
    events.record(actor, "awards.dsa_rates.import", "dsa_import", made.id,
                  data={"sha256": upload.sha256, "rates": len(judged.new)})
    return made.id


@command
def withdraw_import(import_id: uuid.UUID, actor: Actor, words: str) -> None:
    """Take an import back whole: its rates no longer count, estimates that rest on them stay as they were reckoned.

    Raises RuleBroken when it was withdrawn already, NotAllowed, NotFound.
    """
    require(actor, MANAGE)
    row = lock(DsaImport, import_id)
    if row.withdrawn_at is not None:
        raise RuleBroken(_("This import was withdrawn already."), code="dsa.withdrawn")
    row.withdrawn_at, row.withdrawn_by = clock.now(), actor.person_id
    db.session.flush()  # a rate is withdrawn after its import
    for rate in db.session.scalars(select(DsaRate).where(DsaRate.import_id == import_id)):
        rate.withdrawn_at = row.withdrawn_at
    events.record(actor, "awards.dsa_rates.withdraw", "dsa_import", row.id, text=words)


# --- one award --------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Fare:
    """A quote as it was received. `expires_at` is aware: until then the ticket must be issued."""

    amount: Money
    source: str
    quoted_on: date
    expires_at: datetime


@command
def record_quote(award_id: uuid.UUID, fare: Fare, actor: Actor, expected_version: int) -> uuid.UUID:
    """Record a fare quote; the newest counts. In another currency it is worth its dollars of the day it was quoted on.

    Raises RuleBroken (`quote.expired`, `quote.future`, `rates.missing`), NotAllowed, Stale, IllegalMove.
    """
    award = lock_award(award_id)
    may(award, "estimate", actor, expected_version)
    assert actor.person_id is not None
    if fare.quoted_on > clock.today():
        raise RuleBroken(_("This day has not come yet. Write the day on which the fare was quoted."),
                         code="quote.future", field="quoted_on")
    if fare.expires_at <= clock.now():
        raise RuleBroken(_("This quote has expired already. Ask for a new one."), code="quote.expired",
                         field="expires_day")
    if fare.amount.minor <= 0:
        raise RuleBroken(_("Write an amount above zero."), code="quote.amount", field="amount")
    foreign = None if fare.amount.currency == "USD" else rate_on(fare.amount.currency, fare.quoted_on)
    row = FareQuote(
        id=new_id(), award_id=award.id, amount_minor=fare.amount.minor, currency=fare.amount.currency,
        usd_minor=fare.amount.minor if foreign is None else dollars_at(fare.amount, foreign.text),
        rate=foreign.text if foreign else None, rate_source=foreign.source if foreign else None,
        rate_date=foreign.day if foreign else None, source=fare.source, quoted_on=fare.quoted_on,
        expires_at=fare.expires_at, recorded_by=actor.person_id, recorded_at=clock.now(),
    )
    db.session.add(row)
    db.session.flush()  # the event names it
    award.version += 1
    events.record(actor, "awards.award.quote", "award", award.id,
                  data={"quote": str(row.id), "amount_minor": row.amount_minor, "currency": row.currency,
                        "usd_minor": row.usd_minor, "expires": row.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ")})
    return row.id


@dataclass(frozen=True)
class Known:
    """What is known of a journey: nights in the air (0 is the first night), what the host provides on days of the
    meeting, legs with a car, hours away where there is no night, and the days of the meeting that are paid (1 is its
    first)."""

    nights_in_air: Sequence[int] = ()
    provided: Sequence[str] = ()
    cars: Sequence[str] = ()
    hours: int | None = None
    covered: tuple[int, int] | None = None


@command
def set_journey(award_id: uuid.UUID, known: Known, actor: Actor, expected_version: int) -> None:
    """Say what is known of the journey. Raises RuleBroken for a night or day that the journey does not have,
    NotAllowed, Stale, IllegalMove."""
    award = lock_award(award_id)
    may(award, "estimate", actor, expected_version)
    assert actor.person_id is not None
    nights = (award.travel_to - award.travel_from).days
    if any(not 0 <= night < nights for night in known.nights_in_air):
        raise RuleBroken(_("The journey has no such night."), code="journey.night", field="nights")
    if set(known.provided) - set(PROVIDED) or set(known.cars) - set(LEGS):
        raise ValueError("unknown part of a journey")
    meeting = meeting_by_id(award.meeting_id)
    length = (meeting.end_date - meeting.start_date).days + 1 if meeting.start_date and meeting.end_date else None
    if known.covered and not (1 <= known.covered[0] <= known.covered[1] <= (length or known.covered[1])):
        raise RuleBroken(_("The meeting has no such days. Count them from 1, the first before the last."),
                         code="journey.covered", field="covered_to")
    row = db.session.get(AwardJourney, award.id) or AwardJourney(award_id=award.id)
    row.nights_in_air, row.provided, row.cars = sorted(set(known.nights_in_air)), list(known.provided), list(known.cars)
    row.hours = known.hours
    row.covered_from, row.covered_to = known.covered or (None, None)
    row.set_by, row.set_at = actor.person_id, clock.now()
    db.session.add(row)
    award.version += 1
    events.record(actor, "awards.award.journey", "award", award.id,
                  data={"nights_in_air": row.nights_in_air, "provided": row.provided, "cars": row.cars,
                        "covered": list(known.covered) if known.covered else None})


@command
def use(award_id: uuid.UUID, actor: Actor, expected_version: int) -> None:
    """Take the calculation of this moment over as the estimate, with the lines it rests on.

    Raises RuleBroken (nothing is due, `quote.expired`), NotAllowed, Stale, IllegalMove.
    """
    award = lock_award(award_id)
    may(award, "estimate", actor, expected_version)
    check_quote(award)
    found = calculate(award)
    if not found.by_kind:
        raise RuleBroken(_("By these facts nothing is due, so there is nothing to take over."), code="award.nothing")
    forget_basis(award)
    for old in db.session.scalars(select(AwardLine).where(AwardLine.award_id == award.id)):
        db.session.delete(old)
    db.session.flush()  # the old lines must be gone before the new ones take their place
    for kind, minor in found.by_kind.items():
        db.session.add(AwardLine(award_id=award.id, kind=kind, amount_minor=minor))
    for n, line in enumerate(found.lines, 1):
        db.session.add(AwardBasis(
            award_id=award.id, n=n, kind=line.kind, rule=line.rule, day=line.day, place=line.place,
            rate_minor=line.rate_minor, share_bp=line.share_bp, amount_minor=line.amount_minor,
            source=line.source[:200], source_from=line.source_from, given=list(line.given),
            quote_id=found.quote.id if line.rule == "quote" and found.quote else None))
    before, award.amount_minor = award.amount_minor, found.total.minor
    AWARD.apply(award, "estimate", actor, organisation_id=award.organisation_id,
                data={"before_minor": before, "after_minor": award.amount_minor, "lines": len(found.lines)})
