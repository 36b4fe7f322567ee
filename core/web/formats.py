"""How money, days, instants and numbers are written, in the reader's language.

Functions named ``format_*`` return plain text, fit for mail and files. Those that end in ``_html``
return markup for pages; :func:`register_formats` offers them to templates as filters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale
from babel.dates import format_date, format_datetime, format_interval, get_timezone_location
from babel.numbers import format_decimal
from flask import Flask, has_request_context
from flask_babel import get_locale, get_timezone, gettext, ngettext
from markupsafe import Markup

from core.money import Money, currency_digits

MINUS = "\N{MINUS SIGN}"
EN_DASH = "\N{EN DASH}"
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
TONES = ("waiting", "done", "stopped", "attention", "neutral")
_REFERENCE = re.compile(r"[A-Z]{1,5}[-/][A-Z0-9./-]{2,24}\Z")  # APP-2027-0042, A/CONF.192/BMS/2026/1
_ISOLATE, _ISOLATE_END = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"
_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")  # embeddings, overrides, isolates: whoever typed them
_BREAK = re.compile(r"<br\s*/?>")
NOTICE_TONES = ("info", "success", "warning", "error")


def current_locale() -> Locale:
    """The reader's locale; English where no page is being made."""
    return get_locale() or Locale("en")


@lru_cache(maxsize=512)
def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def zone_of(zone: str | tzinfo | None) -> tzinfo:
    """The zone meant: a name, a zone object, or none for the reader's own (UTC when unknown)."""
    if zone is None:
        if not has_request_context():
            return UTC
        return _zone(str(get_timezone()))
    return _zone(zone) if isinstance(zone, str) else zone


@lru_cache(maxsize=2048)
def _zone_city(key: str, locale_code: str) -> str:
    if key in {"UTC", "Etc/UTC", "Etc/GMT", "GMT"}:
        return "UTC"
    try:
        city = get_timezone_location(key, locale=Locale.parse(locale_code), return_city=True)
    except LookupError:
        return key
    return city or key.rsplit("/", 1)[-1].replace("_", " ")


def zone_name(zone: str | tzinfo | None, locale: Locale | None = None) -> str:
    """The city a zone is known by, in the reader's language: ``New York``."""
    return _zone_city(str(zone_of(zone)), str(locale or current_locale()))


def format_number(value: int | Decimal, places: int | None = None) -> str:
    """A number with the reader's separators and a true minus; ``places`` fixes the decimals."""
    pattern = "#,##0.###" if places is None else "#,##0" + ("." + "0" * places if places else "")
    text = format_decimal(abs(Decimal(value)), format=pattern, locale=current_locale())
    return f"{MINUS}{text}" if value < 0 else text


def format_amount(amount: Money) -> str:
    """The figure of an amount without its currency: ``1,234.50``."""
    return format_number(amount.decimal, currency_digits(amount.currency))


def format_money(amount: Money, show_currency: bool = True) -> str:
    """An amount as plain text: ``USD 1,234.50``, always with the code, never a symbol."""
    figure = format_amount(amount)
    return f"{amount.currency} {figure}" if show_currency else figure


def money_html(amount: Money, show_currency: bool = True) -> Markup:
    """An amount for a page, set apart from the direction of the text around it."""
    return Markup('<bdi class="money">{}</bdi>').format(format_money(amount, show_currency))


def format_day(day: date, weekday: bool = False) -> str:
    """A day as ``16 June 2026``, or ``Tue 16 June 2026`` when somebody must come."""
    locale = current_locale()
    if locale.language == "en":
        return format_date(day, "EEE d MMMM y" if weekday else "d MMMM y", locale=locale)
    if weekday:
        return format_date(day, "full", locale=locale)
    return format_date(day, "long", locale=locale)


def format_days(start: date, end: date) -> str:
    """A span of days, without repeating what both ends share: ``1–5 June 2026``."""
    if start == end:
        return format_day(start)
    locale = current_locale()
    if locale.language != "en":
        return str(format_interval(start, end, skeleton="yMMMd", locale=locale))
    last = format_day(end)
    if (start.year, start.month) == (end.year, end.month):
        return f"{start.day}{EN_DASH}{last}"
    if start.year == end.year:
        return f"{format_date(start, 'd MMMM', locale=locale)} {EN_DASH} {last}"
    return f"{format_day(start)} {EN_DASH} {last}"


def _aware(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("An instant needs a time zone before it can be shown.")
    return instant


def format_time(instant: datetime, zone: str | tzinfo | None = None) -> str:
    """The time of day of an instant in a zone: ``10:00``."""
    local = _aware(instant).astimezone(zone_of(zone))
    return format_datetime(local, "HH:mm", locale=current_locale())


def format_instant(instant: datetime, zone: str | tzinfo | None = None, time: bool = True) -> str:
    """An instant with the city whose clock is meant: ``Tue 16 June 2026, 10:00 New York``."""
    where = zone_of(zone)
    day = format_day(_aware(instant).astimezone(where).date(), weekday=True)
    if not time:
        return day
    return gettext(
        "%(day)s, %(time)s %(place)s", day=day, time=format_time(instant, where), place=zone_name(where)
    )


def instant_html(instant: datetime, zone: str | tzinfo | None = None, time: bool = True) -> Markup:
    """An instant for a page: what people read, with UTC for machines."""
    stamp = _aware(instant).astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Markup('<time datetime="{}">{}</time>').format(stamp, format_instant(instant, zone, time))


def day_html(day: date, weekday: bool = False) -> Markup:
    """A day for a page."""
    if isinstance(day, datetime):
        return instant_html(day, time=False)
    return Markup('<time datetime="{}">{}</time>').format(day.isoformat(), format_day(day, weekday))


def days_html(start: date, end: date) -> Markup:
    """A span of days for a page."""
    return Markup('<bdi class="nowrap">{}</bdi>').format(format_days(start, end))


def format_size(size: int) -> str:
    """The size of a file: ``84 KB``, ``1.2 MB``."""
    if size < 1024:
        return ngettext("%(num)s byte", "%(num)s bytes", size)
    if size < 1024 * 1024:
        return gettext("%(size)s KB", size=format_number(Decimal(size) / 1024, 0))
    return gettext("%(size)s MB", size=format_number(round(Decimal(size) / (1024 * 1024), 1)))


def checked_tone(tone: str) -> str:
    """The tone itself, if it is one we have a shape for; otherwise a ``ValueError``."""
    if tone not in TONES:
        raise ValueError(f"Unknown tone {tone!r}: use one of {', '.join(TONES)}.")
    return str(tone)


def notice_tone(tone: str) -> str:
    """The tone of a notice; Flask's own ``message`` counts as information."""
    if tone == "message":
        return "info"
    if tone not in NOTICE_TONES:
        raise ValueError(f"Unknown notice {tone!r}: use one of {', '.join(NOTICE_TONES)}.")
    return tone


def cell_html(value: Any, currency: str | None = None) -> str | Markup:
    """The content of a table cell, by the kind of its value; nothing is a dash that is read out."""
    if value is None or value == "":
        return Markup('<span class="none" aria-hidden="true">{}</span><span class="sr">{}</span>').format(
            EN_DASH, gettext("none")
        )
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    if isinstance(value, Money):
        return money_html(value, show_currency=value.currency != currency)
    if isinstance(value, datetime):
        return instant_html(value)
    if isinstance(value, date):
        return day_html(value)
    if isinstance(value, int | Decimal):
        return format_number(value)
    if isinstance(value, str) and not hasattr(value, "__html__") and _REFERENCE.match(value):
        return Markup('<bdi class="code">{}</bdi>').format(value)
    return value if hasattr(value, "__html__") else str(value)


def plain_text(value: Any, currency: str | None = None) -> str:
    """What :func:`cell_html` shows, as text for papers and pictures. Figures and days stay on one line."""
    if value is None or value == "":
        return EN_DASH
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    if isinstance(value, Money):
        return isolated(format_money(value, show_currency=value.currency != currency).replace(" ", NO_BREAK_SPACE))
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, date):
        return format_day(value).replace(" ", NO_BREAK_SPACE)
    if isinstance(value, int | Decimal):
        return isolated(format_number(value))
    if hasattr(value, "label") and hasattr(value, "tone"):
        return isolated(value.label)
    if hasattr(value, "__html__"):
        return "\n".join(isolated(Markup(line).striptags()) for line in _BREAK.split(value.__html__()))
    return isolated(value)


def isolated(text: Any) -> str:
    """Text set apart from the direction of what stands around it, as ``<bdi>`` does on a page."""
    return f"{_ISOLATE}{_DIRECTION.sub('', str(text))}{_ISOLATE_END}"


def register_formats(app: Flask) -> None:
    """Give every template the filters that the components use."""
    from core.web.forms import error_items, field_kind, field_type, own_errors

    filters: Mapping[str, Any] = {
        "money": money_html,
        "money_text": format_money,
        "amount": format_amount,
        "when": instant_html,
        "when_text": format_instant,
        "time_of_day": format_time,
        "day": day_html,
        "day_text": format_day,
        "days": days_html,
        "days_text": format_days,
        "number": format_number,
        "file_size": format_size,
        "zone_name": zone_name,
        "tone": checked_tone,
        "notice_tone": notice_tone,
        "cell": cell_html,
        "error_items": error_items,
        "field_kind": field_kind,
        "field_type": field_type,
        "own_errors": own_errors,
    }
    app.jinja_env.filters.update(filters)
