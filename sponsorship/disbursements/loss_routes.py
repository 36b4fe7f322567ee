"""Pages of money of a payment that is gone: said by one person, agreed to by another, back in the end or not."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from accounts.current import current_actor
from accounts.fresh import fresh_sign_in
from accounts.permissions import allows
from accounts.queries import person_labels
from core import clock
from core.errors import NotFound, RuleBroken
from core.events import history
from core.files import check_upload, serve
from core.web.access import needs
from core.web.downloads import download
from core.web.formats import format_money
from core.web.tables import Column, Filter, Table, TableQuery
from core.web.timeline import timeline_items
from sponsorship.awards.forms import VersionedForm
from sponsorship.disbursements import cash_queries, loss_queries, loss_service, routes
from sponsorship.disbursements.acts import act
from sponsorship.disbursements.loss_forms import CashGoneForm, FoundForm, PaidBeforeForm, RefuseLossForm
from sponsorship.disbursements.loss_words import KINDS
from sponsorship.disbursements.payment_tabs import tabs
from sponsorship.disbursements.settings import setting
from sponsorship.disbursements.transitions import LOSS
from sponsorship.disbursements.words import LABELS

bp = Blueprint("losses", __name__)
View = str | Response | tuple[str, int]
COLUMNS = [
    Column("reference", _l("Loss"), heading=True), Column("kind_label", _l("What happened")),
    Column("payment", _l("Payment")), Column("organisation", _l("State")),
    Column("status", _l("Where it stands"), csv=lambda row: row.status.label), Column("asked_at", _l("Reported")),
    Column("amount", _l("Amount"), numeric=True, currency="USD"),
    Column("lost", _l("Borne by the pool"), numeric=True, currency="USD"),
    Column("back", _l("Back"), numeric=True, currency="USD"),
    Column("open", _l("Open"), numeric=True, currency="USD"),
]


@bp.context_processor
def _words() -> dict[str, Any]:
    return {"office_zone": setting("office_zone", clock.today())}


@bp.get("/losses/")
@needs("disbursement.view_all")
def loss_list() -> View:
    """Money that was paid twice, lost or stolen."""
    filters = [Filter("state", _("Where it stands"), [(s.code, s.label) for s in LOSS.states]),
               Filter("kind", _("What happened"), list(KINDS.items()))]
    query = TableQuery.from_args(request.args, (), filters)
    rows, total, open_ = loss_queries.list_losses(query)
    if query.format:
        return download(query, COLUMNS, rows, "losses")
    table = Table(_("Paid twice, lost or stolen"), COLUMNS, rows, filters=filters, query=query, total=total,
                  base_url=url_for("losses.loss_list"), empty_title=_("Nothing was paid twice or lost"),
                  empty_text=_("The bank’s late word is recorded on the page of its payment, missing cash on the "
                               "paymaster’s page."),
                  row_url=lambda row: url_for("losses.loss_page", id=row.id),
                  totals={"open": open_} if total else None)
    return render_template("disbursements/losses.html", table=table, tabs=tabs("losses.loss_list"))


@bp.get("/losses/<uuid:id>")
@needs("paymaster.pay", "disbursement.view_all")
def loss_page(id: uuid.UUID) -> View:
    """One loss: what is said, what agreeing does, what came back."""
    return _show(id)


def _show(loss_id: uuid.UUID, message: object | None = None) -> View:
    row, actor = loss_queries.loss(loss_id), current_actor()
    if row.of_bank and not allows(actor, "disbursement.view_all"):
        raise NotFound()  # a paymaster sees what is cash
    events = history("payment_loss", loss_id)
    names = person_labels([e.actor_id for e in events])
    body = render_template(
        "disbursements/loss.html", row=row, message=message, names=names, me=actor.person_id,
        may_decide=allows(actor, "disbursement.resolve"), may_record=allows(actor, "recovery.record"),
        officer=allows(actor, "disbursement.view_all"),
        preview=loss_queries.preview(row) if row.state == "asked" else None,
        recovery=loss_queries.recovery_of(loss_id), timeline=timeline_items(events, LOSS, names, LABELS))
    return (body, 422) if message else body


@bp.route("/disbursements/<uuid:id>/paid-before", methods=["GET", "POST"])
@needs("disbursement.confirm")
def paid_before(id: uuid.UUID) -> View:
    """The bank admits that an earlier release was paid after all."""
    rounds = loss_queries.earlier_rounds(id)
    form = PaidBeforeForm()
    form.round.choices = [(r.round, _("%(round)s. %(number)s: %(amount)s",
                                      round=r.round, number=r.number, amount=format_money(r.most))) for r in rounds]
    if not rounds and request.method == "GET":
        raise NotFound()
    return routes.page_with_form(
        id, form,
        lambda f: loss_service.ask(id, f.round.data, f.bank_reference.data, f.text.data, current_actor(), f.seen,
                                   f.minor),
        _("Recorded. What has not left is held, and another person has been asked to agree."),
        _("Record that an earlier release was paid"),
        _("At once: a later release is not handed over, and officers are told. Once another person agrees: what has "
          "not left is withdrawn, and what was paid twice is asked back from the payee."),
        _("Record it and hold what has not left"), "danger")


@bp.route("/paymaster/payments/<uuid:id>/missing", methods=["GET", "POST"])
@needs("paymaster.pay")
def missing(id: uuid.UUID) -> View:
    """Cash is lost, stolen or short."""
    row, form = cash_queries.cash_row(id), CashGoneForm()

    def run(_form: CashGoneForm) -> object:
        upload = check_upload(form.report.data, field="report") if form.report.data else None
        return loss_service.ask_cash(id, form.kind.data, form.amount.data.minor, form.text.data, upload,  # type: ignore[union-attr]
                                     current_actor(), form.seen)

    return act("disbursements/paymaster_act.html", form, row.version, run,
               _("Reported. Another person looks at the report."), url_for("paymaster.desk"),
               row=row, title=_("Report missing cash"), paying=True, kind="danger", button=_("Report it"),
               lead=_("Another person agrees or refuses. Then the pool bears the loss, the cash is replaced, and the "
                      "payee is still paid by the same list."))


@bp.post("/losses/<uuid:id>/agree")
@needs("disbursement.resolve")
@fresh_sign_in(_l("Agree that money was paid twice or is gone"))
def agree(id: uuid.UUID) -> View:
    form = VersionedForm()
    if not form.validate_on_submit():
        return _show(id, _("Open the page again."))
    try:
        loss_service.agree(id, current_actor(), form.seen)
    except RuleBroken as error:
        return _show(id, error.message)
    flash(_("Agreed by two people. The books hold it now."), "success")
    return redirect(url_for("losses.loss_page", id=id), 303)


@bp.route("/losses/<uuid:id>/refuse", methods=["GET", "POST"])
@needs("disbursement.resolve")
def refuse(id: uuid.UUID) -> View:
    """Another person does not agree."""
    row, form = loss_queries.loss(id), RefuseLossForm()
    return act("disbursements/loss_act.html", form, row.version,
               lambda f: loss_service.refuse(id, f.reason.data, f.text.data or "", current_actor(), f.seen),
               _("Refused. What was held goes on."), url_for("losses.loss_page", id=id),
               row=row, title=_("Refuse what was reported"), button=_("Refuse"), kind="danger",
               lead=_("Nothing moves in the books, and what was held goes on."))


@bp.route("/losses/<uuid:id>/found", methods=["GET", "POST"])
@needs("recovery.record")
def found(id: uuid.UUID) -> View:
    """Missing cash is on the fund's account again."""
    row, form = loss_queries.loss(id), FoundForm()
    if row.of_bank:
        raise NotFound()
    if request.method == "GET":
        form.amount.data = row.open
    return act("disbursements/loss_act.html", form, row.version,
               lambda f: loss_service.found_again(id, f.amount.data.minor, f.bank_reference.data or "",
                                                  current_actor(), f.seen),
               _("Recorded. The pool has it again."), url_for("losses.loss_page", id=id),
               row=row, title=_("Record money that came back"), button=_("Record it"), kind="primary",
               lead=_("By the bank’s statement only: found, or paid by whoever answers for it. This cannot be "
                      "undone."))


@bp.get("/losses/<uuid:id>/report")
@needs("paymaster.pay", "disbursement.view_all")
def report(id: uuid.UUID) -> Response:
    """The report of lost cash."""
    row = loss_queries.loss(id)
    if row.report_file_id is None:
        raise NotFound()
    return serve(row.report_file_id)
