"""How the ledger's pages name the disbursements that its entries are about."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from flask import url_for
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from accounts.current import current_actor
from accounts.permissions import allows
from core.db import db
from sponsorship.disbursements.loss_models import PaymentLoss
from sponsorship.disbursements.models import Disbursement
from sponsorship.ledger import words


def _disbursements(ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, words.Named]:
    rows = db.session.execute(select(Disbursement.id, Disbursement.reference).where(Disbursement.id.in_(set(ids))))
    may = allows(current_actor(), "disbursement.view_all")
    return {row.id: (row.reference, url_for("disbursements.disbursement_page", id=row.id) if may else None)
            for row in rows}


def _losses(ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, words.Named]:
    rows = db.session.execute(select(PaymentLoss.id, PaymentLoss.reference).where(PaymentLoss.id.in_(set(ids))))
    may = allows(current_actor(), "disbursement.view_all")
    return {row.id: (row.reference, url_for("losses.loss_page", id=row.id) if may else None) for row in rows}


def register() -> None:
    words.describe_subjects("payment_loss", _l("Loss"), _losses)
    words.describe_subjects("disbursement", _l("Disbursement"), _disbursements)
