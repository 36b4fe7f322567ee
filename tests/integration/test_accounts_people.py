"""People and their dated roles: what the database refuses, what pages say, who may do what."""

import re
import threading
from datetime import date, timedelta

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError

from accounts import checks, service
from accounts.models import NEVER_TOGETHER, Membership, Organisation, Person
from accounts.permissions import (
    PERMISSIONS,
    ROLES,
    allows,
    organisations_with,
    people_with,
    require,
    roles_of,
)
from core import clock, events
from core.actor import PUBLIC, person, system
from core.db import db, new_id
from core.errors import NotAllowed, RuleBroken, SignInNeeded
from core.outbox import OutboxMail

TESTS = system("tests")


def membership(person_id, organisation_id, role, start, end=None):
    return Membership(id=new_id(), person_id=person_id, organisation_id=organisation_id, role=role, valid_from=start,
                      valid_to=end, granted_at=clock.real_now())


# --- what the database holds ------------------------------------------------------------------------------------
PAIRS = [*NEVER_TOGETHER, *[(b, a) for a, b in NEVER_TOGETHER]]
DAY = date(2027, 3, 1)


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_the_database_refuses_hands_that_must_stay_separate(app, make, first, second):
    one, place = make.person(), make.secretariat()
    db.session.add(membership(one.id, place, first, DAY))
    db.session.commit()
    db.session.add(membership(one.id, place, second, DAY + timedelta(days=30), DAY + timedelta(days=31)))
    with pytest.raises(IntegrityError, match="approving officer may not be"):
        db.session.commit()
    db.session.rollback()


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_also_when_dates_are_changed_afterwards(app, make, first, second):
    one, place = make.person(), make.secretariat()
    db.session.add(membership(one.id, place, first, DAY, DAY + timedelta(days=10)))
    later = membership(one.id, place, second, DAY + timedelta(days=10))
    db.session.add(later)
    db.session.commit()
    later.valid_from = DAY + timedelta(days=9)
    with pytest.raises(IntegrityError, match="approving officer may not be"):
        db.session.commit()
    db.session.rollback()


def test_one_after_the_other_or_never_held_is_fine(app, make):
    one, place = make.person(), make.secretariat()
    db.session.add(membership(one.id, place, "approving_officer", DAY, DAY + timedelta(days=10)))
    db.session.add(membership(one.id, place, "bank_signatory", DAY + timedelta(days=10)))
    db.session.add(membership(one.id, place, "approving_officer", DAY + timedelta(days=20), DAY + timedelta(days=20)))
    db.session.commit()
    assert checks.separate_hands() == (3, [])


def test_other_pairs_of_roles_may_be_held_by_one_person(app, make):
    one, place = make.person(), make.secretariat()
    for role in ("bank_signatory", "payee_data_officer", "fund_manager"):
        db.session.add(membership(one.id, place, role, DAY))
    db.session.commit()


@pytest.mark.parametrize(("change", "constraint"), [
    ({"valid_to": DAY - timedelta(days=1)}, "ck_membership_dates_in_order"),
    ({"role": "emperor"}, "membership"),
    ({"organisation_id": new_id()}, "membership"),
])
def test_the_database_refuses_bad_memberships(app, make, change, constraint):
    values = {"person_id": make.person().id, "organisation_id": make.secretariat(), "role": "auditor", "start": DAY}
    row = membership(values["person_id"], values["organisation_id"], values["role"], values["start"])
    for key, value in change.items():
        setattr(row, key, value)
    db.session.add(row)
    with pytest.raises(IntegrityError, match=constraint if "ck_" in constraint else None):
        db.session.commit()
    db.session.rollback()


def test_an_open_role_stands_once(app, make):
    one, place = make.person(), make.secretariat()
    db.session.add(membership(one.id, place, "auditor", DAY))
    db.session.commit()
    db.session.add(membership(one.id, place, "auditor", DAY + timedelta(days=1)))
    with pytest.raises(IntegrityError):
        db.session.commit()
    db.session.rollback()


def test_addresses_are_lower_case_and_unique(app, make):
    make.person(email="a@b.example")
    for email, expected in (("A@b.example", "email_lower_case"), ("a@b.example", None), ("", "email_not_empty")):
        db.session.add(Person(email=email, fs_uniquifier=str(new_id()), created_at=clock.real_now()))
        with pytest.raises(IntegrityError, match=expected):
            db.session.commit()
        db.session.rollback()


@pytest.mark.real_database
def test_two_grants_at_once_cannot_pass_each_other(app, make):
    """Each alone is allowed; together they would join hands that must stay separate."""
    one, place = make.person(), make.secretariat()
    one_id = one.id
    db.session.remove()
    barrier, outcomes = threading.Barrier(2), []

    def give(role):
        with app.app_context():
            barrier.wait()
            try:
                service.grant(TESTS, one_id, place, role)
                outcomes.append("given")
            except (RuleBroken, DBAPIError):
                outcomes.append("refused")
            finally:
                db.session.remove()

    threads = [threading.Thread(target=give, args=(role,)) for role in ("approving_officer", "bank_signatory")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["given", "refused"]
    assert checks.separate_hands()[1] == []


# --- commands ---------------------------------------------------------------------------------------------------
def test_a_new_person_is_sent_a_link_and_the_name_stands_sealed(app, make):
    made = service.create_person(TESTS, "New@Mission.Example", "  Amina   Example ")
    row = db.session.get(Person, made)
    assert row.email == "new@mission.example" and row.name == "Amina Example" and "Amina" not in row.name_sealed
    (mail,) = db.session.query(OutboxMail).filter_by(to_address="new@mission.example").all()
    assert "http://placard.test/accounts/welcome/" in mail.body
    told = str([(e.data, e.tag) for e in events.history("person", made)])
    assert "mission.example" not in told and "Amina" not in told


@pytest.mark.parametrize(("email", "name", "field"), [
    ("nonsense", "A", "email"), ("", "A", "email"), ("a@b.example", "", "name"), ("a@b.example", "   ", "name"),
    ("a@b.example", "x" * 201, "name"), ("taken@b.example", "A", "email"), ("TAKEN@b.example", "A", "email"),
])
def test_persons_that_cannot_be_made(app, make, email, name, field):
    make.person(email="taken@b.example")
    before = db.session.query(Person).count()
    with pytest.raises(RuleBroken) as caught:
        service.create_person(TESTS, email, name)
    assert caught.value.field == field and db.session.query(Person).count() == before


def test_grant_and_revoke_by_days(app, make):
    one, place = make.person(), make.secretariat()
    actor = person(one.id)
    start = clock.today() + timedelta(days=10)
    made = service.grant(TESTS, one.id, place, "fund_manager", valid_from=start, valid_to=start + timedelta(days=5))

    def on(day):
        with clock.moved_to(clock.now() + timedelta(days=day)):
            return allows(actor, "call.manage")

    assert [on(d) for d in (9, 10, 14, 15)] == [False, True, True, False]
    service.revoke(TESTS, made, on=start + timedelta(days=2))
    assert [on(d) for d in (9, 10, 11, 12)] == [False, True, True, False]
    service.revoke(TESTS, made)
    assert not on(10)
    with pytest.raises(RuleBroken) as caught:
        service.revoke(TESTS, made)
    assert caught.value.code == "membership.ended"


def test_roles_belong_to_fitting_organisations(app, make):
    one = make.person()
    for role, place, code in (
        ("fund_manager", make.state("XA"), "membership.kind"), ("focal_point", make.secretariat(), "membership.kind"),
        ("emperor", make.secretariat(), "membership.role"),
    ):
        with pytest.raises(RuleBroken) as caught:
            service.grant(TESTS, one.id, place, role)
        assert caught.value.code == code


def test_overlap_of_the_same_role_and_separate_hands_are_told_beside_the_field(app, make):
    one = make.person("approving_officer")
    for role, code in (("approving_officer", "membership.held"), ("bank_signatory", "membership.separate_hands"),
                       ("payee_data_officer", "membership.separate_hands")):
        with pytest.raises(RuleBroken) as caught:
            service.grant(TESTS, one.id, make.secretariat(), role)
        assert (caught.value.code, caught.value.field) == (code, "role")


def test_nobody_serves_himself_and_the_last_administrator_stays(app, make):
    only = make.person("administrator")
    actor = person(only.id)
    with pytest.raises(RuleBroken) as caught:
        service.grant(actor, only.id, make.secretariat(), "auditor")
    assert caught.value.code == "membership.oneself"
    (row,) = db.session.query(Membership).filter_by(person_id=only.id).all()
    with pytest.raises(RuleBroken) as caught:
        service.revoke(TESTS, row.id)
    assert caught.value.code == "membership.last_administrator"
    with pytest.raises(RuleBroken):
        service.set_active(TESTS, only.id, False)
    make.person("administrator")
    service.revoke(TESTS, row.id)


def test_stopping_a_person_ends_sessions_and_powers(app, make, as_person):
    make.person("administrator")
    one = make.person("fund_manager")
    client = as_person(one)
    assert client.get("/desk").status_code == 200
    service.set_active(TESTS, one.id, False)
    assert client.get("/desk").status_code == 303
    assert not allows(person(one.id), "call.manage") and roles_of(one.id) == frozenset()


def test_commands_ask_for_the_permission_again(app, make):
    visitor, officer = PUBLIC, make.actor("fund_manager")
    for call in (
        lambda a: service.create_person(a, "x@y.example", "X"),
        lambda a: service.grant(a, make.person().id, make.secretariat(), "auditor"),
        lambda a: service.create_organisation(a, "donor", "Z", {"en": "Z"}),
        lambda a: service.set_active(a, make.person().id, False),
        lambda a: service.invite_again(a, make.person().id),
    ):
        with pytest.raises(SignInNeeded):
            call(visitor)
        with pytest.raises(NotAllowed):
            call(officer)


# --- permissions ------------------------------------------------------------------------------------------------
def test_every_permission_names_known_roles():
    assert all(roles and roles <= set(ROLES) for roles in PERMISSIONS.values())


def test_every_role_permits_something():
    assert set().union(*PERMISSIONS.values()) == set(ROLES)


def test_own_roles_count_in_their_organisation_and_offices_everywhere(app, make):
    here, there = make.state("XA"), make.state("XB")
    focal, officer = make.actor("focal_point", organisation=here), make.actor("fund_manager")
    assert allows(focal, "application.write") and allows(focal, "application.write", here)
    assert not allows(focal, "application.write", there)
    assert allows(officer, "application.screen", here) and allows(officer, "application.screen", there)
    assert organisations_with(focal, "application.write") == {here}
    assert organisations_with(PUBLIC, "application.write") == set()
    with pytest.raises(SignInNeeded):
        require(PUBLIC, "application.write")
    with pytest.raises(NotAllowed):
        require(system("anything"), "application.write")
    with pytest.raises(KeyError):
        allows(focal, "no.such.permission")


def test_people_with_a_permission(app, make):
    here, there = make.state("XA"), make.state("XB")
    one = make.person("focal_point", organisation=here, email="one@a.example")
    make.person("focal_point", organisation=there, email="two@b.example")
    gone = make.person("focal_point", organisation=here, email="gone@a.example")
    service.set_active(TESTS, gone.id, False)
    officer = make.person("fund_manager", email="officer@s.example")
    assert [c.email for c in people_with("award.answer", here)] == ["one@a.example"]
    assert {c.email for c in people_with("award.answer")} == {"one@a.example", "two@b.example"}
    assert [c.person_id for c in people_with("application.screen", here)] == [officer.id]
    assert people_with("award.answer", here)[0].person_id == one.id


# --- pages ------------------------------------------------------------------------------------------------------
@pytest.fixture
def administrator(app, make, as_person):
    make.person("administrator", email="other@s.example")
    return as_person(make.person("administrator", email="admin@s.example", name="Ada Minister"))


def test_the_list_filters_sorts_and_downloads(administrator, make):
    make.person("auditor", name="Zoe Last", email="zoe@s.example")
    page = administrator.get("/accounts/people/")
    assert "Zoe Last" in page.text and "Ada Minister" in page.text
    page = administrator.get("/accounts/people/?role=auditor")
    assert "Zoe Last" in page.text and "Ada Minister" not in re.sub(r'class="who".*?<', "", page.text)
    assert "Zoe Last" in administrator.get("/accounts/people/?q=ZOE").text
    assert "Nothing matches" in administrator.get("/accounts/people/?q=nobody-here").text
    table = administrator.get("/accounts/people/?format=csv").text
    assert "zoe@s.example" in table and "Auditor, Secretariat" in table


def test_the_list_takes_a_fixed_number_of_queries(administrator, make, queries):
    administrator.get("/accounts/people/")
    before = len(queries)
    for _ in range(5):
        make.person("auditor", "organiser")
    del queries[:]
    administrator.get("/accounts/people/")
    assert len(queries) <= before


def test_a_person_is_added_and_given_a_role(administrator, make):
    secretariat = make.secretariat()
    answer = administrator.post("/accounts/people/new", data={"name": "Noor New", "email": "noor@s.example"})
    assert answer.status_code == 303
    page = administrator.get(answer.location)
    assert "Noor New" in page.text and "Invited" in page.text and "No role yet" in page.text
    answer = administrator.post(f"{answer.location}roles", data={
        "role": "auditor", "organisation_id": str(secretariat), "valid_from": clock.today().isoformat(),
        "last_day": (clock.today() + timedelta(days=9)).isoformat()})
    assert answer.status_code == 303
    page = administrator.get(answer.location)
    assert "Auditor" in page.text and "Role given: Auditor" in page.text
    row = db.session.query(Membership).join(Person, Person.id == Membership.person_id).filter(
        Person.email == "noor@s.example").one()
    assert row.valid_to == clock.today() + timedelta(days=10)
    end = f"/accounts/people/{row.person_id}/roles/{row.id}/end"
    assert "End the role Auditor" in administrator.get(end).text
    assert administrator.post(end, data={"last_day": ""}).status_code == 303
    assert roles_of(row.person_id) == frozenset()


@pytest.mark.parametrize(("data", "field", "words"), [
    ({"name": "", "email": "a@b.example"}, "name", "Write the person"),
    ({"name": "A", "email": ""}, "email", "Write the person"),
    ({"name": "A", "email": "a at b"}, "email", "Write an e-mail address such as"),
    ({"name": "x" * 201, "email": "a@b.example"}, "name", "at most 200"),
    ({"name": "A", "email": "admin@s.example"}, "email", "already signs in"),
])
def test_bad_persons_are_told_beside_the_field(administrator, data, field, words):
    before = db.session.query(Person).count()
    answer = administrator.post("/accounts/people/new", data=data)
    assert answer.status_code == 422
    assert re.search(rf'id="{field}-error">.*?{words}', answer.text, re.DOTALL)
    for value in data.values():
        assert not value or f'value="{value}"' in answer.text
    assert db.session.query(Person).count() == before


@pytest.mark.parametrize(("data", "field", "words"), [
    ({"role": ""}, "role", "Choose a role."),
    ({"role": "emperor"}, "role", "Choose one of the answers offered|Choose"),
    ({"organisation_id": ""}, "organisation_id", "Choose an organisation."),
    ({"organisation_id": "7"}, "organisation_id", "Choose one of the answers offered|Choose"),
    ({"role": "focal_point"}, "organisation_id", "not held in an organisation of this kind"),
    ({"valid_from": ""}, "valid_from", "Write the first day"),
    ({"valid_from": "31 February 2027"}, "valid_from", "Write a date that exists"),
    ({"valid_from": "2027-05-02", "last_day": "2027-05-01"}, "last_day", "must not come before"),
    ({"last_day": "soon"}, "last_day", "Write a date that exists"),
    ({"role": "bank_signatory"}, "role", "may not be bank signatory"),
    ({"role": "approving_officer"}, "role", "holds this role there already"),
])
def test_bad_roles_are_told_beside_the_field(administrator, make, data, field, words):
    one, secretariat = make.person("approving_officer"), make.secretariat()
    typed = {"role": "auditor", "organisation_id": str(secretariat), "valid_from": "2027-05-02", "last_day": "", **data}
    before = db.session.query(Membership).count()
    answer = administrator.post(f"/accounts/people/{one.id}/roles", data=typed)
    assert answer.status_code == 422
    assert re.search(rf'id="{field}-error">.*?({words})', answer.text, re.DOTALL)
    assert not typed["valid_from"] or f'value="{typed["valid_from"]}"' in answer.text
    assert db.session.query(Membership).count() == before


@pytest.mark.parametrize(("typed", "words"), [("yesterday", "Write a date that exists"), ("2020-01-01", "is over")])
def test_bad_ends_of_roles(administrator, make, typed, words):
    one = make.person("auditor")
    row = db.session.query(Membership).filter_by(person_id=one.id).one()
    answer = administrator.post(f"/accounts/people/{one.id}/roles/{row.id}/end", data={"last_day": typed})
    assert answer.status_code == 422 and words in answer.text and f'value="{typed}"' in answer.text
    db.session.refresh(row)
    assert row.valid_to is None


def test_buttons_beside_a_person(administrator, make):
    one = make.person("auditor", email="one@s.example")
    path = f"/accounts/people/{one.id}"
    assert administrator.post(f"{path}/invite").status_code == 303
    assert db.session.query(OutboxMail).filter_by(to_address="one@s.example").count() == 1
    administrator.post(f"{path}/stop")
    assert "cannot sign in" in administrator.get(f"{path}/").text
    administrator.post(f"{path}/restore")
    assert "Stop sign-in" in administrator.get(f"{path}/").text


def test_administrators_see_their_own_page_without_buttons(administrator):
    own = db.session.query(Person).filter_by(email="admin@s.example").one()
    page = administrator.get(f"/accounts/people/{own.id}/")
    assert "This is you" in page.text and "Give the role" not in page.text
    (row,) = db.session.query(Membership).filter_by(person_id=own.id).all()
    answer = administrator.post(f"/accounts/people/{own.id}/roles/{row.id}/end", data={"last_day": ""})
    assert answer.status_code == 422 and "Another administrator must do this" in answer.text


def test_unknown_persons_are_not_found(administrator):
    for path in ("/", f"/roles/{new_id()}/end"):
        assert administrator.get(f"/accounts/people/{new_id()}{path}").status_code == 404


def test_my_account(app, make, as_person):
    one = make.person("focal_point", name="Amina Example")
    client = as_person(one)
    page = client.get("/accounts/me")
    assert 'value="Amina Example"' in page.text and "Focal point" in page.text
    assert client.post("/accounts/me", data={"name": "Amina B. Example", "locale": "en"}).status_code == 303
    db.session.refresh(one)
    assert one.name == "Amina B. Example"


@pytest.mark.parametrize(("data", "field"), [
    ({"name": "", "locale": "en"}, "name"), ({"name": "x" * 201, "locale": "en"}, "name"),
    ({"name": "A", "locale": "klingon"}, "locale"), ({"name": "A", "locale": ""}, "locale"),
])
def test_bad_own_details(app, make, as_person, data, field):
    one = make.person(name="Amina Example")
    answer = as_person(one).post("/accounts/me", data=data)
    assert answer.status_code == 422 and f'id="{field}-error"' in answer.text
    db.session.refresh(one)
    assert one.name == "Amina Example"


def test_hostile_names_are_text(administrator):
    name = '<script>alert("x")</script> \u202eevil'
    administrator.post("/accounts/people/new", data={"name": name, "email": "h@s.example"})
    page = administrator.get("/accounts/people/").text
    assert "<script>alert" not in page and "&lt;script&gt;" in page


def test_checks_find_what_was_bent(app, make):
    one = make.person("auditor")
    assert [f for c in (checks.memberships, checks.separate_hands, checks.people, checks.names) for f in c()[1]] == []
    one.password = "plain"
    db.session.query(Organisation).filter_by(kind="secretariat").one().kind = "state"
    db.session.commit()
    assert len(checks.people()[1]) == 1 and len(checks.memberships()[1]) == 1
