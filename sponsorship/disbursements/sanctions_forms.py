"""Forms of the check of payees."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, SelectField, TextAreaField
from wtforms.validators import Length

from core.web.forms import BaseForm, Required, UploadField
from sponsorship.awards.forms import VersionedForm
from sponsorship.disbursements.sanctions_reading import MAX_BYTES
from sponsorship.disbursements.sanctions_words import REASONS

_WORDS = _l("Say in a sentence what shows it.")


class ListForm(BaseForm):
    """The file with the list."""

    file = UploadField(
        _l("File"), kinds=("xml",), max_bytes=MAX_BYTES, validators=[Required(_l("Choose the file with the list."))],
        description=_l("The Consolidated List as XML, as the United Nations publish it. Nothing is stored before you "
                       "have seen what was read."))


class ListCheckForm(BaseForm):
    """Beside what was read."""

    kept_token = HiddenField()


class ClearForm(VersionedForm):
    """It is another person, and why."""

    reason = SelectField(_l("Why it is another person"), choices=[("", _l("Choose a reason")), *REASONS.items()],
                         validators=[Required()])
    text = TextAreaField(_l("What shows it"), validators=[Required(_WORDS), Length(max=2000)])


class WordsForm(VersionedForm):
    """A decision with its words."""

    text = TextAreaField(_l("What shows it"), validators=[Required(_WORDS), Length(max=2000)])
