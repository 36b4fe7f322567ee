"""Letters to States: looked through, signed once, kept as signed, seen by nobody else."""

from __future__ import annotations

import io
import re
import uuid
import zipfile
from datetime import timedelta

import pypdf
import pytest
import sqlalchemy as sa

from core import clock, verify
from core.db import db, new_id
from core.errors import NotAllowed, Stale
from core.files import StoredFile
from core.outbox import OutboxMail
from meetings.calendar.models import Meeting
from meetings.calendar.service import cancel_meeting, postpone_meeting, redate_meeting
from sponsorship.applications import (
    application_service,
    call_service,
    screening_service,
    substitution_service,
)
from sponsorship.applications.models import Application, Call
from sponsorship.awards import answer_service
from sponsorship.awards.decision_service import Choice as Decision
from sponsorship.awards.decision_service import decide
from sponsorship.awards.models import Award
from sponsorship.letters import service
from sponsorship.letters.models import StateLetter
from sponsorship.letters.waiting import waiting_letters
from tests.support.applications import NOW, kit
from tests.support.award_story import AwardStory
from tests.support.crowd import at_once


def waits(call_id):
    return sorted((one.kind, one.application) for one in waiting_letters(call_id))


def sign(story, actor=None, **choices):
    """All that wait, as proposed."""
    actor = actor or story.officer("head_of_fund")
    found = service.drafts(story.call_id, actor)
    return service.sign_letters(story.call_id, {d.waiting.key: d.choice for d in found}, service.digest(found),
                                new_id(), actor)


def form_of(page, *, untick=(), **changes):
    """The form of the page as a browser would send it."""
    data = dict(re.findall(r'type="hidden" name="([\w-]+)" value="([^"]*)"', page))
    data |= {name: re.search(r'<option value="(\w+)" selected', body)[1]
             for name, body in re.findall(r'<select name="([\w-]+)"[^>]*>(.*?)</select>', page)}
    taken = [key for key in re.findall(r'name="take" value="([^"]+)"', page) if key not in untick]
    return data | {"take": taken} | changes


def pdf(reader, letter):
    """The bytes a reader downloads."""
    with reader.get(f"/letters/{letter.id}") as answer:
        return answer.data


def text_of(pdf):
    return " ".join(" ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages).split())


@pytest.fixture
def story(make):
    """Three States: the first selected, the second on the reserve list, the third not selected."""
    found = AwardStory(make, states=3, recommended=1)
    found.organiser = make.actor("organiser")
    return found


def decided(story):
    """The head departs from the advice for the third State."""
    choices = story.choices() | {story.nominees[2]: Decision("not", "Fewer places than asked for.")}
    decide(story.call_id, choices, story.officer("head_of_fund"), story.version(Call, story.call_id))
    rows = db.session.query(Award).filter_by(call_id=story.call_id).order_by(Award.on_reserve, Award.position)
    return [a.id for a in rows], [db.session.get(Application, key).reference for key in story.applications]


def test_from_the_decision_to_the_page_of_the_mission(story, as_person, client):
    awards, (first, second, third) = decided(story)
    assert waits(story.call_id) == [("not_selected", third), ("reserve", second)], "no offer, no letter of selection"
    head = as_person(story.people["head_of_fund"])
    url = f"/letters/calls/{story.call_id}"
    assert "Look through the letters and sign them" in head.get("/desk").text
    assert "Not selected 1" in head.get("/letters/").text
    page = head.get(url).text
    assert "More was asked for than the money available carries." in page and "Head of the fund" in page

    # another reason: shown once more before anything is signed
    key = next(k for k in form_of(page) if k.startswith("reason-"))
    answer = head.submit(url, form_of(page, **{key: "rules"}))
    assert answer.status_code == 409 and "Look through the letters once more" in answer.text
    assert not db.session.query(StateLetter).count()
    assert "the places available were filled" in answer.text
    data = form_of(answer.text)
    assert head.submit(url, data).status_code == head.submit(url, data).status_code == 303, "a double click"
    letters = {row.kind: row for row in db.session.query(StateLetter)}
    assert set(letters) == {"reserve", "not_selected"} and letters["not_selected"].reason == "rules"
    assert waits(story.call_id) == []
    assert head.submit(url, form_of(page, batch=str(new_id()))).status_code == 409, "an old page signs nothing more"
    assert db.session.query(StateLetter).count() == 2
    sent = db.session.query(OutboxMail).filter_by(kind="state-letter").all()
    assert {m.to_address for m in sent} == {story.focal[1].email, story.focal[2].email}

    # the offer brings the letter that supports the note for the visa
    story.offer(awards[0])
    assert waits(story.call_id) == [("selected", first)]
    assert sign(story) == 1
    row = db.session.query(StateLetter).filter_by(kind="selected").one()
    own, other = as_person(story.focal[0]), as_person(story.focal[1])
    served = pdf(own, row)
    words = text_of(served)
    for expected in (row.reference, "Given Family0", "State XA", "Head Of Fund", "Head of the fund", "the ticket",
                     "visa", "Demonstration", story.award(awards[0]).reference):
        assert expected in words, expected
    assert not re.search(r"USD|\$|State X[BC]|1,000|2,000|1,800", words), "no amount and no other State"
    for reader in (other, client):
        assert reader.get(f"/letters/{row.id}").status_code == (404 if reader is other else 303)
    for place in (f"/awards/{awards[0]}", f"/sponsorship/applications/{story.applications[0]}/"):
        assert f"/letters/{row.id}" in own.get(place).text, place
        assert row.reference not in other.get(place, check=False).text
    theirs = letters["reserve"]
    assert theirs.reference in other.get(f"/sponsorship/applications/{story.applications[1]}/").text
    assert "no place became free" not in text_of(pdf(other, theirs)).lower()

    # officers: all, one file of many, and a list as a file
    auditor = as_person(story.people["auditor"])
    assert pdf(auditor, row) == served
    archive = zipfile.ZipFile(io.BytesIO(auditor.get(f"/letters/batches/{theirs.batch_id}.zip").data))
    assert len(archive.namelist()) == 2 and own.get(f"/letters/batches/{theirs.batch_id}.zip").status_code == 403
    listed = auditor.get("/letters/?format=csv").text
    assert row.sha256 in listed and listed.count("LTR-") == 3
    assert "Sign the letters" not in auditor.get(url).text and auditor.submit(url, data).status_code == 403
    assert story.verify() == []


def test_a_letter_follows_what_becomes_of_the_meeting(story, as_person):
    awards, (first, second, _third) = decided(story)
    story.offer(awards[0])
    sign(story)
    meeting = db.session.get(Meeting, story.meeting_id)
    days = (meeting.start_date, meeting.end_date)
    redate_meeting(story.meeting_id, story.organiser, *(d + timedelta(days=28) for d in days), "The host asked.")
    assert waits(story.call_id) == [("selected", first)], "other days of travel: a consulate needs another letter"
    sign(story)
    new, old = db.session.query(StateLetter).filter_by(kind="selected").order_by(StateLetter.id.desc())
    assert new.replaces_id == old.id
    page = as_person(story.focal[0]).get(f"/awards/{awards[0]}").text
    assert page.count("replaced by a later letter") == 1
    assert old.reference in text_of(pdf(as_person(story.focal[0]), new))

    story.accept(awards[0])
    for n in (1, 2):  # twice postponed: told twice
        postpone_meeting(story.meeting_id, story.organiser, "No room.")
        assert waits(story.call_id) == sorted([("postponed", first), ("postponed", second)])
        manager = story.officer("fund_manager")
        shown = {d.waiting.application: " ".join(p for p in d.text.body if isinstance(p, str))
                 for d in service.drafts(story.call_id, manager)}
        assert "suspended, not lost" in shown[first] and "Given Family0" in shown[first]
        assert "kept as it stands" in shown[second] and "suspended" not in shown[second], "it was told of no place"
        assert sign(story, manager) == 2 and waits(story.call_id) == []
        with clock.moved_to(clock.now() + timedelta(minutes=n)):
            redate_meeting(story.meeting_id, story.organiser, *(d + timedelta(days=28 + n) for d in days), "A room.")
        assert waits(story.call_id) == [("selected", first)]
        sign(story)
    cancel_meeting(story.meeting_id, story.organiser, "It will not be held.")
    assert waits(story.call_id) == sorted([("cancelled", first), ("cancelled", second)])
    assert sign(story) == 2 and waits(story.call_id) == []
    assert story.verify() == []


def test_the_call_is_cancelled_and_a_reserve_list_ends(make, story):
    awards, (_first, second, _third) = decided(story)
    sign(story)
    with clock.moved_to(clock.now() + timedelta(days=100)):
        answer_service.end_reserve(awards[1], clock.now())
    waiting = waiting_letters(story.call_id)
    assert [(one.kind, one.application, one.proposed) for one in waiting] == [
        ("not_selected", second, "reserve_ended")]
    room = kit(make)
    with clock.moved_to(NOW):
        call = room.call()
        application = room.sent(call)
        room.draft(call, "XB")
        call_service.cancel_call(call.id, call.version, "No money.", room.manager)
    assert waits(call.id) == [("call_cancelled", application.reference)], "a draft is nobody's business"


def test_letters_tell_of_every_end(make, story, as_person):
    """Not eligible, lapsed, ended by the fund, withdrawn by the State, another person in the place."""
    awards, (first, second, _third) = decided(story)
    story.offer(awards[0])
    sign(story)
    # another person takes the place: no letter before an officer has looked, then one that replaces the former
    application = db.session.get(Application, story.applications[0])
    new = {"family_name": "Newcome", "given_names": "Ada", "function": "Officer", "ministry": "Interior",
           "email": "ada@state.example", "birth_date": "1980-05-05", "sex": "female"}
    row = substitution_service.substitute(application.id, story.nominees[0], new, "Reassigned.", application.version,
                                          story.focal_point(0))
    assert waits(story.call_id) == []
    substitution_service.check(row, story.officer("fund_manager"))
    assert waits(story.call_id) == [("selected", first)] and sign(story) == 1
    newer, older = db.session.query(StateLetter).filter_by(kind="selected").order_by(StateLetter.id.desc())
    assert newer.replaces_id == older.id
    words = text_of(pdf(as_person(story.focal[0]), newer))
    assert "Ada Newcome" in words and older.reference in words and "Family0" not in words
    # the offer lapses; the next moves up, and the fund ends that award
    with clock.moved_to(story.award(awards[0]).offer_expires_at + timedelta(minutes=1)):
        answer_service.lapse(awards[0], clock.now())
        assert waits(story.call_id) == [("lapsed", first)]
        assert sign(story) == 1
        story.offer(awards[1])
        sign(story)
        answer_service.withdraw(awards[1], story.officer("fund_manager"), story.award(awards[1]).version, "no_money",
                                "The pool was closed.")
        waiting, = waiting_letters(story.call_id)
        assert (waiting.kind, waiting.application, waiting.proposed) == ("withdrawn", second, "no_money")
        page = as_person(story.people["fund_manager"]).get(f"/letters/calls/{story.call_id}").text
        assert "no longer available" in page and "The pool was closed." not in page
        assert f'name="reason-{waiting.key}"' in page
        assert sign(story) == 1 and waits(story.call_id) == []
    lapsed = db.session.query(StateLetter).filter_by(kind="lapsed").one()
    words = text_of(pdf(as_person(story.focal[0]), lapsed))
    assert "has lapsed" in words and not re.search(r"USD|State X[BC]", words)

    room = kit(make)
    with clock.moved_to(NOW):
        call = room.call()
        actor = make.actor("focal_point", organisation=make.state("XB"))
        applications = [room.sent(call), room.sent(call, "XB", actor=actor)]
        screening_service.find_ineligible(applications[0].id, room.findings(declaration=False), "no_declaration",
                                          applications[0].version, room.manager)
        application_service.withdraw(applications[1].id, applications[1].version, "Nobody can go.", actor)
        assert waits(call.id) == sorted([("ineligible", applications[0].reference),
                                         ("taken_back", applications[1].reference)])
        found = service.drafts(call.id, room.manager)
        shown = " ".join(p for d in found for p in d.text.body if isinstance(p, str))
        assert "could not attend otherwise" in shown and "withdrawn as your Government asked" in shown
        head = make.actor("head_of_fund")
        chosen = {d.waiting.key: service.Choice("en", "rules") for d in found}  # another reason is not taken
        made = service.drafts(call.id, head, chosen)
        assert service.sign_letters(call.id, chosen, service.digest(made), new_id(), head) == 2
        assert db.session.query(StateLetter).filter_by(kind="ineligible").one().reason == "no_declaration"
        assert waits(call.id) == []
    assert story.verify() == []


def test_nobody_else_signs_and_nothing_is_changed(story, make):
    decided(story)
    found = service.drafts(story.call_id, story.officer("head_of_fund"))
    choices = {d.waiting.key: d.choice for d in found}
    for role in ("approving_officer", "auditor", "certifying_officer"):
        with pytest.raises(NotAllowed):
            service.sign_letters(story.call_id, choices, service.digest(found), new_id(), story.officer(role))
    with pytest.raises(Stale):
        service.sign_letters(story.call_id, choices, "0" * 64, new_id(), story.officer("head_of_fund"))
    sign(story)
    row = db.session.query(StateLetter).first()
    other = db.session.query(StateLetter).filter(StateLetter.id != row.id).one()
    for attack in (f"UPDATE state_letter SET office = 'x' WHERE reference = '{row.reference}'",
                   f"DELETE FROM state_letter WHERE reference = '{row.reference}'"):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), db.session.begin_nested():
            db.session.execute(sa.text(attack))
    stored = StoredFile(purpose="x", name="x.pdf", media_type="application/pdf", size=1, sha256="0" * 64,
                        uploaded_at=clock.real_now())
    db.session.add(stored)
    db.session.flush()
    copied = {c.name: getattr(row, c.name) for c in StateLetter.__table__.columns}
    for change, refusal in (({"organisation_id": other.organisation_id}, "another State"),
                            ({"application_id": other.application_id, "subject_id": other.application_id},
                             "another State"),
                            ({}, "(?i)unique")):
        values = copied | {"id": new_id(), "reference": uuid.uuid4().hex[:12], "file_id": stored.id} | change
        with pytest.raises(sa.exc.DBAPIError, match=refusal), db.session.begin_nested():
            db.session.execute(sa.insert(StateLetter).values(**values))
    folder = story.make.app.extensions["placard_settings"].upload_dir
    (folder / str(row.file_id)).write_bytes(b"%PDF-1.7 something else")
    faults = [f for finding in verify.run_all() if finding.name == "letters.bytes" for f in finding.faults]
    assert faults == [f"letter {row.reference} is not what was signed"]


@pytest.mark.real_database
def test_two_officers_at_once_sign_each_letter_once(app, make):
    story = AwardStory(make, states=3, recommended=1)
    story.decide()
    db.session.commit()

    def press(role):
        return lambda: sign(story, story.officer(role))

    results = at_once(app, [press("head_of_fund"), press("fund_manager"), press("head_of_fund")])
    assert sorted(map(str, (r for r in results if isinstance(r, int)))) == ["2"], results
    # whoever came a little later was told that the letters have changed, or found nothing left to sign
    assert {getattr(r, "code", "2") for r in results} <= {"2", "stale", "letter.none"}, results
    assert db.session.query(StateLetter).count() == 2
    assert db.session.query(OutboxMail).filter_by(kind="state-letter").count() == 2


def test_lists_ask_as_much_for_many_as_for_few(story, make, queries, as_person):
    """Prepared and listed with a fixed number of queries."""
    counts = []
    for states in (2, 6):
        many = AwardStory(make, states=states, recommended=0)
        many.decide()
        actor = many.officer("head_of_fund")
        db.session.commit()
        queries.clear()
        assert len(service.drafts(many.call_id, actor)) == states
        first = len(queries)
        sign(many)
        head = as_person(many.people["head_of_fund"])
        queries.clear()
        head.get("/letters/")
        counts.append((first, len(queries)))
    assert counts[0] == counts[1], counts
