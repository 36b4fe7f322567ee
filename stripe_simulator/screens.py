"""What all hosted pages share: HTML forms without JavaScript, every screen marked as simulated."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app, render_template, request

from .config import Config
from .errors import ApiError
from .store import Obj, Store


def make(name: str) -> Blueprint:
    """A blueprint of pages, whose refusals are screens too."""
    made = Blueprint(name, __name__, template_folder="templates")
    made.register_error_handler(ApiError, _error)
    return made


def parts() -> tuple[Config, Store]:
    """Settings and state of the running application."""
    config, store, _ = current_app.extensions["simulator"]
    return config, store


def _origins(session: Obj | None) -> str:
    """Origins that ``form-action`` must name, or the redirect after paying is blocked by the browser."""
    found = ["'self'"]
    for name in ("success_url", "cancel_url"):
        if session and session.get(name):
            parts = urlsplit(session[name])
            host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else str(parts.hostname)
            origin = f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")
            if all(ch.isascii() and (ch.isalnum() or ch in ":/.-[]") for ch in origin):
                found.append(origin)
    return " ".join(dict.fromkeys(found))


def html(template: str, status: int = 200, session: Obj | None = None, **values: Any) -> Response:
    """A screen, under a policy that allows nothing but its own style and forms."""
    config, _ = parts()
    text = render_template(template, merchant=config.merchant, session=session, **values)
    response = Response(text, status, mimetype="text/html")
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action {_origins(session)}"
    )
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "same-origin"
    return response


def _error(error: ApiError) -> Response:
    return html(
        "message.html",
        error.status,
        title="Page not found" if error.status == 404 else "Not possible",
        text=str(error),
        tone="warn",
    )


def same_origin() -> None:
    """A form on another site cannot press these buttons."""
    origin = request.headers.get("Origin")
    if origin is None:
        foreign = request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")
    else:
        foreign = origin != request.host_url.rstrip("/")
    if foreign:
        raise ApiError(403, "This form must be sent from its own page.")
