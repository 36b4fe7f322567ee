"""Pages of the public and of the missions: the calls, the form, the receipt, where an application stands."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from accounts.current import current_actor
from accounts.permissions import allows, organisations_with
from accounts.queries import acts_for_ministry, names, person_labels
from core import clock
from core.errors import IllegalMove, NotFound, RuleBroken, Stale
from core.events import history
from core.web.access import needs, public
from core.web.formats import format_instant
from core.web.forms import add_error
from core.web.timeline import TimelineItem, timeline_items
from sponsorship.applications import application_service, form_queries, related
from sponsorship.applications.application_service import NOMINEE_PAGES
from sponsorship.applications.call_money import delegates_carried
from sponsorship.applications.completeness import MAX_NOMINEES, Missing
from sponsorship.applications.form_queries import MissionPage, StepState
from sponsorship.applications.forms import StepForm, VersionedForm, WithdrawForm, form_class_of, step_form
from sponsorship.applications.next_steps import for_mission
from sponsorship.applications.transitions import APPLICATION, EVENTS_UNTIL_TOLD, MISSION_EVENTS, public_call_state
from sponsorship.applications.words import (
    CRITERION_MEANINGS,
    CRITERION_NAMES,
    EVENT_NAMES,
    PACKAGE_NAMES,
    SEX_NAMES,
    call_words,
    ineligible_sentence,
)

bp = Blueprint("applications", __name__)


@bp.context_processor
def _words() -> dict[str, Any]:
    return {"call_state": public_call_state, "APPLICATION": APPLICATION, "criterion_names": CRITERION_NAMES,
            "criterion_meanings": CRITERION_MEANINGS, "package_names": PACKAGE_NAMES, "sex_names": SEX_NAMES,
            "may": lambda permission: allows(current_actor(), permission), "way_to": way_to,
            **call_words()}


def way_to(application_id: uuid.UUID, lack: Missing, back: str | None = None) -> str:
    """The page on which what is missing is put right; `back` leads on to the check page afterwards."""
    if lack.page == "papers":
        return url_for("application_papers.papers", id=application_id,
                       _anchor=f"nominee-{lack.nominee_id}" if lack.nominee_id else "state")
    if lack.page == "nominees":
        return url_for("applications.nominees", id=application_id)
    if lack.nominee_id:
        return url_for("applications.nominee_step", id=application_id, nominee_id=lack.nominee_id, page=lack.page,
                       back=back)
    return url_for("applications.step", id=application_id, page=lack.page, back=back)


# --- public -----------------------------------------------------------------------------------------------------
@bp.get("/sponsorship/")
@public
def calls() -> str:
    """The fund's calls, open ones first."""
    return render_template("applications/calls.html", calls=form_queries.public_calls())


@bp.get("/sponsorship/calls/<uuid:id>/")
@public
def call(id: uuid.UUID) -> str:
    """One call: what is paid, for whom, by which rules, until when."""
    page = form_queries.public_call(id)
    return render_template("applications/call.html", page=page, now=clock.now(), carries=delegates_carried(page.call))


@bp.get("/sponsorship/apply/")
@public
def apply() -> str:
    """Where a mission begins: the open calls, and what it has under way."""
    actor = current_actor()
    organisations = organisations_with(actor, "application.write")
    own = form_queries.own_applications(actor) if organisations else []
    ministry = {key for key in organisations if acts_for_ministry(actor.person_id, key)}
    under_way = {(a.call_id, a.organisation_id): a for a in own
                 if a.state != "withdrawn" and a.of_ministry == (a.organisation_id in ministry)}
    return render_template(
        "applications/apply.html", calls=form_queries.public_calls(("open",)), under_way=under_way,
        organisations=sorted(names(organisations).items(), key=lambda pair: pair[1]),
        signed_in=actor.kind == "person",
    )


@bp.post("/sponsorship/apply/<uuid:call_id>")
@needs("application.write")
def start(call_id: uuid.UUID) -> Response:
    """Begin an application, or go on with the one under way."""
    organisation = _uuid(request.form.get("organisation_id", ""))
    try:
        application_id = application_service.start(call_id, organisation, current_actor())
    except RuleBroken as e:
        flash(str(e.message), "warning")
        return redirect(url_for(".apply"), 303)
    return redirect(url_for(".step", id=application_id, page="declaration"), 303)


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise NotFound() from None


# --- where an application stands --------------------------------------------------------------------------------
@bp.get("/sponsorship/applications/")
@needs("application.own")
def own() -> str:
    """The applications of the person's State."""
    return render_template("applications/own.html", rows=form_queries.own_applications(current_actor()))


@bp.get("/sponsorship/applications/<uuid:id>/")
@needs("application.own")
def status(id: uuid.UUID) -> str:
    """Where an application stands, who acts next and by when."""
    page = form_queries.mission_page(id, current_actor())
    return render_template(
        "applications/status.html", page=page, next=for_mission(page, clock.now()), timeline=_timeline(page),
        related=related.of_application(id, current_actor()),
        ineligible=ineligible_sentence(page.application.ineligible_reason),
        can_withdraw=APPLICATION.find(page.application.state, "withdraw") is not None,
    )


def _timeline(page: MissionPage) -> list[TimelineItem]:
    """What a mission may know: its own steps and the decisions; colleagues by name, officers by office."""
    events = [e for e in history("application", page.application.id) if e.tag in MISSION_EVENTS]
    if not page.told:
        events = [e for e in events if e.tag not in EVENTS_UNTIL_TOLD]
    own_tags = ("start", "submit", "withdraw", "paper", "ask_nominee", "revoke_link", "take_over_nominee", "substitute")
    colleagues = person_labels(e.actor_id for e in events if e.tag.rsplit(".", 1)[-1] in own_tags)
    labels = {"start": _("Application begun"), "submit": _("Application sent"), "return": _("Returned for completion"),
              "find_ineligible": _("Screened"), "select": _("Decided"), "not_select": _("Decided"),
              "put_on_reserve_list": _("Decided"), "withdraw": _("Withdrawn by the mission"), **EVENT_NAMES}
    officers = {e.actor_id: _("The fund") for e in events if e.actor_id and e.actor_id not in colleagues}
    return timeline_items(events, APPLICATION, {**officers, **colleagues}, labels, show_text=False)


# --- the form, one question group a page ------------------------------------------------------------------------
@bp.get("/sponsorship/applications/<uuid:id>/form/<string:page>")
@needs("application.write")
def step(id: uuid.UUID, page: str) -> Response | str:
    """One page of the form."""
    return _show_step(id, page, None)


@bp.post("/sponsorship/applications/<uuid:id>/form/<string:page>")
@needs("application.write")
def save_step(id: uuid.UUID, page: str) -> Response | tuple[str | Response, int]:
    """Keep a page and go on, or keep it as a draft."""
    return _save_step(id, page, None)


@bp.get("/sponsorship/applications/<uuid:id>/form/nominees/<uuid:nominee_id>/<string:page>")
@needs("application.write")
def nominee_step(id: uuid.UUID, nominee_id: uuid.UUID, page: str) -> Response | str:
    """One page about one nominee."""
    return _show_step(id, page, nominee_id)


@bp.post("/sponsorship/applications/<uuid:id>/form/nominees/<uuid:nominee_id>/<string:page>")
@needs("application.write")
def save_nominee_step(id: uuid.UUID, nominee_id: uuid.UUID, page: str) -> Response | tuple[str | Response, int]:
    """Keep a page about a nominee."""
    return _save_step(id, page, nominee_id)


def _show_step(id: uuid.UUID, page: str, nominee_id: uuid.UUID | None) -> Response | str:
    mission = form_queries.mission_page(id, current_actor())
    state = form_queries.step_state(id, page, nominee_id, current_actor())
    if not mission.writable:
        return redirect(url_for(".status", id=id), 303)
    form = step_form(page, state.typed, state.values, state.version, mission.call.questions)
    return _render_step(mission, page, nominee_id, form, state)


def _save_step(id: uuid.UUID, page: str, nominee_id: uuid.UUID | None) -> Response | tuple[str | Response, int]:
    actor = current_actor()
    mission = form_queries.mission_page(id, actor)
    state = form_queries.step_state(id, page, nominee_id, actor)
    form = form_class_of(page, mission.call.questions)()
    typing = request.form.get("go") == "typing"  # the script keeps what stands on the page
    draft = typing or request.form.get("go") == "save"
    valid = form.validate()
    valid = form.check_against(mission.meeting.start_date, mission.meeting.end_date) and valid
    if form.version.errors and typing:
        return jsonify(stale=True), 409
    if form.version.errors or (not valid and not draft):
        return _render_step(mission, page, nominee_id, form, state), 422
    try:
        version = application_service.save_step(
            id, page, nominee_id, typed=form.typed(), values=form.readable(), complete=valid,
            expected_version=form.shown, actor=actor)
    except Stale:
        # a colleague's words stand on this page: show both, keep what was typed, let this person choose
        if typing:
            return jsonify(stale=True), 409
        now = form_queries.step_state(id, page, nominee_id, actor)
        theirs = step_form(page, now.typed, now.values, now.version, mission.call.questions)
        form.version.data = now.version
        return _render_step(mission, page, nominee_id, form, now, theirs=_differences(form, theirs)), 409
    except RuleBroken as e:
        if typing:
            return jsonify(message=str(e.message)), 422
        add_error(form, e.field, e.message)
        return _render_step(mission, page, nominee_id, form, state), 409
    if typing:
        return jsonify(version=version, message=_(
            "Draft saved at %(time)s.", time=format_instant(clock.now(), mission.meeting.timezone)))
    if draft:
        flash(_("Saved at %(time)s. Come back at any time until the call closes.",
                time=format_instant(clock.now(), mission.meeting.timezone)), "success")
        return redirect(url_for(".status", id=id), 303)
    return redirect(_after(mission, page, nominee_id), 303)


def _differences(mine: StepForm, theirs: StepForm) -> list[tuple[Any, str, str]]:
    """(label, what the colleague saved, what stands on this page) for fields whose words differ."""
    rows = []
    for field in mine:
        if field.name in ("version", "csrf_token"):
            continue
        a, b = _words_of(mine[field.name]), _words_of(theirs[field.name])
        if a != b:
            rows.append((field.label.text, b, a))
    return rows


def _words_of(field: Any) -> str:
    if hasattr(field, "choices"):
        return next((str(label) for value, label in field.choices if value == field.data), "")
    if isinstance(field.data, bool):
        return _("Yes") if field.data else _("No")
    return str(field._value() if hasattr(field, "_value") else field.data or "")


def _after(mission: MissionPage, page: str, nominee_id: uuid.UUID | None) -> str:
    id = mission.application.id
    if request.args.get("back") == "check":
        return url_for(".check", id=id)
    if page == "person":
        return url_for(".nominee_step", id=id, nominee_id=nominee_id, page="journey")
    if page == "journey" and mission.call.nominee_questions:
        return url_for(".nominee_step", id=id, nominee_id=nominee_id, page="answers")
    if page in ("journey", "answers"):
        return url_for(".nominees", id=id)
    place = mission.pages.index(page) + 1
    if place < len(mission.pages):
        return url_for(".step", id=id, page=mission.pages[place])
    first = mission.nominees[0] if len(mission.nominees) == 1 else None
    if first is not None and mission.lacking("person", first.id):
        return url_for(".nominee_step", id=id, nominee_id=first.id, page="person")
    return url_for(".nominees", id=id)


def _render_step(
    mission: MissionPage, page: str, nominee_id: uuid.UUID | None, form: StepForm, state: StepState,
    theirs: list[tuple[Any, str, str]] | None = None,
) -> str:
    nominee = next((n for n in mission.nominees if n.id == nominee_id), None)
    return render_template(f"applications/steps/{page}.html", page=mission, step=page, nominee=nominee, form=form,
                           state=state, theirs=theirs, steps=_progress(mission), now=clock.now())


def _progress(mission: MissionPage) -> list[dict[str, Any]]:
    id = mission.application.id
    labels = {"declaration": _("Declaration"), "contribution": _("Own share"), "attendance": _("Earlier meetings"),
              "questions": _("Questions")}
    lacking = {"nominees" if m.page in ("nominees", *NOMINEE_PAGES) else m.page for m in mission.missing}
    return [
        *({"label": labels[page], "url": url_for("applications.step", id=id, page=page), "key": page,
           "done": page not in lacking}
          for page in mission.pages),
        {"label": _("Nominees"), "url": url_for("applications.nominees", id=id), "key": "nominees",
         "done": "nominees" not in lacking},
        {"label": _("Papers"), "url": url_for("application_papers.papers", id=id), "key": "papers",
         "done": "papers" not in lacking},
        {"label": _("Check and send"), "url": url_for("applications.check", id=id), "key": "check", "done": False},
    ]


# --- nominees in order of priority ------------------------------------------------------------------------------
@bp.get("/sponsorship/applications/<uuid:id>/form/nominees/")
@needs("application.write")
def nominees(id: uuid.UUID) -> Response | str:
    """The persons nominated, first choice first."""
    mission = form_queries.mission_page(id, current_actor())
    if not mission.writable:
        return redirect(url_for(".status", id=id), 303)
    return render_template("applications/steps/nominees.html", page=mission, steps=_progress(mission),
                           most=MAX_NOMINEES, step="nominees", now=clock.now())


@bp.post("/sponsorship/applications/<uuid:id>/form/nominees/")
@needs("application.write")
def change_nominees(id: uuid.UUID) -> Response:
    """Add, remove or move a nominee."""
    form = VersionedForm()
    if not form.validate():
        raise Stale()
    actor, version = current_actor(), form.shown
    act, _sep, which = request.form.get("do", "").partition(":")
    try:
        if act == "add":
            nominee_id = application_service.add_nominee(id, version, actor)
            return redirect(url_for(".nominee_step", id=id, nominee_id=nominee_id, page="person"), 303)
        if act == "remove":
            application_service.remove_nominee(id, _uuid(which), version, actor)
            flash(_("The nominee has been taken off the list and the data erased."), "success")
        elif act in ("up", "down"):
            application_service.move_nominee(id, _uuid(which), act == "up", version, actor)
        else:
            raise NotFound()
    except Stale:
        flash(_("A colleague has changed this application meanwhile. This is the list as it stands now."), "warning")
    except RuleBroken as e:
        flash(str(e.message), "warning")
    return redirect(url_for(".nominees", id=id), 303)


@bp.get("/sponsorship/applications/<uuid:id>/form/nominees/<uuid:nominee_id>/remove")
@needs("application.write")
def confirm_removal(id: uuid.UUID, nominee_id: uuid.UUID) -> Response | str:
    """Ask before a person's data are erased."""
    mission = form_queries.mission_page(id, current_actor())
    nominee = next((n for n in mission.nominees if n.id == nominee_id), None)
    if nominee is None:
        raise NotFound()
    if not mission.writable:
        return redirect(url_for(".status", id=id), 303)
    return render_template("applications/steps/remove.html", page=mission, nominee=nominee)


# --- check, send, receipt, withdraw -----------------------------------------------------------------------------
@bp.get("/sponsorship/applications/<uuid:id>/form/check")
@needs("application.write")
def check(id: uuid.UUID) -> Response | str:
    """Every answer on one page before it is sent."""
    mission = form_queries.mission_page(id, current_actor())
    if not mission.writable:
        return redirect(url_for(".status", id=id), 303)
    return _render_check(mission, VersionedForm(formdata=None))


def _render_check(mission: MissionPage, form: VersionedForm, changed: bool = False) -> str:
    form.version.data = mission.application.version
    return render_template("applications/steps/check.html", page=mission, form=form, steps=_progress(mission),
                           step="check", changed=changed, now=clock.now())


@bp.post("/sponsorship/applications/<uuid:id>/form/check")
@needs("application.write")
def submit(id: uuid.UUID) -> Response | tuple[str, int]:
    """Send the application to the fund."""
    actor = current_actor()
    form = VersionedForm()
    if not form.validate():
        return _render_check(form_queries.mission_page(id, actor), form), 422
    try:
        application_service.submit(id, form.shown, actor)
    except Stale:
        return _render_check(form_queries.mission_page(id, actor), VersionedForm(formdata=None), changed=True), 409
    except RuleBroken as e:
        add_error(form, e.field, e.message)
        return _render_check(form_queries.mission_page(id, actor), form), 422
    except IllegalMove:
        # sent already: a double click, or a colleague was faster
        return redirect(url_for(".status", id=id), 303)
    return redirect(url_for(".receipt", id=id), 303)


@bp.get("/sponsorship/applications/<uuid:id>/receipt")
@needs("application.own")
def receipt(id: uuid.UUID) -> Response | str:
    """That it has arrived, when, under which reference. Made to be printed."""
    page = form_queries.mission_page(id, current_actor())
    if page.application.received_at is None:
        return redirect(url_for(".status", id=id), 303)
    return render_template("applications/receipt.html", page=page, next=for_mission(page, clock.now()))


@bp.get("/sponsorship/applications/<uuid:id>/withdraw")
@needs("application.write")
def confirm_withdrawal(id: uuid.UUID) -> Response | str:
    """Ask before an application is taken back."""
    page = form_queries.mission_page(id, current_actor())
    if APPLICATION.find(page.application.state, "withdraw") is None:
        return redirect(url_for(".status", id=id), 303)
    form = WithdrawForm(formdata=None)
    form.version.data = page.application.version
    return render_template("applications/withdraw.html", page=page, form=form)


@bp.post("/sponsorship/applications/<uuid:id>/withdraw")
@needs("application.write")
def withdraw(id: uuid.UUID) -> Response | tuple[str, int]:
    """Take an application back."""
    actor = current_actor()
    page = form_queries.mission_page(id, actor)
    form = WithdrawForm()
    if not form.validate():
        return render_template("applications/withdraw.html", page=page, form=form), 422
    try:
        application_service.withdraw(id, form.shown, form.reason.data or "", actor)
    except Stale:
        page = form_queries.mission_page(id, actor)
        form.version.data = page.application.version
        add_error(form, None, _("This application has changed since you opened this page. Look again before "
                                "you go on."))
        return render_template("applications/withdraw.html", page=page, form=form), 409
    flash(_("The application has been withdrawn."), "success")
    return redirect(url_for(".status", id=id), 303)
