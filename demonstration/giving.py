"""Donors pledge and pay, through the same steps as the pages and the same simulator as a visitor."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
import uuid
from datetime import datetime
from typing import Any

from flask import current_app
from sqlalchemy import select

from core import clock
from core.actor import PUBLIC, Actor
from core.db import db
from core.web.links import absolute
from demonstration.cast import DOMAIN
from demonstration.stage import Stage
from sponsorship.contributions import checkout, donor_checks, money_in
from sponsorship.contributions.models import Contribution
from sponsorship.contributions.movements import match
from sponsorship.contributions.pledges import PledgeDraft, PledgeMade, make_pledge
from sponsorship.gateways import movements, payouts
from sponsorship.gateways.money_models import StripePayout


def pledge_of_state(stage: Stage, donor: str, code: str, amount_minor: int, at: datetime) -> PledgeMade:
    with clock.moved_to(at):
        return make_pledge(PledgeDraft(draft_key=uuid.uuid4().hex, amount_minor=amount_minor,
                                       organisation_id=stage.places[code]), stage.actor(donor))


def pledge_of_visitor(name: str, amount_minor: int, at: datetime) -> PledgeMade:
    with clock.moved_to(at):
        return make_pledge(PledgeDraft(
            draft_key=uuid.uuid4().hex, amount_minor=amount_minor, donor_kind="organisation", donor_name=name,
            donor_contact="Demo Contact", donor_email=f"foundation@{DOMAIN}"), PUBLIC)


def pay(made: PledgeMade, actor: Actor, at: datetime, button: str = "pay") -> uuid.UUID:
    """Open Checkout, press `button` on the simulator's page, and ask Stripe what became of it. The contribution."""
    gateway = current_app.extensions["placard_stripe"]
    with clock.moved_to(at):
        address = checkout.begin_checkout(
            gateway, made.id, actor, token=made.token, success_url=absolute("calendar.home"),
            cancel_url=absolute("calendar.home"))
        _press(address, button)
        contribution_id = db.session.scalars(
            select(Contribution.id).where(Contribution.pledge_id == made.id).order_by(Contribution.attempt.desc())
        ).first()
        assert contribution_id is not None
        db.session.rollback()
        checkout.ask(gateway, contribution_id)
    return contribution_id


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: object, **_kwargs: object) -> None:
        return None


def _press(address: str, button: str) -> None:
    """Send the simulator's form as a browser would; where it leads afterwards does not matter here."""
    if not address.startswith("http://127.0.0.1:"):
        raise RuntimeError("the demonstration pays at the simulator only")
    data = urllib.parse.urlencode({"action": button, "email": f"payer@{DOMAIN}", "name": ""}).encode()
    try:
        urllib.request.build_opener(_Stay).open(urllib.request.Request(address, data=data), timeout=10)
    except urllib.error.HTTPError as answer:
        if answer.code not in (302, 303, 402):
            raise


def pay_out(stage: Stage, at: datetime) -> None:
    """Stripe pays to the fund's bank account what it holds, so that the bank can pay for journeys; an officer finds it
    on the bank's statement. Stripe's own dates are real ones, whatever the business clock says."""
    gateway = current_app.extensions["placard_stripe"]
    with clock.moved_to(at):
        at_simulator("balance", available=True)
        payout_id = at_simulator("payouts")["data"][0]["id"]
        at_simulator(f"payouts/{payout_id}", status="paid")
        payouts.ask(gateway, payout_id)
        movements.gather(gateway)
        for movement_id, _due, _word in movements.due(at, 1000):
            db.session.rollback()
            match(movement_id)
        row = db.session.scalars(select(StripePayout).where(StripePayout.payout_id == payout_id)).one()
        db.session.rollback()
        payouts.confirm_arrival(row.id, "DEMO-STATEMENT-1", clock.real_now().date(), row.amount_minor,
                                stage.actor("requesting"))


def at_simulator(path: str, **values: object) -> dict[str, Any]:
    """Press one of the simulator's switches."""
    base = current_app.extensions["placard_settings"].stripe_api_base or ""
    if not base.startswith("http://127.0.0.1:"):
        raise RuntimeError("the demonstration moves the simulator's money only")
    request = urllib.request.Request(f"{base}/_simulator/{path}", data=json.dumps(values).encode(),
                                     headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def accept(stage: Stage, contribution_id: uuid.UUID, at: datetime) -> None:
    with clock.moved_to(at):
        pledge_id = db.session.scalar(select(Contribution.pledge_id).where(Contribution.id == contribution_id))
        assert pledge_id is not None
        db.session.rollback()
        donor_checks.record_check(pledge_id, "clear", "Demonstration: register, statutes and sanctions list.",
                                  stage.actor("fund-manager"))
        money_in.accept(contribution_id, stage.actor("head"), "Demonstration: register and statutes were checked.")
