"""Tables and timelines of this room, as pages show them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from markupsafe import Markup

from accounts.desk import DeskItem, due_instant
from accounts.permissions import ROLES
from accounts.queries import PersonRow
from accounts.request_queries import RequestRow
from accounts.transitions import ACCOUNT_REQUEST
from core import clock
from core.events import History
from core.machines import State
from core.office import office_zone
from core.web.formats import instant_html
from core.web.tables import Column, Filter, Table, TableQuery
from core.web.timeline import TimelineItem


# --- my desk ----------------------------------------------------------------------------------------------------
def urgency(item: DeskItem) -> State:
    """How soon something is due, in a word and a tone."""
    if item.due is None:
        return State("none", _("no date"), item.tone if item.tone in ("attention", "waiting") else "neutral")
    left = due_instant(item.due) - clock.now()
    if left < timedelta(0):
        return State("late", _("overdue"), "attention")
    if left < timedelta(days=1):
        return State("soon", _("within a day"), "attention")
    days = left.days
    label = ngettext("in %(num)s day", "in %(num)s days", days).replace(" ", "\N{NO-BREAK SPACE}")  # a tag is one line
    return State("later", label, item.tone)


def _matter(item: DeskItem) -> Markup:
    reference = Markup(' <bdi class="code quiet">{}</bdi>').format(item.reference) if item.reference else ""
    return Markup("{}{}").format(item.title, reference)


def _by_when(item: DeskItem) -> date | Markup | None:
    """By the clock of the fund's seat, as on the page of the matter."""
    if isinstance(item.due, datetime):
        return instant_html(item.due, office_zone(item.due.date()))
    return item.due


def desk_table(items: Sequence[DeskItem]) -> Table:
    """My desk, most urgent first."""
    return Table(
        _("What waits for you"),
        [
            Column("title", _l("Matter"), heading=True, render=_matter),
            Column("what", _l("What to do")),
            Column("due", _l("By when"), render=_by_when),
            Column("tone", _l("Urgency"), render=urgency),
        ],
        items, csv=False, row_url=lambda row: row.url, per_page=1000,
        empty_title=_("Nothing waits for you"),
        empty_text=_("When something needs you, it stands here with its date, and a mail tells you."),
    )


# --- account requests -------------------------------------------------------------------------------------------
REQUEST_SORTABLE = ("reference", "received_at", "state")
REQUEST_FILTERS = [Filter("state", _l("Status"), [(s.code, s.label) for s in ACCOUNT_REQUEST.states])]


def request_table(rows: Sequence[RequestRow], total: int, query: TableQuery) -> Table:
    """Account requests."""
    return Table(
        _("Account requests"),
        [
            Column("reference", _l("Reference"), sortable=True, heading=True),
            Column("organisation", _l("State")),
            Column("received_at", _l("Received"), sortable=True),
            Column("decided_at", _l("Decided")),
            Column("state", _l("Status"), sortable=True, render=lambda row: ACCOUNT_REQUEST.state(row.state)),
        ],
        rows, filters=REQUEST_FILTERS, query=query, total=total,
        row_url=lambda row: url_for("accounts.request_page", request_id=row.id),
        empty_title=_("No account has been asked for"),
        empty_text=_("States ask with the public form; each request then waits here."),
    )


# --- people -----------------------------------------------------------------------------------------------------
PEOPLE_SORTABLE = ("name", "email")
PEOPLE_FILTERS = [
    Filter("q", _l("Name or address")),
    Filter("role", _l("Role"), [(role.code, role.label) for role in ROLES.values()]),
    Filter("active", _l("Sign-in"), [("yes", _l("Open")), ("no", _l("Stopped"))]),
]


def people_table(rows: Sequence[PersonRow], total: int, query: TableQuery) -> Table:
    """Everybody who can sign in."""
    return Table(
        _("People"),
        [
            Column("name", _l("Name"), sortable=True, heading=True, csv=lambda row: row.name,
                   render=lambda row: Markup("<bdi>{}</bdi>").format(row.name)),
            Column("email", _l("E-mail address"), sortable=True,
                   render=lambda row: Markup("<bdi>{}</bdi>").format(row.email)),
            Column("roles", _l("Roles today"), render=roles_today, csv=roles_today),
            Column("last_sign_in_at", _l("Last sign-in")),
            Column("active", _l("Sign-in"), render=standing, csv=standing),
        ],
        rows, filters=PEOPLE_FILTERS, query=query, total=total,
        row_url=lambda row: url_for("accounts.person_page", person_id=row.id),
        empty_title=_("Nobody yet"), empty_text=_("Add a person, then give a role."),
    )


def roles_today(row: PersonRow) -> str:
    """The roles that hold today, each with where it is held."""
    held = [m for m in row.roles if m.holds]
    return "; ".join(f"{ROLES[m.role].label}, {m.organisation}" for m in held) if held else _("none")


def standing(row: PersonRow) -> State:
    """Whether the person can sign in."""
    if not row.active:
        return State("stopped", _("Stopped"), "stopped")
    if not row.confirmed:
        return State("invited", _("Invited"), "waiting")
    return State("open", _("Open"), "done")


_LABELS: dict[str, tuple[Any, str]] = {
    "create": (_l("Account made"), "neutral"), "invite": (_l("New welcome link sent"), "neutral"),
    "password": (_l("Password set"), "neutral"), "confirm": (_l("Address confirmed"), "done"),
    "recovery": (_l("Recovery asked for"), "attention"), "sign_in": (_l("Signed in"), "neutral"),
    "update": (_l("Own details changed"), "neutral"), "stop": (_l("Sign-in stopped"), "stopped"),
    "restore": (_l("Sign-in opened again"), "done"),
    "replace": (_l("Device of the second factor replaced"), "attention"),
    "remove": (_l("App of the second factor removed"), "attention"),
    "add_passkey": (_l("Passkey added"), "done"), "remove_passkey": (_l("Passkey removed"), "attention"),
    "count_passkey": (_l("Passkey refused: its count went backwards"), "stopped"),
    "codes": (_l("New recovery codes made"), "neutral"), "prove": (_l("Second factor shown"), "neutral"),
    "ask_reset": (_l("Reset of the second factor asked for"), "attention"),
    "reset": (_l("Second factor reset"), "stopped"), "keep": (_l("Reset of the second factor refused"), "neutral"),
}


def person_timeline(history: Sequence[History], names: Mapping[uuid.UUID, str]) -> list[TimelineItem]:
    """What happened to a person's account and roles."""
    items = []
    for h in history:
        action = h.tag.rsplit(".", 1)[-1]
        role = ROLES.get(str(h.data.get("role", "")))
        if action == "grant" and role:
            title, tone = _("Role given: %(role)s", role=role.label), "done"
        elif action == "revoke" and role:
            title, tone = _("Role ended: %(role)s", role=role.label), "stopped"
        else:
            label, tone = _LABELS.get(action, (action, "neutral"))
            if h.tag == "accounts.second_factor.confirm":
                label = _("Second factor set up")
            title = str(label)
        actor = names.get(h.actor_id, "") if h.actor_id else _("A visitor") if h.actor == "public" else _("Placard")
        items.append(TimelineItem(h.at, title, actor, h.text, tone))
    return items
