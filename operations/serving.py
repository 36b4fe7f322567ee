"""`serve`: web and scheduler in one process (the embedded default). `worker`: the scheduler alone."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

import waitress
from flask import Flask

from core.scheduler import Scheduler
from core.settings import Settings
from operations import prepare
from operations.child import launch_simulator, wait_for_simulator

# How the web server is set, for a machine of two cores with one or two such processes. Threads: fewer than connections
# in the database's pool (5, and 10 more when needed), so none waits for one. Connections: browsers keep theirs open for
# two minutes, and past the default of 100 nobody new is let in; beyond 1,024 it takes poll(), not select(). What is
# sent is read 64 kB at a time: a scan of 1 MB takes 16 turns of the loop, not 128. The largest body is far above what
# the application takes (MAX_CONTENT_LENGTH): whoever sends a large scan gets its page with words on what to do, not the
# server's bare line.
SERVER: dict[str, Any] = {
    "threads": 8, "connection_limit": 2000, "backlog": 1024, "asyncore_use_poll": True, "recv_bytes": 65536,
    "channel_timeout": 120, "ident": None, "max_request_body_size": 128 * 1024 * 1024,
}


def serve(app: Flask) -> None:
    """Prepare the database, then serve until stopped."""
    settings: Settings = app.extensions["placard_settings"]
    door = _door(os.environ.get("HOST", "127.0.0.1"), settings.port)
    child = launch_simulator(settings) if settings.uses_simulator else None
    scheduler = Scheduler(app)
    try:
        prepare.migrate(app)
        prepare.mark(app, settings)
        if child is not None:
            wait_for_simulator(child, settings)
        if settings.env == "demo":
            _demonstration(app)
        scheduler.start()
        server = waitress.create_server(app, sockets=[door], **SERVER)
        _stop_on_signal(_leave)
        _welcome(app, settings)
        server.run()
    except KeyboardInterrupt:
        pass
    except SystemExit as end:
        if end.code:
            raise  # such as a migration that refused: whoever supervises us must see it
    finally:
        if scheduler.running:
            scheduler.stop()
        if child is not None:
            child.terminate()
            child.wait(10)


def _door(host: str, port: int) -> socket.socket:
    """The port, taken before anything else is touched: a second server on one database stops here."""
    door = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((host, port))
    except OSError as error:
        sys.exit(f"cannot listen on {host}:{port} ({error.strerror}). Is Placard running already? "
                 f"Another port: PORT={port + 100} make run")
    return door


def worker(app: Flask) -> None:
    """Run the scheduler until stopped."""
    settings: Settings = app.extensions["placard_settings"]
    prepare.mark(app, settings)
    stop = threading.Event()
    _stop_on_signal(stop.set)
    scheduler = Scheduler(app)
    scheduler.start()
    print("worker: scheduler started", flush=True)
    stop.wait()
    scheduler.stop()


def _leave() -> None:
    raise SystemExit(0)


def _stop_on_signal(stop: Callable[[], None]) -> None:
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop())
    signal.signal(signal.SIGINT, lambda _number, _frame: stop())


def _demonstration(app: Flask) -> None:
    from core import marks
    from core.db import db

    with app.app_context():
        played = marks.read("demonstration_played_at")
        db.session.remove()
    if played is None:
        prepare.load_reference_data(app)
        from demonstration.story import play

        print("Preparing the demonstration ...", flush=True)
        with app.app_context():
            play()


def _welcome(app: Flask, settings: Settings) -> None:
    print(f"\nPlacard is at {settings.public_url}", flush=True)
    if settings.env == "demo":
        from demonstration.cast import accounts_table

        print(accounts_table(settings.public_url), flush=True)
