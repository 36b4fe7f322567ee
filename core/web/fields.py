"""Fields that keep what was typed and say what to write instead, and what the macro must know of a field."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from babel import Locale
from babel.dates import get_month_names
from flask_babel import get_locale, gettext
from flask_wtf.file import FileField
from wtforms import (
    BooleanField,
    DateField,
    Field,
    FieldList,
    FormField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectField,
    SelectMultipleField,
    TextAreaField,
)
from wtforms.validators import StopValidation
from wtforms.widgets import CheckboxInput, TextInput

from core.money import Money, MoneyError
from core.text import without_controls
from core.web.formats import format_day, format_money, format_size

MEGABYTE = 1024 * 1024
FIRST_YEAR, LAST_YEAR = 1900, 2200  # beyond them a typing mistake is certain, and arithmetic on days would fail


def stripped(value: Any) -> Any:
    """The text without white space around it and without control characters; anything else as it is."""
    return without_controls(value).strip() if isinstance(value, str) else value


class _KeepsFirstError:
    """A text that could not be read is the error to show, whatever validators would add to it."""

    def validate(self, form: Any, extra_validators: Iterable[Any] = ()) -> bool:
        """Check the value, unless reading it failed already."""
        if self.process_errors:
            self.errors = list(self.process_errors)
            return False
        return bool(super().validate(form, extra_validators))  # type: ignore[misc]

    process_errors: Sequence[str]
    errors: Sequence[str]


def _typed(field: Field) -> str:
    return str(field.raw_data[0]).strip() if getattr(field, "raw_data", None) else ""


class MoneyField(_KeepsFirstError, Field):
    """An amount: ``data`` is :class:`Money` or None. What was typed stays when it cannot be read.

    ``currency`` is a code, or a function that returns one; ``currency_from`` names a field placed
    *before* this one in which the person chooses it.
    """

    widget = TextInput()

    def __init__(
        self,
        label: Any = None,
        validators: Any = None,
        currency: str | Callable[[], str] = "USD",
        currency_from: str | None = None,
        allow_zero: bool = True,
        _form: Any = None,
        **kwargs: Any,
    ) -> None:
        self._currency = currency
        self._currency_from = currency_from
        self._allow_zero = allow_zero
        self._owner = _form
        super().__init__(label, validators, _form=_form, **kwargs)

    @property
    def currency(self) -> str:
        """The code that counts for this amount now."""
        if self._currency_from and self._owner is not None:
            chosen = self._owner[self._currency_from].data
            if isinstance(chosen, str) and re.fullmatch("[A-Z]{3}", chosen):
                return chosen
        return self._currency() if callable(self._currency) else self._currency

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return str(self.data.decimal) if isinstance(self.data, Money) else ""

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Read what was typed, or say how to write it."""
        self.data = None
        text = stripped(valuelist[0]) if valuelist else ""
        if not text:
            return
        currency = self.currency
        try:
            amount = Money.parse(text, currency)
        except MoneyError as error:
            raise ValueError(_money_advice(error.code, currency)) from error
        except ValueError as error:
            raise ValueError(_money_advice("not_a_number", currency)) from error
        if not amount.minor and not self._allow_zero:
            raise ValueError(gettext("Write an amount above zero."))
        self.data = amount


def _money_advice(code: str, currency: str) -> str:
    example = format_money(Money.parse("1250", currency), show_currency=False)
    if code == "decimals":
        whole = format_money(Money(1, currency), show_currency=False)
        return gettext(
            "Write no smaller part than %(smallest)s %(currency)s, for example %(example)s.",
            smallest=whole,
            currency=currency,
            example=example,
        )
    if code == "negative":
        return gettext("Write the amount without a sign, for example %(example)s.", example=example)
    if code == "too_large":
        return gettext("This amount is larger than can be recorded. Check the number of zeros.")
    return gettext("Write an amount in figures, for example %(example)s.", example=example)


@lru_cache(maxsize=16)
def _month_numbers(code: str) -> dict[str, int]:
    names: dict[str, int] = {}
    for locale in ("en", code):
        for width in ("wide", "abbreviated"):
            for context in ("format", "stand-alone"):
                for number, name in get_month_names(width, context, Locale.parse(locale)).items():
                    names[name.casefold().rstrip(".")] = number
    return names


def parse_day(text: str) -> date | None:
    """A day written as 2026-06-16 or as 16 June 2026, in English or the reader's language; else None."""
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) else _spelled_day(text)
    except ValueError:
        return None


def _spelled_day(text: str) -> date | None:
    match = re.fullmatch(r"(\d{1,2})\.?\s+(?:de\s+)?([^\W\d]+)\.?,?\s+(?:de\s+)?(\d{4})(?:\s*г\.?)?", text)
    if not match:
        match = re.fullmatch(r"(?P<y>\d{4})年(?P<m>\d{1,2})月(?P<d>\d{1,2})日", text)
        return date(int(match["y"]), int(match["m"]), int(match["d"])) if match else None
    month = _month_numbers(str(get_locale() or "en")).get(match[2].casefold())
    return date(int(match[3]), month, int(match[1])) if month else None


class DayField(_KeepsFirstError, DateField):
    """A day, from the browser's own date input or typed; ``data`` is a date or None."""

    def _value(self) -> str:
        if isinstance(self.data, date):
            return self.data.isoformat()
        return str(self.raw_data[0]) if self.raw_data else ""

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Read what was typed, or say how to write it."""
        self.data = None
        text = stripped(valuelist[0]) if valuelist else ""
        if not text:
            return
        self.data = parse_day(text)
        if self.data is None:
            raise ValueError(
                gettext(
                    "Write a date that exists, as %(example)s or 2027-06-16.",
                    example=format_day(date(2027, 6, 16)),
                )
            )
        if not FIRST_YEAR <= self.data.year <= LAST_YEAR:
            self.data = None
            raise ValueError(
                gettext("Write the year with four figures, from %(first)s to %(last)s.",
                        first=FIRST_YEAR, last=LAST_YEAR)
            )


class WholeNumberField(_KeepsFirstError, IntegerField):
    """A whole number; ``data`` is an int or None."""

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Read what was typed, or say how to write it."""
        self.data = None
        text = stripped(valuelist[0]) if valuelist else ""
        if not text:
            return
        if not re.fullmatch(r"-?\d{1,15}", text):
            raise ValueError(gettext("Write a whole number, for example 12."))
        self.data = int(text)


class VersionField(HiddenField):
    """The version a page was made from, so that a command can tell when somebody else was faster."""

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Read the number; a page without one cannot be used."""
        text = valuelist[0] if valuelist else ""
        self.data = int(text) if re.fullmatch(r"[0-9]{1,15}", text) else None

    def pre_validate(self, form: Any) -> None:
        """Refuse a page that does not say what it was made from."""
        if not isinstance(self.data, int):
            raise StopValidation(gettext("This page was incomplete. Open it again and repeat your change."))


class UploadField(FileField):
    """A file of one of ``kinds`` (endings without the dot), not empty and not above ``max_bytes``."""

    def __init__(
        self,
        label: Any = None,
        validators: Any = None,
        kinds: Collection[str] = ("pdf", "jpg", "jpeg", "png"),
        max_bytes: int = 5 * MEGABYTE,
        **kwargs: Any,
    ) -> None:
        self.kinds = tuple(kind.lower().lstrip(".") for kind in kinds)
        self.max_bytes = max_bytes
        accept = ",".join(f".{kind}" for kind in self.kinds)
        kwargs["render_kw"] = {"accept": accept, **(kwargs.get("render_kw") or {})}
        super().__init__(label, validators, **kwargs)

    @property
    def advice(self) -> str:
        """What may be sent, in words: the macro shows it as a hint."""
        names = [kind.upper() for kind in self.kinds if kind != "jpeg" or "jpg" not in self.kinds]
        return gettext("%(kinds)s, up to %(size)s", kinds=", ".join(names), size=format_size(self.max_bytes))

    def pre_validate(self, form: Any) -> None:
        """Check the ending and the size; what is inside is checked where the file is stored."""
        if self.data is None:
            return
        name = self.data.filename or ""
        if name.rpartition(".")[2].lower() not in self.kinds:
            raise StopValidation(gettext("Choose another file: %(advice)s.", advice=self.advice))
        self.data.stream.seek(0, 2)
        size = self.data.stream.tell()
        self.data.stream.seek(0)
        if not size:
            raise StopValidation(gettext("This file is empty. Choose another one."))
        if size > self.max_bytes:
            raise StopValidation(
                gettext("This file is too large. Choose another one: %(advice)s.", advice=self.advice)
            )


def field_kind(field: Field) -> str:
    """Which part of the macro shows a field: ``input``, ``select``, ``radio`` and so on."""
    if isinstance(field, SelectMultipleField):
        return "checkboxes" if isinstance(field.option_widget, CheckboxInput) else "select"
    kinds: tuple[tuple[Any, str], ...] = (
        (RadioField, "radio"),
        (SelectField, "select"),
        (BooleanField, "checkbox"),
        (TextAreaField, "textarea"),
        (FieldList, "list"),
        (FormField, "group"),
        (FileField, "file"),
        (HiddenField, "hidden"),
    )
    return next((kind for cls, kind in kinds if isinstance(field, cls)), "input")


def field_type(field: Field) -> str:
    """The ``type`` of an input: a day that could not be read turns into text, so that it can be corrected."""
    if isinstance(field, DateField):
        return "text" if _typed(field) and field.data is None else getattr(field, "picker", "date")
    if isinstance(field, MoneyField | IntegerField):
        return "text"
    return str(getattr(field.widget, "input_type", "text"))
