"""What a file of rates says, line by line, and what is wrong with it. No database, no provider: pure reading."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache

from babel.numbers import get_currency_name, list_currencies
from flask_babel import get_locale
from flask_babel import gettext as _

from core import clock
from core.errors import RuleBroken
from core.web.fields import parse_day
from core.web.formats import format_day
from sponsorship.gateways.rate_models import MAX_DECIMALS, MAX_WHOLE
from sponsorship.gateways.rate_sources import BOOKS_CURRENCY, RateSource

MAX_BYTES = 10 * 1024 * 1024
MAX_RATES = 300_000  # the whole history of the European Central Bank has fewer
SHOWN_FAULTS = 100
MAX_AHEAD = timedelta(days=45)  # files of next month come early; beyond it the year is mistyped
EARLIEST = date(1999, 1, 1)  # the first year of the euro; before it a date is a slip of a spreadsheet
NO_MONEY = {"XXX", "XTS"}  # ISO 4217: no currency, and for tests
POINT, COMMA = "point", "comma"
DAY_FIRST, MONTH_FIRST = "dmy", "mdy"
# most rates: no need to look closer
_ORDINARY = re.compile(rf"(?:0|[1-9][0-9]{{0,{MAX_WHOLE - 1}}})\.[0-9]{{0,{MAX_DECIMALS - 1}}}[1-9]")
_GROUPS = "[ \u00a0\u202f'\u2019]"


class Unreadable(ValueError):
    """A cell that says no rate, day or currency; the message is for people."""


@dataclass(frozen=True, slots=True)
class ReadRate:
    """One rate of a file: decimal text with a point, as published otherwise."""

    line: int
    currency: str
    day: date
    text: str


@dataclass(frozen=True, slots=True)
class LineFault:
    """What is wrong in a line of the file (counted from 1), in words."""

    line: int
    message: str


@dataclass
class Reading:
    """Everything read from one file. `how` says how (for the record); `repeated` counts lines that say once more what
    another line says, `passed_over` names those that hold neither currency nor rate, or were left out."""

    source: RateSource
    how: dict[str, object]
    rates: list[ReadRate] = field(default_factory=list)
    faults: list[LineFault] = field(default_factory=list)
    fault_count: int = 0
    repeated: int = 0
    passed_over: list[int] = field(default_factory=list)
    _seen: dict[tuple[str, date], ReadRate] = field(default_factory=dict)

    def fault(self, line: int, message: str) -> None:
        """Note a wrong line; all are counted, the first hundred kept."""
        self.fault_count += 1
        if len(self.faults) < SHOWN_FAULTS:
            self.faults.append(LineFault(line, message))

    def add(self, line: int, currency: str, day: date, text: str) -> None:
        """Take a rate, or note why it cannot be one of this source. Raises RuleBroken (field file) past MAX_RATES."""
        if currency == self.source.base:
            if not same_figure(text, "1"):
                self.fault(line, _("The rate of %(currency)s is %(rate)s, but these rates are for one %(currency)s: it "
                                   "can only be 1. Is this the right file, and the right column?",
                                   currency=currency, rate=text))
            return
        earlier = self._seen.get((currency, day))
        if earlier is None:
            if len(self.rates) == MAX_RATES:
                raise RuleBroken(_("The file holds more than %(count)s rates. Import a shorter period.",
                                   count=f"{MAX_RATES:,}"), code="rates.file", field="file")
            rate = self._seen[currency, day] = ReadRate(line, currency, day, text)
            self.rates.append(rate)
        elif same_figure(earlier.text, text):
            self.repeated += 1
        else:
            self.fault(line, _("%(currency)s stands twice for %(day)s: %(first)s in line %(line)s and %(second)s here. "
                               "Leave one of them out.", currency=currency, day=format_day(day), first=earlier.text,
                               line=earlier.line, second=text))

    def finish(self) -> Reading:
        """Rules that need the whole file. A rate without the dollar of the same day turns nothing into dollars."""
        if self.source.base != BOOKS_CURRENCY:
            dollars = {rate.day for rate in self.rates if rate.currency == BOOKS_CURRENCY}
            lacking: dict[date, int] = {}
            for rate in self.rates:
                if rate.day not in dollars:
                    lacking.setdefault(rate.day, rate.line)
            for day, line in lacking.items():
                self.fault(line, _("The US dollar has no rate on %(day)s: without it the others cannot be turned into "
                                   "dollars. Download the file again.", day=format_day(day)))
        self.faults.sort(key=lambda fault: fault.line)
        self._seen.clear()
        return self


# --- cells ------------------------------------------------------------------------------------------------------
def plain(text: str) -> str:
    """A cell without direction and other invisible marks, its digits of any script as 0 to 9."""
    text = unicodedata.normalize("NFKC", text[:400])
    text = "".join(ch for ch in text if unicodedata.category(ch) not in ("Cf", "Cc") or ch in "\t\n")
    return "".join(str(unicodedata.digit(ch)) if ch.isdigit() else ch for ch in text).strip()


def quoted(text: str) -> str:
    """A cell as messages show it: visible characters, not too many."""
    text = " ".join(plain(text).split())
    return f"“{text[:40]}…”" if len(text) > 40 else f"“{text}”"


def same_figure(one: str, other: str) -> bool:
    """Whether two decimal texts are the same number."""
    return one == other or _bare(one) == _bare(other)


def _bare(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def read_figure(cell: str, decimal: str = POINT) -> str:
    """The rate in a cell as decimal text with a point. Raises Unreadable."""
    if decimal == POINT and _ORDINARY.fullmatch(cell):
        return cell
    text = re.sub(_GROUPS, " ", plain(cell))
    if not text:
        raise Unreadable(_("The rate is missing."))
    if text[0] in "-\u2212(":
        raise Unreadable(_("The rate %(cell)s is negative.", cell=quoted(cell)))
    mark, group = (",", ".") if decimal == COMMA else (".", ",")
    grouped = rf"[1-9]\d{{0,2}}(?:(?:{re.escape(group)}\d{{3}})+|(?: \d{{3}})+)"
    match = re.fullmatch(rf"(?:(\d+)|({grouped}))?(?:{re.escape(mark)}(\d+))?", text)
    if match is None or not any(match.groups()):
        if re.fullmatch(r"[\d., ]+", text):
            other = _("a comma") if decimal == POINT else _("a point")
            raise Unreadable(_("The rate %(cell)s does not fit the decimal mark chosen. Is it %(other)s?",
                               cell=quoted(cell), other=other))
        raise Unreadable(_("The rate %(cell)s is not a number.", cell=quoted(cell)))
    whole = (re.sub(r"\D", "", match[1] or match[2] or "")).lstrip("0") or "0"
    part = match[3] or ""
    if len(whole) > MAX_WHOLE or len(part) > MAX_DECIMALS:
        raise Unreadable(_("The rate %(cell)s has too many digits: at most %(whole)s before and %(decimals)s after the "
                           "decimal mark. Is this the right column?", cell=quoted(cell), whole=MAX_WHOLE,
                           decimals=MAX_DECIMALS))
    if not (whole + part).strip("0"):
        raise Unreadable(_("The rate is zero."))
    return f"{whole}.{part}" if part else whole


def read_day(cell: str, order: str = "") -> date:
    """The day in a cell: 2027-03-01, 1 March 2027, 01-Mar-2027, or figures in the given order. Raises Unreadable."""
    text = plain(cell)
    if not text:
        raise Unreadable(_("The date is missing."))
    text = re.sub(r"[T ]0?0:00(:00)?(\.0+)?Z?$", "", text)
    if re.fullmatch(r"\d{8}", text):
        text = f"{text[:4]}-{text[4:6]}-{text[6:]}"
    found: date | None
    if match := re.fullmatch(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})", text):
        found = _figures(int(match[1]), int(match[2]), int(match[3]), order, cell)
    else:
        text = re.sub(r"(\d{4})[/.](\d{1,2})[/.](\d{1,2})$", lambda m: f"{m[1]}-{int(m[2]):02}-{int(m[3]):02}", text)
        found = parse_day(text) or parse_day(re.sub(r"[-/]", " ", text))
    if found is None:
        raise Unreadable(_("The date %(cell)s cannot be read. Write it as 2027-03-01 or 1 March 2027.",
                           cell=quoted(cell)))
    return checked_day(found)


def _figures(first: int, second: int, year: int, order: str, cell: str) -> date | None:
    if not order and first != second and first <= 12 and second <= 12:
        raise Unreadable(_("The date %(cell)s can be read in two ways. Say whether the day or the month comes first.",
                           cell=quoted(cell)))
    month_first = order == MONTH_FIRST or (not order and second > 12)
    day, month = (second, first) if month_first else (first, second)
    try:
        return date(year, month, day)
    except ValueError:
        return None


def checked_day(day: date) -> date:
    """`day`, if rates may be of it. Raises Unreadable."""
    if day > clock.today() + MAX_AHEAD:
        raise Unreadable(_("The date %(day)s lies more than %(count)s days ahead. Check the year, and the order of day "
                           "and month.", day=format_day(day), count=MAX_AHEAD.days))
    if day < EARLIEST:
        raise Unreadable(_("The date %(day)s is too old to be one of these rates. Check the column and the year.",
                           day=format_day(day)))
    return day


@lru_cache(maxsize=1)
def known_codes() -> frozenset[str]:
    """Codes of currencies, past ones too."""
    return frozenset(list_currencies()) - NO_MONEY


@lru_cache(maxsize=8)
def _names(language: str) -> dict[str, str]:
    return {str(get_currency_name(code, locale=name)).casefold(): code
            for name in dict.fromkeys(("en", language)) for code in sorted(known_codes())}


def read_currency(cell: str) -> str:
    """The code of the currency that a cell names, by its code or by its name. Raises Unreadable."""
    if cell in known_codes():
        return cell
    text = plain(cell)
    if (code := text.upper()) in known_codes():
        return code
    if not text:
        raise Unreadable(_("The currency is missing."))
    named = _names(str(get_locale() or "en")).get(" ".join(text.casefold().split()))
    if named is None:
        raise Unreadable(_("The currency %(cell)s is not known. Write its code of three letters, as in ISO 4217.",
                           cell=quoted(cell)))
    return named
