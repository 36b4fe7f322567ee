"""Stripe's list of events: what no webhook brought is found, any of it can be applied again, and the order in which it
comes makes no difference to the books."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from core import clock, events, vault
from core.db import command, db
from core.money import Money, usd
from sponsorship.contributions import invoicing, money_in, movements, service, stripe_checks
from sponsorship.contributions.back_models import Dispute, Refund
from sponsorship.contributions.invoice_models import DonorInvoice
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.gateways import cursors, inbox, payouts, stripe_calls, stripe_events
from sponsorship.gateways import movements as listed
from sponsorship.gateways.models import StripeEvent
from sponsorship.gateways.money_models import StripeMovement, StripePayout
from sponsorship.gateways.stripe_gateway import GatewayError, StripeGateway
from sponsorship.gateways.stripe_money_facts import MovementFacts
from sponsorship.ledger.models import Account, Entry
from tests.support.rates import put_rates
from tests.support.shop import Shop
from tests.support.shop import shop as shop
from tests.support.soak import SEED, count
from tests.support.stripe import event

pytestmark = pytest.mark.real_database


def number(model: Any, **values: Any) -> int:
    db.session.rollback()
    found = db.session.query(model).filter_by(**values).count()
    db.session.rollback()
    return found


def unheard(shop: Shop, *amounts: int) -> None:
    """Payments of which no webhook tells."""
    shop.simulator.control("webhooks", pause=True)
    for amount in amounts:
        shop.simulator.press(shop.page(shop.donor(usd(amount))), "pay")


# --- the sweep --------------------------------------------------------------------------------------------------
def test_what_no_webhook_brought_is_stored_and_read(shop: Shop) -> None:
    unheard(shop, 100_00, 200_00)
    assert stripe_events.sweep_events(shop.gateway) == (2, 2)
    assert {row.via for row in db.session.query(StripeEvent)} == {"listed"}
    assert {row.type for row in db.session.query(StripeEvent)} == {"checkout.session.completed"}
    row = db.session.query(StripeEvent).first()
    assert row is not None and "payer@donor.example" in (vault.unseal(row.id, row.payload_sealed) or "")
    db.session.rollback()
    shop.run("stripe-inbox")
    assert number(Contribution, state="in_suspense") == 2
    assert stripe_events.sweep_events(shop.gateway) == (2, 0)
    # the webhook comes after all: it is the same event
    shop.simulator.control("webhooks", pause=False)
    shop.webhooks()
    assert number(StripeEvent, type="checkout.session.completed") == 2
    shop.no_faults()


def test_page_by_page_and_a_crash_between_two_pages(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    unheard(shop, *(n * 100_00 for n in range(1, 6)))
    monkeypatch.setattr(stripe_calls, "PAGE", 3)
    real, calls = inbox.receive, []

    def die(*args: Any, **values: Any) -> bool:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt()
        return real(*args, **values)

    with monkeypatch.context() as patch:
        patch.setattr(inbox, "receive", die)
        with pytest.raises(KeyboardInterrupt):
            stripe_events.sweep_events(shop.gateway)
    db.session.rollback()
    assert cursors.cursor(stripe_events.CURSOR) is None
    assert number(StripeEvent) == 2
    assert stripe_events.sweep_events(shop.gateway) == (5, 3)
    through = cursors.cursor(stripe_events.CURSOR)
    assert through is not None
    shop.run("stripe-inbox")
    assert number(Contribution, state="in_suspense") == 5
    # from there on only what is new is asked for, with an hour of overlap
    asked: list[Any] = []
    real_list = StripeGateway.list_events
    monkeypatch.setattr(StripeGateway, "list_events", lambda self, since=None: asked.append(since) or real_list(
        self, since))
    stripe_events.sweep_events(shop.gateway)
    assert asked == [through - timedelta(hours=1)]


def test_a_sweep_that_stripe_breaks_off_begins_again(shop: Shop) -> None:
    unheard(shop, 100_00)
    shop.simulator.control("faults", path="/v1/events", status=500, times=3)
    with pytest.raises(GatewayError):
        stripe_events.sweep_events(shop.gateway)
    assert cursors.cursor(stripe_events.CURSOR) is None
    assert stripe_events.sweep_events(shop.gateway) == (1, 1)


@pytest.mark.parametrize(("values", "note"), [
    ({"livemode": True}, "other_mode"), ({"account": "acct_other"}, "other_account"),
    ({"api_version": "2020-08-27"}, "other_version"),
])
def test_what_is_not_for_us_is_set_aside_by_the_sweep_too(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, values: dict[str, Any], note: str
) -> None:
    one = event("checkout.session.completed", **values)
    monkeypatch.setattr(StripeGateway, "list_events", lambda self, since=None: iter([[one]]))
    assert stripe_events.sweep_events(shop.gateway) == (1, 1)
    row = shop.only(StripeEvent)
    assert (row.state, row.note) == ("unmatched", note)
    assert shop.faults() == [f"Stripe event {row.id} ({note}) waits for a person"]
    inbox.explain(row.id, shop.make.actor("fund_manager"), "Another account’s webhook pointed here.")
    shop.no_faults()


def test_kinds_that_nobody_answers_are_not_stored(shop: Shop) -> None:
    shop.paid()
    before = number(StripeEvent)
    looked, stored = stripe_events.sweep_events(shop.gateway)
    assert (stored, number(StripeEvent)) == (0, before)
    assert looked == 1


# --- replay -----------------------------------------------------------------------------------------------------
def replayed(shop: Shop, **values: Any) -> list[stripe_events.Replayed]:
    db.session.rollback()
    return list(stripe_events.replay(shop.gateway, values.pop("since", None), values.pop("until", None),
                                     values.pop("kind", None), **values))


def test_replaying_what_was_read_changes_nothing(shop: Shop) -> None:
    row = shop.paid()
    service.send_refund(shop.gateway, service.refuse(row.id, shop.make.actor("head_of_fund"), "purpose", ""))
    shop.webhooks()
    shop.simulator.control("balance", available=True)
    before = (number(Entry), number(events.Event))
    for _ in range(2):
        found = replayed(shop)
        assert {one.here for one in found} == {"done"}
        assert all(one.changes == {} for one in found)
        assert {one.outcome for one in found} <= {"settle", stripe_events.SAME}
    assert (number(Entry), number(events.Event)) == before
    shop.no_faults()


def test_replaying_what_never_came_applies_it_and_says_so(shop: Shop) -> None:
    unheard(shop, 100_00)
    tried = replayed(shop, dry_run=True)
    assert [(one.here, one.outcome) for one in tried] == [("", "settle")]
    assert tried[0].changes == {"contributions.contribution.hold": 1, "contributions.pledge.pay": 1}
    assert (number(StripeEvent), number(Contribution, state="in_suspense"), number(Entry)) == (0, 0, 0)
    done = replayed(shop)
    assert done[0].changes == tried[0].changes
    assert number(Contribution, state="in_suspense") == 1
    assert [(one.here, one.changes) for one in replayed(shop)] == [("done", {})]
    shop.no_faults()


def test_replay_takes_a_span_and_a_kind(shop: Shop) -> None:
    shop.paid()
    now = datetime.now(UTC)
    assert replayed(shop, since=now + timedelta(hours=1)) == []
    assert replayed(shop, until=now - timedelta(hours=1)) == []
    assert {one.kind for one in replayed(shop, kind="checkout.*")} == {"checkout.session.completed"}
    assert replayed(shop, kind="payout.paid") == []


def test_replay_reads_again_what_waits_for_a_person(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rate was missing; it is imported, and the operator replays."""
    put_rates({"EUR": "0.92"}, clock.today())
    shop.simulator.control("webhooks", pause=True)
    shop.simulator.press(shop.page(shop.donor(Money(500_00, "EUR"))), "pay")
    stripe_events.sweep_events(shop.gateway)
    row = shop.only(StripeEvent)
    db.session.query(StripeEvent).update({"attempts": inbox.GIVE_UP_AFTER - 1})
    db.session.commit()
    with monkeypatch.context() as patch:
        patch.setattr(money_in, "value_of", _broken)
        with pytest.raises(ZeroDivisionError):
            inbox.perform(row.id, clock.now())
    assert shop.only(StripeEvent).state == "failed"
    (one,) = replayed(shop)
    assert (one.here, one.outcome) == ("failed", "settle")
    assert one.changes["contributions.contribution.hold"] == 1
    assert shop.only(StripeEvent).state == "done"
    shop.no_faults()


def _broken(*_args: Any) -> Any:
    raise ZeroDivisionError()


def test_replay_says_what_is_for_a_person(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    unheard(shop, 100_00)
    real = StripeGateway.fetch_session
    monkeypatch.setattr(StripeGateway, "fetch_session", lambda self, key: replace(real(self, key), amount=usd(100_01)))
    (tried,) = replayed(shop, dry_run=True)
    assert (tried.outcome, tried.changes) == ("amount_differs", {})
    (done,) = replayed(shop)
    assert done.outcome == "amount_differs"
    assert shop.only(StripeEvent).note == "amount_differs"


# --- the commands -----------------------------------------------------------------------------------------------
def run(shop: Shop, *args: str) -> Any:
    db.session.rollback()
    db.session.remove()
    return shop.app.test_cli_runner().invoke(args=["stripe", *args])


def test_status_says_what_to_subscribe_to(shop: Shop) -> None:
    told = run(shop, "status").output
    assert "mode      test" in told
    assert shop.gateway.api_version in told
    for kind in ("checkout.session.completed", "payout.failed", "invoice.paid", "cash_balance.funds_available"):
        assert kind in told
    assert "never read" in told


def test_reconcile_says_where_both_sides_stand(shop: Shop) -> None:
    unheard(shop, 100_00, 50_00)
    shop.simulator.control("balance", available=True)
    shop.simulator.control("payouts")
    first = run(shop, "reconcile")
    assert first.exit_code == 0, first.output
    assert "movements  3 looked at" in first.output  # two payments and the payout
    assert "difference nobody has named" in first.output
    assert shop.account("stripe_clearing") == shop.at_stripe() == 0
    assert number(StripePayout) == 1
    assert run(shop, "reconcile", "--since", "2020-01-01").exit_code == 0
    shop.no_faults()
    # a movement that the books do not know
    now = datetime.now(UTC)
    listed.keep([MovementFacts("txn_fee", "stripe_fee", "fee", None, usd(-5_00), usd(0), usd(-5_00), now, now)])
    told = run(shop, "reconcile")
    assert told.exit_code == 1
    assert "USD -5.00" in told.output and "DOES NOT AGREE" in told.output


def test_replay_from_the_command_line(shop: Shop) -> None:
    unheard(shop, 100_00)
    tried = run(shop, "replay", "--dry-run")
    assert tried.exit_code == 0, tried.output
    assert "1 read, 1 would change something, 0 for a person" in tried.output
    assert "contributions.contribution.hold x1" in tried.output
    assert number(Contribution, state="in_suspense") == 0
    done = run(shop, "replay", "--since", "2020-01-01", "--type", "checkout.*")
    assert "1 read, 1 changed something, 0 for a person" in done.output
    assert "1 read, 0 changed something" in run(shop, "replay").output
    assert run(shop, "replay", "--since", "2027-05-01T09:00").exit_code == 2
    assert run(shop, "replay", "--until", "soon").exit_code == 2


def test_commands_say_when_stripe_cannot_be_asked(shop: Shop) -> None:
    for args in (("replay",), ("reconcile",)):
        shop.simulator.control("faults", path="/v1/events", status=500, times=3)
        told = run(shop, *args)
        assert told.exit_code == 1
        assert "Stripe could not be asked: " in told.output


# --- in any order -----------------------------------------------------------------------------------------------
def test_the_same_events_in_any_order_give_the_same_books(shop: Shop) -> None:
    """Payments, a refund, a refund that failed, a dispute, one that was won, an invoice, a payout that came back: the
    events of all this, in several orders with repetitions, each time on books that know only what was ordered."""
    client = shop.simulator.client().v1
    shop.simulator.control("webhooks", pause=True)
    for amount in (100_00, 200_00, 300_00, 400_00, 500_00):
        shop.simulator.press(shop.page(shop.donor(usd(amount))), "pay")
    invoice_id, _word = invoicing.make_invoice(shop.gateway, shop.donor(usd(600_00)).id,
                                               shop.make.actor("fund_manager"))
    shop.simulator.transfer(str(shop.only(DonorInvoice, id=invoice_id).hosted_url), "650")
    db.session.rollback()
    rows = [row.stripe_session_id for row in db.session.query(Contribution).filter_by(method="card").order_by(
        Contribution.amount_minor)]
    db.session.rollback()
    intents = [shop.gateway.fetch_session(key).payment_intent_id for key in rows]
    shop.simulator.control("refunds", payment_intent=intents[0])
    failed = shop.simulator.control("refunds", payment_intent=intents[1], amount=50_00)
    shop.simulator.control(f"refunds/{failed['id']}", status="failed")
    shop.simulator.control("disputes", payment_intent=intents[2])
    won = shop.simulator.control("disputes", payment_intent=intents[3])
    shop.simulator.control(f"disputes/{won['id']}", status="won")
    shop.simulator.control("balance", available=True)
    payout = shop.simulator.control("payouts")["data"][0]
    shop.simulator.control(f"payouts/{payout['id']}", status="failed")
    told = [one.to_dict() for one in client.events.list({"limit": 100}).auto_paging_iter()]
    told = [one for one in told if one["type"] in inbox.HANDLERS]
    assert len(told) > 20
    fetched = {(inbox.HANDLERS[one["type"]], stripe_events.object_id(one)): None for one in told}
    for handler, key in fetched:
        fetched[handler, key] = handler.fetch(key)  # what Stripe says at the end: asked once, applied in every order
    moves = [row for rows in shop.gateway.list_movements() for row in rows]
    inside = shop.gateway.list_contained(payout["id"])

    seen = set()
    dice = random.Random(SEED)
    for _ in range(count("ORDERS", 5)):
        order = told + dice.choices(told, k=10)
        dice.shuffle(order)
        seen.add(_books_after(order, fetched, moves, inside, payout["id"]))
    assert len(seen) == 1
    assert dict(next(iter(seen))[0])["stripe_clearing"] == shop.at_stripe()


def _books_after(order: list[Any], fetched: Any, moves: Any, inside: Any, payout_id: str) -> Any:
    """Apply the events in this order in one transaction that is rolled back; what the books then say."""
    class Undo(Exception):
        pass

    said: list[Any] = []

    @command
    def play() -> None:
        waiting = list(order)
        while waiting:  # what concerns a payment not known yet is read again later, as the inbox does
            later = []
            for one in waiting:
                handler = inbox.HANDLERS[one["type"]]
                try:
                    handler.apply(fetched[handler, stripe_events.object_id(one)], inbox.ACTOR)
                except inbox.TryLater:
                    later.append(one)
            assert len(later) < len(waiting)
            waiting = later
        payouts.contains(payout_id, inside, payouts.PAYOUTS)
        listed.keep(moves)
        db.session.flush()
        for key in db.session.scalars(sa.select(StripeMovement.id).order_by(StripeMovement.txn_id)).all():
            movements.match(key)
        db.session.flush()
        said.append(_said())
        raise Undo()

    try:
        play()
    except Undo:
        pass
    return said[0]


def _said() -> Any:
    accounts = tuple(sorted(
        (row.code, row.debits_posted - row.credits_posted) for row in db.session.execute(
            sa.select(Account.code, Account.debits_posted, Account.credits_posted))))
    states = tuple(sorted((model.__tablename__, *row) for model, columns in (
        (Contribution, (Contribution.reference, Contribution.state, Contribution.back_minor)),
        (Pledge, (Pledge.reference, Pledge.state, Pledge.paid_minor)),
        (Refund, (Refund.stripe_refund_id, Refund.state, Refund.usd_minor)),
        (Dispute, (Dispute.stripe_dispute_id, Dispute.state, Dispute.usd_minor)),
        (StripePayout, (StripePayout.payout_id, StripePayout.state, StripePayout.amount_minor)),
    ) for row in db.session.execute(sa.select(*columns))))
    found = stripe_checks.totals()
    movement_states = tuple(sorted(tuple(row) for row in db.session.execute(
        sa.select(StripeMovement.txn_id, StripeMovement.state))))
    return accounts, states, movement_states, (found.at_stripe, found.in_books, found.difference)
