"""From pledge to receipt against the Stripe simulator as a child process: real HTTP, real signatures, real webhooks."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import requests

from core import clock, jobs
from core.db import db
from core.money import usd
from core.outbox import OutboxMail
from sponsorship.contributions import service
from sponsorship.contributions.back_models import Receipt, Refund
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.gateways.models import StripeEvent
from sponsorship.gateways.stripe_gateway import CheckoutRequest, GatewayError
from sponsorship.ledger import service as ledger
from sponsorship.ledger.queries import fund_figures, pool_figures
from tests.support.shop import Shop
from tests.support.shop import shop as shop

pytestmark = pytest.mark.real_database


def test_pay_then_accept_then_receipt(shop: Shop, as_person: Any) -> None:
    client, url = shop.pledge()
    page = shop.pay_page(client, url)
    assert f"form-action 'self' {shop.simulator.url}" in client.get(url).headers["Content-Security-Policy"]
    back = shop.simulator.press(page, "pay").headers["Location"]
    assert back == f"http://placard.test{url}?back=paid"
    assert "We are waiting for the confirmation" in client.get(f"{url}?back=paid").text
    shop.webhooks()
    text = client.get(f"{url}?back=paid").text
    assert "waits for acceptance" in text
    assert "25,000.00" in text
    assert "725.30" in text  # 2.9 % and 30 cents, from the balance transaction
    row = shop.only(Contribution)
    assert (row.state, row.gross_minor, row.fee_minor, row.net_minor) == ("in_suspense", 2_500_000, 72_530, 2_427_470)

    service.record_check(row.pledge_id, "clear", "A register.", shop.make.actor("fund_manager"))
    head = as_person(shop.make.person("head_of_fund"))
    answer = head.submit(f"/contributions/{row.id}/accept", {"checked": "Checked by two officers.",
                                                             "version": str(row.version)})
    assert answer.status_code == 303, answer.text
    number = shop.only(Receipt).number
    assert number in client.get(url).text
    receipt = client.get(f"{url}receipts/{row.id}/")
    assert number in receipt.text
    assert "Ada Foundation" in receipt.text
    assert pool_figures()[0].available == 2_427_470
    shop.no_faults()


def test_decline_then_pay_on_the_same_page(shop: Shop) -> None:
    client, url = shop.pledge()
    page = shop.pay_page(client, url)
    assert shop.simulator.press(page, "decline").headers["Location"] == page.replace(shop.simulator.url, "")
    shop.webhooks()
    assert shop.only(Contribution).state == "checkout"
    assert fund_figures().in_suspense == 0
    db.session.rollback()
    shop.simulator.press(page, "pay")
    shop.webhooks()
    assert shop.only(Contribution).state == "in_suspense"
    shop.no_faults()


def test_abandon_come_back_and_pay(shop: Shop) -> None:
    client, url = shop.pledge()
    page = shop.pay_page(client, url)
    back = shop.simulator.press(page, "abandon").headers["Location"]
    assert back.endswith("?back=cancelled")
    text = client.get(back.replace("http://placard.test", "")).text
    assert "You came back without paying" in text
    assert "Nothing has been charged" in text
    assert shop.pay_page(client, url) == page  # the same page, still open
    shop.simulator.press(page, "pay")
    shop.webhooks()
    assert shop.only(Contribution).state == "in_suspense"
    shop.no_faults()


def test_a_page_that_ran_out_leaves_room_for_another(shop: Shop) -> None:
    client, url = shop.pledge()
    page = shop.pay_page(client, url)
    shop.simulator.control(f"checkout/{page.rsplit('/', 1)[1].split('#')[0]}", expires_at=int(time.time()) - 5)
    shop.webhooks()
    assert shop.only(Contribution).state == "expired"
    assert "The last attempt was not paid" in client.get(url).text
    second = shop.pay_page(client, url)
    assert second != page
    shop.simulator.press(second, "pay")
    shop.webhooks()
    assert shop.only(Contribution, attempt=2).state == "in_suspense"
    shop.no_faults()


def test_a_lost_webhook_is_found_by_the_sweep(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.simulator.control("webhooks", pause=True)
    client, url = shop.pledge()
    shop.simulator.press(shop.pay_page(client, url), "pay")
    assert jobs.run("stripe-sweep").done == 0  # not yet ten minutes
    later = clock.real_now() + timedelta(minutes=11)
    with monkeypatch.context() as patch:
        patch.setattr(clock, "real_now", lambda: later)
        assert jobs.run("stripe-sweep").results[0][1] == "held"
    assert shop.only(Contribution).state == "in_suspense"
    # and when the webhooks come after all, nothing happens twice
    shop.simulator.control("webhooks", pause=False)
    shop.webhooks()
    assert fund_figures().in_suspense == 2_500_000
    shop.no_faults()


def test_duplicates_disorder_and_failures_of_delivery(shop: Shop) -> None:
    shop.simulator.control("webhooks", duplicate=4, reorder=True, fail_first=1)
    for amount in ("100", "250.50", "99999.99"):
        client, url = shop.pledge(amount)
        shop.simulator.press(shop.pay_page(client, url), "pay")
    for _ in range(3):
        shop.webhooks()
    total = shop.webhooks()
    assert total == len({e.event_id for e in db.session.query(StripeEvent)})
    assert fund_figures().in_suspense == 100_00 + 250_50 + 99_999_99
    assert {row.state for row in db.session.query(Contribution)} == {"in_suspense"}
    shop.no_faults()


def test_a_payment_that_is_not_accepted_goes_back(shop: Shop, as_person: Any) -> None:
    client, url = shop.pledge()
    shop.simulator.press(shop.pay_page(client, url), "pay")
    shop.webhooks()
    row = shop.only(Contribution)
    manager = as_person(shop.make.person("fund_manager"))
    answer = manager.submit(f"/contributions/{row.id}/refuse", {"reason": "due_diligence", "note": "See the file.",
                                                                "version": str(row.version)})
    assert answer.status_code == 303, answer.text
    assert shop.only(Contribution).state == "refunded"
    shop.webhooks()  # refund.created, charge.refunded: known already
    assert shop.only(Refund).state == "succeeded"
    assert shop.only(Pledge).state == "returned"
    assert fund_figures().in_suspense == 0
    assert "Paid back" in client.get(url).text
    shop.no_faults()
    # the bank sends the refund back later: the money stands in suspense again, and can be sent again
    shop.simulator.control(f"refunds/{shop.only(Refund).stripe_refund_id}", status="failed")
    shop.webhooks()
    assert shop.only(Contribution).state == "refund_due"
    assert fund_figures().in_suspense == 2_500_000
    assert db.session.query(OutboxMail).filter_by(kind="contribution.refund-failed").count() >= 1
    shop.no_faults()


def test_only_the_answer_is_lost(shop: Shop) -> None:
    """The SDK asks again under the same key and gets the very session that was made: the donor notices nothing."""
    client, url = shop.pledge()
    shop.simulator.control("faults", path="/v1/checkout/sessions", status=500, times=1, mode="after")
    shop.simulator.press(shop.pay_page(client, url), "pay")
    shop.webhooks()
    assert requests.get(f"{shop.simulator.url}/_simulator/status", timeout=10).json()["objects"][
        "checkout.session"] == 1
    assert fund_figures().in_suspense == 2_500_000
    shop.no_faults()


@pytest.mark.parametrize("mode", ["before", "recorded"])
def test_stripe_fails_when_the_page_is_asked_for(shop: Shop, mode: str) -> None:
    """Not run, or run and failed: the donor is told, and the next try is clean."""
    client, url = shop.pledge()
    shop.simulator.control("faults", path="/v1/checkout/sessions", status=500, times=9, mode=mode)
    answer = client.submit(f"{url}pay")
    assert answer.status_code == 422
    assert "Nothing has been charged" in answer.text
    requests.delete(f"{shop.simulator.url}/_simulator/faults", timeout=10)
    page = shop.pay_page(client, url)
    shop.simulator.press(page, "pay")
    shop.webhooks()
    assert fund_figures().in_suspense == 2_500_000
    shop.no_faults()


def test_the_answer_of_a_refund_is_lost(shop: Shop, as_person: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client, url = shop.pledge()
    shop.simulator.press(shop.pay_page(client, url), "pay")
    shop.webhooks()
    row = shop.only(Contribution)
    shop.simulator.control("webhooks", pause=True)
    # the SDK asks three times in all: every answer is lost though the refund was made at the first
    shop.simulator.control("faults", path="/v1/refunds", method="POST", status=503, times=3, mode="after")
    head = as_person(shop.make.person("head_of_fund"))
    head.submit(f"/contributions/{row.id}/refuse", {"reason": "purpose", "note": "", "version": str(row.version)})
    later = clock.real_now() + timedelta(minutes=2)
    with monkeypatch.context() as patch:
        patch.setattr(clock, "real_now", lambda: later)
        jobs.run("refund-sweep")
    refund = shop.only(Refund)
    assert refund.state == "succeeded"
    assert fund_figures().in_suspense == 0
    shop.no_faults()


def test_the_same_key_is_the_same_session(shop: Shop) -> None:
    attempt = str(uuid.uuid4())
    wanted = CheckoutRequest(f"checkout-{attempt}", attempt, "CTR-2026-0001", usd(1000),
                             "Contribution", "http://placard.test/a", "http://placard.test/b",
                             clock.real_now() + timedelta(hours=1))
    first, second = shop.gateway.create_checkout(wanted), shop.gateway.create_checkout(wanted)
    assert first.session_id == second.session_id
    with pytest.raises(GatewayError) as refused:
        shop.gateway.create_checkout(replace(wanted, reference="CTR-2026-0002"))
    assert refused.value.refused
    with pytest.raises(GatewayError) as missing:
        shop.gateway.fetch_session("cs_test_none")
    assert missing.value.code == "resource_missing"


def test_a_payment_of_nobody_waits_for_a_person(shop: Shop, as_person: Any) -> None:
    """Somebody opened a session by hand, with our account but not through Placard."""
    facts = shop.gateway.create_checkout(CheckoutRequest(
        "by-hand", str(uuid.uuid4()), "X", usd(1000), "By hand",
        "http://placard.test/a", "http://placard.test/b", clock.real_now() + timedelta(hours=1)))
    assert facts.url is not None
    shop.simulator.press(facts.url, "pay")
    shop.webhooks()
    event = shop.only(StripeEvent, state="unmatched")
    assert event.note == "unknown_session"
    manager = as_person(shop.make.person("fund_manager"))
    assert "A payment that no pledge here asked for." in manager.get("/contributions/unmatched/").text
    explain = f"/contributions/unmatched/{event.id}/explain"
    assert manager.submit(explain, {"words": "", "version": str(event.version)}).status_code == 422
    answer = manager.submit(explain,
                            {"words": "Refunded by hand at Stripe.", "version": str(event.version)})
    assert answer.status_code == 303
    assert shop.only(StripeEvent, id=event.id).state == "explained"
    assert "Everything that Stripe told us has been understood" in manager.get("/contributions/unmatched/").text


def test_state_under_agreement_through_its_own_pages(shop: Shop, as_person: Any) -> None:
    state = shop.make.state("XC")
    pool = ledger.open_pool("ldc", "Least developed countries", {"fact": "ldc"})
    service.record_agreement(
        service.AgreementTerms(state, "NV/2026/17", clock.today() - timedelta(days=9), 1300, None, pool),
        shop.make.actor("fund_manager"))
    donor = as_person(shop.make.person("donor", organisation=state))
    assert donor.submit("/donate/", {"amount": "100000", "purpose": "general"}).location == "/donate/check"
    check = donor.get("/donate/check").text
    assert "NV/2026/17" in check
    assert "Least developed countries" in check
    url = donor.submit("/donate/check").location
    assert url.startswith("/donor/pledges/")
    back = shop.simulator.press(shop.pay_page(donor, url), "pay").headers["Location"]
    assert back == f"http://placard.test{url}?back=paid"
    shop.webhooks()
    text = donor.get(f"{url}?back=paid").text
    number = shop.only(Receipt).number
    assert "Thank you: your contribution has been received" in text
    assert number in text
    assert number in donor.get("/donor/").text
    row = shop.only(Contribution)
    assert number in donor.get(f"/donor/receipts/{row.id}/").text
    figures = {f.code: f for f in pool_figures()}
    assert figures["ldc"].available == 100_000_00 - 2_900_30
    db.session.rollback()
    other = as_person(shop.make.person("donor", organisation=shop.make.state("XB")))
    for path in (url, f"/donor/receipts/{row.id}/"):
        assert other.get(path).status_code == 404
    shop.no_faults()
