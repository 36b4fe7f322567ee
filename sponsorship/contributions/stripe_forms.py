"""Forms of what lies at Stripe: invoices, payouts, movements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms import SelectField, StringField, TextAreaField
from wtforms.validators import Length

from core.web.forms import BaseForm, DayField, MoneyField, Required, VersionField
from sponsorship.contributions.pools import PoolChoice

_LONG = Length(max=2000, message=_l("Keep it under 2,000 letters."))


class InvoiceForm(BaseForm):
    """An officer has an invoice made for the next instalment."""

    due_on = DayField(_l("To be paid by"), validators=[Required(_l("Write the day by which it is to be paid."))])


class CloseInvoiceForm(BaseForm):
    """An officer closes an invoice."""

    how = SelectField(_l("How it ends"), validators=[Required(_l("Choose how the invoice ends."))], choices=[
        ("", _l("Choose")),
        ("void", _l("Cancelled: it was a mistake, or is no longer wanted")),
        ("elsewhere", _l("Paid by another way: the money has come otherwise")),
        ("uncollectible", _l("Given up: nobody expects it to be paid")),
    ])
    words = TextAreaField(_l("Why"), validators=[Required(_l("Write why, for the record.")), _LONG])
    version = VersionField()


class ConfirmPayoutForm(BaseForm):
    """An officer finds a payout on the bank's statement."""

    amount = MoneyField(_l("Amount on the statement"), allow_zero=False,
                        validators=[Required(_l("Write the amount that stands on the statement."))])
    bank_reference = StringField(
        _l("Reference on the statement"),
        validators=[Required(_l("Write the reference that stands on the bank’s statement.")),
                    Length(max=80, message=_l("Write a reference of at most 80 letters."))])
    value_date = DayField(_l("Value date"), validators=[Required(_l("Write the value date of the statement."))])
    version = VersionField()


class BookForm(BaseForm):
    """An officer books a movement, or what of it is missing, to a pool."""

    pool = SelectField(_l("Pool"), validators=[Required(_l("Choose the pool."))])
    version = VersionField()

    def __init__(self, pools: Sequence[PoolChoice], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pool.choices = [("", gettext("Choose")), *((choice.value, choice.label) for choice in pools)]


class ForPledgeForm(BaseForm):
    """An officer says for which pledge a payment was made."""

    pledge = StringField(
        _l("Reference of the pledge"), description=_l("As it stands on the pledge’s page, for example PLG-2027-0012."),
        validators=[Required(_l("Write the reference of the pledge.")),
                    Length(max=20, message=_l("Write a reference of at most 20 letters."))])
    version = VersionField()


class ExplainMovementForm(BaseForm):
    """An officer closes a movement in words."""

    words = TextAreaField(_l("What it is"), validators=[Required(_l("Write what it is, for the record.")), _LONG])
    version = VersionField()
