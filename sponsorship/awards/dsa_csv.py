"""A file of rates of daily subsistence, read line by line. What cannot be read is named, never guessed.

Columns, by their headings in the first line: `place`, `country` (two letters), `valid_from` (2027-03-01) and
`rate_usd` (US dollars for one day). Parted by commas, semicolons or tabs; UTF-8.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext as _

from core.errors import RuleBroken
from core.money import Money, MoneyError
from sponsorship.awards.travel_settings import place_key

COLUMNS = ("place", "country", "valid_from", "rate_usd")
MAX_BYTES = 2 * 1024 * 1024
MOST_LINES = 20_000
Key = tuple[str, str, date]  # country, place as compared, day


@dataclass(frozen=True)
class RateLine:
    """One rate as the file says it, US cents for a day."""

    line: int
    place: str
    country: str
    valid_from: date
    usd_minor: int

    @property
    def key(self) -> Key:
        return self.country, place_key(self.place), self.valid_from


@dataclass(frozen=True)
class WrongLine:
    """A line that cannot be used: its number in the file, its words, why."""

    line: int
    text: str
    why: str


@dataclass(frozen=True)
class DsaFile:
    """What a file says: rates, wrong lines, and how many rates it says twice."""

    rates: tuple[RateLine, ...]
    wrong: tuple[WrongLine, ...]
    repeated: int


def _rows(content: bytes) -> list[tuple[int, list[str]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RuleBroken(_("The file is not UTF-8 text. Save it as CSV, UTF-8."), code="dsa.file",
                         field="file") from None
    if "\x00" in text:
        raise RuleBroken(_("The file is not a table. Save it as CSV, UTF-8."), code="dsa.file", field="file")
    first = text.lstrip().split("\n", 1)[0]
    mark = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    rows = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((reader.line_num, [cell.strip() for cell in cells]))
    except csv.Error:
        raise RuleBroken(_("The file is not a table. Save it as CSV, UTF-8."), code="dsa.file", field="file") from None
    if len(rows) > MOST_LINES + 1:
        raise RuleBroken(_("The file has more than %(most)s lines. Part it into several.", most=MOST_LINES),
                         code="dsa.file", field="file")
    return rows


def read_rates(content: bytes) -> DsaFile:
    """Raises RuleBroken (field file) for what is no table or lacks a column."""
    rows = _rows(content)
    headings = [cell.casefold().replace(" ", "_") for cell in rows[0][1]] if rows else []
    missing = [name for name in COLUMNS if headings.count(name) != 1]
    if missing:
        raise RuleBroken(_("The first line must name each of these columns once: %(columns)s. Missing or twice: "
                           "%(missing)s.", columns=", ".join(COLUMNS), missing=", ".join(missing)),
                         code="dsa.columns", field="file")
    where = {name: headings.index(name) for name in COLUMNS}
    rates: dict[Key, RateLine] = {}
    wrong: list[WrongLine] = []
    repeated = 0
    for number, cells in rows[1:]:
        try:
            found = _line(number, {name: cells[at] if at < len(cells) else "" for name, at in where.items()})
            known = rates.get(found.key)
            if known is not None and known.usd_minor != found.usd_minor:
                raise ValueError(_("line %(line)s gives another rate for this place and day", line=known.line))
        except ValueError as fault:
            wrong.append(WrongLine(number, ", ".join(cells)[:120], str(fault)))
            continue
        if known is not None:
            repeated += 1
        else:
            rates[found.key] = found
    return DsaFile(tuple(rates.values()), tuple(wrong), repeated)


def _line(number: int, cells: dict[str, str]) -> RateLine:
    place = " ".join(cells["place"].split())
    if not place or len(place) > 120 or any(ord(ch) < 32 for ch in place):
        raise ValueError(_("the place is missing or longer than 120 letters"))
    if not re.fullmatch(r"[A-Za-z]{2}", cells["country"]):
        raise ValueError(_("the country is not two letters, such as US"))
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", cells["valid_from"]):
        raise ValueError(_("the day is not written as 2027-03-01"))
    try:
        day = date.fromisoformat(cells["valid_from"])
    except ValueError:
        raise ValueError(_("there is no such day")) from None
    if not 2000 <= day.year <= 2100:
        raise ValueError(_("the day lies before 2000 or after 2100"))
    try:
        rate = Money.parse(cells["rate_usd"], "USD")
    except MoneyError:
        raise ValueError(_("the rate is not an amount in US dollars, such as 421.00")) from None
    if rate.minor <= 0:
        raise ValueError(_("the rate is not above zero"))
    return RateLine(number, place, cells["country"].upper(), day, rate.minor)
