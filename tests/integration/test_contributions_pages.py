"""Pages of donors and officers: what is typed wrong is said beside the field, kept, and leaves nothing behind."""

from __future__ import annotations

import re
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from accounts.service import grant
from core import clock
from core.actor import PUBLIC
from core.db import db
from core.outbox import OutboxMail
from sponsorship.contributions import back_desk, desk, service
from sponsorship.contributions.back_models import Refund
from sponsorship.contributions.models import Agreement, Contribution, Pledge
from sponsorship.gateways import inbox
from sponsorship.gateways.models import StripeEvent
from sponsorship.ledger import service as ledger
from tests.integration.test_contributions_payments import (
    FakeGateway,
    begin,
    checked,
    named_pledge,
    only,
    settle,
    state_pledge,
)
from tests.integration.test_contributions_payments import gateway as gateway
from tests.support.people import TESTS

pytestmark = pytest.mark.pages

AMOUNT = {"amount": "25,000", "purpose": "general"}
DONOR = {"donor_kind": "organisation", "donor_name": "Ada Foundation", "donor_contact": "Ada L.",
         "donor_email": "ada@donor.example"}


@pytest.fixture
def pool(app: Any) -> uuid.UUID:
    ledger.open_pool("women", "Women delegates", {"sex": "female"})
    return ledger.open_pool("general", "Unearmarked money")


def error_of(html: str, field: str) -> str:
    """The message beside a field."""
    found = re.search(rf'id="{field}-error">(.*?)</p>', html, re.DOTALL)
    return re.sub("<[^>]+>", "", found[1]) if found else ""


def main_of(html: str) -> str:
    """The page without its navigation."""
    return html.partition("<main")[2].partition("</main>")[0]


# --- giving -----------------------------------------------------------------------------------------------------
def to_check(client: Any) -> None:
    assert client.submit("/donate/", AMOUNT).location == "/donate/who"
    assert client.submit("/donate/who", DONOR).location == "/donate/check"


def test_a_visitor_pledges_and_gets_the_link(client: Any, pool: uuid.UUID) -> None:
    assert "Women delegates" in client.get("/donate/").text
    to_check(client)
    check = client.get("/donate/check").text
    for words in ("Ada Foundation", "25,000.00", "Where it is needed most (unearmarked)", "ada@donor.example"):
        assert words in check
    answer = client.submit("/donate/check")
    assert answer.status_code == 303
    page = client.get(answer.location).text
    pledge = only(Pledge)
    assert pledge.reference in page
    assert "Pay now by card" in page
    mail = only(OutboxMail)
    assert mail.to_address == "ada@donor.example"
    assert answer.location in mail.body
    assert pledge.reference in mail.subject
    row = db.session.execute(Pledge.__table__.select()).one()  # type: ignore[attr-defined]
    assert "Ada" not in str(row) and "donor.example" not in str(row)


def test_sending_the_check_twice_makes_one_pledge(client: Any, pool: uuid.UUID) -> None:
    to_check(client)
    with client.session_transaction() as session:
        draft = dict(session["donation"])
    first = client.submit("/donate/check").location
    with client.session_transaction() as session:
        session["donation"] = draft  # the second click carries the cookie of the first
    assert client.submit("/donate/check").location == first
    assert db.session.query(Pledge).count() == 1


def test_steps_cannot_be_skipped(client: Any, pool: uuid.UUID) -> None:
    assert client.get("/donate/who").location == "/donate/"
    assert client.get("/donate/check").location == "/donate/"
    assert client.submit("/donate/check").location == "/donate/"
    assert client.submit("/donate/who", DONOR).location == "/donate/"
    client.submit("/donate/", AMOUNT)
    assert client.get("/donate/check").location == "/donate/who"
    assert client.submit("/donate/check").location == "/donate/who"
    assert db.session.query(Pledge).count() == 0


def test_what_was_typed_is_there_when_one_goes_back(client: Any, pool: uuid.UUID) -> None:
    to_check(client)
    assert 'value="25000.00"' in client.get("/donate/").text
    assert 'value="Ada Foundation"' in client.get("/donate/who").text


BAD_AMOUNT: list[tuple[dict[str, str], str, str]] = [
    ({"amount": ""}, "amount", "Write the amount"),
    ({"amount": "a lot"}, "amount", "in figures"),
    ({"amount": "-5"}, "amount", "without a sign"),
    ({"amount": "0"}, "amount", "above zero"),
    ({"amount": "4.99"}, "amount", "5.00 or more"),
    ({"amount": "10.001"}, "amount", "no smaller part"),
    ({"amount": "1.000,50"}, "amount", "in figures"),
    ({"amount": "100,000,000.01"}, "amount", "number of zeros"),
    ({"amount": "9" * 40}, "amount", "larger than can be recorded"),
    ({"purpose": ""}, "purpose", "Choose what the money is for"),
    ({"purpose": "nonsense"}, "purpose", "one of the answers offered"),
]


@pytest.mark.parametrize(("change", "field", "words"), BAD_AMOUNT)
def test_bad_amount(client: Any, pool: uuid.UUID, change: dict[str, str], field: str, words: str) -> None:
    answer = client.submit("/donate/", AMOUNT | change)
    assert answer.status_code == 422
    assert words in error_of(answer.text, field)
    assert "There is a problem" in answer.text
    if change.get("amount"):
        assert f'value="{change["amount"]}"' in answer.text
    assert client.get("/donate/who").location == "/donate/"


BAD_DONOR: list[tuple[dict[str, str], str, str]] = [
    ({"donor_kind": ""}, "donor_kind", "no anonymous"),
    ({"donor_kind": "alien"}, "donor_kind", "one of the answers offered"),
    ({"donor_name": ""}, "donor_name", "no anonymous"),
    ({"donor_name": "   "}, "donor_name", "no anonymous"),
    ({"donor_name": "x" * 201}, "donor_name", "at most 200"),
    ({"donor_contact": "x" * 201}, "donor_contact", "at most 200"),
    ({"donor_email": ""}, "donor_email", "Write an e-mail address"),
    ({"donor_email": "nobody"}, "donor_email", "such as name@"),
    ({"donor_email": "a@b\r\nBcc: c@d.example"}, "donor_email", "such as name@"),
]


@pytest.mark.parametrize(("change", "field", "words"), BAD_DONOR)
def test_bad_donor(client: Any, pool: uuid.UUID, change: dict[str, str], field: str, words: str) -> None:
    client.submit("/donate/", AMOUNT)
    answer = client.submit("/donate/who", DONOR | change)
    assert answer.status_code == 422
    assert words in error_of(answer.text, field)
    kept = {key: value for key, value in (DONOR | change).items() if value.strip() and key != "donor_kind"}
    for key, value in kept.items():
        if "\n" not in value:
            assert f'value="{value}"' in answer.text, key
    assert db.session.query(Pledge).count() == 0


@pytest.mark.parametrize("name", [
    "<script>alert(1)</script>", '=HYPERLINK("x")', "عُمَر \u202eABC", "O'Brien & Söhne 🕊",
])
def test_hostile_names_are_shown_as_they_are_and_run_nowhere(
    client: Any, make: Any, as_person: Any, pool: uuid.UUID, name: str
) -> None:
    client.submit("/donate/", AMOUNT)
    client.submit("/donate/who", DONOR | {"donor_name": name})
    page = client.get(client.submit("/donate/check").location)
    assert "<script>alert" not in page.text
    officer = as_person(make.person("fund_manager"))
    assert officer.get("/contributions/pledges/").status_code == 200
    csv = officer.get("/contributions/pledges/?format=csv").text
    assert ",=HYPERLINK" not in csv and ',"=HYPERLINK' not in csv


def test_the_link_is_the_only_way_to_anothers_pledge(client: Any, pool: uuid.UUID) -> None:
    one, two = named_pledge(), named_pledge()
    assert client.get(f"/donate/pledges/{one.id}/{one.token}/").status_code == 200
    for path in (f"/donate/pledges/{one.id}/{two.token}/", f"/donate/pledges/{one.id}/x/",
                 f"/donate/pledges/{uuid.uuid4()}/{one.token}/",
                 f"/donate/pledges/{one.id}/{one.token}/receipts/{uuid.uuid4()}/"):
        assert client.get(path).status_code == 404
    assert client.submit(f"/donate/pledges/{one.id}/{two.token}/pay").status_code == 404


def test_a_receipt_is_not_read_through_another_pledge(
    client: Any, make: Any, gateway: FakeGateway, pool: uuid.UUID
) -> None:
    one, two = named_pledge(), named_pledge()
    row = begin(gateway, one)
    settle(gateway.pay(row.stripe_session_id))
    checked(make, row.pledge_id)
    service.accept(row.id, make.actor("head_of_fund"), "Checked.")
    assert client.get(f"/donate/pledges/{one.id}/{one.token}/receipts/{row.id}/").status_code == 200
    assert client.get(f"/donate/pledges/{two.id}/{two.token}/receipts/{row.id}/").status_code == 404


def test_stripe_is_silent_and_the_donor_is_told(client: Any, pool: uuid.UUID) -> None:
    """The application of the tests calls a port where nobody listens."""
    made = named_pledge()
    answer = client.submit(f"/donate/pledges/{made.id}/{made.token}/pay")
    assert answer.status_code == 422
    assert "Nothing has been charged" in answer.text
    assert "Try again" in answer.text


@pytest.mark.parametrize(("state", "words"), [
    ("checkout", "Go on to pay"), ("expired", "Try again"), ("in_suspense", "waits for acceptance"),
    ("accepted", "your contribution has been received"), ("refunded", "Paid back"), ("large", "Pay in parts by card"),
])
def test_the_pledge_says_where_it_stands(
    client: Any, make: Any, gateway: FakeGateway, pool: uuid.UUID, state: str, words: str
) -> None:
    made = named_pledge(2_000_000_00 if state == "large" else 25_000_00)
    if state != "large":
        row = begin(gateway, made)
        if state == "expired":
            settle(replace(gateway.sessions[row.stripe_session_id], status="expired"))
        elif state != "checkout":
            settle(gateway.pay(row.stripe_session_id))
        if state == "accepted":
            checked(make, row.pledge_id)
            service.accept(row.id, make.actor("head_of_fund"), "Checked.")
        if state == "refunded":
            refund = service.refuse(row.id, make.actor("head_of_fund"), "purpose", "")
            service.send_refund(gateway, refund)  # type: ignore[arg-type]
    for back in ("", "?back=paid", "?back=cancelled", "?back=nonsense"):
        page = client.get(f"/donate/pledges/{made.id}/{made.token}/{back}")
        assert page.status_code == 200
    text = client.get(f"/donate/pledges/{made.id}/{made.token}/").text
    assert words in text
    assert "What happens next" in text
    officer = only(Contribution, pledge_id=made.id).id if state != "large" else None
    assert officer is None or str(officer) not in text or state == "accepted"


# --- donors with an account -------------------------------------------------------------------------------------
def test_an_agreement_in_force_decides_what_the_money_is_for(make: Any, as_person: Any, pool: uuid.UUID) -> None:
    state_pledge(make, pool)
    signed_in = as_person(make.person("donor", organisation=make.state("XC")))
    page = signed_in.get("/donate/").text
    assert "What it is for" not in page and 'name="purpose"' not in page
    decided = "The contribution agreement in force decides"
    for words in (decided, "NV/2026/17", "Where it is needed most (unearmarked)"):
        assert words in page
    assert signed_in.submit("/donate/", {"amount": "25,000"}).location == "/donate/check"
    page = signed_in.get("/donate/check").text
    for words in (decided, "NV/2026/17", "Where it is needed most (unearmarked)"):
        assert words in page
    assert signed_in.submit("/donate/check").status_code == 303
    assert {row.pool_id for row in db.session.query(Pledge)} == {pool}


def test_who_gives_with_and_without_an_agreement_is_asked(make: Any, as_person: Any, pool: uuid.UUID) -> None:
    state_pledge(make, pool)
    person, free = make.person("donor", organisation=make.state("XC")), make.state("XB")
    grant(TESTS, person.id, free, "donor", valid_from=clock.today())
    page = as_person(person).get("/donate/").text
    assert "What it is for" in page and "NV/2026/17" in page and "the agreement decides" in page


def test_results_are_named_to_donors_who_can_open_them(
    client: Any, make: Any, as_person: Any, gateway: FakeGateway, pool: uuid.UUID
) -> None:
    made, donor = state_pledge(make, pool)
    row = begin(gateway, made, donor)
    settle(gateway.pay(row.stripe_session_id))
    signed_in = as_person(make.person("donor", organisation=make.state("XC")))
    page = signed_in.get(f"/donor/pledges/{made.id}/").text
    assert "under Results" in page and 'href="/donor/results">Results</a>' in page
    assert 'href="/donor/results">Results</a>' in main_of(signed_in.get("/donor/").text)
    receipt = signed_in.get(f"/donor/receipts/{row.id}/").text
    assert re.search(rf"<h1>Receipt \S+ for pledge {made.reference}</h1>", receipt)
    visitors = named_pledge()
    row = begin(gateway, visitors)
    settle(gateway.pay(row.stripe_session_id))
    checked(make, row.pledge_id)
    service.accept(row.id, make.actor("head_of_fund"), "Checked.")
    page = client.get(f"/donate/pledges/{visitors.id}/{visitors.token}/").text
    assert "carries delegates" in page and "Results" not in main_of(page)


def test_an_empty_donor_area_asks_once_and_filters_nothing(make: Any, as_person: Any, pool: uuid.UUID) -> None:
    signed_in = as_person(make.person("donor", organisation=make.state("XC")))
    page = main_of(signed_in.get("/donor/").text)
    assert page.count("Make a pledge") == 1 and 'class="filters"' not in page
    assert 'class="filters"' in signed_in.get("/donor/?q=zz").text


def test_a_donors_own_area_and_nobody_elses(client: Any, make: Any, as_person: Any, pool: uuid.UUID) -> None:
    state = make.state("XC")
    donor = make.person("donor", organisation=state)
    signed_in = as_person(donor)
    assert signed_in.submit("/donate/", AMOUNT).location == "/donate/check"
    url = signed_in.submit("/donate/check").location
    assert signed_in.get(url).status_code == 200
    home = signed_in.get("/donor/")
    assert only(Pledge).reference in home.text
    assert only(Pledge).reference in signed_in.get("/donor/?format=csv").text
    other = as_person(make.person("donor", organisation=make.state("XB")))
    assert other.get(url).status_code == 404
    assert other.submit(f"{url}pay").status_code == 404
    assert other.submit(f"{url}withdraw", {"version": "1"}).status_code == 404
    assert only(Pledge).reference not in other.get("/donor/").text
    assert client.get("/donor/").status_code == 303
    assert as_person(make.person("focal_point")).get("/donor/").status_code == 403


def test_a_donor_withdraws_an_unpaid_pledge(make: Any, as_person: Any, pool: uuid.UUID, gateway: FakeGateway) -> None:
    state = make.state("XC")
    signed_in = as_person(make.person("donor", organisation=state))
    signed_in.submit("/donate/", AMOUNT)
    url = signed_in.submit("/donate/check").location
    assert signed_in.submit(f"{url}withdraw", {"version": ""}).status_code == 422
    assert signed_in.submit(f"{url}withdraw", {"version": "7"}).status_code == 409
    assert signed_in.submit(f"{url}pay").status_code == 303
    answer = signed_in.submit(f"{url}withdraw", {"version": "1"})
    assert answer.status_code == 422
    assert "still open" in answer.text
    row = only(Contribution)
    settle(replace(gateway.sessions[row.stripe_session_id], status="expired"))
    assert signed_in.submit(f"{url}withdraw", {"version": "1"}).status_code == 303
    assert only(Pledge).state == "cancelled"
    assert "Nothing more happens" in signed_in.get(url).text


def test_who_gives_for_two_organisations_chooses(make: Any, as_person: Any, pool: uuid.UUID) -> None:
    one, two = make.state("XA"), make.state("XB")
    person = make.person("donor", organisation=one)
    grant(TESTS, person.id, two, "donor", valid_from=clock.today())
    signed_in = as_person(person)
    answer = signed_in.submit("/donate/", AMOUNT)
    assert answer.status_code == 422
    assert "Choose for whom" in error_of(answer.text, "organisation")
    assert signed_in.submit("/donate/", AMOUNT | {"organisation": str(uuid.uuid4())}).status_code == 422
    assert signed_in.submit("/donate/", AMOUNT | {"organisation": str(two)}).status_code == 303
    signed_in.submit("/donate/check")
    assert only(Pledge).organisation_id == two


# --- officers ---------------------------------------------------------------------------------------------------
@pytest.fixture
def waiting(gateway: FakeGateway, pool: uuid.UUID) -> Contribution:
    row = begin(gateway, named_pledge())
    settle(gateway.pay(row.stripe_session_id))
    return only(Contribution, id=row.id)  # type: ignore[no-any-return]


OFFICER_PAGES = (
    "/contributions/", "/contributions/pledges/", "/contributions/agreements/", "/contributions/unmatched/",
    "/contributions/transfers/", "/contributions/refunds/", "/contributions/disputes/", "/contributions/receipts/",
)


def test_officers_pages_and_downloads(make: Any, as_person: Any, waiting: Contribution) -> None:
    for role in ("fund_manager", "head_of_fund", "auditor"):
        officer = as_person(make.person(role))
        for path in (*OFFICER_PAGES, f"/contributions/{waiting.id}/", f"/contributions/pledges/{waiting.pledge_id}/"):
            assert officer.get(path).status_code == 200, (role, path)
        assert waiting.reference in officer.get("/contributions/?format=csv").text
        assert waiting.reference in officer.get("/contributions/?state=in_suspense&sort=amount&dir=desc").text
        assert waiting.reference not in officer.get("/contributions/?state=accepted").text
        assert waiting.reference in officer.get(f"/contributions/?q={waiting.reference[-4:]}").text
        assert waiting.reference not in officer.get("/contributions/?q=%25zz").text
    text = as_person(make.person("auditor")).get(f"/contributions/{waiting.id}/").text
    assert "Accept the contribution" not in text and "pay it back" not in text.lower().replace("paid back", "")


@pytest.mark.parametrize("role", ["focal_point", "donor", "panel_member", "approving_officer", "bank_signatory"])
def test_others_see_none_of_it(make: Any, as_person: Any, waiting: Contribution, role: str) -> None:
    other = as_person(make.person(role))
    for path in (*OFFICER_PAGES, f"/contributions/{waiting.id}/"):
        assert other.get(path).status_code == 403
    assert other.submit(f"/contributions/{waiting.id}/accept", {"checked": "x", "version": "1"}).status_code == 403
    assert only(Contribution).state == "in_suspense"


BAD_DECISIONS: list[tuple[str, str, dict[str, str], int, str, str]] = [
    ("head_of_fund", "accept", {"checked": ""}, 422, "checked", "Write why it is accepted"),
    ("head_of_fund", "accept", {"checked": "x" * 2001}, 422, "checked", "under 2,000"),
    ("head_of_fund", "accept", {"checked": "Checked.", "version": "99"}, 409, "", ""),
    ("head_of_fund", "accept", {"checked": "Checked.", "version": "x"}, 422, "", ""),
    ("fund_manager", "accept", {"checked": "Checked."}, 403, "", ""),
    ("fund_manager", "refuse", {"reason": ""}, 422, "reason", "Choose a reason"),
    ("fund_manager", "refuse", {"reason": "because"}, 422, "reason", "Choose one of the answers offered"),
    ("fund_manager", "refuse", {"reason": "purpose", "note": "x" * 2001}, 422, "note", "under 2,000"),
    ("auditor", "refuse", {"reason": "purpose"}, 403, "", ""),
    ("fund_manager", "refuse", {"reason": "purpose", "version": "1"}, 409, "", ""),
]


@pytest.mark.parametrize(("role", "action", "data", "status", "field", "words"), BAD_DECISIONS)
def test_bad_decisions(
    make: Any, as_person: Any, waiting: Contribution, role: str, action: str, data: dict[str, str], status: int,
    field: str, words: str,
) -> None:
    officer = as_person(make.person(role))
    answer = officer.submit(f"/contributions/{waiting.id}/{action}", {"version": str(waiting.version)} | data)
    assert answer.status_code == status
    if field:
        assert words in error_of(answer.text, field)
        kept = data.get("checked", data.get("note", ""))
        assert not kept or kept in answer.text
    assert only(Contribution).state == "in_suspense"
    assert db.session.query(Refund).count() == 0


def test_a_refund_while_stripe_is_silent_is_kept_for_the_sweep(make: Any, as_person: Any, app: Any,
                                                                waiting: Contribution) -> None:
    from sponsorship.gateways.stripe_gateway import StripeGateway

    app.extensions["placard_stripe"] = StripeGateway(app.extensions["placard_settings"])
    manager = as_person(make.person("fund_manager"))
    answer = manager.submit(f"/contributions/{waiting.id}/refuse",
                            {"reason": "purpose", "note": "", "version": str(waiting.version)})
    assert answer.status_code == 303
    assert "will be sent by schedule" in manager.get(f"/contributions/{waiting.id}/").text
    assert only(Refund).state == "created"


def test_a_pledge_is_cancelled_with_a_reason(make: Any, as_person: Any, pool: uuid.UUID) -> None:
    made = named_pledge()
    manager = as_person(make.person("fund_manager"))
    path = f"/contributions/pledges/{made.id}/"
    assert "Cancel the pledge" in manager.get(path).text
    answer = manager.submit(f"{path}cancel", {"words": "", "version": "1"})
    assert answer.status_code == 422
    assert "Write why" in error_of(answer.text, "words")
    confirmed = {"words": "Donor wrote.", "step": "confirm"}
    assert manager.submit(f"{path}cancel", confirmed | {"version": "3"}).status_code == 409
    assert only(Pledge).state == "announced"
    assert manager.submit(f"{path}cancel", confirmed | {"version": "1"}).status_code == 303
    assert only(Pledge).state == "cancelled"
    assert "Donor wrote." in manager.get(path).text


def _agreement(state: uuid.UUID, purpose: str = "general") -> dict[str, str]:
    return {"organisation": str(state), "reference": "NV/2026/17", "exchange_of_letters": "2026-01-15",
            "support_rate": "7.5", "end_date": "2030-12-31", "purpose": purpose, "refund_clause": "return",
            "step": "confirm"}


def test_an_agreement_goes_on_record(make: Any, as_person: Any, pool: uuid.UUID) -> None:
    donor = make.donor("ADA", "Ada Foundation")
    manager = as_person(make.person("fund_manager"))
    assert manager.get("/contributions/agreements/new").status_code == 200
    answer = manager.submit("/contributions/agreements/new", _agreement(donor))
    assert answer.status_code == 303, answer.text
    row = only(Agreement)
    assert (row.support_rate_bp, row.reference) == (750, "NV/2026/17")
    text = manager.get("/contributions/agreements/").text
    assert "7.50 %" in text and "Ada Foundation" in text
    assert "NV/2026/17" in manager.get("/contributions/agreements/?format=csv").text


FUTURE = (clock.today() + timedelta(days=5)).isoformat()
BAD_AGREEMENTS: list[tuple[dict[str, str], str, str]] = [
    ({"organisation": ""}, "organisation", "Choose the donor"),
    ({"organisation": str(uuid.uuid4())}, "organisation", "Choose one of the answers offered"),
    ({"reference": ""}, "reference", "Write the reference"),
    ({"reference": "x" * 81}, "reference", "at most 80"),
    ({"exchange_of_letters": ""}, "exchange_of_letters", "Write the date"),
    ({"exchange_of_letters": "31 June 2026"}, "exchange_of_letters", "a date that exists"),
    ({"exchange_of_letters": FUTURE}, "exchange_of_letters", "in the future"),
    ({"end_date": "2026-01-15"}, "end_date", "must end after"),
    ({"end_date": "soon"}, "end_date", "a date that exists"),
    ({"support_rate": ""}, "support_rate", "Write the rate"),
    ({"support_rate": "thirteen"}, "support_rate", "from 0 to 50"),
    ({"support_rate": "51"}, "support_rate", "from 0 to 50"),
    ({"support_rate": "-1"}, "support_rate", "from 0 to 50"),
    ({"support_rate": "7.555"}, "support_rate", "from 0 to 50"),
    ({"support_rate": "NaN"}, "support_rate", "from 0 to 50"),
    ({"support_rate": "Infinity"}, "support_rate", "from 0 to 50"),
    ({"purpose": ""}, "purpose", "Choose what the money is for"),
    ({"purpose": "nonsense"}, "purpose", "one of the answers offered"),
    ({"purpose": "own"}, "purpose", "at least one condition"),
    ({"refund_clause": ""}, "refund_clause", "Choose what the letters say"),
    ({"refund_clause": "keep"}, "refund_clause", "one of the answers offered"),
]


@pytest.mark.parametrize(("change", "field", "words"), BAD_AGREEMENTS)
def test_bad_agreements(
    make: Any, as_person: Any, pool: uuid.UUID, change: dict[str, str], field: str, words: str
) -> None:
    manager = as_person(make.person("fund_manager"))
    data = _agreement(make.donor("ADA", "Ada Foundation")) | change
    answer = manager.submit("/contributions/agreements/new", data)
    assert answer.status_code == 422
    assert words in error_of(answer.text, field)
    for key in ("reference", "support_rate", "end_date"):
        assert not data[key] or f'value="{data[key]}"' in answer.text, key
    assert db.session.query(Agreement).count() == 0


def test_the_same_agreement_twice(make: Any, as_person: Any, pool: uuid.UUID) -> None:
    manager = as_person(make.person("fund_manager"))
    data = _agreement(make.donor("ADA", "Ada Foundation"))
    assert manager.submit("/contributions/agreements/new", data).status_code == 303
    answer = manager.submit("/contributions/agreements/new", data)
    assert answer.status_code == 422
    assert "already recorded" in error_of(answer.text, "reference")


def test_only_the_fund_manager_records_agreements(make: Any, as_person: Any, pool: uuid.UUID) -> None:
    head = as_person(make.person("head_of_fund"))
    assert head.get("/contributions/agreements/new").status_code == 403
    data = _agreement(make.donor("ADA", "Ada Foundation"))
    assert head.submit("/contributions/agreements/new", data).status_code == 403


def test_notices_that_match_nothing(make: Any, as_person: Any, pool: uuid.UUID) -> None:
    for number in ("dp_1", "dp_2"):
        inbox.set_aside("charge.dispute.created", number, False, "unknown_dispute")
    manager = as_person(make.person("fund_manager"))
    page = manager.get("/contributions/unmatched/").text
    assert page.count("Explain and close") == 2
    assert "A dispute of a payment that is not known here." in page
    one = only(StripeEvent, object_id="dp_1")
    answer = manager.submit(f"/contributions/unmatched/{one.id}/explain", {"words": "", "version": str(one.version)})
    assert answer.status_code == 422
    assert "Write what was done" in error_of(answer.text, f"words-{one.id.hex}")
    assert manager.submit(f"/contributions/unmatched/{one.id}/retry", {"version": "77"}).status_code == 409
    assert manager.submit(f"/contributions/unmatched/{one.id}/retry", {"version": str(one.version)}).status_code == 303
    assert only(StripeEvent, object_id="dp_1").state == "new"
    reader = as_person(make.person("auditor"))
    assert "Explain and close" not in reader.get("/contributions/unmatched/").text


def test_desks(app: Any, make: Any, waiting: Contribution) -> None:
    with app.test_request_context():
        _desks(make, waiting)


def _desks(make: Any, waiting: Contribution) -> None:
    (item,) = back_desk.checks(PUBLIC)
    assert item.reference == waiting.reference
    assert back_desk.acceptance(PUBLIC) == back_desk.not_clear(PUBLIC) == []
    checked(make, waiting.pledge_id, "not_clear")
    assert [i.reference for i in back_desk.not_clear(PUBLIC)] == [waiting.reference]
    checked(make, waiting.pledge_id)
    assert [i.reference for i in back_desk.acceptance(PUBLIC)] == [waiting.reference]
    assert back_desk.checks(PUBLIC) == back_desk.not_clear(PUBLIC) == []
    assert desk.troubles(PUBLIC) == []
    inbox.set_aside("checkout.session.completed", "cs_1", False, "amount_differs")
    assert len(desk.troubles(PUBLIC)) == 1
    state = make.state("XC")
    donor = make.actor("donor", organisation=state)
    service.make_pledge(service.PledgeDraft(uuid.uuid4().hex, 5000, organisation_id=state), donor)
    assert len(desk.own_pledges(donor)) == 1


@pytest.mark.parametrize("path", ["/contributions/", "/contributions/pledges/"])
def test_a_list_of_many_costs_what_a_list_of_one_costs(
    make: Any, as_person: Any, gateway: FakeGateway, pool: uuid.UUID, queries: list[str], path: str
) -> None:
    officer = as_person(make.person("fund_manager"))

    def cost() -> int:
        officer.get(path)
        del queries[:]
        officer.get(path)
        return len(queries)

    state = make.state("XC")
    donor = make.actor("donor", organisation=state)
    begin(gateway, named_pledge())
    begin(gateway, service.make_pledge(
        service.PledgeDraft(uuid.uuid4().hex, 5000, organisation_id=state), donor), donor)
    one = cost()
    for _ in range(6):
        begin(gateway, named_pledge())
        begin(gateway, service.make_pledge(
            service.PledgeDraft(uuid.uuid4().hex, 5000, organisation_id=state), donor), donor)
    assert cost() <= one + 2  # names of organisations, for the rows and the filter, once there are any

