"""Payments follow their award."""

from __future__ import annotations

import uuid

from flask_babel import gettext as _
from sqlalchemy import select

from core.db import db
from core.errors import RuleBroken
from sponsorship.applications.signals import (
    NomineeCorrected,
    NomineeSubstituted,
    nominee_corrected,
    nominee_substituted,
)
from sponsorship.awards.models import Award
from sponsorship.awards.signals import award_accepted, award_ended, award_resumed, award_suspended
from sponsorship.awards.transitions import LIVE
from sponsorship.disbursements.models import Disbursement, Payee
from sponsorship.disbursements.plan_service import on_accepted, on_ended, on_resumed, on_suspended


def on_nominee_substituted(substituted: NomineeSubstituted) -> None:
    """A place may go to another person only while nothing is on its way in the former one's name, or ever reached that
    person: of a journey that was made, or given back after money had left, the file stays whose it is."""
    if _money_under_way(substituted.nominee_id):
        raise RuleBroken(_("Bank data or payments in this nominee’s name exist already. Give the award back, or write "
                           "to the secretariat, which can stop them."), code="nominee.money_under_way")


def _money_under_way(nominee_id: uuid.UUID) -> bool:
    held = select(Award.id).where(Award.nominee_id == nominee_id)
    awards = held.where(Award.state.in_(LIVE))
    under_way = db.session.scalar(
        select(Disbursement.id)
        .where(Disbursement.award_id.in_(held), Disbursement.state.not_in(("draft", "cancelled"))).limit(1))
    known = db.session.scalar(
        select(Payee.id).where(Payee.award_id.in_(awards), Payee.state.in_(("entered", "verified"))).limit(1))
    return under_way is not None or known is not None


def on_nominee_corrected(corrected: NomineeCorrected) -> None:
    """Whom the bank data and the Consolidated List were compared with does not change behind that comparison."""
    if _money_under_way(corrected.nominee_id):
        raise RuleBroken(_("Bank data or payments in your name exist already, so your name, date of birth and sex can "
                           "no longer be changed here. Ask your mission to write to the secretariat."),
                         code="nominee.money_under_way")


def subscribe() -> None:
    """Called once by app.py."""
    award_accepted.subscribe(on_accepted)
    award_ended.subscribe(on_ended)
    award_suspended.subscribe(on_suspended)
    award_resumed.subscribe(on_resumed)
    nominee_substituted.subscribe(on_nominee_substituted)
    nominee_corrected.subscribe(on_nominee_corrected)
