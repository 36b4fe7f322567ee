"""Payouts: posted when Stripe's balance is charged, put back when the bank sends them back, compared to the cent with
what they contain, confirmed from the bank's statement."""

from __future__ import annotations

import itertools
import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from core import clock
from core.db import db
from core.errors import IllegalMove, NotAllowed, RuleBroken
from core.money import Money, usd
from core.outbox import OutboxMail
from sponsorship.gateways import payouts
from sponsorship.gateways.models import StripeEvent
from sponsorship.gateways.money_models import StripeMovement, StripePayout
from sponsorship.gateways.money_queries import payout_figures
from sponsorship.gateways.stripe_gateway import GatewayError, StripeGateway
from sponsorship.gateways.stripe_money_facts import PayoutFacts
from sponsorship.ledger.models import Entry
from tests.support.shop import Shop
from tests.support.shop import shop as shop

pytestmark = pytest.mark.real_database


def paid_out(shop: Shop, *amounts: int, **values: Any) -> StripePayout:
    """Payments come, and Stripe pays all of them out."""
    for amount in amounts or (25_000_00,):
        shop.paid(usd(amount))
    shop.simulator.control("balance", available=True)
    shop.simulator.control("payouts", **values)
    shop.webhooks()
    return row(shop)


def row(shop: Shop, **values: Any) -> StripePayout:
    db.session.rollback()
    found = db.session.query(StripePayout).filter_by(**values).order_by(StripePayout.id.desc()).first()
    assert found is not None
    db.session.expunge(found)
    db.session.rollback()
    return found


def move(shop: Shop, payout: StripePayout, status: str, **values: Any) -> StripePayout:
    shop.simulator.control(f"payouts/{payout.payout_id}", status=status, **values)
    shop.webhooks()
    return row(shop, payout_id=payout.payout_id)


def test_a_payout_from_stripe_to_the_statement(shop: Shop) -> None:
    payout = paid_out(shop, 25_000_00, 100_00)
    net = 2_427_470 + 96_80
    assert (payout.state, payout.amount_minor, payout.automatic) == ("pending", net, True)
    assert (shop.account("bank"), shop.account("stripe_clearing"), shop.at_stripe()) == (net, 0, 0)
    assert payout_figures().on_its_way == usd(net)
    assert move(shop, payout, "in_transit").state == "in_transit"
    assert move(shop, payout, "paid").state == "paid"
    shop.tidy(minutes=60)
    payout = row(shop)
    assert (payout.contained_minor, payout.contained_count) == (net, 2)
    inside = db.session.query(StripeMovement).filter_by(payout_id=payout.id).count()
    db.session.rollback()
    assert inside == 3  # its own among them
    officer = shop.make.actor("requesting_officer")
    payouts.confirm_arrival(payout.id, "STM-9/12", clock.real_now().date(), net, officer, payout.version)
    payout = row(shop)
    assert (payout.state, payout.bank_reference, payout.confirmed_by) == ("confirmed", "STM-9/12", officer.person_id)
    assert payout_figures().on_its_way == usd(0)
    db.session.rollback()
    # late news changes nothing
    shop.simulator.control("deliver-now")
    shop.webhooks()
    assert row(shop).state == "confirmed"
    shop.no_faults()


@pytest.mark.parametrize("before", [(), ("in_transit",), ("in_transit", "paid")])
def test_a_payout_that_comes_back(shop: Shop, before: tuple[str, ...]) -> None:
    manager = shop.make.person("fund_manager")
    payout = paid_out(shop)
    for status in before:
        move(shop, payout, status)
    payout = move(shop, payout, "failed", failure_code="account_closed")
    assert (payout.state, payout.failure_code) == ("failed", "account_closed")
    assert (shop.account("bank"), shop.account("stripe_clearing"), shop.at_stripe()) == (0, 2_427_470, 2_427_470)
    mails = db.session.query(OutboxMail).filter_by(kind="payout.failed").all()
    assert [mail.to_address for mail in mails] == [manager.email]
    assert "24,274.70" in mails[0].subject
    shop.tidy(minutes=60)
    # it goes with the next one
    shop.simulator.control("payouts")
    shop.webhooks()
    second = row(shop)
    assert (second.id != payout.id, second.amount_minor) == (True, 2_427_470)
    shop.tidy(minutes=120)
    assert {m.state for m in db.session.query(StripeMovement)} == {"matched"}
    db.session.rollback()
    assert (shop.account("bank"), shop.account("stripe_clearing"), shop.at_stripe()) == (2_427_470, 0, 0)
    shop.no_faults()


def test_a_confirmed_payout_may_still_come_back(shop: Shop) -> None:
    payout = move(shop, paid_out(shop), "paid")
    payouts.confirm_arrival(payout.id, "STM-1", clock.real_now().date(), payout.amount_minor,
                            shop.make.actor("requesting_officer"))
    assert move(shop, payout, "failed").state == "failed"
    assert shop.account("bank") == 0
    shop.tidy()
    shop.no_faults()


def test_a_manual_payout_and_its_end(shop: Shop) -> None:
    shop.paid()
    shop.simulator.control("balance", available=True)
    made = shop.simulator.client().v1.payouts.create({"amount": 1_000_00, "currency": "usd"})
    shop.webhooks()
    assert (row(shop).automatic, shop.account("bank")) == (False, 1_000_00)
    shop.simulator.client().v1.payouts.cancel(made.id)
    shop.webhooks()
    assert (row(shop).state, shop.account("bank")) == ("cancelled", 0)
    shop.tidy(minutes=60)
    shop.no_faults()
    assert db.session.query(OutboxMail).filter_by(kind="payout.failed").count() == 0


# --- what it contains -------------------------------------------------------------------------------------------
def test_what_it_contains_is_told_later(shop: Shop) -> None:
    payout = paid_out(shop, reconciled=False)
    shop.tidy(minutes=31)
    assert row(shop).reconciled_at is None
    shop.no_faults()
    shop.simulator.control(f"payouts/{payout.payout_id}", reconciliation_status="completed")
    assert "agrees" in shop.run("payout-sweep", minutes=62)
    assert row(shop).contained_minor == payout.amount_minor
    shop.no_faults()


def test_one_that_never_says_what_it_contains_is_a_fault_after_five_days(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid_out(shop, reconciled=False)
    shop.tidy()
    later = clock.real_now() + timedelta(days=6)
    monkeypatch.setattr(clock, "real_now", lambda: later)
    assert any("does not say what it contains" in fault for fault in shop.faults())


@pytest.mark.parametrize("off", [1, -1, -9_999])
def test_contents_that_differ_are_named_to_the_cent(shop: Shop, monkeypatch: pytest.MonkeyPatch, off: int) -> None:
    payout = paid_out(shop, 25_000_00, 100_00, reconciled=False)
    shop.simulator.control(f"payouts/{payout.payout_id}", reconciliation_status="completed")
    real = StripeGateway.list_contained

    def wrong(self: Any, key: str) -> Any:
        rows = real(self, key)
        n = next(n for n, found in enumerate(rows) if found.source_id != key)
        rows[n] = replace(rows[n], amount=rows[n].amount + usd(off), net=rows[n].net + usd(off))
        return rows

    monkeypatch.setattr(StripeGateway, "list_contained", wrong)
    assert payouts.ask(shop.gateway, payout.payout_id) == f"differs by {off}"
    assert row(shop).contained_minor == payout.amount_minor + off
    assert any(f"contains {payout.amount_minor + off} cents and paid {payout.amount_minor}" in fault
               for fault in shop.faults())
    assert payout_figures().differs == 1
    db.session.rollback()


# --- the officer's word -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(("reference", "amount", "days", "field"), [
    ("", 0, 0, "bank_reference"), (" ", 0, 0, "bank_reference"), ("x" * 81, 0, 0, "bank_reference"),
    ("STM", 1, 0, "amount"), ("STM", -1, 0, "amount"), ("STM", 0, -30, "value_date"), ("STM", 0, 30, "value_date"),
])
def test_what_the_statement_cannot_say(shop: Shop, reference: str, amount: int, days: int, field: str) -> None:
    payout = paid_out(shop)
    with pytest.raises(RuleBroken) as refused:
        payouts.confirm_arrival(payout.id, reference, clock.real_now().date() + timedelta(days=days),
                                payout.amount_minor + amount, shop.make.actor("requesting_officer"))
    assert refused.value.field == field
    assert row(shop).state == "pending"


def test_confirmed_once_by_the_right_person(shop: Shop) -> None:
    first = paid_out(shop)
    second = paid_out(shop, 10_000_00)
    officer, today = shop.make.actor("requesting_officer"), clock.real_now().date()
    with pytest.raises(NotAllowed):
        payouts.confirm_arrival(first.id, "STM-1", today, first.amount_minor, shop.make.actor("fund_manager"))
    payouts.confirm_arrival(first.id, "STM-1", today, first.amount_minor, officer)
    with pytest.raises(IllegalMove):
        payouts.confirm_arrival(first.id, "STM-2", today, first.amount_minor, officer)
    with pytest.raises(RuleBroken) as refused:
        payouts.confirm_arrival(second.id, "STM-1", today, second.amount_minor, officer)
    assert refused.value.code == "payout.reference_used"


# --- whatever comes, in whatever order --------------------------------------------------------------------------
def facts(**changes: Any) -> PayoutFacts:
    values: dict[str, Any] = {
        "payout_id": "po_1", "livemode": False, "status": "pending", "amount": usd(500_00), "automatic": False,
        "reconciled": False, "arrives_on": date(2027, 3, 3), "created_at": datetime(2027, 3, 1, tzinfo=UTC),
        "txn_id": "txn_1", **changes}
    return PayoutFacts(**values)


NEWS = (facts(), facts(status="in_transit"), facts(status="paid"),
        facts(status="failed", returned=True, failure_code="account_closed"))


def test_any_order_ends_where_stripe_stands(shop_books: Any) -> None:
    """Each event is read as its object stands by then; even read as of long ago it ends in the same books."""
    for order in itertools.permutations(range(4)):
        key = "po_" + "".join(map(str, order))
        for n in order:
            for _ in range(2):
                assert payouts.settle_payout(replace(NEWS[n], payout_id=key), payouts.PAYOUTS, False).problem == ""
        assert db.session.query(StripePayout).filter_by(payout_id=key).one().state == "failed"
    kinds = [kind for (kind,) in db.session.query(Entry.kind)]
    assert (kinds.count("payout"), kinds.count("payout.failed"), len(kinds)) == (24, 24, 48)


@pytest.fixture
def shop_books(app: Any) -> Any:
    """Only the books: no server, no simulator."""
    from sponsorship.ledger import service as ledger

    ledger.open_pool("general", "Unearmarked money")
    return app


@pytest.mark.parametrize(("changes", "problem"), [
    ({"amount": Money(500_00, "EUR")}, "payout_in_other_currency"), ({"livemode": True}, "other_mode"),
    ({"amount": usd(500_01)}, "payout_differs"), ({"amount": usd(499_99)}, "payout_differs"),
])
def test_what_differs_is_for_a_person(shop_books: Any, changes: dict[str, Any], problem: str) -> None:
    payouts.settle_payout(facts(), payouts.PAYOUTS, False)
    assert payouts.settle_payout(facts(**changes), payouts.PAYOUTS, False).problem == problem
    assert db.session.query(Entry).count() == 1


def test_one_that_failed_waits_for_its_money(shop_books: Any) -> None:
    assert payouts.settle_payout(facts(status="failed"), payouts.PAYOUTS, False).waiting
    assert db.session.query(StripePayout).one().state == "pending"


def test_money_that_stripe_collects_from_the_bank_and_gives_back(shop_books: Any) -> None:
    from sponsorship.ledger.books import account_by_code

    payouts.settle_payout(facts(amount=usd(-300_00)), payouts.PAYOUTS, False)
    bank = account_by_code("bank")
    assert (bank.debits, bank.credits) == (0, 300_00)
    payouts.settle_payout(facts(amount=usd(-300_00), status="failed", returned=True), payouts.PAYOUTS, False)
    bank = account_by_code("bank")
    assert (bank.debits, bank.credits) == (300_00, 300_00)


def test_twenty_read_the_same_payout_at_once(app: Any, shop_books: Any) -> None:
    db.session.remove()
    start, errors = threading.Barrier(20), []

    def read(n: int) -> None:
        with app.app_context():
            start.wait()
            try:
                payouts.settle_payout(NEWS[n % 4], payouts.PAYOUTS, False)
            except Exception as error:
                errors.append(error)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=read, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    payouts.settle_payout(NEWS[3], payouts.PAYOUTS, False)
    assert sorted(kind for (kind,) in db.session.query(Entry.kind)) == ["payout", "payout.failed"]
    # on PostgreSQL those who came second may have been refused by the unique key; their event is read again
    assert all("unique" in str(error).lower() or "duplicate" in str(error).lower() for error in errors)


# --- dying, and being down --------------------------------------------------------------------------------------
class Killed(BaseException):
    """Stands for a process that ends here."""


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("where", ["fetch_payout", "settle_payout", "list_contained", "contains"])
def test_killed_anywhere_the_sweep_finishes_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, where: str, after: bool
) -> None:
    payout = paid_out(shop, reconciled=False)
    shop.simulator.control(f"payouts/{payout.payout_id}", reconciliation_status="completed")
    target = (payouts, where) if where in ("settle_payout", "contains") else (StripeGateway, where)
    real = getattr(*target)

    def die(*args: Any, **kwargs: Any) -> Any:
        if after:
            real(*args, **kwargs)
        raise Killed()

    with monkeypatch.context() as patch:
        patch.setattr(*target, die)
        with pytest.raises(Killed):
            payouts.ask(shop.gateway, payout.payout_id)
    db.session.rollback()
    shop.tidy(minutes=90)
    shop.tidy(minutes=130)
    assert row(shop).contained_minor == payout.amount_minor
    assert shop.account("stripe_clearing") == 0
    shop.no_faults()


def test_a_day_without_us(shop: Shop) -> None:
    """Nothing is delivered for a day, payments, refunds and payouts go on; one sweep brings the books to Stripe."""
    shop.simulator.control("webhooks", pause=True)
    pledges = [shop.donor(usd(amount)) for amount in (100_00, 200_00, 300_00)]
    for pledge in pledges:
        shop.simulator.press(shop.page(pledge), "pay")
    shop.simulator.control("balance", available=True)
    made = shop.simulator.control("payouts")["data"][0]
    shop.simulator.control(f"payouts/{made['id']}", status="paid")
    assert db.session.query(StripeEvent).count() == 0
    shop.tidy(minutes=24 * 60)
    shop.tidy(minutes=25 * 60)
    assert db.session.query(StripeEvent).filter_by(via="listed").count() >= 6
    db.session.rollback()
    assert row(shop).state == "paid"
    assert (shop.account("stripe_clearing"), shop.at_stripe()) == (0, 0)
    assert shop.account("suspense") == -600_00
    shop.no_faults()
    # and the webhooks that come at last change nothing
    entries = db.session.query(Entry).count()
    shop.simulator.control("webhooks", pause=False)
    shop.webhooks()
    assert db.session.query(Entry).count() == entries


def test_stripe_cannot_be_asked(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    payout = paid_out(shop)
    shop.simulator.control("faults", path="/v1/payouts/*", method="GET", status=500, times=3)
    with pytest.raises(GatewayError):
        payouts.ask(shop.gateway, payout.payout_id)
    assert payouts.ask(shop.gateway, payout.payout_id) == "agrees"


def test_the_database_holds_it(shop: Shop) -> None:
    payout = paid_out(shop)
    shop.tidy(minutes=60)
    for statement in (
        "UPDATE stripe_payout SET amount_minor = amount_minor + 1", "DELETE FROM stripe_payout",
        "UPDATE stripe_payout SET state = 'failed'", "UPDATE stripe_payout SET state = 'confirmed'",
        "UPDATE stripe_payout SET bank_reference = 'x'", "UPDATE stripe_payout SET contained_minor = NULL",
        "UPDATE stripe_movement SET payout_id = NULL",
    ):
        with pytest.raises(DBAPIError):
            db.session.execute(sa.text(statement))
        db.session.rollback()
    assert row(shop).version == payout.version
