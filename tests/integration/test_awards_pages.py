"""Pages of awards and payments: who sees what, every form's bad input, the path through the pages alone."""

from __future__ import annotations

import io
import re
import uuid
from datetime import timedelta

import pytest

from core import clock
from core.db import db
from core.events import Event
from sponsorship.awards.models import Award
from sponsorship.disbursements.models import Disbursement, Payee, PaymentInstruction
from tests.support.award_story import IBAN, AwardStory
from tests.support.pages import decide_by_pages

pytestmark = pytest.mark.pages

PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


@pytest.fixture
def story(make):
    return AwardStory(make)


@pytest.fixture
def as_role(story, as_person):
    return lambda role: as_person(story.people[role])


def text(response) -> str:
    return response.get_data(as_text=True)


def test_the_whole_chain_through_the_pages(story, as_role, as_person):
    head = as_role("head_of_fund")
    assert "Decide on the panel" in text(head.get("/desk"))
    page = f"/sponsorship/calls/{story.call_id}/decision"
    assert head.get(page).status_code == 200
    data = {"version": 1}
    for n, nominee in enumerate(story.nominees):
        data[f"outcome-{nominee}"] = "selected" if n == 0 else "reserve"
    assert decide_by_pages(head, page, data).status_code == 303
    award = db.session.query(Award).filter_by(state="selected").one().id
    url = f"/awards/{award}"
    for role, action in (("certifying_officer", "certify"), ("approving_officer", "approve")):
        client = as_role(role)
        assert f"{url}/{action}" in text(client.get(url))
        assert client.submit(f"{url}/{action}", {"version": story.award(award).version}).status_code == 303
    focal = as_person(story.focal[0])
    assert "Accept the offer or turn it down" in text(focal.get("/desk"))
    assert focal.get(f"{url}/accept").status_code == 200
    assert focal.submit(f"{url}/accept", {"version": story.award(award).version}).status_code == 303
    payee = db.session.query(Payee).one().id
    assert f"/payees/{payee}" in text(focal.get("/desk"))
    bank = {"version": 1, "holder": "Given Family0", "bank_name": "State Bank", "bank_country": "ke", "account": IBAN,
            "bic": "", "proof": (io.BytesIO(PDF), "proof.pdf")}
    response = focal.post(f"/payees/{payee}/edit", data=bank, content_type="multipart/form-data")
    assert response.status_code == 303, text(response)
    shown = text(focal.get(f"/payees/{payee}"))
    assert IBAN not in shown and "•••• 5555" in shown
    keeper = as_role("payee_data_officer")
    assert IBAN in text(keeper.get(f"/payees/{payee}"))
    assert keeper.get(f"/payees/{payee}/proof").status_code == 200
    assert keeper.submit(f"/payees/{payee}/verify", {"version": story.version(Payee, payee)}).status_code == 303
    ticket = story.payments(award)["ticket"]
    pay = f"/disbursements/{ticket}"
    with clock.moved_to(story.payment(ticket).due_at + timedelta(hours=1)):
        for role, action in (("requesting_officer", "request"), ("certifying_officer", "certify"),
                             ("approving_officer", "approve")):
            client = as_role(role)
            assert story.payment(ticket).reference in text(client.get("/desk"))
            assert f"{pay}/{action}" in text(client.get(pay))
            assert client.submit(f"{pay}/{action}", {"version": story.payment(ticket).version}).status_code == 303
            assert "signed an earlier step" in text(client.get(pay)) or role == "approving_officer"
        from sponsorship.disbursements.service import make_ready

        make_ready(ticket, clock.now())
        signatory = as_role("bank_signatory")
        assert str(ticket) in text(signatory.get("/disbursements/release"))
        value = f"{ticket}:{story.payment(ticket).version}"
        # looked at on one page before it is signed; nothing moves by looking
        assert signatory.get("/disbursements/release/check").location.endswith("/disbursements/release")
        assert signatory.submit("/disbursements/release/check", {}).status_code == 422
        for chosen in ({"payments": value}, {"all": "transfer", "listed": value}):
            check = text(signatory.submit("/disbursements/release/check", chosen))
            assert "1 payment," in check and "Sign and release" in check and value in check
        assert "None of them can be released now" in text(
            signatory.submit("/disbursements/release/check", {"all": "paymaster_cash", "listed": value}))
        assert story.payment(ticket).state == "ready"
        response = signatory.submit("/disbursements/release", {"payments": value})
        assert response.status_code == 303
        instruction = response.headers["Location"]
        assert "Nobody has downloaded" in text(signatory.get(instruction))
        files = [signatory.post(f"{instruction}/file").data for _ in range(2)]
        assert files[0] == files[1] and IBAN.encode() in files[0]
        assert text(signatory.get(instruction)).count("Instruction downloaded") == 2
        # sent twice from the same page: the second finds it moved on
        assert signatory.submit("/disbursements/release", {"payments": value}).status_code == 409
        officer = as_role("requesting_officer")
        confirm = {"version": story.payment(ticket).version, "bank_reference": "FT-1", "fee": "15.00"}
        assert officer.submit(f"{pay}/confirm", confirm).status_code == 303
        assert "Confirmed by the bank" in text(officer.get(pay))
    assert not story.verify()


def test_lists_filter_sort_and_download(story, as_role, as_person):
    award = story.accepted()
    head, focal, other = as_role("head_of_fund"), as_person(story.focal[0]), as_person(story.focal[1])
    reference = story.award(award).reference
    assert reference in text(head.get("/awards/?state=accepted&sort=amount&dir=desc"))
    assert reference not in text(head.get("/awards/?state=reserve"))
    assert reference in text(head.get(f"/awards/?q={reference[-4:].lower()}"))
    assert reference in text(head.get("/awards/?format=csv"))
    assert head.get("/awards/?state=nonsense&page=99&sort=evil&meeting=x").status_code == 200
    # a State sees its own, without amounts
    mine = text(focal.get("/awards/"))
    assert reference in mine and "Estimate" not in mine
    assert reference not in text(other.get("/awards/"))
    payments = text(head.get("/disbursements/?kind=ticket"))
    assert "DSB-" in payments and "1,000.00" in payments
    assert "DSB-" in text(head.get("/disbursements/?format=csv"))
    assert head.get("/disbursements/instructions/").status_code == 200


def test_lists_take_a_fixed_number_of_queries(make, as_person, queries):
    story = AwardStory(make, states=5, recommended=5, money=10_000_000)
    awards = story.decide()
    client = as_person(story.people["head_of_fund"])

    def count(url: str) -> int:
        client.get(url)
        queries.clear()
        client.get(url)
        return len(queries)

    story.offer(awards[0])
    story.accept(awards[0], 0)
    before = count("/awards/"), count("/disbursements/"), count("/desk")
    for n in (1, 2, 3):
        story.offer(awards[n])
        story.accept(awards[n], n)
    assert (count("/awards/"), count("/disbursements/"), count("/desk")) == before


@pytest.mark.parametrize("path", ["", "/accept", "/turn-down", "/give-back"])
def test_another_states_award_is_not_there(story, as_person, path):
    first = story.decide()[0]
    story.offer(first)
    other = as_person(story.focal[1])
    assert other.get(f"/awards/{first}{path}").status_code == 404
    if path:
        answer = other.submit(f"/awards/{first}{path}", {"version": story.award(first).version})
        assert answer.status_code == 404
    assert story.award(first).state == "offered"


def test_bank_data_is_shown_to_its_own_people_only(story, as_role, as_person):
    award = story.accepted()
    payee = story.give_bank_data(award)
    for person in (story.focal[1], *(story.people[r] for r in story.people if r != "payee_data_officer")):
        for path in ("", "/edit", "/proof", "/return"):
            assert as_person(person).get(f"/payees/{payee}{path}").status_code in (403, 404)
    assert as_person(story.focal[0]).get(f"/payees/{payee}/edit").status_code == 200
    # what stands is never put into a field again
    assert IBAN not in text(as_person(story.focal[0]).get(f"/payees/{payee}/edit"))
    assert as_role("payee_data_officer").get(f"/payees/{payee}/edit").status_code == 403
    assert as_role("payee_data_officer").get(f"/payees/{uuid.uuid4()}").status_code == 404


def test_the_state_reads_no_amounts_and_no_officers(story, as_person):
    award = story.accepted()
    page = text(as_person(story.focal[0]).get(f"/awards/{award}"))
    assert "1,000.00" not in page and "Certifying Officer" not in page and "Head Of Fund" not in page
    officer = text(as_person(story.people["auditor"]).get(f"/awards/{award}"))
    assert "1,000.00" in officer and "Certifying Officer" in officer


def test_a_state_learns_of_its_award_with_the_offer(story, as_person):
    first, second, _third = story.decide()
    focal, reserve = as_person(story.focal[0]), as_person(story.focal[1])
    for client, award, n in ((focal, first, 0), (reserve, second, 1)):
        reference = story.award(award).reference
        assert client.get(f"/awards/{award}").status_code == 404
        assert client.get(f"/awards/{award}/accept").status_code == 404
        assert reference not in text(client.get("/awards/"))
        for url in ("/sponsorship/applications/", f"/sponsorship/applications/{story.applications[n]}/"):
            page = text(client.get(url))
            # the selected State learns nothing before its offer; the reserve list was told by letter
            assert ("On the reserve list" if n else "Under consideration") in page and reference not in page
            assert "is selected" not in page and (n or "Decided" not in page)
    story.offer(first)
    reference = story.award(first).reference
    assert reference in text(focal.get("/awards/")) and focal.get(f"/awards/{first}").status_code == 200
    page = text(focal.get(f"/sponsorship/applications/{story.applications[0]}/"))
    assert reference in page and "Under consideration" not in page
    assert "On the reserve list" in text(reserve.get(f"/sponsorship/applications/{story.applications[1]}/"))


def test_officers_see_the_money_before_they_sign(story, as_role):
    award = story.decide()[0]
    certifying = text(as_role("certifying_officer").get(f"/awards/{award}"))
    support = story.each * 13 // 100
    for words in ("2,000.01", f"{support / 100:,.2f}", f"{(story.each + support) / 100:,.2f}", "General", "10,000.00"):
        assert words in certifying, words
    assert certifying.index("Total to be reserved") < certifying.index(f"/awards/{award}/certify")
    assert "Total to be reserved" not in text(as_role("auditor").get(f"/awards/{award}"))


def test_after_accepting_the_mission_is_asked_for_bank_data(story, as_person):
    award = story.decide()[0]
    story.offer(award)
    focal = as_person(story.focal[0])
    assert "the ticket, daily subsistence, terminal expenses" in text(focal.get(f"/awards/{award}/accept"))
    story.accept(award)
    payee = db.session.query(Payee).one().id
    page = text(focal.get(f"/awards/{award}"))
    assert f"/payees/{payee}/edit" in page and "Your mission" in page
    assert page.index("Give the bank data") < page.index("Travel dates")
    assert "Your mission" not in text(as_person(story.people["auditor"]).get(f"/awards/{award}"))


def test_the_signatory_does_not_sign_blind(story, as_role):
    award = story.accepted()
    story.give_bank_data(award)
    ticket = story.payments(award)["ticket"]
    with clock.moved_to(story.payment(ticket).due_at + timedelta(hours=1)):
        story.ready(ticket)
        page = text(as_role("bank_signatory").get("/disbursements/release"))
    for words in ("Given Family0", "State Bank", "•••• 5555", "1,000.00", "Requesting Officer", "Certifying Officer",
                  "Approving Officer"):
        assert words in page, words
    assert IBAN not in page


def test_dates_that_had_passed_at_acceptance_are_no_delay_of_today(story, as_role):
    awards = story.decide()
    with clock.moved_to(clock.now() + timedelta(days=75)):
        story.offer(awards[0])
        story.accept(awards[0])
        ticket = story.payments(awards[0])["ticket"]
        page = text(as_role("requesting_officer").get(f"/disbursements/{ticket}"))
        assert "At once: the usual dates have passed" in page and "Overdue" not in page
    with clock.moved_to(clock.now() + timedelta(days=77)):
        assert "Overdue" in text(as_role("requesting_officer").get(f"/disbursements/{ticket}"))


def test_auditor_sees_and_changes_nothing(story, as_role):
    award = story.accepted()
    ticket = story.payments(award)["ticket"]
    auditor = as_role("auditor")
    for url in (f"/awards/{award}", "/awards/", "/disbursements/", f"/disbursements/{ticket}"):
        page = auditor.get(url)
        assert page.status_code == 200
    assert 'method="post"' not in text(auditor.get(f"/disbursements/{ticket}")).split("</header>")[1]
    assert auditor.submit(f"/disbursements/{ticket}/request", {"version": 1}).status_code == 403
    assert auditor.submit(f"/awards/{award}/certify", {"version": 1}).status_code == 403


# --- bad input ---------------------------------------------------------------------------------------------------
def wrong(response, *messages: str, kept: str | None = None) -> None:
    page = text(response)
    assert response.status_code == 422, response.status_code
    assert 'id="error-summary"' in page
    for message in messages:
        assert page.count(message) >= 2, message  # beside the field and in the summary
    if kept is not None:
        assert kept in page


def counted() -> tuple[int, ...]:
    db.session.expire_all()
    return (db.session.query(Event).count(), db.session.query(PaymentInstruction).count(),
            sum(a.version for a in db.session.query(Award)), sum(d.version for d in db.session.query(Disbursement)),
            sum(p.version for p in db.session.query(Payee)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reason": "", "text": "Some words kept"}, "Choose an answer"),
        ({"reason": "nonsense", "text": "Some words kept"}, "Choose one of the answers offered"),
        ({"reason": "other", "text": ""}, "Say in a sentence why."),
        ({"reason": "other", "text": "  \t "}, "Say in a sentence why."),
        ({"reason": "other", "text": "x" * 2001}, "2000"),
    ],
)
@pytest.mark.parametrize(("path", "role"), [("refuse-certification", "certifying_officer"),
                                            ("withdraw", "fund_manager")])
def test_reason_form(story, as_role, path, role, changes, message):
    first = story.decide()[0]
    before = counted()
    response = as_role(role).submit(f"/awards/{first}/{path}", {"version": story.award(first).version, **changes})
    wrong(response, message, kept=changes["text"].strip()[:15])
    assert counted() == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ticket": "abc"}, "Write an amount in figures"), ({"ticket": "-5"}, "without a sign"),
        ({"ticket": "1.234"}, "no smaller part"), ({"ticket": "1e9"}, "Write an amount in figures"),
        ({"ticket": "99999999999999999999"}, "larger than can be recorded"),
        ({"ticket": "0", "dsa": "0", "terminal": ""}, "above zero for at least one line"),
    ],
)
def test_estimate_form(story, as_role, changes, message):
    first = story.decide()[0]
    before = counted()
    data = {"version": story.award(first).version, "ticket": "900", "dsa": "10.50", "terminal": "7", **changes}
    wrong(as_role("fund_manager").submit(f"/awards/{first}/estimate", data), message, kept=changes["ticket"])
    assert counted() == before


@pytest.mark.parametrize("path", ["accept", "turn-down"])
@pytest.mark.parametrize("version", ["", "x", "99"])
def test_answer_needs_the_version_it_saw(story, as_person, path, version):
    first = story.decide()[0]
    story.offer(first)
    before = counted()
    response = as_person(story.focal[0]).submit(f"/awards/{first}/{path}", {"version": version})
    assert response.status_code == (409 if version == "99" else 422)
    assert counted() == before


def test_turning_down_with_too_many_words(story, as_person):
    first = story.decide()[0]
    story.offer(first)
    before = counted()
    data = {"version": story.award(first).version, "text": "w" * 2001}
    wrong(as_person(story.focal[0]).submit(f"/awards/{first}/turn-down", data), "2000", kept="www")
    assert counted() == before


def test_decision_form(story, as_role):
    head = as_role("head_of_fund")
    page = f"/sponsorship/calls/{story.call_id}/decision"
    check = f"{page}/check"
    good = {"version": 1, **{f"outcome-{n}": "reserve" for n in story.nominees}}
    good[f"outcome-{story.nominees[0]}"] = "selected"
    before = counted()
    last = story.nominees[-1]
    wrong(head.submit(check, {**good, f"outcome-{last}": "selected"}), "Say why the decision departs")
    wrong(head.submit(check, {**good, f"outcome-{last}": "maybe"}), "Choose one of the answers offered.")
    missing = {k: v for k, v in good.items() if k != f"outcome-{last}"}
    assert head.submit(check, missing).status_code == 422
    wrong(head.submit(check, {**good, f"reason-{last}": "r" * 2001}), "2000", kept="rrr")
    # the check page says what would be done, and binds nothing
    departing = {**good, f"outcome-{last}": "not", f"reason-{last}": "The State <asked> for it."}
    shown = text(head.submit(check, departing))
    for words in ("Nothing is decided yet", "the panel advised “Reserve list”, you decide “Not selected”",
                  "The State &lt;asked&gt; for it.", "2,000.01", "Which letter each State gets"):
        assert words in shown, words
    assert "carry every place" not in shown
    back = text(head.submit(check, {**departing, "action": "change"}))
    assert "Check the decision" in back and "The State &lt;asked&gt; for it." in back
    # stale, unchecked, or another choice than the one shown: told, and nothing done
    stale = head.submit(check, {**good, "version": 9})
    assert stale.status_code == 409 and "has changed since you opened the page" in text(stale)
    assert head.submit(page, {**good, "version": 9}).status_code == 409
    assert "Nothing is decided yet" in text(head.submit(page, good))
    seen = re.search(r'name="seen" value="([^"]+)"', shown).group(1)
    other = head.submit(page, {**good, "seen": seen})
    assert other.status_code == 409 and "Look through the decision once more" in text(other)
    assert counted() == before
    assert decide_by_pages(head, page, good).status_code == 303
    decided = counted()
    again = head.submit(page, {**good, "seen": seen}, follow_redirects=True)
    assert "This call is decided already" in text(again) and counted() == decided
    assert "Decided" in text(head.get(page))


def test_the_check_says_when_the_money_does_not_carry_it(make, as_person):
    story = AwardStory(make, recommended=3, money=250_000)
    data = {"version": 1, **{f"outcome-{n}": "selected" for n in story.nominees}}
    shown = text(as_person(story.people["head_of_fund"]).submit(
        f"/sponsorship/calls/{story.call_id}/decision/check", data))
    assert "does not carry every place" in shown and "It carries 1 of 3." in shown


@pytest.fixture
def released(story):
    award = story.accepted()
    ticket = story.payments(award)["ticket"]
    story.give_bank_data(award)
    with clock.moved_to(story.payment(ticket).due_at + timedelta(hours=1)):
        story.ready(ticket)
        story.release(ticket)
        yield ticket


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bank_reference": ""}, "Fill in"), ({"bank_reference": "x" * 61}, "60"),
        ({"bank_reference": "<script>"}, "Write letters, figures"), ({"fee": "-1"}, "without a sign"),
        ({"fee": "1,5"}, "Write an amount in figures"), ({"fee": "much"}, "Write an amount in figures"),
    ],
)
def test_confirmation_form(story, as_role, released, changes, message):
    before = counted()
    data = {"version": story.payment(released).version, "bank_reference": "FT-7", "fee": "3", **changes}
    kept = next(iter(changes.values())).replace("<", "&lt;").replace(">", "&gt;")
    wrong(as_role("requesting_officer").submit(f"/disbursements/{released}/confirm", data), message, kept=kept)
    assert counted() == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"reason": ""}, "Choose an answer"), ({"reason": "x"}, "Choose one of the answers offered"),
     ({"bank_reference": "a\u202eb"}, "Write letters, figures"), ({"text": "t" * 2001}, "2000")],
)
def test_failure_form(story, as_role, released, changes, message):
    before = counted()
    data = {"version": story.payment(released).version, "reason": "other", **changes}
    wrong(as_role("requesting_officer").submit(f"/disbursements/{released}/fail", data), message)
    assert counted() == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"reason": ""}, "Choose an answer"), ({"text": ""}, "Say in a sentence what to put right."),
     ({"text": "t" * 2001}, "2000")],
)
def test_send_back_form(story, as_role, changes, message):
    from sponsorship.disbursements import service

    award = story.accepted()
    ticket = story.payments(award)["ticket"]
    story.give_bank_data(award)
    service.request(ticket, story.officer("requesting_officer"), 1)
    before = counted()
    data = {"version": 2, "reason": "other", "text": "Fare is lower now.", **changes}
    wrong(as_role("certifying_officer").submit(f"/disbursements/{ticket}/refuse-certification", data), message)
    assert counted() == before


def test_one_button_refusals_are_shown_on_the_page(story, as_role):
    award = story.accepted()
    ticket = story.payments(award)["ticket"]
    before = counted()
    officer = as_role("requesting_officer")
    response = officer.submit(f"/disbursements/{ticket}/request", {"version": 1})
    assert response.status_code == 422 and "not verified yet" in text(response)
    assert officer.submit(f"/disbursements/{ticket}/request", {"version": "x"}).status_code == 422
    assert officer.submit(f"/disbursements/{ticket}/request", {"version": 5}).status_code == 409
    assert as_role("approving_officer").submit(f"/disbursements/{ticket}/approve", {"version": 1}).status_code == 409
    assert counted() == before


@pytest.mark.parametrize("payments", [None, "nonsense", f"{uuid.UUID(int=5)}:1", "' OR 1=1:1"])
def test_release_form(story, as_role, payments):
    award = story.accepted()
    ticket = story.payments(award)["ticket"]
    story.give_bank_data(award)
    with clock.moved_to(story.payment(ticket).due_at + timedelta(hours=1)):
        story.ready(ticket)
        before = counted()
        data = {"payments": payments} if payments else {}
        response = as_role("bank_signatory").submit("/disbursements/release", data)
        assert response.status_code in (404, 422)
    assert counted() == before


BANK = {"version": 1, "holder": "Given Family0", "bank_name": "State Bank", "bank_country": "KE", "account": IBAN,
        "bic": "BUKBGB22"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"holder": ""}, "Fill in"), ({"holder": "=HYPERLINK(1)"}, "as the bank knows it"),
        ({"holder": "x" * 141}, "140"),
        ({"bank_name": ""}, "Fill in"), ({"bank_country": "Kenya"}, "two letters"), ({"account": ""}, "Fill in"),
        ({"account": "GB33BUKB20201555555556"}, "typing mistake"), ({"account": "£££££"}, "letters and figures only"),
        ({"bic": "XX"}, "8 or 11"), ({"proof": (b"", "empty.pdf")}, "empty"),
        ({"proof": (b"MZ not a pdf", "proof.pdf")}, "not what its name says"),
        ({"proof": (PDF, "proof.exe")}, "Choose another file"), ({"proof": None}, "Choose a file"),
    ],
)
def test_bank_data_form(story, as_person, changes, message):
    award = story.accepted()
    payee = db.session.query(Payee).filter_by(award_id=award).one()
    before = counted()
    data = {**BANK, "proof": (PDF, "proof.pdf"), **changes}
    content = data.pop("proof")
    if content:
        data["proof"] = (io.BytesIO(content[0]), content[1])
    client = as_person(story.focal[0])
    response = client.post(f"/payees/{payee.id}/edit", data=data, content_type="multipart/form-data")
    wrong(response, message, kept="State Bank" if "bank_name" not in changes else "Given Family0")
    assert counted() == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"reason": ""}, "Choose an answer"), ({"text": ""}, "Say in a sentence what to correct.")],
)
def test_return_form(story, as_role, changes, message):
    from sponsorship.disbursements import payee_service
    from sponsorship.disbursements.payee_service import BankData

    award = story.accepted()
    payee = story.give_bank_data(award)
    payee_service.enter(payee, BankData("Given Family0", "Other Bank", "KE", IBAN, ""), story.focal_point(),
                        story.version(Payee, payee))
    before = counted()
    data = {"version": story.version(Payee, payee), "reason": "incomplete", "text": "The bank's name.", **changes}
    wrong(as_role("payee_data_officer").submit(f"/payees/{payee}/return", data), message)
    assert counted() == before
