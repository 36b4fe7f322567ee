"""Rows of a spreadsheet, pasted or sent as a file, read into slots. Every line that cannot be read says why."""

from __future__ import annotations

import csv
import io
import re
import uuid
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from xml.parsers import expat

from flask_babel import gettext

from core.errors import RuleBroken
from core.web.fields import parse_day
from meetings.programme.facts import LANGUAGES, ItemRow, RoomRow, SlotFacts

COLUMNS = ("day", "start", "end", "kind", "title", "items", "room", "languages", "people", "note")
_HEADINGS = {
    "date": "day", "from": "start", "starts": "start", "begin": "start", "until": "end", "to": "end", "ends": "end",
    "type": "kind", "what": "kind", "subject": "title", "item": "items", "agenda items": "items",
    "agenda item": "items", "place": "room", "interpretation": "languages", "speakers": "people", "notes": "note",
}
_KINDS = {
    "plenary": "plenary", "plenary meeting": "plenary", "meeting": "plenary", "informal": "informal",
    "informal consultations": "informal", "informals": "informal", "side event": "side_event",
    "side_event": "side_event", "break": "break", "lunch": "break", "other": "other", "": "other",
}
_TIME = re.compile(r"(?P<hour>\d{1,2})(?:[:.h](?P<minute>\d{2})?)?(?::00)?\s*(?P<half>a\.?m\.?|p\.?m\.?)?\Z",
                   re.IGNORECASE)
MAX_ROWS = 500
MAX_BYTES = 8_000_000  # of an unpacked workbook: more is no programme
_FIRST = date(1899, 12, 30)  # day 0 of a spreadsheet


@dataclass(frozen=True, slots=True)
class Line:
    """One line: what it means, or what is wrong with it."""

    number: int
    cells: tuple[str, ...]
    facts: SlotFacts | None
    faults: tuple[str, ...]


def parse_time(text: str) -> time | None:
    """`15:00`, `15.00`, `15h`, `3 p.m.` or a spreadsheet's fraction of a day."""
    text = text.strip()
    if re.fullmatch(r"0?\.\d+", text):
        minutes = round(float(text) * 24 * 60)
        return time(minutes // 60, minutes % 60) if minutes < 24 * 60 else None
    match = _TIME.match(text)
    if match is None:
        return None
    hour, minute = int(match["hour"]), int(match["minute"] or 0)
    if match["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match["half"][0] in "pP" else 0)
    return time(hour, minute) if hour < 24 and minute < 60 else None


def _day(text: str) -> date | None:
    if re.fullmatch(r"\d{5}(\.0+)?", text):  # a spreadsheet's own number of the day
        return _FIRST + timedelta(days=int(float(text)))
    return parse_day(text)


# --- cells ------------------------------------------------------------------------------------------------------
def cells_of_text(text: str) -> list[list[str]]:
    """Cells of pasted rows or of a CSV file: tabs, semicolons or commas, whichever the first line holds."""
    text = text.lstrip("\ufeff")
    first = text.split("\n", 1)[0]
    mark = next((m for m in ("\t", ";", ",") if m in first), "\t")
    try:
        return [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text, newline=""), delimiter=mark)]
    except csv.Error as error:
        raise RuleBroken(gettext("This cannot be read as rows. Copy the cells again."), code="paste.csv",
                         field="rows") from error


def cells_of_workbook(content: bytes) -> list[list[str]]:
    """Cells of the first sheet of an XLSX workbook. Raises RuleBroken for anything else."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            if sum(entry.file_size for entry in book.infolist()) > MAX_BYTES:
                raise RuleBroken(gettext("This workbook is too large."), code="paste.large", field="file")
            names = set(book.namelist())
            shared = _texts(book.read("xl/sharedStrings.xml")) if "xl/sharedStrings.xml" in names else []
            sheet = min(n for n in names if re.fullmatch(r"xl/worksheets/sheet\d+\.xml", n))
            return _Sheet(shared).read(book.read(sheet))
    except (zipfile.BadZipFile, KeyError, ValueError, IndexError, expat.ExpatError, NotImplementedError,
            RuntimeError) as error:
        raise RuleBroken(gettext("This is no workbook that can be read. Save it as XLSX or CSV."), code="paste.xlsx",
                         field="file") from error


def _no_types(*_args: object) -> None:
    raise ValueError("a document type")  # no entity is ever declared


def _texts(content: bytes) -> list[str]:
    found: list[str] = []
    inside = [False, False]

    def start(name: str, _attrs: dict[str, str]) -> None:
        if name == "si":
            found.append("")
        inside[0] = inside[0] or name == "rPh"  # how a word is read aloud is no part of it
        inside[1] = name == "t" and not inside[0]

    def end(name: str) -> None:
        inside[1] = False
        if name == "rPh":
            inside[0] = False

    def words(text: str) -> None:
        if inside[1]:
            found[-1] += text

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, words
    parser.StartDoctypeDeclHandler = _no_types
    parser.Parse(content, True)
    return found


class _Sheet:
    """Reads one sheet's rows."""

    def __init__(self, shared: list[str]) -> None:
        self.shared, self.rows = shared, list[list[str]]()
        self.kind, self.column, self.value, self.reading = "", 0, "", False

    def read(self, content: bytes) -> list[list[str]]:
        """Every row as texts; numbers as they are kept."""
        parser = expat.ParserCreate()
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = self._words, _no_types
        parser.Parse(content, True)
        return self.rows

    def _start(self, name: str, attrs: dict[str, str]) -> None:
        if name == "row":
            number = int(attrs.get("r", len(self.rows) + 1))
            if number > MAX_ROWS + 10:
                raise RuleBroken(gettext("Send at most %(n)s rows at once.", n=MAX_ROWS), code="paste.many",
                                 field="file")
            while len(self.rows) < number:
                self.rows.append([])
        elif name == "c":
            letters = re.match(r"[A-Z]{1,2}", attrs.get("r", ""))
            self.column = len(self.rows[-1])
            if letters:
                self.column = 0
                for letter in letters[0]:
                    self.column = self.column * 26 + ord(letter) - 64
                self.column -= 1
            self.kind, self.value = attrs.get("t", "n"), ""
        self.reading = name in ("v", "t")

    def _words(self, text: str) -> None:
        if self.reading:
            self.value += text

    def _end(self, name: str) -> None:
        self.reading = False
        if name == "c" and self.rows:
            row = self.rows[-1]
            row += [""] * (self.column + 1 - len(row))
            row[self.column] = (self.shared[int(self.value)] if self.kind == "s" and self.value else self.value).strip()


# --- lines ------------------------------------------------------------------------------------------------------
def read(rows: Sequence[Sequence[str]], items: Sequence[ItemRow], rooms: Sequence[RoomRow]) -> list[Line]:
    """Slots of the lines; empty lines count but mean nothing. Raises RuleBroken where there is nothing, or too much."""
    columns: tuple[str, ...] = COLUMNS
    found: list[Line] = []
    headed = False
    for number, row in enumerate(rows, 1):
        cells = [" ".join(cell.split()) for cell in row]
        if not any(cells):
            continue
        if not found and not headed:
            heads = [_HEADINGS.get(c.lower(), c.lower()) for c in cells]
            if "day" in heads and "start" in heads:
                columns, headed = tuple(heads), True
                continue
        raw = dict(zip(columns, row, strict=False))
        found.append(_line(number, tuple(cells), {k: v.strip() for k, v in raw.items()}, items, rooms))
    if not found:
        raise RuleBroken(gettext("Paste at least one row, or choose a file."), code="paste.empty", field="rows")
    if len(found) > MAX_ROWS:
        raise RuleBroken(gettext("Send at most %(n)s rows at once.", n=MAX_ROWS), code="paste.many", field="rows")
    return found


def _line(number: int, cells: tuple[str, ...], raw: dict[str, str], items: Sequence[ItemRow],
          rooms: Sequence[RoomRow]) -> Line:
    faults: list[str] = []
    day = _day(raw.get("day", ""))
    starts, ends = parse_time(raw.get("start", "")), parse_time(raw.get("end", ""))
    if day is None:
        faults.append(gettext("Write the day as 2028-06-12, not “%(text)s”.", text=raw.get("day", "")))
    for name, moment in (("start", starts), ("end", ends)):
        if moment is None:
            faults.append(gettext("Write the time as 15:00, not “%(text)s”.", text=raw.get(name, "")))
    if starts and ends and starts >= ends:
        faults.append(gettext("It must end after it begins."))
    kind = _KINDS.get(raw.get("kind", "").lower())
    if kind is None:
        faults.append(gettext("“%(text)s” is no kind: write plenary, informal, side event, break or other.",
                              text=raw.get("kind", "")))
    keys = _items(raw.get("items", ""), items, faults)
    room_id = _room(raw.get("room", ""), rooms, faults)
    languages = tuple(dict.fromkeys(re.sub(r"[^A-Za-z]", "", raw.get("languages", "")).upper()))
    if not set(languages) <= set(LANGUAGES):
        faults.append(gettext("Write languages by their letters: A C E F R S."))
    title = raw.get("title", "")
    if not title and not raw.get("items"):
        faults.append(gettext("Write a title, or an agenda item."))
    if len(title) > 300:
        faults.append(gettext("Write at most %(n)s characters.", n=300))
    if faults or day is None or starts is None or ends is None or kind is None:
        return Line(number, cells, None, tuple(faults))
    people = tuple(" ".join(p.split()) for p in re.split(r"[;\n]", raw.get("people", "")) if p.strip())
    return Line(number, cells, SlotFacts(
        kind, day, starts, ends, title, room_id, keys, tuple(c for c in LANGUAGES if c in languages), people,
        raw.get("note") or None), ())


def _items(text: str, items: Sequence[ItemRow], faults: list[str]) -> tuple[uuid.UUID, ...]:
    known = {item.number: item.id for item in items}
    found: list[uuid.UUID] = []
    for part in re.split(r"[,;\s]+(?!-)|and", re.sub(r"\s*[-–]\s*", "-", text.lower().replace("items", "")
                                                     .replace("item", ""))):
        span = re.fullmatch(r"(\d{1,3})-(\d{1,3})", part)
        names = [str(n) for n in range(int(span[1]), min(int(span[2]), int(span[1]) + 60) + 1)] if span else [
            re.sub(r"\.0+$", "", part)]
        for name in names:
            if name and name not in known:
                faults.append(gettext("There is no agenda item %(number)s.", number=name))
            elif name and known[name] not in found:
                found.append(known[name])
    return tuple(found)


def _room(text: str, rooms: Sequence[RoomRow], faults: list[str]) -> uuid.UUID | None:
    if not text:
        return None
    room = next((r for r in rooms if r.name.casefold() == " ".join(text.casefold().split())), None)
    if room is None:
        faults.append(gettext("There is no room “%(name)s”: add it under Rooms first.", name=text))
        return None
    return room.id
