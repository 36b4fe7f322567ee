"""Refunds, corrections and disputes, command by command: every cent, every state, every paper, in any order, twice."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from core import clock
from core.actor import person, system
from core.db import db
from core.errors import IllegalMove, NotAllowed, NotFound, RuleBroken, Stale
from core.money import Money, usd
from core.outbox import OutboxMail
from sponsorship.contributions import checkout, going_back, jobs, refunds, service
from sponsorship.contributions.back_models import Dispute, Receipt, Refund
from sponsorship.contributions.models import Contribution
from sponsorship.contributions.receipts import papers_say
from sponsorship.gateways.stripe_facts import RefundFacts
from sponsorship.ledger import service as ledger
from sponsorship.ledger.books import account_by_code
from sponsorship.ledger.queries import pool_figures
from sponsorship.transparency import fund_files, fund_tables
from sponsorship.transparency.fund_charts import identity
from sponsorship.transparency.queries import fund_page, year_page
from sponsorship.transparency.statement_sums import NOTHING
from sponsorship.transparency.words import DEFINITIONS
from tests.integration.test_contributions_payments import FakeGateway, Killed, sweep
from tests.integration.test_contributions_payments import gateway as gateway
from tests.support.going_back import STRIPE, Gifts, faults, only, rates
from tests.support.money_world import in_words, sides

TESTS = system("tests")


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


def spare(pool: uuid.UUID, minor: int) -> None:
    """Other money of the pool."""
    ledger.receive(pool, ledger.Intake(minor), source=("other", uuid.uuid4()), key=uuid.uuid4().hex, actor=TESTS)


def promise(pool: uuid.UUID, direct: int) -> uuid.UUID:
    return ledger.reserve(("award", uuid.uuid4()), [pool], direct, key=uuid.uuid4().hex, actor=TESTS)


def figures(pool: uuid.UUID) -> Any:
    return next(f for f in pool_figures() if f.pool_id == pool)


def papers(row: Contribution) -> list[tuple[str, int]]:
    found = db.session.query(Receipt).filter_by(contribution_id=row.id).order_by(Receipt.id)
    return [(paper.kind, paper.amount_minor) for paper in found]


# --- asked for by one, approved by another ----------------------------------------------------------------------
def test_all_of_it_goes_back_and_its_fee_is_borne_by_free_money(gifts: Gifts, pool: uuid.UUID) -> None:
    spare(pool, 50_00)
    row = gifts.accepted()
    refund_id = gifts.ask(row, 1_000_00)
    assert figures(pool).available == 1_020_00  # nothing is set aside before somebody approves
    gifts.approve(refund_id)
    assert (figures(pool).available, account_by_code("refunds_due").balance) == (20_00, 1_000_00)
    assert not gifts.news(refund_id, "succeeded").problem
    row = gifts.row(row.id)
    assert (row.state, row.back_minor, gifts.pledge_of(row).state) == ("refunded", 1_000_00, "returned")
    assert papers(row) == [("receipt", 1_000_00), ("credit_note", 1_000_00)]
    assert {m.kind for m in db.session.query(OutboxMail)} >= {"contribution.refund-asked", "contribution.refund",
                                                              "contribution.credit-note"}


def test_parts_down_to_the_last_cent(gifts: Gifts, pool: uuid.UUID) -> None:
    spare(pool, 50_00)
    row = gifts.accepted()
    for minor in (333_33, 333_33, 333_33):
        gifts.refund(row, minor)
        assert gifts.row(row.id).state == "accepted"
    assert going_back.left_of(gifts.row(row.id)).amount == usd(1)
    with pytest.raises(RuleBroken, match="refund.amount"):
        gifts.ask(row, 2)
    gifts.refund(row, 1)
    row = gifts.row(row.id)
    assert (row.state, row.back_minor, papers_say(row.id)) == ("refunded", 1_000_00, (0, 0))
    assert gifts.pledge_of(row).returned_minor == 1_000_00
    assert figures(pool).available == 20_00


@pytest.mark.parametrize(("currency", "minor", "net"), [("EUR", 1_000_01, 1_050_00), ("JPY", 100_003, 640_00),
                                                        ("KWD", 300_010, 960_00)])
def test_parts_of_another_currency_add_up_to_the_cent(
    gifts: Gifts, pool: uuid.UUID, currency: str, minor: int, net: int
) -> None:
    rates()
    spare(pool, 500_00)
    row = gifts.accepted(Money(minor, currency), 30_00, net)
    came, lot = row.came_minor, row.net_minor
    shares = []
    for _ in range(6):
        refund_id = gifts.refund(row, minor // 7)
        shares.append(only(Refund, id=refund_id).usd_minor)
    shares.append(only(Refund, id=gifts.refund(row, minor - 6 * (minor // 7))).usd_minor)
    assert sum(shares) == came
    row = gifts.row(row.id)
    assert (row.state, row.back_minor, papers_say(row.id)) == ("refunded", came, (0, 0))
    assert figures(pool).available == 500_00 - 30_00
    assert lot == came - 30_00


def test_what_a_refund_costs_at_another_rate_is_the_general_pools(gifts: Gifts, pool: uuid.UUID) -> None:
    rates()
    spare(pool, 500_00)
    row = gifts.accepted(Money(920_00, "EUR"), 30_00, 970_00)
    dearer = gifts.ask(row, 460_00)
    gifts.approve(dearer)
    assert only(Refund, id=dearer).usd_minor == 500_00
    gifts.news(dearer, "succeeded", cost=510_00)
    assert (figures(pool).exchange, only(Refund, id=dearer).settled_minor) == (-10_00, 510_00)
    gifts.refund(row, 460_00, cost=480_00)
    assert (figures(pool).exchange, gifts.row(row.id).state) == (10_00, "refunded")


def test_less_than_a_cent_is_not_sent_back(gifts: Gifts, pool: uuid.UUID) -> None:
    rates()
    row = gifts.accepted(Money(100_000, "JPY"), 0, 666_67)
    with pytest.raises(RuleBroken, match=r"refund\.too_small"):
        gifts.ask(row, 1)
    assert only(Refund, id=gifts.ask(row, 2)).usd_minor == 1


@pytest.mark.parametrize("minor", [0, -1, 1_000_01, 10**14])
def test_amounts_that_cannot_go_back(gifts: Gifts, minor: int) -> None:
    row = gifts.accepted()
    with pytest.raises(RuleBroken) as refused:
        gifts.ask(row, minor)
    assert (refused.value.code, refused.value.field) == ("refund.amount", "amount")


def test_what_is_promised_is_refused_with_what_is_free(gifts: Gifts, pool: uuid.UUID) -> None:
    row = gifts.accepted()
    promise(pool, 500_00)  # and 65.00 of support costs: 405.00 of 970.00 are free
    with pytest.raises(RuleBroken) as refused:
        gifts.ask(row, 405_01)
    assert refused.value.code == "refund.not_free"
    assert str(refused.value.message).count("USD 405.00") == 2
    refund_id = gifts.ask(row, 405_00)
    promise(pool, 1_00)  # promised between asking and approving
    with pytest.raises(RuleBroken, match=r"refund\.not_free"):
        gifts.approve(refund_id)
    db.session.rollback()
    assert (only(Refund, id=refund_id).state, account_by_code("refunds_due").balance) == ("requested", 0)
    refunds.decline_refund(refund_id, gifts.head, "Not all of it is free.", only(Refund, id=refund_id).version)
    gifts.refund(row, 400_00)


def test_the_fee_is_named_when_nobody_can_bear_it(gifts: Gifts, pool: uuid.UUID) -> None:
    row = gifts.accepted()
    with pytest.raises(RuleBroken) as refused:
        gifts.ask(row, 1_000_00)
    words = str(refused.value.message)
    assert "fee of USD 30.00" in words and "Up to USD 970.00" in words
    spare(pool, 29_99)
    with pytest.raises(RuleBroken) as refused:
        gifts.ask(row, 1_000_00)
    assert "USD 29.99 is free" in str(refused.value.message) and "USD 999.99" in str(refused.value.message)
    spare(pool, 1)
    gifts.refund(row, 1_000_00)


def test_whoever_asked_does_not_approve(gifts: Gifts, make: Any) -> None:
    both = person(make.person("fund_manager", "head_of_fund").id)
    row = gifts.accepted()
    refund_id = refunds.request_refund(row.id, 100_00, both, "donor_asked", "They wrote.", row.version)
    with pytest.raises(RuleBroken, match=r"refund\.same_person"):
        gifts.approve(refund_id, both)
    gifts.approve(refund_id)
    with pytest.raises(DBAPIError, match="two_people"), db.session.begin_nested():
        db.session.execute(sa.update(Refund).values(approved_by=both.person_id))


@pytest.mark.parametrize("role", ["requesting_officer", "auditor", "donor", "certifying_officer", "panel_member"])
def test_who_may_ask_and_approve(gifts: Gifts, make: Any, role: str) -> None:
    row, other = gifts.accepted(), make.actor(role)
    refund_id = gifts.ask(row, 1_00)
    version = only(Refund, id=refund_id).version
    for call in (
        lambda: refunds.request_refund(row.id, 1_00, other, "other", "Words.", row.version),
        lambda: refunds.refuse(row.id, other, "other", ""),
        lambda: refunds.request_correction(row.id, other, "Words.", row.version),
        lambda: refunds.approve_refund(refund_id, other, version),
        lambda: refunds.decline_refund(refund_id, other, "Words.", version),
    ):
        with pytest.raises(NotAllowed):
            call()
    with pytest.raises(NotAllowed):
        refunds.approve_refund(refund_id, gifts.manager, version)
    with pytest.raises(NotAllowed):
        refunds.approve_refund(refund_id, STRIPE, version)


def test_asked_twice_stale_or_without_words(gifts: Gifts) -> None:
    row = gifts.accepted()
    for words, code in (("", "refund.no_words"), ("  ", "refund.no_words")):
        with pytest.raises(RuleBroken, match=code):
            refunds.request_refund(row.id, 1_00, gifts.manager, "other", words, row.version)
    with pytest.raises(RuleBroken, match="no_reason"):
        refunds.request_refund(row.id, 1_00, gifts.manager, "because", "Words.", row.version)
    with pytest.raises(Stale):
        refunds.request_refund(row.id, 1_00, gifts.manager, "other", "Words.", row.version - 1)
    with pytest.raises(NotFound):
        refunds.request_refund(uuid.uuid4(), 1_00, gifts.manager, "other", "Words.", 1)
    refund_id = gifts.ask(row, 1_00)
    with pytest.raises(RuleBroken, match=r"refund\.under_way"):
        gifts.ask(row, 1_00)
    with pytest.raises(Stale):
        refunds.approve_refund(refund_id, gifts.head, 99)
    with pytest.raises(RuleBroken, match="no_words"):
        refunds.decline_refund(refund_id, gifts.head, " ", 1)
    refunds.decline_refund(refund_id, gifts.head, "It is spent well.", 1)
    assert db.session.query(OutboxMail).filter_by(kind="contribution.refund-declined").count() == 1
    with pytest.raises(IllegalMove):
        gifts.approve(refund_id)
    gifts.refund(row, 1_00)


@pytest.mark.parametrize("state", ["in_suspense", "refund_due", "refunded", "checkout"])
def test_only_accepted_money_is_asked_back(gifts: Gifts, pool: uuid.UUID, gateway: FakeGateway, state: str) -> None:
    from tests.integration.test_contributions_payments import begin, named_pledge

    if state == "checkout":
        row = begin(gateway, named_pledge())
    else:
        spare(pool, 50_00)
        row = gifts.held()
        if state != "in_suspense":
            refund_id = service.refuse(row.id, gifts.manager, "purpose", "")
            if state == "refunded":
                gifts.news(refund_id, "succeeded")
    with pytest.raises(IllegalMove):
        gifts.ask(gifts.row(row.id), 1_00)


# --- failures ---------------------------------------------------------------------------------------------------
def test_a_refund_that_fails_leaves_everything_as_it_was_and_can_be_asked_again(gifts: Gifts, pool: uuid.UUID) -> None:
    spare(pool, 50_00)
    row = gifts.accepted()
    before = figures(pool)
    refund_id = gifts.ask(row, 1_000_00)
    gifts.approve(refund_id)
    gifts.news(refund_id, "pending")
    gifts.news(refund_id, "failed")
    gifts.news(refund_id, "failed")
    assert (figures(pool), gifts.row(row.id).state) == (before, "accepted")
    assert db.session.query(OutboxMail).filter_by(kind="contribution.refund-failed").count() == 2
    gifts.refund(row, 1_000_00)


@pytest.mark.parametrize("returned", [None, 480_00, 520_00])
def test_a_refund_that_comes_back_is_in_its_pool_again_and_papered(
    gifts: Gifts, pool: uuid.UUID, returned: int | None
) -> None:
    rates()
    spare(pool, 500_00)
    row = gifts.accepted(Money(920_00, "EUR"), 30_00, 970_00)
    refund_id = gifts.refund(row, 460_00)
    gifts.refund(row, 460_00)
    assert gifts.row(row.id).state == "refunded"
    gifts.news(refund_id, "failed", returned=returned)
    row = gifts.row(row.id)
    assert (row.state, gifts.pledge_of(row).returned_minor) == ("accepted", 460_00)
    assert papers(row) == [("receipt", 920_00), ("credit_note", 460_00), ("credit_note", 460_00),
                           ("receipt", 460_00)]
    assert figures(pool).exchange == (returned or 500_00) - 500_00
    gifts.refund(row, 460_00)  # the second receipt is cancelled like the first
    assert papers_say(row.id) == (0, 0)


@pytest.mark.parametrize("step", ["hold", "notice", "send", "settle", "paid"])
def test_killed_between_the_steps(
    gifts: Gifts, gateway: FakeGateway, pool: uuid.UUID, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Before the commit nothing stands; after it the sweep goes on, and the money leaves once."""
    spare(pool, 50_00)
    row = gifts.accepted()
    refund_id = gifts.ask(row, 1_000_00)
    target: tuple[Any, str] = {
        "hold": (refunds, "hold"), "notice": (refunds.notices, "refund_begun"), "send": (gateway, "create_refund"),
        "settle": (checkout.refund_settling, "settle_refund"), "paid": (ledger, "pay_refund"),
    }[step]

    def die(*_args: Any, **_kwargs: Any) -> Any:
        raise Killed()

    with monkeypatch.context() as patch:
        patch.setattr(*target, die)
        with pytest.raises(Killed):
            gifts.approve(refund_id)
            service.send_refund(gateway, refund_id)  # type: ignore[arg-type]
    db.session.rollback()
    if step in ("hold", "notice"):
        assert only(Refund, id=refund_id).state == "requested"
        assert account_by_code("refunds_due").balance == 0
        db.session.rollback()
        gifts.approve(refund_id)
    assert only(Refund, id=refund_id).state == "created"
    assert sweep(monkeypatch) == ["succeeded"]
    assert sweep(monkeypatch) == []
    assert (len(gateway.refunds), gifts.row(row.id).state, account_by_code("refunds_due").balance) == (
        1, "refunded", 0)


def test_the_sweep_leaves_a_refund_alone_that_nobody_approved(
    gifts: Gifts, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    gifts.ask(gifts.accepted(), 1_00)
    assert sweep(monkeypatch) == []
    assert jobs.refunds_due(clock.now(), 10) == []
    assert gateway.refunds == {}


# --- made at Stripe by somebody else ----------------------------------------------------------------------------
@pytest.mark.parametrize("accepted", [True, False])
def test_a_refund_made_elsewhere_is_recorded_once(gifts: Gifts, pool: uuid.UUID, accepted: bool) -> None:
    spare(pool, 100_00)
    row = gifts.accepted() if accepted else gifts.held()
    name, news = gifts.elsewhere(row, 400_00, status="pending")
    assert not news.problem
    assert gifts.row(row.id).back_minor == 0
    for _ in range(3):
        assert not gifts.elsewhere(row, 400_00, name=name)[1].problem
    row = gifts.row(row.id)
    assert (row.state, row.back_minor) == ("accepted" if accepted else "in_suspense", 400_00)
    refund = only(Refund, stripe_refund_id=name)
    assert (refund.kind, refund.state, refund.requested_by) == ("external", "succeeded", None)
    assert db.session.query(OutboxMail).filter_by(kind="contribution.refund-elsewhere").count() == 2
    assert papers(row) == ([("receipt", 1_000_00), ("credit_note", 400_00)] if accepted else [])
    if not accepted:  # what is left is accepted, and that is what the receipt says
        row = gifts.accept(row)
        assert (figures(pool).received, figures(pool).fees) == (700_00, 30_00)
        assert papers(row) == [("receipt", 600_00)]


def test_all_of_money_in_suspense_refunded_elsewhere_loses_its_fee(gifts: Gifts, pool: uuid.UUID) -> None:
    spare(pool, 100_00)
    row = gifts.held()
    name, _news = gifts.elsewhere(row, 1_000_00)
    assert (gifts.row(row.id).state, figures(pool).fees) == ("refunded", 30_00)
    gifts.news(only(Refund, stripe_refund_id=name).id, "failed")
    assert (gifts.row(row.id).state, figures(pool).fees) == ("in_suspense", 0)
    gifts.accept(row)


@pytest.mark.parametrize("part", [400_00, 1_000_00])
@pytest.mark.parametrize("ends", ["succeeded", "failed"])
def test_nothing_held_is_sent_back_while_a_refund_elsewhere_has_not_ended(
    gifts: Gifts, pool: uuid.UUID, part: int, ends: str
) -> None:
    """All that waits would be set aside for the part that is left: the part on its way would be nobody's."""
    spare(pool, 100_00)
    row = gifts.held()
    name, _news = gifts.elsewhere(row, part, status="pending")
    with pytest.raises(RuleBroken, match=r"refund\.under_way"):
        service.refuse(row.id, gifts.manager, "purpose", "")
    db.session.rollback()
    gifts.news(only(Refund, stripe_refund_id=name).id, ends)
    if (part, ends) != (1_000_00, "succeeded"):
        refund_id = service.refuse(row.id, gifts.manager, "purpose", "")
        left = 1_000_00 - (part if ends == "succeeded" else 0)
        assert only(Refund, id=refund_id).usd_minor == left
        gifts.news(refund_id, "succeeded")
    assert (gifts.row(row.id).state, figures(pool).shortfall, figures(pool).available) == ("refunded", 0, 70_00)


def test_a_refusal_is_not_sent_twice_when_a_refund_elsewhere_fails_beside_it(gifts: Gifts, pool: uuid.UUID) -> None:
    spare(pool, 100_00)
    row = gifts.held()
    name, _news = gifts.elsewhere(row, 400_00)
    refund_id = service.refuse(row.id, gifts.manager, "purpose", "")
    gifts.news(only(Refund, stripe_refund_id=name).id, "failed")
    with pytest.raises(RuleBroken, match=r"refund\.under_way"):
        service.send_again(row.id, gifts.manager)
    db.session.rollback()
    gifts.news(refund_id, "succeeded")
    gifts.news(service.send_again(row.id, gifts.manager), "succeeded")
    assert (gifts.row(row.id).state, figures(pool).shortfall, figures(pool).available) == ("refunded", 0, 70_00)


def test_a_part_refunded_elsewhere_that_fails_after_the_rest_was_accepted_follows_it(
    gifts: Gifts, pool: uuid.UUID
) -> None:
    row = gifts.held()
    name, _news = gifts.elsewhere(row, 400_00)
    row = gifts.accept(row)
    assert figures(pool).available == 570_00
    gifts.news(only(Refund, stripe_refund_id=name).id, "failed")
    assert figures(pool).available == 970_00
    assert papers(gifts.row(row.id)) == [("receipt", 600_00), ("receipt", 400_00)]
    spare(pool, 30_00)
    gifts.refund(row, 1_000_00)  # out of both
    assert papers_say(row.id) == (0, 0)


@pytest.mark.parametrize("ours", ["requested", "created", "pending"])
@pytest.mark.parametrize("part", [400_00, 1_000_00])
def test_a_refund_elsewhere_while_ours_is_under_way(gifts: Gifts, pool: uuid.UUID, ours: str, part: int) -> None:
    spare(pool, 1_200_00)
    row = gifts.accepted()
    refund_id = gifts.ask(row, 1_000_00)
    if ours != "requested":
        gifts.approve(refund_id)
    if ours == "pending":
        gifts.news(refund_id, "pending")
    assert not gifts.elsewhere(row, part)[1].problem
    assert faults() == []
    if ours == "requested":
        with pytest.raises(RuleBroken, match=r"refund\.gone_meanwhile"):
            gifts.approve(refund_id)
        db.session.rollback()
        refunds.decline_refund(refund_id, gifts.head, "Somebody was faster.", only(Refund, id=refund_id).version)
    else:  # Stripe has not so much left, and says no
        gifts.news(refund_id, "failed")
    row = gifts.row(row.id)
    assert (row.state, row.back_minor) == ("refunded" if part == 1_000_00 else "accepted", part)
    assert papers(row) == [("receipt", 1_000_00), ("credit_note", part)]
    assert figures(pool).shortfall == (30_00 if part == 1_000_00 else 0)  # its fee, which it did not bring


def test_paid_back_by_both_is_a_loss_of_the_books_and_no_more_than_everything(gifts: Gifts, pool: uuid.UUID) -> None:
    spare(pool, 100_00)
    row = gifts.accepted()
    refund_id = gifts.ask(row, 1_000_00)
    gifts.approve(refund_id)
    gifts.elsewhere(row, 1_000_00)
    gifts.news(refund_id, "succeeded")
    row = gifts.row(row.id)
    assert (row.state, row.back_minor, papers_say(row.id)) == ("refunded", 1_000_00, (0, 0))
    assert gifts.pledge_of(row).returned_minor == 1_000_00
    assert figures(pool).shortfall == 1_000_00


def test_news_of_a_refund_before_its_payment_is_tried_again(gifts: Gifts, app: Any) -> None:
    from sponsorship.contributions import inbox
    from sponsorship.gateways.inbox import TryLater

    facts = RefundFacts("re_x", "succeeded", usd(1_00), "pi_nobody", {}, usd(1_00))
    assert service.settle_refund(facts, STRIPE).problem == "unknown_refund"
    with pytest.raises(TryLater, match="unknown_refund"):
        inbox._apply_refund(facts, STRIPE)
    row = gifts.held()
    known = RefundFacts("re_x", "succeeded", usd(1_00), row.stripe_payment_intent_id, {}, usd(1_00))
    assert inbox._apply_refund(known, STRIPE).action == "settle"


def test_refund_facts_that_cannot_be(gifts: Gifts) -> None:
    row = gifts.accepted()
    refund_id = gifts.ask(row, 100_00)
    gifts.approve(refund_id)
    good = gifts.facts(refund_id, "succeeded")
    for facts, problem in (
        (RefundFacts("re_1", "succeeded", usd(99_99), good.payment_intent_id, good.metadata, usd(99_99)),
         "amount_differs"),
        (RefundFacts("re_1", "succeeded", good.amount, good.payment_intent_id, good.metadata, Money(1, "EUR")),
         "settled_in_other_currency"),
        (RefundFacts("re_1", "succeeded", Money(1, "EUR"), good.payment_intent_id, {}, usd(1)), "currency_differs"),
        (RefundFacts("re_1", "succeeded", usd(1), good.payment_intent_id, {}, Money(1, "EUR")),
         "settled_in_other_currency"),
        (RefundFacts("re_1", "succeeded", good.amount, good.payment_intent_id, {"placard_refund": "x"}, usd(1)),
         "unknown_refund"),
    ):
        assert service.settle_refund(facts, STRIPE).problem == problem
    assert service.settle_refund(RefundFacts("re_2", "failed", usd(1), good.payment_intent_id), STRIPE).problem == ""
    assert only(Refund, id=refund_id).state == "created"
    gifts.news(refund_id, "pending")
    other = RefundFacts("re_other", "succeeded", good.amount, good.payment_intent_id, good.metadata, good.settled)
    assert service.settle_refund(other, STRIPE).problem == "another_refund"


# --- by bank ----------------------------------------------------------------------------------------------------
def bank(gifts: Gifts, cost: int, **values: Any) -> refunds.BankRefund:
    return refunds.BankRefund(values.pop("reference", f"OUT {uuid.uuid4().hex[:8]}"), values.pop("day", clock.today()),
                              cost, **values)


def test_a_transfer_goes_back_by_bank_and_a_third_person_records_it(gifts: Gifts, pool: uuid.UUID, make: Any) -> None:
    spare(pool, 100_00)
    row = gifts.deposit(gifts.pledge(usd(1_000_00)), usd(1_000_00), fee=25_00)
    refund_id = service.refuse(row.id, gifts.manager, "purpose", "")
    assert service.send_refund(None, refund_id) == "settled"  # type: ignore[arg-type]
    everybody = person(make.person("fund_manager", "head_of_fund", "requesting_officer").id)
    done = bank(gifts, 1_000_00, fee_minor=12_00)
    for change, code, field in (
        ({"reference": "  "}, "bank.no_reference", "bank_reference"),
        ({"reference": "x" * 81}, "bank.long_reference", "bank_reference"),
        ({"reference": row.bank_reference.lower()}, "bank.reference_used", "bank_reference"),
        ({"day": clock.today() + timedelta(days=1)}, "bank.future", "value_date"),
        ({"day": clock.today() - timedelta(days=400)}, "bank.too_old", "value_date"),
        ({"day": clock.today() - timedelta(days=3)}, "refund.too_early", "value_date"),
        ({"fee_minor": -1}, "refund.fee", "fee"), ({"fee_minor": 1_000_01}, "refund.fee", "fee"),
    ):
        with pytest.raises(RuleBroken) as refused:
            refunds.record_bank_refund(refund_id, bank(gifts, 1_000_00, **change), gifts.officer, 1)
        assert (refused.value.code, refused.value.field) == (code, field)
    with pytest.raises(RuleBroken, match=r"refund\.cost"):
        refunds.record_bank_refund(refund_id, bank(gifts, 999_99), gifts.officer, 1)
    with pytest.raises(NotAllowed):
        refunds.record_bank_refund(refund_id, done, gifts.manager, 1)
    refunds.record_bank_refund(refund_id, done, gifts.officer, 1)
    refund = only(Refund, id=refund_id)
    assert (refund.state, refund.recorded_by, gifts.row(row.id).state) == ("succeeded", gifts.officer.person_id,
                                                                           "refunded")
    assert figures(pool).fees == 25_00 + 12_00
    assert account_by_code("bank").balance == 975_00 - 1_012_00
    with pytest.raises(IllegalMove):
        refunds.record_bank_refund(refund_id, bank(gifts, 1_000_00), gifts.officer, refund.version)
    # whoever asked or approved does not record
    second = gifts.deposit(gifts.pledge(usd(50_00)), usd(50_00))
    gifts.accept(second)
    asked = refunds.request_refund(second.id, 50_00, everybody, "donor_asked", "They wrote.",
                                   gifts.row(second.id).version)
    gifts.approve(asked)
    with pytest.raises(RuleBroken, match="same_person"):
        refunds.record_bank_refund(asked, bank(gifts, 50_00), everybody, only(Refund, id=asked).version)
    db.session.rollback()
    with pytest.raises(DBAPIError, match="recorded_by_a_third"), db.session.begin_nested():
        db.session.execute(sa.update(Refund).where(Refund.id == asked).values(recorded_by=everybody.person_id))
    refunds.record_bank_refund(asked, bank(gifts, 50_00), gifts.officer, only(Refund, id=asked).version)


def test_a_card_refund_is_not_recorded_by_hand(gifts: Gifts) -> None:
    row = gifts.accepted()
    refund_id = gifts.ask(row, 1_00)
    gifts.approve(refund_id)
    with pytest.raises(IllegalMove):
        refunds.record_bank_refund(refund_id, bank(gifts, 1_00), gifts.officer, only(Refund, id=refund_id).version)


def test_a_transfer_in_euros_goes_back_at_what_the_bank_took(gifts: Gifts, pool: uuid.UUID) -> None:
    rates()
    spare(pool, 100_00)
    row = gifts.deposit(gifts.pledge(Money(920_00, "EUR")), Money(920_00, "EUR"), 995_00, 5_00)
    refund_id = service.refuse(row.id, gifts.manager, "purpose", "")
    for cost in (400_00, 2_100_00):
        with pytest.raises(RuleBroken, match=r"refund\.cost"):
            refunds.record_bank_refund(refund_id, bank(gifts, cost), gifts.officer, 1)
    refunds.record_bank_refund(refund_id, bank(gifts, 1_030_00), gifts.officer, 1)
    assert (figures(pool).exchange, figures(pool).fees) == (-30_00, 5_00)


# --- corrections ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("accepted", [True, False])
def test_a_deposit_recorded_by_mistake_is_taken_out_and_its_reference_is_free_again(
    gifts: Gifts, pool: uuid.UUID, accepted: bool
) -> None:
    made = gifts.pledge(usd(1_000_00))
    row = gifts.deposit(made, usd(1_000_00), fee=25_00, reference="LINE 7")
    if accepted:
        row = gifts.accept(row)
    correction = refunds.request_correction(row.id, gifts.manager, "It was for another pledge.", row.version)
    with pytest.raises(RuleBroken, match=r"refund\.under_way"):
        refunds.request_correction(row.id, gifts.manager, "Again.", row.version)
    if not accepted:  # what may never have been the fund's is not accepted meanwhile, from another tab either
        gifts.check(row)
        with pytest.raises(RuleBroken, match="refund_under_way"):
            service.accept(row.id, gifts.head, "Its purpose is the fund’s.", row.version)
        db.session.rollback()
    with pytest.raises(RuleBroken, match="same_person"):
        gifts.approve(correction, _granted(gifts))
    db.session.rollback()
    gifts.approve(correction)
    row = gifts.row(row.id)
    assert (row.state, gifts.pledge_of(row).state, gifts.pledge_of(row).paid_minor) == ("corrected", "announced", 0)
    assert [account_by_code(code).balance for code in ("bank", "suspense", "suspense_fees")] == [0, 0, 0]
    assert (figures(pool).available, figures(pool).fees, figures(pool).shortfall) == (0, 0, 0)
    assert papers(row) == ([("receipt", 1_000_00), ("credit_note", 1_000_00)] if accepted else [])
    assert db.session.query(OutboxMail).filter_by(kind="contribution.corrected").count() == 1
    again = gifts.deposit(gifts.pledge(usd(1_000_00)), usd(1_000_00), fee=25_00, reference="line  7")
    assert again.bank_reference == "LINE 7"
    with pytest.raises(RuleBroken, match="reference_used"):
        gifts.deposit(made, usd(1_000_00), reference="LINE 7")


def _granted(gifts: Gifts) -> Any:
    """The fund manager is head of the fund too."""
    from accounts.service import grant
    from tests.support.people import TESTS as MAKER

    grant(MAKER, gifts.manager.person_id, gifts.make.secretariat(), "head_of_fund", valid_from=clock.today())
    return gifts.manager


def test_a_correction_of_money_that_is_promised_stops_its_pool(gifts: Gifts, pool: uuid.UUID) -> None:
    row = gifts.accept(gifts.deposit(gifts.pledge(usd(1_000_00)), usd(1_000_00)))
    promise(pool, 800_00)
    gifts.approve(refunds.request_correction(row.id, gifts.manager, "It never came.", row.version))
    assert figures(pool).shortfall == 904_00


def test_what_cannot_be_corrected(gifts: Gifts, pool: uuid.UUID) -> None:
    spare(pool, 50_00)
    card = gifts.accepted()
    with pytest.raises(RuleBroken, match="not_correctable"):
        refunds.request_correction(card.id, gifts.manager, "Words.", card.version)
    row = gifts.accept(gifts.deposit(gifts.pledge(usd(500_00)), usd(500_00)))
    with pytest.raises(RuleBroken, match="no_words"):
        refunds.request_correction(row.id, gifts.manager, " ", row.version)
    refund_id = gifts.ask(row, 100_00)
    gifts.approve(refund_id)
    refunds.record_bank_refund(refund_id, bank(gifts, 100_00), gifts.officer, only(Refund, id=refund_id).version)
    with pytest.raises(RuleBroken, match="not_correctable"):
        refunds.request_correction(row.id, gifts.manager, "Words.", gifts.row(row.id).version)


# --- disputes ---------------------------------------------------------------------------------------------------
def test_a_dispute_lost_and_one_won(gifts: Gifts, pool: uuid.UUID) -> None:
    spare(pool, 100_00)
    lost, won = gifts.accepted(), gifts.accepted()
    names = [gifts.dispute(row) for row in (lost, won)]
    assert [gifts.row(row.id).state for row in (lost, won)] == ["disputed", "disputed"]
    assert [papers(row) for row in (lost, won)] == [[("receipt", 1_000_00)]] * 2  # nothing is decided
    assert figures(pool).shortfall == 60_00  # the two fees that the payments did not bring
    gifts.dispute(lost, status="lost", name=names[0])
    gifts.dispute(won, status="won", name=names[1], reinstated_minor=1_000_00)
    for _ in range(2):
        gifts.dispute(won, status="won", name=names[1], reinstated_minor=1_000_00)
    assert papers(lost) == [("receipt", 1_000_00), ("credit_note", 1_000_00)]
    assert papers(won) == [("receipt", 1_000_00)]
    assert (gifts.row(won.id).state, gifts.row(won.id).back_minor) == ("accepted", 0)
    assert gifts.pledge_of(won).returned_minor == 0
    dispute = gifts.dispute_row(names[1])
    assert (dispute.state, dispute.usd_minor, dispute.fee_minor, dispute.reinstated_minor) == (
        "won", 1_000_00, 15_00, 1_000_00)
    assert {m.kind for m in db.session.query(OutboxMail)} >= {"contribution.dispute", "contribution.dispute-lost",
                                                              "contribution.dispute-won"}


def test_the_fund_tells_what_banks_hold_from_what_was_paid_back(app: Any, gifts: Gifts, pool: uuid.UUID) -> None:
    spare(pool, 100_00)
    lost, held = gifts.accepted(), gifts.accepted()
    names = [gifts.dispute(row) for row in (lost, held)]
    gifts.dispute(lost, status="lost", name=names[0])
    page = fund_page()
    for line in (page.totals, page.pools[0].figures, page.years[-1]):
        assert (line.refunded, line.disputed) == (usd(970_00), usd(970_00))  # the rest is the pool's shortfall
    t, year = page.totals, page.years[-1]
    assert t.received + t.exchange == t.refunded + t.disputed + t.fees + t.losses + t.spent + t.reserved + t.available
    assert year.closing == year.opening + year.received + year.exchange - (
        year.refunded + year.disputed + year.fees + year.losses + year.spent)
    told = {(line.scope, line.figure): line.value for line in fund_files.fund_lines(page)}
    assert [told[scope, "disputed"] for scope in ("fund", "pool", "year")] == [usd(970_00)] * 3
    of_year = year_page(clock.today().year)
    assert (of_year.pools[0].refunded, of_year.pools[0].disputed) == (usd(970_00), usd(970_00))
    with app.test_request_context():
        for table in (fund_tables.pools_table(page), fund_tables.years_table(page),
                      fund_tables.year_pools_table(of_year)):
            assert "Held in dispute" in [str(column.label) for column in table.columns]
    assert "held in dispute" in str(DEFINITIONS["received"].text) and "Held in dispute" in identity(t)
    assert in_words(sum(sides().values(), NOTHING))["refund"] == 1_940_00  # as the books have it
    gifts.dispute(held, status="won", name=names[1], reinstated_minor=1_000_00)
    after = fund_page()
    assert (after.totals.refunded, after.totals.disputed) == (usd(970_00), usd(0))
    assert {line.value for line in fund_files.fund_lines(after) if line.figure == "disputed"} == {usd(0)}


@pytest.mark.parametrize("order", [("won",), ("won", "needs_response"), ("under_review", "won"),
                                   ("needs_response", "won", "under_review")])
def test_news_of_a_dispute_in_any_order(gifts: Gifts, pool: uuid.UUID, order: tuple[str, ...]) -> None:
    spare(pool, 100_00)
    row, name = gifts.accepted(), "du_1"
    for status in order:
        gifts.dispute(row, status=status, name=name, reinstated_minor=1_000_00 if status == "won" else 0)
    assert (gifts.dispute_row(name).state, gifts.row(row.id).state) == ("won", "accepted")
    assert figures(pool).shortfall == 0


def test_money_that_is_won_and_not_there_yet_changes_no_paper(gifts: Gifts, pool: uuid.UUID) -> None:
    spare(pool, 100_00)
    row, name = gifts.accepted(), "du_1"
    gifts.dispute(row, name=name)
    gifts.dispute(row, status="won", name=name)
    assert papers(row) == [("receipt", 1_000_00)]
    assert gifts.row(row.id).state == "disputed"
    gifts.dispute(row, status="won", name=name, reinstated_minor=1_000_00)
    assert (gifts.row(row.id).state, papers(row)) == ("accepted", [("receipt", 1_000_00)])


def test_an_inquiry_takes_nothing_until_it_is_escalated(gifts: Gifts, pool: uuid.UUID) -> None:
    spare(pool, 100_00)
    row, name = gifts.held(), "du_1"
    quiet = {"taken_minor": 0, "fee_minor": 0, "name": name}
    gifts.dispute(row, status="warning_needs_response", **quiet)
    assert (gifts.dispute_row(name).state, gifts.row(row.id).state) == ("inquiry", "in_suspense")
    gifts.accept(row)  # an inquiry does not stand in the way
    gifts.dispute(row, status="warning_under_review", **quiet)
    gifts.dispute(row, status="warning_closed", **quiet)
    assert gifts.dispute_row(name).state == "closed"
    second = gifts.accepted()
    gifts.dispute(second, status="warning_needs_response", taken_minor=0, fee_minor=0, name="du_2")
    gifts.dispute(second, status="needs_response", name="du_2")
    assert (gifts.dispute_row("du_2").state, gifts.row(second.id).state) == ("open", "disputed")


def test_nothing_is_decided_while_a_bank_disputes(gifts: Gifts, pool: uuid.UUID) -> None:
    spare(pool, 100_00)
    row = gifts.held()
    gifts.check(row)
    name = gifts.dispute(row, 400_00)
    for call, code in ((lambda: service.accept(row.id, gifts.head, "Words."), "contribution.disputed"),
                       (lambda: service.refuse(row.id, gifts.manager, "purpose", ""), "refund.disputed")):
        with pytest.raises(RuleBroken) as refused:
            call()
        assert refused.value.code == code
        db.session.rollback()
    gifts.dispute(row, 400_00, status="lost", name=name)
    service.accept(row.id, gifts.head, "The rest is the fund’s.")
    row = gifts.row(row.id)
    assert (row.state, row.back_minor, papers(row)) == ("accepted", 400_00, [("receipt", 600_00)])
    other = gifts.accepted()
    gifts.dispute(other, 400_00)
    with pytest.raises(RuleBroken, match=r"refund\.disputed"):
        gifts.ask(other, 1_00)


@pytest.mark.parametrize("decided", ["accept", "refuse"])
@pytest.mark.parametrize("outcome", ["won", "lost"])
def test_part_of_money_in_suspense_is_disputed_then_it_is_decided(
    gifts: Gifts, pool: uuid.UUID, decided: str, outcome: str
) -> None:
    spare(pool, 100_00)
    row = gifts.held()
    name = gifts.dispute(row, 400_00)
    gifts.dispute(row, 400_00, status=outcome, name=name, reinstated_minor=400_00 if outcome == "won" else 0)
    left = 1_000_00 if outcome == "won" else 600_00
    if decided == "accept":
        row = gifts.accept(row)
        assert (row.state, papers(row)) == ("accepted", [("receipt", left)])
        assert figures(pool).available == left - 30_00 + 100_00 - 15_00
    else:
        refund_id = service.refuse(row.id, gifts.manager, "purpose", "")
        assert only(Refund, id=refund_id).amount_minor == left
        gifts.news(refund_id, "succeeded")
        assert gifts.row(row.id).state == "refunded"
        assert figures(pool).available == 100_00 - 15_00 - 30_00


def test_a_lost_dispute_that_comes_back_after_the_rest_was_accepted(gifts: Gifts, pool: uuid.UUID) -> None:
    row = gifts.held()
    name = gifts.dispute(row, 400_00, fee_minor=0)
    gifts.dispute(row, 400_00, status="lost", name=name, fee_minor=0)
    row = gifts.accept(row)
    gifts.dispute(row, 400_00, status="lost", name=name, fee_minor=0, reinstated_minor=400_00)
    assert (figures(pool).available, papers(row)) == (970_00, [("receipt", 600_00), ("receipt", 400_00)])


def test_so_much_went_back_that_only_the_fee_is_left(gifts: Gifts, pool: uuid.UUID) -> None:
    spare(pool, 100_00)
    row = gifts.held()
    gifts.elsewhere(row, 980_00)
    gifts.check(row)
    with pytest.raises(RuleBroken, match="only_fee_left"):
        service.accept(row.id, gifts.head, "Words.")
    db.session.rollback()
    gifts.news(service.refuse(row.id, gifts.manager, "other", ""), "succeeded")
    assert (gifts.row(row.id).state, figures(pool).available) == ("refunded", 70_00)


@pytest.mark.parametrize("refund_ends", ["failed", "succeeded"])
def test_a_dispute_while_a_refusal_is_under_way(gifts: Gifts, pool: uuid.UUID, refund_ends: str) -> None:
    spare(pool, 100_00)
    row = gifts.held()
    refund_id = service.refuse(row.id, gifts.manager, "purpose", "")
    name = gifts.dispute(row, fee_minor=0)
    assert (gifts.row(row.id).state, figures(pool).shortfall) == ("disputed", 1_000_00)
    gifts.news(refund_id, refund_ends)
    assert faults() == []
    if refund_ends == "failed":  # it is paid back once, by the bank: the money that had been set aside makes it good
        assert (figures(pool).shortfall, figures(pool).fees) == (0, 30_00)
    else:
        assert (figures(pool).shortfall, figures(pool).fees) == (1_000_00, 30_00)
    gifts.dispute(row, status="won", name=name, fee_minor=0, reinstated_minor=1_000_00)
    assert figures(pool).shortfall == 0
    row = gifts.row(row.id)
    assert row.state == ("refund_due" if refund_ends == "failed" else "refunded")
    if refund_ends == "failed":
        gifts.news(service.send_again(row.id, gifts.manager), "succeeded")


def test_a_dispute_of_a_refunded_payment_is_a_loss_and_no_second_return(gifts: Gifts, pool: uuid.UUID) -> None:
    spare(pool, 100_00)
    row = gifts.accepted()
    gifts.refund(row, 1_000_00)
    name = gifts.dispute(row)
    row = gifts.row(row.id)
    assert (row.state, row.back_minor, figures(pool).shortfall) == ("refunded", 1_000_00, 1_000_00)
    assert gifts.pledge_of(row).returned_minor == 1_000_00
    gifts.dispute(row, status="won", name=name, reinstated_minor=1_000_00)
    assert (gifts.row(row.id).state, figures(pool).shortfall) == ("refunded", 0)
    assert papers(row) == [("receipt", 1_000_00), ("credit_note", 1_000_00)]


def test_a_dispute_in_euros_takes_and_gives_at_other_rates(gifts: Gifts, pool: uuid.UUID) -> None:
    rates()
    spare(pool, 500_00)
    row = gifts.held(Money(920_00, "EUR"), 30_00, 970_00)
    name = gifts.dispute(row, taken_minor=980_00, fee_minor=0)
    # all of it is gone for 20 dollars less than it had brought: nobody is owed them
    assert (figures(pool).exchange, figures(pool).fees) == (20_00, 30_00)
    gifts.dispute(row, status="won", name=name, taken_minor=980_00, fee_minor=0, reinstated_minor=990_00)
    assert (figures(pool).exchange, figures(pool).fees) == (30_00, 0)
    row = gifts.accept(row)
    assert papers(row) == [("receipt", 920_00)]


def test_a_dispute_of_nobody_and_in_another_currency(gifts: Gifts) -> None:
    from sponsorship.contributions import inbox
    from sponsorship.gateways.inbox import TryLater
    from sponsorship.gateways.stripe_facts import DisputeFacts

    row = gifts.accepted()
    facts = DisputeFacts("du_1", "needs_response", "general", Money(1, "EUR"), row.stripe_payment_intent_id, None)
    assert service.settle_dispute(facts, STRIPE).problem == "currency_differs"
    with pytest.raises(TryLater, match="unknown_dispute"):
        inbox._apply_dispute(DisputeFacts("du_1", "lost", "general", usd(1), None, None), STRIPE)
    assert db.session.query(Dispute).count() == 0
