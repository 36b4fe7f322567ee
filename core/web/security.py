"""Headers, cookies, CSRF, the mode of each request's transactions. No third party's decorator hides them."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

import structlog
from flask import Flask, Response, current_app, g, request
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from core import db as database
from core.errors import NotFound
from core.settings import Settings
from core.web.access import Access
from core.web.limits import limiter

csrf = CSRFProtect()
READING_METHODS = ("GET", "HEAD", "OPTIONS")


def configure(app: Flask, settings: Settings) -> None:
    """Settings of Flask and its extensions that security rests on."""
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SESSION_COOKIE_NAME="__Host-placard" if settings.is_production else "placard",
        SESSION_COOKIE_SECURE=settings.is_production,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(hours=10),
        MAX_CONTENT_LENGTH=24 * 1024 * 1024,
        MAX_FORM_MEMORY_SIZE=2 * 1024 * 1024,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a form left open over lunch must not lose words
        RATELIMIT_ENABLED=settings.env != "test",
    )
    csrf.init_app(app)
    limiter.init_app(app)
    if settings.trusted_proxies:
        n = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=n, x_proto=n, x_host=0)  # type: ignore[method-assign]
    app.before_request(_begin)
    app.after_request(_headers)
    app.teardown_request(_end)


def exempt_webhooks(app: Flask) -> None:
    """Views marked @webhook prove themselves by signature, not by token. Called once all rooms are registered."""
    for view in app.view_functions.values():
        access = getattr(view, "access", None)
        if isinstance(access, Access) and access.group == "webhook":
            csrf.exempt(view)


def _begin() -> None:
    view = current_app.view_functions.get(request.endpoint or "")
    reads = request.method in READING_METHODS and not hasattr(view, "writes_on_get")
    g.mode_token = database.set_mode("read" if reads else "write")
    g.request_id = secrets.token_hex(8)
    structlog.contextvars.bind_contextvars(request_id=g.request_id)
    if "\x00" in request.path:
        raise NotFound()  # no address holds one, and PostgreSQL refuses to compare with one


def _end(_error: BaseException | None) -> None:
    token = g.pop("mode_token", None)
    if token is not None:
        try:
            database.reset_mode(token)
        except ValueError:  # the context was copied (streamed answer)
            database.set_mode("write")
    structlog.contextvars.clear_contextvars()


def policy(settings: Settings) -> str:
    """Content-Security-Policy. form-action names Checkout, else the browser blocks the redirect after our POST."""
    return "; ".join((
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "font-src 'self'",
        "connect-src 'self'", "manifest-src 'self'", f"form-action 'self' {settings.checkout_origin}",
        "frame-ancestors 'none'", "base-uri 'none'",
    ))


def _headers(response: Response) -> Response:
    settings: Settings = current_app.extensions["placard_settings"]
    headers: Any = response.headers
    headers.setdefault("Content-Security-Policy", policy(settings))
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("X-Frame-Options", "DENY")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=()")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    if settings.is_production:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
    if request.endpoint == "static":
        headers["Cache-Control"] = "public, max-age=3600"
    elif "Cache-Control" not in headers:
        headers["Cache-Control"] = "private, no-store"
    headers["X-Request-Id"] = g.get("request_id", "")
    return response
