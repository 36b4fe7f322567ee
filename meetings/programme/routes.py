"""Public pages of the programme: what was published, every older version, and the same as files."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from itertools import groupby
from typing import Any

from flask import Response, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import force_locale
from flask_babel import gettext as _

from accounts.current import current_actor
from accounts.permissions import allows
from core.errors import NotFound, RuleBroken
from core.web.access import public, signed_in
from core.web.sheets import Sheet, xlsx_response
from core.web.tables import csv_response
from meetings.calendar.queries import MeetingRow, get_meeting
from meetings.programme import arranging, files, organiser, publishing, side_routes
from meetings.programme.blueprint import bp
from meetings.programme.differences import differences
from meetings.programme.facts import Content
from meetings.programme.forms import FollowForm
from meetings.programme.publishing import label_of
from meetings.programme.queries import VersionRow, follows, versions_of_meeting
from meetings.programme.transitions import MANAGE, REQUEST
from meetings.programme.words import (
    KIND_NAMES,
    LANGUAGE_NAMES,
    STANDING_MEANS,
    STANDING_TITLES,
    items_words,
    ordinal_meeting,
    sentence,
    short_day,
    span,
    title_of,
)

__all__ = ["arranging", "bp", "organiser", "side_routes"]


@bp.app_template_global("programme_words")
def programme_words() -> dict[str, Callable[..., Any]]:
    """What templates of this room need to say of slots."""
    return {"title": title_of, "span": span, "items": lambda slot: sentence(items_words(slot.items)),
            "number": ordinal_meeting, "kind": lambda slot: KIND_NAMES[slot.kind], "day": short_day,
            "language": lambda code: LANGUAGE_NAMES[code]}


def _published(slug: str) -> tuple[MeetingRow, list[VersionRow]]:
    meeting = get_meeting(slug, reveal=allows(current_actor(), MANAGE))
    return meeting, versions_of_meeting(meeting.id)


def _of(versions: list[VersionRow], number: int | None = None) -> VersionRow:
    found = next((v for v in reversed(versions) if number in (None, v.number)), None)
    if found is None:
        raise NotFound()
    return found


def by_day(content: Content) -> list[tuple[Any, list[Any]]]:
    """Slots of each day, in order."""
    return [(day, list(slots)) for day, slots in groupby(content.slots, key=lambda s: s.day)]


@bp.get("/meetings/<string:slug>/programme")
@public
def page(slug: str) -> ResponseReturnValue:
    """The programme as it was published last. An organiser who has published nothing is led to the draft."""
    meeting, versions = _published(slug)
    if not versions and allows(current_actor(), MANAGE):
        return redirect(url_for("programme.plan", slug=slug), 303)
    return _page(meeting, versions, _of(versions))


@bp.get("/meetings/<string:slug>/programme/versions/<int:number>")
@public
def version(slug: str, number: int) -> ResponseReturnValue:
    """An older version, as it stood."""
    meeting, versions = _published(slug)
    return _page(meeting, versions, _of(versions, number))


def _page(meeting: MeetingRow, versions: list[VersionRow], shown: VersionRow) -> ResponseReturnValue:
    actor = current_actor()
    before = next((v for v in versions if v.number == shown.number - 1), None)
    return render_template(
        "programme/page.html", meeting=meeting, versions=list(reversed(versions)), shown=shown,
        latest=versions[-1], days=by_day(shown.content), title=STANDING_TITLES[shown.standing],
        means=STANDING_MEANS[shown.standing], titles=STANDING_TITLES, label=shown.symbol or label_of(shown.number),
        label_of=label_of, changes=differences(before.content, shown.content) if before else [], before=before,
        followed=follows(meeting.id, actor.person_id) if actor.person_id else None, form=FollowForm(),
        manages=allows(actor, MANAGE), may_ask=allows(actor, REQUEST) and meeting.phase in ("upcoming", "in_session"),
    )


@bp.post("/meetings/<string:slug>/programme/follow")
@signed_in
def follow(slug: str) -> ResponseReturnValue:
    """Be told of changes, of all or of one slot, or no more."""
    meeting = get_meeting(slug)
    form = FollowForm()
    if form.validate_on_submit():
        wanted = form.wanted.data == "1"
        try:
            publishing.follow(meeting.id, current_actor(), form.slot.data or "", wanted=wanted)
        except RuleBroken as error:
            flash(str(error.message), "error")
        else:
            flash(_("You will be told of changes by e-mail, once for each new version.") if wanted
                  else _("You will not be told of these changes any more."), "success")
    return redirect(url_for("programme.page", slug=slug), 303)


# --- files ------------------------------------------------------------------------------------------------------
def _in_english(view: Callable[..., Response]) -> Callable[..., Response]:
    """A file has no reader whose language could be known."""

    @wraps(view)
    def run(*args: Any, **kwargs: Any) -> Response:
        with force_locale("en"):
            return view(*args, **kwargs)

    return run


@bp.get("/meetings/<string:slug>/programme.ics")
@public
@_in_english
def calendar(slug: str) -> Response:
    """Every slot as an entry for calendars; what was taken out is cancelled there."""
    meeting, versions = _published(slug)
    _of(versions)
    response = Response(files.calendar_bytes(meeting, versions), content_type="text/calendar; charset=utf-8")
    response.headers["Content-Disposition"] = f'inline; filename="placard-{slug}-programme.ics"'
    response.headers["Cache-Control"] = "public, no-cache"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.add_etag()
    response.make_conditional(request)
    return response


@bp.get("/meetings/<string:slug>/programme.csv")
@public
@_in_english
def as_csv(slug: str) -> Response:
    """The slots as CSV, in the columns that pasting reads."""
    _meeting, versions = _published(slug)
    return csv_response(files.columns(), _of(versions).content.slots, f"placard-{slug}-programme")


@bp.get("/meetings/<string:slug>/programme.xlsx")
@public
@_in_english
def as_xlsx(slug: str) -> Response:
    """The slots as a workbook."""
    meeting, versions = _published(slug)
    shown = _of(versions)
    # no notes below the rows: the same file can be pasted again
    sheet = Sheet(f"{meeting.short_name} {shown.standing} {shown.number}", files.columns(), shown.content.slots)
    return xlsx_response([sheet], f"placard-{slug}-programme")


@bp.get("/meetings/<string:slug>/programme.json")
@public
@_in_english
def as_json(slug: str) -> Response:
    """The published version for programs, with the digest of its content."""
    meeting, versions = _published(slug)
    response = jsonify(files.as_json(meeting, _of(versions)))
    response.headers["Cache-Control"] = "public, no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response
