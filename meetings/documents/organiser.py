"""Pages of the organiser: a new document, its particulars, languages, issue, withdraw, drop."""

from __future__ import annotations

import uuid
from typing import Any

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from accounts.current import current_actor
from core.errors import IllegalMove, NotFound, RuleBroken
from core.files import check_upload
from core.web.access import needs
from core.web.forms import BaseForm, add_error
from meetings.calendar.queries import MeetingRow, get_meeting
from meetings.documents import service
from meetings.documents.blueprint import bp
from meetings.documents.forms import ActForm, DocumentForm, EditDocumentForm, IssueForm, LanguageForm, WithdrawForm
from meetings.documents.queries import DocumentRow, get_document
from meetings.documents.transitions import DOCUMENT, MANAGE
from meetings.documents.words import LANGUAGE_NAMES


def _refuse(form: BaseForm, error: RuleBroken) -> None:
    add_error(form, error.field, error.message)


def _find(slug: str, document_id: uuid.UUID, action: str) -> tuple[MeetingRow, DocumentRow]:
    """The document, if the state table allows this step now. Raises NotFound, IllegalMove."""
    meeting, row = get_meeting(slug, reveal=True), get_document(document_id, True)
    if row.meeting_id != meeting.id:
        raise NotFound()
    if DOCUMENT.find(row.state, action) is None:
        raise IllegalMove(_("This cannot be done from here: the document is “%(state)s”.", state=row.status.label),
                          code=f"document.{action}.from.{row.state}")
    return meeting, row


def _to(slug: str, document_id: uuid.UUID) -> ResponseReturnValue:
    return redirect(url_for("documents.document", slug=slug, document_id=document_id), 303)


def _page(template: str, form: BaseForm, meeting: MeetingRow, row: DocumentRow | None, status: int = 200,
          **more: Any) -> ResponseReturnValue:
    return render_template(f"documents/{template}.html", form=form, meeting=meeting, row=row, **more), status


# --- particulars --------------------------------------------------------------------------------------------------
@bp.get("/meetings/<string:slug>/documents/new")
@needs(MANAGE)
def new(slug: str) -> ResponseReturnValue:
    """An empty form."""
    return _page("edit", DocumentForm(), get_meeting(slug, reveal=True), None)


@bp.post("/meetings/<string:slug>/documents/new")
@needs(MANAGE)
def create(slug: str) -> ResponseReturnValue:
    """Record a document; only organisers see it until it is issued."""
    meeting, form = get_meeting(slug, reveal=True), DocumentForm()
    if form.validate_on_submit():
        try:
            made = service.record_document(meeting.id, form.particulars(), current_actor())
        except RuleBroken as error:
            _refuse(form, error)
        else:
            flash(_("Recorded. Add it in at least one language, then issue it."), "success")
            return _to(slug, made)
    return _page("edit", form, meeting, None, 422)


@bp.get("/meetings/<string:slug>/documents/<uuid:document_id>/edit")
@needs(MANAGE)
def edit(slug: str, document_id: uuid.UUID) -> ResponseReturnValue:
    """The form with what stands."""
    meeting, row = _find(slug, document_id, "edit")
    return _page("edit", EditDocumentForm.of(row), meeting, row)


@bp.post("/meetings/<string:slug>/documents/<uuid:document_id>/edit")
@needs(MANAGE)
def save(slug: str, document_id: uuid.UUID) -> ResponseReturnValue:
    """Keep what was changed."""
    meeting, row = _find(slug, document_id, "edit")
    form = EditDocumentForm()
    if form.validate_on_submit():
        try:
            service.edit_document(row.id, form.particulars(), current_actor(), form.version.data)
        except RuleBroken as error:
            _refuse(form, error)
        else:
            flash(_("Saved."), "success")
            return _to(slug, row.id)
    return _page("edit", form, meeting, row, 422)


# --- languages ----------------------------------------------------------------------------------------------------
def _language_form(row: DocumentRow, **values: Any) -> LanguageForm:
    form = LanguageForm(**values)
    form.offer(row)
    return form


@bp.get("/meetings/<string:slug>/documents/<uuid:document_id>/add-language")
@needs(MANAGE)
def language(slug: str, document_id: uuid.UUID) -> ResponseReturnValue:
    """Which language, whose version, which file."""
    meeting, row = _find(slug, document_id, "add_language")
    first = next(iter(row.missing), None) if row.versions else "en"
    return _page("language", _language_form(row, data={"version": row.version, "language": first, "official": "yes"}),
                 meeting, row)


@bp.post("/meetings/<string:slug>/documents/<uuid:document_id>/add-language")
@needs(MANAGE)
def add_language(slug: str, document_id: uuid.UUID) -> ResponseReturnValue:
    """Keep the version."""
    meeting, row = _find(slug, document_id, "add_language")
    form = _language_form(row)
    if form.validate_on_submit():
        try:
            upload = check_upload(form.file.data, field="file", kinds=("pdf",), whole=True) if form.file.data else None
            service.add_version(row.id, form.language.data, form.title.data or None, form.official.data == "yes",
                                upload, current_actor(), form.version.data)
        except RuleBroken as error:
            _refuse(form, error)
        else:
            flash(_("%(language)s added.", language=LANGUAGE_NAMES[form.language.data]), "success")
            return _to(slug, row.id)
    return _page("language", form, meeting, row, 422)


@bp.get("/meetings/<string:slug>/documents/<uuid:document_id>/remove/<string:language>")
@needs(MANAGE)
def removal(slug: str, document_id: uuid.UUID, language: str) -> ResponseReturnValue:
    """Ask once more."""
    meeting, row = _find(slug, document_id, "remove_language")
    if language not in row.versions:
        raise NotFound()
    return _page("act", ActForm(data={"version": row.version}), meeting, row, act="remove",
                 language=LANGUAGE_NAMES[language], address=url_for(
                     "documents.remove", slug=slug, document_id=row.id, language=language))


@bp.post("/meetings/<string:slug>/documents/<uuid:document_id>/remove/<string:language>")
@needs(MANAGE)
def remove(slug: str, document_id: uuid.UUID, language: str) -> ResponseReturnValue:
    """Take one language away."""
    _meeting, row = _find(slug, document_id, "remove_language")
    form = ActForm()
    if form.validate_on_submit():
        try:
            service.remove_version(row.id, language, current_actor(), form.version.data)
            flash(_("%(language)s removed.", language=LANGUAGE_NAMES[language]), "success")
        except RuleBroken as error:
            flash(str(error.message), "error")
    return _to(slug, row.id)


# --- the acts that the public sees ----------------------------------------------------------------------------------
@bp.get("/meetings/<string:slug>/documents/<uuid:document_id>/issue")
@needs(MANAGE)
def issue(slug: str, document_id: uuid.UUID) -> ResponseReturnValue:
    """What everybody will see, and since which day."""
    meeting, row = _find(slug, document_id, _issuing(document_id))
    form = IssueForm(data={"version": row.version, "day": row.issued_on or service.today_at(meeting.id)})
    return _page("issue", form, meeting, row, names=LANGUAGE_NAMES)


def _issuing(document_id: uuid.UUID) -> str:
    return "issue_again" if get_document(document_id, True).state == "withdrawn" else "issue"


@bp.post("/meetings/<string:slug>/documents/<uuid:document_id>/issue")
@needs(MANAGE)
def issue_now(slug: str, document_id: uuid.UUID) -> ResponseReturnValue:
    """Show it to everybody."""
    meeting, row = _find(slug, document_id, _issuing(document_id))
    form = IssueForm()
    if form.validate_on_submit() and form.day.data:
        try:
            service.issue_document(row.id, form.day.data, current_actor(), form.version.data)
        except RuleBroken as error:
            _refuse(form, error)
        else:
            flash(_("Issued. Everybody can read it now."), "success")
            return _to(slug, row.id)
    return _page("issue", form, meeting, row, 422, names=LANGUAGE_NAMES)


@bp.get("/meetings/<string:slug>/documents/<uuid:document_id>/withdraw")
@needs(MANAGE)
def withdraw(slug: str, document_id: uuid.UUID) -> ResponseReturnValue:
    """Ask why."""
    meeting, row = _find(slug, document_id, "withdraw")
    return _page("withdraw", WithdrawForm(data={"version": row.version}), meeting, row)


@bp.post("/meetings/<string:slug>/documents/<uuid:document_id>/withdraw")
@needs(MANAGE)
def withdraw_now(slug: str, document_id: uuid.UUID) -> ResponseReturnValue:
    """It no longer counts."""
    meeting, row = _find(slug, document_id, "withdraw")
    form = WithdrawForm()
    if form.validate_on_submit():
        try:
            service.withdraw_document(row.id, form.reason.data or "", current_actor(), form.version.data)
        except RuleBroken as error:
            _refuse(form, error)
        else:
            flash(_("Withdrawn. Its page says so and why; its files are given out no more."), "success")
            return _to(slug, row.id)
    return _page("withdraw", form, meeting, row, 422)


@bp.get("/meetings/<string:slug>/documents/<uuid:document_id>/drop")
@needs(MANAGE)
def dropping(slug: str, document_id: uuid.UUID) -> ResponseReturnValue:
    """Ask once more."""
    meeting, row = _find(slug, document_id, "drop")
    return _page("act", ActForm(data={"version": row.version}), meeting, row, act="drop", language=None,
                 address=url_for("documents.drop", slug=slug, document_id=row.id))


@bp.post("/meetings/<string:slug>/documents/<uuid:document_id>/drop")
@needs(MANAGE)
def drop(slug: str, document_id: uuid.UUID) -> ResponseReturnValue:
    """Give up a draft."""
    meeting, row = _find(slug, document_id, "drop")
    form = ActForm()
    if not form.validate_on_submit():
        return _to(slug, row.id)
    service.drop_document(row.id, current_actor(), form.version.data)
    flash(_("The draft is gone. Its symbol can be used again."), "success")
    return redirect(url_for("documents.documents", slug=meeting.slug), 303)
