"""Why something that Stripe told us waits for a person: a code in the inbox, words and advice on the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l


@dataclass(frozen=True)
class Problem:
    """`words` say what is wrong, `todo` what a person does about it."""

    code: str
    words: Any
    todo: Any


_PROBLEMS: dict[str, Problem] = {}


def register_problem(code: str, words: Any, todo: Any) -> None:
    """A room says what one of its codes means; called once. Another meaning of a known code is a programming error."""
    made = Problem(code, words, todo)
    if str(_PROBLEMS.setdefault(code, made).words) != str(words):
        raise ValueError(f"{code} is explained twice")


def problem_of(code: str) -> Problem:
    """The meaning of a code; for one that nobody explained, the code itself with advice that always holds."""
    found = _PROBLEMS.get(code)
    if found is not None:
        return found
    return Problem(
        code, _("It could not be read: %(code)s", code=code),
        _("Read it again. If it fails again, look at the object at Stripe, do there what is right, and write here what "
          "you did."))


for _code, _words, _todo in (
    ("other_mode", _l("It belongs to the other mode of Stripe (test or live)."),
     _l("Nothing is to be done about the money. Ask the operator why the other mode’s webhook points here.")),
    ("other_account", _l("It belongs to another account of Stripe."),
     _l("Nothing is to be done about the money. Ask the operator why that account’s webhook points here.")),
    ("other_version", _l("It is written in another version of Stripe’s interface than this program speaks."),
     _l("Ask the operator to set the version of the webhook and of the account, then read it again.")),
    ("no_connection", _l("Stripe could not be reached for days."), _l("Read it again.")),
    ("not_complete", _l("Stripe had not finished booking it when we last asked."), _l("Read it again.")),
    ("not booked", _l("Stripe had not finished booking it when we last asked."), _l("Read it again.")),
    ("not returned", _l("A payout failed, and its money was not back at Stripe when we last asked."),
     _l("Look at it at Stripe, and read it again.")),
    ("busy", _l("The database was busy each time."), _l("Read it again.")),
    ("resource_missing", _l("Stripe does not know the object that it told us of."),
     _l("It may belong to another account or mode. Ask the operator, and write here what was found.")),
    ("payout_in_other_currency", _l("A payout in another currency than US dollars."),
     _l("The books hold US dollars at Stripe only. Ask the fund manager how it came about, and have it booked by "
        "hand.")),
    ("payout_differs", _l("A payout says another amount than it said before."),
     _l("Compare it with the bank’s statement, and write here what was found.")),
):
    register_problem(_code, _words, _todo)
