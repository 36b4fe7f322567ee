"""The application served on a port with its Stripe simulator: real HTTP, real signatures, real webhooks.

`from tests.support.shop import shop as shop` gives a test module the fixture; it needs the marker real_database.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
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


class Street:
    """The one simulator of a worker, started once, and the port to which it sends its webhooks: they reach whichever
    application has its shop open, and otherwise nobody."""

    SECRET = "whsec_of_the_tests"

    def __init__(self, folder: Path) -> None:
        self.folder, self._app, self._busy, self._change = folder, None, 0, threading.Condition()
        self._server = make_server("127.0.0.1", 0, self._hear, threaded=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.simulator = Simulator(folder, f"http://127.0.0.1:{self._server.port}/webhooks/stripe", self.SECRET)

    def _hear(self, environ: Any, start_response: Any) -> list[bytes]:
        with self._change:
            app = self._app
            self._busy += app is not None
        if app is None:
            start_response("503 Service Unavailable", [])
            return [b""]
        try:
            answer = app(environ, start_response)
            try:
                return [b"".join(answer)]
            finally:
                answer.close()
        finally:
            with self._change:
                self._busy -= 1
                self._change.notify_all()

    @contextmanager
    def shop_open(self, app: Any) -> Iterator[None]:
        """Webhooks reach `app`; afterwards the simulator has forgotten everything."""
        self._app = app
        try:
            yield
        finally:
            db.session.rollback()  # a webhook would wait for what a test left open
            with self._change:
                self._app = None
                assert self._change.wait_for(lambda: not self._busy, 30), "a webhook is still being read"
            self.simulator.control("reset")

    def close(self) -> None:
        self.simulator.stop()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def shop(app: Any, make: Any, street: Street) -> Iterator[Shop]:
    url = street.simulator.url
    settings = replace(app.extensions["placard_settings"], stripe_api_base=url, checkout_origin=url,
                       stripe_webhook_secret=street.SECRET)
    app.extensions["placard_settings"] = settings
    app.extensions["placard_stripe"] = StripeGateway(settings)
    ledger.open_pool("general", "Unearmarked money")
    with street.shop_open(app):
        yield Shop(app, street.simulator, app.extensions["placard_stripe"], make, street.folder)
