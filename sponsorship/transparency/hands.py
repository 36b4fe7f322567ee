"""Separate hands, for auditors and administrators: who could hold which hands of one chain, computed from memberships
and designations of today; and proof from signatures and events that nobody, and no
office, ever signed one chain twice."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import combinations

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import and_, func, or_, select, union_all

from accounts.designation_models import Designation
from accounts.models import NEVER_TOGETHER, Membership, Person
from accounts.permissions import ROLES
from accounts.queries import person_labels
from core import clock
from core.db import db
from core.events import Event
from core.machines import State
from core.money import usd
from core.verify import check
from core.web.formats import format_day, format_money
from sponsorship.awards.approvals import ROLE, Approval
from sponsorship.disbursements.cash_models import CashCount
from sponsorship.disbursements.cash_service import SIGNED

# the hands of each chain, in the order in which they act; payee data is a hand of the payment, though it signs nothing
CHAINS: dict[str, tuple[str, ...]] = {
    "award": ("head_of_fund", "certifying_officer", "approving_officer"),
    "disbursement": ("payee_data_officer", "requesting_officer", "certifying_officer", "approving_officer",
                     "bank_signatory", "paymaster"),
}
CHAIN_LABELS = {"award": _l("Obligation"), "disbursement": _l("Payment")}
HANDS = ("head_of_fund", "payee_data_officer", "requesting_officer", "certifying_officer", "approving_officer",
         "bank_signatory", "paymaster")
# what an event says of a signature; the first of a chain begins a new round
SIGNING = {
    "awards.award.select": True, "awards.award.reserve": True, "awards.award.certify": False,
    "awards.award.approve": False, "disbursements.disbursement.request": True,
    "disbursements.disbursement.certify": False, "disbursements.disbursement.approve_first": False,
    "disbursements.disbursement.approve": False, "disbursements.disbursement.release": False,
}


# of the record, too: whoever approved or released does not count the cash of that round
_SIGNED = tuple(f"disbursements.disbursement.{step}" for step in ("approve_first", "approve", "release"))
COUNTING = tuple(f"disbursements.disbursement.{step}" for step in ("count_cash", "pay_cash", "return_cash"))


def never_together(one: str, other: str) -> bool:
    return (one, other) in NEVER_TOGETHER or (other, one) in NEVER_TOGETHER


# --- who could ----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class HandsRow:
    """A person and the hands held or acted in today: role -> words ('own', or for whom, until when, up to what)."""

    person_id: uuid.UUID
    name: str
    hands: dict[str, str]

    @property
    def pairs(self) -> list[tuple[str, str, str]]:
        """(chain, one hand, other hand) that this person holds together."""
        return [(chain, one, other) for chain, roles in CHAINS.items() for one, other in combinations(roles, 2)
                if one in self.hands and other in self.hands]

    @property
    def status(self) -> State:
        if any(never_together(one, other) for one, other in combinations(self.hands, 2)):
            return State("excluded", _("Hands that exclude each other"), "stopped")
        if self.pairs:
            return State("several", _("Several hands of one chain; signs each only once"), "attention")
        return State("one", _("One hand in each chain"), "done")


def matrix() -> list[HandsRow]:
    """Everybody who holds or acts in a hand today, by name. Three queries."""
    today = clock.today()
    hands: dict[uuid.UUID, dict[str, list[str]]] = {}
    current = (Membership.valid_from <= today, or_(Membership.valid_to.is_(None), Membership.valid_to > today))
    held = db.session.execute(
        select(Membership.person_id, Membership.role).join(Person, Person.id == Membership.person_id)
        .where(Membership.role.in_(HANDS), Person.active, *current).distinct()).all()
    for row in held:
        hands.setdefault(row.person_id, {}).setdefault(row.role, []).append(_("own role"))
    holders = {(row.person_id, row.role) for row in held}
    acting = db.session.scalars(
        select(Designation).join(Person, Person.id == Designation.alternate_id)
        .where(Designation.revoked_at.is_(None), Designation.valid_from <= today, Designation.valid_to > today,
               Person.active).order_by(Designation.valid_to)).all()
    acting = [d for d in acting if (d.holder_id, d.role) in holders]
    names = person_labels({*hands, *(d.alternate_id for d in acting), *(d.holder_id for d in acting)})
    for d in acting:
        words = _("for %(holder)s until %(day)s", holder=names.get(d.holder_id, ""), day=format_day(d.valid_to))
        if d.limit_minor is not None:
            words += ", " + _("up to %(amount)s", amount=format_money(usd(d.limit_minor)))
        hands.setdefault(d.alternate_id, {}).setdefault(d.role, []).append(words)
    rows = [HandsRow(person, names.get(person, ""), {role: "; ".join(words) for role, words in found.items()})
            for person, found in hands.items()]
    return sorted(rows, key=lambda row: row.name)


# --- how each pair is held apart ----------------------------------------------------------------------------------
@dataclass(frozen=True)
class PairRow:
    """Two hands of one chain: what keeps them apart, who could hold both today, how often both were one person's."""

    chain: str
    one: str
    other: str
    holders: int
    together: int

    @property
    def chain_label(self) -> str:
        return str(CHAIN_LABELS[self.chain])

    @property
    def hands(self) -> str:
        return _("%(one)s and %(other)s", one=ROLES[self.one].label, other=ROLES[self.other].label)

    @property
    def kept(self) -> str:
        if never_together(self.one, self.other):
            return _("The database refuses both roles, and designations, on the same days.")
        if "paymaster" in (self.one, self.other):
            return _("Two people count cash. The database takes no count by whoever approved, released or benefits.")
        if "payee_data_officer" in (self.one, self.other):
            return _("The database refuses approval and release by whoever verified the bank data.")
        return _("The database takes one signature of a person, and of an office, in each round.")

    @property
    def status(self) -> State:
        if self.together or (self.holders and never_together(self.one, self.other)):
            return State("broken", _("Broken"), "stopped")
        return State("kept", _("Never broken"), "done")


def _signed_by_one() -> dict[tuple[str, frozenset[str]], int]:
    """From the signatures: rounds in which one person, or one office, signed two steps, by chain and the two roles. An
    office is its holder and whoever signs in the holder's place, as the database reckons it
    (`approval_one_per_holder`)."""
    signed = (
        select(Approval.subject_type, Approval.subject_id, Approval.round, Approval.step,
               Approval.person_id.label("hand")),
        select(Approval.subject_type, Approval.subject_id, Approval.round, Approval.step,
               Designation.holder_id.label("hand")).join(Designation, Designation.id == Approval.designation_id),
    )
    hands = union_all(*signed).subquery()
    key = (hands.c.subject_type, hands.c.subject_id, hands.c.round, hands.c.hand)
    twice = select(*key).group_by(*key).having(func.count() > 1).subquery()
    rows = db.session.execute(
        select(*key, hands.c.step).join(twice, and_(*(column == twice.c[column.name] for column in key)))).all()
    steps: dict[tuple[str, uuid.UUID, int, uuid.UUID], list[str]] = {}
    for row in rows:
        steps.setdefault((row.subject_type, row.subject_id, row.round, row.hand), []).append(ROLE[row.step])
    found: dict[tuple[str, frozenset[str]], int] = {}
    for (chain, *_rest), roles in steps.items():
        for pair in combinations(roles, 2):
            found[chain, frozenset(pair)] = found.get((chain, frozenset(pair)), 0) + 1
    return _counted_by_signer(found)


def _counted_by_signer(found: dict[tuple[str, frozenset[str]], int]) -> dict[tuple[str, frozenset[str]], int]:
    """With the rounds whose cash was counted by somebody who had approved or released them."""
    rows = db.session.execute(
        select(Approval.step, func.count()).join(
            CashCount, and_(CashCount.disbursement_id == Approval.subject_id, CashCount.round == Approval.round,
                            CashCount.state == "agreed",
                            or_(CashCount.counted_by == Approval.person_id, CashCount.second_by == Approval.person_id)))
        .where(Approval.subject_type == "disbursement", Approval.step.in_(SIGNED)).group_by(Approval.step))
    for step, n in rows:
        pair = ("disbursement", frozenset((ROLE[step], "paymaster")))
        found[pair] = found.get(pair, 0) + int(n)
    return found


def pairs(rows: Iterable[HandsRow]) -> list[PairRow]:
    """Every pair of hands of each chain. One query."""
    rows, signed = list(rows), _signed_by_one()
    return [
        PairRow(chain, one, other, sum(one in row.hands and other in row.hands for row in rows),
                signed.get((chain, frozenset((one, other))), 0))
        for chain, roles in CHAINS.items() for one, other in combinations(roles, 2)
    ]


# --- proof --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Proof:
    """What was looked at and what was found wrong; `faults` must be empty."""

    signatures: int
    rounds: int
    events: int
    as_alternate: int
    faults: list[str]


def proof() -> Proof:
    """Go through every signature and every event of one. Fixed number of queries; rows are read as a stream."""
    faults = [*_twice_in_events(), *_without_authority()]
    faults += [f"{chain}: one person or office signed as {' and '.join(sorted(roles))} in {n} rounds"
               for (chain, roles), n in _signed_by_one().items()]
    signatures, alternates = db.session.execute(select(func.count(), func.count(Approval.designation_id))).one()
    rounds = db.session.scalar(select(func.count()).select_from(
        select(Approval.subject_id).group_by(Approval.subject_type, Approval.subject_id, Approval.round).subquery()))
    events = db.session.scalar(select(func.count()).select_from(Event).where(Event.tag.in_(SIGNING)))
    return Proof(int(signatures), int(rounds or 0), int(events or 0), int(alternates), faults)


def _twice_in_events() -> Iterator[str]:
    """From the record alone: an actor, or an office (the holder whom an alternate's event names), twice in one
    round."""
    rows = db.session.execute(
        select(Event.subject_type, Event.subject_id, Event.tag, Event.actor_id, Event.data)
        .where(Event.tag.in_((*SIGNING, *COUNTING)), Event.actor_id.is_not(None))
        .order_by(Event.subject_id, Event.recorded_at, Event.id).execution_options(yield_per=5000))
    at: uuid.UUID | None = None
    hands: set[uuid.UUID] = set()
    barred: set[uuid.UUID] = set()
    for row in rows:
        if row.subject_id != at or SIGNING.get(row.tag):
            at, hands, barred = row.subject_id, set(), set()
        if row.tag in COUNTING:
            if row.actor_id in barred:
                yield f"{row.subject_type} {row.subject_id}: the record names {row.actor_id} as signer and counter"
            continue
        if row.tag in _SIGNED:
            barred.add(row.actor_id)
        holder = (row.data or {}).get("for")
        now = {row.actor_id} | ({uuid.UUID(holder)} if holder else set())
        for hand in now & hands:
            yield f"{row.subject_type} {row.subject_id}: the record names {hand} twice in one round"
        hands |= now


def _without_authority() -> Iterator[str]:
    """A signature by somebody who neither held the role on that day nor acted in it under a designation. (Who loses a
    role during a day has signed rightly before.)"""
    spans: dict[tuple[uuid.UUID, str], list[tuple[date, date | None]]] = {}
    for m in db.session.execute(select(Membership.person_id, Membership.role, Membership.valid_from,
                                       Membership.valid_to).where(Membership.role.in_(set(ROLE.values())))):
        spans.setdefault((m.person_id, m.role), []).append((m.valid_from, m.valid_to))
    rows = db.session.execute(
        select(Approval.id, Approval.step, Approval.person_id, Approval.at, Approval.designation_id, Designation)
        .outerjoin(Designation, Designation.id == Approval.designation_id).execution_options(yield_per=5000))
    for row in rows:
        day = _utc_day(row.at)
        if row.designation_id is None:
            good = any(start <= day and (end is None or end >= day)
                       for start, end in spans.get((row.person_id, ROLE[row.step]), ()))
        else:
            d: Designation = row.Designation
            good = (d.alternate_id == row.person_id and d.role == ROLE[row.step] and d.valid_from <= day < d.valid_to
                    and (d.revoked_at is None or d.revoked_at >= row.at))
        if not good:
            yield f"signature {row.id}: {row.person_id} had no authority for {row.step} on {day}"


def _utc_day(at: datetime) -> date:
    return at.astimezone(UTC).date()


@check("transparency.hands")
def nobody_signed_twice() -> tuple[int, list[str]]:
    """The record of events names no person and no office twice in one round, and every signature had its authority on
    its day."""
    found = proof()
    return found.signatures + found.events, found.faults
