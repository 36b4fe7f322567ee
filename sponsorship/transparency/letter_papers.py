"""The paper of a letter that calls for funds: a note verbale to a State, a letter to everybody else."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from flask_babel import gettext as _

from accounts.queries import get_organisation, names
from accounts.service import in_language
from core import clock
from core.money import Money
from core.pdf import Block, Document, Note, Paragraph, TableBlock, inline
from core.web.formats import format_day, format_instant, format_number
from core.web.links import absolute
from core.web.tables import Column
from sponsorship.contributions.fund_settings import bank_details
from sponsorship.ledger.deposits import STANDARD_RATE_BP
from sponsorship.transparency.donor_tables import percent
from sponsorship.transparency.papers import issuer

if TYPE_CHECKING:
    from sponsorship.transparency.letters import Needs, Wish




def paper(wish: Wish, needs: Needs, organisation_id: uuid.UUID, kind: str, reference: str) -> Document:
    """The letter to one donor, in the language the officer chose."""
    with in_language(wish.language):
        donor = names([organisation_id])[organisation_id]
        to_state = kind == "note_verbale"
        title = _("Call for funds: %(subject)s", subject=needs.subject)
        return Document(
            reference=reference, title=title, language=wish.language.replace("_", "-"), day=clock.today(),
            issuer=issuer(), addressee=_addressee(donor, to_state),
            salutation=None if to_state else _("Dear Sir or Madam,"),
            blocks=_blocks(wish, needs, donor, to_state), closing=_closing(donor, to_state),
            signatory=(wish.name, wish.office),
            mark=_("Demonstration") if get_organisation(organisation_id).is_demo else None,
        )


def _addressee(donor: str, to_state: bool) -> tuple[str, ...]:
    return (_("Permanent Mission of %(state)s", state=donor),) if to_state else (donor,)


def _closing(donor: str, to_state: bool) -> str:
    if to_state:
        return _("The secretariat of the fund avails itself of this opportunity to renew to the Permanent Mission of "
                 "%(state)s the assurances of its highest consideration.", state=inline(donor))
    return _("Yours sincerely,")


def _blocks(wish: Wish, needs: Needs, donor: str, to_state: bool) -> list[Block]:
    words: dict[str, Any] = {
        "state": inline(donor), "subject": inline(needs.subject), "delegates": inline(format_number(needs.delegates)),
        "missing": inline(needs.missing), "day": inline(wish.pay_by),
    }
    if to_state:
        opening = _("The secretariat of the voluntary sponsorship fund presents its compliments to the Permanent "
                    "Mission of %(state)s and has the honour to draw its attention to what the fund needs for "
                    "%(subject)s.", **words)
        asking = _("The Permanent Mission is kindly requested to bring this to the attention of its Government, in "
                   "the hope that it may be in a position to contribute by %(day)s. %(missing)s is missing.", **words)
    else:
        opening = _("We write to you about what the voluntary sponsorship fund needs for %(subject)s.", **words)
        asking = _("%(missing)s is missing. We should be grateful for a contribution by %(day)s.", **words)
    why = _("In paragraph 18 of its resolution 68/48 the General Assembly encouraged those able to do so to give "
            "financial help, through a voluntary sponsorship fund, to States that would otherwise be unable to attend "
            "meetings on the Programme of Action on small arms and light weapons. %(delegates)s delegates of such "
            "States are expected to need it.", **words)
    blocks: list[Block] = [Paragraph(opening), Paragraph(why), _table(needs), Paragraph(asking)]
    if wish.words.strip():
        blocks.append(Paragraph(wish.words.strip()))
    blocks.append(Paragraph(_pay()))
    blocks.append(Note(_(
        "Figures as of %(when)s, from the fund’s own books; interim until the accounts of the year are certified. "
        "Pledges not paid yet are not counted as money that is there, which may also be promised to other meetings in "
        "the meantime. What was given, and what it carried: %(address)s",
        when=format_instant(needs.as_of, "UTC"), address=inline(absolute("fund.page")))))
    return blocks


def _table(needs: Needs) -> TableBlock:
    of = _("estimate of call %(reference)s", reference=needs.basis) if needs.basis else _("estimate")
    rows: list[tuple[str, Money | int]] = [
        (_("Delegates expected to need help"), needs.delegates),
        (_("Direct cost of each (%(basis)s): ticket, daily subsistence, terminal expenses", basis=of), needs.each),
        (_("Direct costs together"), needs.direct),
        (_("Programme support costs at %(rate)s", rate=percent(STANDARD_RATE_BP)), needs.support),
        (_("Needed"), needs.needed),
        (_("Available on %(day)s", day=format_day(needs.as_of.date())), needs.there),
    ]
    return TableBlock(
        _("Needs, US dollars"),
        [Column("figure", _("Figure"), render=lambda row: row[0]),
         Column("amount", _("Amount"), numeric=True, currency="USD", render=lambda row: row[1])],
        rows, {"amount": needs.missing, "figure": _("Missing")},
    )


def _pay() -> str:
    online = _("A contribution can be paid online at %(address)s.", address=inline(absolute("contributions.donate")))
    details = bank_details().strip()
    if details:
        return "\n".join([online, _("By bank transfer, naming the reference of this letter:"), details])
    return online + " " + _("For a bank transfer the secretariat sends its bank details on request.")
