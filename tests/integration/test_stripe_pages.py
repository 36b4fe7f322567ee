"""Pages of invoices, payouts and movements: who sees what, what they say, and that nothing typed is lost."""

from __future__ import annotations

import io
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import openpyxl
import pytest

from core import clock
from core.actor import PUBLIC, person
from core.db import db
from core.money import usd
from sponsorship.contributions import invoicing, service
from sponsorship.contributions.invoice_models import DonorInvoice
from sponsorship.contributions.models import Contribution
from sponsorship.contributions.queries import pledge_by_link
from sponsorship.contributions.ways import Payer, ways_to_pay
from sponsorship.gateways import movements as listed
from sponsorship.gateways.models import StripeEvent
from sponsorship.gateways.money_models import StripeMovement, StripePayout
from sponsorship.gateways.problems import problem_of, register_problem
from sponsorship.gateways.stripe_money_facts import MovementFacts
from sponsorship.ledger import service as ledger
from tests.integration.test_stripe_movements import by_hand
from tests.support.shop import Shop
from tests.support.shop import shop as shop

pytestmark = [pytest.mark.pages, pytest.mark.real_database]


def parts(*amounts: int) -> tuple[service.Part, ...]:
    return tuple(service.Part(amount, clock.today() + timedelta(days=40 * n)) for n, amount in enumerate(amounts, 1))


def fee(net: int = -5_00) -> None:
    now = datetime.now(UTC)
    listed.keep([MovementFacts(f"txn_{uuid.uuid4().hex[:20]}", "stripe_fee", "fee", None, usd(net), usd(0), usd(net),
                               now, now, "Billing, usage fee")])


# --- the donor's side -------------------------------------------------------------------------------------------
def test_a_visitor_asks_for_an_invoice_and_pays_it(shop: Shop) -> None:
    made = shop.donor(usd(1_200_00), parts=parts(500_00, 700_00))
    client, path = shop.app.test_client(), f"/donate/pledges/{made.id}/{made.token}/invoice/"
    text = client.get(path).text
    assert "Ask for an invoice" in text and "500.00" in text
    assert client.get(f"/donate/pledges/{made.id}/{'x' * 43}/invoice/").status_code == 404
    answer = client.submit(path)
    assert answer.status_code == 303, answer.text
    text = client.get(path).text
    row = shop.only(DonorInvoice)
    assert str(row.hosted_url) in text and str(row.number) in text and "See it and pay it at Stripe" in text
    shop.simulator.transfer(str(row.hosted_url), "120")
    shop.webhooks()
    assert "USD 120.00 of USD 500.00 has arrived" in client.get(path).text
    # asking again gives the one that is out; paying by card is refused in words
    assert client.submit(path).status_code == 303
    refused = client.submit(f"/donate/pledges/{made.id}/{made.token}/pay")
    assert refused.status_code == 422 and "An invoice for this pledge is out" in refused.text
    shop.simulator.transfer(str(row.hosted_url), "380")
    shop.webhooks()
    text = client.get(path).text
    assert "497.50" in text and "2.50" in text  # gross, fee and net are the donor's to see
    assert "700.00" in text  # and the next instalment can be asked for
    shop.no_faults()


def test_a_donor_with_an_account_and_nobody_else(shop: Shop, as_person: Any) -> None:
    state = shop.make.state("XC")
    donor = shop.make.person("donor", organisation=state)
    made = service.make_pledge(service.PledgeDraft(uuid.uuid4().hex, 70_000, organisation_id=state), person(donor.id))
    path = f"/donor/pledges/{made.id}/invoice/"
    assert as_person(donor).submit(path).status_code == 303
    assert shop.only(DonorInvoice).ordered_by == donor.id
    other = as_person(shop.someone("donor", organisation=shop.make.state("XB")))
    assert other.get(path).status_code == 404
    assert other.post(path).status_code == 404


def test_the_ways_to_pay_say_so(shop: Shop) -> None:
    made = shop.donor(usd(1_200_00), parts=parts(500_00, 700_00))
    payer = Payer(made.id, made.token)
    with shop.app.test_request_context():
        way = next(w for w in ways_to_pay(pledge_by_link(made.id, str(made.token)), payer) if w.key == "invoice")
        assert (way.primary, way.method, way.url) == (False, "get", f"/donate/pledges/{made.id}/{made.token}/invoice/")
        db.session.rollback()
    invoicing.make_invoice(shop.gateway, made.id, PUBLIC, token=made.token)
    with shop.app.test_request_context():
        way = next(w for w in ways_to_pay(pledge_by_link(made.id, str(made.token)), payer) if w.key == "invoice")
        assert way.primary and "500.00" in str(way.text)
        db.session.rollback()


def test_stripe_refuses_the_donors_invoice_in_words(shop: Shop) -> None:
    made = shop.donor(usd(500), parts=parts(30, 470))
    answer = shop.app.test_client().submit(f"/donate/pledges/{made.id}/{made.token}/invoice/")
    assert answer.status_code == 422
    assert "Stripe did not make the invoice" in answer.text


# --- officers ---------------------------------------------------------------------------------------------------
def test_an_officer_makes_and_closes_an_invoice(shop: Shop, as_person: Any) -> None:
    made = shop.donor(usd(1_200_00), parts=parts(500_00, 700_00))
    manager = as_person(shop.someone("fund_manager"))
    listing = manager.get("/contributions/invoices/").text
    assert "Due soon, without an invoice" in listing and made.reference in listing
    path = f"/contributions/pledges/{made.id}/invoice/"
    assert "500.00" in manager.get(path).text
    wrong = manager.submit(path, {"due_on": "1999-01-01"})
    assert wrong.status_code == 422 and "1999-01-01" in wrong.text
    assert manager.submit(path, {"due_on": ""}).status_code == 422
    answer = manager.submit(path, {"due_on": str(clock.today() + timedelta(days=20))})
    assert answer.status_code == 303, answer.text
    page = answer.location
    assert manager.get(path).location == page  # one is out: go and see it
    row = shop.only(DonorInvoice)
    text = manager.get(page).text
    assert str(row.number) in text and "Waiting for payment" in text
    wrong = manager.submit(f"{page}close", {"how": "", "words": "Why indeed", "version": str(row.version)})
    assert wrong.status_code == 422 and "Why indeed" in wrong.text
    stale = manager.submit(f"{page}close", {"how": "void", "words": "x", "version": "99"})
    assert stale.status_code == 409
    assert manager.submit(f"{page}close", {"how": "void", "words": "A mistake.",
                                           "version": str(row.version)}).status_code == 303
    text = manager.get(page).text
    assert "Cancelled" in text and "A mistake." in text
    auditor = as_person(shop.someone("auditor"))
    assert auditor.get(page).status_code == 200
    assert auditor.get(path).status_code == 403
    for kind in ("csv", "xlsx"):
        assert auditor.get(f"/contributions/invoices/?format={kind}").status_code == 200


def test_an_invoice_that_was_not_made_is_on_the_desk(shop: Shop, as_person: Any) -> None:
    made = shop.donor(usd(500), parts=parts(30, 470))
    manager = as_person(shop.someone("fund_manager"))
    answer = manager.submit(f"/contributions/pledges/{made.id}/invoice/",
                            {"due_on": str(clock.today() + timedelta(days=20))})
    assert "amount_too_small" in manager.get(answer.location).text
    assert "was not made" in manager.get("/desk").text


def test_movements_are_listed_booked_and_explained(shop: Shop, as_person: Any) -> None:
    shop.paid()
    pool = ledger.open_pool("general", "Unearmarked money")
    ledger.receive(pool, ledger.Intake(1_000_00, clearing="bank"), source=("gift", uuid.uuid4()), key="g",
                   actor=listed.MATCHING)
    fee()
    fee(7_00)
    shop.tidy()
    shop.run("stripe-matching", minutes=61)
    manager = as_person(shop.someone("fund_manager"))
    text = manager.get("/contributions/movements/").text
    assert "2 movements are not in the books" in text
    assert "24,274.70" in text
    assert manager.get("/contributions/movements/?category=fee").text.count("Fee of Stripe") >= 2
    assert manager.get("/desk").text.count("Not in the books") == 2
    rows = {row.net_minor: row for row in db.session.query(StripeMovement)}
    db.session.rollback()
    page = f"/contributions/movements/{rows[-5_00].id}/"
    assert "becomes a fee that the pool pays" in manager.get(page).text
    assert "becomes free money of the pool" in manager.get(f"/contributions/movements/{rows[7_00].id}/").text
    assert manager.submit(f"{page}book", {"pool": "", "version": "2"}).status_code == 422
    assert manager.submit(f"{page}book", {"pool": str(uuid.uuid4()), "version": "2"}).status_code == 422
    assert manager.submit(f"{page}book", {"pool": str(pool), "version": "2"}).status_code == 303
    assert "Booked by an officer" in manager.get(page).text
    page = f"/contributions/movements/{rows[7_00].id}/"
    assert manager.submit(f"{page}explain", {"words": " ", "version": "2"}).status_code == 422
    assert manager.submit(f"{page}explain", {"words": "A correction of Stripe’s.", "version": "2"}).status_code == 303
    assert "A correction of Stripe’s." in manager.get(page).text
    assert "explained and left out" in manager.get("/contributions/movements/").text
    officer = as_person(shop.someone("requesting_officer"))
    assert officer.get(page).status_code == 200
    assert officer.post(f"{page}explain").status_code == 403
    book = openpyxl.load_workbook(io.BytesIO(manager.get("/contributions/movements/?format=xlsx").data))
    assert book.active is not None and book.active.max_row == 4
    assert "stripe_fee" in manager.get("/contributions/movements/?format=csv").text
    shop.no_faults()


def test_payouts_are_listed_and_confirmed(shop: Shop, as_person: Any) -> None:
    shop.paid()
    shop.simulator.control("balance", available=True)
    shop.simulator.control("payouts")
    shop.webhooks()
    shop.tidy(minutes=60)
    row = shop.only(StripePayout)
    officer = as_person(shop.someone("requesting_officer"))
    text = officer.get("/contributions/payouts/").text
    assert "On its way to the bank" in text and "24,274.70" in text and "Agrees" in text
    page = f"/contributions/payouts/{row.id}/"
    text = officer.get(page).text
    assert "One movement, adding up to" in text and "25,000.00" in text and "725.30" in text
    wrong = officer.submit(f"{page}confirm", {"amount": "1", "bank_reference": "STM-7", "value_date": "",
                                              "version": str(row.version)})
    assert wrong.status_code == 422 and "STM-7" in wrong.text
    today = clock.real_now().date()
    wrong = officer.submit(f"{page}confirm", {"amount": "24,274.71", "bank_reference": "STM-7",
                                              "value_date": str(today), "version": str(row.version)})
    assert wrong.status_code == 422 and "Stripe paid out USD 24,274.70" in wrong.text
    answer = officer.submit(f"{page}confirm", {"amount": "24,274.70", "bank_reference": "STM-7",
                                               "value_date": str(today), "version": str(row.version)})
    assert answer.status_code == 303, answer.text
    text = officer.get(page).text
    assert "STM-7" in text and "At the bank" in text
    assert as_person(shop.someone("fund_manager")).post(f"{page}confirm").status_code == 403
    for kind in ("csv", "xlsx"):
        assert officer.get(f"{page}?format={kind}").status_code == 200
        assert officer.get(f"/contributions/payouts/?format={kind}").status_code == 200
    assert "STM-7" in officer.get("/contributions/payouts/?q=STM-7").text


def test_a_payout_not_seen_in_time_is_on_the_desk(shop: Shop, as_person: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.paid()
    shop.simulator.control("balance", available=True)
    shop.simulator.control("payouts")
    shop.webhooks()
    later = clock.real_now() + timedelta(days=8)
    officer = as_person(shop.someone("requesting_officer"))
    monkeypatch.setattr("sponsorship.contributions.stripe_desk.clock.real_now", lambda: later)
    assert "Payout of USD 24,274.70 from Stripe" in officer.get("/desk").text


def test_a_look_at_stripe_from_the_queue(shop: Shop, as_person: Any) -> None:
    by_hand(shop)
    event = shop.only(StripeEvent, state="unmatched")
    manager = as_person(shop.someone("fund_manager"))
    text = manager.get(f"/contributions/unmatched/{event.id}/").text
    assert "complete, paid" in text and "70.00" in text and "2.33" in text and "67.67" in text
    assert "payer@" not in text and "A Payer" not in text
    shop.simulator.control("faults", path="/v1/checkout/sessions/*", method="GET", status=500, times=3)
    assert manager.get(f"/contributions/unmatched/{event.id}/").status_code == 200
    assert manager.get(f"/contributions/unmatched/{uuid.uuid4()}/").status_code == 404
    assert as_person(shop.someone("auditor")).get(f"/contributions/unmatched/{event.id}/").status_code == 403


def test_every_code_has_words_and_advice(shop: Shop) -> None:
    with shop.app.test_request_context():
        for code in ("unknown_session", "amount_differs", "surplus", "movement_differs", "rates.missing",
                     "other_version", "invoice_paid_outside", "payout_differs"):
            found = problem_of(code)
            assert code not in str(found.words) and len(str(found.todo)) > 10
        assert "never_heard_of" in str(problem_of("never_heard_of").words)
        with pytest.raises(ValueError, match="twice"):
            register_problem("surplus", "Something else", "Nothing")


def test_contributions_count_what_waits_at_stripe(shop: Shop, as_person: Any) -> None:
    fee()
    shop.run("stripe-matching", minutes=61)
    assert "At Stripe" in as_person(shop.someone("auditor")).get("/contributions/").text
    assert db.session.query(Contribution).count() == 0
