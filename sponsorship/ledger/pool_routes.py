"""Pools: all of them, and what stands behind one."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from typing import Any

from flask import render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core import clock
from core.money import usd
from core.web.access import needs
from core.web.downloads import download
from core.web.formats import format_number
from core.web.tables import Column, Filter, Table, TableQuery
from sponsorship.ledger import books, lists, pool_queries, words
from sponsorship.ledger.blueprint import bp
from sponsorship.ledger.lists import money, pool_name, worded
from sponsorship.ledger.pool_queries import OPEN, PoolLot, PoolReservation, PoolShortfall
from sponsorship.ledger.queries import PoolFigures, PoolRow, pool_figures, pools_by_ids
from sponsorship.ledger.tabs import ledger_tabs

PER_PAGE = 50


@bp.get("/pools/")
@needs("ledger.view")
def pools() -> Any:
    """Every pool: what its money is for, what it may still promise, whether its payments are stopped."""
    figures = pool_figures()
    purposes = dict(zip((pool.pool_id for pool in figures),
                        words.earmarks([pool.earmark for pool in figures]), strict=True))
    query = TableQuery.from_args(request.args)
    columns = (
        pool_name(),
        worded("purpose", _("What it is for"), lambda pool: purposes[pool.pool_id]),
        worded("state", _("Payments"), lambda pool: words.payments_state(pool.shortfall)),
        money("received", _("Received")),
        money("reserved", _("Reserved")),
        money("available", _("Available")),
    )
    if query.format:
        return download(query, (Column("code", _("Code")), *columns), figures,
                        _("pools %(day)s", day=clock.today().isoformat()))
    return render_template("ledger/pools.html", tabs=ledger_tabs("pools"), now=clock.now(), table=Table(
        _("Pools"), columns, figures, query=query, total=len(figures),
        row_url=lambda pool: url_for("ledger.pool", id=pool.pool_id),
        empty_title=_("No pool is open yet"),
        empty_text=_("A pool is opened with the first purpose that money may be given for."),
    ))


def described(pool_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, words.Named]:
    """How pools are named where entries are about them."""
    return {key: (row.name, url_for("ledger.pool", id=key)) for key, row in pools_by_ids(pool_ids).items()}


# --- one pool -----------------------------------------------------------------------------------------------------
def _tabs(pool_id: uuid.UUID, current: str) -> list[dict[str, Any]]:
    return [
        {"label": label, "url": url_for(f"ledger.{name}", id=pool_id), "current": name == current}
        for name, label in (("pool", _("Figures")), ("lots", _("Lots")), ("reservations", _("Reservations")),
                            ("shortfalls", _("Shortfalls")))
    ]


def _shown(template: str, pool: PoolRow, current: str, **more: Any) -> str:
    return render_template(template, pool=pool, purpose=words.earmarks([pool.earmark])[0],
                           tabs=_tabs(pool.id, current), now=clock.now(), **more)


@bp.get("/pools/<uuid:id>/")
@needs("ledger.view")
def pool(id: uuid.UUID) -> Any:
    """One pool: its figures, its accounts, and what stops its payments."""
    row = pool_queries.get_pool(id)
    figures = next(f for f in pool_figures() if f.pool_id == id)
    accounts = [account for account in books.trial_balance() if account.pool_id == id]
    unmet = pool_queries.shortfalls(id, TableQuery(values={"state": OPEN}))
    return _shown(
        "ledger/pool.html", row, "pool", figures=_figures(figures), shortfall=figures.shortfall and usd(
            figures.shortfall),
        unmet=_shortfall_table(unmet.rows, unmet, TableQuery(), csv=False, caption=_("Shortfalls still to be covered")),
        accounts=Table(
            _("Accounts of this pool"), (_account, *lists.TRIAL[1:]), accounts, csv=False, stack=False,
            anchor="accounts", row_url=lambda account: url_for("ledger.account", id=account.id),
        ),
    )


_account = worded("name", _l("Account"), lambda row: words.ACCOUNTS[row.kind][0], heading=True)


def _figures(f: PoolFigures) -> list[tuple[Any, Any]]:
    """What came, what went, what is left: the last two lines are the sum of those before."""
    lines = [
        (_("Received"), f.received, True), (_("Paid back"), -f.refunded, False),
        (_("Exchange difference"), f.exchange, False), (_("Fees"), -f.fees, True), (_("Losses"), -f.losses, False),
        (_("Direct costs"), -f.spent_direct, True), (_("Support costs"), -f.spent_support, True),
        (_("Reserved"), f.reserved, True), (_("Available"), f.available, True),
    ]
    return [(label, usd(amount)) for label, amount, always in lines if always or amount]


def _open_filter(label: Any) -> tuple[Filter, ...]:
    return (Filter("state", _l("Which"), [(OPEN, label)]),)


LOTS = _open_filter(_l("With money free"))
RESERVATIONS = _open_filter(_l("Still holding money"))
SHORTFALLS = _open_filter(_l("Still to be covered"))


def _listed(
    id: uuid.UUID, current: str, filters: tuple[Filter, ...], page: Callable[..., pool_queries.Page],
    everything: Callable[..., Iterable[Any]], columns: Callable[[Iterable[Any]], list[Column]], table: dict[str, Any],
) -> Any:
    row = pool_queries.get_pool(id)
    query = TableQuery.from_args(request.args, (), filters, PER_PAGE)
    if query.format:
        rows = list(everything(id, query))
        return download(query, columns(rows), rows, f"{row.code} {current} {clock.today().isoformat()}")
    found = page(id, query)
    return _shown("ledger/pool_list.html", row, current, table=Table(
        columns=columns(found.rows), rows=found.rows, filters=filters, query=query, total=found.total,
        totals={name: usd(amount) for name, amount in found.sums.items()} if found.total > 1 else None, **table,
    ))


@bp.get("/pools/<uuid:id>/lots")
@needs("ledger.view")
def lots(id: uuid.UUID) -> Any:
    """The contributions whose money lies in the pool, in the order in which it is used."""
    return _listed(id, "lots", LOTS, pool_queries.lots, pool_queries.all_lots, _lot_columns, {
        "caption": _("Lots"), "empty_title": _("No lot yet"),
        "empty_text": _("Each contribution accepted into the pool stands here as a lot."),
    })


def _lot_columns(rows: Iterable[PoolLot]) -> list[Column]:
    named = words.subjects((row.source_type, row.source_id) for row in rows)
    return [
        lists.about(named, _("From"), "source_id", heading=True),
        lists.day("deposited_at", _("Deposited")),
        Column("end_date", _("Promise until")),
        worded("rate_bp", _("Support costs, %"), lambda lot: _percent(lot.rate_bp), numeric=True),
        money("amount", _("Came in")),
        money("reserved", _("Reserved")),
        money("spent", _("Spent")),
        money("charged", _("Fees and returns")),
        money("free", _("Free")),
    ]


def _percent(basis_points: int) -> str:
    whole, part = divmod(basis_points, 100)
    return format_number(whole) if not part else f"{format_number(whole)}.{part:02d}".rstrip("0")


@bp.get("/pools/<uuid:id>/reservations")
@needs("ledger.view")
def reservations(id: uuid.UUID) -> Any:
    """What the pool has promised, newest first."""
    return _listed(
        id, "reservations", RESERVATIONS, pool_queries.reservations, pool_queries.all_reservations,
        _reservation_columns, {
            "caption": _("Reservations"), "empty_title": _("Nothing reserved yet"),
            "empty_text": _("Money is reserved when an obligation is certified."),
        })


def _reservation_columns(rows: Iterable[PoolReservation]) -> list[Column]:
    named = words.subjects((row.subject_type, row.subject_id) for row in rows)
    return [
        lists.about(named, _("For"), heading=True),
        lists.day("reserved_at", _("Reserved on")),
        money("direct", _("Direct costs")),
        money("support", _("Support costs")),
        money("spent", _("Spent")),
        money("released", _("Released")),
        money("left", _("Still held")),
    ]


@bp.get("/pools/<uuid:id>/shortfalls")
@needs("ledger.view")
def shortfalls(id: uuid.UUID) -> Any:
    """What reality took when the pool had nothing free, newest first."""
    return _listed(
        id, "shortfalls", SHORTFALLS, pool_queries.shortfalls, pool_queries.all_shortfalls, _shortfall_columns, {
            "caption": _("Shortfalls"), "row_url": _entry_of, "empty_title": _("No shortfall"),
            "empty_text": _("Nothing was ever taken from this pool that it did not have."),
        })


def _entry_of(row: PoolShortfall) -> str:
    return url_for("ledger.entry", id=row.entry_id)


def _shortfall_columns(rows: Iterable[PoolShortfall]) -> list[Column]:
    named = words.subjects((row.source_type, row.source_id) for row in rows)
    return [
        worded("what", _("What took it"), lambda row: words.entry_label(row.entry_kind), heading=True),
        lists.day("occurred_at", _("When")),
        lists.about(named, _("Caused by"), "source_id"),
        worded("becomes", _("Once covered"), lambda row: words.ACCOUNTS[row.becomes][0]),
        money("amount", _("Amount")),
        money("covered", _("Covered")),
        money("left", _("To be covered")),
    ]


def _shortfall_table(rows: Iterable[Any], page: pool_queries.Page, query: TableQuery, **more: Any) -> Table:
    return Table(columns=_shortfall_columns(rows), rows=rows, query=query, total=page.total, row_url=_entry_of,
                 anchor="unmet", **more)
