"""The nominee's own page, by a personal link: no account, one page, made for a telephone. A link that is unknown,
ended or expired gets one and the same answer, which tells nothing of anybody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from core import files
from core.errors import RuleBroken, Stale
from core.web.access import public
from core.web.forms import add_error
from core.web.limits import limiter
from sponsorship.applications import nominee_queries, nominee_service
from sponsorship.applications.nominee_queries import NomineePage
from sponsorship.applications.nominee_service import CORRECTED, LinkOver
from sponsorship.applications.paper_forms import MOST, NomineeForm, PaperForm
from sponsorship.applications.words import PACKAGE_NAMES

bp = Blueprint("nominee_pages", __name__)
Page = str | Response | tuple[str, int]


def _or_over(answer: Callable[[], Page]) -> Page:
    try:
        return answer()
    except LinkOver:
        return render_template("applications/nominee/over.html"), 404


def _form(page: NomineePage) -> NomineeForm:
    nominee = page.nominee
    form = NomineeForm(formdata=None)
    for name in (*CORRECTED, "sex", "departure_city"):
        form[name].data = getattr(nominee, name)
    form.version.data = nominee.version
    form.keep_profile.data = nominee.reuse_consent_at is not None
    if page.passport is not None:
        form.passport_expires.data = page.passport.expires
        form.visa_class.data, form.visa_held.data = page.passport.visa_class, page.passport.visa_held
        form.visa_day.data = page.passport.visa_day
    return form


@bp.get("/nominee/<string:token>")
@limiter.limit("60/minute")
@public
def page(token: str) -> Page:
    """Own data, to look at and to correct."""
    def shown() -> Page:
        found = nominee_queries.nominee_page(token)
        return _page(found, _form(found), token)

    return _or_over(shown)


@bp.post("/nominee/<string:token>")
@limiter.limit("20/minute")
@public
def answer(token: str) -> Page:
    """Correct and confirm."""
    return _or_over(lambda: _answer(token))


def _answer(token: str) -> Page:
    found = nominee_queries.nominee_page(token)
    form = NomineeForm()
    form.number_known = found.passport is not None and bool(found.passport.number)
    if not form.validate():
        return _page(found, form, token), 422
    values = {field.name: field.data for field in form if field.name not in ("csrf_token", "version")}
    try:
        nominee_service.answer(token, values, form.shown)
    except Stale:
        found = nominee_queries.nominee_page(token)
        form.version.data = found.nominee.version
        add_error(form, None, _("Your mission has changed these data while you were writing. Your words are still "
                                "here; what the mission wrote is shown below. Confirm again to keep yours."))
        return _page(found, form, token, _theirs(found, form)), 409
    except RuleBroken as e:
        add_error(form, e.field, e.message)
        return _page(found, form, token), 422
    flash(_("Thank you. Your data are confirmed, and your mission has been told."), "success")
    return redirect(url_for(".page", token=token), 303)


def _page(found: NomineePage, form: NomineeForm, token: str, theirs: list[tuple[Any, str]] | None = None,
          copy: PaperForm | None = None) -> str:
    return render_template("applications/nominee/page.html", page=found, form=form, theirs=theirs, token=token,
                           copy=copy or PaperForm(formdata=None), package=PACKAGE_NAMES[found.package])


def _theirs(found: NomineePage, form: NomineeForm) -> list[tuple[Any, str]]:
    """(label, what the mission wrote) where it differs from this page."""
    rows = []
    for name in (*CORRECTED, "departure_city"):
        stands = getattr(found.nominee, name)
        if (stands or None) != (form[name].data or None):
            rows.append((form[name].label.text, str(stands or "")))
    return rows


@bp.post("/nominee/<string:token>/passport")
@limiter.limit("20/hour")
@public
def passport(token: str) -> Page:
    """The copy of the passport, by itself: a file that is too large takes no typed word with it."""
    return _or_over(lambda: _passport(token))


def _passport(token: str) -> Page:
    found = nominee_queries.nominee_page(token)
    copy = PaperForm()
    try:
        if not copy.validate():
            return _page(found, _form(found), token, copy=copy), 422
        upload = files.check_upload(copy.file.data, field="file", max_bytes=MOST, whole=True)
        nominee_service.put_passport_copy(token, upload)
    except RuleBroken as e:
        add_error(copy, e.field, e.message)
        return _page(found, _form(found), token, copy=copy), 422
    flash(_("The copy of your passport has been received."), "success")
    return redirect(url_for(".page", token=token), 303)
