"""The words for kinds, modes and phases of meetings, in one place."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from core.machines import State
from meetings.calendar.models import KINDS
from meetings.calendar.transitions import MEETING

KIND_NAMES: dict[str, Any] = {
    "Conference": _l("Conference"),
    "BMS": _l("Biennial meeting of States"),
    "RevCon": _l("Review conference"),
    "PrepCom": _l("Preparatory committee"),
    "MGE": _l("Meeting of governmental experts"),
    "Regional": _l("Regional meeting"),
}
MODE_NAMES: dict[str, Any] = {
    "in_person": _l("In person"),
    "hybrid": _l("Hybrid: in person and online"),
    "virtual": _l("Online"),
}
LANGUAGE_NAMES: dict[str, Any] = {
    "ar": _l("Arabic"), "zh": _l("Chinese"), "en": _l("English"), "fr": _l("French"), "ru": _l("Russian"),
    "es": _l("Spanish"),
}
# the usual roles of who presides; others are shown as they were written
ROLE_NAMES: dict[str, Any] = {
    "Chair": _l("Chair"),
    "Chair-designate": _l("Chair-designate"),
    "President": _l("President"),
    "President-designate": _l("President-designate"),
}
# what the public sees: where a meeting stands on a given day, rather than the organiser's own state
PHASES: dict[str, State] = {
    "undated": State("undated", _l("Dates not fixed yet"), "neutral"),
    "upcoming": State("upcoming", _l("Upcoming"), "waiting"),
    "in_session": State("in_session", _l("In session"), "attention"),
    "held": State("held", _l("Held"), "done"),
    "postponed": State("postponed", _l("Postponed"), "attention"),
    "cancelled": State("cancelled", _l("Cancelled"), "stopped"),
}
# keys of `documents`; one without words here is shown under its own key
DOCUMENT_NAMES: dict[str, Any] = {
    "agenda": _l("Agenda"),
    "agenda_page": _l("Agenda (page)"),
    "credentials_report": _l("Report on credentials"),
    "draft_report": _l("Draft report"),
    "info": _l("Information papers"),
    "list_of_participants": _l("List of participants"),
    "outcome": _l("Outcome"),
    "outcome_draft": _l("Draft outcome"),
    "prepcom_report": _l("Report of the preparatory committee"),
    "press_release": _l("Press release"),
    "press_releases": _l("Press releases"),
    "programme_of_work": _l("Programme of work"),
    "report": _l("Report"),
    "rules_of_procedure": _l("Rules of procedure"),
    "series": _l("Document series"),
    "sg_report": _l("Report of the Secretary-General"),
}


_AS_DELIVERED = {code: name for code, _short, name, _position in KINDS}


def kind_name(code: str, stored: str = "") -> str:
    """A kind in the reader's language; kinds that organisers added or renamed keep their stored name."""
    label = KIND_NAMES.get(code)
    renamed = stored and stored != _AS_DELIVERED.get(code)
    return str(label) if label is not None and not renamed else stored or code


def phase_of(state: str, start: date | None, end: date | None, today: date) -> str:
    """Where a meeting stands on `today`; `start` and `end` are None when the reader may not see them."""
    if state in ("postponed", "cancelled", "held"):
        return state
    if state != "published" or start is None or end is None:
        return "undated"
    if today < start:
        return "upcoming"
    return "in_session" if today <= end else "held"


def state_of(code: str) -> State:
    """The organiser's own word for a state."""
    return MEETING.state(code)


def in_days(start: date, today: date) -> str:
    """How far a meeting is, in words: `in 74 days`."""
    days = (start - today).days
    if days == 0:
        return gettext("today")
    if days == 1:
        return gettext("tomorrow")
    if days < 120:
        return gettext("in %(num)s days", num=days)
    return gettext("in %(num)s months", num=round(days / 30.44))
