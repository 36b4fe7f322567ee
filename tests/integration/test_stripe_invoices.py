"""Invoices for instalments against the Stripe simulator: made once, paid once, closed for good, wherever we die."""

from __future__ import annotations

import sqlite3
import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest

from core import clock
from core.actor import PUBLIC
from core.db import db
from core.errors import IllegalMove, NotAllowed, NotFound, RuleBroken
from core.money import Money, usd
from sponsorship.contributions import customers, invoices, invoicing, service
from sponsorship.contributions.back_models import DonorCustomer
from sponsorship.contributions.invoice_models import DonorInvoice
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.gateways.models import StripeEvent
from sponsorship.gateways.stripe_gateway import GatewayError, StripeGateway
from sponsorship.gateways.stripe_money_facts import InvoiceFacts, PaymentFacts
from tests.support.rates import put_rates
from tests.support.shop import Shop
from tests.support.shop import shop as shop

pytestmark = pytest.mark.real_database


def parts(*amounts: int) -> tuple[service.Part, ...]:
    today = clock.today()
    return tuple(service.Part(amount, today + timedelta(days=60 * n)) for n, amount in enumerate(amounts, 1))


def three(shop: Shop, currency: str = "USD") -> service.PledgeMade:
    """A pledge of 1,200 in three instalments."""
    return shop.donor(Money(1_200_00, currency), parts=parts(500_00, 400_00, 300_00))


def made(shop: Shop, pledge: service.PledgeMade, actor: Any = PUBLIC, **values: Any) -> DonorInvoice:
    invoice_id, word = invoicing.make_invoice(shop.gateway, pledge.id, actor, token=pledge.token, **values)
    assert word == "open"
    return invoice(shop, invoice_id)


def invoice(shop: Shop, invoice_id: uuid.UUID) -> DonorInvoice:
    return shop.only(DonorInvoice, id=invoice_id)  # type: ignore[no-any-return]


def contribution(shop: Shop, row: DonorInvoice) -> Contribution:
    return shop.only(Contribution, id=row.contribution_id)  # type: ignore[no-any-return]


def at_stripe(shop: Shop, row: DonorInvoice) -> Any:
    return shop.simulator.client().v1.invoices.retrieve(str(contribution(shop, row).stripe_invoice_id))


# --- made -------------------------------------------------------------------------------------------------------
def test_an_invoice_for_the_next_instalment_is_made_and_sent(shop: Shop) -> None:
    row = made(shop, three(shop))
    asked = contribution(shop, row)
    assert (asked.method, asked.state, asked.amount_minor) == ("invoice", "invoiced", 500_00)
    there = at_stripe(shop, row)
    assert (there.status, there.amount_due, there.currency, there.number) == ("open", 500_00, "usd", row.number)
    assert there.hosted_invoice_url == row.hosted_url
    assert there.metadata["placard_contribution"] == str(asked.id)
    assert there.due_date == int(row.due_at.timestamp())
    assert (there.customer_email, there.customer_name) == ("ada@donor.example", "Ada Foundation")
    assert list(there.payment_settings.payment_method_types) == ["card", "customer_balance"]
    assert "instalment 1 of 3" in there.description
    assert row.due_on == clock.today() + timedelta(days=60)
    shop.no_faults()


def test_asking_twice_gives_the_one_that_is_out(shop: Shop) -> None:
    pledge = three(shop)
    first = made(shop, pledge)
    again, word = invoicing.make_invoice(shop.gateway, pledge.id, PUBLIC, token=pledge.token)
    assert (again, word) == (first.id, "open")
    assert shop.simulator.status()["objects"]["invoice"] == 1


def test_twenty_ask_at_once_and_one_is_made(shop: Shop) -> None:
    pledge = three(shop)
    start, found = threading.Barrier(20), []

    def ask() -> None:
        with shop.app.app_context():
            start.wait()
            try:
                found.append(invoicing.make_invoice(shop.gateway, pledge.id, PUBLIC, token=pledge.token)[0])
            except (RuleBroken, GatewayError) as error:
                found.append(str(error))
            finally:
                db.session.remove()

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shop.run("invoice-sweep", minutes=2)
    row = shop.only(DonorInvoice)
    assert set(found) == {row.id}
    assert row.state == "open"
    objects = shop.simulator.status()["objects"]
    assert (objects["invoice"], objects["invoiceitem"], objects["customer"]) == (1, 1, 1)
    assert at_stripe(shop, row).amount_due == 500_00
    shop.no_faults()


def test_the_customer_is_made_once_for_a_donor_and_follows_its_name(shop: Shop, make: Any) -> None:
    state = make.state("XC")
    donor = make.actor("donor", organisation=state)
    for _ in range(2):
        pledge = service.make_pledge(service.PledgeDraft(uuid.uuid4().hex, 70_000, organisation_id=state), donor)
        made(shop, pledge, donor)
    assert shop.simulator.status()["objects"]["customer"] == 1
    kept = shop.only(DonorCustomer)
    assert (kept.organisation_id, kept.pledge_id) == (state, None)
    # somebody deletes or loses it at Stripe: another is made, and remembered in its place
    db.session.query(DonorCustomer).update({"stripe_customer_id": "cus_gone"})
    db.session.commit()
    pledge = service.make_pledge(service.PledgeDraft(uuid.uuid4().hex, 70_000, organisation_id=state), donor)
    made(shop, pledge, donor)
    assert shop.only(DonorCustomer).stripe_customer_id == kept.stripe_customer_id  # found by our own mark
    assert shop.simulator.status()["objects"]["customer"] == 1


def test_who_may_ask(shop: Shop, make: Any) -> None:
    pledge = three(shop)
    stranger = make.actor("donor", organisation=make.state("XB"))
    for actor, token in ((PUBLIC, None), (PUBLIC, "x" * 43), (stranger, None), (make.actor("auditor"), None)):
        with pytest.raises(NotFound):
            invoicing.make_invoice(shop.gateway, pledge.id, actor, token=token)
    row = made(shop, pledge, make.actor("fund_manager"), due_on=clock.today() + timedelta(days=14))
    assert row.due_on == clock.today() + timedelta(days=14)
    with pytest.raises(NotAllowed):
        invoicing.close_invoice(shop.gateway, row.id, "void", make.actor("auditor"), "Why not.", row.version)


@pytest.mark.parametrize("days", [0, -1, 3000])
def test_a_due_day_that_cannot_be(shop: Shop, make: Any, days: int) -> None:
    with pytest.raises(RuleBroken) as refused:
        invoicing.make_invoice(shop.gateway, three(shop).id, make.actor("fund_manager"),
                               due_on=clock.today() + timedelta(days=days))
    assert refused.value.field == "due_on"
    assert db.session.query(DonorInvoice).count() == 0


def test_an_organisation_without_people_has_nobody_to_bill(shop: Shop, make: Any) -> None:
    manager = make.actor("fund_manager")
    pledge = service.record_pledge(
        service.PledgeDraft(uuid.uuid4().hex, 70_000, organisation_id=make.state("XC")), manager)
    with pytest.raises(RuleBroken) as refused:
        invoicing.make_invoice(shop.gateway, pledge.id, manager)
    assert refused.value.code == "invoice.nobody"


@pytest.mark.parametrize(("currency", "minor", "kinds"), [
    ("EUR", 1_234_56, ["card", "customer_balance"]), ("JPY", 123_456, ["card", "customer_balance"]),
    ("CHF", 1_000_00, ["card"]), ("KWD", 1_234_560, ["card"]),
])
def test_other_currencies(shop: Shop, currency: str, minor: int, kinds: list[str]) -> None:
    put_rates({"EUR": "0.92", "JPY": "149.5", "CHF": "0.88", "KWD": "0.307"}, clock.today())
    row = made(shop, shop.donor(Money(minor, currency)))
    there = at_stripe(shop, row)
    assert (there.currency, there.amount_due) == (currency.lower(), minor)
    assert list(there.payment_settings.payment_method_types) == kinds
    shop.simulator.press(str(row.hosted_url), "pay")
    shop.webhooks()
    paid = contribution(shop, row)
    assert (paid.state, paid.paid_minor, paid.paid_currency) == ("in_suspense", minor, currency)
    assert paid.rate is not None
    shop.tidy()
    assert shop.account("stripe_clearing") == shop.at_stripe()
    shop.no_faults()


# --- paid -------------------------------------------------------------------------------------------------------
def test_paid_by_card(shop: Shop) -> None:
    row = made(shop, three(shop))
    shop.simulator.press(str(row.hosted_url), "pay")
    shop.webhooks()
    paid = contribution(shop, row)
    assert (paid.state, paid.gross_minor, paid.fee_minor, paid.net_minor) == ("in_suspense", 500_00, 14_80, 485_20)
    assert invoice(shop, row.id).state == "paid"
    assert shop.only(Pledge, id=paid.pledge_id).state == "partly_paid"
    shop.tidy()
    assert shop.account("stripe_clearing") == shop.at_stripe() == 485_20
    shop.no_faults()
    # the next one is for the next instalment
    second = made(shop, service.PledgeMade(paid.pledge_id, "", None), shop.make.actor("fund_manager"))
    assert contribution(shop, second).amount_minor == 400_00


def test_paid_by_bank_transfer_in_parts_and_more_than_asked(shop: Shop) -> None:
    """A part waits in the cash balance; the rest pays the invoice; what is more is for a person, with what to do."""
    row = made(shop, three(shop))
    shop.simulator.transfer(str(row.hosted_url), "200")
    shop.webhooks()
    assert (invoice(shop, row.id).state, invoice(shop, row.id).funded_minor) == ("open", 200_00)
    assert contribution(shop, row).state == "invoiced"
    assert db.session.query(StripeEvent).filter_by(state="unmatched").count() == 0
    shop.simulator.transfer(str(row.hosted_url), "345.60")
    shop.webhooks()
    paid = contribution(shop, row)
    assert (paid.state, paid.gross_minor, paid.fee_minor) == ("in_suspense", 500_00, 2_50)
    assert (invoice(shop, row.id).state, invoice(shop, row.id).funded_minor) == ("paid", 0)
    waiting = shop.only(StripeEvent, state="unmatched")
    assert (waiting.type, waiting.note) == ("cash_balance.funds_available", "surplus")
    # the next invoice is paid from it as far as it reaches: 45.60 of 400.00 wait for the rest
    manager = shop.make.actor("fund_manager")
    second = made(shop, service.PledgeMade(paid.pledge_id, "", None), manager)
    assert contribution(shop, second).amount_minor == 400_00
    shop.simulator.transfer(str(second.hosted_url), "354.40")
    shop.webhooks()
    assert invoice(shop, second.id).state == "paid"
    # read again, the notice closes by itself: nothing is left
    from sponsorship.gateways import inbox

    inbox.retry(waiting.id, manager)
    shop.webhooks()
    assert shop.only(StripeEvent, id=waiting.id).state == "done"
    shop.tidy()
    assert shop.account("stripe_clearing") == shop.at_stripe()
    shop.no_faults()


def test_a_surplus_that_goes_back_at_stripe_never_was_in_the_books(shop: Shop) -> None:
    row = made(shop, three(shop))
    shop.simulator.transfer(str(row.hosted_url), "600")
    shop.webhooks()
    customer = shop.only(DonorCustomer).stripe_customer_id
    shop.simulator.client().v1.refunds.create({
        "origin": "customer_balance", "customer": customer, "amount": 100_00, "currency": "usd"})
    shop.webhooks()
    assert shop.only(StripeEvent, type="refund.created").note == "surplus_returned"
    shop.tidy()
    assert shop.account("stripe_clearing") == shop.at_stripe()


def test_an_invoice_paid_at_once_from_what_lay_there(shop: Shop) -> None:
    first = made(shop, three(shop))
    shop.simulator.transfer(str(first.hosted_url), "1000")
    shop.webhooks()
    pledge_id = contribution(shop, first).pledge_id
    invoice_id, word = invoicing.make_invoice(shop.gateway, pledge_id, shop.make.actor("fund_manager"))
    assert word == "held"
    assert invoice(shop, invoice_id).state == "paid"
    assert customers.settle_cash(shop.only(DonorCustomer).stripe_customer_id, (usd(100_00),)) == "surplus"
    shop.webhooks()
    assert shop.account("stripe_clearing") == shop.at_stripe()


def test_a_declined_card_leaves_it_open(shop: Shop) -> None:
    row = made(shop, three(shop))
    shop.simulator.press(str(row.hosted_url), "decline")
    shop.webhooks()
    assert (invoice(shop, row.id).state, contribution(shop, row).state) == ("open", "invoiced")
    shop.no_faults()


def test_a_payment_whose_fee_is_booked_later_waits(shop: Shop) -> None:
    shop.simulator.control("webhooks", settlement_delay=3600)
    row = made(shop, three(shop))
    shop.simulator.press(str(row.hosted_url), "pay")
    shop.simulator.control("deliver-now")
    shop.run("stripe-inbox")
    assert contribution(shop, row).state == "invoiced"
    assert shop.only(StripeEvent, type="invoice.paid").note == "not booked"


# --- one page at a time -----------------------------------------------------------------------------------------
def test_an_open_card_page_is_closed_before_an_invoice_goes_out(shop: Shop) -> None:
    pledge = three(shop)
    page = shop.page(pledge)
    row = made(shop, pledge)
    card = shop.only(Contribution, method="card")
    assert card.state == "expired"
    shop.simulator.press(page, "pay")  # the donor's other window: closed
    shop.webhooks()
    assert shop.only(Contribution, id=card.id).state == "expired"
    assert invoice(shop, row.id).state == "open"
    with pytest.raises(RuleBroken) as refused:
        shop.page(pledge)
    assert refused.value.code == "contribution.invoice_out"
    shop.no_faults()


def test_paid_on_the_card_page_in_the_last_moment_is_honoured(shop: Shop) -> None:
    pledge = three(shop)
    shop.simulator.press(shop.page(pledge), "pay")
    with pytest.raises(RuleBroken) as refused:
        invoicing.make_invoice(shop.gateway, pledge.id, PUBLIC, token=pledge.token)
    assert refused.value.code == "contribution.paid_meanwhile"
    assert shop.only(Contribution).state == "in_suspense"
    assert db.session.query(DonorInvoice).count() == 0
    db.session.rollback()
    assert contribution(shop, made(shop, pledge)).amount_minor == 400_00


# --- closed -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("how", "state", "there"), [
    ("void", "void", "void"), ("uncollectible", "uncollectible", "uncollectible"), ("elsewhere", "elsewhere", "paid"),
])
def test_an_officer_closes_it(shop: Shop, how: str, state: str, there: str) -> None:
    row = made(shop, three(shop))
    manager = shop.make.actor("fund_manager")
    assert invoicing.close_invoice(shop.gateway, row.id, how, manager, "As agreed.", row.version) == state
    assert (invoice(shop, row.id).state, contribution(shop, row).state) == (state, "expired")
    assert at_stripe(shop, row).status == there
    shop.webhooks()
    assert db.session.query(StripeEvent).filter_by(state="unmatched").count() == 0
    shop.no_faults()
    # there is room for another
    again = made(shop, service.PledgeMade(contribution(shop, row).pledge_id, "", None), manager)
    assert again.id != row.id


def test_closing_needs_a_reason_and_a_way(shop: Shop) -> None:
    row = made(shop, three(shop))
    manager = shop.make.actor("fund_manager")
    for how, words, field in (("void", " ", "words"), ("burn", "Because.", "how")):
        with pytest.raises(RuleBroken) as refused:
            invoicing.close_invoice(shop.gateway, row.id, how, manager, words, row.version)
        assert refused.value.field == field
    invoicing.close_invoice(shop.gateway, row.id, "void", manager, "As agreed.", row.version)
    with pytest.raises(IllegalMove):
        invoicing.close_invoice(shop.gateway, row.id, "void", manager, "Again.", row.version + 2)


def test_paid_in_the_moment_of_closing_is_honoured(shop: Shop) -> None:
    row = made(shop, three(shop))
    shop.simulator.press(str(row.hosted_url), "pay")
    word = invoicing.close_invoice(shop.gateway, row.id, "void", shop.make.actor("fund_manager"), "Late.", row.version)
    assert word == "held"
    assert (invoice(shop, row.id).state, contribution(shop, row).state) == ("paid", "in_suspense")
    shop.webhooks()
    shop.no_faults()


def test_given_up_and_paid_all_the_same(shop: Shop) -> None:
    row = made(shop, three(shop))
    manager = shop.make.actor("fund_manager")
    invoicing.close_invoice(shop.gateway, row.id, "uncollectible", manager, "No answer.", row.version)
    shop.simulator.client().v1.invoices.pay(
        str(contribution(shop, row).stripe_invoice_id), {"payment_method": "pm_card_visa"})
    shop.webhooks()
    assert (invoice(shop, row.id).state, contribution(shop, row).state) == ("paid", "in_suspense")
    shop.no_faults()


def test_money_that_lay_there_when_it_was_closed_is_for_a_person(shop: Shop) -> None:
    row = made(shop, three(shop))
    shop.simulator.transfer(str(row.hosted_url), "200")
    shop.webhooks()
    manager = shop.make.actor("fund_manager")
    invoicing.close_invoice(shop.gateway, row.id, "void", manager, "As agreed.", invoice(shop, row.id).version)
    assert shop.only(StripeEvent, state="unmatched").note == "surplus"


def test_marked_as_paid_at_stripe_by_somebody_else(shop: Shop) -> None:
    row = made(shop, three(shop))
    shop.simulator.client().v1.invoices.pay(
        str(contribution(shop, row).stripe_invoice_id), {"paid_out_of_band": True})
    shop.webhooks()
    assert (invoice(shop, row.id).state, contribution(shop, row).state) == ("elsewhere", "expired")
    assert shop.only(StripeEvent, state="unmatched").note == "invoice_paid_outside"


@pytest.mark.parametrize(("settles", "state"), [(500_00, "elsewhere"), (700_00, "elsewhere"), (200_00, "void")])
def test_a_wire_that_an_officer_confirmed_closes_it(shop: Shop, settles: int, state: str) -> None:
    """What the invoice asks for has come by another way, in whole or in part: nobody can pay it twice."""
    pledge = three(shop)
    row = made(shop, pledge)
    wire(shop, pledge, settles)
    assert shop.run("invoice-sweep") == [state]
    assert invoice(shop, row.id).state == state
    assert at_stripe(shop, row).status in ("void", "paid")
    assert shop.simulator.press(str(row.hosted_url), "pay").status_code < 500
    shop.webhooks()
    assert contribution(shop, row).received_at is None
    assert shop.run("invoice-sweep") == []
    shop.no_faults()


def wire(shop: Shop, pledge: service.PledgeMade, settles: int) -> None:
    """An officer confirms a bank transfer, as its own command does."""
    from core.db import command, lock
    from sponsorship.contributions.money_in import Came, record_money
    from sponsorship.contributions.payments import new_contribution

    officer = shop.make.actor("requesting_officer")

    @command
    def confirm() -> None:
        row = lock(Pledge, pledge.id)
        came = new_contribution(row, usd(settles), officer, method="transfer")
        came.bank_reference, came.confirmed_by, came.value_date = f"W{settles}", officer.person_id, clock.today()
        record_money(row, came, Came(usd(settles), 0, settles, settles, key=f"bank:{came.id}", day=clock.today(),
                                     clearing="bank"), officer, moves=("confirm", "confirm_held"))

    confirm()


# --- dying when Stripe has forgotten our keys -------------------------------------------------------------------
class Killed(BaseException):
    """Stands for a process that ends here."""


# those that make something at Stripe; every pair of steps is tried in test_money_kills
STEPS = ("create_customer", "create_invoice", "add_invoice_item", "finalize_invoice", "send_invoice")


def _kill(patch: pytest.MonkeyPatch, target: Any, name: str) -> None:
    """Die when this step has been done and before anything else is."""
    real = getattr(target, name)

    def die(*args: Any, **kwargs: Any) -> Any:
        real(*args, **kwargs)
        raise Killed()

    patch.setattr(target, name, die)


def test_killed_and_resumed_when_the_keys_are_forgotten_one_invoice_goes_out(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n, where in enumerate(STEPS):
        pledge = shop.donor(usd(1_200_00), email=f"ada{n}@donor.example", parts=parts(500_00, 700_00))
        with monkeypatch.context() as patch:
            _kill(patch, StripeGateway, where)
            with pytest.raises(Killed):
                invoicing.make_invoice(shop.gateway, pledge.id, PUBLIC, token=pledge.token)
        db.session.rollback()
        forget_keys(shop)
        if n % 2:  # the donor asks again, before the sweep goes on
            invoicing.make_invoice(shop.gateway, pledge.id, PUBLIC, token=pledge.token)
        shop.run("invoice-sweep", minutes=2)
        asked = shop.only(Contribution, pledge_id=pledge.id)
        row = shop.only(DonorInvoice, contribution_id=asked.id)
        assert (row.state, asked.state) == ("open", "invoiced"), where
        _one_of_each(shop, f"ada{n}@donor.example", str(asked.stripe_invoice_id))
        shop.simulator.press(str(row.hosted_url), "pay")
    shop.webhooks()
    assert {row.state for row in db.session.query(Contribution)} == {"in_suspense"}
    shop.no_faults()


def _one_of_each(shop: Shop, email: str, invoice_id: str) -> None:
    client = shop.simulator.client().v1
    (customer,) = client.customers.list({"email": email}).data
    (there,) = client.invoices.list({"customer": customer.id}).data
    assert (there.id, there.status, there.amount_due) == (invoice_id, "open", 500_00)
    assert len(client.invoice_items.list({"customer": customer.id}).data) == 1


def forget_keys(shop: Shop) -> None:
    """As if a day had passed: Stripe answers no key by what it made under it."""
    with sqlite3.connect(shop.folder / "stripe.sqlite3") as connection:
        connection.execute("DELETE FROM idempotency")


def test_killed_while_closing_it_is_closed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = shop.make.actor("fund_manager")
    for target, where in ((StripeGateway, "void_invoice"), (StripeGateway, "fetch_invoice"),
                          (invoices, "settle_invoice"), (StripeGateway, "cash_balance")):
        row = made(shop, three(shop))
        with monkeypatch.context() as patch:
            _kill(patch, target, where)
            with pytest.raises(Killed):
                invoicing.close_invoice(shop.gateway, row.id, "void", manager, "As agreed.", row.version)
        db.session.rollback()
        shop.run("invoice-sweep", minutes=2)
        assert (invoice(shop, row.id).state, contribution(shop, row).state) == ("void", "expired"), where
        assert at_stripe(shop, row).status == "void"
    shop.no_faults()


def test_stripe_silent_for_a_while(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    pledge = three(shop)
    shop.simulator.control("faults", path="/v1/invoices", method="POST", status=500, times=3, mode="before")
    invoice_id, word = invoicing.make_invoice(shop.gateway, pledge.id, PUBLIC, token=pledge.token)
    assert word == "later"
    assert invoice(shop, invoice_id).state == "ordered"
    assert shop.run("invoice-sweep", minutes=2) == ["open"]
    assert invoice(shop, invoice_id).state == "open"


def test_stripe_refuses_it(shop: Shop) -> None:
    """Another amount than Stripe takes: the order is given up, and can be made anew."""
    pledge = shop.donor(usd(500), parts=parts(30, 470))
    invoice_id, word = invoicing.make_invoice(shop.gateway, pledge.id, PUBLIC, token=pledge.token)
    assert word == "failed"
    row = invoice(shop, invoice_id)
    assert (row.state, row.failure_code, contribution(shop, row).state) == ("failed", "amount_too_small", "failed")
    shop.no_faults()


# --- what differs -----------------------------------------------------------------------------------------------
def paid_facts(row: Contribution, **changes: Any) -> InvoiceFacts:
    values: dict[str, Any] = {
        "invoice_id": row.stripe_invoice_id, "livemode": False, "status": "paid", "amount": usd(500_00),
        "metadata": {"placard_contribution": str(row.id)}, "number": "A-1", "hosted_url": "http://x",
        "payments": (PaymentFacts("pi_1", usd(500_00), "ch_1", usd(14_80), usd(485_20)),), **changes}
    return InvoiceFacts(**values)


@pytest.mark.parametrize(("changes", "problem"), [
    ({"amount": usd(500_01)}, "amount_differs"), ({"amount": Money(500_00, "EUR")}, "amount_differs"),
    ({"livemode": True}, "other_mode"), ({"metadata": {}}, "foreign_metadata"),
    ({"invoice_id": "in_other"}, "another_invoice"),
    ({"payments": (PaymentFacts("pi_1", usd(499_99), "ch_1", usd(14_80), usd(485_19)),)}, "amount_differs"),
    ({"payments": (PaymentFacts("pi_1", Money(500_00, "EUR"), "ch_1", usd(14_80), usd(485_20)),)}, "currency_differs"),
    ({"payments": (PaymentFacts("pi_1", usd(500_00), "ch_1", usd(14_81), usd(485_20)),)}, "fee_differs"),
    ({"payments": (PaymentFacts("pi_1", usd(500_00), "ch_1", Money(1, "EUR"), usd(485_20)),)},
     "settled_in_other_currency"),
    ({"payments": (PaymentFacts("pi_1", usd(200_00)), PaymentFacts("pi_2", usd(300_00)))}, "several_payments"),
    ({"outside": usd(100)}, "several_payments"),
])
def test_what_differs_is_for_a_person_and_never_credited(shop: Shop, changes: dict[str, Any], problem: str) -> None:
    row = contribution(shop, made(shop, three(shop)))
    assert invoices.settle_invoice(paid_facts(row, **changes), invoices.INVOICES, False).problem == problem
    assert contribution(shop, shop.only(DonorInvoice)).state == "invoiced"
    assert shop.account("suspense") == 0
    shop.no_faults()


def test_the_same_news_twenty_times_and_in_reverse(shop: Shop) -> None:
    row = contribution(shop, made(shop, three(shop)))
    words = [invoices.settle_invoice(paid_facts(row), invoices.INVOICES, False).word for _ in range(20)]
    assert words == ["held"] + ["known"] * 19
    assert invoices.settle_invoice(paid_facts(row, status="open", payments=()), invoices.INVOICES, False).problem == ""
    assert invoices.settle_invoice(paid_facts(row, status="void", payments=()), invoices.INVOICES, False).problem == ""
    assert contribution(shop, shop.only(DonorInvoice)).state == "in_suspense"
    shop.no_faults()


def test_an_invoice_of_nobody(shop: Shop) -> None:
    facts = InvoiceFacts("in_x", False, "paid", usd(100), {"placard_contribution": "garbage"})
    assert invoices.settle_invoice(facts, invoices.INVOICES, False).problem == "unknown_invoice"
