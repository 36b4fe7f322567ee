"""What sending an application asks of the database; what a command has found out is asked anew where it may change."""

import uuid
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from accounts.models import Membership
from accounts.permissions import allows
from core import clock, events
from core.actor import person, system
from core.db import command, db, facts_of_command, lock
from core.errors import NotFound
from core.events import Event, EventText
from core.outbox import OutboxMail, send_mail
from sponsorship.applications import application_service
from sponsorship.applications.models import Application, ApplicationStep
from tests.support import papers
from tests.support.applications import NOW, fresh, kit

_SUBJECT = uuid.UUID(int=7)


@pytest.fixture
def room(make):
    with clock.moved_to(NOW):
        yield kit(make)


def test_a_file_and_a_submission_ask_little(room, as_person, queries):
    call = room.call()
    who = room.focal_point("XA")
    application = room.complete(call, actor=person(who.id))
    mission, base = as_person(who), f"/sponsorship/applications/{application.id}"
    steps = db.session.query(ApplicationStep).filter_by(application_id=application.id).all()
    assert all(step.answers_sealed for step in steps)
    versions = {step.key: step.version for step in steps}
    db.session.rollback()

    queries.clear()
    data = {**papers.sent(papers.pdf(), "note.pdf"), "covers": [str(application.id)]}
    assert mission.post(f"{base}/note/", data=data).status_code == 303
    assert len(asked := _statements(queries)) <= 13, "\n".join(asked)

    queries.clear()
    version = fresh(Application, application.id).version
    queries.clear()
    answer = mission.post(f"{base}/form/check", data={"version": version})
    assert answer.status_code == 303 and answer.location.endswith("/receipt")
    assert len(asked := _statements(queries)) <= 12, "\n".join(asked)
    assert sum(s.startswith("UPDATE application ") for s in asked) == 1
    # the words as typed are gone, for whoever had read them before, too
    assert all(step.answers_sealed is None and step.version == versions[step.key] + 1 for step in steps)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(OutboxMail).where(
        OutboxMail.kind == "applications.receipt")) == 1


def _statements(queries):
    return [s for s in queries if s.split(" ", 1)[0] in ("SELECT", "INSERT", "UPDATE", "DELETE")]


def test_authority_is_asked_once_a_command_and_anew_where_it_may_have_changed(room, queries):
    who = room.focal_point("XA")
    actor, state = person(who.id), room.make.state("XA")
    membership = db.session.query(Membership).filter_by(person_id=who.id).one()
    application = room.draft(room.call(), actor=actor)

    def asks():
        return sum("membership" in s.lower() and s.lstrip().startswith("SELECT membership") for s in queries)

    @command
    def twice():
        queries.clear()
        assert allows(actor, "application.write", state) and allows(actor, "application.write", state)
        return asks()

    @command
    def around_a_lock():
        queries.clear()
        found = [allows(actor, "application.write", state)]
        lock(Application, application.id)
        return [*found, allows(actor, "application.write", state)], asks()

    @command
    def ended(flush, by_core):
        assert allows(actor, "application.write", state)
        yesterday = clock.today() - timedelta(days=1)
        if by_core:
            db.session.execute(sa.update(Membership).where(Membership.id == membership.id).values(valid_to=yesterday))
        else:
            db.session.get(Membership, membership.id).valid_to = yesterday
            if flush:
                db.session.flush()
        assert not allows(actor, "application.write", state)
        raise NotFound  # and undo it

    assert twice() == 1 and twice() == 1
    assert around_a_lock() == ([True, True], 2)
    for flush, by_core in ((False, False), (True, False), (False, True)):
        with pytest.raises(NotFound):
            ended(flush, by_core)
        db.session.expire_all()
        assert allows(actor, "application.write", state)
    assert facts_of_command() is None
    # ended for good: the next command finds it so
    db.session.get(Membership, membership.id).valid_to = date(2001, 1, 1)
    db.session.commit()
    with pytest.raises(NotFound):
        application_service.withdraw(application.id, application.version, "", actor)


def test_mail_is_queued_once_and_events_are_whole(app):
    actor = system("tests")
    subject = command(lambda: events.record(actor, "probe.thing.do", "thing", _SUBJECT, from_state="a", to_state="b",
                                            reason="why", data={"n": 1}, text="Words."))()
    row = db.session.get(Event, subject)
    assert (row.tag, row.subject_id, row.from_state, row.to_state, row.reason, row.data) == (
        "probe.thing.do", _SUBJECT, "a", "b", "why", {"n": 1})
    words = db.session.get(EventText, subject)
    assert words.text == "Words." and events.commitment(words.salt, words.text) == row.commitment

    def queue(key):
        command(lambda: send_mail("a@b.example", kind="probe", subject="S", body="B", dedupe_key=key))()

    for key in ("one", "one", "two", None, None):
        queue(key)
    keys = db.session.scalars(sa.select(OutboxMail.dedupe_key).where(OutboxMail.kind == "probe")).all()
    assert sorted(keys, key=str) == [None, None, "one", "two"]



