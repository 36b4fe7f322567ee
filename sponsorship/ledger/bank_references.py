"""Each line of the bank's statement counts once, whatever it is recorded as: a deposit, a refund, a payout of Stripe,
money that a payee paid back, a payment that came back. The rooms say here where they keep the bank's references."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from flask_babel import gettext as _

from core.errors import RuleBroken

Look = Callable[[str], str | None]
_KEPT: dict[str, Look] = {}


def kept_as(name: str, look: Look) -> None:
    """A room keeps references: `look(reference)` says what bears this one (capitals, single spaces), or None."""
    _KEPT[name] = look


def one_form(text: str) -> str:
    """A reference in the one form in which references are compared: capitals, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).upper().split())


def check_unused(reference: str, *, but: str = "", field: str = "bank_reference") -> None:
    """Raises RuleBroken when a line of this reference is recorded already (as anything `but` one kind)."""
    known = next((found for name, look in _KEPT.items() if name != but and (found := look(one_form(reference)))), None)
    if known is not None:
        raise RuleBroken(
            _("This bank reference is recorded already, with %(known)s: each line of the statement counts once. Check "
              "the reference.", known=known), code="bank.reference_used", field=field)


def check_readable(reference: str, *, field: str = "bank_reference") -> None:
    """Raises RuleBroken for a reference that is missing, or holds signs that nobody sees."""
    if not reference or not reference.isprintable():
        raise RuleBroken(_("Write the bank’s reference as it stands on the statement."), code="bank.no_reference",
                         field=field)
