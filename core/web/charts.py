"""Bar charts as data: the component draws them, writes their table and links their definitions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from core.money import Money
from core.web.formats import format_amount, format_number

Pattern = Literal["solid", "hatch", "dots", "outline"]
PATTERNS: tuple[Pattern, ...] = ("solid", "hatch", "dots", "outline")
_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Definition:
    """What a figure means, in one or two sentences; ``id`` is the target of links to it."""

    id: str
    term: Any
    text: Any


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: a named amount. ``pattern`` groups bars by more than colour."""

    label: Any
    value: Money | Decimal | int
    pattern: Pattern = "solid"
    definition_id: str | None = None
    note: Any = None

    def __post_init__(self) -> None:
        if self.pattern not in PATTERNS:
            raise ValueError(f"Unknown pattern {self.pattern!r}: use one of {', '.join(PATTERNS)}.")
        if isinstance(self.value, float):
            raise TypeError("A bar takes Money, Decimal or int, never float.")

    @property
    def size(self) -> Decimal:
        """The number that sets the length."""
        return self.value.decimal if isinstance(self.value, Money) else Decimal(self.value)

    @property
    def text(self) -> str:
        """The figure as people read it, without the unit, which stands in the title."""
        return format_amount(self.value) if isinstance(self.value, Money) else format_number(self.value)


class Group(NamedTuple):
    """Bars that belong together, such as those of one year. ``label`` is None where a chart has one group only."""

    label: Any
    bars: Sequence[Bar]


@dataclass(frozen=True, slots=True)
class Shape:
    """Where a bar is drawn, in percent of the width: both rounded to a hundredth of one."""

    start: str
    width: str


@dataclass(frozen=True, slots=True)
class Scale:
    """What all bars of a chart are measured against: from the lowest to the highest value, zero always on it."""

    low: Decimal
    high: Decimal

    @classmethod
    def of(cls, groups: Iterable[Group]) -> Scale:
        """The scale that fits all these bars."""
        sizes = [Decimal(0), *(bar.size for group in groups for bar in group.bars)]
        low, high = min(sizes), max(sizes)
        return cls(low, high if high > low else low + 1)

    def span(self, bar: Bar) -> tuple[Decimal, Decimal]:
        """Where a bar starts and how long it is, as parts of the whole width."""
        width = self.high - self.low
        return (min(bar.size, Decimal(0)) - self.low) / width, abs(bar.size) / width

    def shape(self, bar: Bar) -> Shape:
        """The same for a page."""
        start, width = self.span(bar)
        return Shape(_percent(start), _percent(width))

    @property
    def zero_at(self) -> Decimal:
        """Where the line of zero stands, as a part of the whole width."""
        return -self.low / (self.high - self.low)

    @property
    def zero(self) -> str:
        """The same for a page."""
        return _percent(self.zero_at)


def _percent(part: Decimal) -> str:
    return f"{part * _HUNDRED:.2f}%"


@dataclass(frozen=True, slots=True)
class BarChart:
    """A chart of bars that start at zero, with its unit, its table and the meaning of its figures.

    ``key`` must differ between charts of one page. ``column`` heads the first column of the table.
    """

    title: Any
    unit: Any
    bars: Sequence[Bar]
    definitions: Sequence[Definition] = ()
    as_of: datetime | None = None
    zone: str | None = None
    note: Any = None
    column: Any = None
    key: str = "chart"
    show_total: bool = False

    @property
    def groups(self) -> Sequence[Group]:
        """All bars, in one group without a name."""
        return [Group(None, self.bars)]

    @property
    def scale(self) -> Scale:
        """What the bars are measured against."""
        return Scale.of(self.groups)

    @property
    def total(self) -> str | None:
        """The sum of all bars, where ``show_total`` asks for it."""
        if not self.show_total or not self.bars:
            return None
        values = [bar.value for bar in self.bars]
        if all(isinstance(value, Money) for value in values):
            money = [value for value in values if isinstance(value, Money)]
            if len({value.currency for value in money}) > 1:
                raise ValueError("Amounts in different currencies have no sum.")
            return format_amount(Money(sum(value.minor for value in money), money[0].currency))
        return format_number(sum((bar.size for bar in self.bars), Decimal(0)))


@dataclass(frozen=True, slots=True)
class SeriesChart:
    """The same figures for several years or places: a group of bars for each, all on one scale.

    Bars of one figure carry the same label in every group; a group may lack some. Other fields as in BarChart.
    """

    title: Any
    unit: Any
    groups: Sequence[Group]
    definitions: Sequence[Definition] = ()
    as_of: datetime | None = None
    zone: str | None = None
    note: Any = None
    column: Any = None
    key: str = "chart"

    @property
    def scale(self) -> Scale:
        """What the bars of all groups are measured against."""
        return Scale.of(self.groups)

    @property
    def series(self) -> list[Bar]:
        """One bar for each figure, in the order in which they first appear: for its label and its definition."""
        found: dict[str, Bar] = {}
        for _label, bars in self.groups:
            for bar in bars:
                found.setdefault(str(bar.label), bar)
        return list(found.values())

    @property
    def rows(self) -> list[tuple[Any, list[str | None]]]:
        """The table: the label of each group and its figures in the order of ``series``."""
        keys = [str(bar.label) for bar in self.series]
        lines = []
        for label, bars in self.groups:
            texts = {str(bar.label): bar.text for bar in bars}
            if len(texts) < len(bars):
                raise ValueError("Two bars of one group have the same label.")
            lines.append((label, [texts.get(key) for key in keys]))
        return lines
