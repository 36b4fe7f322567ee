"""The books open to the auditor: everything can be read here, nothing changed. And the public head of the record."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, render_template, request, url_for
from flask_babel import lazy_gettext as _l

from accounts.current import current_actor
from accounts.permissions import allows
from accounts.queries import person_labels
from core import clock, events, verify
from core.errors import NotFound
from core.web.access import needs, public
from core.web.downloads import download
from core.web.tables import Column, Filter, Table, TableQuery
from sponsorship.transparency import audit_queries as queries

bp = Blueprint("audit", __name__)

FILTERS = (Filter("tag", _l("What happened, such as awards.award")),
           Filter("subject", _l("Kind of object, or its identifier")))


def _columns(names: dict[uuid.UUID, str]) -> list[Column]:
    def who(row: queries.EventRow) -> str:
        return names.get(row.actor_id, str(row.actor_id)) if row.actor_id else row.actor

    def moved(row: queries.EventRow) -> str:
        return " → ".join(state for state in (row.from_state, row.to_state) if state) or "—"

    return [
        Column("seq", _l("Seal"), numeric=True, render=lambda r: r.seq if r.seq is not None else _l("waiting")),
        Column("occurred_at", _l("When")),
        Column("tag", _l("What"), heading=True, csv=lambda r: r.tag,
               render=lambda r: _link(url_for("audit.event", id=r.id), r.tag)),
        Column("subject_type", _l("Object")),
        Column("to_state", _l("From, to"), render=moved, csv=moved),
        Column("actor", _l("Who"), render=who, csv=lambda r: str(r.actor_id or r.actor)),
    ]


def _link(url: str, text: str) -> object:
    from markupsafe import Markup

    return Markup('<a href="{}"><code>{}</code></a>').format(url, text)


@bp.get("/audit/")
@needs("audit.view")
def index() -> str:
    """Where an audit starts."""
    actor = current_actor()
    return render_template("transparency/audit.html", head=events.head(),
                           sees_schedule=allows(actor, "operations.view"),
                           sees_mandates=allows(actor, "calendar.mandates.view"))


@bp.get("/audit/events")
@needs("audit.view")
def event_list() -> str | Response:
    """Every event, with its seal."""
    query = TableQuery.from_args(request.args, filters=FILTERS)
    if query.format:
        columns = [
            *_columns({}), Column("recorded_at", _l("Recorded at")), Column("subject_id", _l("Identifier")),
            Column("reason", _l("Reason")), Column("data", _l("Data"), csv=lambda r: str(r.data))]
        return download(query, columns, queries.all_events(query), "placard-events")
    rows, total = queries.list_events(query)
    names = person_labels(r.actor_id for r in rows)
    table = Table(
        _l("Events"), _columns(names), rows, filters=FILTERS, query=query, total=total,
        base_url=url_for("audit.event_list"), empty_title=_l("No event fits"),
        empty_text=_l("Clear the filters to see everything that was recorded."),
    )
    return render_template("transparency/events.html", table=table)


@bp.get("/audit/events/<uuid:id>")
@needs("audit.view")
def event(id: uuid.UUID) -> str:
    """One event and the proof of its place in the chain."""
    found = queries.get_event(id)
    if found is None:
        raise NotFound()
    row, seal = found
    return render_template("transparency/event.html", event=row, seal=seal, names=person_labels([row.actor_id]))


@bp.get("/audit/verify")
@needs("audit.view")
def verify_page() -> str:
    """Every invariant, checked now."""
    return render_template("transparency/verify.html", findings=verify.run_all(), at=clock.real_now())


@bp.get("/fund/record")
@public
def record() -> str:
    """The newest seal, for anyone to note: whoever keeps it can tell later that nothing before it was rewritten."""
    return render_template("transparency/record.html", head=events.head())
