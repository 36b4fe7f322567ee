"""Money that goes back to donors: by our own order, and taken by reality whatever was promised meanwhile."""

import uuid
from datetime import date

import pytest

from core.actor import system
from core.db import db
from core.errors import NotFound
from core.money import Money, dollars_at
from core.verify import CHECKS
from sponsorship.ledger import books
from sponsorship.ledger import checks as _checks  # noqa: F401 - registers them
from sponsorship.ledger.models import Leg
from sponsorship.ledger.queries import lots_of, pool_figures
from sponsorship.ledger.service import (
    Intake,
    KeyReused,
    NotEnoughMoney,
    Original,
    PoolStopped,
    accept_from_suspense,
    charge_fee,
    cover_shortfall,
    give_back,
    give_up_refund,
    hold_refund,
    keep_rest,
    open_pool,
    pay_refund,
    receive,
    receive_in_suspense,
    refund_came_back,
    release,
    reserve,
    spend,
    take_back,
)

TESTS = system("tests")
STRIPE = "stripe_clearing"


@pytest.fixture
def pool(app):
    return open_pool("general", "General")


@pytest.fixture
def narrow(app):
    return open_pool("narrow", "Narrow", {"facts": ["ldc"]})


@pytest.fixture(autouse=True)
def sound_books(app):
    yield
    assert [f for name, check in CHECKS.items() if name.startswith("ledger.") for f in check()[1]] == []


def key():
    return uuid.uuid4().hex


def give(pool, gross, fee=0, **values):
    given = ("contribution", uuid.uuid4())
    receive(pool, Intake(gross, fee, **values), source=given, key=key(), actor=TESTS)
    return given


def figures(pool):
    return next(f for f in pool_figures() if f.pool_id == pool)


def balance(code):
    return books.account_by_code(code).balance


def lot(given):
    return lots_of("contribution", [given[1]])[0]


def hold(amount, given, pool, fee=0, name="hold"):
    return hold_refund(amount, source=given, fee_minor=fee, bearer_pool_id=pool, key=name, actor=TESTS)


def paid(given, pool, amount, name="hold"):
    return pay_refund(name, amount, source=given, clearing=STRIPE, bearer_pool_id=pool,
                      key=f"{name}:paid", actor=TESTS)


def dispute(amount, given, pool, name="dispute"):
    return take_back(amount, source=given, clearing=STRIPE, kind="takeback.dispute", bearer_pool_id=pool, key=name,
                     actor=TESTS)


# --- ordered ----------------------------------------------------------------------------------------------------
def test_part_of_free_money_goes_back(pool):
    given = give(pool, 1_000_00, 30_00)
    hold(400_00, given, pool, 30_00)
    f = figures(pool)
    assert (f.refunded, f.available, balance("refunds_due"), balance(STRIPE)) == (400_00, 570_00, 400_00, 970_00)
    paid(given, pool, 400_00)
    assert (balance("refunds_due"), balance(STRIPE)) == (0, 570_00)
    assert (lot(given).charged, lot(given).free) == (400_00, 570_00)


def test_what_is_promised_does_not_go_back(pool):
    given = give(pool, 1_000_00)
    reserve(("award", uuid.uuid4()), [pool], 800_00, key=key(), actor=TESTS)
    with pytest.raises(NotEnoughMoney) as refusal:
        hold(200_00, given, pool)
    assert refusal.value.short_minor == 104_00
    hold(96_00, given, pool)
    assert figures(pool).available == 0


def test_another_donors_free_money_is_not_sent_back_for_it(pool):
    given = give(pool, 100_00)
    reserve(("award", uuid.uuid4()), [pool], 80_00, key=key(), actor=TESTS)
    give(pool, 1_000_00)
    with pytest.raises(NotEnoughMoney):
        hold(100_00, given, pool)


def test_the_whole_goes_back_and_its_fee_is_borne_by_the_general_pool(pool, narrow):
    give(pool, 500_00)
    given = give(narrow, 1_000_00, 30_00)
    hold(1_000_00, given, pool, 30_00)
    n, g = figures(narrow), figures(pool)
    assert (n.received, n.refunded, n.fees, n.available) == (1_000_00, 1_000_00, 0, 0)
    assert (g.fees, g.available) == (30_00, 470_00)
    paid(given, pool, 1_000_00)
    assert balance(STRIPE) == 470_00


def test_the_whole_does_not_go_back_when_nobody_can_bear_its_fee(pool, narrow):
    given = give(narrow, 1_000_00, 30_00)
    give(pool, 29_99)
    with pytest.raises(NotEnoughMoney) as refusal:
        hold(1_000_00, given, pool, 30_00)
    assert refusal.value.short_minor == 1
    assert balance("refunds_due") == 0


def test_in_one_pool_the_fee_is_not_borne_by_the_money_that_leaves(pool):
    given = give(pool, 1_000_00, 30_00)
    with pytest.raises(NotEnoughMoney):
        hold(1_000_00, given, pool, 30_00)
    other = give(pool, 40_00)
    hold(1_000_00, given, pool, 30_00)
    assert (lot(given).free, lot(other).free) == (0, 10_00)


def test_a_refund_given_up_leaves_everything_as_it_was(pool, narrow):
    give(pool, 500_00)
    given = give(narrow, 1_000_00, 30_00)
    before = figures(narrow), figures(pool)
    hold(1_000_00, given, pool, 30_00)
    give_up_refund("hold", source=given, key="up", actor=TESTS)
    assert give_up_refund("hold", source=given, key="up", actor=TESTS)
    assert (figures(narrow), figures(pool)) == before
    assert balance("refunds_due") == 0


def test_a_refund_that_came_back_is_owed_still_and_can_be_sent_again_or_given_up(pool):
    given = give(pool, 1_000_00)
    hold(400_00, given, pool)
    paid(given, pool, 400_00)
    refund_came_back("hold", 400_00, source=given, clearing=STRIPE, bearer_pool_id=pool, key="back", actor=TESTS)
    assert (balance("refunds_due"), balance(STRIPE)) == (400_00, 1_000_00)
    give_up_refund("hold", source=given, key="up", actor=TESTS)
    assert figures(pool).available == 1_000_00


def test_suspense_goes_back_whole_and_loses_its_fee_once(pool):
    give(pool, 100_00)
    given = ("contribution", uuid.uuid4())
    receive_in_suspense(Intake(1_000_00, 30_00), source=given, key=key(), actor=TESTS)
    with pytest.raises(NotEnoughMoney):
        hold(999_99, given, pool)
    hold(1_000_00, given, pool, 30_00)
    paid(given, pool, 1_000_00)
    refund_came_back("hold", 1_000_00, source=given, clearing=STRIPE, bearer_pool_id=pool, key="b", actor=TESTS)
    pay_refund("hold", 1_000_00, source=given, clearing=STRIPE, bearer_pool_id=pool, key="again",
               actor=TESTS)
    assert (figures(pool).fees, figures(pool).available, balance("suspense_fees")) == (30_00, 70_00, 0)


def test_the_lost_fee_stands_as_shortfall_where_nothing_is_free(pool):
    given = ("contribution", uuid.uuid4())
    receive_in_suspense(Intake(1_000_00, 30_00), source=given, key=key(), actor=TESTS)
    hold(1_000_00, given, pool, 30_00)
    paid(given, pool, 1_000_00)
    assert (figures(pool).shortfall, balance(STRIPE)) == (30_00, -30_00)


def test_every_step_twice_happens_once(pool):
    given = give(pool, 1_000_00)
    assert hold(100_00, given, pool) == hold(100_00, given, pool)
    assert paid(given, pool, 100_00) == paid(given, pool, 100_00)
    first = dispute(50_00, given, pool)
    assert dispute(50_00, given, pool) == first
    back = give_back(first, key="b", actor=TESTS)
    assert give_back(first, key="b", actor=TESTS) == back
    assert figures(pool).available == 900_00
    with pytest.raises(KeyReused):
        take_back(50_00, source=given, clearing=STRIPE, kind="takeback.refund", bearer_pool_id=pool, key="dispute",
                  actor=TESTS)


@pytest.mark.parametrize("amount", [0, -1, 1.5, "1"])
def test_amounts_are_whole_cents_above_zero(pool, amount):
    given = give(pool, 1_000_00)
    for call in (lambda: hold(amount, given, pool), lambda: dispute(amount, given, pool),
                 lambda: charge_fee(pool, amount, subject=given, key=key(), actor=TESTS)):
        with pytest.raises(ValueError):
            call()


def test_unknown_sources_are_not_found(pool):
    nobody = ("contribution", uuid.uuid4())
    for call in (lambda: hold(1, nobody, pool), lambda: dispute(1, nobody, pool), lambda: paid(nobody, pool, 1),
                 lambda: give_back(uuid.uuid4(), key="x", actor=TESTS),
                 lambda: give_up_refund("none", source=nobody, key="x", actor=TESTS)):
        with pytest.raises(NotFound):
            call()


# --- taken by reality -------------------------------------------------------------------------------------------
def test_a_dispute_takes_what_is_free_and_stops_the_pool_for_the_rest(pool):
    given = give(pool, 1_000_00, 30_00)
    reservation = reserve(("award", uuid.uuid4()), [pool], 700_00, key=key(), actor=TESTS)
    dispute(1_000_00, given, pool)
    f = figures(pool)
    assert (f.refunded, f.shortfall, f.available, f.reserved) == (179_00, 821_00, 0, 791_00)
    assert balance(STRIPE) == -30_00
    with pytest.raises(PoolStopped):
        spend(reservation, 1_00, key=key(), actor=TESTS)
    with pytest.raises(NotEnoughMoney):
        cover_shortfall(pool, key="c", actor=TESTS)
    other = give(pool, 900_00)
    cover_shortfall(pool, key="c", actor=TESTS)
    f = figures(pool)
    assert (f.losses, f.shortfall, f.available) == (821_00, 0, 79_00)
    assert lot(other).charged == 821_00
    spend(reservation, 1_00, key=key(), actor=TESTS)


@pytest.mark.parametrize("covered", [False, True])
def test_a_dispute_that_is_won_gives_everybody_what_they_had(pool, covered):
    given = give(pool, 1_000_00, 30_00)
    reserve(("award", uuid.uuid4()), [pool], 700_00, key=key(), actor=TESTS)
    other = give(pool, 900_00)
    before = figures(pool), lot(given), lot(other)
    taken = dispute(1_000_00, given, pool)
    fee = charge_fee(pool, 15_00, subject=given, key="fee", actor=TESTS)
    assert charge_fee(pool, 15_00, subject=given, key="fee", actor=TESTS) == fee
    if covered:
        cover_shortfall(pool, key="c", actor=TESTS)
    give_back(taken, key="won", actor=TESTS)
    give_back(fee, key="fee-back", actor=TESTS)
    assert (figures(pool), lot(given), lot(other)) == before


def test_a_fee_that_was_short_and_covered_comes_back_to_whom_covered_it(pool):
    given = give(pool, 100_00)
    hold(100_00, given, pool)
    fee = charge_fee(pool, 15_00, subject=given, key="fee", actor=TESTS)
    other = give(pool, 20_00)
    cover_shortfall(pool, key="c", actor=TESTS)
    assert (lot(other).free, figures(pool).fees) == (5_00, 15_00)
    give_back(fee, key="back", actor=TESTS)
    assert (lot(other).free, figures(pool).fees, figures(pool).shortfall) == (20_00, 0, 0)


def test_a_dispute_of_money_in_suspense_and_what_is_left_of_it_accepted(pool):
    given = ("contribution", uuid.uuid4())
    receive_in_suspense(Intake(1_000_00, 30_00), source=given, key=key(), actor=TESTS)
    taken = dispute(400_00, given, pool)
    assert balance("suspense") == 600_00
    give_back(taken, key="won", actor=TESTS)
    assert balance("suspense") == 1_000_00
    dispute(400_00, given, pool, "second")
    accept_from_suspense(pool, source=given, key=key(), actor=TESTS)
    f = figures(pool)
    assert (f.received, f.fees, f.available, balance("suspense")) == (600_00, 30_00, 570_00, 0)


def test_a_dispute_after_the_refund_stands_as_shortfall_of_the_bearer(pool):
    given = ("contribution", uuid.uuid4())
    receive_in_suspense(Intake(1_000_00), source=given, key=key(), actor=TESTS)
    hold(1_000_00, given, pool)
    paid(given, pool, 1_000_00)
    dispute(1_000_00, given, pool)
    assert figures(pool).shortfall == 1_000_00


def test_a_deposit_recorded_by_mistake_is_corrected_with_its_fee(pool):
    given = give(pool, 1_000_00, 25_00, clearing="bank")
    take_back(975_00, source=given, clearing="bank", kind="takeback.correction", bearer_pool_id=pool, key="corrected",
              actor=TESTS, fee_minor=25_00)
    f = figures(pool)
    assert (f.received, f.refunded, f.fees, f.available, balance("bank")) == (1_000_00, 1_000_00, 0, 0, 0)


def test_refund_against_promise_whoever_comes_first(pool):
    given = give(pool, 113_00)
    reservation = reserve(("award", uuid.uuid4()), [pool], 100_00, key=key(), actor=TESTS)
    with pytest.raises(NotEnoughMoney):
        hold(1, given, pool)
    release(reservation, key=key(), actor=TESTS)
    hold(113_00, given, pool)
    with pytest.raises(NotEnoughMoney):
        reserve(("award", uuid.uuid4()), [pool], 1, key=key(), actor=TESTS)


# --- while the money waits --------------------------------------------------------------------------------------
def waits(gross=1_000_00, fee=30_00, **values):
    given = ("contribution", uuid.uuid4())
    receive_in_suspense(Intake(gross, fee, **values), source=given, key=key(), actor=TESTS)
    return given


def test_when_all_of_it_is_taken_its_fee_is_lost_and_is_an_asset_again_with_the_money(pool):
    give(pool, 100_00)
    given = waits()
    taken = dispute(1_000_00, given, pool)
    assert (balance("suspense"), balance("suspense_fees"), figures(pool).fees) == (0, 0, 30_00)
    give_back(taken, key="won", actor=TESTS)
    assert (balance("suspense"), balance("suspense_fees"), figures(pool).fees) == (1_000_00, 30_00, 0)
    dispute(1_000_00, given, pool, "again")
    assert (balance("suspense_fees"), figures(pool).available, balance(STRIPE)) == (0, 70_00, 70_00)


def test_a_dispute_won_after_the_rest_was_refunded_waits_again_with_its_fee(pool):
    give(pool, 100_00)
    given = waits()
    taken = dispute(400_00, given, pool)
    assert balance("suspense_fees") == 30_00
    hold(600_00, given, pool, 30_00)
    paid(given, pool, 600_00)
    assert figures(pool).fees == 30_00
    give_back(taken, key="won", actor=TESTS)
    assert (balance("suspense"), balance("suspense_fees"), figures(pool).fees) == (400_00, 30_00, 0)
    accept_from_suspense(pool, source=given, key=key(), actor=TESTS)
    assert (figures(pool).available, balance(STRIPE)) == (470_00, 470_00)


def test_what_a_bank_takes_while_a_refund_is_held_is_paid_by_it_once_that_is_given_up(pool):
    give(pool, 100_00)
    given = waits()
    hold(1_000_00, given, pool, 30_00)
    taken = dispute(1_000_00, given, pool)
    assert figures(pool).shortfall == 1_000_00
    give_up_refund("hold", source=given, key="up", actor=TESTS)
    assert (figures(pool).shortfall, balance("suspense"), balance("refunds_due")) == (0, 0, 0)
    assert (figures(pool).fees, figures(pool).losses, balance(STRIPE)) == (30_00, 0, 70_00)
    give_back(taken, key="won", actor=TESTS)
    assert (figures(pool).fees, balance("suspense"), balance("suspense_fees")) == (0, 1_000_00, 30_00)


def test_the_same_of_accepted_money(pool):
    given = give(pool, 1_000_00)
    hold(700_00, given, pool)
    taken = dispute(1_000_00, given, pool)
    assert figures(pool).shortfall == 700_00
    give_up_refund("hold", source=given, key="up", actor=TESTS)
    f = figures(pool)
    assert (f.shortfall, f.losses, f.refunded, f.available) == (0, 0, 1_000_00, 0)
    give_back(taken, key="won", actor=TESTS)
    f = figures(pool)
    assert (f.refunded, f.available, lot(given).free) == (0, 1_000_00, 1_000_00)


def test_only_what_it_took_itself_is_paid_when_a_refund_is_given_up(pool):
    other = give(pool, 100_00)
    reserve(("award", uuid.uuid4()), [pool], 80_00, key=key(), actor=TESTS)
    given = give(pool, 1_000_00)
    hold(1_000_00, given, pool)
    dispute(100_00, other, pool, "another")
    short = figures(pool).shortfall
    give_up_refund("hold", source=given, key="up", actor=TESTS)
    assert (figures(pool).shortfall, lot(given).free) == (short, 1_000_00)


def test_a_deposit_in_suspense_is_corrected_with_its_fee(pool):
    given = waits(1_000_00, 25_00, clearing="bank")
    take_back(975_00, source=given, clearing="bank", kind="takeback.correction", bearer_pool_id=pool, key="corrected",
              actor=TESTS, fee_minor=25_00)
    assert [balance(code) for code in ("bank", "suspense", "suspense_fees")] == [0, 0, 0]
    assert figures(pool).shortfall == 0


def test_dollars_left_over_when_all_euros_went_back_are_a_gain(pool):
    give(pool, 1_000_00)
    given = waits(27_173_91, 786_00, exchange_minor=-73_91, original=euros())
    taken = dispute(27_000_00, given, pool)
    assert keep_rest(source=given, bearer_pool_id=pool, key="rest", actor=TESTS) == 100_00
    assert keep_rest(source=given, bearer_pool_id=pool, key="rest", actor=TESTS) == 0
    f = figures(pool)
    assert (f.exchange, f.fees, f.available) == (100_00, 786_00, 314_00)
    assert [balance(code) for code in ("suspense", "suspense_exchange", "suspense_fees")] == [0, 0, 0]
    give_back(taken, key="won", actor=TESTS, returned_minor=27_050_00, bearer_pool_id=pool)
    f = figures(pool)
    assert (f.exchange, f.fees, balance("suspense") - balance("suspense_exchange")) == (150_00, 0, 27_000_00)
    assert balance(STRIPE) == 1_000_00 + 27_100_00 - 786_00 + 50_00


@pytest.mark.parametrize("difference", [-73_91, 50_00])
def test_parts_that_leave_and_come_back_in_any_order_keep_the_difference_right(pool, difference):
    given = waits(27_173_91, 0, exchange_minor=difference, original=euros())
    came = 27_173_91 + difference
    one = dispute(10_000_00, given, pool, "one")
    hold(came - 10_000_00, given, pool)
    give_back(one, key="b1", actor=TESTS)
    two = dispute(4_000_00, given, pool, "two")
    give_up_refund("hold", source=given, key="up", actor=TESTS)
    dispute(came - 4_000_00, given, pool, "rest")
    assert (balance("suspense"), balance("suspense_exchange"), balance(STRIPE)) == (0, 0, 0)
    give_back(two, key="b2", actor=TESTS)
    assert balance("suspense") - balance("suspense_exchange") == 4_000_00
    accept_from_suspense(pool, source=given, key=key(), actor=TESTS)
    assert (balance("suspense"), balance("suspense_exchange"), figures(pool).available) == (0, 0, 4_000_00)


@pytest.mark.parametrize("returned", [995_00, 1_000_00, 1_004_00])
@pytest.mark.parametrize("covered", [False, True])
def test_a_dispute_won_at_another_rate_moves_the_bearers_money_by_the_difference(pool, narrow, returned, covered):
    give(narrow, 900_00)
    general = give(pool, 50_00)
    given = give(narrow, 1_000_00)
    reserve(("award", uuid.uuid4()), [narrow], 700_00, key=key(), actor=TESTS)
    before = figures(narrow)
    taken = dispute(1_000_00, given, narrow)
    if covered:
        cover_shortfall(narrow, key="c", actor=TESTS)
    give_back(taken, key="won", actor=TESTS, returned_minor=returned, bearer_pool_id=pool)
    assert figures(narrow) == before
    assert figures(pool).exchange == returned - 1_000_00
    assert lot(general).free == 50_00 + min(returned - 1_000_00, 0)
    assert balance(STRIPE) == 1_950_00 + returned - 1_000_00


# --- other currencies -------------------------------------------------------------------------------------------
def euros(minor=25_000_00, rate="0.92"):
    return Original(minor, "EUR", rate, "UN operational rate", date(2027, 3, 1))


def worth(original):
    return dollars_at(Money(original.minor, original.currency), original.rate)


def test_a_payment_in_euros_keeps_its_amount_its_rate_and_its_difference(pool):
    original = euros()
    gross = worth(original)
    assert gross == 27_173_91
    given = give(pool, gross, 786_00, exchange_minor=-73_91, original=original)
    f = figures(pool)
    assert (f.received, f.exchange, f.fees, f.available) == (27_173_91, -73_91, 786_00, 26_314_00)
    legs = db.session.query(Leg).filter(Leg.rate.is_not(None)).order_by(Leg.original_minor).all()
    assert [(leg.original_minor, leg.original_currency, leg.rate, leg.rate_date) for leg in legs] == [
        (0, "EUR", "0.92", date(2027, 3, 1)), (25_000_00, "EUR", "0.92", date(2027, 3, 1))]
    assert lot(given).amount == 26_314_00


@pytest.mark.parametrize("difference", [-73_91, 0, 50_00])
def test_euros_in_suspense_then_accepted(pool, difference):
    given = ("contribution", uuid.uuid4())
    receive_in_suspense(Intake(27_173_91, 786_00, difference, original=euros()), source=given, key=key(), actor=TESTS)
    accept_from_suspense(pool, source=given, key=key(), actor=TESTS)
    f = figures(pool)
    assert (f.received, f.exchange, f.fees) == (27_173_91, difference, 786_00)
    assert (balance("suspense"), balance("suspense_exchange"), balance("suspense_fees")) == (0, 0, 0)


@pytest.mark.parametrize("cost", [27_100_00, 26_900_00, 27_400_00])
@pytest.mark.parametrize("difference", [-73_91, 50_00])
def test_euros_refunded_at_another_rate_move_the_bearers_money_by_the_difference(pool, cost, difference):
    give(pool, 2_000_00)
    given = ("contribution", uuid.uuid4())
    receive_in_suspense(Intake(27_173_91, 786_00, difference, original=euros()), source=given, key=key(), actor=TESTS)
    came = 27_173_91 + difference
    hold(came, given, pool, 786_00)
    paid(given, pool, cost)
    f = figures(pool)
    assert f.exchange == came - cost
    assert f.available == 2_000_00 - 786_00 + came - cost
    assert balance(STRIPE) == f.available
    assert balance("suspense_exchange") == 0


def test_the_last_cents_of_suspense_take_the_difference_with_them(pool):
    given = ("contribution", uuid.uuid4())
    receive_in_suspense(Intake(27_173_91, 0, -73_91, original=euros()), source=given, key=key(), actor=TESTS)
    dispute(10_000_00, given, pool, "one")
    dispute(17_100_00, given, pool, "two")
    assert (balance("suspense"), balance("suspense_exchange"), balance(STRIPE)) == (0, 0, 0)


@pytest.mark.parametrize(("minor", "currency", "rate", "cents"), [
    (3_000_000, "JPY", "150.82", 19_891_26),       # no decimals: 3,000,000 yen
    (3_000_000, "JPY", "163.52/1.0842", 19_891_14),  # by way of two published rates against the euro
    (1_234_567, "KWD", "0.3067", 4_025_32),         # three decimals: 1,234.567 dinars
    (1, "KWD", "0.3067", 0),                        # a third of a cent
    (2, "KWD", "0.3067", 1),
    (1, "JPY", "200", 1),                           # half a cent goes up
    (10_00, "EUR", "0.92", 10_87),
    (-10_00, "EUR", "0.92", -10_87),
])
def test_dollars_at_a_rate_by_hand(minor, currency, rate, cents):
    assert dollars_at(Money(minor, currency), rate) == cents


@pytest.mark.parametrize("rate", ["", "0", "0.0", "-1", "1e3", "1/0", "1/2/3", "abc", "1,5", " 1", "٣"])
def test_what_is_no_rate_is_refused(rate):
    with pytest.raises(ValueError):
        dollars_at(Money(100, "EUR"), rate)
