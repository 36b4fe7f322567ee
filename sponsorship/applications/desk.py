"""What waits in this room for each person, by when."""

from __future__ import annotations

from datetime import date, datetime

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from accounts.desk import DeskItem, register_source
from accounts.permissions import organisations_with
from core.actor import Actor
from sponsorship.applications.form_queries import waiting_at_mission
from sponsorship.applications.nominee_queries import unanswered
from sponsorship.applications.officer_queries import waiting_calls
from sponsorship.applications.queries import applications_by_ids, calls_by_ids
from sponsorship.applications.recusals import SEATS, chairs_of, seats_of, tainted_calls
from sponsorship.applications.substitution_service import unchecked_applications


def _mission(actor: Actor) -> list[DeskItem]:
    return [
        DeskItem(
            title=item.meeting, url=url_for("applications.status", id=item.id), due=item.due, reference=item.reference,
            what=_("Complete the application and send it again") if item.state == "returned"
            else _("Finish the application and send it"), tone="attention")
        for item in waiting_at_mission(actor)
    ]


def _unanswered(actor: Actor) -> list[DeskItem]:
    return [
        DeskItem(_("Nominee %(number)s has not answered", number=one.priority),
                 url_for("application_papers.papers", id=one.application_id), None,
                 _("The personal link has ended: send a new one"), one.reference, "waiting")
        for one in unanswered(organisations_with(actor, "application.write"))
    ]


def _fund_manager(_actor: Actor) -> list[DeskItem]:
    items = []
    due: datetime | date | None
    for call in waiting_calls(("draft", "open", "closed", "suspended")):
        if call.state == "draft":
            what, url = _("Finish the call and open it"), url_for("calls.manage", id=call.id)
            due = call.opens_at
        elif call.state == "suspended":
            what, url, due = _("The meeting moved: say how the call goes on"), url_for("calls.manage", id=call.id), None
        elif call.to_screen:
            what = ngettext("Screen %(num)s application", "Screen %(num)s applications", call.to_screen)
            url, due = url_for("applications_officer.applications", id=call.id, state="submitted"), call.decide_by
        elif call.state == "closed":
            what, url, due = _("Rank the States"), url_for("calls.manage", id=call.id), call.decide_by
        else:
            continue
        items.append(DeskItem(call.meeting, url, due, what, call.reference,
                              "attention" if call.state == "suspended" else "waiting"))
    return items


def _substitutes(actor: Actor) -> list[DeskItem]:
    waiting = unchecked_applications()
    found = applications_by_ids([key for key, _at in waiting])
    calls = calls_by_ids({row.call_id for row in found.values()})
    return [
        DeskItem(_("Substituted nominee"), url_for("applications_officer.screening", id=key),
                 calls[found[key].call_id].decide_by, _("Check the nominee who took another’s place"),
                 found[key].reference, "attention")
        for key in dict.fromkeys(key for key, _at in waiting)
    ]


def _panel(actor: Actor) -> list[DeskItem]:
    """Calls on whose panel the member sits: to be recommended, or again because somebody is recused since."""
    calls = waiting_calls(("ranked", "recommended"))
    kinds = seats_of(actor) if calls else set()
    chairs = chairs_of(call.id for call in calls) if kinds else {}
    chaired = {key for key, chair in chairs.items() if chair.person_id == actor.person_id}
    again = tainted_calls() if any(call.state == "recommended" for call in calls) else set()
    return [
        DeskItem(call.meeting, url_for("panel.recommendation", id=call.id),
                 call.panel_meets_on or call.decide_by,
                 _("Recommend on the ranked States") if call.state == "ranked"
                 else _("Record the recommendation again: a member is recused since"), call.reference,
                 "waiting" if call.state == "ranked" else "attention")
        for call in calls if (kinds & set(SEATS[call.governance]) or call.id in chaired)
        and (call.state == "ranked" or call.id in again)
    ]


def register() -> None:
    """Called once by app.py. (What waits for the head of the fund is said by the awards.)"""
    register_source("application.write", _mission)
    register_source("application.write", _unanswered)
    register_source("application.screen", _fund_manager)
    register_source("application.screen", _substitutes)
    register_source("panel.recommend", _panel)
