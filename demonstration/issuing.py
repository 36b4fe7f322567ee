"""Documents of the near meeting: issued, revised, corrected, withdrawn, and a draft that waits for the organiser."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from core import clock
from core.actor import Actor
from core.files import lay_down
from core.pdf import Document, Paragraph, render
from demonstration.stage import Stage
from meetings.documents.service import Particulars, add_version, issue_document, record_document, withdraw_document

TITLES = {
    "en": "Demonstration: provisional agenda", "fr": "Démonstration : ordre du jour provisoire",
    "es": "Demostración: programa provisional", "ar": "عرض توضيحي: جدول الأعمال المؤقت",
}


def documents(stage: Stage, meeting_id: uuid.UUID, at: datetime) -> None:
    """Symbols that no real document bears."""
    organiser = stage.actor("organiser")
    with clock.moved_to(at):
        _issued(organiser, meeting_id, "DEMO/BMS/2/1", "agenda", TITLES, at)
        _issued(organiser, meeting_id, "DEMO/BMS/2/WP.1", "working_paper",
                {"en": "Demonstration: working paper on marking and record-keeping"}, at, ("6",))
        draft = record_document(meeting_id, Particulars(
            "programme", "Demonstration: programme of work", "DEMO/BMS/2/2"), organiser)
        _add(organiser, draft, "en", "Demonstration: programme of work", 1)
        wrong = _issued(organiser, meeting_id, "DEMO/BMS/2/WP.2", "working_paper",
                        {"en": "Demonstration: a paper issued under a wrong number"}, at, ("7",))
        withdraw_document(wrong, "Issued under a wrong number.", organiser, 3)
    with clock.moved_to(at + timedelta(days=5)):
        _issued(organiser, meeting_id, "DEMO/BMS/2/1/Rev.1", "agenda",
                {"en": "Demonstration: provisional agenda, revised"}, at + timedelta(days=5))
        _issued(organiser, meeting_id, "DEMO/BMS/2/1/Rev.1/Corr.1", "agenda",
                {"en": "Demonstration: corrigendum to the provisional agenda"}, at + timedelta(days=5))


def _add(organiser: Actor, document_id: uuid.UUID, language: str, title: str, version: int) -> None:
    paper = render(Document("DEMO", title, language, clock.today(), [Paragraph("Invented for the demonstration.")],
                            mark="Demonstration"))
    add_version(document_id, language, None if language == "en" else title, True,
                lay_down(paper, "paper.pdf", "application/pdf"), organiser, version)


def _issued(organiser: Actor, meeting_id: uuid.UUID, symbol: str, type: str, titles: dict[str, str], at: datetime,
            items: tuple[str, ...] = ()) -> uuid.UUID:
    made = record_document(meeting_id, Particulars(type, titles["en"], symbol, items), organiser)
    for version, (language, title) in enumerate(titles.items(), 1):
        _add(organiser, made, language, title, version)
    issue_document(made, at.date(), organiser, len(titles) + 1)
    return made
