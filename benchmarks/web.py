"""Pages and feeds beside their floor (a Flask view with one Core query under the same server) and ceiling (a bare
Flask view), with one client over loopback, keep-alive."""

from __future__ import annotations

import http.client
import statistics
import threading
import time
from pathlib import Path
from typing import Any

import waitress
from flask import Flask
from sqlalchemy import text

from core.db import db
from core.web.access import public


def _floor(app: Flask) -> None:
    @app.get("/floor")
    @public
    def floor() -> str:
        """One Core query, no template."""
        return str(db.session.execute(text("SELECT name, value FROM database_mark LIMIT 1")).first())


def _bare() -> Flask:
    bare = Flask("bare")

    @bare.get("/")
    def hello() -> str:
        return "x" * 100

    return bare


def _serve(app: Flask) -> tuple[Any, int]:
    server = waitress.create_server(app, host="127.0.0.1", port=0, threads=4)
    threading.Thread(target=server.run, daemon=True).start()
    return server, int(server.effective_port)


def _rate(port: int, path: str, seconds: float = 2.5, headers: dict[str, str] | None = None,
          expect: int = 200) -> tuple[float, float, float]:
    """(requests a second, median ms, 95th percentile ms)."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    times = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        start = time.perf_counter()
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        answer.read()
        if answer.status != expect:
            raise RuntimeError(f"{path} answered {answer.status}")
        times.append(time.perf_counter() - start)
    connection.close()
    times.sort()
    return len(times) / sum(times), statistics.median(times) * 1000, times[int(len(times) * 0.95)] * 1000


def run(app: Flask) -> list[tuple[str, float, float, float, float, float]]:
    """Rows: what, req/s, p50 ms, p95 ms, share of floor, share of ceiling."""
    bare_server, bare_port = _serve(_bare())
    ceiling = _rate(bare_port, "/")
    _floor(app)
    server, port = _serve(app)
    for path in ("/", "/meetings/", "/calendar.ics", "/fund/"):
        _rate(port, path, 0.3)
    floor = _rate(port, "/floor")
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/calendar.ics")
    answer = connection.getresponse()
    answer.read()
    etag = answer.headers["ETag"]
    rows = [("bare Flask view (ceiling)", *ceiling), ("Flask view, one Core query (floor)", *floor)]
    for label, path in (("home page", "/"), ("list of meetings", "/meetings/"), ("timeline", "/meetings/timeline"),
                        ("one meeting", "/meetings/bms9/"), ("fund", "/fund/"), ("calendar feed", "/calendar.ics")):
        try:
            rows.append((label, *_rate(port, path)))
        except RuntimeError as error:
            print(f"left out: {error}")
    rows.append(("calendar feed, 304", *_rate(port, "/calendar.ics", headers={"If-None-Match": etag}, expect=304)))
    server.close()
    bare_server.close()
    return [(label, rate, p50, p95, rate / floor[0], rate / ceiling[0]) for label, rate, p50, p95 in rows]


def table(rows: list[tuple[str, float, float, float, float, float]]) -> str:
    """Markdown."""
    lines = ["| what | req/s | p50 ms | p95 ms | of floor | of ceiling |", "| --- | --- | --- | --- | --- | --- |"]
    lines += [f"| {label} | {rate:,.0f} | {p50:.2f} | {p95:.2f} | {f:.0%} | {c:.0%} |"
              for label, rate, p50, p95, f, c in rows]
    return "\n".join(lines)


def prepared(folder: Path) -> Flask:
    """An application on SQLite with the real calendar."""
    from app import create_app
    from core.settings import Settings
    from operations import prepare

    app = create_app(Settings.from_environ({"PLACARD_ENV": "test", "INSTANCE_DIR": str(folder), "SIMULATOR_PORT": "1"}))
    app.testing = False
    prepare.migrate(app)
    prepare.mark(app, app.extensions["placard_settings"])
    prepare.load_reference_data(app)
    return app
