"""Rules of calls and applications: schedule, meeting signals, selection, what the database itself refuses."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from core import clock, jobs
from core.actor import PUBLIC, system
from core.db import db
from core.errors import IllegalMove, NotAllowed, NotFound, RuleBroken, SignInNeeded, Stale
from core.events import Event
from core.outbox import OutboxMail
from core.verify import CHECKS
from meetings.calendar.signals import MeetingCancelled, MeetingMoved, meeting_cancelled, meeting_moved
from sponsorship.applications import (
    application_service,
    call_service,
    panel_service,
    ranking_service,
    screening_service,
)
from sponsorship.applications.models import Application, ApplicationStep, Call, Nominee, Ranking, Screening
from sponsorship.applications.queries import (
    application_by_id,
    call_by_id,
    nominee_by_id,
    nominees_by_ids,
    ranked_slots,
)
from sponsorship.applications.service import close_decided, mark_decided
from sponsorship.applications.signals_in import subscribe
from tests.support.applications import NOW, fresh, kit, nominees_of


@pytest.fixture
def room(make):
    with clock.moved_to(NOW):
        yield kit(make)


def verify_is_clean():
    for name, check in CHECKS.items():
        if name.startswith("applications."):
            _checked, faults = check()
            assert not faults, (name, faults)


# --- schedule ---------------------------------------------------------------------------------------------------
def test_a_call_opens_and_closes_by_schedule_and_catches_up(room):
    call = room.call("draft", opens_at=NOW + timedelta(days=1), grace_until=NOW + timedelta(days=32))
    call_service.schedule_call(call.id, call.version, room.manager)
    assert jobs.run("calls-open", NOW).done == 0
    late = NOW + timedelta(days=3)  # the process was down for two days
    with clock.moved_to(late):
        assert jobs.run("calls-open", late).results == ((call.id, "opened"),)
        assert jobs.run("calls-open", late).done == 0
    assert fresh(Call, call.id).state == "open"
    assert jobs.run("calls-close", NOW + timedelta(days=31)).done == 0
    assert jobs.run("calls-close", NOW + timedelta(days=32)).done == 0  # the last instant still counts
    assert jobs.run("calls-close", NOW + timedelta(days=32, seconds=1)).results == ((call.id, "closed"),)
    event = db.session.query(Event).filter_by(tag="applications.call.close_due").one()
    assert event.actor == "system:jobs.calls-close"


def test_drafts_are_called_to_mind_once(room):
    call = room.call()
    room.draft(call, "XA")
    room.sent(call, "XB")
    soon = call.closes_at - timedelta(days=2)
    with clock.moved_to(soon):
        assert jobs.run("applications-remind", soon).done == 1
        assert jobs.run("applications-remind", soon).done == 0
    assert db.session.query(OutboxMail).filter_by(kind="applications.closing-soon").count() == 1


def test_a_call_opens_only_for_a_published_meeting(room):
    call = room.call("draft")
    room.meeting.state = "fixed"
    db.session.commit()
    with pytest.raises(RuleBroken) as refused:
        call_service.open_now(call.id, call.version, room.manager)
    assert refused.value.code == "call.meeting_not_published"
    room.meeting.state = "published"
    db.session.commit()
    with clock.moved_to(call.closes_at), pytest.raises(RuleBroken):
        call_service.schedule_call(call.id, call.version, room.manager)


# --- who may ----------------------------------------------------------------------------------------------------
def test_authority_is_checked_in_the_command(room):
    call = room.call()
    focal = room.make.actor("focal_point", organisation=room.make.state("XA"))
    application = room.sent(call, "XA")
    for refused in (
        lambda: call_service.create_call(room.values(), focal),
        lambda: call_service.cancel_call(call.id, call.version, "x", room.panel),
        lambda: screening_service.find_eligible(application.id, room.findings(), application.version, room.panel),
        lambda: application_service.start(call.id, room.make.state("XB"), focal),
    ):
        with pytest.raises(NotAllowed):
            refused()
    with pytest.raises(SignInNeeded):
        application_service.start(call.id, room.make.state("XA"), PUBLIC)
    with pytest.raises(NotFound):
        application_service.withdraw(application.id, application.version, "", room.manager)
    with pytest.raises(Stale):
        application_service.withdraw(application.id, application.version - 1, "", focal)


def test_names_are_for_those_who_may_read_them(room):
    application = room.sent(room.call(), "XA")
    nominee = nominees_of(application.id)[0].id
    own = room.make.actor("focal_point", organisation=room.make.state("XA"))
    other = room.make.actor("focal_point", organisation=room.make.state("XB"))
    donor = room.make.actor("donor")
    assert nominee_by_id(nominee).name is None
    assert nominee_by_id(nominee, own).name == "Awa Ndiaye"
    assert nominee_by_id(nominee, room.panel).name == "Awa Ndiaye"
    assert nominee_by_id(nominee, other).name is None and nominee_by_id(nominee, other).email is None
    assert nominees_by_ids([nominee], donor)[nominee].name is None
    assert nominee_by_id(nominee, own).birth_date.isoformat() == "1980-05-04"


def test_invented_states_apply_to_demonstrations_only(room):
    room.meeting.is_demo = False
    db.session.commit()
    call = room.call()
    with pytest.raises(RuleBroken) as refused:
        room.draft(call, "XA")
    assert refused.value.code == "applications.demo"


# --- the application --------------------------------------------------------------------------------------------
def test_returned_applications_come_again_with_their_first_receipt(room):
    call = room.call()
    focal = room.make.actor("focal_point", organisation=room.make.state("XA"))
    application = room.sent(call, "XA", actor=focal)
    first = application.received_at
    call = room.close(call)
    due = NOW + timedelta(days=40)
    screening_service.return_for_completion(application.id, "The function of the nominee.", due, application.version,
                                            room.manager)
    mail = db.session.query(OutboxMail).filter_by(kind="applications.returned").one()
    assert "The function of the nominee." in mail.body
    with clock.moved_to(due - timedelta(hours=1)):
        application = fresh(Application, application.id)
        application_service.save_step(application.id, "contribution", None, typed={"own_contribution": "More."},
                                      values={"own_contribution": "More."}, complete=True,
                                      expected_version=db.session.get(
                                          ApplicationStep, (application.id, "contribution")).version, actor=focal)
        application_service.submit(application.id, fresh(Application, application.id).version, focal)
    row = fresh(Application, application.id)
    assert row.state == "submitted" and row.received_at == first and row.return_note is None
    assert row.received_after_date is False


def test_a_completion_has_its_own_last_moment(room):
    call = room.call()
    focal = room.make.actor("focal_point", organisation=room.make.state("XA"))
    application = room.sent(call, "XA", actor=focal)
    due = NOW + timedelta(days=5)
    screening_service.return_for_completion(application.id, "x", due, application.version, room.manager)
    with clock.moved_to(due + timedelta(seconds=1)), pytest.raises(RuleBroken) as refused:
        application_service.submit(application.id, fresh(Application, application.id).version, focal)
    assert refused.value.code == "call.not_open"


def test_events_and_mails_hold_no_person(room):
    call, rows = room.recommended()
    application_service.withdraw(rows[0].id, rows[0].version, "private words",
                                 room.make.actor("focal_point", organisation=rows[0].organisation_id))
    kept = " ".join(str(e.data) + str(e.reason) for e in db.session.query(Event))
    kept += " ".join(m.body + m.subject for m in db.session.query(OutboxMail))
    for word in ("Ndiaye", "Awa", "interior.example", "1980", "private words", "Salary"):
        assert word not in kept
    raw = str(db.session.execute(sa.text("SELECT * FROM nominee")).all())
    raw += str(db.session.execute(sa.text("SELECT * FROM application_step")).all())
    for word in ("Ndiaye", "Awa", "interior.example", "1980-05-04"):
        assert word not in raw


# --- selection --------------------------------------------------------------------------------------------------
def test_facts_count_on_the_closing_day(room):
    from accounts.models import OrganisationFact

    call = room.call()
    organisation = room.make.state("XE", facts=())
    day = screening_service.facts_day(call)
    db.session.add(OrganisationFact(organisation_id=organisation, fact="ldc", value="yes", source="list",
                                    valid_from=day - timedelta(days=900), valid_to=day))  # graduates on that day
    db.session.add(OrganisationFact(organisation_id=organisation, fact="sids", value="yes", source="list of SIDS",
                                    valid_from=day - timedelta(days=900), valid_to=day + timedelta(days=1)))
    db.session.commit()
    room.screened(room.sent(call, "XE"))
    found = {s.criterion: s for s in db.session.query(Screening)}
    assert found["ldc"].met is False and found["sids"].met is True and found["sids"].source == "list of SIDS"


def test_ranking_waits_for_every_screening(room):
    call = room.call()
    room.screened(room.sent(call, "XA"))
    waiting = room.sent(call, "XB")
    call = room.close(call)
    with pytest.raises(RuleBroken) as refused:
        ranking_service.rank_call(call.id, call.version, room.manager)
    assert waiting.reference in str(refused.value.message)
    screening_service.find_ineligible(waiting.id, room.findings(nominated_by_state=False), "not_nominated_by_state",
                                      waiting.version, room.manager)
    ranking_service.rank_call(call.id, call.version, room.manager)
    assert db.session.query(Ranking).count() == 1
    mail = db.session.query(OutboxMail).filter_by(kind="applications.ineligible").one()
    assert "did not come from the State" in mail.body
    verify_is_clean()


def test_slots_give_every_state_one_before_any_second(room):
    call, rows = room.ranked(seats_per_state=2)
    ranked = panel_service.ranked_ids(call)
    by_state = {a: [n.id for n in nominees_of(a)] for a in ranked}
    slots = ranked_slots(call.id)
    assert [(s.application_id, s.nominee_id) for s in slots] == [
        *((a, by_state[a][0]) for a in ranked), *((a, by_state[a][1]) for a in ranked)]
    assert [s.position for s in slots] == [1, 2, 3, 4, 5, 6]
    assert {s.recommended for s in slots} == {"reserve"}
    advice = [panel_service.Advice(ranked[0], "recommend", 1, 2), panel_service.Advice(ranked[1], "recommend", 2, 1),
              panel_service.Advice(ranked[2], "not", 3, 0, "Already represented.")]
    panel_service.recommend(call.id, advice, call.version, room.panel)
    assert [(s.application_id, s.recommended) for s in ranked_slots(call.id)] == [
        (ranked[0], "recommend"), (ranked[1], "recommend"), (ranked[2], "not"),
        (ranked[0], "recommend"), (ranked[1], "reserve"), (ranked[2], "not")]
    assert ranked_slots(call.id)[2].reason == "Already represented."
    assert len(rows) == 3


def test_slots_follow_the_panels_order_and_leave_out_who_withdrew(room):
    call, _rows = room.ranked()
    a, b, c = panel_service.ranked_ids(call)
    panel_service.recommend(call.id, [panel_service.Advice(b, "recommend", 1, 1, "Chairs a group."),
                                      panel_service.Advice(a, "recommend", 2, 1, "Behind the chair."),
                                      panel_service.Advice(c, "reserve", 3, 0)], call.version, room.panel)
    assert [s.application_id for s in ranked_slots(call.id)] == [b, a, c]
    row = fresh(Application, b)
    application_service.withdraw(b, row.version, "",
                                 room.make.actor("focal_point", organisation=row.organisation_id))
    assert [(s.application_id, s.position) for s in ranked_slots(call.id)] == [(a, 1), (c, 2)]


def test_the_panel_may_change_its_mind_until_the_decision(room):
    call, rows = room.recommended(("recommend", "reserve"))
    advice = [panel_service.Advice(r.id, "recommend", n, 1) for n, r in enumerate(rows, 1)]
    panel_service.recommend(call.id, advice, call.version, room.panel)
    assert [fresh(Application, r.id).state for r in rows] == ["recommended", "recommended"]
    assert call_by_id(call.id).recommendation_round == 2
    verify_is_clean()


def test_decision(room):
    call, rows = room.recommended()
    head = room.make.actor("head_of_fund")
    with pytest.raises(NotAllowed):
        mark_decided(rows[0].id, "selected", room.manager)
    mark_decided(rows[0].id, "selected", head)
    mark_decided(rows[0].id, "selected", head)  # again: nothing happens
    with pytest.raises(RuleBroken) as refused:
        close_decided(call.id, head)
    assert refused.value.code == "applications.undecided"
    mark_decided(rows[1].id, "reserve_list", head)
    mark_decided(rows[2].id, "not_selected", head)
    close_decided(call.id, head)
    verify_is_clean()
    mark_decided(rows[1].id, "selected", system("awards.promotion"))
    assert application_by_id(rows[1].id).state == "selected"
    with pytest.raises(IllegalMove):
        mark_decided(rows[2].id, "selected", head)


# --- a meeting that moves ---------------------------------------------------------------------------------------
def test_postponed_meeting_suspends_and_keeps_everything(room):
    subscribe()
    call, rows = room.recommended()
    room.meeting.state = "postponed"
    meeting_moved.send(MeetingMoved(room.meeting.id, room.meeting.start_date, room.meeting.end_date, None, None))
    db.session.commit()
    call = fresh(Call, call.id)
    assert call.state == "suspended" and call.suspended_from == "recommended"
    assert [fresh(Application, r.id).state for r in rows] == ["recommended", "reserve", "not_recommended"]
    assert db.session.query(OutboxMail).filter_by(kind="applications.call-suspended").count() == 3
    with pytest.raises(RuleBroken) as refused:
        call_service.resume_call(call.id, call.version, room.manager)
    assert refused.value.code == "call.meeting_undated"
    room.meeting.state = "published"
    db.session.commit()
    call_service.resume_call(call.id, call.version, room.manager)
    assert fresh(Call, call.id).state == "closed"
    assert {fresh(Application, r.id).state for r in rows} == {"eligible"}
    verify_is_clean()
    call = fresh(Call, call.id)
    ranking_service.rank_call(call.id, call.version, room.manager)
    advice = [panel_service.Advice(a, "reserve", n, 0)
              for n, a in enumerate(panel_service.ranked_ids(fresh(Call, call.id)), 1)]
    panel_service.recommend(call.id, advice, fresh(Call, call.id).version, room.panel)
    assert call_by_id(call.id).recommendation_round == 2 and call_by_id(call.id).ranking_round == 2


def test_cancelled_meeting_ends_calls_and_applications(room):
    subscribe()
    call = room.call()
    draft, sent = room.draft(call, "XA"), room.sent(call, "XB")
    meeting_cancelled.send(MeetingCancelled(room.meeting.id))
    db.session.commit()
    assert fresh(Call, call.id).state == "cancelled"
    assert {fresh(Application, a.id).state for a in (draft, sent)} == {"cancelled"}
    told = db.session.query(OutboxMail).filter_by(kind="applications.call-cancelled").all()
    assert len(told) == 1
    verify_is_clean()


# --- what the database refuses ----------------------------------------------------------------------------------
def refused_by(name):
    return pytest.raises(IntegrityError, match=name)


@pytest.mark.parametrize(("change", "name"), [
    ({"closes_at": NOW - timedelta(days=1), "grace_until": NOW}, "opens_before_it_closes"),
    ({"grace_until": NOW + timedelta(days=29)}, "grace_follows_closing"),
    ({"offer_days": 0}, "offer_days"),
    ({"seats_per_state": 0}, "seats_per_state"),
    ({"estimate_dsa_minor": -1}, "estimates_not_negative"),
    ({"estimate_ticket_minor": 0, "estimate_dsa_minor": 0, "estimate_terminal_minor": 0}, "estimate_of_something"),
    ({"ceiling_minor": 0}, "ceiling_positive"),
])
def test_call_constraints(room, change, name):
    call = room.call()
    with refused_by(name):
        db.session.execute(sa.update(Call).where(Call.id == call.id).values(**change))
    db.session.rollback()


@pytest.mark.parametrize(("change", "name"), [
    ({"could_not_attend_otherwise": False}, "declares_need"),
    ({"received_at": None}, "sent_has_receipt"),
    ({"state": "returned"}, "returned_until"),
])
def test_application_constraints(room, change, name):
    application = room.sent(room.call())
    with refused_by(name):
        db.session.execute(sa.update(Application).where(Application.id == application.id).values(**change))
    db.session.rollback()


def test_one_live_application_per_state_and_call(room):
    application = room.draft(room.call())
    with pytest.raises(IntegrityError):
        db.session.execute(sa.insert(Application).values(
            reference="APP-X", call_id=application.call_id, organisation_id=application.organisation_id,
            state="draft", created_at=NOW, could_not_attend_otherwise=False, received_after_date=False,
            screening_round=0, is_demo=True, version=1))
    db.session.rollback()


def test_no_state_that_the_table_does_not_know(room):
    call = room.call()
    with pytest.raises(IntegrityError):
        db.session.execute(sa.update(Call).where(Call.id == call.id).values(state="forgotten"))
        db.session.execute(sa.text("SELECT 1"))
        db.session.commit()
    db.session.rollback()


@pytest.mark.parametrize("table", ["screening", "ranking", "recommendation"])
@pytest.mark.parametrize("statement", ["DELETE FROM {0}", "UPDATE {0} SET round = 9"])
def test_what_was_found_is_never_changed(room, table, statement):
    room.recommended()
    with pytest.raises(sa.exc.DatabaseError, match="append-only"):
        db.session.execute(sa.text(statement.format(table)))
    db.session.rollback()


# --- lists cost the same however long ---------------------------------------------------------------------------
def test_lists_take_a_fixed_number_of_queries(room, as_person, queries):
    call = room.call()
    officer = as_person(room.make.person("fund_manager"))
    focal = as_person(room.focal_point("XA"))
    room.sent(call, "XA")
    pages = [(officer, f"/sponsorship/calls/{call.id}/applications"), (officer, f"/sponsorship/calls/{call.id}/manage"),
             (officer, "/sponsorship/calls/"), (focal, "/sponsorship/applications/"), (focal, "/sponsorship/apply/"),
             (officer, "/desk")]

    def cost():
        found = []
        for client, path in pages:
            before = len(queries)
            assert client.get(path).status_code == 200
            found.append(len(queries) - before)
        return found

    cost()
    one = cost()
    for code in ("XB", "XC", "XD", "XE", "XF"):
        room.sent(call, code)
    room.call("draft")
    assert cost() == one


# --- races ------------------------------------------------------------------------------------------------------
def in_threads(app, *functions):
    results = [None] * len(functions)
    barrier = threading.Barrier(len(functions))

    def run(n, function):
        with app.app_context(), clock.moved_to(NOW):
            barrier.wait()
            try:
                results[n] = function()
            except Exception as error:
                results[n] = error
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run, args=(n, f)) for n, f in enumerate(functions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


@pytest.mark.real_database
def test_colleagues_who_begin_at_once_find_one_application(app, make):
    with clock.moved_to(NOW):
        room = kit(make)
        call_id, organisation = room.call().id, make.state("XA")
        actors = [make.actor("focal_point", organisation=organisation) for _ in range(6)]
    db.session.remove()
    results = in_threads(app, *(lambda a=a: application_service.start(call_id, organisation, a) for a in actors))
    assert len(set(results)) == 1 and not isinstance(results[0], Exception), results
    assert db.session.query(Application).count() == 1 and db.session.query(Nominee).count() == 1


@pytest.mark.real_database
def test_sending_twice_at_once_is_received_once(app, make):
    with clock.moved_to(NOW):
        room = kit(make)
        organisation = make.state("XA")
        actors = [make.actor("focal_point", organisation=organisation) for _ in range(4)]
        application = room.complete(room.call(), "XA", actor=actors[0])
        key, version = application.id, application.version
    db.session.remove()
    results = in_threads(app, *(lambda a=a: application_service.submit(key, version, a) for a in actors))
    assert sum(r is None for r in results) == 1, results
    assert all(r is None or isinstance(r, IllegalMove | Stale) for r in results), results
    assert db.session.query(Event).filter_by(tag="applications.application.submit").count() == 1


@pytest.mark.real_database
def test_writing_the_same_page_at_once_loses_nobodys_words(app, make):
    with clock.moved_to(NOW):
        room = kit(make)
        organisation = make.state("XA")
        actors = [make.actor("focal_point", organisation=organisation) for _ in range(4)]
        key = room.draft(room.call(), "XA", actor=actors[0]).id
    db.session.remove()

    def save(n, actor):
        words = {"own_contribution": f"words {n}"}
        return application_service.save_step(key, "contribution", None, typed=words, values=words, complete=True,
                                             expected_version=0, actor=actor)

    results = in_threads(app, *(lambda n=n, a=a: save(n, a) for n, a in enumerate(actors)))
    assert sum(r == 1 for r in results) == 1 and sum(isinstance(r, Stale) for r in results) == 3, results


@pytest.mark.real_database
def test_closing_and_sending_at_once_agree(app, make):
    with clock.moved_to(NOW):
        room = kit(make)
        actor = make.actor("focal_point", organisation=make.state("XA"))
        call = room.call()
        application = room.complete(call, "XA", actor=actor)
        key, version, call_id = application.id, application.version, call.id
    db.session.remove()
    late = datetime(2027, 4, 1, tzinfo=UTC)
    sent, closed = in_threads(app, lambda: application_service.submit(key, version, actor),
                              lambda: call_service.close_due(call_id, late))
    assert closed == "closed"
    row = db.session.get(Application, key)
    if sent is None:
        assert row.state == "submitted"
    else:
        assert isinstance(sent, RuleBroken) and row.state == "draft"
