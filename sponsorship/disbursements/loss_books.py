"""What a loss means to other steps of a payment: it is not released again, and a loss ends when a later round was not
paid in the end. Inside the command under way."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from core import clock
from core.actor import Actor, system
from core.db import db, lock
from core.errors import RuleBroken
from sponsorship.disbursements.claim_models import Recovery
from sponsorship.disbursements.claim_states import RECOVERY
from sponsorship.disbursements.loss_models import PAID_TWICE, PaymentLoss
from sponsorship.disbursements.models import Disbursement
from sponsorship.disbursements.transitions import LOSS
from sponsorship.ledger import service as ledger


def about(loss: PaymentLoss) -> tuple[str, uuid.UUID]:
    """The subject of its entries."""
    return ("payment_loss", loss.id)


def _paid_before() -> ColumnElement[bool]:
    """Joins payments and what the bank says of them: that they were paid already."""
    return and_(PaymentLoss.kind == PAID_TWICE, or_(
        and_(PaymentLoss.state == "asked", or_(PaymentLoss.disbursement_id == Disbursement.id,
                                               PaymentLoss.disbursement_id == Disbursement.follows_id)),
        and_(PaymentLoss.state == "agreed", PaymentLoss.disbursement_id == Disbursement.id,
             PaymentLoss.round != Disbursement.round)))


def paid_before() -> Select[uuid.UUID]:
    """Payments of which the bank says that they were paid already: nothing more of them leaves."""
    return select(Disbursement.id).join(PaymentLoss, _paid_before())


def check_not_paid_before(rows: Sequence[Disbursement]) -> None:
    """Nothing is requested or released of which the bank says that it was paid already. Raises RuleBroken."""
    ids = {row.id for row in rows}
    found = db.session.execute(
        select(Disbursement.reference, PaymentLoss.reference).join(PaymentLoss, _paid_before())
        .where(Disbursement.id.in_(ids)).limit(1)).first()
    if found is not None:
        raise RuleBroken(_("The bank says that %(reference)s was paid already (%(loss)s). Look at that first.",
                           reference=found[0], loss=found[1]), code="disbursement.paid_before", field="payments")


def undo(row: Disbursement, round_: int, actor: Actor) -> None:
    """This round is the payment after all, since no later one was paid: what its loss took comes back to the pool, and
    nobody asks the payee for it. Raises RuleBroken when part of it was paid back already."""
    loss_id = db.session.scalar(select(PaymentLoss.id).where(
        PaymentLoss.disbursement_id == row.id, PaymentLoss.round == round_, PaymentLoss.state == "agreed"))
    if loss_id is None:
        return
    loss = lock(PaymentLoss, loss_id)
    if loss.back_minor:
        raise RuleBroken(_("The payee has paid back a part of %(loss)s. Wait for the rest; then the payment is planned "
                           "and made anew.", loss=loss.reference), code="loss.partly_back")
    ledger.loss_back(about(loss), loss.lost_minor, key=f"loss:{loss.id}:undo", actor=actor)
    recovery_id = db.session.scalar(select(Recovery.id).where(Recovery.loss_id == loss.id, Recovery.state == "asked"))
    if recovery_id is not None:
        recovery = lock(Recovery, recovery_id)
        recovery.ended_at = clock.now()
        RECOVERY.apply(recovery, "drop", system("disbursements"), data={"loss": str(loss.id)})
    LOSS.apply(loss, "undo", actor, data={"round": round_})


def settled_by_losses(disbursement_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
    """What of these payments counts as paid by an earlier release, US cents; they had not left themselves."""
    rows = db.session.execute(
        select(PaymentLoss.settles_id, func.sum(PaymentLoss.settled_minor))
        .where(PaymentLoss.settles_id.in_(list(disbursement_ids))).group_by(PaymentLoss.settles_id))
    return {row[0]: int(row[1]) for row in rows if row[0] is not None}
