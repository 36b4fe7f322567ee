"""Many payments approved at once: each line is seen before, each is an act, a transaction and a result of its own."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import select

from accounts.permissions import require
from accounts.queries import person_labels
from core import vault
from core.actor import Actor
from core.db import db, end_reading, reading
from core.errors import NotAllowed, PlacardError
from core.machines import State
from core.money import Money
from sponsorship.applications.queries import nominees_by_ids
from sponsorship.awards.approvals import Approval, Signature, signatures_of, signer, signer_ids
from sponsorship.awards.models import Award
from sponsorship.disbursements import queries, service
from sponsorship.disbursements.models import Disbursement, Payee
from sponsorship.disbursements.names import DIFFERS, compare
from sponsorship.disbursements.queries import DisbursementRow

MOST_AT_ONCE = 200


@dataclass(frozen=True)
class Line:
    """A payment as its approving officer sees it before approving. `name_fits` says whether the account is in the
    nominee's name (None: cannot be told)."""

    row: DisbursementRow
    holder: str
    bank: str
    account: str
    name_fits: bool | None
    signed: tuple[tuple[Signature, str], ...]
    mine: bool

    @property
    def id(self) -> uuid.UUID:
        return self.row.id

    @property
    def reference(self) -> str:
        return self.row.reference

    @property
    def organisation(self) -> str:
        return self.row.organisation

    @property
    def kind_label(self) -> str:
        return self.row.kind_label

    @property
    def amount(self) -> Money:
        return self.row.amount

    @property
    def name_state(self) -> State:
        if self.name_fits is None:
            return State("unknown", _("Name not known"), "neutral")
        return State("fits", _("Names agree"), "done") if self.name_fits else State("differs", _("Names differ"),
                                                                                   "attention")

    @property
    def approval(self) -> str:
        """What this signature would be."""
        if not self.row.needs_second:
            return _("one officer")
        first = any(s.step == "disbursement.approved" for s, _who in self.signed)
        return _("second of two") if first else _("first of two")


def lines(actor: Actor, only: Sequence[uuid.UUID] | None = None) -> list[Line]:
    """Certified payments that this person has not signed, the most urgent first, at most MOST_AT_ONCE; with `only`
    those of the named ones that are still certified. A fixed number of queries."""
    if only is None:
        return _lines(queries.in_states(("certified",), MOST_AT_ONCE, unsigned_by=actor.person_id), actor)
    rows = [row for row in queries.by_ids(only[:MOST_AT_ONCE]) if row.state == "certified"]
    return [line for line in _lines(rows, actor) if not line.mine]


def _lines(rows: Sequence[DisbursementRow], actor: Actor) -> list[Line]:
    awards = {row.award_id for row in rows}
    payees = {p.award_id: p for p in db.session.scalars(select(Payee).where(Payee.award_id.in_(awards)))}
    nominee_of = {row.id: row.nominee_id
                  for row in db.session.execute(select(Award.id, Award.nominee_id).where(Award.id.in_(awards)))}
    nominees = nominees_by_ids(set(nominee_of.values()), actor)
    vault.preload([p.id for p in payees.values()])
    signed = signatures_of("disbursement", {row.id: row.round for row in rows})
    people = person_labels(signer_ids(s for found in signed.values() for s in found))
    made = []
    for row in rows:
        payee = payees[row.award_id]
        holder, bank, account = (vault.unseal(payee.id, getattr(payee, f"{name}_sealed")) or ""
                                 for name in ("holder", "bank_name", "account"))
        name = nominees[nominee_of[row.award_id]].name
        made.append(Line(
            row, holder, bank, "•••• " + account[-4:] if account else "",
            compare(holder, name) != DIFFERS if holder and name else None,
            tuple((s, signer(s, people)) for s in signed[row.id]),
            any(s.person_id == actor.person_id for s in signed[row.id])))
    return made


@dataclass(frozen=True)
class Result:
    """What came of one line."""

    id: uuid.UUID
    reference: str
    organisation: str
    amount: Money
    done: bool
    words: str

    @property
    def status(self) -> State:
        return State("done", self.words, "done") if self.done else State("stays", self.words, "attention")


def approve_many(versions: Mapping[uuid.UUID, int], actor: Actor) -> list[Result]:
    """Approve each payment in a command of its own, in the order given; what fails says why and stays where it is.

    A line that this person has approved already in this round counts as done, so a form sent twice does no harm.
    Raises NotAllowed when the person may not approve at all.
    """
    require(actor, "disbursement.approve")
    results = []
    for row_id, version in list(versions.items())[:MOST_AT_ONCE]:
        done, words = _one(row_id, version, actor)
        results.append((row_id, done, words))
    with reading():
        rows = {row.id: row for row in queries.by_ids([row_id for row_id, _done, _words in results])}
        end_reading()
    return [Result(row_id, rows[row_id].reference, rows[row_id].organisation, rows[row_id].amount, done, words)
            for row_id, done, words in results if row_id in rows]


def _one(row_id: uuid.UUID, version: int, actor: Actor) -> tuple[bool, str]:
    try:
        taken = service.approve(row_id, actor, version)
    except PlacardError as refusal:
        if _approved_by(row_id, actor):
            return True, _("You have approved it already")
        return False, str(refusal.message) or _reason(refusal)
    return True, _("Approved; a second officer is next") if taken == "approve_first" else _("Approved")


def _reason(refusal: PlacardError) -> str:
    if refusal.status == 409:
        return _("Someone has changed it since you opened the page. Look at it again.")
    if isinstance(refusal, NotAllowed):
        return _("Your roles do not include this.")
    return _("Not done. Try again in a moment.")


def _approved_by(row_id: uuid.UUID, actor: Actor) -> bool:
    """Whether this person's approval stands in the present round."""
    found = db.session.scalar(
        select(Approval.id).join(Disbursement, (Disbursement.id == Approval.subject_id)
                                 & (Disbursement.round == Approval.round))
        .where(Approval.subject_type == "disbursement", Approval.subject_id == row_id,
               Approval.person_id == actor.person_id,
               Approval.step.in_(("disbursement.approved", "disbursement.approved_second"))))
    end_reading()
    return found is not None
