"""Health, the schedule, and the demonstration's mailbox and list of accounts."""

from __future__ import annotations

import email
import email.policy
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from flask import Blueprint, current_app, render_template
from sqlalchemy import text

from accounts.current import current_actor
from accounts.second_factor import demo_codes
from core import clock, marks
from core.db import db
from core.errors import NotFound
from core.scheduler import last_tick
from core.settings import Settings
from core.web.access import needs, public
from operations import schedule

bp = Blueprint("operations", __name__)


def _settings() -> Settings:
    found: Settings = current_app.extensions["placard_settings"]
    return found


def _demo_only() -> None:
    if _settings().env != "demo":
        raise NotFound()


@bp.get("/healthz")
@public
def healthz() -> tuple[dict[str, str], int]:
    """The process answers."""
    return {"status": "ok"}, 200


@bp.get("/readyz")
@public
def readyz() -> tuple[dict[str, Any], int]:
    """Database and migrations. The scheduler's last tick is reported, but a web node does not fail without it."""
    try:
        revision = db.session.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
        tick = last_tick()
    except Exception:
        db.session.rollback()
        return {"status": "database not ready"}, 503
    return {"status": "ok", "revision": revision, "scheduler_last_tick": tick.isoformat() if tick else None}, 200


@bp.get("/operations/schedule")
@needs("operations.view")
def schedule_page() -> str:
    """Every job: how often, when last, what waits."""
    return render_template("operations/schedule.html", rows=schedule.job_rows(), runs=schedule.recent_runs(),
                           every=schedule.every_words, now=clock.now())


@bp.get("/operations/tomorrow")
@needs("operations.view")
def tomorrow() -> str:
    """What will happen until this time tomorrow if nobody acts."""
    return render_template("operations/tomorrow.html", ahead=schedule.ahead(current_actor()),
                           every=schedule.every_words, now=clock.now())


@dataclass(frozen=True)
class Mail:
    """A mail in the local mailbox."""

    name: str
    to: str
    subject: str
    at: datetime
    body: str


def _read(path: Path) -> Mail:
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    body = message.get_body(("plain",))
    at = parsedate_to_datetime(message["Date"]) if message["Date"] else datetime.fromtimestamp(
        path.stat().st_mtime, tz=clock.real_now().tzinfo)
    return Mail(path.stem, str(message["To"]), str(message["Subject"]), at, body.get_content() if body else "")


@bp.get("/mailbox/")
@public
def mailbox() -> str:
    """Mails that a real installation would have sent; only in a demonstration."""
    _demo_only()
    paths = sorted(_settings().mailbox_dir.glob("*.eml"), key=lambda p: p.stat().st_mtime, reverse=True)
    return render_template("operations/mailbox.html", mails=[_read(p) for p in paths[:100]], total=len(paths))


@bp.get("/mailbox/<string:name>")
@public
def mail(name: str) -> str:
    _demo_only()
    path = _settings().mailbox_dir / f"{name}.eml"
    if len(name) > 100 or not name.replace("-", "").isalnum() or not path.exists():
        raise NotFound()
    return render_template("operations/mail.html", mail=_read(path))


@bp.get("/demonstration")
@public
def demonstration() -> str:
    """Who can be played in the demonstration, and how to sign in."""
    _demo_only()
    from demonstration.cast import CAST, PASSWORD

    played = marks.read("demonstration_played_at")
    codes, seconds = demo_codes()
    return render_template("operations/demonstration.html", cast=CAST, password=PASSWORD, codes=codes, seconds=seconds,
                           made_at=datetime.fromisoformat(played) if played else None)


