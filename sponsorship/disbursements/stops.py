"""Stop all releases, and restart them: commands, mails, and what pages show."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import request, url_for
from flask_babel import force_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from accounts.navigation import Banner, register_banner
from accounts.permissions import Contact, allows, people_with, require
from accounts.queries import person_labels
from core import clock, events
from core.actor import Actor
from core.db import command, db, lock, new_id
from core.errors import RuleBroken, Stale
from core.outbox import send_mail
from core.web.formats import format_instant
from core.web.links import absolute
from sponsorship.disbursements.models import Disbursement
from sponsorship.disbursements.settings import setting
from sponsorship.disbursements.stop_models import LOCK, ReleaseStop


def _live() -> ReleaseStop | None:
    return db.session.scalar(select(ReleaseStop).where(ReleaseStop.restarted_at.is_(None)))


def _wait(kind: str) -> None:
    """Releases together (`_shared`), a stop alone: so that a stop bears a later instant than every release before it.
    SQLite has one writer at a time."""
    if db.session.get_bind().dialect.name == "postgresql":
        db.session.execute(text(f"SELECT pg_advisory_xact_lock{kind}(:n)"), {"n": LOCK})


def is_stopped() -> bool:
    """Whether a stop stands. One query."""
    return db.session.scalar(select(ReleaseStop.id).where(ReleaseStop.restarted_at.is_(None))) is not None


def refuse_if_stopped() -> None:
    """For the release command: raises RuleBroken while a stop stands; a stop that comes now waits for the release."""
    _wait("_shared")
    if is_stopped():
        raise RuleBroken(_("All releases are stopped. Nothing leaves until two people have restarted them."),
                         code="release.stopped")


def hold_back_if_stopped() -> None:
    """For the file of an instruction that lies here: neither is it given out nor its hand-over recorded while a stop
    stands. Raises RuleBroken; a stop that comes now waits."""
    _wait("_shared")
    if is_stopped():
        raise RuleBroken(_("All releases are stopped, and this file is held back with them. It is given out, and its "
                           "hand-over recorded, once two people have restarted the releases. If it left the house "
                           "already, ask whoever has it to hold it, and record on each payment what becomes of it."),
                         code="release.stopped")


def stops_so_far() -> int:
    """How often releases were stopped: the version of the page that stops them. One query."""
    return db.session.scalar(select(func.count()).select_from(ReleaseStop)) or 0


def ready_now() -> int:
    """How many payments a stop would keep from leaving. One query."""
    return db.session.scalar(select(func.count()).where(Disbursement.state == "ready")) or 0


@command
def stop(actor: Actor, why: str, seen: int | None = None) -> uuid.UUID:
    """Stop all releases at once; one person is enough. `seen` is how many stops the page knew of that was confirmed: an
    old page does not stop again what two have restarted since. Raises RuleBroken (stopped already), NotAllowed, Stale.
    """
    require(actor, "release.stop")
    _wait("")
    already = RuleBroken(_("All releases are stopped already."), code="release_stop.stands")
    if _live() is not None:
        raise already
    if seen is not None and seen != stops_so_far():
        raise Stale()
    assert actor.person_id is not None
    row = ReleaseStop(id=new_id(), scope="all", stopped_by=actor.person_id, stopped_at=clock.now(),
                      recorded_at=clock.real_now(), version=1)
    db.session.add(row)
    try:
        db.session.flush()  # two who stop at the same moment: one stop
    except IntegrityError as error:
        raise already from error
    events.record(actor, "disbursements.release_stop.stop", "release_stop", row.id, to_state="stopped", text=why)
    _tell(row, "stop")
    return row.id


def _locked(stop_id: uuid.UUID, expected_version: int) -> ReleaseStop:
    row = lock(ReleaseStop, stop_id, expected_version)
    if row.restarted_at is not None:
        raise Stale()
    return row


@command
def ask_restart(actor: Actor, stop_id: uuid.UUID, expected_version: int, why: str) -> None:
    """The first of two who restart. Raises RuleBroken (asked already), NotAllowed, Stale."""
    require(actor, "release.restart")
    row = _locked(stop_id, expected_version)
    if row.restart_asked_by is not None:
        raise RuleBroken(_("A restart has been asked for already. Another person agrees or keeps the stop."),
                         code="release_stop.asked")
    row.restart_asked_by, row.restart_asked_at = actor.person_id, clock.now()
    row.version += 1
    events.record(actor, "disbursements.release_stop.ask_restart", "release_stop", row.id, text=why)
    _tell(row, "ask_restart")


@command
def restart(actor: Actor, stop_id: uuid.UUID, expected_version: int) -> None:
    """The second of two who restart. Raises RuleBroken (nobody asked, the same person), NotAllowed, Stale."""
    require(actor, "release.restart")
    row = _locked(stop_id, expected_version)
    if row.restart_asked_by is None:
        raise RuleBroken(_("Nobody has asked for the restart yet."), code="release_stop.not_asked")
    if row.restart_asked_by == actor.person_id:
        raise RuleBroken(_("You asked for the restart. Another person must agree."), code="release_stop.same_person")
    row.restarted_by, row.restarted_at = actor.person_id, clock.now()
    row.version += 1
    events.record(actor, "disbursements.release_stop.restart", "release_stop", row.id, from_state="stopped",
                  to_state="restarted")
    _tell(row, "restart")


@command
def keep(actor: Actor, stop_id: uuid.UUID, expected_version: int) -> None:
    """The restart that was asked for is turned down, or taken back: the stop stands. Raises as `restart`."""
    require(actor, "release.restart")
    row = _locked(stop_id, expected_version)
    if row.restart_asked_by is None:
        raise RuleBroken(_("Nobody has asked for the restart yet."), code="release_stop.not_asked")
    row.restart_asked_by = row.restart_asked_at = None
    row.version += 1
    events.record(actor, "disbursements.release_stop.keep", "release_stop", row.id)


_MAILS: dict[str, tuple[Any, Any]] = {
    "stop": (_l("All releases are stopped"),
             _l("A colleague stopped all releases. Payments that are ready stay ready, and files that the bank does "
                "not have yet are held back; nothing leaves until two people have restarted them. The reason and the "
                "files stand on the page. Paymasters keep what cash they have: hand none of it over.")),
    "ask_restart": (_l("A restart of all releases is asked for"),
                    _l("A second person must agree before anything leaves.")),
    "restart": (_l("Releases are restarted"),
                _l("Two people have restarted the releases. Payments that are ready can leave again.")),
}


def _tell(row: ReleaseStop, act: str) -> None:
    """Everybody who may stop or restart, those who record what the bank says, and those who have cash in hand."""
    seen: dict[uuid.UUID, tuple[Contact, str]] = {}
    for permission, page in (("release.stop", "disbursements.stop_page"),
                             ("disbursement.confirm", "disbursements.stop_page"), ("paymaster.pay", "paymaster.desk")):
        for contact in people_with(permission):
            seen.setdefault(contact.person_id, (contact, page))
    for contact, page in seen.values():
        with force_locale(contact.locale):
            send_mail(contact.email, kind="release-stop", subject=str(_MAILS[act][0]),
                      body=str(_MAILS[act][1]) + "\n\n" + absolute(page) + "\n",
                      dedupe_key=f"release-stop:{row.id}:{row.version}:{contact.person_id}")


# --- pages ------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class StopRow:
    """One stop, with names; the words given stand in its timeline."""

    id: uuid.UUID
    version: int
    stopped_by: str
    stopped_at: datetime
    asked_by: str | None
    asked_at: datetime | None
    restarted_by: str | None
    restarted_at: datetime | None
    asker: uuid.UUID | None


def stop_rows(limit: int = 100) -> list[StopRow]:
    """Stops, newest first. Two queries."""
    rows = db.session.scalars(select(ReleaseStop).order_by(ReleaseStop.stopped_at.desc()).limit(limit)).all()
    names = person_labels({p for r in rows for p in (r.stopped_by, r.restart_asked_by, r.restarted_by)})

    def name(person: uuid.UUID | None) -> str | None:
        return names.get(person, "") if person else None

    return [StopRow(r.id, r.version, name(r.stopped_by) or "", r.stopped_at, name(r.restart_asked_by),
                    r.restart_asked_at, name(r.restarted_by), r.restarted_at, r.restart_asked_by) for r in rows]


def _banner(actor: Actor) -> Banner | None:
    """Officers and paymasters see on every page that releases are stopped."""
    officer = allows(actor, "disbursement.view_all")
    if request.endpoint == "disbursements.stop_page" or not (officer or allows(actor, "paymaster.pay")):
        return None
    row = db.session.execute(select(ReleaseStop.stopped_at, ReleaseStop.restart_asked_by)
                             .where(ReleaseStop.restarted_at.is_(None))).one_or_none()
    if row is None:
        return None
    since = format_instant(row.stopped_at, setting("office_zone", clock.today()))
    words = (_("Stopped on %(when)s; a restart waits for a second person.", when=since) if row.restart_asked_by
             else _("Stopped on %(when)s. Nothing leaves until two people restart.", when=since))
    if not officer:
        return Banner(_("All releases are stopped"),
                      _("Stopped on %(when)s. Hand no cash over until two people restart.", when=since),
                      _("See what is in hand"), url_for("paymaster.desk"))
    return Banner(_("All releases are stopped"), words, _("See why"), url_for("disbursements.stop_page"))


def register() -> None:
    """Called once by app.py."""
    register_banner(_banner)
