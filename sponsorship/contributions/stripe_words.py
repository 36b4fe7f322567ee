"""What the codes of this room mean, for the page of what matches nothing: what is wrong, and what a person does."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from sponsorship.gateways.problems import register_problem

_LOOK = _l("Compare both at Stripe. Then send the payment back there, or record it for the right pledge on the page of "
           "movements, and write here what you did.")
_BY_HAND = _l("Look at it at Stripe. If it is the fund’s own, write here why it was made; if not, send it back there.")

_WORDS = (
    # payments
    ("unknown_session", _l("A payment that no pledge here asked for."), _LOOK),
    ("foreign_metadata", _l("It carries the marks of another system."), _LOOK),
    ("another_session", _l("The pledge was paid through another payment page."), _LOOK),
    ("another_payment", _l("The pledge was already paid by another payment."), _LOOK),
    ("amount_differs", _l("The amount paid is not the amount asked."), _LOOK),
    ("currency_differs", _l("The currency paid is not the currency asked."), _LOOK),
    ("fee_differs", _l("Amount, fee and net do not agree."), _l("Compare them at Stripe, and read it again.")),
    ("payment_used_twice", _l("This payment already belongs to another contribution."), _LOOK),
    ("settled_in_other_currency", _l("Stripe booked it in another currency than US dollars."),
     _l("The books hold US dollars at Stripe only. Have the account settle in US dollars, and send this payment back "
        "or have it booked by hand.")),
    ("rates.missing", _l("There is no exchange rate for the day of this payment."),
     _l("Import the rates of that day, then read it again.")),
    ("contribution.no_pool", _l("The fund has no pool for unearmarked money yet."),
     _l("Open one, then read it again.")),
    # invoices and bank transfers through Stripe
    ("unknown_invoice", _l("An invoice that was not made here."), _BY_HAND),
    ("another_invoice", _l("A second invoice for the same contribution."), _l("Cancel one of them at Stripe.")),
    ("invoice_paid_outside", _l("Somebody marked an invoice at Stripe as paid by another way."),
     _l("Record the deposit if the money came, or make a new invoice if it did not. Then write here what you found.")),
    ("several_payments", _l("An invoice was paid in several parts."), _LOOK),
    ("surplus", _l("A donor sent more by bank transfer than was asked for. The rest lies in the donor’s cash balance "
                   "at Stripe."),
     _l("Make the next invoice, which is paid from it; or send it back at Stripe (customer, cash balance, refund). "
        "Then read this again: it closes by itself once nothing is left.")),
    ("unknown_customer", _l("Money lies in the cash balance of a customer that is not known here."), _BY_HAND),
    # refunds and disputes
    ("unknown_refund", _l("A refund that was not ordered here."), _BY_HAND),
    ("another_refund", _l("A second refund of the same contribution."), _BY_HAND),
    ("unknown_dispute", _l("A dispute of a payment that is not known here."),
     _l("Answer it at Stripe by its date, and write here what you did.")),
    # movements of the balance
    ("movement_unknown", _l("Nothing in the books says this."),
     _l("Book what Stripe kept as a fee of a pool; record a payment for its pledge; or explain what it is.")),
    ("movement_differs", _l("The books say another amount, fee or net."),
     _l("Compare both. Book the difference to a pool, or explain it.")),
    ("movement_other_currency", _l("It is in another currency than US dollars."),
     _l("The books hold US dollars at Stripe only. Explain how it came about.")),
)


def register() -> None:
    """Called once by app.py."""
    for code, words, todo in _WORDS:
        register_problem(code, words, todo)
