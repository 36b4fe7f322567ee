"""Lines of the bank's statement, as officers record them: each counts once, under the bank's own reference."""

from __future__ import annotations

import unicodedata
from datetime import date, timedelta

from flask_babel import gettext as _
from sqlalchemy import select

from core import clock
from core.db import db
from core.errors import RuleBroken
from core.web.formats import format_day
from sponsorship.contributions.back_models import Refund
from sponsorship.contributions.models import Contribution

MOST_BANK_FEE = 1_000_00  # US cents; beyond it a typing mistake is likelier than a fee
OLDEST = timedelta(days=366)
LONGEST = 80  # letters of a reference


def checked_reference(text: str) -> str:
    """A bank reference in the one form in which it is kept: capitals, single spaces. Raises RuleBroken (field
    `bank_reference`) for one that is missing, too long, or recorded before."""
    reference = " ".join(unicodedata.normalize("NFKC", text).upper().split())
    if not reference or not reference.isprintable():
        raise RuleBroken(_("Write the bank's reference as it stands on the statement."), code="bank.no_reference",
                         field="bank_reference")
    if len(reference) > LONGEST:
        raise RuleBroken(_("Write a reference of at most %(most)s letters.", most=LONGEST), code="bank.long_reference",
                         field="bank_reference")
    known = db.session.scalar(
        select(Contribution.reference)
        .where(Contribution.bank_reference == reference, Contribution.state != "corrected")
    ) or db.session.scalar(
        select(Contribution.reference).join(Refund, Refund.contribution_id == Contribution.id)
        .where(Refund.bank_reference == reference)
    )
    if known is not None:
        raise RuleBroken(
            _("This bank reference is recorded already, with %(contribution)s: each line of the statement counts once. "
              "Check the reference.", contribution=known), code="bank.reference_used", field="bank_reference")
    return reference


def check_day(day: date, field: str = "value_date") -> None:
    """Raises RuleBroken for a day that has not come, or that is more than a year past."""
    today = clock.today()
    if day > today:
        raise RuleBroken(_("This day has not come yet. Write the day that stands on the statement, at the latest "
                           "%(today)s.", today=format_day(today)), code="bank.future", field=field)
    if day < today - OLDEST:
        raise RuleBroken(_("This day is more than a year ago. Check the year."), code="bank.too_old", field=field)
