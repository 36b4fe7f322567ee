"""Pages of entitlements: an award reckoned line by line, its fare quotes, its journey; and the rates on record."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from werkzeug.wrappers import Response

from accounts.current import current_actor
from accounts.permissions import allows
from accounts.queries import person_labels
from accounts.tokens import keep_upload, kept_upload
from core import clock, files
from core.db import reading
from core.errors import RuleBroken
from core.events import history
from core.money import usd
from core.web.access import needs
from core.web.downloads import download
from core.web.formats import day_html, format_day
from core.web.forms import add_error
from core.web.tables import Column, Filter, Table, TableQuery
from core.web.timeline import timeline_items
from sponsorship.applications.queries import call_by_id
from sponsorship.awards import entitlement_queries as queries
from sponsorship.awards import entitlement_service as service
from sponsorship.awards.dsa_csv import COLUMNS, read_rates
from sponsorship.awards.entitlement import Line, official_days
from sponsorship.awards.entitlement_forms import (
    DsaCheckForm,
    DsaUploadForm,
    DsaWithdrawForm,
    JourneyForm,
    QuoteForm,
)
from sponsorship.awards.entitlement_words import SETTING_LABELS, percent, rule, setting_value, what
from sponsorship.awards.forms import VersionedForm
from sponsorship.awards.money import cover_of
from sponsorship.awards.queries import AwardPage, award_page
from sponsorship.awards.transitions import AWARD
from sponsorship.awards.travel_settings import travel_settings

bp = Blueprint("entitlements", __name__)
View = str | Response | tuple[str, int]
SHOWN = 50

def _source(line: Line) -> Markup | str:
    if line.source_from is None:
        return line.source
    return Markup('<span><bdi>{}</bdi> <span class="quiet">{}</span></span>').format(
        line.source, _("of %(day)s", day=format_day(line.source_from)))


def _heading(line: Line) -> Markup | str:
    """A day for subsistence, a leg for terminal expenses, else what it is."""
    return day_html(line.day, weekday=True) if line.kind == "dsa" and line.day else what(line)


_SUMS = [
    Column("rate", _l("Rate"), numeric=True, currency="USD",
           render=lambda line: usd(line.rate_minor) if line.rate_minor else "",
           csv=lambda line: usd(line.rate_minor)),
    Column("share", _l("Share"), numeric=True, render=lambda line: percent(line.share_bp) if line.share_bp else "",
           csv=lambda line: percent(line.share_bp)),
    Column("amount", _l("Amount"), numeric=True, currency="USD", render=lambda line: usd(line.amount_minor),
           csv=lambda line: usd(line.amount_minor)),
]
_RULE = Column("rule", _l("Rule"), render=rule, csv=rule)
LINE_COLUMNS = [Column("what", _l("Day or part"), render=_heading, heading=True), _RULE, *_SUMS,
                Column("source", _l("Source and its day"), render=_source)]
FILE_COLUMNS = [Column("what", _l("For"), csv=what), Column("day", _l("Day")), _RULE, *_SUMS,
                Column("source", _l("Source")), Column("source_from", _l("From"))]
RATE_COLUMNS = [
    Column("place", _l("Place"), heading=True),
    Column("country", _l("Country")),
    Column("valid_from", _l("From")),
    Column("rate", _l("Rate for a day"), numeric=True, currency="USD"),
    Column("source", _l("Circular")),
]
IMPORT_COLUMNS = [
    Column("imported_at", _l("Imported"), heading=True),
    Column("source", _l("Circular")),
    Column("rates", _l("Rates"), numeric=True),
    Column("file_name", _l("File")),
    Column("sha256", _l("SHA-256"), render=lambda r: r.sha256[:16] + "…"),
    Column("imported_by", _l("By")),
    Column("status", _l("Status"), csv=lambda r: r.status.label),
]


def lines_table(lines: Sequence[Line], caption: object, query: TableQuery | None = None, csv: bool = False,
                anchor: str = "lines") -> Table:
    """Lines of an entitlement with their sum."""
    total = usd(sum(line.amount_minor for line in lines))
    return Table(caption, LINE_COLUMNS, lines, query=query or TableQuery(per_page=len(lines) or 1), csv=csv,
                 totals={"amount": total} if lines else None, total=len(lines), per_page=len(lines) or 1,
                 anchor=anchor, empty_title=_("No lines"), base_url=request.path)


@bp.get("/awards/<uuid:id>/entitlement")
@needs("award.view_all")
def entitlement(id: uuid.UUID) -> View:
    """One award's cost, line by line, each with its rule, rate, source and date."""
    return _show(id)


def _show(award_id: uuid.UUID, message: object | None = None) -> View:
    actor = current_actor()
    head = award_page(award_id, actor)
    page = queries.entitlement_page(award_id)
    query = TableQuery.from_args(request.args)
    if query.format:
        return download(query, FILE_COLUMNS, page.basis or page.now.lines, f"entitlement-{head.row.reference}")
    open_ = head.row.state == "selected"
    body = render_template(
        "awards/entitlement.html", head=head, row=head.row, page=page, now=page.now, message=message,
        may_change=open_ and allows(actor, "award.estimate"), open=open_, official=official_days(
            page.now.trip, page.now.trip.first_day),
        table=lines_table(page.now.lines, _("Reckoned today"), TableQuery(per_page=len(page.now.lines) or 1), csv=True),
        fixed=lines_table(page.basis, _("What the estimate rests on"), anchor="basis") if page.basis else None,
        cover=cover_of(award_id), zone=head.meeting.timezone, amount=head.row.amount,
    )
    return (body, 422) if message else body


@bp.post("/awards/<uuid:id>/entitlement/use")
@needs("award.estimate")
def use(id: uuid.UUID) -> View:
    """Take the calculation over as the estimate."""
    form = VersionedForm()
    if not form.validate_on_submit():
        return _show(id, form.version.errors[0] if form.version.errors else _("Open the page again."))
    try:
        service.use(id, current_actor(), form.seen)
    except RuleBroken as error:
        return _show(id, error.message)
    flash(_("Taken over. The estimate rests on these lines now."), "success")
    return redirect(url_for("entitlements.entitlement", id=id), 303)


def _form_page(head: AwardPage, form: Any, title: object, lead: object, button: object) -> View:
    body = render_template("awards/entitlement_act.html", row=head.row, meeting=head.meeting, form=form, title=title,
                           lead=lead, button=button)
    return (body, 422) if request.method == "POST" else body


@bp.route("/awards/<uuid:id>/quote", methods=["GET", "POST"])
@needs("award.estimate")
def quote(id: uuid.UUID) -> View:
    """Record a fare quote."""
    head = award_page(id, current_actor())
    form = QuoteForm()
    if request.method == "GET":
        form.version.data, form.quoted_on.data = head.row.version, clock.today()
    elif form.validate_on_submit():
        try:
            service.record_quote(id, form.fare(head.meeting.timezone), current_actor(), form.seen)
        except RuleBroken as error:
            add_error(form, error.field, error.message)
        else:
            flash(_("Recorded. Take the new calculation over to make it the estimate."), "success")
            return redirect(url_for("entitlements.entitlement", id=id), 303)
    return _form_page(head, form, _("Record a fare quote"),
                      _("The newest quote counts. Once it has expired the obligation cannot be certified."),
                      _("Record the quote"))


@bp.route("/awards/<uuid:id>/journey", methods=["GET", "POST"])
@needs("award.estimate")
def journey(id: uuid.UUID) -> View:
    """Say what is known of the journey."""
    head = award_page(id, current_actor())
    form = JourneyForm()
    form.offer(head.row.travel_from, head.row.travel_to)
    if request.method == "GET":
        form.version.data = head.row.version
        page = queries.entitlement_page(id)
        form.fill(page.journey, call_by_id(page.award.call_id))
    elif form.validate_on_submit():
        try:
            service.set_journey(id, form.known, current_actor(), form.seen)
        except RuleBroken as error:
            add_error(form, error.field, error.message)
        else:
            flash(_("Recorded. Take the new calculation over to make it the estimate."), "success")
            return redirect(url_for("entitlements.entitlement", id=id), 303)
    return _form_page(head, form, _("What is known of the journey"),
                      _("It changes which days are paid and how much of the rate. Days move with the meeting."),
                      _("Save"))


# --- rates on record --------------------------------------------------------------------------------------------
def _may_manage() -> bool:
    return allows(current_actor(), service.MANAGE)


def _tabs(current: str) -> list[dict[str, Any]]:
    return [
        {"label": _("Rates"), "url": url_for("entitlements.dsa_rates"), "current": current == "rates"},
        {"label": _("Imports"), "url": url_for("entitlements.dsa_imports"), "current": current == "imports"},
        {"label": _("Rules"), "url": url_for("entitlements.rules"), "current": current == "rules"},
    ]


@bp.get("/travel/dsa-rates/")
@needs("award.view_all")
def dsa_rates() -> View:
    """Every live rate of daily subsistence."""
    filters = [Filter("q", _("Place"))]
    query = TableQuery.from_args(request.args, (), filters)
    rows, total = queries.list_rates(query)
    if query.format:
        return download(query, RATE_COLUMNS, rows, "dsa-rates")
    table = Table(
        _("Daily subsistence by place"), RATE_COLUMNS, rows, filters=filters, query=query, total=total,
        base_url=url_for("entitlements.dsa_rates"), empty_title=_("No rates on record"),
        empty_text=_("Until a circular is imported, the figures of each call stand for daily subsistence."),
        empty_action=(_("Import rates"), url_for("entitlements.dsa_import")) if _may_manage() else None,
        row_url=lambda row: url_for("entitlements.dsa_import_page", id=row.import_id),
    )
    return render_template("awards/dsa_rates.html", table=table, tabs=_tabs("rates"), may_manage=_may_manage())


@bp.get("/travel/rules")
@needs("award.view_all")
def rules() -> View:
    """The dated settings that every calculation uses."""
    return render_template("awards/travel_rules.html", tabs=_tabs("rules"), may_manage=_may_manage(), rows=[
        (SETTING_LABELS[s.key], s.place, setting_value(s.key, s.value), s.valid_from, s.source)
        for s in travel_settings()])


@bp.get("/travel/dsa-rates/imports/")
@needs("award.view_all")
def dsa_imports() -> View:
    """Every file that was imported."""
    query = TableQuery.from_args(request.args)
    rows, total = queries.list_imports(query)
    if query.format:
        return download(query, IMPORT_COLUMNS, rows, "dsa-imports")
    table = Table(
        _("Imports"), IMPORT_COLUMNS, rows, query=query, total=total, base_url=url_for("entitlements.dsa_imports"),
        empty_title=_("Nothing was imported yet"), empty_text=_("Each file is kept with its digest."),
        row_url=lambda row: url_for("entitlements.dsa_import_page", id=row.id),
    )
    return render_template("awards/dsa_rates.html", table=table, tabs=_tabs("imports"), may_manage=_may_manage())


@bp.get("/travel/dsa-rates/imports/<uuid:id>/")
@needs("award.view_all")
def dsa_import_page(id: uuid.UUID) -> View:
    """One import: its file and digest, its rates, how to withdraw it."""
    return _import_page(id, None)


def _import_page(import_id: uuid.UUID, form: DsaWithdrawForm | None) -> View:
    row = queries.import_by_id(import_id)
    query = TableQuery.from_args(request.args)
    rates, total = queries.list_rates(query, import_id)
    columns = [Column("line", _("Line"), numeric=True), *RATE_COLUMNS[:4]]
    if query.format:
        return download(query, columns, rates, f"dsa-rates-{row.imported_at:%Y-%m-%d}")
    may = _may_manage() and row.withdrawn_at is None
    if form is None and may:
        form = DsaWithdrawForm(formdata=None)
    events = history("dsa_import", import_id)
    body = render_template(
        "awards/dsa_import.html", row=row, form=form if may else None,
        timeline=timeline_items(events, AWARD, person_labels([e.actor_id for e in events]), {
            "awards.dsa_rates.import": _l("Imported"), "awards.dsa_rates.withdraw": _l("Withdrawn")}),
        table=Table(_("Rates of this file"), columns, rates, query=query, total=total,
                    base_url=url_for("entitlements.dsa_import_page", id=import_id)))
    return (body, 422) if request.method == "POST" else body


@bp.get("/travel/dsa-rates/imports/<uuid:id>/file")
@needs("award.view_all")
def dsa_file(id: uuid.UUID) -> Response:
    """The file as it was imported."""
    return files.serve(queries.import_by_id(id).file_id)


@bp.post("/travel/dsa-rates/imports/<uuid:id>/withdraw")
@needs("travel_rates.manage")
def dsa_withdraw(id: uuid.UUID) -> View:
    """Withdraw an import."""
    form = DsaWithdrawForm()
    if not form.validate_on_submit():
        return _import_page(id, form)
    try:
        service.withdraw_import(id, current_actor(), form.words.data)
    except RuleBroken as error:
        add_error(form, error.field, error.message)
        return _import_page(id, form)
    flash(_("The import has been withdrawn; its days are free for another file."), "success")
    return redirect(url_for("entitlements.dsa_import_page", id=id), 303)


@bp.route("/travel/dsa-rates/import", methods=["GET", "POST"])
@needs("travel_rates.manage")
def dsa_import() -> View:
    """Choose a file; what it says is shown before anything is stored."""
    form = DsaUploadForm()
    if form.validate_on_submit():
        content = form.file.data.stream.read()
        try:
            read = read_rates(content)
            kept = files.lay_down(content, form.file.data.filename, "text/csv")
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            return _preview(read, kept, form.source.data)
    body = render_template("awards/dsa_upload.html", form=form, columns=", ".join(COLUMNS))
    return (body, 422) if request.method == "POST" else body


def _preview(read: Any, kept: files.CheckedUpload, source: str, form: DsaCheckForm | None = None) -> str:
    with reading():
        judged = queries.judge(read)
    shown = form or DsaCheckForm(formdata=None, source=source, kept_token=keep_upload(kept))
    wrong = Table(_("Wrong lines"), [
        Column("line", _("Line"), heading=True), Column("text", _("It says")), Column("why", _("What is wrong"))],
                  judged.wrong[:SHOWN], csv=False,
                  query=TableQuery(per_page=SHOWN), anchor="wrong") if judged.wrong else None
    rates = Table(_("Rates to be put on record"), [
        Column("line", _("Line"), numeric=True), Column("place", _("Place"), heading=True),
        Column("country", _("Country")), Column("valid_from", _("From")),
        Column("rate", _("Rate for a day"), numeric=True, currency="USD", render=lambda r: usd(r.usd_minor))],
        judged.new[:SHOWN], csv=False, query=TableQuery(per_page=SHOWN), anchor="rates") if judged.new else None
    return render_template("awards/dsa_check.html", form=shown, upload=kept, source=source, judged=judged,
                           wrong=wrong, rates=rates, shown=SHOWN)


@bp.get("/travel/dsa-rates/import/check")
@needs("travel_rates.manage")
def dsa_again() -> Response:
    """A preview has no address of its own: it begins with the file."""
    return redirect(url_for("entitlements.dsa_import"), 303)


@bp.post("/travel/dsa-rates/import/check")
@needs("travel_rates.manage")
def dsa_confirm() -> View:
    """Put the rates that were shown on record."""
    form = DsaCheckForm()
    kept = kept_upload(form.kept_token.data or "")
    try:
        if kept is None or not form.validate_on_submit():
            raise RuleBroken(_("The file was kept for some hours only. Choose it again."), code="dsa.file",
                             field="file")
        read = read_rates(service.bytes_of(kept))
    except RuleBroken as refusal:
        upload = DsaUploadForm(formdata=None, source=form.source.data)
        add_error(upload, refusal.field, refusal.message)
        return render_template("awards/dsa_upload.html", form=upload, columns=", ".join(COLUMNS)), 422
    try:
        made = service.import_rates(read, kept, form.source.data, current_actor())
    except RuleBroken as refusal:
        add_error(form, None, refusal.message)
        return _preview(read, kept, form.source.data, form), 422
    flash(_("The rates are on record."), "success")
    return redirect(url_for("entitlements.dsa_import_page", id=made), 303)
