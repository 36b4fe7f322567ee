"""The books for those who may see them. Pages only read; each kind of page has a module of its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from flask import render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from accounts.queries import person_labels
from core import clock
from core.money import usd
from core.web.access import needs
from core.web.downloads import download
from core.web.formats import format_instant
from core.web.tables import Table, TableQuery
from sponsorship.ledger import account_routes, books, financial_routes, pool_routes, words
from sponsorship.ledger.blueprint import bp
from sponsorship.ledger.chart import COMMON, PER_POOL, AccountKind
from sponsorship.ledger.forms import AT, Asked, AtForm
from sponsorship.ledger.lists import LEGS, ORIGINAL, TRIAL, TRIAL_FILE, linked, money, pool_name, worded
from sponsorship.ledger.queries import PoolFigures, list_pools, pool_figures
from sponsorship.ledger.tabs import ledger_tabs

__all__ = ["account_routes", "bp", "financial_routes", "pool_routes"]


# --- trial balance ------------------------------------------------------------------------------------------------
@bp.get("/")
@needs("ledger.view")
def trial_balance() -> Any:
    """Every account that has entries, and each pool in one line: now, or at an instant."""
    form, query = AtForm.asked(), Asked.from_args(request.args, (), AT)
    at = form.at.data
    rows = books.trial_balance(at)
    if query.format:
        moment = (at or clock.now()).strftime("%Y-%m-%d %H%M UTC")
        return download(query, TRIAL_FILE, rows, _("trial balance %(day)s", day=moment))
    return render_template(
        "ledger/trial_balance.html", tabs=ledger_tabs("trial_balance"), form=form, at=at, now=clock.now(),
        pools=_pools(pool_figures(at=at), query), suspense=_sum(rows, "suspense"),
        in_transit=_sum(rows, "in_transit"), shortfall=_sum(rows, "shortfall"),
        proprietary=_trial(rows, "P", _("What the fund owns, owes, received and spent"), query),
        budgetary=_trial(rows, "B", _("What the pools may promise"), query),
    )


def _sum(rows: Iterable[books.AccountRow], kind: str) -> Any:
    return usd(sum(row.balance for row in rows if row.kind == kind))


def _pools(pools: list[PoolFigures], query: TableQuery) -> Table:
    columns = [
        pool_name(), money("came_in", _("Came in")), money("went_out", _("Went out")),
        money("reserved", _("Reserved")), money("available", _("Available")),
        *([money("shortfall", _("Shortfall"))] if any(pool.shortfall for pool in pools) else []),
    ]
    return Table(
        _("Pools"), columns, pools, csv=False, anchor="pools", query=query, total=len(pools),
        row_url=lambda pool: url_for("ledger.pool", id=pool.pool_id),
        totals={c.key: usd(sum(getattr(pool, c.key) for pool in pools)) for c in columns[1:]}
        if len(pools) > 1 else None,
        empty_title=_("No pool is open yet"),
        empty_text=_("A pool is opened with the first purpose that money may be given for."),
    )


def _trial(rows: list[books.AccountRow], book: str, caption: str, query: TableQuery) -> Table:
    part = [row for row in rows if row.book == book and (row.debits or row.credits)]
    return Table(
        caption, TRIAL, part, csv=book == "P", stack=False, anchor="proprietary" if book == "P" else "budgetary",
        query=query, total=len(part), row_url=lambda row: url_for("ledger.account", id=row.id),
        totals={name: usd(sum(getattr(row, name) for row in part)) for name in ("debit_balance", "credit_balance")},
        empty_title=_("Nothing posted yet"), empty_text=_("Every account stands at zero."),
    )


# --- chart of accounts --------------------------------------------------------------------------------------------
@bp.get("/chart")
@needs("ledger.view")
def chart() -> Any:
    """What each account means, and where it stands in each pool."""
    accounts = {row.kind: row for row in books.trial_balance() if row.pool_id is None}
    pools = list_pools()
    return render_template(
        "ledger/chart.html", tabs=ledger_tabs("chart"),
        common=_kinds(COMMON, _("Accounts of the whole fund"), "common",
                      lambda kind: kind.code in accounts and url_for("ledger.account", id=accounts[kind.code].id)),
        per_pool=_kinds(PER_POOL, _("Accounts of every pool"), "per-pool", None),
        pools=list(zip(pools, words.earmarks([pool.earmark for pool in pools]), strict=True)),
    )


def _kinds(kinds: Iterable[AccountKind], caption: str, anchor: str, address: Any) -> Table:
    return Table(
        caption,
        (
            worded("name", _("Account"), lambda kind: words.ACCOUNTS[kind.code][0], heading=True),
            worded("meaning", _("What it means"), lambda kind: words.ACCOUNTS[kind.code][1]),
            worded("nature", _("Kind"), lambda kind: words.NATURES[kind.nature]),
            worded("side", _("Normal side"), lambda kind: _("Debit") if kind.side == "D" else _("Credit")),
            worded("guarded", _("May be overdrawn"), lambda kind: not kind.guarded),
        ),
        kinds, csv=False, anchor=anchor, row_url=address,
    )


# --- entries ------------------------------------------------------------------------------------------------------
@bp.get("/entries/<uuid:id>/")
@needs("ledger.view")
def entry(id: uuid.UUID) -> Any:
    """One entry with its legs, in both books."""
    page = books.get_entry(id)
    named = words.subjects([(page.subject_type, page.subject_id)])
    tables = []
    for book, caption in (("P", _("Legs")), ("B", _("Legs in the budgetary book"))):
        legs = [leg for leg in page.legs if leg.book == book]
        if legs:
            columns = (*LEGS, ORIGINAL) if any(leg.rate for leg in legs) else LEGS
            tables.append(Table(
                caption, columns, legs, csv=False, stack=len(columns) > 3, anchor=f"legs-{book.lower()}",
                row_url=lambda leg: account_routes.address(leg.account_id, page.occurred_at.year),
                totals={side: usd(sum(getattr(leg, side) for leg in legs)) for side in ("debit", "credit")},
            ))
    actor = person_labels([page.actor_id]).get(page.actor_id) if page.actor_id else None
    return render_template(
        "ledger/entry.html", entry=page, label=words.entry_label(page.kind), tables=tables,
        about=linked(named.get(page.subject_id)) if page.subject_id else None,
        corrects=_named([page.corrects_id] if page.corrects_id else []), corrected_by=_named(page.corrected_by),
        actor=actor or (_("A visitor") if page.actor == "public" else _("Placard itself")
                        if page.actor.startswith("system:") else _("A person with the right role")),
    )


def _named(entry_ids: Iterable[uuid.UUID]) -> list[Any]:
    """Links to entries by what they are and when they happened."""
    return [linked(named) for named in described(entry_ids).values()]


def described(entry_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, words.Named]:
    """How entries are named where others are about them."""
    return {
        entry_id: (_("%(entry)s, %(when)s", entry=words.entry_label(kind), when=format_instant(happened, "UTC")),
                   url_for("ledger.entry", id=entry_id))
        for entry_id, (kind, happened) in books.entry_kinds(entry_ids).items()
    }


words.describe_subjects("pool", _l("Pool"), pool_routes.described)
words.describe_subjects("shortfall", _l("Shortfall"), described)
words.describe_subjects("exchange", _l("Exchange difference of a refund"), described)
