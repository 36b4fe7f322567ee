"""What pages and commands may know about entitlements: rates on record, quotes, the calculation of an award."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import aliased

from accounts.queries import person_labels
from core import clock
from core.db import db, get
from core.errors import NotFound
from core.machines import State
from core.money import Money, usd
from core.web.tables import TableQuery
from meetings.calendar.queries import MeetingRow, meeting_by_id
from sponsorship.applications.queries import CallRow, call_by_id
from sponsorship.awards.dsa_csv import DsaFile, Key, RateLine, WrongLine
from sponsorship.awards.entitlement import (
    PARTS,
    DayRate,
    Line,
    NoRate,
    Trip,
    dsa_lines,
    terminal_lines,
    totals,
)
from sponsorship.awards.entitlement_models import AwardBasis, AwardJourney, DsaImport, DsaRate, FareQuote
from sponsorship.awards.models import Award, AwardLine
from sponsorship.awards.travel_settings import place_key


# --- rates on record --------------------------------------------------------------------------------------------
def rates_of(place: str, country: str) -> Callable[[date], DayRate | None]:
    """The live rates of one place, in one query: which holds on a day (the newest that began by then, else None)."""
    rows = db.session.execute(
        select(DsaRate.usd_minor, DsaRate.valid_from, DsaRate.place, DsaImport.source)
        .join(DsaImport, DsaImport.id == DsaRate.import_id)
        .where(DsaRate.country == country.upper(), DsaRate.place_key == place_key(place),
               DsaRate.withdrawn_at.is_(None))
        .order_by(DsaRate.valid_from)
    ).all()
    found = [DayRate(r.place, r.usd_minor, r.valid_from, r.source) for r in rows]

    def on(day: date) -> DayRate | None:
        return next((rate for rate in reversed(found) if rate.valid_from <= day), None)

    return on


@dataclass(frozen=True)
class DsaRateRow:
    """A live rate in the list."""

    id: uuid.UUID
    country: str
    place: str
    valid_from: date
    usd_minor: int
    import_id: uuid.UUID
    source: str
    line: int

    @property
    def rate(self) -> Money:
        return usd(self.usd_minor)


def list_rates(query: TableQuery, import_id: uuid.UUID | None = None) -> tuple[list[DsaRateRow], int]:
    """Live rates by place and day, or every rate of one import. Filter: q (part of a place)."""
    where: list[ColumnElement[bool]] = (
        [DsaRate.withdrawn_at.is_(None)] if import_id is None else [DsaRate.import_id == import_id])
    if words := query.get("q"):
        where.append(DsaRate.place_key.contains(place_key(words), autoescape=True))
    total = db.session.scalar(select(func.count()).select_from(DsaRate).where(*where)) or 0
    statement = (
        select(DsaRate, DsaImport.source).join(DsaImport, DsaImport.id == DsaRate.import_id).where(*where)
        .order_by(DsaRate.place_key, DsaRate.country, DsaRate.valid_from.desc())
    )
    if query.format is None:
        statement = statement.offset(query.offset).limit(query.limit)
    return [DsaRateRow(r.id, r.country, r.place, r.valid_from, r.usd_minor, r.import_id, source, r.line)
            for r, source in db.session.execute(statement).all()], total


@dataclass(frozen=True)
class DsaImportRow:
    """A file that was imported."""

    id: uuid.UUID
    source: str
    file_id: uuid.UUID
    file_name: str
    sha256: str
    rates: int
    imported_at: datetime
    imported_by: str
    withdrawn_at: datetime | None
    withdrawn_by: str | None

    @property
    def status(self) -> State:
        from flask_babel import gettext as _

        return State("withdrawn", _("Withdrawn"), "stopped") if self.withdrawn_at else State("live", _("In force"),
                                                                                             "done")


def _imports(rows: Iterable[DsaImport]) -> list[DsaImportRow]:
    found = list(rows)
    people = person_labels([r.imported_by for r in found] + [r.withdrawn_by for r in found])
    return [DsaImportRow(r.id, r.source, r.file_id, r.file_name, r.sha256, r.rates, r.imported_at,
                         people.get(r.imported_by, ""), r.withdrawn_at,
                         people.get(r.withdrawn_by) if r.withdrawn_by else None) for r in found]


def list_imports(query: TableQuery) -> tuple[list[DsaImportRow], int]:
    """Imported files, the newest first."""
    total = db.session.scalar(select(func.count()).select_from(DsaImport)) or 0
    statement = select(DsaImport).order_by(DsaImport.imported_at.desc(), DsaImport.id)
    if query.format is None:
        statement = statement.offset(query.offset).limit(query.limit)
    return _imports(db.session.scalars(statement)), total


def import_by_id(import_id: uuid.UUID) -> DsaImportRow:
    """Raises NotFound."""
    return _imports([get(DsaImport, import_id)])[0]


@dataclass(frozen=True)
class Judged:
    """A file beside what is on record: rates that are new, how many are known already, every wrong line."""

    new: tuple[RateLine, ...]
    known: int
    repeated: int
    wrong: tuple[WrongLine, ...]

    @property
    def usable(self) -> bool:
        return bool(self.new) and not self.wrong


def judge(read: DsaFile) -> Judged:
    """Compare with the live rates: one query. A rate on record with another value makes its line wrong."""
    from flask_babel import gettext as _

    from core.web.formats import format_money

    live: dict[Key, int] = {
        (r.country, r.place_key, r.valid_from): r.usd_minor for r in db.session.execute(
            select(DsaRate.country, DsaRate.place_key, DsaRate.valid_from, DsaRate.usd_minor)
            .where(DsaRate.withdrawn_at.is_(None), DsaRate.country.in_({r.country for r in read.rates})))
    }
    new, wrong, known = [], list(read.wrong), 0
    for rate in read.rates:
        stands = live.get(rate.key)
        if stands is None:
            new.append(rate)
        elif stands == rate.usd_minor:
            known += 1
        else:
            wrong.append(WrongLine(rate.line, f"{rate.place}, {rate.country}", _(
                "%(rate)s is on record for this place and day; withdraw that import first", rate=format_money(
                    usd(stands)))))
    return Judged(tuple(new), known, read.repeated, tuple(sorted(wrong, key=lambda w: w.line)))


# --- quotes -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class QuoteRow:
    """A fare quote."""

    id: uuid.UUID
    amount: Money
    usd: Money
    rate: str | None
    rate_source: str | None
    rate_date: date | None
    source: str
    quoted_on: date
    expires_at: datetime
    recorded_at: datetime
    recorded_by: uuid.UUID

    @property
    def expired(self) -> bool:
        return self.expires_at <= clock.now()


def _quote(row: FareQuote) -> QuoteRow:
    return QuoteRow(row.id, Money(row.amount_minor, row.currency), usd(row.usd_minor), row.rate, row.rate_source,
                    row.rate_date, row.source, row.quoted_on, row.expires_at, row.recorded_at, row.recorded_by)


def quotes_of(award_id: uuid.UUID) -> list[QuoteRow]:
    """The quotes of an award, the newest (which counts) first."""
    rows = db.session.scalars(
        select(FareQuote).where(FareQuote.award_id == award_id)
        .order_by(FareQuote.recorded_at.desc(), FareQuote.id.desc()))
    return [_quote(row) for row in rows]


# --- the calculation --------------------------------------------------------------------------------------------
def basis_of(award_id: uuid.UUID) -> list[Line]:
    """The lines that the estimate of an award rests on; empty while it rests on the call's or an officer's figures."""
    rows = db.session.scalars(select(AwardBasis).where(AwardBasis.award_id == award_id).order_by(AwardBasis.n))
    return [Line(r.kind, r.rule, r.day, r.place, r.rate_minor, r.share_bp, r.amount_minor, r.source, r.source_from,
                 tuple(r.given)) for r in rows]


def planned_trip(award: Award, call: CallRow, meeting: MeetingRow, journey: AwardJourney | None) -> Trip:
    """The journey of an award as it is planned. The days of the meeting that are paid are the call's, unless the
    journey says otherwise."""
    start, end = award.travel_from, award.travel_to
    # a meeting postponed without dates: the dates it had still stand in the travel dates
    first = meeting.start_date or start + timedelta(days=award.days_before)
    last = meeting.end_date or end - timedelta(days=award.days_after)
    covered = call.part_of(first)
    if journey is not None and journey.covered_from is not None and journey.covered_to is not None:
        covered = first + timedelta(days=journey.covered_from - 1), first + timedelta(days=journey.covered_to - 1)
    if covered is not None:  # a meeting that became shorter takes its end along
        covered = min(covered[0], last), min(covered[1], last)
    if journey is None:
        return Trip(meeting.city or "", start, end, first, last, covered=covered)
    on_days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return Trip(
        meeting.city or "", start, end, first, last,
        nights_in_air=frozenset(start + timedelta(days=n) for n in journey.nights_in_air),
        provided={day: frozenset(journey.provided) for day in on_days} if journey.provided else {},
        hours=journey.hours, covered=covered, cars=frozenset(journey.cars),
    )


@dataclass(frozen=True)
class Calculated:
    """An award's entitlement line by line. `missing` holds what could not be reckoned: (place, day) without a rate;
    the call's own figure stands for it then. Amounts in US cents."""

    trip: Trip
    lines: tuple[Line, ...]
    quote: QuoteRow | None
    missing: NoRate | None

    @property
    def by_kind(self) -> dict[str, int]:
        return totals(self.lines)

    @property
    def total(self) -> Money:
        return usd(sum(self.by_kind.values()))


def _fallback(kind: str, minor: int, call: CallRow) -> list[Line]:
    if minor <= 0:
        return []
    return [Line(kind, "call_estimate", None, "", minor, 10_000, minor, call.reference, call.opens_at.date())]


def calculate(award: Award) -> Calculated:
    """Reckon an award for its planned days, by its package, its newest quote and the rates on record. A fixed number of
    queries. Raises NotFound."""
    call, meeting = call_by_id(award.call_id), meeting_by_id(award.meeting_id)
    trip = planned_trip(award, call, meeting, db.session.get(AwardJourney, award.id))
    parts = PARTS[call.package]
    quote = next(iter(quotes_of(award.id)), None)
    lines: list[Line] = []
    missing: NoRate | None = None
    if "ticket" in parts:
        if quote is not None:
            lines.append(Line("ticket", "quote", None, "", quote.usd.minor, 10_000, quote.usd.minor, quote.source,
                              quote.quoted_on))
        else:
            lines += _fallback("ticket", call.estimate_ticket_minor, call)
    if "dsa" in parts:
        try:
            lines += dsa_lines(trip, rates_of(trip.place, meeting.country_code or ""))
        except NoRate as lacking:
            missing = lacking
            lines += _fallback("dsa", call.estimate_dsa_minor, call)
    if "terminal" in parts:
        lines += terminal_lines(trip)
    return Calculated(trip, tuple(lines), quote, missing)


@dataclass(frozen=True)
class EntitlementPage:
    """What the page of an entitlement shows: the calculation now, the lines the estimate rests on, and whether they
    agree. `estimate` is the award's, US cents by kind."""

    award: Award
    now: Calculated
    basis: tuple[Line, ...]
    quotes: tuple[QuoteRow, ...]
    estimate: dict[str, int]
    journey: AwardJourney | None
    people: dict[uuid.UUID, str]

    @property
    def agrees(self) -> bool:
        return self.estimate == self.now.by_kind and bool(self.basis)


def entitlement_page(award_id: uuid.UUID) -> EntitlementPage:
    """Raises NotFound."""
    award = db.session.get(Award, award_id)
    if award is None:
        raise NotFound()
    quotes = quotes_of(award_id)
    lines = dict(db.session.execute(
        select(AwardLine.kind, AwardLine.amount_minor).where(AwardLine.award_id == award_id)).all())
    return EntitlementPage(award, calculate(award), tuple(basis_of(award_id)), tuple(quotes), lines,
                           db.session.get(AwardJourney, award_id), person_labels([q.recorded_by for q in quotes]))


def expired_quote_in_use(award_id: uuid.UUID, now: datetime) -> QuoteRow | None:
    """The quote that the ticket line of this award rests on, or would, if it has expired by `now`. A quote counts until
    a newer one takes its place."""
    newer = aliased(FareQuote)
    row = db.session.scalar(
        select(FareQuote).where(
            FareQuote.award_id == award_id,
            ~select(newer.id).where(newer.award_id == award_id, newer.recorded_at > FareQuote.recorded_at).exists())
        .order_by(FareQuote.id.desc()).limit(1))
    return _quote(row) if row is not None and row.expires_at <= now else None
