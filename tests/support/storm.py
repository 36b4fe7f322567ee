"""A history of payments, refunds and disputes at Stripe as thousands of events, and a digest of the books that does not
depend on the order in which they were read."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from fractions import Fraction
from typing import Any

from sqlalchemy import text

from core import clock, jobs
from core.actor import PUBLIC, Actor, person, system
from core.db import command, db
from core.money import Money
from sponsorship.contributions import checkout, service
from sponsorship.contributions.back_models import Dispute, Receipt, Refund
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.gateways import inbox
from sponsorship.gateways.models import StripeEvent
from sponsorship.ledger import service as ledger
from tests.support.rates import put_rates
from tests.support.stripe import event
from tests.support.stripe_memory import MemoryStripe

TESTS = system("tests")
FATES = ("kept", "kept", "kept", "expired", "refunded", "refunded in two", "refund failed", "won", "lost", "inquiry",
         "asked back")
DEEP = 50_000_000_00  # so much lies in the general pool first that its oldest lot bears every cost, in any order
UNIT = {"USD": 100, "EUR": 92, "JPY": 150, "KWD": 300}


@dataclass
class Storm:
    """`events` in the order in which they happened, each with the object as it then stood."""

    stripe: MemoryStripe
    events: list[tuple[dict[str, Any], Any]] = field(default_factory=list)

    early: int = 0  # read already while it was brewed

    def happened(self) -> None:
        """Turn what is new at Stripe into events."""
        for n in range(len(self.events), len(self.stripe.news)):
            self.events.append((event(*self.stripe.news[n]), self.stripe.stood[n]))


def brew(app: Any, make: Any, size: int, seed: int) -> Storm:
    """At least `size` events about payments that wait for them: three kinds of donors, four currencies, every fate."""
    dice = random.Random(seed)
    storm = Storm(MemoryStripe(worth={"EUR": Fraction(27, 25), "JPY": Fraction(13, 2000), "KWD": Fraction(81, 25)}))
    app.extensions["placard_stripe"] = storm.stripe
    put_rates({"EUR": "0.92", "JPY": "150.8", "KWD": "0.3068"}, clock.today())
    general = ledger.open_pool("general", "Unearmarked money")
    ledger.receive(general, ledger.Intake(DEEP), source=("test", uuid.uuid4()), key="deep", actor=TESTS,
                   occurred_at=clock.now() - timedelta(days=400))
    officer, head = person(make.person("fund_manager").id), person(make.person("head_of_fund").id)
    donors: list[tuple[uuid.UUID | None, Actor]] = [(None, PUBLIC)]
    for code, rate in (("XY", 700), ("XZ", 1300)):
        state = make.state(code)
        service.record_agreement(service.AgreementTerms(
            state, "NV/1", clock.today(), rate, None, ledger.open_pool(f"pool-{code.lower()}", code)), officer)
        donors.append((state, person(make.person("donor", organisation=state).id)))
    while len(storm.events) < size:
        organisation, actor = dice.choice(donors)
        currency = dice.choice(["USD", "USD", "EUR", "JPY", "KWD"])
        amount = Money(dice.randint(20, 5_000) * UNIT[currency], currency)
        made = service.make_pledge(service.PledgeDraft(
            uuid.uuid4().hex, amount.minor, currency, organisation_id=organisation, donor_name="Ada Foundation",
            donor_email="ada@donor.example"), actor)
        checkout.begin_checkout(storm.stripe, made.id, actor, token=made.token,  # type: ignore[arg-type]
                                success_url="http://x/s", cancel_url="http://x/c")
        row = db.session.query(Contribution).filter_by(pledge_id=made.id).one()
        _fate(storm, dice, dice.choice(FATES), row.stripe_session_id or "", amount, (officer, head), organisation)
        storm.happened()
    db.session.commit()
    return storm


def _fate(storm: Storm, dice: random.Random, fate: str, session: str, amount: Money, officers: tuple[Actor, Actor],
          organisation: uuid.UUID | None) -> None:
    stripe = storm.stripe
    if fate == "expired":
        stripe.expire(session)
        return
    stripe.pay(session, dice.randint(0, 900))
    intent, half = f"pi_{session}", Money(amount.minor // 2, amount.currency)
    if fate == "refunded":
        stripe.refund_in_dashboard(intent, amount)
    elif fate == "refunded in two" and amount.currency == "USD":
        stripe.refund_in_dashboard(intent, half)
        stripe.refund_in_dashboard(intent, Money(amount.minor - half.minor, amount.currency))
    elif fate == "refund failed":
        stripe.next_refund = "pending"
        stripe.refund_moves(stripe.refund_in_dashboard(intent, half).refund_id, "failed")
        stripe.next_refund = "succeeded"
    elif fate in ("won", "lost"):
        dispute = stripe.dispute(intent, dice.choice([amount, half]), 15_00).dispute_id
        stripe.dispute_moves(dispute, "under_review")
        stripe.dispute_moves(dispute, fate, fee_returned=True)
    elif fate == "inquiry":
        stripe.dispute_moves(stripe.dispute(intent, amount, 0, inquiry=True).dispute_id, "warning_closed")
    elif fate == "asked back":
        _asked_back(storm, session, amount, officers, organisation is not None)


def _asked_back(storm: Storm, session: str, amount: Money, officers: tuple[Actor, Actor], accepted: bool) -> None:
    """A refund of ours, sent before any of its news is read: those of an earlier payment, which was read at once."""
    officer, head = officers
    storm.happened()
    content, _facts = storm.events.pop()
    storm.stripe.news.pop()
    storm.stripe.stood.pop()
    storm.early += 1
    read(content)
    row = db.session.query(Contribution).filter_by(stripe_session_id=session).one()
    if accepted:
        refund = service.request_refund(row.id, amount.minor // 2, officer, "donor_asked", "The donor wrote.",
                                        row.version)
        service.approve_refund(refund, head, 1)
    else:
        refund = service.refuse(row.id, officer, "purpose", "", row.version)
    storm.stripe.next_refund = "pending"
    checkout.send_refund(storm.stripe, refund)  # type: ignore[arg-type]
    storm.stripe.next_refund = "succeeded"
    made = storm.stripe.refund_under(f"refund-{refund}")
    assert made is not None
    storm.stripe.refund_moves(made.refund_id, "succeeded")


# --- reading ------------------------------------------------------------------------------------------------------
def read(content: dict[str, Any]) -> str:
    """One event, stored and read at once."""
    inbox.receive(content, b"{}", False)
    key = db.session.query(StripeEvent.id).filter_by(event_id=content["id"]).scalar()
    db.session.rollback()
    return inbox.perform(key, clock.now())


def straight(storm: Storm) -> None:
    """Every event read once, as it happens; Stripe answers with the object as it then stood."""
    for content, facts in storm.events:
        thing = content["data"]["object"]["id"]
        shelf = storm.stripe.shelf(content["type"])
        final, shelf[thing] = shelf[thing], facts
        assert read(content) == "settle", content["type"]
        shelf[thing] = final


def shuffled(storm: Storm, seed: int) -> list[dict[str, Any]]:
    """All of them in any order, three in ten twice, three in ten under another id as well."""
    dice = random.Random(seed)
    found = []
    for content, _facts in storm.events:
        found.append(content)
        if dice.random() < 0.3:
            found.append(content)
        if dice.random() < 0.3:
            found.append({**content, "id": f"evt_{uuid.uuid4().hex}"})
    dice.shuffle(found)
    return found


def deliver(share: list[dict[str, Any]]) -> None:
    """One worker's share: delivered, and read by the job now and then, as it comes."""
    for n, content in enumerate(share, 1):
        inbox.receive(content, b"{}", False)
        if n % 20 == 0:
            jobs.run("stripe-inbox")
    jobs.run("stripe-inbox")


def unread() -> int:
    db.session.rollback()
    found = db.session.query(StripeEvent).filter_by(state="new").count()
    db.session.rollback()
    return found


@command
def time_passes() -> None:
    """What was to be tried again later is due."""
    db.session.execute(text("UPDATE stripe_event SET due_at = received_at WHERE state = 'new'"))


# --- what the books say in the end --------------------------------------------------------------------------------
def digest() -> dict[str, Any]:
    """The books without what depends on the order of reading: instants, identifiers, the numbers of papers."""
    db.session.rollback()
    sessions = dict(db.session.query(Contribution.id, Contribution.stripe_session_id).all())
    names = {**sessions, **dict(db.session.query(Refund.id, Refund.stripe_refund_id).all()),
             **dict(db.session.query(Dispute.id, Dispute.stripe_dispute_id).all())}
    rows = db.session.execute(text(
        "SELECT e.id, e.kind, e.subject_id, a.code, l.side, l.usd_minor, l.original_minor, l.original_currency, l.rate "
        "FROM entry e JOIN leg l ON l.entry_id = e.id JOIN account a ON a.id = l.account_id")).all()
    entries: dict[Any, list[Any]] = {}
    for row in rows:
        head = (row.kind, names.get(_uuid(row.subject_id), "-"))
        entries.setdefault((row.id, *head), []).append(tuple(row)[3:])
    papers = Counter(
        (paper.kind, sessions[paper.contribution_id], paper.currency, paper.amount_minor, paper.usd_minor)
        for paper in db.session.query(Receipt))
    found = {
        "entries": Counter((*key[1:], *sorted(legs, key=str)) for key, legs in entries.items()),
        "balances": sorted(map(tuple, db.session.execute(text(
            "SELECT code, debits_posted, credits_posted FROM account")).all())),
        "lots": Counter((sessions.get(_uuid(row.source_id), "-"), *tuple(row)[1:]) for row in db.session.execute(text(
            "SELECT source_id, amount_minor, reserved_minor, spent_minor, charged_minor, rate_bp FROM lot")).all()),
        "pledges": Counter((p.reference, p.state, p.paid_minor, p.returned_minor) for p in db.session.query(Pledge)),
        "contributions": Counter((c.stripe_session_id, c.state, c.gross_minor, c.exchange_minor, c.fee_minor,
                                  c.back_minor) for c in db.session.query(Contribution)),
        # one made at Stripe that failed before anybody had heard of it leaves no trace here
        "refunds": Counter((r.stripe_refund_id, r.state, r.usd_minor, r.settled_minor)
                           for r in db.session.query(Refund) if (r.kind, r.state) != ("external", "failed")),
        "disputes": Counter((d.stripe_dispute_id, d.state, d.usd_minor, d.fee_minor)
                            for d in db.session.query(Dispute)),
        "papers": papers,
        "numbers": {kind: sorted(n for (n,) in db.session.query(Receipt.sequence).filter_by(kind=kind))
                    for kind in ("receipt", "credit_note")},
    }
    db.session.rollback()
    return found


def _uuid(value: Any) -> Any:
    return value if value is None or isinstance(value, uuid.UUID) else uuid.UUID(value)
