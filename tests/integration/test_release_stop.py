"""The stop of all releases: one stops, two restart; the database holds it, a release under way at that moment too."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

import core.events
from core import clock
from core.actor import person
from core.db import db, new_id
from core.errors import NotAllowed, RuleBroken, Stale
from core.events import Event
from core.outbox import OutboxMail
from sponsorship.disbursements import release_service, stops
from sponsorship.disbursements.answer_models import Handover
from sponsorship.disbursements.held_files import held_files
from sponsorship.disbursements.models import Disbursement, PaymentInstruction
from sponsorship.disbursements.stop_models import ReleaseStop
from tests.support.award_story import AwardStory
from tests.support.crowd import at_once


@pytest.fixture
def story(make):
    return AwardStory(make)


@pytest.fixture
def ready(story):
    """A ticket ready for release, its date come."""
    award = story.accepted()
    ticket = story.payments(award)["ticket"]
    story.give_bank_data(award)
    with clock.moved_to(story.payment(ticket).due_at + timedelta(hours=1)):
        story.ready(ticket)
        yield ticket


def live() -> ReleaseStop:
    db.session.expire_all()
    return db.session.query(ReleaseStop).filter(ReleaseStop.restarted_at.is_(None)).one()


def test_one_stops_two_restart(story, ready, make):
    with pytest.raises(NotAllowed):
        stops.stop(story.officer("auditor"), "An auditor tells an officer.")
    stops.stop(story.officer("bank_signatory"), "A file went to the wrong bank.")
    with pytest.raises(RuleBroken) as caught:
        stops.stop(story.officer("head_of_fund"), "Again.")
    assert caught.value.code == "release_stop.stands"
    with pytest.raises(RuleBroken) as caught:
        story.release(ready)
    assert caught.value.code == "release.stopped" and story.payment(ready).state == "ready"
    row = live()
    with pytest.raises(RuleBroken) as caught:
        stops.restart(story.officer("head_of_fund"), row.id, row.version)
    assert caught.value.code == "release_stop.not_asked"
    with pytest.raises(Stale):
        stops.ask_restart(story.officer("bank_signatory"), row.id, row.version + 1, "Put right.")
    stops.ask_restart(story.officer("bank_signatory"), row.id, row.version, "Put right.")
    with pytest.raises(RuleBroken) as caught:
        stops.restart(story.officer("bank_signatory"), row.id, live().version)
    assert caught.value.code == "release_stop.same_person"
    stops.keep(story.officer("head_of_fund"), row.id, live().version)
    stops.ask_restart(story.officer("approving_officer"), row.id, live().version, "Put right now.")
    stops.restart(story.officer("head_of_fund"), row.id, live().version)
    assert story.release(ready) and story.payment(ready).state == "released"
    tags = [e.tag.rsplit(".", 1)[-1] for e in db.session.query(Event).filter_by(subject_type="release_stop")
            .order_by(Event.recorded_at)]
    assert tags == ["stop", "ask_restart", "keep", "ask_restart", "restart"]
    told = {m.to_address for m in db.session.query(OutboxMail).filter_by(kind="release-stop")}
    assert told == {story.people[r].email for r in ("bank_signatory", "approving_officer", "head_of_fund",
                                                    "requesting_officer")}
    assert not story.verify()


def test_the_database_holds_the_stop(story, ready):
    stops.stop(story.officer("bank_signatory"), "Something is wrong.")
    row, table = live(), ReleaseStop.__table__
    signatory, head = story.people["bank_signatory"].id, story.people["head_of_fund"].id
    now = clock.now()
    tries = [
        (sa.update(Disbursement.__table__).where(Disbursement.__table__.c.id == ready).values(state="released"),
         ("disbursement_not_while_stopped", "disbursement_state_is_signed", "disbursement_released_is_instructed")),
        (sa.insert(table).values(id=new_id(), scope="all", stopped_by=head, stopped_at=now, recorded_at=now,
                                 version=1), ("uq_release_stop_stands", "release_stop.scope")),
        (sa.update(table).values(restart_asked_by=head, restart_asked_at=now, restarted_by=signatory,
                                 restarted_at=now), ("release_stop_asked_before",)),
        (sa.update(table).values(restarted_by=signatory, restarted_at=now),
         ("restarted_by_two", "release_stop_asked_before")),
        (sa.update(table).values(stopped_by=head), ("append-only",)),
        (sa.delete(table), ("append-only",)),
    ]
    for statement, rules in tries:
        with pytest.raises(DBAPIError) as caught, db.session.begin_nested():
            db.session.execute(statement)
        assert any(rule in str(caught.value.orig) for rule in rules), (rules, str(caught.value.orig))
    # with the command's own check gone, the line in the instruction is refused
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(release_service, "refuse_if_stopped", lambda: None)
        with pytest.raises(DBAPIError) as caught:
            story.release(ready)
    assert "not_while_stopped" in str(caught.value.orig)
    stops.ask_restart(person(signatory), row.id, live().version, "Right again.")
    with pytest.raises(DBAPIError), db.session.begin_nested():
        db.session.execute(sa.update(table).values(restarted_by=signatory, restarted_at=now))


def test_a_stop_holds_back_files_that_lie_here(story, ready):
    """Released before it and not with the bank yet: not given out, not handed over, by no hand, until two restart."""
    signatory, head = story.officer("bank_signatory"), story.officer("head_of_fund")
    instruction = story.release(ready)
    release_service.download(instruction, signatory)
    stops.stop(head, "The file names a wrong account.")
    files = held_files()
    assert [(f.id, f.lines, f.total.minor, f.taken.by) for f in files] == [
        (instruction, 1, story.ticket, "Bank Signatory")]
    row = live()
    for restart_asked in (False, True):
        for act in (release_service.download, release_service.hand_over):
            with pytest.raises(RuleBroken) as caught:
                act(instruction, signatory)
            assert caught.value.code == "release.stopped"
        if not restart_asked:
            stops.ask_restart(signatory, row.id, row.version, "The account was right.")
    # with the command's own check gone, the database refuses
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(release_service, "hold_back_if_stopped", lambda: None)
        with pytest.raises(DBAPIError, match="handover_not_while_stopped"):
            release_service.hand_over(instruction, signatory)
    assert story.payment(ready).state == "released" and db.session.query(Handover).count() == 0
    stops.restart(head, row.id, live().version)
    assert release_service.download(instruction, signatory)[1]
    assert release_service.hand_over(instruction, signatory) == 1 and held_files() == []
    stops.stop(head, "Again.")  # what the bank has is the bank's: its file may be read, and its word counts
    assert release_service.download(instruction, signatory)[1]
    release_service.confirm(ready, "FT1", story.officer("requesting_officer"), story.payment(ready).version)
    assert story.payment(ready).state == "confirmed" and not story.verify()


def test_the_banks_word_counts_while_a_file_is_held_back(story, ready):
    """Somebody carried the file to the bank all the same: what became of it is recorded."""
    story.release(ready)
    stops.stop(story.officer("head_of_fund"), "Where is the file?")
    release_service.confirm(ready, "FT1", story.officer("requesting_officer"), story.payment(ready).version)
    assert story.payment(ready).state == "confirmed" and held_files() == [] and not story.verify()


class Slow:
    """Release and stop meet: the stop looks while the release has written everything and is not committed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, patience: float) -> None:
        """The release waits so many seconds for the stop to be over."""
        self.begun, self.over = threading.Event(), threading.Event()
        original = core.events.record_many

        def record_many(*args: Any) -> None:
            original(*args)
            self.begun.set()
            self.over.wait(patience)

        monkeypatch.setattr(core.events, "record_many", record_many)

    def stop(self, actor: Any) -> Any:
        assert self.begun.wait(60)
        done = stops.stop(actor, "Now.")
        self.over.set()
        return done


@pytest.mark.real_database
@pytest.mark.parametrize("guard", [False, True], ids=["guard off", "guard on"])
def test_a_stop_waits_for_the_release_under_way(app, make, monkeypatch, guard):
    """Without the lock a release is committed after a stop that saw none of it; with it, it was before the stop.
    (SQLite has one writer, so there nothing can be switched off.)"""
    if not guard and db.engine.dialect.name == "sqlite":
        return
    story = AwardStory(make)
    award = story.accepted()
    ticket = story.payments(award)["ticket"]
    story.give_bank_data(award)
    ended: dict[str, float] = {}

    def told(name: str, act: Callable[[], Any]) -> Any:
        result = act()
        ended[name] = time.monotonic()
        return result

    if not guard:
        monkeypatch.setattr(stops, "_wait", lambda kind: None)
        with db.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE release_stop DISABLE TRIGGER release_stop_waits_for_releases")
    try:
        with clock.moved_to(story.payment(ticket).due_at + timedelta(hours=1)):
            story.ready(ticket)
            version = story.payment(ticket).version
            signatory, head = story.officer("bank_signatory"), story.officer("head_of_fund")
            slow = Slow(monkeypatch, 1 if guard else 120)
            results = at_once(app, [
                lambda: told("release", lambda: release_service.release({ticket: version}, signatory)),
                lambda: told("stop", lambda: slow.stop(head))])
    finally:
        if not guard:
            with db.engine.begin() as connection:
                connection.exec_driver_sql("ALTER TABLE release_stop ENABLE TRIGGER release_stop_waits_for_releases")
    assert not any(isinstance(result, Exception) for result in results), results
    assert (ended["release"] < ended["stop"]) is guard
    assert story.payment(ticket).state == "released" and len(held_files()) == 1


@pytest.mark.real_database
def test_a_stop_and_a_release_at_once(app, make):
    """Either the release was first and left whole, or the stop was first and nothing left: never a release after it."""
    story = AwardStory(make)
    award = story.accepted()
    ticket = story.payments(award)["ticket"]
    story.give_bank_data(award)
    with clock.moved_to(story.payment(ticket).due_at + timedelta(hours=1)):
        story.ready(ticket)
        version = story.payment(ticket).version
        signatory, head = story.officer("bank_signatory"), story.officer("head_of_fund")
        results = at_once(app, [lambda: release_service.release({ticket: version}, signatory),
                                lambda: stops.stop(head, "Now.")])
    released, stopped = results
    assert not isinstance(stopped, Exception)
    instruction = db.session.query(PaymentInstruction).one_or_none()
    if isinstance(released, Exception):
        assert released.code == "release.stopped" and instruction is None
    else:
        assert instruction.recorded_at <= live().recorded_at and story.payment(ticket).state == "released"
    assert not story.verify()


@pytest.mark.pages
def test_pages_and_banner(story, ready, as_person):
    signatory, head = as_person(story.people["bank_signatory"]), as_person(story.people["head_of_fund"])
    auditor, focal = as_person(story.people["auditor"]), as_person(story.focal[0])
    assert signatory.submit("/disbursements/stop/check", {"why": ""}).status_code == 422
    checked = signatory.submit("/disbursements/stop/check", {"why": "A wrong file."})
    text = checked.get_data(as_text=True)
    assert checked.status_code == 200 and "1 is ready now" in text and 'name="why" value="A wrong file."' in text
    assert "No paymaster has cash" in text and not stops.is_stopped(), "a check writes nothing"
    assert signatory.get("/disbursements/stop/check").status_code == 303
    assert auditor.submit("/disbursements/stop/check", {"why": "x"}).status_code == 403
    confirm = {"why": "A wrong file.", "version": 0}
    assert signatory.submit("/disbursements/stop", confirm).status_code == 303
    for address in ("/disbursements/stop/check", "/disbursements/stop"):
        answer = head.submit(address, {"why": "Me too.", "version": 0})
        assert answer.status_code == 303
        assert "stopped already" in head.get("/disbursements/stop").get_data(as_text=True)
    page = auditor.get("/disbursements/stop").get_data(as_text=True)
    assert "A wrong file." in page and "Ask for the restart" not in page
    assert "All releases are stopped" in auditor.get("/desk").get_data(as_text=True)
    assert "All releases are stopped" not in focal.get("/desk").get_data(as_text=True)
    answer = signatory.submit("/disbursements/release", {"payments": f"{ready}:{story.payment(ready).version}"})
    assert answer.status_code == 422 and "restarted them" in answer.get_data(as_text=True)
    row = live()
    address = f"/disbursements/stop/{row.id}"
    assert signatory.submit(f"{address}/ask-restart", {"version": row.version, "why": ""}).status_code == 422
    assert signatory.submit(f"{address}/ask-restart", {"version": row.version, "why": "Found it."}).status_code == 303
    assert "Take the request back" in signatory.get("/disbursements/stop").get_data(as_text=True)
    signatory.submit(f"{address}/restart", {"version": live().version})
    assert live().restarted_at is None
    assert head.submit(f"{address}/restart", {"version": live().version}).status_code == 303
    assert signatory.submit("/disbursements/stop", confirm).status_code == 409, "an old page does not stop again"
    assert "Releases are open" in head.get("/disbursements/stop").get_data(as_text=True)


@pytest.mark.pages
def test_pages_of_a_file_held_back(story, ready, as_person):
    signatory, auditor = as_person(story.people["bank_signatory"]), as_person(story.people["auditor"])
    instruction = story.release(ready)
    address = f"/disbursements/instructions/{instruction}"
    assert "Held back" not in signatory.get(address).get_data(as_text=True)
    assert signatory.submit(f"{address}/file", {}).status_code == 200
    stops.stop(story.officer("head_of_fund"), "A wrong account.")
    number = db.session.get(PaymentInstruction, instruction).number
    for reader in (signatory, auditor):
        page = reader.get(address).get_data(as_text=True)
        assert "Held back" in page and "Bank Signatory downloaded it on" in page and "Download the file" not in page
        page = reader.get("/disbursements/stop").get_data(as_text=True)
        assert "Files held back" in page and number in page and "<br>Bank Signatory</div>" in page
    answer = signatory.submit(f"{address}/file", {})
    assert answer.status_code == 303 and answer.headers["Location"].endswith(address)
    assert "this file is held back" in signatory.get(address).get_data(as_text=True)
    page = signatory.get(f"{address}/hand-over").get_data(as_text=True)
    assert "ask it to hold the file" in page and 'name="receipt"' not in page
    answer = signatory.submit(f"{address}/hand-over", {"version": 1, "receipt": "EB1"})
    assert answer.status_code == 422 and db.session.query(Handover).count() == 0
