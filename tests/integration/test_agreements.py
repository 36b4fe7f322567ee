"""Agreements: on record with their clause and purpose, their money, their papers, and what follows when they end."""

from __future__ import annotations

import io
import uuid
from datetime import timedelta
from typing import Any

import pytest
from flask import current_app

from core import clock, files, jobs
from core.db import db
from core.errors import NotAllowed, NotFound, RuleBroken
from core.outbox import OutboxMail
from sponsorship.contributions import service
from sponsorship.contributions.agreement_ends import desk_items
from sponsorship.contributions.agreement_files import add_file, withdraw_file
from sponsorship.contributions.agreement_queries import money_of
from sponsorship.contributions.back_models import DonorFile
from sponsorship.contributions.models import Agreement, Contribution, Pledge
from sponsorship.ledger import service as ledger
from sponsorship.ledger.models import Pool
from tests.integration.test_contributions_database import refused, update
from tests.support.giving import Fund, error_of, fresh, in_days, words_of

PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


@pytest.fixture
def fund(make: Any) -> Fund:
    return Fund(make)


@pytest.fixture
def manager(fund: Fund, as_person: Any) -> Any:
    return as_person(fund.people["fund_manager"])


def form(fund: Fund, **changes: Any) -> dict[str, Any]:
    return {"organisation": str(fund.state), "reference": "NV/2026/17", "exchange_of_letters": in_days(-30).isoformat(),
            "support_rate": "7.5", "end_date": in_days(300).isoformat(), "purpose": "general",
            "refund_clause": "reprogramme", **changes}


def paper(name: str = "letter.pdf", content: bytes = PDF) -> Any:
    return (io.BytesIO(content), name)


# --- on record --------------------------------------------------------------------------------------------------
def test_what_will_stand_is_shown_before_it_does(fund: Fund, manager: Any) -> None:
    fund.make.state("XA", facts=("ldc",))
    data = form(fund, purpose="own", facts="ldc", sex="female")
    check = manager.submit("/contributions/agreements/new", data)
    assert check.status_code == 200 and db.session.query(Agreement).count() == 0
    for words in ("NV/2026/17", "7.50 %", "may serve another purpose if the donor agrees",
                  "For delegates from least developed countries, who are women"):
        assert words in words_of(check.text)
    assert 'name="facts" value="ldc"' in check.text
    back = manager.submit("/contributions/agreements/new", data | {"step": "change"})
    assert back.status_code == 200 and 'value="NV/2026/17"' in back.text
    made = manager.submit("/contributions/agreements/new", data | {"step": "confirm"})
    assert made.status_code == 303
    row = db.session.query(Agreement).one()
    assert (row.refund_clause, row.support_rate_bp) == ("reprogramme", 750)
    assert fresh(Pool, row.pool_id).earmark == {"facts": ["ldc"], "sex": ["female"]}
    answer = manager.get(made.location).text
    assert "NV/2026/17" in answer and "may serve another purpose" in answer and "who are women" in words_of(answer)
    twice = manager.submit("/contributions/agreements/new", data | {"step": "confirm"})
    assert twice.status_code == 422 and "already recorded" in error_of(twice.text, "reference")


def test_a_purpose_that_is_open_already(fund: Fund, manager: Any) -> None:
    manager.submit("/contributions/agreements/new", form(fund, purpose=str(fund.women), step="confirm"))
    assert db.session.query(Agreement).one().pool_id == fund.women


def test_a_clause_nobody_knows(fund: Fund) -> None:
    with pytest.raises(RuleBroken, match="clause"):
        fund.agreement(refund_clause="keep")


def test_an_agreement_is_never_edited(fund: Fund) -> None:
    made = fund.agreement()
    for values in ({"support_rate_bp": 0}, {"refund_clause": "none"}, {"end_date": in_days(9)}):
        assert refused(update(Agreement, made, **values))
    assert fresh(Agreement, made).support_rate_bp == 1300


# --- its money --------------------------------------------------------------------------------------------------
def test_its_money_to_the_cent(fund: Fund, manager: Any) -> None:
    made = fund.agreement(pool_id=fund.general, end_date=in_days(20))
    other = fund.pledge(700_00, organisation=fund.make.donor())
    fund.pay(other, 700_00)
    pledge = fund.pledge(1_000_00, 10, 15)
    fund.pay(pledge, 600_00)
    ledger.reserve(("test", uuid.uuid4()), [fund.general], 100_00, key="r", actor=fund.manager)
    db.session.commit()
    money = money_of([made])[made]
    assert [m.minor for m in (money.received, money.spent, money.charged, money.reserved, money.free)] == [
        600_00, 0, 0, 113_00, 487_00]
    page = words_of(manager.get(f"/contributions/agreements/{made}/").text)
    for words in ("USD 400.00", "USD 600.00", "USD 113.00", fresh(Pledge, pledge).reference):
        assert words in page
    assert fresh(Pledge, other).reference not in page


# --- its end ----------------------------------------------------------------------------------------------------
def run(days: int) -> list[OutboxMail]:
    known = {row.id for row in db.session.query(OutboxMail)}
    db.session.rollback()
    instant = clock.now() + timedelta(days=days)
    with clock.moved_to(instant):
        assert jobs.run("agreements-ending", instant).failed == 0
    return [row for row in db.session.query(OutboxMail) if row.id not in known]


def test_sixty_and_seven_days_before_the_end(fund: Fund) -> None:
    fund.agreement(pool_id=fund.general, reference="NV/7", end_date=in_days(100), refund_clause="return")
    fund.pay(fund.pledge(1_000_00), 1_000_00)
    sent = {n: mails for n in range(120) if (mails := run(n))}
    assert list(sent) == [40, 93]
    (mail,) = sent[40]
    assert mail.to_address == fund.people["fund_manager"].email
    for words in ("NV/7", "State XC", "Unspent today: USD 1,000.00", "goes back to the donor"):
        assert words in mail.body
    assert "NV/7" in mail.subject


def test_a_missed_notice_is_one_letter(fund: Fund) -> None:
    fund.agreement(end_date=in_days(100))
    assert [n for n in range(96, 110) if run(n)] == [96]


def test_an_agreement_without_an_end_says_nothing(fund: Fund) -> None:
    fund.agreement(end_date=None)
    assert not any(run(n) for n in (0, 60, 400))


def test_the_desk_until_nothing_is_unspent(fund: Fund) -> None:
    made = fund.agreement(pool_id=fund.general, reference="NV/7", end_date=in_days(61), refund_clause="return")
    pledge = fund.pledge(1_000_00)
    fund.pay(pledge, 1_000_00)

    def desk(days: int) -> Any:
        with clock.moved_to(clock.now() + timedelta(days=days)), current_app.test_request_context():
            return desk_items(fund.manager)

    assert desk(0) == []
    (item,) = desk(1)
    assert item.url == f"/contributions/agreements/{made}/" and "USD 1,000.00" in item.title
    assert item.tone == "waiting" and desk(200)[0].tone == "attention"
    from sponsorship.contributions.back_models import Refund
    from sponsorship.contributions.refunds import BankRefund

    row = db.session.query(Contribution).filter_by(pledge_id=pledge).one()
    refund = service.request_refund(row.id, 1_000_00, fund.manager, "agreement_ended", "They asked.", row.version)
    service.approve_refund(refund, fund.head, fresh(Refund, refund).version)
    done = BankRefund("OUT/1", clock.today(), 1_000_00)
    service.record_bank_refund(refund, done, fund.officer, fresh(Refund, refund).version)
    assert desk(200) == []


def test_money_accepted_after_the_agreement_ended_can_be_spent(fund: Fund, as_person: Any) -> None:
    fund.agreement(pool_id=fund.general, reference="NV/7", end_date=in_days(20))
    pledge = fund.pledge(1_000_00)
    with clock.moved_to(clock.now() + timedelta(days=30)):
        key = fund.pay(pledge, 1_000_00)
        assert fresh(Contribution, key).state == "in_suspense"
        page = as_person(fund.people["head_of_fund"]).get(f"/contributions/{key}/").text
        assert "NV/7 ended on" in page
        service.accept(key, fund.head, "The donor agrees by its note of today.")
        ledger.reserve(("test", uuid.uuid4()), [fund.general], 800_00, key="r", actor=fund.manager)


# --- its papers -------------------------------------------------------------------------------------------------
def test_papers_are_added_seen_by_the_donor_and_taken_back(fund: Fund, manager: Any, as_person: Any) -> None:
    made = fund.agreement()
    url = f"/contributions/agreements/{made}/files"
    answer = manager.submit(url, {"kind": "letter", "title": "Note verbale of 3 March", "file": paper("nv.pdf")},
                            content_type="multipart/form-data")
    assert answer.status_code == 303
    row = db.session.query(DonorFile).one()
    donor = as_person(fund.donor_person)
    for path in ("/donor/", f"/donor/agreements/{made}/"):
        assert "Note verbale of 3 March" in donor.get(path).text
    served = donor.get(f"/donor/files/{row.id}")
    assert served.data == PDF and "attachment" in served.headers["Content-Disposition"]
    assert "no-store" in served.headers["Cache-Control"]
    assert manager.get(f"/contributions/files/{row.id}").data == PDF
    auditor = as_person(fund.make.person("auditor"))
    assert "Add the paper" not in auditor.get(f"/contributions/agreements/{made}/").text
    assert auditor.submit(f"/contributions/files/{row.id}/withdraw").status_code == 403
    assert manager.submit(f"/contributions/files/{row.id}/withdraw").status_code == 303
    assert manager.submit(f"/contributions/files/{row.id}/withdraw").status_code == 404
    assert donor.get(f"/donor/files/{row.id}").status_code == 404
    assert "Note verbale of 3 March" not in donor.get("/donor/").text
    assert "Paper taken back" in manager.get(f"/contributions/agreements/{made}/").text


@pytest.mark.parametrize(("change", "field", "words"), [
    ({"kind": ""}, "kind", "what kind of paper"), ({"kind": "novel"}, "kind", "Choose one of the answers offered"),
    ({"title": " "}, "title", "Write a title"), ({"title": "x" * 201}, "title", "at most 200"),
    ({"file": (io.BytesIO(b""), "")}, "file", "Choose a PDF"),
    ({"file": (io.BytesIO(b""), "a.pdf")}, "file", "empty"),
    ({"file": (io.BytesIO(PDF), "a.exe")}, "file", "PDF"),
    ({"file": (io.BytesIO(b"MZ not a paper"), "a.pdf")}, "file", "not what its name says"),
])
def test_papers_that_cannot_be(fund: Fund, manager: Any, change: dict[str, Any], field: str, words: str) -> None:
    made = fund.agreement()
    data = {"kind": "letter", "title": "A letter", "file": paper()} | change
    answer = manager.submit(f"/contributions/agreements/{made}/files", data, content_type="multipart/form-data")
    assert answer.status_code == 422 and words in error_of(answer.text, field)
    assert db.session.query(DonorFile).count() == 0


def test_a_donor_reads_only_its_own(fund: Fund, make: Any, as_person: Any) -> None:
    other_state = make.state("XB")
    mine, theirs = fund.agreement(), fund.agreement(other_state)
    from werkzeug.datastructures import FileStorage

    ids = {}
    for agreement in (mine, theirs):
        upload = files.check_upload(FileStorage(io.BytesIO(PDF), "a.pdf"), field="file", kinds=("pdf",))
        ids[agreement] = add_file(agreement, "letter", "A letter", upload, fund.manager)
    donor = as_person(fund.donor_person)
    assert donor.get(f"/donor/agreements/{mine}/").status_code == 200
    for path in (f"/donor/agreements/{theirs}/", f"/donor/files/{ids[theirs]}", f"/donor/files/{uuid.uuid4()}",
                 f"/donor/agreements/{uuid.uuid4()}/"):
        assert donor.get(path).status_code == 404
    for path in (f"/contributions/agreements/{mine}/", f"/contributions/files/{ids[mine]}"):
        assert donor.get(path).status_code == 403
    visitor = donor.application.test_client()
    assert visitor.get(f"/donor/files/{ids[mine]}").status_code in (302, 303)


def test_only_the_fund_manager_keeps_papers(fund: Fund) -> None:
    from werkzeug.datastructures import FileStorage

    made = fund.agreement()
    upload = files.check_upload(FileStorage(io.BytesIO(PDF), "a.pdf"), field="file", kinds=("pdf",))
    for actor in (fund.head, fund.officer, fund.donor):
        with pytest.raises(NotAllowed):
            add_file(made, "letter", "A letter", upload, actor)
    with pytest.raises(NotFound):
        add_file(uuid.uuid4(), "letter", "A letter", upload, fund.manager)
    kept = add_file(made, "letter", "A letter", upload, fund.manager)
    with pytest.raises(NotAllowed):
        withdraw_file(kept, fund.head)
    assert refused(update(DonorFile, kept, title="Another"))
    assert fresh(DonorFile, kept).title == "A letter"


def test_ten_agreements_cost_what_one_costs(fund: Fund, manager: Any, make: Any, queries: list[str]) -> None:
    def cost(path: str) -> int:
        manager.get(path)
        del queries[:]
        manager.get(path)
        return len(queries)

    fund.agreement(end_date=in_days(30))
    one = cost("/contributions/agreements/"), cost("/desk")
    for n in range(10):
        fund.agreement(make.state(("XA", "XB", "XD")[n % 3]), end_date=in_days(30 + n))
    assert (cost("/contributions/agreements/"), cost("/desk")) == one
