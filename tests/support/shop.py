"""The application served on a port with its Stripe simulator: real HTTP, real signatures, real webhooks.

`from tests.support.shop import shop as shop` gives a test module the fixture; it needs the marker real_database.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from core import clock, jobs, verify
from core.actor import PUBLIC
from core.db import db
from core.money import Money, usd
from sponsorship.contributions import service
from sponsorship.contributions.models import Contribution
from sponsorship.gateways.models import StripeEvent
from sponsorship.gateways.stripe_gateway import StripeGateway
from sponsorship.ledger import service as ledger
from sponsorship.ledger.books import account_by_code
from tests.support.stripe import Simulator


class Shop:
    """The application served on a port, its simulator, and a donor's browser."""

    def __init__(self, app: Any, simulator: Simulator, gateway: StripeGateway, make: Any, folder: Path) -> None:
        self.app, self.simulator, self.gateway, self.make = app, simulator, gateway, make
        self.folder = folder

    def pledge(self, amount: str = "25,000") -> tuple[Any, str]:
        """A visitor goes through the pages; the client and the address of the pledge."""
        client = self.app.test_client()
        client.submit("/donate/", {"amount": amount, "purpose": "general"})
        client.submit("/donate/who", {"donor_kind": "organisation", "donor_name": "Ada Foundation",
                                      "donor_contact": "", "donor_email": "ada@donor.example"})
        answer = client.submit("/donate/check")
        assert answer.status_code == 303, answer.text
        return client, answer.location

    def pay_page(self, client: Any, pledge_url: str) -> str:
        """The address of the payment page."""
        answer = client.submit(f"{pledge_url}pay")
        assert answer.status_code == 303, answer.text
        assert answer.location.startswith(self.simulator.url)
        return str(answer.location)

    def someone(self, *roles: str, **values: Any) -> Any:
        """A person, made after pages were read."""
        db.session.rollback()
        return self.make.person(*roles, **values)

    # --- the same, without the pages ----------------------------------------------------------------------------
    def donor(
        self, amount: Money | None = None, email: str = "ada@donor.example", **values: Any
    ) -> service.PledgeMade:
        """A foundation pledges."""
        wanted = amount or usd(25_000_00)
        return service.make_pledge(service.PledgeDraft(
            uuid.uuid4().hex, wanted.minor, wanted.currency, donor_name="Ada Foundation",
            donor_email=email, **values), PUBLIC)

    def page(self, made: service.PledgeMade, amount_minor: int | None = None) -> str:
        """Open the payment page of a pledge; its address."""
        return service.begin_checkout(
            self.gateway, made.id, PUBLIC, token=made.token, success_url="http://placard.test/paid",
            cancel_url="http://placard.test/back", amount_minor=amount_minor)

    def paid(self, amount: Money | None = None, **values: Any) -> Contribution:
        """A pledge is made and paid by card, and the webhooks have been read. The contribution."""
        made = self.donor(amount, **values)
        self.simulator.press(self.page(made), "pay")
        self.webhooks()
        found: Contribution = self.only(Contribution, pledge_id=made.id)
        return found

    def run(self, *names: str, minutes: float = 0) -> list[str]:
        """Run jobs one after the other, as if so many minutes had passed; what they said."""
        db.session.rollback()
        at = clock.real_now() + timedelta(minutes=minutes)
        words: list[str] = []
        with pytest.MonkeyPatch.context() as patch:
            if minutes:
                patch.setattr(clock, "real_now", lambda: at)
            for name in names:
                outcome = jobs.run(name)
                assert not outcome.failed, name
                words += [word for _item, word in outcome.results]
        return words

    def tidy(self, minutes: float = 0) -> list[str]:
        """All that reads Stripe's lists, once."""
        return self.run("stripe-events", "stripe-inbox", "payout-sweep", "stripe-movements", "stripe-matching",
                        minutes=minutes)

    def account(self, code: str) -> int:
        """The balance of an account of the books, US cents on its debit side."""
        row = account_by_code(code)
        db.session.rollback()
        return row.debits - row.credits

    def at_stripe(self) -> int:
        """All that Stripe holds for the fund, US cents."""
        balance = self.simulator.status()["balance"]
        return int(balance["available"] + balance["pending"])

    def webhooks(self) -> int:
        """Deliver what is due and read it, as the job does; how many events the inbox then holds."""
        db.session.rollback()
        self.simulator.control("deliver-now")
        # what arrived while `run` had put the clock forward is not due by the real one
        db.session.query(StripeEvent).filter(StripeEvent.state == "new", StripeEvent.attempts == 0).update(
            {"due_at": clock.real_now()})
        db.session.commit()
        for _ in range(50):
            jobs.run("stripe-inbox")
            waiting = db.session.query(StripeEvent).filter_by(state="new").count()
            total = db.session.query(StripeEvent).count()
            db.session.rollback()
            if not waiting:
                return total
            time.sleep(0.1)
        raise AssertionError("the inbox was not read")

    def only(self, model: Any, **values: Any) -> Any:
        db.session.rollback()
        row = db.session.query(model).filter_by(**values).one()
        db.session.expunge(row)
        db.session.rollback()  # an open transaction of the test would keep the server waiting on SQLite
        return row

    def no_faults(self) -> None:
        assert self.faults() == []

    def faults(self) -> list[str]:
        """What `verify` finds wrong with money."""
        db.session.rollback()
        wanted = ("contributions.", "ledger.", "gateways.")
        found = [f for c in verify.run_all() if c.name.startswith(wanted) for f in c.faults]
        db.session.rollback()
        return found


@pytest.fixture
def shop(app: Any, make: Any, tmp_path: Path) -> Iterator[Shop]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings = app.extensions["placard_settings"]
    simulator = Simulator(tmp_path, f"http://127.0.0.1:{server.port}/webhooks/stripe", settings.stripe_webhook_secret)
    settings = replace(settings, stripe_api_base=simulator.url, checkout_origin=simulator.url)
    app.extensions["placard_settings"] = settings
    app.extensions["placard_stripe"] = StripeGateway(settings)
    ledger.open_pool("general", "Unearmarked money")
    try:
        yield Shop(app, simulator, app.extensions["placard_stripe"], make, tmp_path)
    finally:
        simulator.stop()
        server.shutdown()
        server.server_close()
