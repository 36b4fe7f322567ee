"""Every list that offers a file gives it, in each format it offers, with the same rows."""

import csv
import html
import io
import re
from urllib.parse import urljoin

import pytest
from openpyxl import load_workbook

from core.web.sheets import MEDIA_TYPE
from sponsorship.ledger.books import account_by_code
from tests.support.fund_story import FundStory

LISTS = {
    "visitor": ["/meetings/"],
    "administrator": ["/accounts/people/", "/accounts/requests/"],
    "fund_manager": ["/sponsorship/calls/", "/sponsorship/calls/{call}/applications", "/awards/", "/disbursements/",
                     "/disbursements/instructions/", "/contributions/", "/contributions/pledges/",
                     "/contributions/agreements/"],
    "donor": ["/donor/"],
    "auditor": ["/audit/events", "/ledger/", "/ledger/accounts/{account}/"],
}
CASES = [(role, path) for role, paths in LISTS.items() for path in paths]
MAY_BE_EMPTY = ("/accounts/requests/", "/disbursements/instructions/")
MEDIA_TYPES = {"csv": "text/csv", "xlsx": MEDIA_TYPE}


@pytest.fixture
def story(make):
    story = FundStory(make)
    story.give("XY", 9_000_000, fee=35)
    story.travel(100_000)
    return story


def rows_of(answer, kind):
    if kind == "csv":
        return list(csv.reader(io.StringIO(answer.get_data(as_text=True).removeprefix("\ufeff"))))
    sheet = load_workbook(io.BytesIO(answer.get_data())).active
    return [["" if cell.value is None else str(cell.value) for cell in row] for row in sheet]


@pytest.mark.parametrize(("role", "path"), CASES)
def test_a_list_gives_the_files_it_offers(story, client, make, as_person, role, path):
    people = {"visitor": lambda: client, "donor": lambda: as_person(story.donor("XY"))}
    reader = people.get(role, lambda: as_person(make.person(role)))()
    path = path.format(call=story.story.call_id, account=account_by_code("stripe_clearing").id)
    page = reader.get(path)
    assert page.status_code == 200
    offered = {kind: urljoin(path, html.unescape(url))
               for url, kind in re.findall(r'href="([^"]*[?&](?:amp;)?format=(\w+))"', page.text)}
    if path in MAY_BE_EMPTY:
        offered = {kind: f"{path}?format={kind}" for kind in MEDIA_TYPES}
    assert set(offered) == {"csv", "xlsx"}
    made = {}
    for kind, url in offered.items():
        answer = reader.get(url)
        assert answer.status_code == 200 and answer.mimetype == MEDIA_TYPES[kind]
        made[kind] = rows_of(answer, kind)
    assert made["csv"][0] == made["xlsx"][0]
    assert len(made["csv"]) == len(made["xlsx"])
    assert len(made["csv"]) > 1 or path in MAY_BE_EMPTY
    # a workbook has instants as cells of their own kind: the text file's T and Z are not in it
    keys = [[re.sub(r"(\d)T(\d\d:.*)Z$", r"\1 \2", row[0].lstrip("'")) for row in made[kind][1:]]
            for kind in ("csv", "xlsx")]
    assert keys[0] == keys[1]
