"""States, their names in six languages and their dated facts; navigation; the command that makes an administrator."""

import re
from datetime import date

import pytest

from accounts import checks, queries
from accounts.models import Organisation, OrganisationFact, OrganisationName
from accounts.reference import load_states, read_file
from accounts.sorting import sort_key
from core import clock
from core.db import db


@pytest.fixture
def states(app):
    assert load_states() == 195
    return {row.code: row.id for row in db.session.query(Organisation)}


def test_loading_again_adds_nothing(states):
    def counts():
        return [db.session.query(model).count() for model in (Organisation, OrganisationName, OrganisationFact)]

    before = counts()
    assert load_states() == 195
    assert counts() == before
    assert db.session.query(Organisation).filter_by(kind="observer").count() == 2


def test_every_name_in_six_languages_and_every_source_is_there():
    content = read_file()
    for state in content["states"]:
        assert set(state["names"]) == {"ar", "zh", "en", "fr", "ru", "es"} and all(state["names"].values())
        assert {fact["source"] for fact in state["facts"]} | {state["names_source"]} <= set(content["sources"])


@pytest.mark.parametrize(("day", "code", "ldc"), [
    (date(2018, 6, 1), "BTN", True), (date(2024, 1, 1), "BTN", False),
    (date(2024, 12, 12), "STP", True), (date(2024, 12, 13), "STP", False),
    (date(2026, 11, 23), "LAO", True), (date(2026, 11, 24), "LAO", False), (date(2026, 11, 23), "AFG", True),
    (date(2020, 6, 1), "VUT", True), (date(2021, 1, 1), "VUT", False), (date(2026, 1, 1), "FRA", False),
])
def test_facts_hold_on_their_days(states, day, code, ldc):
    assert ("ldc" in queries.facts_at([states[code]], day)[states[code]]) is ldc


def test_facts_of_one_state(states):
    found = queries.facts_at([states["NPL"], states["VAT"]], date(2026, 6, 1))
    assert found[states["NPL"]] >= {"ldc", "lldc", "group:Asia-Pacific", "oda:least_developed"}
    assert found[states["VAT"]] == frozenset()
    evidence = queries.dated_facts([states["NPL"]], date(2026, 6, 1))[states["NPL"]]
    assert all(fact.source for fact in evidence)


@pytest.mark.parametrize(("language", "expected"), [
    ("en", "Afghanistan"), ("fr", "Afghanistan"), ("ar", "أفغانستان"), ("zh", "阿富汗"), ("ru", "Афганистан"),
    ("es", "Afganistán"),
])
def test_names_in_the_reader_s_language(app, states, language, expected):
    from flask_babel import force_locale

    with force_locale(language):
        assert queries.name(states["AFG"]) == expected
        assert len(queries.names(states.values())) == 195


def test_names_fall_back_to_english_then_to_the_code(app, states):
    from flask_babel import force_locale

    bare = Organisation(kind="donor", code="BARE", is_demo=False)
    db.session.add(bare)
    db.session.commit()
    with force_locale("de"):
        assert queries.name(states["FRA"]) == "France"
        assert queries.name(bare.id) == "BARE"


def test_a_new_name_is_a_new_row(states):
    old = db.session.query(OrganisationName).filter_by(
        organisation_id=states["FRA"], language="en", form="short").one()
    old.valid_to = date(2026, 1, 1)
    db.session.add(OrganisationName(organisation_id=states["FRA"], language="en", form="short", name="New France",
                                    sort_key="new france", valid_from=date(2026, 1, 1), source="test"))
    db.session.commit()
    assert queries.names([states["FRA"]], on=date(2025, 12, 31)) == {states["FRA"]: "France"}
    assert queries.names([states["FRA"]], on=date(2026, 1, 1)) == {states["FRA"]: "New France"}
    load_states()
    assert queries.names([states["FRA"]], on=date(2026, 6, 1)) == {states["FRA"]: "New France"}
    assert checks.names()[1] == []


def test_lists_are_in_the_reader_s_order(app, states, make):
    from flask_babel import force_locale

    make.state("XA", "Åxland")
    english = [row.name for row in queries.list_states()]
    assert english[0] == "Afghanistan" and english[-1] == "Zimbabwe" and len(english) == 195
    assert english.index("Côte d'Ivoire") < english.index("Croatia")
    shown = [row.name for row in queries.list_states(include_demo=True)]
    assert shown.index("Åxland") == shown.index("Azerbaijan") - 1
    with force_locale("zh"):
        chinese = [row.name for row in queries.list_states()]
    assert chinese.index("阿富汗") < chinese.index("巴西") < chinese.index("中国")


def test_lists_take_a_fixed_number_of_queries(states, queries):
    from accounts.queries import list_states, names

    del queries[:]
    list_states(include_demo=True)
    names(states.values())
    assert len(queries) == 2


@pytest.mark.parametrize(("language", "first", "second"), [
    ("fr", "Égypte", "Espagne"), ("es", "Ángola", "Argentina"), ("ru", "Йемен", "Казахстан"),
    ("ar", "الأردن", "ألمانيا"),
    ("zh", "阿富汗", "中国"), ("en", "Côte d'Ivoire", "Croatia"),
])
def test_sort_keys(language, first, second):
    assert sort_key(first, language) < sort_key(second, language)


def test_names_are_shown_of_people_and_of_those_erased(app, make):
    from core import vault

    one, two = make.person(name="Amina Example"), make.person(name="Badru Example")
    vault.erase(two.id)
    db.session.commit()
    assert queries.person_labels([one.id, two.id, None]) == {one.id: "Amina Example", two.id: "a former user"}


# --- navigation -------------------------------------------------------------------------------------------------
def test_navigation_follows_the_roles(app, client, make, as_person):
    public = client.get("/sign-in").text
    assert "My desk" not in public and ">Sign in<" in public
    page = as_person(make.person("administrator")).get("/desk").text
    assert "My desk" in page and "/accounts/people/" in page and "Sign out" in page
    assert "/accounts/people/" not in as_person(make.person("focal_point")).get("/desk").text


def test_many_rooms_are_grouped_and_none_is_hidden(app, make, as_person):
    """Groups lead to their first room; inside one, all of its rooms stand in a line below. Few rooms stand alone."""
    client = as_person(make.person("fund_manager"))
    page = client.get("/awards/").text
    main = re.findall(r">([^<]+)</a>", page.split('class="main-nav"')[1].split("</nav>")[0])
    assert main == ["My desk", "Selection", "Money", "Payments", "Meetings", "Sponsorship", "Fund"]
    below = page.split('class="sub-nav"')[1].split("</nav>")[0]
    assert re.findall(r">([^<]+)</a>", below) == ["Calls", "Awards", "Letters"]
    assert re.search(r'href="/awards/" aria-current="page"', below) and page.count('aria-current="true">Selection') == 1
    assert 'class="sub-nav"' not in client.get("/desk").text
    own = as_person(make.person("focal_point", organisation=make.state("XA"))).get("/awards/").text
    assert ">Awards</a>" in own and ">Offers</a>" not in own and 'class="sub-nav"' not in own


def test_everybody_has_a_desk(app, make, as_person):
    page = as_person(make.person()).get("/desk").text
    assert "Nothing waits for you" in page and "You hold no role today" in page


# --- command line -----------------------------------------------------------------------------------------------
def test_the_first_administrator_is_made_from_the_command_line(app):
    from accounts.models import Person
    from accounts.permissions import roles_of

    run = app.test_cli_runner().invoke(
        args=["accounts", "create-administrator", "--email", "Root@S.Example", "--name", "Root"],
        env={"ADMIN_PASSWORD": "correct horse battery staple"})
    assert run.exit_code == 0, run.output
    one = db.session.query(Person).filter_by(email="root@s.example").one()
    assert roles_of(one.id) == {"administrator"} and one.confirmed_at <= clock.real_now()
    again = app.test_cli_runner().invoke(
        args=["accounts", "create-administrator", "--email", "root@s.example", "--name", "Root"],
        env={"ADMIN_PASSWORD": "correct horse battery staple"})
    assert again.exit_code == 1 and "already signs in" in again.output
    weak = app.test_cli_runner().invoke(
        args=["accounts", "create-administrator", "--email", "r@s.example", "--name", "R"],
        env={"ADMIN_PASSWORD": "short"})
    assert weak.exit_code == 1


def test_uploads_never_sent_are_removed_and_kept_ones_stay(app, tmp_path, monkeypatch):
    import dataclasses
    import os

    from accounts.jobs import remove_abandoned_uploads
    from core.db import new_id

    settings = app.extensions["placard_settings"]
    monkeypatch.setitem(app.extensions, "placard_settings", dataclasses.replace(settings, upload_dir=tmp_path))
    old, fresh = tmp_path / str(new_id()), tmp_path / str(new_id())
    for path in (old, fresh, tmp_path / "not-ours"):
        path.write_bytes(b"x")
    os.utime(old, (1, 1))
    os.utime(tmp_path / "not-ours", (1, 1))
    assert remove_abandoned_uploads(clock.now()) == "1 removed"
    assert not old.exists() and fresh.exists() and (tmp_path / "not-ours").exists()
