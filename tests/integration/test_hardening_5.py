"""Attacks on the fund's money and on what is said of it: disputes, hostile names, bank lines, orders of steps."""

from __future__ import annotations

import csv
import io
import re
import uuid
from datetime import UTC, datetime, time, timedelta
from typing import Any

import openpyxl
import pytest
from sqlalchemy import text

from core import clock, events, files
from core.actor import PUBLIC
from core.db import db
from core.errors import RuleBroken
from core.money import Money, usd
from core.outbox import OutboxMail, send_mail
from sponsorship.awards import entitlement_service as entitlements
from sponsorship.awards.dsa_csv import read_rates
from sponsorship.awards.models import Award
from sponsorship.contributions import back_checks, pledge_changes, queries, service, transfers
from sponsorship.contributions.back_models import Receipt
from sponsorship.contributions.checks import books_know_every_contribution
from sponsorship.contributions.models import Pledge
from sponsorship.disbursements import answer_service, claim_queries, claim_recovery, claim_service
from sponsorship.disbursements.claim_models import Claim, Recovery
from sponsorship.disbursements.claim_reckoning import Days
from sponsorship.disbursements.models import Disbursement
from sponsorship.ledger import service as ledger
from sponsorship.ledger.models import HeldReceipt
from tests.support.award_story import AwardStory
from tests.support.going_back import Gifts, faults, only
from tests.support.rates import put_rates

DAY = timedelta(days=1)
HOSTILE = "Ada\u202e;=1+1\t@SUM(A1)\u200b \u2066Foundation\x1b"


@pytest.fixture
def pool(app: Any) -> uuid.UUID:
    return ledger.open_pool("general", "Unearmarked money")


@pytest.fixture
def gifts(make: Any, pool: uuid.UUID) -> Gifts:
    return Gifts(make)


# --- disputes ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("outcome", ["won", "lost"])
def test_disputed_until_it_is_decided(gifts: Gifts, as_person: Any, client: Any, outcome: str) -> None:
    """Nothing is called paid back before the donor's bank has decided, on nobody's page."""
    made = gifts.pledge(usd(1_000_00))
    row = gifts.accept(gifts.card(made, usd(1_000_00), 30_00))
    mine, manager = f"/donate/pledges/{made.id}/{made.token}/", as_person(gifts.make.person("fund_manager"))
    theirs, list_ = f"/contributions/{row.id}/", "/contributions/pledges/"
    name = gifts.dispute(row)
    due = f"{gifts.dispute_row(name).respond_by:%-d %B %Y}"
    db.session.rollback()
    assert (gifts.row(row.id).state, gifts.pledge_of(row).state) == ("disputed", "disputed")
    assert faults() == []
    for page in (client.get(mine).text, manager.get(theirs).text, manager.get(f"{list_}{made.id}/").text,
                 manager.get(f"/contributions/disputes/{gifts.dispute_row(name).id}/").text):
        assert "Disputed" in page and "USD 1,000.00" in page and "Paid back" not in page
        assert "Evidence is due by" in page and due in page and "bank decides" in page
    lines = list(csv.DictReader(io.StringIO(manager.get(f"{list_}?format=csv").text.removeprefix("\ufeff"))))
    assert (lines[0]["Paid back"], lines[0]["Disputed"], lines[0]["Status"]) == ("0.00", "1000.00", "Disputed")
    gifts.dispute(row, status="under_review", name=name)
    assert gifts.row(row.id).state == "disputed" and "Your bank decides" in client.get(mine).text
    back = {"reinstated_minor": 1_000_00, "fee_returned_minor": 0} if outcome == "won" else {}
    gifts.dispute(row, status=outcome, name=name, **back)
    gifts.dispute(row, status=outcome, name=name, **back)  # told twice
    assert faults() == []
    seen, page = client.get(mine).text, manager.get(theirs).text
    if outcome == "won":
        assert (gifts.row(row.id).state, gifts.pledge_of(row).state) == ("accepted", "paid")
        assert "was decided for the fund" in seen and "The disputed money came back to the fund" in page
        assert "Paid back" not in seen and "held by the bank" not in page
    else:
        assert (gifts.row(row.id).state, gifts.pledge_of(row).state) == ("refunded", "returned")
        assert "was decided for you" in seen and "Paid back: the dispute is decided for the donor" in page
        assert "Lost on" in page
    assert db.session.query(Receipt).filter_by(kind="credit_note").count() == (outcome == "lost")


def test_a_refund_and_a_dispute_of_the_rest(gifts: Gifts) -> None:
    """Parts by both ways: disputed while any part is undecided, also when a refund fails afterwards."""
    row = gifts.accepted()
    refund = gifts.refund(row, 400_00)
    name = gifts.dispute(row, 600_00)
    assert gifts.row(row.id).state == gifts.pledge_of(row).state == "disputed" and faults() == []
    gifts.news(refund, "failed", returned=400_00)
    assert (gifts.row(row.id).state, gifts.pledge_of(row).state) == ("accepted", "paid") and faults() == []
    page = queries.get_pledge(row.pledge_id)
    assert (page.disputed, page.returned) == (usd(600_00), usd(0))
    gifts.dispute(row, 600_00, status="lost", name=name)
    page = queries.get_pledge(row.pledge_id)
    assert (page.disputed, page.returned, page.code) == (usd(0), usd(600_00), "paid") and faults() == []


def test_a_dispute_of_money_that_waits_and_of_a_reduced_pledge(gifts: Gifts) -> None:
    held = gifts.held()
    name = gifts.dispute(held)
    assert gifts.row(held.id).state == "disputed" and faults() == []
    gifts.dispute(held, status="won", name=name, reinstated_minor=1_000_00)
    assert gifts.row(held.id).state == "in_suspense" and faults() == []
    made = gifts.pledge(usd(900_00))
    part = gifts.accept(gifts.card(made, usd(300_00), 10_00))
    name = gifts.dispute(part)
    pledge = only(Pledge, id=made.id)
    assert pledge.state == "partly_paid"
    pledge_changes.reduce(made.id, 300_00, gifts.manager, "They wrote.", pledge.version)
    assert only(Pledge, id=made.id).state == "disputed"
    gifts.dispute(part, status="lost", name=name)
    assert only(Pledge, id=made.id).state == "returned" and faults() == []


# --- names and references ---------------------------------------------------------------------------------------
@pytest.mark.pages
def test_hostile_names_in_files_pages_and_mails(gifts: Gifts, as_person: Any) -> None:
    made = service.make_pledge(service.PledgeDraft(
        uuid.uuid4().hex, 1_000_00, donor_name=HOSTILE, donor_email="ada@donor.example"), PUBLIC)
    manager = as_person(gifts.make.person("fund_manager"))
    raw = manager.get("/contributions/pledges/?format=csv").text
    book = openpyxl.load_workbook(io.BytesIO(manager.get("/contributions/pledges/?format=xlsx").data)).active
    name = "Ada;=1+1 @SUM(A1) Foundation"
    for mark in ",;\t":
        cells = [cell for line in csv.reader(io.StringIO(raw.removeprefix("\ufeff")), delimiter=mark) for cell in line]
        assert not [cell for cell in cells if cell.lstrip(' "').startswith(("=", "+", "@"))], mark
    assert "Ada;'=1+1 @SUM(A1) Foundation" in raw and "1000.00" in raw and '"1000.00"' not in raw
    cells = [cell for line in book.iter_rows() for cell in line]
    assert name in [cell.value for cell in cells] and {cell.data_type for cell in cells} <= {"s", "n", "d"}
    page = manager.get(f"/contributions/pledges/{made.id}/").text
    assert name in page
    send_mail("a@b.example", kind="test", subject=f"To {HOSTILE}", body=f"{HOSTILE}\n\u2068x\u2069 \x07")
    mails = [*db.session.query(OutboxMail)]
    hidden = "\u202e\u200b\u2066\x1b\x07"
    assert not [m for m in mails for ch in hidden if ch in m.subject + m.body] and "\u2068x\u2069" in mails[-1].body
    db.session.rollback()
    assert not [ch for ch in hidden if ch in page + raw]


def test_references_hold_no_signs_that_nobody_sees(gifts: Gifts) -> None:
    """Two references that look the same are the same; a line of a statement too."""
    state = gifts.make.state("XC")
    for sign in "\u202e\u2069\u200b\x1b":
        terms = service.AgreementTerms(state, f"NV/{sign}17", clock.today() - timedelta(days=9), 1300, None)
        with pytest.raises(RuleBroken, match="agreement.unseen"):
            service.record_agreement(terms, gifts.manager)
        db.session.rollback()
    made = gifts.pledge(usd(1_000_00))
    for reference in ("BANK\u202e 1", "\u200b", "B\x1bX", "x" * 81, " "):
        with pytest.raises(RuleBroken):
            gifts.deposit(made, usd(1_000_00), reference=reference)
        db.session.rollback()


# --- what is shown before it is recorded, and what verify reads -------------------------------------------------
def test_the_check_of_a_deposit_says_where_it_goes(gifts: Gifts, pool: uuid.UUID) -> None:
    """An agreement with a donor that is no State accepts nothing by itself; the page says so beforehand."""
    donor = gifts.make.donor()
    agreement = service.record_agreement(service.AgreementTerms(
        donor, "AG/1", clock.today() - timedelta(days=40), 1300, None, pool), gifts.manager)
    actor = gifts.make.actor("donor", organisation=donor)
    made = service.make_pledge(service.PledgeDraft(uuid.uuid4().hex, 500_00, organisation_id=donor), actor)
    pledge = only(Pledge, id=made.id)
    assert pledge.agreement_id is None
    pledge_changes.agree(pledge.id, agreement, gifts.manager, pledge.version)
    line = gifts.line(usd(500_00))
    assert transfers.understood(only(Pledge, id=made.id), line).into_pool_id is None
    db.session.rollback()
    row = gifts.row(transfers.record_deposit(made.id, line, gifts.officer))
    assert row.state == "in_suspense" and faults() == []


@pytest.mark.pages
def test_a_deposit_is_recorded_as_its_page_said(gifts: Gifts, as_person: Any) -> None:
    """A rate is imported in another tab between the page that shows what a deposit means and the click."""
    put_rates({"EUR": "0.92"}, clock.today() - timedelta(days=3))
    made = gifts.pledge(Money(1_000_00, "EUR"))
    officer = as_person(gifts.make.person("requesting_officer"))
    url = f"/contributions/pledges/{made.id}/deposit"
    line = {"bank_reference": "S 1", "value_date": clock.today().isoformat(), "currency": "EUR", "paid": "1000",
            "credited": "1080", "fee": "", "settles": ""}
    seen = re.search(r'name="seen" value="([^"]+)"', officer.submit(url, line | {"action": "check"}).text)[1]
    put_rates({"EUR": "0.95"}, clock.today())
    confirm = line | {"action": "confirm", "compared": "y"}
    answer = officer.submit(url, confirm | {"seen": seen})
    assert answer.status_code == 422 and "have changed since this page was shown" in answer.text
    again = re.search(r'name="seen" value="([^"]+)"', answer.text)[1]
    assert again != seen and officer.submit(url, confirm | {"seen": again}).status_code == 303
    assert faults() == []


def test_verify_reads_the_database_and_not_what_it_read_before(gifts: Gifts) -> None:
    row = gifts.held()
    known = db.session.query(HeldReceipt).filter_by(source_id=row.id).one()
    assert known.gross_minor == 1_000_00 and back_checks.states_follow_what_is_gone()[1] == []
    for trigger in db.session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = "
                                           "'held_receipt'")).all() if _is_sqlite() else ():
        db.session.execute(text(f"DROP TRIGGER {trigger}"))
    if not _is_sqlite():
        db.session.execute(text("ALTER TABLE held_receipt DISABLE TRIGGER USER"))
    db.session.execute(text("UPDATE held_receipt SET gross_minor = gross_minor + 7"))
    assert any("do not agree" in fault for fault in books_know_every_contribution()[1])
    db.session.rollback()


def _is_sqlite() -> bool:
    return db.session.connection().dialect.name == "sqlite"


# --- after the journey ------------------------------------------------------------------------------------------
@pytest.fixture
def journey(make: Any) -> Any:
    """A paid journey by a rate of 401.00 a day, whose claim says fewer days and waits: (story, award, claim)."""
    story = AwardStory(make)
    award = story.decide()[0]
    _rates(story, "401.00", "2020-01-01")
    entitlements.use(award, story.officer("fund_manager"), story.version(Award, award))
    story.offer(award)
    story.accept(award)
    row = story.award(award)
    with clock.moved_to(datetime.combine(row.travel_from, time(20), UTC)):
        story.paid(award, "ticket", "dsa_advance", "terminal")
    with clock.moved_to(datetime.combine(row.travel_to + 2 * DAY, time(12), UTC)):
        told = Days(row.travel_from + 3 * DAY, row.travel_to - 2 * DAY, legs=frozenset({"home_out", "arrival"}))
        claim = story.claim(award, told, settle=False)
        yield story, award, claim


def _rates(story: Any, rate: str, valid: str) -> None:
    content = f"place,country,valid_from,rate_usd\nNew York,US,{valid},{rate}\n".encode()
    entitlements.import_rates(read_rates(content), files.lay_down(content, "c.csv", "text/csv"), "Circular",
                              story.officer("fund_manager"))


def refused(code: str, act: Any) -> None:
    with pytest.raises(RuleBroken) as caught:
        act()
    db.session.rollback()
    assert caught.value.code == code, caught.value.code


def test_a_claim_is_settled_at_what_its_page_said(journey: Any) -> None:
    """A circular is imported while an officer looks at the page; and subsistence is never below zero."""
    story, award, claim = journey
    officer, version = story.officer("requesting_officer"), story.version(Claim, claim)
    page = claim_queries.claim_page(claim, officer)
    seen = page.reckoned.entitled
    _rates(story, "300.00", (story.award(award).travel_from - DAY).isoformat())

    def settle(**values: Any) -> None:
        claim_service.settle(claim, "part", officer, version, **values)

    refused("claim.changed", lambda: settle(seen_minor=seen))
    refused("claim.dsa", lambda: settle(dsa_minor=-1_00, words="By hand."))
    settle(seen_minor=claim_queries.claim_page(claim, officer).reckoned.entitled)
    assert story.verify() == []


def test_a_line_of_the_statement_counts_once_whatever_it_is_recorded_as(journey: Any) -> None:
    story, award, claim = journey
    gifts = Gifts(story.make)
    claim_service.settle(claim, "part", story.officer("requesting_officer"), story.version(Claim, claim))
    recovery = db.session.query(Recovery).filter_by(award_id=award).one().id
    officer = story.officer("requesting_officer")
    made = gifts.pledge(usd(1_000_00))
    gifts.deposit(made, usd(1_000_00), reference="Stmt 7/1")

    def record(reference: str, minor: int = 100_00, day: Any = None) -> None:
        claim_recovery.record(recovery, minor, reference, day or clock.today(), officer,
                              story.version(Recovery, recovery))

    refused("bank.reference_used", lambda: record(" stmt  7/1"))  # a deposit already
    for reference in ("", " ", "S\u202e8", "S\x1b"):
        refused("bank.no_reference", lambda: record(reference))  # noqa: B023  (called at once)
    refused("bank.too_old", lambda: record("S 9", day=clock.today() - timedelta(days=400)))
    for minor in (0, -100_00, 10**15):
        refused("recovery.too_much", lambda: record("S 9", minor))  # noqa: B023
    record("s 9")
    refused("recovery.reference", lambda: record("S  9"))
    other = gifts.pledge(usd(500_00))
    refused("bank.reference_used", lambda: gifts.deposit(other, usd(500_00), reference="S 9"))
    # a payment that came back is a line of the statement too
    ticket = story.payments(award)["ticket"]

    def back(reference: str, **figures: Any) -> None:
        answer_service.came_back(ticket, "returned", reference, officer, story.version(Disbursement, ticket),
                                 figures=answer_service.BankFigures(**figures))

    refused("bank.reference_used", lambda: back("STMT 7/1"))
    refused("bank.no_reference", lambda: back("R\u200b1"))
    refused("answer.fee", lambda: back("R1", fee_minor=10**15))
    back("r 1")
    refused("bank.reference_used", lambda: gifts.deposit(other, usd(500_00), reference="R 1"))
    assert story.verify() == [] and faults() == []


def test_figures_of_the_bank_that_cannot_be(make: Any) -> None:
    """Zeros too many, negative, a part larger than the whole: refused in words, nothing is written."""
    story = AwardStory(make)
    award = story.accepted()
    ticket = story.payments(award)["ticket"]
    with clock.moved_to(story.payment(ticket).due_at + timedelta(hours=1)):
        story.give_bank_data(award)
        story.ready(ticket)
        story.release(ticket)
        officer = story.officer("requesting_officer")
        for code, figures in (
            ("answer.fee", {"fee_minor": 10**15}), ("answer.fee", {"fee_minor": 1_000_01}),
            ("answer.fee", {"fee_minor": -1}), ("answer.part", {"paid_minor": 0}), ("answer.part", {"paid_minor": -5}),
            ("answer.part", {"paid_minor": 10**15}), ("answer.booked", {"booked_minor": 10**15}),
            ("answer.fee", {"fee_minor": 100_000, "fee_bearer": "payee", "paid_minor": 100}),
            ("answer.fee", {"fee_bearer": "nobody"}),
        ):
            refused(code, lambda: answer_service.confirm(  # noqa: B023  (called at once)
                ticket, "OK 1", officer, story.version(Disbursement, ticket),
                figures=answer_service.BankFigures(**figures)))  # noqa: B023
        answer_service.confirm(ticket, "OK 1", officer, story.version(Disbursement, ticket))
        assert story.verify() == []


def test_a_part_that_came_back_and_was_paid_after_all_is_planned_once(make: Any) -> None:
    """The bank pays a part, then says that it came back, then that it did not: the rest is one payment, not two."""
    story = AwardStory(make)
    award = story.accepted()
    ticket, officer = story.payments(award)["ticket"], story.officer("requesting_officer")

    def version() -> int:
        return story.version(Disbursement, ticket)

    with clock.moved_to(story.payment(ticket).due_at + timedelta(hours=1)):
        story.give_bank_data(award)
        story.ready(ticket)
        story.release(ticket)
        part = answer_service.BankFigures(paid_minor=70_000)
        answer_service.confirm(ticket, "A1", officer, version(), figures=part)
        answer_service.came_back(ticket, "returned", "A2", officer, version())
        answer_service.contradict(ticket, 1, "paid_after_all", "A3", officer, version())
        answer_service.confirm(ticket, "A4", officer, version(), figures=part)
        db.session.expire_all()
        rests = db.session.query(Disbursement).filter_by(follows_id=ticket).order_by(Disbursement.id).all()
        assert [(rest.state, rest.amount_minor) for rest in rests] == [("cancelled", 30_000), ("draft", 30_000)]
        assert story.verify() == []


def test_whoever_looks_at_the_checks_stays_signed_in_however_long_the_record(make: Any, as_person: Any) -> None:
    """Reading the sealed record lets go of what was loaded, and of the reader too."""
    AwardStory(make).decide()
    assert events.seal() > 0
    db.session.commit()
    assert "ledger.balances" in as_person(make.person("auditor")).get("/audit/verify").text


def test_what_a_dispute_holds_has_a_figure_of_its_own(gifts: Gifts, pool: uuid.UUID, client: Any) -> None:
    """On the fund's page and in the donor's account it is not called paid back before the bank has decided."""
    from sponsorship.transparency.statement_tables import account_rows
    from sponsorship.transparency.statements import statement

    made, donor = gifts.state_pledge(usd(1_000_00), pool)
    row = gifts.card(made, usd(1_000_00), 30_00, actor=donor)
    state = db.session.get_one(Pledge, row.pledge_id).organisation_id
    note, today = "Held in dispute", clock.today()
    assert note not in " ".join(re.sub("<[^>]+>", "", client.get("/fund/").text).split())
    name = gifts.dispute(row)
    for status, refunded, held in (("under_review", 0, True), ("lost", 1, False)):
        gifts.dispute(row, status=status, name=name)
        total = statement(state, None, today).total
        rows = {key: amount for key, _sign, _words, amount in account_rows(statement(state, None, today))}
        assert bool(total.refunded) == bool(refunded) and bool(total.disputed) == held
        assert ("disputed" in rows) == held and ("refunded" in rows) == bool(refunded)
        assert total.received + total.exchange - total.refunded - total.disputed - total.fees - total.losses \
            - total.spent_direct - total.spent_support == total.closing
        shown = " ".join(re.sub("<[^>]+>", "", client.get("/fund/").text).split())
        assert (note in shown) == held and (f"{total.disputed.minor / 100:,.2f}" in shown) >= held
        assert faults() == []
