"""Pledges and payments for tests, made through the rooms' own commands. A payment here is a transfer that an officer
recorded: it needs no provider."""

from __future__ import annotations

import re
import uuid
from datetime import date, timedelta
from typing import Any

from core import clock
from core.actor import PUBLIC, Actor, person
from core.db import command, db, lock
from core.money import Money
from sponsorship.contributions import money_in, payments, service
from sponsorship.contributions.models import Pledge
from sponsorship.contributions.schedules import Part
from sponsorship.contributions.valuation import value_of
from sponsorship.ledger import service as ledger
from tests.support.rates import put_rates

EUR = "0.92"


def fresh(model: Any, key: uuid.UUID) -> Any:
    db.session.expire_all()
    return db.session.get(model, key)


def in_days(days: int) -> date:
    return clock.today() + timedelta(days=days)


class Fund:
    """A fund manager, a head of the fund, a requesting officer; a State with an account; pools and, on request, rates
    of today."""

    def __init__(self, make: Any, *, rates: bool = False, code: str = "XC") -> None:
        self.make = make
        self.people = {role: make.person(role) for role in ("fund_manager", "head_of_fund", "requesting_officer")}
        self._ids = {role: found.id for role, found in self.people.items()}
        self.state: uuid.UUID = make.state(code, facts=())
        self.donor_person = make.person("donor", organisation=self.state)
        self._donor = self.donor_person.id
        self.general = ledger.open_pool("general", "Unearmarked money")
        self.women = ledger.open_pool("women", "Women delegates", {"sex": ["female"]})
        if rates:
            put_rates({"EUR": EUR, "JPY": "150", "KWD": "0.307", "GBP": "0.79"}, clock.today())

    @property
    def manager(self) -> Actor:
        return person(self._ids["fund_manager"])

    @property
    def head(self) -> Actor:
        return person(self._ids["head_of_fund"])

    @property
    def officer(self) -> Actor:
        return person(self._ids["requesting_officer"])

    @property
    def donor(self) -> Actor:
        return person(self._donor)

    def agreement(self, organisation: uuid.UUID | None = None, **values: Any) -> uuid.UUID:
        terms = service.AgreementTerms(**{
            "organisation_id": organisation or self.state, "reference": f"NV/{uuid.uuid4().hex[:8]}",
            "exchange_of_letters": in_days(-30), "support_rate_bp": 1300, "end_date": None, **values})
        return service.record_agreement(terms, self.manager)

    def pledge(self, amount: int = 90_000_00, *days: int, organisation: uuid.UUID | None = None, **values: Any
               ) -> uuid.UUID:
        """A State's pledge in as many equal instalments as there are `days` from today."""
        each = amount // len(days) if days else 0
        parts = tuple(Part(each if n < len(days) else amount - each * (len(days) - 1), in_days(day))
                      for n, day in enumerate(days, 1))
        draft = service.PledgeDraft(**{"draft_key": uuid.uuid4().hex, "amount_minor": amount, "parts": parts,
                                       "organisation_id": organisation or self.state, **values})
        return service.record_pledge(draft, self.manager).id

    def named(self, amount: int = 5_000_00, *days: int, **values: Any) -> service.PledgeMade:
        """A pledge of a donor without an account."""
        each = amount // len(days) if days else 0
        parts = tuple(Part(each, in_days(day)) for day in days)
        return service.make_pledge(service.PledgeDraft(**{
            "draft_key": uuid.uuid4().hex, "amount_minor": amount, "parts": parts, "donor_name": "Ada Foundation",
            "donor_contact": "Ada L.", "donor_email": "ada@donor.example", **values}), PUBLIC)

    def pay(self, pledge_id: uuid.UUID, minor: int, *, paid: Money | None = None) -> uuid.UUID:
        """A transfer that settles so much of the pledge. The contribution."""
        return _deposit(pledge_id, minor, paid, self.officer)

    def version(self, pledge_id: uuid.UUID) -> int:
        return int(fresh(Pledge, pledge_id).version)

    def state_of(self, pledge_id: uuid.UUID) -> str:
        return str(fresh(Pledge, pledge_id).state)


@command
def _deposit(pledge_id: uuid.UUID, minor: int, paid: Money | None, officer: Actor) -> uuid.UUID:
    pledge = lock(Pledge, pledge_id)
    amount = paid or Money(minor, pledge.currency)
    row = payments.new_contribution(pledge, amount, officer, method="transfer")
    row.bank_reference, row.confirmed_by, row.value_date = f"BANK/{row.id.hex}", officer.person_id, clock.today()
    worth = value_of(amount, clock.today()).usd_minor
    came = money_in.Came(amount, 0, worth, minor, f"bank:{row.id}", clock.today(), "bank")
    money_in.record_money(pledge, row, came, officer, moves=("confirm", "confirm_held"))
    return row.id


# --- pages ------------------------------------------------------------------------------------------------------
AMOUNT = {"amount": "25,000", "purpose": "general"}
DONOR = {"donor_kind": "organisation", "donor_name": "Ada Foundation", "donor_contact": "Ada L.",
         "donor_email": "ada@donor.example"}


def error_of(html: str, field: str) -> str:
    """The message beside a field."""
    found = re.search(rf'id="{field}-error">(.*?)</p>', html, re.DOTALL)
    return re.sub("<[^>]+>", "", found[1]) if found else ""


def main_of(html: str) -> str:
    """The page without its navigation."""
    return html.partition("<main")[2].partition("</main>")[0]


def words_of(html: str) -> str:
    """What a person reads of the page's main part."""
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", main_of(html)))


def seen(html: str) -> dict[str, str]:
    """The mark that a check page carries of what it showed."""
    found = re.search(r'name="seen" value="([0-9a-f]+)"', html)
    assert found, "the page offers nothing to confirm"
    return {"seen": found[1]}


def rows(*parts: tuple[str, str]) -> dict[str, str]:
    """Rows of instalments as a form sends them: (day, amount)."""
    return {f"instalments-{n}-{name}": value for n, part in enumerate(parts)
            for name, value in zip(("due_on", "amount"), part, strict=True)}
