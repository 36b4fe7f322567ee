"""Pages of a mission on papers: what is asked and what has come, upload, the note verbale, a nominee's confirmation,
persons named before, substitution. Officers who screen fetch the files here, too."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from accounts.current import current_actor
from accounts.permissions import allows
from core import clock, files
from core.db import end_reading, reading
from core.errors import NotFound, RuleBroken, Stale
from core.pdf import pdf_response, render
from core.web.access import needs
from core.web.forms import add_error
from sponsorship.applications import (
    doubles,
    form_queries,
    nominee_queries,
    nominee_service,
    note_verbale,
    paper_service,
    profile_queries,
    substitution_service,
)
from sponsorship.applications.form_queries import MissionPage, NoteCover
from sponsorship.applications.forms import VersionedForm
from sponsorship.applications.paper_forms import MOST, NoteForm, PaperForm, SubstituteForm
from sponsorship.applications.paper_kinds import KINDS
from sponsorship.applications.paper_queries import file_of, papers_of, slots_of
from sponsorship.applications.paper_service import TAKES
from sponsorship.applications.paper_settings import days
from sponsorship.applications.routes import _progress, _words
from sponsorship.applications.substitution_service import SUBSTITUTES

bp = Blueprint("application_papers", __name__)
bp.context_processor(_words)
Page = str | Response | tuple[str, int]


@bp.get("/sponsorship/applications/<uuid:id>/papers/")
@needs("application.own")
def papers(id: uuid.UUID) -> str:
    """Every paper that is asked and that came, and whether each nominee has confirmed."""
    actor = current_actor()
    page = form_queries.mission_page(id, actor)
    own, each = slots_of(papers_of(id), page.call.required_papers, [n.id for n in page.nominees])
    return render_template(
        "applications/papers.html", page=page, own=own, each=each, steps=_progress(page), step="papers",
        kept=days("paper_days_identity", clock.today()),
        people=nominee_queries.confirmations(page.nominees, page.meeting), takes=page.application.state in TAKES,
        writes=allows(actor, "application.write", page.application.organisation_id),
        substitutes=page.application.state in SUBSTITUTES, former=substitution_service.former_of(id))


# --- one paper ----------------------------------------------------------------------------------------------------
def _paper_page(id: uuid.UUID, kind: str, nominee_id: uuid.UUID | None, form: PaperForm) -> str:
    page = form_queries.mission_page(id, current_actor())
    nominee = next((n for n in page.nominees if n.id == nominee_id), None)
    if kind not in KINDS or (nominee is None) == (not KINDS[kind].of_state):
        raise NotFound()
    slots = [p for p in papers_of(id) if p.kind == kind and p.nominee_id == nominee_id and p.superseded_at is None]
    return render_template("applications/paper.html", page=page, kind=KINDS[kind], nominee=nominee, form=form,
                           current=slots[0] if slots else None)


@bp.get("/sponsorship/applications/<uuid:id>/papers/<uuid:nominee_id>/<string:kind>")
@needs("application.write")
def paper(id: uuid.UUID, nominee_id: uuid.UUID, kind: str) -> Page:
    """Choose the file of a nominee's paper."""
    return _paper_page(id, kind, nominee_id, PaperForm(formdata=None))


@bp.post("/sponsorship/applications/<uuid:id>/papers/<uuid:nominee_id>/<string:kind>")
@needs("application.write")
def put_paper(id: uuid.UUID, nominee_id: uuid.UUID, kind: str) -> Page:
    """Keep it; what stood there stays as superseded."""
    form = PaperForm()
    with reading():  # not found before a file is taken; ended before it is looked at
        paper_service.place_exists(form_queries.own_application(id, current_actor()), kind, nominee_id)
        end_reading()
    try:
        if not form.validate():
            return _paper_page(id, kind, nominee_id, form), 422
        upload = files.check_upload(form.file.data, field="file", max_bytes=MOST, whole=True)
        paper_service.put_paper(id, kind, nominee_id, upload, current_actor())
    except RuleBroken as e:
        add_error(form, e.field, e.message)
        return _paper_page(id, kind, nominee_id, form), 422
    flash(_("The paper has been received: %(paper)s.", paper=KINDS[kind].label), "success")
    return redirect(url_for(".papers", id=id, _anchor=f"nominee-{nominee_id}"), 303)


@bp.get("/sponsorship/applications/papers/<uuid:paper_id>/file")
@needs("application.own", "application.screen")
def paper_file(paper_id: uuid.UUID) -> Response:
    """The file, for the State's own focal points and the officers who screen; for anybody else there is none."""
    return files.serve(file_of(paper_id, current_actor()))


# --- the note verbale -----------------------------------------------------------------------------------------------
def _note_form(covers: list[NoteCover], filled: bool = False) -> NoteForm:
    form = NoteForm() if filled else NoteForm(formdata=None)
    form.covers.choices = [(str(c.id), c.label) for c in covers]
    if not filled:
        form.covers.data = [str(covers[0].id)]
    return form


def _note_page(id: uuid.UUID, covers: list[NoteCover], form: NoteForm) -> str:
    page = form_queries.mission_page(id, current_actor())
    current = next((p for p in papers_of(page.application.id)
                    if p.kind == "nomination_letter" and p.superseded_at is None), None)
    lacks = [m for m in page.missing if m.page != "papers"]
    return render_template(
        "applications/note.html", page=page, covers=covers, form=form, current=current, lacks=lacks,
        takes=page.application.state in TAKES)


@bp.get("/sponsorship/applications/<uuid:id>/note/")
@needs("application.write")
def note(id: uuid.UUID) -> Page:
    """Draft, print, stamp, photograph, upload."""
    covers = form_queries.note_covers(id, current_actor())
    return _note_page(id, covers, _note_form(covers))


@bp.get("/sponsorship/applications/<uuid:id>/note/draft")
@needs("application.write")
def note_draft(id: uuid.UUID) -> Response:
    """The draft as PDF, for this application and those that `covers` names."""
    actor = current_actor()
    page = form_queries.mission_page(id, actor)
    allowed = {str(c.id): c.id for c in form_queries.note_covers(id, actor)}
    wanted = [allowed[key] for key in request.args.getlist("covers") if key in allowed and allowed[key] != id]
    pages = [page, *(form_queries.mission_page(key, actor) for key in wanted)]
    return pdf_response(render(note_verbale.draft(pages)), f"note-verbale-{page.application.reference}")


@bp.post("/sponsorship/applications/<uuid:id>/note/")
@needs("application.write")
def put_note(id: uuid.UUID) -> Page:
    """Keep the stamped note, for every application it covers, in one step."""
    with reading():  # ended before the file is looked at: no lock is held meanwhile
        covers = form_queries.note_covers(id, current_actor())
        end_reading()
    form = _note_form(covers, filled=True)
    if not form.validate():
        return _note_page(id, covers, form), 422
    try:
        upload = files.check_upload(form.file.data, field="file", max_bytes=MOST, whole=True)
        number = paper_service.put_note([uuid.UUID(key) for key in form.covers.data or ()], upload, current_actor())
    except RuleBroken as e:
        add_error(form, e.field, e.message)
        return _note_page(id, covers, form), 422
    flash(ngettext("The note verbale has been received for one application.",
                   "The note verbale has been received for %(num)s applications.", number), "success")
    return redirect(url_for(".papers", id=id), 303)


# --- a nominee's confirmation -----------------------------------------------------------------------------------------
@bp.post("/sponsorship/applications/<uuid:id>/nominees/<uuid:nominee_id>/link")
@needs("application.write")
def ask_nominee(id: uuid.UUID, nominee_id: uuid.UUID) -> Response:
    """Mail the personal link, or end it."""
    try:
        if request.form.get("do") == "end":
            nominee_service.revoke(id, nominee_id, current_actor())
            flash(_("The link has ended: it opens nothing any more."), "success")
        else:
            nominee_service.ask(id, nominee_id, current_actor())
            flash(_("The nominee has been sent a personal link."), "success")
    except RuleBroken as e:
        flash(str(e.message), "warning")
    return redirect(url_for(".papers", id=id, _anchor=f"nominee-{nominee_id}"), 303)


# --- persons named before ---------------------------------------------------------------------------------------------
@bp.get("/sponsorship/applications/<uuid:id>/form/nominees/named-before")
@needs("application.write")
def named_before(id: uuid.UUID) -> Page:
    """Persons whom this State named before and who agreed to be named again."""
    actor = current_actor()
    page = form_queries.mission_page(id, actor)
    if not page.writable:
        return redirect(url_for("applications.status", id=id), 303)
    profiles = profile_queries.profiles_of(page.application.organisation_id, actor, [n.email for n in page.nominees])
    return render_template("applications/named_before.html", page=page, profiles=profiles,
                           until=nominee_service.consent_until)


@bp.post("/sponsorship/applications/<uuid:id>/form/nominees/named-before")
@needs("application.write")
def use_named_before(id: uuid.UUID) -> Response:
    """Take a person over, or give the right to do so up."""
    form = VersionedForm()
    if not form.validate():
        raise Stale()
    act, _sep, which = request.form.get("do", "").partition(":")
    try:
        profile_id = uuid.UUID(which)
    except ValueError:
        raise NotFound() from None
    try:
        if act == "forget":
            nominee_service.forget_profile(profile_id, current_actor())
            flash(_("Your mission keeps this person no longer. What was sent to the fund stays as it was sent."),
                  "success")
            return redirect(url_for(".named_before", id=id), 303)
        nominee_id = nominee_service.take_over(id, profile_id, form.shown, current_actor())
    except Stale:
        flash(_("A colleague has changed this application meanwhile. This is the list as it stands now."), "warning")
        return redirect(url_for(".named_before", id=id), 303)
    except RuleBroken as e:
        flash(str(e.message), "warning")
        return redirect(url_for(".named_before", id=id), 303)
    flash(_("Taken over. Look whether everything is still right, then write the days of the journey."), "success")
    return redirect(url_for("applications.nominee_step", id=id, nominee_id=nominee_id, page="person"), 303)


# --- substitution -----------------------------------------------------------------------------------------------------
def _substitute_page(page: MissionPage, nominee_id: uuid.UUID, form: SubstituteForm) -> str:
    nominee = next((n for n in page.nominees if n.id == nominee_id), None)
    if nominee is None:
        raise NotFound()
    return render_template("applications/substitute.html", page=page, nominee=nominee, form=form)


@bp.get("/sponsorship/applications/<uuid:id>/nominees/<uuid:nominee_id>/substitute")
@needs("application.write")
def substitute(id: uuid.UUID, nominee_id: uuid.UUID) -> Page:
    """Name another person for a nominee's place."""
    page = form_queries.mission_page(id, current_actor())
    if page.application.state not in SUBSTITUTES:
        return redirect(url_for("applications.status", id=id), 303)
    form = SubstituteForm(formdata=None)
    form.version.data = page.application.version
    return _substitute_page(page, nominee_id, form)


@bp.post("/sponsorship/applications/<uuid:id>/nominees/<uuid:nominee_id>/substitute")
@needs("application.write")
def put_substitute(id: uuid.UUID, nominee_id: uuid.UUID) -> Page:
    """The other person takes the place."""
    actor = current_actor()
    page = form_queries.mission_page(id, actor)
    form = SubstituteForm()
    _substitute_page(page, nominee_id, form)
    if not form.validate():
        return _substitute_page(page, nominee_id, form), 422
    values: dict[str, Any] = form.readable()
    values.pop("reason", None)
    try:
        substitution_service.substitute(id, nominee_id, values, form.reason.data or "", form.shown, actor)
    except Stale:
        page = form_queries.mission_page(id, actor)
        form.version.data = page.application.version
        add_error(form, None, _("This application has changed since you opened this page. Your words are still here; "
                                "look again before you go on."))
        return _substitute_page(page, nominee_id, form), 409
    except RuleBroken as e:
        add_error(form, e.field, e.message)
        return _substitute_page(page, nominee_id, form), 422
    flash(_("The nominee has been substituted. The place in your order stays; the secretariat looks at the new "
            "nominee."), "success")
    return redirect(url_for(".papers", id=id, _anchor=f"nominee-{nominee_id}"), 303)


# --- officers who screen ----------------------------------------------------------------------------------------------
@bp.post("/sponsorship/applications/<uuid:id>/substitutes/<uuid:substitution_id>/check")
@needs("application.screen")
def check_substitute(id: uuid.UUID, substitution_id: uuid.UUID) -> Response:
    """The new nominee is an official whom the State nominates."""
    substitution_service.check(substitution_id, current_actor())
    flash(_("Noted: the substituted nominee has been checked."), "success")
    return redirect(url_for("applications_officer.screening", id=id), 303)


@bp.post("/sponsorship/applications/<uuid:id>/set-aside")
@needs("application.screen")
def set_aside(id: uuid.UUID) -> Response:
    """A ministry's application gives way to the mission's."""
    form = VersionedForm()
    if not form.validate():
        raise Stale()
    try:
        doubles.set_aside(id, form.shown, current_actor())
        flash(_("Set aside: the mission’s note verbale prevails. The State has been told."), "success")
    except RuleBroken as e:
        flash(str(e.message), "warning")
    return redirect(url_for("applications_officer.screening", id=id), 303)
