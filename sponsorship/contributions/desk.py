"""What waits for whom, on the desks of officers and donors."""

from __future__ import annotations

from flask import url_for
from flask_babel import gettext as _

from accounts.desk import DeskItem, register_source
from accounts.permissions import organisations_with
from core.actor import Actor
from core.web.formats import format_money
from sponsorship.contributions import figures
from sponsorship.gateways.queries import count_for_a_person


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
            title=_("Notices of Stripe that match nothing: %(count)s", count=waiting),
            url=url_for("contributions.unmatched"), due=None, what=_("Look into them"), tone="attention",
        ))
    return found


def own_pledges(actor: Actor) -> list[DeskItem]:
    """Pledges that the donor has announced and not paid."""
    return [
        DeskItem(
            title=_("Your pledge of %(amount)s", amount=format_money(row.amount)),
            url=url_for("contributions.own_pledge", pledge_id=row.id), due=None, what=_("Pay it when it suits you"),
            reference=row.reference,
        )
        for row in figures.unpaid_of(organisations_with(actor, "contribution.own"))
    ]


def register() -> None:
    """Called once by app.py."""
    register_source("contribution.refund", troubles)
    register_source("contribution.own", own_pledges)
