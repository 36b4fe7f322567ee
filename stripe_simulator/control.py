"""Control switches under ``/_simulator/``: for tests and demonstrations, no part of Stripe's API.

All of them take and answer JSON. ``seconds`` are Unix time.

``GET  /_simulator/status``        ready, counts of objects, deliveries and faults, the balance, the switches
``POST /_simulator/reset``         forget everything: objects, deliveries, keys, faults, switches, rates

Webhooks and failures
``POST /_simulator/webhooks``      duplicate, reorder, delay, fail_first, pause, settlement_delay, refund_delay
``POST /_simulator/deliver-now``   try all pending deliveries; ``{"event": "evt_..."}`` sends one again
``GET  /_simulator/deliveries``    what was sent, when, and what the receiver answered
``POST /_simulator/faults``        ``{path, status, times, method?, mode?, delay?}``; ``DELETE`` clears them

Money and time (in ``control_money``)
``POST /_simulator/checkout/<id>`` ``{"expires_at": seconds}``: let a session run out early
``POST /_simulator/invoices/<id>`` ``{"due_date": seconds}`` and ``{"automatically_finalizes_at": seconds}``
``POST /_simulator/refunds``       ``{"charge" or "payment_intent", amount?, reason?}``: a refund as an officer makes
                                   it in Stripe's dashboard, with no metadata and no idempotency key
``POST /_simulator/refunds/<id>``  ``{"status": "succeeded"}`` or ``{"status": "failed", failure_reason?}``
``POST /_simulator/disputes``      ``{"charge" or "payment_intent", amount?, reason?, inquiry?}``
``POST /_simulator/disputes/<id>`` ``{"status": "won", "lost", "warning_closed" or "needs_response"}`` (the last
                                   escalates an inquiry), or ``{"due_by": seconds}``
``POST /_simulator/payouts``       an automatic payout of all that is available; ``{"reconciled": false}`` leaves
                                   the list of what it contains for later
``POST /_simulator/payouts/<id>``  ``{"status": "in_transit", "paid" or "failed", failure_code?,
                                   failure_message?}``, ``{"arrival_date": seconds}`` (then it is paid by
                                   itself), or ``{"reconciliation_status": "completed"}``
``POST /_simulator/balance``       ``{"available": true}``: all that is pending is available now
``POST /_simulator/rates``         ``{"eur": "1.0832"}``: what one unit is worth in the settlement currency from
                                   now on; ``GET`` shows the rates in use

With ``settlement_delay`` the balance transaction of a charge is absent at first and comes after so many
seconds, with ``charge.updated``: asynchronous capture, which Stripe does by default. With ``refund_delay`` a
refund stays pending for so many seconds.

Fault modes: ``before`` (the request never ran, its idempotency key stays free), ``recorded`` (it ran and
failed, the key keeps that answer; the default for 5xx) and ``after`` (the change was made, only the
answer was lost).
"""

from __future__ import annotations

import fnmatch
from typing import Any, TypedDict

from flask import Blueprint, current_app, request

from . import balance
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


def parts() -> tuple[Store, Deliverer]:
    """State and deliveries of the running application."""
    _, store, deliverer = current_app.extensions["simulator"]
    return store, deliverer


def bad(message: str) -> ApiError:
    """A switch that was not understood."""
    return ApiError(400, message)


@blueprint.before_request
def guard() -> None:
    """Only JSON and only from this origin, so that no other page in a browser can press the switches."""
    origin = request.headers.get("Origin")
    if origin and origin != request.host_url.rstrip("/"):
        raise ApiError(403, "The control switches answer only to their own origin.")
    if request.method == "POST" and request.mimetype != "application/json":
        raise bad("Control switches take JSON (Content-Type: application/json).")


def body() -> dict[str, Any]:
    """The JSON object that was sent; an empty one when nothing was."""
    data = request.get_json(silent=True) if request.get_data() else {}
    if not isinstance(data, dict):
        raise bad("A JSON object is needed.")
    return data


def number(data: dict[str, Any], name: str, default: float, low: float, high: float) -> float:
    """A number within bounds."""
    value = data.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise bad(f"{name} must be a number from {low:g} to {high:g}.")
    return value


@blueprint.get("/status")
def status() -> Obj:
    """Ready, and what it holds."""
    store, _ = parts()
    with store.read() as tx:
        count = tx.conn.execute(
            "SELECT kind, count(*) AS n FROM object WHERE kind NOT LIKE '\\_%' ESCAPE '\\' GROUP BY kind"
        ).fetchall()
        sent = tx.conn.execute("SELECT state, count(*) AS n FROM delivery GROUP BY state").fetchall()
        available, pending = balance.nets(tx)
        return {
            "simulated": True,
            "api_version": API_VERSION,
            "objects": {row["kind"]: row["n"] for row in count},
            "deliveries": {row["state"]: row["n"] for row in sent},
            "faults": tx.conn.execute("SELECT count(*) AS n FROM fault").fetchone()["n"],
            "balance": {
                "available": available,
                "currency": tx.config.settlement_currency,
                "pending": pending,
            },
            "webhooks": tx.switches(),
        }


@blueprint.post("/reset")
def reset() -> Obj:
    """Begin anew."""
    store, _ = parts()
    store.forget()
    return status()


@blueprint.route("/webhooks", methods=["GET", "POST"])
def webhooks() -> Obj:
    """Read or set the switches."""
    store, _ = parts()
    data = body() if request.method == "POST" else {}
    limits = {
        "duplicate": 100,
        "delay": 86400,
        "fail_first": 1000,
        "settlement_delay": 86400,
        "refund_delay": 86400,
    }
    changes: dict[str, int | float | bool] = {}
    for name, value in data.items():
        if name not in SWITCHES:
            raise bad(f"Unknown switch: {name}. Known: {', '.join(SWITCHES)}.")
        if isinstance(SWITCHES[name], bool):
            if not isinstance(value, bool):
                raise bad(f"{name} must be true or false.")
            changes[name] = value
        else:
            value = number(data, name, 0, 0, limits[name])
            changes[name] = int(value) if isinstance(SWITCHES[name], int) else value
    with store.write() as tx:
        for name, value in changes.items():
            tx.set_switch(name, value)
        switches = tx.switches()
    store.wake.set()
    return switches


@blueprint.post("/deliver-now")
def deliver_now() -> Obj:
    """Answers when every attempt has been made."""
    store, deliverer = parts()
    event = body().get("event")
    if not deliverer.config.webhook_url:
        raise bad("The simulator was started without --webhook-url.")
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
    store, _ = parts()
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
    store, _ = parts()
    with store.write() as tx:
        if request.method == "DELETE":
            tx.conn.execute("DELETE FROM fault")
        elif request.method == "POST":
            data = body()
            if unknown := set(data) - {"path", "status", "times", "method", "mode", "delay"}:
                raise bad(f"Unknown: {', '.join(sorted(unknown))}.")
            code = int(number(data, "status", 0, 0, 599))
            if code and code < 400:
                raise bad("status must be 400 to 599, or 0 for a delay only.")
            mode = data.get("mode", "recorded" if code >= 500 else "before")
            if mode not in MODES or not str(data.get("path", "")).startswith("/v1/"):
                raise bad(
                    "A path under /v1/ is needed (with * as a wildcard), and mode before, recorded or after."
                )
            tx.conn.execute(
                "INSERT INTO fault (method, path, status, mode, delay, times) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    data.get("method"),
                    data["path"],
                    code,
                    mode,
                    number(data, "delay", 0, 0, 60),
                    int(number(data, "times", 1, 1, 100000)),
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
