"""Names and pages of what the schedule speaks of. Identifiers are unique across all tables, so an item is looked up in
each, and a new job needs no entry here as long as its items are of a kind that has one."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from flask import url_for
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from accounts.permissions import allows
from core.actor import Actor
from core.db import db
from meetings.calendar.models import Meeting
from sponsorship.applications.models import Application, Call
from sponsorship.awards.models import Award
from sponsorship.contributions.back_models import Refund
from sponsorship.contributions.invoice_models import DonorInvoice
from sponsorship.contributions.models import Agreement, Contribution, Pledge
from sponsorship.disbursements.models import Disbursement
from sponsorship.gateways.money_models import StripeMovement, StripePayout


@dataclass(frozen=True)
class Kind:
    """A kind of thing: what names a row, the page of one and its argument, the permission without which the page is
    not linked (None: it is public)."""

    label: Any
    model: Any
    name: str
    endpoint: str
    argument: str
    permission: str | None


KINDS = (
    Kind(_l("Meeting"), Meeting, "short_name", "calendar.meeting", "slug", None),
    Kind(_l("Call"), Call, "reference", "calls.manage", "id", "application.view_all"),
    Kind(_l("Application"), Application, "reference", "applications_officer.screening", "id", "application.view_all"),
    Kind(_l("Award"), Award, "reference", "awards.award_page", "id", "award.view_all"),
    Kind(_l("Payment"), Disbursement, "reference", "disbursements.disbursement_page", "id", "disbursement.view_all"),
    Kind(_l("Contribution"), Contribution, "reference", "contributions.contribution", "contribution_id",
         "contribution.view_all"),
    Kind(_l("Pledge"), Pledge, "reference", "contributions.officer_pledge", "pledge_id", "contribution.view_all"),
    Kind(_l("Agreement"), Agreement, "reference", "contributions.agreement", "agreement_id", "contribution.view_all"),
    Kind(_l("Refund"), Refund, "id", "contributions.refund", "refund_id", "contribution.view_all"),
    Kind(_l("Invoice"), DonorInvoice, "number", "contributions.invoice", "invoice_id", "contribution.view_all"),
    Kind(_l("Movement at Stripe"), StripeMovement, "txn_id", "contributions.movement", "movement_id",
         "contribution.view_all"),
    Kind(_l("Payout"), StripePayout, "payout_id", "contributions.payout", "payout_id", "contribution.view_all"),
)


@dataclass(frozen=True)
class Named:
    """A thing as a page names it; `url` only for a reader who may open it."""

    kind: Any
    name: str
    url: str | None


def named(ids: Collection[uuid.UUID], actor: Actor) -> dict[uuid.UUID, Named]:
    """What these identifiers are, as far as it is known: one query for each kind, none when there are no ids."""
    found: dict[uuid.UUID, Named] = {}
    wanted = set(ids)
    for kind in KINDS if wanted else ():
        may_open = kind.permission is None or allows(actor, kind.permission)
        key = kind.model.slug if kind.argument == "slug" else kind.model.id
        for row in db.session.execute(
            select(kind.model.id, getattr(kind.model, kind.name).label("name"), key.label("key"))
            .where(kind.model.id.in_(wanted))
        ):
            name = "" if row.name is None or row.name == row.id else str(row.name)
            found[row.id] = Named(kind.label, name, url_for(kind.endpoint, **{kind.argument: row.key})
                                  if may_open else None)
    return found
