"""E-mail addresses: one spelling for each, and what to write when one cannot be used."""

from __future__ import annotations

from typing import Any

from email_validator import EmailNotValidError, validate_email
from flask_babel import gettext
from wtforms import Field
from wtforms.validators import ValidationError


def normal_email(text: str) -> str:
    """The address in the one spelling we keep: checked, lower case. Raises ValueError."""
    try:
        found = validate_email(text.strip(), check_deliverability=False, allow_smtputf8=True)
    except EmailNotValidError as error:
        raise ValueError("not an e-mail address") from error
    normal = found.normalized.lower()
    if len(normal) > 254:
        raise ValueError("not an e-mail address")
    return normal


class EmailAddress:
    """A form's e-mail field: says how to write one, and leaves the normal spelling in `data`."""

    def __call__(self, form: Any, field: Field) -> None:
        """Check what was typed."""
        try:
            field.data = normal_email(field.data or "")
        except ValueError as error:
            raise ValidationError(
                gettext("Write an e-mail address such as name@mission.example.")
            ) from error
