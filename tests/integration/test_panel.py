"""Who sits on the panel and who is recused from which State, by rule and by declaration, in the command and in the
database; the recommendation that several members record together; the decision beside the ranking."""

import re
import threading
import uuid
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from accounts.models import Person
from accounts.service import grant
from core import clock, jobs
from core.actor import person
from core.db import db
from core.errors import NotAllowed, RuleBroken, Stale
from core.events import Event
from core.outbox import OutboxMail
from core.verify import CHECKS
from core.web.formats import format_day
from sponsorship.applications import call_service, chairs, panel_service, recusals
from sponsorship.applications.chair_models import CallChair
from sponsorship.applications.models import Application, Call, Recommendation, Recusal
from sponsorship.applications.panel_service import Advice
from sponsorship.applications.queries import ranked_slots
from sponsorship.awards.decision_service import ADVISED, Choice, decide
from sponsorship.contributions.models import Agreement
from sponsorship.ledger.service import open_pool
from tests.support.applications import NOW, fresh, kit
from tests.support.pages import decide_by_pages
from tests.support.people import TESTS


@pytest.fixture
def room(make):
    with clock.moved_to(NOW):
        yield kit(make)


def refused(code, act, error=RuleBroken):
    with pytest.raises(error) as found:
        act()
    assert found.value.code == code, found.value.code
    return found.value


def verify_is_clean():
    for name, check in CHECKS.items():
        if name.startswith("applications."):
            _checked, faults = check()
            assert not faults, (name, faults)


def recommend(call, actor, *rows):
    """Rows are (application, outcome, place, reason)."""
    panel_service.recommend(call.id, [
        Advice(a.id, outcome, place, int(outcome == "recommend"), reason) for a, outcome, place, reason in rows
    ], fresh(Call, call.id).version, actor)
    return fresh(Call, call.id)


def kept(call):
    return {(r.person_id, r.organisation_id, r.cause) for r in db.session.query(Recusal).filter_by(call_id=call.id)}


def chaired(room, call, actor, state, capacity="chair"):
    """The member takes the Chair's part under a call."""
    chairs.designate(call.id, actor.person_id, state, capacity, "Letter of 1 March 2027", fresh(Call, call.id).version,
                     room.manager)
    return fresh(Call, call.id)


def test_whose_members_sit_and_who_is_recused_by_rule(room):
    xa, xb, xc = (room.make.state(code) for code in ("XA", "XB", "XC"))
    chair = room.make.actor("panel_member", organisation=xb)
    donor_id = room.make.donor("GIVES", "A donor")
    donor = room.make.actor("panel_member", organisation=donor_id)
    head_of_donor_state = room.make.actor("panel_member", organisation=xc)
    helper = room.make.person("panel_member")  # secretariat, and once focal point of XA: that has ended
    grant(TESTS, helper.id, xa, "focal_point", valid_from=date(2000, 1, 1), valid_to=date(2026, 1, 1))
    for governance, seated in (("secretariat_chair", False), ("elected_committee", False), ("donor_committee", True)):
        ldc_pool = open_pool(f"ldc{uuid.uuid4().hex[:6]}", "For LDCs", earmark={"facts": ["ldc"]})
        db.session.add_all(
            Agreement(organisation_id=who, reference=f"{governance}-{n}", exchange_of_letters=date(2026, 1, 1),
                      pool_id=pool, recorded_at=NOW)
            for n, (who, pool) in enumerate(((donor_id, ldc_pool), (xc, room.pool_id))))
        db.session.commit()
        call, rows = room.ranked(governance=governance, pool_ids=(ldc_pool, room.pool_id))
        expected = {(chair.person_id, xb, "own_state"), (head_of_donor_state.person_id, xc, "own_state")}
        if governance == "secretariat_chair":  # of the States only the Chair sits, once designated
            assert kept(call) == set()
            refused("panel.no_seat", lambda call=call: recusals.declare(call.id, xa, "x", chair), NotAllowed)
            call, expected = chaired(room, call, chair, xb), {(chair.person_id, xb, "own_state")}
        if governance == "donor_committee":
            expected |= {(donor.person_id, xa, "agreement")}  # XA is the LDC; XC's money is not earmarked for States
        assert kept(call) == expected, governance
        a, b, c = (fresh(Application, r.id) for r in rows)
        if seated:
            call = recommend(call, donor, (b, "recommend", 2, ""), (c, "reserve", 3, ""))
            assert call.state == "ranked" and call.panel_round_open == 1
        else:
            refused("panel.no_seat", lambda call=call, a=a: recommend(call, donor, (a, "recommend", 1, "")), NotAllowed)
            refused("panel.no_seat", lambda call=call: recusals.declare(call.id, xa, "x", donor), NotAllowed)
    assert recusals.recused_from(call.id, helper.id) == set(), "secretariat staff are not treated as a State"


def test_a_recused_member_leaves_the_line_to_another(room):
    xb = room.make.state("XB")
    chair = room.make.actor("panel_member", organisation=xb)
    call, _rows = room.ranked()
    call = chaired(room, call, chair, xb)
    a, b, c = (fresh(Application, i) for i in panel_service.ranked_ids(call))
    assert b.organisation_id == xb
    refused("panel.recused", lambda: recommend(
        call, chair, (a, "recommend", 1, ""), (b, "recommend", 2, ""), (c, "reserve", 3, "")))
    # nor may the member take its place or make the others pass it over unseen
    error = refused("panel.advice", lambda: recommend(call, chair, (a, "recommend", 1, ""), (c, "reserve", 2, "")))
    assert error.field == f"{c.id}-position"
    call = recommend(call, chair, (a, "reserve", 1, ""), (c, "reserve", 3, ""))
    assert (call.state, call.recommendation_round, call.panel_round_open) == ("ranked", 0, 1)
    assert fresh(Application, a.id).state == "eligible", "only a complete round counts"
    refused("panel.recused", lambda: recommend(call, chair, (b, "recommend", 2, "")))
    # the colleague completes it; B treated better than A before it is the colleague's to explain
    error = refused("panel.advice", lambda: recommend(call, room.panel, (b, "recommend", 2, "")))
    assert error.field == f"{b.id}-reason"
    refused("panel.advice", lambda: recommend(call, room.panel, (b, "recommend", 1, "Chairs a group.")))
    call = recommend(call, room.panel, (b, "recommend", 2, "Chairs a group."))
    assert (call.state, call.recommendation_round, call.panel_round_open) == ("recommended", 1, None)
    assert [fresh(Application, r.id).state for r in (a, b, c)] == ["reserve", "recommended", "reserve"]
    by = {r.application_id: r.by_person for r in db.session.query(Recommendation)}
    assert by == {a.id: chair.person_id, b.id: room.panel.person_id, c.id: chair.person_id}
    part = db.session.query(Event).filter_by(tag="applications.call.recommend_part").one()
    assert part.data == {"round": 1, "states": 2, "left": 1}
    verify_is_clean()


def test_what_is_half_recorded_is_put_aside_or_falls_with_the_ranking(room):
    chair = room.make.actor("panel_member", organisation=room.make.state("XB"))
    call, _rows = room.ranked()
    call = chaired(room, call, chair, room.make.state("XB"))
    a, b, c = (fresh(Application, i) for i in panel_service.ranked_ids(call))
    refused("panel.nothing_open", lambda: panel_service.begin_again(call.id, call.version, room.panel))
    call = recommend(call, chair, (a, "recommend", 1, ""), (c, "reserve", 3, ""))
    with pytest.raises(Stale):
        panel_service.begin_again(call.id, call.version - 1, room.panel)
    panel_service.begin_again(call.id, call.version, room.panel)
    call = recommend(fresh(Call, call.id), room.panel, (a, "recommend", 1, ""), (b, "recommend", 2, ""),
                     (c, "reserve", 3, ""))
    assert (call.recommendation_round, call.panel_round_open) == (2, None)
    # begun anew by the chair, then a State withdraws: the places have moved, so the half is not gone on with
    call = recommend(call, chair, (a, "recommend", 1, ""), (c, "recommend", 3, ""))
    assert call.state == "recommended" and call.panel_round_open == 3
    assert [s.recommended for s in ranked_slots(call.id)] == ["recommend", "recommend", "reserve"], "the last whole one"
    from sponsorship.applications import application_service

    application_service.withdraw(c.id, fresh(Application, c.id).version, "",
                                 room.make.actor("focal_point", organisation=c.organisation_id))
    call = recommend(call, room.panel, (a, "recommend", 1, ""), (b, "reserve", 2, ""))
    assert (call.recommendation_round, call.panel_round_open) == (4, None)
    verify_is_clean()


def test_an_interest_is_declared_once_for_the_whole_call(room, as_person):
    call, rows = room.recommended()
    a, b, _c = rows
    other = room.make.actor("panel_member")
    refused("recusal.reason", lambda: recusals.declare(call.id, a.organisation_id, " ", room.panel))
    refused("recusal.state", lambda: recusals.declare(call.id, room.make.state("XE"), "kin", room.panel))
    refused("needs.panel.recommend",
            lambda: recusals.declare(call.id, a.organisation_id, "kin", room.manager), NotAllowed)
    for _twice in range(2):
        recusals.declare(call.id, a.organisation_id, "My sister is the nominee.", room.panel)
    assert kept(call) == {(room.panel.person_id, a.organisation_id, "declared")}
    event = db.session.query(Event).filter_by(tag="applications.call.recuse").one()
    assert event.data == {"organisation_id": str(a.organisation_id)} and "sister" not in str(event.data)
    # what the member recorded before stands no more: the head cannot decide on it
    head, version = room.make.actor("head_of_fund"), fresh(Call, call.id).version
    choices = {s.nominee_id: Choice(ADVISED[s.recommended]) for s in ranked_slots(call.id)}
    error = refused("award.recused", lambda: decide(call.id, choices, head, version))
    assert a.reference in str(error.message)
    desk = as_person(room.make.person("panel_member")).get("/desk")
    assert "Record the recommendation again" in desk.get_data(as_text=True)
    recommend(fresh(Call, call.id), other, *((r, o, n, "as before" if o == "not" else "") for n, (r, o) in enumerate(
        zip(rows, ("recommend", "reserve", "not"), strict=True), 1)))
    decide(call.id, choices, head, fresh(Call, call.id).version)
    refused("recusal.not_now", lambda: recusals.declare(call.id, b.organisation_id, "kin", other))
    verify_is_clean()


def test_the_database_holds_recusals_by_itself(room):
    """Past every command: no line by a member of that State, none by one who declared, and nothing is taken back."""
    state = room.make.state("XB")
    chair = room.make.actor("panel_member", organisation=state)
    call, _rows = room.ranked()
    call = chaired(room, call, chair, state)
    stranger = room.make.actor("panel_member", organisation=room.make.state("XD"))
    a, b, _c = (fresh(Application, i) for i in panel_service.ranked_ids(call))
    recusals.declare(call.id, a.organisation_id, "kin", room.panel)

    def line(application, person_id):
        return sa.insert(Recommendation).values(
            id=uuid.uuid4(), call_id=call.id, round=9, application_id=application.id, outcome="reserve",
            position=1, seats=0, reason="", by_person=person_id, at=NOW)

    for application, actor, why in ((b, chair, "recused"), (a, room.panel, "recused"),
                                    (a, stranger, "only the secretariat and the Chair")):
        with pytest.raises(DatabaseError, match=why):
            db.session.execute(line(application, actor.person_id))
        db.session.rollback()
    for statement in ("DELETE FROM recusal", "UPDATE recusal SET reason = 'none'"):
        with pytest.raises(DatabaseError, match="append-only"):
            db.session.execute(sa.text(statement))
        db.session.rollback()
    with pytest.raises(DatabaseError, match="declared_has_reason"):
        db.session.execute(sa.insert(Recusal).values(
            id=uuid.uuid4(), call_id=call.id, person_id=chair.person_id, organisation_id=a.organisation_id,
            cause="declared", reason="", at=NOW))
    db.session.rollback()
    db.session.execute(line(a, chair.person_id))  # the Chair, of another State, may
    db.session.rollback()
    for change, why in (("SET source = 'x'", "append-only"), ("SET ended_at = designated_at", "(?i)check|constraint")):
        with pytest.raises(DatabaseError, match=why):
            db.session.execute(sa.text(f"UPDATE call_chair {change}"))
        db.session.rollback()


def test_the_chairs_part_begins_ends_and_recuses(room, as_person):
    """Designated on a paper for one call, one at a time, recused from the own State whatever becomes of the role."""
    xa, xb = room.make.state("XA"), room.make.state("XB")
    first = room.make.person("panel_member", organisation=xa, name="First Chair")
    second = room.make.person("panel_member", organisation=xb, name="Second Chair")
    call, _rows = room.ranked()
    a, b, c = (fresh(Application, i) for i in panel_service.ranked_ids(call))
    one, two = person(first.id), person(second.id)
    for wrong, code in (((first.id, xb, "chair", "x"), "chair.person"), ((first.id, xa, "king", "x"), "chair.capacity"),
                        ((first.id, xa, "chair", " "), "chair.source")):
        refused(code, lambda wrong=wrong: chairs.designate(call.id, *wrong, call.version, room.manager))
    refused("needs.call.manage", lambda: chaired_by(room.panel, call, one, xa), NotAllowed)
    manager = as_person(room.make.person("fund_manager"))
    url = f"/sponsorship/calls/{call.id}/chair"
    assert "Nobody is designated as the Chair" in text_of(manager.get(f"/sponsorship/calls/{call.id}/manage"))
    page = manager.get(url)
    data = {"version": version_in(page), "person": f"{first.id}:{xa}", "capacity": "representative", "source": ""}
    answer = manager.post(url, data=data)
    assert answer.status_code == 422 and "Write which paper says so" in text_of(answer)
    assert manager.post(url, data=data | {"source": "Letter of 2 March 2027"}).status_code == 303
    page = text_of(manager.get(f"/sponsorship/calls/{call.id}/manage"))
    assert "First Chair, State XA, sits on it: In the Chair’s place." in page and "Letter of 2 March 2027" in page
    told, = db.session.query(OutboxMail).filter_by(kind="applications.chair")
    assert told.to_address == first.email
    assert kept(call) == {(first.id, xa, "own_state")}
    refused("panel.recused", lambda: recommend(call, one, (a, "recommend", 1, ""), (b, "recommend", 2, ""),
                                               (c, "reserve", 3, "")))
    assert "Recommend on the ranked States" in as_person(first).get("/desk").text
    # the panel is told once each, and reminded; then the head
    asleep = [first.email, db.session.get(Person, room.panel.person_id).email]
    assert jobs.run("panel-tell").done == 1 and jobs.run("panel-tell").done == 0
    assert sorted(asleep) == sorted(
        m.to_address for m in db.session.query(OutboxMail).filter_by(kind="applications.panel-ranked"))
    due = datetime.combine(fresh(Call, call.id).decide_by, time(0), ZoneInfo("America/New_York")) - timedelta(days=3)
    # where the panel has a day of its own, it is reminded before that one; a day taken back leaves the other
    told_by = fresh(Call, call.id).decide_by
    for wrong in (told_by + timedelta(days=1), call.closes_at.date()):
        refused("call.panel_day", lambda wrong=wrong: call_service.set_panel_day(
            call.id, wrong, fresh(Call, call.id).version, room.manager))
    with pytest.raises(NotAllowed):
        call_service.set_panel_day(call.id, told_by, fresh(Call, call.id).version, room.panel)
    call_service.set_panel_day(call.id, told_by - timedelta(days=2), fresh(Call, call.id).version, room.manager)
    earlier = due - timedelta(days=2)
    assert [i[1] for i in jobs.preview("panel-remind", earlier)] == [earlier]
    assert format_day(told_by - timedelta(days=2)) in as_person(first).get(
        f"/sponsorship/calls/{call.id}/recommendation").text
    with clock.moved_to(earlier):
        assert jobs.run("panel-remind").done == 1 and jobs.run("panel-remind").done == 0
    mail = db.session.query(OutboxMail).filter_by(kind="applications.panel-due").first()
    assert mail.subject.startswith("The panel meets on")
    call_service.set_panel_day(call.id, None, fresh(Call, call.id).version, room.manager)
    assert [i[1] for i in jobs.preview("panel-remind", due)] == [due]
    assert not jobs.preview("panel-remind", due - timedelta(minutes=1))
    with clock.moved_to(due):
        assert jobs.run("panel-remind").done == 1 and jobs.run("panel-remind").done == 0
    # another takes the place: the former no longer records, and remains recused
    chaired(room, call, two, xb)
    refused("panel.no_seat", lambda: recommend(call, one, (b, "recommend", 2, ""), (c, "reserve", 3, "")), NotAllowed)
    recommend(call, two, (a, "recommend", 1, ""), (c, "reserve", 3, ""))
    refused("chair.reason", lambda: chairs.end(call.id, " ", fresh(Call, call.id).version, room.manager))
    page = manager.get(f"{url}/end")
    ended = manager.post(f"{url}/end", data={"version": version_in(page), "reason": "The term is over."})
    assert ended.status_code == 303 and [r.ended_at is None for r in db.session.query(CallChair)] == [False, False]
    refused("chair.nobody", lambda: chairs.end(call.id, "x", fresh(Call, call.id).version, room.manager))
    assert recommend(call, room.panel, (b, "recommend", 2, "")).state == "recommended"
    head = room.make.person("head_of_fund")
    assert jobs.run("decisions-tell").done == 1 and jobs.run("decisions-tell").done == 0
    mail, = db.session.query(OutboxMail).filter_by(kind="applications.decision-waits")
    assert mail.to_address == head.email and f"/sponsorship/calls/{call.id}/decision" in mail.body
    verify_is_clean()


def chaired_by(actor, call, who, state):
    chairs.designate(call.id, who.person_id, state, "chair", "x", fresh(Call, call.id).version, actor)


# --- pages ------------------------------------------------------------------------------------------------------
def text_of(answer):
    return re.sub(r"\s+", " ", answer.get_data(as_text=True))


def version_in(answer):
    return re.search(r'name="version"[^>]*value="(\d+)"', text_of(answer)).group(1)


def test_the_panel_records_together_and_the_head_sees_the_ranking_beside(room, as_person):
    xb = room.make.state("XB")
    chair_person, colleague = room.make.person("panel_member", organisation=xb, name="Chair Person"), room.make.person(
        "panel_member")
    chair, member = as_person(chair_person), as_person(colleague)
    call, _rows = room.ranked(criteria=("ldc", "equity_region", "equity_sex"), ranking_method="by_points",
                              weights={"ldc": 5, "equity_region": 2, "equity_sex": 1})
    call = chaired(room, call, person(chair_person.id), xb)
    a, b, c = (fresh(Application, i) for i in panel_service.ranked_ids(call))
    base = f"/sponsorship/calls/{call.id}"
    page = text_of(chair.get(f"{base}/ranking"))
    for words in ("How to check it by hand", "5 points", "Evidence and source of each value", "no regional group: 0",
                  "Female: 0", "State XB"):
        assert words in page, words
    csv = chair.get(f"{base}/ranking?format=csv").get_data(as_text=True).splitlines()
    assert csv[0].count(",") == 13 and "Region: places before" in csv[0] and len(csv) == 4
    assert chair.get(f"{base}/ranking?format=xlsx").data[:2] == b"PK"

    url = f"{base}/recommendation"
    page = chair.get(url)
    assert "You are recused" in text_of(page) and f'name="{b.id}-outcome"' not in text_of(page)
    answers = {"version": version_in(page)}
    for application, place in ((a, 1), (c, 3)):
        answers |= {f"{application.id}-outcome": "reserve", f"{application.id}-position": str(place),
                    f"{application.id}-seats": "0", f"{application.id}-reason": ""}
    assert chair.post(url, data=answers).location == url
    assert "another member records" in text_of(chair.get(url)).lower()
    page = member.get(url)
    assert "recorded by Chair Person" in text_of(page) and f'name="{a.id}-outcome"' not in text_of(page)
    rest = {"version": version_in(page), f"{b.id}-outcome": "recommend", f"{b.id}-position": "2",
            f"{b.id}-seats": "1", f"{b.id}-reason": ""}
    answer = member.post(url, data=rest)
    assert answer.status_code == 422 and "passes over a State" in text_of(answer)
    assert member.post(url, data=rest | {f"{b.id}-reason": "Chairs a group."}).status_code == 303
    assert fresh(Call, call.id).state == "recommended"

    page = member.get(f"{base}/recusal")
    form = {"version": version_in(page), "state": str(a.organisation_id), "reason": ""}
    assert member.post(f"{base}/recusal", data=form).status_code == 422
    assert member.post(f"{base}/recusal", data=form | {"reason": "A cousin works there."}).status_code == 303
    assert "A cousin works there." in text_of(member.get(url))

    head = as_person(room.make.person("head_of_fund"))
    page = head.get(f"{base}/decision")
    for words in ("Ranked", "LDC", "8 points", "The whole ranking with rules, values and evidence"):
        assert words in text_of(page), words
    slots = ranked_slots(call.id)
    sent = {"version": version_in(page)} | {f"outcome-{s.nominee_id}": ADVISED[s.recommended] for s in slots}
    assert decide_by_pages(head, f"{base}/decision", sent).status_code == 303
    page = text_of(head.get(f"{base}/decision"))
    assert "Ranking, recommendation and decision" in page and "Otherwise equal; received later." in page
    verify_is_clean()


def test_a_member_of_another_panel_reads_and_does_not_record(room, as_person):
    member = as_person(room.make.person("panel_member", organisation=room.make.donor("GIVES")))
    call, _rows = room.ranked()
    page = member.get(f"/sponsorship/calls/{call.id}/recommendation")
    assert "your organisation has no seat on the panel" in text_of(page) and "-outcome" not in text_of(page)
    answer = member.post(f"/sponsorship/calls/{call.id}/recommendation", data={"version": call.version}, check=False)
    assert answer.status_code in (403, 422)
    assert db.session.query(Recommendation).count() == 0 and fresh(Call, call.id).state == "ranked"


# --- races ------------------------------------------------------------------------------------------------------
def at_once(app, *functions):
    results = [None] * len(functions)
    barrier = threading.Barrier(len(functions))

    def run(n, function):
        with app.app_context(), clock.moved_to(NOW):
            barrier.wait()
            try:
                function()
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
def test_members_who_record_and_declare_at_once_agree(app, make):
    with clock.moved_to(NOW):
        room = kit(make)
        call, _rows = room.ranked()
        ids, members = panel_service.ranked_ids(call), [room.make.actor("panel_member") for _ in range(3)]
        state, call_id, version = fresh(Application, ids[0]).organisation_id, call.id, call.version
    db.session.remove()
    advice = [Advice(a, "reserve", n, 0) for n, a in enumerate(ids, 1)]
    results = at_once(
        app, *(lambda m=m: panel_service.recommend(call_id, advice, version, m) for m in members),
        lambda: recusals.declare(call_id, state, "kin", members[0]))
    assert results[3] is None, "who has an interest may say so whatever else happens"
    assert sum(r is None for r in results[:3]) <= 1, results
    assert all(r is None or isinstance(r, Stale | RuleBroken) for r in results), results
    lines = db.session.query(Recommendation).all()
    assert len(lines) == (3 if None in results[:3] else 0) and len({line.by_person for line in lines}) <= 1
    recorded = any(line.by_person == members[0].person_id for line in lines)
    assert bool(recusals.tainted(call_id)) is recorded, "either refused, or known to be recorded anew"
    verify_is_clean()
