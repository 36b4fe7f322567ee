"""Each refusal and each accident has one page, made in one place."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import structlog
from flask import Flask, current_app, g, render_template, request
from flask_babel import gettext as _
from werkzeug.exceptions import HTTPException

from core.db import db
from core.errors import PlacardError
from core.web.kept import typed_words

log = structlog.get_logger("placard.web")
PAGES = {403, 404, 409, 413, 429, 500}


def init_errors(app: Flask) -> None:
    app.register_error_handler(PlacardError, _refused)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _accident)


def _page(status: int, message: object = "", **more: Any) -> Any:
    if request.path.startswith("/api/"):
        # RFC 9457; only the API speaks problem details
        body = {"type": "about:blank", "status": status, "title": str(message) or str(status)}
        return body, status, {"Content-Type": "application/problem+json"}
    template = f"errors/{status}.html" if status in PAGES else "errors/error.html"
    typed = [] if status in (413, 500) else typed_words()  # one cannot be read, one says as little as it can
    return render_template(
        template, status=status, message=message, request_id=g.get("request_id", ""), typed=typed, **more
    ), status


def _refused(error: PlacardError) -> Any:
    db.session.rollback()
    log.info("refused", code=error.code, status=error.status)
    message = error.message or {
        "illegal_move": _("This can no longer be done: somebody has moved it on. Open it again to see where it is."),
        "busy": _("The system is busy. Nothing was changed; please try again in a moment."),
    }.get(error.code.split(".")[0], "")
    status = error.status
    if status == 409:
        return _page(status, message, retry_url=_page_to_open())
    if status in PAGES:
        return _page(status, message)
    if status == 401:
        return _page(status, _("You were signed out meanwhile, so the form could not be taken."),
                     title=_("Sign in to go on"), action_label=_("Sign in"), action_url="/sign-in",
                     what_next=_("Copy what you typed, sign in, and put it into the form again."))
    titles = {503: _("Please try again in a moment")}
    return _page(status, message, title=titles.get(status, _("This cannot be done")),
                 what_next=_("Go back and change what you entered, or ask the secretariat."))


def _page_to_open() -> str:
    """Where the form that came too late stood: the page it was sent from, or its own address if that is a page."""
    came_from = urlsplit(request.referrer or "")
    paths = ([came_from.path] if came_from.netloc == request.host else []) + [request.path]
    routes = current_app.url_map.bind("")
    return next((path for path in paths if not path.startswith("//") and routes.test(path, "GET")), "/")


def _http(error: HTTPException) -> Any:
    if error.response is not None or error.code is None or error.code < 400:
        return error
    db.session.rollback()
    if error.code in PAGES:
        return _page(error.code)
    return _page(error.code, title=_("This request could not be answered"), message=_http_words(error.code),
                 what_next=_("Go back to the page you came from and try again."))


def _http_words(code: int) -> str:
    if code == 400:
        return _("The form was no longer valid, perhaps because you signed in or out in another window.")
    if code == 405:
        return _("This address cannot be used in this way.")
    return ""


def _accident(error: Exception) -> Any:
    db.session.rollback()
    # type and place only: messages of drivers quote values
    log.error("accident", error=type(error).__name__, endpoint=request.endpoint, exc_info=_without_values(error))
    return _page(500)


def _without_values(error: Exception) -> Any:
    if hasattr(error, "hide_parameters"):
        error.hide_parameters = True
        error.params = None  # type: ignore[attr-defined]
    return (type(error), error, error.__traceback__)
