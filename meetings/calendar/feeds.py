"""The feeds: /calendar.ics with its filters, one per meeting, one per person behind a secret address. A conditional
request costs one query over one row (three for a person's own); bytes are made once for each stamp of the calendar and
kept."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC

from flask import Blueprint, Response, current_app, request
from flask_babel import force_locale
from werkzeug.http import http_date

from core import clock
from core.web.access import public
from meetings.calendar import ical, subscriptions
from meetings.calendar.feed_entries import build
from meetings.calendar.feed_filters import FeedFilter, from_args
from meetings.calendar.stamp import Stamp, current_stamp

bp = Blueprint("calendar_feeds", __name__)
MOST_KEPT = 512
MOST_BYTES = 32 * 1024 * 1024  # addresses are anybody's to write, so what is kept of them has an end


@dataclass(frozen=True, slots=True)
class Kept:
    """The bytes that go with a stamp of the calendar."""

    version: str
    body: bytes


_kept: OrderedDict[tuple[str, str], Kept] = OrderedDict()
_kept_lock = threading.Lock()


@bp.get("/calendar.ics")
@public
def whole() -> Response:
    """Every published meeting that the filters in the address let through."""
    wanted = from_args(request.args)
    return _answer(wanted, current_stamp(), "placard-calendar.ics")


@bp.get("/meetings/<string:slug>/calendar.ics")
@public
def one(slug: str) -> Response:
    """One published meeting; 404 while its days are not public."""
    wanted = from_args(request.args, slug)
    return _answer(wanted, current_stamp(), f"placard-{slug}.ics")


@bp.get("/meetings/feeds/<string:token>.ics")
@public
def own(token: str) -> Response:
    """What one person wants of the public calendar, behind a secret address."""
    found = subscriptions.behind(token[:200])
    response = _answer(found.wanted, found.stamp, "placard-my-meetings.ics", f"{found.id.hex[-12:]}-{found.version}.")
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _answer(wanted: FeedFilter, stamp: Stamp, filename: str, mark: str = "") -> Response:
    version = f"{stamp.text}.{ical.FORMAT}"
    etag = f"{mark}{_tag(wanted)}.{version}"
    dated = not wanted.turns_with_the_day  # else it changes without anybody changing it
    # werkzeug would let `*` stand for any address, also one that does not exist
    known = request.if_none_match.contains_weak(etag) and not request.if_none_match.star_tag
    if known or (dated and not request.if_none_match and _not_modified_since(stamp)):
        response = Response(status=304)
    else:
        response = Response(_bytes(wanted, stamp, version), content_type="text/calendar; charset=utf-8")
        response.headers["Content-Disposition"] = f'inline; filename="{filename}"'
        if request.if_none_match.star_tag:
            response = Response(status=304)
    response.set_etag(etag)
    response.headers["Cache-Control"] = "public, no-cache"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    # a future date must not be sent, and until the second is over another change could bear the same one
    if dated and stamp.last_modified <= clock.real_now():
        response.headers["Last-Modified"] = http_date(stamp.last_modified)
    return response


def _tag(wanted: FeedFilter) -> str:
    """A feed's part of an entity tag: plain where nothing is filtered, else a digest of the filter."""
    plain = FeedFilter(slug=wanted.slug)
    if wanted == plain:
        return wanted.slug or "all"
    return hashlib.sha256(wanted.key.encode()).hexdigest()[:20]


def _not_modified_since(stamp: Stamp) -> bool:
    since = request.if_modified_since
    return since is not None and stamp.last_modified <= since.astimezone(UTC) <= clock.real_now()


def _bytes(wanted: FeedFilter, stamp: Stamp, version: str) -> bytes:
    key = (wanted.key, current_app.extensions["placard_settings"].public_url)
    with _kept_lock:
        kept = _kept.get(key)
        if kept is not None and kept.version == version:
            _kept.move_to_end(key)
            return kept.body
    with force_locale(wanted.language):
        body = build(wanted, stamp.changed_at)
    with _kept_lock:
        _kept[key] = Kept(version, body)
        _kept.move_to_end(key)
        while len(_kept) > 1 and (len(_kept) > MOST_KEPT or sum(len(k.body) for k in _kept.values()) > MOST_BYTES):
            _kept.popitem(last=False)
    return body
