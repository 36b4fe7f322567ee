"""Passkeys: added, shown, removed; whatever does not hold is refused, and a copied one is told of."""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from accounts import checks, factor_resets, passkeys, second_factor, sign_in
from accounts.factor_models import Passkey, PasskeyChallenge, RecoveryCode, SecondFactor, SecondFactorProof
from accounts.relying_party import relying_party
from core import clock, jobs
from core.actor import person
from core.db import db, new_id
from core.errors import NotFound, RuleBroken
from core.events import Event
from core.outbox import OutboxMail
from sponsorship.awards import service
from sponsorship.awards.approvals import Approval
from sponsorship.awards.models import Award
from tests.support.authenticator import ORIGIN, Authenticator
from tests.support.award_story import AwardStory
from tests.support.crowd import at_once
from tests.support.people import app_code

FIELD = "second_factor_passkey"


def text_of(answer):
    return answer.get_data(as_text=True)


@pytest.fixture(autouse=True)
def with_a_name(app, monkeypatch):
    """Passkeys need https and a name; what the application is told stands for all of it."""
    settings = dataclasses.replace(app.extensions["placard_settings"], public_url=ORIGIN)
    monkeypatch.setitem(app.extensions, "placard_settings", settings)


def attempt(who):
    found = sign_in.begin_attempt(who.email, "10.0.0.4", "second_factor")
    assert found.id
    return found.id


def enrolled(who, **traits):
    """A person's new passkey."""
    key = Authenticator(**traits)
    actor = person(who.id)
    key.handle = who.id.bytes
    passkeys.add(actor, "Blue key", key.make(passkeys.ask(actor, "add")), attempt(who))
    return key


def factor_of(key):
    return db.session.query(Passkey).filter_by(credential_id=json.loads(key.show({"challenge": "AA"}))["id"]).one()


def refused(who, text, code):
    with pytest.raises(RuleBroken) as caught:
        passkeys.prove(person(who.id), text, attempt(who))
    assert caught.value.code == code, caught.value


def test_added_on_the_page_shown_and_removed(make, as_person):
    who = make.person("bank_signatory")
    client = as_person(who, fresh=False)
    page = text_of(client.get("/accounts/second-factor"))
    assert "Add a passkey" in page and "Set up an app" in page
    assert client.submit("/accounts/passkeys/begin").headers["Location"].endswith("/accounts/passkeys/new")
    page = text_of(client.get("/accounts/passkeys/new"))
    assert f'data-origin="{ORIGIN}"' in page and "js/passkeys.js" in page and "<noscript>" in page
    options = client.submit("/accounts/passkeys/options/add").get_json()
    assert options["rp"]["id"] == "placard.test" and options["attestation"] == "none"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert who.email == options["user"]["name"] and "@" not in options["user"]["id"]
    key = Authenticator(backed_up=True)
    made = key.make(options)
    assert client.submit("/accounts/passkeys/new", {"name": " ", "new_passkey": made}).status_code == 422
    assert "needs JavaScript" in text_of(client.submit("/accounts/passkeys/new", {"name": "Key"}))
    done = client.submit("/accounts/passkeys/new", {"name": "My telephone", "new_passkey": made})
    codes = re.findall(r"<code>([a-z2-9]{4}-[a-z2-9]{4}-[a-z2-9]{4})</code>", text_of(done))
    assert done.status_code == 200 and len(set(codes)) == 10  # a passkey alone, so recovery codes with it
    stored = db.session.query(Passkey).one()
    assert (stored.transports, stored.backed_up, stored.backup_eligible, stored.last_used_at) == (
        "usb", True, True, None)
    page = text_of(client.get("/accounts/second-factor"))
    assert "My telephone" in page and "Copied between your devices" in page and "never" in page
    assert "/accounts/second-factor" not in text_of(client.get("/desk")).split("<footer")[0].split("<main")[1]
    # the last one of a role that needs one stays; with an app beside it, it may go
    kept = text_of(client.submit(f"/accounts/passkeys/{stored.factor_id}/remove", follow_redirects=True))
    assert "this is your last one" in kept and second_factor.stands(who.id)
    client.submit("/accounts/second-factor/begin")
    told = text_of(client.submit("/accounts/second-factor/confirm", {"second_factor": app_code(who)},
                                 follow_redirects=True))
    assert "Your app is set up" in told and db.session.query(RecoveryCode).filter_by(void_at=None).count() == 10
    gone = text_of(client.submit(f"/accounts/passkeys/{stored.factor_id}/remove", follow_redirects=True))
    assert "The passkey is removed" in gone and "My telephone" not in gone
    # and the app, in its turn, is the last one now
    assert "Remove the app" not in gone
    assert "this is your last one" in text_of(client.submit("/accounts/second-factor/remove", follow_redirects=True))
    tags = [e.tag.rpartition(".")[2] for e in db.session.query(Event).filter_by(
        subject_id=who.id, subject_type="person").order_by(Event.recorded_at)]
    assert [t for t in tags if "passkey" in t] == ["add_passkey", "remove_passkey"]
    kinds = [m.kind for m in db.session.query(OutboxMail).filter_by(to_address=who.email)]
    assert kinds == ["passkey-added", "second-factor", "passkey-removed"]


def test_approving_by_passkey(make, as_person):
    story = AwardStory(make)
    award = story.decide()[0]
    service.certify(award, story.officer("certifying_officer"), story.version(Award, award))
    who = story.people["approving_officer"]
    key = enrolled(who)
    client = as_person(who, fresh=False)
    address, version = f"/awards/{award}/approve", story.version(Award, award)
    page = text_of(client.submit(address, {"version": version}))
    assert 'data-passkey="prove"' in page and "Recovery code" in page and story.award(award).state == "certified"
    options = client.submit("/accounts/passkeys/options/prove").get_json()
    assert options["userVerification"] == "required"
    assert [k["transports"] for k in options["allowCredentials"]] == [["usb"]]
    shown = key.show(options)
    done = client.submit(address, {"version": version, FIELD: shown})
    assert done.status_code == 303 and story.award(award).state != "certified"
    signature = db.session.query(Approval).filter_by(person_id=who.id).one()
    proof = db.session.get(SecondFactorProof, signature.proof_id)
    assert proof.way == "passkey" and db.session.get(Passkey, proof.factor_id).last_used_at is not None
    assert db.session.get(SecondFactor, proof.factor_id).person_id == who.id
    # the same answer again, from another session: its challenge is used
    again = as_person(who, fresh=False).submit(address, {"version": 99, FIELD: shown})
    assert again.status_code == 422 and "sent twice" in text_of(again) and shown not in text_of(again)
    without = as_person(who, fresh=False).submit(address, {"version": 99, "second_factor": "123456"})
    assert without.status_code == 422 and "You have no app" in text_of(without)


@pytest.mark.parametrize("lie", ["origin", "name", "purpose", "person", "unverified", "absent", "signature", "kind",
                                 "handle", "nonsense"])
def test_what_does_not_hold_is_refused(make, lie):
    who, other = make.person("bank_signatory"), make.person("bank_signatory")
    key, actor = enrolled(who), person(who.id)
    options, code = passkeys.ask(actor, "prove"), "passkey.refused"
    kind = "webauthn.get"
    if lie == "origin":
        key.origin = "https://placard.test.example"
    elif lie == "name":
        key.rp = "other.test"
    elif lie == "purpose":
        options, code = passkeys.ask(actor, "add"), "passkey.challenge"
    elif lie == "person":
        enrolled(other)
        options, code = passkeys.ask(person(other.id), "prove"), "passkey.challenge"
    elif lie == "unverified":
        key.flags &= ~0x04
    elif lie == "absent":
        key.flags &= ~0x01
    elif lie == "kind":
        kind = "webauthn.create"
    elif lie == "handle":
        key.handle = other.id.bytes
    shown = key.show(options, kind=kind)
    if lie == "signature":
        fields = json.loads(shown)
        fields["response"]["signature"] = json.loads(Authenticator().show(options))["response"]["signature"]
        shown = json.dumps(fields)
    if lie == "nonsense":
        for text in ("", "null", "[]", '{"id": 3}', "{" * 5000, "x" * 30_000, shown.replace("A", "\u2028")):
            with pytest.raises(RuleBroken):
                passkeys.prove(actor, text, new_id())
        return
    refused(who, shown, code)
    assert db.session.query(SecondFactorProof).filter_by(person_id=who.id).count() == 1  # of adding it
    if code == "passkey.refused":  # a challenge is good for one try, not for guessing
        key.origin, key.rp, key.handle, key.flags = ORIGIN, "placard.test", None, 0x05
        refused(who, key.show(options), "passkey.challenge")
        assert passkeys.prove(actor, key.show(passkeys.ask(actor, "prove")), attempt(who))


def test_another_persons_and_a_removed_passkey(make):
    who, other = make.person("bank_signatory"), make.person()
    mine, theirs = enrolled(who), enrolled(other)
    refused(who, theirs.show(passkeys.ask(person(who.id), "prove")), "passkey.unknown")
    stored = factor_of(theirs)
    with pytest.raises(NotFound):
        passkeys.remove(person(who.id), stored.factor_id)
    enrolled(other)
    options = passkeys.ask(person(other.id), "prove")
    proof = passkeys.prove(person(other.id), theirs.show(options), attempt(other))
    options = passkeys.ask(person(other.id), "prove")
    assert second_factor.valid_proof(person(other.id), proof)
    passkeys.remove(person(other.id), stored.factor_id)
    refused(other, theirs.show(options), "passkey.unknown")
    assert second_factor.valid_proof(person(other.id), proof) is None
    # what somebody has here already, nobody adds a second time
    for anybody in (who, other):
        with pytest.raises(RuleBroken) as caught:
            passkeys.add(person(anybody.id), "Copy", mine.make(passkeys.ask(person(anybody.id), "add")),
                         attempt(anybody))
        assert caught.value.code == "passkey.known"


def test_count_backwards_is_refused_and_told(make, as_person):
    who = make.person("approving_officer")
    key, actor = enrolled(who, count=40), person(who.id)
    assert passkeys.prove(actor, key.show(passkeys.ask(actor, "prove")), attempt(who))
    key.count = 41
    client = as_person(who, fresh=False)
    asked = client.submit(f"/awards/{new_id()}/approve", {"version": 1, FIELD: key.show(passkeys.ask(actor, "prove"))})
    assert asked.status_code == 422 and "there may be a copy" in text_of(asked)
    told = db.session.query(Event).filter_by(tag="accounts.second_factor.count_passkey", subject_id=who.id).one()
    assert (told.data["kept"], told.data["shown"]) == (41, 41)
    assert "passkey-refused" in [m.kind for m in db.session.query(OutboxMail).filter_by(to_address=who.email)]
    assert factor_of(key).sign_count == 41
    key.count = 43
    assert passkeys.prove(actor, key.show(passkeys.ask(actor, "prove")), attempt(who))
    # passkeys that are copied between devices keep no count at all
    many = enrolled(who, count=None, backed_up=True)
    for _n in range(2):
        assert passkeys.prove(actor, many.show(passkeys.ask(actor, "prove")), attempt(who))


def test_a_challenge_ages_and_tries_are_counted(make, as_person, monkeypatch):
    who = make.person("approving_officer")
    key, actor = enrolled(who), person(who.id)
    options = passkeys.ask(actor, "prove")
    now = clock.real_now()
    with monkeypatch.context() as later:
        later.setattr(clock, "real_now", lambda: now + timedelta(minutes=5, seconds=30))
        refused(who, key.show(options), "passkey.challenge")
    client = as_person(who, fresh=False)
    for _n in range(4):
        sent = client.submit(f"/awards/{new_id()}/approve", {"version": 1, FIELD: "{}"})
        assert sent.status_code == 422
    good = key.show(passkeys.ask(actor, "prove"))
    stopped = client.submit(f"/awards/{new_id()}/approve", {"version": 1, FIELD: good})
    assert stopped.status_code == 429 and "Wait" in text_of(stopped)
    # a day later nothing of it is kept
    assert db.session.query(PasskeyChallenge).count() == 3
    jobs.run("sign-in-attempts")
    assert db.session.query(PasskeyChallenge).count() == 3
    with monkeypatch.context() as later:
        later.setattr(clock, "real_now", lambda: now + timedelta(days=2))
        jobs.run("sign-in-attempts")
    assert db.session.query(PasskeyChallenge).count() == 0


def test_what_is_made_must_hold_too(make):
    who = make.person("bank_signatory")
    actor = person(who.id)
    cases = [
        (Authenticator(origin="https://evil.test"), {}), (Authenticator(rp="evil.test"), {}),
        (Authenticator(), {"fmt": "packed", "statement": {"alg": -7, "sig": b"x"}}),
        (Authenticator(), {"statement": {"alg": -7}}),
    ]
    unverified = Authenticator()
    unverified.flags &= ~0x04
    cases.append((unverified, {}))
    for n, (key, traits) in enumerate(cases):
        with pytest.raises(RuleBroken) as caught:
            passkeys.add(actor, "Lie", key.make(passkeys.ask(actor, "add"), **traits), new_id())
        assert caught.value.code == "passkey.refused", n
    assert db.session.query(Passkey).count() == 0 and not second_factor.stands(who.id)
    options = passkeys.ask(actor, "add")
    key = Authenticator()
    passkeys.add(actor, "Good", key.make(options), new_id())
    with pytest.raises(RuleBroken) as caught:
        passkeys.add(actor, "Twice", Authenticator().make(options), new_id())
    assert caught.value.code == "passkey.challenge"
    # the browser is told which it holds already
    assert [k["id"] for k in passkeys.ask(actor, "add")["excludeCredentials"]] == [factor_of(key).credential_id]
    for _n in range(9):
        enrolled(who)
    with pytest.raises(RuleBroken) as caught:
        passkeys.ask(actor, "add")
    assert caught.value.code == "passkey.enough"


def test_a_stolen_session_adds_nothing(make, as_person):
    """Whoever has a factor shows it before another one is added, whatever the roles."""
    who = make.person("organiser")
    key, actor = enrolled(who), person(who.id)
    thief = as_person(who, fresh=False)
    made = Authenticator().make(passkeys.ask(actor, "add"))
    for address, form in (("/accounts/passkeys/begin", {}), ("/accounts/second-factor/begin", {}),
                          ("/accounts/passkeys/new", {"name": "Mine", "new_passkey": made}),
                          (f"/accounts/passkeys/{factor_of(key).factor_id}/remove", {})):
        answer = thief.submit(address, form)
        assert answer.status_code == 200 and "Confirm that it is you" in text_of(answer), address
    assert len(second_factor.live_factors(who.id)) == 1
    second_factor.begin(actor)
    code = app_code(who)
    answer = thief.submit("/accounts/second-factor/confirm", {"second_factor": code})
    assert answer.status_code == 303 and second_factor.live_factor(who.id).confirmed_at is None
    # the person does, and what was sent with the form is kept until then
    shown = key.show(passkeys.ask(actor, "prove"))
    done = thief.submit("/accounts/passkeys/new", {"name": "Second", "new_passkey": made, FIELD: shown})
    assert done.status_code == 303 and [r.name for r in passkeys.passkey_rows(actor)] == ["Blue key", "Second"]
    # whom no role asks may go without any: with the last factor go the recovery codes
    second_factor.remove(actor)
    for row in passkeys.passkey_rows(actor):
        passkeys.remove(actor, row.id)
    assert not second_factor.stands(who.id)
    assert db.session.query(RecoveryCode).filter_by(person_id=who.id, void_at=None).count() == 0


def test_lost_devices(make):
    """A recovery code stands in for a passkey, and a reset by two ends all there is."""
    who, admin, other = make.person("bank_signatory"), make.actor("administrator"), make.actor("organiser")
    actor, key = person(who.id), Authenticator()
    codes, _proof = passkeys.add(actor, "Only one", key.make(passkeys.ask(actor, "add")), attempt(who))
    assert enrolled(who) and db.session.query(RecoveryCode).count() == 10  # a second one makes no new codes
    proof = second_factor.prove(actor, codes[0], attempt(who))
    row = db.session.get(SecondFactorProof, proof)
    assert (row.way, row.factor_id) == ("recovery", None) and second_factor.valid_proof(actor, proof)
    passkeys.remove(actor, factor_of(key).factor_id)  # the lost one; the proof by code outlives it
    assert second_factor.valid_proof(actor, proof)
    with pytest.raises(RuleBroken):
        second_factor.prove(actor, codes[0], attempt(who))
    reset = factor_resets.ask(admin, who.id, "Her bag was stolen; I know her voice.")
    factor_resets.decide(other, reset, True)
    assert second_factor.live_factors(who.id) == [] and second_factor.valid_proof(actor, proof) is None
    assert {f.ending for f in db.session.query(SecondFactor).filter_by(person_id=who.id)} == {"removed", "reset"}
    enrolled(who)
    assert second_factor.valid_proof(actor, proof) is None  # nor does a new factor bring it back
    for code in codes[1:3]:
        with pytest.raises(RuleBroken):
            second_factor.prove(actor, code, attempt(who))


def test_the_database_holds_it(make, as_person):
    who, other = make.person("bank_signatory"), make.person("bank_signatory")
    as_person(other)
    key = factor_of(enrolled(who))
    assert checks.second_factors() == (2, [])
    table, challenges = Passkey.__table__, PasskeyChallenge.__table__
    options = passkeys.ask(person(who.id), "prove")
    passkeys.take_challenge(person(who.id), "prove", options["challenge"])
    passkeys.ask(person(who.id), "prove")
    here = table.c.factor_id == key.factor_id
    copy = {c.name: getattr(key, c.name) for c in table.columns}
    tries = [
        (sa.update(table).where(here).values(sign_count=0), "passkey_count_rises"),
        (sa.update(table).where(here).values(public_key="pQECAyYgASFYIA"), "passkey_stays_its_key"),
        (sa.insert(table).values({**copy, "factor_id": second_factor.live_factor(other.id).id,
                                  "credential_id": "other"}), "passkey_of_its_kind"),
        (sa.update(challenges).values(used_at=None), "passkey_challenge_once"),
        (sa.update(challenges).where(challenges.c.used_at.is_(None)).values(
            made_at=clock.real_now() + timedelta(days=1)), "passkey_challenge_once"),
        (sa.update(SecondFactor.__table__).where(SecondFactor.__table__.c.id == key.factor_id).values(
            person_id=other.id), "second_factor_stays_its_persons"),
        (sa.insert(SecondFactorProof.__table__).values(
            id=new_id(), person_id=other.id, factor_id=None, way="passkey", at=clock.real_now()), "of_a_factor"),
        (sa.insert(SecondFactorProof.__table__).values(
            id=new_id(), person_id=make.person().id, factor_id=None, way="recovery", at=clock.real_now()),
         "second_factor_proof_of_live_factor"),
    ]
    for statement, rule in tries:
        with pytest.raises(DBAPIError) as caught, db.session.begin_nested():
            db.session.execute(statement)
        assert rule in str(caught.value.orig), rule
    factor = SecondFactor(id=new_id(), person_id=other.id, kind="passkey", created_at=clock.real_now(),
                          confirmed_at=clock.real_now())
    db.session.add(factor)
    db.session.add(RecoveryCode(id=new_id(), person_id=make.person().id, digest="of nothing"))
    db.session.flush()
    _count, faults = checks.second_factors()
    assert len(faults) == 2 and "without a public key" in faults[0] and "recovery codes without" in faults[1]
    with pytest.raises(DBAPIError) as caught, db.session.begin_nested():
        db.session.execute(sa.insert(table).values({**copy, "factor_id": factor.id}))
    assert "credential_id" in str(caught.value.orig)
    db.session.rollback()


@pytest.mark.parametrize(("url", "name", "origin"), [
    ("https://placard.example.org", "placard.example.org", "https://placard.example.org"),
    ("https://placard.example.org:8443", "placard.example.org", "https://placard.example.org:8443"),
    ("https://placard.example.org:443/", "placard.example.org", "https://placard.example.org"),
    ("http://127.0.0.1:8000", "localhost", "http://localhost:8000"),
    ("http://[::1]:8000", "localhost", "http://localhost:8000"),
    ("http://localhost:8000", "localhost", "http://localhost:8000"),
    ("http://placard.example.org", None, None), ("https://10.1.2.3", None, None),
])
def test_whom_passkeys_are_made_for(app, monkeypatch, url, name, origin):
    monkeypatch.setitem(app.extensions, "placard_settings",
                        dataclasses.replace(app.extensions["placard_settings"], public_url=url))
    party = relying_party()
    assert (party.id, party.origin) == (name, origin) if party is not None else name is None


def test_without_an_address_the_app_is_offered(app, monkeypatch, make, as_person):
    monkeypatch.setitem(app.extensions, "placard_settings",
                        dataclasses.replace(app.extensions["placard_settings"], public_url="https://10.1.2.3"))
    client = as_person(make.person("bank_signatory"), fresh=False)
    page = text_of(client.get("/accounts/second-factor"))
    assert "Add a passkey" not in page and "Set up an app" in page
    assert "not possible at this address" in text_of(client.get("/accounts/passkeys/new"))
    answer = client.submit("/accounts/passkeys/options/add")
    assert answer.status_code == 422 and "not possible" in answer.get_json()["message"]


@pytest.mark.real_database
def test_one_answer_sent_at_once_is_taken_once(app, make):
    who = make.person("bank_signatory")
    key, actor = enrolled(who), person(who.id)
    shown, tries = key.show(passkeys.ask(actor, "prove")), [attempt(who) for _n in range(4)]
    results = at_once(app, [lambda a=a: passkeys.prove(actor, shown, a) for a in tries])
    assert len([r for r in results if not isinstance(r, Exception)]) == 1, results
    assert db.session.query(SecondFactorProof).filter_by(person_id=who.id).count() == 2  # one is of adding it
