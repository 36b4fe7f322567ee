"""Reminders in words: a note verbale to a mission, plain words to anybody else; as mail, and on paper."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import current_app
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select

from accounts.models import Organisation
from accounts.permissions import people_with
from accounts.service import in_language
from core import vault
from core.db import db
from core.outbox import send_mail
from core.pdf import Document, Paragraph, TableBlock, inline
from core.web.formats import format_day, format_money
from core.web.links import absolute
from core.web.tables import Column
from sponsorship.contributions import links
from sponsorship.contributions.notices import donor_name
from sponsorship.contributions.reminders import Letter, Recalled


@dataclass(frozen=True)
class Address:
    """Where a letter goes: an address, its language, a part of the mail's key. `may_open`: the reader has a page."""

    email: str
    locale: str
    part: str
    may_open: bool = True


def day_words(after: int) -> str:
    """When a letter goes out, so many days after the due day (before it, if negative)."""
    if not after:
        return _("on the due day")
    if after < 0:
        return ngettext("%(num)s day before the due day", "%(num)s days before the due day", -after)
    return ngettext("%(num)s day after it", "%(num)s days after it", after)


def addresses(letter: Letter) -> Iterator[Address]:
    """Everybody who answers for the donor; for an organisation without people here, the address that is known."""
    organisation_id = letter.donor.organisation_id
    if organisation_id is None:
        pledge = letter.lines[0].pledge
        email = vault.unseal(pledge.id, pledge.donor_email_sealed)
        if email:
            yield Address(email, pledge.locale, "donor")
        return
    people = people_with("contribution.own", organisation_id)
    for contact in people:
        yield Address(contact.email, contact.locale, contact.person_id.hex)
    known = None if people else db.session.scalar(
        select(Organisation.known_email).where(Organisation.id == organisation_id))
    if known:
        yield Address(known, "en", "known", may_open=False)


@dataclass(frozen=True)
class Wording:
    """A letter in the language in force: `mission` is set where it is a note verbale."""

    donor: str
    mission: str | None

    @property
    def title(self) -> str:
        return _("Note verbale") if self.mission else _("Reminder")

    @property
    def opening(self) -> str:
        if self.mission:
            return _("The secretariat of the voluntary sponsorship fund of the Programme of Action presents its "
                     "compliments to the %(mission)s and has the honour to recall what was announced in support of the "
                     "participation of States in the meetings of the Programme of Action:", mission=self.mission)
        return _("Thank you for your pledge to the voluntary sponsorship fund of the Programme of Action. May we "
                 "remind you of what is due:")

    @property
    def request(self) -> str:
        if self.mission:
            return _("The secretariat would be grateful if the payment could be arranged, or the day named on which it "
                     "may be expected. If it has been ordered already, this note needs no answer.")
        return _("Please pay, or tell us when we may expect the payment. If it is on its way already, this letter "
                 "needs no answer.")

    @property
    def closing(self) -> str:
        if self.mission:
            return _("The secretariat avails itself of this opportunity to renew to the %(mission)s the assurances of "
                     "its highest consideration.", mission=self.mission)
        return _("With thanks, the secretariat of the fund.")


def wording(letter: Letter) -> Wording:
    """For whom it is worded, in the language in force."""
    donor = donor_name(letter.lines[0].pledge)
    kind = None
    if letter.donor.organisation_id is not None:
        kind = db.session.scalar(select(Organisation.kind).where(Organisation.id == letter.donor.organisation_id))
    if kind == "state":
        return Wording(donor, _("Permanent Mission of %(state)s to the United Nations", state=donor))
    if kind == "observer":
        return Wording(donor, _("Permanent Observer Mission of %(state)s to the United Nations", state=donor))
    return Wording(donor, None)


def line_words(line: Recalled, day: date) -> str:
    """One pledge in a letter."""
    words = {"reference": line.pledge.reference, "amount": format_money(line.left), "day": format_day(line.due_on)}
    if line.due_on < day:
        return _("%(reference)s: %(amount)s, due since %(day)s", **words)
    return _("%(reference)s: %(amount)s, due on %(day)s", **words)


# --- mail -------------------------------------------------------------------------------------------------------
def send_letter(letter: Letter, now: datetime) -> int:
    """Queue the mails of a letter; how many. Inside a command."""
    count = 0
    for to in addresses(letter):
        with in_language(to.locale):
            words = wording(letter)
            references = ", ".join(line.pledge.reference for line in letter.lines[:3])
            send_mail(
                to.email, kind="pledge.reminder",
                dedupe_key=f"remind:{letter.donor.id.hex}:{now.date().isoformat()}:{to.part}",
                subject=ngettext("Reminder of a pledge to the sponsorship fund: %(references)s",
                                 "Reminder of pledges to the sponsorship fund: %(references)s", len(letter.lines),
                                 references=references),
                body="\n\n".join((words.opening, _lines(letter, to, now.date()), words.request, words.closing)))
        count += 1
    return count


def _lines(letter: Letter, to: Address, day: date) -> str:
    found = []
    for line in letter.lines:
        link = f"\n  {links.pledge_url(line.pledge)}" if to.may_open else ""
        found.append(f"- {line_words(line, day)}{link}")
    if to.may_open and letter.donor.organisation_id is not None:
        found.append(_("All pledges, and the ways to pay: %(link)s", link=absolute("contributions.donor_home")))
    return "\n".join(found)


# --- paper ------------------------------------------------------------------------------------------------------
def paper(letter: Letter, day: date) -> Document:
    """The letter as a paper, in the language of the first person it is addressed to: for an officer who sends it by
    other means."""
    language = next((to.locale for to in addresses(letter)), "en")
    with in_language(language):
        words = wording(letter)
        references = [line.pledge.reference for line in letter.lines]
        return Document(
            reference=", ".join(references[:2]) + (" …" if len(references) > 2 else ""), title=words.title,
            language=language, day=day,
            issuer=(_("Secretariat of the voluntary sponsorship fund"),
                    _("Programme of Action on small arms and light weapons"),
                    _("General Assembly resolution 68/48, paragraph 18")),
            addressee=_addressee(letter, words),
            blocks=(
                Paragraph(words.opening),
                TableBlock(None, _paper_columns(day), letter.lines),
                Paragraph(words.request), Paragraph(words.closing),
            ),
            footer=_("Ways to pay stand on the page of each pledge. Bank details are never changed by e-mail."),
            mark=_("Demonstration") if current_app.extensions["placard_settings"].env == "demo" else None,
        )


def _addressee(letter: Letter, words: Wording) -> tuple[str, ...]:
    if words.mission:
        return (words.mission,)
    pledge = letter.lines[0].pledge
    contact = vault.unseal(pledge.id, pledge.donor_contact_sealed)
    return tuple(line for line in (words.donor, contact) if line)


def _paper_columns(day: date) -> tuple[Column, ...]:
    def due(line: Recalled) -> Any:
        return _("since %(day)s", day=inline(line.due_on)) if line.due_on < day else line.due_on

    return (
        Column("reference", _("Pledge"), render=lambda line: line.pledge.reference),
        Column("announced", _("Announced"), render=lambda line: line.pledge.announced_at.date()),
        Column("due_on", _("Due"), render=due),
        Column("left", _("Still to be paid"), numeric=True),
    )


def letter_name(letter: Letter, day: date) -> str:
    """The name of the file."""
    return f"reminder-{letter.lines[0].pledge.reference}-{day.isoformat()}"

