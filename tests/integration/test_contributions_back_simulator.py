"""Refunds and disputes in real conversations with the Stripe simulator: webhooks, delays, refusals, other rates."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from core import clock, jobs
from core.actor import PUBLIC, system
from core.db import db
from core.money import Money
from core.outbox import OutboxMail
from sponsorship.contributions import refunds, service
from sponsorship.contributions.back_models import Dispute, Receipt, Refund
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.contributions.receipts import papers_say
from sponsorship.gateways.models import StripeEvent
from sponsorship.gateways.stripe_gateway import GatewayError
from sponsorship.ledger import service as ledger
from sponsorship.ledger.queries import pool_figures
from tests.integration.test_contributions_simulator import Shop
from tests.integration.test_contributions_simulator import shop as shop
from tests.support.going_back import rates

pytestmark = pytest.mark.real_database
TESTS = system("tests")


class Desk:
    """A shop with its officers: `paid` brings money in suspense, `accepted` into the pool."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.manager, self.head = shop.make.actor("fund_manager"), shop.make.actor("head_of_fund")
        pool = ledger.open_pool("general", "Unearmarked money")
        ledger.receive(pool, ledger.Intake(500_00), source=("other", uuid.uuid4()), key="spare", actor=TESTS)

    def paid(self, amount: Money) -> Contribution:
        made = service.make_pledge(service.PledgeDraft(
            uuid.uuid4().hex, amount.minor, currency=amount.currency, donor_name="Ada Foundation",
            donor_email="ada@donor.example"), PUBLIC)
        page = service.begin_checkout(self.shop.gateway, made.id, PUBLIC, token=made.token,
                                      success_url="http://placard.test/", cancel_url="http://placard.test/")
        self.shop.simulator.press(page, "pay")
        return self.row(db.session.query(Contribution.id).filter_by(pledge_id=made.id).scalar())

    def accepted(self, amount: Money) -> Contribution:
        row = self.paid(amount)
        self.shop.webhooks()
        service.record_check(row.pledge_id, "clear", "A list.", self.manager)
        service.accept(row.id, self.head, "A good purpose.")
        return self.row(row.id)

    def row(self, key: uuid.UUID) -> Contribution:
        return self.shop.only(Contribution, id=key)  # type: ignore[no-any-return]

    def intent(self, row: Contribution) -> str:
        found = self.row(row.id).stripe_payment_intent_id
        assert found is not None
        return found

    def asked(self, row: Contribution, minor: int) -> uuid.UUID:
        key = refunds.request_refund(row.id, minor, self.manager, "donor_asked", "They wrote.",
                                     self.row(row.id).version)
        refunds.approve_refund(key, self.head, 1)
        return key

    def refund(self, key: uuid.UUID) -> Refund:
        return self.shop.only(Refund, id=key)  # type: ignore[no-any-return]

    def later(self, monkeypatch: pytest.MonkeyPatch, minutes: int, job: str) -> list[Any]:
        """A job as it runs so much later."""
        then = clock.real_now() + timedelta(minutes=minutes)
        db.session.rollback()
        with monkeypatch.context() as patch:
            patch.setattr(clock, "real_now", lambda: then)
            found = jobs.run(job).results
        db.session.rollback()
        return found

    def figures(self) -> Any:
        found = pool_figures()[0]
        db.session.rollback()
        return found


@pytest.fixture
def desk(shop: Shop) -> Desk:
    return Desk(shop)


def test_part_by_us_the_rest_in_the_dashboard(desk: Desk) -> None:
    row = desk.accepted(Money(1_000_00, "USD"))
    fee = row.fee_minor
    key = desk.asked(row, 333_33)
    assert service.send_refund(desk.shop.gateway, key) == "succeeded"
    desk.shop.webhooks()
    assert (desk.row(row.id).state, desk.row(row.id).back_minor) == ("accepted", 333_33)
    desk.shop.simulator.control("refunds", payment_intent=desk.intent(row))
    desk.shop.webhooks()
    row = desk.row(row.id)
    assert (row.state, row.back_minor, papers_say(row.id)) == ("refunded", 1_000_00, (0, 0))
    outside = desk.shop.only(Refund, kind="external")
    assert (outside.amount_minor, outside.settled_minor, outside.requested_by) == (666_67, 666_67, None)
    assert desk.shop.only(Pledge, id=row.pledge_id).state == "returned"
    assert desk.figures().shortfall == fee  # what the payment never brought
    desk.shop.no_faults()


def test_pending_then_paid_then_back_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    row = desk.accepted(Money(1_000_00, "USD"))
    desk.shop.simulator.control("webhooks", refund_delay=3600)
    key = desk.asked(row, 500_00)
    assert service.send_refund(desk.shop.gateway, key) == "pending"
    desk.shop.webhooks()
    refund = desk.refund(key)
    assert (refund.state, desk.row(row.id).back_minor) == ("pending", 0)
    desk.shop.simulator.control(f"refunds/{refund.stripe_refund_id}", status="succeeded")
    assert [word for _item, word in desk.later(monkeypatch, 11, "refund-sweep")] == ["succeeded"]
    desk.shop.webhooks()
    assert (desk.refund(key).state, desk.row(row.id).back_minor) == ("succeeded", 500_00)
    desk.shop.simulator.control(f"refunds/{refund.stripe_refund_id}", status="failed")
    desk.shop.webhooks()
    refund = desk.refund(key)
    assert (refund.state, desk.row(row.id).back_minor) == ("failed", 0)
    assert refund.returned_at is not None
    kinds = [paper.kind for paper in db.session.query(Receipt).order_by(Receipt.id)]
    db.session.rollback()
    assert kinds == ["receipt", "credit_note", "receipt"]
    desk.shop.no_faults()


def test_stripe_refuses_a_refund_of_what_a_bank_disputes(desk: Desk) -> None:
    """The dispute's news is late: our refund is approved, and Stripe says no."""
    row = desk.accepted(Money(1_000_00, "USD"))
    key = desk.asked(row, 400_00)
    desk.shop.simulator.control("webhooks", pause=True)
    desk.shop.simulator.control("disputes", payment_intent=desk.intent(row), amount=600_00)
    assert service.send_refund(desk.shop.gateway, key) == "refused"
    refund = desk.refund(key)
    assert (refund.state, refund.failure_code) == ("failed", "charge_disputed")
    desk.shop.no_faults()
    desk.shop.simulator.control("webhooks", pause=False)
    desk.shop.webhooks()
    assert (desk.row(row.id).state, desk.row(row.id).back_minor) == ("accepted", 600_00)
    desk.shop.no_faults()


@pytest.mark.parametrize("outcome", ["won", "lost"])
def test_a_dispute_from_opening_to_its_end(desk: Desk, as_person: Any, outcome: str) -> None:
    row = desk.accepted(Money(1_000_00, "USD"))
    made = desk.shop.simulator.control("disputes", payment_intent=desk.intent(row), reason="duplicate")
    desk.shop.webhooks()
    dispute = desk.shop.only(Dispute)
    assert (dispute.state, dispute.usd_minor, dispute.fee_minor) == ("open", 1_000_00, 15_00)
    assert dispute.respond_by > clock.real_now() + timedelta(days=8)
    page = as_person(desk.shop.make.person("fund_manager")).get(f"/contributions/disputes/{dispute.id}/").text
    assert "It was charged twice" in page and "simulator of Stripe" in page
    db.session.rollback()
    assert db.session.query(OutboxMail).filter_by(kind="contribution.dispute").count() >= 1
    db.session.rollback()
    desk.shop.simulator.control(f"disputes/{made['id']}", status=outcome)
    desk.shop.webhooks()
    row, dispute = desk.row(row.id), desk.shop.only(Dispute)
    assert dispute.state == outcome and dispute.closed_at is not None
    assert row.state == ("accepted" if outcome == "won" else "refunded")
    assert papers_say(row.id)[0] == (1_000_00 if outcome == "won" else 0)
    db.session.rollback()
    assert desk.figures().fees == (row.fee_minor + 15_00 if outcome == "won" else 15_00 + row.fee_minor)
    desk.shop.no_faults()


def test_an_inquiry_that_is_escalated_and_one_that_is_closed(desk: Desk) -> None:
    one, two = desk.accepted(Money(500_00, "USD")), desk.accepted(Money(700_00, "USD"))
    names = [desk.shop.simulator.control("disputes", payment_intent=desk.intent(row), inquiry=True)["id"]
             for row in (one, two)]
    desk.shop.webhooks()
    assert {d.state for d in db.session.query(Dispute)} == {"inquiry"}
    db.session.rollback()
    desk.shop.simulator.control(f"disputes/{names[0]}", status="needs_response")
    desk.shop.simulator.control(f"disputes/{names[1]}", status="warning_closed")
    desk.shop.webhooks()
    assert (desk.row(one.id).state, desk.row(two.id).state) == ("disputed", "accepted")
    assert desk.shop.only(Dispute, stripe_dispute_id=names[1]).state == "closed"
    desk.shop.no_faults()


def test_everything_told_at_once_twice_and_backwards(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """No webhook for a while; then payment, refund and dispute of three payments arrive in disorder, thrice each."""
    desk.shop.simulator.control("webhooks", pause=True)
    rows = [desk.paid(Money(minor, "USD")) for minor in (500_00, 600_00, 700_00)]
    client = desk.shop.simulator.client()
    intents = [client.v1.checkout.sessions.retrieve(row.stripe_session_id).payment_intent for row in rows]
    desk.shop.simulator.control("refunds", payment_intent=intents[0])
    desk.shop.simulator.control("refunds", payment_intent=intents[1], amount=100_00)
    lost = desk.shop.simulator.control("disputes", payment_intent=intents[2])
    desk.shop.simulator.control(f"disputes/{lost['id']}", status="lost")
    desk.shop.simulator.control("webhooks", pause=False, duplicate=3, reorder=True)
    db.session.rollback()
    desk.shop.simulator.control("deliver-now")
    jobs.run("stripe-inbox")
    for minutes in (1, 3, 10, 30, 90):
        desk.later(monkeypatch, minutes, "stripe-inbox")
    assert db.session.query(StripeEvent).filter(StripeEvent.state.in_(("new", "failed", "unmatched"))).count() == 0
    db.session.rollback()
    assert [desk.row(row.id).state for row in rows] == ["refunded", "in_suspense", "refunded"]
    assert [desk.row(row.id).back_minor for row in rows] == [500_00, 100_00, 700_00]
    assert desk.shop.only(Dispute).state == "lost"
    desk.shop.no_faults()


def test_euros_go_back_and_are_disputed_at_other_rates(desk: Desk) -> None:
    rates()
    desk.shop.simulator.control("rates", eur="1.1000")
    row = desk.accepted(Money(1_000_00, "EUR"))
    assert row.gross_minor == 1_086_96 and row.came_minor == 1_100_00
    desk.shop.simulator.control("rates", eur="1.1500")
    key = desk.asked(row, 400_00)
    assert service.send_refund(desk.shop.gateway, key) == "succeeded"
    assert (desk.refund(key).usd_minor, desk.refund(key).settled_minor) == (440_00, 460_00)
    desk.shop.webhooks()
    assert desk.figures().exchange == 13_04 - 20_00
    made = desk.shop.simulator.control("disputes", payment_intent=desk.intent(row), amount=600_00)
    desk.shop.webhooks()
    assert desk.shop.only(Dispute).usd_minor == 690_00
    desk.shop.simulator.control("rates", eur="1.2000")
    desk.shop.simulator.control(f"disputes/{made['id']}", status="won")
    desk.shop.webhooks()
    dispute, row = desk.shop.only(Dispute), desk.row(row.id)
    assert (dispute.reinstated_minor, row.state) == (720_00, "accepted")
    assert papers_say(row.id) == (600_00, 1_086_96 * 600_00 // 1_000_00)
    desk.shop.no_faults()


def test_a_refusal_while_the_answer_is_lost_and_the_dashboard_is_faster(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = desk.paid(Money(1_000_00, "USD"))
    desk.shop.webhooks()
    key = service.refuse(row.id, desk.manager, "purpose", "")
    desk.shop.simulator.control("webhooks", pause=True)
    desk.shop.simulator.control("refunds", payment_intent=desk.intent(row), amount=400_00)
    # of what is left Stripe will not send all
    assert service.send_refund(desk.shop.gateway, key) == "refused"
    desk.shop.simulator.control("webhooks", pause=False)
    desk.shop.webhooks()
    row = desk.row(row.id)
    assert (row.state, row.back_minor) == ("refund_due", 400_00)
    again = service.send_again(row.id, desk.manager)
    assert desk.refund(again).amount_minor == 600_00
    desk.shop.simulator.control("faults", path="/v1/refunds", method="POST", status=503, times=3, mode="after")
    with pytest.raises(GatewayError):
        service.send_refund(desk.shop.gateway, again)
    assert [word for _item, word in desk.later(monkeypatch, 2, "refund-sweep")] == ["succeeded"]
    assert desk.row(row.id).state == "refunded"
    desk.shop.no_faults()
