"""Forms of an organiser's documents."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms import RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import Length, Optional, ValidationError

from core.errors import RuleBroken
from core.files import MAX_BYTES
from core.web.forms import BaseForm, DayField, Required, UploadField, VersionField
from meetings.documents.queries import DocumentRow
from meetings.documents.service import MAX_REASON, Particulars, read_items, read_symbol
from meetings.documents.symbols import MAX_LENGTH
from meetings.documents.words import LANGUAGE_NAMES, OWN_NAMES, TYPES


class DocumentForm(BaseForm):
    """Particulars of a document."""

    symbol = StringField(
        _l("Symbol"), validators=[Optional(), Length(max=MAX_LENGTH, message=_l("Write at most 80 characters."))],
        description=_l("Such as A/CONF.192/BMS/2016/WP.1/Rev.1. Leave it empty for a paper without a symbol."))
    type = SelectField(_l("Type"), validators=[Required(_l("Choose the type of the document."))])
    title = StringField(_l("Title in English"), validators=[
        Required(_l("Write the title.")), Length(max=400, message=_l("Write at most 400 characters."))])
    items = StringField(_l("Agenda items"), validators=[Optional(), Length(max=200)],
                        description=_l("Numbers between commas, such as 8, 9 (a)."))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.type.choices = [("", gettext("Choose")), *TYPES.items()]

    def validate_symbol(self, field: StringField) -> None:
        """Its grammar, with what to write instead."""
        _ask(lambda: read_symbol(field.data))

    def validate_items(self, field: StringField) -> None:
        """Numbers, with what to write instead."""
        _ask(lambda: read_items(field.data or ""))

    def particulars(self) -> Particulars:
        """What was written, for the command."""
        return Particulars(self.type.data, self.title.data or "", self.symbol.data or None,
                           read_items(self.items.data or ""))


class EditDocumentForm(DocumentForm):
    """Particulars that stand already."""

    version = VersionField()

    @classmethod
    def of(cls, row: DocumentRow) -> EditDocumentForm:
        """With what stands."""
        return cls(data={"symbol": row.symbol or "", "type": row.type, "title": row.own_title,
                         "items": ", ".join(row.agenda_items), "version": row.version})


def _ask(read: Any) -> None:
    try:
        read()
    except RuleBroken as error:
        raise ValidationError(str(error.message)) from error


class LanguageForm(BaseForm):
    """The document in one language."""

    language = SelectField(_l("Language"), validators=[Required(_l("Choose one of the six languages."))])
    title = StringField(_l("Title in this language"), validators=[
        Optional(), Length(max=400, message=_l("Write at most 400 characters."))])
    official = RadioField(_l("Whose version it is"), choices=[
        ("yes", _l("The official version of the United Nations")),
        ("no", _l("An unofficial translation, marked so"))], default="yes")
    file = UploadField(
        _l("File"), kinds=("pdf",), max_bytes=MAX_BYTES, validators=[Optional()],
        description=_l("Without a file, the page leads to the Official Document System."))
    version = VersionField()

    def offer(self, row: DocumentRow) -> None:
        """The languages, those that are missing first."""
        codes = [*row.missing, *row.versions]
        self.language.choices = [("", gettext("Choose")), *(
            (code, f"{LANGUAGE_NAMES[code]} ({OWN_NAMES[code]})" if code in row.missing else gettext(
                "%(language)s: replaces the version that stands", language=LANGUAGE_NAMES[code])) for code in codes)]


class IssueForm(BaseForm):
    """The day on which it is issued."""

    day = DayField(_l("Issued on"), validators=[Required(_l("Write the day."))])
    version = VersionField()


class WithdrawForm(BaseForm):
    """Why it no longer counts."""

    reason = TextAreaField(_l("Reason"), validators=[
        Required(_l("Write why it is withdrawn: everybody reads it on its page.")),
        Length(max=MAX_REASON, message=_l("Write at most 500 characters."))],
        description=_l("One or two sentences. Everybody reads them on the document’s page."), render_kw={"rows": 3})
    version = VersionField()


class ActForm(BaseForm):
    """An act that needs nothing but a click."""

    version = VersionField()
