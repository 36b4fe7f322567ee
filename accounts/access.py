"""Enforces the marks of core.web.access on every request. A view without a mark is a programming error, never open."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import Flask, current_app, redirect, request, session, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from accounts.current import current_actor
from accounts.permissions import require_any
from core.db import db, end_reading, reading
from core.errors import SignInNeeded
from core.web.access import Access
from core.web.kept import typed_words

# views of Flask itself, which cannot carry a decorator (Flask-Security's addresses answer with views of ours)
EXTENSION_VIEWS: dict[str, Access] = {"static": Access("public")}


class UnmarkedView(RuntimeError):
    """A route without an access group."""


def init_access(app: Flask) -> None:
    """Mark the views of extensions and check every request. Call after the extensions are registered."""
    for endpoint, access in EXTENSION_VIEWS.items():
        view = app.view_functions.get(endpoint)
        if view is not None:
            app.view_functions[endpoint] = _marked(view, access)
    app.before_request(enforce)


def _marked(view: Any, access: Access) -> Any:
    def marked(**values: Any) -> Any:
        return view(**values)

    marked.__name__, marked.__doc__ = getattr(view, "__name__", "view"), view.__doc__
    marked.access = access  # type: ignore[attr-defined]
    return marked


def access_of(app: Flask, endpoint: str) -> Access:
    """The access group of a route. Raises UnmarkedView."""
    access: Access | None = getattr(app.view_functions[endpoint], "access", None)
    if access is None:
        raise UnmarkedView(endpoint)
    return access


def enforce() -> Response | None:
    """Before each view: signed in where it must be, permission held where one is named."""
    if request.endpoint is None:
        return None  # no such address: the 404 page
    access = access_of(current_app, request.endpoint)
    if access.group == "webhook" or (access.group == "public" and "_user_id" not in session):
        return None
    try:
        # Read without SQLite's write lock, and end that transaction before a view that may write: it checks its form
        # and files first, its command asks for the permission again. The person stays loaded.
        with reading():
            require_group(access)
            if request.method not in ("GET", "HEAD"):
                end_reading()
    except SignInNeeded:
        db.session.rollback()
        if request.method == "POST" and typed_words():
            raise  # its page gives back what was typed
        return _to_sign_in()
    return None


def require_group(access: Access) -> None:
    """Raises SignInNeeded or NotAllowed."""
    if not current_user.is_authenticated and access.group != "public":
        raise SignInNeeded()
    if access.permissions:
        require_any(current_actor(), access.permissions)


def _to_sign_in() -> Response:
    # only a page can be returned to; a form that was sent gets a page of its own (core.web.kept)
    target = request.full_path.rstrip("?") if request.method in ("GET", "HEAD") else None
    session.pop("_flashes", None)
    values: dict[str, Any] = {"next": target} if target not in (None, "/") else {}
    return redirect(url_for("security.login", **values), 303)


def safe_next(target: str | None, fallback: str) -> str:
    """`target` if it is a path of this site, else `fallback`."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return fallback
    if any(ord(ch) < 32 or ch == "\\" for ch in target):
        return fallback
    parts = urlsplit(target)
    return fallback if parts.scheme or parts.netloc else target
