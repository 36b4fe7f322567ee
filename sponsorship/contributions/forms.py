"""Forms of the officers who keep contributions."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import SelectField, TextAreaField
from wtforms.validators import Length

from core.web.forms import BaseForm, Required, VersionField
from sponsorship.contributions.refunds import REFUSALS


class AcceptForm(BaseForm):
    """The head of the fund accepts a contribution."""

    checked = TextAreaField(
        _l("What was checked"), description=_l("For the record: who checked the donor, when, against what."),
        validators=[Required(_l("Write what was checked, and by whom.")),
                    Length(max=2000, message=_l("Keep it under 2,000 letters."))],
    )
    version = VersionField()


class RefuseForm(BaseForm):
    """A contribution is not accepted and goes back."""

    reason = SelectField(_l("Reason"), choices=[("", _l("Choose")), *REFUSALS.items()],
                         validators=[Required(_l("Choose a reason."))])
    note = TextAreaField(_l("For the record"),
                         validators=[Length(max=2000, message=_l("Keep it under 2,000 letters."))])
    version = VersionField()


class VersionOnlyForm(BaseForm):
    """A button that must know what the page showed."""

    version = VersionField()


class ExplainForm(BaseForm):
    """An officer closes a notice of Stripe that matched nothing."""

    words = TextAreaField(
        _l("What was done about it"),
        validators=[Required(_l("Write what was done about it.")),
                    Length(max=2000, message=_l("Keep it under 2,000 letters."))],
    )
    version = VersionField()
