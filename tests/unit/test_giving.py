"""Names, dates and shares of giving: pure rules."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text import one_line
from sponsorship.contributions.donor_names import is_somebody
from sponsorship.contributions.giving_fields import months_later, split_evenly
from sponsorship.contributions.reminder_settings import reached

DAYS = (-30, 0, 30, 90)


@pytest.mark.parametrize(("typed", "clean"), [
    ("  Ada   Foundation ", "Ada Foundation"), ("Ada\u202eABC", "AdaABC"), ("\u2066Ada\u2069", "Ada"),
    ("Ada\nBcc: x@y.example", "Ada Bcc: x@y.example"), ("A\u200bd\u200ba", "Ada"), ("Ada\ufeff", "Ada"),
    ("e\u0301", "é"), ("عُمَر\u200f", "عُمَر"), ("می\u200cخواهم", "می\u200cخواهم"), ("\u3164\u2800", ""),
    ("O'Brien & Söhne 🕊", "O'Brien & Söhne 🕊"), ("\u200d\u200cx\u200d", "x"),
])
def test_a_name_in_its_one_form(typed: str, clean: str) -> None:
    assert one_line(typed) == clean


@pytest.mark.parametrize("name", [
    "", " ", "\u202e", "\u200b\u200b", "\u3164", "...", "-", "🕊", "Anonymous", "ANONYMOUS DONOR", "Anonyme", "аноним",
    "匿名", "n/a", "\u200b anonymous \u200f",
])
def test_names_of_nobody(name: str) -> None:
    assert not is_somebody(one_line(name))


@pytest.mark.parametrize("name", ["Ada", "3M", "北京", "عُمَر", "Ö", "Anonymous Content Ltd"])
def test_names_of_somebody(name: str) -> None:
    assert is_somebody(one_line(name))


@given(st.text(max_size=200))
def test_cleaning_twice_changes_nothing(text: str) -> None:
    assert one_line(one_line(text)) == one_line(text)


@given(st.integers(20, 10**15), st.integers(1, 20), st.dates(date(2026, 1, 1), date(2090, 1, 1)),
       st.sampled_from((1, 3, 6, 12)))
def test_an_even_split_is_the_whole_in_order(total: int, number: int, first: date, every: int) -> None:
    parts = split_evenly(total, number, first, every)
    assert sum(part.amount_minor for part in parts) == total
    amounts = [part.amount_minor for part in parts]
    assert max(amounts) - min(amounts) <= 1 and amounts == sorted(amounts, reverse=True)
    days = [part.due_on for part in parts]
    assert days[0] == first and days == sorted(set(days))  # type: ignore[type-var]


@pytest.mark.parametrize(("day", "months", "later"), [
    (date(2027, 1, 31), 1, date(2027, 2, 28)), (date(2028, 1, 31), 1, date(2028, 2, 29)),
    (date(2027, 11, 30), 3, date(2028, 2, 29)), (date(2027, 12, 1), 12, date(2028, 12, 1)),
    (date(2027, 3, 31), -1, date(2027, 2, 28)),
])
def test_months_later(day: date, months: int, later: date) -> None:
    assert months_later(day, months) == later


@pytest.mark.parametrize(("days", "steps"), [(-31, 0), (-30, 1), (-1, 1), (0, 2), (29, 2), (30, 3), (89, 3), (90, 4),
                                             (999, 4)])
def test_reminders_reached(days: int, steps: int) -> None:
    due = date(2027, 3, 1)
    assert reached(due, due + timedelta(days=days), DAYS) == steps
    assert reached(None, due, DAYS) == 0
