"""Instants as people type them: the end of what was written."""

from datetime import UTC, datetime

import pytest
from flask import Flask
from flask_babel import Babel
from werkzeug.datastructures import MultiDict

from core.web.forms import BaseForm, field_type, own_errors
from core.web.instants import UntilField, parse_until

LAST = 999_999


class Asking(BaseForm):
    """Until when."""

    class Meta(BaseForm.Meta):
        """Read only."""

        csrf = False

    at = UntilField("At")


@pytest.fixture(autouse=True)
def context():
    app = Flask("instants")
    app.secret_key = "instants"
    Babel(app)
    with app.test_request_context():
        yield


@pytest.mark.parametrize(("text", "end"), [
    ("2026-06-16", (2026, 6, 16, 23, 59, 59, LAST)),
    ("16 June 2026", (2026, 6, 16, 23, 59, 59, LAST)),
    ("2026-06-16T10:30", (2026, 6, 16, 10, 30, 59, LAST)),
    ("2026-06-16 9:05", (2026, 6, 16, 9, 5, 59, LAST)),
    ("16 June 2026, 10:30 UTC", (2026, 6, 16, 10, 30, 59, LAST)),
    ("2026-06-16T10:30:15Z", (2026, 6, 16, 10, 30, 15, LAST)),
    ("2026-06-16T10:30:15.5", (2026, 6, 16, 10, 30, 15, 500_000)),
    ("2026-06-16T10:30+02:00", (2026, 6, 16, 8, 30, 59, LAST)),
    ("2026-06-16T00:30 -0330", (2026, 6, 16, 4, 0, 59, LAST)),
    ("2024-02-29", (2024, 2, 29, 23, 59, 59, LAST)),
])
def test_the_end_of_what_was_written(text, end):
    assert parse_until(text) == datetime(*end, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "now", "2026-06-31", "2026-06-16T24:00", "2026-06-16T10:60", "1899-12-31",
                                  "2201-01-01", "2026-06-16T10", "10:30", "2026-06-16T10:30+99:99", "١٢"])
def test_what_is_no_instant(text):
    assert parse_until(text) is None


def test_a_field_shows_what_it_understood_and_keeps_what_it_did_not():
    good = Asking(formdata=MultiDict({"at": "16 June 2026, 10:30"}))
    assert good.validate() and good.at._value() == "2026-06-16T10:30" and field_type(good.at) == "datetime-local"
    again = Asking(formdata=MultiDict({"at": good.at._value()}))
    assert again.validate() and again.at.data == good.at.data
    bad = Asking(formdata=MultiDict({"at": " soon "}))
    assert not bad.validate() and field_type(bad.at) == "text" and bad.at._value().strip() == "soon"
    assert "2027-06-16 18:30" in own_errors(bad.at)[0]
    empty = Asking(formdata=MultiDict({"at": "  "}))
    assert empty.validate() and empty.at.data is None
