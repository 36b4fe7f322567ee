"""Pages of exchange rates. Officers only: no figure that donors or the public see is made from them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from accounts.current import current_actor
from accounts.permissions import allows
from accounts.tokens import keep_upload, kept_upload
from core import clock, files
from core.db import reading
from core.errors import NotFound, RuleBroken
from core.files import CheckedUpload
from core.web.access import needs
from core.web.downloads import download
from core.web.forms import add_error
from core.web.tables import TableQuery
from sponsorship.gateways import rate_import, rate_lists, rate_queries, rate_watch
from sponsorship.gateways.rate_csv import Layout, Sheet, guess, open_sheet, read_table
from sponsorship.gateways.rate_ecb import read_ecb
from sponsorship.gateways.rate_forms import REASON_LABELS, CheckForm, LayoutForm, UploadForm, WithdrawForm
from sponsorship.gateways.rate_reading import Reading
from sponsorship.gateways.rate_sources import SOURCES, RateSource, books_source
from sponsorship.gateways.rate_timeline import import_timeline

bp = Blueprint("rates", __name__, url_prefix="/rates")


def _may_manage() -> bool:
    return allows(current_actor(), "rates.manage")


def _tabs(current: str) -> list[dict[str, Any]]:
    sources = [{"label": source.label, "url": url_for("rates.source_list", source=source.code),
                "current": current == source.code} for source in SOURCES.values()]
    return [*sources, {"label": _("Imports"), "url": url_for("rates.import_list"), "current": current == "imports"}]


@bp.get("/")
@needs("rates.view")
def rate_list() -> Any:
    """The newest rates of the source that the books use."""
    return source_list(books_source())


@bp.get("/sources/<string:source>/")
@needs("rates.view")
def source_list(source: str) -> Any:
    """The newest rate of each currency from one source."""
    if source not in SOURCES:
        raise NotFound()
    origin, day = SOURCES[source], clock.today()
    query = TableQuery.from_args(request.args, (), rate_lists.CURRENT_FILTERS, per_page=1000)
    rows = rate_queries.list_current(origin, day, query.get("q") or "")
    if query.format:
        return download(query, rate_lists.CURRENT_COLUMNS, rows, f"rates-{source}-{day.isoformat()}")
    may = _may_manage()
    running_out = rate_watch.running_out(day) if source == books_source() else []
    return render_template(
        "rates/list.html", tabs=_tabs(source), source=origin, may_manage=may, for_books=source == books_source(),
        table=rate_lists.current_table(rows, origin, query, may),
        warning=rate_watch.title(running_out) if running_out else None,
        wanted=rate_watch.what_to_import(day, running_out) if running_out else None,
    )


@bp.get("/currencies/<string:code>/")
@needs("rates.view")
def currency_page(code: str) -> Any:
    """Every rate of one currency."""
    if not rate_queries.knows_currency(code):
        raise NotFound()
    query = TableQuery.from_args(request.args, (), rate_lists.HISTORY_FILTERS)
    rows, total = rate_queries.list_rates(query, currency=code, everything=query.format is not None)
    if query.format:
        return download(query, rate_lists.RATE_COLUMNS, rows, f"rates-{code}")
    return render_template("rates/currency.html", code=code, name=rate_queries.currency_name(code),
                           table=rate_lists.history_table(code, rows, total, query))


# --- imports ----------------------------------------------------------------------------------------------------
@bp.get("/imports/")
@needs("rates.view")
def import_list() -> Any:
    """Every file that was imported."""
    query = TableQuery.from_args(request.args, (), rate_lists.IMPORT_FILTERS)
    rows, total = rate_queries.list_imports(query, everything=query.format is not None)
    if query.format:
        return download(query, rate_lists.IMPORT_COLUMNS, rows, "rate-imports")
    may = _may_manage()
    return render_template("rates/imports.html", tabs=_tabs("imports"), may_manage=may,
                           table=rate_lists.import_table(rows, total, query, may))


@bp.get("/imports/<uuid:import_id>/")
@needs("rates.view")
def import_page(import_id: uuid.UUID) -> Any:
    """One import: its file, its rates, its history; and how to withdraw it."""
    page = rate_queries.get_import(import_id)
    query = TableQuery.from_args(request.args)
    if query.format is not None:
        rows, _total = rate_queries.list_rates(query, import_id=import_id, everything=True)
        return download(query, rate_lists.RATE_COLUMNS, rows, f"rates-{page.row.source.code}-{page.row.first_day}")
    return _import_page(page, query)


def _import_page(page: rate_queries.ImportPage, query: TableQuery, form: WithdrawForm | None = None) -> str:
    rows, total = rate_queries.list_rates(query, import_id=page.row.id)
    if form is None and page.row.status.code == "live" and _may_manage():
        form = WithdrawForm(formdata=None)
    return render_template(
        "rates/import.html", page=page, row=page.row, form=form,
        reason=REASON_LABELS.get(page.withdrawal_reason or ""), timeline=import_timeline(page.history, page.names),
        table=rate_lists.import_rates_table(page.row, rows, total, query),
    )


@bp.get("/imports/<uuid:import_id>/file")
@needs("rates.view")
def import_file(import_id: uuid.UUID) -> Any:
    """The file as it was imported."""
    return files.serve(rate_queries.get_import(import_id).file_id)


@bp.post("/imports/<uuid:import_id>/withdraw")
@needs("rates.manage")
def withdraw(import_id: uuid.UUID) -> Any:
    """Withdraw an import."""
    form = WithdrawForm()
    if not form.validate_on_submit():
        return _import_page(rate_queries.get_import(import_id), TableQuery(), form), 422
    rate_import.withdraw_import(import_id, current_actor(), form.reason.data, form.words.data)
    flash(_("The import has been withdrawn; its days are free for another file."), "success")
    return redirect(url_for("rates.import_page", import_id=import_id), 303)


# --- a new file: choose, look, confirm --------------------------------------------------------------------------
@bp.get("/import")
@needs("rates.manage")
def import_form() -> Any:
    """The form for a file."""
    asked = request.args.get("source")
    form = UploadForm(formdata=None, source=asked if asked in SOURCES else books_source())
    return render_template("rates/upload.html", form=form)


@bp.post("/import")
@needs("rates.manage")
def upload() -> Any:
    """Read a file and show what it says. Nothing is stored yet."""
    form = UploadForm()
    if form.validate_on_submit():
        content = form.file.data.stream.read()
        try:
            opened = _open(SOURCES[form.source.data], content)
            kept = rate_import.lay_down(content, form.file.data.filename)
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            return _preview(opened, kept, _check_form(opened, keep_upload(kept)))
    return render_template("rates/upload.html", form=form), 422


@bp.get("/import/check")
@needs("rates.manage")
def import_again() -> Any:
    """A preview has no address of its own: it begins with the file."""
    return redirect(url_for("rates.import_form"), 303)


@bp.post("/import/check")
@needs("rates.manage")
def check() -> Any:
    """Read the file again as told, or put its rates on record."""
    kept = kept_upload(request.form.get("kept_token", ""))
    source = SOURCES.get(request.form.get("source", ""))
    try:
        if kept is None or source is None:
            raise RuleBroken(_("The file was kept for some hours only. Choose it again."), code="rates.file",
                             field="file")
        opened = _open(source, rate_import.bytes_of(kept))
    except RuleBroken as refusal:
        form = UploadForm(formdata=None, source=source.code if source else books_source())
        add_error(form, refusal.field, refusal.message)
        return render_template("rates/upload.html", form=form), 422
    shown = _check_form(opened)
    good = shown.validate_on_submit()
    if request.form.get("action") != "confirm" or not good:
        answer = _preview(opened, kept, shown)
        return answer if good else (answer, 422)
    read = opened.read(shown)
    try:
        made = rate_import.import_rates(read, kept, current_actor(), looked=shown.looked.data)
    except RuleBroken as refusal:
        add_error(shown, refusal.field, refusal.message)
        return _preview(opened, kept, shown), 422
    flash(_("The rates are on record."), "success")
    return redirect(url_for("rates.import_page", import_id=made), 303)


@dataclass(frozen=True)
class _Opened:
    """A file that could be opened: a table to be read as told, or rates that need no telling."""

    source: RateSource
    sheet: Sheet | None
    rates: Reading | None

    def read(self, form: CheckForm) -> Reading:
        if self.rates is not None:
            return self.rates
        assert self.sheet is not None and isinstance(form, LayoutForm)
        return read_table(self.sheet, form.layout, self.source)


def _open(source: RateSource, content: bytes) -> _Opened:
    if source.code == "ecb":
        return _Opened(source, None, read_ecb(content))
    return _Opened(source, open_sheet(content), None)


def _check_form(opened: _Opened, kept: str | None = None) -> CheckForm:
    """The form beside a preview: as it was sent, or with what is proposed for a file just chosen (`kept`)."""
    if kept is None:
        return CheckForm() if opened.sheet is None else LayoutForm(opened.sheet)
    values = {"source": opened.source.code, "kept_token": kept}
    if opened.sheet is None:
        return CheckForm(formdata=None, **values)
    with reading():
        remembered = rate_queries.last_reading(opened.source.code)
    proposed: Layout = guess(opened.sheet, remembered)
    return LayoutForm(opened.sheet, formdata=None, **values, **LayoutForm.values(proposed))


def _preview(opened: _Opened, kept: CheckedUpload, form: CheckForm) -> str:
    """What the file says as it would be read now; without rates while something is still to be told."""
    ready = not form.errors or set(form.errors) <= {"looked", None}
    if ready and isinstance(form, LayoutForm):
        ready = form.layout.complete
    read = opened.read(form) if ready else None
    with reading():
        judged = rate_import.judge(read) if read else None
    tables: dict[str, Any] = {}
    if judged:
        if judged.fault_count:
            tables["faults"] = rate_lists.faults_table(judged)
        if judged.warnings:
            caption = _("Changed by more than 30 per cent")
            tables["warnings"] = rate_lists.compared_table(caption, judged.warnings, "changes")
        if judged.new:
            tables["rates"] = rate_lists.compared_table(_("Rates to be imported"), judged.new, "rates")
    return render_template("rates/check.html", form=form, source=opened.source, upload=kept, sheet=opened.sheet,
                           reading=read, judged=judged, tables=tables, shown=rate_lists.SHOWN)
