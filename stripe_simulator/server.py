"""The Flask application: authentication, the way of an API request, and the guard of the local screens."""

from __future__ import annotations

import base64
import json
import re
import time
from typing import Any, TypeGuard

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from . import control, control_money, idempotency, invoice_pages, listing, pages
from .config import API_VERSION, Config
from .endpoints import CHILD, Endpoint
from .errors import ApiError, InvalidParameters, injected
from .ids import new_id
from .params import parse_form
from .schemas import ENDPOINTS
from .store import Obj, Store
from .webhooks import Deliverer

_HOST = re.compile(r"(127\.0\.0\.1|localhost)(:\d{1,5})?")


def create_app(config: Config, store: Store, deliverer: Deliverer) -> Flask:
    """Wire the routes; start nothing."""
    app = Flask(__name__, static_folder="static", static_url_path="/static")
    app.config["MAX_CONTENT_LENGTH"] = 1024 * 1024
    app.extensions["simulator"] = (config, store, deliverer)
    for endpoint in ENDPOINTS:
        name = f"{endpoint.method} {endpoint.rule}".replace(".", "_")
        app.add_url_rule(
            endpoint.rule,
            name,
            _view(endpoint, store),
            methods=[endpoint.method],
            provide_automatic_options=False,
        )
    for module in (control, control_money, pages, invoice_pages):
        app.register_blueprint(module.blueprint)
    app.before_request(_start)
    app.after_request(_finish)
    app.register_error_handler(ApiError, lambda error: _answer(error.status, error.body()))
    app.register_error_handler(HTTPException, _http_error)
    return app


def _start() -> None:
    g.request_id = new_id("req", 14)
    if not _HOST.fullmatch(request.host):
        # A page elsewhere whose name was re-pointed to this machine must not reach the simulator.
        raise ApiError(403, "The simulator only answers to localhost.")
    if request.path.startswith("/v1/"):
        _authenticate()


def _finish(response: Response) -> Response:
    response.headers["Request-Id"] = g.get("replayed_id") or g.request_id
    response.headers["X-Stripe-Simulator"] = "simulated: no money moves"
    response.headers["X-Content-Type-Options"] = "nosniff"
    if request.path.startswith("/v1/"):
        response.headers["Stripe-Version"] = request.headers.get("Stripe-Version", API_VERSION)
        if key := request.headers.get("Idempotency-Key"):
            response.headers["Idempotency-Key"] = key
    return response


def _answer(status: int, body: Obj | str) -> Response:
    text = body if isinstance(body, str) else json.dumps(body, indent=2)
    return Response(text + "\n", status, mimetype="application/json")


def _http_error(error: HTTPException) -> Response:
    """Errors of the framework, in Stripe's shape for the API and as plain text elsewhere."""
    status = error.code or 500
    if not request.path.startswith(("/v1/", "/v2/", "/_simulator/")):
        return Response(f"{status} {error.name}\n", status, mimetype="text/plain")
    if status in (404, 405):
        status = 404
        message = (
            f"Unrecognized request URL ({request.method}: {request.path}). The simulator serves only a "
            "part of Stripe's API."
        )
        return _answer(status, ApiError(status, message).body())
    kind = "api_error" if status >= 500 else "invalid_request_error"
    return _answer(status, ApiError(status, error.name, type=kind).body())


def _authenticate() -> None:
    """Test secret keys only (API reference, "Authentication")."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    key = value.strip()
    if scheme.lower() == "basic":
        try:
            key = base64.b64decode(key, validate=True).decode("ascii").partition(":")[0]
        except ValueError:
            key = ""
    elif scheme.lower() != "bearer":
        key = ""
    if not key:
        raise ApiError(
            401,
            "You did not provide an API key. You need to provide your API key in the Authorization "
            "header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
        )
    if key.startswith(("sk_live", "rk_live")):
        raise ApiError(
            401,
            "Invalid API Key provided: a live key. The simulator never accepts live keys; nothing was done.",
        )
    if not re.fullmatch(r"sk_test_[A-Za-z0-9_]{1,240}", key):
        raise ApiError(401, "Invalid API Key provided. The simulator accepts keys that start with sk_test_.")
    version = request.headers.get("Stripe-Version", API_VERSION)
    if version != API_VERSION:
        raise ApiError(400, f"Invalid Stripe API version: the simulator speaks only {API_VERSION}.")
    if request.headers.get("Stripe-Account"):
        raise ApiError(403, "The simulator has no connected accounts.", code="account_invalid")


def _parameters() -> dict[str, Any]:
    if request.method == "GET":
        return parse_form(request.args.items(multi=True))
    if request.content_length and request.mimetype != "application/x-www-form-urlencoded":
        raise InvalidParameters(
            "Invalid request (check that your POST content type is application/x-www-form-urlencoded)."
        )
    return parse_form([*request.args.items(multi=True), *request.form.items(multi=True)])


def _view(endpoint: Endpoint, store: Store) -> Any:
    def view(object_id: str = "", child_id: str = "") -> Response:
        raw = _parameters()
        given = endpoint.read(raw)
        if child_id:
            given[CHILD] = child_id
        fault = control.take_fault(store, request.method, request.path)
        if fault is not None and fault["mode"] == "before" and fault["status"]:
            time.sleep(fault["delay"])
            raise injected(fault["status"])
        if endpoint.method == "GET":
            if fault is not None:
                time.sleep(fault["delay"])
                if fault["status"]:
                    raise injected(fault["status"])
            with store.read() as tx:
                return _answer(
                    200, listing.expand(tx, endpoint.run(tx, object_id, given), given.get("expand", ()))
                )
        key = request.headers.get("Idempotency-Key")
        if key:
            mark = idempotency.fingerprint(request.method, request.path, raw)
            replay = idempotency.begin(store, key, request.path, mark, g.request_id)
            if replay is not None:
                if _loses_answer(fault):
                    raise injected(fault["status"])
                g.replayed_id = replay.request_id
                response = _answer(replay.status, replay.body)
                response.headers["Idempotent-Replayed"] = "true"
                return response
        try:
            return _execute(endpoint, store, object_id, given, key, fault)
        except BaseException:
            if key:
                idempotency.release(store, key)
            raise

    return view


def _execute(
    endpoint: Endpoint,
    store: Store,
    object_id: str,
    given: dict[str, Any],
    key: str | None,
    fault: control.Fault | None,
) -> Response:
    """Run a command and keep its answer for the key, in one transaction."""
    if fault is not None:
        time.sleep(fault["delay"])
    with store.write(g.request_id, key) as tx:
        tx.conn.execute("SAVEPOINT command")
        try:
            if fault is not None and fault["mode"] == "recorded" and fault["status"]:
                raise injected(fault["status"])
            made = endpoint.run(tx, object_id, given)
            status, body = 200, json.dumps(listing.expand(tx, made, given.get("expand", ())), indent=2)
        except ApiError as error:
            if not error.keep_changes:
                tx.conn.execute("ROLLBACK TO command")
                tx.events = 0
            if isinstance(error, InvalidParameters):
                raise
            status, body = error.status, json.dumps(error.body(), indent=2)
        if key:
            idempotency.finish(tx, key, status, body)
    if _loses_answer(fault):
        raise injected(fault["status"])
    return _answer(status, body)


def _loses_answer(fault: control.Fault | None) -> TypeGuard[control.Fault]:
    """Whether the change is kept and only its answer lost; of a repeated request, its answer again."""
    return fault is not None and fault["mode"] == "after" and bool(fault["status"])
