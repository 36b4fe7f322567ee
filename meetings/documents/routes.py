"""Public pages of documents: a meeting's list, one document, its files, and the lasting address of a symbol."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup

from accounts.current import current_actor
from accounts.permissions import allows
from accounts.queries import person_labels
from core import events
from core.errors import NotFound
from core.files import serve
from core.web.access import public
from core.web.downloads import download
from core.web.formats import day_html
from core.web.links import absolute
from core.web.tables import Column, Filter, Table, TableQuery
from core.web.timeline import timeline_items
from meetings.calendar.queries import MeetingRow, get_meeting, meetings_by_id
from meetings.documents import organiser
from meetings.documents.blueprint import bp
from meetings.documents.queries import (
    SORTS,
    DocumentRow,
    chain_of,
    find_by_symbol,
    get_document,
    items_of,
    later_revision,
    list_documents,
    ods_url,
)
from meetings.documents.symbols import BadSymbol, parse_symbol
from meetings.documents.transitions import DOCUMENT, MANAGE
from meetings.documents.words import CHANGE_WORDS, LANGUAGE_NAMES, LANGUAGES, OWN_NAMES, TYPES

__all__ = ["bp", "organiser"]


def _organises() -> bool:
    return allows(current_actor(), MANAGE)


def document_of(slug: str, document_id: uuid.UUID, reveal: bool) -> tuple[MeetingRow, DocumentRow]:
    """The document under its own meeting's address. Raises NotFound."""
    meeting, row = get_meeting(slug, reveal=reveal), get_document(document_id, reveal)
    if row.meeting_id != meeting.id:
        raise NotFound()
    return meeting, row


# --- the list ---------------------------------------------------------------------------------------------------
def _languages(meeting: MeetingRow, row: DocumentRow, organises: bool) -> Markup:
    """A letter for each official language, linked where there is a version; what is missing is for organisers."""
    made = []
    for code, letter in LANGUAGES.items():
        name = LANGUAGE_NAMES[code]
        version = row.versions.get(code)
        address = _address(meeting, row, code) if version is not None and row.state != "withdrawn" else None
        if address:
            made.append(Markup('<a href="{}" hreflang="{}" title="{}">{}</a>').format(address, code, name, letter))
        elif organises and version is None:
            made.append(Markup('<span class="missing" title="{}">{}</span>').format(
                _("%(language)s: missing", language=name), letter))
    return Markup('<span class="languages">{}</span>').format(Markup(" ").join(made))


def _address(meeting: MeetingRow, row: DocumentRow, language: str) -> str | None:
    """Where a version is read: our file, else the Official Document System, which has nothing that is invented."""
    if row.versions[language].file_id is not None:
        return url_for("documents.file", slug=meeting.slug, document_id=row.id, language=language)
    return None if meeting.is_demo or row.symbol is None else ods_url(row.symbol, language)


def _title(row: DocumentRow) -> Markup:
    return Markup('<bdi lang="{}">{}</bdi>').format(row.title_language, row.title)


def _columns(meeting: MeetingRow, rows: Sequence[DocumentRow], organises: bool) -> list[Column]:
    columns = [
        Column("symbol", _("Symbol"), sortable=True, heading=True,
               render=lambda row: Markup('<bdi class="document" dir="ltr">{}</bdi>').format(row.symbol)
               if row.symbol else _title(row)),
        Column("title", _("Title"), sortable=True, render=lambda row: _title(row) if row.symbol else ""),
        Column("type", _("Type"), sortable=True, render=lambda row: row.type_name),
        Column("issued", _("Issued"), sortable=True,
               render=lambda row: day_html(row.issued_on) if row.issued_on else ""),
        Column("languages", _("Languages"), render=lambda row: _languages(meeting, row, organises)),
    ]
    if any(row.agenda_items for row in rows):
        columns.insert(3, Column("items", _("Agenda items"), render=lambda row: ", ".join(row.agenda_items)))
    if any(row.state != "issued" for row in rows):
        columns.append(Column("status", _("Status"), render=lambda row: row.status))
    return columns


def _file_columns() -> list[Column]:
    """Plain headings that programs can rely on, in English."""
    return [
        Column("symbol", "symbol"), Column("own_title", "title"), Column("type", "type"),
        Column("items", "agenda_items", csv=lambda row: ", ".join(row.agenda_items)),
        Column("issued_on", "issued_on"), Column("state", "status"),
        Column("languages", "languages", csv=lambda row: " ".join(row.versions)),
        Column("address", "address", csv=lambda row: absolute("documents.by_symbol", symbol=row.symbol)
               if row.symbol else ""),
    ]


@bp.get("/meetings/<string:slug>/documents/")
@public
def documents(slug: str) -> ResponseReturnValue:
    """A meeting's documents, with filters, as a table or a file."""
    organises = _organises()
    meeting = get_meeting(slug, reveal=organises)
    filters = [
        Filter("words", _("Symbol or title")),
        Filter("type", _("Type"), list(TYPES.items())),
        Filter("item", _("Agenda item"), [(item, item) for item in items_of(meeting.id, organises)]),
        Filter("language", _("Language"), list(LANGUAGE_NAMES.items())),
    ]
    query = TableQuery.from_args(request.args, SORTS, filters, default_sort="symbol")
    rows, total = list_documents(meeting.id, query, organises)
    if query.format:
        return download(query, _file_columns(), rows, f"placard-documents-{slug}")
    table = Table(
        _("Documents"), _columns(meeting, rows, organises), rows, filters=filters, query=query, total=total,
        base_url=url_for("documents.documents", slug=slug),
        row_url=lambda row: url_for("documents.document", slug=slug, document_id=row.id),
        empty_title=_("No documents yet"),
        empty_text=_("Documents appear here once the secretariat has issued them."),
        empty_action=(_("New document"), url_for("documents.new", slug=slug)) if organises else None,
    )
    return render_template("documents/list.html", table=table, meeting=meeting, organises=organises)


@bp.get("/documents/<path:symbol>")
@public
def by_symbol(symbol: str) -> ResponseReturnValue:
    """The lasting address of a symbol."""
    try:
        wanted = str(parse_symbol(symbol))
    except BadSymbol as error:
        raise NotFound() from error
    organises = _organises()
    row = find_by_symbol(wanted, organises)
    # of a meeting that is not announced not even the name is told
    meeting = meetings_by_id([row.meeting_id], reveal=organises).get(row.meeting_id) if row is not None else None
    if row is None or meeting is None:
        raise NotFound()
    return redirect(url_for("documents.document", slug=meeting.slug, document_id=row.id), 302)


# --- one document -----------------------------------------------------------------------------------------------
@bp.get("/meetings/<string:slug>/documents/<uuid:document_id>/")
@public
def document(slug: str, document_id: uuid.UUID) -> ResponseReturnValue:
    """One document in all its languages, with what it changes and what changes it."""
    organises = _organises()
    meeting, row = document_of(slug, document_id, organises)
    chain = chain_of(row, organises)
    happened = []
    if organises:
        history = events.history("document", row.id)
        happened = list(reversed(timeline_items(
            history, DOCUMENT, person_labels(h.actor_id for h in history), {"record": _("Recorded")})))
    return render_template(
        "documents/document.html", meeting=meeting, row=row, chain=chain if len(chain) > 1 else [],
        later=later_revision(row, chain), organises=organises, happened=happened, names=LANGUAGE_NAMES,
        own_names=OWN_NAMES, changes=CHANGE_WORDS,
        ods={code: ods_url(row.symbol, code) for code in LANGUAGES} if row.symbol and not meeting.is_demo else {},
        may={move.action for move in DOCUMENT.from_state(row.state)} if organises else set())


@bp.get("/meetings/<string:slug>/documents/<uuid:document_id>/<string:language>")
@public
def file(slug: str, document_id: uuid.UUID, language: str) -> ResponseReturnValue:
    """A language version as a file; of a withdrawn document nothing is given out."""
    organises = _organises()
    _meeting, row = document_of(slug, document_id, organises)
    version = row.versions.get(language)
    if version is None or version.file_id is None or (row.state == "withdrawn" and not organises):
        raise NotFound()
    return serve(version.file_id)
