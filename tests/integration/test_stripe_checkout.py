"""One payable page at a time: another amount closes the page that is open, and whatever was paid on it is honoured."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from core import clock
from core.actor import PUBLIC
from core.db import command, db, lock
from core.errors import RuleBroken
from core.money import Money, usd
from sponsorship.contributions import checkout, fund_settings, payments, service
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.contributions.money_in import Came, record_money
from sponsorship.gateways.stripe_digits import most_at_once
from sponsorship.gateways.stripe_gateway import GatewayError, StripeGateway
from tests.support.rates import put_rates
from tests.support.shop import Shop
from tests.support.shop import shop as shop

pytestmark = pytest.mark.real_database


def pages(shop: Shop) -> list[tuple[int, str]]:
    """(amount, status) of every page at Stripe, oldest first."""
    found = shop.simulator.client().v1.checkout.sessions.list({"limit": 100}).data
    return [(int(one.amount_total or 0), str(one.status)) for one in reversed(found)]


def attempts(shop: Shop) -> list[tuple[int, str]]:
    db.session.rollback()
    rows = db.session.query(Contribution).order_by(Contribution.attempt)
    found = [(row.amount_minor, row.state) for row in rows]
    db.session.rollback()
    return found


def test_another_amount_closes_the_open_page_first(shop: Shop) -> None:
    made = shop.donor(usd(1_000_00))
    first = shop.page(made, 300_00)
    assert shop.page(made, 300_00) == first
    assert shop.page(made) == first  # "go on to pay"
    second = shop.page(made, 500_00)
    assert second != first
    assert pages(shop) == [(300_00, "expired"), (500_00, "open")]
    assert attempts(shop) == [(300_00, "expired"), (500_00, "checkout")]
    shop.simulator.press(first, "pay")  # the donor's other window
    shop.simulator.press(second, "pay")
    shop.webhooks()
    assert attempts(shop) == [(300_00, "expired"), (500_00, "in_suspense")]
    third = shop.page(made)
    assert third not in (first, second)
    assert pages(shop)[-1] == (500_00, "open")
    shop.no_faults()


def test_paid_in_between_is_honoured_and_no_second_page_opens(shop: Shop) -> None:
    made = shop.donor(usd(1_000_00))
    shop.simulator.press(shop.page(made, 300_00), "pay")
    with pytest.raises(RuleBroken) as refused:
        shop.page(made, 500_00)
    assert refused.value.code == "contribution.paid_meanwhile"
    assert attempts(shop) == [(300_00, "in_suspense")]
    assert pages(shop) == [(300_00, "complete")]
    shop.webhooks()
    shop.page(made, 500_00)
    assert attempts(shop) == [(300_00, "in_suspense"), (500_00, "checkout")]
    shop.no_faults()


def test_paid_and_not_booked_yet_is_waited_for(shop: Shop) -> None:
    shop.simulator.control("webhooks", settlement_delay=3600)
    made = shop.donor(usd(1_000_00))
    shop.simulator.press(shop.page(made, 300_00), "pay")
    with pytest.raises(RuleBroken) as refused:
        shop.page(made, 500_00)
    assert refused.value.code == "contribution.being_settled"
    assert attempts(shop) == [(300_00, "checkout")]


def test_the_answer_of_closing_is_lost(shop: Shop) -> None:
    made = shop.donor(usd(1_000_00))
    shop.page(made, 300_00)
    shop.simulator.control("faults", path="/v1/checkout/sessions/*/expire", status=500, times=3, mode="after")
    with pytest.raises(RuleBroken) as refused:
        shop.page(made, 500_00)  # nobody can tell yet that it was closed
    assert refused.value.code == checkout.NO_PAYMENT_PAGE
    second = shop.page(made, 500_00)  # asking again says so
    assert pages(shop) == [(300_00, "expired"), (500_00, "open")]
    shop.simulator.press(second, "pay")
    shop.webhooks()
    assert attempts(shop) == [(300_00, "expired"), (500_00, "in_suspense")]
    shop.no_faults()


def test_stripe_does_not_answer_when_the_page_is_to_be_closed(shop: Shop) -> None:
    made = shop.donor(usd(1_000_00))
    shop.page(made, 300_00)
    shop.simulator.control("faults", path="/v1/checkout/sessions/*", status=500, times=9, mode="before")
    with pytest.raises(RuleBroken) as refused:
        shop.page(made, 500_00)
    assert refused.value.code == checkout.NO_PAYMENT_PAGE
    assert attempts(shop) == [(300_00, "checkout")]
    assert pages(shop) == [(300_00, "open")]


class Killed(BaseException):
    """Stands for a process that ends here."""


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("where", ["expire_checkout", "settle_session", "start_payment", "create_checkout",
                                   "checkout_opened"])
def test_killed_between_any_two_steps_at_most_one_page_is_payable(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, where: str, after: bool
) -> None:
    made = shop.donor(usd(1_000_00))
    shop.page(made, 300_00)
    target = (StripeGateway, where) if "checkout" in where and where != "checkout_opened" else (payments, where)
    real = getattr(*target)

    def die(*args: Any, **kwargs: Any) -> Any:
        if after:
            real(*args, **kwargs)
        raise Killed()

    with monkeypatch.context() as patch:
        patch.setattr(*target, die)
        with pytest.raises(Killed):
            shop.page(made, 500_00)
    db.session.rollback()
    assert [status for _amount, status in pages(shop)].count("open") <= 1
    page = shop.page(made, 500_00)
    assert [one for one in pages(shop) if one[1] == "open"] == [(500_00, "open")]
    shop.simulator.press(page, "pay")
    shop.webhooks()
    shop.run("stripe-sweep", minutes=11)
    assert [one for one in attempts(shop) if one[1] not in ("expired", "failed")] == [(500_00, "in_suspense")]
    shop.no_faults()


def test_twenty_ask_for_two_amounts_at_once(shop: Shop) -> None:
    made = shop.donor(usd(1_000_00))
    start, said = threading.Barrier(20), []

    def ask(n: int) -> None:
        with shop.app.app_context():
            start.wait()
            try:
                said.append(shop.page(made, 300_00 if n % 2 else 500_00))
            except RuleBroken as refusal:
                said.append(refusal.code)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [status for _amount, status in pages(shop)].count("open") <= 1
    page = shop.page(made, 400_00)
    assert [one for one in pages(shop) if one[1] == "open"] == [(400_00, "open")]
    shop.simulator.press(page, "pay")
    shop.webhooks()
    assert [state for _amount, state in attempts(shop)].count("in_suspense") == 1
    shop.no_faults()


def test_a_page_whose_pledge_was_paid_by_another_way_is_closed_by_the_sweep(shop: Shop) -> None:
    made = shop.donor(usd(1_000_00))
    page = shop.page(made)
    officer = shop.make.actor("requesting_officer")

    @command
    def wire() -> None:
        pledge = lock(Pledge, made.id)
        row = payments.new_contribution(pledge, usd(600_00), officer, method="transfer")
        row.bank_reference, row.confirmed_by, row.value_date = "W1", officer.person_id, clock.today()
        record_money(pledge, row, Came(usd(600_00), 0, 600_00, 600_00, key=f"bank:{row.id}", day=clock.today(),
                                       clearing="bank"), officer, moves=("confirm", "confirm_held"))

    wire()
    assert shop.run("stripe-sweep") == ["expire"]
    shop.simulator.press(page, "pay")
    shop.webhooks()
    assert attempts(shop) == [(1_000_00, "expired"), (600_00, "in_suspense")]
    assert pages(shop) == [(1_000_00, "expired")]
    shop.no_faults()


# --- what cards carry -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("currency", "minor", "wire"), [
    ("USD", 123_45, 123_45), ("JPY", 12_345, 12_345), ("KWD", 123_450, 123_450), ("ISK", 1_234, 123_400),
    ("EUR", 100_01, 100_01), ("MGA", 12_340_00, 12_340),
])
def test_currencies_with_none_two_and_three_decimals(shop: Shop, currency: str, minor: int, wire: int) -> None:
    put_rates({"JPY": "149.5", "KWD": "0.307", "ISK": "138", "EUR": "0.92", "MGA": "4600"}, clock.today())
    made = shop.donor(Money(minor * 10, currency))
    page = shop.page(made, minor)
    assert pages(shop) == [(wire, "open")]
    shop.simulator.press(page, "pay")
    shop.webhooks()
    row = shop.only(Contribution)
    assert (row.state, row.paid_minor, row.settles_minor) == ("in_suspense", minor, minor)
    shop.tidy()
    assert shop.account("stripe_clearing") == shop.at_stripe()
    shop.no_faults()


@pytest.mark.parametrize(("currency", "minor", "code"), [
    ("KWD", 123_456, "contribution.too_fine"), ("MGA", 1_234_20, "contribution.too_fine"),
    ("USD", 30, "contribution.amount"), ("USD", 0, "contribution.amount"), ("USD", -1, "contribution.amount"),
    ("USD", 2_000_000_00, "contribution.amount"), ("USD", 1_000_000_00, "contribution.too_large_for_card"),
    ("JPY", 100_000_000, "contribution.too_large_for_card"), ("UGX", 100_000, "contribution.too_large_for_card"),
])
def test_amounts_that_cards_do_not_carry(shop: Shop, currency: str, minor: int, code: str) -> None:
    put_rates({"JPY": "149.5", "KWD": "0.307", "MGA": "4600", "UGX": "3700"}, clock.today())
    made = shop.donor(Money(1_500_000_00, currency))
    with pytest.raises(RuleBroken) as refused:
        shop.page(made, minor)
    assert refused.value.code == code
    assert [one for one in pages(shop) if one[1] == "open"] == []


@pytest.mark.parametrize(("currency", "minor"), [
    ("USD", 999_999_99), ("EUR", 999_999_99), ("JPY", 99_999_999), ("KWD", 99_999_990), ("ISK", 999_999),
    ("MGA", 99_999_999_00), ("UGX", None),
])
def test_the_most_that_one_payment_carries(currency: str, minor: int | None) -> None:
    found = most_at_once(currency)
    assert found == (None if minor is None else Money(minor, currency))


def test_no_cards_no_page(shop: Shop) -> None:
    fund_settings.change_fund_settings(cards=False, details="", actor=shop.make.actor("fund_manager"),
                                       expected_version=0)
    with pytest.raises(RuleBroken) as refused:
        shop.page(shop.donor())
    assert refused.value.code == "contribution.no_cards"


def test_stripes_page_speaks_the_donors_language(shop: Shop) -> None:
    for locale, there in (("fr", "fr"), ("ar", "auto"), ("en", "en")):
        made = service.make_pledge(service.PledgeDraft(
            f"k-{locale}", 70_00, donor_name="Ada", donor_email="ada@donor.example", locale=locale), PUBLIC)
        shop.page(made)
        found = shop.simulator.client().v1.checkout.sessions.list({"limit": 1}).data[0]
        assert found.locale == there


def test_a_session_given_up_meanwhile_does_not_stay_open(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two windows: the first one's page is made just after the second one has asked for another amount."""
    made = shop.donor(usd(1_000_00))
    real = StripeGateway.create_checkout
    second: list[str] = []

    def slow(self: Any, wanted: Any) -> Any:
        facts = real(self, wanted)
        if wanted.amount == usd(300_00):
            with monkeypatch.context() as patch:
                patch.setattr(StripeGateway, "create_checkout", real)
                second.append(shop.page(made, 500_00))
        return facts

    monkeypatch.setattr(StripeGateway, "create_checkout", slow)
    with pytest.raises(RuleBroken):
        shop.page(made, 300_00)
    assert sorted(pages(shop)) == [(300_00, "expired"), (500_00, "open")]
    assert sorted(attempts(shop)) == [(300_00, "failed"), (500_00, "checkout")]
    assert len(second) == 1


def test_the_sweep_waits_its_ten_minutes(shop: Shop) -> None:
    made = shop.donor(usd(1_000_00))
    shop.simulator.control("webhooks", pause=True)
    shop.simulator.press(shop.page(made), "pay")
    assert shop.run("stripe-sweep") == []
    assert shop.run("stripe-sweep", minutes=11) == ["held"]
    with pytest.raises(GatewayError):
        shop.gateway.expire_checkout("cs_none")
