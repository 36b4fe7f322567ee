"""What forms say where WTForms has words of its own: what to do, in the words of this application."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

_CHOOSE, _AT_MOST = _l("Choose one of the answers offered."), _l("Write at most %(max)d characters.")
_AT_LEAST = _l("Write at least %(min)d characters.")
_WHOLE = _l("Write a whole number in figures, such as 12.")
_DAY = _l("Write a day, such as 16 June 2027.")
WORDS: dict[str, Any] = {
    "Not a valid choice.": _CHOOSE,
    "Invalid Choice: could not coerce.": _CHOOSE,
    "Invalid choice(s): one or more data inputs could not be coerced.": _CHOOSE,
    "'%(value)s' is not a valid choice for this field.": _l("Choose only answers that are offered."),
    "'%(value)s' are not valid choices for this field.": _l("Choose only answers that are offered."),
    "This field is required.": _l("Fill this in."),
    "Invalid input.": _l("Write it in another way: it cannot be read as it stands."),
    "Not a valid integer value.": _WHOLE,
    "Not a valid decimal value.": _l("Write a number in figures, such as 12.50."),
    "Not a valid float value.": _l("Write a number in figures, such as 12.50."),
    "Not a valid date value.": _DAY,
    "Not a valid datetime value.": _l("Write a day and a time, such as 16 June 2027, 09:00."),
    "Not a valid time value.": _l("Write a time from 00:00 to 23:59."),
    "Number must be at least %(min)s.": _l("Write %(min)s or more."),
    "Number must be at most %(max)s.": _l("Write %(max)s or less."),
    "Number must be between %(min)s and %(max)s.": _l("Write a number between %(min)s and %(max)s."),
    "Field cannot be longer than %(max)d character.": _AT_MOST,
    "Field cannot be longer than %(max)d characters.": _AT_MOST,
    "Field must be at least %(min)d character long.": _AT_LEAST,
    "Field must be at least %(min)d characters long.": _AT_LEAST,
    "Field must be between %(min)d and %(max)d characters long.":
        _l("Write between %(min)d and %(max)d characters."),
    "Field must be exactly %(max)d character long.": _l("Write exactly %(max)d characters."),
    "Field must be exactly %(max)d characters long.": _l("Write exactly %(max)d characters."),
    "Field must be equal to %(other_name)s.": _l("Write the same as above."),
    "Invalid email address.": _l("Write an e-mail address, such as name@ministry.example."),
    "Invalid URL.": _l("Write an address that begins with https://."),
}


class FormWords:
    """Stands where WTForms looks for its translations."""

    def gettext(self, string: str) -> str:
        """Our sentence for one of theirs, in the language of the page."""
        return str(WORDS.get(string, string))

    def ngettext(self, singular: str, plural: str, n: int) -> str:
        """As `gettext`; our sentences need no number."""
        return self.gettext(singular if n == 1 else plural)


def had_unseen() -> str:
    """What a person is told whose text held signs that cannot be seen."""
    return gettext("This text held signs that cannot be seen, perhaps from copying. They have been taken out: look at "
                   "what is left and send it again.")
