"""Columns of the ledger's lists, for pages and files alike."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup

from core.money import Money, usd
from core.web.formats import cell_html, day_html, format_day, format_time, money_html
from core.web.tables import Column
from sponsorship.ledger import words
from sponsorship.ledger.words import Named


def money(name: str, label: Any) -> Column:
    """A column of US dollars from cents."""

    def value(row: Any) -> Money:
        return usd(getattr(row, name))

    return Column(name, label, numeric=True, currency="USD", render=value, csv=value)


def side(name: str, label: Any) -> Column:
    """A column that stays empty on the side where a row has nothing."""

    def value(row: Any) -> Money | None:
        amount = getattr(row, name)
        return usd(amount) if amount else None

    def shown(row: Any) -> Any:
        return value(row) or Markup("")

    return Column(name, label, numeric=True, currency="USD", render=shown, csv=value)


def worded(name: str, label: Any, word: Callable[[Any], Any], **more: Any) -> Column:
    """A column that reads the same on the page and in a file."""

    def value(row: Any) -> Any:
        found = word(row)
        return found if hasattr(found, "tone") or isinstance(found, bool) else str(found)

    return Column(name, label, render=value, csv=value, **more)


def day(name: str, label: Any) -> Column:
    """A column of instants by their day in UTC; a file has the whole instant."""
    return Column(name, label, render=lambda row: day_html(getattr(row, name).astimezone(UTC).date()))


def moment(name: str, label: Any) -> Column:
    """A column of instants in UTC, which its label says; a file has the whole instant."""

    def shown(row: Any) -> Markup:
        at = getattr(row, name).astimezone(UTC)
        return Markup('<time datetime="{}">{}, {}</time>').format(
            at.isoformat(timespec="seconds").replace("+00:00", "Z"), format_day(at.date()), format_time(at, UTC))

    return Column(name, label, render=shown)


def pool_name(attribute: str = "name") -> Column:
    """A pool by its name, which is one for all readers."""
    return Column(attribute, _l("Pool"), heading=True, render=lambda pool: apart(getattr(pool, attribute)),
                  csv=lambda pool: getattr(pool, attribute))


def account_name(row: Any) -> str:
    """Available: African Group."""
    return words.account_label(row.kind, row.pool_name)


TRIAL = (
    worded("name", _l("Account"), account_name, heading=True),
    side("debit_balance", _l("Debit")),
    side("credit_balance", _l("Credit")),
)
TRIAL_FILE = (TRIAL[0], Column("code", _l("Code")), *TRIAL[1:])


# --- what entries are about --------------------------------------------------------------------------------------
def linked(named: Named | None) -> Any:
    """A name, with its link where the reader may follow it."""
    if named is None:
        return ""
    name, address = named
    shown = cell_html(name)
    shown = shown if isinstance(shown, Markup) else apart(name)
    return Markup('<a href="{}">{}</a>').format(address, shown) if address else shown


def about(named: Mapping[uuid.UUID, Named], label: Any, attribute: str = "subject_id", **more: Any) -> Column:
    """What a row is about."""

    def shown(row: Any) -> Any:
        return linked(named.get(getattr(row, attribute)))

    def plain(row: Any) -> Any:
        found = named.get(getattr(row, attribute))
        return found[0] if found else None

    return Column("about", label, render=shown, csv=plain, **more)


# --- amounts as they were paid ------------------------------------------------------------------------------------
def as_paid(leg: Any) -> Any:
    """The original amount with the rate that made it dollars; nothing for dollars."""
    if leg.rate is None:
        return Markup("")
    rate = Markup(_("at %(rate)s %(currency)s for 1 USD, %(source)s, %(day)s")) % {
        "rate": apart(leg.rate), "currency": leg.original_currency, "source": apart(leg.rate_source),
        "day": day_html(leg.rate_date),
    }
    paid = (money_html(Money(leg.original_minor, leg.original_currency)) if leg.original_minor else
            _("Difference of exchange, %(currency)s", currency=leg.original_currency))
    return Markup('<span>{}<br><span class="quiet">{}</span></span>').format(paid, rate)


def apart(text: str) -> Markup:
    """Words of the data, in their own direction."""
    return Markup("<bdi>{}</bdi>").format(text)


ORIGINAL = Column("original", _l("As paid"), render=as_paid)


def _paid(leg: Any) -> Money | None:
    return None if leg.original_minor is None else Money(leg.original_minor, leg.original_currency)


ORIGINAL_FILE = (
    Column("paid", _l("As paid"), numeric=True, csv=_paid),
    Column("currency", _l("Currency"), csv=lambda leg: leg.original_currency),
    Column("rate", _l("Rate (units for 1 USD)")),
    Column("rate_source", _l("Source of the rate")),
    Column("rate_date", _l("Day of the rate")),
)
LEGS = (
    worded("name", _l("Account"), lambda leg: words.account_label(leg.account_kind, leg.pool_name), heading=True),
    side("debit", _l("Debit")),
    side("credit", _l("Credit")),
)


# --- statement of account -----------------------------------------------------------------------------------------
def line_word(line: Any) -> str:
    """Payment instructed; a correction says that it is one."""
    label = words.entry_label(line.kind)
    return _("%(entry)s (a correction)", entry=label) if line.corrects_id else label


def statement_columns(named: Mapping[uuid.UUID, Named], foreign: bool) -> list[Column]:
    """For the page. `foreign`: some line was paid in another currency."""
    return [
        worded("what", _("Entry"), line_word, heading=True),
        moment("occurred_at", _("When (UTC)")),
        about(named, _("About")),
        *([ORIGINAL] if foreign else []),
        side("debit", _("Debit")),
        side("credit", _("Credit")),
        money("balance", _("Balance")),
    ]


def statement_file_columns() -> list[Column]:
    """For a file: rows are `FileLine`."""
    return [
        Column("occurred_at", _("When")),
        Column("what", _("Entry")),
        Column("about", _("About")),
        *ORIGINAL_FILE,
        side("debit", _("Debit")),
        side("credit", _("Credit")),
        money("balance", _("Balance")),
        Column("entry_id", _("Entry identifier"), csv=lambda line: line.entry_id and str(line.entry_id)),
        Column("recorded_at", _("Recorded")),
    ]
