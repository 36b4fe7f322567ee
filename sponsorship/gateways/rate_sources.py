"""Where exchange rates come from, and how long a rate of each source may be used. Adding a source is one entry here
and its code in the lookup table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from babel.dates import format_skeleton
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core.web.formats import current_locale, format_day

BOOKS_CURRENCY = "USD"


@dataclass(frozen=True)
class RateSource:
    """One publisher of rates.

    `name` is stored with every ledger leg (at most 80 characters, English, never translated); `label` and `what` are
    its words on pages. `base` is the currency of which one unit is worth so many units of the others. A rate may be
    used on its effective day and for `life_days` days after it; `life_reason` says why so long.
    """

    code: str
    name: str
    label: Any
    what: Any
    base: str
    monthly: bool
    life_days: int
    life_reason: Any

    @property
    def life(self) -> timedelta:
        return timedelta(days=self.life_days)

    def wanted_for(self, day: date) -> str:
        """What to import so that `day` has rates, in words."""
        if self.monthly:
            month = format_skeleton("yMMMM", day, locale=current_locale())
            return _("the %(rates)s for %(month)s", rates=self.what, month=month)
        return _("the %(rates)s of %(day)s", rates=self.what, day=format_day(day))


SOURCES: dict[str, RateSource] = {
    source.code: source
    for source in (
        RateSource(
            "un", "UN operational rate", _l("UN operational rates of exchange"), _l("UN operational rates"), "USD",
            monthly=True, life_days=45,
            life_reason=_l("They are set for a month, around its first day, and may change within it: a month of 31 "
                           "days and two weeks for the next file to come."),
        ),
        RateSource(
            "ecb", "European Central Bank reference rate", _l("European Central Bank reference rates"),
            _l("ECB reference rates"), "EUR", monthly=False, life_days=7,
            life_reason=_l("They are published on every working day of the euro system; the longest pause, at Easter "
                           "or the turn of the year, is shorter than a week."),
        ),
    )
}


def books_source() -> str:
    """Code of the source that the books use."""
    return "un"


def find_source(code: str | None = None) -> RateSource:
    """The source with this code; None: the one of the books. Raises KeyError for an unknown code."""
    return SOURCES[code or books_source()]
