"""Control switches under ``/_simulator/``: for tests and demonstrations, no part of Stripe's API.

``POST /_simulator/webhooks``      duplicate, reorder, delay, fail_first, pause, settlement_delay (JSON)
``POST /_simulator/deliver-now``   try all pending deliveries; ``{"event": "evt_..."}`` sends one again
``GET  /_simulator/deliveries``    what was sent, when, and what the receiver answered
``POST /_simulator/faults``        ``{path, status, times, method?, mode?, delay?}``; ``DELETE`` clears them
``POST /_simulator/checkout/<id>`` ``{"expires_at": seconds}``: let a session run out early
``POST /_simulator/refunds/<id>``  ``{"status": "failed", "failure_reason": "..."}``

With ``settlement_delay`` the balance transaction of a charge is absent at first and comes after so many
seconds, with ``charge.updated``: asynchronous capture, which Stripe does by default.

Fault modes: ``before`` (the request never ran, its idempotency key stays free), ``recorded`` (it ran and
failed, the key keeps that answer; the default for 5xx) and ``after`` (the change was made, only the
answer was lost).
"""

from __future__ import annotations

import fnmatch
import time
from typing import Any, TypedDict

from flask import Blueprint, current_app, request

from . import checkout, payments, refunds
from .config import API_VERSION
from .errors import ApiError
from .store import SWITCHES, Obj, Store
from .webhooks import Deliverer, rows

blueprint = Blueprint("control", __name__, url_prefix="/_simulator")
MODES = ("before", "recorded", "after")


class Fault(TypedDict):
    """An injected fault, taken for one request."""

    status: int
    mode: str
    delay: float


def _parts() -> tuple[Store, Deliverer]:
    _, store, deliverer = current_app.extensions["simulator"]
    return store, deliverer


def _bad(message: str) -> ApiError:
    return ApiError(400, message)


@blueprint.before_request
def _guard() -> None:
    """Only JSON and only from this origin, so that no other page in a browser can press the switches."""
    origin = request.headers.get("Origin")
    if origin and origin != request.host_url.rstrip("/"):
        raise ApiError(403, "The control switches answer only to their own origin.")
    if request.method == "POST" and request.mimetype != "application/json":
        raise _bad("Control switches take JSON (Content-Type: application/json).")


def _json() -> dict[str, Any]:
    data = request.get_json(silent=True) if request.get_data() else {}
    if not isinstance(data, dict):
        raise _bad("A JSON object is needed.")
    return data


def _number(data: dict[str, Any], name: str, default: float, low: float, high: float) -> float:
    value = data.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise _bad(f"{name} must be a number from {low:g} to {high:g}.")
    return value


@blueprint.get("/status")
def status() -> Obj:
    """Ready, and what it holds."""
    store, _ = _parts()
    with store.read() as tx:
        count = tx.conn.execute(
            "SELECT kind, count(*) AS n FROM object WHERE kind NOT LIKE '\\_%' ESCAPE '\\' GROUP BY kind"
        ).fetchall()
        return {
            "simulated": True,
            "api_version": API_VERSION,
            "objects": {row["kind"]: row["n"] for row in count},
            "webhooks": tx.switches(),
        }


@blueprint.route("/webhooks", methods=["GET", "POST"])
def webhooks() -> Obj:
    """Read or set the switches."""
    store, _ = _parts()
    data = _json() if request.method == "POST" else {}
    limits = {"duplicate": 100, "delay": 86400, "fail_first": 1000, "settlement_delay": 86400}
    changes: dict[str, int | float | bool] = {}
    for name, value in data.items():
        if name not in SWITCHES:
            raise _bad(f"Unknown switch: {name}. Known: {', '.join(SWITCHES)}.")
        if isinstance(SWITCHES[name], bool):
            if not isinstance(value, bool):
                raise _bad(f"{name} must be true or false.")
            changes[name] = value
        else:
            number = _number(data, name, 0, 0, limits[name])
            changes[name] = int(number) if isinstance(SWITCHES[name], int) else number
    with store.write() as tx:
        for name, value in changes.items():
            tx.set_switch(name, value)
        switches = tx.switches()
    store.wake.set()
    return switches


@blueprint.post("/deliver-now")
def deliver_now() -> Obj:
    """Answers when every attempt has been made."""
    store, deliverer = _parts()
    event = _json().get("event")
    if not deliverer.config.webhook_url:
        raise _bad("The simulator was started without --webhook-url.")
    with store.read() as tx:
        if event is not None and tx.get("event", str(event)) is None:
            raise ApiError(404, f"No such event: '{event}'", code="resource_missing")
    tried = deliverer.deliver_now(event)
    with store.read() as tx:
        marks = ",".join("?" * len(tried))
        found = rows(tx, f"delivery.id IN ({marks})", tuple(tried)) if tried else []
    return {
        "attempted": len(tried),
        "delivered": sum(r["state"] == "delivered" for r in found),
        "data": found,
    }


@blueprint.get("/deliveries")
def deliveries() -> Obj:
    """The newest last; filter with ``event`` and ``state``."""
    store, _ = _parts()
    where, values = "1 = 1", []
    for name in ("event", "state"):
        if name in request.args:
            where += f" AND delivery.{name} = ?"
            values.append(request.args[name])
    with store.read() as tx:
        return {"data": rows(tx, where, tuple(values), 10000)}


@blueprint.route("/faults", methods=["GET", "POST", "DELETE"])
def faults() -> Obj:
    """Injected faults still to come."""
    store, _ = _parts()
    with store.write() as tx:
        if request.method == "DELETE":
            tx.conn.execute("DELETE FROM fault")
        elif request.method == "POST":
            data = _json()
            if unknown := set(data) - {"path", "status", "times", "method", "mode", "delay"}:
                raise _bad(f"Unknown: {', '.join(sorted(unknown))}.")
            code = int(_number(data, "status", 0, 0, 599))
            if code and code < 400:
                raise _bad("status must be 400 to 599, or 0 for a delay only.")
            mode = data.get("mode", "recorded" if code >= 500 else "before")
            if mode not in MODES or not str(data.get("path", "")).startswith("/v1/"):
                raise _bad(
                    "A path under /v1/ is needed (with * as a wildcard), and mode before, recorded or after."
                )
            tx.conn.execute(
                "INSERT INTO fault (method, path, status, mode, delay, times) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    data.get("method"),
                    data["path"],
                    code,
                    mode,
                    _number(data, "delay", 0, 0, 60),
                    int(_number(data, "times", 1, 1, 100000)),
                ),
            )
        return {"data": [dict(row) for row in tx.conn.execute("SELECT * FROM fault ORDER BY id")]}


def take_fault(store: Store, method: str, path: str) -> Fault | None:
    """The first fault meant for this request, used up by one."""
    with store.read() as tx:
        waiting = tx.conn.execute("SELECT 1 FROM fault LIMIT 1").fetchone()
    if waiting is None:
        return None
    with store.write() as tx:
        for row in tx.conn.execute("SELECT * FROM fault ORDER BY id").fetchall():
            if row["method"] in (None, method) and fnmatch.fnmatchcase(path, row["path"]):
                tx.conn.execute("UPDATE fault SET times = times - 1 WHERE id = ?", (row["id"],))
                tx.conn.execute("DELETE FROM fault WHERE times <= 0")
                return {"status": row["status"], "mode": row["mode"], "delay": row["delay"]}
    return None


@blueprint.post("/checkout/<session_id>")
def move_expiry(session_id: str) -> Obj:
    """Change when an open session runs out."""
    store, _ = _parts()
    at = int(_number(_json(), "expires_at", time.time(), 0, 1 << 40))
    with store.write() as tx:
        session = payments.load(tx, checkout.KIND, session_id, "session")
        session["expires_at"] = at
        tx.save(session)
        checkout.expire_overdue(tx)
        return payments.load(tx, checkout.KIND, session_id, "session")


@blueprint.post("/refunds/<refund_id>")
def move_refund(refund_id: str) -> Obj:
    """Let a refund fail after it had succeeded."""
    store, _ = _parts()
    data = _json()
    if data.get("status") != "failed":
        raise _bad('Only {"status": "failed"} is known.')
    with store.write() as tx:
        return refunds.fail(tx, refund_id, str(data.get("failure_reason", "lost_or_stolen_card")))
