"""The application, the Stripe simulator and the bank, and one payment after another through all of its steps."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from core import clock, jobs, verify
from core.actor import PUBLIC, Actor, person
from core.db import db
from core.errors import IllegalMove, RuleBroken, Stale
from core.money import usd
from core.outbox import OutboxMail
from sponsorship.contributions import checkout, invoicing, service, transfers
from sponsorship.contributions.back_models import Receipt, Refund
from sponsorship.contributions.invoice_models import DonorInvoice
from sponsorship.contributions.models import Contribution
from sponsorship.contributions.refunds import BankRefund
from sponsorship.gateways import inbox
from sponsorship.gateways.models import StripeEvent
from sponsorship.gateways.stripe_gateway import StripeGateway
from sponsorship.ledger import service as ledger
from sponsorship.ledger.books import account_by_code
from tests.support.stripe import Simulator, post_event

AMOUNT, PART, BANK_FEE = 2_500_00, 1_000_00, 12_00
WAYS = ("card", "invoice", "transfer")
Kill = Callable[[str, Callable[[], Any]], None]
_BEFORE = {"refund.under_way", "transfer.announced", "deposit.announced"}


def once(act: Callable[[], Any]) -> None:
    """A person presses again, not knowing that the first press went through."""
    try:
        act()
    except (Stale, IllegalMove, RuleBroken) as refusal:
        assert not isinstance(refusal, RuleBroken) or refusal.code in _BEFORE, refusal.code
        db.session.rollback()


class Till:
    """What donors, officers and jobs do, each as one act that a process of its own can be killed in."""

    def __init__(self, app: Any, make: Any, simulator: Simulator, settings: Any) -> None:
        self.app, self.make, self.simulator, self.settings = app, make, simulator, settings
        self.officer = person(make.person("fund_manager").id)
        self.payer = person(make.person("requesting_officer").id)
        self.head = person(make.person("head_of_fund").id)
        self.state = make.state("XC")
        self.donor = person(make.person("donor", organisation=self.state).id)
        self.pool = ledger.open_pool("general", "Unearmarked money")
        service.record_agreement(
            service.AgreementTerms(self.state, "NV/1", clock.today() - timedelta(days=9), 700, None, self.pool),
            self.officer)
        self.stored: set[str] = set()
        self.ways: dict[uuid.UUID, str] = {}
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

    # --- what donors do ---------------------------------------------------------------------------------------------
    def pledge(self, under_agreement: bool) -> tuple[uuid.UUID, Actor, str | None]:
        actor = self.donor if under_agreement else PUBLIC
        made = service.make_pledge(service.PledgeDraft(
            uuid.uuid4().hex, AMOUNT, organisation_id=self.state if under_agreement else None,
            donor_name="Ada Foundation", donor_email="ada@donor.example"), actor)
        return made.id, actor, made.token

    def begin(self, pledge_id: uuid.UUID, actor: Actor, token: str | None) -> str:
        return checkout.begin_checkout(self.gateway, pledge_id, actor, token=token, success_url="http://x.test/s",
                                       cancel_url="http://x.test/c")

    def by_card(self, pledge: tuple[uuid.UUID, Actor, str | None], kill: Kill) -> None:
        kill("begin", lambda: self.begin(*pledge))
        assert self.simulator.press(self.begin(*pledge), "pay").status_code == 303
        self.new_events(kill, "read")

    def by_invoice(self, pledge: tuple[uuid.UUID, Actor, str | None], kill: Kill) -> None:
        """Asked for by the donor, and paid by a transfer to the account that it names."""
        pledge_id, actor, token = pledge

        def ask() -> None:
            _invoice_id, word = invoicing.make_invoice(self.gateway, pledge_id, actor, token=token)
            assert word == "open", word

        kill("invoice", ask)
        contribution = self.only(Contribution, pledge_id=pledge_id).id
        page = self.only(DonorInvoice, contribution_id=contribution).hosted_url
        assert self.simulator.transfer(page, f"{AMOUNT // 100}").status_code == 303
        self.new_events(kill, "read invoice")

    def by_transfer(self, pledge: tuple[uuid.UUID, Actor, str | None], kill: Kill) -> None:
        """Announced by the donor, and found on the bank's statement by an officer."""
        pledge_id, actor, token = pledge
        kill("declare", lambda: transfers.declare(pledge_id, actor, token, AMOUNT, clock.today()))
        row = self.only(Contribution, pledge_id=pledge_id)
        key, version = row.id, row.version
        line = transfers.BankLine(uuid.uuid4().hex.upper(), clock.today(), usd(AMOUNT), AMOUNT - BANK_FEE, BANK_FEE)
        kill("confirm", lambda: once(lambda: transfers.confirm(key, line, self.payer, version)))

    # --- what Stripe and the jobs do --------------------------------------------------------------------------------
    def events(self) -> list[Any]:
        """What Stripe has told us by now, the oldest first."""
        found: list[Any] = []
        while True:
            more = {"starting_after": found[-1]["id"]} if found else {}
            page = self.simulator.client().v1.events.list({"limit": 100, **more}).to_dict()["data"]
            found += page
            if len(page) < 100:
                return [e for e in reversed(found) if e["type"] in inbox.HANDLERS]

    def new_events(self, kill: Kill, act: str) -> None:
        for event in self.events():
            if event["id"] not in self.stored:
                kill("store", lambda event=event: self.store(event))
                self.stored.add(event["id"])
        kill(act, lambda: self.sweep("stripe-inbox"))

    def store(self, event: Any) -> None:
        """Stripe delivers one event."""
        answer = post_event(self.app.test_client(), self.app, json.dumps(event, default=str).encode())
        assert answer.status_code == 200, answer.text

    def sweep(self, name: str) -> None:
        """A job's turn, so much later that what was left behind is due."""
        now = clock.real_now() + timedelta(hours=self.hours)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(clock, "real_now", lambda: now)
            assert not jobs.run(name).failed, name

    # --- the whole way ----------------------------------------------------------------------------------------------
    def story(self, way: str, under_agreement: bool, kill: Kill) -> None:
        """Paid, accepted where it must be, receipted, and in part sent back."""
        pledge = self.pledge(under_agreement)
        {"card": self.by_card, "invoice": self.by_invoice, "transfer": self.by_transfer}[way](pledge, kill)
        row = self.only(Contribution, pledge_id=pledge[0])
        key, version = row.id, row.version
        self.ways[key] = way
        if not under_agreement:
            service.record_check(pledge[0], "clear", "A register.", self.officer)
            kill("accept", lambda: once(lambda: service.accept(key, self.head, "Its purpose is ours.", version)))
        kill("mail", lambda: self.sweep("outbox"))
        self.part_goes_back(key, way, kill)
        kill("mail", lambda: self.sweep("outbox"))

    def part_goes_back(self, key: uuid.UUID, way: str, kill: Kill) -> None:
        version = self.only(Contribution, id=key).version
        kill("order", lambda: once(lambda: service.request_refund(key, PART, self.officer, "donor_asked", "It wrote.",
                                                                  version)))
        refund = self.only(Refund, contribution_id=key)
        refund_id, asked = refund.id, refund.version
        kill("approve", lambda: once(lambda: service.approve_refund(refund_id, self.head, asked)))
        if way == "transfer":
            approved = self.only(Refund, id=refund_id).version
            done = BankRefund(uuid.uuid4().hex.upper(), clock.today(), PART)
            kill("bank", lambda: once(lambda: service.record_bank_refund(refund_id, done, self.payer, approved)))
        else:
            kill("send", lambda: self.sweep("refund-sweep"))
            self.until_the_payer_has(self.only(Refund, id=refund_id).stripe_refund_id)
            self.new_events(kill, "hear")

    def until_the_payer_has(self, stripe_refund_id: str) -> None:
        """A refund of a transfer is on its way for a moment."""
        while self.simulator.client().v1.refunds.retrieve(stripe_refund_id).status == "pending":
            time.sleep(0.05)

    def catch_up(self) -> None:
        """Everything is delivered once more, and every job has its turn: nothing may change any more."""
        for event in self.events():
            self.store(event)
        self.hours += 1
        for name in ("stripe-inbox", "stripe-sweep", "invoice-sweep", "refund-sweep", "stripe-inbox", "outbox"):
            self.sweep(name)

    def only(self, model: Any, **values: Any) -> Any:
        db.session.rollback()
        db.session.expire_all()
        return db.session.query(model).filter_by(**values).one()

    # --- what must be true ------------------------------------------------------------------------------------------
    def once_and_whole(self) -> None:
        """So many payments, each recorded, receipted, mailed and sent back in part exactly once, here and at Stripe."""
        db.session.rollback()
        keys, at_bank = list(self.ways), [key for key, way in self.ways.items() if way == "transfer"]
        rows = db.session.query(Contribution).filter(Contribution.received_at.is_not(None)).all()
        assert {row.id for row in rows} == set(keys) and len(rows) == len(keys)
        assert {(row.state, row.gross_minor, row.back_minor) for row in rows} == {("accepted", AMOUNT, PART)}, (
            [(self.ways[row.id], row.state, row.back_minor) for row in rows],
            [(refund.state, refund.failure_code, refund.asked_at) for refund in db.session.query(Refund)])
        assert [r.state for r in db.session.query(Refund)] == ["succeeded"] * len(keys)
        self._receipted(keys)
        objects = self.simulator.status()["objects"]
        assert objects.get("refund", 0) == len(keys) - len(at_bank)
        asked = [key for key, way in self.ways.items() if way == "invoice"]
        assert [i.state for i in db.session.query(DonorInvoice)] == ["paid"] * len(asked)
        assert objects.get("invoice", 0) == objects.get("invoiceitem", 0) == len(asked)
        assert db.session.query(StripeEvent).filter(StripeEvent.state.not_in(("done", "ignored"))).count() == 0
        balance = self.simulator.status()["balance"]
        assert account_by_code("stripe_clearing").balance == balance["available"] + balance["pending"]
        assert account_by_code("bank").balance == (AMOUNT - BANK_FEE - PART) * len(at_bank)
        assert [f for c in verify.run_all() for f in c.faults
                if c.name.startswith(("contributions.", "ledger.", "gateways.", "transparency."))] == []
        db.session.rollback()

    def _receipted(self, keys: list[uuid.UUID]) -> None:
        papers = [(p.kind, p.contribution_id, p.amount_minor) for p in db.session.query(Receipt)]
        assert sorted(papers) == sorted([("receipt", key, AMOUNT) for key in keys]
                                        + [("credit_note", key, PART) for key in keys])
        mails = db.session.query(OutboxMail).filter(OutboxMail.kind.in_(
            ["contribution.receipt", "contribution.credit-note"])).all()
        assert len(mails) == len(papers) and all(mail.sent_at for mail in mails)
        there = {path.stem for path in self.settings.mailbox_dir.glob("*.eml")}
        assert {str(mail.id) for mail in mails} <= there
