"""Payments follow their award."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import select

from core.db import db
from core.errors import RuleBroken
from sponsorship.applications.signals import NomineeSubstituted, nominee_substituted
from sponsorship.awards.models import Award
from sponsorship.awards.signals import award_accepted, award_ended, award_resumed, award_suspended
from sponsorship.awards.transitions import LIVE
from sponsorship.disbursements.models import Disbursement, Payee
from sponsorship.disbursements.plan_service import on_accepted, on_ended, on_resumed, on_suspended


def on_nominee_substituted(substituted: NomineeSubstituted) -> None:
    """A place may go to another person only while nothing is on its way in the former one's name, or ever reached that
    person: of a journey that was made, or given back after money had left, the file stays whose it is."""
    held = select(Award.id).where(Award.nominee_id == substituted.nominee_id)
    awards = held.where(Award.state.in_(LIVE))
    under_way = db.session.scalar(
        select(Disbursement.id)
        .where(Disbursement.award_id.in_(held), Disbursement.state.not_in(("draft", "cancelled"))).limit(1))
    known = db.session.scalar(
        select(Payee.id).where(Payee.award_id.in_(awards), Payee.state.in_(("entered", "verified"))).limit(1))
    if under_way is not None or known is not None:
        raise RuleBroken(_("Bank data or payments in this nominee's name exist already. Give the award back, or write "
                           "to the secretariat, which can stop them."), code="nominee.money_under_way")


def subscribe() -> None:
    """Called once by app.py."""
    award_accepted.subscribe(on_accepted)
    award_ended.subscribe(on_ended)
    award_suspended.subscribe(on_suspended)
    award_resumed.subscribe(on_resumed)
    nominee_substituted.subscribe(on_nominee_substituted)
