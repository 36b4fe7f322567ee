"""What waits for whom, on the desks of officers and donors."""

from __future__ import annotations

from flask import url_for
from flask_babel import gettext as _
from sqlalchemy import select

from accounts.desk import DeskItem, register_source
from accounts.permissions import organisations_with
from core import clock
from core.actor import Actor
from core.db import db
from core.money import Money
from core.web.formats import format_money
from sponsorship.contributions import agreement_ends, figures
from sponsorship.contributions.models import Pledge
from sponsorship.contributions.pledge_queries import due_of
from sponsorship.contributions.reminders import unanswered
from sponsorship.contributions.transitions import OPEN
from sponsorship.gateways.queries import count_for_a_person
from sponsorship.gateways.rates import register_currencies_in_use

MOST = 50  # items of one kind on a desk

def troubles(_actor: Actor) -> list[DeskItem]:
    """Refunds that failed, notices of Stripe that match nothing."""
    found = [
        DeskItem(
            title=_("The refund of %(amount)s failed", amount=format_money(row.paid or row.amount)),
            url=url_for("contributions.contribution", contribution_id=row.id), due=row.received_at,
            what=_("Send the refund again"), reference=row.reference, tone="attention",
        )
        for row in figures.failed_refunds()
    ]
    waiting = count_for_a_person()
    if waiting:
        found.append(DeskItem(
            title=_("Unmatched notices of Stripe: %(count)s", count=waiting),
            url=url_for("contributions.unmatched"), due=None, what=_("Look into them"), tone="attention",
        ))
    return found


def own_pledges(actor: Actor) -> list[DeskItem]:
    """What the donor has promised and not paid yet, instalment by instalment, the soonest first."""
    rows = due_of(organisations_with(actor, "contribution.own"), clock.today())
    return [
        DeskItem(
            title=_("Your pledge: %(amount)s still to be paid", amount=format_money(row.left)) if row.of == 1 else
            _("Instalment %(n)s of %(of)s: %(amount)s", n=row.n, of=row.of, amount=format_money(row.left)),
            url=url_for("contributions.own_pledge", pledge_id=row.pledge_id), due=row.due_on,
            what=_("Pay it") if row.due_on else _("Pay it when it suits you"), reference=row.reference,
            tone="attention" if row.overdue else "waiting",
        )
        for row in rows[:MOST]
    ]


def unanswered_pledges(_actor: Actor) -> list[DeskItem]:
    """Overdue pledges whose donors did not answer any reminder."""
    rows = db.session.scalars(unanswered().order_by(Pledge.next_due_on, Pledge.id).limit(MOST))
    return [
        DeskItem(
            title=_("%(amount)s, overdue: no reminder was answered",
                    amount=format_money(Money(row.outstanding_minor, row.currency))),
            url=url_for("contributions.pledge", pledge_id=row.id), due=row.next_due_on,
            what=_("Speak to the donor: defer, reduce, or have it written off"), reference=row.reference,
            tone="attention",
        )
        for row in rows
    ]


def currencies_pledged() -> set[str]:
    """Currencies that the fund needs rates of: those of open pledges."""
    return set(db.session.scalars(select(Pledge.currency).where(Pledge.state.in_(OPEN)).distinct()))


def register() -> None:
    """Called once by app.py."""
    register_source("contribution.refund", troubles)
    register_source("contribution.own", own_pledges)
    register_source("contribution.agreement", unanswered_pledges)
    register_source("contribution.agreement", agreement_ends.desk_items)
    register_currencies_in_use(currencies_pledged)
