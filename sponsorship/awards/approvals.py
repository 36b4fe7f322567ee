"""Signatures of officers, as rows: separate hands, in order, once each, held by the database itself.

One table serves both chains: the obligation (decided, certified, approved) and the payment (requested, certified,
approved, released). Within one round of one subject a person signs once and a step is signed once; a step needs
the one before it; the person who benefits never signs. Rows are append-only: a chain that is sent back starts a
new round.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from core import clock
from core.actor import Actor
from core.db import Base, WithId, db, new_id
from core.ddl import append_only, lookup_table, trigger
from core.errors import NotAllowed, RuleBroken

# step -> the step that must stand before it (domain.md section 2, "Authority chain", and section (g))
BEFORE: dict[str, str | None] = {
    "award.decided": None,
    "award.certified": "award.decided",
    "award.approved": "award.certified",
    "disbursement.requested": None,
    "disbursement.certified": "disbursement.requested",
    "disbursement.approved": "disbursement.certified",
    "disbursement.released": "disbursement.approved",
}
lookup_table("approval_step", tuple(BEFORE))
_MOST_IN_ONE = 500  # subjects asked about in one statement


class Approval(WithId, Base):
    """One signature. `at` is business time, `recorded_at` real time."""

    __tablename__ = "approval"
    __table_args__ = (
        UniqueConstraint("subject_type", "subject_id", "round", "person_id", name="uq_approval_one_per_person"),
        UniqueConstraint("subject_type", "subject_id", "round", "step", name="uq_approval_one_per_step"),
        CheckConstraint("step LIKE subject_type || '.%'", name="step_of_subject"),
        CheckConstraint("round >= 1", name="round_from_one"),
        Index("ix_approval_subject_id", "subject_id"),
    )
    subject_type: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[uuid.UUID]
    round: Mapped[int]
    step: Mapped[str] = mapped_column(String(40), ForeignKey("approval_step.code"))
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"), index=True)
    at: Mapped[datetime]
    recorded_at: Mapped[datetime]


append_only(Approval.__table__)  # type: ignore[arg-type]

_EARLIER = "CASE NEW.step " + " ".join(
    f"WHEN '{step}' THEN '{before}'" for step, before in BEFORE.items() if before
) + " END"
_LACKS_EARLIER = (
    f"({_EARLIER}) IS NOT NULL AND NOT EXISTS (SELECT 1 FROM approval WHERE subject_type = NEW.subject_type "
    f"AND subject_id = NEW.subject_id AND round = NEW.round AND step = ({_EARLIER}))"
)
trigger(
    Approval.__table__, "approval_in_order",  # type: ignore[arg-type]
    sqlite=f"CREATE TRIGGER approval_in_order BEFORE INSERT ON approval WHEN {_LACKS_EARLIER} "
           "BEGIN SELECT RAISE(ABORT, 'approval_in_order: the step before this one is not signed'); END",
    postgresql=(
        "CREATE OR REPLACE FUNCTION approval_in_order() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {_LACKS_EARLIER} THEN RAISE EXCEPTION 'approval_in_order: the step before this one is not signed' "
        "USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER approval_in_order BEFORE INSERT ON approval FOR EACH ROW EXECUTE FUNCTION approval_in_order()",
    ),
)


@dataclass(frozen=True)
class Signature:
    """One signature as pages show it: the step's code, who, when."""

    step: str
    person_id: uuid.UUID
    at: datetime


def signatures(subject_type: str, subject_id: uuid.UUID, round: int) -> list[Signature]:
    """The signatures of one round, in order."""
    rows = db.session.execute(
        select(Approval.step, Approval.person_id, Approval.at)
        .where(Approval.subject_type == subject_type, Approval.subject_id == subject_id, Approval.round == round)
    ).all()
    order = list(BEFORE)
    return sorted((Signature(*row) for row in rows), key=lambda s: order.index(s.step))


def signatures_of(subject_type: str, rounds: Mapping[uuid.UUID, int]) -> dict[uuid.UUID, list[Signature]]:
    """The signatures of many subjects, each in its own round, in order. One query."""
    rows = db.session.execute(
        select(Approval.subject_id, Approval.round, Approval.step, Approval.person_id, Approval.at)
        .where(Approval.subject_type == subject_type, Approval.subject_id.in_(rounds))
    ).all()
    found: dict[uuid.UUID, list[Signature]] = {subject: [] for subject in rounds}
    for row in rows:
        if row.round == rounds[row.subject_id]:
            found[row.subject_id].append(Signature(row.step, row.person_id, row.at))
    order = list(BEFORE)
    return {subject: sorted(signed, key=lambda s: order.index(s.step)) for subject, signed in found.items()}


def sign(
    step: str, subject_id: uuid.UUID, round: int, actor: Actor, *, barred: frozenset[uuid.UUID] = frozenset(),
) -> None:
    """Sign one step in the command under way; the caller has locked the subject and checked the permission.

    `barred` are the persons who benefit or who entered what is signed. Raises NotAllowed for anyone but a person,
    RuleBroken when the person has signed this round already, benefits, or the step before is missing. The same
    rules stand in the database.
    """
    subject_type = step.partition(".")[0]
    if actor.person_id is None:
        raise NotAllowed(code="approval.person_only")
    if actor.person_id in barred:
        raise RuleBroken(
            _("Whoever benefits from a payment, or gave its bank data, does not sign it. A colleague must."),
            code="approval.beneficiary")
    signed = signatures(subject_type, subject_id, round)
    if any(s.person_id == actor.person_id for s in signed):
        raise RuleBroken(_("You have already signed an earlier step here. The next step needs another person."),
                         code="approval.same_person")
    before = BEFORE[step]
    if before is not None and all(s.step != before for s in signed):
        raise RuleBroken(_("The step before this one has not been signed."), code="approval.order")
    db.session.add(Approval(subject_type=subject_type, subject_id=subject_id, round=round, step=step,
                            person_id=actor.person_id, at=clock.now(), recorded_at=clock.real_now()))
    db.session.flush()  # the state's own trigger looks for this row, so it must be there first


def sign_many(
    step: str, rounds: Mapping[uuid.UUID, int], actor: Actor, *, barred: Mapping[uuid.UUID, frozenset[uuid.UUID]],
) -> None:
    """As `sign`, for many subjects in one go, all or none: `rounds` and `barred` by subject. A fixed number of
    statements for some hundred subjects."""
    if actor.person_id is None:
        raise NotAllowed(code="approval.person_only")
    subject_type, before = step.partition(".")[0], BEFORE[step]
    wanted = sorted(rounds)
    rows = []
    for start in range(0, len(wanted), _MOST_IN_ONE):
        part = wanted[start:start + _MOST_IN_ONE]
        for subject, signed in signatures_of(subject_type, {s: rounds[s] for s in part}).items():
            if actor.person_id in barred.get(subject, frozenset()):
                raise RuleBroken(
                    _("Whoever benefits from a payment, or gave its bank data, does not sign it. A colleague must."),
                    code="approval.beneficiary")
            if any(s.person_id == actor.person_id for s in signed):
                raise RuleBroken(
                    _("You have already signed an earlier step here. The next step needs another person."),
                    code="approval.same_person")
            if before is not None and all(s.step != before for s in signed):
                raise RuleBroken(_("The step before this one has not been signed."), code="approval.order")
            rows.append({"id": new_id(), "subject_type": subject_type, "subject_id": subject,
                         "round": rounds[subject], "step": step, "person_id": actor.person_id, "at": clock.now(),
                         "recorded_at": clock.real_now()})
    db.session.execute(insert(Approval), rows)
