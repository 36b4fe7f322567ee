"""Why something that Stripe told us waits for a person: in words, with what to do about it and what it concerns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from core.db import db
from sponsorship.contributions.back_models import Dispute, Refund
from sponsorship.contributions.models import Contribution


@dataclass(frozen=True)
class Problem:
    """`words` say what is wrong, `todo` what a person does about it."""

    code: str
    words: Any
    todo: Any


_REFUND_AT_STRIPE = _l("Find out whose money it is. If it is nobody’s here, refund it at Stripe, and write here what "
                       "you did.")
_LATE = _l("Its payment may be told to us late: read it again. If it stays unknown, it belongs to something that was "
           "paid outside this program; look at it at Stripe, and write here what you did.")
_COMPARE = _l("Compare the payment at Stripe with the contribution. If the money is right, record what you agreed with "
              "the donor here; if not, refund it at Stripe.")
PROBLEMS: dict[str, tuple[Any, Any]] = {
    "unknown_session": (_l("A payment that no pledge here asked for."), _REFUND_AT_STRIPE),
    "other_mode": (_l("It belongs to the other mode of Stripe (test or live)."),
                   _l("Nothing is to be done about the money. Ask the operator why the other mode’s webhook points "
                      "here.")),
    "foreign_metadata": (_l("It carries the marks of another system."), _REFUND_AT_STRIPE),
    "another_session": (_l("The pledge was paid through another payment page."),
                        _l("The donor may have paid twice. Look at both payments at Stripe, refund the second one "
                           "there, and write here what you did.")),
    "another_payment": (_l("The pledge was already paid by another payment."),
                        _l("The donor may have paid twice. Look at both payments at Stripe, refund the second one "
                           "there, and write here what you did.")),
    "amount_differs": (_l("The amount is not the amount that was asked for."), _COMPARE),
    "currency_differs": (_l("The currency is not the currency that was asked for."), _COMPARE),
    "settled_in_other_currency": (_l("Stripe booked it in another currency than US dollars."),
                                  _l("The books hold US dollars at Stripe only. Ask the operator to check the "
                                     "account’s currencies, then read it again.")),
    "fee_differs": (_l("Amount, fee and net do not agree."),
                    _l("Read it again in an hour: Stripe may not have finished. If they still differ, ask Stripe, and "
                       "write here what was found.")),
    "payment_used_twice": (_l("This payment already belongs to another contribution."),
                           _l("No money is missing or doubled. Look at the other contribution, and write here what was "
                              "found.")),
    "unknown_refund": (_l("A refund of a payment that is not known here."), _LATE),
    "another_refund": (_l("A second refund under the key of the first."),
                       _l("Look at both refunds at Stripe: the donor may have been paid back twice. Write here what "
                          "you did.")),
    "unknown_dispute": (_l("A dispute of a payment that is not known here."), _LATE),
    "rates.missing": (_l("No rate of exchange is on record for the day of a payment in another currency."),
                      _l("Import the rates of that day, then read it again: the money is recorded then.")),
    "not_complete": (_l("Stripe had not finished booking it when we last asked."), _l("Read it again.")),
    "not booked": (_l("Stripe had not finished booking it when we last asked."), _l("Read it again.")),
    "no_connection": (_l("Stripe could not be reached."), _l("Read it again.")),
    "resource_missing": (_l("Stripe does not know the object that it told us of."),
                         _l("It may belong to another account or mode. Ask the operator, and write here what was "
                            "found.")),
    "busy": (_l("The database was busy each time."), _l("Read it again.")),
}


def problem_of(code: str) -> Problem:
    """The meaning of a code; for one that nobody explained, the code itself with advice that always holds."""
    words, todo = PROBLEMS.get(code, (None, None))
    if words is None:
        words = _("It could not be read: %(code)s", code=code or "—")
        todo = _("Read it again. If it fails again, look at the object at Stripe, do there what is right, and write "
                 "here what you did.")
    return Problem(code, words, todo)


def concerned(object_ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """The contribution (reference, address) that each object at Stripe is about, where it is known."""
    wanted = [key for key in object_ids if key]
    if not wanted:
        return {}
    found: dict[str, tuple[str, str]] = {}
    columns = (Contribution.stripe_session_id, Contribution.stripe_payment_intent_id, Contribution.stripe_charge_id,
               Contribution.stripe_invoice_id)
    direct = [select(column, Contribution.id, Contribution.reference).where(column.in_(wanted)) for column in columns]
    through = [
        select(column, Contribution.id, Contribution.reference)
        .join(Contribution, Contribution.id == model.contribution_id).where(column.in_(wanted))
        for model, column in ((Refund, Refund.stripe_refund_id), (Dispute, Dispute.stripe_dispute_id))
    ]
    for statement in (*direct, *through):
        for key, contribution_id, reference in db.session.execute(statement):
            found[str(key)] = reference, url_for("contributions.contribution", contribution_id=contribution_id)
    return found
