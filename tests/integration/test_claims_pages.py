"""Pages after the journey, through the pages alone: the State, the officer, the head, the next call."""

from __future__ import annotations

import io
from datetime import UTC, datetime, time, timedelta

import pytest

from core import clock, files, jobs
from core.db import db
from sponsorship.awards import entitlement_service as entitlements
from sponsorship.awards.dsa_csv import read_rates
from sponsorship.awards.models import Award
from sponsorship.disbursements.claim_models import Claim, DelegateReport, Recovery
from tests.support.award_story import AwardStory

pytestmark = pytest.mark.pages
PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
DAY = timedelta(days=1)


@pytest.fixture
def story(make):
    return AwardStory(make, states=2)


def text(answer):
    return answer.get_data(as_text=True)


def test_the_story_after_the_journey(story, as_person):
    content = b"place,country,valid_from,rate_usd\nNew York,US,2020-01-01,401.00\n"
    entitlements.import_rates(read_rates(content), files.lay_down(content, "c.csv", "text/csv"), "Circular 9",
                              story.officer("fund_manager"))
    award = story.decide()[0]
    entitlements.use(award, story.officer("fund_manager"), story.version(Award, award))
    story.offer(award)
    story.accept(award)
    first, last = story.award(award).travel_from, story.award(award).travel_to
    with clock.moved_to(datetime.combine(first, time(20), UTC)):
        story.paid(award, "ticket", "dsa_advance", "terminal")
    focal, other, officer, head = (as_person(p) for p in (
        story.focal[0], story.focal[1], story.people["requesting_officer"], story.people["head_of_fund"]))
    with clock.moved_to(datetime.combine(last + 2 * DAY, time(12), UTC)):
        jobs.run("claims-open")
        claim = db.session.query(Claim).one().id
        page = f"/claims/{claim}"
        assert "Send the travel claim" in text(focal.get("/desk")) and "Write the delegate" in text(focal.get("/desk"))
        assert "Send the claim" in text(focal.get(f"/awards/{award}"))
        assert text(focal.get(page)).count("Send the claim") == 1
        assert other.get(page).status_code == 404 and other.get(f"{page}/submit").status_code == 404
        form = text(focal.get(f"{page}/submit"))
        assert "Day by day" in form and first.isoformat() in form
        empty = focal.post(f"{page}/submit", data={"version": 1})
        assert empty.status_code == 422 and "Choose one of the two." in text(empty)
        assert "Choose one of the answers offered" not in text(empty), "one thing at a time"
        sent = {"version": 1, "as_planned": "no", "first": (first + 3 * DAY).isoformat(),
                "last": (last - 2 * DAY).isoformat(), "days": [f"{(first + 3 * DAY).isoformat()}:lunch"],
                "no_legs": ["departure", "home_in"], "words": "<b>Called home early.</b>"}
        assert "boarding passes" in text(focal.post(f"{page}/submit", data=sent))
        wrong = focal.post(f"{page}/submit", data={**sent, "boarding_out": (io.BytesIO(b"no pdf"), "pass.pdf")},
                           content_type="multipart/form-data")
        assert wrong.status_code == 422
        good = focal.post(f"{page}/submit", data={**sent, "boarding_out": (io.BytesIO(PDF), "pass.pdf")},
                          content_type="multipart/form-data")
        assert good.status_code == 303
        assert "&lt;b&gt;Called home early." in text(focal.get(page))
        assert "Settle the travel claim" in text(officer.get("/desk"))
        shown = text(officer.get(f"{page}/settle"))
        assert "352.88" in shown and "Settle by these days" in shown
        assert "To be asked back" in shown, "what follows is said before it is done"
        assert officer.submit(f"{page}/settle", {"version": 2}).status_code == 422
        assert officer.submit(f"{page}/settle", {"version": 2, "attendance": "part"}).status_code == 303
        recovery = db.session.query(Recovery).one()
        back = f"/recoveries/{recovery.id}"
        assert "Asked back" in text(officer.get(page)) and "Circular 9" in text(focal.get(page))
        assert "Circular 9" in text(officer.get(f"{page}?format=csv"))
        assert "Pay back what was paid too much" in text(focal.get("/desk"))
        assert focal.get(back).status_code == 200 and other.get(back).status_code == 404
        receipt = {"version": 1, "amount": "100", "bank_reference": "FT 1", "paid_on": clock.today().isoformat()}
        assert officer.submit(f"{back}/record", {**receipt, "amount": "99999"}).status_code == 422
        assert officer.submit(f"{back}/record", receipt).status_code == 303
        assert "FT 1" in text(focal.get(back)) and "Recorded by" not in text(focal.get(back))
        assert head.submit(f"{back}/write-off", {"version": 2, "reason": "hardship", "text": ""}).status_code == 422
        assert head.submit(f"{back}/write-off", {"version": 2, "reason": "hardship", "text": "No more."}
                           ).status_code == 303
        report = db.session.query(DelegateReport).one().id
        words = {"version": 1, "meetings": "The first two days.", "follow_up": ""}
        assert focal.submit(f"/reports/{report}/write", words).status_code == 422
        assert focal.submit(f"/reports/{report}/write", {**words, "follow_up": "A law."}).status_code == 303
        assert "The first two days." in text(officer.get(f"/reports/{report}"))
        assert other.get(f"/reports/{report}").status_code == 404
        for address in ("/claims/", "/claims/?format=csv", "/recoveries/", "/recoveries/?format=xlsx"):
            assert officer.get(address).status_code == 200
        assert other.get("/claims/").status_code == 403
        manager = as_person(story.people["fund_manager"])
        screening = text(manager.get(f"/sponsorship/applications/{story.applications[0]}/screening"))
        assert "Earlier sponsored journeys" in screening and "Attended part of it" in screening
        paper = claim_papers(claim)
        assert officer.get(f"{page}/papers/{paper}").data == PDF
        assert other.get(f"{page}/papers/{paper}").status_code == 404


def claim_papers(claim):
    from sponsorship.disbursements.claim_models import ClaimPaper

    return db.session.query(ClaimPaper.file_id).filter_by(claim_id=claim).scalar()


def test_returning_and_closing_ask_for_words(story, as_person):
    award = story.accepted()
    officer, focal = as_person(story.people["requesting_officer"]), as_person(story.focal[0])
    with clock.moved_to(datetime.combine(story.award(award).travel_to + 2 * DAY, time(12), UTC)):
        claim = story.claim(award, settle=False)
        page = f"/claims/{claim}"
        assert officer.submit(f"{page}/return", {"version": 2, "reason": "other"}).status_code == 422
        assert officer.submit(f"{page}/return", {"version": 2, "reason": "other", "text": "Which flight?"}
                              ).status_code == 303
        assert "Which flight?" in text(focal.get(page)) and "Which flight?" in text(officer.get(page))
        early = officer.submit(f"{page}/close-unclaimed", {"version": 3, "reason": "no_word", "text": "x"})
        assert early.status_code == 422 and "not overdue yet" in text(early)
        assert officer.submit(f"{page}/no-show", {"version": 3, "reason": "ill", "text": "x"}).status_code == 303
        assert "Did not travel" in text(officer.get(page))


def test_a_late_claim_through_the_pages(story, as_person):
    award = story.accepted()
    officer, focal, other, head, certifier = (as_person(p) for p in (
        story.people["requesting_officer"], story.focal[0], story.focal[1], story.people["head_of_fund"],
        story.people["certifying_officer"]))
    with clock.moved_to(datetime.combine(story.award(award).travel_to + 2 * DAY, time(12), UTC)):
        jobs.run("claims-open")
        claim = db.session.query(Claim).one()
        page, due = f"/claims/{claim.id}", claim.due_at
    with clock.moved_to(due + DAY):
        assert "Ask to send it late" not in text(focal.get(page))
        assert officer.submit(f"{page}/close-unclaimed", {
            "version": story.version(Claim, claim.id), "reason": "no_word", "text": "x"}).status_code == 303
        jobs.run("awards-close")
        assert "Ask to send it late" in text(focal.get(page)) and "Ask to send it late" not in text(officer.get(page))
        version = story.version(Claim, claim.id)
        assert other.get(f"{page}/late").status_code == 404 and officer.get(f"{page}/late").status_code == 403
        assert focal.submit(f"{page}/late", {"version": version, "text": ""}).status_code == 422
        sent = focal.submit(f"{page}/late", {"version": version, "text": "<b>The post was late.</b>"})
        late = sent.headers["Location"]
        assert sent.status_code == 303 and "&lt;b&gt;The post" in text(focal.get(late))
        assert "Take the request back" in text(focal.get(late)) and other.get(late).status_code == 404
        shown = text(focal.get(page))
        assert "A late claim is asked for" in shown and "paid back to the fund" not in shown
        assert "To the late claim" in shown and late in text(head.get("/desk"))
        assert "are reserved again" in text(head.get(late)) and "are reserved again" not in text(focal.get(late))
        assert head.submit(f"{late}/decide", {"version": 1, "reason": "", "text": ""}).status_code == 422
        assert head.submit(f"{late}/decide", {"version": 1, "reason": "other", "text": "Seen."}).status_code == 303
        assert "another officer must agree" in text(head.get(late)) and late not in text(head.get("/desk"))
        assert late in text(certifier.get("/desk")) and "Seen." in text(certifier.get(late))
        assert "Seen." not in text(focal.get(late))
        assert certifier.submit(f"{late}/agree", {"version": 1}).status_code == 409
        assert certifier.submit(f"{late}/agree", {"version": 2}).status_code == 303
        assert "Send the claim" in text(focal.get(page)) and "Allowed by two" in text(focal.get(late))
        assert "Taken up again" in text(officer.get(page))
