"""Letters are looked through on one page and signed in one step: numbered, kept with their bytes and their digest, and
announced by mail. What is signed is what was shown, or nothing is."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError

from accounts.models import Membership, Organisation, Person
from accounts.permissions import ROLES, Contact, people_with, require, roles_of
from accounts.queries import mail_languages, person_labels
from accounts.queries import names as organisation_names
from accounts.service import in_language
from core import clock, events, files
from core import letters as common
from core.actor import Actor
from core.db import command, db, end_reading, lock, new_id
from core.errors import NotAllowed, RuleBroken, Stale
from core.outbox import send_mail
from core.pdf import Document
from core.web.links import absolute
from meetings.calendar.queries import meeting_by_id
from sponsorship.applications.models import Call
from sponsorship.applications.queries import call_by_id, nominees_by_ids
from sponsorship.awards.models import Award, AwardLine
from sponsorship.awards.words import COVERED
from sponsorship.letters.models import OF_AWARD, REASONS_OF, StateLetter
from sponsorship.letters.papers import paper
from sponsorship.letters.waiting import Waiting, waiting_letters
from sponsorship.letters.words import KIND_LABELS, About, Place, Words, words

PURPOSE = "state-letter"
SIGNING_ROLES = ("head_of_fund", "fund_manager")  # whoever holds both signs in the first


@dataclass(frozen=True)
class Choice:
    """What the officer chose for one letter: its language and, where it needs one, the approved reason."""

    language: str
    reason: str | None = None


@dataclass(frozen=True)
class Draft:
    """A letter as it will be signed: what waits, what was chosen, the State's name and the words in its language."""

    waiting: Waiting
    choice: Choice
    state: str
    text: Words


# --- before -----------------------------------------------------------------------------------------------------
def drafts(call_id: uuid.UUID, actor: Actor, choices: Mapping[str, Choice] | None = None) -> list[Draft]:
    """Every letter that waits under a call, word by word, in a fixed number of queries for each language. Choices that
    are not made are those proposed. Raises NotFound (call)."""
    given, offered = choices or {}, [code for code, _name in mail_languages()]
    call = call_by_id(call_id)
    meeting = meeting_by_id(call.meeting_id)
    waiting = waiting_letters(call_id)
    spoken = _languages({one.organisation_id for one in waiting})
    places = _places({key for one in waiting for key in one.awards}, actor)
    made: list[Draft] = []
    chosen = {}
    for one in waiting:
        choice = given.get(one.key) or Choice(spoken.get(one.organisation_id, "en"))
        language = choice.language if choice.language in offered else "en"
        chosen_here = choice.reason in REASONS_OF.get(one.kind, ()) and one.kind != "ineligible"
        reason = (choice.reason if chosen_here else one.proposed) if one.kind in REASONS_OF else None
        chosen[one.key] = Choice(language, reason)
    for language in sorted({choice.language for choice in chosen.values()}):
        with in_language(language):
            named = organisation_names({one.organisation_id for one in waiting})
            for one in waiting:
                if chosen[one.key].language != language:
                    continue
                about = About(
                    one.application, call.reference, meeting.title, meeting.short_name, meeting.start_date,
                    meeting.end_date, meeting.city, meeting.timezone, tuple(places[key] for key in one.awards),
                    chosen[one.key].reason, one.replaces[1] if one.replaces else None)
                made.append(Draft(one, chosen[one.key], named[one.organisation_id], words(one.kind, about)))
    order = {one.key: n for n, one in enumerate(waiting)}
    return sorted(made, key=lambda draft: (list(KIND_LABELS).index(draft.waiting.kind), order[draft.waiting.key]))


def _languages(organisations: set[uuid.UUID]) -> dict[uuid.UUID, str]:
    """The language in which the first focal point of each State reads mail."""
    today = clock.today()
    found: dict[uuid.UUID, str] = {}
    rows = db.session.execute(
        select(Membership.organisation_id, Person.locale).join(Person, Person.id == Membership.person_id)
        .where(Membership.organisation_id.in_(organisations), Membership.role == "focal_point", Person.active,
               Membership.valid_from <= today, or_(Membership.valid_to.is_(None), Membership.valid_to > today))
        .order_by(Person.email)
    )
    for organisation, locale in rows:
        found.setdefault(organisation, locale)
    return found


def _contacts(organisation_id: uuid.UUID) -> list[Contact]:
    return people_with("application.own", organisation_id)


def _places(award_ids: set[uuid.UUID], actor: Actor) -> dict[uuid.UUID, Place]:
    awards = db.session.scalars(select(Award).where(Award.id.in_(award_ids))).all()
    covers: dict[uuid.UUID, list[str]] = {key: [] for key in award_ids}
    for award_id, kind in db.session.execute(
        select(AwardLine.award_id, AwardLine.kind).where(AwardLine.award_id.in_(award_ids))
    ):
        covers[award_id].append(kind)
    nominees = nominees_by_ids([award.nominee_id for award in awards], actor)
    return {
        award.id: Place(
            award.reference, nominees[award.nominee_id].name or _("The official nominated"),
            nominees[award.nominee_id].function, nominees[award.nominee_id].ministry, award.travel_from,
            award.travel_to, tuple(sorted(set(covers[award.id]), key=_line_order)),
            award.offer_expires_at if award.state == "offered" else None,
            award.answered_at is not None,
        ) for award in awards
    }


def _line_order(kind: str) -> tuple[int, str]:
    """Ticket, daily subsistence, terminal expenses, then whatever else there is."""
    known = list(COVERED)
    return known.index(kind) if kind in known else len(known), kind


def digest(shown: Sequence[Draft]) -> str:
    """Of every word of these letters: what was shown is what is signed."""
    whole = hashlib.sha256()
    for draft in sorted(shown, key=lambda d: d.waiting.key):
        whole.update(repr((draft.waiting.key, draft.waiting.occasion, draft.choice, draft.state, draft.text)).encode())
    return whole.hexdigest()


def office_of(actor: Actor) -> str:
    """The role in which an officer signs. Raises NotAllowed."""
    held = roles_of(actor.person_id) if actor.person_id else frozenset()
    for role in SIGNING_ROLES:
        if role in held:
            return role
    raise NotAllowed(code="letter.sign")


# --- signing ----------------------------------------------------------------------------------------------------
def sign_letters(
    call_id: uuid.UUID, choices: Mapping[str, Choice], shown: str, batch: uuid.UUID, actor: Actor
) -> int:
    """Sign the letters chosen under a call; how many. The same `batch` is signed once.

    `shown` is the digest of the drafts that were looked through. The papers are set with no transaction open. Raises
    RuleBroken (none chosen, too many), Stale (the words would no longer be those shown, or a colleague was quicker),
    NotAllowed, NotFound.
    """
    require(actor, "letter.sign")
    if done := signed_in(batch):
        return done
    if not 0 < len(choices) <= common.MOST:
        raise RuleBroken(_("Choose between one and %(most)s letters.", most=common.MOST), code="letter.none",
                         field="letters")
    chosen = [draft for draft in drafts(call_id, actor, choices) if draft.waiting.key in choices]
    if len(chosen) != len(choices) or digest(chosen) != shown:
        raise Stale()
    office = office_of(actor)
    demo = dict(db.session.execute(select(Organisation.id, Organisation.is_demo).where(
        Organisation.id.in_({draft.waiting.organisation_id for draft in chosen}))).all())
    name = person_labels([actor.person_id])[actor.person_id]  # type: ignore[index]
    end_reading()
    numbers = dict(zip([draft.waiting.key for draft in chosen], _numbers(len(chosen), actor), strict=True))
    papers: dict[str, Document] = {}
    for draft in chosen:
        key = draft.waiting.key
        with in_language(draft.choice.language):
            papers[key] = paper(
                numbers[key], draft.text, state=draft.state, name=name, office=str(ROLES[office].label),
                language=draft.choice.language, day=clock.today(), demo=demo[draft.waiting.organisation_id])
    laid = common.set_papers(papers)
    try:
        _keep(call_id, chosen, numbers, laid, office, batch, actor)
    except IntegrityError as error:  # a second click, or a colleague, was quicker
        if done := signed_in(batch):
            return done
        raise Stale() from error
    return len(chosen)


def signed_in(batch: uuid.UUID) -> int:
    """How many letters one step has signed."""
    return len(db.session.scalars(select(StateLetter.id).where(StateLetter.batch_id == batch)).all())


@command
def _numbers(count: int, actor: Actor) -> list[str]:
    require(actor, "letter.sign")
    return common.numbers(count)


@command
def _keep(
    call_id: uuid.UUID, chosen: Sequence[Draft], numbers: Mapping[str, str],
    laid: Mapping[str, files.CheckedUpload], office: str, batch: uuid.UUID, actor: Actor,
) -> None:
    require(actor, "letter.sign")
    lock(Call, call_id)  # no decision, lapse or promotion happens meanwhile
    still = {(one.key, one.occasion) for one in waiting_letters(call_id)}
    if not {(draft.waiting.key, draft.waiting.occasion) for draft in chosen} <= still:
        if signed_in(batch):
            return
        raise Stale()
    assert actor.person_id is not None
    for draft in chosen:
        one, key = draft.waiting, draft.waiting.key
        stored = files.keep(laid[key], PURPOSE, actor)
        row = StateLetter(
            id=new_id(), reference=numbers[key], batch_id=batch, kind=one.kind, call_id=call_id,
            application_id=one.application_id, award_id=one.awards[0] if one.kind in OF_AWARD else None,
            organisation_id=one.organisation_id, subject_id=one.subject_id, occasion=one.occasion,
            reason=draft.choice.reason, replaces_id=one.replaces[0] if one.replaces else None,
            language=draft.choice.language, file_id=stored.id, sha256=stored.sha256, signed_by=actor.person_id,
            office=office, signed_at=clock.now(),
        )
        db.session.add(row)
        db.session.flush()  # the event names the row
        events.record(actor, "letters.letter.sign", "state_letter", row.id, data={
            "reference": row.reference, "kind": row.kind, "application": str(one.application_id),
            "batch": str(batch), "sha256": row.sha256})
        _announce(row, one.application)


def _announce(letter: StateLetter, application: str) -> None:
    """A mail with a link to each focal point of the State; the letter itself is behind sign-in."""
    for contact in _contacts(letter.organisation_id):
        with force_locale(contact.locale):
            send_mail(
                contact.email, kind="state-letter",
                subject=_("Letter %(letter)s: application %(application)s", letter=letter.reference,
                          application=application),
                body=_("The fund has signed a letter to your State about application %(application)s:\n%(kind)s\n\n"
                       "Download it here, after signing in:\n%(url)s\n\nThe page of the application keeps all letters "
                       "about it:\n%(page)s\n", application=application, kind=KIND_LABELS[letter.kind],
                       url=absolute("letters.letter", id=letter.id),
                       page=absolute("applications.status", id=letter.application_id)),
                dedupe_key=f"state-letter:{letter.id}:{contact.person_id}",
            )
