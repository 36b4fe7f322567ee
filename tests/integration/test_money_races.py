"""Races on money at the level of people's commands. On PostgreSQL each is first shown to be real, with the guard off;
SQLite has one writer, so there the same crowd shows that nothing breaks."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from core import clock, verify
from core.actor import PUBLIC, Actor, person, system
from core.db import db, get
from sponsorship.awards import service as awards
from sponsorship.awards.models import Award
from sponsorship.contributions import checkout, money_in, payments, service
from sponsorship.contributions.back_models import Refund
from sponsorship.contributions.models import Contribution
from sponsorship.gateways import inbox
from sponsorship.gateways.models import StripeEvent
from sponsorship.ledger import costs, reservations
from sponsorship.ledger import service as ledger
from sponsorship.ledger.posting import NotEnoughMoney
from sponsorship.ledger.queries import fund_figures, pool_figures
from tests.support.award_story import AwardStory
from tests.support.crowd import Meeting, at_once
from tests.support.soak import count
from tests.support.stripe import event, post_event
from tests.support.stripe_memory import MemoryStripe

pytestmark = [pytest.mark.real_database, pytest.mark.timeout(900)]
TESTS = system("tests")
COST = AwardStory.ticket + AwardStory.dsa + AwardStory.terminal
EACH = COST + COST * 1300 // 10_000
TIMES = range(count("RACES", 1))


def postgresql() -> bool:
    return db.engine.dialect.name == "postgresql"


def faults() -> list[str]:
    db.session.rollback()
    wanted = ("contributions.", "ledger.", "gateways.", "awards.")
    found = [f for c in verify.run_all() if c.name.startswith(wanted) for f in c.faults]
    db.session.rollback()
    return found


def drop(*statements: str) -> None:
    """Take guards out of the database of this test."""
    db.session.rollback()
    with db.engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


NO_OVERDRAFT = ("ALTER TABLE account DROP CONSTRAINT ck_account_no_overdraft",
                "ALTER TABLE lot DROP CONSTRAINT ck_lot_not_overdrawn")


def without_locks(patch: pytest.MonkeyPatch, size: int) -> None:
    """Free money is read without locks, and the first `size` readers have all read before any of them writes."""
    meeting = Meeting(size)

    def unlocked(ids: Any) -> dict[uuid.UUID, int]:
        found = dict.fromkeys(ids, 0)
        meeting.wait()
        return found

    patch.setattr(reservations, "lock_accounts", unlocked)
    patch.setattr(costs, "lock_accounts", unlocked)


# --- obligations --------------------------------------------------------------------------------------------------
@pytest.fixture
def fifty(app: Any, make: Any) -> list[tuple[uuid.UUID, int, Actor]]:
    """Awards of five calls, decided; money for ten and a half, in lots that do not match them."""
    found = []
    for _ in range(5):
        story = AwardStory(make, states=5, recommended=5, nominees=2, money=0)
        found += [(key, story.award(key).version, story.officer("certifying_officer")) for key in story.decide()]
    for part in (3, 2, 4, 1):
        ledger.receive(story.pool_id, ledger.Intake(EACH * 105 * part // 100), source=("test", uuid.uuid4()),
                       key=uuid.uuid4().hex, actor=TESTS)
    db.session.commit()
    return found


def certify(app: Any, obligations: list[tuple[uuid.UUID, int, Actor]]) -> list[Any]:
    return at_once(app, [lambda key=key, version=version, who=who: awards.certify(key, who, version) or "certified"
                         for key, version, who in obligations])


def test_fifty_obligations_on_money_for_ten(app: Any, fifty: Any) -> None:
    results = certify(app, fifty)
    assert Counter(r if isinstance(r, str) else type(r).__name__ for r in results) == {
        "certified": 10, "NotEnoughMoney": 40}
    assert db.session.query(Award).filter_by(state="certified").count() == 10
    assert 0 <= pool_figures()[0].available < EACH
    assert faults() == []


def test_fifty_obligations_with_the_guards_off(app: Any, fifty: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    if not postgresql():
        return  # BEGIN IMMEDIATE lets one writer in: there is no race to show
    drop(*NO_OVERDRAFT)
    with monkeypatch.context() as patch:
        patch.setattr(awards, "lock", lambda model, key: get(model, key))
        without_locks(patch, 11)
        results = certify(app, fifty)
    assert results.count("certified") > 10
    assert pool_figures()[0].available < 0
    assert any("overdrawn" in fault for fault in faults())


def test_the_database_refuses_obligations_even_when_every_lock_is_forgotten(
    app: Any, fifty: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not postgresql():
        return
    with monkeypatch.context() as patch:
        patch.setattr(awards, "lock", lambda model, key: get(model, key))
        without_locks(patch, 11)
        results = certify(app, fifty)
    assert results.count("certified") <= 10
    assert pool_figures()[0].available >= 0
    assert faults() == []


# --- one webhook, many times --------------------------------------------------------------------------------------
@pytest.fixture
def stripe(app: Any, monkeypatch: pytest.MonkeyPatch) -> MemoryStripe:
    made = MemoryStripe()
    made.verify_event = app.extensions["placard_stripe"].verify_event  # type: ignore[attr-defined]
    monkeypatch.setitem(app.extensions, "placard_stripe", made)
    return made


@pytest.fixture
def general(app: Any) -> uuid.UUID:
    return ledger.open_pool("general", "Unearmarked money")


@pytest.fixture
def giver(make: Any, general: uuid.UUID) -> Callable[[int], tuple[uuid.UUID, Actor]]:
    """Makes a pledge of a State under an agreement."""
    state = make.state("XC")
    donor = person(make.person("donor", organisation=state).id)
    service.record_agreement(service.AgreementTerms(state, "NV/1", clock.today(), 1300, None, general),
                             make.actor("fund_manager"))

    def pledge(amount: int) -> tuple[uuid.UUID, Actor]:
        made = service.make_pledge(service.PledgeDraft(uuid.uuid4().hex, amount, organisation_id=state), donor)
        return made.id, donor

    return pledge


def paid(stripe: MemoryStripe, pledge: tuple[uuid.UUID, Actor], token: str | None = None) -> str:
    """A session that its payer has paid, and that nobody here has heard of."""
    service.begin_checkout(stripe, pledge[0], pledge[1], token=token,  # type: ignore[arg-type]
                           success_url="http://x/s", cancel_url="http://x/c")
    session = db.session.query(Contribution.stripe_session_id).filter_by(pledge_id=pledge[0]).scalar()
    stripe.pay(session, 0)
    db.session.rollback()
    return str(session)


def test_twenty_copies_of_one_webhook(app: Any, stripe: MemoryStripe, giver: Any) -> None:
    session = paid(stripe, giver(100_000))
    body = json.dumps(event("checkout.session.completed", session)).encode()
    answers = at_once(app, [lambda: post_event(app.test_client(), app, body).text for _ in range(20)])
    assert Counter(answers) == {"stored": 1, "known": 19}
    key = db.session.query(StripeEvent.id).scalar()
    words = at_once(app, [lambda: inbox.perform(key, clock.now()) for _ in range(20)])
    assert Counter(words) == {"settle": 1, "not new": 19}
    assert (pool_figures()[0].received, pool_figures()[0].available) == (100_000, 100_000)
    assert faults() == []


def test_copies_of_one_webhook_with_the_guard_off(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking first and writing then is not enough: without the unique id an event is stored more than once."""
    if not postgresql():
        return
    drop("ALTER TABLE stripe_event DROP CONSTRAINT uq_stripe_event_event_id")
    meeting = Meeting(2)

    def look_then_write(values: dict[str, Any]) -> bool:
        if db.session.query(StripeEvent.id).filter_by(event_id=values["event_id"]).first():
            return False
        meeting.wait()
        db.session.execute(sa.insert(StripeEvent).values(values))
        return True

    monkeypatch.setattr(inbox, "_insert_once", look_then_write)
    content = event("checkout.session.completed", "cs_1")
    at_once(app, [lambda: inbox.receive(content, b"{}", False) for _ in range(20)])
    assert db.session.query(StripeEvent).count() > 1


def heard(stripe: MemoryStripe, session: str, copies: int) -> list[uuid.UUID]:
    """So many events of different ids about one payment."""
    found = []
    for _ in range(copies):
        content = event("checkout.session.completed", session)
        inbox.receive(content, b"{}", False)
        found.append(db.session.query(StripeEvent.id).filter_by(event_id=content["id"]).scalar())
    db.session.rollback()
    return found


def unlocked_payment(patch: pytest.MonkeyPatch) -> None:
    """Nobody locks, and two have read that nothing has been received before either records it."""
    meeting = Meeting(2)

    def read(key: uuid.UUID) -> Any:
        row = db.session.get_one(Contribution, key)
        pledge = db.session.get_one(payments.Pledge, row.pledge_id)
        meeting.wait()
        return pledge, row

    patch.setattr(payments, "locked", read)


def test_a_payment_is_recorded_once_even_when_the_lock_is_forgotten(
    app: Any, stripe: MemoryStripe, giver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not postgresql():
        return
    keys = heard(stripe, paid(stripe, giver(100_000)), 6)
    with monkeypatch.context() as patch:
        unlocked_payment(patch)
        results = at_once(app, [lambda key=key: inbox.perform(key, clock.now()) for key in keys])
    assert any("what was received stands" in str(r) for r in results), results
    assert pool_figures()[0].received == 100_000
    assert faults() == []


def test_a_payment_is_recorded_twice_with_the_guards_off(
    app: Any, stripe: MemoryStripe, giver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not postgresql():
        return
    drop("DROP TRIGGER contribution_money_stands ON contribution")
    keys = heard(stripe, paid(stripe, giver(100_000)), 6)
    receive = ledger.receive
    with monkeypatch.context() as patch:
        unlocked_payment(patch)
        patch.setattr(money_in, "papers_follow", lambda *args, **named: None)
        patch.setattr(ledger, "receive", lambda pool, intake, *, key, **named: receive(
            pool, intake, key=uuid.uuid4().hex, **named))
        at_once(app, [lambda key=key: inbox.perform(key, clock.now()) for key in keys])
    assert pool_figures()[0].received > 100_000
    assert faults() != []


# --- money going back against money being promised ----------------------------------------------------------------
@pytest.fixture
def torn(make: Any, stripe: MemoryStripe, giver: Any) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """One contribution that carries one journey: the act that sends it back, and the act that promises it."""
    paid_session = paid(stripe, giver(EACH))
    inbox.perform(heard(stripe, paid_session, 1)[0], clock.now())
    row = db.session.query(Contribution).one()
    manager, head = make.actor("fund_manager"), make.actor("head_of_fund")
    refund = service.request_refund(row.id, EACH, manager, "donor_asked", "The donor wrote.", row.version)
    story = AwardStory(make, states=1, recommended=1, money=0)
    award = story.decide()[0]
    version, certifier = story.award(award).version, story.officer("certifying_officer")
    db.session.rollback()
    return (lambda: service.approve_refund(refund, head, 1) or "approved",
            lambda: awards.certify(award, certifier, version) or "certified")


@pytest.mark.parametrize("_n", TIMES)
def test_a_refund_against_an_obligation(app: Any, torn: Any, _n: int) -> None:
    results = at_once(app, torn)
    won = [r for r in results if isinstance(r, str)]
    # a refund that comes second says itself that the money is promised
    lost = [r for r in results if isinstance(r, NotEnoughMoney) or getattr(r, "code", "") == "refund.not_free"]
    assert (len(won), len(lost)) == (1, 1), results
    figures = pool_figures()[0]
    assert (figures.available, figures.refunded + figures.reserved) == (0, EACH)
    assert faults() == []


def test_a_refund_against_an_obligation_with_the_guards_off(
    app: Any, torn: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not postgresql():
        return
    drop(*NO_OVERDRAFT)
    with monkeypatch.context() as patch:
        without_locks(patch, 2)
        results = at_once(app, torn)
    assert sorted(results) == ["approved", "certified"]
    assert pool_figures()[0].available == -EACH
    assert any("overdrawn" in fault for fault in faults())


def test_the_database_refuses_even_when_the_locks_are_forgotten(
    app: Any, torn: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not postgresql():
        return
    with monkeypatch.context() as patch:
        without_locks(patch, 2)
        results = at_once(app, torn)
    assert sum(isinstance(r, str) for r in results) == 1, results
    assert pool_figures()[0].available == 0
    assert faults() == []


@pytest.mark.parametrize("_n", TIMES)
def test_one_refund_is_sent_once_whoever_sends_it(
    app: Any, make: Any, stripe: MemoryStripe, general: uuid.UUID, _n: int
) -> None:
    """The page, the sweep and two workers at once: one refund at Stripe, one in the books."""
    made = service.make_pledge(service.PledgeDraft(uuid.uuid4().hex, 50_000, donor_name="Ada Foundation",
                                                   donor_email="ada@donor.example"), PUBLIC)
    inbox.perform(heard(stripe, paid(stripe, (made.id, PUBLIC), made.token), 1)[0], clock.now())
    row = db.session.query(Contribution).one()
    refund = service.refuse(row.id, make.actor("fund_manager"), "purpose", "", row.version)
    db.session.rollback()
    words = at_once(app, [lambda: checkout.send_refund(stripe, refund) for _ in range(8)])  # type: ignore[arg-type]
    assert set(words) <= {"succeeded", "settled"}, words
    assert (len(stripe.refunds), db.session.query(Refund).one().state) == (1, "succeeded")
    assert fund_figures().in_suspense == 0
    assert faults() == []
