"""The note verbale of nomination that a mission prints, initials, stamps and sends back: drafted from its own answers.

It is the State's own paper: it bears the mission's name, not the fund's, and nothing that the mission did not write."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from core import clock
from core.pdf import Block, Document, Heading, Note, Paragraph, TableBlock, inline
from core.web.formats import current_locale, format_days
from core.web.tables import Column
from sponsorship.applications.form_queries import MissionPage
from sponsorship.applications.queries import NomineeRow


def draft(pages: Sequence[MissionPage]) -> Document:
    """One note for one or several applications of a State, in the language of the page; the first gives the symbol."""
    first = pages[0]
    state = first.organisation
    return Document(
        reference=" / ".join(page.application.reference for page in pages[:2]) + (" …" if len(pages) > 2 else ""),
        title=_("Note verbale"), language=str(current_locale()).replace("_", "-"), day=clock.today(),
        issuer=(_("Permanent Mission of %(state)s", state=state),),
        addressee=(_("The secretariat of the voluntary sponsorship fund"),
                   _("Programme of Action on small arms and light weapons")),
        date_line=_("No. ____________          Date: ____________"),
        blocks=_blocks(pages, state),
        closing=_("The Permanent Mission of %(state)s avails itself of this opportunity to renew to the secretariat of "
                  "the voluntary sponsorship fund the assurances of its highest consideration.", state=inline(state)),
        signatory=(_("[Initials of the Head of Mission, or of the official in charge]"), _("[Stamp of the mission]")),
        mark=_("Demonstration") if first.application.is_demo else None,
    )


def _blocks(pages: Sequence[MissionPage], state: str) -> list[Block]:
    blocks: list[Block] = [Paragraph(ngettext(
        "The Permanent Mission of %(state)s presents its compliments to the secretariat of the voluntary sponsorship "
        "fund and, with reference to paragraph 18 of General Assembly resolution 68/48, has the honour to nominate the "
        "following officials of its Government, in order of priority, to be sponsored for their attendance at the "
        "meeting named below.",
        "The Permanent Mission of %(state)s presents its compliments to the secretariat of the voluntary sponsorship "
        "fund and, with reference to paragraph 18 of General Assembly resolution 68/48, has the honour to nominate the "
        "following officials of its Government, in order of priority, to be sponsored for their attendance at the "
        "%(num)s meetings named below.", len(pages), state=inline(state)))]
    for page in pages:
        blocks += _one(page)
    own = {page.application.own_contribution for page in pages if page.application.own_contribution}
    if own:
        blocks += [Heading(_("What the Government pays itself")), *(Paragraph(words) for words in sorted(own))]
    if all(page.application.could_not_attend_otherwise for page in pages):
        blocks.append(Paragraph(_(
            "The Permanent Mission declares that, without this help, %(state)s would be unable to be represented by "
            "these officials, and confirms that each of them is an official of a responsible authority, knows the "
            "matter, and has agreed to the use of the data sent with the application.", state=inline(state))))
    return blocks


def _one(page: MissionPage) -> list[Block]:
    meeting = page.meeting
    where = ", ".join(part for part in (meeting.city, meeting.days_text) if part)
    return [
        Heading(f"{meeting.title}" + (f" ({where})" if where else "")),
        TableBlock(
            _("Nominees in order of priority"),
            [Column("place", _("Priority"), render=lambda n: str(n.priority)),
             Column("name", _("Name, as in the passport"), render=lambda n: n.name),
             Column("function", _("Function"), render=_function),
             Column("days", _("Days needed"), render=_days)],
            page.nominees),
        Note(_("Application %(reference)s under call %(call)s.", reference=inline(page.application.reference),
               call=inline(page.call.reference))),
    ]


def _function(nominee: NomineeRow) -> str:
    return ", ".join(part for part in (nominee.function, nominee.ministry) if part)


def _days(nominee: NomineeRow) -> Any:
    first: date | None = nominee.travel_from
    return format_days(first, nominee.travel_to) if first and nominee.travel_to else None
