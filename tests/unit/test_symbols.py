"""Symbols of documents: what is read, what is put right, what is refused and with which advice."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.settings import ROOT
from meetings.documents.symbols import BadSymbol, Symbol, parse_symbol


@pytest.mark.parametrize("typed, written, base, changes", [
    ("A/CONF.192/15", "A/CONF.192/15", "A/CONF.192/15", ()),
    (" a/conf.192/bms/2016/wp.1/REV.1 ", "A/CONF.192/BMS/2016/WP.1/Rev.1", "A/CONF.192/BMS/2016/WP.1", (("Rev", 1),)),
    ("A/RES/68/48", "A/RES/68/48", "A/RES/68/48", ()),
    ("A/C.1/68/L.43", "A/C.1/68/L.43", "A/C.1/68/L.43", ()),
    ("A/CONF.192/PC/L.4/Rev.1/Add.2/Corr.10", "A/CONF.192/PC/L.4/Rev.1/Add.2/Corr.10", "A/CONF.192/PC/L.4",
     (("Rev", 1), ("Add", 2), ("Corr", 10))),
    ("A／CONF.192／2024／RC／3", "A/CONF.192/2024/RC/3", "A/CONF.192/2024/RC/3", ()),
    ("A/CONF.192/BMS/2021/CRP.1/Rev.2", "A/CONF.192/BMS/2021/CRP.1/Rev.2", "A/CONF.192/BMS/2021/CRP.1", (("Rev", 2),)),
])
def test_what_is_read(typed, written, base, changes):
    found = parse_symbol(typed)
    assert (str(found), found.base, found.changes) == (written, base, changes)


@pytest.mark.parametrize("typed, says", [
    ("", "Write the symbol"), ("A" * 81, "at most 80"), ("A/CONF.192/BMS 2016/2", "no spaces"),
    ("A//2", "empty"), ("A/CONF.192/", "empty"), ("A/1/Rev1", "Write Rev.1, not Rev1"),
    ("A/1/corr 2", "no spaces"), ("A/1/Add-3", "Write Add.3, not Add-3"), ("A/1/Rev.0", "Write Rev.1, not Rev.0"),
    ("A/Rev.1/2", "stands at the end"), ("15", "begins with its organ"), ("192/15", "begins with its organ"),
    ("A", "begins with its organ"), ("A/CONF", "has no number"), ("A/CONF.192/<b>", "no part of a symbol"),
    ("A/CONF.192/١٥", "no part of a symbol"), ("A/2016\u202e/2", "no part of a symbol"), ("Rev.1", "organ"),
])
def test_what_is_refused_and_how(typed, says):
    with pytest.raises(BadSymbol) as refused:
        parse_symbol(typed)
    assert says in str(refused.value)


def test_what_changes_what():
    corrected = parse_symbol("A/1/Rev.2/Corr.1")
    assert corrected.kind == "Corr" and corrected.of == Symbol("A/1", (("Rev", 2),))
    assert parse_symbol("A/1").of is None and parse_symbol("A/1").kind is None
    chain = ["A/1/Corr.1", "A/1/Rev.1", "A/1/Add.1", "A/1", "A/1/Rev.1/Corr.1", "A/1/Rev.2"]
    assert sorted(chain, key=lambda s: parse_symbol(s).order) == [
        "A/1", "A/1/Rev.1", "A/1/Rev.1/Corr.1", "A/1/Rev.2", "A/1/Add.1", "A/1/Corr.1"]


def test_the_symbols_of_real_meetings_are_read():
    text = (ROOT / "meetings" / "calendar" / "data" / "poa_meetings.json").read_text(encoding="utf-8")
    json.loads(text)
    found = set(re.findall(r"A/CONF\.192/[A-Za-z0-9./]*[A-Za-z0-9]", text))
    assert len(found) > 20
    for symbol in found:
        assert str(parse_symbol(symbol)) == symbol


@given(st.text(max_size=40))
def test_rubbish_is_refused_or_read_the_same_again(text):
    try:
        found = parse_symbol(text)
    except BadSymbol:
        return
    assert parse_symbol(str(found)) == found
