"""Lists that can be filtered, sorted, paged and downloaded, with their state in the address."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from flask import Response, has_request_context, request
from markupsafe import Markup

from core.money import Money
from core.text import seen, without_controls
from core.web.attachments import attachment
from core.web.fields import parse_day
from core.web.steps import Leaf

MAX_PAGE = 100_000
MAX_TEXT = 200
FORMATS = ("csv", "xlsx")
RISKY = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # their full-width forms too
_UNSEEN = "".join(ch for ch in map(chr, range(0x10000)) if ch.isspace() or unicodedata.category(ch) in ("Cc", "Cf"))
_PLAIN_NUMBER = re.compile(r"-?\d+(\.\d+)?\Z")
# where a spreadsheet may begin another cell or row, if it cuts the file at other marks than commas
_CUTS = re.compile("([;\t\r\n\x0b\x0c\x85\u2028\u2029])")


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``render`` makes a cell's content from a row; ``csv`` makes its value for a file of any kind.

    Without them the value is the row's attribute or item named ``key``. ``currency`` puts the code in
    the header once and leaves it out of the cells in that currency.
    """

    key: str
    label: Any
    numeric: bool = False
    sortable: bool = False
    render: Callable[[Any], Any] | None = None
    csv: Callable[[Any], Any] | None = None
    currency: str | None = None
    heading: bool = False

    def raw(self, row: Any) -> Any:
        """The row's own value for this column."""
        if isinstance(row, Mapping):
            return row.get(self.key)
        return getattr(row, self.key, None)

    def value(self, row: Any) -> Any:
        """What the page shows."""
        return self.render(row) if self.render else self.raw(row)

    def file_value(self, row: Any) -> Any:
        """What a downloaded file holds, with its type."""
        return self.csv(row) if self.csv else self.raw(row)

    @property
    def heading_text(self) -> str:
        """What heads the column in a file or on paper: its label, with the currency."""
        return f"{self.label} ({self.currency})" if self.currency else str(self.label)


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter above a list: a choice of (value, label) pairs, free text when ``choices`` is None, or a ``day``."""

    name: str
    label: Any
    choices: Sequence[tuple[str, Any]] | None = None
    hint: Any = None
    day: bool = False

    def accepts(self, value: str) -> bool:
        """Whether a value from the address may be used."""
        if self.day:
            return parse_day(value) is not None
        if self.choices is None:
            return len(value) <= MAX_TEXT
        return any(str(choice) == value for choice, _ in self.choices)


@dataclass(frozen=True, slots=True)
class TableQuery:
    """What the address asks of a list, already checked: whatever made no sense has been left out."""

    sort: str | None = None
    direction: str = "asc"
    page: int = 1
    per_page: int = 50
    values: Mapping[str, str] = field(default_factory=dict)
    format: str | None = None

    @classmethod
    def from_args(
        cls,
        args: Mapping[str, str],
        sortable: Iterable[str] = (),
        filters: Iterable[Filter] = (),
        per_page: int = 50,
        default_sort: str | None = None,
        default_direction: str = "asc",
    ) -> TableQuery:
        """Read a query from request arguments. Rubbish never raises; it is ignored."""
        sort, direction = default_sort, default_direction
        if (wanted := args.get("sort")) in set(sortable):
            sort, direction = wanted, "asc"
            if args.get("dir") in ("asc", "desc"):
                direction = args["dir"]
        page_text = args.get("page", "")
        page = int(page_text) if page_text.isascii() and page_text.isdigit() and len(page_text) < 7 else 1
        values = {}
        for item in filters:
            value = without_controls(args.get(item.name, "")).strip()
            if value and item.accepts(value):
                day = parse_day(value) if item.day else None
                values[item.name] = day.isoformat() if day else value
        wanted_format = args.get("format")
        return cls(
            sort=sort,
            direction=direction,
            page=min(max(page, 1), MAX_PAGE),
            per_page=per_page,
            values=values,
            format=wanted_format if wanted_format in FORMATS else None,
        )

    def get(self, name: str, default: str | None = None) -> str | None:
        """The value of a filter, or ``default`` when it is not set."""
        return self.values.get(name, default)

    @property
    def descending(self) -> bool:
        """Whether the order runs from last to first."""
        return self.direction == "desc"

    @property
    def offset(self) -> int:
        """How many rows come before this page."""
        return (self.page - 1) * self.per_page

    @property
    def limit(self) -> int:
        """How many rows a page holds."""
        return self.per_page

    @property
    def filtered(self) -> bool:
        """Whether any filter is set."""
        return bool(self.values)

    def url(self, **changes: Any) -> str:
        """The query string with some parts changed; None removes one, a new order starts at page 1."""
        parts: dict[str, Any] = dict(self.values)
        if self.sort:
            parts.update(sort=self.sort, dir=self.direction)
        if self.page > 1 and not (set(changes) - {"page"}):
            parts["page"] = self.page
        parts.update(changes)
        kept = {key: value for key, value in parts.items() if value not in (None, "")}
        if kept.get("page") == 1:
            del kept["page"]
        return "?" + urlencode(kept)


class Table:
    """One page of a list, ready to be shown by ``ui.data_table``."""

    def __init__(
        self,
        caption: Any,
        columns: Sequence[Column],
        rows: Iterable[Any],
        *,
        filters: Sequence[Filter] = (),
        sort: str | tuple[str, str] | TableQuery | None = None,
        page: int = 1,
        per_page: int = 50,
        total: int | None = None,
        base_url: str = "",
        empty_title: Any = None,
        empty_text: Any = None,
        csv: bool = True,
        totals: Mapping[str, Any] | None = None,
        query: TableQuery | None = None,
        formats: Sequence[str] = FORMATS,
        row_url: Callable[[Any], str | None] | None = None,
        empty_action: tuple[Any, str] | None = None,
        stack: bool = True,
        anchor: str = "list",
        broad: bool = False,
        leaf: Leaf | None = None,
    ) -> None:
        """``sort`` is a key, ``(key, direction)`` or a :class:`TableQuery`.

        ``csv`` says that the route gives files (:func:`core.web.downloads.download`) and ``formats`` which;
        ``row_url`` links the heading cell of a row; ``stack`` turns rows into cards on a phone; ``anchor``
        must differ between lists of one page; ``broad`` keeps many columns in a scrolling box. ``leaf`` says that the
        list is leafed through by its rows' places (:mod:`core.web.steps`), without numbers of pages.
        """
        self.caption = caption
        self.columns = list(columns)
        self.rows = list(rows)
        self.filters = list(filters)
        self.leaf = leaf
        self.total = len(self.rows) if total is None else total
        self.counted = leaf is None or total is not None  # of a long list with filters nobody counts the rows
        self.base_url = base_url
        self.empty_title = empty_title
        self.empty_text = empty_text
        self.empty_action = empty_action
        self.csv = csv
        self.formats = list(formats) if csv else []
        self.totals = dict(totals) if totals else None
        self.row_url = row_url
        self.stack = stack
        self.anchor = anchor
        self.broad = broad
        self.query = query or self._make_query(sort, page, per_page)

    def _make_query(
        self, sort: str | tuple[str, str] | TableQuery | None, page: int, per_page: int
    ) -> TableQuery:
        if isinstance(sort, TableQuery):
            return sort
        key, direction = sort if isinstance(sort, tuple) else (sort, "asc")
        args: Mapping[str, str] = request.args if has_request_context() else {}
        asked = TableQuery.from_args(args, (), self.filters, per_page)
        return TableQuery(key, direction, max(page, 1), per_page, asked.values)

    @property
    def heading_key(self) -> str | None:
        """The column that names a row: the one marked ``heading``, else the first."""
        for column in self.columns:
            if column.heading:
                return column.key
        return self.columns[0].key if self.columns else None

    @property
    def pages(self) -> int:
        """How many pages the list has."""
        return max(1, -(-self.total // self.query.per_page))

    @property
    def first(self) -> int:
        """The number of the first row shown, counting from one."""
        return min(self.query.offset + 1, self.total) if self.rows else 0

    @property
    def last(self) -> int:
        """The number of the last row shown."""
        return min(self.query.offset + len(self.rows), self.total) if self.rows else 0

    def url(self, **changes: Any) -> str:
        """The address of this list with some parts of its state changed."""
        return self.base_url + self.query.url(**changes)

    def clear_url(self) -> str:
        """The address of the list without filters."""
        return self.url(**dict.fromkeys(self.query.values))

    def sort_url(self, column: Column) -> str:
        """Where a click on a column's heading leads: its order, or the other way round."""
        turn = self.query.sort == column.key and self.query.direction == "asc"
        return f"{self.url(sort=column.key, dir='desc' if turn else 'asc')}#{self.anchor}"

    def aria_sort(self, column: Column) -> str:
        """The order of a column in the words assistive technology knows."""
        if self.query.sort != column.key:
            return "none"
        return "descending" if self.query.descending else "ascending"

    def page_numbers(self) -> list[int | None]:
        """The pages worth a link: both ends and those around this one; None stands for a gap."""
        here = self.query.page
        wanted = sorted({1, self.pages} | {n for n in range(here - 1, here + 2) if 1 <= n <= self.pages})
        numbers: list[int | None] = []
        for number in wanted:
            last = numbers[-1] if numbers else None
            if last is not None and number - last == 2:
                numbers.append(last + 1)
            elif last is not None and number - last > 2:
                numbers.append(None)
            numbers.append(number)
        return numbers


def csv_cell(value: Any) -> str:
    """A value as it stands in the file: figures, days and instants bare, every text within quotation marks."""
    text = csv_text(value)
    if value is None or isinstance(value, bool | int | Decimal | date | Money) or _PLAIN_NUMBER.match(text):
        return text
    return '"' + text.replace('"', '""') + '"'


def csv_text(value: Any) -> str:
    """A value as the text of a CSV cell: plain decimals, ISO dates, no formula that a sheet would run."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Money):
        return str(value.decimal)
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int | Decimal):
        return f"{value:f}" if isinstance(value, Decimal) else str(value)
    return guarded(words_of(value))


def words_of(value: Any) -> str:
    """A value that is no figure as the text of a file: markup without its tags, a state by its word."""
    if isinstance(value, Markup):
        return seen(value.striptags())
    if hasattr(value, "label") and hasattr(value, "tone"):
        return str(value.label)
    return seen(str(value))


def guarded(text: str) -> str:
    """Text that a spreadsheet will show and not calculate, also where it cuts lines at semicolons or tabs and takes
    quotation marks within a cell for its own."""
    if _PLAIN_NUMBER.match(text):
        return text
    risky = is_risky(text)
    if _CUTS.search(text):
        text = "".join("'" + part if n and _begins_formula(part) else part
                       for n, part in enumerate(_CUTS.split(text)))
    return "'" + text if risky else text


def _begins_formula(text: str) -> bool:
    return text.lstrip(_UNSEEN + '"').startswith(RISKY)


def is_risky(text: str) -> bool:
    """Whether a spreadsheet may take the text for a formula, once it has dropped blanks and marks that nobody sees."""
    return text.startswith(("\t", "\r", "\n")) or text.lstrip(_UNSEEN).startswith(RISKY)


def csv_lines(columns: Sequence[Column], rows: Iterable[Any]) -> Iterator[bytes]:
    """The file piece by piece, beginning with the mark that tells spreadsheets it is UTF-8."""
    yield b"\xef\xbb\xbf" + _line([column.heading_text for column in columns])
    for row in rows:
        yield _line([column.file_value(row) for column in columns])


def _line(values: Iterable[Any]) -> bytes:
    return (",".join(map(csv_cell, values)) + "\r\n").encode(errors="replace")


def csv_response(table_columns: Sequence[Column], rows_iter: Iterable[Any], filename: str) -> Response:
    """A download that streams."""
    return attachment(csv_lines(table_columns, rows_iter), filename, "csv", "text/csv")
