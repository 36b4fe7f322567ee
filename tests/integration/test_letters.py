"""Letters that call for funds: figures before anything is made, made once, each donor its own."""

from __future__ import annotations

import re
import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest

from core import clock
from core.actor import person
from core.db import db
from core.errors import NotAllowed
from core.money import usd
from sponsorship.contributions import service
from sponsorship.ledger import service as ledger
from sponsorship.transparency import letters
from sponsorship.transparency.models import FundLetter
from tests.support.fund_story import TESTS

URL = "/contributions/letters/"


@pytest.fixture
def pool(app: Any) -> uuid.UUID:
    made = ledger.open_pool("general", "Unearmarked money")
    ledger.receive(made, ledger.Intake(10_000_00, 0), source=("contribution", uuid.uuid4()), key="k", actor=TESTS)
    db.session.commit()
    return made


def typed(addressee: uuid.UUID | str, **values: str) -> dict[str, str]:
    return {"addressee": str(addressee), "call_id": "", "subject": "Meetings of 2028", "delegates": "10",
            "each": "4,000", "pay_by": (clock.today() + timedelta(days=60)).isoformat(), "words": "",
            "name": "A. Signatory", "office": "Head of the fund", "language": "en", **values}


def hidden(page: str) -> dict[str, str]:
    """What the button of the page with the figures sends."""
    form = page.partition('data-once')[2]
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))


def test_figures_first_then_made_once(pool: uuid.UUID, make: Any, as_person: Any) -> None:
    state, other = make.state("XA"), make.state("XB")
    for place in (state, other):  # only who has given or pledged is a donor to write to
        giver = make.actor("donor", organisation=place)
        service.make_pledge(service.PledgeDraft(uuid.uuid4().hex, 100_00, organisation_id=place), giver)
    manager = as_person(make.person("fund_manager"))
    for wrong, words in (({"addressee": ""}, "Choose the donor"), ({"delegates": "0"}, "from 1 to"),
                         ({"each": ""}, "cost"), ({"subject": ""}, "what the money is for"),
                         ({"pay_by": "soon"}, "date")):
        answer = manager.submit(f"{URL}check", typed(state) | wrong)
        assert answer.status_code == 422 and words in answer.text, wrong
        assert "A. Signatory" in answer.text, "what was typed is kept"
    page = manager.submit(f"{URL}check", typed(state)).text
    for amount in ("40,000.00", "5,200.00", "45,200.00", "10,000.00", "35,200.00"):
        assert amount in page, "10 x 4,000, and 13 per cent, less what is there"
    assert not db.session.query(FundLetter).count()
    data = hidden(page)
    assert manager.submit(URL, data).status_code == manager.submit(URL, data).status_code == 303
    row = db.session.query(FundLetter).one()
    assert (row.needed_minor, row.there_minor, row.kind) == (45_200_00, 10_000_00, "note_verbale")
    again = hidden(manager.submit(f"{URL}check", typed(state)).text)
    assert manager.submit(URL, again).status_code == 303 and db.session.query(FundLetter).count() == 2, "a new letter"
    served = manager.get(f"{URL}{row.id}")
    assert served.status_code == 200 and served.data.startswith(b"%PDF")
    own, foreign = (as_person(make.person("donor", organisation=place)) for place in (state, other))
    assert row.reference in own.get("/donor/letters/").text
    assert row.reference not in foreign.get("/donor/letters/").text
    assert own.get(f"/donor/letters/{row.id}").data == served.data
    assert foreign.get(f"/donor/letters/{row.id}").status_code == 404


def test_only_the_fund_manager_makes_letters(pool: uuid.UUID, make: Any) -> None:
    for role in ("head_of_fund", "auditor", "donor"):
        with pytest.raises(NotAllowed):
            letters.make_letters(wish(make.state("XA")), person(make.person(role).id))


def wish(*addressees: uuid.UUID) -> letters.Wish:
    return letters.Wish(None, "Meetings of 2028", 10, usd(4_000_00), clock.today() + timedelta(days=60), "",
                        "A. Signatory", "Head of the fund", "en", addressees)


@pytest.mark.real_database
def test_two_clicks_at_once(app: Any, pool: uuid.UUID, make: Any) -> None:
    actor, asked = make.actor("fund_manager"), wish(make.state("XA"), make.donor())
    db.session.commit()
    start, made, errors = threading.Barrier(4), [], []

    def click() -> None:
        with app.app_context():
            start.wait()
            try:
                made.append(letters.make_letters(asked, actor))
            except Exception as error:
                errors.append(error)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=click) for _n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == [] and made == [asked.batch] * 4
    assert db.session.query(FundLetter).count() == 2
