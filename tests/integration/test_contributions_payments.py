"""Money in, command by command: what Stripe says is applied once, to the cent, and dying anywhere loses nothing."""

from __future__ import annotations

import threading
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from core import clock, verify
from core.actor import PUBLIC, Actor, person, system
from core.db import db
from core.errors import IllegalMove, NotAllowed, NotFound, RuleBroken, Stale
from core.money import Money, usd
from core.outbox import OutboxMail
from sponsorship.contributions import checkout, jobs, money_in, payments, service
from sponsorship.contributions.back_models import Receipt, Refund
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.gateways import inbox
from sponsorship.gateways.models import StripeEvent
from sponsorship.gateways.stripe_facts import RefundFacts, SessionFacts
from sponsorship.gateways.stripe_gateway import GatewayError
from sponsorship.ledger import service as ledger
from sponsorship.ledger.queries import fund_figures, pool_figures
from tests.support.stripe import event

STRIPE = system("stripe-inbox")
FEE = 755


class FakeGateway:
    """Answers from memory what the tests arrange; the real adapter is tried against the simulator."""

    livemode = False

    def __init__(self) -> None:
        self.sessions: dict[str, SessionFacts] = {}
        self.by_key: dict[str, SessionFacts] = {}
        self.refunds: dict[str, RefundFacts] = {}
        self.fail: GatewayError | None = None
        self.calls: list[str] = []

    def _called(self, name: str) -> None:
        assert not db.session().in_transaction(), "a provider was called inside a transaction"
        self.calls.append(name)
        if self.fail:
            raise self.fail

    def create_checkout(self, wanted: Any) -> SessionFacts:
        self._called("create_checkout")
        if wanted.key not in self.by_key:
            n = f"cs_test_{wanted.contribution_id}"
            self.by_key[wanted.key] = self.sessions[n] = SessionFacts(
                n, False, "open", "unpaid", wanted.amount, wanted.contribution_id,
                {"placard_contribution": wanted.contribution_id}, f"https://checkout.test/{n}", wanted.expires_at,
            )
        return self.by_key[wanted.key]

    def fetch_session(self, session_id: str) -> SessionFacts:
        self._called("fetch_session")
        return self.sessions[session_id]

    def expire_checkout(self, session_id: str) -> SessionFacts:
        self._called("expire_checkout")
        if self.sessions[session_id].status != "open":
            raise GatewayError("InvalidRequestError", refused=True)
        self.sessions[session_id] = replace(self.sessions[session_id], status="expired", url=None)
        return self.sessions[session_id]

    def pay(self, session_id: str, fee: int = FEE) -> SessionFacts:
        facts = self.sessions[session_id]
        assert facts.amount is not None
        self.sessions[session_id] = replace(
            facts, status="complete", payment_status="paid", url=None, payment_intent_id=f"pi_{session_id}",
            charge_id=f"ch_{session_id}", fee=usd(fee), net=usd(facts.amount.minor - fee),
        )
        return self.sessions[session_id]

    def create_refund(self, payment_intent_id: str, amount: Money, *, key: str, reference: str) -> RefundFacts:
        self._called("create_refund")
        if key not in self.refunds:
            self.refunds[key] = RefundFacts(f"re_{key}", "succeeded", amount, payment_intent_id,
                                            {"placard_refund": key}, settled=amount)
        return self.refunds[key]

    def fetch_refund(self, refund_id: str) -> RefundFacts:
        self._called("fetch_refund")
        return next(r for r in self.refunds.values() if r.refund_id == refund_id)

    def find_refund(self, payment_intent_id: str, key: str) -> RefundFacts | None:
        self._called("find_refund")
        return self.refunds.get(key)


@pytest.fixture
def gateway(app: Any, monkeypatch: pytest.MonkeyPatch) -> FakeGateway:
    made = FakeGateway()
    monkeypatch.setitem(app.extensions, "placard_stripe", made)
    return made


@pytest.fixture
def pool(app: Any) -> uuid.UUID:
    return ledger.open_pool("general", "Unearmarked money")


def named_pledge(amount: int = 25_000_00, **values: Any) -> service.PledgeMade:
    return service.make_pledge(
        service.PledgeDraft(uuid.uuid4().hex, amount, donor_name="Ada Foundation", donor_email="ada@donor.example",
                            **values), PUBLIC)


def state_pledge(make: Any, pool_id: uuid.UUID, amount: int = 100_000_00, rate: int = 700) -> tuple[Any, Actor]:
    """A pledge of State XC under an agreement of 7 % into `pool_id`."""
    state = make.state("XC")
    service.record_agreement(
        service.AgreementTerms(state, "NV/2026/17", clock.today() - timedelta(days=30), rate, None, pool_id),
        make.actor("fund_manager"))
    donor = make.actor("donor", organisation=state)
    return service.make_pledge(service.PledgeDraft(uuid.uuid4().hex, amount, organisation_id=state), donor), donor


def begin(gateway: FakeGateway, made: service.PledgeMade, actor: Actor = PUBLIC) -> Contribution:
    service.begin_checkout(gateway, made.id, actor, token=made.token, success_url="http://x/s",  # type: ignore[arg-type]
                           cancel_url="http://x/c")
    return only(Contribution, pledge_id=made.id, state="checkout")


def only(model: Any, **values: Any) -> Any:
    db.session.expire_all()
    return db.session.query(model).filter_by(**values).one()


def settle(facts: SessionFacts) -> payments.Settled:
    return service.settle_session(facts, STRIPE, False)


def checked(make: Any, pledge_id: uuid.UUID, outcome: str = "clear") -> None:
    """Somebody has checked the donor."""
    service.record_check(pledge_id, outcome, "Register of companies; Consolidated List.", make.actor("fund_manager"))


def no_faults() -> None:
    db.session.commit()
    wanted = ("contributions.", "ledger.", "gateways.")
    found = [f for finding in verify.run_all() if finding.name.startswith(wanted) for f in finding.faults]
    assert found == []


# --- receiving --------------------------------------------------------------------------------------------------
def test_state_under_agreement_pays_into_its_pool(gateway: FakeGateway, make: Any, pool: uuid.UUID) -> None:
    made, donor = state_pledge(make, pool)
    row = begin(gateway, made, donor)
    assert settle(gateway.pay(row.stripe_session_id, 290_030)).word == "received"
    row = only(Contribution, id=row.id)
    assert (row.state, row.gross_minor, row.fee_minor, row.net_minor) == ("accepted", 10_000_000, 290_030, 9_709_970)
    figures = pool_figures()[0]
    assert (figures.received, figures.fees, figures.available) == (10_000_000, 290_030, 9_709_970)
    assert only(Pledge, id=made.id).state == "paid"
    receipt = only(Receipt, contribution_id=row.id)
    assert receipt.number == f"RCT-{clock.today().year}-0001"
    assert db.session.query(OutboxMail).filter_by(kind="contribution.receipt").count() == 1
    no_faults()


def test_the_agreements_rate_and_end_follow_the_money(gateway: FakeGateway, make: Any, pool: uuid.UUID) -> None:
    from sponsorship.ledger.models import Lot

    made, donor = state_pledge(make, pool, rate=700)
    row = begin(gateway, made, donor)
    settle(gateway.pay(row.stripe_session_id))
    assert only(Lot, source_id=row.id).rate_bp == 700


def test_any_other_payment_waits_and_is_accepted_by_name(gateway: FakeGateway, make: Any, pool: uuid.UUID) -> None:
    head, _manager = make.actor("head_of_fund"), make.actor("fund_manager")
    made = named_pledge()
    row = begin(gateway, made)
    assert settle(gateway.pay(row.stripe_session_id)).word == "held"
    assert only(Contribution, id=row.id).state == "in_suspense"
    assert fund_figures().in_suspense == 25_000_00
    assert fund_figures().available == 0
    assert db.session.query(Receipt).count() == 0
    assert {m.kind for m in db.session.query(OutboxMail)} == {"pledge.made", "contribution.waits",
                                                              "contribution.check"}
    no_faults()
    with pytest.raises(RuleBroken, match="unchecked"):
        service.accept(row.id, head, "Its purpose is the fund’s.")
    checked(make, made.id)
    assert db.session.query(OutboxMail).filter_by(kind="contribution.accept").count() == 1
    service.accept(row.id, head, "Its purpose is the fund’s.", only(Contribution, id=row.id).version)
    assert fund_figures().available == 25_000_00 - FEE
    assert fund_figures().in_suspense == 0
    assert only(Receipt, contribution_id=row.id).usd_minor == 25_000_00
    no_faults()


def test_a_state_whose_agreement_ended_waits_too(gateway: FakeGateway, make: Any, pool: uuid.UUID) -> None:
    state = make.state("XC")
    service.record_agreement(
        service.AgreementTerms(state, "NV/1", clock.today() - timedelta(days=30), 1300, clock.today(), pool),
        make.actor("fund_manager"))
    donor = make.actor("donor", organisation=state)
    made = service.make_pledge(service.PledgeDraft(uuid.uuid4().hex, 50_000, organisation_id=state), donor)
    row = begin(gateway, made, donor)
    with clock.moved_to(clock.now() + timedelta(days=2)):
        assert settle(gateway.pay(row.stripe_session_id)).word == "held"
    no_faults()


def test_a_donor_organisation_waits_even_with_an_agreement(gateway: FakeGateway, make: Any, pool: uuid.UUID) -> None:
    donor_id = make.donor()
    service.record_agreement(
        service.AgreementTerms(donor_id, "L/1", clock.today() - timedelta(days=3), 1300, None, pool),
        make.actor("fund_manager"))
    actor = make.actor("donor", organisation=donor_id)
    made = service.make_pledge(service.PledgeDraft(uuid.uuid4().hex, 50_000, organisation_id=donor_id), actor)
    row = begin(gateway, made, actor)
    assert settle(gateway.pay(row.stripe_session_id)).word == "held"


def test_the_same_news_twenty_times_posts_once(gateway: FakeGateway, make: Any, pool: uuid.UUID) -> None:
    made, donor = state_pledge(make, pool)
    row = begin(gateway, made, donor)
    facts = gateway.pay(row.stripe_session_id)
    words = [settle(facts).word for _ in range(20)]
    assert words == ["received"] + ["known"] * 19
    assert pool_figures()[0].received == 10_000_000
    no_faults()


def test_money_is_recorded_whatever_we_had_given_up(gateway: FakeGateway, make: Any, pool: uuid.UUID) -> None:
    """Paid after we had called the attempt expired, on a pledge cancelled meanwhile: recorded, never credited."""
    made = named_pledge()
    row = begin(gateway, made)
    settle(replace(gateway.sessions[row.stripe_session_id], status="expired"))
    assert only(Contribution, id=row.id).state == "expired"
    service.cancel_pledge(made.id, make.actor("fund_manager"), "The donor wrote that it will not be paid.")
    assert settle(gateway.pay(row.stripe_session_id)).word == "held"
    pledge = only(Pledge, id=made.id)  # what has ended stays ended; the money is there all the same
    assert (pledge.state, pledge.paid_minor) == ("cancelled", 25_000_00)
    no_faults()


def test_news_of_an_attempt_whose_session_we_never_stored(gateway: FakeGateway, pool: uuid.UUID) -> None:
    """Killed between Stripe's answer and our second command: the session's own marks lead back to us."""
    made = named_pledge()
    attempt = service.start_payment(made.id, PUBLIC, made.token)
    wanted = checkout.CheckoutRequest(attempt.key, str(attempt.contribution_id), attempt.reference, attempt.amount,
                                      "x", "http://x", "http://x", attempt.expires_at)
    gateway.create_checkout(wanted)
    facts = gateway.pay(f"cs_test_{attempt.contribution_id}")
    assert settle(facts).word == "held"
    assert only(Contribution, id=attempt.contribution_id).stripe_session_id == facts.session_id
    no_faults()


@pytest.mark.parametrize(("change", "problem"), [
    ({"amount": usd(24_999_99)}, "amount_differs"),
    ({"amount": usd(25_000_01)}, "amount_differs"),
    ({"amount": Money(25_000_00, "EUR")}, "currency_differs"),
    ({"amount": None}, "currency_differs"),
    ({"fee": Money(FEE, "EUR")}, "settled_in_other_currency"),
    ({"fee": usd(FEE + 1)}, "fee_differs"),
    ({"fee": usd(25_000_00), "net": usd(0)}, "fee_differs"),
    ({"livemode": True}, "other_mode"),
    ({"metadata": {}}, "foreign_metadata"),
    ({"metadata": {"placard_contribution": str(uuid.uuid4())}}, "foreign_metadata"),
    ({"client_reference_id": "another"}, "foreign_metadata"),
    ({"session_id": "cs_test_other"}, "another_session"),
])
def test_what_differs_is_for_a_person_and_never_credited(
    gateway: FakeGateway, pool: uuid.UUID, change: dict[str, Any], problem: str
) -> None:
    made = named_pledge()
    row = begin(gateway, made)
    facts = replace(gateway.pay(row.stripe_session_id), **change)
    assert settle(facts).problem == problem
    assert only(Contribution, id=row.id).state == "checkout"
    assert fund_figures().in_suspense == 0
    no_faults()


def test_a_session_of_nobody(gateway: FakeGateway, pool: uuid.UUID) -> None:
    facts = SessionFacts("cs_x", False, "complete", "paid", usd(100), "garbage", {})
    assert settle(facts).problem == "unknown_session"


def test_a_charge_not_booked_yet_is_asked_about_again(gateway: FakeGateway, pool: uuid.UUID) -> None:
    row = begin(gateway, named_pledge())
    assert settle(replace(gateway.pay(row.stripe_session_id), fee=None, net=None)).waiting
    assert only(Contribution, id=row.id).state == "checkout"


def test_a_payment_used_for_another_contribution(gateway: FakeGateway, pool: uuid.UUID) -> None:
    first, second = begin(gateway, named_pledge()), begin(gateway, named_pledge())
    settle(gateway.pay(first.stripe_session_id))
    stolen = replace(gateway.pay(second.stripe_session_id), payment_intent_id=f"pi_{first.stripe_session_id}")
    assert settle(stolen).problem == "payment_used_twice"


def test_reverse_order_expired_after_paid_changes_nothing(gateway: FakeGateway, pool: uuid.UUID) -> None:
    row = begin(gateway, named_pledge())
    facts = gateway.pay(row.stripe_session_id)
    settle(facts)
    assert settle(replace(facts, status="expired", payment_status="unpaid")).word == "not paid"
    assert only(Contribution, id=row.id).state == "in_suspense"


@pytest.mark.real_database
def test_twenty_copies_read_at_once_post_once(
    app: Any, gateway: FakeGateway, make: Any, pool: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty events (twenty ids) about one payment, read by twenty threads at once: one entry, one receipt."""
    made, donor = state_pledge(make, pool)
    row = begin(gateway, made, donor)
    paid = gateway.pay(row.stripe_session_id)
    assert paid.amount is not None
    keys = []
    for _ in range(20):
        one = event("checkout.session.completed", row.stripe_session_id)
        inbox.receive(one, b"{}", False)
        keys.append(only(StripeEvent, event_id=one["id"]).id)
    db.session.remove()
    start, words = threading.Barrier(20), []

    def read(key: uuid.UUID) -> None:
        with app.app_context():
            start.wait()
            try:
                words.append(inbox.perform(key, clock.now()))
            finally:
                db.session.remove()

    threads = [threading.Thread(target=read, args=(key,)) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert words == ["settle"] * 20
    assert pool_figures()[0].received == 10_000_000
    assert db.session.query(Receipt).count() == 1
    no_faults()


# --- attempts ---------------------------------------------------------------------------------------------------
def test_one_live_attempt_resumed_not_doubled(gateway: FakeGateway, pool: uuid.UUID) -> None:
    made = named_pledge()
    urls = {begin(gateway, made).checkout_url for _ in range(5)}
    assert len(urls) == 1
    assert gateway.calls == ["create_checkout"]


def test_after_expiry_a_new_attempt_with_a_key_of_its_own(gateway: FakeGateway, pool: uuid.UUID) -> None:
    made = named_pledge()
    first = begin(gateway, made)
    settle(replace(gateway.sessions[first.stripe_session_id], status="expired"))
    second = begin(gateway, made)
    assert second.attempt == 2
    assert second.idempotency_key != first.idempotency_key


def test_a_page_about_to_close_is_asked_about_before_another_opens(gateway: FakeGateway, pool: uuid.UUID) -> None:
    made = named_pledge()
    first = begin(gateway, made)
    db.session.execute(sa.update(Contribution).values(expires_at=clock.real_now() - timedelta(seconds=5)))
    db.session.commit()
    gateway.pay(first.stripe_session_id)  # paid in the last second: the donor must not pay twice
    with pytest.raises(RuleBroken) as refused:
        begin(gateway, made)
    assert refused.value.code == "contribution.paid_meanwhile"
    with pytest.raises(RuleBroken) as refused:
        begin(gateway, made)
    assert refused.value.code == "contribution.not_payable"
    assert only(Contribution, id=first.id).state == "in_suspense"


@pytest.mark.parametrize("refused", [True, False])
def test_stripe_does_not_answer(gateway: FakeGateway, pool: uuid.UUID, refused: bool) -> None:
    made = named_pledge()
    gateway.fail = GatewayError("api_error", refused=refused)
    with pytest.raises(RuleBroken) as error:
        begin(gateway, made)
    assert error.value.code == checkout.NO_PAYMENT_PAGE
    assert only(Contribution, pledge_id=made.id).state == "failed"
    gateway.fail = None
    assert begin(gateway, made).attempt == 2


def test_nobody_pays_anothers_pledge(gateway: FakeGateway, make: Any, pool: uuid.UUID) -> None:
    made, _donor = state_pledge(make, pool)
    named = named_pledge()
    stranger = make.actor("donor", organisation=make.state("XB"))
    for pledge_id, actor, token in ((made.id, stranger, None), (made.id, PUBLIC, None), (named.id, PUBLIC, None),
                                    (named.id, PUBLIC, "x" * 43), (named.id, stranger, "é"),
                                    (made.id, PUBLIC, named.token)):
        with pytest.raises(NotFound):
            service.start_payment(pledge_id, actor, token)


def test_too_large_for_a_card(gateway: FakeGateway, pool: uuid.UUID) -> None:
    with pytest.raises(RuleBroken) as error:
        begin(gateway, named_pledge(1_000_000_00))
    assert error.value.code == "contribution.too_large_for_card"


# --- dying between two steps ------------------------------------------------------------------------------------
class Killed(BaseException):
    """Stands for a process that ends here."""




def sweep(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Both sweeps, as if eleven minutes had passed."""
    words = []
    later = clock.real_now() + timedelta(minutes=11)
    with monkeypatch.context() as patch:
        patch.setattr(clock, "real_now", lambda: later)
        for job in jobs.JOBS:
            for item, _due, _word in job.due(clock.now(), 100):
                db.session.rollback()
                words.append(job.perform(item, clock.now()))
    db.session.rollback()
    return words


def test_killed_before_stripe_was_asked(
    gateway: FakeGateway, pool: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = named_pledge()
    service.start_payment(made.id, PUBLIC, made.token)
    assert sweep(monkeypatch) == ["given up"]
    assert begin(gateway, made).attempt == 2


def test_killed_before_the_answer_was_stored_and_tried_again(
    gateway: FakeGateway, pool: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = named_pledge()
    with monkeypatch.context() as patch:
        patch.setattr(payments, "checkout_opened", _die)
        with pytest.raises(Killed):
            begin(gateway, made)
    db.session.rollback()
    row = begin(gateway, made)  # the same key: the same session
    assert row.attempt == 1
    assert len(gateway.sessions) == 1


def test_lost_webhook_found_by_the_sweep(
    gateway: FakeGateway, pool: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = begin(gateway, named_pledge())
    gateway.pay(row.stripe_session_id)
    assert sweep(monkeypatch) == ["held"]
    assert only(Contribution, id=row.id).state == "in_suspense"
    assert sweep(monkeypatch) == []
    no_faults()


def test_a_difference_found_by_the_sweep_is_put_before_a_person(
    gateway: FakeGateway, make: Any, pool: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = begin(gateway, named_pledge())
    paid = gateway.pay(row.stripe_session_id)
    gateway.sessions[row.stripe_session_id] = replace(paid, amount=usd(1))
    assert sweep(monkeypatch) == ["amount_differs"]
    event = only(StripeEvent, object_id=row.stripe_session_id)
    assert (event.state, event.note) == ("unmatched", "amount_differs")
    sweep(monkeypatch)
    assert db.session.query(StripeEvent).count() == 1


def test_a_session_that_stripe_no_longer_knows_is_given_up_once_it_has_run_out(
    gateway: FakeGateway, pool: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = begin(gateway, named_pledge())
    gateway.fail = GatewayError("resource_missing", refused=True)
    with pytest.raises(GatewayError):
        checkout.ask(gateway, row.id)  # type: ignore[arg-type]
    db.session.execute(sa.update(Contribution).values(expires_at=clock.real_now() - timedelta(seconds=5)))
    db.session.commit()
    assert checkout.ask(gateway, row.id) == "given up"  # type: ignore[arg-type]
    assert only(Contribution, id=row.id).state == "failed"


@pytest.mark.parametrize("place", ["receive_in_suspense", "waits"])
def test_killed_while_recording_leaves_nothing_then_everything(
    gateway: FakeGateway, pool: uuid.UUID, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    row = begin(gateway, named_pledge())
    facts = gateway.pay(row.stripe_session_id)
    with monkeypatch.context() as patch:
        if place == "receive_in_suspense":
            patch.setattr(ledger, "receive_in_suspense", _die)
        else:
            patch.setattr(money_in.notices, "payment_waits", _die)
        with pytest.raises(Killed):
            settle(facts)
    db.session.rollback()
    assert only(Contribution, id=row.id).state == "checkout"
    assert fund_figures().in_suspense == 0
    assert settle(facts).word == "held"
    no_faults()


def _die(*_args: Any, **_kwargs: Any) -> Any:
    raise Killed()


# --- refusing ---------------------------------------------------------------------------------------------------
@pytest.fixture
def held(gateway: FakeGateway, pool: uuid.UUID) -> Contribution:
    row = begin(gateway, named_pledge())
    settle(gateway.pay(row.stripe_session_id))
    return only(Contribution, id=row.id)  # type: ignore[no-any-return]


def test_refused_money_goes_back_in_full(gateway: FakeGateway, make: Any, held: Contribution) -> None:
    refund_id = service.refuse(held.id, make.actor("fund_manager"), "due_diligence", "See the file.", held.version)
    assert only(Contribution, id=held.id).state == "refund_due"
    no_faults()
    assert service.send_refund(gateway, refund_id) == "succeeded"  # type: ignore[arg-type]
    assert only(Contribution, id=held.id).state == "refunded"
    assert only(Pledge, id=held.pledge_id).state == "returned"
    assert fund_figures().in_suspense == 0
    no_faults()


@pytest.mark.parametrize("killed_in", ["call", "after"])
def test_killed_around_the_refund_sends_it_once(
    gateway: FakeGateway, make: Any, held: Contribution, monkeypatch: pytest.MonkeyPatch, killed_in: str
) -> None:
    refund_id = service.refuse(held.id, make.actor("fund_manager"), "purpose", "", held.version)
    with monkeypatch.context() as patch:
        if killed_in == "call":
            patch.setattr(gateway, "create_refund", _die)
        else:
            patch.setattr(checkout.refund_settling, "settle_refund", _die)
        with pytest.raises(Killed):
            service.send_refund(gateway, refund_id)  # type: ignore[arg-type]
    db.session.rollback()
    assert sweep(monkeypatch) == ["succeeded"]
    assert len(gateway.refunds) == 1
    no_faults()


def test_a_refund_forgotten_for_a_day_is_looked_for_before_it_is_sent(
    gateway: FakeGateway, make: Any, held: Contribution, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.refuse(held.id, make.actor("fund_manager"), "purpose", "", held.version)
    tomorrow = clock.real_now() + timedelta(days=2)
    with monkeypatch.context() as patch:
        patch.setattr(clock, "real_now", lambda: tomorrow)
        ((item, _due, _word),) = jobs.refunds_due(clock.now(), 10)
        db.session.rollback()
        assert service.send_refund(gateway, item) == "succeeded"  # type: ignore[arg-type]
    assert gateway.calls[-2:] == ["find_refund", "create_refund"]


def test_a_refund_that_is_pending_then_fails_is_sent_again(
    gateway: FakeGateway, make: Any, held: Contribution, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = make.actor("fund_manager")
    refund_id = service.refuse(held.id, manager, "purpose", "", held.version)
    order = only(Refund, id=refund_id)
    key = order.idempotency_key
    gateway.refunds[key] = RefundFacts("re_1", "pending", usd(order.amount_minor), "pi", {"placard_refund": key},
                                       settled=usd(order.amount_minor))
    assert service.send_refund(gateway, refund_id) == "pending"  # type: ignore[arg-type]
    with pytest.raises(IllegalMove):
        service.send_again(held.id, manager)
    gateway.refunds[key] = replace(gateway.refunds[key], status="failed")
    assert sweep(monkeypatch) == ["failed"]
    assert db.session.query(OutboxMail).filter_by(kind="contribution.refund-failed").count() == 1
    again = service.send_again(held.id, manager)
    assert service.send_refund(gateway, again) == "succeeded"  # type: ignore[arg-type]
    assert only(Contribution, id=held.id).state == "refunded"
    no_faults()


def test_a_refund_that_comes_back_after_it_had_succeeded(gateway: FakeGateway, make: Any, held: Contribution) -> None:
    manager = make.actor("fund_manager")
    refund_id = service.refuse(held.id, manager, "purpose", "", held.version)
    service.send_refund(gateway, refund_id)  # type: ignore[arg-type]
    facts = next(iter(gateway.refunds.values()))
    for _ in range(3):
        assert service.settle_refund(replace(facts, status="failed"), STRIPE).problem == ""
    assert only(Contribution, id=held.id).state == "refund_due"
    assert only(Pledge, id=held.pledge_id).state == "paid"
    assert fund_figures().in_suspense == held.gross_minor
    no_faults()
    again = service.send_again(held.id, manager)
    service.send_refund(gateway, again)  # type: ignore[arg-type]
    assert fund_figures().in_suspense == 0
    assert only(Contribution, id=held.id).state == "refunded"
    no_faults()


def test_refund_facts_that_differ_write_nothing(gateway: FakeGateway, make: Any, held: Contribution) -> None:
    refund_id = service.refuse(held.id, make.actor("fund_manager"), "purpose", "", held.version)
    key = only(Refund, id=refund_id).idempotency_key
    facts = RefundFacts("re_1", "succeeded", usd(held.gross_minor - 1), "pi", {"placard_refund": key})
    assert service.settle_refund(facts, STRIPE).problem == "amount_differs"
    assert service.settle_refund(replace(facts, metadata={}), STRIPE).problem == "unknown_refund"
    assert only(Refund, id=refund_id).state == "created"


# --- who may ----------------------------------------------------------------------------------------------------
def test_only_the_head_of_the_fund_accepts(make: Any, held: Contribution) -> None:
    for actor in (make.actor("fund_manager"), make.actor("auditor"), make.actor("donor"), STRIPE):
        with pytest.raises(NotAllowed):
            service.accept(held.id, actor, "Checked.")
    with pytest.raises(RuleBroken):
        service.accept(held.id, make.actor("head_of_fund"), "  ")
    with pytest.raises(Stale):
        service.accept(held.id, make.actor("head_of_fund"), "Checked.", held.version - 1)
    db.session.rollback()
    assert only(Contribution, id=held.id).state == "in_suspense"


def test_the_donor_is_checked_by_somebody_else_and_clear(make: Any, held: Contribution) -> None:
    both = make.person("head_of_fund", "fund_manager")
    head = make.actor("head_of_fund")
    service.record_check(held.pledge_id, "clear", "A register.", person(both.id))
    with pytest.raises(RuleBroken, match="same_person"):
        service.accept(held.id, person(both.id), "Checked.")
    checked(make, held.pledge_id, "not_clear")
    with pytest.raises(RuleBroken, match="not_clear"):
        service.accept(held.id, head, "Checked.")
    checked(make, held.pledge_id)
    with clock.moved_to(clock.now() + timedelta(days=400)), pytest.raises(RuleBroken, match="unchecked"):
        service.accept(held.id, head, "Checked.")
    service.accept(held.id, head, "Checked.")


def test_accepted_money_is_not_refused_and_refused_money_not_accepted(
    gateway: FakeGateway, make: Any, held: Contribution
) -> None:
    head = make.actor("head_of_fund")
    checked(make, held.pledge_id)
    service.accept(held.id, head, "Checked.")
    with pytest.raises(IllegalMove):
        service.refuse(held.id, head, "purpose", "")
    with pytest.raises(IllegalMove):
        service.accept(held.id, head, "Checked.")
    no_faults()


def test_receipts_are_numbered_without_gaps(gateway: FakeGateway, make: Any, pool: uuid.UUID) -> None:
    head, numbers = make.actor("head_of_fund"), []
    for n in range(4):
        row = begin(gateway, named_pledge())
        settle(gateway.pay(row.stripe_session_id))
        checked(make, row.pledge_id)
        if n == 1:
            with pytest.raises(NotAllowed):
                service.accept(row.id, make.actor("fund_manager"), "Checked.")
        service.accept(row.id, head, "Checked.")
        numbers.append(only(Receipt, contribution_id=row.id).sequence)
    assert numbers == [1, 2, 3, 4]
    no_faults()
