"""Statements of account: a page at a time, or a file of any length."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, cast
from urllib.parse import urlencode

from flask import render_template, request, stream_with_context, url_for
from flask_babel import gettext as _

from core.money import usd
from core.web.access import needs
from core.web.downloads import download
from core.web.formats import format_day
from core.web.tables import Table
from sponsorship.ledger import books, lists, statements, words
from sponsorship.ledger.blueprint import bp
from sponsorship.ledger.chart import KINDS, RETIRED
from sponsorship.ledger.forms import PERIOD, Asked, PeriodForm
from sponsorship.ledger.statements import Period

PER_PAGE = 50


@bp.get("/accounts/<uuid:id>/")
@needs("ledger.view")
def account(id: uuid.UUID) -> Any:
    """One account's statement for a period, oldest line first, with the balance after each."""
    form, query = PeriodForm.asked(), Asked.from_args(request.args, (), PERIOD, PER_PAGE)
    period = form.period()
    if query.format:
        row = books.get_account(id)
        name = _("statement %(code)s %(first)s to %(last)s", code=row.code, first=period.first, last=period.last)
        return download(query, lists.statement_file_columns(), _stream(row, period), name)
    page = statements.statement(id, period, query.page, PER_PAGE)
    named = words.subjects((line.subject_type, line.subject_id) for line in page.lines)
    kind = KINDS.get(page.account.kind) or RETIRED[page.account.kind]
    return render_template(
        "ledger/account.html", account=page.account, name=lists.account_name(page.account), form=form,
        definition=words.ACCOUNTS[kind.code][1], nature=words.NATURES[kind.nature],
        guarded=kind.guarded, page=page, period=period, years=_years(id),
        facts=_facts(page),
        carried=usd(page.before) if query.page > 1 and page.lines else None,
        table=Table(
            _("Statement of account"),
            lists.statement_columns(named, any(line.rate for line in page.lines)), page.lines, query=query,
            total=page.moved.legs, row_url=lambda line: url_for("ledger.entry", id=line.entry_id),
            empty_title=_("Nothing posted in this period"),
            empty_text=_("Choose other days to see what happened on this account before or after."),
        ),
    )


def _facts(page: statements.Statement) -> list[tuple[Any, Any]]:
    first, last = format_day(page.period.first), format_day(page.period.last)
    return [
        (_("Opening balance, %(day)s", day=first), usd(page.opening)), (_("Debits"), usd(page.moved.debits)),
        (_("Credits"), usd(page.moved.credits)), (_("Closing balance, %(day)s", day=last), usd(page.closing)),
    ]


def _years(account_id: uuid.UUID) -> list[tuple[str, str]]:
    """This year and the two before it, as links."""
    this = statements.this_year().first.year
    return [(str(year), address(account_id, year)) for year in (this, this - 1, this - 2)]


def address(account_id: uuid.UUID, year: int) -> str:
    """The account's statement of one year."""
    days = {"from": date(year, 1, 1).isoformat(), "to": date(year, 12, 31).isoformat()}
    return f"{url_for('ledger.account', id=account_id)}?{urlencode(days)}"


@dataclass(frozen=True)
class _FileLine:
    """A line of the file; the first and the last stand for the balances around the period."""

    what: str
    balance: int
    occurred_at: datetime | None = None
    about: str | None = None
    debit: int = 0
    credit: int = 0
    original_minor: int | None = None
    original_currency: str | None = None
    rate: str | None = None
    rate_source: str | None = None
    rate_date: date | None = None
    entry_id: uuid.UUID | None = None
    recorded_at: datetime | None = None


def _stream(account: books.AccountRow, period: Period) -> Iterator[_FileLine]:
    return cast(Iterator[_FileLine], stream_with_context(cast(Any, _file_lines(account, period))))


def _file_lines(account: books.AccountRow, period: Period) -> Iterator[_FileLine]:
    balance = statements.opening(account, period)
    yield _FileLine(_("Opening balance"), balance, datetime.combine(period.first, time(), UTC))
    for batch in statements.statement_lines(account, period):
        named = words.subjects((line.subject_type, line.subject_id) for line in batch)
        for line in batch:
            about = named.get(line.subject_id) if line.subject_id else None
            yield _FileLine(
                lists.line_word(line), line.balance, line.occurred_at, about[0] if about else None, line.debit,
                line.credit, line.original_minor, line.original_currency, line.rate, line.rate_source, line.rate_date,
                line.entry_id, line.recorded_at,
            )
        balance = batch[-1].balance
    yield _FileLine(_("Closing balance"), balance, datetime.combine(period.last, time.max, UTC))
