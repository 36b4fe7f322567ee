"""The whole story, played through the rooms' own commands on a database marked as demonstration.

Four invented meetings, dated from the first start: one past and settled, one going on (`in_session`), one near whose
payments are under way, one with a live call and applications in every state. The real calendar carries no invented
facts of the fund. Left alone for a month, the schedule goes on by itself: the call closes, offers lapse, officers are
reminded; `made_at` on the demonstration page says how old it is and how to begin anew.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta

from sqlalchemy import select

from accounts.designations import Wish, designate, revoke
from core import clock, events, jobs, marks, verify
from core.actor import PUBLIC
from core.db import db
from demonstration import (
    applying,
    banking,
    correspondence,
    giving,
    in_cash,
    in_session,
    issuing,
    nominating,
    paying,
    pledging,
    programmes,
    returning,
)
from demonstration.applying import Sheet, noon
from demonstration.stage import Stage, set_stage
from sponsorship.awards.models import Award
from sponsorship.disbursements.rules import propose

FEMALE, MALE = "female", "male"
PAST = (
    Sheet("XA", (("Amina", "Demo-Alpha", FEMALE),), first=True),
    Sheet("XB", (("Benito", "Demo-Bravo", MALE),), no_mission=True),
    Sheet("XC", (("Chimeg", "Demo-Charlie", FEMALE), ("Dorji", "Demo-Charlie", MALE))),
    Sheet("XE", (("Esther", "Demo-Echo", FEMALE),)),
    Sheet("XF", (("Filipo", "Demo-Foxtrot", MALE),), first=True, no_mission=True),
    Sheet("XG", (("Gloria", "Demo-Golf", FEMALE),)),
)
NEAR = (
    Sheet("XA", (("Amina", "Demo-Alpha", FEMALE),)),
    Sheet("XB", (("Bianca", "Demo-Bravo", FEMALE),), no_mission=True),
    Sheet("XC", (("Chimeg", "Demo-Charlie", FEMALE),)),
    Sheet("XF", (("Filipo", "Demo-Foxtrot", MALE),), no_mission=True),
    Sheet("XH", (("Halima", "Demo-Hotel", FEMALE),), first=True),
    Sheet("XE", (("Esther", "Demo-Echo", FEMALE),)),
    Sheet("XG", (("Gonzalo", "Demo-Golf", MALE),)),
    Sheet("XD", (("Danica", "Demo-Delta", FEMALE),)),
)


def _monday(day: date) -> date:
    return day + timedelta(days=-day.weekday() % 7)


def play() -> None:
    """Play everything; ends in `verify`. Raises RuntimeError on any fault or where the clock may not be moved."""
    start = clock.real_now()
    if marks.read("demonstration_played_at"):
        raise RuntimeError("this database already holds the demonstration; start with an empty one")
    if not marks.clock_may_move():
        raise RuntimeError("the story is only played on a database marked as demonstration")
    db.session.rollback()
    today = start.date()
    stage = set_stage(noon(today - timedelta(days=330)))
    returning.rates(stage, noon(today - timedelta(days=320)))
    _money(stage, today)
    paying.sanctions_list(stage, noon(today - timedelta(days=290)))
    past = _past(stage, _monday(today - timedelta(days=118)))
    in_session.play(stage, today)
    _near(stage, _monday(today + timedelta(days=13)), today)
    call = _live(stage, _monday(today + timedelta(days=140)), start)
    _pledges(stage, start)
    paying.sanctions_list(stage, noon(today - timedelta(days=2)))
    _open_ends(stage, call, start)
    returning.late(stage, past, "XC", start - timedelta(days=3))
    marks.write("demonstration_played_at", start.isoformat())
    events.seal()
    faults = [f"{finding.name}: {fault}" for finding in verify.run_all() for fault in finding.faults]
    db.session.rollback()
    if faults:
        raise RuntimeError("the demonstration does not verify: " + "; ".join(faults[:5]))


def _money(stage: Stage, today: date) -> None:
    """Two States give under agreements; a foundation's gift waits in suspense until it is accepted."""
    at = noon(today - timedelta(days=300))
    unearmarked = giving.pledge_of_state(stage, "donor-xz", "XZ", 60_000_00, at)
    giving.pay(unearmarked, stage.actor("donor-xz"), at + timedelta(days=6))
    earmarked = giving.pledge_of_state(stage, "donor-xy", "XY", 25_000_00, at + timedelta(days=3))
    giving.pay(earmarked, stage.actor("donor-xy"), at + timedelta(days=9))
    foundation = giving.pledge_of_visitor("Demo Foundation", 5_000_00, at + timedelta(days=12))
    held = giving.pay(foundation, PUBLIC, at + timedelta(days=12, hours=1))
    giving.accept(stage, held, at + timedelta(days=20))
    giving.pay_out(stage, at + timedelta(days=25))
    banking.early(stage, today)


def _sent(stage: Stage, call_id: uuid.UUID, sheets: tuple[Sheet, ...], first: datetime) -> dict[str, uuid.UUID]:
    return {s.code: applying.apply(stage, call_id, s, first + timedelta(days=n * 2)) for n, s in enumerate(sheets)}


def _past(stage: Stage, opens_on: date) -> uuid.UUID:
    """Held and settled, but for one claim that never came: an offer was turned down, the reserve list moved up, a
    transfer failed once; the meeting."""
    meeting = applying.make_meeting(
        stage, noon(opens_on - timedelta(days=170)), "Demo BMS A",
        "Demonstration Biennial Meeting of States A (past)", "demo-bms-a", opens_on, 901)
    opens, closes = noon(opens_on - timedelta(days=150)), noon(opens_on - timedelta(days=110))
    call = applying.make_call(stage, meeting, opens, closes, opens_on - timedelta(days=90))
    paying.run_jobs(opens)
    sent = _sent(stage, call, PAST, opens + timedelta(days=5))
    paying.run_jobs(closes + timedelta(days=3))
    at = closes + timedelta(days=4)
    for code, application in sent.items():
        if code == "XE":
            applying.find_ineligible(stage, application, at)
        else:
            applying.find_eligible(stage, application, at)
    applying.rank_recommend_decide(stage, call, at + timedelta(days=1), recommended=3)
    at += timedelta(days=6)
    paying.oblige(stage, meeting, at)
    correspondence.to_states(stage, call, at + timedelta(hours=2))
    codes = _offered(stage, meeting)
    paying.answer(stage, meeting, at + timedelta(days=3), turn_down=codes[-1:])
    for later in range(6, 40, 2):  # promoted from the reserve list through the same chain
        moment = at + timedelta(days=later)
        paying.run_jobs(moment)
        paying.oblige(stage, meeting, moment)
        paying.answer(stage, meeting, moment + timedelta(days=1))
    paying.bank_data(stage, meeting, at + timedelta(days=42))
    in_cash.arrange(stage, meeting, at + timedelta(days=43))
    day, fails = at.date() + timedelta(days=44), {"terminal"}
    while day <= opens_on + timedelta(days=45):
        if day.weekday() < 5:
            paying.work_day(stage, meeting, noon(day), bank_fails=fails)
            returning.claims(stage, meeting, noon(day) + timedelta(hours=7), home_early="XB", silent="XC")
        day += timedelta(days=1)
    paying.run_jobs(noon(day))
    return meeting


def _offered(stage: Stage, meeting_id: uuid.UUID) -> tuple[str, ...]:
    codes = {place: code for code, place in stage.places.items()}
    rows = db.session.scalars(select(Award.organisation_id).where(
        Award.meeting_id == meeting_id, Award.state == "offered").order_by(Award.position)).all()
    db.session.rollback()
    return tuple(codes[r] for r in rows)


def _near(stage: Stage, opens_on: date, today: date) -> None:
    """Two weeks ahead: something waits on every officer's desk."""
    meeting = applying.make_meeting(
        stage, noon(opens_on - timedelta(days=160)), "Demo BMS B",
        "Demonstration Biennial Meeting of States B (near)", "demo-bms-b", opens_on, 902)
    issuing.documents(stage, meeting, noon(today - timedelta(days=40)))
    opens, closes = noon(today - timedelta(days=95)), noon(today - timedelta(days=60))
    call = applying.make_call(stage, meeting, opens, closes, today - timedelta(days=45))
    paying.run_jobs(opens)
    sent = _sent(stage, call, NEAR, opens + timedelta(days=4))
    paying.run_jobs(closes + timedelta(days=3))
    at = closes + timedelta(days=4)
    for application in sent.values():
        applying.find_eligible(stage, application, at)
    applying.rank_recommend_decide(stage, call, at + timedelta(days=1), recommended=4)
    at += timedelta(days=6)
    paying.oblige(stage, meeting, at)
    correspondence.to_states(stage, call, at + timedelta(hours=2))
    codes = _offered(stage, meeting)
    paying.answer(stage, meeting, at + timedelta(days=2), silent=codes[-1:], turn_down=codes[-2:-1])
    paying.bank_data(stage, meeting, at + timedelta(days=9))
    day = at.date() + timedelta(days=11)
    while day < today:
        if day.weekday() < 5:
            paying.work_day(stage, meeting, noon(day), keep_ready=1, keep_released=1)
        day += timedelta(days=1)
    paying.leave_on_desks(stage, meeting, noon(today - timedelta(days=1)))
    programmes.arrange(stage, meeting, noon(today - timedelta(days=15)))
    # two places came free (one turned down, one lapsed): one offer is out, the other waits to be certified
    paying.oblige(stage, meeting, noon(today - timedelta(days=3)), most=1)


def _live(stage: Stage, opens_on: date, start: datetime) -> uuid.UUID:
    """A call that is open now, with applications in every state that an open call knows; the call."""
    meeting = applying.make_meeting(
        stage, start - timedelta(days=40), "Demo BMS C",
        "Demonstration Biennial Meeting of States C (live call)", "demo-bms-c", opens_on, 903)
    closes = noon((start + timedelta(days=30)).date()) + timedelta(hours=9)
    call = applying.make_call(stage, meeting, start - timedelta(days=20), closes, closes.date() + timedelta(days=20))
    paying.run_jobs(start - timedelta(days=20))
    at = start - timedelta(days=15)
    applying.apply(stage, call, Sheet("XA", (("Amina", "Demo-Alpha", FEMALE),)), start - timedelta(days=2), send=False)
    asked = applying.apply(stage, call, Sheet("XB", (("Bianca", "Demo-Bravo", FEMALE),), no_mission=True), at)
    other = applying.apply(stage, call, Sheet("XD", (("Danica", "Demo-Delta", FEMALE),)), at + timedelta(days=1))
    good = applying.apply(stage, call, Sheet("XC", (("Chimeg", "Demo-Charlie", FEMALE),)), at + timedelta(days=2))
    bad = applying.apply(stage, call, Sheet("XE", (("Elias", "Demo-Echo", MALE),)), at + timedelta(days=2))
    back = applying.apply(stage, call, Sheet("XF", (("Filipo", "Demo-Foxtrot", MALE),)), at + timedelta(days=3))
    gone = applying.apply(stage, call, Sheet("XG", (("Gloria", "Demo-Golf", FEMALE),)), at + timedelta(days=3))
    nominating.note(stage, good, "XC", at + timedelta(days=3))
    nominating.confirm(stage, good, "XC", at + timedelta(days=3), opens_on + timedelta(days=5))
    applying.find_eligible(stage, good, at + timedelta(days=6))
    nominating.ask(stage, asked, "XB", at + timedelta(days=6))
    nominating.substitute(stage, other, "XD", at + timedelta(days=6), "Dora", "Demo-Dune")
    applying.find_ineligible(stage, bad, at + timedelta(days=6))
    applying.give_back(stage, back, at + timedelta(days=6), closes)
    applying.withdraw(stage, gone, "XG", at + timedelta(days=8))
    return call


def _pledges(stage: Stage, start: datetime) -> None:
    """Pledges in every shape, and the papers of an agreement; what is due today is called overdue and recalled."""
    today = start.date()
    pledging.rates(today)
    pledging.papers(stage, noon(today - timedelta(days=310)))
    pledging.instalments_in_euros(stage, noon(today - timedelta(days=200)), today)
    pledging.overdue(stage, noon(today - timedelta(days=120)), today)
    pledging.reduced(stage, noon(today - timedelta(days=90)), today)
    invoiced = pledging.own_purpose(noon(today - timedelta(days=10)), "demo-bms-c")
    correspondence.invoice(stage, invoiced.id, start - timedelta(days=6))
    with clock.moved_to(start):
        for name in ("pledges-overdue", "pledge-reminders"):
            jobs.run(name, start)


def _authority(stage: Stage, start: datetime) -> None:
    """An alternate who acts from today, one from next month, one who no longer does; and a rule for a second approving
    officer that waits for the head."""
    today = start.date()
    with clock.moved_to(start - timedelta(minutes=5)):
        designate(stage.actor("head"), Wish(
            stage.people["certifying"], "certifying_officer", stage.people["fund-manager"], today,
            today + timedelta(days=60), 2_000_00))
        for key, first in (("panel", today), ("organiser", today + timedelta(days=20))):
            made = designate(stage.actor("head"), Wish(
                stage.people["requesting"], "requesting_officer", stage.people[key], first,
                first + timedelta(days=30)))
            if key == "panel":
                revoke(stage.actor("requesting"), made)
        propose(stage.actor("fund-manager"), kind=None, pool_id=None, from_minor=10_000_00, valid_from=today)


def _open_ends(stage: Stage, call_id: uuid.UUID, start: datetime) -> None:
    """What waits for a hand: an unpaid pledge, a declined card, a gift in suspense, and what banking.py leaves;
    and what went out: letters, a refund."""
    correspondence.refunded(stage, start - timedelta(days=30))
    _authority(stage, start)
    correspondence.call_for_funds(stage, call_id, start - timedelta(days=5))
    giving.pledge_of_state(stage, "donor-xz", "XZ", 20_000_00, start - timedelta(days=4))
    declined = giving.pledge_of_visitor("Demo Association", 750_00, start - timedelta(days=3))
    giving.pay(declined, PUBLIC, start - timedelta(days=3), "decline")
    waiting = giving.pledge_of_visitor("Demo Society", 1_200_00, start - timedelta(days=2))
    giving.pay(waiting, PUBLIC, start - timedelta(days=2))
    banking.open_ends(stage, start)
