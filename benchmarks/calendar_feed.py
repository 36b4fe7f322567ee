"""The whole feed, made anew, for growing numbers of meetings: `python -m benchmarks.calendar_feed` prints a table.

Each has a deadline with a time of day, so that zones are described too. Nothing is asserted: machines differ.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
import uuid
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

SIZES = (300, 1000, 3000)
TURNS = 3  # of CPU time, for the machine may be busy


def _fill(count: int) -> None:
    from core.db import db
    from meetings.calendar.date_models import DependentDate
    from meetings.calendar.models import Meeting

    now = datetime.now(UTC)
    meetings, dates = [], []
    for n in range(count):
        key, start = uuid.uuid4(), date(2000, 1, 3) + timedelta(days=n)
        meetings.append({
            "id": key, "slug": f"meeting-{n}", "kind": "BMS", "short_name": f"BMS {n}", "title": f"Réunion, la {n}e",
            "year": start.year, "start_date": start, "end_date": start + timedelta(4), "city": "New York",
            "timezone": "America/New_York", "mode": "in_person", "state": "held", "announced_at": now,
            "published_at": now, "created_at": now, "changed_at": now, "version": 1, "documents": {}, "sources": [],
            "unverified": [], "sequence": 0, "is_demo": True})
        dates.append({"id": uuid.uuid4(), "meeting_id": key, "code": "credentials", "day": start, "at_time": "18:00",
                      "created_at": now, "changed_at": now, "version": 1, "by_hand": True, "look_again": False,
                      "dropped": False, "sequence": 0})
    db.session.execute(sa.delete(DependentDate))
    db.session.execute(sa.delete(Meeting))
    db.session.execute(sa.insert(Meeting), meetings)
    db.session.execute(sa.insert(DependentDate), dates)
    db.session.commit()


def _measure(query: dict[str, str]) -> tuple[float, int]:
    from werkzeug.datastructures import MultiDict

    from core.db import db
    from meetings.calendar.feed_entries import build
    from meetings.calendar.feed_filters import from_args

    wanted, took, size = from_args(MultiDict(query)), [], 0
    for _turn in range(TURNS):
        db.session.expunge_all()
        begun = time.process_time()
        size = len(build(wanted, datetime.now(UTC)))
        took.append(time.process_time() - begun)
    return statistics.median(took), size


def main() -> None:
    """Print the table."""
    os.environ.setdefault("PLACARD_ENV", "test")
    from app import create_app
    from core.db import db
    from core.settings import Settings

    with tempfile.TemporaryDirectory() as folder:
        app = create_app(Settings.from_environ({
            "PLACARD_ENV": "test", "DATABASE_URL": f"sqlite:///{Path(folder) / 'feed.db'}", "INSTANCE_DIR": folder,
            "PUBLIC_URL": "http://placard.test", "SIMULATOR_PORT": "1"}))
        print("| meetings | whole feed, s of CPU | µs for each | with deadlines, s of CPU | µs for each entry |")
        print("|---|---|---|---|---|")
        with app.test_request_context():
            db.create_all()
            for size in SIZES:
                _fill(size)
                plain, _bytes = _measure({})
                dated, _more = _measure({"dates": "1"})
                print(f"| {size:,} | {plain:.2f} | {plain / size * 1e6:.0f} | {dated:.2f} "
                      f"| {dated / size / 2 * 1e6:.0f} |")


if __name__ == "__main__":
    main()
