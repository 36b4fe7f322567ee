"""What must always be true of documents, for `flask verify`."""

from __future__ import annotations

from sqlalchemy import select

from core.db import db
from core.verify import check
from meetings.documents.models import Document, DocumentVersion
from meetings.documents.symbols import BadSymbol, parse_symbol


@check("documents.documents")
def documents() -> tuple[int, list[str]]:
    """An issued document stands in a language at least; a symbol is one, and belongs to the chain it says."""
    stand = set(db.session.scalars(
        select(DocumentVersion.document_id).where(DocumentVersion.removed_at.is_(None)).distinct()))
    rows = db.session.execute(select(Document.id, Document.state, Document.symbol, Document.base_symbol)).all()
    faults = []
    for row in rows:
        if row.state == "issued" and row.id not in stand:
            faults.append(f"document {row.id}: issued without a language version")
        if row.symbol is not None:
            try:
                parsed = parse_symbol(row.symbol)
            except BadSymbol:
                faults.append(f"document {row.id}: its symbol cannot be read")
            else:
                if (str(parsed), parsed.base) != (row.symbol, row.base_symbol):
                    faults.append(f"document {row.id}: its symbol belongs to another chain than it says")
    return len(rows), faults
