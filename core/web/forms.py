"""The form every page builds on, its validators, and the list of its errors."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import Any

from flask_babel import gettext
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, Field, FieldList, FormField, HiddenField, PasswordField, StringField
from wtforms.csrf.core import CSRFTokenField
from wtforms.fields.core import UnboundField
from wtforms.validators import Optional, StopValidation, ValidationError

from core.money import Money
from core.text import without_controls
from core.web.fields import (
    MEGABYTE,
    DayField,
    MoneyField,
    UploadField,
    VersionField,
    WholeNumberField,
    field_kind,
    field_type,
    parse_day,
    stripped,
)
from core.web.form_words import FormWords, had_unseen
from core.web.formats import format_day, format_instant, format_money, format_number

__all__ = [
    "MEGABYTE",
    "After",
    "BaseForm",
    "DayField",
    "MoneyField",
    "Required",
    "RequiredWhen",
    "RowForm",
    "UploadField",
    "VersionField",
    "WholeNumberField",
    "add_error",
    "error_items",
    "field_kind",
    "field_type",
    "is_filled",
    "own_errors",
    "parse_day",
    "stripped",
]


def _with_stripping(unbound: UnboundField) -> UnboundField:
    """The same field with stripping as its first filter; passwords keep every character typed."""
    kind, args, kwargs = unbound.field_class, list(unbound.args), dict(unbound.kwargs)
    if issubclass(kind, FieldList) and args and isinstance(args[0], UnboundField):
        args[0] = _with_stripping(args[0])
    elif issubclass(kind, StringField) and not issubclass(kind, PasswordField):
        kwargs["filters"] = [stripped, *kwargs.get("filters", ())]
    else:
        return unbound
    copy = UnboundField(kind, *args, **kwargs)
    copy.creation_counter = unbound.creation_counter
    return copy


class _Cleaned(MultiDict[str, Any]):
    """What was sent, cleaned already."""


class BaseForm(FlaskForm):
    """A form with CSRF protection whose texts arrive without stray white space."""

    class Meta(FlaskForm.Meta):
        """How fields are bound."""

        def bind_field(self, form: Any, unbound_field: UnboundField, options: dict[str, Any]) -> Field:
            """Bind a field, with stripping added."""
            return super().bind_field(form, _with_stripping(unbound_field), options)

        def get_translations(self, form: Any) -> FormWords:
            """Words of ours instead of WTForms' own."""
            return FormWords()

        def wrap_formdata(self, form: Any, formdata: Any) -> Any:
            """What was sent, without signs that cannot be seen; passwords keep every character typed."""
            data = super().wrap_formdata(form, formdata)
            if not isinstance(data, MultiDict) or isinstance(data, _Cleaned):
                return data
            kept = {name for name, field in form._fields.items() if isinstance(field, PasswordField)}
            clean = [(name, without_controls(value) if isinstance(value, str) and name not in kept else value)
                     for name, value in data.items(multi=True)]
            form.had_unseen = {name for (name, now), (_n, was) in
                               zip(clean, data.items(multi=True), strict=True) if now != was}
            return _Cleaned(clean) if form.had_unseen else data

    had_unseen: Collection[str] = ()  # fields whose text held signs that cannot be seen

    def validate(self, extra_validators: Any = None) -> bool:
        """Check every field. Overriding forms keep this signature and call it first."""
        good = bool(super().validate(extra_validators))
        for name in self.had_unseen:
            field = self._fields.get(name)
            if field is not None and not field.errors and not isinstance(field, HiddenField):
                field.errors = [had_unseen()]
                good = False
        return good


class RowForm(BaseForm):
    """One row of a ``FieldList(FormField(...))``: the form around it carries the CSRF token."""

    class Meta(BaseForm.Meta):
        """No token of its own."""

        csrf = False


class Required:
    """Something must be written or chosen; ``message`` says what. Unlike WTForms' own, zero counts."""

    field_flags = {"required": True}

    def __init__(self, message: Any = None) -> None:
        self.message = message

    def __call__(self, form: Any, field: Field) -> None:
        """Stop with the message when nothing came."""
        if is_filled(field):
            return
        raise StopValidation(str(self.message) if self.message else _please_fill(field))


def is_filled(field: Field) -> bool:
    """Whether a field holds an answer: zero does, white space and an empty list do not."""
    value = field.data
    if isinstance(field, BooleanField):
        return bool(value)
    if isinstance(value, str):
        return bool(value.strip())
    if isinstance(value, list | tuple | dict | set):
        return bool(value)
    return value is not None


def _please_fill(field: Field) -> str:
    label = str(field.label.text)
    if field_kind(field) in {"select", "radio", "checkboxes"}:
        return gettext("Choose an answer: %(label)s", label=label)
    if field_kind(field) == "file":
        return gettext("Choose a file: %(label)s", label=label)
    return gettext("Fill in: %(label)s", label=label)


class RequiredWhen:
    """Required when another field has a value (or one of several, or one that passes a test)."""

    def __init__(self, other: str, value: Any, message: Any = None) -> None:
        self.other = other
        self.value = value
        self.message = message

    def _applies(self, data: Any) -> bool:
        if callable(self.value):
            return bool(self.value(data))
        if isinstance(self.value, list | tuple | set | frozenset):
            return data in self.value
        return bool(data == self.value)

    def __call__(self, form: Any, field: Field) -> None:
        """Ask for an answer when the other field calls for one; otherwise let it be empty."""
        if self._applies(form[self.other].data):
            Required(self.message)(form, field)
        else:
            Optional()(form, field)


class After:
    """A day, instant or number that must come after that of another field (or be the same, if allowed)."""

    def __init__(self, other: str, or_same: bool = False, message: Any = None) -> None:
        self.other = other
        self.or_same = or_same
        self.message = message

    def __call__(self, form: Any, field: Field) -> None:
        """Compare, once both have been filled in."""
        earlier = form[self.other]
        if field.data is None or earlier.data is None:
            return
        if field.data > earlier.data or (self.or_same and field.data == earlier.data):
            return
        if self.message:
            raise ValidationError(str(self.message))
        names = {"label": earlier.label.text, "value": _shown(earlier.data)}
        if self.or_same:
            raise ValidationError(gettext("This must not come before “%(label)s” (%(value)s).", **names))
        raise ValidationError(gettext("This must come after “%(label)s” (%(value)s).", **names))


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return format_instant(value) if value.tzinfo else f"{format_day(value)}, {value:%H:%M}"
    if isinstance(value, date):
        return format_day(value)
    if isinstance(value, Money):
        return format_money(value)
    return format_number(value) if isinstance(value, int) else str(value)


def add_error(form: Any, field_name: str | None, message: Any) -> None:
    """Attach an error that a command raised to a field, or to the whole form when no field fits."""
    field = form._fields.get(field_name) if field_name else None
    if field is None:
        form.form_errors = [*form.form_errors, message]
    else:
        field.errors = [*field.errors, message]


def own_errors(field: Field) -> list[Any]:
    """The errors of the field itself, without those of its parts."""
    if isinstance(field, FormField):
        return list(field.errors.get(None, ())) if isinstance(field.errors, dict) else []
    return [error for error in field.errors or () if not isinstance(error, list | tuple | dict)]


def error_items(form: Any) -> list[tuple[str | None, Any]]:
    """Every error of a form as (id to jump to or None, text), in the order of the page."""
    items: list[tuple[str | None, Any]] = [(None, error) for error in form.form_errors]
    for field in form:
        items += _field_errors(field)
    return items


def _field_errors(field: Field) -> list[tuple[str | None, Any]]:
    if isinstance(field, CSRFTokenField):
        text = gettext("This page was open for too long, so nothing was saved. Send it again.")
        return [(None, text)] if field.errors else []
    target: str | None = field.id
    if isinstance(field, HiddenField):
        target = None
    elif field_kind(field) in {"radio", "checkboxes"}:
        target = f"{field.id}-0"
    items = [(target, error) for error in own_errors(field)]
    parts: Any = ()
    if isinstance(field, FieldList):
        parts = field.entries
    elif isinstance(field, FormField):
        parts = field.form
    for part in parts:
        items += _field_errors(part)
    return items
