"""What goes out and what comes back: an invoice, letters that call for funds and letters to
States, a refund with its credit note. All of it is invented."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from flask import current_app

from core import clock
from core.actor import PUBLIC
from core.db import db, new_id
from demonstration import giving
from demonstration.stage import Stage
from sponsorship.contributions import invoicing, refunds
from sponsorship.contributions.back_models import Refund
from sponsorship.contributions.checkout import send_refund
from sponsorship.contributions.models import Contribution
from sponsorship.letters import service as state_letters
from sponsorship.transparency import letters


def invoice(stage: Stage, pledge_id: uuid.UUID, at: datetime) -> None:
    """Stripe sends an invoice for what is due next."""
    with clock.moved_to(at):
        invoicing.make_invoice(current_app.extensions["placard_stripe"], pledge_id, stage.actor("fund-manager"))


def refunded(stage: Stage, at: datetime) -> None:
    """A payment that was made twice goes back in part: asked for, approved by another, paid, with a credit note."""
    made = giving.pledge_of_visitor("Demo Cooperative", 900_00, at)
    paid = giving.pay(made, PUBLIC, at)
    giving.accept(stage, paid, at + timedelta(days=1))
    with clock.moved_to(at + timedelta(days=2)):
        version = db.session.get_one(Contribution, paid, populate_existing=True).version
        db.session.rollback()
        refund_id = refunds.request_refund(
            paid, 450_00, stage.actor("fund-manager"), "paid_twice",
            "Demonstration: the cooperative had ordered the same payment twice.", version)
    with clock.moved_to(at + timedelta(days=3)):
        version = db.session.get_one(Refund, refund_id, populate_existing=True).version
        db.session.rollback()
        refunds.approve_refund(refund_id, stage.actor("head"), version)
        send_refund(current_app.extensions["placard_stripe"], refund_id)


def call_for_funds(stage: Stage, call_id: uuid.UUID, at: datetime) -> None:
    """Letters to two donors about what the open call lacks."""
    with clock.moved_to(at):
        letters.make_letters(letters.Wish(
            call_id=call_id, subject="Demonstration Biennial Meeting of States C", delegates=60, each=None,
            pay_by=at.date() + timedelta(days=60), words="", name="Demo Head of Fund", office="Head of the fund",
            language="en", addressees=(stage.places["XY"], stage.places["XZ"])), stage.actor("fund-manager"))


def to_states(stage: Stage, call_id: uuid.UUID, at: datetime) -> None:
    """The head of the fund looks through the letters that wait under a call and signs them all."""
    with clock.moved_to(at):
        head = stage.actor("head")
        drafts = state_letters.drafts(call_id, head)
        db.session.rollback()
        state_letters.sign_letters(call_id, {d.waiting.key: d.choice for d in drafts}, state_letters.digest(drafts),
                                   new_id(), head)
