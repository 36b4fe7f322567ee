"""Signing in and out, recovery, confirmation, change of password: what is said, what is counted, what is safe."""

import re
from datetime import timedelta

import pytest
from flask_security.core import _get_pwd_context

from accounts import sign_in
from accounts.access import safe_next
from accounts.models import Person, SignInAttempt
from accounts.security import hashed, password_advice, wants_new_hash
from accounts.tokens import read_welcome_token, welcome_token
from core import clock
from core.db import db
from core.outbox import OutboxMail

pytestmark = pytest.mark.pages

PASSWORD = "correct horse battery staple"


@pytest.fixture
def member(app, make):
    return make.person("focal_point", email="amina@state.example", name="Amina Example",
                       password_hash=hashed(PASSWORD))


def sign_in_as(client, email="amina@state.example", password=PASSWORD, **data):
    return client.post("/sign-in", data={"email": email, "password": password, **data})


def links(kind):
    bodies = db.session.query(OutboxMail).filter_by(kind=kind).order_by(OutboxMail.created_at).all()
    return [re.search(r"http://placard\.test(\S+)", mail.body).group(1) for mail in bodies]


def test_sign_in_leads_to_my_desk_and_out_again(client, member):
    answer = sign_in_as(client)
    assert answer.status_code == 303 and answer.location == "/desk"
    page = client.get("/desk")
    assert page.status_code == 200 and "Amina Example" in page.text
    assert client.post("/sign-out").location == "/sign-in"
    assert client.get("/desk").location.startswith("/sign-in")


def test_address_may_be_typed_in_any_case(client, member):
    assert sign_in_as(client, email="  Amina@State.EXAMPLE ").status_code == 303


def test_a_page_asked_for_is_come_back_to(client, member):
    answer = client.get("/accounts/me?x=1")
    assert answer.status_code == 303 and answer.location == "/sign-in?next=/accounts/me?x%3D1"
    assert 'value="/accounts/me?x=1"' in client.get(answer.location).text
    assert sign_in_as(client, next="/accounts/me?x=1").location == "/accounts/me?x=1"


@pytest.mark.parametrize("target", [
    "https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "\\\\evil.example",
    "/\t/evil.example", "evil.example", "", None, "http:/evil.example",
])
def test_next_leaves_the_site_never(client, member, target):
    assert safe_next(target, "/desk") == "/desk"
    assert sign_in_as(client, next=target or "").location == "/desk"


def test_wrong_password_and_unknown_address_look_the_same(client, member):
    wrong = sign_in_as(client, password="something else entirely")
    unknown = sign_in_as(client, email="nobody@state.example")
    assert wrong.status_code == unknown.status_code == 422

    def plain(page):
        return re.sub(r'name="csrf_token" value="[^"]+"|amina@state|nobody@state', "", page.text)

    assert plain(wrong) == plain(unknown)
    assert 'value="amina@state.example"' in wrong.text and "something else" not in wrong.text


def test_a_stopped_person_looks_unknown(client, member):
    member.active = False
    db.session.commit()
    answer = sign_in_as(client)
    assert answer.status_code == 422 and "do not fit together" in answer.text


def test_an_unconfirmed_person_is_sent_a_link(client, member):
    member.confirmed_at = None
    db.session.commit()
    answer = sign_in_as(client)
    assert answer.status_code == 422 and "Confirm your address first" in answer.text
    (path,) = links("confirmation")
    page = client.get(path)
    assert page.status_code == 200 and "amina@state.example" in page.text
    db.session.refresh(member)
    assert member.confirmed_at is None, "opening the link only asks"
    assert client.post(path).status_code == 303
    assert sign_in_as(client).status_code == 303


def test_five_failures_lock_the_account_for_a_while_even_with_the_right_password(client, member, monkeypatch):
    for _ in range(sign_in.FAILURES_PER_ACCOUNT):
        assert sign_in_as(client, password="not this one at all").status_code == 422
    answer = sign_in_as(client)
    assert answer.status_code == 429
    assert "Too many attempts. Wait 15 minutes" in answer.text
    assert 'value="amina@state.example"' in answer.text
    later = clock.real_now() + sign_in.WINDOW + timedelta(seconds=1)
    monkeypatch.setattr(clock, "real_now", lambda: later)
    assert sign_in_as(client).status_code == 303


def test_unknown_accounts_are_locked_alike(client, app):
    for _ in range(sign_in.FAILURES_PER_ACCOUNT):
        sign_in_as(client, email="nobody@state.example")
    assert sign_in_as(client, email="nobody@state.example").status_code == 429


def test_one_network_address_cannot_try_many_accounts(client, app):
    for n in range(sign_in.FAILURES_PER_ADDRESS):
        assert sign_in.begin_attempt(f"p{n}@state.example", "127.0.0.1").id is not None
    assert sign_in_as(client, email="fresh@state.example").status_code == 429
    assert sign_in.begin_attempt("fresh@state.example", "192.0.2.7").id is not None


def test_a_success_forgives_earlier_failures(client, member):
    for _ in range(2):
        for _ in range(sign_in.FAILURES_PER_ACCOUNT - 1):
            assert sign_in_as(client, password="not this one at all").status_code == 422
        assert sign_in_as(client).status_code == 303
        client.post("/sign-out")


def test_the_business_clock_does_not_lift_a_lock(client, member):
    for _ in range(sign_in.FAILURES_PER_ACCOUNT):
        sign_in_as(client, password="not this one at all")
    with clock.moved_to(clock.real_now() + timedelta(days=30)):
        assert sign_in_as(client).status_code == 429


def test_attempts_hold_no_address_and_are_forgotten_after_a_day(client, member):
    sign_in_as(client, password="not this one at all")
    (row,) = db.session.query(SignInAttempt).all()
    assert "amina" not in row.account_digest and "127" not in row.address_digest[:3] and len(row.account_digest) == 64
    assert sign_in.forget_attempts(clock.real_now() - sign_in.KEEP) == 0
    assert sign_in.forget_attempts(clock.real_now() + timedelta(seconds=1)) == 1


@pytest.mark.parametrize(("data", "field", "words"), [
    ({"email": "", "password": PASSWORD}, "email", "Write your e-mail address."),
    ({"email": "amina@state.example", "password": ""}, "password", "Write your password."),
    ({"email": "x" * 300, "password": PASSWORD}, "email", "Write at most 254 characters."),
    ({"email": "amina@state.example", "password": "y" * 1001}, "password", "Write at most 1,000 characters."),
    ({}, "email", "Write your e-mail address."),
])
def test_bad_sign_ins_are_told_beside_the_field(client, member, data, field, words):
    answer = client.post("/sign-in", data=data)
    assert answer.status_code == 422
    assert re.search(rf'id="{field}-error">.*?{re.escape(words)}', answer.text.replace("1000", "1,000"), re.DOTALL)
    if data.get("email"):
        assert f'value="{data["email"]}"' in answer.text
    assert db.session.query(SignInAttempt).count() == 0


def test_signing_in_starts_a_new_session(client, member):
    with client.session_transaction() as session:
        session["left_by_a_stranger"] = "x"
        session["csrf_token"] = "known-to-a-stranger"
    sign_in_as(client)
    with client.session_transaction() as session:
        assert "left_by_a_stranger" not in session and session.get("csrf_token") != "known-to-a-stranger"
        assert session["_user_id"] == member.fs_uniquifier


def test_session_cookie_is_out_of_reach_of_scripts(client, member):
    cookie = sign_in_as(client).headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Expires" not in cookie


def test_no_token_in_an_address_or_header_signs_in(client, member, app):
    token = member.get_auth_token()
    assert client.get(f"/desk?auth_token={token}").status_code == 303
    assert client.get("/desk", headers={"Authentication-Token": token}).status_code == 303


def test_sign_out_needs_a_post(client, member):
    sign_in_as(client)
    assert client.get("/sign-out").status_code == 405
    assert client.get("/desk").status_code == 200


# --- recovery ---------------------------------------------------------------------------------------------------
def test_recovery_answers_alike_for_everybody(client, member):
    known = client.post("/recover", data={"email": "amina@state.example"})
    unknown = client.post("/recover", data={"email": "nobody@state.example"})
    assert (known.status_code, known.location) == (unknown.status_code, unknown.location) == (303, "/recover?sent=1")
    assert "If this address has an account" in client.get(known.location).text
    assert len(links("recovery")) == 1


def test_recovery_sets_a_password_once_and_ends_sessions(client, member, app, as_person):
    elsewhere = as_person(member)
    assert elsewhere.get("/desk").status_code == 200
    client.post("/recover", data={"email": "AMINA@state.example"})
    (path,) = links("recovery")
    assert path.startswith("/recover/") and client.get(path).status_code == 200
    new = "three blind mice running"
    answer = client.post(path, data={"password": new, "repeated": new})
    assert answer.status_code == 303 and answer.location == "/sign-in"
    assert client.get(path).status_code == 410
    assert client.post(path, data={"password": PASSWORD, "repeated": PASSWORD}).status_code == 410
    assert elsewhere.get("/desk").status_code == 303
    assert sign_in_as(client).status_code == 422
    assert sign_in_as(client, password=new).status_code == 303
    assert db.session.query(OutboxMail).filter_by(kind="password_changed").count() == 1


def test_recovery_lifts_a_lock(client, member):
    for _ in range(sign_in.FAILURES_PER_ACCOUNT):
        sign_in_as(client, password="not this one at all")
    client.post("/recover", data={"email": "amina@state.example"})
    new = "three blind mice running"
    client.post(links("recovery")[0], data={"password": new, "repeated": new})
    assert sign_in_as(client, password=new).status_code == 303


def test_recovery_mails_are_limited_per_account(client, member):
    for _ in range(sign_in.RECOVERIES_PER_ACCOUNT + 2):
        assert client.post("/recover", data={"email": "amina@state.example"}).status_code == 303
    assert len(links("recovery")) == sign_in.RECOVERIES_PER_ACCOUNT


def test_a_recovery_link_ages(client, member, monkeypatch):
    client.post("/recover", data={"email": "amina@state.example"})
    (path,) = links("recovery")
    import itsdangerous.timed

    real = itsdangerous.timed.time.time
    monkeypatch.setattr(itsdangerous.timed.time, "time", lambda: real() + 2 * 3600 + 5)
    assert client.get(path).status_code == 410


@pytest.mark.parametrize("path", [
    "/recover/nonsense", "/recover/a.b.c", "/confirm/nonsense", "/accounts/welcome/x.y.z",
])
def test_forged_links_have_a_page(client, path):
    answer = client.get(path)
    assert answer.status_code == 410 and "no longer works" in answer.text


@pytest.mark.parametrize(("typed", "words"), [
    ("", "Write your e-mail address."), ("amina", "Write an e-mail address such as"),
    ("a@b", "Write an e-mail address such as"), ("a b@c.example", "Write an e-mail address such as"),
])
@pytest.mark.parametrize("path", ["/recover", "/confirm"])
def test_bad_addresses_are_told(client, app, path, typed, words):
    answer = client.post(path, data={"email": typed})
    assert answer.status_code == 422 and words in answer.text
    assert f'value="{typed}"' in answer.text
    assert db.session.query(OutboxMail).count() == 0 and db.session.query(SignInAttempt).count() == 0


# --- passwords --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("password", "good"), [
    ("short", False), ("aaaaaaaaaaaaaaaa", False), ("amina.example.1", False), ("password1234", False),
    ("passwordpassword", False), ("x" * 201, False), (PASSWORD, True), ("密码很长的一句话没有人会猜到", True),
])
def test_what_a_password_must_be(app, password, good):
    with app.test_request_context():
        assert (password_advice(password, "amina.example@state.example") is None) is good


@pytest.mark.parametrize(("data", "field", "words"), [
    ({"password": "", "repeated": ""}, "password", "Write a password."),
    ({"password": "short", "repeated": "short"}, "password", "at least 12 characters"),
    ({"password": PASSWORD, "repeated": "another one entirely"}, "repeated", "The two passwords differ"),
    ({"password": PASSWORD, "repeated": ""}, "repeated", "Write the password again."),
])
def test_bad_new_passwords_change_nothing(client, make, app, data, field, words):
    person = make.person(email="new@state.example")
    person.confirmed_at = None
    db.session.commit()
    path = f"/accounts/welcome/{welcome_token(person.fs_uniquifier)}"
    answer = client.post(path, data=data)
    assert answer.status_code == 422
    assert re.search(rf'id="{field}-error">.*?{words}', answer.text, re.DOTALL)
    assert PASSWORD not in answer.text
    db.session.refresh(person)
    assert person.password is None and person.confirmed_at is None


def test_a_welcome_link_works_once(client, make, app):
    person = make.person(email="new@state.example")
    path = f"/accounts/welcome/{welcome_token(person.fs_uniquifier)}"
    assert "Welcome: set your password" in client.get(path).text
    assert client.post(path, data={"password": PASSWORD, "repeated": PASSWORD}).status_code == 303
    assert client.get(path).status_code == 410
    assert sign_in_as(client, email="new@state.example").status_code == 303


def test_someone_never_signed_in_recovers_by_a_welcome_link(client, make, app):
    make.person(email="new@state.example")
    client.post("/recover", data={"email": "new@state.example"})
    (path,) = links("recovery")
    assert path.startswith("/accounts/welcome/")


def test_welcome_tokens_are_read_back_and_forgeries_are_not(app):
    assert read_welcome_token(welcome_token("abc")) == "abc"
    assert read_welcome_token("abc") is None and read_welcome_token("") is None


def test_change_of_password_ends_other_sessions_and_keeps_this_one(client, member, as_person):
    sign_in_as(client)
    elsewhere = as_person(member)
    new = "three blind mice running"
    answer = client.post("/accounts/password", data={"current": PASSWORD, "password": new, "repeated": new})
    assert answer.status_code == 303
    assert client.get("/accounts/me").status_code == 200
    assert elsewhere.get("/desk").status_code == 303


@pytest.mark.parametrize(("data", "field", "words"), [
    ({"current": "", "password": "three blind mice running", "repeated": "three blind mice running"}, "current",
     "Write your present password."),
    ({"current": "not this one", "password": "three blind mice running", "repeated": "three blind mice running"},
     "current", "This is not your present password."),
    ({"current": PASSWORD, "password": "short", "repeated": "short"}, "password", "at least 12 characters"),
    ({"current": PASSWORD, "password": "three blind mice running", "repeated": "x"}, "repeated", "differ"),
])
def test_bad_changes_of_password_change_nothing(member, as_person, data, field, words):
    before = member.password
    answer = as_person(member).post("/accounts/password", data=data)
    assert answer.status_code == 422
    assert re.search(rf'id="{field}-error">.*?{words}', answer.text, re.DOTALL)
    assert db.session.get(Person, member.id).password == before


def test_guessing_the_present_password_is_counted(member, as_person):
    signed_in = as_person(member)
    good = "three blind mice running"
    for _ in range(sign_in.FAILURES_PER_ACCOUNT):
        signed_in.post("/accounts/password", data={"current": "guess", "password": good, "repeated": good})
    answer = signed_in.post("/accounts/password", data={"current": PASSWORD, "password": good, "repeated": good})
    assert answer.status_code == 429


def test_passwords_are_argon2(app, member, monkeypatch):
    """With the parameters of RFC 9106 for little memory; the rest of the suite takes quicker ones."""
    assert member.password.startswith("$argon2id$")
    monkeypatch.setattr(app.extensions["security"], "pwd_context", _get_pwd_context(app))
    assert hashed(PASSWORD).startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert wants_new_hash(member.password) and not wants_new_hash(hashed(PASSWORD))


def test_no_transaction_is_open_while_a_password_is_hashed(client, member, monkeypatch):
    """On SQLite an open writing transaction would hold up every other writer for a tenth of a second."""
    from accounts import sign_in_routes

    seen = []
    real = sign_in_routes.password_is
    monkeypatch.setattr(sign_in_routes, "password_is",
                        lambda *args: seen.append(db.session().in_transaction()) or real(*args))
    assert sign_in_as(client).status_code == 303
    assert seen == [False]
