"""The schedule as a whole: what was missed is caught up in order, what is foretold comes true, clocks change, two
schedulers do each thing once, a dead leader is replaced."""

from __future__ import annotations

import os
import signal
import threading
import time
import uuid
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from core import clock, jobs, scheduler
from core.db import command, db, insert_into, reading
from core.events import Event
from core.outbox import OutboxMail
from core.scheduler import LEASE_SECONDS, RENEW_SECONDS, Scheduler, SchedulerLease
from operations import schedule
from sponsorship.applications import call_service
from sponsorship.applications.call_forms import LocalInstant
from sponsorship.applications.models import Call
from sponsorship.awards.models import Award
from sponsorship.disbursements.planning import dates_for
from tests.support.applications import kit
from tests.support.award_story import AwardStory
from tests.support.crowd import in_processes
from tests.support.soak import SOAKING, count, note

DAY = timedelta(days=1)
MINE = ("calls-open", "calls-close", "applications-remind", "offers-remind", "offers-lapse", "reserve-lists-end",
        "disbursements-ready", "disbursements-remind", "disbursements-escalate", "awards-close")


def only(monkeypatch, *names):
    """The jobs under test alone: others speak to Stripe, or watch real time."""
    monkeypatch.setattr(jobs, "JOBS", {name: job for name, job in jobs.JOBS.items() if name in names})


def moves(tag: str) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(Event).where(Event.tag == tag)) or 0


def mails(kind: str) -> int:
    return db.session.query(OutboxMail).filter_by(kind=kind).count()


# --- missed runs ------------------------------------------------------------------------------------------------
def test_three_days_without_a_worker_are_caught_up_in_order_and_as_foretold(app, make, monkeypatch):
    """Reminder before escalation, a call opened before it is closed, an offer lapsed in its turn; each once."""
    only(monkeypatch, *MINE)
    with clock.moved_to(datetime(2027, 3, 1, 12, tzinfo=UTC)):
        story = AwardStory(make, states=3, recommended=2, money=2_000_000)
        awards = story.decide()
        story.offer(awards[0])
        story.accept(awards[0])
        story.give_bank_data(awards[0])
        payment = story.payments(awards[0])["ticket"]
        act_by = story.payment(payment).act_by
        room = kit(make)
    with clock.moved_to(act_by - timedelta(days=14, hours=12)):
        story.offer(awards[1])  # for fourteen days: it lapses twelve hours before the payment is overdue
    stops = act_by - 2 * DAY - timedelta(hours=12)
    with clock.moved_to(stops):
        jobs.catch_up()  # all that was due when the worker stopped
        late = room.call("draft", opens_at=act_by - 2 * DAY, closes_at=act_by - DAY, grace_until=act_by - DAY,
                         decide_by=(act_by + 10 * DAY).date())
        call_service.schedule_call(late.id, late.version, room.manager)
        with app.test_request_context("/"):
            seen = schedule.ahead(make.actor("auditor"), hours=72)
    foretold = [(one.job, one.item) for one in seen.items]
    assert ("calls-open", late.id) in foretold and ("calls-close", late.id) not in foretold, "what follows is not"
    named = {one.item: one.thing for one in seen.items if one.thing}
    assert named[awards[1]].name == story.award(awards[1]).reference and named[awards[1]].url == f"/awards/{awards[1]}"
    assert named[payment].url == f"/disbursements/{payment}" and named[late.id].name == late.reference

    with clock.moved_to(stops + 3 * DAY):
        at = {(job.name, item): due for job in jobs.JOBS.values() for item, due, _w in job.due(clock.now(), 500)}
        db.session.rollback()
        done = jobs.catch_up()
        order = [(name, item) for name, item, word in done if word]
        assert len(order) == len(set(order)) == len(done), "each once, none failed"
        opened, closed = order.index(("calls-open", late.id)), order.index(("calls-close", late.id))
        lapsed = order.index(("offers-lapse", awards[1]))
        escalated = order.index(("disbursements-escalate", payment))
        assert opened < closed < lapsed < escalated, order
        assert [pair for pair in order if pair in at] == sorted(at, key=at.__getitem__), "by the instants at which due"
        assert set(foretold) <= set(order), "what was foretold has come true"
        assert jobs.catch_up() == [] and db.session.get(Call, late.id).state == "closed"
        runs = {run.name: run for run in db.session.scalars(sa.select(jobs.JobRun))}
        assert runs["calls-close"].done == 1 and runs["calls-close"].ended_at is not None


def test_a_reminder_that_was_missed_comes_before_the_escalation(make, monkeypatch):
    only(monkeypatch, *MINE)
    with clock.moved_to(datetime(2027, 3, 1, 12, tzinfo=UTC)):
        story = AwardStory(make)
        award = story.accepted()
        story.give_bank_data(award)
        payment = story.payments(award)["ticket"]
        act_by = story.payment(payment).act_by
    with clock.moved_to(act_by + timedelta(hours=1)):
        mine = [name for name, item, _word in jobs.catch_up() if item == payment]
    assert mine == ["disbursements-remind", "disbursements-escalate"]


def test_one_that_fails_is_told_of_and_stops_nothing(app, monkeypatch):
    items = {name: [(uuid.uuid4(), datetime(2027, 1, day, tzinfo=UTC), "x") for day in days]
             for name, days in (("one", (1, 3, 5)), ("two", (2, 4)))}
    done: list[uuid.UUID] = []

    def job(name):
        def perform(item, _now):
            if item == items["one"][1][0]:
                raise ValueError("broken row")
            done.append(item)
            return "ok"

        return jobs.Job(name, name, 60, lambda now, limit: [i for i in items[name] if i[0] not in done][:limit],
                        perform, batch=1)

    monkeypatch.setattr(jobs, "JOBS", {name: job(name) for name in items})
    found = jobs.catch_up()
    assert [name for name, _item, _word in found] == ["one", "two", "one", "two", "one"]
    assert [word for _name, _item, word in found] == ["ok", "ok", "", "ok", "ok"]
    run = db.session.scalars(sa.select(jobs.JobRun).where(jobs.JobRun.name == "one")).one()
    assert (run.done, run.failed, run.error) == (2, 1, "ValueError: ")
    left = iter((True, True, False))
    done.clear()
    assert len(jobs.catch_up(go_on=lambda: next(left))) == 2, "whoever no longer leads stops"


def test_every_job_says_when_its_items_fall_due(app, make):
    """Asked for an instant that lies ahead, no job says more is due now than it does now, nor names an instant that is
    later than the one asked about."""
    with clock.moved_to(datetime(2027, 3, 1, 12, tzinfo=UTC)):
        story = AwardStory(make, states=4, recommended=2, money=2_000_000)
        awards = story.decide()
        story.offer(awards[0])
        story.accept(awards[0])
        story.offer(awards[1])
        asked = 0
        for ahead in (timedelta(), DAY, 20 * DAY, 150 * DAY):
            until = clock.now() + ahead
            for name, job in jobs.JOBS.items():
                if job.sweeping:
                    assert job.due(until, 5)[0][0] == jobs.SWEEP
                    continue
                for item, due, word in jobs.preview(name, until):
                    assert due.tzinfo is not None and due <= until and word, (name, item)
                    if due <= clock.now() and ahead < 2 * DAY:
                        assert item in {i for i, _d, _w in jobs.preview(name, clock.now())}, (name, item)
                    asked += 1
        assert asked > 10
        # mail goes by real time, and is foretold all the same
        later = db.session.scalars(sa.select(OutboxMail)).first()
        assert later is not None and later.due_at <= clock.real_now()
        later.due_at = clock.real_now() + timedelta(hours=5)
        db.session.flush()
        assert later.id not in {i for i, _d, _w in jobs.preview("outbox", clock.now())}
        later.due_at = clock.real_now() + timedelta(hours=5)
        db.session.commit()
        assert later.id in {i for i, _d, _w in jobs.preview("outbox", clock.now() + DAY)}


# --- pages and commands -----------------------------------------------------------------------------------------
def test_the_page_of_tomorrow_names_and_links_for_those_who_may_see(make, as_person, app):
    now = clock.now()
    with clock.moved_to(now - timedelta(days=14)):  # so it lapses when this day ends at the fund's seat
        story = AwardStory(make, states=2, recommended=1)
        awards = story.decide()
        story.offer(awards[0])
    reference = story.award(awards[0]).reference
    for role, linked in (("auditor", True), ("administrator", False)):
        page = as_person(make.person(role)).get("/operations/tomorrow").text
        assert reference in page and ("waits now" in page), "a reminder that went out late is named now, not tomorrow"
        assert (f'href="/awards/{awards[0]}"' in page) is linked
        assert "Check every invariant" in page and "10 minutes" in page
    page = as_person(make.person("administrator")).get("/operations/schedule").text
    assert "offers-lapse" in page and "1 hour" in page
    runner = app.test_cli_runner()
    told = runner.invoke(args=["jobs", "preview", "--at", (now + DAY).isoformat()]).output
    assert "offers-lapse" in told and str(awards[0]) in told and "every 600 s" in told
    dry = runner.invoke(args=["jobs", "run", "offers-lapse", "--at", (now + DAY).isoformat(), "--dry-run"]).output
    assert str(awards[0]) in dry and story.award(awards[0]).state == "offered", "nothing was changed"


def test_the_page_of_tomorrow_asks_a_fixed_number_of_queries(make, queries):
    actor = make.actor("auditor")
    counts = []
    for size in (5, 200):
        with clock.moved_to(clock.now() - timedelta(days=1)):
            command(lambda n=size: db.session.execute(insert_into(OutboxMail).values([
                {"id": uuid.uuid4(), "kind": "probe", "to_address": "a@b.example", "subject": "s", "body": "b",
                 "created_at": clock.real_now(), "due_at": clock.real_now(), "attempts": 0,
                 "dedupe_key": uuid.uuid4().hex} for _ in range(n)])))()
        queries.clear()
        assert len(schedule.ahead(actor).items) >= size
        counts.append(len(queries))
    assert counts[0] == counts[1], counts


# --- clocks change ----------------------------------------------------------------------------------------------
NIGHTS = [  # place, the night of the change, its kind
    ("America/New_York", date(2027, 3, 14), "spring"), ("America/New_York", date(2027, 11, 7), "autumn"),
    ("Europe/Zurich", date(2027, 3, 28), "spring"), ("Europe/Zurich", date(2027, 10, 31), "autumn"),
]


@pytest.mark.parametrize(("zone", "day", "change"), NIGHTS)
def test_the_night_of_the_clock_change(make, monkeypatch, zone, day, change):
    """A call that opens before and closes after the change, by the wall clock of the meeting's place; the schedule
    wakes every quarter of an hour: each thing once, at the first wake after its instant, and the closing is as many
    real hours later as that night has."""
    only(monkeypatch, "calls-open", "calls-close")
    opens, closes = LocalInstant(day, "00:30", zone), LocalInstant(day, "04:30", zone)
    hours = {"spring": 3, "autumn": 5}[change]
    assert closes.utc - opens.utc == timedelta(hours=hours)
    inside = LocalInstant(day, "02:30" if zone.startswith("Europe") or change == "spring" else "01:30", zone)
    assert inside.exists is (change == "autumn"), "an hour that is left out cannot be chosen"
    start = opens.utc - timedelta(hours=2)
    with clock.moved_to(start - 20 * DAY):
        room = kit(make)
        room.meeting.timezone = zone
        room.meeting.start_date, room.meeting.end_date = day + 90 * DAY, day + 94 * DAY
        db.session.commit()
        call = room.call("draft", opens_at=opens.utc, closes_at=closes.utc, grace_until=closes.utc,
                         decide_by=day + 20 * DAY)
        call_service.schedule_call(call.id, call.version, room.manager)
    happened = {}
    for quarter in range(40):
        now = start + quarter * timedelta(minutes=15)
        with clock.moved_to(now):
            for name in ("calls-open", "calls-close"):
                for item, word in jobs.run(name).results:
                    assert item == call.id and word in ("opened", "closed") and word not in happened
                    happened[word] = now
    assert happened == {"opened": opens.utc, "closed": closes.utc + timedelta(minutes=15)}, (
        "open at its instant; what is sent at the very instant of closing is still taken")


@pytest.mark.parametrize(("zone", "day", "change"), NIGHTS)
def test_payments_fall_due_at_the_hour_of_the_office_before_and_after_the_change(app, zone, day, change, monkeypatch):
    """The hour is that of the office's wall clock on each day: as many hours of UTC apart as the days have."""
    from sponsorship.disbursements import planning

    real = planning.setting
    monkeypatch.setattr(planning, "setting", lambda name, on: zone if name == "office_zone" else real(name, on))
    instants = set()
    for ahead in range(1, 40):
        dates = dates_for("ticket", day + ahead * DAY, day + (ahead + 5) * DAY, day)
        for instant in (dates.request_by, dates.certify_by, dates.approve_by, dates.due_at, dates.confirm_by):
            assert instant.astimezone(ZoneInfo(zone)).hour == int(real("office_hour", day))
            instants.add(instant)
    assert len({instant.hour for instant in instants}) == 2, "both sides of the change were looked at"


# --- two at once ------------------------------------------------------------------------------------------------
@pytest.fixture
def overdue(make, monkeypatch):
    """Four offers that have lapsed by now, in real time, with a reserve list of four; mail to be sent."""
    only(monkeypatch, "offers-remind", "offers-lapse", "outbox")
    with clock.moved_to(clock.real_now() - 20 * DAY):
        story = AwardStory(make, states=8, recommended=4, money=10_000_000)
        awards = story.decide()
        for award in awards[:4]:
            story.offer(award)
    db.session.commit()
    return story, awards[:4]


def done_once(story: AwardStory, awards: list[uuid.UUID]) -> None:
    db.session.rollback()
    assert moves("awards.award.lapse") == moves("awards.award.promote") == 4
    assert mails("award-lapsed") == 4, "one focal point each"
    assert db.session.query(Award).filter(Award.replaces_id.in_(awards)).count() == 4
    assert story.verify() == []


@pytest.mark.real_database
def test_two_schedulers_that_both_believe_they_lead_do_each_thing_once(app, overdue):
    """Two processes, no lease between them: what keeps them apart is that each item is locked and looked at again."""
    story, awards = overdue
    in_processes(app, [lambda: bool(jobs.catch_up()), lambda: bool(jobs.catch_up())])
    jobs.run("outbox")
    done_once(story, awards)
    folder = app.extensions["placard_settings"].mailbox_dir
    sent = [path.read_text() for path in folder.glob("*.eml")]
    total = db.session.query(OutboxMail).filter(OutboxMail.sent_at.is_not(None)).count()
    assert db.session.query(OutboxMail).count() == total == len(sent), "each mail was sent, and once"


def _start(app, lease: int, renew: float) -> int:
    """A scheduler in a process of its own, until it is killed."""
    db.session.remove()
    db.engine.dispose()
    child = os.fork()
    if child:
        return child
    try:
        with app.app_context():
            db.engine.dispose(close=False)
        Scheduler(app, lease=lease, renew=renew).start()
        time.sleep(300)
    finally:
        os._exit(7)


def until(true, seconds: float) -> float:
    """Seconds until it is true. Raises AssertionError when it does not become so in time."""
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        if look(true):
            return time.monotonic() - start
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds} seconds")


def look(read):
    """What `read` finds now; it leaves no transaction open, which would keep the schedulers waiting."""
    db.session.rollback()
    with reading():
        try:
            return read()
        finally:
            db.session.rollback()


def lease() -> tuple[str, int]:
    """Who leads, until when."""
    row = db.session.get(SchedulerLease, "scheduler", populate_existing=True)
    return (row.holder, row.expires_epoch) if row is not None else ("", 0)


def replaced_after(app, overdue, seconds: int, renew: float, turn: int) -> float:
    """Two schedulers; the one that leads is killed just after it has renewed its lease. Seconds until the other leads,
    which then does what has fallen due since."""
    story, awards = overdue
    children = [_start(app, seconds, renew) for _ in range(2)]
    try:
        until(lambda: moves("awards.award.lapse") == 4, 60)
        held, expires = look(lease)
        pid = int(held.split(":")[1])
        assert pid in children
        until(lambda: lease()[1] != expires, seconds + 10)  # it has just renewed: the longest time without a leader
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        children.remove(pid)
        took = until(lambda: lease()[0] != held, 60)
        assert look(lease)[0].split(":")[1] == str(children[0])
        _mail(turn)
        until(lambda: db.session.query(OutboxMail).filter(OutboxMail.sent_at.is_(None)).count() == 0, 30)
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    done_once(story, awards)
    return took


@command
def _mail(turn: int) -> None:
    from core.outbox import send_mail

    send_mail("after@kill.example", kind="probe", subject=f"Still sent, {turn}", body="By the next leader.")


@pytest.mark.real_database
def test_a_dead_leader_is_replaced(app, overdue):
    """Killed for real. With a lease of 4 seconds renewed each second; the real constants stand in the sum below, and
    are played in full by `make soak`."""
    if SOAKING:
        seconds, renew = LEASE_SECONDS, RENEW_SECONDS
    else:
        seconds, renew = 4, 1
    took = [replaced_after(app, overdue, seconds, renew, turn) for turn in range(count("LEADERS", 1))]
    assert max(took) <= seconds + renew + 3, f"{took}: 3 seconds for a machine that is busy"
    note(f"another led after {', '.join(f'{one:.0f}' for one in took)} s")
    assert LEASE_SECONDS + RENEW_SECONDS < 30 and scheduler.take_lease.__wrapped__.__defaults__ == (LEASE_SECONDS,)


def test_whoever_takes_over_catches_up_first(app, monkeypatch):
    """Also after this process itself has slept: its own lease is then long over."""
    caught: list[str] = []
    monkeypatch.setattr(jobs, "catch_up", lambda go_on: caught.append("all"))
    monkeypatch.setattr(jobs, "run", lambda name: caught.append(name))
    leads = Scheduler(app)
    for slept in (False, True):
        if slept:
            leads._renewed -= LEASE_SECONDS + 1
        leads._renew()
        leads._wake("offers-lapse")
        leads._renew()
        leads._wake("calls-open")
        assert caught == ["all", "offers-lapse", "calls-open"]
        caught.clear()


def test_a_long_job_does_not_cost_the_lease(app, monkeypatch):
    """While one job works, the others wait for it, and the lease is renewed all the same."""
    go, renewed, most, inside = threading.Event(), [], [0], [0]

    def long(name):
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        go.wait(20)
        inside[0] -= 1

    monkeypatch.setattr(scheduler, "take_lease", lambda *_a: renewed.append(1) or True)
    monkeypatch.setattr(scheduler, "drop_lease", lambda _holder: None)
    monkeypatch.setattr(jobs, "catch_up", lambda go_on: None)
    monkeypatch.setattr(jobs, "run", long)
    monkeypatch.setattr(jobs, "JOBS", {f"job-{n}": jobs.sweep(f"job-{n}", "", 1, str) for n in range(30)})
    leads = Scheduler(app, renew=0.1)
    leads.start()
    deadline = time.monotonic() + 20
    while not inside[0] and time.monotonic() < deadline:
        time.sleep(0.05)
    before = len(renewed)
    while len(renewed) < before + 12 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(renewed) >= before + 12 and most[0] == 1
    monkeypatch.setattr(jobs, "run", lambda name: None)
    go.set()
    leads.stop()
