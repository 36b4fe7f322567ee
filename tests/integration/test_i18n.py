"""Every string goes through gettext and every page mirrors, proven with pseudo-languages."""

import re

import pytest

from operations import pseudo
from tests.support.pages import XHTML, check_page

# in one worker, which writes the pseudo-languages once
pytestmark = [pytest.mark.pages, pytest.mark.real_database, pytest.mark.xdist_group("languages")]
SPOKEN = ("h1", "h2", "h3", "label", "legend", "button", "th", "caption", "dt", "summary", "figcaption")
# words of the data, not of the product
DATA = {"placard", "code", "title", "reference", "document", "wordmark", "data-text"}


def _strays(html, where):
    tree = check_page(html, where)
    strays = []

    def walk(element, inside_data):
        inside_data = inside_data or element.tag in (XHTML + "bdi", XHTML + "time", XHTML + "code") or bool(
            DATA & set((element.get("class") or "").split())) or element.get("lang") not in (None, "eo", "ar")
        if element.tag in {XHTML + t for t in SPOKEN} and not inside_data:
            words = "".join(
                ("" if c is not element and (c.tag in (XHTML + "bdi", XHTML + "code", XHTML + "time")
                 or DATA & set((c.get("class") or "").split())) else (c.text or "")) for c in element.iter())
            if re.search(r"[A-Za-z]{3,}", words) and "⟦" not in words:
                strays.append(f"<{element.tag.removeprefix(XHTML)}> {words.strip()[:80]}")
            return
        for child in element:
            walk(child, inside_data)

    walk(tree, False)
    return strays


PUBLIC = ["/", "/meetings/", "/meetings/timeline", "/sponsorship/", "/fund/", "/donate/", "/sign-in",
          "/accounts/request", "/recover", "/nothing-here"]


@pytest.mark.parametrize("path", PUBLIC)
def test_public_pages_speak_the_readers_language(speaking, path):
    answer = speaking.test_client().get(f"{path}?lang=eo", check=False)
    assert 'lang="eo"' in answer.text
    assert not _strays(answer.text, path)


@pytest.mark.parametrize("role", ["organiser", "fund_manager", "focal_point", "donor", "head_of_fund",
                                  "certifying_officer", "bank_signatory", "auditor", "administrator"])
def test_desks_and_what_they_lead_to(speaking, make, as_person, role):
    from tests.support.people import put_session

    client = speaking.test_client()
    person = make.person(role)
    with client.session_transaction() as session:
        put_session(session, person)
    client.get("/desk?lang=eo", check=False)
    desk = client.get("/desk", check=False).text
    faults = _strays(desk, "/desk")
    for path in dict.fromkeys(re.findall(r'href="(/[a-z][^"?#.]*)"', desk)):
        if path.startswith("/static"):
            continue
        answer = client.get(path, check=False)
        if answer.mimetype == "text/html" and answer.status_code == 200:
            faults += [f"{path}: {s}" for s in _strays(answer.text, path)]
    assert not faults, "\n".join(faults)


def test_arabic_mirrors_the_page(speaking):
    answer = speaking.test_client().get("/?lang=ar", check=False)
    assert re.search(r'<html lang="ar" dir="rtl"', answer.text)


def test_a_language_without_a_complete_catalogue_is_not_offered(app):
    answer = app.test_client().get("/?lang=fr")
    assert 'lang="en"' in answer.text


def test_applications_in_one_process_keep_their_catalogues_apart(app, speaking):
    from flask_babel import force_locale, gettext

    with app.test_request_context(), force_locale("ar"):
        assert gettext("Sign in") == "Sign in"
    with speaking.test_request_context("/?lang=ar"):
        assert gettext("Sign in") == pseudo.pseudo("Sign in")
