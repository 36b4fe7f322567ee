"""Rates on record: which one holds on a day, what the database refuses, what an import and a withdrawal do."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError

from core import clock, events
from core.actor import PUBLIC, person
from core.db import db
from core.errors import IllegalMove, NotAllowed, NotFound, RuleBroken, SignInNeeded
from core.files import StoredFile
from core.money import Money
from sponsorship.gateways import rate_import, rate_verify
from sponsorship.gateways.rate_models import ExchangeRate, RateImport
from sponsorship.gateways.rates import (
    RateMissing,
    covered_until,
    currencies_with_rates,
    latest_rates,
    rate_on,
)
from tests.integration.test_ledger_races import at_once
from tests.support.rates import TESTS, ecb_file, put_file, put_rates, read, un_file

NOW = datetime(2027, 3, 20, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def march() -> Iterator[None]:
    with clock.moved_to(NOW):
        yield


def day(month: int, number: int, year: int = 2027) -> date:
    return date(year, month, number)


# --- which rate holds -------------------------------------------------------------------------------------------
def test_the_newest_rate_until_the_day(app: Any) -> None:
    put_rates({"EUR": "0.90"}, day(2, 1))
    put_rates({"EUR": "0.92"}, day(3, 1))
    put_rates({"EUR": "0.95"}, day(3, 15))  # it changed within the month
    put_rates({"EUR": "0.99"}, day(4, 1))  # next month's file came early
    for on, text, effective in (
        (day(2, 1), "0.90", day(2, 1)), (day(2, 28), "0.90", day(2, 1)), (day(3, 1), "0.92", day(3, 1)),
        (day(3, 14), "0.92", day(3, 1)), (day(3, 15), "0.95", day(3, 15)), (day(3, 31), "0.95", day(3, 15)),
        (day(4, 1), "0.99", day(4, 1)),
    ):
        rate = rate_on("EUR", on)
        assert (rate.text, rate.day, rate.per_usd) == (text, effective, Fraction(text)), on
        assert (rate.source, rate.source_code) == ("UN operational rate", "un")
    with pytest.raises(RateMissing):
        rate_on("EUR", day(1, 31))  # a rate of a later day is never used


@pytest.mark.parametrize(("source", "life"), [("un", 45), ("ecb", 7)])
def test_a_rate_lives_as_long_as_its_source_says(app: Any, source: str, life: int) -> None:
    put_rates({"EUR": "0.92"}, day(3, 1))
    put_file(ecb_file({"2027-03-01": {"USD": "1.0842", "JPY": "163.52"}}), "ecb")
    for code in ("EUR",) if source == "un" else ("EUR", "JPY"):
        assert rate_on(code, day(3, 1) + timedelta(days=life), source).day == day(3, 1)
        with pytest.raises(RateMissing):
            rate_on(code, day(3, 1) + timedelta(days=life + 1), source)


def test_through_the_euro_both_figures_are_of_one_day(app: Any) -> None:
    put_file(ecb_file({"2027-03-18": {"USD": "1.08", "JPY": "162.00"}, "2027-03-19": {"USD": "1.0842", "CHF": "0.94"}}),
             "ecb")
    rate = rate_on("JPY", day(3, 20), "ecb")  # the newest day lacks it
    assert (rate.text, rate.day, rate.per_usd) == ("162.00/1.08", day(3, 18), Fraction(150))
    assert rate.to_usd_minor(Money(150_000, "JPY")) == 1_000_00
    euro = rate_on("EUR", day(3, 20), "ecb")
    assert (euro.text, euro.to_usd_minor(Money(100_00, "EUR"))) == ("1/1.0842", 108_42)
    assert euro.source == "European Central Bank reference rate"
    with pytest.raises(RateMissing):
        rate_on("JPY", day(3, 20))  # the books' source knows nothing of it


def test_a_day_that_lost_its_dollar_is_passed_over(make: Any) -> None:
    put_file(ecb_file({"2027-03-18": {"USD": "1.08", "JPY": "162.00"}}), "ecb")
    first = put_file(ecb_file({"2027-03-19": {"USD": "1.0842"}}), "ecb")
    put_file(ecb_file({"2027-03-19": {"USD": "1.0842", "JPY": "163.52"}}), "ecb")  # adds the yen alone
    assert rate_on("JPY", day(3, 20), "ecb").text == "163.52/1.0842"
    rate_import.withdraw_import(first, make.actor("fund_manager"), "other", "For the test.")
    assert rate_on("JPY", day(3, 20), "ecb").text == "162.00/1.08"
    assert [row.rate.text for row in latest_rates(day(3, 20), "ecb")] == ["1/1.08", "162.00/1.08"]
    assert covered_until(["JPY"], day(3, 20), 10, "ecb") == {"JPY": day(3, 25)}


def test_the_dollar_is_one_without_any_rate(app: Any) -> None:
    assert rate_on("USD", day(3, 1)).to_usd_minor(Money(1_234, "USD")) == 1_234
    assert rate_on("USD", day(3, 1), "ecb").per_usd == 1


def test_a_missing_rate_says_what_is_known_and_what_to_do(app: Any) -> None:
    with pytest.raises(RateMissing) as error:
        rate_on("KES", day(3, 5))
    assert error.value.code == "rates.missing"
    for words in ("KES", "5 March 2027", "UN operational rates", "none of that day or before",
                  "Import the UN operational rates for March 2027, then repeat this step."):
        assert words in str(error.value.message)
    put_rates({"KES": "129.35"}, day(1, 1))
    with pytest.raises(RateMissing, match="missing") as error:
        rate_on("KES", day(3, 5))
    for words in ("the newest", "is of 1 January 2027", "45 days"):
        assert words in str(error.value.message)
    with pytest.raises(RateMissing) as error:
        rate_on("JPY", day(3, 5), "ecb")
    assert "Import the ECB reference rates of 5 March 2027" in str(error.value.message)
    with pytest.raises(KeyError):
        rate_on("EUR", day(3, 5), "nobody")


def test_lists(app: Any) -> None:
    put_rates({"EUR": "0.92", "KES": "129.35"}, day(1, 1))
    put_rates({"EUR": "0.95", "CHF": "0.88"}, day(3, 1))
    put_rates({"EUR": "0.97"}, day(4, 1))
    put_file(ecb_file({"2027-03-19": {"USD": "1.0842", "JPY": "163.52"}}), "ecb")
    found = {row.rate.currency: row for row in latest_rates(day(3, 20))}
    assert list(found) == ["CHF", "EUR", "KES"]
    assert (found["EUR"].rate.text, found["EUR"].age, found["EUR"].last_day) == ("0.95", 19, day(4, 15))
    assert found["EUR"].days_left == 26 and not found["EUR"].expired
    assert found["KES"].expired and found["KES"].days_left == -33
    assert [row.rate.text for row in latest_rates(day(3, 20), "ecb")] == ["1/1.0842", "163.52/1.0842"]
    assert currencies_with_rates(day(3, 20)) == [("USD", "US Dollar"), ("EUR", "Euro"), ("CHF", "Swiss Franc")]
    assert currencies_with_rates(day(3, 20), "ecb") == [
        ("USD", "US Dollar"), ("EUR", "Euro"), ("JPY", "Japanese Yen")]
    assert currencies_with_rates(day(12, 1, 2026)) == [("USD", "US Dollar")]


def test_cover_without_a_gap(app: Any) -> None:
    put_rates({"EUR": "0.92", "CHF": "0.88"}, day(2, 3))  # until 20 March
    put_rates({"EUR": "0.95"}, day(3, 21))
    put_rates({"KES": "129.35"}, day(3, 25))  # not yet
    wanted = ["CHF", "EUR", "JPY", "KES"]
    assert covered_until(wanted, day(3, 20), 8) == {
        "CHF": day(3, 20), "EUR": day(3, 28), "JPY": None, "KES": None}
    assert covered_until(wanted, day(3, 21), 8)["CHF"] is None
    assert covered_until([], day(3, 20), 8) == {}


def test_a_look_up_goes_by_the_index(app: Any) -> None:
    """Neither a scan nor a sort: the index leads to the one row."""
    put_rates({"EUR": "0.92"}, day(3, 1))
    put_file(ecb_file({"2027-03-19": {"USD": "1.0842", "JPY": "163.52"}}), "ecb")
    seen: list[tuple[str, Any]] = []

    def note(_c: Any, _cur: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.startswith("SELECT"):
            seen.append((statement, parameters))

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        rate_on("EUR", day(3, 20))
        rate_on("JPY", day(3, 20), "ecb")
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    assert len(seen) == 2
    connection = db.session.connection()
    sqlite = connection.dialect.name == "sqlite"
    if not sqlite:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # such a small table would be scanned
        connection.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
        connection.exec_driver_sql("SET LOCAL enable_sort = off")
    for statement, parameters in seen:
        plan = "\n".join(str(row) for row in connection.exec_driver_sql(
            ("EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN ") + statement, parameters))
        assert "uq_exchange_rate_live" in plan, plan
        for bad in ("SCAN", "TEMP B-TREE") if sqlite else ("Seq Scan", "Sort"):
            assert bad not in plan, plan


# --- on record --------------------------------------------------------------------------------------------------
def test_an_import_keeps_its_file_and_tells_its_event(make: Any) -> None:
    manager = make.person("fund_manager")
    content = un_file({"EUR": "0.920", "JPY": "1505.25", "USD": "1.00"}, day(3, 1))
    key = put_file(content, actor=person(manager.id), name="dir/\u202emarch.csv")
    row = db.session.get_one(RateImport, key)
    assert (row.source, row.file_name, row.rates, row.first_day, row.last_day) == (
        "un", "march.csv", 2, day(3, 1), day(3, 1))
    assert (row.imported_by, row.imported_at) == (manager.id, NOW)
    stored = db.session.get_one(StoredFile, row.file_id)
    assert stored.sha256 == row.sha256 and stored.purpose == "exchange-rates" and stored.media_type == "text/csv"
    assert (app_folder() / str(stored.id)).read_bytes() == content
    assert row.reading["rate"] == [2, "Rate"] and row.reading["decimal"] == "point"
    rates = {r.currency: r for r in db.session.query(ExchangeRate)}
    assert {code: (r.rate, r.base, r.day) for code, r in rates.items()} == {
        "EUR": ("0.920", "USD", day(3, 1)), "JPY": ("1505.25", "USD", day(3, 1))}
    told = events.history("rate_import", key)
    assert [(h.tag, h.data["rates"]) for h in told] == [("gateways.rate-import.record", 2)]
    assert told[0].data["sha256"] == row.sha256
    assert all(check()[1] == [] for check in CHECKS)


CHECKS = (rate_verify.one_live_rate_for_each_day, rate_verify.imports_and_their_files)


def app_folder() -> Any:
    from flask import current_app

    return current_app.extensions["placard_settings"].upload_dir


def test_a_later_file_that_says_the_same_adds_nothing(app: Any) -> None:
    put_rates({"EUR": "0.920"}, day(3, 1))
    later = put_rates({"EUR": "0.92", "CHF": "0.88"}, day(3, 1))
    assert db.session.get_one(RateImport, later).rates == 1
    assert db.session.query(ExchangeRate).filter_by(currency="EUR").one().rate == "0.920"
    with pytest.raises(RuleBroken, match="rates.nothing_new"):
        put_rates({"EUR": "0.9200", "CHF": "0.88"}, day(3, 1))
    assert db.session.query(RateImport).count() == 2 and db.session.query(StoredFile).count() == 2


def test_a_file_that_says_otherwise_is_refused_by_line(app: Any) -> None:
    put_rates({"EUR": "0.92"}, day(3, 1), name="first.csv")
    content = un_file({"CHF": "0.88", "EUR": "0.93"}, day(3, 1))
    judged = rate_import.judge(read(content))
    assert [fault.line for fault in judged.faults] == [4]
    for words in ("EUR on 1 March 2027 is on record as 0.92", "first.csv", "20 March 2027", "says 0.93", "withdraw"):
        assert words in judged.faults[0].message
    with pytest.raises(RuleBroken, match="rates.wrong_lines"):
        put_file(content)
    assert db.session.query(RateImport).count() == 1 and db.session.query(ExchangeRate).count() == 1


def test_nothing_is_stored_unless_the_whole_file_is_good(app: Any) -> None:
    with pytest.raises(RuleBroken, match="rates.wrong_lines"):
        put_file(un_file({"EUR": "0.92", "CHF": "0", "JPY": "150"}, day(3, 1)))
    with pytest.raises(RuleBroken, match="rates.no_rates"):
        rate_import.import_rates(read(un_file({"EUR": "0.92"}), header=9), rate_import.lay_down(b"x", "x.csv"), TESTS)
    for model in (RateImport, ExchangeRate, StoredFile, events.Event):
        assert db.session.query(model).filter(
            model.tag.startswith("gateways.rate") if model is events.Event else sa.true()).count() == 0


def test_large_changes_must_be_looked_at(app: Any) -> None:
    put_rates({"IRR": "42000", "EUR": "1.00"}, day(2, 1))
    # exactly 30 per cent is not more than it; within a file each rate is compared with the one before it
    content = un_file([("EUR", "1.30", "2027-03-01"), ("IRR", "84000", "2027-03-01"), ("IRR", "30000", "2027-03-15")])
    warned = rate_import.judge(read(content)).warnings
    assert [(w.rate.currency, w.before, w.rate.text, w.before_day) for w in warned] == [
        ("IRR", "42000", "84000", day(2, 1)), ("IRR", "84000", "30000", day(3, 1))]
    with pytest.raises(RuleBroken, match="rates.unlooked") as error:
        put_file(content, looked=False)
    assert error.value.field == "looked"
    key = put_file(content, looked=True)
    assert events.history("rate_import", key)[0].data["looked_at"] == 2
    # an older file is compared with what came before it, not after
    assert not rate_import.judge(read(un_file({"IRR": "42000"}, day(2, 15)))).warnings


def test_who_may_import_and_withdraw(make: Any) -> None:
    key = put_rates({"EUR": "0.92"}, day(3, 1))
    for role in ("head_of_fund", "certifying_officer", "auditor", "administrator", "donor"):
        actor = make.actor(role)
        with pytest.raises(NotAllowed):
            put_rates({"EUR": "0.93"}, day(3, 2), actor=actor)
        with pytest.raises(NotAllowed):
            rate_import.withdraw_import(key, actor, "other", "Because.")
    with pytest.raises(SignInNeeded):
        rate_import.withdraw_import(key, PUBLIC, "other", "Because.")
    with pytest.raises(NotAllowed):
        rate_import.withdraw_import(key, TESTS, "other", "A person withdraws.")
    with pytest.raises(NotFound):
        rate_import.withdraw_import(uuid.uuid4(), make.actor("fund_manager"), "other", "Because.")
    assert db.session.query(ExchangeRate).count() == 1


def test_a_withdrawal_frees_the_days(make: Any) -> None:
    manager = make.actor("fund_manager")
    put_rates({"EUR": "0.90"}, day(2, 15))
    content = un_file({"EUR": "92.0", "CHF": "88.0"}, day(3, 1))
    wrong = put_file(content)
    posted = rate_on("EUR", day(3, 10))  # a leg keeps this
    rate_import.withdraw_import(wrong, manager, "wrong_reading", "The decimal mark was read wrongly.")
    assert rate_on("EUR", day(3, 10)).text == "0.90"
    with pytest.raises(RateMissing):
        rate_on("CHF", day(3, 10))
    again = put_rates({"EUR": "0.92", "CHF": "0.88"}, day(3, 1))
    assert rate_on("EUR", day(3, 10)).text == "0.92" and again != wrong
    assert posted.to_usd_minor(Money(92_00, "EUR")) == 1_00  # what it made can still be computed
    last = events.history("rate_import", wrong)[-1]
    assert (last.tag, last.reason, last.text) == (
        "gateways.rate-import.withdraw", "wrong_reading", "The decimal mark was read wrongly.")
    with pytest.raises(IllegalMove, match="rates.withdrawn"):
        rate_import.withdraw_import(wrong, manager, "other", "Again.")
    put_file(content.replace(b"2027-03-01", b"2027-03-02"))  # the withdrawn file's own days stay free, others too
    assert all(check()[1] == [] for check in CHECKS)


# --- what the database holds ------------------------------------------------------------------------------------
def refused(statement: Callable[[], Any]) -> str:
    with pytest.raises(DBAPIError) as error, db.session.begin_nested():
        statement()
        db.session.flush()
    db.session.rollback()
    return str(error.value.orig)


def row_of(key: uuid.UUID, **values: Any) -> Callable[[], Any]:
    return lambda: db.session.add(ExchangeRate(**{
        "import_id": key, "source": "un", "currency": "CHF", "base": "USD", "day": day(3, 1), "rate": "0.88", **values,
    }))


@pytest.mark.parametrize(("values", "words"), [
    ({"currency": "EUR"}, "uq_exchange_rate_live|exchange_rate.source, exchange_rate.currency, exchange_rate.day"),
    ({"source": "ecb"}, "fk_exchange_rate_import|FOREIGN KEY"),
    ({"source": "nobody"}, "fk_exchange_rate_import|FOREIGN KEY"),
    ({"currency": "chf"}, "currencies"), ({"currency": "USD"}, "currencies"), ({"base": "U"}, "currencies"),
    *[({"rate": text}, "rate_is_positive|too long") for text in (
        "", "0", "0.00", "-1", "1e5", ".5", "5.", "1.2.3", "1,5", "abc", " 1", "12345678901", "1.123456789", "NaN")],
    ({"withdrawn_at": NOW}, "stands and falls"),
    ({"import_id": uuid.UUID(int=7)}, "fk_exchange_rate_import|FOREIGN KEY"),
])
def test_rates_that_cannot_be(app: Any, values: dict[str, Any], words: str) -> None:
    key = put_rates({"EUR": "0.92"}, day(3, 1))
    said = refused(row_of(key, **values))
    assert any(part in said for part in words.split("|")), said


@pytest.mark.parametrize("text", ["1", "0.00000001", "9999999999.99999999", "42000"])
def test_rates_that_can(app: Any, text: str) -> None:
    row_of(put_rates({"EUR": "0.92"}, day(3, 1)), rate=text)()
    db.session.flush()


def update(model: Any, key: uuid.UUID, **values: Any) -> Callable[[], Any]:
    return lambda: db.session.execute(sa.update(model).where(model.id == key).values(**values))


def test_nothing_is_changed_after_the_fact(make: Any) -> None:
    key = put_rates({"EUR": "0.92"}, day(3, 1))
    rate = db.session.query(ExchangeRate).one()
    who = make.person("fund_manager").id
    for change in (update(ExchangeRate, rate.id, rate="0.93"), update(ExchangeRate, rate.id, day=day(3, 2)),
                   update(RateImport, key, file_name="other.csv"), update(RateImport, key, rates=2),
                   lambda: db.session.execute(sa.delete(ExchangeRate)),
                   lambda: db.session.execute(sa.delete(RateImport))):
        assert "append-only" in refused(change)
    # a rate is not withdrawn alone, an import not by nobody
    assert "stands and falls" in refused(update(ExchangeRate, rate.id, withdrawn_at=NOW))
    assert "withdrawn_by_somebody" in refused(update(RateImport, key, withdrawn_at=NOW))
    withdrawn = {"withdrawn_at": NOW, "withdrawn_by": who, "withdrawal_reason": "other"}
    said = refused(update(RateImport, key, **{**withdrawn, "withdrawal_reason": "x"}))
    assert "FOREIGN KEY" in said or "fk_rate_import" in said
    update(RateImport, key, **withdrawn)()
    db.session.commit()
    db.session.refresh(rate)
    assert rate.withdrawn_at == NOW
    for change in (update(RateImport, key, withdrawn_at=None, withdrawn_by=None, withdrawal_reason=None),
                   update(RateImport, key, withdrawal_reason="wrong_file")):
        assert "a withdrawal stands" in refused(change)
    assert "stands and falls" in refused(update(ExchangeRate, rate.id, withdrawn_at=None))
    assert "stands and falls" in refused(row_of(key))


# --- verify -----------------------------------------------------------------------------------------------------
def test_verify_finds_a_lost_file_and_another_one(app: Any) -> None:
    key = put_rates({"EUR": "0.92"}, day(3, 1))
    path = app_folder() / str(db.session.get_one(RateImport, key).file_id)
    content = path.read_bytes()
    path.write_bytes(content + b" ")
    assert rate_verify.imports_and_their_files() == (1, [f"the file of rate import {key} is not what was imported"])
    path.unlink()
    assert rate_verify.imports_and_their_files()[1] == [f"the file of rate import {key} is missing"]


@pytest.mark.real_database
def test_verify_finds_what_the_database_would_have_refused(app: Any) -> None:
    key = put_rates({"EUR": "0.92", "CHF": "0.88"}, day(3, 1))
    connection = db.session.connection()
    if connection.dialect.name == "sqlite":
        for name in ("exchange_rate_no_replace", "exchange_rate_falls_with_import"):
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
    else:
        connection.exec_driver_sql("DROP TRIGGER exchange_rate_falls_with_import ON exchange_rate")
    connection.exec_driver_sql("DROP INDEX uq_exchange_rate_live")
    row_of(key, currency="EUR", rate="0.93")()
    db.session.flush()
    stray = db.session.query(ExchangeRate).filter_by(currency="CHF").one()
    update(ExchangeRate, stray.id, withdrawn_at=NOW)()
    checked, faults = rate_verify.one_live_rate_for_each_day()
    assert checked == 3
    assert faults == ["un has more than one live rate of EUR on 2027-03-01",
                      f"rate {stray.id} and its import do not agree"]
    assert rate_verify.imports_and_their_files()[1] == [f"rate import {key} and its rates do not agree"]
    db.session.rollback()


# --- many at once -----------------------------------------------------------------------------------------------
@pytest.mark.real_database
def test_the_same_file_at_once_is_on_record_once(app: Any) -> None:
    content = un_file(dict.fromkeys(("EUR", "CHF", "JPY", "KES", "NOK", "SEK"), "2.5"), day(3, 1))

    def task() -> Any:
        with clock.moved_to(NOW):
            return put_file(content)

    results = at_once(app, [task] * 6)
    made = [r for r in results if isinstance(r, uuid.UUID)]
    assert len(made) == 1, results
    assert all(isinstance(r, RuleBroken) and r.code == "rates.nothing_new" for r in results if r not in made), results
    assert db.session.query(RateImport).count() == 1 and db.session.query(ExchangeRate).count() == 6
    assert all(check()[1] == [] for check in CHECKS)


@pytest.mark.real_database
def test_one_upload_confirmed_twice_is_one_import(app: Any) -> None:
    content = un_file({"EUR": "0.92"}, day(3, 1))
    upload = rate_import.lay_down(content, "once.csv")

    def task() -> Any:
        with clock.moved_to(NOW):
            return rate_import.import_rates(read(content), upload, TESTS)

    assert len(set(at_once(app, [task] * 4))) == 1
    assert db.session.query(RateImport).count() == 1


@pytest.mark.real_database
def test_without_its_turn_the_index_refuses_the_second(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL: with the guard off the race is real, and the unique index ends it. SQLite has one writer."""
    if db.engine.dialect.name == "sqlite":
        monkeypatch.setattr(rate_import, "judge", lambda reading: _everything_new(reading))
    monkeypatch.setattr(rate_import, "_hold", lambda source: None)
    content = un_file(dict.fromkeys(("EUR", "CHF", "JPY"), "2.5"), day(3, 1))
    together = __import__("threading").Barrier(2, timeout=20)
    real = rate_import._store

    def store(*arguments: Any) -> Any:
        if db.engine.dialect.name != "sqlite":
            together.wait()
        return real(*arguments)

    monkeypatch.setattr(rate_import, "_store", store)

    def task() -> Any:
        with clock.moved_to(NOW):
            return put_file(content)

    results = at_once(app, [task, task])
    assert sorted(isinstance(r, IntegrityError) for r in results) == [False, True], results
    assert db.session.query(ExchangeRate).count() == 3


def _everything_new(reading: Any) -> Any:
    return rate_import.Judgement(new=[rate_import.Compared(rate, None, None) for rate in reading.rates])
