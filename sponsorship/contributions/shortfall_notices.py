"""Mails about pools that lack money."""

from __future__ import annotations

from flask_babel import gettext as _

from accounts.permissions import people_with
from accounts.service import in_language
from core.money import usd
from core.outbox import send_mail
from core.web.formats import format_money
from core.web.links import absolute
from sponsorship.contributions.shortfall_models import Cover


def cover_requested(row: Cover, pool: str) -> None:
    """Whoever may approve learns that a shortfall is to be covered."""
    for contact in people_with("shortfall.approve"):
        if contact.person_id == row.requested_by:
            continue
        with in_language(contact.locale):
            amount = format_money(usd(row.amount_minor))
            send_mail(
                contact.email, kind="shortfall.requested", dedupe_key=f"cover:{row.id.hex}:{contact.person_id.hex}",
                subject=_("A shortfall of %(amount)s waits for your approval", amount=amount),
                body=_("%(amount)s that a donor’s bank took back is to be covered from the free money of “%(pool)s”. "
                       "Until then no payment leaves that pool. Approve it, or not:", amount=amount, pool=pool)
                + "\n\n" + absolute("contributions.shortfall", pool_id=row.pool_id))
