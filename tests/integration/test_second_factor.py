"""The second factor: set up, asked for, never taken twice, reset by two; nothing that was sent is lost."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa
from markupsafe import Markup
from sqlalchemy.exc import DBAPIError

from accounts import factor_resets, second_factor, sign_in
from accounts.factor_models import RecoveryCode, SecondFactor, SecondFactorProof, SecondFactorReset
from core import clock
from core.actor import person
from core.db import db, new_id
from core.errors import NotAllowed, RuleBroken, Stale
from core.events import Event
from core.outbox import OutboxMail
from sponsorship.applications.models import Call
from sponsorship.awards import service
from sponsorship.awards.approvals import Approval
from sponsorship.awards.models import Award
from tests.support.award_story import AwardStory
from tests.support.crowd import at_once
from tests.support.people import app_code


def text_of(answer):
    return answer.get_data(as_text=True)


def test_set_up_shown_once_and_stored_hashed(make, as_person):
    who = make.person("bank_signatory", "requesting_officer")
    client = as_person(who, fresh=False)
    assert "Set it up: your role needs it" in text_of(client.get("/accounts/me"))
    assert "/accounts/second-factor" in text_of(client.get("/desk"))
    assert client.submit("/accounts/second-factor/begin").status_code == 303
    page = text_of(client.get("/accounts/second-factor"))
    secret = re.search(r"secret=([A-Z2-7]{32})", page).group(1)
    assert "<svg" in page and " ".join(secret[n:n + 4] for n in range(0, 32, 4)) in page
    assert secret not in second_factor.live_factor(who.id).secret_sealed
    assert client.submit("/accounts/second-factor/confirm", {"second_factor": "000000"}).status_code == 422
    done = client.submit("/accounts/second-factor/confirm", {"second_factor": app_code(who)})
    codes = re.findall(r"<code>([a-z2-9]{4}-[a-z2-9]{4}-[a-z2-9]{4})</code>", text_of(done))
    assert done.status_code == 200 and len(set(codes)) == 10
    stored = {row.digest for row in db.session.query(RecoveryCode)}
    assert len(stored) == 10 and not stored & set(codes)
    again = text_of(client.get("/accounts/second-factor"))
    assert secret not in again and codes[0] not in again and "Recovery codes left" in again
    assert "/accounts/second-factor" not in text_of(client.get("/desk")).split("<footer")[0].split("<main")[1]
    # a second set-up is refused; a new set of codes voids the old one
    client.submit("/accounts/second-factor/begin")
    assert db.session.query(SecondFactor).count() == 1
    fresh = text_of(client.submit("/accounts/second-factor/recovery-codes"))
    assert "are void" in fresh and codes[0] not in fresh
    attempt = sign_in.begin_attempt(who.email, "10.0.0.1", "second_factor")
    with pytest.raises(RuleBroken):
        second_factor.prove(person(who.id), codes[0], attempt.id)
    assert [m.kind for m in db.session.query(OutboxMail).filter_by(to_address=who.email)] == ["second-factor"]


def test_approving_asks_and_loses_nothing(make, as_person):
    story = AwardStory(make)
    call = story.call_id
    head = story.people["head_of_fund"]
    as_person(head)  # has a device
    client = as_person(head, fresh=False)
    version = story.version(Call, call)
    typed = {"version": str(version)}
    for nominee, choice in story.choices().items():
        typed[f"outcome-{nominee}"] = choice.outcome
        typed[f"reason-{nominee}"] = "Words with “quotes” & <marks>\nand a second line"
    address = f"/sponsorship/calls/{call}/decision"
    shown = text_of(client.submit(f"{address}/check", typed))
    assert "Nothing is decided yet" in shown and "Confirm that it is you" not in shown
    typed["seen"] = re.search(r'name="seen" value="([^"]+)"', shown).group(1)
    asked = client.submit(address, typed)
    page = text_of(asked)
    assert asked.status_code == 200 and "Confirm that it is you" in page and db.session.query(Award).count() == 0
    kept = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    kept = {name: Markup(value).unescape() for name, value in kept.items()}
    assert typed.items() <= kept.items()
    wrong = client.submit(address, {**kept, "second_factor": "000000"})
    assert wrong.status_code == 422 and "does not fit" in text_of(wrong) and "second line" in text_of(wrong)
    done = client.submit(address, {**kept, "second_factor": app_code(head)})
    assert done.status_code == 303 and db.session.query(Award).count() == 3
    signature = db.session.query(Approval).filter_by(person_id=head.id).first()
    assert signature.proof_id == db.session.query(SecondFactorProof.id).order_by(
        SecondFactorProof.at.desc()).limit(1).scalar()
    told = db.session.query(Event).filter_by(tag="awards.award.select").one()
    assert told.data["proof"] == str(signature.proof_id)
    # the next act within the time is not asked; with an old proof, or another person's, it is
    with client.session_transaction() as session:
        kept_proof = session["second_factor_proof"]
    assert second_factor.valid_proof(person(head.id), signature.proof_id)
    assert second_factor.valid_proof(person(story.people["approving_officer"].id), signature.proof_id) is None
    old = SecondFactorProof(person_id=head.id, factor_id=second_factor.live_factor(head.id).id, way="code",
                            at=clock.real_now() - timedelta(minutes=16))
    db.session.add(old)
    db.session.commit()
    assert second_factor.valid_proof(person(head.id), old.id) is None and kept_proof


def test_every_binding_act_of_the_chains_asks(app, make, as_person):
    """Approving, deciding, releasing, restarting, agreeing: their views carry the mark; a person without a device is
    told how to get one, and nothing is done."""
    marked = {name for name, view in app.view_functions.items() if getattr(view, "asks_fresh_sign_in", False)}
    assert {"awards.approve", "decisions.decide_all", "disbursements.approve", "disbursements.release",
            "accounts.agree_factor_reset", "letters.sign", "losses.agree"} <= marked
    story = AwardStory(make)
    award = story.decide()[0]
    service.certify(award, story.officer("certifying_officer"), story.version(Award, award))
    client = as_person(story.people["approving_officer"], fresh=False)
    answer = client.submit(f"/awards/{award}/approve", {"version": story.version(Award, award)})
    assert "not set up yet" in text_of(answer) and story.award(award).state == "certified"
    answer = client.submit(f"/awards/{award}/approve", {"version": story.version(Award, award),
                                                        "second_factor": "123456"})
    assert answer.status_code == 422 and story.award(award).state == "certified"


def test_a_code_is_taken_once_and_guesses_are_counted(make, as_person):
    who = make.person("approving_officer")
    as_person(who)
    actor = person(who.id)

    def attempt():
        found = sign_in.begin_attempt(who.email, "10.0.0.2", "second_factor")
        assert found.id
        return found.id

    code = app_code(who)
    assert second_factor.prove(actor, code[:3] + " " + code[3:], attempt())
    with pytest.raises(RuleBroken) as caught:
        second_factor.prove(actor, code, attempt())
    assert caught.value.code == "second_factor.replayed"
    with pytest.raises(RuleBroken) as caught:
        second_factor.prove(actor, app_code(who, -1), attempt())  # older than the one taken
    assert caught.value.code == "second_factor.replayed"
    with pytest.raises(RuleBroken) as caught:
        second_factor.prove(actor, app_code(who, -3), attempt())
    assert caught.value.code == "second_factor.wrong"
    for _n in range(2):
        assert sign_in.begin_attempt(who.email, "10.0.0.2", "second_factor").id
    stopped = sign_in.begin_attempt(who.email, "10.0.0.2", "second_factor")
    assert stopped.id is None and 1 <= stopped.minutes <= 15
    client = as_person(who, fresh=False)
    answer = client.submit(f"/awards/{new_id()}/approve", {"version": 1, "second_factor": app_code(who, 1)})
    assert answer.status_code == 429 and "Wait" in text_of(answer)


def test_the_database_holds_once_and_by_two(make, as_person):
    who, admin, other = make.person("bank_signatory"), make.actor("administrator"), make.person("organiser")
    as_person(who)
    factor = second_factor.live_factor(who.id)
    table, resets = SecondFactor.__table__, SecondFactorReset.__table__
    reset = factor_resets.ask(admin, who.id, "She telephoned from the mission; I know her voice.")
    tries = [
        (sa.update(table).where(table.c.id == factor.id).values(last_step=1), "second_factor_step_rises"),
        (sa.update(table).where(table.c.id == factor.id).values(
            ended_at=clock.real_now(), ending="reset", reset_id=reset), "second_factor_reset_is_agreed"),
        (sa.update(resets).where(resets.c.id == reset).values(
            decided_at=clock.real_now(), decided_by=admin.person_id, agreed=True), "by_two_others"),
        (sa.update(resets).where(resets.c.id == reset).values(
            decided_at=clock.real_now(), decided_by=who.id, agreed=True), "by_two_others"),
        (sa.insert(SecondFactorProof.__table__).values(
            id=new_id(), person_id=other.id, factor_id=factor.id, way="code", at=clock.real_now()),
         "second_factor_proof_of_live_factor"),
    ]
    for statement, rule in tries:
        with pytest.raises(DBAPIError) as caught, db.session.begin_nested():
            db.session.execute(statement)
        assert rule in str(caught.value.orig), rule
    for actor in (admin, person(who.id)):
        with pytest.raises((RuleBroken, NotAllowed)):
            factor_resets.decide(actor, reset, True)
    assert second_factor.live_factor(who.id) is not None
    factor_resets.decide(person(other.id), reset, True)
    assert second_factor.live_factor(who.id) is None
    with pytest.raises(Stale):
        factor_resets.decide(person(other.id), reset, False)
    kinds = [m.kind for m in db.session.query(OutboxMail).filter_by(to_address=who.email)]
    assert kinds == ["factor-reset-asked", "factor-reset"]


@pytest.mark.pages
def test_pages_of_a_lost_device(make, as_person):
    who, admin, other = make.person("bank_signatory"), make.person("administrator"), make.person("head_of_fund")
    as_person(who)
    client, second = as_person(admin), as_person(other)
    assert f"/accounts/people/{who.id}/second-factor-reset" in text_of(client.get(f"/accounts/people/{who.id}/"))
    address = f"/accounts/people/{who.id}/second-factor-reset"
    assert client.submit(address, {"why": ""}).status_code == 422
    assert client.submit(address, {"why": "Seen in person."}).status_code == 303
    assert "already" in text_of(client.submit(address, {"why": "Again."}))
    assert "another person decides" in text_of(client.get("/accounts/factor-resets/"))
    assert "Lost device" in text_of(second.get("/desk"))
    row = db.session.query(SecondFactorReset).one()
    assert second.submit(f"/accounts/factor-resets/{row.id}/agree").status_code == 303
    assert "Reset" in text_of(second.get("/accounts/factor-resets/")) and second_factor.live_factor(who.id) is None


@pytest.mark.real_database
def test_one_code_sent_twice_at_once_is_taken_once(app, make, as_person):
    who = make.person("bank_signatory")
    as_person(who)
    code, actor = app_code(who), person(who.id)
    attempts = [sign_in.begin_attempt(who.email, "10.0.0.3", "second_factor").id for _n in range(4)]
    results = at_once(app, [lambda a=a: second_factor.prove(actor, code, a) for a in attempts])
    assert len([r for r in results if not isinstance(r, Exception)]) == 1, results
    assert db.session.query(SecondFactorProof).filter_by(person_id=who.id).count() == 2  # one is the helper's
