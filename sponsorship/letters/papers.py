"""A letter as paper: letterhead, addressee, the words, who signed."""

from __future__ import annotations

from datetime import date

from flask_babel import gettext as _

from core.pdf import Block, Document, Facts, Paragraph, inline
from core.web.formats import format_day
from sponsorship.letters.words import Words


def issuer() -> tuple[str, ...]:
    """The letterhead of the fund."""
    return (_("Voluntary sponsorship fund"),
            _("Programme of Action on small arms and light weapons, resolution 68/48, paragraph 18"))


def paper(
    reference: str, text: Words, *, state: str, name: str, office: str, language: str, day: date, demo: bool
) -> Document:
    """One letter to one State. Call inside the language of the letter."""
    blocks: list[Block] = [Paragraph(part) if isinstance(part, str) else Facts(part) for part in text.body]
    return Document(
        reference=reference, title=text.title, language=language.replace("_", "-"), day=day, issuer=issuer(),
        addressee=(_("Permanent Mission of %(state)s", state=state),), salutation=_("Excellency,"), blocks=blocks,
        closing=_("Accept, Excellency, the assurances of my highest consideration."), signatory=(name, office),
        footer=_("Signed electronically by %(name)s on %(day)s. The fund keeps this letter under its number, with its "
                 "digest (SHA-256), and confirms both on request.", name=inline(name), day=inline(format_day(day))),
        mark=_("Demonstration") if demo else None,
    )
