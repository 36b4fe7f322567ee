"""Pages of checks, transfers, refunds, disputes, papers and settings: flows, four eyes, wrong input, who sees what."""

from __future__ import annotations

import io
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest

from core import clock
from core.db import db
from core.money import Money, usd
from core.outbox import OutboxMail
from sponsorship.contributions import back_desk, fund_settings, refunds, shortfalls, transfers
from sponsorship.contributions.back_models import DonorCheck, Receipt, Refund
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.contributions.payments import start_payment
from sponsorship.contributions.problem_words import PROBLEMS, problem_of
from sponsorship.contributions.queries import get_pledge
from sponsorship.contributions.shortfall_models import Cover
from sponsorship.contributions.transfer_way import transfer_way
from sponsorship.contributions.ways import Payer
from sponsorship.gateways import inbox
from sponsorship.ledger import service as ledger
from sponsorship.ledger.queries import pool_figures
from tests.integration.test_contributions_going_back import figures, promise, spare
from tests.integration.test_contributions_pages import error_of, main_of
from tests.integration.test_contributions_payments import FakeGateway, RuleBroken
from tests.integration.test_contributions_payments import gateway as gateway
from tests.support.going_back import Gifts, faults, only, rates

pytestmark = pytest.mark.pages

PDF = (b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
       b"trailer<</Root 1 0 R>>\n%%EOF\n")
TODAY = clock.today()


@pytest.fixture
def pool(app: Any) -> uuid.UUID:
    return ledger.open_pool("general", "Unearmarked money")


@pytest.fixture
def gifts(make: Any, pool: uuid.UUID) -> Gifts:
    return Gifts(make)


@pytest.fixture
def officer(make: Any, as_person: Any) -> Any:
    """A client of somebody with this role."""
    return lambda *roles: as_person(make.person(*roles))


@pytest.fixture(autouse=True)
def everything_agrees(app: Any) -> Any:
    yield
    assert faults() == []


def link(made: Any, rest: str = "") -> str:
    return f"/donate/pledges/{made.id}/{made.token}/{rest}"


def announce(gifts: Gifts, amount: Money = usd(1_000_00)) -> tuple[Any, Contribution]:
    from core.actor import PUBLIC

    made = gifts.pledge(amount)
    return made, gifts.row(transfers.declare(made.id, PUBLIC, made.token, amount.minor, TODAY))


# --- due diligence ----------------------------------------------------------------------------------------------
def test_a_donor_is_checked_on_one_page_and_accepted_on_another(gifts: Gifts, officer: Any) -> None:
    row = gifts.held()
    manager, head = officer("fund_manager"), officer("head_of_fund")
    page = manager.get(f"/contributions/{row.id}/").text
    assert "Record the check of the donor" in page and "Accept the contribution" not in page
    assert "The donor has not been checked yet" in page
    assert "Accept the contribution" not in head.get(f"/contributions/{row.id}/").text
    answer = manager.post(f"/contributions/{row.id}/check", data={
        "outcome": "clear", "consulted": "The Consolidated List of today.",
        "file": (io.BytesIO(PDF), "list.pdf")}, content_type="multipart/form-data")
    assert answer.status_code == 303, answer.text
    check = only(DonorCheck)
    assert (check.outcome, check.valid_until) == ("clear", TODAY + timedelta(days=365))
    page = head.get(f"/contributions/{row.id}/").text
    for words in ("Holds until", "The Consolidated List of today.", "Accept the contribution", "Paper kept with"):
        assert words in page
    kept = head.get(f"/contributions/{row.id}/checks/{check.id}/file", check=False)
    assert kept.status_code == 200 and kept.data == PDF
    assert head.get(f"/contributions/{row.id}/checks/{uuid.uuid4()}/file", check=False).status_code == 404
    answer = head.submit(f"/contributions/{row.id}/accept", {"checked": "A good purpose.", "version": str(row.version)})
    assert answer.status_code == 303
    assert gifts.row(row.id).state == "accepted"


BAD_CHECKS: list[tuple[dict[str, Any], str, str]] = [
    ({"outcome": ""}, "outcome", "Choose a result"),
    ({"outcome": "fine"}, "outcome", "one of the answers offered"),
    ({"consulted": " "}, "consulted", "Write which lists"),
    ({"consulted": "x" * 2001}, "consulted", "under 2,000"),
]


@pytest.mark.parametrize(("change", "field", "words"), BAD_CHECKS)
def test_bad_checks(gifts: Gifts, officer: Any, change: dict[str, Any], field: str, words: str) -> None:
    row = gifts.held()
    answer = officer("fund_manager").submit(f"/contributions/{row.id}/check",
                                            {"outcome": "clear", "consulted": "A list."} | change)
    assert answer.status_code == 422
    assert words in error_of(answer.text, field)
    assert "A list." in answer.text or field == "consulted"
    assert db.session.query(DonorCheck).count() == 0


def test_a_wrong_file_is_named_and_a_good_one_is_kept_while_the_rest_is_wrong(gifts: Gifts, officer: Any) -> None:
    row, manager = gifts.held(), officer("fund_manager")
    url = f"/contributions/{row.id}/check"
    answer = manager.post(url, data={"outcome": "clear", "consulted": "A list.",
                                     "file": (io.BytesIO(b"no pdf"), "list.pdf")}, content_type="multipart/form-data")
    assert answer.status_code == 422
    assert "not what its name says" in error_of(answer.text, "file")
    answer = manager.post(url, data={"outcome": "clear", "consulted": "", "file": (io.BytesIO(PDF), "list.pdf")},
                          content_type="multipart/form-data")
    assert answer.status_code == 422
    token = re.search(r'name="kept_file"[^>]*value="([^"]+)"', answer.text)
    assert token and "Kept from before: list.pdf" in answer.text
    answer = manager.submit(url, {"outcome": "clear", "consulted": "A list.", "kept_file": token[1]})
    assert answer.status_code == 303
    assert only(DonorCheck).file_id is not None


def test_not_clear_leaves_only_one_way(gifts: Gifts, officer: Any, pool: uuid.UUID) -> None:
    spare(pool, 30_00)
    row = gifts.held()
    gifts.check(row, "not_clear")
    head = officer("head_of_fund")
    page = head.get(f"/contributions/{row.id}/").text
    assert "Accept the contribution" not in page and "The donor was not found clear" in page
    answer = head.submit(f"/contributions/{row.id}/accept", {"checked": "Still.", "version": str(row.version)})
    assert answer.status_code == 422 and "not clear" in error_of(answer.text, "checked")
    assert db.session.query(OutboxMail).filter_by(kind="contribution.not-clear").count() == 2
    gifts.check(row)  # checked anew
    assert "Accept the contribution" in head.get(f"/contributions/{row.id}/").text
    with clock.moved_to(clock.now() + timedelta(days=400)):
        page = head.get(f"/contributions/{row.id}/").text
        assert "no longer holds" in page and "Accept the contribution" not in page


def test_states_are_not_checked(gifts: Gifts, officer: Any, pool: uuid.UUID) -> None:
    made, _donor = gifts.state_pledge(usd(1_000_00), pool)
    row = gifts.deposit(made, usd(1_000_01))
    assert officer("fund_manager").get(f"/contributions/{row.id}/check").status_code == 404
    head = officer("head_of_fund")
    assert "Check of the donor" not in head.get(f"/contributions/{row.id}/").text
    answer = head.submit(f"/contributions/{row.id}/accept", {"checked": "More than pledged.",
                                                             "version": str(row.version)})
    assert answer.status_code == 303


def test_whoever_checked_reads_that_somebody_else_accepts(gifts: Gifts, make: Any, as_person: Any) -> None:
    both = as_person(make.person("fund_manager", "head_of_fund"))
    row = gifts.held()
    both.submit(f"/contributions/{row.id}/check", {"outcome": "clear", "consulted": "A list."})
    assert "You checked this donor yourself" in both.get(f"/contributions/{row.id}/").text
    answer = both.submit(f"/contributions/{row.id}/accept", {"checked": "Good.", "version": str(row.version)})
    assert answer.status_code == 422 and "You checked this donor yourself" in error_of(answer.text, "checked")


# --- transfers: donors ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("account", [True, False])
def test_a_donor_reads_where_it_goes_announces_and_takes_back(
    gifts: Gifts, make: Any, as_person: Any, client: Any, pool: uuid.UUID, account: bool
) -> None:
    if account:
        state = make.state("XC")
        made, _donor = gifts.state_pledge(usd(1_000_00), pool)
        visitor, url = as_person(make.person("donor", organisation=state)), f"/donor/pledges/{made.id}/transfer"
    else:
        made = gifts.pledge(usd(1_000_00))
        visitor, url = client, link(made, "transfer")
    page = visitor.get(url).text
    assert "The fund’s office writes to you with its bank details" in page and made.reference in page
    gifts.bank_details("IBAN XX00\nBIC DEMO")
    assert "IBAN XX00\nBIC DEMO" in visitor.get(url).text
    for data, field, words in (
        ({"amount": "", "sent_on": ""}, "amount", "Write the amount"),
        ({"amount": "1.000,00", "sent_on": "2026-01-01"}, "amount", "in figures"),
        ({"amount": "-3", "sent_on": "2026-01-01"}, "amount", "without a sign"),
        ({"amount": "1.001", "sent_on": "2026-01-01"}, "amount", "no smaller part"),
        ({"amount": "1,000.01", "sent_on": TODAY.isoformat()}, "amount", "up to USD 1,000.00"),
        ({"amount": "1", "sent_on": "30 February 2026"}, "sent_on", "a date that exists"),
        ({"amount": "1", "sent_on": (TODAY + timedelta(days=3)).isoformat()}, "sent_on", "not after today"),
    ):
        answer = visitor.submit(url, data)
        assert answer.status_code == 422
        assert words in error_of(answer.text, field), (data, error_of(answer.text, field))
        assert not data["amount"] or f'value="{data["amount"]}"' in answer.text
    for _ in range(2):  # a double click
        answer = visitor.submit(url, {"amount": "1,000", "sent_on": TODAY.isoformat()})
        assert answer.status_code == 303 and answer.location == url
    row = only(Contribution)
    page = visitor.get(url).text
    assert "You have announced a transfer of USD 1,000.00" in page and "Have you sent it?" not in page
    stale = visitor.submit(f"{url}/{row.id}/take-back", {"version": "1"})
    assert stale.status_code == 409
    assert visitor.submit(f"{url}/{row.id}/take-back", {"version": ""}).status_code == 422
    assert visitor.submit(f"{url}/{uuid.uuid4()}/take-back", {"version": "2"}).status_code == 404
    assert visitor.submit(f"{url}/{row.id}/take-back", {"version": str(row.version)}).status_code == 303
    assert "Have you sent it?" in visitor.get(url).text


def test_transfers_are_nobody_elses(gifts: Gifts, make: Any, as_person: Any, client: Any, pool: uuid.UUID) -> None:
    made, row = announce(gifts)
    other = gifts.pledge(usd(500_00))
    state_made, _donor = gifts.state_pledge(usd(1_000_00), pool)
    stranger = as_person(make.person("donor", organisation=make.state("XB")))
    for who, url in ((client, f"/donate/pledges/{made.id}/{other.token}/transfer"), (client, link(other, "transfer")),
                     (stranger, f"/donor/pledges/{made.id}/transfer"),
                     (stranger, f"/donor/pledges/{state_made.id}/transfer")):
        if url != link(other, "transfer"):
            assert who.get(url).status_code == 404
            assert who.submit(url, {"amount": "1", "sent_on": TODAY.isoformat()}).status_code == 404
        assert who.submit(f"{url}/{row.id}/take-back", {"version": str(row.version)}).status_code == 404
    assert gifts.row(row.id).state == "declared"


def test_the_way_to_pay_is_first_where_a_card_cannot(gifts: Gifts, app: Any) -> None:
    small, large = gifts.pledge(usd(1_000_00)), gifts.pledge(usd(2_000_000_00))
    with app.test_request_context():
        def ways(made: Any) -> Any:
            return transfer_way(get_pledge(made.id), Payer(made.id, made.token))[0]

        assert (ways(small).primary, ways(large).primary) == (False, True)
        assert "writes to you" in str(ways(small).text)
        assert ways(small).url == link(small, "transfer")
        gifts.bank_details("IBAN", cards=False)
        assert ways(small).primary and "bank details" in str(ways(small).text)


# --- transfers: officers ----------------------------------------------------------------------------------------
def line(**changes: str) -> dict[str, str]:
    return {"bank_reference": "STMT 1", "value_date": TODAY.isoformat(), "currency": "USD", "paid": "1,000",
            "credited": "990", "fee": "10", "settles": ""} | changes


def as_seen(client: Any, url: str, data: dict[str, str]) -> dict[str, str]:
    """What is sent from the page that says what the deposit means, once it is looked at."""
    shown = client.submit(url, data | {"action": "check"})
    seen = re.search(r'name="seen" value="([^"]+)"', shown.text)[1]
    return data | {"action": "confirm", "compared": "y", "seen": seen}


def test_a_transfer_is_confirmed_after_everything_was_shown(gifts: Gifts, officer: Any) -> None:
    made, row = announce(gifts)
    requesting, url = officer("requesting_officer"), f"/contributions/{row.id}/confirm"
    assert row.reference in requesting.get("/contributions/transfers/").text
    assert "Confirm it from the bank" in requesting.get(f"/contributions/{row.id}/").text
    assert 'value="1000.00"' in requesting.get(url).text
    data = line() | {"version": str(row.version)}
    shown = requesting.submit(url, data | {"action": "check"})
    assert shown.status_code == 200
    for words in ("Nothing has been recorded yet", "STMT 1", "990.00", "10.00", "Into suspense", "1,000.00"):
        assert words in shown.text
    assert gifts.row(row.id).state == "declared"
    change = requesting.submit(url, data | {"action": "change"})
    assert change.status_code == 200 and 'value="990"' in change.text
    done = as_seen(requesting, url, data)
    unticked = requesting.submit(url, {name: text for name, text in done.items() if name != "compared"})
    assert unticked.status_code == 422 and "Compare it with" in error_of(unticked.text, "compared")
    assert requesting.submit(url, done).status_code == 303
    assert requesting.submit(url, done).status_code == 409  # a double click: somebody has changed this
    assert gifts.row(row.id).state == "in_suspense"
    assert only(Pledge, id=made.id).paid_minor == 1_000_00


@pytest.mark.parametrize("seen", [{}, {"seen": ""}])
def test_nothing_is_recorded_that_nobody_has_looked_at(gifts: Gifts, officer: Any, seen: dict[str, str]) -> None:
    _made, row = announce(gifts)
    requesting, url = officer("requesting_officer"), f"/contributions/{row.id}/confirm"
    data = line() | {"version": str(row.version), "action": "confirm", "compared": "y"}
    answer = requesting.submit(url, data | seen)
    assert answer.status_code == 422 and "Look at it first" in error_of(answer.text, "compared")
    assert "Into suspense" in answer.text and "checked" not in answer.text.split('name="compared"')[1][:80]
    assert gifts.row(row.id).state == "declared"
    shown = re.search(r'name="seen" value="([^"]+)"', answer.text)[1]
    assert requesting.submit(url, data | {"seen": shown}).status_code == 303


BAD_LINES: list[tuple[dict[str, str], str, str]] = [
    ({"bank_reference": ""}, "bank_reference", "Write the bank"),
    ({"bank_reference": "x" * 81}, "bank_reference", "at most 80"),
    ({"bank_reference": "used"}, "bank_reference", "recorded already"),
    ({"value_date": ""}, "value_date", "Write the value date"),
    ({"value_date": (TODAY + timedelta(days=1)).isoformat()}, "value_date", "has not come yet"),
    ({"value_date": "1926-01-01"}, "value_date", "more than a year ago"),
    ({"value_date": "31 June 2026"}, "value_date", "a date that exists"),
    ({"currency": "XXX"}, "currency", "Choose one of the answers offered"),
    ({"paid": "-1"}, "paid", "without a sign"),
    ({"paid": "0"}, "paid", "above zero"),
    ({"paid": "1000.001"}, "paid", "no smaller part"),
    ({"paid": "9" * 30}, "paid", "larger than can be recorded"),
    ({"paid": "1e3"}, "paid", "in figures"),
    ({"credited": "989.99"}, "credited", "agree to the cent"),
    ({"credited": ""}, "credited", "that reached the account"),
    ({"fee": "2000", "paid": "2,990"}, "fee", "more than USD 1,000.00"),
    ({"currency": "EUR"}, "paid", ""),
    ({"currency": "EUR", "paid": "910", "settles": "100"}, "settles", "By the rates of that day"),
    ({"currency": "JPY", "paid": "150000.5"}, "paid", "no smaller part"),
]


@pytest.mark.parametrize(("change", "field", "words"), BAD_LINES)
def test_bad_lines_lose_nothing(
    gifts: Gifts, officer: Any, change: dict[str, str], field: str, words: str
) -> None:
    rates()
    gifts.deposit(gifts.pledge(usd(10_00)), usd(10_00), reference="USED")
    _made, row = announce(gifts)
    if field == "paid" and not words:
        change, words = change | {"credited": "100", "fee": ""}, "was worth"
    data = line(**change)
    answer = officer("requesting_officer").submit(
        f"/contributions/{row.id}/confirm", data | {"version": str(row.version), "action": "confirm", "compared": "y"})
    assert answer.status_code == 422
    assert words in error_of(answer.text, field), error_of(answer.text, field)
    for name in ("bank_reference", "paid", "credited", "fee"):
        assert not data[name] or f'value="{data[name]}"' in answer.text, name
    assert gifts.row(row.id).state == "declared"


def test_a_missing_rate_is_said_and_nothing_is_lost(gifts: Gifts, officer: Any) -> None:
    rates(TODAY - timedelta(days=1))
    _made, row = announce(gifts, Money(920_00, "EUR"))
    url = f"/contributions/{row.id}/confirm"
    data = line(currency="EUR", paid="920.00", credited="1,000", fee="",
                value_date=(TODAY - timedelta(days=9)).isoformat()) | {"version": str(row.version)}
    answer = officer("requesting_officer").submit(url, data | {"action": "check"})
    assert answer.status_code == 422
    for words in ("There is no exchange rate of EUR", "A rate of exchange is missing", 'value="920.00"',
                  "The fund manager imports rates"):
        assert words in answer.text
    both = officer("requesting_officer", "fund_manager")
    assert "/rates/import" in both.submit(url, data | {"action": "check"}).text
    rates(TODAY - timedelta(days=10))
    shown = both.submit(url, data | {"action": "check"}).text
    assert "0.92" in shown and "made for tests" not in shown.lower() and "1,000.00" in shown


def test_a_deposit_that_nobody_announced(gifts: Gifts, officer: Any, pool: uuid.UUID) -> None:
    made, _donor = gifts.state_pledge(usd(1_000_00), pool)
    requesting = officer("requesting_officer")
    for typed, words in (("", "Write the reference"), ("PLG-1999-0001", "no pledge of this reference")):
        answer = requesting.submit("/contributions/transfers/", {"pledge": typed})
        assert answer.status_code == 422 and words in error_of(answer.text, "pledge")
    answer = requesting.submit("/contributions/transfers/", {"pledge": made.reference.lower()})
    url = f"/contributions/pledges/{made.id}/deposit"
    assert answer.location == url
    shown = requesting.submit(url, line() | {"action": "check"})
    assert "Into “Unearmarked money”, under the agreement" in shown.text
    done = as_seen(requesting, url, line())
    answer = requesting.submit(url, done)
    assert answer.status_code == 303
    again = requesting.submit(url, done)
    assert again.status_code == 422 and "recorded already" in error_of(again.text, "bank_reference")
    assert gifts.row(uuid.UUID(answer.location.split("/")[2])).state == "accepted"


def test_a_deposit_beside_an_announcement_leads_there(gifts: Gifts, officer: Any) -> None:
    made, row = announce(gifts)
    requesting = officer("requesting_officer")
    url = f"/contributions/pledges/{made.id}/deposit"
    page = requesting.get(url).text
    assert f"/contributions/{row.id}/" in page and "is announced for this pledge" in page
    answer = requesting.submit(url, as_seen(requesting, url, line()))
    assert answer.status_code == 422 and row.reference in answer.text


def test_warnings_before_it_binds(gifts: Gifts, officer: Any) -> None:
    rates()
    _made, row = announce(gifts, Money(920_00, "EUR"))
    url, requesting = f"/contributions/{row.id}/confirm", officer("requesting_officer")
    data = {"version": str(row.version), "action": "check"}
    shown = requesting.submit(url, line(currency="EUR", paid="1,840", credited="1,800", fee="") | data).text
    assert "The donor announced EUR 920.00" in shown and "more than 5 per cent off" in shown
    assert "settles more than is still to be paid" in shown


def test_it_did_not_arrive(gifts: Gifts, officer: Any, client: Any) -> None:
    made, row = announce(gifts)
    requesting, url = officer("requesting_officer"), f"/contributions/{row.id}/not-arrived"
    assert requesting.get(url).status_code == 200
    answer = requesting.submit(url, {"reason": "", "note": "Looked twice.", "version": str(row.version)})
    assert answer.status_code == 422 and "Choose a reason" in error_of(answer.text, "reason")
    assert "Looked twice." in answer.text
    data = {"reason": "sent_back", "note": "", "version": str(row.version)}
    assert requesting.submit(url, data | {"version": "99"}).status_code == 409
    assert requesting.submit(url, data).status_code == 303
    assert "It arrived after all" in requesting.get(f"/contributions/{row.id}/").text
    assert "Have you sent it?" in client.get(link(made, "transfer")).text
    assert officer("auditor").get(f"/contributions/{row.id}/").text.count("It arrived after all") == 0


# --- refunds ----------------------------------------------------------------------------------------------------
def test_a_refund_from_asking_to_paid(gifts: Gifts, officer: Any, pool: uuid.UUID, gateway: FakeGateway) -> None:
    spare(pool, 40_00)
    row = gifts.accepted()
    manager, head = officer("fund_manager"), officer("head_of_fund")
    url = f"/contributions/{row.id}/refund"
    assert 'value="1000.00"' in manager.get(url).text
    data = {"amount": "1,000", "reason": "donor_asked", "note": "They wrote.", "version": str(row.version)}
    shown = manager.submit(url, data | {"action": "check"})
    assert shown.status_code == 200
    for words in ("Nothing has been asked for yet", "USD 970.00", "USD 30.00", "borne by the money without an earmark"):
        assert words in shown.text
    assert "They wrote." in manager.submit(url, data | {"action": "change"}).text
    answer = manager.submit(url, data | {"action": "confirm"})
    assert answer.status_code == 303
    page = answer.location
    assert "You asked for this yourself" not in manager.get(page).text  # the manager cannot approve anyway
    assert "Approve the refund" not in manager.get(page).text
    assert "Approve the refund" in head.get(page).text
    refund = only(Refund)
    assert head.submit(f"{page}decline", {"note": "", "version": str(refund.version)}).status_code == 422
    assert head.submit(f"{page}approve", {"version": ""}).status_code == 422
    assert head.submit(f"{page}approve", {"version": "9"}).status_code == 409
    assert head.submit(f"{page}approve", {"version": str(refund.version)}).status_code == 303
    assert head.submit(f"{page}approve", {"version": str(refund.version)}).status_code == 409
    assert gifts.row(row.id).state == "refunded"
    for words in ("Paid back", "Approved by", "What it cost"):
        assert words in head.get(page).text
    listed = manager.get("/contributions/refunds/").text
    assert row.reference in listed and row.reference in manager.get("/contributions/refunds/?format=csv").text
    assert row.reference not in main_of(manager.get("/contributions/refunds/?state=failed").text)
    assert manager.get("/contributions/refunds/?format=xlsx", check=False).status_code == 200


def test_four_eyes_are_on_the_page(gifts: Gifts, make: Any, as_person: Any) -> None:
    both = as_person(make.person("fund_manager", "head_of_fund"))
    row = gifts.accepted()
    data = {"amount": "10", "reason": "other", "note": "Words.", "version": str(row.version), "action": "confirm"}
    page = both.submit(f"/contributions/{row.id}/refund", data).location
    text = both.get(page).text
    assert "You asked for this yourself" in text and "Approve the refund" not in text
    answer = both.submit(f"{page}approve", {"version": "1"})
    assert answer.status_code == 422 and "You asked for this yourself: somebody else approves it." in answer.text
    assert only(Refund).state == "requested"


BAD_REFUNDS: list[tuple[dict[str, str], str, str]] = [
    ({"amount": ""}, "amount", "Write the amount"),
    ({"amount": "0"}, "amount", "above zero"),
    ({"amount": "-1"}, "amount", "without a sign"),
    ({"amount": "1000.01"}, "amount", "up to USD 1,000.00"),
    ({"amount": "970.01"}, "amount", "Up to USD 970.00 can go back"),
    ({"amount": "1.234,5"}, "amount", "in figures"),
    ({"reason": ""}, "reason", "Choose a reason"),
    ({"reason": "wrong_entry"}, "reason", "Choose one of the answers offered"),
    ({"note": " "}, "note", "Write why"),
    ({"note": "x" * 2001}, "note", "under 2,000"),
]


@pytest.mark.parametrize(("change", "field", "words"), BAD_REFUNDS)
def test_bad_refunds(gifts: Gifts, officer: Any, change: dict[str, str], field: str, words: str) -> None:
    row = gifts.accepted()
    data = {"amount": "5", "reason": "other", "note": "Words.", "version": str(row.version)} | change
    answer = officer("fund_manager").submit(f"/contributions/{row.id}/refund", data | {"action": "confirm"})
    assert answer.status_code == 422
    assert words in error_of(answer.text, field)
    assert not data["amount"] or f'value="{data["amount"]}"' in answer.text
    assert db.session.query(Refund).count() == 0


def test_what_is_not_free_is_said_before_and_refused(gifts: Gifts, officer: Any, pool: uuid.UUID) -> None:
    row = gifts.accepted()
    promise(pool, 500_00)
    manager = officer("fund_manager")
    assert "So much is not free now" in manager.get(f"/contributions/{row.id}/refund").text
    data = {"amount": "405.01", "reason": "other", "note": "Words.", "version": str(row.version), "action": "confirm"}
    answer = manager.submit(f"/contributions/{row.id}/refund", data)
    assert answer.status_code == 422 and "Only USD 405.00 of this contribution is free" in error_of(answer.text,
                                                                                                   "amount")


def test_stripe_says_no_and_is_asked_again(
    gifts: Gifts, officer: Any, pool: uuid.UUID, gateway: FakeGateway
) -> None:
    from sponsorship.gateways.stripe_gateway import GatewayError

    spare(pool, 40_00)
    row = gifts.held()
    manager = officer("fund_manager")
    gateway.fail = GatewayError("charge_already_refunded", refused=True)
    manager.submit(f"/contributions/{row.id}/refuse", {"reason": "purpose", "note": "", "version": str(row.version)})
    page = manager.get(f"/contributions/{row.id}/").text
    assert "Stripe refused the refund" in page and "Send the refund again" in page
    refund = only(Refund)
    assert "charge_already_refunded" in manager.get(f"/contributions/refunds/{refund.id}/").text
    gateway.fail = None
    assert manager.submit(f"/contributions/{row.id}/refund-again").status_code == 303
    assert gifts.row(row.id).state == "refunded"


def test_a_bank_refund_is_recorded_by_a_third_person_after_a_look(
    gifts: Gifts, officer: Any, pool: uuid.UUID
) -> None:
    spare(pool, 100_00)
    row = gifts.accept(gifts.deposit(gifts.pledge(usd(500_00)), usd(500_00)))
    refund_id = gifts.ask(row, 200_00)
    head = officer("head_of_fund")
    head.submit(f"/contributions/refunds/{refund_id}/approve", {"version": "1"})
    page, url = f"/contributions/refunds/{refund_id}/", f"/contributions/refunds/{refund_id}/record"
    assert "What the bank did" not in head.get(page).text
    third = officer("requesting_officer")
    assert "What the bank did" in third.get(page).text
    version = str(only(Refund, id=refund_id).version)
    data = {"bank_reference": "out 1", "value_date": TODAY.isoformat(), "cost": "200", "fee": "4", "version": version}
    for change, field, words in (
        ({"cost": "199.99"}, "cost", "exactly that leaves"),
        ({"bank_reference": ""}, "bank_reference", "Write the bank"),
        ({"bank_reference": row.bank_reference}, "bank_reference", "recorded already"),
        ({"value_date": (TODAY + timedelta(days=2)).isoformat()}, "value_date", "has not come"),
        ({"fee": "1,000.01"}, "fee", "more than"),
    ):
        answer = third.submit(url, data | change | {"action": "check"})
        assert answer.status_code == 422 and words in error_of(answer.text, field), field
    shown = third.submit(url, data | {"action": "check"})
    assert shown.status_code == 200 and "Nothing has been recorded yet" in shown.text
    assert "What the bank did" in third.submit(url, data | {"action": "change"}).text
    assert third.submit(url, data | {"action": "confirm"}).status_code == 422
    assert third.submit(url, data | {"action": "confirm", "compared": "y"}).status_code == 303
    assert only(Refund, id=refund_id).bank_reference == "OUT 1"
    assert "OUT 1" in third.get(page).text
    everybody = officer("fund_manager", "head_of_fund", "requesting_officer")
    second = gifts.ask(row, 100_00)
    everybody.submit(f"/contributions/refunds/{second}/approve", {"version": "1"})
    text = everybody.get(f"/contributions/refunds/{second}/").text
    assert "Somebody else records what the bank did" in text and "What the bank did" not in text


def test_a_refund_made_at_stripe_shows_as_such(gifts: Gifts, officer: Any, pool: uuid.UUID) -> None:
    row = gifts.accepted()
    name, _news = gifts.elsewhere(row, 100_00)
    auditor = officer("auditor")
    assert "Made at Stripe itself, not here" in auditor.get(f"/contributions/{row.id}/").text
    page = auditor.get(f"/contributions/refunds/{only(Refund).id}/").text
    assert "nobody ordered it here" in page and name in page


def test_a_correction_through_the_pages(gifts: Gifts, officer: Any, pool: uuid.UUID) -> None:
    row = gifts.accept(gifts.deposit(gifts.pledge(usd(500_00)), usd(500_00), fee=5_00))
    promise(pool, 100_00)
    manager, head = officer("fund_manager"), officer("head_of_fund")
    url = f"/contributions/{row.id}/correct"
    page = manager.get(url).text
    assert "USD 113.00 of it is promised or spent" in page and row.bank_reference in page
    answer = manager.submit(url, {"note": "", "version": str(row.version)})
    assert answer.status_code == 422 and "Write why" in error_of(answer.text, "note")
    page = manager.submit(url, {"note": "Wrong pledge.", "version": str(row.version)}).location
    assert "495.00" in head.get(page).text
    assert head.submit(f"{page}approve", {"version": "1"}).status_code == 303
    assert "Recorded by mistake" in head.get(f"/contributions/{row.id}/").text
    card = gifts.accepted()
    assert manager.get(f"/contributions/{card.id}/correct").status_code == 409


# --- disputes and shortfalls ------------------------------------------------------------------------------------
def test_a_dispute_stops_a_pool_and_two_people_cover_it(
    gifts: Gifts, officer: Any, pool: uuid.UUID, make: Any, as_person: Any
) -> None:
    row = gifts.accepted()
    promise(pool, 500_00)
    name = gifts.dispute(row)
    manager, head = officer("fund_manager"), officer("head_of_fund")
    page = manager.get("/contributions/disputes/").text
    assert "are stopped" in page and row.reference in page
    assert row.reference in manager.get("/contributions/disputes/?format=csv").text
    dispute = manager.get(f"/contributions/disputes/{gifts.dispute_row(name).id}/").text
    for words in ("The cardholder did not make it", "Evidence due by", "is lacking: payments are stopped", "USD 15.00"):
        assert words in dispute
    url = f"/contributions/shortfalls/{pool}/"
    assert "Lacking" in manager.get(url).text
    answer = manager.submit(url, {"note": ""})
    assert answer.status_code == 422 and "Write why" in error_of(answer.text, "note")
    answer = manager.submit(url, {"note": "Pay the delegates."})
    assert answer.status_code == 422 and "is free in this pool" in answer.text  # nothing is
    spare(pool, 2_000_00)
    assert manager.submit(url, {"note": "Pay the delegates."}).status_code == 303
    assert manager.submit(url, {"note": "Again."}).status_code == 422
    cover = only(Cover)
    assert "Cover it from the pool" not in manager.get(url).text
    assert manager.submit(f"{url}{cover.id}/approve", {"version": "1"}).status_code == 403
    assert "Pay the delegates." in head.get(url).text
    assert head.submit(f"{url}{cover.id}/decline", {"note": "", "version": "1"}).status_code == 422
    assert head.submit(f"{url}{cover.id}/decline", {"note": "Wait.", "version": "1"}).status_code == 303
    both = as_person(make.person("fund_manager", "head_of_fund"))
    assert both.submit(url, {"note": "Now."}).status_code == 303
    second = only(Cover, state="requested")
    assert "You asked for this yourself" in both.get(url).text
    assert both.submit(f"{url}{second.id}/approve", {"version": "1"}).status_code == 422
    assert head.submit(f"{url}{second.id}/approve", {"version": "7"}).status_code == 409
    assert head.submit(f"{url}{second.id}/approve", {"version": "1"}).status_code == 303
    assert figures(pool).shortfall == 0
    assert "Nothing is lacking" in head.get(url).text
    assert head.submit(f"{url}{second.id}/approve", {"version": "1"}).status_code == 409
    assert manager.submit(url, {"note": "Once more."}).status_code == 422


def test_a_cover_that_was_outrun_is_refused(gifts: Gifts, pool: uuid.UUID) -> None:
    row = gifts.accepted()
    promise(pool, 500_00)
    gifts.dispute(row, fee_minor=0)
    spare(pool, 1_000_00)
    cover = shortfalls.request_cover(pool, gifts.manager, "Words.")
    other = gifts.accepted()
    promise(pool, 1_300_00)
    with pytest.raises(RuleBroken, match="not_enough"):
        shortfalls.approve_cover(cover, gifts.head, 1)
    db.session.rollback()
    gifts.dispute(other, fee_minor=0)
    spare(pool, 9_000_00)
    with pytest.raises(RuleBroken, match="grown"):
        shortfalls.approve_cover(cover, gifts.head, 1)
    db.session.rollback()
    shortfalls.decline_cover(cover, gifts.head, "It has grown.", 1)
    shortfalls.approve_cover(shortfalls.request_cover(pool, gifts.manager, "All of it."), gifts.head, 1)
    assert [f.shortfall for f in pool_figures()] == [0]


def test_desks_say_who_acts_and_by_when(app: Any, gifts: Gifts, pool: uuid.UUID, make: Any) -> None:
    _made, announced = announce(gifts)
    row = gifts.accepted()
    refund_id = gifts.ask(row, 10_00)
    transfer = gifts.accept(gifts.deposit(gifts.pledge(usd(500_00)), usd(500_00)))
    by_bank = gifts.ask(transfer, 100_00)
    gifts.approve(by_bank)
    promise(pool, 500_00)
    disputed = gifts.accepted()
    promise(pool, 400_00)
    gifts.dispute(disputed)
    with app.test_request_context():
        def urls(items: Any) -> list[str]:
            return [item.url for item in items]

        assert urls(back_desk.transfers(gifts.officer)) == [f"/contributions/{announced.id}/"]
        assert back_desk.transfers(gifts.officer)[0].due == TODAY + timedelta(days=10)
        assert urls(back_desk.approvals(gifts.head)) == [f"/contributions/refunds/{refund_id}/"]
        assert back_desk.approvals(gifts.manager) == []
        assert urls(back_desk.to_send(gifts.officer)) == [f"/contributions/refunds/{by_bank}/"]
        assert back_desk.to_send(gifts.head) == []
        (answer,) = back_desk.disputes(gifts.manager)
        assert answer.due is not None and answer.tone == "attention"
        assert urls(back_desk.stopped(gifts.manager)) == [f"/contributions/shortfalls/{pool}/"]
        spare(pool, 9_000_00)
        shortfalls.request_cover(pool, gifts.manager, "Words.")
        assert back_desk.stopped(gifts.manager) == []
        assert urls(back_desk.to_cover(gifts.head)) == [f"/contributions/shortfalls/{pool}/"]
        assert back_desk.to_cover(gifts.manager) == []


# --- papers -----------------------------------------------------------------------------------------------------
def test_papers_for_officers_donors_and_by_link(
    gifts: Gifts, officer: Any, make: Any, as_person: Any, client: Any, pool: uuid.UUID
) -> None:
    rates()
    spare(pool, 100_00)
    made = gifts.pledge(Money(920_00, "EUR"))
    row = gifts.accept(gifts.card(made, Money(920_00, "EUR"), 30_00, 975_00))
    gifts.refund(row, 460_00)
    receipt, note = only(Receipt, kind="receipt"), only(Receipt, kind="credit_note")
    page = client.get(link(made, f"papers/{receipt.id}/")).text
    for words in ("EUR 920.00", "USD 1,000.00", "0.92", "Exchange difference", "5.00", "30.00", "975.00",
                  "EUR 460.00 of this receipt has been cancelled since", note.number):
        assert words in page, words
    assert f'href="{link(made, "receipts/")}"' in page
    page = client.get(link(made, f"papers/{note.id}/")).text
    assert f"cancels so much of receipt {receipt.number}" in page and "EUR 460.00" in page
    assert receipt.number in client.get(link(made, "receipts/")).text
    assert client.get(link(made, f"receipts/{row.id}/")).status_code == 200
    other = gifts.pledge(usd(500_00))
    state_made, _donor = gifts.state_pledge(usd(500_00), pool)
    own = gifts.deposit(state_made, usd(500_00))
    paper = only(Receipt, contribution_id=own.id)
    donor = as_person(make.person("donor", organisation=make.state("XC")))
    stranger = as_person(make.person("donor", organisation=make.state("XB")))
    assert paper.number in donor.get("/donor/receipts/").text
    assert paper.number in donor.get("/donor/receipts/?format=csv").text
    assert paper.number not in stranger.get("/donor/receipts/").text
    for name in ("", "paper.pdf"):
        assert donor.get(f"/donor/papers/{paper.id}/{name}", check=False).status_code == 200
        for who, url in ((stranger, f"/donor/papers/{paper.id}/{name}"), (donor, f"/donor/papers/{receipt.id}/{name}"),
                         (client, link(other, f"papers/{receipt.id}/{name}")),
                         (client, link(made, f"papers/{paper.id}/{name}")),
                         (client, f"/donate/pledges/{made.id}/x/papers/{receipt.id}/{name}")):
            assert who.get(url, check=False).status_code == 404, url
        assert client.get(f"/donor/papers/{paper.id}/{name}", check=False).status_code in (303, 401)
    assert client.get(link(made, f"receipts/{own.id}/")).status_code == 404
    assert stranger.get(f"/donor/receipts/{own.id}/").status_code == 404
    auditor = officer("auditor")
    listed = auditor.get("/contributions/receipts/").text
    assert all(number in listed for number in (receipt.number, note.number, paper.number))
    body = auditor.get("/contributions/receipts/?kind=receipt").text.partition("<tbody")[2].partition("</tbody>")[0]
    assert receipt.number in body and note.number not in body
    for url in ("?q=RCT", f"?year={TODAY.year}", "?year=1999", "?sort=usd&dir=desc", "?format=xlsx", "?year=٢٠٢٦"):
        assert auditor.get(f"/contributions/receipts/{url}", check=False).status_code == 200
    csv = auditor.get("/contributions/receipts/?format=csv").text
    assert f"{note.number}" in csv and "460.00" in csv and receipt.number in csv
    assert auditor.get(f"/contributions/receipts/{note.id}/").status_code == 200
    assert officer("certifying_officer").get("/contributions/receipts/").status_code == 403


@pytest.mark.parametrize("name", ["Ada Foundation", "مؤسسة عُمَر للسلام \u202eABC", "基金会", "<script>alert(1)</script>",
                                  "Обще́ство «Мир»", "=HYPERLINK(1)", "Ö" * 190])
@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_paper_is_one_page_and_accessible(gifts: Gifts, app: Any, name: str, language: str) -> None:
    from flask_babel import force_locale
    from pypdf import PdfReader

    from core.pdf import render
    from sponsorship.contributions import paper_queries
    from sponsorship.contributions.paper_pdf import paper_document

    rates()
    amount = Money(920_00, "EUR")
    from core.actor import PUBLIC
    from sponsorship.contributions import service

    made = service.make_pledge(service.PledgeDraft(uuid.uuid4().hex, amount.minor, currency="EUR", donor_name=name,
                                                   donor_email="a@donor.example"), PUBLIC)
    gifts.accept(gifts.card(made, amount, 30_00, 975_00))
    with app.test_request_context(), force_locale(language):
        data = render(paper_document(paper_queries.get_paper(only(Receipt).id)))
    pages = PdfReader(io.BytesIO(data)).pages
    assert len(pages) == 1
    text = pages[0].extract_text()
    assert only(Receipt).number in text
    assert "<script>" not in text or "alert" in text
    assert b"pdfuaid" in data or b"MarkInfo" in data


# --- settings ---------------------------------------------------------------------------------------------------
def test_settings_hold_at_once_and_keep_their_history(
    gifts: Gifts, officer: Any, client: Any, gateway: FakeGateway
) -> None:
    manager, auditor, url = officer("fund_manager"), officer("auditor"), "/contributions/settings/"
    assert "Change the settings" in manager.get(url).text
    page = auditor.get(url).text
    assert "Change the settings" not in page and "Nothing has been changed yet" in page
    data = {"cards": "off", "details": "IBAN XX00\r\n\r\nBIC <b>", "version": "0"}
    for change, field, words in (({"cards": ""}, "cards", "Choose whether"), ({"cards": "maybe"}, "cards", "offered"),
                                 ({"details": "x" * 2001}, "details", "under 2,000")):
        answer = manager.submit(url, data | change)
        assert answer.status_code == 422 and words in error_of(answer.text, field)
    assert auditor.submit(url, data).status_code == 403
    assert manager.submit(url, data).status_code == 303
    assert manager.submit(url, data).status_code == 409  # the page showed what held before
    assert not fund_settings.cards_accepted()
    assert not fund_settings.bank_details(), "the head of the fund has not approved them"
    fund_settings.approve_bank_details(gifts.head, fund_settings.settings_version())
    made = gifts.pledge(usd(1_000_00))
    text = client.get(link(made, "transfer")).text
    assert "IBAN XX00" in text and "<b>" not in text.partition("IBAN")[2][:40] and "&lt;b&gt;" in text
    with pytest.raises(RuleBroken, match="no_cards"):
        start_payment(made.id, _public(), made.token)
    assert client.submit(link(made, "pay")).status_code == 422
    page = manager.get(url).text
    assert "no cards taken" in page and "bank details:" in page
    assert "No cards are taken now" in manager.get("/contributions/").text
    data = {"cards": "on", "details": "", "version": str(fund_settings.settings_version())}
    assert manager.submit(url, data).status_code == 303
    assert "asked that the bank details be removed" in manager.get(url).text
    fund_settings.approve_bank_details(gifts.head, fund_settings.settings_version())
    assert "bank details removed" in manager.get(url).text
    start_payment(made.id, _public(), made.token)


def test_where_transfers_go_takes_two_people(gifts: Gifts, officer: Any, make: Any) -> None:
    manager, head, url = officer("fund_manager"), officer("head_of_fund"), "/contributions/settings/"
    both = officer("fund_manager", "head_of_fund")
    gifts.bank_details("IBAN XX00")

    def ask(client: Any, details: str) -> Any:
        return client.submit(url, {"cards": "on", "details": details,
                                   "version": str(fund_settings.settings_version())})

    def decide(client: Any, what: str, **data: str) -> int:
        version = {"version": str(fund_settings.settings_version())}
        return int(client.submit(f"{url}bank-details/{what}", version | data).status_code)

    assert decide(head, "approve") == 422, "nothing is asked for"
    for hidden in ("IBAN \u202e00XX", "IBAN \u2066XX00"):
        answer = ask(manager, hidden)
        assert answer.status_code == 422 and "invisible" in error_of(answer.text, "details")
    with pytest.raises(RuleBroken, match="unseen"):
        gifts.bank_details("IBAN\x07 XX00")
    mails = db.session.query(OutboxMail).count()
    assert ask(both, "IBAN YY11").status_code == 303
    assert db.session.query(OutboxMail).count() > mails
    assert fund_settings.bank_details() == "IBAN XX00"
    assert decide(both, "approve") == 422, "who asked does not approve"
    assert decide(manager, "approve") == 403
    assert ask(manager, "IBAN YY11").status_code == 303, "the same again is still what the other asked for"
    page = head.get(url).text
    assert page.index("IBAN XX00") < page.index("IBAN YY11") and "Approve these bank details" in page
    assert "Other bank details of the fund" in head.get("/desk").text
    assert decide(head, "decline") == 422 and decide(head, "decline", note="The bank knows nothing of it.") == 303
    assert fund_settings.bank_details() == "IBAN XX00" and fund_settings.asked_details() is None
    ask(manager, "IBAN YY11")
    ask(manager, "IBAN XX00")
    assert fund_settings.asked_details() is None, "taken back"
    ask(manager, "IBAN YY11")
    stale = fund_settings.settings_version()
    ask(manager, "IBAN ZZ22")
    assert head.submit(f"{url}bank-details/approve", {"version": str(stale)}).status_code == 409
    assert decide(head, "approve") == 303
    assert fund_settings.bank_details() == "IBAN ZZ22"
    assert "Other bank details of the fund" not in head.get("/desk").text


def _public() -> Any:
    from core.actor import PUBLIC

    return PUBLIC


# --- the list and the unmatched ---------------------------------------------------------------------------------
def test_the_list_is_filtered_summed_and_downloaded(gifts: Gifts, officer: Any, make: Any, pool: uuid.UUID) -> None:
    rates()
    spare(pool, 100_00)
    card = gifts.accepted()
    euro = gifts.held(Money(920_00, "EUR"), 30_00, 965_00)
    made, _donor = gifts.state_pledge(usd(500_00), pool)
    bank = gifts.deposit(made, usd(500_00), fee=5_00)
    gifts.refund(card, 100_00)
    auditor, state = officer("auditor"), make.state("XC")

    def shown(query: str) -> set[str]:
        body = auditor.get(f"/contributions/?{query}").text.partition("<tbody")[2].partition("</tbody>")[0]
        return {row.reference for row in (card, euro, bank) if row.reference in body}

    every = {card.reference, euro.reference, bank.reference}
    assert shown("") == every
    assert shown("method=transfer") == {bank.reference}
    assert shown("currency=EUR") == {euro.reference}
    assert shown(f"donor={state}") == {bank.reference}
    assert shown("donor=none") == {card.reference, euro.reference}
    assert shown(f"received_from={TODAY}&received_to={TODAY}") == every
    assert shown(f"received_from={TODAY + timedelta(days=1)}") == set()
    assert shown(f"received_to={TODAY - timedelta(days=1)}") == set()
    assert shown("received_from=rubbish&state=nonsense&donor=1&currency=XX") == every
    assert shown(f"q={bank.bank_reference}") == {bank.reference}
    assert shown("state=accepted&sort=net&dir=desc") == {card.reference, bank.reference}
    page = auditor.get("/contributions/").text
    foot = page.partition("<tfoot")[2].partition("</tfoot>")[0]
    for words in ("2,500.00", "−5.00", "65.00", "2,430.00", "100.00"):
        assert words in foot, words
    csv = auditor.get("/contributions/?format=csv&currency=EUR").text
    assert euro.reference in csv and '920.00,"EUR",1000.00,-5.00,30.00,965.00' in csv and card.reference not in csv
    assert auditor.get("/contributions/?format=xlsx", check=False).status_code == 200
    page = auditor.get(f"/contributions/{euro.id}/").text
    for words in ("EUR 920.00", "0.92", "USD 1,000.00", "−5.00", "USD 965.00"):
        assert words in page, words


def test_every_problem_has_words_advice_and_what_it_concerns(gifts: Gifts, officer: Any) -> None:
    row = gifts.accepted()
    refund_id = gifts.ask(row, 10_00)
    gifts.approve(refund_id)
    gifts.news(refund_id, "pending")
    about = (("checkout.session.completed", row.stripe_session_id, "amount_differs"),
             ("refund.updated", only(Refund).stripe_refund_id, "another_refund"),
             ("charge.dispute.created", "du_unknown", "unknown_dispute"),
             ("payout.paid", "po_1", "some_new_code"), ("refund.updated", "re_x", "rates.missing"))
    for kind, key, note in about:
        inbox.set_aside(kind, str(key), False, note)
    page = officer("fund_manager").get("/contributions/unmatched/").text
    assert page.count(f'href="/contributions/{row.id}/"') == 2
    for words in ("The amount is not the amount that was asked for", "A second refund", "told to us late",
                  "It could not be read: some_new_code", "/rates/import"):
        assert words in page, words
    for code in (*PROBLEMS, "anything", ""):
        found = problem_of(code)
        assert len(str(found.words)) > 10 and len(str(found.todo)) > 10


@pytest.mark.parametrize("role", ["certifying_officer", "panel_member", "focal_point", "donor", "bank_signatory"])
def test_others_see_none_of_it(gifts: Gifts, officer: Any, pool: uuid.UUID, role: str) -> None:
    _made, announced = announce(gifts)
    row = gifts.accepted()
    refund_id = gifts.ask(row, 1_00)
    other = officer(role)
    base = "/contributions"
    for url in (f"{base}/", f"{base}/{row.id}/", f"{base}/transfers/", f"{base}/refunds/", f"{base}/disputes/",
                f"{base}/receipts/", f"{base}/receipts/{only(Receipt).id}/",
                f"{base}/receipts/{only(Receipt).id}/paper.pdf",
                f"{base}/settings/", f"{base}/refunds/{refund_id}/", f"{base}/{row.id}/refund",
                f"{base}/{row.id}/check", f"{base}/{announced.id}/confirm", f"{base}/shortfalls/{pool}/",
                f"{base}/pledges/{row.pledge_id}/deposit"):
        assert other.get(url, check=False).status_code == 403, url
    for url in (f"{base}/{row.id}/refund", f"{base}/{row.id}/correct", f"{base}/{row.id}/check",
                f"{base}/refunds/{refund_id}/approve", f"{base}/refunds/{refund_id}/decline",
                f"{base}/refunds/{refund_id}/record", f"{base}/{announced.id}/confirm",
                f"{base}/{announced.id}/not-arrived", f"{base}/settings/", f"{base}/shortfalls/{pool}/",
                f"{base}/transfers/"):
        assert other.submit(url, {"version": "1"}).status_code == 403, url
    assert only(Refund).state == "requested" and gifts.row(announced.id).state == "declared"


def test_one_contributions_parts_are_not_read_through_another(gifts: Gifts, officer: Any) -> None:
    one, two = gifts.held(), gifts.held()
    gifts.check(one)
    check = only(DonorCheck)
    head = officer("head_of_fund")
    assert head.get(f"/contributions/{two.id}/checks/{check.id}/file").status_code == 404
    requesting = officer("requesting_officer")
    for url in (f"/contributions/{one.id}/confirm", f"/contributions/{one.id}/not-arrived"):
        assert requesting.get(url).status_code == 409  # a card payment is no transfer
    manager = officer("fund_manager")
    assert manager.get(f"/contributions/{one.id}/refund").status_code == 409
    for url in ("refunds", "disputes", "receipts", "shortfalls"):
        assert manager.get(f"/contributions/{url}/{uuid.uuid4()}/").status_code == 404


def test_words_and_names_run_nowhere(gifts: Gifts, officer: Any, pool: uuid.UUID) -> None:
    evil = '"><script>alert(1)</script> ‮ عُمَر'
    row = gifts.accept(gifts.deposit(gifts.pledge(usd(500_00)), usd(500_00), reference='<i>"ref"</i>'))
    refund_id = refunds.request_refund(row.id, 1_00, gifts.manager, "other", evil, row.version)
    manager = officer("fund_manager", "head_of_fund")
    for url in (f"/contributions/{row.id}/", f"/contributions/refunds/{refund_id}/", f"/contributions/{row.id}/refund",
                f"/contributions/{row.id}/correct"):
        answer = manager.get(url, check=False)
        assert "<script>alert" not in answer.text and "<I>" not in answer.text
    data = {"amount": "1", "reason": "other", "note": evil, "version": "1", "action": "check"}
    answer = manager.submit(f"/contributions/{row.id}/refund", data)
    assert "<script>alert" not in answer.text


@pytest.mark.parametrize("path", ["/contributions/refunds/", "/contributions/disputes/", "/contributions/transfers/",
                                  "/contributions/receipts/", "/contributions/"])
def test_a_list_of_many_costs_what_a_list_of_one_costs(
    gifts: Gifts, officer: Any, pool: uuid.UUID, queries: list[str], path: str
) -> None:
    spare(pool, 1_000_00)
    auditor = officer("auditor")

    def fill() -> None:
        announce(gifts)
        row = gifts.accepted()
        gifts.refund(row, 10_00)
        gifts.dispute(gifts.accepted())

    def cost() -> int:
        auditor.get(path)
        del queries[:]
        auditor.get(path)
        return len(queries)

    fill()
    one = cost()
    for _ in range(4):
        fill()
    assert cost() <= one
