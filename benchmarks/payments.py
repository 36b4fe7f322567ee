"""10,000 payments of 2,500 awards, due at once: made ready by the schedule's own job and released by a signatory into
as many signed files as they need. Wall time, processor time of this process, and how much the process grew."""

from __future__ import annotations

import csv
import io
import resource
import sys
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import Flask

from benchmarks.databases import ENGINES, analyse, databases
from core import clock, jobs, vault, verify
from core.actor import person
from core.db import command, db, new_id
from sponsorship.applications.models import Nominee
from sponsorship.awards.approvals import Approval
from sponsorship.awards.models import Award
from sponsorship.disbursements import release_service
from sponsorship.disbursements.instruction import verify as verify_file
from sponsorship.disbursements.models import KINDS, Disbursement, Payee, PaymentInstruction
from sponsorship.ledger import service as ledger
from tests.support.award_story import AwardStory
from tests.support.people import Maker

AWARDS = 2_500
AMOUNT = 25_000  # US cents of each payment
LIMIT = 60.0  # seconds, docs/benchmarks.md


@dataclass(frozen=True)
class Result:
    """Seconds of the wall's clock and of the processor, by step; MB that the process grew; files and payments."""

    engine: str
    ready: tuple[float, float]
    release: tuple[float, float]
    grown: float
    files: int
    payments: int


def _insert(model: Any, rows: list[dict[str, Any]]) -> None:
    for start in range(0, len(rows), 1_000):
        db.session.execute(sa.insert(model), rows[start:start + 1_000])


def _signed(kind: str, subject: uuid.UUID, steps: dict[str, uuid.UUID]) -> list[dict[str, Any]]:
    return [{"id": new_id(), "subject_type": kind, "subject_id": subject, "round": 1, "step": f"{kind}.{step}",
             "person_id": who, "at": clock.now(), "recorded_at": clock.real_now()} for step, who in steps.items()]


def prepare(app: Flask, awards: int) -> AwardStory:
    """So many accepted awards with four approved payments each, whose dates have come; every row under the database's
    own rules, every promise reserved in the ledger."""
    story = AwardStory(Maker(app), states=1, money=awards * 4 * AMOUNT * 2)
    first = story.award(story.accepted())
    own = {column.key: getattr(first, column.key) for column in sa.inspect(Award).columns}
    ids = [new_id() for _ in range(awards)]
    people = {role: found.id for role, found in story.people.items()}
    _fill(story, own, ids, people)
    for award_id in ids:
        _reserve(story, award_id)
    _accept(ids)
    return story


@command
def _fill(story: AwardStory, own: dict[str, Any], ids: list[uuid.UUID], people: dict[str, uuid.UUID]) -> None:
    now, due = clock.now(), clock.now() - timedelta(hours=1)
    nominees, rows, payees, payments = [], [], [], []
    signatures: list[dict[str, Any]] = []
    for n, award_id in enumerate(ids):
        nominee, payee = new_id(), new_id()
        nominees.append({"id": nominee, "application_id": own["application_id"], "priority": n + 10, "version": 1})
        rows.append({**own, "id": award_id, "reference": f"AWD-BENCH-{n}", "nominee_id": nominee, "position": n + 10,
                     "state": "reserve", "reservation_id": None, "amount_minor": 4 * AMOUNT, "offered_at": None,
                     "offer_expires_at": None, "answered_at": None})
        signatures += _signed("award", award_id, {
            "decided": people["head_of_fund"], "certified": people["certifying_officer"],
            "approved": people["approving_officer"]})
        payees.append({
            "id": payee, "award_id": award_id, "organisation_id": own["organisation_id"], "state": "verified",
            "version": 3, "rail": "transfer", "currency": "USD", "data_version": 1, "entered_by": story.focal[0].id,
            "entered_at": now, "verified_by": people["payee_data_officer"], "verified_at": now, "name_check": "same",
            **{f"{name}_sealed": vault.seal(payee, value) for name, value in (
                ("holder", f"Bench Person {n}"), ("bank_name", "Bench Bank"), ("bank_country", "XX"),
                ("account", f"BENCH{n:08}"), ("bic", ""))}})
        for kind in KINDS:
            payment = new_id()
            payments.append({
                "id": payment, "reference": f"DSB-BENCH-{n}-{kind}", "award_id": award_id,
                "meeting_id": own["meeting_id"], "organisation_id": own["organisation_id"], "payee_id": payee,
                "kind": kind, "amount_minor": AMOUNT, "state": "draft", "round": 1, "version": 4, "request_by": due,
                "certify_by": due, "approve_by": due, "due_at": due, "confirm_by": due + timedelta(days=5),
                "payee_data_version": 1, "short_minor": 0, "created_at": now})
            signatures += _signed("disbursement", payment, {
                "requested": people["requesting_officer"], "certified": people["certifying_officer"],
                "approved": people["approving_officer"]})
    db.session.flush()
    for model, found in ((Nominee, nominees), (Award, rows), (Payee, payees), (Disbursement, payments),
                         (Approval, signatures)):
        _insert(model, found)


@command
def _reserve(story: AwardStory, award_id: uuid.UUID) -> None:
    reservation = ledger.reserve(("award", award_id), [story.pool_id], 4 * AMOUNT, key=f"award:{award_id}",
                                 actor=story.officer("certifying_officer"))
    db.session.execute(sa.update(Award).where(Award.id == award_id).values(reservation_id=reservation))


@command
def _accept(ids: list[uuid.UUID]) -> None:
    mine = Award.reservation_id.is_not(None) & (Award.reference.like("AWD-BENCH-%"))
    db.session.execute(sa.update(Award).where(mine).values(
        state="accepted", offered_at=clock.now(), offer_expires_at=clock.now() + timedelta(days=9),
        answered_at=clock.now()))
    db.session.execute(sa.update(Disbursement).where(Disbursement.reference.like("DSB-BENCH-%")).values(
        state="approved"))


def _taken(since: tuple[float, float]) -> tuple[float, float]:
    return time.perf_counter() - since[0], time.process_time() - since[1]


def measure(app: Flask, engine: str, awards: int = AWARDS) -> Result:
    with app.app_context():
        story = prepare(app, awards)
        signatory = person(story.people["bank_signatory"].id)
        db.session.remove()
        analyse()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        begun = time.perf_counter(), time.process_time()
        outcome = jobs.run("disbursements-ready")
        assert (outcome.done, outcome.failed) == (awards * 4, 0)
        ready = _taken(begun)
        begun = time.perf_counter(), time.process_time()
        versions = {row.id: row.version for row in db.session.execute(
            sa.select(Disbursement.id, Disbursement.version).where(Disbursement.state == "ready")
            .order_by(Disbursement.due_at, Disbursement.id))}
        db.session.rollback()
        made = list(release_service.release_all(versions, signatory))
        release = _taken(begun)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        payments = _prove(made, awards * 4)
        db.session.remove()
    return Result(engine, ready, release, grown, len(made), payments)


def _prove(made: list[uuid.UUID], expected: int) -> int:
    """Every payment stands in one file once, every file proves itself, `verify` finds nothing. AssertionError else."""
    seen: set[str] = set()
    for instruction in made:
        row = db.session.get_one(PaymentInstruction, instruction)
        content = release_service.content_of(row)
        assert verify_file(content, row.public_key)
        found = [line["reference"] for line in csv.DictReader(io.StringIO(content.decode()))
                 if line["record"] == "payment"]
        assert len(found) == row.lines and not seen & set(found)
        seen |= set(found)
        db.session.expunge_all()
    assert len(seen) == expected
    for name, check in verify.CHECKS.items():
        if name.startswith(("ledger.", "disbursements.money", "disbursements.hands", "disbursements.instructions")):
            _checked, faults = check()
            assert not faults, (name, faults[:3])
    return len(seen)


def table(rows: list[Result]) -> str:
    lines = ["| | ready, s | of the processor | released, s | of the processor | together, s | grown, MB | files |",
             "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    lines += [f"| {r.engine} | {r.ready[0]:.1f} | {r.ready[1]:.1f} | {r.release[0]:.1f} | {r.release[1]:.1f} | "
              f"{r.ready[0] + r.release[0]:.1f} | {r.grown:.0f} | {r.files} |" for r in rows]
    return "\n".join(lines)


def main(awards: int = AWARDS) -> list[Result]:
    rows = []
    for engine in ENGINES:
        with databases(engine) as made:
            rows.append(measure(made.app(), engine, awards))
            print(f"{datetime.now(UTC):%H:%M:%S} {engine}: done", file=sys.stderr)
    print(f"{awards * 4:,} payments due at once, made ready and released into signed files (limit {LIMIT:.0f} s)\n")
    print(table(rows))
    return rows


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else AWARDS)
