"""After the journey: claims, what they do with the payments, money asked back, reports; through the commands."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core import clock, files, jobs
from core.actor import person
from core.db import db
from core.errors import IllegalMove, NotAllowed, NotFound, RuleBroken, Stale
from core.events import Event
from core.outbox import OutboxMail
from sponsorship.awards import entitlement_service as entitlements
from sponsorship.awards.dsa_csv import read_rates
from sponsorship.awards.models import Award
from sponsorship.disbursements import answer_service, claim_recovery, claim_service
from sponsorship.disbursements.claim_models import Claim, DelegateReport, Recovery, RecoveryReceipt
from sponsorship.disbursements.claim_queries import claim_page, outcomes_of, recovery_page, report_page
from sponsorship.disbursements.claim_reckoning import Days
from sponsorship.disbursements.models import Disbursement
from sponsorship.ledger.queries import pool_figures
from tests.support.award_story import AwardStory

DAY = timedelta(days=1)


@pytest.fixture
def story(make):
    return AwardStory(make)


@pytest.fixture
def priced(story):
    """A story whose place has a rate: 401.00 a day."""
    content = b"place,country,valid_from,rate_usd\nNew York,US,2020-01-01,401.00\n"
    entitlements.import_rates(read_rates(content), files.lay_down(content, "c.csv", "text/csv"), "Circular",
                              story.officer("fund_manager"))
    return story


def reckoned(story):
    """An accepted award whose estimate rests on the calculation: 6 x 401 + 220 and the call's ticket."""
    award = story.decide()[0]
    entitlements.use(award, story.officer("fund_manager"), story.version(Award, award))
    story.offer(award)
    story.accept(award)
    return award


def home(story, award, days=2):
    """Some days after the return, at noon."""
    return clock.moved_to(datetime.combine(story.award(award).travel_to + days * DAY, time(12), UTC))


def paid_in_advance(story, award, *kinds):
    with clock.moved_to(datetime.combine(story.award(award).travel_from, time(20), UTC)):
        return story.paid(award, *(kinds or ("ticket", "dsa_advance", "terminal")))


def figures(story):
    return next(f for f in pool_figures() if f.pool_id == story.pool_id)


def mails(kind):
    return [m.to_address for m in db.session.query(OutboxMail).filter_by(kind=kind)]


def recovery_of(award):
    db.session.expire_all()
    return db.session.query(Recovery).filter_by(award_id=award).one_or_none()


def days_of(story, award, first=0, last=0, **changes):
    row = story.award(award)
    return Days(row.travel_from + first * DAY, row.travel_to + last * DAY, **changes)


def finish_final(story, award):
    with clock.moved_to(story.payment(story.payments(award)["final"]).due_at + timedelta(hours=1)):
        story.paid(award, "final")
        jobs.run("disbursements-settle")
        jobs.run("awards-close")


def test_travelled_as_planned_settles_in_one_step(story):
    award = story.accepted()
    payments = paid_in_advance(story, award)
    with home(story, award, 1):
        assert jobs.run("claims-open").done == 1 and jobs.run("claims-open").done == 0
        assert mails("claim-wanted") == [story.focal[0].email]
        claim = story.claim(award)
    row = db.session.get(Claim, claim)
    assert (row.state, row.entitled_minor, row.paid_minor, row.attendance) == ("settled", 100_001, 84_000, "attended")
    states = {kind: story.payment(p).state for kind, p in payments.items()}
    assert states == {"ticket": "settled", "dsa_advance": "settled", "terminal": "settled", "final": "draft"}
    final = story.payment(payments["final"])
    assert final.amount_minor == 16_001 and final.act_by is not None and recovery_of(award) is None
    finish_final(story, award)
    assert story.award(award).state == "closed"
    assert figures(story).spent_direct == story.each and figures(story).reserved == 0
    assert not story.verify()


def test_what_was_settled_may_still_come_back(story):
    """The payee's bank sends the money back after the claim was settled: it is planned again, paid, and settled."""
    award = story.accepted()
    payments = paid_in_advance(story, award)
    with home(story, award, 1):
        jobs.run("claims-open")
        story.claim(award)
        advance, officer = payments["dsa_advance"], story.officer("requesting_officer")
        assert story.payment(advance).state == "settled"
        answer_service.came_back(advance, "account_closed", "BACK-1", officer, story.version(Disbursement, advance))
        assert story.payment(advance).state == "returned" and not story.verify()
        answer_service.plan_again(advance, officer, story.version(Disbursement, advance))
        assert story.payment(advance).round == 2
    with clock.moved_to(story.payment(advance).due_at + timedelta(hours=1)):
        story.paid(award, "dsa_advance")
        assert jobs.run("disbursements-settle").done == 1
        assert story.payment(advance).state == "settled" and story.award(award).state == "accepted"
        assert not story.verify()


def test_a_claim_settled_late_leaves_the_officers_their_days(story):
    award = story.accepted()
    payments = paid_in_advance(story, award)
    with home(story, award, 60):
        story.claim(award)
        final = story.payment(payments["final"])
        assert final.request_by >= clock.now() - DAY and final.due_at > clock.now() + 8 * DAY


def test_fewer_days_make_a_smaller_final_share(priced):
    award = reckoned(priced)
    payments = paid_in_advance(priced, award)
    lunch = priced.award(award).travel_from + 2 * DAY
    with home(priced, award):
        claim = priced.claim(award, days_of(priced, award, 0, -1, provided={lunch: frozenset({"lunch"})}))
    row = db.session.get(Claim, claim)
    due = 4 * 40_100 + 35_288 + 22_000
    assert (row.entitled_minor, row.ceiling_minor) == (due, 6 * 40_100 + 22_000)
    advance = 6 * 40_100 * 8 // 10
    assert priced.payment(payments["final"]).amount_minor == due - advance - 22_000
    assert db.session.execute(text("SELECT count(*) FROM claim_line")).scalar() == 6 + 4
    finish_final(priced, award)
    assert priced.award(award).state == "closed" and figures(priced).spent_direct == 100_000 + due
    assert figures(priced).reserved == 0 and not priced.verify()


def test_more_days_never_pass_the_obligation(priced):
    award = priced.accepted()  # the estimate of the call: 800.01 and 200.00
    paid_in_advance(priced, award)
    with home(priced, award):
        claim = priced.claim(award, days_of(priced, award))
    row = db.session.get(Claim, claim)
    assert row.entitled_minor == row.ceiling_minor == 100_001
    assert priced.payment(priced.payments(award)["final"]).amount_minor == 16_001
    assert not priced.verify()


def test_money_paid_too_much_is_asked_back_and_returns_to_its_lots(priced):
    award = reckoned(priced)
    payments = paid_in_advance(priced, award)
    before = figures(priced)
    with home(priced, award):
        told = days_of(priced, award, 3, -2, legs=frozenset({"home_out", "arrival"}))
        claim = priced.claim(award, told)
        recovery = recovery_of(award)
        due = 40_100 + 11_000  # one night, two legs
        paid = 6 * 40_100 * 8 // 10 + 22_000
        assert recovery.amount_minor == paid - due and recovery.state == "asked"
        assert priced.payment(payments["final"]).state == "cancelled"
        assert {priced.payment(payments[k]).state for k in ("ticket", "dsa_advance", "terminal")} == {"confirmed"}
        assert mails("recovery-asked") == [priced.focal[0].email]
        assert jobs.run("awards-close").done == 0 and not priced.verify()
        officer, version = priced.officer("requesting_officer"), lambda: priced.version(Recovery, recovery.id)
        with pytest.raises(RuleBroken) as caught:
            claim_recovery.record(recovery.id, paid, "B0", clock.today(), officer, version())
        assert caught.value.code == "recovery.too_much"
        with pytest.raises(NotAllowed):
            claim_recovery.record(recovery.id, 1, "B0", clock.today(), priced.officer("head_of_fund"), version())
        claim_recovery.record(recovery.id, 30_000, "B1", clock.today(), officer, version())
        for reference, day, code in (("B1", clock.today(), "recovery.reference"),
                                     ("B2", clock.today() + DAY, "recovery.future")):
            with pytest.raises(RuleBroken) as caught:
                claim_recovery.record(recovery.id, 1, reference, day, officer, version())
            assert caught.value.code == code
        with pytest.raises(Stale):
            claim_recovery.record(recovery.id, 1, "B3", clock.today(), officer, 1)
        assert figures(priced).spent_direct == before.spent_direct - 30_000 and not priced.verify()
        claim_recovery.record(recovery.id, paid - due - 30_000, "B2", clock.today(), officer, version())
        assert recovery_of(award).state == "recovered"
        assert priced.payment(payments["terminal"]).state == "settled"
        assert jobs.run("awards-close").done == 1
    now = figures(priced)
    assert now.spent_direct == 100_000 + due and now.reserved == 0
    assert now.spent_support == (100_000 + due) * 1300 // 10_000 and not priced.verify()
    page = recovery_page(recovery.id, priced.focal_point())
    assert [r.bank_reference for r in page.receipts] == ["B1", "B2"] and page.row.open.minor == 0
    for statement in ("UPDATE recovery_receipt SET amount_minor = 1", "UPDATE recovery SET back_minor = 1",
                      "UPDATE claim SET entitled_minor = 1", "DELETE FROM claim_line"):
        with pytest.raises(DBAPIError), db.session.begin_nested():
            db.session.execute(text(statement))
    assert claim_page(claim, priced.focal_point()).lines


def test_open_money_is_recalled_on_a_schedule_and_written_off_by_the_head(priced):
    award = reckoned(priced)
    paid_in_advance(priced, award)
    with home(priced, award):
        priced.claim(award, days_of(priced, award, 4, -2))
        recovery = recovery_of(award)
        start = clock.now()
        assert jobs.run("recoveries-remind").done == 0
    for fortnight in (1, 2, 3):
        with clock.moved_to(start + 14 * fortnight * DAY):
            assert jobs.run("recoveries-remind").done == 1 and jobs.run("recoveries-remind").done == 0
    head = priced.people["head_of_fund"].email
    assert mails("recovery-reminder").count(priced.focal[0].email) == 3
    assert mails("recovery-reminder").count(head) == 1  # once overdue
    version = priced.version(Recovery, recovery.id)
    with pytest.raises(NotAllowed):
        claim_recovery.write_off(recovery.id, priced.officer("requesting_officer"), version, "hardship", "x")
    claim_recovery.write_off(recovery.id, priced.officer("head_of_fund"), version, "hardship", "Tried three times.")
    with clock.moved_to(start + 60 * DAY):
        assert jobs.run("awards-close").done == 1 and jobs.run("recoveries-remind").done == 0
    with pytest.raises(IllegalMove):
        claim_recovery.write_off(recovery.id, priced.officer("head_of_fund"), version + 1, "hardship", "x")
    (seen,) = outcomes_of(priced.states[0])
    assert seen.open.minor == 0 and seen.claim.code == "settled" and seen.report.code == "awaited"
    assert not priced.verify()


def test_nobody_travelled(story):
    award = story.accepted()
    payments = paid_in_advance(story, award, "ticket", "dsa_advance")
    with home(story, award):
        jobs.run("claims-open")
        claim = db.session.query(Claim).one()
        assert claim_service.no_show(claim.id, story.officer("requesting_officer"), claim.version, "visa_refused",
                                     "Refused on the day of travel.") is None
        states = {kind: story.payment(p).state for kind, p in payments.items()}
        assert states == {"ticket": "confirmed", "dsa_advance": "confirmed", "terminal": "cancelled",
                          "final": "cancelled"}
        recovery = recovery_of(award)
        assert recovery.amount_minor == 64_000  # the ticket is not the delegate's debt
        assert db.session.query(DelegateReport).one().state == "dropped"
        (seen,) = outcomes_of(story.states[0])
        assert (seen.claim.code, seen.attendance, seen.open.minor) == ("no_show", "none", 64_000)
        claim_recovery.record(recovery.id, 64_000, "B9", clock.today(), story.officer("requesting_officer"), 1)
        assert jobs.run("awards-close").done == 1
    assert figures(story).spent_direct == 100_000 and not story.verify()


def test_an_award_given_back_after_money_left_is_accounted_for(story):
    from sponsorship.awards import answer_service

    award = story.accepted()
    early = datetime.combine(story.award(award).travel_from - 3 * DAY, time(20), UTC)
    with clock.moved_to(story.payment(story.payments(award)["dsa_advance"]).due_at + timedelta(hours=1)):
        story.paid(award, "dsa_advance")
        answer_service.withdraw(award, story.officer("fund_manager"), story.version(Award, award), "state_request", "x")
        assert figures(story).reserved == 0
        assert jobs.run("claims-open").done == 1
        claim = db.session.query(Claim).one()
        with pytest.raises(RuleBroken) as caught:
            claim_service.submit(claim.id, None, [("boarding_pass", story.proof())], "", story.focal_point(), 1)
        assert caught.value.code == "claim.ended"
        claim_service.no_show(claim.id, story.officer("requesting_officer"), claim.version, "other", "Withdrawn.")
        claim_recovery.record(recovery_of(award).id, 64_000, "B1", clock.today(),
                              story.officer("requesting_officer"), 1)
        assert early and figures(story).reserved == 0 and figures(story).spent_direct == 0
    assert story.payment(story.payments(award)["dsa_advance"]).state == "settled" and not story.verify()


def test_reminders_then_closed_without_a_claim(story):
    award = story.accepted()
    paid_in_advance(story, award)
    with home(story, award, 1):
        jobs.run("claims-open")
        claim = db.session.query(Claim).one()
        with pytest.raises(RuleBroken) as caught:
            claim_service.close_unclaimed(claim.id, story.officer("requesting_officer"), 1, "no_word", "x")
        assert caught.value.code == "claim.not_overdue"
        assert jobs.run("claims-remind").done == 0
        due, report_due = claim.due_at, db.session.query(DelegateReport).one().due_at
    # due at the end of the fourteenth day by the clock of New York
    assert due.astimezone(UTC).date() == story.award(award).travel_to + 15 * DAY
    with clock.moved_to(due - 2 * DAY):
        assert jobs.run("claims-remind").done == 1 and jobs.run("claims-remind").done == 0
        assert jobs.run("claims-escalate").done == 0
    with clock.moved_to(due + DAY):
        assert jobs.run("claims-escalate").done == 1 and jobs.run("claims-escalate").done == 0
        assert set(mails("claim-overdue")) == {story.focal[0].email, story.people["requesting_officer"].email}
        claim_service.close_unclaimed(claim.id, story.officer("requesting_officer"), story.version(Claim, claim.id),
                                      "no_word", "Nobody answered.")
        assert recovery_of(award).amount_minor == 84_000
    with clock.moved_to(report_due - DAY):
        assert jobs.run("reports-remind").done == 1 and jobs.run("reports-remind").done == 0
    assert not story.verify()


def test_what_a_claim_may_not_be(priced, make):
    award = reckoned(priced)
    paid_in_advance(priced, award, "ticket", "dsa_advance")
    focal, officer, papers = priced.focal_point(), priced.officer("requesting_officer"), [
        ("boarding_pass", priced.proof())]
    with home(priced, award):
        jobs.run("claims-open")
        claim = db.session.query(Claim).one().id
        row = priced.award(award)
        with pytest.raises(RuleBroken) as caught:
            claim_service.submit(claim, None, [("other", priced.proof())], "", focal, 1)
        assert caught.value.code == "claim.boarding_pass"
        for told in (days_of(priced, award, 0, 9), days_of(priced, award, -9, 0), days_of(priced, award, 0, 2),
                     Days(row.travel_to, row.travel_from),
                     days_of(priced, award, in_air=frozenset({row.travel_to})),
                     days_of(priced, award, provided={row.travel_to + DAY: frozenset({"lunch"})})):
            with pytest.raises(RuleBroken) as caught:
                claim_service.submit(claim, told, papers, "", focal, 1)
            assert caught.value.code == "claim.days"
        for stranger in (priced.focal_point(1), officer, person(make.person(
                "nominee", organisation=priced.states[0]).id)):
            with pytest.raises(NotFound):
                claim_service.submit(claim, None, papers, "", stranger, 1)
        with pytest.raises(NotFound):
            claim_page(claim, priced.focal_point(1))
        claim_service.submit(claim, days_of(priced, award), papers, "We are grateful.", focal, 1)
        claim_service.give_back(claim, officer, 2, "days_unclear", "Which days?")
        page = claim_page(claim, focal)
        assert page.return_words == "Which days?" and page.words == "We are grateful."
        claim_service.submit(claim, days_of(priced, award), [], "", focal, 3)  # the papers stand
        with pytest.raises(NotAllowed):
            claim_service.settle(claim, "attended", priced.officer("certifying_officer"), 4)
        from accounts.service import grant
        from core.actor import system

        grant(system("tests"), priced.focal[0].id, make.secretariat(), "requesting_officer",
              valid_from=clock.today() - DAY)
        with pytest.raises(RuleBroken) as caught:
            claim_service.settle(claim, "attended", focal, 4)
        assert caught.value.code == "claim.same_person"
        # a payment still with the bank: what was paid is not known yet
        priced.ready(priced.payments(award)["terminal"])
        priced.release(priced.payments(award)["terminal"])
        with pytest.raises(RuleBroken) as caught:
            claim_service.settle(claim, "attended", officer, 4)
        assert caught.value.code == "claim.in_flight"
        from sponsorship.disbursements import release_service

        release_service.confirm(priced.payments(award)["terminal"], "FT7", officer,
                                priced.payment(priced.payments(award)["terminal"]).version)
        claim_service.settle(claim, "part", officer, 4)
        with pytest.raises(IllegalMove):
            claim_service.settle(claim, "part", officer, 5)
    words = [str(e.data) + str(e.reason) for e in db.session.query(Event)] + [
        m.body or "" for m in db.session.query(OutboxMail)]
    assert not [w for w in words if "grateful" in w or "Which days" in w]
    assert not priced.verify()


def test_without_a_rate_an_officer_says_the_amount_and_why(story):
    award = story.accepted()
    paid_in_advance(story, award)
    with home(story, award):
        claim = story.claim(award, days_of(story, award, 0, -1), settle=False)
        officer, version = story.officer("requesting_officer"), story.version(Claim, claim)
        for options in ({}, {"dsa_minor": 70_000}):
            with pytest.raises(RuleBroken) as caught:
                claim_service.settle(claim, "attended", officer, version, **options)
            assert caught.value.code == "claim.no_rate"
        claim_service.settle(claim, "attended", officer, version, dsa_minor=70_000, words="Five sixths.")
    assert story.payment(story.payments(award)["final"]).amount_minor == 70_000 + 22_000 - 84_000
    assert not story.verify()


def test_the_delegates_report(story):
    award = story.accepted()
    with home(story, award):
        jobs.run("claims-open")
        report = db.session.query(DelegateReport).one().id
        answers = {"meetings": "All of them.", "follow_up": "A focal point is named."}
        with pytest.raises(NotFound):
            claim_recovery.write_report(report, answers, story.focal_point(1), 1)
        with pytest.raises(Stale):
            claim_recovery.write_report(report, answers, story.focal_point(), 2)
        claim_recovery.write_report(report, answers, story.focal_point(), 1)
        with pytest.raises(IllegalMove):
            claim_recovery.write_report(report, answers, story.focal_point(), 2)
    assert report_page(report, story.officer("auditor")).answers["meetings"] == "All of them."
    assert outcomes_of(story.states[0])[0].report.code == "received"
    assert "All of them" not in db.session.get(DelegateReport, report).words_sealed
    assert not db.session.query(RecoveryReceipt).count()
