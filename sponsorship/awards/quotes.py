"""What the obligation's chain asks of the entitlement: is the quote alive, does the estimate rest on a calculation."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import delete

from core import clock
from core.db import db
from core.errors import RuleBroken
from core.web.formats import format_instant
from meetings.calendar.queries import meeting_by_id
from sponsorship.awards.entitlement_models import AwardBasis
from sponsorship.awards.entitlement_queries import expired_quote_in_use
from sponsorship.awards.models import Award


def forget_basis(award: Award) -> None:
    """The estimate no longer rests on a calculation. The award is locked and not yet certified."""
    db.session.execute(delete(AwardBasis).where(AwardBasis.award_id == award.id))


def check_quote(award: Award) -> None:
    """Raises RuleBroken when the fare quote of an award has expired: money is not promised on a price that is gone."""
    old = expired_quote_in_use(award.id, clock.now())
    if old is not None:
        zone = meeting_by_id(award.meeting_id).timezone
        raise RuleBroken(
            _("The fare quote of %(source)s expired on %(when)s. Ask for a new quote, record it and take the new "
              "estimate over; then certify.", source=old.source, when=format_instant(old.expires_at, zone)),
            code="quote.expired")

