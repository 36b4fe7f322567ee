"""The check of payees against the Security Council's Consolidated List: by names and date of birth, never by
nationality. What may match is seen by two finance officers only, and two of them clear it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from flask_babel import gettext as _
from sqlalchemy import insert, select

from accounts.permissions import require
from core import clock, events, vault
from core.actor import Actor, system
from core.db import command, db, get, lock, new_id
from core.errors import RuleBroken
from core.files import CheckedUpload, keep
from sponsorship.applications.models import Nominee
from sponsorship.awards.models import Award
from sponsorship.disbursements import mails
from sponsorship.disbursements.models import Payee
from sponsorship.disbursements.names import alike, sounds
from sponsorship.disbursements.sanctions_models import BLOCKING, SanctionsEntry, SanctionsList, SanctionsMatch
from sponsorship.disbursements.sanctions_reading import ReadList
from sponsorship.disbursements.settings import setting
from sponsorship.disbursements.transitions import MATCH

SCREENER = system("payees-screen")
REASONS = ("another_birth", "another_person", "another_spelling", "papers_prove", "other")


def current_list() -> SanctionsList | None:
    """The list that holds: published last."""
    return db.session.scalar(
        select(SanctionsList).order_by(SanctionsList.published_on.desc(), SanctionsList.id.desc()).limit(1))


@command
def import_list(read: ReadList, upload: CheckedUpload, actor: Actor) -> uuid.UUID:
    """Put a list on record; every payee is compared with it by schedule, and again before certification.

    Raises NotAllowed, RuleBroken for one that is known or older than the one that holds (field `file`).
    """
    require(actor, "sanctions.import")
    assert actor.person_id is not None
    if db.session.scalar(select(SanctionsList.id).where(SanctionsList.sha256 == upload.sha256)):
        raise RuleBroken(_("This very file has been imported before."), code="sanctions.known", field="file")
    holds = current_list()
    if holds is not None and read.published_on < holds.published_on:
        raise RuleBroken(_("This list is older than the one in use. Download the present one."), code="sanctions.older",
                         field="file")
    if read.published_on > clock.today():
        raise RuleBroken(_("This list is dated in the future. Check the file."), code="sanctions.future", field="file")
    row = SanctionsList(id=new_id(), published_on=read.published_on, sha256=upload.sha256,
                        file_id=keep(upload, "sanctions-list", actor).id, persons=len(read.persons),
                        imported_at=clock.now(), imported_by=actor.person_id)
    db.session.add(row)
    db.session.flush()  # its entries point at it
    seen: dict[str, dict[str, object]] = {
        person.data_id: {"id": new_id(), "list_id": row.id, "data_id": person.data_id, "reference": person.reference,
                         "listed_on": person.listed_on, "names": list(person.names), "births": list(person.births),
                         "digest": person.digest}
        for person in read.persons
    }
    if len(seen) != len(read.persons):
        raise RuleBroken(_("Two persons of this list have the same number. Download it again."), code="sanctions.twice",
                         field="file")
    db.session.execute(insert(SanctionsEntry), list(seen.values()))
    events.record(actor, "disbursements.sanctions_list.import", "sanctions_list", row.id,
                  data={"published_on": read.published_on.isoformat(), "persons": row.persons, "sha256": row.sha256})
    return row.id


# --- comparing --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Candidate:
    """One listed person, ready to be compared."""

    entry_id: uuid.UUID
    data_id: str
    digest: str
    births: tuple[str, ...]
    names: tuple[frozenset[str], ...]


@lru_cache(maxsize=2)
def _index(list_id: uuid.UUID) -> dict[str, tuple[Candidate, ...]]:
    """The persons of a list by each word of their names; a list never changes."""
    found: dict[str, list[Candidate]] = {}
    for row in db.session.scalars(select(SanctionsEntry).where(SanctionsEntry.list_id == list_id)):
        candidate = Candidate(row.id, row.data_id, row.digest, tuple(row.births), tuple(map(sounds, row.names)))
        for word in set().union(*candidate.names):
            found.setdefault(word, []).append(candidate)
    return {word: tuple(rows) for word, rows in found.items()}


@dataclass(frozen=True)
class Identity:
    """Whom a payee's money reaches: the names of account, paper and nominee, and the nominee's date of birth."""

    names: tuple[str, ...]
    born: date | None


def identity_of(payee: Payee) -> Identity:
    nominee = get(Nominee, get(Award, payee.award_id).nominee_id)
    vault.preload([payee.id, nominee.id])
    parts = [vault.unseal(nominee.id, sealed) for sealed in (nominee.given_names_sealed, nominee.family_name_sealed)]
    born = vault.unseal(nominee.id, nominee.birth_date_sealed)
    names = (vault.unseal(payee.id, payee.holder_sealed), vault.unseal(payee.id, payee.paper_name_sealed),
             " ".join(part for part in parts if part))
    return Identity(tuple(dict.fromkeys(name for name in names if name)), date.fromisoformat(born) if born else None)


def likeness(identity: Identity, candidate: Candidate) -> str | None:
    """How a person is like one on the list, or None. Another date of birth rules a match out, unless a name is the very
    same: dates on the list are often uncertain, so two years more or less count as the same."""
    own = [sounds(name) for name in identity.names]
    pairs = [(mine, theirs) for mine in own for theirs in candidate.names if alike(mine, theirs)]
    if not pairs:
        return None
    if identity.born is None or not candidate.births:
        return "name_only"
    if any(_near(identity.born, birth) for birth in candidate.births):
        return "name_and_birth"
    return "name_not_birth" if any(mine == theirs and len(mine) >= 2 for mine, theirs in pairs) else None


def _near(born: date, birth: str) -> bool:
    years = [int(part[:4]) for part in (birth.split("-") if len(birth) == 9 else [birth])]
    slack = int(setting("sanctions_birth_years", clock.today()))
    return min(years) - slack <= born.year <= max(years) + slack


@command
def screen(payee_id: uuid.UUID) -> int:
    """Compare a payee with the list that holds; new possible matches are open, and two finance officers are told. What
    stood open and is not alike any more lapses. How many matches are new."""
    return screen_locked(lock(Payee, payee_id))


def screen_locked(payee: Payee) -> int:
    """As `screen`, inside a command that holds the payee."""
    holds = current_list()
    if holds is None or (payee.holder_sealed is None and payee.paper_name_sealed is None):
        return 0
    identity = identity_of(payee)
    index = _index(holds.id)
    words = set().union(*map(sounds, identity.names)) if identity.names else set()
    near = {c.entry_id: c for word in words for c in index.get(word, ())}
    alike_now = {(c.data_id, c.digest): (c, how) for c in near.values() if (how := likeness(identity, c))}
    known: dict[tuple[str, str], SanctionsMatch] = {}
    for match in db.session.scalars(select(SanctionsMatch).where(SanctionsMatch.payee_id == payee.id)
                                    .order_by(SanctionsMatch.id).with_for_update()):
        same = match.data_version == payee.data_version and (match.data_id, match.digest) in alike_now
        if same:
            known[match.data_id, match.digest] = match
        elif match.state in ("open", "proposed"):
            MATCH.apply(match, "lapse", SCREENER)
    new = [pair for key, pair in sorted(alike_now.items()) if key not in known]
    for candidate, how in new:
        match = SanctionsMatch(
            id=new_id(), payee_id=payee.id, data_version=payee.data_version, entry_id=candidate.entry_id,
            data_id=candidate.data_id, digest=candidate.digest, likeness=how, state=MATCH.initial, version=1,
            found_at=clock.now())
        db.session.add(match)
        db.session.flush()  # the event points at it
        events.record(SCREENER, "disbursements.sanctions_match.find", "sanctions_match", match.id, to_state="open",
                      data={"payee": str(payee.id), "list": str(holds.id)})
    if new:
        mails.possible_match(payee, holds.id)
    payee.screened_list_id, payee.screened_version = holds.id, payee.data_version
    db.session.flush()
    return len(new)


def check_clear(payee: Payee) -> None:
    """Before certification: compared with the list that holds, and nothing open. The words name no match, for most
    readers may not know of one. Raises RuleBroken."""
    if current_list() is None:
        raise RuleBroken(_("No Consolidated List of the Security Council has been imported, so no payee can be "
                           "checked. A payee data officer imports it."), code="disbursement.no_list")
    screen_locked(payee)
    check_unblocked([payee.id])


def check_unblocked(payee_ids: Iterable[uuid.UUID]) -> None:
    """Raises RuleBroken while a possible match of one of these is open or confirmed."""
    if db.session.scalar(select(SanctionsMatch.id).where(
            SanctionsMatch.payee_id.in_(list(payee_ids)), SanctionsMatch.state.in_(BLOCKING)).limit(1)):
        raise RuleBroken(_("A check of the payee has not ended. The officers who can end it have been told."),
                         code="disbursement.check_open")


# --- two officers -----------------------------------------------------------------------------------------------------
def _locked(match_id: uuid.UUID, expected_version: int, actor: Actor) -> SanctionsMatch:
    match = lock(SanctionsMatch, match_id, expected_version)
    require(actor, "sanctions.review")
    return match


@command
def propose_clearance(match_id: uuid.UUID, reason: str, text: str, actor: Actor, expected_version: int) -> None:
    """A first officer finds that the payee is another person, and why. Raises NotAllowed, Stale, IllegalMove."""
    match = _locked(match_id, expected_version, actor)
    with db.session.no_autoflush:
        MATCH.move(match.state, "propose")
        match.proposed_by, match.decided_by, match.decided_at = actor.person_id, None, None
        MATCH.apply(match, "propose", actor, reason=reason, text=text)


@command
def clear(match_id: uuid.UUID, reason: str, text: str, actor: Actor, expected_version: int) -> None:
    """A second officer agrees: the payee is another person. Raises RuleBroken for the first officer, NotAllowed, Stale,
    IllegalMove."""
    match = _locked(match_id, expected_version, actor)
    MATCH.move(match.state, "clear")
    if match.proposed_by == actor.person_id:
        raise RuleBroken(_("You proposed this yourself. Another finance officer must agree."),
                         code="sanctions.same_person")
    with db.session.no_autoflush:
        match.decided_by, match.decided_at = actor.person_id, clock.now()
        MATCH.apply(match, "clear", actor, reason=reason, text=text)


@command
def object_to(match_id: uuid.UUID, text: str, actor: Actor, expected_version: int) -> None:
    """A second officer does not agree: the match is open again. Raises NotAllowed, Stale, IllegalMove."""
    match = _locked(match_id, expected_version, actor)
    with db.session.no_autoflush:
        MATCH.move(match.state, "object")
        match.proposed_by = None
        MATCH.apply(match, "object", actor, reason="objected", text=text)


@command
def confirm(match_id: uuid.UUID, text: str, actor: Actor, expected_version: int) -> None:
    """It is the person on the list: nothing is certified or released to this payee. Raises NotAllowed, Stale,
    IllegalMove."""
    match = _locked(match_id, expected_version, actor)
    with db.session.no_autoflush:
        MATCH.move(match.state, "confirm")
        match.proposed_by, match.decided_by, match.decided_at = None, actor.person_id, clock.now()
        MATCH.apply(match, "confirm", actor, reason="confirmed", text=text)


@command
def reopen(match_id: uuid.UUID, text: str, actor: Actor, expected_version: int) -> None:
    """It was confirmed, and there is reason to look again. Raises NotAllowed, Stale, IllegalMove."""
    match = _locked(match_id, expected_version, actor)
    with db.session.no_autoflush:
        MATCH.move(match.state, "reopen")
        match.decided_by = match.decided_at = None
        MATCH.apply(match, "reopen", actor, reason="reopened", text=text)
