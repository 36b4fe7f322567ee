"""How old a public figure may be: computed ones are kept for a minute in each process, for visitors without a session;
caches may keep an answer for what is left of that minute. Whoever is signed in reads the books themselves."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol, TypeVar

from flask import Response, current_app, request
from flask_babel import get_locale

from accounts.queries import shows_demonstration

FRESH_SECONDS = 60  # how far a figure may stand behind the books, kept and cached together
MOST_KEPT = 1000


class Figures(Protocol):
    """Whatever pages show: a frozen dataclass that says when it was read."""

    @property
    def as_of(self) -> datetime: ...


F = TypeVar("F", bound=Figures)
_kept: dict[tuple[Any, ...], tuple[float, Any]] = {}
_lock = threading.Lock()


def may_share() -> bool:
    """A visitor without a session gets the same answer as every other; anybody else sees the own name on it."""
    return current_app.config["SESSION_COOKIE_NAME"] not in request.cookies and "lang" not in request.args


def figures(key: tuple[Any, ...], read: Callable[[], F]) -> F:
    """What `read` finds, or what it found less than a minute ago for the same key, language and kind of database."""
    if not may_share():
        return read()
    whole = (*key, str(get_locale()), shows_demonstration())
    found = _kept.get(whole)
    if found is not None and time.monotonic() - found[0] < _seconds():
        return found[1]  # type: ignore[no-any-return]
    started, made = time.monotonic(), read()
    with _lock:
        if len(_kept) >= MOST_KEPT:
            _kept.clear()
        _kept[whole] = (started, made)
    return made


def _seconds() -> float:
    return float(current_app.config.get("FUND_FRESH_SECONDS", FRESH_SECONDS))


def answer(shown: Figures, make: Callable[[], Response]) -> Response:
    """The response that `make` makes of these figures, or 304 for a visitor who has it already."""
    if not may_share():
        return make()
    tag = _tag(shown)
    response = Response(status=304) if request.if_none_match.contains_weak(tag) else make()
    response.headers["Cache-Control"] = f"public, max-age={_left(shown)}"
    response.vary.update(("Cookie", "Accept-Language"))
    response.set_etag(tag, weak=True)
    return response


def _left(shown: Figures) -> int:
    """Seconds for which a cache may hand the figures on, so that they are never more than a minute old."""
    for started, found in list(_kept.values()):
        if found is shown:
            return max(0, int(FRESH_SECONDS - (time.monotonic() - started)))
    return FRESH_SECONDS


def _tag(shown: Any) -> str:
    """Changes with any figure, with the language, with the address and with every minute of the books' clock."""
    minute = replace(shown, as_of=shown.as_of.replace(second=0, microsecond=0))
    seen = repr((minute, str(get_locale()), request.full_path))
    return hashlib.sha256(seen.encode()).hexdigest()[:24]
