"""What pages and other rooms may know about documents: typed rows, a fixed number of queries each. `reveal` says for
whom: the public sees issued and withdrawn documents, organisers also drafts."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask_babel import get_locale
from sqlalchemy import ColumnElement, String, and_, case, cast, exists, func, or_, select

from core.db import db
from core.errors import NotFound
from core.files import StoredFile
from core.machines import State
from core.web.tables import TableQuery
from meetings.documents.models import Document, DocumentVersion
from meetings.documents.symbols import Symbol, parse_symbol
from meetings.documents.transitions import DOCUMENT
from meetings.documents.words import LANGUAGES, TYPES

PUBLIC = ("issued", "withdrawn")
SORTS = ("symbol", "title", "type", "issued")
ODS = "https://docs.un.org"


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One language version. `size` in bytes; None without a file of ours."""

    language: str
    title: str | None
    official: bool
    file_id: uuid.UUID | None
    size: int | None
    added_at: datetime


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """One document as a reader may see it. `title` is in `title_language`, the reader's where there is one."""

    id: uuid.UUID
    meeting_id: uuid.UUID
    symbol: str | None
    base_symbol: str | None
    type: str
    title: str
    title_language: str
    own_title: str
    agenda_items: tuple[str, ...]
    state: str
    issued_on: date | None
    withdrawn_reason: str | None
    version: int
    versions: Mapping[str, VersionRow]

    @property
    def status(self) -> State:
        """Word and tone of its state."""
        return DOCUMENT.state(self.state)

    @property
    def type_name(self) -> Any:
        """Its type in words."""
        return TYPES[self.type]

    @property
    def name(self) -> str:
        """The symbol, else the title."""
        return self.symbol or self.title

    @property
    def parsed(self) -> Symbol | None:
        """The symbol in its parts."""
        return parse_symbol(self.symbol) if self.symbol else None

    @property
    def missing(self) -> list[str]:
        """The official languages in which it is not here."""
        return [language for language in LANGUAGES if language not in self.versions]


def ods_url(symbol: str, language: str) -> str:
    """Where the Official Document System has a document; its version prevails."""
    return f"{ODS}/{language}/{symbol}"


def seen(reveal: bool) -> ColumnElement[bool]:
    """Which documents a reader may know of."""
    return Document.state != "dropped" if reveal else Document.state.in_(PUBLIC)


def _rows(documents: Sequence[Document]) -> list[DocumentRow]:
    """One query for all their versions."""
    found: dict[uuid.UUID, dict[str, VersionRow]] = {document.id: {} for document in documents}
    if found:
        for row in db.session.execute(
            select(DocumentVersion, StoredFile.size).outerjoin(StoredFile, StoredFile.id == DocumentVersion.file_id)
            .where(DocumentVersion.document_id.in_(found), DocumentVersion.removed_at.is_(None))
        ):
            kept = row.DocumentVersion
            found[kept.document_id][kept.language] = VersionRow(
                kept.language, kept.title, kept.official, kept.file_id, row.size, kept.added_at)
    here = str(get_locale() or "en").split("_")[0]
    return [_row(document, found[document.id], here) for document in documents]


def _row(document: Document, versions: dict[str, VersionRow], here: str) -> DocumentRow:
    own = versions.get(here)
    title, language = (own.title, here) if own is not None and own.title else (document.title, "en")
    return DocumentRow(
        document.id, document.meeting_id, document.symbol, document.base_symbol, document.type, title, language,
        document.title, tuple(document.agenda_items), document.state, document.issued_on, document.withdrawn_reason,
        document.version, {code: versions[code] for code in LANGUAGES if code in versions})


def get_document(document_id: uuid.UUID, reveal: bool) -> DocumentRow:
    """One document. Raises NotFound, also for a draft that this reader may not know of."""
    document = db.session.scalar(select(Document).where(Document.id == document_id, seen(reveal)))
    if document is None:
        raise NotFound()
    return _rows([document])[0]


def find_by_symbol(symbol: str, reveal: bool) -> DocumentRow | None:
    """The document that bears this symbol."""
    document = db.session.scalar(select(Document).where(Document.symbol == symbol, seen(reveal)))
    return _rows([document])[0] if document is not None else None


def chain_of(row: DocumentRow, reveal: bool) -> list[DocumentRow]:
    """All documents of the meeting that share its symbol but for Rev., Add. and Corr., itself among them, in the order
    of reading."""
    if row.base_symbol is None:
        return [row]
    found = _rows(db.session.scalars(select(Document).where(
        Document.base_symbol == row.base_symbol, Document.meeting_id == row.meeting_id, seen(reveal))).all())
    return sorted(found, key=lambda one: parse_symbol(one.symbol or "").order)


def later_revision(row: DocumentRow, chain: Iterable[DocumentRow]) -> DocumentRow | None:
    """The newest issued revision that replaces this text, if any: of A/1 and A/1/Rev.1 it is A/1/Rev.2."""
    own = row.parsed
    if own is None:
        return None
    text = own.changes[:-1] if own.kind == "Rev" else own.changes
    least = own.changes[-1][1] if own.kind == "Rev" else 0
    later = [(other.changes[-1][1], one) for one in chain if one.state == "issued" and (other := one.parsed)
             and other.kind == "Rev" and other.changes[:-1] == text and other.changes[-1][1] > least]
    return max(later, key=lambda pair: pair[0])[1] if later else None


def list_documents(meeting_id: uuid.UUID, query: TableQuery, reveal: bool) -> tuple[list[DocumentRow], int]:
    """One page of a meeting's documents (all of them for a file), and how many there are. Three queries."""
    where = [Document.meeting_id == meeting_id, seen(reveal)]
    if (kind := query.get("type")) is not None:
        where.append(Document.type == kind)
    if (language := query.get("language")) is not None:
        where.append(exists().where(DocumentVersion.document_id == Document.id, DocumentVersion.language == language,
                                    DocumentVersion.removed_at.is_(None)))
    if (item := query.get("item")) is not None:
        where.append(cast(Document.agenda_items, String).contains(f'"{item}"', autoescape=True))
    if (words := query.get("words")) is not None:
        where.append(or_(Document.title.icontains(words, autoescape=True),
                         Document.symbol.icontains(words, autoescape=True)))
    total = db.session.scalar(select(func.count()).select_from(Document).where(and_(*where))) or 0
    columns = {"symbol": Document.symbol, "title": Document.title, "type": Document.type,
               "issued": Document.issued_on}
    column = columns[query.sort or "symbol"]
    empty_last = case((column.is_(None), 1), else_=0)
    statement = select(Document).where(and_(*where)).order_by(
        empty_last, column.desc() if query.descending else column.asc(), Document.created_at, Document.id)
    if not query.format:
        statement = statement.limit(query.limit).offset(query.offset)
    return _rows(db.session.scalars(statement).all()), total


def items_of(meeting_id: uuid.UUID, reveal: bool) -> list[str]:
    """The agenda items that a meeting's documents name, in order."""
    found = {item for items in db.session.scalars(
        select(Document.agenda_items).where(Document.meeting_id == meeting_id, seen(reveal))) for item in items}
    return sorted(found, key=lambda item: (int(item.split(" ")[0]), item))


@dataclass(frozen=True, slots=True)
class Counted:
    """How many documents of a meeting the public may read, and how many drafts wait."""

    public: int
    drafts: int


def count_documents(meeting_id: uuid.UUID) -> Counted:
    """One query."""
    rows = {row[0]: row[1] for row in db.session.execute(
        select(Document.state, func.count()).where(Document.meeting_id == meeting_id).group_by(Document.state))}
    return Counted(sum(rows.get(state, 0) for state in PUBLIC), rows.get("draft", 0))
