"""What accounts do by schedule."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from flask import current_app
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from accounts.passkeys import forget_challenges
from accounts.sign_in import KEEP, forget_attempts
from core import clock
from core.db import db, reading
from core.files import StoredFile
from core.jobs import sweep

ABANDONED_AFTER = timedelta(days=1)


def remove_abandoned_uploads(_now: datetime) -> str:
    """Remove files that were checked but whose form was never sent."""
    folder = current_app.extensions["placard_settings"].upload_dir
    limit = (clock.real_now() - ABANDONED_AFTER).timestamp()
    old = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        try:
            if path.stat().st_mtime < limit:
                old[uuid.UUID(path.name)] = path
        except (ValueError, OSError):
            continue
    removed, keys = 0, list(old)
    for start in range(0, len(keys), 500):
        part = keys[start:start + 500]
        with reading():
            kept = set(db.session.scalars(select(StoredFile.id).where(StoredFile.id.in_(part))))
            db.session.rollback()
        for key in part:
            if key not in kept:
                old[key].unlink(missing_ok=True)
                removed += 1
    return f"{removed} removed"


def _forget_tries() -> int:
    before = clock.real_now() - KEEP
    return forget_attempts(before) + forget_challenges(before)


JOBS = [
    sweep("sign-in-attempts", _l("Forget attempts to sign in after a day"), 3600,
          lambda _now: f"{_forget_tries()} forgotten"),
    sweep("uploads-abandoned", _l("Remove uploads whose form was never sent"), 3600, remove_abandoned_uploads),
]
