"""Officers' and donors' pages of pledges: what they say, what they refuse, who may see them, what many cost."""

from __future__ import annotations

import io
import re
import uuid
from datetime import timedelta
from typing import Any

import openpyxl
import pytest
import sqlalchemy as sa

from accounts.permissions import PERMISSIONS, ROLES
from core import clock
from core.actor import PUBLIC
from core.db import db, new_id
from sponsorship.contributions import service
from sponsorship.contributions.models import Instalment, Pledge
from sponsorship.contributions.queries import get_pledge
from sponsorship.contributions.schedules import Part
from tests.integration.test_contributions_payments import FakeGateway
from tests.integration.test_contributions_payments import gateway as gateway
from tests.support.giving import Fund, error_of, fresh, in_days, main_of, rows, words_of
from tests.support.rates import put_rates

pytestmark = pytest.mark.pages


@pytest.fixture
def fund(make: Any) -> Fund:
    return Fund(make, rates=True)


@pytest.fixture
def manager(fund: Fund, as_person: Any) -> Any:
    return as_person(fund.people["fund_manager"])


@pytest.fixture
def head(fund: Fund, as_person: Any) -> Any:
    return as_person(fund.people["head_of_fund"])


@pytest.fixture
def donor(fund: Fund, as_person: Any) -> Any:
    return as_person(fund.donor_person)


def path(pledge_id: uuid.UUID, act: str = "") -> str:
    return f"/contributions/pledges/{pledge_id}/{act}"


# --- one pledge -------------------------------------------------------------------------------------------------
def test_everything_a_pledge_amounts_to(fund: Fund, manager: Any) -> None:
    made = fund.pledge(900_00, 10, 20, 30, currency="EUR", words="General exchange of views.")
    fund.pay(made, 300_00)
    put_rates({"EUR": "0.80"}, in_days(2))
    with clock.moved_to(clock.now() + timedelta(days=2)):
        fund.pay(made, 400_00)
    page = manager.get(path(made)).text
    text = words_of(page)
    assert "General exchange of views." in page
    for words in (
        "EUR 900.00", "USD 978.26", "at EUR 0.92 for one US dollar", "EUR 700.00", "EUR 200.00",
        "326.09",  # 300.00 at the announcement and at the deposit
        "434.78", "500.00", "65.22",  # 400.00: at the announcement, at the deposit, the difference
        "changes nothing of what the donor owes",
    ):
        assert words in text, words


def test_earlier_instalments_stay_readable_with_the_reason(fund: Fund, manager: Any) -> None:
    made = fund.pledge(900_00, 10, 20, 30)
    service.reduce(made, 700_00, fund.manager, "The budget was cut.", 1)
    service.defer(made, [Part(700_00, in_days(90))], fund.manager, "Parliament meets in spring.", fund.version(made))
    page = manager.get(path(made)).text
    assert page.count("<details>") == 2
    for words in ("The budget was cut.", "Parliament meets in spring.", "From USD 900.00 to USD 700.00"):
        assert words in page
    assert main_of(page).count("300.00") >= 3


def test_what_may_be_done_depends_on_who_looks_and_where_it_stands(fund: Fund, manager: Any, head: Any) -> None:
    made = fund.pledge(900_00, 10)

    def acts(client: Any, pledge: uuid.UUID) -> set[str]:
        return set(re.findall(rf'href="{re.escape(path(pledge))}([a-z-]+)"', client.get(path(pledge)).text))

    assert acts(manager, made) == {"agree", "reduce", "defer", "cancel"}
    assert acts(head, made) == {"write-off"}
    fund.pay(made, 1_00)
    assert acts(manager, made) == {"agree", "reduce", "defer"}
    service.write_off(made, fund.head, "Given up.", fund.version(made))
    assert acts(manager, made) == set() == acts(head, made)
    named = fund.named().id
    assert acts(manager, named) == {"reduce", "defer", "cancel"}


ACTS: list[tuple[str, str, dict[str, str], str]] = [
    ("reduce", "manager", {"amount": "500", "words": "Less."}, "reduced"),
    ("defer", "manager", {"plan": "listed", "words": "Later."} | rows((in_days(90).isoformat(), "900")), "deferred"),
    ("defer", "manager", {"plan": "equal", "number": "3", "first": in_days(90).isoformat(), "every": "1",
                          "words": "Later."}, "deferred"),
    ("cancel", "manager", {"words": "Not paid."}, "cancelled"),
    ("write-off", "head", {"words": "Given up."}, "written_off"),
]


@pytest.mark.parametrize(("act", "who", "data", "state"), ACTS)
def test_an_act_is_shown_then_done_once(
    fund: Fund, manager: Any, head: Any, act: str, who: str, data: dict[str, str], state: str
) -> None:
    client, made = {"manager": manager, "head": head}[who], fund.pledge(900_00, 10)
    page = client.get(path(made, act))
    assert page.status_code == 200
    version = re.search(r'name="version"[^>]*value="(\d+)"', page.text)
    assert version is not None
    data = data | {"version": version[1]}
    check = client.submit(path(made, act), data)
    assert check.status_code == 200 and 'value="confirm"' in check.text
    assert fund.state_of(made) == "announced"
    for name, value in data.items():
        assert f'name="{name}" value="{value}"' in check.text
    back = client.submit(path(made, act), data | {"step": "change"})
    assert back.status_code == 200 and data["words"] in back.text
    assert client.submit(path(made, act), data | {"step": "confirm"}).status_code == 303
    assert fund.state_of(made) == state
    again = client.submit(path(made, act), data | {"step": "confirm"})
    assert again.status_code == 409, "a second click, or another tab"
    assert fresh(Pledge, made).version == 2


WRONG_ACTS: list[tuple[str, dict[str, str], str, str]] = [
    ("reduce", {"amount": "900", "words": "x"}, "amount", "below USD 900.00"),
    ("reduce", {"amount": "900.01", "words": "x"}, "amount", "below USD 900.00"),
    ("reduce", {"amount": "0", "words": "x"}, "amount", "above zero"),
    ("reduce", {"amount": "1.001", "words": "x"}, "amount", "no smaller part"),
    ("reduce", {"amount": "500", "words": " "}, "words", "Write why"),
    ("reduce", {"amount": "500", "words": "x" * 2001}, "words", "under 2,000"),
    ("defer", {"plan": "", "words": "x"}, "plan", "Choose when"),
    ("defer", {"plan": "equal", "words": "x"}, "number", "from 1 to 20"),
    ("defer", {"plan": "equal", "number": "2", "words": "x"}, "first", "date of the first"),
    ("defer", {"plan": "listed", "words": "x"}, "instalments", "from one to 20"),
    ("defer", {"plan": "listed", "words": "x"} | rows((in_days(5).isoformat(), "899.99")), "instalments", "add up to"),
    ("defer", {"plan": "listed", "words": "x"} | rows((in_days(-1).isoformat(), "900")), "instalments", "today on"),
    ("defer", {"plan": "listed", "words": "x"} | rows(("", "900")), "instalments-0-due_on", "date for each"),
    ("cancel", {"words": ""}, "words", "Write why"),
    ("agree", {"agreement": ""}, "agreement", "Choose the agreement"),
    ("agree", {"agreement": str(uuid.uuid4())}, "agreement", "Choose one of the answers offered"),
]


@pytest.mark.parametrize(("act", "data", "field", "words"), WRONG_ACTS)
@pytest.mark.parametrize("step", ["", "confirm"])
def test_acts_that_cannot_be(
    fund: Fund, manager: Any, act: str, data: dict[str, str], field: str, words: str, step: str
) -> None:
    made = fund.pledge(900_00, 10)
    fund.agreement()
    answer = manager.submit(path(made, act), data | {"version": "1", "step": step})
    assert answer.status_code == 422
    assert words in error_of(answer.text, field), error_of(answer.text, field)
    assert fund.state_of(made) == "announced"
    for name, value in data.items():
        if value.strip() and name not in ("agreement", "plan"):
            assert value in answer.text, name


def test_under_an_agreement(fund: Fund, manager: Any) -> None:
    made = fund.pledge(900_00, 10)
    assert "no agreement in force" in manager.get(path(made, "agree")).text
    agreement = fund.agreement(reference="NV/1", pool_id=fund.women, refund_clause="none")
    data = {"agreement": str(agreement), "version": "1"}
    check = words_of(manager.submit(path(made, "agree"), data).text)
    assert "NV/1" in check and "Women delegates" in check and "13 %" in check and "do not say" in check
    assert manager.submit(path(made, "agree"), data | {"step": "confirm"}).status_code == 303
    assert fund.state_of(made) == "agreed"


def test_an_act_that_nobody_knows_or_that_is_anothers(fund: Fund, manager: Any, head: Any) -> None:
    made = fund.pledge(900_00, 10)
    assert manager.get(path(made, "burn")).status_code == 404
    assert manager.submit(path(made, "burn"), {"step": "confirm"}).status_code == 404
    assert manager.get(path(uuid.uuid4(), "reduce")).status_code == 404
    assert manager.get(path(made, "write-off")).status_code == 403
    assert head.get(path(made, "reduce")).status_code == 403
    assert head.submit(path(made, "cancel"), {"words": "x", "version": "1", "step": "confirm"}).status_code == 403
    assert fund.state_of(made) == "announced"


# --- announced elsewhere ----------------------------------------------------------------------------------------
def record(fund: Fund, **changes: str) -> dict[str, str]:
    return {"organisation": str(fund.state), "announced_on": clock.today().isoformat(), "words": "BMS10, item 5.",
            "currency": "EUR", "amount": "1,000", "purpose": "general", "plan": "once", "draft_key": uuid.uuid4().hex,
            **changes}


def test_what_was_announced_elsewhere_is_shown_then_recorded_once(fund: Fund, manager: Any) -> None:
    data = record(fund, plan="equal", number="3", first=in_days(30).isoformat(), every="3", purpose="own", sex="female")
    assert manager.get("/contributions/pledges/new").status_code == 200
    check = manager.submit("/contributions/pledges/new", data)
    assert check.status_code == 200 and db.session.query(Pledge).count() == 0
    for words in ("EUR 1,000.00", "1,000.00 euros", "USD 1,086.96", "333.34", "who are women", "BMS10, item 5."):
        assert words in words_of(check.text)
    first = manager.submit("/contributions/pledges/new", data | {"step": "confirm"}).location
    assert manager.submit("/contributions/pledges/new", data | {"step": "confirm"}).location == first
    row = db.session.query(Pledge).one()
    assert (row.currency, row.amount_minor, row.pool_id) == ("EUR", 1_000_00, fund.women)
    assert "BMS10, item 5." in manager.get(first).text


@pytest.mark.parametrize(("change", "field", "words"), [
    ({"organisation": ""}, "organisation", "Choose the donor"),
    ({"organisation": "x"}, "organisation", "Choose one of the answers"),
    ({"announced_on": ""}, "announced_on", "day of the announcement"),
    ({"announced_on": in_days(1).isoformat()}, "announced_on", "in the future"),
    ({"announced_on": "2001-01-01"}, "announced_on", "years ago"), ({"words": " "}, "words", "where it was announced"),
    ({"announced_on": in_days(-9).isoformat()}, "currency", "There is no exchange rate of EUR"),
    ({"amount": ""}, "amount", "Write the amount"), ({"amount": "1"}, None, "USD 5.00"),
    ({"currency": "JPY", "amount": "10.5"}, "amount", "no smaller part"),
    ({"purpose": "own"}, "purpose", "at least one condition"), ({"plan": "equal"}, "number", "from 1 to 20"),
    ({"plan": "listed"} | rows((in_days(5).isoformat(), "999.99")), "instalments", "add up to EUR 999.99"),
    ({"plan": "listed", "currency": "JPY", "amount": "1000"} | rows((in_days(5).isoformat(), "999.9")),
     "instalments-0-amount", "no smaller part"),
])
def test_announcements_that_cannot_be(
    fund: Fund, manager: Any, change: dict[str, str], field: str | None, words: str
) -> None:
    answer = manager.submit("/contributions/pledges/new", record(fund, **change))
    assert answer.status_code == 422
    assert words in (error_of(answer.text, field) if field else answer.text)
    assert db.session.query(Pledge).count() == 0


# --- the list ---------------------------------------------------------------------------------------------------
def test_filters_order_and_totals(fund: Fund, manager: Any, make: Any) -> None:
    one = fund.pledge(900_00, 10, earmark={"sex": ["female"]})
    two = fund.pledge(920_00, 40, currency="EUR", organisation=make.state("XB"))
    three = fund.named(100_00).id
    late = fund.pledge(50_00, announced_on=in_days(-3), parts=(Part(50_00, in_days(-1)),))
    service.fall_due(late, clock.now())
    names = {key: fresh(Pledge, key).reference for key in (one, two, three, late)}

    def shown(query: str) -> set[uuid.UUID]:
        page = main_of(manager.get(f"/contributions/pledges/?{query}").text)
        return {key for key, reference in names.items() if f">{reference}<" in page}

    assert shown("") == set(names)
    assert shown("state=overdue") == {late}
    assert shown("currency=EUR") == {two}
    assert shown(f"donor={make.state('XB')}") == {two}
    assert shown("donor=no-account") == {three}
    assert shown(f"purpose={fund.women}") == {one}
    assert shown("purpose=general") == {two, three, late}
    assert shown(f"due={in_days(20).isoformat()}") == {one, late}
    assert shown(f"due={in_days(10).isoformat()}") == {late}, "before that day"
    assert shown(f"q={names[two][-4:]}") == {two}
    for rubbish in ("due=soon", "due=2027-02-30", "donor=x", "purpose=x", "currency=€", "state=gone", "sort=x&page=-1"):
        assert shown(rubbish) == set(names), rubbish
    totals = words_of(manager.get("/contributions/pledges/").text)
    assert "2,050.00" in totals  # 900 + 1,000 + 100 + 50 dollars
    assert "1,050.00" in words_of(manager.get("/contributions/pledges/?currency=USD").text)
    for sort in ("reference", "announced_at", "usd", "next_due_on"):
        for direction in ("asc", "desc"):
            assert manager.get(f"/contributions/pledges/?sort={sort}&dir={direction}").status_code == 200


def test_files_say_currencies_and_run_no_formula(fund: Fund, manager: Any) -> None:
    fund.named(10_000, 40, currency="JPY", donor_name='=HYPERLINK("http://x")')
    lines = manager.get("/contributions/pledges/?format=csv").text.splitlines()
    assert "Currency" in lines[0] and ',"JPY",10000,' in lines[1] and '"=HYPER' not in lines[1]
    book = openpyxl.load_workbook(io.BytesIO(manager.get("/contributions/pledges/?format=xlsx").data))
    values = [cell.value for cell in list(book.active.iter_rows())[1]]
    assert "JPY" in values and all(cell.data_type != "f" for row in book.active.iter_rows() for cell in row)


def test_an_empty_list(fund: Fund, manager: Any) -> None:
    page = manager.get("/contributions/pledges/").text
    assert "No pledge yet" in page and 'class="filters"' not in page


@pytest.mark.slow
@pytest.mark.parametrize("number", [10_000])
def test_ten_thousand_pledges(fund: Fund, manager: Any, queries: list[str], number: int) -> None:
    made = fund.pledge(900_00, 10)
    manager.get("/contributions/pledges/")
    del queries[:]
    manager.get("/contributions/pledges/")
    one = len(queries)
    template = dict(db.session.execute(sa.select(Pledge.__table__).where(Pledge.id == made)).mappings().one())
    pledges = [{**template, "id": new_id(), "reference": f"PLG-T-{n:05d}", "draft_key": f"t{n}", "schedule": 0}
               for n in range(number)]
    db.session.execute(sa.insert(Pledge.__table__), pledges)
    db.session.execute(sa.insert(Instalment.__table__), [
        {"id": new_id(), "pledge_id": p["id"], "schedule": 1, "n": 1, "due_on": p["next_due_on"],
         "amount_minor": p["amount_minor"]} for p in pledges])
    db.session.execute(sa.update(Pledge.__table__).where(Pledge.schedule == 0).values(schedule=1))
    db.session.commit()
    from time import perf_counter

    del queries[:]
    started = perf_counter()
    page = manager.get("/contributions/pledges/")
    took = perf_counter() - started
    assert len(queries) == one and "10,001" in page.text
    assert f"{900 * (number + 1):,}.00" in words_of(page.text)
    assert took < 3, took
    lines = manager.get("/contributions/pledges/?format=csv").text
    assert lines.count("\n") == number + 1, "a file holds at most ten thousand"
    due = in_days(30).isoformat()
    for url in ("/contributions/reminders/", "/desk", f"/contributions/pledges/?due={due}&sort=usd"):
        started = perf_counter()
        assert manager.get(url, check=False).status_code == 200
        assert perf_counter() - started < 6, url


# --- the donor's own area ---------------------------------------------------------------------------------------
def test_what_is_due_soonest_first(fund: Fund, donor: Any) -> None:
    undated, dated = fund.pledge(500_00), fund.pledge(900_00, 5, 50)
    page = words_of(donor.get("/donor/").text)
    due = page.partition("What is due")[2].partition("My pledges")[0]
    reference = fresh(Pledge, dated).reference
    assert due.index("1 of 2") < due.index("2 of 2") < due.index("When it suits you")
    assert reference in due and fresh(Pledge, undated).reference in due
    assert "Statement" in page
    with clock.moved_to(clock.now() + timedelta(days=6)):
        assert "One instalment is overdue" in donor.get("/donor/").text


def test_a_donor_pays_what_is_due_all_or_another_amount(fund: Fund, donor: Any, gateway: FakeGateway) -> None:
    made = fund.pledge(900_00, 5, 50)
    page = donor.get(f"/donor/pledges/{made}/").text
    assert "Ways to pay" in page and "USD 450.00" in page
    url = f"/donor/pledges/{made}/pay-amount"
    form = donor.get(url).text
    assert "What is due next: USD 450.00" in words_of(form) and "USD 900.00" in form
    for data, field, words in (
        ({}, "what", "Choose what you pay"), ({"what": "half"}, "what", "one of the answers"),
        ({"what": "other"}, "amount", "Write the amount"),
        ({"what": "other", "amount": "900.01"}, "amount", "up to USD 900.00"),
        ({"what": "other", "amount": "0"}, "amount", "above zero"),
        ({"what": "other", "amount": "1.001"}, "amount", "smaller"),
    ):
        answer = donor.submit(url, data)
        assert answer.status_code == 422 and words in error_of(answer.text, field), data
    assert donor.submit(url, {"what": "other", "amount": "123.45"}).status_code == 303
    (facts,) = gateway.sessions.values()
    assert facts.amount is not None and facts.amount.minor == 123_45


@pytest.mark.parametrize(("what", "minor"), [("next", 450_00), ("all", 900_00)])
def test_a_donor_by_link_pays_what_is_due_or_all(
    fund: Fund, client: Any, gateway: FakeGateway, what: str, minor: int
) -> None:
    made = fund.named(900_00, 5, 50)
    url = f"/donate/pledges/{made.id}/{made.token}/pay-amount"
    assert client.get(url).status_code == 200
    assert client.submit(url, {"what": what}).status_code == 303
    (facts,) = gateway.sessions.values()
    assert facts.amount is not None and facts.amount.minor == minor


def test_nothing_is_asked_of_a_pledge_that_owes_nothing(fund: Fund, donor: Any, manager: Any) -> None:
    made = fund.pledge(900_00, 5)
    fund.pay(made, 900_00)
    assert donor.get(f"/donor/pledges/{made}/pay-amount").location == f"/donor/pledges/{made}/"
    assert "Ways to pay" not in donor.get(f"/donor/pledges/{made}/").text
    assert donor.submit(f"/donor/pledges/{made}/pay").status_code == 422


def test_no_cards_no_button(fund: Fund, donor: Any) -> None:
    from sponsorship.contributions.fund_settings import change_fund_settings

    made = fund.pledge(900_00, 5)
    change_fund_settings(cards=False, details="", actor=fund.manager, expected_version=0)
    page = donor.get(f"/donor/pledges/{made}/").text
    assert "by card" not in main_of(page)
    assert donor.submit(f"/donor/pledges/{made}/pay").status_code == 422


def test_the_donor_reads_no_officers_reasons_and_no_officers_name(fund: Fund, donor: Any) -> None:
    made = fund.pledge(900_00, 5, words="Whispered by a colleague.")
    service.reduce(made, 500_00, fund.manager, "They are in trouble.", 1)
    page = donor.get(f"/donor/pledges/{made}/").text
    assert "Whispered" not in page and "in trouble" not in page and "Test Person" not in main_of(page)
    assert "From USD 900.00 to USD 500.00" in page and "The fund" in page


# --- who may ----------------------------------------------------------------------------------------------------
def test_the_sweep_of_identifiers(fund: Fund, make: Any, as_person: Any, client: Any) -> None:
    """Every page of one pledge, as every role and as another donor: shut, or as if it did not exist."""
    made, named = fund.pledge(900_00, 5), fund.named(900_00, 5)
    own = [f"/donor/pledges/{made}/", f"/donor/pledges/{made}/pay-amount", f"/donor/pledges/{named.id}/"]
    posts = [f"/donor/pledges/{made}/pay", f"/donor/pledges/{made}/pay-amount", f"/donor/pledges/{made}/withdraw"]
    stranger = as_person(make.person("donor", organisation=make.state("XB")))
    for url in own:
        assert stranger.get(url).status_code == 404, url
    for url in posts:
        assert stranger.submit(url, {"what": "all", "version": "1"}).status_code == 404, url
    for token in ("x", named.token[:-1], named.token + "x", "é" * 43):
        for url in ("", "pay-amount"):
            assert client.get(f"/donate/pledges/{named.id}/{token}/{url}").status_code == 404
        assert client.submit(f"/donate/pledges/{named.id}/{token}/pay-amount", {"what": "all"}).status_code == 404
    assert client.get(f"/donate/pledges/{made}/{named.token}/").status_code == 404
    officers = {
        f"/contributions/pledges/{made}/": "contribution.view_all", "/contributions/pledges/": "contribution.view_all",
        "/contributions/pledges/new": "contribution.agreement", "/contributions/reminders/": "contribution.view_all",
        f"/contributions/pledges/{made}/reduce": "contribution.agreement",
        f"/contributions/pledges/{made}/write-off": "contribution.write_off",
        f"/contributions/reminders/{fund.state}/letter": "contribution.view_all",
    }
    for role in ROLES:
        person = as_person(make.person(role))
        for url, permission in officers.items():
            wanted = 200 if role in PERMISSIONS[permission] else 403
            assert person.get(url, check=False).status_code == wanted, (role, url)


@pytest.mark.parametrize("url", ["/contributions/pledges/", "/contributions/reminders/", "/donor/", "/desk"])
def test_many_cost_what_one_costs(
    fund: Fund, manager: Any, donor: Any, queries: list[str], url: str, make: Any
) -> None:
    client = donor if url == "/donor/" else manager

    def cost() -> int:
        client.get(url)
        del queries[:]
        client.get(url)
        return len(queries)

    fund.pledge(900_00, 10, earmark={"facts": ["ldc"]})
    fund.named(900_00, 10, currency="EUR")
    one = cost()
    for n in range(8):
        fund.pledge(900_00, 10, 20, currency=("EUR", "USD")[n % 2], earmark={"group": [("African", "WEOG")[n % 2]]})
        fund.pledge(900_00, 10, organisation=make.state(("XA", "XB")[n % 2]))
        fund.named(900_00, 10, donor_email=f"d{n}@donor.example")
    assert cost() <= one + (1 if url == "/contributions/pledges/" else 0)


def test_arabic_words_everywhere(fund: Fund, manager: Any, client: Any) -> None:
    made = fund.named(donor_name="مؤسسة السلام", donor_contact="د. ليلى")
    assert "مؤسسة السلام" in client.get(f"/donate/pledges/{made.id}/{made.token}/").text
    service.reduce(made.id, 100_00, fund.manager, "سبب التخفيض", 1)
    page = manager.get(path(made.id)).text
    assert "مؤسسة السلام" in page and "سبب التخفيض" in page
    assert get_pledge(made.id).donor == "مؤسسة السلام"
    assert service.make_pledge(service.PledgeDraft(uuid.uuid4().hex, 100_00, donor_name="م", donor_email="a@b.example"),
                               PUBLIC)
