"""The ledger's pages in the pseudo-languages: every string through gettext, every page mirrored."""

import re
import uuid
from datetime import date

import pytest

from core.db import db
from core.web.instants import parse_until
from sponsorship.ledger.books import account_by_code
from sponsorship.ledger.models import Entry
from sponsorship.ledger.service import (
    Intake,
    LegSpec,
    account_id,
    charge_fee,
    credit,
    open_pool,
    post,
    receive,
    reserve,
    spend,
)
from tests.integration.test_i18n import _strays
from tests.integration.test_ledger_pages import TESTS
from tests.support.people import put_session

pytestmark = [pytest.mark.pages, pytest.mark.real_database, pytest.mark.xdist_group("languages")]


@pytest.fixture
def addresses(speaking):
    """Every kind of page, with something on it."""
    pool = open_pool("africa", "African Group", {"group": ["African"]})
    receive(pool, Intake(1_234_56, 34_56), source=("contribution", uuid.uuid4()), key="in", actor=TESTS)
    reservation = reserve(("award", uuid.uuid4()), [pool], 500_00, key="reserve", actor=TESTS)
    spend(reservation, 200_00, key="spend", actor=TESTS, subject=("disbursement", uuid.uuid4()))
    charge_fee(pool, 700_00, subject=("dispute", uuid.uuid4()), key="dispute", actor=TESTS)
    fixed = db.session.query(Entry.id).filter_by(key="spend").scalar()
    post("payout", [
        LegSpec(account_id("bank"), "D", 10_00, 1508, "JPY", "150.82", "a source", date(2025, 7, 1)),
        LegSpec(account_id("bank"), "D", 1, 0, "JPY", "150.82", "a source", date(2025, 7, 1)),
        credit(account_id("stripe_clearing"), 10_01),
    ], key="yen", actor=TESTS, corrects=fixed)
    yen = db.session.query(Entry.id).filter_by(key="yen").scalar()
    return [
        "/ledger/", "/ledger/?at=2026-01-01", "/ledger/?at=nonsense", "/ledger/chart", "/ledger/pools/",
        f"/ledger/pools/{pool}/", f"/ledger/pools/{pool}/lots", f"/ledger/pools/{pool}/reservations",
        f"/ledger/pools/{pool}/shortfalls", f"/ledger/accounts/{account_by_code('bank').id}/",
        f"/ledger/accounts/{account_by_code('bank').id}/?from=2026-02-01&to=2026-01-01", f"/ledger/entries/{yen}/",
        f"/ledger/entries/{fixed}/", "/ledger/financial-statement",
    ]


@pytest.mark.parametrize("language", ["eo", "ar"])
def test_ledger_pages_speak_the_readers_language(speaking, make, addresses, language):
    client = speaking.test_client()
    person = make.person("auditor")
    with client.session_transaction() as session:
        put_session(session, person)
    client.get(f"/desk?lang={language}", check=False)
    faults = []
    for address in addresses:
        answer = client.get(address)
        assert re.search(f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}"', answer.text)
        faults += [f"{address}: {stray}" for stray in _strays(answer.text, address)]
        for kind in ("csv", "xlsx", "pdf"):
            if f"format={kind}" in answer.text:
                joined = f"{address}{'&' if '?' in address else '?'}format={kind}"
                assert client.get(joined, check=False).status_code == 200, joined
    assert not faults, "\n".join(faults)


def test_an_instant_is_typed_in_the_readers_language(speaking):
    with speaking.test_request_context("/?lang=ar"):
        assert parse_until("16 يونيو 2026, 10:30") == parse_until("2026-06-16T10:30")
