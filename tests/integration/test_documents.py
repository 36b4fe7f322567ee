"""Documents of meetings: symbols and chains, six languages, issue and withdraw; who sees what; bad input; hostile
files; numbers of queries."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from core import clock, verify
from core.db import db
from core.errors import IllegalMove, NotAllowed, RuleBroken, Stale
from core.files import StoredFile
from meetings.documents import queries as queries_module
from meetings.documents import service
from meetings.documents.models import Document, DocumentVersion
from meetings.documents.queries import get_document
from meetings.documents.service import Particulars
from tests.support.papers import pdf

DAY = date(2026, 3, 2)
BASE = "A/CONF.192/BMS/2016/2"
REPORT, PAPER = "Report of the meeting", "Working paper of a State"


@pytest.fixture
def organiser(make):
    return make.actor("organiser")


@pytest.fixture
def meeting(make):
    return make.meeting(slug="dbms-1", short_name="DBMS 1", is_demo=False)


@pytest.fixture
def record(organiser, meeting):
    def made(symbol=BASE, *, title=REPORT, issued=True, languages=("en",), items=(), type="report"):
        document_id = service.record_document(meeting.id, Particulars(type, title, symbol, tuple(items)), organiser)
        version = 1
        for language in languages:
            service.add_version(document_id, language, None, True, None, organiser, version)
            version += 1
        if issued:
            service.issue_document(document_id, DAY, organiser, version)
        return document_id

    return made


def stored(document_id) -> Document:
    return db.session.scalar(
        sa.select(Document).where(Document.id == document_id).execution_options(populate_existing=True))


def text(answer) -> str:
    return answer.get_data(as_text=True)


def page_of(document_id, rest=""):
    return f"/meetings/dbms-1/documents/{document_id}/{rest}"


# --- commands -----------------------------------------------------------------------------------------------------
def test_a_document_is_recorded_issued_withdrawn_and_issued_again(record, organiser):
    made = record(issued=False, languages=())
    with pytest.raises(RuleBroken) as refused:
        service.issue_document(made, DAY, organiser, 1)
    assert refused.value.code == "document.no_version"
    service.add_version(made, "en", None, True, None, organiser, 1)
    with pytest.raises(RuleBroken) as refused:
        service.issue_document(made, clock.today() + timedelta(days=2), organiser, 2)
    assert refused.value.field == "day"
    service.issue_document(made, DAY, organiser, 2)
    with pytest.raises(RuleBroken) as refused:
        service.withdraw_document(made, "  ", organiser, 3)
    assert refused.value.field == "reason"
    service.withdraw_document(made, "Issued under a wrong number.", organiser, 3)
    assert stored(made).withdrawn_reason == "Issued under a wrong number."
    with pytest.raises(IllegalMove):
        service.withdraw_document(made, "Again", organiser, 4)
    service.issue_document(made, DAY, organiser, 4)
    assert (stored(made).state, stored(made).withdrawn_reason) == ("issued", None)


def test_only_organisers_and_only_on_what_they_saw(record, organiser, make):
    made = record(issued=False)
    stranger = make.actor("focal_point")
    for act in (
        lambda: service.record_document(stored(made).meeting_id, Particulars("report", "X"), stranger),
        lambda: service.edit_document(made, Particulars("report", "X", BASE), stranger, 2),
        lambda: service.add_version(made, "fr", None, True, None, stranger, 2),
        lambda: service.remove_version(made, "en", stranger, 2),
        lambda: service.issue_document(made, DAY, stranger, 2),
        lambda: service.drop_document(made, stranger, 2),
    ):
        with pytest.raises(NotAllowed):
            act()
    with pytest.raises(Stale):
        service.issue_document(made, DAY, organiser, 1)
    assert stored(made).state == "draft"


def test_a_symbol_is_kept_in_one_form_once_and_for_good(record, organiser, meeting):
    made = record("a/conf.192/bms/2016/2")
    assert stored(made).symbol == BASE
    with pytest.raises(RuleBroken) as refused:
        record(BASE, issued=False, languages=())
    assert refused.value.code == "document.symbol_taken"
    with pytest.raises(RuleBroken) as refused:
        service.edit_document(made, Particulars("report", "Report", BASE + "/Rev.1"), organiser, stored(made).version)
    assert refused.value.code == "document.symbol_stays"
    with pytest.raises(sa.exc.IntegrityError), db.session.begin_nested():
        db.session.execute(sa.update(Document).where(Document.id == made).values(symbol="A/1", base_symbol="A/1"))
    draft = record("A/CONF.192/BMS/2016/3", issued=False, languages=())
    service.drop_document(draft, organiser, 1)
    assert stored(record("A/CONF.192/BMS/2016/3", issued=False, languages=())).state == "draft"


def test_a_language_is_replaced_and_the_last_one_stays(record, organiser):
    made = record(languages=("en", "fr"))
    version = stored(made).version
    service.add_version(made, "fr", "Rapport de la réunion", True, None, organiser, version)
    rows = db.session.execute(
        sa.select(DocumentVersion.title, DocumentVersion.removed_at.is_(None))
        .where(DocumentVersion.document_id == made, DocumentVersion.language == "fr")
        .order_by(DocumentVersion.added_at)).all()
    assert rows == [(None, False), ("Rapport de la réunion", True)]
    service.remove_version(made, "fr", organiser, version + 1)
    with pytest.raises(RuleBroken) as refused:
        service.remove_version(made, "en", organiser, version + 2)
    assert refused.value.code == "document.last_version"
    assert list(get_document(made, False).versions) == ["en"]
    with pytest.raises(sa.exc.IntegrityError), db.session.begin_nested():
        db.session.execute(sa.update(DocumentVersion).where(DocumentVersion.removed_at.is_not(None))
                           .values(removed_at=None, removed_by=None))


def test_where_a_version_without_a_file_would_be_nowhere(record, organiser):
    paper = record(None, issued=False, languages=())
    with pytest.raises(RuleBroken) as refused:
        service.add_version(paper, "en", None, True, None, organiser, 1)
    assert refused.value.field == "file"
    with pytest.raises(RuleBroken) as refused:
        service.add_version(record(issued=False, languages=()), "fr", None, False, None, organiser, 1)
    assert refused.value.field == "file"


def test_verify_knows_a_symbol_that_says_another_chain(record):
    made = record()
    assert verify.CHECKS["documents.documents"]() == (1, [])
    db.session.execute(sa.update(Document).where(Document.id == made).values(base_symbol="A/1"))
    assert len(verify.CHECKS["documents.documents"]()[1]) == 1


# --- pages ----------------------------------------------------------------------------------------------------------
@pytest.mark.pages
def test_an_organiser_publishes_a_document_by_the_pages(as_person, make, meeting, client):
    organiser = as_person(make.person("organiser"))
    assert "New document" in text(organiser.get("/meetings/dbms-1/documents/"))
    answer = organiser.post("/meetings/dbms-1/documents/new", data={
        "symbol": "a/conf.192/bms/2016/wp.1", "type": "working_paper", "title": "Tracing <b>arms</b>",
        "items": "8, 9(a) ; 8"})
    assert answer.status_code == 303
    address = answer.headers["Location"]
    assert client.get(address).status_code == 404, "a draft is nobody else's"
    assert "Add it in one language at least" in text(organiser.get(address))
    form = text(organiser.get(f"{address}add-language"))
    version = re.search(r'name="version"[^>]*value="(\d+)"', form)[1]
    answer = organiser.post(f"{address}add-language", data={
        "language": "en", "title": "", "official": "yes", "version": version,
        "file": (io.BytesIO(pdf()), "my scan (final).pdf")}, content_type="multipart/form-data")
    assert answer.status_code == 303
    for rest in ("issue", "edit", "drop", "remove/en"):
        assert "A/CONF.192/BMS/2016/WP.1" in text(organiser.get(f"{address}{rest}"))
    answer = organiser.post(f"{address}issue", data={"day": DAY.isoformat(), "version": int(version) + 1})
    assert answer.status_code == 303
    page = text(client.get(address))
    assert "Tracing &lt;b&gt;arms&lt;/b&gt;" in page and "<b>arms" not in page
    assert "8, 9 (a)" in page and "https://docs.un.org/en/A/CONF.192/BMS/2016/WP.1" in page
    assert "What happened" not in page and "Missing:" not in page
    served = client.get(f"{address}en")
    assert served.status_code == 200 and served.mimetype == "application/pdf"
    assert "A_CONF.192_BMS_2016_WP.1-E.pdf" in served.headers["Content-Disposition"]
    assert "attachment" in served.headers["Content-Disposition"]
    assert served.headers["X-Content-Type-Options"] == "nosniff"
    assert client.get("/documents/A/CONF.192/BMS/2016/WP.1").headers["Location"].endswith(address)
    assert "1 document" in text(client.get("/meetings/dbms-1/"))
    assert "given out no more" in text(organiser.get(f"{address}withdraw"))
    withdrawn = organiser.post(f"{address}withdraw", data={"reason": "Wrong file.", "version": int(version) + 2})
    assert withdrawn.status_code == 303
    page = text(client.get(address))
    assert "Withdrawn" in page and "Wrong file." in page and "Download" not in page
    assert client.get(f"{address}en").status_code == 404, "nothing is given out of what is withdrawn"


@pytest.mark.pages
@pytest.mark.parametrize("values, says", [
    ({"symbol": "A/CONF.192/BMS/2016/2/Rev1"}, "Write Rev.1, not Rev1"),
    ({"title": "  "}, "Write the title"), ({"type": "novel"}, "Choose one of the answers offered"),
    ({"items": "8, x"}, "not the number"),
    ({"symbol": "A/" + "1/" * 60}, "at most 80"), ({"title": "x" * 401}, "at most 400"),
])
def test_bad_particulars_come_back_with_advice(as_person, make, meeting, values, says):
    organiser = as_person(make.person("organiser"))
    good = {"symbol": BASE, "type": "report", "title": "Kept words", "items": "8"}
    answer = organiser.post("/meetings/dbms-1/documents/new", data={**good, **values}, check=False)
    assert answer.status_code == 422
    page = text(answer)
    assert says in page.replace("&#39;", "'")
    if "title" not in values:
        assert "Kept words" in page
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Document)) == 0


@pytest.mark.pages
@pytest.mark.parametrize("name, content, says", [
    ("report.pdf", b"", "empty"), ("report.exe", b"MZ", "Choose another file"),
    ("report.pdf", b"<html><script>alert(1)</script>", "not what its name says"),
    ("report.pdf", b"%PDF-1.4 cut short", "not complete"),
])
def test_hostile_files_are_refused_and_nothing_is_kept(as_person, make, meeting, record, name, content, says):
    organiser, made = as_person(make.person("organiser")), record(issued=False, languages=())
    answer = organiser.post(page_of(made, "add-language"), data={
        "language": "en", "title": "Kept words", "official": "yes", "version": 1,
        "file": (io.BytesIO(content), name)}, content_type="multipart/form-data", check=False)
    assert answer.status_code == 422 and says in text(answer) and "Kept words" in text(answer)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(StoredFile)) == 0
    assert not get_document(made, True).versions


@pytest.mark.pages
def test_a_chain_is_shown_and_the_later_text_named(client, record):
    first, second = record(), record(BASE + "/Rev.1", title="Revised report")
    record(BASE + "/Rev.1/Corr.1", title="Corrigendum")
    hidden = record(BASE + "/Rev.2", title="Not yet", issued=False)
    page = text(client.get(page_of(first)))
    assert "There is a later text" in page and page.index("First text") < page.index("Corrigendum")
    assert str(second) in page and str(hidden) not in page and "Rev.2" not in page
    assert "There is a later text" not in text(client.get(page_of(second)))


@pytest.mark.pages
def test_titles_follow_the_reader_with_the_language_told(client, record, organiser, monkeypatch):
    made = record(languages=("en",))
    service.add_version(made, "ar", "تقرير الاجتماع", True, None, organiser, stored(made).version)
    monkeypatch.setattr(queries_module, "get_locale", lambda: "ar")
    assert '<h1 class="long"><bdi lang="ar">تقرير الاجتماع</bdi></h1>' in text(client.get(page_of(made)))
    assert '<bdi lang="ar">تقرير الاجتماع</bdi>' in text(client.get("/meetings/dbms-1/documents/"))
    monkeypatch.setattr(queries_module, "get_locale", lambda: "fr")
    assert '<bdi lang="en">Report of the meeting</bdi></h1>' in text(client.get(page_of(made)))


@pytest.mark.pages
def test_the_list_filters_and_downloads(client, record):
    record(items=("8", "9 (a)"), languages=("en", "fr"))
    record("A/CONF.192/BMS/2016/WP.7", title=PAPER, type="working_paper", items=("18",))
    record("A/CONF.192/BMS/2016/9", title="Not yet", issued=False)
    for address, shown in (
        ("", {REPORT, PAPER}), ("?type=report", {REPORT}), ("?item=8", {REPORT}), ("?item=18", {PAPER}),
        ("?language=fr", {REPORT}), ("?words=wp.7", {PAPER}), ("?words=%25", set()),
        ("?language=xx&page=-1&sort=id;drop", {REPORT, PAPER}),
    ):
        page = text(client.get(f"/meetings/dbms-1/documents/{address}"))
        assert {title for title in (REPORT, PAPER, "Not yet") if title in page} == shown, address
    rows = list(csv.DictReader(io.StringIO(
        client.get("/meetings/dbms-1/documents/?format=csv").data.decode("utf-8-sig"))))
    assert [row["symbol"] for row in rows] == [BASE, "A/CONF.192/BMS/2016/WP.7"]
    assert rows[0]["languages"] == "en fr"


@pytest.mark.pages
def test_a_fixed_number_of_queries(client, record, queries):
    made, counts = record(), []
    for upto in (3, 40):
        for n in range(upto - 2, upto):
            record(f"A/CONF.192/BMS/2016/1{n}", languages=("en", "fr", "es"))
        for address in ("/meetings/dbms-1/documents/", page_of(made)):
            client.get(address)
            queries.clear()
            client.get(address)
            counts.append(len(queries))
    assert counts[:2] == counts[2:]


@pytest.mark.pages
def test_the_search_finds_documents_that_the_reader_may_see(client, as_person, make, record, organiser):
    made = record()
    service.add_version(made, "fr", "Rapport de la réunion", True, None, organiser, stored(made).version)
    record("A/CONF.192/BMS/2016/9", title="Report, not yet issued", issued=False)
    record("A/CONF.192/BMS/2016/10", title="Something else", type="other")
    for words in ("bms/2016/2", "reunion rapport", "report meeting"):
        page = text(client.get("/meetings/search", query_string={"q": words}))
        assert str(made) in page and "not yet issued" not in page and "Something else" not in page, words
    officer = as_person(make.person("organiser"))
    assert "not yet issued" in text(officer.get("/meetings/search", query_string={"q": "report"}))


@pytest.mark.pages
def test_nothing_is_told_of_a_meeting_that_is_not_announced(client, as_person, make, record, organiser):
    hidden = make.meeting("fixed", slug="hidden", announced_at=None, published_at=None)
    record()
    made = service.record_document(hidden.id, Particulars("report", "Hidden", BASE + "/Rev.1"), organiser)
    service.add_version(made, "en", None, True, None, organiser, 1)
    service.issue_document(made, DAY, organiser, 2)
    officer = as_person(make.person("organiser"))
    assert client.get(f"/documents/{BASE}/Rev.1", check=False).status_code == 404
    assert "/meetings/hidden/" in officer.get(f"/documents/{BASE}/Rev.1").headers["Location"]
    public = text(client.get(client.get(f"/documents/{BASE}").headers["Location"]))
    assert "Rev.1" not in public and "There is a later text" not in public


@pytest.mark.pages
def test_the_day_offered_is_one_that_has_come_where_the_meeting_is(as_person, make, record):
    made, officer = record(issued=False), as_person(make.person("organiser"))
    with clock.moved_to(datetime(2026, 6, 2, 1, 0, tzinfo=UTC)):  # still the evening of the first in New York
        page = text(officer.get(page_of(made, "issue")))
    assert '2026-06-01' in page or "1 June 2026" in page


@pytest.mark.pages
def test_another_meetings_address_and_unknown_ones(client, make, record):
    make.meeting(slug="other")
    made = record()
    for address in (f"/meetings/other/documents/{made}/", page_of(made, "xx"), page_of(made, "fr"),
                    "/documents/A/1", "/documents/%3Cscript%3E", "/meetings/none/documents/"):
        assert client.get(address, check=False).status_code == 404, address
