"""Forms of a file that must never leave. Each carries the digest of the payments that its page listed."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, SelectField, TextAreaField
from wtforms.validators import Length

from core.web.forms import BaseForm, Required
from sponsorship.disbursements.answer_words import FINDING_REFUSALS
from sponsorship.disbursements.kept_words import REASONS


class SeenForm(BaseForm):
    """What a person confirms is what was listed."""

    seen = HiddenField()


class KeepForm(SeenForm):
    """The file must never leave."""

    reason = SelectField(_l("Why it must never leave"), choices=[("", _l("Choose a reason")), *REASONS.items()],
                         validators=[Required()])
    text = TextAreaField(_l("What happened"), description=_l("Officers and the auditor read it."),
                         validators=[Required(_l("Say in a sentence what happened.")), Length(max=2000)])


class UnpaidForm(SeenForm):
    """None of it was paid."""

    text = TextAreaField(
        _l("Which papers show it"), description=_l("The bank’s letter, its statement, its list of uploads."),
        validators=[Required(_l("Name the papers that show it: statement, receipt, letter.")), Length(max=2000)])


class RefuseUnpaidForm(SeenForm):
    """Another person does not agree."""

    reason = SelectField(_l("Reason"), choices=[("", _l("Choose a reason")), *FINDING_REFUSALS.items()],
                         validators=[Required()])
    text = TextAreaField(_l("What speaks against it"), validators=[
        Required(_l("Say in a sentence what speaks against it.")), Length(max=2000)])
