"""Bank transfers and money that goes back: what waits on the desks of the fund manager, the head and the requesting
officer. All of it is invented."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from flask import current_app

from core import clock
from core.actor import PUBLIC
from core.db import db
from core.money import usd
from demonstration import giving
from demonstration.applying import noon
from demonstration.stage import DEMONSTRATION, Stage
from sponsorship.contributions import refunds, transfers
from sponsorship.contributions.disputes import settle_dispute
from sponsorship.contributions.fund_settings import approve_bank_details, change_fund_settings, settings_version
from sponsorship.contributions.models import Contribution
from sponsorship.contributions.transfers import BankLine

BANK_DETAILS = """Account: Demonstration Sponsorship Fund (invented, do not pay)
Bank: Demo Bank of Nowhere
Account number: DEMO 0000 0000 0000
BIC: DEMOXX00"""


def early(stage: Stage, today: date) -> None:
    """The bank details stand from the beginning; a State pays by bank transfer."""
    at = noon(today - timedelta(days=310))
    with clock.moved_to(at):
        version = settings_version()
        db.session.rollback()
        change_fund_settings(cards=True, details=BANK_DETAILS, actor=stage.actor("fund-manager"),
                             expected_version=version)
        approve_bank_details(stage.actor("head"), version + 1)
    at = noon(today - timedelta(days=60))
    made = giving.pledge_of_state(stage, "donor-xy", "XY", 15_000_00, at)
    with clock.moved_to(at + timedelta(days=4)):
        sent_on = (at + timedelta(days=3)).date()
        key = transfers.declare(made.id, stage.actor("donor-xy"), None, 15_000_00, sent_on)
    with clock.moved_to(at + timedelta(days=8)):
        line = BankLine("DEMO-STMT-0001", (at + timedelta(days=7)).date(), usd(15_000_00), 14_985_00, 15_00)
        version = _row(key).version
        db.session.rollback()
        transfers.confirm(key, line, stage.actor("requesting"), version)


def _row(key: object) -> Contribution:
    return db.session.get_one(Contribution, key, populate_existing=True)


def open_ends(stage: Stage, start: datetime) -> None:
    """What waits: a transfer to be found, a refund to be approved, a dispute to be answered."""
    trust = giving.pledge_of_visitor("Demo Trust", 2_500_00, start - timedelta(days=4))
    with clock.moved_to(start - timedelta(days=2)):
        transfers.declare(trust.id, PUBLIC, trust.token, 2_500_00, (start - timedelta(days=3)).date())
    company = giving.pledge_of_visitor("Demo Company", 600_00, start - timedelta(days=20))
    paid = giving.pay(company, PUBLIC, start - timedelta(days=20))
    giving.accept(stage, paid, start - timedelta(days=18))
    with clock.moved_to(start - timedelta(days=1)):
        version = _row(paid).version
        db.session.rollback()
        refunds.request_refund(paid, 200_00, stage.actor("fund-manager"), "donor_asked",
                               "Demonstration: the company meant to give 400 dollars.", version)
    club = giving.pledge_of_visitor("Demo Club", 300_00, start - timedelta(days=6))
    disputed = giving.pay(club, PUBLIC, start - timedelta(days=6))
    with clock.moved_to(start - timedelta(days=1)):
        payment = _row(disputed).stripe_payment_intent_id
        db.session.rollback()
        made = giving.at_simulator("disputes", payment_intent=payment, reason="unrecognized")
        gateway = current_app.extensions["placard_stripe"]
        settle_dispute(gateway.fetch_dispute(made["id"]), DEMONSTRATION)
