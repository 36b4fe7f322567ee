"""Commands for operators: flask --app app rates import | list. The same reading and the same rules as the pages."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import click
from flask import Flask
from flask.cli import AppGroup, with_appcontext

from core import clock
from core.actor import system
from core.db import db, reading
from core.errors import RuleBroken
from sponsorship.gateways import rate_import, rate_queries
from sponsorship.gateways.rate_csv import Layout, Sheet, guess, open_sheet, read_table, skipped_lines
from sponsorship.gateways.rate_ecb import read_ecb
from sponsorship.gateways.rate_reading import COMMA, DAY_FIRST, MONTH_FIRST, POINT, Reading, Unreadable, checked_day
from sponsorship.gateways.rate_sources import SOURCES, RateSource, books_source
from sponsorship.gateways.rates import latest_rates

rates_cli = AppGroup("rates", help="Exchange rates of the books.")
OPERATOR = system("command-line")
_NAMES = {"currency": "currency", "rate": "rate", "date": "dates"}


def register(app: Flask) -> None:
    """Called once by app.py."""
    app.cli.add_command(rates_cli)


@rates_cli.command("import", help="Put the rates of FILE on record; nothing is stored unless the whole file is good.")
@click.option("--source", type=click.Choice(list(SOURCES)), default=books_source, show_default="that of the books")
@click.option("--map", "columns", help="Columns of a table, by heading or number: currency=Code,rate=Rate,date=3.")
@click.option("--date", "day", help="The day the rates hold from (2027-03-01), where the file has no column of dates.")
@click.option("--header", type=click.IntRange(0), help="Line of the headings, 0 for none.")
@click.option("--decimal", type=click.Choice([POINT, COMMA]), help="The decimal mark.")
@click.option("--date-order", "order", type=click.Choice([DAY_FIRST, MONTH_FIRST]), help="For dates in figures.")
@click.option("--skip", help="Lines to leave out, such as 1,170-175.")
@click.option("--looked", is_flag=True, help="The rates that changed by more than 30 per cent have been looked at.")
@click.option("--dry-run", is_flag=True, help="Show what would be imported; store nothing.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_appcontext
def import_command(source: str, file: Path, dry_run: bool, looked: bool, **told: Any) -> None:
    try:
        content = file.read_bytes()
        read = _read(SOURCES[source], content, told)
    except (RuleBroken, Unreadable) as refusal:
        raise click.ClickException(str(getattr(refusal, "message", refusal))) from refusal
    _show(read)
    if dry_run:
        return
    db.session.rollback()
    try:
        made = rate_import.import_rates(read, rate_import.lay_down(content, file.name), OPERATOR, looked=looked)
    except RuleBroken as refusal:
        hint = " (--looked)" if refusal.code == "rates.unlooked" else ""
        raise click.ClickException(f"{refusal.message}{hint}") from refusal
    click.echo(f"imported as {made}")


def _read(source: RateSource, content: bytes, told: dict[str, Any]) -> Reading:
    if source.code == "ecb":
        if any(value is not None for value in told.values()):
            raise click.UsageError("a file of the European Central Bank needs no telling: leave out --map and the like")
        return read_ecb(content)
    sheet = open_sheet(content)
    with reading():
        proposed = guess(sheet, rate_queries.last_reading(source.code))
        db.session.rollback()
    layout = _layout(sheet, proposed, told)
    if not layout.complete:
        raise click.UsageError("say which columns hold currency, rate and date: --map currency=..,rate=..,date=.. "
                               "(or --date for the whole file)")
    skipped_lines(layout.skip)
    return read_table(sheet, layout, source)


def _layout(sheet: Sheet, proposed: Layout, told: dict[str, Any]) -> Layout:
    header = proposed.header if told["header"] is None else told["header"]
    columns = {name: getattr(proposed, name) for name in _NAMES.values()}
    for part in filter(None, (told["columns"] or "").split(",")):
        name, _, wanted = part.partition("=")
        if name.strip() not in _NAMES:
            raise click.UsageError(f"--map knows currency, rate and date, not {name.strip()!r}")
        columns[_NAMES[name.strip()]] = _column(sheet, header, wanted.strip())
    if told["day"] is not None:
        columns["dates"] = None
    return Layout(**columns, day=_day(told["day"]), header=header, decimal=told["decimal"] or proposed.decimal,
                  order=told["order"] or proposed.order, skip=told["skip"] or "")


def _column(sheet: Sheet, header: int, wanted: str) -> int:
    headings = [heading.casefold() for heading in sheet.headings(header)]
    if wanted.casefold() in headings:
        return headings.index(wanted.casefold()) + 1
    if wanted.isascii() and wanted.isdigit() and 0 < int(wanted) <= sheet.width:
        return int(wanted)
    raise click.UsageError(f"no column {wanted!r}; line {header} says: {', '.join(sheet.headings(header))}")


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return checked_day(datetime.strptime(text, "%Y-%m-%d").date())  # noqa: DTZ007 - a day has no zone
    except Unreadable as wrong:
        raise click.BadParameter(str(wrong), param_hint="--date") from wrong
    except ValueError as wrong:
        raise click.BadParameter("write a day such as 2027-03-01", param_hint="--date") from wrong


def _show(read: Reading) -> None:
    """What the file says and what would become of it; ends the command when lines are wrong."""
    with reading():
        judged = rate_import.judge(read)
        db.session.rollback()
    for fault in judged.faults:
        click.echo(f"line {fault.line}: {fault.message}", err=True)
    if judged.fault_count:
        more = judged.fault_count - len(judged.faults)
        raise click.ClickException(f"{judged.fault_count} wrong lines" + (f" ({more} not shown)" if more else "")
                                   + "; nothing was imported")
    for row in judged.warnings:
        click.echo(f"line {row.rate.line}: {row.rate.currency} changed from {row.before} ({row.before_day}) to "
                   f"{row.rate.text} ({row.rate.day})", err=True)
    click.echo(f"{len(judged.new)} new, {judged.known} on record already, {read.repeated} said twice, "
               f"{len(read.passed_over)} lines passed over")


@rates_cli.command("list", help="The newest rate of every currency.")
@click.option("--source", type=click.Choice(list(SOURCES)), default=books_source, show_default="that of the books")
@with_appcontext
def list_command(source: str) -> None:
    with reading():
        rows = latest_rates(clock.today(), source)
        db.session.rollback()
    for row in rows:
        left = "expired" if row.expired else f"until {row.last_day}"
        click.echo(f"{row.rate.currency}  {row.rate.text:>30}  from {row.rate.day}  {left}")
    click.echo(f"{len(rows)} currencies, units for one US dollar, {SOURCES[source].name}")
