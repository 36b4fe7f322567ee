"""Each line of the bank's statement counts once, whatever it is recorded as: a deposit, a refund, a payout of Stripe,
money that a payee paid back, a payment that came back. The rooms say here where they keep the bank's references.

Two officers may record one line as two different things at the same instant, and each would find that nobody has it
yet. Whoever asks therefore holds the reference until the own transaction ends: the other waits, and then sees it. On
SQLite one writes at a time anyhow.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable

from flask_babel import gettext as _
from sqlalchemy import text

from core.db import db
from core.errors import RuleBroken

Look = Callable[[str], str | None]
_KEPT: dict[str, Look] = {}


def kept_as(name: str, look: Look) -> None:
    """A room keeps references: `look(reference)` says what bears this one (capitals, single spaces), or None."""
    _KEPT[name] = look


def one_form(words: str) -> str:
    """A reference in the one form in which references are compared: capitals, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", words).upper().split())


def check_unused(reference: str, *, but: str = "", field: str = "bank_reference") -> None:
    """Raises RuleBroken when a line of this reference is recorded already (as anything `but` one kind). Until the
    transaction ends nobody else can ask for this reference."""
    _hold(one_form(reference))
    known = next((found for name, look in _KEPT.items() if name != but and (found := look(one_form(reference)))), None)
    if known is not None:
        raise RuleBroken(
            _("This bank reference is recorded already, with %(known)s: each line of the statement counts once. Check "
              "the reference.", known=known), code="bank.reference_used", field=field)


def _hold(reference: str) -> None:
    if db.session.connection().dialect.name == "postgresql":
        number = int.from_bytes(hashlib.sha256(f"bank-line:{reference}".encode()).digest()[:8], "big", signed=True)
        db.session.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})


def check_readable(reference: str, *, field: str = "bank_reference") -> None:
    """Raises RuleBroken for a reference that is missing, or holds signs that nobody sees."""
    if not reference or not reference.isprintable():
        raise RuleBroken(_("Write the bank’s reference as it stands on the statement."), code="bank.no_reference",
                         field=field)
