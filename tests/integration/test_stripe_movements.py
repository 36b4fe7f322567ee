"""Every movement of Stripe's balance against the books, to the cent, and what is done where they do not agree."""

from __future__ import annotations

import threading
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from core import clock, jobs
from core.db import db
from core.errors import IllegalMove, NotAllowed, RuleBroken, Stale
from core.money import Money, usd
from sponsorship.contributions import money_in, movements, service, stripe_checks
from sponsorship.contributions.back_models import Refund
from sponsorship.contributions.models import Contribution
from sponsorship.gateways import cursors, inbox, money_queries, stripe_calls
from sponsorship.gateways import movements as listed
from sponsorship.gateways.models import StripeEvent
from sponsorship.gateways.money_models import MovementEntry, StripeMovement
from sponsorship.gateways.stripe_gateway import CheckoutRequest, StripeGateway
from sponsorship.gateways.stripe_money_facts import MovementFacts
from sponsorship.ledger import service as ledger
from sponsorship.ledger.queries import pool_figures
from tests.support.rates import put_rates
from tests.support.shop import Shop
from tests.support.shop import shop as shop

pytestmark = pytest.mark.real_database


def facts(net: int, *, kind: str = "stripe_fee", category: str = "fee", source: str | None = None, fee: int = 0,
          currency: str = "USD", txn: str | None = None) -> MovementFacts:
    now = datetime.now(UTC).replace(microsecond=0)
    return MovementFacts(txn or f"txn_{uuid.uuid4().hex[:20]}", kind, category, source, Money(net + fee, currency),
                         Money(fee, currency), Money(net, currency), now, now, "Billing, usage fee")


def put(*rows: MovementFacts) -> None:
    listed.keep(rows)


def states(shop: Shop) -> dict[str, str]:
    db.session.rollback()
    found = {row.category: row.state for row in db.session.query(StripeMovement)}
    db.session.rollback()
    return found


def one(shop: Shop, **values: Any) -> StripeMovement:
    return shop.only(StripeMovement, **values)  # type: ignore[no-any-return]


# --- what agrees ------------------------------------------------------------------------------------------------
def test_all_that_moves_is_found_in_the_books(shop: Shop) -> None:
    head = shop.make.actor("head_of_fund")
    kept, refused, disputed = shop.paid(), shop.paid(usd(70_00)), shop.paid(usd(90_00))
    service.send_refund(shop.gateway, service.refuse(refused.id, head, "purpose", ""))
    made = shop.simulator.control("disputes", payment_intent=disputed.stripe_payment_intent_id)
    shop.webhooks()
    shop.tidy()
    assert set(states(shop).values()) == {"matched"}
    assert shop.account("stripe_clearing") == shop.at_stripe()
    shop.simulator.control(f"disputes/{made['id']}", status="won")
    shop.simulator.control("balance", available=True)
    shop.simulator.control("payouts")
    shop.webhooks()
    shop.tidy(minutes=60)
    assert states(shop) == dict.fromkeys(("charge", "refund", "dispute", "dispute_reversal", "payout"), "matched")
    assert shop.account("stripe_clearing") == shop.at_stripe() == 0
    assert db.session.query(MovementEntry).count() == 8  # three charges, refund, dispute and fee, reversal, payout
    assert kept.state == "in_suspense"
    shop.no_faults()
    found = stripe_checks.totals()
    assert (found.at_stripe, found.in_books, found.not_booked, found.not_listed) == (0, 0, 0, 0)
    db.session.rollback()
    # nothing is read twice
    assert shop.tidy(minutes=120).count("matched") == 0


def test_other_currencies_are_found_by_their_dollars(shop: Shop) -> None:
    put_rates({"EUR": "0.92", "JPY": "149.5"}, clock.today())
    euros, yen = shop.paid(Money(1_000_00, "EUR")), shop.paid(Money(50_000, "JPY"))
    assert (euros.paid_currency, euros.paid_minor, euros.gross_minor) == ("EUR", 1_000_00, 108_696)
    assert euros.gross_minor + euros.exchange_minor == euros.fee_minor + euros.net_minor == 1_083_20
    assert (yen.paid_currency, yen.paid_minor) == ("JPY", 50_000)
    shop.simulator.control("refunds", payment_intent=euros.stripe_payment_intent_id, amount=400_00)
    shop.webhooks()
    shop.tidy()
    assert set(states(shop).values()) == {"matched"}
    assert shop.account("stripe_clearing") == shop.at_stripe()
    shop.no_faults()


def test_late_news_is_valued_as_on_its_own_day(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paid while we were down, read three days later: the rate is that of the day of payment."""
    today = clock.today()
    put_rates({"EUR": "0.92"}, today)
    put_rates({"EUR": "0.80"}, today + timedelta(days=2))
    shop.simulator.control("webhooks", pause=True)
    made = shop.donor(Money(1_000_00, "EUR"))
    shop.simulator.press(shop.page(made), "pay")
    shop.run("stripe-events", "stripe-inbox", minutes=3 * 24 * 60)
    row = shop.only(Contribution)
    assert (row.state, row.rate_date, row.gross_minor) == ("in_suspense", today, 108_696)


# --- one cent off -----------------------------------------------------------------------------------------------
OFF = {
    "amount": lambda row: replace(row, amount=row.amount + usd(1), net=row.net + usd(1)),
    "fee": lambda row: replace(row, fee=row.fee + usd(1), net=row.net - usd(1)),
    "split": lambda row: replace(row, fee=row.fee + usd(1), amount=row.amount + usd(1)),
}


@pytest.mark.parametrize("what", list(OFF))
def test_one_cent_off_is_put_before_a_person_at_once(shop: Shop, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    shop.paid()
    real = StripeGateway.list_movements
    monkeypatch.setattr(StripeGateway, "list_movements", lambda self, since=None: (
        [OFF[what](row) for row in rows] for rows in real(self, since)))
    assert "movement_differs" in shop.tidy()
    row = one(shop)
    assert (row.state, row.note) == ("unmatched", "movement_differs")
    assert shop.faults() == [f"movement {row.txn_id} (movement_differs) waits for a person"]
    # the difference is booked in one step, and only the difference
    manager = shop.make.actor("fund_manager")
    before = shop.account("stripe_clearing")
    movements.book(row.id, general(), manager, row.version)
    assert shop.account("stripe_clearing") - before == {"amount": 1, "fee": -1, "split": 0}[what]
    assert one(shop).state == "booked"
    shop.no_faults()
    with pytest.raises(IllegalMove):
        movements.book(row.id, general(), manager)


def general() -> uuid.UUID:
    return ledger.open_pool("general", "Unearmarked money")


def test_a_difference_that_is_explained_is_named_in_every_comparison(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.paid()
    real = StripeGateway.list_movements
    monkeypatch.setattr(StripeGateway, "list_movements", lambda self, since=None: (
        [OFF["amount"](row) for row in rows] for rows in real(self, since)))
    shop.tidy()
    movements.explain(one(shop).id, shop.make.actor("fund_manager"), "Stripe rounds in our favour.")
    found = stripe_checks.totals()
    assert (found.at_stripe - found.in_books, found.explained, found.difference) == (1, 1, 0)
    db.session.rollback()
    shop.no_faults()


# --- what matches nothing ---------------------------------------------------------------------------------------
def test_a_fee_of_stripe_is_booked_to_a_pool_in_one_step(shop: Shop) -> None:
    row = shop.paid()
    service.record_check(row.pledge_id, "clear", "A register.", shop.make.actor("fund_manager"))
    service.accept(row.id, shop.make.actor("head_of_fund"), "Checked.")
    put(facts(-5_00))
    assert shop.run("stripe-movements", "stripe-matching").count("waits") == 1
    assert one(shop, type="stripe_fee").state == "new"  # an hour's time
    shop.no_faults()
    assert "movement_unknown" in shop.run("stripe-matching", minutes=61)
    fee = one(shop, type="stripe_fee")
    assert (fee.state, fee.note) == ("unmatched", "movement_unknown")
    assert shop.faults() == [f"movement {fee.txn_id} (movement_unknown) waits for a person"]
    before = pool_figures()[0]
    db.session.rollback()
    with pytest.raises(NotAllowed):
        movements.book(fee.id, general(), shop.make.actor("requesting_officer"))
    with pytest.raises(Stale):
        movements.book(fee.id, general(), shop.make.actor("fund_manager"), fee.version + 1)
    movements.book(fee.id, general(), shop.make.actor("fund_manager"), fee.version)
    after = pool_figures()[0]
    db.session.rollback()
    assert (after.fees - before.fees, before.available - after.available) == (5_00, 5_00)
    assert one(shop, type="stripe_fee").state == "booked"
    shop.no_faults()


def test_what_stripe_gives_becomes_free_money_of_a_pool(shop: Shop) -> None:
    put(facts(12_34, kind="adjustment", category="other_adjustment"))
    shop.run("stripe-matching", minutes=61)
    movements.book(one(shop).id, general(), shop.make.actor("fund_manager"))
    assert pool_figures()[0].available == 12_34
    db.session.rollback()
    shop.no_faults()


def test_another_currency_is_for_a_person_who_explains_it(shop: Shop) -> None:
    put(facts(12_34, currency="EUR"))
    shop.run("stripe-matching", minutes=61)
    row = one(shop)
    assert row.note == "movement_other_currency"
    manager = shop.make.actor("fund_manager")
    with pytest.raises(RuleBroken) as refused:
        movements.book(row.id, general(), manager)
    assert refused.value.code == "movement.other_currency"
    with pytest.raises(RuleBroken):
        movements.explain(row.id, manager, "  ")
    movements.explain(row.id, manager, "A balance in euros that Stripe opened by itself.")
    shop.no_faults()


def by_hand(shop: Shop, amount: Money | None = None) -> str:
    """Somebody makes a payment page with our account but not through Placard, and it is paid."""
    made = shop.gateway.create_checkout(CheckoutRequest(
        f"by-hand-{uuid.uuid4()}", str(uuid.uuid4()), "X", amount or usd(70_00), "By hand", "http://placard.test/a",
        "http://placard.test/b", clock.real_now() + timedelta(hours=1)))
    shop.simulator.press(str(made.url), "pay")
    shop.webhooks()
    shop.tidy()
    shop.run("stripe-matching", minutes=61)
    return made.session_id


def test_a_payment_of_nobody_is_recorded_for_its_pledge(shop: Shop) -> None:
    session_id = by_hand(shop)
    row, officer = one(shop), shop.make.actor("requesting_officer")
    assert row.state == "unmatched"
    with pytest.raises(RuleBroken) as refused:  # money without a name enters no pool
        movements.book(row.id, general(), shop.make.actor("fund_manager"))
    assert refused.value.code == "movement.is_payment"
    pledge = shop.donor(usd(100_00))
    with pytest.raises(NotAllowed):
        movements.record_for_pledge(shop.gateway, row.id, pledge.reference, shop.make.actor("fund_manager"))
    with pytest.raises(RuleBroken) as refused:
        movements.record_for_pledge(shop.gateway, row.id, "PLG-1999-0001", officer)
    assert refused.value.field == "pledge"
    page = shop.page(pledge)
    with pytest.raises(RuleBroken) as refused:
        movements.record_for_pledge(shop.gateway, row.id, pledge.reference, officer)
    assert refused.value.code == "pledge.payment_open"
    shop.simulator.control(f"checkout/{page.rsplit('/', 1)[1].split('#')[0]}", expires_at=1)
    shop.webhooks()
    key = movements.record_for_pledge(shop.gateway, row.id, f" {pledge.reference.lower()} ", officer, row.version)
    made = shop.only(Contribution, id=key)
    assert (made.state, made.gross_minor, made.fee_minor, made.method) == ("in_suspense", 70_00, 2_33, "card")
    assert made.confirmed_by == officer.person_id
    assert one(shop).state == "matched"
    with pytest.raises(IllegalMove):
        movements.record_for_pledge(shop.gateway, row.id, pledge.reference, officer)
    # the notice of it, read again, still belongs to no session of ours: a person closes it
    event = shop.only(StripeEvent, object_id=session_id, state="unmatched")
    inbox.explain(event.id, shop.make.actor("fund_manager"), "Recorded for its pledge.")
    shop.no_faults()
    # and what follows at Stripe finds it: a dispute of that payment
    shop.simulator.control("disputes", payment_intent=made.stripe_payment_intent_id)
    shop.webhooks()
    shop.tidy()
    assert set(states(shop).values()) == {"matched"}
    shop.no_faults()


def test_a_payment_in_another_currency_than_the_pledge(shop: Shop) -> None:
    put_rates({"EUR": "0.92"}, clock.today())
    by_hand(shop, Money(70_00, "EUR"))
    with pytest.raises(RuleBroken) as refused:
        movements.record_for_pledge(shop.gateway, one(shop).id, shop.donor().reference,
                                    shop.make.actor("requesting_officer"))
    assert refused.value.code == "movement.currency"


def test_it_settles_by_itself_once_the_books_say_the_same(shop: Shop) -> None:
    """A currency without a rate: payment and movement wait; the rate comes, the notice is read again, both settle."""
    put_rates({"EUR": "0.92"}, clock.today() - timedelta(days=1))
    made = shop.donor(Money(1_000_00, "EUR"))
    shop.simulator.press(shop.page(made), "pay")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(money_in, "value_of", _no_rate)
        shop.simulator.control("deliver-now")
        db.session.rollback()
        for _ in range(inbox.GIVE_UP_AFTER):
            db.session.query(StripeEvent).filter_by(state="new").update({"due_at": clock.real_now()})
            db.session.commit()
            jobs.run("stripe-inbox")
        shop.run("stripe-movements", "stripe-matching")
        shop.run("stripe-matching", minutes=61)
    event = shop.only(StripeEvent, state="failed")
    assert event.note == "rates.missing"
    assert one(shop).state == "unmatched"
    inbox.retry(event.id, shop.make.actor("fund_manager"))
    shop.webhooks()
    assert shop.only(Contribution).state == "in_suspense"
    assert shop.run("stripe-matching", minutes=90) == ["matched"]
    shop.no_faults()


def _no_rate(*_args: Any) -> Any:
    raise RuleBroken("no rate", code="rates.missing")


# --- refunds under way ------------------------------------------------------------------------------------------
def test_a_refund_on_its_way_is_waited_for_however_long(shop: Shop) -> None:
    shop.simulator.control("webhooks", refund_delay=86_000)
    row = shop.paid()
    service.send_refund(shop.gateway, service.refuse(row.id, shop.make.actor("head_of_fund"), "purpose", ""))
    shop.webhooks()
    shop.tidy()
    shop.run("stripe-matching", minutes=24 * 60)
    assert states(shop) == {"charge": "matched", "refund": "new"}
    found = stripe_checks.totals()
    db.session.rollback()
    assert (found.not_booked, found.difference) == (-25_000_00, 0)
    shop.no_faults()
    refund = shop.only(Refund)
    shop.simulator.control(f"refunds/{refund.stripe_refund_id}", status="succeeded")
    shop.webhooks()
    shop.run("stripe-matching", minutes=25 * 60)
    assert states(shop) == {"charge": "matched", "refund": "matched"}
    shop.no_faults()


def test_taken_and_given_back_before_the_books_had_anything_to_say(shop: Shop) -> None:
    shop.simulator.control("webhooks", refund_delay=86_000)
    row = shop.paid()
    service.send_refund(shop.gateway, service.refuse(row.id, shop.make.actor("head_of_fund"), "purpose", ""))
    shop.tidy()
    refund = shop.only(Refund)
    shop.simulator.control(f"refunds/{refund.stripe_refund_id}", status="failed")
    shop.webhooks()
    shop.tidy(minutes=20)
    assert set(states(shop).values()) == {"matched"}
    assert shop.account("stripe_clearing") == shop.at_stripe()
    shop.no_faults()


# --- reading the list -------------------------------------------------------------------------------------------
def test_the_list_is_read_page_by_page_and_a_crash_between_two_loses_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for amount in (10, 20, 30, 40, 50):
        shop.paid(usd(amount * 100))
    monkeypatch.setattr(stripe_calls, "PAGE", 2)
    real, seen = listed.keep, []

    def die_at_the_second(rows: Any) -> int:
        seen.append(len(rows))
        if len(seen) == 2:
            raise KeyboardInterrupt()
        return real(rows)

    with monkeypatch.context() as patch:
        patch.setattr(listed, "keep", die_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            listed.gather(shop.gateway)
    db.session.rollback()
    assert cursors.cursor(listed.CURSOR) is None
    assert listed.gather(shop.gateway) == (5, 3)
    assert listed.gather(shop.gateway) == (5, 0)  # the overlap, nothing new
    shop.run("stripe-matching")
    assert shop.account("stripe_clearing") == shop.at_stripe()
    shop.no_faults()


def test_our_clock_does_not_decide_how_far_the_list_was_read(shop: Shop) -> None:
    shop.paid()
    shop.run("stripe-movements", minutes=600)  # ours is ten hours ahead
    through = cursors.cursor(listed.CURSOR)
    assert through is not None and through <= datetime.now(UTC)
    shop.paid(usd(9_00))
    shop.run("stripe-movements")
    assert db.session.query(StripeMovement).count() == 2


def test_twenty_read_and_match_at_once(shop: Shop) -> None:
    shop.paid()
    start, errors = threading.Barrier(20), []

    def work() -> None:
        with shop.app.app_context():
            start.wait()
            try:
                listed.gather(shop.gateway)
                for key, _at, _word in listed.due(clock.now(), 10):
                    db.session.rollback()
                    movements.match(key)
            except Exception as error:
                errors.append(error)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert one(shop).state == "matched"
    assert db.session.query(MovementEntry).count() == 1
    shop.no_faults()


def test_an_entry_that_stripe_does_not_list_is_found_after_a_day(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.receive(general(), ledger.Intake(5_00), source=("gift", uuid.uuid4()), key="by-mistake",
                   actor=listed.MATCHING)
    found = stripe_checks.totals()
    db.session.rollback()
    assert (found.at_stripe, found.in_books, found.not_listed, found.difference) == (0, 5_00, 5_00, 0)
    assert [f for f in shop.faults() if "Stripe" in f] == []
    later = clock.real_now() + timedelta(hours=25)
    monkeypatch.setattr(clock, "real_now", lambda: later)
    assert any("not in Stripe's list" in fault for fault in shop.faults())


def test_the_database_holds_it(shop: Shop) -> None:
    shop.paid()
    shop.tidy()
    row = one(shop)
    for statement in (
        "UPDATE stripe_movement SET net_minor = net_minor + 1", "DELETE FROM stripe_movement",
        "UPDATE stripe_movement_entry SET movement_id = movement_id", "DELETE FROM stripe_movement_entry",
        "INSERT INTO stripe_movement_entry (entry_id, movement_id) SELECT entry_id, movement_id FROM "
        "stripe_movement_entry",
    ):
        with pytest.raises(DBAPIError):
            db.session.execute(sa.text(statement))
        db.session.rollback()
    with pytest.raises(DBAPIError):
        db.session.execute(sa.update(StripeMovement).values(note="x", amount_minor=1))
    db.session.rollback()
    assert money_queries.count_movements_for_a_person() == 0
    assert one(shop).version == row.version
