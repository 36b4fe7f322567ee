"""A call's terms: late rule, part of the meeting, papers, questions, points; copied, announced, carried over; each
state with each command."""

import re
import uuid
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from accounts.models import Organisation
from accounts.service import grant
from core import clock
from core.db import db, new_id
from core.errors import IllegalMove, PlacardError, RuleBroken
from core.events import Event
from core.outbox import OutboxMail
from core.verify import CHECKS
from sponsorship.applications import (
    application_service,
    call_service,
    panel_service,
    ranking_service,
    recusals,
    screening_service,
)
from sponsorship.applications.call_money import carried
from sponsorship.applications.models import Application, Call, Nominee, Ranking, Screening
from sponsorship.applications.queries import Question, call_by_id, questions, ranked_slots, required_papers
from sponsorship.applications.screening_service import Correction, Finding
from sponsorship.applications.service import close_decided
from sponsorship.applications.transitions import CALL
from sponsorship.awards.decision_service import ADVISED, Choice, decide
from sponsorship.ledger import service as ledger
from tests.support.applications import NOW, fresh, kit, nominees_of
from tests.support.people import TESTS


@pytest.fixture
def room(make):
    with clock.moved_to(NOW):
        yield kit(make)


def refused(code, act):
    with pytest.raises(RuleBroken) as error:
        act()
    assert error.value.code == code, error.value.code
    return error.value


def verify_is_clean():
    for name, check in CHECKS.items():
        if name.startswith("applications."):
            _checked, faults = check()
            assert not faults, (name, faults)


# --- terms ------------------------------------------------------------------------------------------------------
ASKED = ({"key": "q1", "text": "Has your State a national action plan?", "required": True},
         {"key": "q3", "text": "Which law is being revised?", "required": False})


def test_terms_are_kept_published_and_held_to(room):
    values = {"required_papers": ("fare_quote", "passport"), "questions": ASKED, "part_first_day": 2,
              "part_last_day": 4, "late_rule": "carry_over", "governance": "elected_committee",
              "ranking_method": "by_points", "criteria": ("ldc", "equity_region"),
              "weights": {"ldc": 5, "equity_region": 2}}
    call = room.call("draft", **values)
    assert required_papers(call) == ("passport", "fare_quote"), "in the order of the list"
    assert questions(call) == (Question("q1", ASKED[0]["text"], True), Question("q3", ASKED[1]["text"], False))
    row = call_by_id(call.id)
    assert row.part_of(room.meeting.start_date) == (date(2027, 6, 15), date(2027, 6, 17))
    for changes, code in (
        ({"late_rule": "perhaps"}, "call.late_rule"), ({"governance": "nobody"}, "call.governance"),
        ({"ranking_method": "by_lot"}, "call.method"), ({"weights": {"ldc": 5}}, "call.weights"),
        ({"weights": {"ldc": 5, "equity_region": 0}}, "call.weights"),
        ({"weights": {"ldc": 101, "equity_region": 1}}, "call.weights"),
        ({"ranking_method": "in_order"}, "call.weights"), ({"criteria": (), "weights": {}}, "call.criteria"),
        ({"part_first_day": None}, "call.part"), ({"part_first_day": 4, "part_last_day": 2}, "call.part"),
        ({"part_last_day": 6}, "call.part"), ({"required_papers": ("diploma",)}, "call.papers"),
        ({"questions": (ASKED[0], ASKED[0])}, "call.questions"),
        ({"questions": ({"key": "q1", "text": " ", "required": True},)}, "call.questions"),
    ):
        refused(code, lambda c=changes: call_service.edit_call(
            call.id, room.values(**(values | c)), call.version, room.manager))
    call_service.open_now(call.id, call.version, room.manager)
    call = fresh(Call, call.id)
    for changes in ({"late_rule": "refuse"}, {"governance": "donor_committee"}, {"required_papers": ()},
                    {"questions": ()}, {"part_last_day": 5}, {"weights": {"ldc": 5, "equity_region": 3}}):
        now = room.values(**(values | changes | {"opens_at": call.opens_at}))
        refused("call.terms_stand", lambda v=now: call_service.edit_call(call.id, v, call.version, room.manager))


@pytest.mark.parametrize(("change", "name"), [
    ({"part_first_day": 1}, "part_both_or_neither"),
    ({"part_first_day": 3, "part_last_day": 2}, "part_in_order"),
    ({"part_first_day": 0, "part_last_day": 2}, "part_in_order"),
    ({"announced_at": None}, "announced_with_number"),
])
def test_what_the_database_refuses_of_terms(room, change, name):
    call = room.call()
    with pytest.raises(sa.exc.IntegrityError, match=name):
        db.session.execute(sa.update(Call).where(Call.id == call.id).values(**change))
    db.session.rollback()


# --- announced --------------------------------------------------------------------------------------------------
def test_every_focal_point_is_told_once_and_the_number_is_kept(room):
    xa, xb = room.make.state("XA"), room.make.state("XB")
    both = room.make.person("focal_point", organisation=xa)
    grant(TESTS, both.id, xb, "focal_point", valid_from=date(2000, 1, 1))
    other = room.make.person("focal_point", organisation=xb)
    gone = room.make.person("focal_point", organisation=xb)
    gone.active = False
    state = Organisation(kind="state", code="QQQ", is_demo=False)  # of the real calendar
    db.session.add(state)
    db.session.commit()
    real = room.make.person("focal_point", organisation=state.id)
    db.session.commit()
    call = room.call("draft", opens_at=NOW + timedelta(days=1))
    call_service.schedule_call(call.id, call.version, room.manager)
    assert call_service.open_due(call.id, NOW + timedelta(days=1)) == "opened"
    told = db.session.query(OutboxMail).filter_by(kind="applications.call-open").all()
    assert sorted(m.to_address for m in told) == sorted([both.email, other.email])
    assert real.email not in {m.to_address for m in told}
    assert f"/sponsorship/calls/{call.id}/" in told[0].body and "/sponsorship/apply/" in told[0].body
    row = fresh(Call, call.id)
    assert row.announced_count == 2 and row.announced_at == clock.now()
    assert db.session.query(Event).filter_by(tag="applications.call.announce").one().data == {"mails": 2}
    # the meeting moves and the call opens again: nobody is told twice
    call_service.suspend_for_meeting(row.meeting_id)
    db.session.commit()
    row = fresh(Call, call.id)
    call_service.reopen_call(row.id, row.closes_at, row.grace_until, row.decide_by, row.version, room.manager)
    assert db.session.query(OutboxMail).filter_by(kind="applications.call-open").count() == 2


# --- copied -----------------------------------------------------------------------------------------------------
def test_the_last_call_is_taken_over_in_one_step(room):
    last = room.call(closes_at=NOW + timedelta(days=30), required_papers=("visa",), questions=ASKED,
                     seats_per_state=2, late_rule="carry_over", guidance_text="Speak.")
    later = room.make.meeting(start_date=room.meeting.start_date + timedelta(days=371))  # a year and six days on
    made = fresh(Call, call_service.copy_call(last.id, later.id, room.manager))
    assert (made.state, made.meeting_id, made.copied_from_id) == ("draft", later.id, last.id)
    for name in ("seats_per_state", "package", "estimate_dsa_minor", "criteria", "questions", "required_papers",
                 "late_rule", "guidance_text", "governance"):
        assert getattr(made, name) == getattr(last, name), name
    assert call_by_id(made.id).pool_ids == call_by_id(last.id).pool_ids
    assert made.closes_at - last.closes_at == timedelta(days=371) and made.decide_by == (
        last.decide_by + timedelta(days=371))
    # clocks change in between: the hour at the place of the meeting is the same
    winter = room.make.meeting(start_date=date(2028, 2, 7))
    moved = fresh(Call, call_service.copy_call(last.id, winter.id, room.manager))
    assert (last.closes_at.hour, moved.closes_at.hour) == (12, 13)
    # a call that would have opened already opens tomorrow, for as many days
    with clock.moved_to(datetime(2027, 11, 1, 12, 0, tzinfo=UTC)):
        late = fresh(Call, call_service.copy_call(last.id, winter.id, room.manager))
        assert late.opens_at.date() == date(2027, 11, 2)
        assert (late.closes_at - late.opens_at).days == (last.closes_at - last.opens_at).days
    with clock.moved_to(datetime(2028, 1, 5, 12, 0, tzinfo=UTC)):
        refused("call.no_time", lambda: call_service.copy_call(last.id, winter.id, room.manager))


# --- what is received after the date ----------------------------------------------------------------------------
def send(application, actor):
    application_service.submit(application.id, fresh(Application, application.id).version, actor)
    return fresh(Application, application.id)


def test_one_second_after_closing_it_is_refused_or_kept_for_the_next_call(room, as_person):
    xa = room.make.actor("focal_point", organisation=room.make.state("XA"))
    xb = room.make.actor("focal_point", organisation=room.make.state("XB"))
    strict = room.call(grace_until=NOW + timedelta(days=31))
    early, late = room.complete(strict, "XA", actor=xa), room.complete(strict, "XB", actor=xb)
    with clock.moved_to(strict.grace_until):  # the very instant is still taken
        assert send(early, xa).state == "submitted"
    with clock.moved_to(strict.grace_until + timedelta(seconds=1)):
        refused("call.not_open", lambda: send(late, xb))
        room.close(strict)
        refused("call.not_open", lambda: send(late, xb))
    assert fresh(Application, late.id).state == "draft"

    kind = room.call(late_rule="carry_over")
    kept = room.complete(kind, "XB", actor=xb)
    before = db.session.query(OutboxMail).count()
    with clock.moved_to(kind.closes_at + timedelta(seconds=1)):
        row = send(kept, xb)  # although the closing job has not run yet
        assert (row.state, row.received_after_date) == ("held_over", True) and row.received_at == clock.now()
        with pytest.raises(IllegalMove):
            send(kept, xb)  # a double click
        received = row.received_at
    assert [m.kind for m in db.session.query(OutboxMail).order_by(OutboxMail.created_at)][before:] == [
        "applications.held-over"]
    room.close(kind)
    ranking_service.rank_call(kind.id, fresh(Call, kind.id).version, room.manager)
    assert db.session.query(Ranking).filter_by(call_id=kind.id).count() == 0, "it is not considered for this meeting"
    verify_is_clean()

    own = room.call("draft", meeting_id=room.make.meeting(start_date=date(2027, 9, 6)).id)
    page = as_person(room.make.person("fund_manager")).get(f"/sponsorship/calls/{own.id}/manage").get_data(as_text=True)
    assert "1 application received too late" in page and "2 focal points are told by mail" in page
    call_service.open_now(own.id, own.version, room.manager)
    row = fresh(Application, kept.id)
    assert (row.state, row.call_id, row.carried_from_id) == ("draft", own.id, kind.id)
    assert row.received_at == received and row.received_after_date is False and row.own_contribution
    nominee = nominees_of(row.id)[0]
    assert nominee.travel_from is None and nominee.family_name_sealed is not None
    assert db.session.query(OutboxMail).filter_by(kind="applications.carried-over").count() == 1
    refused("applications.incomplete", lambda: send(kept, xb))
    application_service.save_step(row.id, "journey", nominee.id, typed={}, values={
        "departure_city": "Xanadu", "travel_from": date(2027, 9, 5), "travel_to": date(2027, 9, 11)}, complete=True,
        expected_version=0, actor=xb)
    row = send(kept, xb)
    assert row.state == "submitted" and row.received_at == received, "its day of receipt goes with it"
    room.screened(row)
    verify_is_clean()


def test_a_state_that_applies_itself_or_withdraws_is_not_carried_over(room):
    first = room.call(late_rule="carry_over")
    second = room.call(late_rule="carry_over")
    actors = {code: room.make.actor("focal_point", organisation=room.make.state(code)) for code in ("XA", "XB")}
    one, two = (room.complete(c, "XA", actor=actors["XA"]) for c in (first, second))
    left = room.complete(first, "XB", actor=actors["XB"])
    for n, application in enumerate((one, two, left)):
        with clock.moved_to(first.closes_at + timedelta(hours=n + 1)):
            send(application, actors["XB" if application is left else "XA"])
    application_service.withdraw(left.id, fresh(Application, left.id).version, "", actors["XB"])
    third = room.call("draft")
    call_service.open_now(third.id, third.version, room.manager)
    assert fresh(Application, one.id).call_id == third.id, "of each State the first received"
    assert fresh(Application, two.id).state == "held_over", "the other waits for the call after"
    assert fresh(Application, left.id).state == "withdrawn"
    call_service.cancel_call(first.id, fresh(Call, first.id).version, "No money.", room.manager)
    verify_is_clean()


def test_a_mission_reads_that_it_is_kept(room, as_person):
    call = room.call(late_rule="carry_over")
    mission, application = as_person(room.focal_point("XA")), room.complete(call)
    base = f"/sponsorship/applications/{application.id}"
    with clock.moved_to(call.closes_at + timedelta(seconds=1)):
        page = mission.get(f"{base}/form/check").get_data(as_text=True)
        assert "kept, with its day of receipt, for the next call" in page
        version = fresh(Application, application.id).version
        assert mission.post(f"{base}/form/check", data={"version": version}).status_code == 303
        page = mission.get(f"{base}/").get_data(as_text=True)
        assert "kept for the next call" in page and "asked to write the days of travel" in page


# --- screening: facts of the closing day, overridden with a reason ------------------------------------------------
def test_a_fact_is_overridden_with_a_reason_that_names_who_and_when(room):
    call = room.call(criteria=("ldc", "most_affected", "equity_region"))
    application = room.sent(call, "XA")
    findings = room.findings() | {"most_affected": Finding(True, "4,200 weapons seized in 2026", "national report")}
    refused("screening.incomplete", lambda: screening_service.find_eligible(
        application.id, room.findings(), application.version, room.manager))
    refused("screening.override", lambda: screening_service.find_eligible(
        application.id, findings | {"ldc": Finding(False)}, application.version, room.manager))
    findings |= {"ldc": Finding(False, "Graduated by resolution of May", "A/RES/test"), "sids": Finding(False, "no")}
    screening_service.find_eligible(application.id, findings, application.version, room.manager)
    rows = {s.criterion: s for s in db.session.query(Screening)}
    assert (rows["ldc"].met, rows["ldc"].fact_met) == (False, True)
    assert rows["ldc"].override_reason == "Graduated by resolution of May" and rows["ldc"].source == "A/RES/test"
    assert rows["ldc"].by_person == room.manager.person_id and rows["ldc"].at == clock.now()
    assert (rows["sids"].met, rows["sids"].override_reason) == (False, ""), "nothing is overridden by saying the same"
    assert rows["most_affected"].met and {r.as_of for r in rows.values()} == {screening_service.facts_day(call)}
    event = db.session.query(Event).filter_by(tag="applications.application.override").one()
    assert (event.reason, event.data) == ("ldc", {"round": 1, "fact": True, "found": False})
    room.close(call)
    ranking_service.rank_call(call.id, fresh(Call, call.id).version, room.manager)
    assert db.session.query(Ranking).one().criteria_values == {"ldc": False, "most_affected": True}
    with pytest.raises(sa.exc.IntegrityError, match="override_has_reason"):
        db.session.execute(sa.insert(Screening).values(
            id=uuid.uuid4(), application_id=application.id, round=2, criterion="ldc", met=True, fact_met=False,
            override_reason="", evidence="", source="", at=NOW))
    db.session.rollback()


def test_equity_counts_earlier_calls_and_what_was_found_otherwise(room, as_person):
    """A region and a sex found otherwise on a paper dated by the closing day; places of the last call count."""
    early = NOW + timedelta(days=5)
    before, _rows = room.recommended(criteria=("equity_sex",), closes_at=early, grace_until=early)
    choices = {s.nominee_id: Choice(ADVISED[s.recommended]) for s in ranked_slots(before.id)}
    decide(before.id, choices, room.make.actor("head_of_fund"), before.version)
    refused("call.equity_calls", lambda: room.call(criteria=("ldc",), equity_calls=1))
    call = room.call(criteria=("equity_region", "equity_sex"), equity_calls=1)
    first, second = room.sent(call, "XA"), room.sent(call, "XB")

    def find(application, **found):
        screening_service.find_eligible(application.id, room.findings(), application.version, room.manager, found)

    region = Correction("African", NOW.date(), "A/77/1", "The State changed its group.")
    sex = Correction("male", NOW.date(), "passport", "Typed wrongly by the mission.")
    late = screening_service.facts_day(call) + timedelta(days=1)
    for wrong, field in ((replace(region, value="Atlantis"), "value"), (replace(region, day=late), "day"),
                         (replace(region, day=None), "day"), (replace(region, source=" "), "source"),
                         (replace(region, reason=""), "reason")):
        with pytest.raises(RuleBroken) as error:
            find(first, equity_region=wrong)
        assert error.value.field == f"equity_region_{field}"
    refused("screening.correction", lambda: find(first, equity_sex=replace(sex, value="female")))
    officer = as_person(room.make.person("fund_manager"))
    url = f"/sponsorship/applications/{first.id}/screening"
    page = officer.get(url).get_data(as_text=True)
    sent = dict.fromkeys((f"{c}_met" for c in ("complete", "nominated_by_state", "declaration")), "yes") | {
        "version": str(first.version), "outcome": "eligible", "first_attendance_met": "no",
        "no_mission_at_seat_met": "no", "equity_sex_value": "male", "equity_sex_day": NOW.date().isoformat(),
        "equity_sex_source": "passport", "equity_sex_reason": ""}
    assert "Where the region or the sex is recorded wrongly" in page
    answer = officer.post(url, data=sent)
    assert answer.status_code == 422 and "Write why this is found otherwise" in answer.get_data(as_text=True)
    assert officer.post(url, data=sent | {"equity_sex_reason": sex.reason}).status_code == 303
    find(second, equity_region=region)
    told = db.session.query(Event).filter_by(tag="applications.application.override").all()
    assert {(e.reason, e.data["fact"], e.data["found"]) for e in told} == {
        ("equity_sex", "female", "male"), ("equity_region", "", "African")}
    room.close(call)
    ranking_service.rank_call(call.id, fresh(Call, call.id).version, room.manager)
    rows = {r.application_id: r for r in db.session.query(Ranking).filter_by(call_id=call.id)}
    # one woman, of no group, was selected before: the African State begins at no place, the man as well
    assert (rows[second.id].position, rows[second.id].places) == (1, {"equity_region": 0, "equity_sex": 1})
    assert (rows[first.id].sex, rows[first.id].places) == ("male", {"equity_region": 1, "equity_sex": 0})
    counted = fresh(Call, call.id).equity_counted
    assert counted == {"calls": [before.reference], "regions": {"": 1}, "sexes": {"female": 1}}
    page = re.sub(r"\s+", " ", officer.get(f"/sponsorship/calls/{call.id}/ranking").get_data(as_text=True))
    for words in ("The count begins at the places that earlier calls gave", before.reference, "no regional group 1",
                  "Female 1", "The State changed its group.", "Typed wrongly by the mission.", "A/77/1"):
        assert words in page, words
    assert not CHECKS["applications.rankings"]()[1]
    with pytest.raises(sa.exc.IntegrityError, match="value_has_evidence"):
        db.session.execute(sa.insert(Screening).values(
            id=uuid.uuid4(), application_id=first.id, round=9, criterion="equity_sex", met=True, value="male",
            override_reason="x", evidence="", source="", at=NOW))
    db.session.rollback()


@pytest.mark.pages
def test_a_state_declares_that_it_is_most_affected_and_the_officer_reads_what_shows_it(room, as_person):
    call = room.call(criteria=("most_affected",))
    mission, application = as_person(room.focal_point("XA")), room.complete(call)
    url = f"/sponsorship/applications/{application.id}/form/attendance"

    def write(**answers):
        page = mission.get(url).get_data(as_text=True)
        version = re.search(r'name="version"[^>]*value="(\d+)"', page).group(1)
        return mission.post(url, data={"version": version, "go": "on", "attended_before": "no", "has_mission": "yes",
                                       **answers})

    answer = write(affected="yes", affected_evidence="")
    assert answer.status_code == 422 and "Write what shows it." in answer.get_data(as_text=True)
    write(affected="yes", affected_evidence="4,200 weapons seized in 2026.")
    assert "4,200 weapons" in mission.get(f"{url.rsplit('/', 1)[0]}/check").get_data(as_text=True)
    row = fresh(Application, application.id)
    application_service.submit(row.id, row.version, room.make.actor("focal_point", organisation=row.organisation_id))
    officer = as_person(room.make.person("fund_manager"))
    page = officer.get(f"/sponsorship/applications/{row.id}/screening").get_data(as_text=True)
    assert "4,200 weapons seized in 2026." in page and "The State says: yes" in page
    page = officer.get(f"/sponsorship/calls/{call.id}/applications").get_data(as_text=True)
    assert "Most affected (declared)" in page


@pytest.mark.pages
def test_officers_write_every_term_and_take_them_over_through_the_pages(room, as_person):
    from tests.integration.test_applications_pages import call_answers

    manager = as_person(room.make.person("fund_manager"))
    answers = call_answers(
        room, ranking_method="by_points", weight_1="5", weight_2="3", weight_3="", criterion_4="equity_region",
        weight_4="2", late_rule="carry_over", governance="donor_committee", part_first_day="2", part_last_day="3",
        required_papers=["passport", "visa"], question_1="", question_2="Which law is being revised?",
        question_2_required="y", question_3="Does this person speak?", question_3_of_nominee="y")
    answer = manager.post("/sponsorship/calls/new", data=answers)
    assert answer.status_code == 422 and "Write the points of this rule" in answer.get_data(as_text=True)
    answer = manager.post("/sponsorship/calls/new", data=answers | {"required_papers": ["diploma"], "weight_3": "1"})
    assert answer.status_code == 422 and "Choose among the answers offered" in answer.get_data(as_text=True)
    answer = manager.post("/sponsorship/calls/new", data=answers | {"weight_3": "1"})
    assert answer.status_code == 303
    call = db.session.query(Call).one()
    assert call.weights == {"ldc": 5, "sids": 3, "first_attendance": 1, "equity_region": 2}
    assert call.questions == [
        {"key": "q2", "text": "Which law is being revised?", "required": True},
        {"key": "q3", "text": "Does this person speak?", "required": False, "of_nominee": True}]
    page = manager.get(f"/sponsorship/calls/{call.id}/edit").get_data(as_text=True)
    assert re.search(r'<input[^>]*checked[^>]*name="question_3_of_nominee"', page)
    assert "Which law is being revised?" in page
    ticked = set(re.findall(r'<input checked[^>]*name="required_papers"[^>]*value="(\w+)"', page))
    assert ticked == {"passport", "visa"}
    page = manager.get(answer.location).get_data(as_text=True)
    for words in ("Least developed country, 5 points", "A steering committee of donors",
                  "Day 2 to day 3 of the meeting", "Kept for the next call of the fund", "Visa",
                  "an answer is needed"):
        assert words in page, words
    call_service.open_now(call.id, call.version, room.manager)
    assert call.reference in manager.get("/sponsorship/calls/new").get_data(as_text=True), "the last call is offered"
    later = room.make.meeting(start_date=date(2028, 2, 7))
    copy = f"/sponsorship/calls/{call.id}/copy"
    assert later.short_name in manager.get(copy).get_data(as_text=True)
    assert manager.post(copy, data={"version": call.version, "meeting_id": ""}).status_code == 422
    answer = manager.post(copy, data={"version": call.version, "meeting_id": str(later.id)})
    assert answer.status_code == 303 and answer.location.endswith("/edit")
    assert db.session.query(Call).filter_by(copied_from_id=call.id).one().questions == call.questions
    public = as_person(room.make.person("donor")).get(f"/sponsorship/calls/{call.id}/").get_data(as_text=True)
    assert "With each nominee:" in public and "Which law is being revised?" in public
    assert "About each nominee, beside the form:" in public and "Does this person speak?" in public


# --- money ------------------------------------------------------------------------------------------------------
def test_the_page_says_how_many_delegates_the_money_of_today_carries(room, as_person):
    def deposit(pool_id, minor):
        ledger.receive(pool_id, ledger.Intake(minor), source=("test", new_id()), key=f"test:{new_id()}",
                       actor=TESTS)

    ledger.prepare_chart()
    call = room.call(ceiling_minor=2_000_000)
    deposit(room.pool_id, 1_130_000)
    assert carried(call_by_id(call.id)).delegates == 1_000_000 // 358_800 == 2
    deposit(room.pool_id, 5_000_000)
    assert carried(call_by_id(call.id)).delegates == 5, "the ceiling"
    manager = as_person(room.make.person("fund_manager"))
    page = manager.get(f"/sponsorship/calls/{call.id}/manage").get_data(as_text=True)
    assert "How the number of delegates is reckoned" in page and "Pledges do not count" in page
    public = as_person(room.make.person("donor")).get(f"/sponsorship/calls/{call.id}/").get_data(as_text=True)
    assert "5 delegates" in public and "3,588" not in public, "a number, no prices"


# --- every state with every command -------------------------------------------------------------------------------
def _commands(room, call):
    """Each command of officers, panel and schedule on a call, with the action of the state table it stands for."""
    v, far = call.version, call.grace_until + timedelta(seconds=1)
    head = room.make.actor("head_of_fund")
    return {
        "schedule": lambda: call_service.schedule_call(call.id, v, room.manager),
        "unschedule": lambda: call_service.unschedule_call(call.id, v, room.manager),
        "open_now": lambda: call_service.open_now(call.id, v, room.manager),
        "open_due": lambda: call_service.open_due(call.id, far),
        "close_due": lambda: call_service.close_due(call.id, far),
        "rank": lambda: ranking_service.rank_call(call.id, v, room.manager),
        "back_to_screening": lambda: ranking_service.back_to_screening(call.id, "why", v, room.manager),
        "recommend": lambda: panel_service.recommend(call.id, [], v, room.panel),
        "decide": lambda: close_decided(call.id, head),
        "reopen": lambda: call_service.reopen_call(call.id, call.closes_at, call.grace_until, call.decide_by, v,
                                                   room.manager),
        "resume": lambda: call_service.resume_call(call.id, v, room.manager),
        "cancel": lambda: call_service.cancel_call(call.id, v, "why", room.manager),
        "suspend": lambda: (call_service.suspend_for_meeting(call.meeting_id), db.session.commit()),
        "meeting_cancelled": lambda: (call_service.cancel_for_meeting(call.meeting_id), db.session.commit()),
    }


@pytest.mark.pages  # the table's moves are the same on both databases: played on one
def test_every_state_with_every_command(room):
    """A command moves a call where the table says so and nowhere else; a refused one changes nothing."""
    call = room.call("draft")
    assert set(_commands(room, call)) == {m.action for m in CALL.moves}
    for state in CALL.states:
        for action in sorted({m.action for m in CALL.moves}):
            db.session.execute(sa.update(Call).where(Call.id == call.id).values(
                state=state.code, ranking_round=0, recommendation_round=0, suspended_from=None))
            db.session.commit()
            call = fresh(Call, call.id)
            version, move = call.version, CALL.find(state.code, action)
            try:
                _commands(room, call)[action]()
            except PlacardError:
                assert move is None, (state.code, action)
            call = fresh(Call, call.id)
            assert call.state == (move.target if move else state.code), (state.code, action)
            assert (call.version == version) == (move is None), (state.code, action)
    # what is no move of the table stands where it says
    values = room.values()
    for state in CALL.states:
        db.session.execute(sa.update(Call).where(Call.id == call.id).values(state=state.code))
        db.session.commit()
        call = fresh(Call, call.id)
        for allowed, act in (
            (call_service.EDITABLE, lambda: call_service.edit_call(call.id, values, call.version, room.manager)),
            (recusals.DECLARABLE, lambda: recusals.declare(call.id, room.make.state("XA"), "kin", room.panel)),
        ):
            try:
                act()
                done = True
            except RuleBroken as error:
                done = error.code == "recusal.state"  # as far as it goes without an application
            except IllegalMove:
                done = False
            assert done == (state.code in allowed), state.code
            call = fresh(Call, call.id)
        assert call_service.copy_call(call.id, room.meeting.id, room.manager)  # terms of any call may be taken over


# --- a thousand applications ------------------------------------------------------------------------------------
@pytest.mark.pages
def test_a_call_of_a_thousand_applications_takes_as_many_queries_as_one_of_three(room, as_person, queries):
    call = room.call(criteria=("ldc", "sids", "most_affected", "equity_region", "equity_sex"))
    officer, panel = as_person(room.make.person("fund_manager")), as_person(room.make.person("panel_member"))

    def fill(numbers):
        at = [NOW + timedelta(minutes=n) for n in numbers]
        ids = [(uuid.uuid4(), uuid.uuid4()) for _n in numbers]
        db.session.execute(sa.insert(Organisation), [
            {"id": o, "kind": "state", "code": f"T{n}", "is_demo": True}
            for n, (o, _a) in zip(numbers, ids, strict=True)])
        db.session.execute(sa.insert(Application), [
            {"id": a, "reference": f"APP-T-{n:04d}", "call_id": call.id, "organisation_id": o, "state": "eligible",
             "could_not_attend_otherwise": True, "created_at": t, "received_at": t, "screening_round": 1}
            for n, t, (o, a) in zip(numbers, at, ids, strict=True)])
        db.session.execute(sa.insert(Nominee), [
            {"id": uuid.uuid4(), "application_id": a, "priority": 1, "sex": ("female", "male")[n % 2]}
            for n, (_o, a) in zip(numbers, ids, strict=True)])
        db.session.execute(sa.insert(Screening), [
            {"id": uuid.uuid4(), "application_id": a, "round": 1, "criterion": "ldc", "met": n % 3 == 0, "at": NOW}
            for n, (_o, a) in zip(numbers, ids, strict=True)])
        db.session.commit()

    def cost():
        row = fresh(Call, call.id)
        before = len(queries)
        ranking_service.rank_call(call.id, row.version, room.manager)
        found = [len([q for q in queries[before:] if not q.startswith("INSERT")])]
        for client, path in ((officer, "ranking"), (officer, "applications"), (officer, "manage"),
                             (officer, "ranking?format=csv"), (panel, "recommendation")):
            before = len(queries)
            answer = client.get(f"/sponsorship/calls/{call.id}/{path}", check=False)
            assert answer.status_code == 200 and answer.get_data()
            found.append(len(queries) - before)
        return found

    fill(range(3))
    room.close(call)
    cost()
    few = cost()
    fill(range(3, 1000))
    assert cost() == few
    assert db.session.query(Ranking).filter_by(round=fresh(Call, call.id).ranking_round).count() == 1000
    verify_is_clean()
