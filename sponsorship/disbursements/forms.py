"""Forms of payments and bank data."""

from __future__ import annotations

import re
import uuid
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms import SelectField, SelectMultipleField, StringField, TextAreaField, ValidationError
from wtforms.validators import Length, Optional, Regexp

from core.web.forms import BaseForm, Required, UploadField
from sponsorship.awards.forms import VersionedForm
from sponsorship.disbursements.payee_needs import PAPERS
from sponsorship.disbursements.words import NAME_REASONS, RETURN_REASONS, SEND_BACK_REASONS

MOST_WORDS = 2000
_CHOICE = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}:[0-9]{1,9}")
_CHOOSE = ("", _l("Choose a reason"))


class SendBackForm(VersionedForm):
    """A payment goes back to the start."""

    reason = SelectField(_l("Reason"), choices=[_CHOOSE, *SEND_BACK_REASONS.items()], validators=[Required()])
    text = TextAreaField(_l("What to put right"),
                         validators=[Required(_l("Say in a sentence what to put right.")), Length(max=MOST_WORDS)])


class ChosenForm(BaseForm):
    """Payments chosen from a list. Values are id and version, as shown: a payment that is stale by now is for the
    command to refuse, not for the form."""

    payments: SelectMultipleField

    def versions(self) -> dict[uuid.UUID, int]:
        """What was chosen, in order; anything that was never offered is left out."""
        pairs = [value.split(":") for value in self.payments.data or () if _CHOICE.fullmatch(value)]
        return {uuid.UUID(key): int(version) for key, version in pairs}


def chosen_payments(label: Any) -> SelectMultipleField:
    return SelectMultipleField(label, choices=[], validate_choice=False, validators=[
        Required(_l("Choose at least one payment.")), _some_payment])


def _some_payment(form: ChosenForm, field: SelectMultipleField) -> None:
    if not form.versions():
        raise ValidationError(gettext("Choose at least one payment."))


class ReleaseForm(ChosenForm):
    """Payments to release together."""

    payments = chosen_payments(_l("Payments to release"))


class ManyForm(ChosenForm):
    """Payments to approve together."""

    payments = chosen_payments(_l("Payments to approve"))


class PayeeForm(VersionedForm):
    """Bank data for a transfer."""

    holder = StringField(_l("Name of the account holder"),
                         description=_l("As on the account and in the passport; it must be the person who travels."),
                         validators=[Required(), Length(min=2, max=140)])
    bank_name = StringField(_l("Name of the bank"), validators=[Required(), Length(min=2, max=140)])
    bank_country = StringField(
        _l("Place of the bank"), description=_l("Two letters, for example KE."),
        validators=[Required(),
                    Regexp(r"[A-Za-z]{2}\Z", message=_l("Write the two letters of the place, such as KE."))],
    )
    account = StringField(_l("IBAN or account number"), validators=[Required(), Length(max=60)],
                          render_kw={"autocomplete": "off"})
    bic = StringField(_l("BIC (SWIFT)"), validators=[Optional(), Length(max=20)], render_kw={"autocomplete": "off"})
    proof = UploadField(_l("Proof"), description=_l("A letter of the bank or a voided cheque: PDF, PNG or JPG."))


class IdentityForm(VersionedForm):
    """Identity of whoever is paid in cash."""

    name = StringField(_l("Name as in the paper"),
                       description=_l("Letter by letter: the paymaster compares it with the paper."),
                       validators=[Required(), Length(min=2, max=140)])
    kind = SelectField(_l("Paper that will be shown"), choices=[("", _l("Choose a paper")), *PAPERS.items()],
                       validators=[Required()])
    ending = StringField(_l("Last four characters of its number"), description=_l("For example 4821."),
                         validators=[Required(), Length(max=12)], render_kw={"autocomplete": "off"})
    copy = UploadField(_l("Copy of the paper"),
                       description=_l("The page with name and photograph: PDF, PNG or JPG."))


class NameForm(VersionedForm):
    """Account or paper are in another name, or the passport is another, and it is the same person all the same."""

    reason = SelectField(_l("Why it is the same person"), choices=[_CHOOSE, *NAME_REASONS.items()],
                         validators=[Required()])
    text = TextAreaField(_l("What shows it"), description=_l("Name the paper. Do not repeat bank data."),
                         validators=[Required(_l("Say in a sentence what shows it.")), Length(max=MOST_WORDS)])


class ReturnForm(VersionedForm):
    """The data cannot be verified."""

    reason = SelectField(_l("Reason"), choices=[_CHOOSE, *RETURN_REASONS.items()], validators=[Required()])
    text = TextAreaField(_l("What to correct"), description=_l("The State reads this. Do not repeat bank data."),
                         validators=[Required(_l("Say in a sentence what to correct.")), Length(max=MOST_WORDS)])
