"""Pages of the check against the Security Council's list: for two kinds of finance officers, and nobody else."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from accounts.current import current_actor
from accounts.permissions import allows
from accounts.queries import person_labels
from accounts.tokens import keep_upload, kept_upload
from core import clock, files
from core.db import reading
from core.errors import RuleBroken
from core.events import history
from core.files import CheckedUpload
from core.web.access import needs
from core.web.downloads import download
from core.web.forms import add_error
from core.web.tables import Column, Filter, Table, TableQuery
from core.web.timeline import timeline_items
from sponsorship.awards.forms import VersionedForm
from sponsorship.disbursements import sanctions_queries as queries
from sponsorship.disbursements import sanctions_service as service
from sponsorship.disbursements.sanctions_forms import ClearForm, ListCheckForm, ListForm, WordsForm
from sponsorship.disbursements.sanctions_reading import ReadList, read_list
from sponsorship.disbursements.sanctions_words import LABELS
from sponsorship.disbursements.settings import days, setting
from sponsorship.disbursements.transitions import MATCH

bp = Blueprint("sanctions", __name__, url_prefix="/sanctions")
View = str | Response | tuple[str, int]
COLUMNS = [
    Column("award", _l("Award"), heading=True), Column("organisation", _l("State")),
    Column("listed", _l("Person on the list")), Column("reference", _l("Listed as")),
    Column("likeness", _l("What is alike")), Column("status", _l("Where it stands")), Column("found_at", _l("Found")),
]
LISTS = [
    Column("published_on", _l("Published"), heading=True), Column("persons", _l("Persons"), numeric=True),
    Column("imported_at", _l("Imported")), Column("sha256", _l("SHA-256"), render=lambda row: row.sha256[:16] + "…"),
]


@bp.context_processor
def _words() -> dict[str, Any]:
    return {"office_zone": setting("office_zone", clock.today()),
            "list_days": days("sanctions_list_days", clock.today())}


@bp.get("/")
@needs("sanctions.review")
def matches() -> View:
    """Possible matches, and whether the list is fresh."""
    filters = [Filter("state", _("Where it stands"), [(s.code, s.label) for s in MATCH.states])]
    query = TableQuery.from_args(request.args, (), filters)
    rows, total = queries.list_matches(query)
    if query.format:
        return download(query, COLUMNS, rows, "payee-checks")
    table = Table(
        _("Possible matches"), COLUMNS, rows, filters=filters, query=query, total=total,
        base_url=url_for("sanctions.matches"), empty_title=_("No possible matches"),
        empty_text=_("Payees are compared when their bank data is given, before certification, and whenever a new list "
                     "is imported."),
        row_url=lambda row: url_for("sanctions.match", id=row.id))
    return render_template("disbursements/sanctions.html", table=table, standing=queries.standing(),
                           may_import=allows(current_actor(), "sanctions.import"))


# --- lists ------------------------------------------------------------------------------------------------------------
@bp.get("/lists/")
@needs("sanctions.review")
def lists() -> View:
    """Every list that was imported."""
    query = TableQuery.from_args(request.args)
    rows, total = queries.list_lists(query)
    if query.format:
        return download(query, LISTS, rows, "consolidated-lists")
    table = Table(_("Imported lists"), LISTS, rows, query=query, total=total, base_url=url_for("sanctions.lists"),
                  empty_title=_("No list yet"), empty_text=_("No payment can be certified before one is imported."),
                  row_url=lambda row: url_for("sanctions.list_file", id=row.id))
    return render_template("disbursements/sanctions_lists.html", table=table, standing=queries.standing(),
                           may_import=allows(current_actor(), "sanctions.import"))


@bp.get("/lists/<uuid:id>/file")
@needs("sanctions.review")
def list_file(id: uuid.UUID) -> Response:
    """The file as it was imported."""
    return files.serve(queries.list_row(id).file_id)


@bp.route("/lists/import", methods=["GET", "POST"])
@needs("sanctions.import")
def import_list() -> View:
    """Read a file and show what it says. Nothing is stored yet."""
    form = ListForm()
    if form.validate_on_submit():
        content = form.file.data.stream.read()
        try:
            read = read_list(content)
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            kept = files.lay_down(content, form.file.data.filename, "application/xml")
            return _preview(read, kept, ListCheckForm(formdata=None, kept_token=keep_upload(kept)))
    body = render_template("disbursements/sanctions_import.html", form=form)
    return (body, 422) if request.method == "POST" else body


def _preview(read: ReadList, kept: CheckedUpload, form: ListCheckForm) -> str:
    with reading():
        compared = queries.compare_with_current({person.data_id: person.digest for person in read.persons})
    return render_template("disbursements/sanctions_check.html", read=read, upload=kept, form=form, compared=compared)


@bp.post("/lists/check")
@needs("sanctions.import")
def confirm_list() -> View:
    """Put the list on record."""
    kept = kept_upload(request.form.get("kept_token", ""))
    form = ListForm(formdata=None)
    try:
        if kept is None:
            raise RuleBroken(_("The file was kept for some hours only. Choose it again."), code="sanctions.file",
                             field="file")
        service.import_list(read_list(_bytes_of(kept)), kept, current_actor())
    except RuleBroken as refusal:
        add_error(form, refusal.field, refusal.message)
    else:
        flash(_("The list is on record. Payees are compared with it within minutes."), "success")
        return redirect(url_for("sanctions.matches"), 303)
    return render_template("disbursements/sanctions_import.html", form=form), 422


def _bytes_of(upload: CheckedUpload) -> bytes:
    path = current_app.extensions["placard_settings"].upload_dir / str(upload.key)
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != upload.sha256:
        raise RuleBroken(_("The file was kept for some hours only. Choose it again."), code="sanctions.file",
                         field="file")
    return content


# --- one possible match -----------------------------------------------------------------------------------------------
@bp.get("/matches/<uuid:id>")
@needs("sanctions.review")
def match(id: uuid.UUID) -> View:
    return _show(id)


def _show(match_id: uuid.UUID, message: object | None = None) -> View:
    page = queries.match_page(match_id)
    events = history("sanctions_match", match_id)
    people = person_labels([e.actor_id for e in events])
    actor = current_actor()
    mine = page.row.proposed_by == actor.person_id
    moves = [m for m in MATCH.from_state(page.row.state) if m.permission != "system"
             and not (mine and m.action == "clear")]
    body = render_template("disbursements/sanctions_match.html", page=page, message=message, moves=moves, mine=mine,
                           timeline=timeline_items(events, MATCH, people, LABELS))
    return (body, 422) if message else body


def _act(match_id: uuid.UUID, form: VersionedForm, run: Callable[[Any], None], title: str, warning: str, button: str,
         done: str, kind: str = "primary") -> View:
    page = queries.match_page(match_id)
    if request.method == "GET":
        form.version.data = page.row.version
    elif form.validate_on_submit():
        try:
            run(form)
            flash(done, "success")
            return redirect(url_for("sanctions.match", id=match_id), 303)
        except RuleBroken as error:
            add_error(form, error.field, error.message)
    body = render_template("disbursements/sanctions_act.html", page=page, form=form, title=title, warning=warning,
                           button=button, kind=kind)
    return (body, 422) if request.method == "POST" else body


@bp.route("/matches/<uuid:id>/propose", methods=["GET", "POST"])
@needs("sanctions.review")
def propose(id: uuid.UUID) -> View:
    return _act(id, ClearForm(),
                lambda f: service.propose_clearance(id, f.reason.data, f.text.data, current_actor(), f.seen),
                _("Propose to clear the match"), _("The payee is another person. A second finance officer must agree."),
                _("Propose to clear it"), _("Proposed. Another finance officer must agree."))


@bp.route("/matches/<uuid:id>/clear", methods=["GET", "POST"])
@needs("sanctions.review")
def clear(id: uuid.UUID) -> View:
    return _act(id, ClearForm(),
                lambda f: service.clear(id, f.reason.data, f.text.data, current_actor(), f.seen),
                _("Clear the match"), _("You are the second to find that the payee is another person."),
                _("Clear it"), _("Cleared by two officers."))


@bp.route("/matches/<uuid:id>/object", methods=["GET", "POST"], endpoint="object")
@needs("sanctions.review")
def object_to(id: uuid.UUID) -> View:
    return _act(id, WordsForm(), lambda f: service.object_to(id, f.text.data, current_actor(), f.seen),
                _("Object to clearing it"), _("The match is open again."), _("Object"), _("The match is open again."))


@bp.route("/matches/<uuid:id>/confirm", methods=["GET", "POST"])
@needs("sanctions.review")
def confirm(id: uuid.UUID) -> View:
    return _act(id, WordsForm(), lambda f: service.confirm(id, f.text.data, current_actor(), f.seen),
                _("Confirm the match"),
                _("It is the person on the list. Nothing more is certified or released to this payee."),
                _("Confirm the match"), _("Confirmed. Nothing is paid to this payee."), "danger")


@bp.route("/matches/<uuid:id>/reopen", methods=["GET", "POST"])
@needs("sanctions.review")
def reopen(id: uuid.UUID) -> View:
    return _act(id, WordsForm(), lambda f: service.reopen(id, f.text.data, current_actor(), f.seen),
                _("Look again"), _("There is reason to think that it is another person. Two officers clear it then."),
                _("Look again"), _("The match is open again."))
