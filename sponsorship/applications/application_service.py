"""Commands of a mission on its application: begin, write page by page, nominate, send, withdraw.

Every word is kept: a page is saved as it was typed, finished or not, and only a colleague's newer words on the same
page stop it (Stale), with both shown. Whoever does not act for the State gets NotFound, as if there were nothing.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import bindparam, delete, func, select, update

from accounts.models import Organisation
from accounts.permissions import allows, require
from accounts.queries import acts_for_ministry
from core import clock, events, vault
from core.actor import Actor, system
from core.db import command, db, get, lock
from core.errors import NotFound, RuleBroken, Stale
from core.references import next_reference
from meetings.calendar.queries import meeting_by_id
from sponsorship.applications import carry_over, letters, paper_service
from sponsorship.applications.completeness import MAX_NOMINEES, Asked, missing
from sponsorship.applications.models import Application, ApplicationStep, Call, Nominee
from sponsorship.applications.paper_queries import places_present
from sponsorship.applications.signals import ApplicationWithdrawn, application_withdrawn
from sponsorship.applications.transitions import APPLICATION

PAGES = ("declaration", "contribution", "attendance", "questions")  # the last only where the call asks some
NOMINEE_PAGES = ("person", "journey", "answers")  # the last only where the call asks about nominees
SEALED = ("family_name", "given_names", "function", "ministry", "email", "birth_date")
WRITABLE = ("draft", "returned")
# what a mission may still write to: the page's typed words never exceed this many characters
MAX_TYPED = 20_000


# of the command that many missions send in the last minutes of a call: built once
_CALL_SHARED = (
    select(Call).join(Application, Application.call_id == Call.id).where(Application.id == bindparam("application"))
    .with_for_update(read=True, of=Call).execution_options(populate_existing=True))
_NOMINEES = (
    select(Nominee).where(Nominee.application_id == bindparam("application")).order_by(Nominee.priority))

_STEPS = ApplicationStep.__table__
_FORGET_TYPED = (
    update(_STEPS).where(_STEPS.c.application_id == bindparam("application"))  # type: ignore[arg-type]
    .values(answers_sealed=None, version=_STEPS.c.version + 1))


def step_key(page: str, nominee_id: uuid.UUID | None) -> str:
    """The name under which a page's words are kept."""
    return page if nominee_id is None else f"{page}:{nominee_id}"


def _own(application_id: uuid.UUID, actor: Actor, expected_version: int | None = None) -> Application:
    """The application, locked, if the actor writes for its State. Raises NotFound, Stale."""
    application = lock(Application, application_id)
    if not allows(actor, "application.write", application.organisation_id):
        raise NotFound()
    if expected_version is not None and application.version != expected_version:
        raise Stale()
    return application


def _writable(application: Application) -> None:
    if application.state not in WRITABLE:
        raise RuleBroken(
            _("This application has been sent or ended meanwhile, so it can no longer be changed here. "
              "What you typed is still on this page: copy it before you leave."), code="applications.not_writable")


@command
def start(call_id: uuid.UUID, organisation_id: uuid.UUID, actor: Actor) -> uuid.UUID:
    """Begin a State's application under an open call; where one is under way already, that one. A focal point in a
    ministry begins the ministry's: the mission's note prevails over it (doubles.py).

    Raises NotAllowed, NotFound, RuleBroken (`call.not_open`, `applications.demo`).
    """
    require(actor, "application.write", organisation_id)
    call = lock(Call, call_id)  # two colleagues who begin at once find one application
    of_ministry = acts_for_ministry(actor.person_id, organisation_id)
    existing = db.session.scalar(
        select(Application.id).where(Application.call_id == call_id, Application.organisation_id == organisation_id,
                                     Application.of_ministry == of_ministry, Application.state != "withdrawn")
    )
    if existing is not None:
        return existing
    if call.state != "open":
        raise RuleBroken(_("This call is not open."), code="call.not_open")
    organisation = get(Organisation, organisation_id)
    if organisation.is_demo != call.is_demo:
        raise RuleBroken(_("Invented States apply to demonstration meetings only, States to real ones."),
                         code="applications.demo")
    application = Application(
        reference=next_reference("APP", clock.today().year), call_id=call_id, organisation_id=organisation_id,
        created_at=clock.now(), created_by=actor.person_id, is_demo=call.is_demo,
        of_ministry=of_ministry,
    )
    db.session.add(application)
    db.session.flush()  # nominee and event point at it
    db.session.add(Nominee(application_id=application.id, priority=1))
    events.record(actor, "applications.application.start", "application", application.id, to_state="draft",
                  data={"call_id": str(call_id), "reference": application.reference})
    return application.id


@command
def save_step(
    application_id: uuid.UUID,
    page: str,
    nominee_id: uuid.UUID | None,
    *,
    typed: Mapping[str, str],
    values: Mapping[str, Any],
    complete: bool,
    expected_version: int,
    actor: Actor,
) -> int:
    """Keep one page of the form; the page's new version.

    `typed` is every field as it stood on the page, `values` what could be read of it (None where nothing could).
    Saving the words that stand already changes nothing, so a double click is harmless. Raises NotFound, RuleBroken
    (`applications.not_writable`), Stale when a colleague has saved other words on this page meanwhile.
    """
    application = _own(application_id, actor)
    _writable(application)
    nominee = _nominee(application, nominee_id) if nominee_id else None
    subject = nominee.id if nominee else application.id
    key = step_key(page, nominee_id)
    words = json.dumps({k: v[:MAX_TYPED] for k, v in typed.items()}, ensure_ascii=False, sort_keys=True)
    step = db.session.get(ApplicationStep, (application_id, key), populate_existing=True)
    if step is not None and vault.unseal(subject, step.answers_sealed) == words and step.complete == complete:
        return step.version
    if (step.version if step else 0) != expected_version:
        raise Stale()
    if step is None:
        step = ApplicationStep(application_id=application_id, key=key, subject_id=subject, version=0,
                               saved_at=clock.now())
        db.session.add(step)
    step.answers_sealed = vault.seal(subject, words)
    step.version, step.complete = expected_version + 1, complete
    step.saved_at, step.saved_by = clock.now(), actor.person_id
    if nominee is not None:
        _write_nominee(nominee, page, values)
    else:
        _write_application(application, page, values)
    application.version += 1
    return step.version


def _write_application(application: Application, page: str, values: Mapping[str, Any]) -> None:
    if page == "declaration":
        application.need_text = values.get("need_text") or None
        # a returned application stays declared: the database holds it to that
        if application.state == "draft" or values.get("could_not_attend_otherwise"):
            application.could_not_attend_otherwise = bool(values.get("could_not_attend_otherwise"))
    elif page == "contribution":
        application.own_contribution = values.get("own_contribution") or None
    elif page == "attendance":
        application.first_attendance = values.get("first_attendance")
        application.no_mission_at_seat = values.get("no_mission_at_seat")
        application.most_affected = values.get("most_affected")
        application.most_affected_evidence = values.get("most_affected_evidence") or None
    elif page == "questions":
        application.answers_sealed = _sealed_answers(application.id, values)
    else:
        raise NotFound()


def _sealed_answers(subject: uuid.UUID, values: Mapping[str, Any]) -> str | None:
    given = {key: value for key, value in values.items() if value}
    return vault.seal(subject, json.dumps(given, ensure_ascii=False, sort_keys=True) if given else None)


def _write_nominee(nominee: Nominee, page: str, values: Mapping[str, Any]) -> None:
    if page == "person":
        write_person(nominee, values)
        nominee.sex = values.get("sex") or None
    elif page == "journey":
        nominee.departure_city = values.get("departure_city") or None
        nominee.travel_from, nominee.travel_to = values.get("travel_from"), values.get("travel_to")
    elif page == "answers":
        nominee.answers_sealed = _sealed_answers(nominee.id, values)
    else:
        raise NotFound()
    nominee.version += 1


def write_person(nominee: Nominee, values: Mapping[str, Any]) -> list[str]:
    """Seal the personal fields that `values` changes; their names. What the nominee had confirmed and is now otherwise
    has to be confirmed again."""
    changed = []
    for name in SEALED:
        value = values.get(name)
        text = (value.isoformat() if isinstance(value, date) else value) or None
        if vault.unseal(nominee.id, getattr(nominee, f"{name}_sealed")) != text:
            setattr(nominee, f"{name}_sealed", vault.seal(nominee.id, text))
            changed.append(name)
    if changed:
        nominee.confirmed_at = None
    return changed


def _nominee(application: Application, nominee_id: uuid.UUID) -> Nominee:
    nominee = db.session.get(Nominee, nominee_id, populate_existing=True)
    if nominee is None or nominee.application_id != application.id:
        raise NotFound()
    return nominee


def _nominees(application_id: uuid.UUID) -> list[Nominee]:
    return list(db.session.scalars(_NOMINEES, {"application": application_id}))


@command
def add_nominee(application_id: uuid.UUID, expected_version: int, actor: Actor) -> uuid.UUID:
    """One more nominee, last in the order. Raises NotFound, Stale, RuleBroken."""
    application = _own(application_id, actor, expected_version)
    _writable(application)
    count = db.session.scalar(select(func.count()).where(Nominee.application_id == application_id)) or 0
    if count >= MAX_NOMINEES:
        raise RuleBroken(_("An application can name %(most)s persons.", most=MAX_NOMINEES), code="nominees.too_many")
    nominee = Nominee(application_id=application_id, priority=count + 1)
    db.session.add(nominee)
    application.version += 1
    db.session.flush()  # the address of the next page needs the id
    return nominee.id


@command
def remove_nominee(application_id: uuid.UUID, nominee_id: uuid.UUID, expected_version: int, actor: Actor) -> None:
    """Take a nominee off the list and forget the person. The others move up."""
    application = _own(application_id, actor, expected_version)
    _writable(application)
    gone = _nominee(application, nominee_id)
    db.session.execute(delete(ApplicationStep).where(ApplicationStep.subject_id == gone.id))
    paper_service.forget_nominee(gone.id)
    db.session.delete(gone)
    vault.erase(gone.id)
    db.session.flush()  # the place must be free before the next one takes it
    for place, nominee in enumerate(_nominees(application_id), 1):
        nominee.priority = place
        db.session.flush()  # one after the other: places are unique
    application.version += 1


@command
def move_nominee(
    application_id: uuid.UUID, nominee_id: uuid.UUID, up: bool, expected_version: int, actor: Actor
) -> None:
    """Exchange a nominee's place with the neighbour above or below; at the end of the list nothing moves."""
    application = _own(application_id, actor, expected_version)
    _writable(application)
    nominees = _nominees(application_id)
    here = next((n for n, nominee in enumerate(nominees) if nominee.id == nominee_id), None)
    if here is None:
        raise NotFound()
    there = here - 1 if up else here + 1
    if not 0 <= there < len(nominees):
        return
    first, second = nominees[here], nominees[there]
    a, b = first.priority, second.priority
    first.priority = 1000
    db.session.flush()  # places are unique: one steps aside first
    second.priority = a
    db.session.flush()  # and the other takes the free place
    first.priority = b
    application.version += 1


@command
def submit(application_id: uuid.UUID, expected_version: int, actor: Actor) -> None:
    """Send the application to the fund.

    Until the closing time it is received in time, in the days after it (where the call has some) it is marked
    "received after the date"; later still it is refused, or kept for the next call, as the call's rule says. A
    returned one may come again until its own date, and keeps its first day of receipt.
    Raises NotFound, Stale (something changed since the answers were checked), RuleBroken (`call.not_open`,
    `applications.incomplete`), IllegalMove.
    """
    # shared, so that missions do not queue behind each other; the closing job waits for all of them
    call = db.session.scalars(_CALL_SHARED, {"application": application_id}).one_or_none()
    if call is None:
        raise NotFound()
    application = _own(application_id, actor)
    APPLICATION.move(application.state, "submit")
    if application.version != expected_version:
        raise Stale()
    now = clock.now()
    for_next = application.state == "draft" and carry_over.takes_later(call, now)
    if not for_next:
        _still_taken(application, call)
    meeting = meeting_by_id(call.meeting_id)
    asked = Asked.of(call, application)
    lacks = missing(application, _nominees(application_id), meeting.start_date, meeting.end_date, asked=asked,
                    present=places_present(application_id) if asked.papers else ())
    if lacks:
        raise RuleBroken(lacks[0].text, code="applications.incomplete")
    _forget_typed(application_id)
    if for_next:
        carry_over.hold(application, call, actor)
        return
    if application.received_at is None:
        application.received_at, application.received_after_date = now, now > call.closes_at
    application.submitted_by = actor.person_id
    APPLICATION.apply(application, "submit", actor, organisation_id=application.organisation_id,
                      data={"received_after_date": application.received_after_date})
    application.return_note = application.completion_due_at = None  # after the move: a returned one must have a date
    letters.receipt(application, call, meeting)


def _forget_typed(application_id: uuid.UUID) -> None:
    """The words as typed go: the answers stand in columns of their own. One statement, however many pages."""
    db.session.flush()  # a page that was saved in this very transaction stands before it is emptied
    db.session.execute(_FORGET_TYPED, {"application": application_id})
    loaded = db.session.identity_map
    for key in list(loaded.keys()):
        if key[0] is ApplicationStep and key[1][0] == application_id and (row := loaded.get(key)) is not None:
            db.session.expire(row)


def _still_taken(application: Application, call: Call) -> None:
    now = clock.now()
    if application.state == "returned":
        if call.state not in ("open", "closed"):
            raise RuleBroken(_("The call no longer takes applications. What you wrote is kept as it is."),
                             code="call.not_open")
        if application.completion_due_at is not None and now > application.completion_due_at:
            raise RuleBroken(_("The time for completing this application has passed. Write to the secretariat; "
                               "what you wrote is kept as it is."), code="call.not_open")
    elif call.state != "open" or now > call.grace_until:
        raise RuleBroken(_("The call has closed, so the application cannot be sent. What you wrote is kept as it is."),
                         code="call.not_open")


@command
def withdraw(application_id: uuid.UUID, expected_version: int, reason: str, actor: Actor) -> None:
    """Take an application back for good (a draft: delete it). A new one may follow while the call is open.

    Raises NotFound, Stale, IllegalMove.
    """
    call_id = db.session.scalar(select(Application.call_id).where(Application.id == application_id))
    if call_id is None:
        raise NotFound()
    call = lock(Call, call_id)
    application = _own(application_id, actor, expected_version)
    was = application.state
    APPLICATION.apply(application, "withdraw", actor, organisation_id=application.organisation_id,
                      text=reason.strip() or None)
    if was == "draft":
        _forget_draft(application)
        return
    letters.withdrawn(application, call)
    application_withdrawn.send(ApplicationWithdrawn(application.id, call.id, was))


def _forget_draft(application: Application) -> None:
    """A draft that was never sent concerns nobody: its words and its persons are erased."""
    application.need_text = application.own_contribution = application.answers_sealed = None
    db.session.execute(delete(ApplicationStep).where(ApplicationStep.application_id == application.id))
    vault.erase(application.id)
    paper_service.forget_papers(application.id)
    for nominee in _nominees(application.id):
        paper_service.forget_nominee(nominee.id)
        vault.erase(nominee.id)
        db.session.delete(nominee)


@command
def remind(application_id: uuid.UUID, call_id: uuid.UUID) -> str:
    """The schedule's part: tell a mission that its draft waits while the call is about to close. Once."""
    call = lock(Call, call_id)
    application = lock(Application, application_id)
    if application.state != "draft" or call.state != "open" or application.reminded_at is not None:
        return "not due"
    application.reminded_at = clock.now()
    letters.closing_soon(application, call)
    events.record(system("jobs.applications-remind"), "applications.application.remind", "application",
                  application.id)
    return "reminded"
