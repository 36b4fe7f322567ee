"""The page of the stop of all releases."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from werkzeug.wrappers import Response
from wtforms import TextAreaField
from wtforms.validators import Length

from accounts.current import current_actor
from accounts.fresh import fresh_sign_in
from accounts.permissions import allows
from accounts.queries import person_labels
from core import clock
from core.errors import RuleBroken
from core.events import history
from core.money import Money, usd
from core.web.access import needs
from core.web.formats import instant_html
from core.web.forms import BaseForm, Required, add_error
from core.web.tables import Column, Table, TableQuery
from core.web.timeline import TimelineItem
from sponsorship.awards.forms import VersionedForm
from sponsorship.disbursements import cash_queries, stops
from sponsorship.disbursements.blueprint import bp
from sponsorship.disbursements.held_files import HeldFile, held_files
from sponsorship.disbursements.payment_tabs import tabs
from sponsorship.disbursements.settings import setting

View = str | Response | tuple[str, int]
LABELS = {"stop": (_l("All releases stopped"), "stopped"), "ask_restart": (_l("Restart asked for"), "attention"),
          "restart": (_l("Releases restarted"), "done"),
          "keep": (_l("Restart turned down, the stop stands"), "stopped")}


class StopForm(BaseForm):
    """Why."""

    why = TextAreaField(_l("Why"), description=_l("Officers and the auditor read it."),
                        validators=[Required(_l("Say in a sentence why.")), Length(max=2000)], render_kw={"rows": 3})


class ConfirmStopForm(StopForm, VersionedForm):
    """The same from the check page, which knew of so many stops."""


class RestartForm(VersionedForm):
    """Why it is safe again."""

    why = TextAreaField(_l("Why it is safe again"),
                        validators=[Required(_l("Say in a sentence what was put right.")), Length(max=2000)],
                        render_kw={"rows": 3})


def _when(instant: datetime) -> Markup:
    return instant_html(instant, setting("office_zone", clock.today()))


def _taken(row: HeldFile) -> str | Markup:
    """When it was last downloaded, and by whom beneath."""
    if row.taken is None:
        return _("Never")
    return Markup("<div>{}<br>{}</div>").format(_when(row.taken.at), row.taken.by)


def _held(files: list[HeldFile]) -> Table | None:
    if not files:
        return None
    return Table(
        _("Files held back"),
        [Column("number", _("Instruction"), heading=True), Column("lines", _("Payments"), numeric=True),
         Column("total", _("Total"), numeric=True, currency="USD"),
         Column("released_at", _("Released"), render=lambda row: _when(row.released_at)),
         Column("taken", _("Last downloaded"), render=_taken)],
        files, csv=False, query=TableQuery(per_page=len(files)), anchor="held",
        row_url=lambda row: url_for("disbursements.instruction", id=row.id))


def _cash() -> tuple[int, Money] | None:
    """What paymasters have in hand."""
    number, minor = cash_queries.in_hand()
    return (number, usd(minor)) if number else None


def _page(form: BaseForm | None = None, status: int = 200) -> View:
    rows, actor = stops.stop_rows(), current_actor()
    live = next((row for row in rows if row.restarted_at is None), None)
    events = history("release_stop", live.id) if live else []
    names = person_labels(e.actor_id for e in events)
    timeline = [TimelineItem(e.at, str(LABELS[e.tag.rsplit(".", 1)[-1]][0]), names.get(e.actor_id, ""), e.text,
                             LABELS[e.tag.rsplit(".", 1)[-1]][1]) for e in events if e.actor_id]
    if form is None:
        form = RestartForm() if live else StopForm()
        if live:
            form.version.data = live.version
    table = Table(
        _("Stops"), [Column("stopped_at", _("Stopped"), heading=True, render=lambda row: _when(row.stopped_at)),
                     Column("stopped_by", _("By")),
                     Column("asked_by", _("Restart asked by")), Column("restarted_by", _("Agreed by")),
                     Column("restarted_at", _("Restarted"),
                            render=lambda row: row.restarted_at and _when(row.restarted_at))],
        rows, csv=False, query=TableQuery(per_page=len(rows) or 1), empty_title=_("Never stopped"),
        empty_text=_("Each stop stays listed here with who stopped and who restarted."))
    return render_template("disbursements/stop.html", live=live, form=form, table=table,
                           held=_held(held_files()) if live else None, cash=_cash() if live else None,
                           timeline=timeline, tabs=tabs("disbursements.stop_page"),
                           may_stop=allows(actor, "release.stop"), may_restart=allows(actor, "release.restart"),
                           mine=live is not None and live.asker == actor.person_id), status


@bp.get("/disbursements/stop")
@needs("disbursement.view_all")
def stop_page() -> View:
    """Whether releases are stopped, by whom and why; how to stop and to restart."""
    return _page()


@bp.route("/disbursements/stop/check", methods=["GET", "POST"])
@needs("release.stop")
def check_stop() -> View:
    """What a stop would hold at this moment. Nothing is written. Whoever comes back by the address alone begins
    anew."""
    if request.method == "GET":
        return redirect(url_for("disbursements.stop_page"), 303)
    form = StopForm()
    if not form.validate_on_submit():
        return _page(form, 422)
    if stops.is_stopped():
        flash(_("All releases are stopped already."), "error")
        return redirect(url_for("disbursements.stop_page"), 303)
    confirm = ConfirmStopForm(formdata=None, why=form.why.data, version=stops.stops_so_far())
    return render_template("disbursements/stop_check.html", form=confirm, why=form.why.data, held=_held(held_files()),
                           cash=_cash(), ready=stops.ready_now())


@bp.post("/disbursements/stop")
@needs("release.stop")
def stop_releases() -> View:
    """One person stops: no fresh sign-in, so that nothing delays it."""
    form = ConfirmStopForm()
    if form.validate_on_submit():
        try:
            stops.stop(current_actor(), form.why.data, form.seen)
            flash(_("All releases are stopped. Everybody concerned is told by mail."), "success")
        except RuleBroken as refusal:  # somebody else did it a moment ago
            flash(str(refusal.message), "error")
        return redirect(url_for("disbursements.stop_page"), 303)
    return _page(form, 422)


@bp.post("/disbursements/stop/<uuid:id>/ask-restart")
@needs("release.restart")
@fresh_sign_in(_l("Ask to restart all releases"))
def ask_restart(id: uuid.UUID) -> View:
    form = RestartForm()
    if form.validate_on_submit():
        try:
            stops.ask_restart(current_actor(), id, form.seen, form.why.data)
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            flash(_("Asked. A second person must agree."), "success")
            return redirect(url_for("disbursements.stop_page"), 303)
    return _page(form, 422)


def _decide(run: Callable[[int], None], done: str) -> View:
    form = VersionedForm()
    if not form.validate_on_submit():
        return _page(status=422)
    try:
        run(form.seen)
        flash(done, "success")
    except RuleBroken as refusal:
        flash(str(refusal.message), "error")
    return redirect(url_for("disbursements.stop_page"), 303)


@bp.post("/disbursements/stop/<uuid:id>/restart")
@needs("release.restart")
@fresh_sign_in(_l("Restart all releases"))
def restart(id: uuid.UUID) -> View:
    return _decide(lambda version: stops.restart(current_actor(), id, version),
                   _("Restarted. Payments that are ready can leave again."))


@bp.post("/disbursements/stop/<uuid:id>/keep")
@needs("release.restart")
def keep_stop(id: uuid.UUID) -> View:
    return _decide(lambda version: stops.keep(current_actor(), id, version), _("The stop stands."))
