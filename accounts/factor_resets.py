"""A lost device: an administrator asks for a reset, somebody else agrees; the person then sets up a new one."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from flask import url_for
from flask_babel import gettext as _
from sqlalchemy import select

from accounts.desk import DeskItem, register_source
from accounts.factor_models import SecondFactorReset
from accounts.models import Person
from accounts.permissions import require
from accounts.queries import person_labels
from accounts.second_factor import end_by_reset, live_factors, must_prove, stands
from accounts.service import in_language
from core import clock, events
from core.actor import Actor
from core.db import command, db, lock, new_id
from core.errors import RuleBroken, Stale
from core.machines import State
from core.outbox import send_mail


@command
def ask(actor: Actor, person_id: uuid.UUID, why: str) -> uuid.UUID:
    """Ask that a person's second factor be reset. Raises RuleBroken (none stands, asked already, oneself),
    NotAllowed."""
    require(actor, "factor.reset")
    person = lock(Person, person_id)
    if actor.person_id == person_id:
        raise RuleBroken(_("Another administrator must do this for you."), code="person.oneself")
    if not live_factors(person_id):
        raise RuleBroken(_("This person has no second factor to reset."), code="factor_reset.none")
    if db.session.scalar(select(SecondFactorReset.id).where(SecondFactorReset.person_id == person_id,
                                                            SecondFactorReset.decided_at.is_(None))):
        raise RuleBroken(_("A reset has been asked for already and waits for a second person."),
                         code="factor_reset.waits")
    assert actor.person_id is not None
    row = SecondFactorReset(id=new_id(), person_id=person_id, asked_by=actor.person_id, asked_at=clock.real_now())
    db.session.add(row)
    db.session.flush()  # the event speaks of it
    events.record(actor, "accounts.second_factor.ask_reset", "person", person_id, data={"reset": str(row.id)},
                  text=why)
    with in_language(person.locale):
        send_mail(person.email, kind="factor-reset-asked", subject=_("A reset of your second factor was asked for"),
                  body=_("An administrator says that you have lost the device of your second factor, and asked to "
                         "reset it: the app, every passkey and the recovery codes. A second person must agree. If it "
                         "is not so, tell the secretariat at once."))
    return row.id


@command
def decide(actor: Actor, reset_id: uuid.UUID, agree: bool) -> None:
    """The second person agrees (app, passkeys and recovery codes end) or refuses. Raises RuleBroken (same person,
    oneself), Stale, NotAllowed."""
    require(actor, "factor.reset.approve")
    row = lock(SecondFactorReset, reset_id)
    if row.decided_at is not None:
        raise Stale()
    if actor.person_id in (row.asked_by, row.person_id):
        raise RuleBroken(_("A second person must agree: neither who asked nor whose device it is."),
                         code="factor_reset.same_person")
    person = lock(Person, row.person_id)
    row.decided_by, row.decided_at, row.agreed = actor.person_id, clock.real_now(), agree
    db.session.flush()  # the database lets the factor end by reset only once this stands
    if agree:
        end_by_reset(row.person_id, row.id)
    events.record(actor, "accounts.second_factor.reset" if agree else "accounts.second_factor.keep", "person",
                  row.person_id, data={"reset": str(row.id)})
    if agree:
        with in_language(person.locale):
            send_mail(person.email, kind="factor-reset", subject=_("Your second factor was reset"),
                      body=_("Set up a new one on the page of your account before you approve or release again. If you "
                             "did not ask for this, tell the secretariat at once."))


@dataclass(frozen=True)
class ResetRow:
    """One reset in the list."""

    id: uuid.UUID
    person: str
    asked_by: str
    asked_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    status: State
    mine: bool


def _status(row: SecondFactorReset) -> State:
    if row.decided_at is None:
        return State("asked", _("Waits for a second person"), "attention")
    return State("agreed", _("Reset"), "done") if row.agreed else State("refused", _("Refused"), "stopped")


def reset_rows(actor: Actor, limit: int = 200) -> list[ResetRow]:
    """Resets, those that wait first, then the newest. Two queries."""
    rows = db.session.scalars(
        select(SecondFactorReset).order_by(SecondFactorReset.decided_at.is_not(None),
                                           SecondFactorReset.asked_at.desc()).limit(limit)).all()
    names = person_labels({p for r in rows for p in (r.person_id, r.asked_by, r.decided_by)})
    return [ResetRow(r.id, names.get(r.person_id, ""), names.get(r.asked_by, ""), r.asked_at,
                     names.get(r.decided_by) if r.decided_by else None, r.decided_at, _status(r),
                     actor.person_id in (r.asked_by, r.person_id)) for r in rows]


def _to_decide(actor: Actor) -> list[DeskItem]:
    return [DeskItem(_("Lost device of %(person)s", person=row.person), url_for("accounts.factor_resets"), row.asked_at,
                     _("Agree to reset the second factor, or refuse"), tone="attention")
            for row in reset_rows(actor, 20) if row.decided_at is None and not row.mine]


def _to_set_up(actor: Actor) -> list[DeskItem]:
    if not must_prove(actor) or actor.person_id is None or stands(actor.person_id):
        return []
    return [DeskItem(_("Second factor"), url_for("accounts.own_factor"), None,
                     _("Set it up: approving and releasing ask for it"), tone="attention")]


def register() -> None:
    """Offer these to My desk."""
    register_source("factor.reset.approve", _to_decide)
    for permission in ("disbursement.approve", "disbursement.release", "award.decide"):
        register_source(permission, _to_set_up)
