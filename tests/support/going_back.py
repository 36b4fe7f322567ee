"""Contributions for tests of what goes back: paid by card (in dollars or not) or by transfer, refunded, disputed."""

from __future__ import annotations

import itertools
import uuid
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from core import clock, verify
from core.actor import PUBLIC, Actor, system
from core.db import db
from core.money import Money, usd
from sponsorship.contributions import fund_settings, payments, refunds, service, transfers
from sponsorship.contributions.back_models import Dispute, Refund
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.gateways.stripe_facts import DisputeFacts, RefundFacts, SessionFacts

STRIPE = system("stripe-inbox")
_names = itertools.count(1)


def faults() -> list[str]:
    """What `verify` finds in the books and the contributions."""
    db.session.commit()
    wanted = ("contributions.", "ledger.")
    return [f"{name}: {fault}" for name, check in verify.CHECKS.items() if name.startswith(wanted)
            for fault in check()[1]]


def only(model: Any, **values: Any) -> Any:
    db.session.expire_all()
    return db.session.query(model).filter_by(**values).one()


class Gifts:
    """Pays pledges through the commands and plays what Stripe says of refunds and disputes. `manager` asks, `head`
    approves, `officer` records what the bank did."""

    def __init__(self, make: Any) -> None:
        self.make = make
        self.manager, self.head = make.actor("fund_manager"), make.actor("head_of_fund")
        self.officer = make.actor("requesting_officer")

    def bank_details(self, details: str, cards: bool = True) -> None:
        """Where transfers go from now on: asked for by one, approved by another."""
        fund_settings.change_fund_settings(cards=cards, details=details, actor=self.manager,
                                           expected_version=fund_settings.settings_version())
        fund_settings.approve_bank_details(self.head, fund_settings.settings_version())

    # --- money in -----------------------------------------------------------------------------------------------
    def pledge(self, amount: Money, **values: Any) -> service.PledgeMade:
        return service.make_pledge(service.PledgeDraft(
            uuid.uuid4().hex, amount.minor, currency=amount.currency, donor_name="Ada Foundation",
            donor_email="ada@donor.example", **values), PUBLIC)

    def state_pledge(self, amount: Money, pool: uuid.UUID, code: str = "XC", rate: int = 1300) -> tuple[Any, Actor]:
        """A pledge of a State under an agreement into `pool`, and its donor."""
        state = self.make.state(code)
        reference = f"NV/{next(_names)}"
        service.record_agreement(service.AgreementTerms(
            state, reference, clock.today() - timedelta(days=400), rate, None, pool), self.manager)
        donor = self.make.actor("donor", organisation=state)
        return service.make_pledge(service.PledgeDraft(
            uuid.uuid4().hex, amount.minor, currency=amount.currency, organisation_id=state), donor), donor

    def card(self, made: service.PledgeMade, amount: Money, fee: int = 0, net: int | None = None,
             actor: Actor = PUBLIC) -> Contribution:
        """Paid by card: `fee` and `net` in US cents (net by default the amount less the fee)."""
        attempt = payments.start_payment(made.id, actor, made.token, amount.minor)
        key = str(attempt.contribution_id)
        opened = SessionFacts(f"cs_{key}", False, "open", "unpaid", amount, key, {"placard_contribution": key},
                              f"https://checkout.test/{key}", attempt.expires_at)
        payments.checkout_opened(attempt.contribution_id, opened)
        paid = replace(opened, status="complete", payment_status="paid", url=None, payment_intent_id=f"pi_{key}",
                       charge_id=f"ch_{key}", fee=usd(fee), net=usd(amount.minor - fee if net is None else net))
        assert payments.settle_session(paid, STRIPE, False).word in ("received", "held")
        return self.row(attempt.contribution_id)

    def held(self, amount: Money = usd(1_000_00), fee: int = 30_00, net: int | None = None) -> Contribution:
        """A donor without an account has paid by card; it waits in suspense."""
        return self.card(self.pledge(amount), amount, fee, net)

    def check(self, row: Contribution, outcome: str = "clear") -> None:
        service.record_check(row.pledge_id, outcome, "A register; a list.", self.manager)

    def accept(self, row: Contribution) -> Contribution:
        self.check(row)
        service.accept(row.id, self.head, "Its purpose is the fund’s.")
        return self.row(row.id)

    def accepted(self, amount: Money = usd(1_000_00), fee: int = 30_00, net: int | None = None) -> Contribution:
        return self.accept(self.held(amount, fee, net))

    def line(self, paid: Money, credited: int | None = None, fee: int = 0, **values: Any) -> transfers.BankLine:
        return transfers.BankLine(
            values.pop("reference", f"BANK {next(_names)}"), values.pop("day", clock.today()), paid,
            paid.minor - fee if credited is None else credited, fee, **values)

    def deposit(self, made: service.PledgeMade, paid: Money, credited: int | None = None, fee: int = 0,
                **values: Any) -> Contribution:
        return self.row(transfers.record_deposit(made.id, self.line(paid, credited, fee, **values), self.officer))

    def row(self, contribution_id: uuid.UUID) -> Contribution:
        return only(Contribution, id=contribution_id)  # type: ignore[no-any-return]

    def pledge_of(self, row: Contribution) -> Pledge:
        return only(Pledge, id=row.pledge_id)  # type: ignore[no-any-return]

    # --- money back ---------------------------------------------------------------------------------------------
    def ask(self, row: Contribution, minor: int) -> uuid.UUID:
        return refunds.request_refund(row.id, minor, self.manager, "donor_asked", "The donor wrote.",
                                      self.row(row.id).version)

    def approve(self, refund_id: uuid.UUID, actor: Actor | None = None) -> None:
        refunds.approve_refund(refund_id, actor or self.head, only(Refund, id=refund_id).version)

    def refund(self, row: Contribution, minor: int, cost: int | None = None) -> uuid.UUID:
        """Asked for, approved, paid by Stripe."""
        refund_id = self.ask(row, minor)
        self.approve(refund_id)
        assert not self.news(refund_id, "succeeded", cost).problem
        return refund_id

    def facts(self, refund_id: uuid.UUID, status: str, cost: int | None = None,
              returned: int | None = None) -> RefundFacts:
        refund = only(Refund, id=refund_id)
        row = self.row(refund.contribution_id)
        key = refund.stripe_refund_id or f"re_{refund.id}"
        settled = cost if cost is not None else refund.usd_minor
        return RefundFacts(
            key, status, Money(refund.amount_minor, refund.currency), row.stripe_payment_intent_id,
            {} if refund.kind == "external" else {"placard_refund": refund.idempotency_key}, usd(settled),
            None if returned is None else usd(returned))

    def news(self, refund_id: uuid.UUID, status: str, cost: int | None = None, returned: int | None = None) -> Any:
        """What Stripe says of a refund."""
        return service.settle_refund(self.facts(refund_id, status, cost, returned), STRIPE)

    def elsewhere(self, row: Contribution, minor: int, cost: int | None = None, status: str = "succeeded",
                  name: str | None = None) -> Any:
        """Somebody refunds at Stripe itself."""
        name = name or f"re_else_{next(_names)}"
        return name, service.settle_refund(RefundFacts(
            name, status, Money(minor, row.paid_currency), row.stripe_payment_intent_id, {},  # type: ignore[arg-type]
            usd(minor if cost is None else cost)), STRIPE)

    def dispute(self, row: Contribution, minor: int | None = None, status: str = "needs_response",
                name: str | None = None, **values: Any) -> str:
        """The donor's bank disputes a payment; `values` are those of the facts (US cents)."""
        name = name or f"du_{next(_names)}"
        amount = Money(row.paid_minor if minor is None else minor, row.paid_currency)  # type: ignore[arg-type]
        values = {"taken_minor": amount.minor, "fee_minor": 15_00, **values}
        news = service.settle_dispute(DisputeFacts(
            name, status, "fraudulent", amount, row.stripe_payment_intent_id, clock.real_now() + timedelta(days=9),
            **values), STRIPE)
        assert not news.problem
        return name

    def dispute_row(self, name: str) -> Dispute:
        return only(Dispute, stripe_dispute_id=name)  # type: ignore[no-any-return]


def rates(day: date | None = None, **changes: str) -> None:
    """EUR 0.92, JPY 150, KWD 0.31 for one dollar on a day (today)."""
    from tests.support.rates import put_rates

    put_rates({"EUR": "0.92", "JPY": "150", "KWD": "0.31", **changes}, day or clock.today())
