"""Signed webhook deliveries, kept in the store so that a restart carries on (Stripe docs, "Webhooks").

The signature is ``t=<seconds>,v1=<HMAC-SHA256 of "t.payload" under the endpoint's secret>``. A delivery
that is not answered with 2xx is tried again after 1, 2, 4, 8 ... seconds, at most every 60, until its
time is up.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import sys
import threading
import time
from typing import Any
from urllib.parse import urlsplit

from . import listing
from .store import SWITCH_WINDOW, Store, Tx
from .sweeps import sweep

MAX_BACKOFF = 60.0
Row = dict[str, Any]


def signature(secret: str, payload: bytes, at: int) -> str:
    """The ``Stripe-Signature`` header."""
    mac = hmac.new(secret.encode(), str(at).encode() + b"." + payload, hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"


def backoff(attempts: int) -> float:
    """Seconds to wait after so many failed attempts."""
    return float(min(MAX_BACKOFF, 2.0 ** min(attempts - 1, 10)))


def rows(tx: Tx, where: str, values: tuple[Any, ...], limit: int = 1000) -> list[Row]:
    """Deliveries with the type of their event."""
    found = tx.conn.execute(
        "SELECT delivery.*, json_extract(object.data, '$.type') AS type FROM delivery "
        f"JOIN object ON object.id = delivery.event WHERE {where} ORDER BY delivery.id LIMIT ?",
        (*values, limit),
    )
    return [dict(row) for row in found]


class Deliverer(threading.Thread):
    """Sends what is due, one at a time; also does what happens by itself with time (``sweeps``)."""

    def __init__(self, store: Store) -> None:
        super().__init__(name="webhooks", daemon=True)
        self.store = store
        self.config = store.config
        self.stopping = threading.Event()
        self._one = threading.Lock()
        self._swept = 0.0

    def run(self) -> None:
        """Until told to stop; a fault in one round is printed and does not end the thread."""
        while not self.stopping.is_set():
            try:
                busy = self._round()
            except Exception as error:  # the thread must outlive any single fault
                sys.stderr.write(f"stripe simulator: delivery round failed: {error!r}\n")
                busy = False
            if not busy:
                self.store.wake.wait(0.1)
                self.store.wake.clear()

    def stop(self) -> None:
        """End after the current attempt."""
        self.stopping.set()
        self.store.wake.set()

    def _round(self) -> bool:
        now = time.time()
        if now - self._swept >= 1.0:
            self._swept = now
            sweep(self.store)
        due = self._next(now)
        if due is None:
            return False
        self.attempt(due)
        return True

    def _next(self, now: float) -> int | None:
        if not self.config.webhook_url:
            return None
        with self.store.read() as tx:
            switches = tx.switches()
            if switches["pause"]:
                return None
            order = "id"
            if switches["reorder"]:
                newest = tx.conn.execute(
                    "SELECT max(queued_at) AS q FROM delivery WHERE state = 'pending'"
                ).fetchone()
                if newest["q"] is None or now - newest["q"] < SWITCH_WINDOW:
                    return None
                order = "id DESC"
            row = tx.conn.execute(
                f"SELECT id FROM delivery WHERE state = 'pending' AND next_at <= ? ORDER BY {order} LIMIT 1",
                (now,),
            ).fetchone()
        return int(row["id"]) if row else None

    def deliver_now(self, event_id: str | None) -> list[int]:
        """Try everything pending at once, or send one event again; the deliveries tried."""
        with self.store.write() as tx:
            if event_id is not None:
                tx.queue(event_id)
            where, values = ("AND event = ?", (event_id,)) if event_id else ("", ())
            found = tx.conn.execute(
                f"SELECT id FROM delivery WHERE state = 'pending' {where} ORDER BY id", values
            ).fetchall()
            ids = [int(row["id"]) for row in found]
            if tx.switches()["reorder"]:
                ids.reverse()
        for delivery_id in ids:
            self.attempt(delivery_id)
        return ids

    def attempt(self, delivery_id: int) -> None:
        """One attempt; no transaction is open while the receiver thinks."""
        with self._one:
            with self.store.read() as tx:
                row = tx.conn.execute("SELECT * FROM delivery WHERE id = ?", (delivery_id,)).fetchone()
                if row is None or row["state"] != "pending":
                    return
                event = tx.get("event", row["event"])
                assert event is not None
                payload = json.dumps(listing.present(tx, event), indent=2).encode()
                refuse = row["attempts"] < int(tx.switches()["fail_first"])
            status, error = (None, "simulated failure (fail_first)") if refuse else self._post(payload)
            now = time.time()
            tries = row["attempts"] + 1
            if status is not None and 200 <= status < 300:
                state, next_at = "delivered", row["next_at"]
            else:
                next_at = now + backoff(tries)
                state = "given_up" if next_at > row["give_up_at"] else "pending"
            with self.store.write() as tx:
                tx.conn.execute(
                    "UPDATE delivery SET state = ?, attempts = ?, next_at = ?, last_at = ?, last_status = ?, "
                    "last_error = ? WHERE id = ?",
                    (state, tries, next_at, now, status, error, delivery_id),
                )

    def _post(self, payload: bytes) -> tuple[int | None, str | None]:
        """POST without redirects or proxies: (status, what went wrong)."""
        parts = urlsplit(str(self.config.webhook_url))
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe-Simulator/1.0",
            "Stripe-Signature": signature(self.config.webhook_secret, payload, int(time.time())),
        }
        try:
            connection = kind(str(parts.hostname), parts.port, timeout=self.config.webhook_timeout)
            try:
                connection.request("POST", target, body=payload, headers=headers)
                answer = connection.getresponse()
                answer.read(4096)
            finally:
                connection.close()
        except (OSError, http.client.HTTPException) as error:
            return None, f"{type(error).__name__}: {error}"
        good = 200 <= answer.status < 300
        return answer.status, None if good else f"answered {answer.status}"
