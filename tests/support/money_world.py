"""Donors, officers, rates and awards for tests that let anything happen to money, and what the books say of it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

from sqlalchemy import text

from core import clock
from core.actor import PUBLIC, Actor, person, system
from core.db import db
from sponsorship.contributions import service
from sponsorship.ledger import service as ledger
from sponsorship.ledger.queries import pool_figures
from tests.support.award_story import AwardStory
from tests.support.money_flows import FUND
from tests.support.money_model import Terms
from tests.support.rates import put_file, un_file
from tests.support.stripe_memory import MemoryStripe

TESTS = system("tests")
START = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
CURRENCIES = ("USD", "EUR", "JPY", "KWD")
_RATES = {"EUR": "0.92", "JPY": "150.8", "KWD": "0.3068"}
# what Stripe pays for one unit: near the rates on record, never the same
WORTH = {"EUR": Fraction(27, 25), "JPY": Fraction(13, 2000), "KWD": Fraction(81, 25)}


def rates() -> list[tuple[date, str, str]]:
    """A rate of every currency each week, none like the one before."""
    found = []
    for week in range(30):
        for currency, rate in _RATES.items():
            moved = Fraction(rate) * (100 + (week * 7) % 11 - 5) / 100
            found.append(((START + timedelta(days=7 * week - 7)).date(), currency, f"{float(moved):.6f}"))
    return found


@dataclass
class Donor:
    """Who gives: a State with its actor, or a donor named on the pledge (no organisation)."""

    code: str
    actor: Actor
    organisation: uuid.UUID | None = None
    terms: Terms | None = None


@dataclass
class World:
    """`World(make)` under a clock that stands at START: a State under an agreement of 13 % that ends, two without one
    (`exchange_letters` makes it), a foundation without an account; three pools; five awards decided."""

    make: Any
    stripe: MemoryStripe = field(default_factory=lambda: MemoryStripe(worth=dict(WORTH)))

    def __post_init__(self) -> None:
        self.rates = rates()
        with clock.moved_to(START + timedelta(weeks=30)):  # nobody imports what lies months ahead
            put_file(un_file([(currency, rate, str(day)) for day, currency, rate in self.rates]))
        self.general = ledger.open_pool("general", "General", is_demo=True)
        self.ldc = ledger.open_pool("ldc", "Least developed", {"facts": ["ldc"]}, is_demo=True)
        self.women = ledger.open_pool("women", "Women", {"sex": ["female"]}, is_demo=True)
        self.pools = [self.general, self.ldc, self.women]
        self.story = AwardStory(self.make, states=5, recommended=3, money=0, pools=(self.ldc, self.women),
                                meeting=self.make.meeting(start_date=(START + timedelta(days=60)).date()))
        self.call_pools = {state: [*([self.ldc] if ldc else []), self.women, self.general]
                           for state, ldc in zip(self.story.states, (True, False, False, True, False), strict=True)}
        self.awards = self.story.decide()
        self.officer = person(self.make.person("fund_manager").id)
        self.donors = [self._state("XW"), self._state("XY"), self._state("XZ"),
                       Donor("a foundation", PUBLIC)]
        self.donors[2].terms = self.exchange_letters(self.donors[2], self.ldc, 1300, timedelta(days=45))
        db.session.commit()

    def _state(self, code: str) -> Donor:
        state = self.make.state(code, f"Donor State {code}", facts=())
        return Donor(code, person(self.make.person("donor", organisation=state).id), state)

    def exchange_letters(self, donor: Donor, pool: uuid.UUID, rate_bp: int, lasts: timedelta | None = None) -> Terms:
        """Record the donor's agreement, from today on."""
        assert donor.organisation is not None
        end = (clock.now() + lasts).date() if lasts else None
        made = service.record_agreement(
            service.AgreementTerms(donor.organisation, "NV/1", clock.today(), rate_bp, end, pool), self.officer)
        return Terms(made, pool, rate_bp, clock.today(), end)


# --- what the books say -------------------------------------------------------------------------------------------
_COMMON = {"bank": "bank", "stripe_clearing": "stripe", "suspense_fees": "suspense_fee", "refunds_due": "due",
           "support_costs_due": "support_due"}


def common_figures() -> dict[str, int]:
    """Balances of the accounts that pools share, US cents on their normal side."""
    rows = {row.code: int(row.balance) for row in db.session.execute(text(
        "SELECT code, (debits_posted - credits_posted) * (CASE side WHEN 'D' THEN 1 ELSE -1 END) AS balance "
        "FROM account WHERE pool_id IS NULL"))}
    found = {name: rows[code] for code, name in _COMMON.items()}
    return {**found, "suspense": rows["suspense"] - rows["suspense_exchange"]}


def figures_of_pools() -> dict[uuid.UUID, dict[str, int]]:
    """Every pool's figures by the words of money_flows."""
    return {
        f.pool_id: {
            "gross": f.received, "exchange": f.exchange, "fee": f.fees, "refund": f.refunded, "loss": f.losses,
            "reserved": f.reserved, "direct": f.spent_direct, "support": f.spent_support, "unspent": f.available,
            "short": f.shortfall, "transit": f.in_transit,
        } for f in pool_figures()
    }


_LEGS = (
    "SELECT e.id, e.kind, coalesce(s.source_type, e.subject_type) AS subject_type, "
    "coalesce(s.source_id, e.subject_id) AS subject_id, a.kind AS account, "
    "sum(CASE l.side WHEN 'D' THEN l.usd_minor ELSE -l.usd_minor END) AS amount FROM leg l "
    "JOIN entry e ON e.id = l.entry_id JOIN account a ON a.id = l.account_id "
    "LEFT JOIN shortfall s ON e.subject_type = 'shortfall' AND s.entry_id = e.subject_id "
    "WHERE a.kind IN ('received', 'exchange', 'fees', 'refunded') GROUP BY e.id, e.kind, 3, 4, a.kind"
)
_MOVED = ("SELECT m.entry_id, m.lot_id, m.part, m.amount_minor, e.kind FROM lot_movement m "
          "JOIN entry e ON e.id = m.entry_id")
_GIVERS = ("SELECT c.id, coalesce(p.organisation_id, p.id) AS donor FROM contribution c "
           "JOIN pledge p ON p.id = c.pledge_id")


def sides() -> dict[Any, dict[str, int]]:
    """What became of each donor's money, from the lots and what moved them; the donor is an organisation or, without
    one, a pledge. Exchange gains of the fund itself stand under FUND."""
    donors = {_uuid(row.id): _uuid(row.donor) for row in db.session.execute(text(_GIVERS))}
    lots = {_uuid(row.id): row for row in db.session.execute(text(
        "SELECT id, source_type, source_id, entry_id, amount_minor - reserved_minor - spent_minor - charged_minor "
        "AS free FROM lot"))}
    opens = {_uuid(lot.entry_id): lot for lot in lots.values()}
    found: dict[Any, dict[str, int]] = {}

    def add(kind: str, source: Any, what: str, amount: int) -> None:
        donor = donors[_uuid(source)] if kind == "contribution" else FUND
        side = found.setdefault(donor, dict.fromkeys(
            ("gross", "exchange", "fee", "refund", "loss", "reserved", "direct", "support", "unspent"), 0))
        side[what] += int(amount)

    borne: dict[Any, int] = {}
    for row in db.session.execute(text(_MOVED)):
        lot = lots[_uuid(row.lot_id)]
        if row.part == "fee" and row.kind.startswith("exchange"):
            add(lot.source_type, lot.source_id, "exchange", -row.amount_minor)
        elif row.part != "refund":
            add(lot.source_type, lot.source_id, row.part, row.amount_minor)
        if row.part == "fee":
            borne[_uuid(row.entry_id)] = borne.get(_uuid(row.entry_id), 0) + row.amount_minor
    for row in db.session.execute(text(_LEGS)):
        entry, lot = _uuid(row.id), opens.get(_uuid(row.id))
        kind, source = (lot.source_type, lot.source_id) if lot else (row.subject_type, row.subject_id)
        if row.account == "received":
            add(kind, source, "gross", -row.amount)
        elif row.account == "exchange" and lot is not None:
            add(kind, source, "exchange", -row.amount)
        elif row.account == "refunded":
            add(row.subject_type, row.subject_id, "refund", row.amount)
        elif row.account == "fees" and (row.subject_type == "contribution"):
            add("contribution", row.subject_id, "fee", row.amount - borne.get(entry, 0))
    for lot in lots.values():
        add(lot.source_type, lot.source_id, "unspent", lot.free)
    return found


def _uuid(value: Any) -> Any:
    """SQLite gives identifiers as text when asked by plain SQL."""
    return value if value is None or isinstance(value, uuid.UUID) else uuid.UUID(value)
