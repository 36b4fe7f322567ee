"""A claim closed without having come is allowed late by two, with money reserved again; through the commands."""

from __future__ import annotations

import io
from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core import clock, jobs
from core.db import db
from core.errors import IllegalMove, NotAllowed, NotFound, RuleBroken, Stale
from core.events import Event
from core.outbox import OutboxMail
from sponsorship.awards.models import Award
from sponsorship.disbursements import claim_recovery, claim_service, late_service
from sponsorship.disbursements.claim_models import Claim, Recovery
from sponsorship.disbursements.late_models import LateClaim
from sponsorship.disbursements.late_queries import late_page
from sponsorship.disbursements.models import Disbursement
from sponsorship.ledger import service as ledger
from sponsorship.ledger.queries import pool_figures
from tests.support.award_story import AwardStory

DAY = timedelta(days=1)
ADVANCE = 84_000  # four fifths of the subsistence, and the terminal expenses


@pytest.fixture
def story(make):
    return AwardStory(make)


def figures(story):
    return next(f for f in pool_figures() if f.pool_id == story.pool_id)


def mails(kind):
    return {m.to_address for m in db.session.query(OutboxMail).filter_by(kind=kind)}


def code(refused):
    return refused.value.code


class Late:
    """An overdue claim, closed."""

    def __init__(self, story, *kinds):
        self.story, self.award = story, story.accepted()
        row = story.award(self.award)
        if kinds:
            with clock.moved_to(datetime.combine(row.travel_from, time(20), UTC)):
                story.paid(self.award, *kinds)
        with clock.moved_to(datetime.combine(row.travel_to + 2 * DAY, time(12), UTC)):
            jobs.run("claims-open")
        self.claim = db.session.query(Claim.id).filter_by(award_id=self.award).scalar()
        self.now = self.row.due_at + DAY
        with clock.moved_to(self.now):
            claim_service.close_unclaimed(self.claim, self.officer, self.row.version, "no_word", "Nobody answered.")

    @property
    def officer(self):
        return self.story.officer("requesting_officer")

    @property
    def row(self):
        return db.session.get_one(Claim, self.claim, populate_existing=True)

    @property
    def recovery(self):
        db.session.expire_all()
        return db.session.query(Recovery).filter_by(award_id=self.award).order_by(Recovery.asked_at).first()

    def ask(self, words="The ministry had lost the papers."):
        return late_service.ask(self.claim, words, self.story.focal_point(), self.row.version)

    def ask_with_ticket(self, minor):
        ticket = late_service.Ticket(minor, self.story.proof())
        return late_service.ask(self.claim, "The agent was late.", self.story.focal_point(), self.row.version, ticket)

    def allow(self, late):
        late_service.decide(late, self.story.officer("head_of_fund"), 1, "papers_late", "The papers show it.")

    def close(self):
        jobs.run("disbursements-settle")
        jobs.run("awards-close")
        return self.story.award(self.award).state


def test_a_closed_award_takes_a_late_claim_that_two_allow(story):
    case = Late(story, "ticket", "dsa_advance", "terminal")
    with clock.moved_to(case.now + DAY):
        claim_recovery.record(case.recovery.id, ADVANCE, "FT-BACK", clock.today(), case.officer, 1)
        assert case.close() == "closed" and figures(story).reserved == 0
        spent = figures(story).spent_direct
        # the State asks: its own, once, with the page as it stands
        with pytest.raises(NotFound):
            late_service.ask(case.claim, "x", story.focal_point(1), case.row.version)
        with pytest.raises(Stale):
            late_service.ask(case.claim, "x", story.focal_point(), case.row.version - 1)
        late = case.ask()
        with pytest.raises(RuleBroken) as refused:
            case.ask()
        assert code(refused) == "late.open"
        assert mails("late-claim-asked") == {story.people["head_of_fund"].email}
        # decided by the head only, agreed to by another only
        head, certifier = story.officer("head_of_fund"), story.officer("certifying_officer")
        with pytest.raises(NotAllowed):
            late_service.decide(late, certifier, 1, "other", "x")
        with pytest.raises(IllegalMove):
            late_service.agree(late, certifier, 1)
        case.allow(late)
        with pytest.raises(NotAllowed):
            late_service.agree(late, head, 2)
        with pytest.raises(IllegalMove):
            late_service.take_back(late, story.focal_point(), 2)
        page = late_page(late, certifier)
        assert page.words.startswith("The ministry") and page.needed.enough
        assert page.needed.amount.minor == story.dsa + story.terminal
        late_service.agree(late, certifier, 2)
        assert mails("late-claim-agreed") == {story.focal[0].email}
        with pytest.raises(IllegalMove):
            late_service.agree(late, certifier, 3)
        claim = case.row
        assert claim.state == "wanted" and claim.decided_by is None and claim.due_at > clock.now() + 13 * DAY
        assert story.award(case.award).state == "accepted"
        held = figures(story)
        assert held.reserved >= story.dsa + story.terminal and held.spent_direct == spent
        assert case.recovery.state == "recovered" and not story.verify()
    with clock.moved_to(case.now + 2 * DAY):  # then as any other: all of it is due, for all of it came back
        story.claim(case.award)
        final = story.payments(case.award)["final"]
        assert story.payment(final).amount_minor == story.dsa + story.terminal
        assert not story.verify()
    with clock.moved_to(case.now + 60 * DAY):
        story.sanctions_list(replace=True)
        story.paid(case.award, "final")
        assert case.close() == "closed" and figures(story).reserved == 0
        assert figures(story).spent_direct == story.ticket + story.dsa + story.terminal
        assert not story.verify()
    words = [str(e.data) + str(e.reason) for e in db.session.query(Event)] + [
        m.body or "" for m in db.session.query(OutboxMail)]
    assert not [w for w in words if "lost the papers" in w or "papers show" in w]


def test_while_money_is_asked_back_it_is_no_longer(story):
    case = Late(story, "dsa_advance", "terminal")
    with clock.moved_to(case.now + DAY):
        claim_recovery.record(case.recovery.id, 4_000, "FT-PART", clock.today(), case.officer, 1)
        before = figures(story).reserved
        late = case.ask()
        case.allow(late)
        late_service.agree(late, story.officer("approving_officer"), 2)
        assert case.recovery.state == "dropped" and db.session.get_one(LateClaim, late).reserved_minor == 0
        assert figures(story).reserved == before, "nothing had been released"
        story.claim(case.award)  # as planned: the final share, and what had been paid back of the advance
        final = story.payment(story.payments(case.award)["final"])
        assert final.amount_minor == story.dsa + story.terminal - ADVANCE + 4_000
        assert not story.verify()


def test_without_free_money_nothing_moves(story):
    case = Late(story)
    with clock.moved_to(case.now + DAY):
        assert case.close() == "closed"
        late = case.ask()
        case.allow(late)
        free = figures(story).available
        subject = ("award", story.award(case.award).id)
        taken = free * 100 // 113 - story.dsa  # what is left carries the subsistence and not the terminal expenses
        ledger.reserve(subject, [story.pool_id], taken, key="others", actor=late_service.CLERK)
        before = figures(story)
        with pytest.raises(RuleBroken) as refused:
            late_service.agree(late, story.officer("certifying_officer"), 2)
        assert code(refused) == "late.money" and "Nothing was reserved" in str(refused.value.message)
        db.session.rollback()
        assert figures(story) == before and case.row.state == "unclaimed"
        assert db.session.get_one(LateClaim, late, populate_existing=True).state == "decided"
        assert not late_page(late, story.officer("auditor")).needed.enough
        late_service.refuse(late, story.officer("certifying_officer"), 2, "money_needed", "For others.")
        assert mails("late-claim-refused") == {story.focal[0].email}
        # asked again, taken back, asked again, turned down
        late_service.take_back(again := case.ask(), story.focal_point(), 1)
        assert db.session.get_one(LateClaim, again, populate_existing=True).state == "taken_back"
        late_service.refuse(case.ask(), story.officer("head_of_fund"), 1, "too_late", "Too late.")
        assert case.row.state == "unclaimed" and story.award(case.award).state == "closed"


def test_the_database_holds_it(story):
    case = Late(story)
    with clock.moved_to(case.now + DAY):
        late = case.ask()

        def refused(words, statement, **values):
            with pytest.raises(DBAPIError) as error:
                db.session.execute(text(statement), values)
            assert words in str(error.value)
            db.session.rollback()

        key = late.hex if db.engine.dialect.name == "sqlite" else late
        claim = case.claim.hex if db.engine.dialect.name == "sqlite" else case.claim
        refused("claim_decided_stands", "UPDATE claim SET state = 'wanted', decided_by = NULL WHERE id = :id", id=claim)
        refused("what was decided stands", "UPDATE late_claim SET state = 'agreed', version = 2 WHERE id = :id", id=key)
        refused("decided_by_another", "UPDATE late_claim SET decided_by = asked_by WHERE id = :id", id=key)
        refused("append-only", "UPDATE late_claim SET claim_id = claim_id, asked_by = asked_by WHERE id = :id", id=key)
        case.allow(late)
        late_service.agree(late, story.officer("certifying_officer"), 2)
        # the closing it allowed is over: another closing needs another request
        claim_service.no_show(case.claim, case.officer, case.row.version, "ill", "Ill.")
        refused("what was decided stands", "UPDATE late_claim SET state = 'asked', version = 9 WHERE id = :id", id=key)
        with pytest.raises(IllegalMove):
            case.ask()
        assert db.session.get_one(Award, case.award).state == "accepted" and not story.verify()


def test_a_ticket_that_was_never_paid_is_refunded_against_its_receipt(story):
    """The delegate bought it: reserved again with the rest, and a payment of its own once the claim is settled."""
    case = Late(story)
    price = story.ticket - 12_345
    with clock.moved_to(case.now + DAY):
        assert case.close() == "closed" and figures(story).reserved == 0
        with pytest.raises(RuleBroken) as refused:
            case.ask_with_ticket(story.ticket + 1)
        assert code(refused) == "late.ticket"
        late = case.ask_with_ticket(price)
        assert late_page(late, case.officer).needed.amount.minor == story.dsa + story.terminal + price
        case.allow(late)
        late_service.agree(late, story.officer("certifying_officer"), 2)
        assert db.session.get_one(LateClaim, late).reserved_minor == story.dsa + story.terminal + price
    with clock.moved_to(case.now + 2 * DAY):
        assert "ticket" not in {k for k, p in story.payments(case.award).items()
                                if story.payment(p).state != "cancelled"}, "not before the claim is settled"
        story.claim(case.award)
        ticket = db.session.query(Disbursement).filter_by(award_id=case.award, kind="ticket", state="draft").one()
        assert ticket.amount_minor == price and ticket.due_at > clock.now()
        assert not story.verify()
    with clock.moved_to(case.now + 60 * DAY):
        story.sanctions_list(replace=True)
        story.paid(case.award, "ticket", "final")
        assert case.close() == "closed" and figures(story).reserved == 0
        assert figures(story).spent_direct == price + story.dsa + story.terminal
        assert not story.verify()


def test_no_ticket_where_it_was_paid_or_nobody_travelled(story):
    case = Late(story, "ticket")
    with clock.moved_to(case.now + DAY), pytest.raises(RuleBroken) as refused:
        case.ask_with_ticket(1_000)
    assert code(refused) == "late.ticket_paid"
    db.session.rollback()


def test_nobody_travelled_after_all(story):
    case = Late(story)
    with clock.moved_to(case.now + DAY):
        late = case.ask_with_ticket(story.ticket)
        case.allow(late)
        late_service.agree(late, story.officer("certifying_officer"), 2)
        claim_service.no_show(case.claim, case.officer, case.row.version, "ill", "Ill.")
        assert not db.session.query(Disbursement).filter_by(award_id=case.award, state="draft").count()
        assert not story.verify()


def test_reminders_of_a_late_claim(story):
    """Every week to whoever acts next, from the third on to the head as well; never once it ended."""
    case = Late(story)
    with clock.moved_to(case.now):
        late = case.ask()

    def runs(days):
        with clock.moved_to(case.now + days * DAY + timedelta(hours=1)):
            return jobs.run("late-claims-remind").done

    assert runs(6) == 0 and runs(7) == 1 and runs(7) == 0
    assert mails("late-claim-reminder") == {story.people["head_of_fund"].email}
    with clock.moved_to(case.now + 8 * DAY):
        case.allow(late)
    assert runs(14) == 0 and runs(15) == 1, "it begins anew for the next"
    assert story.people["certifying_officer"].email in mails("late-claim-reminder")
    assert runs(23) == 1 and runs(31) == 1
    head = [m for m in db.session.query(OutboxMail).filter_by(kind="late-claim-reminder")
            if m.to_address == story.people["head_of_fund"].email]
    assert len(head) == 2, "once as the one who acts, once at the third reminder of others"
    with clock.moved_to(case.now + 32 * DAY):
        late_service.refuse(late, story.officer("certifying_officer"), 2, "too_late", "Too late.")
    assert runs(60) == 0


@pytest.mark.pages
def test_the_lists_of_late_claims(story, as_person):
    """Officers see all, a mission its own; the price of a ticket is asked for only where none was paid."""
    case = Late(story)
    with clock.moved_to(case.now + DAY):
        focal, other = as_person(story.focal[0]), as_person(story.focal[1])
        officer = as_person(story.people["requesting_officer"])
        assert "No late claims" in focal.get("/late-claims/").text
        page = f"/claims/{case.claim}/late"
        assert "was never paid" in focal.get(page).text
        body = {"text": "The agent was late.", "version": case.row.version, "ticket": "100.00"}
        answer = focal.post(page, data=body, check=False)
        assert answer.status_code == 422 and "Choose a file" in answer.text
        receipt = (io.BytesIO(b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer<<>>\n%%EOF\n"), "ticket.pdf")
        assert focal.post(page, data={**body, "receipt": receipt}).status_code == 303
        late = db.session.query(LateClaim).one()
        for reader, sees in ((focal, True), (officer, True), (other, False)):
            assert (case.row.reference in reader.get("/late-claims/").text) is sees
            assert (case.row.reference in reader.get("/late-claims/?format=csv").text) is sees
        assert case.row.reference not in officer.get("/late-claims/?state=refused").text
        assert "The head of the fund" in officer.get("/late-claims/").text
        assert officer.get(f"/late-claims/{late.id}").text.count("100.00") >= 2
        with officer.get(f"/late-claims/{late.id}/ticket") as served:
            assert served.data.startswith(b"%PDF")
        assert other.get(f"/late-claims/{late.id}/ticket", check=False).status_code == 404
