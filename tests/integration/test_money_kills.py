"""Receiving money, and sending it back, with the process killed between every pair of steps: real processes, the
application's own code and Stripe's library against the simulator. Nothing is lost, nothing is doubled, and the books
hold to the cent what lies at Stripe."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core import clock, jobs, outbox, verify
from core.actor import PUBLIC, Actor, person
from core.db import db
from core.outbox import MailboxTransport, OutboxMail
from sponsorship.contributions import checkout, money_in, service
from sponsorship.contributions.back_models import Receipt, Refund
from sponsorship.contributions.models import Contribution
from sponsorship.gateways import inbox
from sponsorship.gateways.models import StripeEvent
from sponsorship.gateways.stripe_gateway import StripeGateway
from sponsorship.ledger import service as ledger
from sponsorship.ledger.books import account_by_code
from tests.support.kills import AtCommit, AtStatement, Failpoint, killed
from tests.support.soak import SEED, count, note
from tests.support.stripe import Simulator, post_event

pytestmark = [pytest.mark.real_database, pytest.mark.timeout(600)]
KILLS = count("KILLS", 6)  # random ones
AMOUNT, PART = 2_500_00, 1_000_00


def at(name: str, holder: Callable[[], Any], attribute: str, when: str = "before", n: int = 1) -> Failpoint:
    return Failpoint(name, holder, attribute, when, n)


def stripe() -> Any:
    return StripeGateway


# the steps of each act, in order; a kill stands between each and the next
BEGIN = [
    AtCommit("before"), AtCommit("after"), at("attempt stored, Stripe not asked", stripe, "create_checkout"),
    at("Stripe asked, answer lost", stripe, "create_checkout", "after"),
    at("answer there, not stored", lambda: db.session, "commit", "before", 2),
    at("answer stored, donor not sent", lambda: db.session, "commit", "after", 2),
]
STORE = [
    at("verified, not stored", lambda: inbox, "_insert_once"),
    at("stored, not committed", lambda: db.session, "commit"),
    at("committed, not answered", lambda: db.session, "commit", "after"),
]
APPLY = [
    at("event not settled", lambda: inbox, "_move"), at("settled, not committed", lambda: inbox, "_move", "after"),
    at("applied", lambda: inbox, "_apply", "after"),
]
READ = [
    at("about to fetch", stripe, "fetch_session"), at("fetched, not applied", lambda: inbox, "_apply"),
    at("posted, pledge not settled", lambda: money_in, "settle"), *APPLY,
]
HEAR = [at("about to fetch", stripe, "fetch_refund"), at("fetched, not applied", lambda: inbox, "_apply"), *APPLY]
ACCEPT = [at("accepted, not committed", lambda: db.session, "commit"), AtCommit("after")]
MAIL = [
    at("claimed, not sent", lambda: outbox, "_claim", "after"),
    at("sent, not noted", lambda: MailboxTransport, "send", "after"),
    at("noted", lambda: outbox, "_settle", "after"),
]
ORDER = [at("written, not committed", lambda: db.session, "commit"), AtCommit("after")]
HELD = [at("held, not committed", lambda: ledger, "hold_refund", "after"), *ORDER]
SEND = [
    at("about to be sent", stripe, "create_refund"), at("sent, answer lost", stripe, "create_refund", "after"),
    at("answer there, not booked", lambda: ledger, "pay_refund"),
    at("booked, not committed", lambda: ledger, "pay_refund", "after"),
    at("settled", lambda: checkout.refund_settling, "settle_refund", "after"),
]
Kill = Callable[[str, Callable[[], Any]], None]


class Till:
    """The application, the simulator, and one payment after another through all of their steps."""

    def __init__(self, app: Any, make: Any, simulator: Simulator, settings: Any) -> None:
        self.app, self.make, self.simulator, self.settings = app, make, simulator, settings
        self.officer = person(make.person("fund_manager").id)
        self.head = person(make.person("head_of_fund").id)
        self.state = make.state("XC")
        self.donor = person(make.person("donor", organisation=self.state).id)
        self.pool = ledger.open_pool("general", "Unearmarked money")
        service.record_agreement(
            service.AgreementTerms(self.state, "NV/1", clock.today() - timedelta(days=9), 700, None, self.pool),
            self.officer)
        self.stored: set[str] = set()
        self.hours = 0
        self.fresh_gateway()

    def fresh_gateway(self) -> None:
        self.app.extensions["placard_stripe"] = StripeGateway(self.settings)

    def alone(self, act: Callable[[], Any]) -> Callable[[], Any]:
        """The act in a process of its own, which speaks to Stripe through connections of its own."""

        def run() -> None:
            self.fresh_gateway()
            act()

        return run

    @property
    def gateway(self) -> StripeGateway:
        found: StripeGateway = self.app.extensions["placard_stripe"]
        return found

    # --- acts -------------------------------------------------------------------------------------------------------
    def pledge(self, under_agreement: bool) -> tuple[uuid.UUID, Actor, str | None]:
        actor = self.donor if under_agreement else PUBLIC
        made = service.make_pledge(service.PledgeDraft(
            uuid.uuid4().hex, AMOUNT, organisation_id=self.state if under_agreement else None,
            donor_name="Ada Foundation", donor_email="ada@donor.example"), actor)
        return made.id, actor, made.token

    def begin(self, pledge_id: uuid.UUID, actor: Actor, token: str | None) -> str:
        return checkout.begin_checkout(self.gateway, pledge_id, actor, token=token, success_url="http://x.test/s",
                                       cancel_url="http://x.test/c")

    def events(self) -> list[Any]:
        """What Stripe has told us by now, the oldest first."""
        found: list[Any] = []
        while True:
            more = {"starting_after": found[-1]["id"]} if found else {}
            page = self.simulator.client().v1.events.list({"limit": 100, **more}).to_dict()["data"]
            found += page
            if len(page) < 100:
                return [e for e in reversed(found) if e["type"] in inbox.HANDLERS]

    def store(self, event: Any) -> None:
        """Stripe delivers one event."""
        answer = post_event(self.app.test_client(), self.app, json.dumps(event).encode())
        assert answer.status_code == 200, answer.text

    def read(self) -> None:
        jobs.run("stripe-inbox")

    def mail(self) -> None:
        self.sweep("outbox")

    def sweep(self, name: str) -> None:
        """A job's turn, so much later that what was left behind is due."""
        now = clock.real_now() + timedelta(hours=self.hours)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(clock, "real_now", lambda: now)
            jobs.run(name)

    # --- the whole way ----------------------------------------------------------------------------------------------
    def new_events(self, kill: Kill, act: str) -> None:
        for event in self.events():
            if event["id"] not in self.stored:
                kill("store", lambda event=event: self.store(event))
                self.stored.add(event["id"])
        kill(act, self.read)

    def story(self, under_agreement: bool, kill: Kill) -> uuid.UUID:
        """Paid, accepted where it must be, receipted, and in part sent back: the contribution."""
        pledge = self.pledge(under_agreement)
        kill("begin", lambda: self.begin(*pledge))
        assert self.simulator.press(self.begin(*pledge), "pay").status_code == 303
        self.new_events(kill, "read")
        row = self.only(Contribution, pledge_id=pledge[0])
        key, version = row.id, row.version
        if not under_agreement:
            service.record_check(pledge[0], "clear", "A register.", self.officer)
            kill("accept", lambda: once(lambda: service.accept(key, self.head, "Its purpose is ours.", version)))
        kill("mail", self.mail)
        version = self.only(Contribution, id=key).version
        kill("order", lambda: once(lambda: service.request_refund(key, PART, self.officer, "donor_asked", "The donor wrote.", version)))
        refund = self.only(Refund, contribution_id=key)
        refund_id, version = refund.id, refund.version
        kill("approve", lambda: once(lambda: service.approve_refund(refund_id, self.head, version)))
        kill("send", lambda: self.sweep("refund-sweep"))
        self.new_events(kill, "hear")
        kill("mail", self.mail)
        return key

    def catch_up(self) -> None:
        """Everything is delivered once more, and every job has its turn: nothing may change any more."""
        for event in self.events():
            self.store(event)
        self.hours += 1
        for name in ("stripe-inbox", "stripe-sweep", "refund-sweep", "stripe-inbox", "outbox"):
            self.sweep(name)

    def only(self, model: Any, **values: Any) -> Any:
        db.session.rollback()
        db.session.expire_all()
        return db.session.query(model).filter_by(**values).one()

    # --- what must be true ------------------------------------------------------------------------------------------
    def once_and_whole(self, keys: list[uuid.UUID]) -> None:
        """So many payments, each recorded, receipted, mailed and sent back in part exactly once."""
        db.session.rollback()
        rows = db.session.query(Contribution).filter(Contribution.received_at.is_not(None)).all()
        assert {row.id for row in rows} == set(keys) and len(rows) == len(keys)
        assert {(row.state, row.gross_minor, row.back_minor) for row in rows} == {("accepted", AMOUNT, PART)}
        assert [r.state for r in db.session.query(Refund)] == ["succeeded"] * len(keys)
        papers = [(p.kind, p.contribution_id, p.amount_minor) for p in db.session.query(Receipt)]
        assert sorted(papers) == sorted([("receipt", key, AMOUNT) for key in keys]
                                        + [("credit_note", key, PART) for key in keys])
        mails = db.session.query(OutboxMail).filter(OutboxMail.kind.in_(
            ["contribution.receipt", "contribution.credit-note"])).all()
        assert len(mails) == len(papers) and all(mail.sent_at for mail in mails)
        there = {path.stem for path in self.settings.mailbox_dir.glob("*.eml")}
        assert {str(mail.id) for mail in mails} <= there
        objects = self.simulator.status()["objects"]
        assert objects["refund"] == len(keys)
        assert db.session.query(StripeEvent).filter(StripeEvent.state.not_in(("done", "ignored"))).count() == 0
        balance = self.simulator.status()["balance"]
        assert account_by_code("stripe_clearing").balance == balance["available"] + balance["pending"]
        assert [f for c in verify.run_all() for f in c.faults
                if c.name.startswith(("contributions.", "ledger.", "gateways."))] == []
        db.session.rollback()


def once(act: Callable[[], Any]) -> None:
    """A person presses again, not knowing that the first press went through."""
    from core.errors import IllegalMove, RuleBroken, Stale

    try:
        act()
    except (Stale, IllegalMove, RuleBroken):
        db.session.rollback()


@pytest.fixture
def till(app: Any, make: Any, tmp_path: Path) -> Iterator[Till]:
    settings = app.extensions["placard_settings"]
    simulator = Simulator(tmp_path, "http://127.0.0.1:9/none", settings.stripe_webhook_secret)
    simulator.control("webhooks", pause=True)  # the test delivers, one event at a time
    settings = replace(settings, stripe_api_base=simulator.url, checkout_origin=simulator.url)
    app.extensions["placard_settings"] = settings
    try:
        yield Till(app, make, simulator, settings)
    finally:
        simulator.stop()


STEPS = {"begin": BEGIN, "store": STORE, "read": READ, "hear": HEAR, "accept": ACCEPT, "mail": MAIL, "order": ORDER,
         "approve": HELD, "send": SEND}


@pytest.mark.parametrize("under_agreement", [True, False], ids=["under agreement", "accepted by name"])
def test_killed_between_every_pair_of_steps(till: Till, app: Any, under_agreement: bool) -> None:
    def kill(name: str, act: Callable[[], Any]) -> None:
        for failpoint in STEPS[name]:
            till.hours += 1
            assert killed(app, failpoint, till.alone(act)), f"{name}: {failpoint.name} was not reached"
        till.hours += 1
        act()

    key = till.story(under_agreement, kill)
    till.once_and_whole([key])
    till.catch_up()
    till.once_and_whole([key])


def test_killed_anywhere(till: Till, app: Any) -> None:
    """At random statements, commits and calls, in several acts of each story; and whoever should try again may not."""
    dice = random.Random(SEED)
    keys, kills = [], 0

    def kill(name: str, act: Callable[[], Any]) -> None:
        nonlocal kills
        while dice.random() < 0.5:
            failpoint = dice.choice([AtStatement(dice.randint(1, 60)), AtCommit("before", dice.randint(1, 3)),
                                     AtCommit("after", dice.randint(1, 3)), *STEPS[name]])
            till.hours += 1
            kills += killed(app, failpoint, till.alone(act))
        till.hours += 1
        act()

    while kills < KILLS:
        keys.append(till.story(dice.random() < 0.5, kill))
        till.once_and_whole(keys)
    till.catch_up()
    till.once_and_whole(keys)
    note(f"{kills} processes killed in {len(keys)} payments")
