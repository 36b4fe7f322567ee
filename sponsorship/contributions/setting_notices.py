"""Mails about where transfers to the fund go."""

from __future__ import annotations

from flask_babel import gettext as _

from accounts.permissions import people_with
from accounts.service import in_language
from core.actor import Actor
from core.outbox import send_mail
from core.web.links import absolute


def bank_details_asked(version: int, actor: Actor) -> None:
    """Whoever may approve learns that other bank details are asked for. The details stand on the page only."""
    for contact in people_with("contribution.settings.approve"):
        if contact.person_id == actor.person_id:
            continue
        with in_language(contact.locale):
            send_mail(
                contact.email, kind="settings.asked", dedupe_key=f"settings:{version}:asked:{contact.person_id.hex}",
                subject=_("Other bank details of the fund wait for your approval"),
                body=_("Somebody asks that transfers to the fund go to another account. Speak to the bank, or to "
                       "whoever asked, by a number that you know already, before you approve it:")
                + "\n\n" + absolute("contributions.fund_settings"))


def bank_details_changed(version: int) -> None:
    """Everybody who sets or approves them learns that donors read other bank details from now on."""
    both = {contact.person_id: contact for permission in ("contribution.settings", "contribution.settings.approve")
            for contact in people_with(permission)}
    for contact in both.values():
        with in_language(contact.locale):
            send_mail(
                contact.email, kind="settings.changed",
                dedupe_key=f"settings:{version}:changed:{contact.person_id.hex}",
                subject=_("The bank details of the fund have changed"),
                body=_("Donors read other bank details from now on. If you do not know why, speak to the head of the "
                       "fund at once:") + "\n\n" + absolute("contributions.fund_settings"))
