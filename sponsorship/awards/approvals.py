"""Signatures of officers, as rows: separate hands, in order, once each, held by the database itself.

One table serves both chains: the obligation (decided, certified, approved) and the payment (requested, certified,
approved, released). Within one round of one subject a person signs once and a step is signed once; a step needs
the one before it; the person who benefits never signs. Rows are append-only: a chain that is sent back starts a
new round.

Where a rule asked for it when the payment was certified, a second approving officer signs
(`disbursement.approved_second`) before the payment counts as approved. An alternate signs under the own name; the row
names the designation.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from accounts.designation_models import Designation
from accounts.permissions import PERMISSIONS, Acting, acting_for
from core import clock
from core.actor import Actor
from core.db import Base, WithId, db, insert_rows, new_id
from core.ddl import append_only, lookup_table, refuse, trigger
from core.errors import NotAllowed, RuleBroken

# step -> the step that must stand before it (domain.md section 2, "Authority chain", and section (g))
BEFORE: dict[str, str | None] = {
    "award.decided": None,
    "award.certified": "award.decided",
    "award.approved": "award.certified",
    "disbursement.requested": None,
    "disbursement.certified": "disbursement.requested",
    "disbursement.approved": "disbursement.certified",
    "disbursement.approved_second": "disbursement.approved",
    "disbursement.released": "disbursement.approved",
}
# step -> the permission that a signature of it needs, and the one role that holds it (accounts.permissions)
PERMISSION: dict[str, str] = {
    "award.decided": "award.decide", "award.certified": "obligation.certify", "award.approved": "obligation.approve",
    "disbursement.requested": "disbursement.request", "disbursement.certified": "disbursement.certify",
    "disbursement.approved": "disbursement.approve", "disbursement.approved_second": "disbursement.approve",
    "disbursement.released": "disbursement.release",
}
ROLE: dict[str, str] = {step: next(iter(PERMISSIONS[permission])) for step, permission in PERMISSION.items()}
lookup_table("approval_step", tuple(BEFORE))
_MOST_IN_ONE = 500  # subjects asked about in one statement


class Approval(WithId, Base):
    """One signature. `at` is business time, `recorded_at` real time; `proof_id` the second factor shown for it,
    `designation_id` that under which an alternate signed."""

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
    proof_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("second_factor_proof.id"))
    designation_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("designation.id"))


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


# an office is one hand: neither its holder beside the alternate, nor two alternates of one holder
_HAND_AGAIN = ("SELECT 1 FROM approval a LEFT JOIN designation d ON d.id = a.designation_id "
               "WHERE a.subject_type = NEW.subject_type AND a.subject_id = NEW.subject_id AND a.round = NEW.round AND ")
refuse(Approval.__table__, "approval_one_per_holder", "INSERT",  # type: ignore[arg-type]
       f"EXISTS ({_HAND_AGAIN} d.holder_id = NEW.person_id) OR EXISTS ({_HAND_AGAIN} "
       "(SELECT n.holder_id FROM designation n WHERE n.id = NEW.designation_id) IN (a.person_id, d.holder_id))",
       "the holder of the office, or an alternate for the holder, has signed this round")
refuse(Approval.__table__, "approval_proof_is_own", "INSERT",  # type: ignore[arg-type]
       "NOT EXISTS (SELECT 1 FROM second_factor_proof p WHERE p.id = NEW.proof_id AND p.person_id = NEW.person_id)",
       "the proof is another person's", given="NEW.proof_id IS NOT NULL")


def _not_designated(day: str) -> str:
    role = "CASE NEW.step " + " ".join(f"WHEN '{step}' THEN '{code}'" for step, code in ROLE.items()) + " END"
    amount = ("CASE NEW.subject_type "
              "WHEN 'award' THEN (SELECT a.amount_minor FROM award a WHERE a.id = NEW.subject_id) "
              "ELSE (SELECT x.amount_minor FROM disbursement x WHERE x.id = NEW.subject_id) END")
    return ("NEW.designation_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM designation d "
            f"WHERE d.id = NEW.designation_id AND d.alternate_id = NEW.person_id AND d.role = {role} "
            f"AND d.revoked_at IS NULL AND d.valid_from <= {day} AND d.valid_to > {day} "
            f"AND (d.limit_minor IS NULL OR d.limit_minor >= {amount}))")


_UTC_DAY = "(NEW.at AT TIME ZONE 'UTC')::date"
_WHY = "approval_as_alternate: the designation does not cover this signature"
trigger(
    Approval.__table__, "approval_as_alternate",  # type: ignore[arg-type]
    sqlite="CREATE TRIGGER approval_as_alternate BEFORE INSERT ON approval "
           f"WHEN {_not_designated('substr(NEW.at, 1, 10)')} BEGIN SELECT RAISE(ABORT, '{_WHY}'); END",
    postgresql=(
        "CREATE OR REPLACE FUNCTION approval_as_alternate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        # somebody who revokes it this very moment waits for us, or we for him
        "PERFORM 1 FROM designation WHERE id = NEW.designation_id FOR SHARE; "
        f"IF {_not_designated(_UTC_DAY)} "
        f"THEN RAISE EXCEPTION '{_WHY}' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER approval_as_alternate BEFORE INSERT ON approval FOR EACH ROW "
        "WHEN (NEW.designation_id IS NOT NULL) EXECUTE FUNCTION approval_as_alternate()",
    ),
)


@dataclass(frozen=True)
class Signature:
    """One signature as pages show it: the step's code, who (and for whom, when as an alternate), when."""

    step: str
    person_id: uuid.UUID
    at: datetime
    for_id: uuid.UUID | None = None


def signatures(subject_type: str, subject_id: uuid.UUID, round: int) -> list[Signature]:
    """The signatures of one round, in order."""
    rows = db.session.execute(
        select(Approval.step, Approval.person_id, Approval.at, Designation.holder_id)
        .outerjoin(Designation, Designation.id == Approval.designation_id)
        .where(Approval.subject_type == subject_type, Approval.subject_id == subject_id, Approval.round == round)
    ).all()
    order = list(BEFORE)
    return sorted((Signature(*row) for row in rows), key=lambda s: order.index(s.step))


def signatures_of(subject_type: str, rounds: Mapping[uuid.UUID, int]) -> dict[uuid.UUID, list[Signature]]:
    """The signatures of many subjects, each in its own round, in order. One query."""
    rows = db.session.execute(
        select(Approval.subject_id, Approval.round, Approval.step, Approval.person_id, Approval.at,
               Designation.holder_id)
        .outerjoin(Designation, Designation.id == Approval.designation_id)
        .where(Approval.subject_type == subject_type, Approval.subject_id.in_(rounds))
    ).all()
    found: dict[uuid.UUID, list[Signature]] = {subject: [] for subject in rounds}
    for row in rows:
        if row.round == rounds[row.subject_id]:
            found[row.subject_id].append(Signature(row.step, row.person_id, row.at, row.holder_id))
    order = list(BEFORE)
    return {subject: sorted(signed, key=lambda s: order.index(s.step)) for subject, signed in found.items()}


def signer_ids(signed: Iterable[Signature]) -> set[uuid.UUID]:
    """Everybody a list of signatures names."""
    return {person for s in signed for person in (s.person_id, s.for_id) if person is not None}


def signer(signature: Signature, names: Mapping[uuid.UUID, str]) -> str:
    """Who signed, in words; an alternate under the own name, for the holder."""
    name = names.get(signature.person_id, "")
    if signature.for_id is None:
        return name
    return _("%(alternate)s, for %(holder)s", alternate=name, holder=names.get(signature.for_id, ""))


def sign(
    step: str, subject_id: uuid.UUID, round: int, actor: Actor, *, barred: frozenset[uuid.UUID] = frozenset(),
    amount_minor: int | None = None, own_role: bool = False,
) -> dict[str, str]:
    """Sign one step in the command under way; the caller has locked the subject and checked the permission. Returns
    what the event adds: for whom an alternate signed, and under which designation.

    `barred` are the persons who benefit or who entered what is signed; `amount_minor` (US cents) is held against an
    alternate's limit; `own_role` says that the caller of many signatures has asked already and the person signs as no
    alternate. Raises NotAllowed for anyone but a person, RuleBroken when the person has signed this round
    already, benefits, the step before is missing, or the amount is above the alternate's limit. The same rules stand
    in the database.
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
    acting = None if own_role else acting_for(actor, PERMISSION[step], amount_minor, signer_ids(signed))
    _one_hand(acting, signed, actor.person_id)
    db.session.add(Approval(subject_type=subject_type, subject_id=subject_id, round=round, step=step,
                            person_id=actor.person_id, at=clock.now(), recorded_at=clock.real_now(),
                            proof_id=actor.proof, designation_id=acting.designation_id if acting else None))
    db.session.flush()  # the state's own trigger looks for this row, so it must be there first
    return {"for": str(acting.holder_id), "designation": str(acting.designation_id)} if acting else {}


def _one_hand(acting: Acting | None, signed: Iterable[Signature], person_id: uuid.UUID) -> None:
    """An office signs once in a round, by its holder or by an alternate. Raises RuleBroken."""
    holder = acting.holder_id if acting else person_id
    if any(holder in (s.for_id, s.person_id) for s in signed):
        raise RuleBroken(
            _("This office has signed an earlier step here: by its holder, or by an alternate in the holder’s place. "
              "The next step needs somebody else."), code="approval.same_office")


def sign_many(
    step: str, rounds: Mapping[uuid.UUID, int], actor: Actor, *, barred: Mapping[uuid.UUID, frozenset[uuid.UUID]],
    most_minor: int | None = None,
) -> dict[str, str]:
    """As `sign`, for many subjects in one go, all or none: `rounds` and `barred` by subject; `most_minor` is the
    greatest single amount (US cents). A fixed number of statements for some hundred subjects."""
    if actor.person_id is None:
        raise NotAllowed(code="approval.person_only")
    subject_type, before = step.partition(".")[0], BEFORE[step]
    wanted = sorted(rounds)
    found: dict[uuid.UUID, list[Signature]] = {}
    for start in range(0, len(wanted), _MOST_IN_ONE):
        found |= signatures_of(subject_type, {s: rounds[s] for s in wanted[start:start + _MOST_IN_ONE]})
    acting = acting_for(actor, PERMISSION[step], most_minor,
                        signer_ids(s for signed in found.values() for s in signed))
    rows = []
    for subject, signed in found.items():
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
        _one_hand(acting, signed, actor.person_id)
        rows.append({"id": new_id(), "subject_type": subject_type, "subject_id": subject,
                     "round": rounds[subject], "step": step, "person_id": actor.person_id, "at": clock.now(),
                     "recorded_at": clock.real_now(), "proof_id": actor.proof,
                     "designation_id": acting.designation_id if acting else None})
    insert_rows(Approval, rows)
    return {"for": str(acting.holder_id), "designation": str(acting.designation_id)} if acting else {}
