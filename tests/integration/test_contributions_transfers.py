"""Bank transfers, command by command: announced, found on the statement, or not; every wrong line is refused whole."""

from __future__ import annotations

import threading
import uuid
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from core import clock
from core.actor import PUBLIC
from core.db import db
from core.errors import IllegalMove, NotAllowed, NotFound, RuleBroken, Stale
from core.money import Money, usd
from core.outbox import OutboxMail
from sponsorship.contributions import money_in, payments, service, transfers
from sponsorship.contributions.back_models import Receipt
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.gateways.rates import RateMissing
from sponsorship.ledger import service as ledger
from sponsorship.ledger.books import account_by_code
from sponsorship.ledger.models import Leg, Lot
from sponsorship.ledger.queries import fund_figures, pool_figures
from tests.integration.test_contributions_payments import Killed
from tests.support.going_back import Gifts, faults, only, rates

TODAY = clock.today()


@pytest.fixture
def pool(app: Any) -> uuid.UUID:
    return ledger.open_pool("general", "Unearmarked money")


@pytest.fixture
def gifts(make: Any, pool: uuid.UUID) -> Gifts:
    return Gifts(make)


@pytest.fixture(autouse=True)
def everything_agrees(app: Any) -> Any:
    yield
    assert faults() == []


def announce(made: Any, minor: int = 1_000_00, day: date = TODAY) -> Contribution:
    return only(Contribution, id=transfers.declare(made.id, PUBLIC, made.token, minor, day))  # type: ignore[no-any-return]


def kinds() -> set[str]:
    return {mail.kind for mail in db.session.query(OutboxMail)}


# --- donors -----------------------------------------------------------------------------------------------------
def test_announced_once_taken_back_and_announced_again(gifts: Gifts) -> None:
    made = gifts.pledge(usd(1_000_00))
    row = announce(made)
    assert (row.state, row.method, row.declared_on, row.amount_minor) == ("declared", "transfer", TODAY, 1_000_00)
    assert announce(made).id == row.id  # a double click
    assert kinds() >= {"transfer.announced", "contribution.announced"}
    with pytest.raises(RuleBroken, match=r"transfer\.announced"):
        announce(made, 900_00)
    with pytest.raises(Stale):
        transfers.take_back_announcement(row.id, PUBLIC, made.token, 9)
    transfers.take_back_announcement(row.id, PUBLIC, made.token, row.version)
    assert only(Contribution, id=row.id).state == "failed"
    assert "contribution.taken-back" in kinds()
    with pytest.raises(IllegalMove):
        transfers.take_back_announcement(row.id, PUBLIC, made.token, only(Contribution, id=row.id).version)
    assert announce(made, 900_00).attempt == 2


@pytest.mark.parametrize(("minor", "day", "code"), [
    (0, TODAY, "contribution.amount"), (-1, TODAY, "contribution.amount"), (1_000_01, TODAY, "contribution.amount"),
    (10**15, TODAY, "contribution.amount"), (1, TODAY + timedelta(days=1), "transfer.day"),
    (1, TODAY - timedelta(days=367), "transfer.day"), (1, date(1900, 1, 1), "transfer.day"),
])
def test_what_cannot_have_been_sent(gifts: Gifts, minor: int, day: date, code: str) -> None:
    with pytest.raises(RuleBroken) as refused:
        announce(gifts.pledge(usd(1_000_00)), minor, day)
    assert refused.value.code == code
    assert refused.value.field == ("sent_on" if code == "transfer.day" else "amount")
    assert db.session.query(Contribution).count() == 0


def test_nobody_announces_for_another(gifts: Gifts, make: Any, pool: uuid.UUID) -> None:
    named, other = gifts.pledge(usd(500_00)), gifts.pledge(usd(500_00))
    state, donor = gifts.state_pledge(usd(500_00), pool)
    stranger = make.actor("donor", organisation=make.state("XB"))
    for pledge_id, actor, token in ((named.id, PUBLIC, other.token), (named.id, donor, None), (state.id, PUBLIC, None),
                                    (state.id, stranger, None), (state.id, PUBLIC, named.token)):
        with pytest.raises(NotFound):
            transfers.declare(pledge_id, actor, token, 1_00, TODAY)
    row = announce(named, 1_00)
    for actor, token in ((PUBLIC, other.token), (PUBLIC, None), (donor, None), (stranger, None)):
        with pytest.raises(NotFound):
            transfers.take_back_announcement(row.id, actor, token, row.version)
    own = transfers.declare(state.id, donor, None, 1_00, TODAY)
    transfers.take_back_announcement(own, donor, None, only(Contribution, id=own).version)


def test_an_ended_pledge_takes_no_announcement_and_an_announced_one_does_not_end(gifts: Gifts) -> None:
    made = gifts.pledge(usd(500_00))
    row = announce(made, 500_00)
    with pytest.raises(RuleBroken, match="payment_open"):
        service.cancel_pledge(made.id, gifts.manager, "Words.")
    transfers.take_back_announcement(row.id, PUBLIC, made.token, row.version)
    service.cancel_pledge(made.id, gifts.manager, "Words.")
    with pytest.raises(RuleBroken, match="not_payable"):
        announce(made, 500_00)


# --- confirmed --------------------------------------------------------------------------------------------------
def test_a_transfer_of_a_state_goes_into_its_pool_with_the_banks_fee(gifts: Gifts, pool: uuid.UUID) -> None:
    made, donor = gifts.state_pledge(usd(1_000_00), pool, rate=700)
    key = transfers.declare(made.id, donor, None, 1_000_00, TODAY)
    line = gifts.line(usd(1_000_00), fee=25_00, reference="stmt 12/ 7", day=TODAY - timedelta(days=2))
    transfers.confirm(key, line, gifts.officer, only(Contribution, id=key).version)
    row = only(Contribution, id=key)
    assert (row.state, row.bank_reference, row.value_date) == ("accepted", "STMT 12/ 7", TODAY - timedelta(days=2))
    assert (row.gross_minor, row.fee_minor, row.net_minor, row.confirmed_by) == (
        1_000_00, 25_00, 975_00, gifts.officer.person_id)
    assert account_by_code("bank").balance == 975_00
    assert only(Lot, source_id=key).rate_bp == 700
    assert only(Receipt, contribution_id=key).amount_minor == 1_000_00
    assert only(Pledge, id=made.id).state == "paid"
    with pytest.raises(Stale):
        transfers.confirm(key, line, gifts.officer, 1)
    with pytest.raises(IllegalMove):
        transfers.confirm(key, line, gifts.officer, row.version)


def test_a_transfer_of_others_waits_for_check_and_acceptance(gifts: Gifts) -> None:
    row = gifts.deposit(gifts.pledge(usd(1_000_00)), usd(1_000_00), fee=25_00)
    assert (row.state, fund_figures().in_suspense) == ("in_suspense", 1_000_00)
    assert {"contribution.waits", "contribution.check"} <= kinds()
    assert gifts.accept(row).state == "accepted"
    assert pool_figures()[0].available == 975_00


def test_euros_are_worth_their_rate_of_the_value_date(gifts: Gifts, pool: uuid.UUID) -> None:
    rates(TODAY - timedelta(days=10), EUR="0.80")
    rates(TODAY - timedelta(days=1))
    made, _donor = gifts.state_pledge(Money(920_00, "EUR"), pool)
    old = gifts.deposit(made, Money(460_00, "EUR"), 570_00, 5_00, day=TODAY - timedelta(days=5))
    assert (old.gross_minor, old.exchange_minor, old.rate) == (575_00, 0, "0.80")
    new = gifts.deposit(made, Money(460_00, "EUR"), 490_00, 5_00)
    assert (new.gross_minor, new.exchange_minor, new.fee_minor, new.net_minor) == (500_00, -5_00, 5_00, 490_00)
    assert (new.rate, new.rate_date) == ("0.92", TODAY - timedelta(days=1))
    leg = db.session.query(Leg).filter(Leg.original_minor == 460_00, Leg.rate == "0.92").one()
    assert (leg.usd_minor, leg.original_currency) == (500_00, "EUR")
    assert only(Pledge, id=made.id).state == "paid"


def test_dollars_for_a_pledge_in_euros_and_the_other_way_round(gifts: Gifts, pool: uuid.UUID) -> None:
    rates()
    made, _donor = gifts.state_pledge(Money(920_00, "EUR"), pool)
    line = gifts.line(usd(1_000_00), fee=10_00)
    found = transfers.understood(only(Pledge, id=made.id), line)
    assert (found.settles, found.proposed, found.left) == (Money(920_00, "EUR"),) * 3
    assert found.into_pool_id == pool and not found.more_than_owed
    row = gifts.deposit(made, usd(1_000_00), fee=10_00)
    assert (row.state, row.settles_minor, row.paid_currency, row.rate) == ("accepted", 920_00, "USD", None)
    other, _donor = gifts.state_pledge(usd(1_000_00), pool, "XB")
    row = gifts.deposit(other, Money(917_00, "EUR"), 996_00, settles_minor=1_000_00)  # the donor meant all of it
    assert (row.settles_minor, row.state, only(Pledge, id=other.id).state) == (1_000_00, "accepted", "paid")
    yen = gifts.pledge(Money(150_000, "JPY"))
    assert gifts.deposit(yen, Money(310_000, "KWD"), 1_000_00).settles_minor == 150_000


def test_more_than_is_owed_waits_even_under_an_agreement(gifts: Gifts, pool: uuid.UUID) -> None:
    made, _donor = gifts.state_pledge(usd(1_000_00), pool)
    assert gifts.deposit(made, usd(1_000_01)).state == "in_suspense"
    ended, _donor = gifts.state_pledge(usd(1_000_00), pool, "XB")
    service.cancel_pledge(ended.id, gifts.manager, "They wrote.")
    assert gifts.deposit(ended, usd(1_000_00)).state == "in_suspense"
    assert only(Pledge, id=ended.id).state == "cancelled"


LINE: dict[str, Any] = {"bank_reference": "A 1", "value_date": TODAY, "paid": usd(1_000_00), "credited_minor": 1_000_00}
BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"bank_reference": ""}, "bank.no_reference", "bank_reference"),
    ({"bank_reference": " \u200f "}, "bank.no_reference", "bank_reference"),
    ({"bank_reference": "a\x07b"}, "bank.no_reference", "bank_reference"),
    ({"bank_reference": "x" * 81}, "bank.long_reference", "bank_reference"),
    ({"bank_reference": "used before"}, "bank.reference_used", "bank_reference"),
    ({"value_date": TODAY + timedelta(days=1)}, "bank.future", "value_date"),
    ({"value_date": TODAY - timedelta(days=367)}, "bank.too_old", "value_date"),
    ({"value_date": date(1926, 1, 1)}, "bank.too_old", "value_date"),
    ({"paid": usd(0)}, "deposit.amount", "paid"),
    ({"paid": usd(10**15), "credited_minor": 10**15}, "deposit.too_large", "paid"),
    ({"paid": Money(10**15, "KWD"), "credited_minor": 10**14}, "deposit.too_large", "paid"),
    ({"paid": usd(-1_000_00), "credited_minor": -1_000_00}, "deposit.amount", "paid"),
    ({"credited_minor": 0}, "deposit.credited", "credited"),
    ({"credited_minor": -1}, "deposit.credited", "credited"),
    ({"fee_minor": -1}, "deposit.fee", "fee"),
    ({"fee_minor": 1_000_01}, "deposit.fee", "fee"),
    ({"credited_minor": 999_99}, "deposit.differs", "credited"),
    ({"credited_minor": 1_000_01}, "deposit.differs", "credited"),
    ({"fee_minor": 1}, "deposit.differs", "credited"),
    ({"paid": Money(1_000_00, "EUR"), "credited_minor": 500_00}, "deposit.worth", "paid"),
    ({"paid": Money(1_000_00, "EUR"), "credited_minor": 2_200_00}, "deposit.worth", "paid"),
    ({"paid": Money(1_000_00, "EUR"), "credited_minor": 100_000_00}, "deposit.worth", "paid"),
    ({"paid": Money(1_000, "KWD"), "credited_minor": 1_000_00}, "deposit.worth", "paid"),
    ({"paid": Money(1, "JPY"), "credited_minor": 1_00}, "deposit.worth", "paid"),
    ({"paid": Money(920_00, "EUR"), "settles_minor": 0}, "deposit.settles", "settles"),
    ({"paid": Money(920_00, "EUR"), "settles_minor": -5}, "deposit.settles", "settles"),
    ({"paid": Money(920_00, "EUR"), "settles_minor": 499_99}, "deposit.settles", "settles"),
    ({"paid": Money(920_00, "EUR"), "settles_minor": 2_000_01}, "deposit.settles", "settles"),
]


@pytest.mark.parametrize(("change", "code", "field"), BAD)
def test_a_wrong_line_is_refused_whole(gifts: Gifts, change: dict[str, Any], code: str, field: str) -> None:
    rates()
    gifts.deposit(gifts.pledge(usd(10_00)), usd(10_00), reference="Used   BEFORE")
    made = gifts.pledge(usd(1_000_00))
    row = announce(made)
    line = transfers.BankLine(**LINE | change)
    for call in (lambda: transfers.confirm(row.id, line, gifts.officer, row.version),
                 lambda: transfers.understood(only(Pledge, id=made.id), line)):
        with pytest.raises(RuleBroken) as refused:
            call()
        assert (refused.value.code, refused.value.field) == (code, field)
        db.session.rollback()
    assert only(Contribution, id=row.id).state == "declared"
    assert only(Pledge, id=made.id).paid_minor == 0
    assert account_by_code("bank").balance == 10_00


def test_without_a_rate_nothing_is_written_and_it_works_once_it_is_there(gifts: Gifts) -> None:
    rates(TODAY - timedelta(days=1))
    made = gifts.pledge(Money(920_00, "EUR"))
    row = announce(made, 920_00)
    early = gifts.line(Money(920_00, "EUR"), 1_000_00, day=TODAY - timedelta(days=3))
    with pytest.raises(RateMissing, match=r"rates\.missing"):
        transfers.confirm(row.id, early, gifts.officer, row.version)
    db.session.rollback()
    assert only(Contribution, id=row.id).state == "declared"
    rates(TODAY - timedelta(days=4))
    transfers.confirm(row.id, early, gifts.officer, row.version)
    assert only(Contribution, id=row.id).rate_date == TODAY - timedelta(days=4)


def test_a_deposit_beside_an_announcement_is_confirmed_there(gifts: Gifts) -> None:
    made = gifts.pledge(usd(1_000_00))
    row = announce(made)
    with pytest.raises(RuleBroken, match=r"deposit\.announced"):
        gifts.deposit(made, usd(1_000_00))
    db.session.rollback()
    transfers.not_arrived(row.id, gifts.officer, "not_on_statement", "", row.version)
    assert gifts.deposit(made, usd(400_00)).attempt == 2


def test_not_arrived_is_told_and_may_arrive_after_all(gifts: Gifts) -> None:
    made = gifts.pledge(usd(1_000_00))
    row = announce(made)
    for code in ("", "because"):
        with pytest.raises(RuleBroken, match="no_reason"):
            transfers.not_arrived(row.id, gifts.officer, code, "", row.version)
    with pytest.raises(Stale):
        transfers.not_arrived(row.id, gifts.officer, "other", "", 99)
    transfers.not_arrived(row.id, gifts.officer, "sent_back", "Wrong IBAN.", row.version)
    assert "transfer.not-arrived" in kinds()
    with pytest.raises(IllegalMove):
        transfers.not_arrived(row.id, gifts.officer, "sent_back", "", only(Contribution, id=row.id).version)
    transfers.confirm(row.id, gifts.line(usd(1_000_00)), gifts.officer, only(Contribution, id=row.id).version)
    assert only(Contribution, id=row.id).state == "in_suspense"


@pytest.mark.parametrize("role", ["fund_manager", "head_of_fund", "auditor", "donor", "bank_signatory"])
def test_only_requesting_officers_speak_for_the_bank(gifts: Gifts, make: Any, role: str) -> None:
    made, other = gifts.pledge(usd(1_000_00)), make.actor(role)
    row = announce(made)
    for call in (lambda: transfers.confirm(row.id, gifts.line(usd(1_000_00)), other, row.version),
                 lambda: transfers.record_deposit(made.id, gifts.line(usd(1_000_00)), other),
                 lambda: transfers.not_arrived(row.id, other, "other", "", row.version)):
        with pytest.raises(NotAllowed):
            call()


def test_a_card_attempt_is_not_confirmed_by_hand(gifts: Gifts) -> None:
    made = gifts.pledge(usd(1_000_00))
    attempt = payments.start_payment(made.id, PUBLIC, made.token)
    row = only(Contribution, id=attempt.contribution_id)
    with pytest.raises(IllegalMove):
        transfers.confirm(row.id, gifts.line(usd(1_000_00)), gifts.officer, row.version)
    with pytest.raises(NotFound):
        transfers.confirm(uuid.uuid4(), gifts.line(usd(1_000_00)), gifts.officer, 1)
    assert gifts.deposit(made, usd(1_000_00)).state == "in_suspense"  # beside a payment page that is open


@pytest.mark.parametrize("place", ["receive_in_suspense", "settle", "notice"])
def test_killed_while_confirming_leaves_nothing_then_everything(
    gifts: Gifts, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    made = gifts.pledge(usd(1_000_00))
    row = announce(made)
    line = gifts.line(usd(1_000_00))

    def die(*_args: Any, **_kwargs: Any) -> Any:
        raise Killed()

    with monkeypatch.context() as patch:
        patch.setattr(*{"receive_in_suspense": (ledger, "receive_in_suspense"), "settle": (money_in, "settle"),
                        "notice": (money_in.notices, "payment_waits")}[place], die)
        with pytest.raises(Killed):
            transfers.confirm(row.id, line, gifts.officer, row.version)
    db.session.rollback()
    assert (only(Contribution, id=row.id).state, fund_figures().in_suspense) == ("declared", 0)
    transfers.confirm(row.id, line, gifts.officer, row.version)
    assert fund_figures().in_suspense == 1_000_00


@pytest.mark.real_database
def test_one_line_recorded_by_ten_officers_at_once_counts_once(app: Any, make: Any) -> None:
    ledger.open_pool("general", "Unearmarked money")
    gifts = Gifts(make)
    made = [gifts.pledge(usd(1_000_00)).id for _ in range(10)]
    line = gifts.line(usd(1_000_00))
    db.session.commit()
    db.session.remove()
    gate, words = threading.Barrier(10), []

    def record(pledge_id: uuid.UUID) -> None:
        with app.app_context():
            gate.wait()
            try:
                transfers.record_deposit(pledge_id, replace(line), gifts.officer)
                words.append("recorded")
            except Exception as error:
                words.append(getattr(error, "code", type(error).__name__))
            finally:
                db.session.remove()

    threads = [threading.Thread(target=record, args=(key,)) for key in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert words.count("recorded") == 1, words
    assert set(words) <= {"recorded", "bank.reference_used"}, words
    assert account_by_code("bank").balance == 1_000_00
    assert faults() == []
