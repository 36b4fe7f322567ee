"""Money's way through the books, as a finance officer would check it by hand. Amounts are US cents."""

import uuid
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from core import clock
from core.actor import system
from core.db import command, db
from core.errors import NotFound, RuleBroken
from core.verify import CHECKS
from sponsorship.ledger import books, statements
from sponsorship.ledger import checks as _checks  # noqa: F401 - registers them
from sponsorship.ledger.models import Entry, Lot, Reservation, ReservationLine
from sponsorship.ledger.queries import (
    fund_figures,
    headroom,
    list_pools,
    lot_uses,
    lots_of,
    pool_figures,
    pools_by_ids,
    reservation_state,
)
from sponsorship.ledger.service import (
    Intake,
    KeyReused,
    NotEnoughMoney,
    PoolStopped,
    ReservationTooSmall,
    accept_from_suspense,
    account_id,
    confirm_spend,
    cover_shortfall,
    hold_refund,
    open_pool,
    pay_refund,
    pool_ids_of,
    prepare_chart,
    receive,
    receive_in_suspense,
    record_payout,
    release,
    reserve,
    return_spend,
    spend,
)

TESTS = system("tests")


def source():
    return "contribution", uuid.uuid4()


def award():
    return "award", uuid.uuid4()


def key():
    return uuid.uuid4().hex


def give(pool, amount, fee_minor=0, clearing="stripe_clearing", **values):
    given = {"source": source(), "key": key(), "actor": TESTS, **values}
    receive(pool, Intake(amount, fee_minor, clearing=clearing), **given)
    return given["source"][1]


def put_aside(pools, amount, **values):
    return reserve(values.pop("subject", award()), pools, amount, **{"key": key(), "actor": TESTS, **values})


def pay(reservation, amount, **values):
    return spend(reservation, amount, **{"key": key(), "actor": TESTS, **values})


def figures(pool):
    return next(f for f in pool_figures() if f.pool_id == pool)


def balance(code):
    return books.account_by_code(code).balance


def count(model):
    return db.session.scalar(sa.select(sa.func.count()).select_from(model))


@pytest.fixture
def pool(app):
    return open_pool("general", "General")


@pytest.fixture(autouse=True)
def books_are_right(app):
    yield
    assert [f for name, check in CHECKS.items() if name.startswith("ledger.") for f in check()[1]] == []


# --- worked examples --------------------------------------------------------------------------------------------
def test_100_000_at_13_per_cent_carries_88_495_58_of_direct_cost_and_11_504_42_of_support_costs(pool):
    give(pool, 100_000_00)
    assert headroom([pool]) == 88_495_58
    with pytest.raises(NotEnoughMoney):
        put_aside([pool], 88_495_59)
    reservation = put_aside([pool], 88_495_58)
    assert (figures(pool).available, figures(pool).reserved) == (0, 100_000_00)
    confirm_spend(pay(reservation, 88_495_58), key=key(), actor=TESTS)
    f = figures(pool)
    assert (f.spent_direct, f.spent_support, f.available, f.reserved) == (88_495_58, 11_504_42, 0, 0)
    assert balance("support_costs_due") == 11_504_42


def test_support_costs_of_many_small_payments_are_those_of_the_whole(pool):
    """Rounded down at each payment alone, 58 cents at 13 % would lose half a cent each time."""
    give(pool, 100_000_00)
    reservation = put_aside([pool], 1_000)
    paid = [58] * 17 + [14]
    charged = []
    for amount in paid:
        before = figures(pool).spent_support
        pay(reservation, amount)
        charged.append(figures(pool).spent_support - before)
    assert sum(paid) == 1_000
    assert sum(charged) == 130
    assert set(charged[:-1]) == {7, 8}
    assert reservation_state(reservation).left_direct == 0


def test_a_contribution_arrives_less_the_providers_fee(pool):
    given = give(pool, 500_00, fee_minor=14_80)
    f = figures(pool)
    assert (f.received, f.fees, f.available) == (500_00, 14_80, 485_20)
    assert balance("stripe_clearing") == 485_20
    [lot] = lots_of("contribution", [given])
    assert (lot.amount, lot.free, lot.rate_bp) == (485_20, 485_20, 1300)


def test_from_promise_to_the_banks_confirmation(pool):
    give(pool, 10_000_00, clearing="bank")
    reservation = put_aside([pool], 2_000_00)
    assert (figures(pool).available, figures(pool).reserved) == (7_740_00, 2_260_00)
    ticket, advance = pay(reservation, 1_200_00), pay(reservation, 500_00)
    f = figures(pool)
    assert (f.reserved, f.spent_direct, f.spent_support, f.in_transit) == (339_00, 1_700_00, 221_00, 1_700_00)
    confirm_spend(ticket, key=key(), actor=TESTS)
    confirm_spend(advance, key=key(), actor=TESTS, bank_fee_minor=25_00)
    f = figures(pool)
    assert (f.in_transit, f.fees, f.available) == (0, 25_00, 7_715_00)
    assert balance("bank") == 10_000_00 - 1_700_00 - 25_00
    release(reservation, key=key(), actor=TESTS)
    f = figures(pool)
    assert (f.reserved, f.available) == (0, 8_054_00)
    total = fund_figures()
    assert total.available + total.reserved == total.received - total.fees - total.spent


def test_money_in_suspense_is_no_pools_until_accepted(pool):
    given = source()
    receive_in_suspense(Intake(1_000_00, 30_00), source=given, key=key(), actor=TESTS)
    assert (balance("suspense"), balance("suspense_fees"), balance("stripe_clearing")) == (1_000_00, 30_00, 970_00)
    assert figures(pool).available == 0
    assert fund_figures().in_suspense == 1_000_00
    accept_from_suspense(pool, source=given, key=key(), actor=TESTS, rate_bp=700)
    f = figures(pool)
    assert (f.received, f.fees, f.available) == (1_000_00, 30_00, 970_00)
    assert (balance("suspense"), balance("suspense_fees")) == (0, 0)


def test_money_in_suspense_goes_back_in_full_and_the_fee_is_lost(pool):
    given = source()
    receive_in_suspense(Intake(1_000_00, 30_00), source=given, key=key(), actor=TESTS)
    give(pool, 100_00)
    hold_refund(1_000_00, source=given, fee_minor=30_00, bearer_pool_id=pool, key="hold", actor=TESTS)
    assert (balance("suspense"), balance("refunds_due"), balance("suspense_fees")) == (0, 1_000_00, 30_00)
    pay_refund("hold", 1_000_00, source=given, clearing="stripe_clearing", bearer_pool_id=pool,
               key="paid", actor=TESTS)
    assert (balance("refunds_due"), balance("suspense_fees"), balance("stripe_clearing")) == (0, 0, 70_00)
    f = figures(pool)  # what the provider kept is borne by somebody: what may be promised is what is there
    assert (f.received, f.fees, f.available) == (100_00, 30_00, 70_00)


# --- suspense ---------------------------------------------------------------------------------------------------
def test_money_leaves_suspense_once(pool):
    accepted, refunded = source(), source()
    for given in (accepted, refunded):
        receive_in_suspense(Intake(100_00), source=given, key=key(), actor=TESTS)
    lot = accept_from_suspense(pool, source=accepted, key="accept", actor=TESTS)
    assert accept_from_suspense(pool, source=accepted, key="accept", actor=TESTS) == lot
    back = {"fee_minor": 0, "bearer_pool_id": pool, "actor": TESTS}
    entry = hold_refund(100_00, source=refunded, key="refund", **back)
    assert hold_refund(100_00, source=refunded, key="refund", **back) == entry
    for given in (accepted, refunded):
        with pytest.raises(RuleBroken, match="not_held"):
            accept_from_suspense(pool, source=given, key=key(), actor=TESTS)
    with pytest.raises(NotFound):
        hold_refund(100_00, source=refunded, key=key(), **back)
    with pytest.raises(KeyReused):
        accept_from_suspense(open_pool("other", "Other"), source=accepted, key="accept", actor=TESTS)
    with pytest.raises(NotFound):
        hold_refund(1, source=source(), key=key(), **back)
    with pytest.raises(NotFound):
        accept_from_suspense(uuid.uuid4(), source=accepted, key=key(), actor=TESTS)
    assert figures(pool).available == 100_00


def test_accepted_money_keeps_its_place_by_the_day_of_its_deposit(pool):
    first, second = source(), None
    with clock.moved_to(datetime(2026, 1, 1, tzinfo=UTC)):
        receive_in_suspense(Intake(100_00), source=first, key=key(), actor=TESTS)
    with clock.moved_to(datetime(2026, 1, 2, tzinfo=UTC)):
        second = give(pool, 100_00)
    accept_from_suspense(pool, source=first, key=key(), actor=TESTS)
    put_aside([pool], 50_00)
    assert [use.source_id for use in lot_uses("contribution", [first[1], second])] == [first[1]]


# --- which money first ------------------------------------------------------------------------------------------
def test_narrow_earmark_first_then_by_end_date_none_last_then_by_deposit(pool):
    narrow = open_pool("ldc-women", "Women of least developed countries", {"facts": ["ldc"], "sex": "f"})
    with clock.moved_to(datetime(2026, 1, 1, tzinfo=UTC)):
        unlimited = give(pool, 113)
    with clock.moved_to(datetime(2026, 1, 2, tzinfo=UTC)):
        late = give(pool, 113, end_date=date(2028, 12, 31))
        later = give(pool, 113)
    with clock.moved_to(datetime(2026, 1, 3, tzinfo=UTC)):
        soon = give(pool, 113, end_date=date(2027, 12, 31))
        earmarked = give(narrow, 113)
        everything = [unlimited, late, later, soon, earmarked]
        order = []
        for _ in range(5):
            put_aside([narrow, pool], 100)
            used = [use.source_id for use in lot_uses("contribution", everything)]
            order += [source_id for source_id in used if source_id not in order]
        assert order == [earmarked, soon, late, unlimited, later]
        with pytest.raises(NotEnoughMoney):
            put_aside([narrow, pool], 1)


def test_a_reservation_takes_several_lots_each_at_its_own_rate(pool):
    other = open_pool("other", "Other")
    a = give(other, 107, rate_bp=700)
    b = give(pool, 1_130, rate_bp=1300)
    reservation = put_aside([other, pool], 600)
    assert [(line.direct, line.support) for line in reservation_state(reservation).lines] == [(100, 7), (500, 65)]
    payment = pay(reservation, 350)
    uses = {use.source_id: use for use in lot_uses("contribution", [a, b])}
    assert (uses[a].spent_direct, uses[a].spent_support, uses[a].reserved_direct) == (100, 7, 0)
    assert (uses[b].spent_direct, uses[b].spent_support, uses[b].reserved_direct) == (250, 32, 250)
    assert figures(other).in_transit == 100
    return_spend(payment, key=key(), actor=TESTS)
    assert (figures(other).in_transit, figures(other).reserved, figures(pool).reserved) == (0, 107, 565)


def test_money_past_its_end_date_is_not_promised(pool):
    give(pool, 113, end_date=date(2026, 6, 30))
    with clock.moved_to(datetime(2026, 6, 30, 23, 0, tzinfo=UTC)):
        assert headroom([pool]) == 100
    with clock.moved_to(datetime(2026, 7, 1, 0, 0, tzinfo=UTC)):
        assert headroom([pool]) == 0
        with pytest.raises(NotEnoughMoney):
            put_aside([pool], 1)
    assert figures(pool).available == 113


def test_crumbs_too_small_for_a_cent_of_direct_cost_are_left(pool):
    give(pool, 1, rate_bp=10_000)  # one cent carries one cent: half a cent of support costs rounds down to none
    give(pool, 1, rate_bp=1300)
    assert headroom([pool]) == 1
    put_aside([pool], 1)


# --- all or nothing ---------------------------------------------------------------------------------------------
def test_not_enough_money_writes_nothing_even_when_the_caller_goes_on(pool):
    give(pool, 100_00)

    @command
    def promote_who_can_be_paid():
        reserved = []
        for amount in (50_00, 60_00, 20_00):
            try:
                reserved.append(put_aside([pool], amount))
            except NotEnoughMoney as refusal:
                assert refusal.code == "ledger.not_enough"
                assert refusal.short_minor == 60_00 - 38_50
        return reserved

    assert len(promote_who_can_be_paid()) == 2
    assert count(Reservation) == 2
    assert figures(pool).reserved == 56_50 + 22_60


def test_a_failed_command_leaves_no_trace(pool):
    give(pool, 100_00)
    before = (count(Entry), figures(pool))

    @command
    def reserve_then_fail():
        pay(put_aside([pool], 50_00), 10_00)
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        reserve_then_fail()
    assert (count(Entry), figures(pool)) == before


def test_a_payment_cannot_exceed_its_reservation(pool):
    give(pool, 1_000_00)
    reservation = put_aside([pool], 100_00)
    pay(reservation, 60_00)
    with pytest.raises(ReservationTooSmall) as refusal:
        pay(reservation, 40_01)
    assert refusal.value.left_minor == 40_00
    release(reservation, key=key(), actor=TESTS)
    with pytest.raises(ReservationTooSmall):
        pay(reservation, 1)


@pytest.mark.parametrize("amount", [0, -1, 1.5, True, "5"])
def test_amounts_are_whole_cents_above_zero(pool, amount):
    give(pool, 1_000_00)
    reservation = put_aside([pool], 100_00)
    with pytest.raises(ValueError):
        put_aside([pool], amount)
    with pytest.raises(ValueError):
        pay(reservation, amount)
    with pytest.raises(ValueError):
        give(pool, 100, fee_minor=100)
    with pytest.raises(ValueError):
        give(pool, amount)
    with pytest.raises(ValueError):
        give(pool, 100, clearing="pocket")


def test_unknown_things_are_not_found(pool):
    nobody = uuid.uuid4()
    for call in (
        lambda: give(nobody, 100),
        lambda: put_aside([nobody], 100),
        lambda: put_aside([pool, nobody], 100),
        lambda: pay(nobody, 100),
        lambda: release(nobody, key=key(), actor=TESTS),
        lambda: confirm_spend(nobody, key=key(), actor=TESTS),
        lambda: return_spend(nobody, key=key(), actor=TESTS),
        lambda: cover_shortfall(nobody, key=key(), actor=TESTS),
        lambda: books.get_account(nobody),
        lambda: books.get_entry(nobody),
        lambda: statements.statement(nobody, statements.this_year()),
        lambda: books.account_by_code("none"),
        lambda: reservation_state(nobody),
        lambda: pool_ids_of(["none"]),
    ):
        with pytest.raises(NotFound):
            call()


# --- every step twice -------------------------------------------------------------------------------------------
def test_every_step_repeated_under_its_key_happens_once(pool):
    given, about, held = source(), award(), source()
    steps = [
        lambda: receive(pool, Intake(1_000_00, 1_00), source=given, key="receive", actor=TESTS),
        lambda: receive_in_suspense(Intake(50_00), source=held, key="hold", actor=TESTS),
        lambda: accept_from_suspense(pool, source=held, key="accept", actor=TESTS),
        lambda: reserve(about, [pool], 500_00, key="reserve", actor=TESTS),
    ]
    made = [step() for step in steps]
    reservation = made[-1]
    more = [lambda: spend(reservation, 100_00, key="spend", actor=TESTS),
            lambda: spend(reservation, 50_00, key="spend2", actor=TESTS)]
    made += [step() for step in more]
    first, second = made[-2:]
    last = [
        lambda: confirm_spend(first, key="confirm", actor=TESTS, bank_fee_minor=5),
        lambda: return_spend(second, key="return", actor=TESTS),
        lambda: release(reservation, key="release", actor=TESTS),
    ]
    made += [step() for step in last]
    stood = (count(Entry), figures(pool))
    assert [step() for step in [*steps, *more, *last]] == made
    assert (count(Entry), figures(pool)) == stood


def test_a_key_used_for_something_else_is_refused(pool):
    receive(pool, Intake(1_000_00), source=source(), key="k1", actor=TESTS)
    reservation = put_aside([pool], 500_00, key="k2")
    other = put_aside([pool], 100_00)
    first = pay(reservation, 100_00, key="k3")
    second = pay(reservation, 100_00)
    for call in (
        lambda: receive(pool, Intake(1_000_01), source=source(), key="k1", actor=TESTS),
        lambda: receive_in_suspense(Intake(1_000_00), source=source(), key="k1", actor=TESTS),
        lambda: put_aside([pool], 500_00, key="k2"),
        lambda: put_aside([pool], 1, key="k1"),
        lambda: pay(reservation, 99_00, key="k3"),
        lambda: pay(other, 100_00, key="k3"),
        lambda: pay(reservation, 1, key="k1"),
        lambda: release(reservation, key="k1", actor=TESTS),
        lambda: confirm_spend(first, key="k1", actor=TESTS),
        lambda: return_spend(first, key="k1", actor=TESTS),
    ):
        with pytest.raises(KeyReused):
            call()
    confirm_spend(first, key="c", actor=TESTS)
    with pytest.raises(RuleBroken, match="spend_settled"):
        confirm_spend(first, key="c2", actor=TESTS)
    return_spend(second, key="r", actor=TESTS)
    for settle in (confirm_spend, return_spend):
        with pytest.raises(RuleBroken, match="spend_settled"):
            settle(second, key="other", actor=TESTS)


def test_a_used_key_never_keeps_money_in_silence(pool):
    """A second reservation of one award released under the first one's key: an error, not a quiet nothing."""
    give(pool, 1_000_00)
    about = award()
    first = put_aside([pool], 100_00, subject=about)
    release(first, key="award:release", actor=TESTS)
    second = put_aside([pool], 100_00, subject=about)
    with pytest.raises(KeyReused):
        release(second, key="award:release", actor=TESTS)
    assert release(first, key="another", actor=TESTS) is None


# --- what comes back --------------------------------------------------------------------------------------------
def test_a_returned_payment_is_reserved_again_and_may_be_paid_again(pool):
    give(pool, 113_00, clearing="bank")
    reservation = put_aside([pool], 100_00)
    failed = pay(reservation, 100_00)
    return_spend(failed, key=key(), actor=TESTS)
    f = figures(pool)
    assert (f.reserved, f.spent, f.in_transit, balance("bank")) == (113_00, 0, 0, 113_00)
    confirm_spend(pay(reservation, 100_00), key=key(), actor=TESTS)
    assert balance("bank") == 13_00


def test_a_confirmed_payment_may_still_come_back(pool):
    give(pool, 200_00, clearing="bank")
    reservation = put_aside([pool], 100_00)
    payment = pay(reservation, 100_00)
    confirm_spend(payment, key=key(), actor=TESTS, bank_fee_minor=2_00)
    return_spend(payment, key=key(), actor=TESTS)
    f = figures(pool)
    assert (f.reserved, f.spent, f.fees, balance("bank")) == (113_00, 0, 2_00, 198_00)
    with pytest.raises(RuleBroken, match="spend_settled"):
        confirm_spend(payment, key=key(), actor=TESTS)


def test_a_payment_that_returns_after_the_release_can_be_released_too(pool):
    give(pool, 113_00)
    reservation = put_aside([pool], 100_00)
    payment = pay(reservation, 33_33)
    release(reservation, key="first", actor=TESTS)
    return_spend(payment, key=key(), actor=TESTS)
    assert figures(pool).reserved == 33_33 + 4_33
    release(reservation, key="second", actor=TESTS)
    assert (figures(pool).reserved, figures(pool).available) == (0, 113_00)


def test_support_costs_stay_cumulative_when_an_early_payment_returns(pool):
    """Two payments of 4 and 4 cents at 13 %: nothing, then one cent. When the first returns, 4 cents stand: nothing."""
    give(pool, 113)
    reservation = put_aside([pool], 100)
    first = pay(reservation, 4)
    pay(reservation, 4)
    assert figures(pool).spent_support == 1
    return_spend(first, key=key(), actor=TESTS)
    assert (figures(pool).spent_direct, figures(pool).spent_support) == (4, 0)
    pay(reservation, 96)
    assert (figures(pool).spent_direct, figures(pool).spent_support, figures(pool).available) == (100, 13, 0)


# --- reality always posts ---------------------------------------------------------------------------------------
def test_a_bank_fee_on_promised_money_stands_as_shortfall_and_stops_the_pool(pool):
    give(pool, 113_00, clearing="bank")
    reservation = put_aside([pool], 100_00)
    payment = pay(reservation, 50_00)
    confirm_spend(payment, key=key(), actor=TESTS, bank_fee_minor=3_00)
    assert figures(pool).shortfall == 3_00
    assert balance("bank") == 113_00 - 53_00
    with pytest.raises(PoolStopped):
        pay(reservation, 10_00)
    with pytest.raises(NotEnoughMoney):
        cover_shortfall(pool, key=key(), actor=TESTS)
    given = give(pool, 10_00)
    assert len(cover_shortfall(pool, key="cover", actor=TESTS)) == 1
    assert cover_shortfall(pool, key="cover", actor=TESTS) == []
    f = figures(pool)
    assert (f.shortfall, f.fees, f.available) == (0, 3_00, 7_00)
    assert lots_of("contribution", [given])[0].charged == 3_00
    pay(reservation, 10_00)


def test_a_bank_fee_takes_what_is_free_and_only_the_rest_is_missing(pool):
    give(pool, 114_00)
    reservation = put_aside([pool], 100_00)
    confirm_spend(pay(reservation, 50_00), key=key(), actor=TESTS, bank_fee_minor=3_00)
    f = figures(pool)
    assert (f.available, f.fees, f.shortfall) == (0, 1_00, 2_00)


# --- pools and pages' figures -----------------------------------------------------------------------------------
def test_a_pool_is_opened_once_and_its_earmark_never_changes(app):
    prepare_chart()
    prepare_chart()
    first = open_pool("africa", "African Group", {"group": ["African"]})
    assert open_pool("africa", "African Group", {"group": ["African"]}) == first
    with pytest.raises(RuleBroken, match="pool_differs"):
        open_pool("africa", "African Group")
    for code in ("", "Africa", "a b", "-a", "ä", "x" * 40):
        with pytest.raises(RuleBroken, match="pool_code"):
            open_pool(code, "Name")
    invented = open_pool("invented", "Invented", is_demo=True)
    assert [p.code for p in list_pools(include_demo=False)] == ["africa"]
    assert [f.code for f in pool_figures(include_demo=False)] == ["africa"]
    assert pools_by_ids([first, invented, uuid.uuid4()])[first].earmark == {"group": ["African"]}
    assert pool_ids_of(["invented", "africa"]) == [invented, first]


def test_figures_take_a_fixed_number_of_queries(pool, queries):
    other = open_pool("other", "Other")
    give(pool, 100_00)
    for number in (1, 5):
        for _ in range(number):
            give(other, 100_00)
            put_aside([other], 10_00)
        queries.clear()
        fund_figures()
        assert len(queries) == 2
        queries.clear()
        headroom([other, pool])
        assert len(queries) == 1
        queries.clear()
        books.trial_balance()
        assert len(queries) == 1


def test_a_statement_shows_the_balance_after_each_entry_on_every_page(pool):
    amounts = [100, 200, 300, 400, 500]
    for amount in amounts:
        give(pool, amount)
    account = books.account_by_code("available:general").id
    year = statements.this_year()
    pages = [statements.statement(account, year, page, 2) for page in (1, 2, 3)]
    assert [[line.balance for line in page.lines] for page in pages] == [[100, 300], [600, 1000], [1500]]
    assert {page.moved.legs for page in pages} == {5}
    for code in ("available:general", "stripe_clearing"):
        whole = statements.statement_lines(books.account_by_code(code), year, batch=2)
        assert [line.balance for batch in whole for line in batch] == [100, 300, 600, 1000, 1500]


def test_lots_and_lines_stand_for_what_the_accounts_say(pool):
    give(pool, 113_00, end_date=clock.today() + timedelta(days=30))
    put_aside([pool], 40_00)
    assert count(Lot) == 1
    [line] = db.session.execute(sa.select(ReservationLine.direct_minor, ReservationLine.support_minor)).all()
    assert tuple(line) == (40_00, 5_20)


def test_the_provider_pays_out_to_the_bank(pool):
    give(pool, 100_00)
    entry = record_payout(100_00, key="po_1", actor=TESTS)
    assert record_payout(100_00, key="po_1", actor=TESTS) == entry
    assert (balance("bank"), balance("stripe_clearing")) == (100_00, 0)
    with pytest.raises(KeyReused):
        record_payout(99_00, key="po_1", actor=TESTS)


def test_accounts_of_pools_and_of_all_are_not_mixed_up(pool):
    with pytest.raises(ValueError):
        account_id("bank", pool)
    with pytest.raises(ValueError):
        account_id("available")
