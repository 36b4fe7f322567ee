"""Pages of letters: officers look through and sign them, missions download those to their own State."""

from __future__ import annotations

import uuid
from collections import Counter
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from werkzeug.wrappers import Response

from accounts.current import current_actor
from accounts.fresh import fresh_sign_in
from accounts.permissions import ROLES, allows
from accounts.queries import mail_languages, person_labels
from core import files
from core import letters as common
from core.db import new_id
from core.errors import NotFound, RuleBroken, Stale
from core.web.access import needs
from core.web.attachments import attachment
from core.web.downloads import download
from core.web.tables import Column, Filter, Table, TableQuery
from meetings.calendar.queries import meeting_by_id
from sponsorship.applications.queries import call_by_id
from sponsorship.letters import queries, service
from sponsorship.letters.models import KINDS, REASONS, REASONS_OF
from sponsorship.letters.words import KIND_LABELS, REASON_LABELS

bp = Blueprint("letters", __name__)

COLUMNS = [
    Column("reference", _l("Letter"), sortable=True, heading=True),
    Column("signed_at", _l("Signed"), render=lambda row: row.signed_at.date()),
    Column("organisation", _l("To")),
    Column("kind", _l("Kind"), render=lambda row: KIND_LABELS[row.kind]),
    Column("reason", _l("Reason"), render=lambda row: REASON_LABELS[row.reason] if row.reason else None),
    Column("application", _l("Application")),
    Column("signer", _l("Signed by")),
]
# reasons among which the signing officer chooses; that of "not eligible" is what the screening found
CHOICES = {kind: [(code, REASON_LABELS[code]) for code in codes] for kind, codes in REASONS_OF.items()
           if kind != "ineligible"}
DIGEST = Column("sha256", _l("SHA-256"))


@bp.get("/letters/")
@needs("application.view_all")
def letter_list() -> Any:
    """What waits to be signed, and every letter that was."""
    actor = current_actor()
    filters = [
        Filter("kind", _("Kind"), [(kind, KIND_LABELS[kind]) for kind in KINDS]),
        Filter("call", _("Call"), queries.calls_with_letters()),
        Filter("q", _("Number")),
    ]
    query = TableQuery.from_args(request.args, ["reference"], filters, default_sort="newest", default_direction="desc")
    rows, total = queries.list_letters(query, actor)
    if query.format:
        return download(query, [*COLUMNS, DIGEST], rows, "letters")
    table = Table(
        _("Letters signed"), COLUMNS, rows, filters=filters, query=query, total=total,
        base_url=url_for("letters.letter_list"), row_url=lambda row: url_for("letters.letter", id=row.id),
        empty_title=_("No letter has been signed yet"),
        empty_text=_("Letters follow a decision, the end of a call, or a meeting that is postponed or cancelled."),
    )
    return render_template("letters/list.html", table=table, waiting=queries.waiting_by_call(),
                           batches=queries.latest_batches(), kinds=KIND_LABELS,
                           may_sign=allows(actor, "letter.sign"))


@bp.get("/letters/calls/<uuid:id>")
@needs("application.view_all")
def prepare(id: uuid.UUID) -> str:
    """Every letter that waits under a call, word by word."""
    return _show(id, service.drafts(id, current_actor()), None)


def _show(call_id: uuid.UUID, found: list[service.Draft], taken: set[str] | None, batch: uuid.UUID | None = None,
          problem: str = "", changed: bool = False) -> str:
    """`taken` are the keys of the letters that are to be signed (None: all)."""
    actor, call = current_actor(), call_by_id(call_id)
    signs = allows(actor, "letter.sign")
    return render_template(
        "letters/prepare.html", call=call, meeting=meeting_by_id(call.meeting_id), drafts=found, taken=taken,
        batch=batch or new_id(), seen={draft.waiting.key: service.digest([draft]) for draft in found}, problem=problem,
        changed=changed, kinds=KIND_LABELS, reasons=CHOICES, offered=mail_languages(), signs=signs,
        counts=Counter(draft.waiting.kind for draft in found), decisions=queries.DECISIONS,
        name=person_labels([actor.person_id]).get(actor.person_id) if signs and actor.person_id else None,
        office=ROLES[service.office_of(actor)].label if signs else None,
    )


def _choices(values: Any) -> dict[str, service.Choice]:
    """What was chosen for each letter, as far as it makes sense."""
    offered = [code for code, _name in mail_languages()]
    found = {}
    for name in values:
        if not name.startswith("language-"):
            continue
        key = name.removeprefix("language-")
        reason = values.get(f"reason-{key}")
        found[key] = service.Choice(values[name] if values[name] in offered else offered[0],
                                    reason if reason in REASONS else None)
    return found


@bp.post("/letters/calls/<uuid:id>")
@needs("letter.sign")
@fresh_sign_in(_l("Sign the letters"), unless="again")
def sign(id: uuid.UUID) -> Any:
    """Sign the letters that were looked through; when a choice or the state of things has changed since they were
    shown, they are shown again, and nothing is signed."""
    actor = current_actor()
    try:
        batch = uuid.UUID(request.form.get("batch", ""))
    except ValueError:
        raise NotFound() from None
    choices, taken = _choices(request.form), set(request.form.getlist("take"))
    found = service.drafts(id, actor, choices)
    chosen = [draft for draft in found if draft.waiting.key in taken]
    shown = all(request.form.get(f"seen-{d.waiting.key}") == service.digest([d]) for d in chosen)
    if "again" in request.form:
        return _show(id, found, taken, batch)
    if not shown or (taken and {d.waiting.key for d in chosen} != taken and not service.signed_in(batch)):
        return _show(id, found, taken, batch, changed=True), 409
    try:
        count = service.sign_letters(id, {d.waiting.key: d.choice for d in chosen}, service.digest(chosen), batch,
                                     actor)
    except RuleBroken as refusal:
        return _show(id, found, taken, batch, problem=str(refusal.message)), 422
    except Stale:
        return _show(id, service.drafts(id, actor, choices), taken, batch, changed=True), 409
    flash(ngettext("The letter is signed and kept. A mail tells the State where to download it.",
                   "%(num)s letters are signed and kept. A mail tells each State where to download its own.", count),
          "success")
    return redirect(url_for("letters.letter_list"), 303)


@bp.get("/letters/<uuid:id>")
@needs("application.view_all", "application.own")
def letter(id: uuid.UUID) -> Response:
    """One letter as it was signed; another State's does not exist."""
    return files.serve(queries.letter_by_id(id, current_actor()).file_id)


@bp.get("/letters/batches/<uuid:id>.zip")
@needs("application.view_all")
def batch(id: uuid.UUID) -> Response:
    """All letters signed in one step, one file each."""
    rows = queries.letters_of(current_actor(), batch_id=id)
    if not rows:
        raise NotFound()
    return attachment(common.bundle((row.reference, row.file_id) for row in rows),
                      f"{rows[0].reference}-{rows[-1].reference}", "zip", "application/zip")
