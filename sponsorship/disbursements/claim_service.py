"""Commands after the journey: the claim is opened, sent, returned, settled, or closed because nobody travelled.

Settling decides the final share before it is requested: what is still due goes the normal chain of four, what was paid
too much is asked back. Locks: award, its payments in order of id, the claim.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from sqlalchemy import select

from accounts.permissions import allows, require
from core import clock, vault
from core.actor import Actor, system
from core.db import command, db, get, lock, new_id
from core.errors import NotFound, RuleBroken, Stale
from core.files import CheckedUpload, keep
from core.references import next_reference
from sponsorship.awards.models import Award
from sponsorship.awards.transitions import ENDED
from sponsorship.disbursements import claim_mails, claim_payments
from sponsorship.disbursements.claim_models import ATTENDANCE, PAPERS, Claim, ClaimLine, ClaimPaper, DelegateReport
from sponsorship.disbursements.claim_reckoning import Days, Reckoned, ceiling_of, journey_days, reckon
from sponsorship.disbursements.claim_states import CLAIM, DECIDED, REPORT
from sponsorship.disbursements.models import Disbursement
from sponsorship.disbursements.plan_service import of_award
from sponsorship.disbursements.settings import days, setting

CLERK = system("claims")
NO_SHOW_REASONS = ("visa_refused", "ill", "duties", "travel_disrupted", "no_word", "other")
RETURN_REASONS = ("boarding_pass_missing", "days_unclear", "paper_unreadable", "other")
Paper = tuple[str, CheckedUpload]


def end_of_day(day: date, on: date) -> datetime:
    """The last minute of a day by the clock of the office that pays, in UTC."""
    return datetime.combine(day, time(23, 59), ZoneInfo(setting("office_zone", on))).astimezone(UTC)


@command
def open_claim(award_id: uuid.UUID, now: datetime) -> bool:
    """The journey is over (or the award ended with money paid): the claim and the report are awaited. False when there
    is nothing to open."""
    award = lock(Award, award_id)
    known = db.session.scalar(select(Claim.id).where(Claim.award_id == award_id))
    travelled = award.state == "accepted" and award.travel_to < now.date()
    if known is not None or not (travelled or award.state in ENDED):
        return False
    # an award that ended is claimed for at once: its payments are to be accounted for
    back = award.travel_to if travelled else now.date()
    claim = Claim(
        id=new_id(), reference=next_reference("CLM", now.year), award_id=award.id,
        organisation_id=award.organisation_id, state=CLAIM.initial, version=1, opened_at=now,
        due_at=end_of_day(back + timedelta(days=days("claim_days_after_travel", now.date())), now.date()))
    db.session.add(claim)
    if travelled:
        db.session.add(DelegateReport(
            award_id=award.id, organisation_id=award.organisation_id, state=REPORT.initial, version=1,
            due_at=end_of_day(back + timedelta(days=days("report_days_after_travel", now.date())), now.date())))
    db.session.flush()
    claim_mails.wanted(award, claim)
    return True


def may_claim(actor: Actor, award: Award, permission: str = "claim.submit") -> bool:
    """A focal point of the State, or the nominee in person."""
    if not allows(actor, permission, award.organisation_id):
        return False
    return allows(actor, "award.answer", award.organisation_id) or (
        award.beneficiary_id is not None and actor.person_id == award.beneficiary_id)


def _lock(claim_id: uuid.UUID, expected_version: int) -> tuple[Claim, Award, list[Disbursement]]:
    award = lock(Award, get(Claim, claim_id).award_id)
    rows = of_award(award.id)
    claim = lock(Claim, claim_id)
    if claim.version != expected_version:
        raise Stale()
    return claim, award, rows


def _check_days(award: Award, told: Days) -> None:
    known = set(journey_days(award))
    if told.last < told.first:
        raise RuleBroken(_("The day of return lies before the day of departure."), code="claim.days", field="last")
    if told.first not in known or told.last not in known:
        raise RuleBroken(_("These days lie more than a week outside the planned journey. Please write to the "
                           "secretariat."), code="claim.days", field="first")
    if told.last >= clock.today():
        raise RuleBroken(_("The journey is not over yet. Send the claim once the person is home."),
                         code="claim.days", field="last")
    between = {told.first + timedelta(days=n) for n in range((told.last - told.first).days + 1)}
    if not told.in_air <= between - {told.last} or not {d for d, what in told.provided.items() if what} <= between:
        raise RuleBroken(_("A night or a meal lies on a day outside the journey."), code="claim.days", field="days")


@command
def submit(
    claim_id: uuid.UUID, told: Days | None, papers: Sequence[Paper], words: str, actor: Actor, expected_version: int,
) -> None:
    """Send the claim. `told` is None for a journey as planned; it needs boarding passes either way.

    Raises RuleBroken (`claim.boarding_pass`, `claim.days`), NotFound for another State's, NotAllowed, Stale,
    IllegalMove.
    """
    claim, award, _rows = _lock(claim_id, expected_version)
    if not may_claim(actor, award):
        raise NotFound()
    require(actor, CLAIM.move(claim.state, "submit").permission, award.organisation_id)
    if award.state in ENDED:
        raise RuleBroken(_("This award has ended, so there is no journey to claim for. The secretariat settles what "
                           "was paid."), code="claim.ended")
    stand = set(db.session.scalars(select(ClaimPaper.kind).where(ClaimPaper.claim_id == claim.id)))
    if "boarding_pass" not in stand | {kind for kind, _upload in papers}:
        raise RuleBroken(_("Add the boarding passes, or another proof of travel where there are none."),
                         code="claim.boarding_pass", field="boarding_out")
    if told is not None:
        _check_days(award, told)
    for kind, upload in papers:
        assert kind in PAPERS
        db.session.add(ClaimPaper(claim_id=claim.id, kind=kind, file_id=keep(upload, "claim-paper", actor).id,
                                  added_at=clock.now()))
    with db.session.no_autoflush:  # content, hand and state belong to one statement
        claim.days = told.as_json() if told is not None else None
        claim.words_sealed = vault.seal(claim.id, words or None)
        claim.return_words_sealed = None
        claim.submitted_by, claim.submitted_at = actor.person_id, clock.now()
        CLAIM.apply(claim, "submit", actor, organisation_id=award.organisation_id,
                    data={"as_planned": told is None, "papers": len(papers)})


@command
def give_back(claim_id: uuid.UUID, actor: Actor, expected_version: int, reason: str, text: str) -> None:
    """Return the claim for completion; the State reads `text`. Raises NotAllowed, Stale, IllegalMove."""
    claim, award, _rows = _lock(claim_id, expected_version)
    require(actor, CLAIM.move(claim.state, "give_back").permission)
    claim.return_words_sealed = vault.seal(claim.id, text)
    claim.reminded_at = claim.escalated_at = None
    claim.due_at = max(claim.due_at, end_of_day(
        clock.today() + timedelta(days=days("claim_days_after_travel", clock.today())), clock.today()))
    CLAIM.apply(claim, "give_back", actor, reason=reason)
    claim_mails.returned(award, claim)


def _decide(claim: Claim, award: Award, actor: Actor, action: str, attendance: str) -> None:
    """What every decision asks: authority, another person than who sent it or travelled."""
    require(actor, CLAIM.move(claim.state, action).permission)
    if actor.person_id in (claim.submitted_by, award.beneficiary_id):
        raise RuleBroken(_("Whoever sent a claim, or travelled, does not settle it. A colleague must."),
                         code="claim.same_person")
    if attendance not in ATTENDANCE:
        raise ValueError("unknown attendance")


def _set(claim: Claim, actor: Actor, attendance: str, entitled: int, ceiling: int, paid: int) -> None:
    claim.attendance, claim.entitled_minor, claim.ceiling_minor, claim.paid_minor = attendance, entitled, ceiling, paid
    claim.decided_by, claim.decided_at = actor.person_id, clock.now()


@command
def settle(
    claim_id: uuid.UUID, attendance: str, actor: Actor, expected_version: int, *, dsa_minor: int | None = None,
    words: str = "", seen_minor: int | None = None,
) -> None:
    """Settle the claim. As planned: the final share as it stands goes its chain. Otherwise it is reckoned by its days:
    the final share becomes the balance, or money is asked back.

    `dsa_minor` (US cents, with `words` why) only where no rate of the place is on record; `seen_minor` is what the
    officer saw is due by the days. Raises RuleBroken (same person, `claim.in_flight`, `claim.no_rate`,
    `claim.changed`), NotAllowed, Stale, IllegalMove.
    """
    claim, award, rows = _lock(claim_id, expected_version)
    _decide(claim, award, actor, "settle", attendance)
    if dsa_minor is not None and dsa_minor < 0:
        raise RuleBroken(_("Subsistence is zero or more."), code="claim.dsa", field="dsa")
    planned = claim.days is None
    found: Reckoned | None = None
    if planned:
        entitled = ceiling = ceiling_of(award.id)
    else:
        assert claim.days is not None
        found = reckon(award, Days.from_json(claim.days), dsa_minor)
        if found.missing is not None and (dsa_minor is None or not words.strip()):
            raise RuleBroken(_("No rate of daily subsistence is on record for %(place)s. Import it, or write the "
                               "amount and why.", place=found.missing.place or "?"), code="claim.no_rate", field="dsa")
        entitled, ceiling = found.entitled, found.ceiling
        if seen_minor not in (None, entitled):
            raise RuleBroken(_("Rates or the obligation have changed since this page was shown. Look at what is due "
                               "now, and settle again."), code="claim.changed")
    paid = claim_payments.paid_of(rows, as_planned=planned)
    _keep_lines(claim, found)
    with db.session.no_autoflush:  # figures, hand and state belong to one statement
        _set(claim, actor, attendance, entitled, ceiling, paid)
        CLAIM.apply(claim, "settle", actor, text=words.strip() or None,
                    data={"as_planned": planned, "entitled_minor": entitled, "paid_minor": paid,
                          "attendance": attendance})
    db.session.flush()  # the final share may be requested from now on
    claim_payments.carry_out(claim, award, rows, entitled - paid, as_planned=planned)


def _keep_lines(claim: Claim, found: Reckoned | None) -> None:
    for n, line in enumerate(found.lines if found else (), 1):
        db.session.add(ClaimLine(
            claim_id=claim.id, n=n, kind=line.kind, rule=line.rule, day=line.day, place=line.place,
            rate_minor=line.rate_minor, share_bp=line.share_bp, amount_minor=line.amount_minor,
            source=line.source[:200], source_from=line.source_from, given=list(line.given)))


@command
def no_show(claim_id: uuid.UUID, actor: Actor, expected_version: int, reason: str, text: str) -> None:
    """Nobody travelled: nothing is due, what has not left is cancelled, what was paid in subsistence and terminal
    expenses is asked back. Raises RuleBroken, NotAllowed, Stale, IllegalMove."""
    _close_unpaid(claim_id, actor, expected_version, "no_show", reason, text)


@command
def close_unclaimed(claim_id: uuid.UUID, actor: Actor, expected_version: int, reason: str, text: str) -> None:
    """No claim came in time: as `no_show`. Raises RuleBroken before its date (`claim.not_overdue`)."""
    if get(Claim, claim_id).due_at > clock.now():
        raise RuleBroken(_("The claim is not overdue yet."), code="claim.not_overdue")
    _close_unpaid(claim_id, actor, expected_version, "close_unclaimed", reason, text)


def _close_unpaid(
    claim_id: uuid.UUID, actor: Actor, expected_version: int, action: str, reason: str, text: str,
) -> None:
    claim, award, rows = _lock(claim_id, expected_version)
    _decide(claim, award, actor, action, "none")
    paid = claim_payments.paid_of(rows, as_planned=False)
    with db.session.no_autoflush:  # figures, hand and state belong to one statement
        _set(claim, actor, "none", 0, ceiling_of(award.id), paid)
        CLAIM.apply(claim, action, actor, reason=reason, text=text, data={"paid_minor": paid})
    db.session.flush()
    if action == "no_show":
        report_id = db.session.scalar(select(DelegateReport.id).where(DelegateReport.award_id == award.id))
        if report_id is not None and (report := lock(DelegateReport, report_id)).state == "awaited":
            REPORT.apply(report, "drop", CLERK)
    claim_payments.carry_out(claim, award, rows, -paid, as_planned=False, everything=True)


@command
def remind(claim_id: uuid.UUID, now: datetime) -> bool:
    """Remind the State once, shortly before the claim is due. False when it need not."""
    claim = lock(Claim, claim_id)
    ahead = timedelta(days=days("claim_remind_days_before", now.date()))
    if claim.state != "wanted" or claim.reminded_at is not None or claim.due_at > now + ahead:
        return False
    claim.reminded_at = now
    if claim.due_at > now:
        claim_mails.reminder(get(Award, claim.award_id), claim)
    return True


@command
def escalate(claim_id: uuid.UUID, now: datetime) -> bool:
    """The claim is overdue: State and officers are told, once. False when they need not."""
    claim = lock(Claim, claim_id)
    if claim.state != "wanted" or claim.escalated_at is not None or claim.due_at > now:
        return False
    claim.escalated_at = now
    claim_mails.overdue(get(Award, claim.award_id), claim)
    return True


assert set(DECIDED) == {"settled", "no_show", "unclaimed"}
