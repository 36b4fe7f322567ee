"""The books for those who may see them: trial balance, statement of an account, one entry. Pages only read."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any, cast

from flask import Blueprint, render_template, request, stream_with_context, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup

from accounts.queries import person_labels
from core import clock
from core.money import usd
from core.web.access import needs
from core.web.downloads import download
from core.web.tables import Column, Table, TableQuery
from sponsorship.ledger import books, words
from sponsorship.ledger.chart import KINDS, RETIRED
from sponsorship.ledger.queries import PoolFigures, fund_figures

bp = Blueprint("ledger", __name__, url_prefix="/ledger")
PER_PAGE = 50


def _money(name: str, label: Any) -> Column:
    """A column of US dollars from cents."""

    def value(row: Any) -> Any:
        return usd(getattr(row, name))

    return Column(name, label, numeric=True, currency="USD", render=value, csv=value)


def _side(name: str, label: Any) -> Column:
    """A column that stays empty on the side where a row has nothing."""

    def value(row: Any) -> Any:
        amount = getattr(row, name)
        return usd(amount) if amount else ""

    def shown(row: Any) -> Any:
        return value(row) or Markup("")

    return Column(name, label, numeric=True, currency="USD", render=shown, csv=value)


def _label(row: books.AccountRow) -> str:
    return words.account_label(row.kind, row.pool_name)


TRIAL = (
    Column("name", _l("Account"), heading=True, render=_label, csv=_label),
    _side("debit_balance", _l("Debit")),
    _side("credit_balance", _l("Credit")),
)
POOLS = (
    Column("name", _l("Pool"), heading=True),
    _money("received", _l("Received")),
    _money("fees", _l("Fees")),
    _money("spent_direct", _l("Direct costs")),
    _money("spent_support", _l("Support costs")),
    _money("reserved", _l("Reserved")),
    _money("available", _l("Available")),
)


@bp.get("/")
@needs("ledger.view")
def trial_balance() -> Any:
    """Every account, and each pool in one line."""
    rows = books.trial_balance()
    query = TableQuery.from_args(request.args)
    if query.format:
        columns = (TRIAL[0], Column("code", _("Code")), *TRIAL[1:])
        return download(query, columns, rows, _("trial balance %(day)s", day=clock.today().isoformat()))
    figures = fund_figures()
    return render_template(
        "ledger/trial_balance.html", now=figures.as_of, pools=_pools(figures.pools),
        in_suspense=usd(figures.in_suspense), in_transit=usd(figures.in_transit), shortfall=usd(figures.shortfall),
        proprietary=_trial(rows, "P", _("What the fund owns, owes, received and spent")),
        budgetary=_trial(rows, "B", _("What the pools may promise")),
    )


def _pools(pools: Iterable[PoolFigures]) -> Table:
    rows = list(pools)
    names = ("received", "fees", "spent_direct", "spent_support", "reserved", "available")
    return Table(
        _("Pools"), POOLS, rows, csv=False, anchor="pools", per_page=max(len(rows), 1),
        totals={name: usd(sum(getattr(row, name) for row in rows)) for name in names} if len(rows) > 1 else None,
        empty_title=_("No pool is open yet"),
        empty_text=_("A pool is opened with the first purpose that money may be given for."),
    )


def _trial(rows: list[books.AccountRow], book: str, caption: str) -> Table:
    part = [row for row in rows if row.book == book]
    return Table(
        caption, TRIAL, part, csv=book == "P", stack=False, anchor="proprietary" if book == "P" else "budgetary",
        per_page=max(len(part), 1), row_url=lambda row: url_for("ledger.account", id=row.id),
        totals={name: usd(sum(getattr(row, name) for row in part)) for name in ("debit_balance", "credit_balance")},
        empty_title=_("No account is open yet"),
    )


def _statement_columns(about: dict[uuid.UUID, tuple[str, str | None]]) -> list[Column]:
    def subject(row: Any) -> Any:
        name, address = about.get(row.subject_id, ("", None))
        return Markup('<a href="{}">{}</a>').format(address, name) if address else name

    return [
        Column("what", _("Entry"), heading=True, render=lambda row: words.entry_label(row.kind),
               csv=lambda row: words.entry_label(row.kind)),
        Column("occurred_at", _("When")),
        Column("subject", _("About"), render=subject, csv=lambda row: row.subject_id and str(row.subject_id)),
        _side("debit", _("Debit")),
        _side("credit", _("Credit")),
        _money("balance", _("Balance")),
    ]


@bp.get("/accounts/<uuid:id>/")
@needs("ledger.view")
def account(id: uuid.UUID) -> Any:
    """One account's statement, newest entry first, with the balance after each."""
    query = TableQuery.from_args(request.args, per_page=PER_PAGE)
    if query.format:
        row = books.get_account(id)
        columns = [Column("entry_id", _("Entry identifier")), *_statement_columns({}),
                   Column("recorded_at", _("Recorded"))]
        lines: Any = stream_with_context(cast(Any, books.statement_lines(row)))
        return download(query, columns, lines, _("statement %(code)s", code=row.code))
    page = books.statement(id, query.page, PER_PAGE)
    about = words.subjects((row.subject_type, row.subject_id) for row in page.rows)
    label, definition = words.ACCOUNTS[page.account.kind]
    kind = KINDS.get(page.account.kind) or RETIRED[page.account.kind]
    return render_template(
        "ledger/account.html", account=page.account, name=_label(page.account), label=label, definition=definition,
        nature=words.NATURES[kind.nature], guarded=kind.guarded,
        balance=usd(page.account.balance), debits=usd(page.account.debits), credits=usd(page.account.credits),
        now=clock.now(),
        table=Table(
            _("Statement of account"), _statement_columns(about), page.rows, query=query, total=page.total,
            row_url=lambda row: url_for("ledger.entry", id=row.entry_id), empty_title=_("Nothing posted yet"),
            empty_text=_("The first entry on this account will stand here."),
        ),
    )


LEGS = (
    Column("name", _l("Account"), heading=True,
           render=lambda row: words.account_label(row.account_kind, row.pool_name)),
    _side("debit", _l("Debit")),
    _side("credit", _l("Credit")),
)
ORIGINAL = Column(
    "original", _l("As paid"), numeric=True,
    render=lambda row: "" if row.rate is None else _(
        "%(currency)s minor units %(amount)s at %(rate)s (%(source)s, %(day)s)", currency=row.original_currency,
        amount=row.original_minor, rate=row.rate, source=row.rate_source, day=row.rate_date,
    ),
)


@bp.get("/entries/<uuid:id>/")
@needs("ledger.view")
def entry(id: uuid.UUID) -> Any:
    """One entry with its legs, in both books."""
    page = books.get_entry(id)
    about = words.subjects([(page.subject_type, page.subject_id)])
    columns = (*LEGS, ORIGINAL) if any(leg.rate for leg in page.legs) else LEGS
    tables = []
    for book, caption in (("P", _("Legs")), ("B", _("Legs in the budgetary book"))):
        legs = [leg for leg in page.legs if leg.book == book]
        if legs:
            tables.append(Table(
                caption, columns, legs, csv=False, stack=len(columns) > 3, anchor=f"legs-{book.lower()}",
                row_url=lambda leg: url_for("ledger.account", id=leg.account_id),
                totals={side: usd(sum(getattr(leg, side) for leg in legs)) for side in ("debit", "credit")},
            ))
    actor = person_labels([page.actor_id]).get(page.actor_id) if page.actor_id else None
    return render_template(
        "ledger/entry.html", entry=page, label=words.entry_label(page.kind), tables=tables,
        about=about.get(page.subject_id) if page.subject_id else None,
        actor=actor or (_("a visitor") if page.actor == "public" else _("Placard itself")
                        if page.actor.startswith("system:") else _("a person with the right role")),
    )
