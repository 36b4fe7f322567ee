"""What donors and officers may do, as rules of a state machine: pledges and money coming in. Every command may die at
any of its steps and is then repeated, as people and jobs do."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from sqlalchemy.exc import IntegrityError

from core import clock
from core.db import db
from core.errors import PlacardError, RuleBroken
from core.money import Money
from sponsorship.contributions import checkout, service, transfers
from sponsorship.contributions.models import Contribution
from sponsorship.contributions.models import Pledge as PledgeRow
from sponsorship.contributions.schedules import Part
from sponsorship.gateways import inbox
from sponsorship.gateways.models import StripeEvent
from tests.support.kills import AtCommit, AtStatement, Failpoint, Killed, dying
from tests.support.money_model import Model, Payment, Pledge, Terms
from tests.support.money_world import CURRENCIES, START, WORTH, Donor, World
from tests.support.stripe import event
from tests.support.stripe_memory import MemoryStripe

DEATHS = st.one_of(
    st.none(), st.none(), st.tuples(st.just("statement"), st.integers(1, 50), st.just("before")),
    st.tuples(st.just("commit"), st.integers(1, 2), st.sampled_from(["before", "after"])),
)
LOST = object()  # the answer of a command whose caller died
UNIT = {"USD": 100, "EUR": 100, "JPY": 1, "KWD": 1000}
# about so many minor units for one dollar, so that amounts in every currency are alike
DOLLAR = {"USD": 100, "EUR": 92, "JPY": 150, "KWD": 300}


class MoneyRules(RuleBasedStateMachine):
    """`world` and `connection` are set by the test; every run happens inside a savepoint of its own."""

    world: World
    connection: Any
    app: Any
    steps = 0
    deaths = 0

    def __init__(self) -> None:
        super().__init__()
        self._savepoint = self.connection.begin_nested()
        self._clock = clock.moved_to(START + timedelta(minutes=1))
        self._clock.__enter__()
        self.stripe = MemoryStripe(worth=dict(WORTH))
        self.app.extensions["placard_stripe"] = self.stripe
        self.model = Model(self.world.general, self.world.rates)
        self.terms: dict[str, Terms | None] = {d.code: d.terms for d in self.world.donors}
        self.events: list[tuple[str, str, str]] = []  # type, object, id: not read yet
        self.read: list[tuple[str, str, str]] = []
        self.heard = 0

    # --- dying ------------------------------------------------------------------------------------------------------
    def do(self, data: Any, act: Callable[[], Any]) -> Any:
        """One command of one transaction; it may die, and is then done again. LOST when the first had gone through and
        only its answer was lost: then the second must change nothing."""
        clock.tick(timedelta(seconds=1))
        drawn = data.draw(DEATHS, label="death")
        if drawn is None:
            return act()
        kind, n, when = drawn
        failpoint: Failpoint = AtStatement(n) if kind == "statement" else AtCommit(when)
        try:
            with dying(failpoint):
                return act()
        except Killed:
            MoneyRules.deaths += 1
            db.session.remove()
        if kind == "commit" and when == "after":
            try:
                act()
            except (PlacardError, IntegrityError):
                db.session.rollback()
            return LOST
        self.holds()  # nothing of it is left
        return act()

    def converse(self, data: Any, act: Callable[[], Any]) -> Any:
        """A conversation with Stripe over several transactions; it may die anywhere, and is then begun again."""
        clock.tick(timedelta(seconds=1))
        drawn = data.draw(st.one_of(DEATHS, st.tuples(st.just("call"), st.just(1), st.sampled_from(
            ["before", "after"]))), label="death")
        if drawn is None:
            return act()
        kind, n, when = drawn
        failpoint = {"statement": AtStatement(n), "commit": AtCommit(when, n),
                     "call": Failpoint("call", lambda: self.stripe, "_called", when, n)}[kind]
        try:
            with dying(failpoint):
                return act()
        except Killed:
            MoneyRules.deaths += 1
            db.session.remove()
        return act()

    def holds(self) -> None:
        """The books are the model's: see the test."""

    # --- helpers ----------------------------------------------------------------------------------------------------
    def version(self, model: Any, key: uuid.UUID) -> int:
        db.session.expire_all()
        return int(db.session.get_one(model, key).version)

    def row(self, model: Any, **values: Any) -> Any:
        db.session.expire_all()
        return db.session.query(model).filter_by(**values).order_by(model.id.desc()).first()

    @property
    def open_pledges(self) -> list[Pledge]:
        return [p for p in self.model.pledges if not p.closed and p.outstanding]

    def officer(self, role: str) -> Any:
        return self.world.story.officer(role)

    # --- time and rates ---------------------------------------------------------------------------------------------
    @rule(days=st.integers(1, 9), swing=st.integers(-4, 4))
    def time_passes_and_rates_change(self, days: int, swing: int) -> None:
        clock.tick(timedelta(days=days))
        for currency, worth in WORTH.items():
            self.stripe.worth[currency] = worth * Fraction(100 + swing, 100)
        for pledge in self.model.pledges:
            service.fall_due(pledge.id, clock.now())

    # --- pledges ----------------------------------------------------------------------------------------------------
    @initialize(data=st.data())
    def some_have_given_already(self, data: Any) -> None:
        for n in range(3):
            self._announce(data, self.world.donors[n + 1], "USD" if n < 2 else "EUR", 900_000 + n, None, 1)
            self._pay_by_card(data, self.model.pledges[-1], 1, 30_00)
        while self.events:
            self._read(data, 0)

    @rule(data=st.data(), donor=st.integers(0, 3), currency=st.sampled_from(CURRENCIES),
          dollars=st.integers(50, 9_000), earmark=st.sampled_from([None, "ldc", "women"]), parts=st.integers(1, 3))
    def a_pledge_is_announced(self, data: Any, donor: int, currency: str, dollars: int, earmark: str | None,
                              parts: int) -> None:
        amount = dollars * DOLLAR[currency] + (dollars % 10 if currency != "KWD" else 0)
        self._announce(data, self.world.donors[donor], currency, amount, earmark, parts)

    def _announce(self, data: Any, donor: Donor, currency: str, amount: int, earmark: str | None, parts: int) -> None:
        each = amount // parts // 10 * 10
        sizes = [each] * (parts - 1) + [amount - each * (parts - 1)]
        draft = service.PledgeDraft(
            uuid.uuid4().hex, amount, currency, {"ldc": {"facts": ["ldc"]}, "women": {"sex": ["female"]}}.get(
                earmark or ""), tuple(Part(size, clock.today() + timedelta(days=10 * n + 5)
                                           ) for n, size in enumerate(sizes)),
            donor.organisation, donor_name="A foundation", donor_email="a@foundation.example")
        self.do(data, lambda: service.make_pledge(draft, donor.actor))
        made = service.make_pledge(draft, donor.actor)  # the same draft is the same pledge
        terms = self.terms[donor.code]
        terms = terms if terms is not None and terms.holds(clock.today()) else None
        pool = terms.pool if terms else {"ldc": self.world.ldc, "women": self.world.women}.get(earmark or "")
        self.model.pledges.append(Pledge(made.id, donor.organisation or made.id, currency, amount, amount, pool, terms,
                                         made.token, donor.actor))

    @precondition(lambda self: self.terms["XY"] is None)
    @rule(data=st.data(), women=st.booleans())
    def letters_are_exchanged(self, data: Any, women: bool) -> None:
        pool = self.world.women if women else self.world.general
        donor = self.world.donors[1]
        made = self.do(data, lambda: self.world.exchange_letters(donor, pool, 700))
        if made is LOST:
            from sponsorship.contributions.models import Agreement

            made = Terms(self.row(Agreement, organisation_id=donor.organisation).id, pool, 700, clock.today(), None)
        self.terms["XY"] = made

    @precondition(lambda self: self.terms["XY"] is not None and any(
        p.donor == self.world.donors[1].organisation and p.terms is None for p in self.open_pledges))
    @rule(data=st.data())
    def a_pledge_is_put_under_the_agreement(self, data: Any) -> None:
        pledge = data.draw(st.sampled_from([
            p for p in self.open_pledges if p.donor == self.world.donors[1].organisation and p.terms is None]))
        terms, version = self.terms["XY"], self.version(PledgeRow, pledge.id)
        assert terms is not None
        self.do(data, lambda: service.agree(pledge.id, terms.id, self.world.officer, version))
        pledge.terms, pledge.pool = terms, terms.pool

    @precondition(lambda self: self.open_pledges)
    @rule(data=st.data(), what=st.sampled_from(["reduce", "reduce", "defer", "write_off", "cancel"]),
          part=st.integers(1, 99))
    def a_pledge_changes(self, data: Any, what: str, part: int) -> None:
        pledge = data.draw(st.sampled_from(self.open_pledges))
        version = self.version(PledgeRow, pledge.id)
        to = max(pledge.current * part // 100 // 10 * 10, pledge.paid, 1)
        parts = [Part(pledge.outstanding, clock.today() + timedelta(days=part))]
        head = self.officer("head_of_fund")
        act = {
            "reduce": lambda: service.reduce(pledge.id, to, self.world.officer, "The donor wrote.", version),
            "defer": lambda: service.defer(pledge.id, parts, self.world.officer, "Next year.", version),
            "write_off": lambda: service.write_off(pledge.id, head, "It will not come.", version),
            "cancel": lambda: service.cancel_pledge(pledge.id, self.world.officer, "Made twice.", version),
        }[what]
        busy = self.row(Contribution, pledge_id=pledge.id, state="checkout") is not None
        try:
            self.do(data, act)
        except RuleBroken as refusal:
            db.session.rollback()
            assert busy or (what == "cancel" and pledge.paid) or (what == "reduce" and to >= pledge.current), refusal
            return
        assert not busy
        if what == "reduce":
            pledge.current = to
            if pledge.paid >= to:
                pledge.settled()
        elif what != "defer":
            pledge.closed = "ended"

    # --- payments by card -------------------------------------------------------------------------------------------
    @precondition(lambda self: self.open_pledges)
    @rule(data=st.data(), part=st.sampled_from([1, 1, 2, 3]), fee=st.integers(0, 5_000))
    def a_donor_pays_by_card(self, data: Any, part: int, fee: int) -> None:
        self._pay_by_card(data, data.draw(st.sampled_from(self.open_pledges)), part, fee)

    def _pay_by_card(self, data: Any, pledge: Pledge, part: int, fee: int) -> None:
        amount = max(pledge.outstanding // part // 10 * 10, min(pledge.outstanding, 10))
        before = self.row(Contribution, pledge_id=pledge.id, state="checkout")
        was_open = before.stripe_session_id if before is not None else None
        refused = None
        try:
            self.converse(data, lambda: checkout.begin_checkout(
                self.stripe, pledge.id, pledge.actor, token=pledge.token,  # type: ignore[arg-type]
                success_url="http://x/s", cancel_url="http://x/c", amount_minor=amount))
        except RuleBroken as refusal:  # the page that was open before, for another amount, had been paid
            db.session.rollback()
            assert was_open is not None and self.stripe.sessions[was_open].is_paid, refusal.code
            refused = refusal
        if was_open is not None and self.row(Contribution, stripe_session_id=was_open).received_at is not None:
            self._model_hears("checkout.session.completed", was_open)
        self._hear()
        if refused is not None:
            return
        session = self.row(Contribution, pledge_id=pledge.id, state="checkout").stripe_session_id
        if self.stripe.sessions[session].status == "open":  # else the payer pressed before, and nobody has read it
            if part == 3:
                self.stripe.expire(session)
            else:
                self.stripe.pay(session, fee)
        self._hear()

    def _hear(self) -> None:
        """What happened at Stripe becomes events."""
        for kind, thing in self.stripe.news[self.heard:]:
            self.events.append((kind, thing, event(kind, thing)["id"]))
        self.heard = len(self.stripe.news)

    @precondition(lambda self: self.events)
    @rule(data=st.data(), which=st.integers(0, 5))
    def an_event_is_read(self, data: Any, which: int) -> None:
        self._read(data, which % len(self.events))

    @precondition(lambda self: self.read)
    @rule(data=st.data(), same_id=st.booleans())
    def an_event_comes_again(self, data: Any, same_id: bool) -> None:
        kind, thing, known = data.draw(st.sampled_from(self.read))
        self.events.append((kind, thing, known if same_id else event(kind, thing)["id"]))

    def _read(self, data: Any, which: int) -> None:
        kind, thing, event_id = self.events.pop(which)
        content = event(kind, thing, id=event_id)
        self.do(data, lambda: inbox.receive(content, b"{}", False))
        row = self.row(StripeEvent, event_id=event_id)
        row_id, fresh = row.id, row.state == "new"
        word = self.converse(data, lambda: inbox.perform(row_id, clock.now()))
        if not fresh:
            assert word == "not new"
            return
        known = self._model_hears(kind, thing)
        assert self.row(StripeEvent, event_id=event_id).state == ("done" if known else "new"), (kind, word)
        if known:
            self.read.append((kind, thing, event_id))
        else:  # its payment has not been read yet: asked again later
            self.events.append((kind, thing, event_id))

    def _model_hears(self, kind: str, thing: str) -> bool:
        if kind.startswith("charge.dispute"):
            return self.model.hears_dispute(self.stripe.disputes[thing], clock.now())
        if kind.startswith("refund"):
            return self.model.hears_refund(self.stripe.refunds[thing], clock.now())
        facts = self.stripe.sessions[thing]
        if facts.is_paid and all(p.intent != facts.payment_intent_id for p in self.model.payments):
            row = self.row(Contribution, stripe_session_id=thing)
            pledge = next(p for p in self.model.pledges if p.id == row.pledge_id)
            assert facts.amount is not None and facts.fee is not None and facts.net is not None
            self.model.received(pledge, row.id, facts.amount, facts.amount.minor, facts.fee.minor, facts.net.minor,
                                "stripe", clock.now(), clock.today(), facts.payment_intent_id)
        return True

    # --- transfers --------------------------------------------------------------------------------------------------
    @precondition(lambda self: self.model.pledges)
    @rule(data=st.data(), part=st.integers(1, 120), fee=st.integers(0, 3_000), rate=st.integers(95, 105),
          in_dollars=st.booleans(), days=st.integers(0, 6))
    def a_transfer_arrives(self, data: Any, part: int, fee: int, rate: int, in_dollars: bool, days: int) -> None:
        """An officer finds it on the bank's statement, of today or of some days ago."""
        pledge: Pledge = data.draw(st.sampled_from(self.model.pledges))
        settles = max(pledge.current * part // 100, 10 * DOLLAR[pledge.currency])
        paid = Money(settles, pledge.currency)
        if in_dollars and pledge.currency != "USD":
            paid = Money(settles * 100 // DOLLAR[pledge.currency], "USD")
        came = paid.minor
        if paid.currency != "USD":
            came = int(WORTH[paid.currency] * settles * rate / UNIT[paid.currency])
        fee = min(fee, came // 2)
        line = transfers.BankLine(uuid.uuid4().hex.upper(), clock.today() - timedelta(days=days), paid, came - fee, fee,
                                  settles)
        self.do(data, lambda: transfers.record_deposit(pledge.id, line, self.officer("requesting_officer")))
        row = self.row(Contribution, bank_reference=line.bank_reference)
        self.model.received(pledge, row.id, paid, settles, fee, came - fee, "bank", clock.now(), line.value_date)

    # --- acceptance -------------------------------------------------------------------------------------------------
    @property
    def waiting(self) -> list[Payment]:
        return [p for p in self.model.payments if p.state == "in_suspense"]

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def the_head_accepts(self, data: Any) -> None:
        payment = data.draw(st.sampled_from(self.waiting))
        if payment.pledge.token is not None:  # States come under letters instead
            service.record_check(payment.pledge.id, "clear", "A register.", self.world.officer)
        version = self.version(Contribution, payment.id)
        nothing = payment.came.waits <= payment.came.fee or payment.disputed or payment.under_way()
        try:
            self.do(data, lambda: service.accept(payment.id, self.officer("head_of_fund"), "Its purpose is ours.",
                                                 version))
        except RuleBroken:
            db.session.rollback()
            assert nothing
            return
        assert not nothing
        self.model.accept(payment)
