"""Lists of awards, applications, payments, payees, letters and jobs: as many queries for a thousand rows as for ten,
and the first page without sorting the whole table."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from accounts.models import Organisation
from core import clock, jobs
from core.db import command, db, new_id
from core.files import StoredFile
from sponsorship.applications.models import Application, Nominee
from sponsorship.awards.models import Award
from sponsorship.disbursements.models import Disbursement, Payee
from sponsorship.letters.models import StateLetter
from tests.support.award_story import AwardStory

FEW, MANY = 10, 1_000


def copies(model: Any, key: Any, count: int, change: Any) -> None:
    """`count` rows like one that is there, with what `change(n)` says."""
    table = model.__table__
    row = db.session.execute(sa.select(table).where(table.c.id == key)).one()._mapping
    like = {column.name: row[column] for column in table.columns}
    db.session.execute(sa.insert(table), [like | {"id": new_id(), **change(n)} for n in range(count)])


class Crowd:
    """A State's application with as many nominees as are wanted, each with an award, a payment, a payee, a letter."""

    def __init__(self, make: Any) -> None:
        self.story = AwardStory(make, states=1)
        awards = self.story.decide()
        self.story.offer(awards[0])
        self.story.accept(awards[0])
        self.award, self.application, self.nominee = awards[0], self.story.applications[0], self.story.nominees[0]
        self.payment = self.story.payments(self.award)["ticket"]
        self.payee = db.session.query(Payee.id).filter_by(award_id=self.award).scalar()
        self.size = 1
        self.signer = self.story.officer("head_of_fund").person_id

    @command
    def grow(self, to: int) -> None:
        """Up to so many of each."""
        first, count = self.size + 1, to - self.size
        self.size = to
        nominees, awards = ([new_id() for _ in range(count)] for _ in range(2))
        states = [new_id() for _ in range(count)]
        organisation = db.session.get(Application, self.application).organisation_id
        copies(Organisation, organisation, count, lambda n: {
            "id": states[n], "code": f"Q{first + n}", "iso2": None})
        applications = [new_id() for _ in range(count)]
        copies(Application, self.application, count, lambda n: {
            "id": applications[n], "reference": f"APP-X-{first + n}", "organisation_id": states[n]})
        copies(Nominee, self.nominee, count, lambda n: {
            "id": nominees[n], "application_id": applications[n], "priority": 1})
        copies(Award, self.award, count, lambda n: {
            "id": awards[n], "reference": f"AWD-X-{first + n}", "nominee_id": nominees[n], "position": first + n,
            "application_id": applications[n], "organisation_id": states[n], "state": "reserve", "on_reserve": True,
            "reservation_id": None, "offered_at": None, "offer_expires_at": None, "answered_at": None})
        copies(Disbursement, self.payment, count, lambda n: {"award_id": awards[n], "reference": f"DSB-X-{first + n}"})
        copies(Payee, self.payee, count, lambda n: {"award_id": awards[n]})
        files = [new_id() for _ in range(count)]
        db.session.execute(sa.insert(StoredFile.__table__), [
            {"id": key, "purpose": "x", "name": "x.pdf", "media_type": "application/pdf", "size": 1, "sha256": "0" * 64,
             "uploaded_at": clock.real_now()} for key in files])
        db.session.execute(sa.insert(StateLetter.__table__), [
            {"id": new_id(), "reference": f"LTR-X-{first + n}", "batch_id": uuid.uuid4(), "kind": "reserve",
             "call_id": self.story.call_id, "application_id": applications[n], "award_id": None,
             "organisation_id": states[n], "subject_id": applications[n], "occasion": "once", "reason": None,
             "replaces_id": None, "language": "en", "file_id": files[n], "sha256": "0" * 64,
             "signed_by": self.signer, "office": "head_of_fund", "signed_at": clock.now()} for n in range(count)])
        now = clock.real_now()
        db.session.execute(sa.insert(jobs.JobRun.__table__), [
            {"id": new_id(), "name": "outbox", "started_at": now - timedelta(seconds=n), "ended_at": now,
             "business_at": now, "done": 1, "failed": 0} for n in range(count)])


@pytest.fixture
def asked(app: Any) -> Iterator[list[tuple[str, Any]]]:
    """Every statement sent while the test runs, with its parameters."""
    seen: list[tuple[str, Any]] = []

    def note(_c: Any, _cur: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.startswith("SELECT"):
            seen.append((statement, parameters))

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(sa.Engine, "before_cursor_execute", note)


def plan_of(statement: str, parameters: Any) -> str:
    """How the database would go about it, if it could avoid sorting."""
    connection = db.session.connection()
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        return "\n".join(str(row[3]) for row in rows)
    connection.exec_driver_sql("SET LOCAL enable_sort = off")
    connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    return "\n".join(str(row[0]) for row in connection.exec_driver_sql(f"EXPLAIN {statement}", parameters))


def sorts_all(plan: str) -> bool:
    return "USE TEMP B-TREE FOR ORDER BY" in plan or re.search(r"^\s*(->\s*)?Sort\s+\(", plan, re.MULTILINE) is not None


def test_as_many_queries_for_a_thousand_as_for_ten_and_no_sorting(make: Any, as_person: Any,
                                                                  asked: list[tuple[str, Any]]) -> None:
    crowd = Crowd(make)
    readers = {role: as_person(crowd.story.people[role]) for role in ("auditor", "head_of_fund", "payee_data_officer",
                                                                        "requesting_officer")}
    lists = [
        ("auditor", "/awards/", "award"), ("auditor", "/awards/?format=csv", None),
        ("auditor", "/disbursements/", "disbursement"), ("auditor", "/disbursements/?format=csv", None),
        ("auditor", f"/sponsorship/calls/{crowd.story.call_id}/applications", None),
        ("auditor", f"/sponsorship/calls/{crowd.story.call_id}/applications?format=csv", None),
        ("auditor", "/letters/", "state_letter"), ("auditor", "/letters/?format=csv", None),
        ("auditor", "/operations/schedule", "job_run"), ("auditor", "/operations/tomorrow", None),
        ("payee_data_officer", "/desk", None), ("requesting_officer", "/desk", None), ("head_of_fund", "/desk", None),
    ]
    counts: dict[str, list[int]] = {}
    firsts: list[tuple[str, str, Any]] = []
    for size in (FEW, MANY):
        crowd.grow(size)
        for role, address, table in lists:
            asked.clear()
            answer = readers[role].get(address, check=False)
            assert answer.status_code == 200, address
            if "csv" in address:
                assert answer.text.count("\n") >= size, address
            counts.setdefault(f"{role} {address}", []).append(len(asked))
            if table and size == MANY:
                pages = [one for one in asked if f"FROM {table}" in one[0] and "ORDER BY" in one[0]
                         and "LIMIT" in one[0] and "GROUP BY" not in one[0]]
                assert pages, f"{address}: no page of {table}"
                firsts.append((address, *pages[-1]))
    assert {where: found for where, found in counts.items() if found[0] != found[1]} == {}
    for address, statement, parameters in firsts:
        plan = plan_of(statement, parameters)
        assert not sorts_all(plan), f"{address}:\n{plan}"
