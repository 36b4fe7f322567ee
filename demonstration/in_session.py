"""A meeting that is going on, where payments and claims stand as on a hard day: a delegate whose name is like one on
the Consolidated List, a payment that needs two approving officers, cash with the paymaster, a payment of which nobody
knows whether it was made, a file that is held and one that was withdrawn, a claim awaited and one to be settled."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date, datetime, timedelta

from sqlalchemy import select

from core import clock, jobs
from core.db import db
from demonstration import applying, in_cash, paying, returning
from demonstration.applying import Sheet, noon
from demonstration.stage import Stage, version_of
from sponsorship.disbursements import answer_service, loss_service, release_service, rules
from sponsorship.disbursements import service as disbursements
from sponsorship.disbursements.claim_reckoning import Days
from sponsorship.disbursements.loss_models import PaymentLoss
from sponsorship.disbursements.models import Disbursement

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# the subsistence of this meeting, of which the advance is what the rule below asks two approving officers for
DSA_MINOR, RULE_FROM_MINOR = 250_000, 1_900_00


def _workday(day: date, step: int) -> date:
    """That day, or the next working day in the direction of `step`."""
    while day.weekday() >= 5:
        day += timedelta(days=step)
    return day


def _sheets(opens_on: date, today: date) -> tuple[Sheet, ...]:
    """Two delegates of the first days are home again, one arrives, the others leave soon."""
    first = (opens_on - DAY, opens_on + 3 * DAY)
    later = (today + 2 * DAY, today + 8 * DAY)
    return (
        Sheet("XA", (("Amina", "Demo-Alpha", "female"),), travel=(today - DAY, today + 5 * DAY)),
        Sheet("XB", (("Bianca", "Demo-Bravo", "female"),), no_mission=True, travel=later),
        Sheet("XC", (("Listed", "Demo-Person", "male"),), travel=later),  # as the demonstration's list has it
        Sheet("XD", (("Danica", "Demo-Delta", "female"),), travel=later),
        Sheet("XE", (("Esther", "Demo-Echo", "female"),), travel=later),
        Sheet("XF", (("Filipo", "Demo-Foxtrot", "male"),), no_mission=True, travel=later),
        Sheet("XG", (("Gloria", "Demo-Golf", "female"),), travel=first),
        Sheet("XH", (("Halima", "Demo-Hotel", "female"),), travel=first),
    )


class _Payments:
    """The payments of the meeting, by State and kind, and what officers do with one."""

    def __init__(self, stage: Stage, meeting_id: uuid.UUID) -> None:
        self._stage = stage
        codes = {place: code for code, place in stage.places.items()}
        self._ids = {(codes[place], kind): key for key, place, kind in db.session.execute(
            select(Disbursement.id, Disbursement.organisation_id, Disbursement.kind)
            .where(Disbursement.meeting_id == meeting_id))}
        db.session.rollback()

    def dates(self, code: str, kind: str) -> tuple[datetime, datetime, datetime, datetime]:
        """By when it is requested, certified and approved, and when it falls due."""
        row = db.session.get_one(Disbursement, self._ids[code, kind], populate_existing=True)
        found = row.request_by, row.certify_by, row.approve_by, row.due_at
        db.session.rollback()
        return found

    def do(self, code: str, kind: str, at: datetime, act: Callable[..., object], who: str, *given: object) -> object:
        """One command about a payment, whose arguments end with the actor and the version."""
        key = self._ids[code, kind]
        version = version_of(Disbursement, key)
        with clock.moved_to(at):
            return act(key, *given, self._stage.actor(who), version)

    def approved(self, code: str, *kinds: str, by: datetime | None = None) -> None:
        """Requested, certified and approved each by its date, or all of it `by` a moment."""
        for kind in kinds:
            request_by, certify_by, approve_by, _due = self.dates(code, kind)
            self.do(code, kind, by or request_by - HOUR, disbursements.request, "requesting")
            self.do(code, kind, by or certify_by - HOUR, disbursements.certify, "certifying")
            self.do(code, kind, by or approve_by - HOUR, disbursements.approve, "approving")

    def released(self, code: str, *kinds: str, at: datetime | None = None) -> tuple[uuid.UUID, datetime]:
        """What was approved is released in a file of its own, when it falls due; the file, and the moment."""
        at = at or self.dates(code, kinds[0])[3] + HOUR
        with clock.moved_to(at):
            jobs.run("disbursements-ready", at)
            keys = [self._ids[code, kind] for kind in kinds]
            return release_service.release({key: version_of(Disbursement, key) for key in keys},
                                           self._stage.actor("signatory")), at

    def sent(self, code: str, *kinds: str) -> datetime:
        """The whole way to the bank, or to the paymaster; when it had the file."""
        self.approved(code, *kinds)
        made, at = self.released(code, *kinds)
        with clock.moved_to(at + HOUR):
            release_service.hand_over(made, self._stage.actor("signatory"))
        return at + HOUR

    def paid(self, code: str, *kinds: str) -> None:
        """The bank has paid them."""
        at = self.sent(code, *kinds)
        for kind in kinds:
            self.do(code, kind, at + HOUR, answer_service.confirm, "requesting", f"DEMOBANK-D-{code}-{kind}")


def play(stage: Stage, today: date) -> None:
    """All of it, from the call to today."""
    opens_on = _workday(today - 9 * DAY, -1)
    at = noon(opens_on - 110 * DAY)
    meeting = applying.make_meeting(
        stage, at, "Demo Conference D", "Demonstration Review Conference D (going on)", "demo-conference-d", opens_on,
        904, _workday(today + 8 * DAY, 1))
    opens, closes = at + 10 * DAY, at + 40 * DAY
    call = applying.make_call(stage, meeting, opens, closes, (closes + 20 * DAY).date(), dsa_minor=DSA_MINOR)
    paying.run_jobs(opens)
    sheets = _sheets(opens_on, today)
    sent = [applying.apply(stage, call, sheet, opens + 5 * DAY + n * HOUR) for n, sheet in enumerate(sheets)]
    paying.run_jobs(closes + 3 * DAY)
    for application in sent:
        applying.find_eligible(stage, application, closes + 4 * DAY)
    applying.rank_recommend_decide(stage, call, closes + 5 * DAY, recommended=len(sheets))
    paying.oblige(stage, meeting, closes + 11 * DAY)
    paying.answer(stage, meeting, closes + 13 * DAY)
    paying.bank_data(stage, meeting, closes + 16 * DAY)
    payments = _Payments(stage, meeting)
    _over(stage, payments, meeting, noon(today - DAY))
    _on_the_way(stage, payments, meeting, noon(today - DAY))
    _two_approve(stage, payments, noon(today - 5 * DAY))
    _paid_before(stage, payments, noon(today - DAY))


def _over(stage: Stage, payments: _Payments, meeting: uuid.UUID, at: datetime) -> None:
    """Two are home again: one claim is awaited, the other, of somebody who left a day early, is to be settled."""
    for code in ("XG", "XH"):
        payments.paid(code, "ticket")
        payments.paid(code, "dsa_advance", "terminal")
    paying.run_jobs(at)
    returning.send_claim(stage, meeting, "XH", at + HOUR, lambda first, last: Days(first, last - DAY))


def _on_the_way(stage: Stage, payments: _Payments, meeting: uuid.UUID, at: datetime) -> None:
    """Cash is with the paymaster, a transfer is in doubt, a name is like one on the list."""
    in_cash.arrange(stage, meeting, at - 45 * DAY, "XA")
    for code in ("XA", "XB", "XD"):
        payments.paid(code, "ticket")
    payments.sent("XA", "dsa_advance", "terminal")
    sent = payments.sent("XB", "dsa_advance", "terminal")
    payments.do("XB", "terminal", sent + HOUR, answer_service.confirm, "requesting", "DEMOBANK-D-XB-terminal")
    payments.do("XB", "dsa_advance", at + 8 * HOUR, lambda key, actor, version: answer_service.doubt(
        key, "no_answer", actor, version, "Demonstration: the bank's channel was closed; it has not answered."),
        "requesting")
    for kind in ("ticket", "dsa_advance", "terminal"):  # certified by nobody while the match is open
        payments.do("XC", kind, payments.dates("XC", kind)[0] - HOUR, disbursements.request, "requesting")


def _two_approve(stage: Stage, payments: _Payments, at: datetime) -> None:
    """A rule asks two approving officers for an advance; the first has signed."""
    with clock.moved_to(at):
        rule = rules.propose(stage.actor("fund-manager"), kind="dsa_advance", pool_id=None,
                             from_minor=RULE_FROM_MINOR, valid_from=clock.today())
        rules.decide(stage.actor("head"), rule, 1, agree=True)
    payments.approved("XD", "terminal")
    payments.do("XD", "dsa_advance", at + HOUR, disbursements.request, "requesting")
    payments.do("XD", "dsa_advance", at + 3 * HOUR, disbursements.certify, "certifying")
    payments.do("XD", "dsa_advance", at + 24 * HOUR, disbursements.approve, "approving-2")


def _paid_before(stage: Stage, payments: _Payments, at: datetime) -> None:
    """Two tickets failed and were released again; then the bank admits that the first transfers were made after all.
    One file is held while another officer looks; the other was withdrawn, and the ticket stands as paid."""
    for code in ("XE", "XF"):
        payments.approved(code, "dsa_advance", "terminal")
        back = payments.sent(code, "ticket") + 2 * DAY
        payments.do(code, "ticket", back, answer_service.fail, "requesting", "account_unknown", f"DEMOBANK-D-{code}-F")
        payments.do(code, "ticket", back + HOUR, answer_service.plan_again, "requesting")
        payments.approved(code, "ticket", by=back + 2 * DAY)
        payments.released(code, "ticket", at=at - DAY)
        said = payments.do(code, "ticket", at, loss_service.ask, "requesting", 1, f"DEMOBANK-D-{code}-1",
                           "Demonstration: the bank writes that the first transfer was made after all.")
        if code == "XF":
            assert isinstance(said, uuid.UUID)
            with clock.moved_to(at + 3 * HOUR):
                loss_service.agree(said, stage.actor("head"), version_of(PaymentLoss, said))
            payments.do(code, "ticket", at + 4 * HOUR, answer_service.confirm, "requesting", f"DEMOBANK-D-{code}-1")
    jobs.run("disbursements-ready", at)
