"""Commands on documents: the only writers of the documents' tables. Each takes ids and an actor, checks authority and
state again, writes and records one event."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, replace
from datetime import date
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from accounts.permissions import require
from core import clock, events
from core.actor import Actor
from core.db import command, db, lock, new_id
from core.errors import NotFound, RuleBroken
from core.files import CheckedUpload, keep
from meetings.calendar.queries import meeting_by_id
from meetings.documents.models import Document, DocumentVersion
from meetings.documents.symbols import BadSymbol, Symbol, parse_symbol
from meetings.documents.transitions import DOCUMENT, MANAGE
from meetings.documents.words import LANGUAGES, TYPES

PURPOSE = "meeting-document"
MAX_ITEMS = 30
MAX_REASON = 500
_ITEM = re.compile(r"[1-9][0-9]{0,2}(?: ?\([a-z]{1,2}\))?")


@dataclass(frozen=True)
class Particulars:
    """What an organiser writes about a document. Without a `symbol` it is a paper of the meeting alone."""

    type: str
    title: str
    symbol: str | None = None
    agenda_items: tuple[str, ...] = ()


def read_items(text: str) -> tuple[str, ...]:
    """Numbers of agenda items between commas or semicolons, such as "8, 9 (a)". Raises RuleBroken for `items`."""
    found = []
    for part in re.split(r"[,;،؛、]", text):
        item = re.sub(r"\s*\(\s*([a-z]{1,2})\s*\)", r" (\1)", " ".join(part.split()).lower())
        if not item:
            continue
        if not _ITEM.fullmatch(item):
            raise RuleBroken(_("“%(item)s” is not the number of an agenda item. Write numbers between commas, such as "
                               "8, 9 (a).", item=item), code="document.items", field="items")
        if item not in found:
            found.append(item)
    if len(found) > MAX_ITEMS:
        raise RuleBroken(_("Write at most %(n)s agenda items.", n=MAX_ITEMS), code="document.items", field="items")
    return tuple(found)


def read_symbol(text: str | None) -> Symbol | None:
    """The symbol as typed, put right. Raises RuleBroken for `symbol`."""
    if not text:
        return None
    try:
        return parse_symbol(text)
    except BadSymbol as error:
        raise RuleBroken(str(error), code="document.symbol", field="symbol") from error


def _write(document: Document, facts: Particulars) -> list[str]:
    """Take the particulars over; which of them changed."""
    if facts.type not in TYPES:
        raise RuleBroken(_("Choose the type of the document."), code="document.type", field="type")
    symbol = read_symbol(facts.symbol)
    if document.state != DOCUMENT.initial and (str(symbol) if symbol else None) != document.symbol:
        raise RuleBroken(_("The symbol of an issued document does not change. Withdraw it and record another."),
                         code="document.symbol_stays", field="symbol")
    values = {"type": facts.type, "title": " ".join(facts.title.split()), "symbol": str(symbol) if symbol else None,
              "base_symbol": symbol.base if symbol else None, "agenda_items": list(facts.agenda_items)}
    if not values["title"]:
        raise RuleBroken(_("Write the title."), code="document.title", field="title")
    changed = [name for name, value in values.items() if getattr(document, name, None) != value]
    for name in changed:
        setattr(document, name, values[name])
    document.changed_at = clock.real_now()
    return changed


def _save() -> None:
    try:
        db.session.flush()
    except IntegrityError as error:
        if "uq_document_symbol" in str(error.orig) or "document.symbol" in str(error.orig):
            raise RuleBroken(_("A document with this symbol is on record already. Look it up, or check the number."),
                             code="document.symbol_taken", field="symbol") from error
        raise


@command
def record_document(meeting_id: uuid.UUID, facts: Particulars, actor: Actor) -> uuid.UUID:
    """A new document that nobody but organisers sees before it is issued. Raises RuleBroken, NotAllowed."""
    require(actor, MANAGE)
    meeting_by_id(meeting_id)  # NotFound
    now = clock.real_now()
    document = Document(id=new_id(), meeting_id=meeting_id, state=DOCUMENT.initial, version=1, created_at=now,
                        changed_at=now)
    _write(document, facts)
    db.session.add(document)
    _save()
    events.record(actor, "documents.document.record", "document", document.id, to_state=document.state)
    return document.id


@command
def edit_document(document_id: uuid.UUID, facts: Particulars, actor: Actor, expected_version: int | None) -> None:
    """Change what is said of a document. Raises RuleBroken, NotAllowed, Stale, IllegalMove."""
    document = lock(Document, document_id, expected_version)
    require(actor, DOCUMENT.move(document.state, "edit").permission)
    changed = _write(document, facts)
    DOCUMENT.apply(document, "edit", actor, data={"changed": sorted(changed)})
    _save()


def file_name(document: Document, language: str) -> str:
    """What a reader's computer calls it, as the United Nations name their files: A_CONF.192_BMS_2016_2-E.pdf."""
    return f"{(document.symbol or document.title[:60]).replace('/', '_')}-{LANGUAGES[language]}.pdf"


@command
def add_version(
    document_id: uuid.UUID, language: str, title: str | None, official: bool, upload: CheckedUpload | None,
    actor: Actor, expected_version: int | None,
) -> None:
    """Add the document in one language, in place of what stood there. Without an `upload` it is where the Official
    Document System has it, which needs a symbol. Raises RuleBroken, NotAllowed, Stale, IllegalMove."""
    document = lock(Document, document_id, expected_version)
    require(actor, DOCUMENT.move(document.state, "add_language").permission)
    if language not in LANGUAGES:
        raise RuleBroken(_("Choose one of the six languages."), code="document.language", field="language")
    if upload is None and document.symbol is None:
        raise RuleBroken(_("A paper without a symbol is not in the Official Document System. Choose its file."),
                         code="document.no_file", field="file")
    if upload is None and not official:
        raise RuleBroken(_("An unofficial translation is nowhere but here. Choose its file."),
                         code="document.no_file", field="file")
    _take_away(document.id, language, actor)
    file_id = None
    if upload is not None:
        file_id = keep(replace(upload, name=file_name(document, language)), PURPOSE, actor).id
    db.session.add(DocumentVersion(
        document_id=document.id, language=language, title=" ".join((title or "").split()) or None, official=official,
        file_id=file_id, added_at=clock.real_now(), added_by=actor.code))
    document.changed_at = clock.real_now()
    DOCUMENT.apply(document, "add_language", actor,
                   data={"language": language, "official": official, "file": file_id is not None})


@command
def remove_version(document_id: uuid.UUID, language: str, actor: Actor, expected_version: int | None) -> None:
    """Take one language version away; the file is kept, unseen. The last version of an issued document stays. Raises
    RuleBroken (`document.last_version`), NotFound, NotAllowed, Stale, IllegalMove."""
    document = lock(Document, document_id, expected_version)
    require(actor, DOCUMENT.move(document.state, "remove_language").permission)
    if document.state == "issued" and _count(document.id) == 1:
        raise RuleBroken(_("This is the only language version. Withdraw the document instead."),
                         code="document.last_version")
    if not _take_away(document.id, language, actor):
        raise NotFound()
    document.changed_at = clock.real_now()
    DOCUMENT.apply(document, "remove_language", actor, data={"language": language})


def _take_away(document_id: uuid.UUID, language: str, actor: Actor) -> bool:
    row = db.session.scalar(select(DocumentVersion).where(
        DocumentVersion.document_id == document_id, DocumentVersion.language == language,
        DocumentVersion.removed_at.is_(None)))
    if row is None:
        return False
    row.removed_at, row.removed_by = clock.real_now(), actor.code
    db.session.flush()  # its place must be free before another takes it
    return True


def _count(document_id: uuid.UUID) -> int:
    return db.session.scalar(select(func.count()).select_from(DocumentVersion).where(
        DocumentVersion.document_id == document_id, DocumentVersion.removed_at.is_(None))) or 0


@command
def issue_document(document_id: uuid.UUID, day: date, actor: Actor, expected_version: int | None) -> None:
    """Show the document to everybody, issued on `day` (local to the meeting). Raises RuleBroken (no language version,
    a day to come), NotAllowed, Stale, IllegalMove."""
    document = lock(Document, document_id, expected_version)
    action = "issue_again" if document.state == "withdrawn" else "issue"
    require(actor, DOCUMENT.move(document.state, action).permission)
    if not _count(document.id):
        raise RuleBroken(_("Add the document in at least one language before it is issued."),
                         code="document.no_version")
    if day > today_at(document.meeting_id):
        raise RuleBroken(_("This day has not come yet where the meeting is held."), code="document.day", field="day")
    with db.session.no_autoflush:  # reason and state belong to one statement
        document.issued_on, document.withdrawn_reason, document.changed_at = day, None, clock.real_now()
        DOCUMENT.apply(document, action, actor, data={"issued_on": day.isoformat()})


def today_at(meeting_id: uuid.UUID) -> date:
    """The day it is where the meeting is held."""
    return clock.now().astimezone(ZoneInfo(meeting_by_id(meeting_id).timezone)).date()


@command
def withdraw_document(document_id: uuid.UUID, reason: str, actor: Actor, expected_version: int | None) -> None:
    """The document no longer counts: its page and the reason stay, its files are given out no more. Raises RuleBroken,
    NotAllowed, Stale, IllegalMove."""
    document = lock(Document, document_id, expected_version)
    if not reason.strip():
        raise RuleBroken(_("Write why it is withdrawn: everybody reads it on its page."), code="document.reason",
                         field="reason")
    with db.session.no_autoflush:  # reason and state belong to one statement
        document.withdrawn_reason, document.changed_at = reason.strip()[:MAX_REASON], clock.real_now()
        DOCUMENT.apply(document, "withdraw", actor, text=reason.strip())


@command
def drop_document(document_id: uuid.UUID, actor: Actor, expected_version: int | None) -> None:
    """Give up a draft; its symbol is free again. Raises NotAllowed, Stale, IllegalMove."""
    document = lock(Document, document_id, expected_version)
    document.changed_at = clock.real_now()
    DOCUMENT.apply(document, "drop", actor)

