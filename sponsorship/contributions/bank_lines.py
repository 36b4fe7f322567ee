"""Lines of the bank's statement, as officers record them: each counts once, under the bank's own reference."""

from __future__ import annotations

from datetime import date, timedelta

from flask_babel import gettext as _
from sqlalchemy import select

from core import clock
from core.db import db
from core.errors import RuleBroken
from core.web.formats import format_day
from sponsorship.contributions.back_models import Refund
from sponsorship.contributions.models import Contribution
from sponsorship.ledger.bank_references import check_readable, check_unused, kept_as, one_form

MOST_BANK_FEE = 1_000_00  # US cents; beyond it a typing mistake is likelier than a fee
OLDEST = timedelta(days=366)
LONGEST = 80  # letters of a reference


def checked_reference(text: str) -> str:
    """A bank reference in the one form in which it is kept: capitals, single spaces. Raises RuleBroken (field
    `bank_reference`) for one that is missing, too long, or recorded before."""
    reference = one_form(text)
    check_readable(reference)
    if len(reference) > LONGEST:
        raise RuleBroken(_("Write a reference of at most %(most)s letters.", most=LONGEST), code="bank.long_reference",
                         field="bank_reference")
    check_unused(reference)
    return reference


def _look(reference: str) -> str | None:
    return db.session.scalar(
        select(Contribution.reference)
        .where(Contribution.bank_reference == reference, Contribution.state != "corrected")
    ) or db.session.scalar(
        select(Contribution.reference).join(Refund, Refund.contribution_id == Contribution.id)
        .where(Refund.bank_reference == reference)
    )


kept_as("contributions", _look)


def check_day(day: date, field: str = "value_date") -> None:
    """Raises RuleBroken for a day that has not come, or that is more than a year past."""
    today = clock.today()
    if day > today:
        raise RuleBroken(_("This day has not come yet. Write the day that stands on the statement, at the latest "
                           "%(today)s.", today=format_day(today)), code="bank.future", field=field)
    if day < today - OLDEST:
        raise RuleBroken(_("This day is more than a year ago. Check the year."), code="bank.too_old", field=field)
