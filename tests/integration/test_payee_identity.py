"""Paid in cash without a bank account: the identity is given, verified by another, and stands on list and receipt."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from core import clock, vault
from core.db import command, db
from core.errors import NotAllowed, NotFound, RuleBroken, Stale
from core.outbox import OutboxMail
from sponsorship.disbursements import payee_service, rails, release_service, sanctions_service, service
from sponsorship.disbursements.cash_models import CASH
from sponsorship.disbursements.models import Disbursement, Payee, PaymentInstruction
from sponsorship.disbursements.payee_needs import Paper
from sponsorship.disbursements.payee_service import BankData
from sponsorship.disbursements.sanctions_models import SanctionsMatch
from sponsorship.disbursements.sanctions_reading import Listed
from tests.integration.test_paymaster import PDF, Desk
from tests.support.award_story import IBAN

PASSPORT = Paper("Given Family0", "passport", "ab 12")


@pytest.fixture
def desk(make):
    """In cash from the beginning: nobody has given anything."""
    made = Desk(make, bank=False)
    made.cash_serves()
    made.choose()
    return made


def payee_of(desk) -> Payee:
    return db.session.get_one(Payee, desk.payee, populate_existing=True)


def enter_bank(desk):
    payee_service.enter(desk.payee, BankData("Given Family0", "State Bank", "KE", IBAN, ""), desk.story.focal_point(),
                        desk.story.version(Payee, desk.payee), desk.story.proof())


def request(desk, payment):
    service.request(payment, desk.story.officer("requesting_officer"), desk.story.version(Disbursement, payment))


def test_paid_in_cash_with_an_identity_and_no_bank_account(desk, make):
    story, enter = desk.story, desk.story.focal_point()
    assert db.session.query(OutboxMail).filter(OutboxMail.subject.contains("Identity needed")).count() == 1
    with pytest.raises(RuleBroken, match="disbursement.payee"):
        request(desk, desk.advance)
    with pytest.raises(RuleBroken, match="payee.identity_first"):
        enter_bank(desk)
    version = story.version(Payee, desk.payee)
    for wrong in (Paper("=1+1", "passport", "AB12"), Paper("Given Family0", "library_card", "AB12"),
                  Paper("Given Family0", "passport", "A1"), Paper("Given Family0", "passport", "ABC12")):
        with pytest.raises(RuleBroken):
            payee_service.identify(desk.payee, wrong, enter, version, story.proof())
    with pytest.raises(RuleBroken, match="payee.copy"):
        payee_service.identify(desk.payee, PASSPORT, enter, version)
    with pytest.raises(NotFound):
        payee_service.identify(desk.payee, PASSPORT, story.focal_point(1), version, story.proof())
    payee_service.identify(desk.payee, PASSPORT, enter, version, story.proof())
    with pytest.raises(Stale):
        payee_service.identify(desk.payee, PASSPORT, enter, version)
    row = payee_of(desk)
    assert (row.state, row.account_sealed, row.screened_version) == ("entered", None, row.data_version)
    sealed = (row.paper_name_sealed, row.paper_kind_sealed, row.paper_ending_sealed)
    assert all(sealed) and not any(word in text for text in sealed for word in ("Given", "passport", "AB12"))
    with pytest.raises(NotAllowed):
        payee_service.verify(desk.payee, enter, row.version)
    payee_service.verify(desk.payee, desk.keeper, row.version)
    with pytest.raises(RuleBroken, match="disbursement.no_bank_data"):  # the ticket is a transfer all the same
        request(desk, desk.ticket)
    with clock.moved_to(desk.row.due_at + timedelta(hours=1)):
        desk.release()
        held = db.session.get_one(PaymentInstruction, desk.list)
        lines = release_service.content_of(held).decode().splitlines()
        assert lines[0].split(",")[4:7] == ["payee", "paper", "ends_in"]
        assert lines[1].split(",")[4:7] == ["Given Family0", "passport", "AB12"]
        assert {line.count(",") for line in lines[:3]} == {lines[0].count(",")}
        desk.hand_over()
        desk.agree(desk.hand_out())
    assert desk.row.state == "confirmed" and not story.verify()


def test_what_does_not_fit_needs_a_reason_and_the_list_of_persons_is_asked(desk, monkeypatch):
    story = desk.story
    story.sanctions_list(Listed("7", "QDi.007", None, ("Other Listed Name",), ()), replace=True)
    payee_service.identify(desk.payee, Paper("Other Listed Name", "passport", "AB12"), story.focal_point(),
                           story.version(Payee, desk.payee), story.proof())
    assert db.session.query(SanctionsMatch).filter_by(payee_id=desk.payee).one().likeness == "name_only"
    with pytest.raises(RuleBroken, match="payee.name_differs"):
        payee_service.verify(desk.payee, desk.keeper, story.version(Payee, desk.payee))
    payee_service.verify(desk.payee, desk.keeper, story.version(Payee, desk.payee), "changed_name", "Page 3.")
    request(desk, desk.advance)
    with pytest.raises(RuleBroken, match="disbursement.check_open"):
        service.certify(desk.advance, story.officer("certifying_officer"), desk.row.version)
    # another person's paper: the earlier giver is told, what was signed begins anew, nothing is paid for some days
    payee_service.identify(desk.payee, PASSPORT, story.focal_point(), story.version(Payee, desk.payee), story.proof())
    row = payee_of(desk)
    assert (desk.row.state, desk.row.round, row.state) == ("draft", 2, "entered") and row.frozen_until > clock.now()
    assert db.session.query(OutboxMail).filter_by(kind="payee-alarm").count() == 2
    sanctions_service.check_unblocked([desk.payee])
    passport = type("P", (), {"number": "X-99 9987"})
    monkeypatch.setattr(payee_service, "passport_of", lambda nominee: passport)
    with pytest.raises(RuleBroken, match="payee.passport_differs"):
        payee_service.verify(desk.payee, desk.keeper, row.version)
    payee_service.verify(desk.payee, desk.keeper, row.version, "new_paper", "Renewed in May.")
    assert (payee_of(desk).state, payee_of(desk).name_check) == ("verified", "same")


def test_another_rail_asks_for_what_is_missing(make):
    desk = Desk(make)  # bank data is verified
    story = desk.story
    desk.cash_serves()
    request(desk, desk.ticket)
    with pytest.raises(RuleBroken, match="payee.not_in_cash"):
        payee_service.identify(desk.payee, PASSPORT, story.focal_point(), story.version(Payee, desk.payee),
                               story.proof())
    rails.choose(desk.payee, CASH, desk.keeper, story.version(Payee, desk.payee))
    row = payee_of(desk)
    assert (row.state, row.verified_by, desk.row.rail) == ("wanted", None, CASH) and row.account_sealed
    with pytest.raises(RuleBroken, match="disbursement.payee"):
        service.certify(desk.ticket, story.officer("certifying_officer"), story.payment(desk.ticket).version)
    # back: what stands is enough, and is looked at again
    desk.choose("transfer")
    assert payee_of(desk).state == "entered"
    payee_service.verify(desk.payee, desk.keeper, story.version(Payee, desk.payee))
    rails.choose(desk.payee, CASH, desk.keeper, story.version(Payee, desk.payee))
    desk.identify()
    assert payee_of(desk).frozen_until is None, "nothing was changed: the identity was asked for"
    for payment in (desk.ticket, desk.advance):  # both stand now: one pays into the account, one in cash
        request(desk, payment)
    # whoever changes the account while another rail asks for more is no first giver
    rails.choose(desk.payee, "transfer", desk.keeper, story.version(Payee, desk.payee))
    assert payee_of(desk).state == "verified"
    enter_bank(desk)
    assert payee_of(desk).frozen_until is not None
    assert not story.verify()


def test_the_database_asks_what_the_rail_needs(desk):
    def put(table, **values):
        def write():
            db.session.execute(sa.update(table).values(**values).where(
                table.id == (desk.payee if table is Payee else desk.advance)))
        return command(write)

    by = desk.story.focal_point().person_id
    sealed = {name: vault.seal(desk.payee, "x") for name in ("holder_sealed", "bank_name_sealed", "account_sealed")}
    with pytest.raises(DBAPIError, match="entered_is_complete"):  # bank data is no identity
        put(Payee, state="entered", entered_by=by, **sealed)()
    desk.identify()
    with pytest.raises(DBAPIError, match="entered_is_complete"):  # nor an identity bank data
        put(Payee, rail="transfer")()
    with pytest.raises(DBAPIError, match="entered_is_complete"):
        put(Payee, paper_ending_sealed=None)()
    desk.story.sign_three(desk.advance)
    desk.choose("transfer")  # nothing verified: waits
    with pytest.raises(DBAPIError, match="disbursement_payee_has_given"):
        put(Disbursement, state="requested", payee_data_version=1)()
    db.session.rollback()


@pytest.mark.pages
def test_the_pages_of_an_identity(desk, as_person):
    story, url = desk.story, f"/payees/{desk.payee}"
    focal, keeper = as_person(story.focal[0]), as_person(story.people["payee_data_officer"])
    assert "Give the identity" in focal.get("/desk").text and "Identity awaited" in focal.get(url).text
    assert "Give the identity" in focal.get(f"/awards/{desk.award}").text
    page = focal.get(f"{url}/identity").text
    assert 'value="Given Family0"' in page and "IBAN" not in page
    body = {"version": story.version(Payee, desk.payee), "name": "Given Family0", "kind": "passport", "ending": "1"}
    assert "for example 4821" in focal.post(f"{url}/identity", data={
        **body, "copy": (io.BytesIO(PDF), "passport.pdf")}, check=False).text
    assert focal.post(f"{url}/identity", data={
        **body, "ending": "4821", "copy": (io.BytesIO(PDF), "passport.pdf")}).status_code == 303
    assert "Verify the identity against the passport" in keeper.get("/desk").text
    shown = keeper.get(url).text
    assert "Passport, number ends in 4821" in shown and "Verify against the passport" in shown
    with keeper.get(f"{url}/paper") as copy:
        assert copy.data == PDF
    assert keeper.submit(f"{url}/verify", {"version": story.version(Payee, desk.payee)}).status_code == 303
    assert "Add bank data for what is transferred" in focal.get(url).text
    officer = as_person(story.people["requesting_officer"])
    assert "bank data of the person who travels is given" in officer.get(f"/disbursements/{desk.ticket}").text
    assert "Request the payment" in officer.get(f"/disbursements/{desk.advance}").text
    other = as_person(story.focal[1])
    assert other.get(f"{url}/identity", check=False).status_code == 404
