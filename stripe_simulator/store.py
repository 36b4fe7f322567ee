"""State in one SQLite file: objects, events and their deliveries, idempotency keys, faults, switches.

One write transaction holds an object's change, the events it causes and the deliveries of those events,
so a crash leaves either all of them or none. Writers take ``BEGIN IMMEDIATE``; nothing is sent while a
transaction is open.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .config import API_VERSION, Config
from .errors import no_such
from .ids import new_id

Obj = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS object (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    created INTEGER NOT NULL,
    parent TEXT,
    data TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS object_kind ON object (kind, seq);
CREATE INDEX IF NOT EXISTS object_parent ON object (kind, parent);
CREATE INDEX IF NOT EXISTS object_intent ON object (kind, json_extract(data, '$.payment_intent'));
CREATE INDEX IF NOT EXISTS object_status ON object (kind, json_extract(data, '$.status'));
CREATE INDEX IF NOT EXISTS object_customer ON object (kind, json_extract(data, '$.customer'));
CREATE TABLE IF NOT EXISTS delivery (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event TEXT NOT NULL REFERENCES object (id),
    copy INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'given_up')),
    attempts INTEGER NOT NULL DEFAULT 0,
    queued_at REAL NOT NULL,
    next_at REAL NOT NULL,
    give_up_at REAL NOT NULL,
    last_at REAL,
    last_status INTEGER,
    last_error TEXT
);
CREATE INDEX IF NOT EXISTS delivery_due ON delivery (state, next_at);
CREATE INDEX IF NOT EXISTS delivery_event ON delivery (event);
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY,
    path TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status INTEGER,
    body TEXT,
    request_id TEXT NOT NULL,
    created REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS fault (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    method TEXT,
    path TEXT NOT NULL,
    status INTEGER NOT NULL,
    mode TEXT NOT NULL,
    delay REAL NOT NULL,
    times INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS switch (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS rate (currency TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS payout_item (txn TEXT PRIMARY KEY REFERENCES object (id), payout TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS payout_items ON payout_item (payout);
"""

#: How webhooks are sent, when charges settle and refunds arrive; kept over a restart (POST /_simulator/webhooks).
SWITCHES: dict[str, int | float | bool] = {
    "duplicate": 0,
    "reorder": False,
    "delay": 0.0,
    "fail_first": 0,
    "pause": False,
    "settlement_delay": 0.0,
    "refund_delay": 0.0,
}
SWITCH_WINDOW = 0.5


class StateInUse(Exception):
    """Another simulator already runs on this state file."""


class Tx:
    """One open transaction, and who asked for it."""

    def __init__(
        self, conn: sqlite3.Connection, config: Config, request_id: str | None, key: str | None
    ) -> None:
        self.conn = conn
        self.config = config
        self.request_id = request_id
        self.key = key
        self.now = int(time.time())
        self.events = 0

    def find(self, object_id: str) -> Obj | None:
        """Any object by its id."""
        row = self.conn.execute("SELECT data FROM object WHERE id = ?", (object_id,)).fetchone()
        return json.loads(row["data"]) if row else None

    def get(self, kind: str, object_id: str) -> Obj | None:
        """An object of one kind by its id."""
        row = self.conn.execute(
            "SELECT data FROM object WHERE id = ? AND kind = ?", (object_id, kind)
        ).fetchone()
        return json.loads(row["data"]) if row else None

    def load(self, kind: str, object_id: str, param: str, status: int = 404) -> Obj:
        """An object of one kind, or ``resource_missing``."""
        found = self.get(kind, object_id)
        if found is None:
            raise no_such(kind, object_id, param, status)
        return found

    def ids(self, where: str, *values: Any) -> list[str]:
        """Ids of the objects that a condition holds for, oldest first."""
        return [
            row["id"]
            for row in self.conn.execute(f"SELECT id FROM object WHERE {where} ORDER BY seq", values)
        ]

    def add(self, obj: Obj, parent: str | None = None) -> Obj:
        """Insert a new object."""
        self.conn.execute(
            "INSERT INTO object (id, kind, created, parent, data) VALUES (?, ?, ?, ?, ?)",
            (obj["id"], obj["object"], obj.get("created", self.now), parent, json.dumps(obj)),
        )
        return obj

    def save(self, obj: Obj) -> Obj:
        """Write back a changed object."""
        self.conn.execute("UPDATE object SET data = ? WHERE id = ?", (json.dumps(obj), obj["id"]))
        return obj

    def drop(self, object_id: str) -> None:
        """Remove a note of our own (kinds that start with an underscore)."""
        self.conn.execute("DELETE FROM object WHERE id = ? AND kind GLOB '_*'", (object_id,))

    def children(self, kind: str, parent: str) -> list[Obj]:
        """Objects that hang on another, oldest first."""
        rows = self.conn.execute(
            "SELECT data FROM object WHERE kind = ? AND parent = ? ORDER BY seq", (kind, parent)
        )
        return [json.loads(row["data"]) for row in rows]

    def emit(self, type_: str, obj: Obj, previous: Obj | None = None) -> Obj:
        """Record an event (API reference, "The Event object") and queue its deliveries."""
        data: Obj = {"object": json.loads(json.dumps(obj))}
        if previous is not None:
            data["previous_attributes"] = previous
        event: Obj = {
            "id": new_id("evt"),
            "object": "event",
            "account": None,
            "api_version": API_VERSION,
            "context": None,
            "created": self.now,
            "data": data,
            "livemode": False,
            "pending_webhooks": 0,
            "request": {"id": self.request_id, "idempotency_key": self.key},
            "type": type_,
        }
        del event["account"], event["context"]  # only sent for Connect and v2 contexts
        self.add(event)
        if self.config.webhook_url:
            self.queue(event["id"])
        self.events += 1
        return event

    def queue(self, event_id: str) -> None:
        """One delivery, and as many copies as the switch asks for."""
        switches = self.switches()
        now = time.time()
        start = now + self.config.webhook_delay + float(switches["delay"])
        for copy in range(int(switches["duplicate"]) + 1):
            self.conn.execute(
                "INSERT INTO delivery (event, copy, queued_at, next_at, give_up_at) VALUES (?, ?, ?, ?, ?)",
                (event_id, copy, now, start, start + self.config.webhook_retry_for),
            )

    def switches(self) -> dict[str, Any]:
        """The webhook switches as they stand."""
        stored = self.conn.execute("SELECT name, value FROM switch")
        return SWITCHES | {row["name"]: json.loads(row["value"]) for row in stored}

    def set_switch(self, name: str, value: int | float | bool) -> None:
        """Change one switch."""
        self.conn.execute(
            "INSERT INTO switch (name, value) VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, json.dumps(value)),
        )


class Store:
    """The file, with one connection a thread."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.path = Path(config.state)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._local = threading.local()
        self._guard = self._take()
        self.wake = threading.Event()
        conn = self.connection()
        conn.executescript(SCHEMA)
        # A key left without an answer belonged to a process that died before its transaction was committed.
        conn.execute("DELETE FROM idempotency WHERE status IS NULL")

    def _take(self) -> sqlite3.Connection:
        """Hold a lock for the life of the process, so that two simulators never share one state."""
        guard = sqlite3.connect(f"{self.path}.lock", timeout=0, isolation_level=None, check_same_thread=False)
        try:
            guard.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise StateInUse(f"{self.path} is already used by a running simulator") from error
        return guard

    def connection(self) -> sqlite3.Connection:
        """This thread's connection."""
        conn: sqlite3.Connection | None = getattr(self._local, "conn", None)
        if conn is None:
            conn = sqlite3.connect(self.path, timeout=30, isolation_level=None)
            conn.row_factory = sqlite3.Row
            conn.execute("PRAGMA journal_mode = WAL")
            conn.execute("PRAGMA synchronous = FULL")
            conn.execute("PRAGMA foreign_keys = ON")
            self._local.conn = conn
        return conn

    def forget(self) -> None:
        """As if started with an empty file."""
        with self.write() as tx:
            for table in ("payout_item", "delivery", "idempotency", "fault", "switch", "rate", "object"):
                tx.conn.execute(f"DELETE FROM {table}")

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """A consistent view."""
        conn = self.connection()
        conn.execute("BEGIN")
        try:
            yield Tx(conn, self.config, None, None)
        finally:
            conn.execute("ROLLBACK")

    @contextmanager
    def write(self, request_id: str | None = None, key: str | None = None) -> Iterator[Tx]:
        """All or nothing; wakes the delivery thread after the commit when events were written."""
        conn = self.connection()
        conn.execute("BEGIN IMMEDIATE")
        tx = Tx(conn, self.config, request_id, key)
        try:
            yield tx
        except BaseException:
            conn.execute("ROLLBACK")
            raise
        conn.execute("COMMIT")
        if tx.events:
            self.wake.set()
