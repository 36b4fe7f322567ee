"""Donors, officers, rates and awards for tests that let anything happen to money, and what the books say of it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

from sqlalchemy import and_, select, text

from core import clock
from core.actor import PUBLIC, Actor, person, system
from core.db import db
from core.money import Money
from sponsorship.contributions import service
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.ledger import service as ledger
from sponsorship.ledger.models import Lot
from sponsorship.ledger.queries import pool_figures
from sponsorship.transparency.queries import fund_page
from sponsorship.transparency.statement_sums import NOTHING, SOURCE, Period, Sums, of_everybody, sums_by
from sponsorship.transparency.statements import statement
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


def sides() -> dict[Any, Sums]:
    """What the statements say of each donor's money until now, by the sums that make them; the donor is an organisation
    or, without one, a pledge. Exchange gains of the fund itself stand under FUND."""
    givers = {row.id: row.organisation_id or row.pledge_id for row in db.session.execute(
        select(Lot.id, Pledge.organisation_id, Pledge.id.label("pledge_id"))
        .join(Contribution, and_(Lot.source_type == SOURCE, Lot.source_id == Contribution.id))
        .join(Pledge, Pledge.id == Contribution.pledge_id))}
    found: dict[Any, Sums] = {}
    for lot, sums in sums_by(Lot.id, of_everybody, Period()).items():
        giver = givers.get(lot, FUND)
        found[giver] = found.get(giver, NOTHING) + sums
    return found


def in_words(sums: Sums) -> dict[str, int]:
    """By the words of money_flows; the books call what an open dispute holds paid back, as they do what is lost."""
    return {
        "gross": sums.received.minor, "exchange": sums.exchange.minor, "fee": sums.fees.minor,
        "refund": sums.refunded.minor + sums.disputed.minor, "loss": sums.losses.minor,
        "reserved": sums.reserved.minor, "direct": sums.spent_direct.minor,
        "support": sums.spent_support.minor, "unspent": sums.unspent.minor,
    }


def statements_agree(donors: list[Donor]) -> None:
    """Every State's statement is what its money's sums say, of all time and of two periods that meet; and those of all
    donors together, with what is no donor's, are the fund's."""
    found, today = sides(), clock.today()
    for donor in donors:
        if donor.organisation is not None:
            whole = statement(donor.organisation, None, today)
            assert whole.total == found.get(donor.organisation, NOTHING), donor.code
            day = today - timedelta(days=9)
            early = statement(donor.organisation, None, day).total
            late = statement(donor.organisation, day + timedelta(days=1), today).total
            assert (early.closing, early.closing_reserved) == (late.opening, late.opening_reserved)
            assert (late.closing, late.closing_reserved) == (whole.total.closing, whole.total.closing_reserved)
            spent = whole.total.spent_direct + whole.total.spent_support
            assert sum((part.total for part in whole.spending), Money.zero()) == spent
    together, fund = sum(found.values(), NOTHING), fund_page().totals
    for ours, theirs in (("received", "received"), ("exchange", "exchange"), ("refunded", "refunded"),
                         ("disputed", "disputed"), ("fees", "fees"), ("losses", "losses"),
                         ("spent_direct", "spent_direct"), ("spent_support", "spent_support"),
                         ("reserved", "reserved"), ("unspent", "available")):
        assert getattr(together, ours) == getattr(fund, theirs), ours
