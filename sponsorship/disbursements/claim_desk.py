"""What waits on desks after a journey, what a claim adds to the page of its award, and to the screening of the next
call."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from accounts.current import current_actor
from accounts.desk import DeskItem, register_source
from accounts.permissions import allows
from core.actor import Actor
from core.db import db
from sponsorship.applications import outcomes
from sponsorship.awards.panels import Asked, Panel, register_award_panel
from sponsorship.disbursements import claim_queries as queries
from sponsorship.disbursements import late_queries
from sponsorship.disbursements.claim_models import Recovery
from sponsorship.disbursements.claim_words import ATTENDANCE_LABELS
from sponsorship.ledger import words


def _item(row: queries.ClaimRow, what: str, tone: str = "waiting") -> DeskItem:
    return DeskItem(_("%(state)s, %(meeting)s", state=row.organisation, meeting=row.meeting),
                    url_for("claims.claim_page", id=row.id), row.due_at, what, row.reference, tone)


def to_submit(actor: Actor) -> list[DeskItem]:
    return [_item(row, _("Send the travel claim with the boarding passes"), "attention")
            for row in queries.claims_in("wanted", actor)]


def to_settle(actor: Actor) -> list[DeskItem]:
    return [_item(row, _("Settle the travel claim")) for row in queries.claims_in("submitted")] + [
        _item(row, _("The award ended after money was paid: account for it"), "attention")
        for row in queries.claims_in("wanted") if row.ended]


def to_report(actor: Actor) -> list[DeskItem]:
    return [DeskItem(_("Report for award %(award)s", award=row.award), url_for("claims.report_page", id=row.id),
                     row.due_at, _("Write the delegate’s report"), row.award)
            for row in queries.reports_awaited(actor)]


def to_pay_back(actor: Actor) -> list[DeskItem]:
    return [DeskItem(_("Award %(award)s", award=row.award), url_for("claims.recovery_page", id=row.id), row.due_at,
                     _("Pay back what was paid too much"), row.reference, "attention")
            for row in queries.open_recoveries(actor)]


def late_to_decide(actor: Actor) -> list[DeskItem]:
    return [_late(row, _("Allow a late claim, or turn it down")) for row in late_queries.late_in("asked")]


def late_to_agree(actor: Actor) -> list[DeskItem]:
    return [_late(row, _("Agree to a late claim, or refuse")) for row in late_queries.late_in("decided")
            if actor.person_id not in (row.asked_by, row.decided_by)]


def _late(row: late_queries.LateRow, what: str) -> DeskItem:
    return DeskItem(_("Late claim of %(state)s", state=row.organisation), url_for("late_claims.page", id=row.id),
                    row.asked_at, what, row.reference, "attention")


def award_panel(award_id: uuid.UUID, actor: Actor) -> Panel | None:
    """The claim and the report on the page of an award."""
    found = queries.claim_of_award(award_id, actor)
    if found is None:
        return None
    claim, report = found
    asked = None
    if claim.state == "wanted" and not claim.ended and allows(actor, "claim.submit") and not allows(
            actor, "disbursement.view_all"):
        asked = Asked(_("The journey is over: the claim is sent with the boarding passes."), _("Your mission"),
                      claim.due_at, _("Send the claim"), url_for("claims.submit", id=claim.id))
    return Panel("disbursements/_claim_panel.html", {"claim": claim, "report": report}, asked)


def earlier_journeys(organisation_id: uuid.UUID) -> outcomes.Part | None:
    """How earlier sponsored journeys of this State ended, for the officer who screens its next application."""
    if not allows(current_actor(), "application.view_all"):
        return None
    return outcomes.Part("disbursements/_outcomes.html", {
        "outcomes": queries.outcomes_of(organisation_id), "attendance": ATTENDANCE_LABELS,
        "sees_claims": allows(current_actor(), "disbursement.view_all")})


def _named(ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, words.Named]:
    rows = db.session.execute(select(Recovery.id, Recovery.reference).where(Recovery.id.in_(set(ids))))
    may = allows(current_actor(), "disbursement.view_all")
    return {row.id: (row.reference, url_for("claims.recovery_page", id=row.id) if may else None) for row in rows}


def register() -> None:
    """Called once by app.py."""
    for permission, source in (
        ("claim.submit", to_submit), ("claim.settle", to_settle), ("report.write", to_report),
        ("claim.submit", to_pay_back), ("claim.late.decide", late_to_decide), ("claim.late.agree", late_to_agree),
    ):
        register_source(permission, source)
    register_award_panel(award_panel)
    outcomes.register(earlier_journeys)
    words.describe_subjects("recovery", _l("Recovery"), _named)

