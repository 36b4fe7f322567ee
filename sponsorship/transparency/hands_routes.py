"""The page of separate hands."""

from __future__ import annotations

from flask import Response, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from accounts.current import current_actor
from accounts.permissions import ROLES, allows
from core import clock
from core.web.access import needs
from core.web.sheets import Sheet, xlsx_response
from core.web.tables import Column, Table, TableQuery, csv_response
from sponsorship.transparency import hands
from sponsorship.transparency.audit_routes import bp
from sponsorship.transparency.hands import HANDS, HandsRow

PAIRS = [
    Column("hands", _l("Two hands"), heading=True), Column("chain_label", _l("Chain")),
    Column("kept", _l("What keeps them apart")), Column("holders", _l("Could hold both today"), numeric=True),
    Column("together", _l("Signed by one person"), numeric=True), Column("status", _l("Proven")),
]


def _columns(whole: bool = True) -> list[Column]:
    """`whole` with the column of pairs, which a page leaves out when nobody has one."""
    def cell(role: str) -> Column:
        return Column(role, ROLES[role].label, render=lambda row: row.hands.get(role) or "·",
                      csv=lambda row: row.hands.get(role, ""))

    def several(row: HandsRow) -> str:
        return "; ".join(_("%(one)s and %(other)s", one=ROLES[one].label, other=ROLES[other].label)
                         for one, other in dict.fromkeys((one, other) for _chain, one, other in row.pairs))

    columns = [Column("name", _("Person"), heading=True), *[cell(role) for role in HANDS], Column("status", _("Today"))]
    if whole:
        columns.append(Column("pairs", _("Both of"), render=lambda row: several(row) or "·", csv=several))
    return columns


@bp.get("/audit/separate-hands")
@needs("audit.view", "account.people.manage")
def separate_hands() -> str | Response:
    """Who could hold which hands, what keeps them apart, and that it was never broken."""
    rows, query = hands.matrix(), TableQuery.from_args(request.args)
    pair_rows = hands.pairs(rows)
    if query.format == "xlsx":
        return xlsx_response([Sheet("people", _columns(), rows), Sheet("pairs", PAIRS, pair_rows)], "separate-hands")
    if query.format == "csv":
        return csv_response(_columns(), rows, "separate-hands")
    people = Table(_("People and hands today"), _columns(any(row.pairs for row in rows)), rows,
                   base_url=url_for("audit.separate_hands"), broad=True,
                   query=TableQuery(per_page=len(rows) or 1), total=len(rows), empty_title=_("Nobody holds a hand"),
                   empty_text=_("Roles of the chains are given under People."), anchor="people")
    apart = Table(_("Hands that must be different people"), PAIRS, pair_rows, csv=False, anchor="pairs", broad=True,
                  query=TableQuery(per_page=len(pair_rows)))
    return render_template("transparency/separate_hands.html", people=people, apart=apart, proof=hands.proof(),
                           at=clock.real_now(), several=sum(bool(row.pairs) for row in rows),
                           sees_audit=allows(current_actor(), "audit.view"))
