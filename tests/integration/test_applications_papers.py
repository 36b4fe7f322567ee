"""Papers, the note verbale, the nominee's own page, persons named before, substitution and doubles."""

import io
import re
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from pypdf import PdfReader

from core import clock, jobs, vault
from core.db import db
from core.errors import RuleBroken, Stale
from core.files import StoredFile
from core.outbox import OutboxMail
from core.verify import run_all
from sponsorship.applications import (
    application_service,
    doubles,
    nominee_service,
    paper_service,
    ranking_service,
    screening_service,
    substitution_service,
)
from sponsorship.applications.models import Application, Call, Nominee
from sponsorship.applications.paper_models import ApplicationPaper, NomineeLink, NomineePassport, NomineeSubstitution
from sponsorship.applications.travel_tests import add_months, passport_of
from tests.integration.test_applications_pages import text_of, version_in
from tests.support import papers
from tests.support.applications import NOW, PERSON, fresh, kit, nominees_of

ARABIC = {"family_name": "الحسيني", "given_names": "فاطمة الزهراء", "function": "مستشارة",
          "ministry": "وزارة الداخلية"}
CHINESE = {"family_name": "欧阳", "given_names": "明华", "function": "顾问", "ministry": "外交部"}


@pytest.fixture
def room(make):
    with clock.moved_to(NOW):
        yield kit(make)


def asks(call, *kinds, questions=()):
    """The call asks for papers and has questions (its own form sets them elsewhere)."""
    db.session.execute(sa.update(Call).where(Call.id == call.id).values(
        required_papers=list(kinds), questions=list(questions)))
    db.session.commit()
    return fresh(Call, call.id)


def rows_of(application, **where):
    return list(db.session.query(ApplicationPaper).filter_by(application_id=application.id, **where)
                .order_by(ApplicationPaper.uploaded_at, ApplicationPaper.id))


def link_in(address):
    """The path of the newest personal link that was mailed to an address."""
    mail = (db.session.query(OutboxMail).filter_by(to_address=address, kind="applications.nominee-link")
            .order_by(OutboxMail.created_at.desc(), OutboxMail.id.desc()).first())
    return re.search(r"/nominee/\S+", mail.body).group(0)


def test_papers_asked_by_the_call_are_missing_until_they_come(room, client, as_person):
    call = asks(room.call(), "nomination_letter", "passport",
                questions=[{"key": "version", "text": "Which law applies?", "required": True},
                           {"key": "b", "text": "Anything else?", "required": False},
                           {"key": "c", "text": "Will this person speak?", "required": True, "of_nominee": True}])
    person = room.focal_point("XA")
    mission = as_person(person)
    from core.actor import person as actor_of
    actor = actor_of(person.id)
    application = room.complete(call, actor=actor, nominees=2)
    base = f"/sponsorship/applications/{application.id}"
    first, second = nominees_of(application.id)
    page = text_of(mission.get(f"{base}/form/check"))
    for words in ("Answer the question of this call that is still open.", "Upload: Note verbale of nomination.",
                  "Nominee 1: answer the question of this call that is still open.",
                  "Nominee 1: upload: Passport", "Nominee 2: upload: Passport"):
        assert words in page
    with pytest.raises(RuleBroken):
        application_service.submit(application.id, application.version, actor)

    # the call's own questions, whatever their keys are called
    url = f"{base}/form/questions"
    version = version_in(mission.get(url))
    empty = mission.post(url, data={"version": version, "go": "on", "answer-b": "No."})
    assert empty.status_code == 422 and "Answer this question." in text_of(empty)
    done = mission.post(url, data={"version": version, "go": "on", "answer-version": "القانون رقم ٥", "answer-b": ""})
    assert done.status_code == 303
    assert "القانون رقم ٥" in text_of(mission.get(f"{base}/form/check"))
    assert "القانون" not in str(db.session.execute(sa.select(Application.answers_sealed)).scalar_one())

    # those about each nominee, under the nominee's own key
    assert "Will this person speak?" not in text_of(mission.get(url))
    for nominee, answer in ((first, "Yes, on item 6."), (second, "No, only listens.")):
        url = f"{base}/form/nominees/{nominee.id}/answers"
        version = version_in(mission.get(url))
        assert mission.post(url, data={"version": version, "go": "on", "answer-c": ""}).status_code == 422
        done = mission.post(url, data={"version": version, "go": "on", "answer-c": answer})
        assert done.status_code == 303 and done.location.endswith("/form/nominees/")
    page = text_of(mission.get(f"{base}/form/check"))
    assert "Questions about nominee 2" in page and "No, only listens." in page and "Nominee 1: answer" not in page
    sealed = fresh(Nominee, first.id).answers_sealed
    assert "item 6" not in sealed and "item 6" in vault.unseal(first.id, sealed)

    # wrong files: clear words, nothing kept
    upload = f"{base}/papers/{first.id}/passport"
    whole = papers.pdf()
    for content, name, words in (
        (b"", "passport.pdf", "empty"),
        (b"MZ\x90\x00 a program", "passport.pdf", "not what its name says"),
        (papers.png(), "passport.pdf", "not what its name says"),
        (whole[:-80], "passport.pdf", "not complete"),
        (papers.png()[:-9], "photo.png", "not complete"),
        (papers.jpeg(500)[:-2], "photo.jpg", "not complete"),
        (whole, "passport.exe", "PDF, JPG, PNG"),
        (papers.jpeg(11 * 1024 * 1024), "photo.jpg", "too large"),
    ):
        answer = mission.post(upload, data=papers.sent(content, name))
        assert answer.status_code == 422 and words in text_of(answer), (name, words, text_of(answer)[-900:])
    answer = mission.post(upload, data={})
    assert answer.status_code == 422 and "Choose a file." in text_of(answer)
    answer = mission.post(upload, data=papers.sent(bytes(25 * 1024 * 1024), "photo.jpg"))
    assert answer.status_code == 413 and "too large" in text_of(answer)
    assert db.session.query(StoredFile).count() == 0 and rows_of(application) == []

    # the right ones; a double click is one paper; a new file supersedes the old one, which stays
    for nominee in (first, second):
        url = f"{base}/papers/{nominee.id}/passport"
        for _click in range(2):
            sent = papers.sent(papers.jpeg(nominee.priority), "جواز السفر.jpg")
            assert mission.post(url, data=sent).status_code == 303
    assert len(rows_of(application)) == 2
    assert mission.post(upload, data=papers.sent(whole, "passport.pdf")).status_code == 303
    old, new = rows_of(application, nominee_id=first.id)
    assert old.superseded_at and not new.superseded_at and new.retention == "identity"
    page = text_of(mission.get(f"{base}/papers/"))
    assert "One earlier file" in page and "جواز السفر.jpg" in page and "Missing" in page
    for kind in ("nomination_letter", "photo"):  # not a nominee's, not a paper
        url = f"{base}/papers/{second.id}/{kind}"
        assert mission.post(url, data=papers.sent(whole, "a.pdf")).status_code == 404

    # the note verbale, drafted from the answers
    assert "Draft and print" in text_of(mission.get(f"{base}/note/"))
    draft = mission.get(f"{base}/note/draft")
    assert draft.mimetype == "application/pdf" and draft.data.startswith(b"%PDF-")
    note = mission.post(f"{base}/note/", data={**papers.sent(papers.png(), "note.png"), "covers": str(application.id)})
    assert note.status_code == 303
    application = fresh(Application, application.id)
    assert application_service.submit(application.id, application.version, actor) is None

    receipt = text_of(mission.get(f"{base}/receipt"))
    assert "Note verbale of nomination; Passport, page with the photograph (nominee 1); Passport" in receipt

    # another State, the public, another office: there is no such file. The officers who screen have it.
    file = f"/sponsorship/applications/papers/{new.id}/file"
    assert mission.get(file).data == whole
    assert "attachment" in mission.get(file).headers["Content-Disposition"]
    assert as_person(room.make.person("fund_manager")).get(file).data == whole
    other = as_person(room.focal_point("XB"))
    for stranger in (other, as_person(room.make.person("panel_member")), as_person(room.make.person("auditor"))):
        assert stranger.get(file).status_code in (403, 404)
    assert client.get(file).status_code in (302, 303)
    for path in (f"{base}/papers/", f"{base}/note/", f"{base}/note/draft", upload,
                 f"{base}/nominees/{first.id}/substitute"):
        assert other.get(path).status_code == 404, path
    assert other.post(upload, data=papers.sent(whole, "a.pdf")).status_code == 404
    assert other.post(f"{base}/note/", data=papers.sent(whole, "a.pdf")).status_code == 404

    # later, replaced after it was sent: the officers see it, and the screening page is no longer fresh
    before = fresh(Application, application.id).version
    assert mission.post(upload, data=papers.sent(papers.pdf("New"), "new.pdf")).status_code == 303
    assert fresh(Application, application.id).version == before + 1
    manager = as_person(room.make.person("fund_manager"))
    seen = text_of(manager.get(f"{base}/screening"))
    assert "new.pdf" in seen and "2 earlier files" in seen and "Which law applies?" in seen

    # when the time of its class is over, the file is erased and the row says that it was there
    end = room.meeting.end_date
    assert not jobs.JOBS["papers-erase"].due(clock.now() + timedelta(days=190), 50)
    later = clock.now() + (date(end.year, end.month, end.day) - clock.today()) + timedelta(days=92)
    due = jobs.JOBS["papers-erase"].due(later, 50)
    assert {d[2] for d in due} == {"identity"} and len(due) == 4
    for item, _at, _word in due:
        assert jobs.JOBS["papers-erase"].perform(item, later) == "erased"
        assert jobs.JOBS["papers-erase"].perform(item, later) == "not due"
    assert mission.get(file).status_code == 404
    assert "erased" in text_of(mission.get(f"{base}/papers/"))
    assert db.session.query(StoredFile).count() == 1  # the note verbale is kept for longer
    assert not [f for f in run_all() if f.name.startswith("applications.") and f.faults]


def test_one_note_covers_several_meetings(room, as_person):
    from core.actor import person as actor_of

    person = room.focal_point("XA")
    mission, actor = as_person(person), actor_of(person.id)
    first_call, second_call = asks(room.call(), "nomination_letter"), asks(room.call(), "nomination_letter")
    first, second = room.complete(first_call, actor=actor), room.complete(second_call, actor=actor)
    nominee = nominees_of(second.id)[0]
    state = db.session.get(application_service.ApplicationStep, (second.id, f"person:{nominee.id}"))
    application_service.save_step(
        second.id, "person", nominee.id, typed={}, values={**PERSON, **CHINESE, "birth_date": date(1980, 5, 4)},
        complete=True, expected_version=state.version, actor=actor)
    foreign = room.complete(first_call, "XB")
    base = f"/sponsorship/applications/{first.id}"
    page = text_of(mission.get(f"{base}/note/"))
    assert second.reference in page and foreign.reference not in page
    both = mission.get(f"{base}/note/draft?covers={first.id}&covers={second.id}&covers={foreign.id}")
    words = "".join(p.extract_text() for p in PdfReader(io.BytesIO(both.data)).pages)
    for expected in ("presents its compliments", "has the honour to nominate", "2 meetings", "Awa", "明华", "欧阳",
                     "Salary and visa.", "would be unable", "assurances of its highest consideration", "Stamp"):
        assert expected in words.replace("\n", " "), (expected, words)
    assert foreign.reference not in words
    nothing = mission.post(f"{base}/note/", data=papers.sent(papers.jpeg(), "IMG_0001.JPG"))
    assert nothing.status_code == 422 and "Choose at least one application." in text_of(nothing)
    wrong = mission.post(f"{base}/note/", data={**papers.sent(papers.jpeg(), "n.jpg"), "covers": [str(foreign.id)]})
    assert wrong.status_code == 422
    done = mission.post(f"{base}/note/", data={**papers.sent(papers.jpeg(), "IMG_0001.JPG"),
                                               "covers": [str(first.id), str(second.id)]})
    assert done.status_code == 303
    a, b = rows_of(first)[0], rows_of(second)[0]
    assert a.file_id == b.file_id and not rows_of(foreign)
    # a draft that is deleted takes only its own row with it
    application_service.withdraw(first.id, fresh(Application, first.id).version, "", actor)
    assert not rows_of(first) and db.session.get(StoredFile, b.file_id) is not None
    application_service.withdraw(second.id, fresh(Application, second.id).version, "", actor)
    assert db.session.query(StoredFile).count() == 0


GOOD = {"family_name": "Ndiaye", "given_names": "Awa", "sex": "female", "birth_date": "1980-05-04",
        "function": "Head of commission", "ministry": "Ministry of the Interior", "departure_city": "Xanadu",
        "passport_number": "ab 123 456", "passport_expires": "2028-01-31", "visa_class": "g2",
        "visa_day": "2027-05-20", "confirm": "y"}


def test_a_nominee_confirms_by_a_personal_link(room, client, as_person):
    from core.actor import person as actor_of

    person = room.focal_point("XA")
    mission, actor = as_person(person), actor_of(person.id)
    application = room.complete(room.call(), actor=actor)
    nominee = nominees_of(application.id)[0]
    base = f"/sponsorship/applications/{application.id}"
    ask = f"{base}/nominees/{nominee.id}/link"
    assert as_person(room.focal_point("XB")).post(ask).status_code == 404
    for _click in range(2):
        assert mission.post(ask).status_code == 303
    assert db.session.query(NomineeLink).count() == 1, "a double click is one mail"
    url = link_in(PERSON["email"])
    token = url.rsplit("/", 1)[1]
    assert token not in str(db.session.execute(sa.select(NomineeLink.token_hash)).all())

    page = client.get(url)
    words = text_of(page)
    assert "Ndiaye" in words and "State XA" in words and "valid until" in words and application.reference not in words
    for path in ("/nominee/wrong", "/nominee/wrong/passport"):
        over = client.get(path) if path.endswith("wrong") else client.post(path)
        assert over.status_code == 404 and "ask your mission to send you a new link" in text_of(over)

    # bad input is explained beside its field and nothing is kept
    version = version_in(page)
    for change, expected in (
        ({"passport_expires": "2026-12-31"}, "This passport has expired."),
        ({"passport_expires": "31 February 2030"}, "date that exists"),
        ({"passport_expires": ""}, "the day on which the passport expires"),
        ({"passport_number": ""}, "Write the number of the passport"),
        ({"passport_number": "A-1/2"}, "letters and figures only"),
        ({"family_name": "12"}, "in letters"),
        ({"visa_class": "z9"}, "Choose one of the answers offered."),
        ({"confirm": ""}, "Tick this to confirm"),
    ):
        answer = client.post(url, data={"version": version, **GOOD, **change})
        assert answer.status_code == 422 and expected in text_of(answer), change
    assert fresh(Nominee, nominee.id).confirmed_at is None and db.session.query(NomineePassport).count() == 0

    # the mission writes while the nominee does: both words are shown
    colleague = f"{base}/form/nominees/{nominee.id}/person"
    mission.post(colleague, data={"version": version_in(mission.get(colleague)), "go": "on",
                                  **PERSON, "function": "Deputy head"})
    stale = client.post(url, data={"version": version, **GOOD, **ARABIC})
    assert stale.status_code == 409 and "Deputy head" in text_of(stale) and ARABIC["family_name"] in text_of(stale)
    open_page = version_in(mission.get(colleague))
    done = client.post(url, data={"version": version_in(stale), **GOOD, **ARABIC, "keep_profile": "y"})
    assert done.status_code == 303
    row = fresh(Nominee, nominee.id)
    assert row.confirmed_at is not None and row.reuse_consent_at is not None
    assert vault.unseal(row.id, row.family_name_sealed) == ARABIC["family_name"]
    given = passport_of(row.id)
    assert given.number == "AB123456" and given.visa_class == "g2" and given.visa_day == date(2027, 5, 20)
    stored = str(db.session.execute(sa.select(NomineePassport.passport_sealed, NomineePassport.visa_sealed)).all())
    assert "AB123456" not in stored and '"g2"' not in stored

    # what the mission had open meets the nominee's words instead of overwriting them
    late = mission.post(colleague, data={"version": open_page, "go": "on", **PERSON})
    assert late.status_code == 409 and ARABIC["family_name"] in text_of(late)
    assert "The nominee has put something right while you were writing" in text_of(late)

    # met or not met, never the number, the class or the day
    manager = as_person(room.make.person("fund_manager"))
    application_service.submit(application.id, fresh(Application, application.id).version, actor)
    for reader, path in ((mission, f"{base}/papers/"), (manager, f"{base}/screening")):
        seen = text_of(reader.get(path))
        assert "Confirmed by the nominee" in seen and "Met" in seen and "Not met" not in seen
        for secret in ("AB123456", "G-2", "20 May 2027", "31 January 2028"):
            assert secret not in seen
    again = client.get(url)
    assert "…456" in text_of(again) and "AB123456" not in text_of(again)
    short = client.post(url, data={"version": version_in(again), **GOOD, **ARABIC, "passport_number": "",
                                   "passport_expires": "2027-12-17", "visa_class": "waiver"})
    assert short.status_code == 303 and passport_of(row.id).number == "AB123456"
    assert text_of(manager.get(f"{base}/screening")).count("Not met") == 2
    assert fresh(Nominee, nominee.id).reuse_consent_at is None, "consent is taken back by leaving it out"

    # own copy of the passport
    copy = f"{url}/passport"
    bad = client.post(copy, data=papers.sent(b"", "p.jpg"))
    assert bad.status_code == 422 and "empty" in text_of(bad)
    assert client.post(copy, data=papers.sent(papers.jpeg(9), "p.jpg")).status_code == 303
    assert "by the nominee" in text_of(mission.get(f"{base}/papers/"))
    subjects = [m.subject for m in db.session.query(OutboxMail).filter_by(kind="applications.nominee-confirmed")]
    assert subjects and all("Ndiaye" not in s and ARABIC["family_name"] not in s for s in subjects)

    # a newer link ends the old one; an ended or expired one opens nothing
    link = db.session.query(NomineeLink).one()
    link.sent_at -= timedelta(hours=1)
    db.session.commit()
    nominee_service.ask(application.id, nominee.id, actor)
    assert client.get(url).status_code == 404
    newer = link_in(PERSON["email"])
    assert client.get(newer).status_code == 200
    with clock.moved_to(NOW + timedelta(days=400)):
        assert client.get(newer).status_code == 200, "links age in real time"
    mission.post(ask, data={"do": "end"})
    assert client.get(newer).status_code == 404
    db.session.execute(sa.update(NomineeLink).values(revoked_at=None).where(NomineeLink.id != link.id))
    db.session.execute(sa.update(NomineeLink).values(expires_at=clock.real_now() - timedelta(seconds=1),
                                                     sent_at=clock.real_now() - timedelta(days=15)))
    db.session.commit()
    assert client.get(newer).status_code == 404 and client.post(newer, data=GOOD).status_code == 404
    assert "has not answered" not in text_of(mission.get("/desk")), "this one has confirmed"
    db.session.execute(sa.update(Nominee).values(confirmed_at=None))
    db.session.commit()
    assert "Nominee 1 has not answered" in text_of(mission.get("/desk"))
    assert add_months(date(2027, 8, 31), 6) == date(2028, 2, 29)


def test_a_person_named_before_is_taken_over_with_consent_only(room, client, as_person):
    from core.actor import person as actor_of

    person = room.focal_point("XA")
    mission, actor = as_person(person), actor_of(person.id)
    application = room.sent(room.call(), actor=actor, nominees=1)
    nominee = nominees_of(application.id)[0]
    following = room.draft(room.call(), actor=actor)
    named = f"/sponsorship/applications/{following.id}/form/nominees/named-before"
    assert "Nobody yet" in text_of(mission.get(named))
    with pytest.raises(Exception, match="not_found"):
        nominee_service.take_over(following.id, nominee.id, following.version, actor)
    nominee_service.ask(application.id, nominee.id, actor)
    url = link_in(PERSON["email"])
    client.post(url, data={"version": version_in(client.get(url)), **GOOD, **CHINESE, "keep_profile": "y"})
    page = text_of(mission.get(named))
    assert "明华 欧阳" in page and application.reference in page
    assert "明华" not in text_of(as_person(room.focal_point("XB")).get(
        f"/sponsorship/applications/{room.draft(fresh(Call, following.call_id), 'XB').id}/form/nominees/named-before"))
    version = fresh(Application, following.id).version
    taken = mission.post(named, data={"version": version, "do": f"use:{nominee.id}"})
    assert taken.status_code == 303 and taken.location.endswith("/person")
    again = mission.post(named, data={"version": version, "do": f"use:{nominee.id}"})
    assert again.status_code == 303 and len(nominees_of(following.id)) == 1
    copy = nominees_of(following.id)[0]
    assert vault.unseal(copy.id, copy.family_name_sealed) == "欧阳" and copy.sex == "female"
    assert copy.confirmed_at is None and passport_of(copy.id) is None
    assert "明华" in text_of(mission.get(taken.location))
    # the person takes the consent back on the newer nomination: it ends for the older one, too
    nominee_service.ask(following.id, copy.id, actor)
    later = link_in(PERSON["email"])
    client.post(later, data={"version": version_in(client.get(later)), **GOOD, **CHINESE})
    assert {n.reuse_consent_at for n in db.session.query(Nominee)} == {None}
    client.post(later, data={"version": version_in(client.get(later)), **GOOD, **CHINESE, "keep_profile": "y"})
    db.session.execute(sa.update(Nominee).where(Nominee.id == nominee.id).values(reuse_consent_at=clock.now()))
    db.session.commit()
    forgotten = mission.post(named, data={"version": version, "do": f"forget:{nominee.id}"})
    assert forgotten.status_code == 303
    assert {n.reuse_consent_at for n in db.session.query(Nominee)} == {None}
    assert fresh(Application, application.id).state == "submitted"


def test_a_nominee_is_substituted_in_one_step(room, client, as_person):
    from core.actor import person as actor_of

    person = room.focal_point("XA")
    mission, actor = as_person(person), actor_of(person.id)
    application = room.screened(room.sent(room.call(), actor=actor, nominees=2))
    first, second = nominees_of(application.id)
    base = f"/sponsorship/applications/{application.id}"
    mission.post(f"{base}/papers/{first.id}/passport", data=papers.sent(papers.pdf(), "p.pdf"))
    nominee_service.ask(application.id, first.id, actor)
    url = link_in(PERSON["email"])
    client.post(url, data={"version": version_in(client.get(url)), **GOOD})
    page = f"{base}/nominees/{first.id}/substitute"
    version = version_in(mission.get(page))
    new = {**PERSON, **CHINESE, "email": "ming@mfa.example", "reason": "Elected elsewhere."}
    same = mission.post(page, data={"version": version, **new, "email": PERSON["email"].upper()})
    assert same.status_code == 422 and "who is to be substituted" in text_of(same)
    stale = mission.post(page, data={"version": int(version) - 1, **new})
    assert stale.status_code == 409 and "明华" in text_of(stale)
    done = mission.post(page, data={"version": version, **new})
    assert done.status_code == 303
    twice = mission.post(page, data={"version": version, **new})
    assert twice.status_code in (409, 422)
    row = fresh(Nominee, first.id)
    assert row.priority == 1 and vault.unseal(row.id, row.family_name_sealed) == "欧阳" and row.confirmed_at is None
    assert passport_of(first.id) is None and client.get(url).status_code == 404
    assert [p.file_id for p in rows_of(application)] == [None] and db.session.query(StoredFile).count() == 0
    assert fresh(Application, application.id).state == "submitted", "screened again"
    manager = as_person(room.make.person("fund_manager"))
    seen = text_of(manager.get(f"{base}/screening"))
    assert "before: Awa Ndiaye" in seen and "明华 欧阳" in seen and "A nominee was substituted" in seen
    clock.tick(timedelta(minutes=1))
    kinds = [m.kind for m in db.session.query(OutboxMail)]
    assert "applications.substituted" in kinds and "applications.substitute-to-check" in kinds
    screening_service.find_eligible(application.id, room.findings(), fresh(Application, application.id).version,
                                    room.manager)
    assert substitution_service.unchecked([first.id]) == set(), "the new screening looked at the new person"

    # after the ranking: States are ranked, not persons; the new one is checked by itself
    call = room.close(fresh(Call, application.call_id))
    ranking_service.rank_call(call.id, call.version, room.manager)
    clock.tick(timedelta(minutes=1))
    substitution_service.substitute(application.id, second.id, {**PERSON, "email": "third@x.example",
                                                                "birth_date": date(1980, 5, 4)}, "",
                                    fresh(Application, application.id).version, actor)
    assert fresh(Application, application.id).state == "eligible"
    assert substitution_service.unchecked([first.id, second.id]) == {second.id}
    assert "Check the nominee who took another" in text_of(manager.get("/desk"))
    check = re.search(r"/substitutes/[0-9a-f-]+/check", text_of(manager.get(f"{base}/screening"))).group(0)
    assert mission.post(base + check).status_code == 403
    assert manager.post(base + check).status_code == 303
    assert substitution_service.unchecked([second.id]) == set()
    former = db.session.query(NomineeSubstitution).filter_by(nominee_id=first.id).one()
    later = clock.now() + timedelta(days=300)
    due = [d for d in jobs.JOBS["passports-erase"].due(later, 50) if d[0] == former.id]
    assert jobs.JOBS["passports-erase"].perform(due[0][0], later) == "erased"
    assert substitution_service.former_of(application.id)[0].name is None


def test_doubles_are_found_and_the_missions_note_prevails(room, make, as_person):
    from accounts.service import grant
    from core.actor import person as actor_of
    from tests.support.people import TESTS

    call = asks(room.call())
    mission = room.focal_point("XA")
    official = make.person(email="official@ministry.example")
    grant(TESTS, official.id, make.state("XA"), "focal_point", of_ministry=True)
    theirs = room.sent(call, actor=actor_of(official.id))
    page = text_of(as_person(mission).get("/sponsorship/apply/"))
    assert "Begin an application" in page, "a ministry's request does not close the mission's door"
    ours = room.sent(call, actor=actor_of(mission.id))
    assert theirs.of_ministry and not ours.of_ministry and theirs.organisation_id == ours.organisation_id
    elsewhere = room.sent(call, "XB")
    found = doubles.doubles_of(ours.id)
    assert {(d.reference, d.other_priority) for d in found} == {(theirs.reference, 1), (elsewhere.reference, 1)}

    manager = as_person(make.person("fund_manager"))
    base = f"/sponsorship/applications/{theirs.id}"
    seen = text_of(manager.get(f"{base}/screening"))
    assert "This State has applied twice" in seen and "From a ministry" in seen and "nominated twice" in seen
    for one in (theirs, ours):
        with pytest.raises(RuleBroken) as refused:
            screening_service.find_eligible(one.id, room.findings(), fresh(Application, one.id).version, room.manager)
        assert refused.value.code == "applications.double"
    assert manager.post(f"/sponsorship/applications/{ours.id}/set-aside",
                        data={"version": ours.version}).status_code == 303
    assert fresh(Application, ours.id).state == "submitted", "the mission's own is never set aside"
    assert manager.post(f"{base}/set-aside", data={"version": fresh(Application, theirs.id).version}).status_code == 303
    assert fresh(Application, theirs.id).state == "ineligible"
    assert "note verbale prevails" in text_of(as_person(mission).get(f"{base}/"))
    screening_service.find_eligible(ours.id, room.findings(), fresh(Application, ours.id).version, room.manager)
    # the database, too, considers a State once
    with pytest.raises(sa.exc.IntegrityError):
        db.session.execute(sa.update(Application).where(Application.id == theirs.id).values(state="eligible"))
    db.session.rollback()


def test_what_is_typed_is_kept_and_never_overwrites_a_colleague(room, as_person):
    application = room.draft(room.call())
    one, two = as_person(room.focal_point("XA")), as_person(room.focal_point("XA"))
    url = f"/sponsorship/applications/{application.id}/form/contribution"
    page = one.get(url)
    assert "data-drafts" in text_of(page) and "js/drafts.js" in text_of(page)
    typing = {"version": version_in(page), "go": "typing", "own_contribution": "Sal"}
    kept = one.post(url, data=typing)
    assert kept.status_code == 200 and kept.json["version"] == 1 and "Draft saved" in kept.json["message"]
    assert one.post(url, data={**typing, "version": 1, "own_contribution": ""}).json["version"] == 2, "not yet complete"
    theirs = two.post(url, data={"version": version_in(two.get(url)), "go": "on", "own_contribution": "Hotel."})
    assert theirs.status_code == 303
    late = one.post(url, data={**typing, "version": 2, "own_contribution": "Salary"})
    assert late.status_code == 409 and late.json == {"stale": True}
    assert "Hotel." in text_of(two.get(url))
    both = one.post(url, data={"version": 2, "go": "on", "own_contribution": "Salary"})
    assert both.status_code == 409 and "Hotel." in text_of(both) and "Salary" in text_of(both)
    application_service.withdraw(application.id, fresh(Application, application.id).version, "",
                                 room.make.actor("focal_point", organisation=room.make.state("XA")))
    over = one.post(url, data={**typing, "version": 3})
    assert over.status_code == 422 and "can no longer be changed" in over.json["message"]
    with pytest.raises(Stale):
        nominee_service.take_over(application.id, application.id, 999,
                                  room.make.actor("focal_point", organisation=room.make.state("XA")))
    assert paper_service.TAKES[0] == "draft"
