"""What other rooms may do to calls and applications: record the decision. (Our own commands stand beside this file,
one module per aggregate: call_service, application_service, screening_service, panel_service.)"""

from __future__ import annotations

import uuid
from typing import Literal

from flask_babel import gettext as _
from sqlalchemy import select

from core.actor import Actor, system
from core.db import command, db, lock
from core.errors import RuleBroken
from sponsorship.applications.models import Application, Call
from sponsorship.applications.queries import ranked_slots as ranked_slots
from sponsorship.applications.transitions import APPLICATION, CALL

Outcome = Literal["selected", "reserve_list", "not_selected"]
_MOVES: dict[str, str] = {"selected": "select", "reserve_list": "put_on_reserve_list", "not_selected": "not_select"}
_FROM_RESERVE: dict[str, str] = {"selected": "promote", "not_selected": "end_reserve"}


@command
def mark_decided(application_id: uuid.UUID, outcome: Outcome, actor: Actor) -> None:
    """Record what was decided for an application. Asking for the outcome that stands already does nothing.

    From the panel's recommendation the actor needs `award.decide`. From the reserve list the outcome follows from
    the awards (promotion, or the list has ended) and is recorded as theirs, whoever set it off. The caller holds the
    call's lock, or none. Raises NotFound, NotAllowed, IllegalMove.
    """
    application = lock(Application, application_id)
    if application.state == outcome:
        return
    if application.state == "reserve_list":
        APPLICATION.apply(application, _FROM_RESERVE[outcome], system("awards"))
        return
    APPLICATION.apply(application, _MOVES[outcome], actor, organisation_id=application.organisation_id)


@command
def close_decided(call_id: uuid.UUID, actor: Actor, expected_version: int | None = None) -> None:
    """The head of the fund has decided on every application: the call is done.

    Raises RuleBroken (`applications.undecided`) while one is still under consideration, NotAllowed, Stale,
    IllegalMove.
    """
    call = lock(Call, call_id, expected_version)
    undecided = db.session.scalar(
        select(Application.id)
        .where(Application.call_id == call_id,
               Application.state.in_(("submitted", "returned", "eligible", "recommended", "reserve",
                                      "not_recommended")))
        .limit(1)
    )
    if undecided is not None:
        raise RuleBroken(_("An application is still without a decision."), code="applications.undecided")
    CALL.apply(call, "decide", actor)
