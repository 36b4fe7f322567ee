"""Bar charts as data: the component draws them, writes their table and links their definitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

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


@dataclass(frozen=True, slots=True)
class Shape:
    """Where a bar is drawn, in percent of the width: both rounded to a hundredth."""

    start: str
    width: str


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

    def _span(self) -> tuple[Decimal, Decimal]:
        sizes = [bar.size for bar in self.bars]
        low = min([Decimal(0), *sizes])
        high = max([Decimal(0), *sizes])
        return low, (high if high > low else low + 1)

    def shape(self, bar: Bar) -> Shape:
        """The place of one bar on the scale that all of them share."""
        low, high = self._span()
        start = (min(bar.size, Decimal(0)) - low) / (high - low) * _HUNDRED
        width = abs(bar.size) / (high - low) * _HUNDRED
        return Shape(f"{start:.2f}%", f"{width:.2f}%")

    @property
    def zero(self) -> str:
        """Where the line of zero stands."""
        low, high = self._span()
        return f"{(-low) / (high - low) * _HUNDRED:.2f}%"

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
