"""Estimates of width: lines fit, nothing is lost, columns share what there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.measure import em, ems, extent, pieces, shares, words, wrapped

TEXT = st.text(max_size=200)


def test_full_width_letters_are_an_em_and_marks_nothing():
    assert em("中") == 1.0 and em("\u0301") == 0.0 and em("\u2068") == 0.0
    assert ems("1,234.50") > ems("1,234.5") > ems("il")


@given(TEXT, st.floats(2, 40))
def test_lines_fit_and_hold_the_whole_text(text, width):
    lines = wrapped(text, width)
    assert all(ems(line) <= width + 1e-9 for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


@given(st.text(min_size=1, max_size=200), st.floats(1, 40))
def test_pieces_fit_and_marks_stay_with_their_letter(word, width):
    found = pieces(word, width)
    assert "".join(found) == word
    assert all(ems(piece) <= width + 1e-9 for piece in found)
    assert all(em(piece[0]) for piece in found[1:])


def test_words_may_break_between_full_width_letters():
    assert words("Chad 中国 a\u00a0b") == ["Chad", "中", "国", "a\u00a0b"]
    assert extent(["Chad", "Sierra Leone"]) == (ems("Leone"), ems("Sierra Leone"))
    assert extent([]) == (0.0, 0.0)


@pytest.mark.parametrize("columns", [
    [(1, 2), (3, 4)], [(50, 60), (70, 80)], [(10, 200), (5, 5), (5, 400)], [(0, 0), (0, 0)],
])
def test_shares_use_the_whole_width(columns):
    found = shares(columns, 100)
    assert sum(found) == pytest.approx(100)
    if sum(low for low, _ in columns) <= 100:
        assert all(got >= low - 1e-9 for got, (low, _) in zip(found, columns, strict=True))
