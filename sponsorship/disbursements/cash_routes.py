"""Pages of the paymaster: what is to be paid, the count, the second count, receipts and lists."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from accounts.current import current_actor
from accounts.permissions import allows
from core import clock
from core.errors import NotFound, RuleBroken, Stale
from core.files import check_upload, serve
from core.money import Money, usd
from core.pdf import pdf_response, render
from core.web.access import needs
from core.web.downloads import download
from core.web.forms import add_error
from core.web.tables import Column, Filter, Table, TableQuery
from sponsorship.awards.forms import VersionedForm
from sponsorship.disbursements import cash_queries, cash_service, queries, rails
from sponsorship.disbursements.acts import act
from sponsorship.disbursements.cash_forms import AgreeForm, HandedForm, HandOutForm, NotPaidForm, RailForm
from sponsorship.disbursements.cash_pdf import receipt_document
from sponsorship.disbursements.cash_service import Handed
from sponsorship.disbursements.cash_words import OUTCOMES
from sponsorship.disbursements.settings import setting
from sponsorship.disbursements.stops import is_stopped

bp = Blueprint("paymaster", __name__)
View = str | Response | tuple[str, int]

COUNTED = [
    Column("receipt", _l("Receipt"), heading=True), Column("payee", _l("Payee")),
    Column("outcome_label", _l("Outcome")),
    Column("paid", _l("Paid out"), numeric=True, currency="USD"),
    Column("back", _l("Not paid out"), numeric=True, currency="USD"), Column("reason", _l("Why not")),
    Column("counted_by", _l("Counted by")), Column("second_by", _l("Counted again by")),
    Column("second_at", _l("When")),
]


@bp.context_processor
def _words() -> dict[str, Any]:
    return {"office_zone": setting("office_zone", clock.today())}


@bp.get("/paymaster/")
@needs("paymaster.pay", "disbursement.view_all")
def desk() -> View:
    """What is in hand, what waits for a second count, what was paid and what came back."""
    query = TableQuery.from_args(request.args, [], [Filter("outcome", _("Outcome"), list(OUTCOMES.items()))])
    done = cash_queries.counts(("agreed",), outcome=query.get("outcome"))
    if query.format:
        return download(query, [*COUNTED, Column("reference", _("Payment"))], done, "cash-paid")
    may = allows(current_actor(), cash_service.PAY)
    table = Table(
        _("Paid and not paid"), COUNTED, done[query.offset:query.offset + query.limit], query=query, total=len(done),
        filters=[Filter("outcome", _("Outcome"), list(OUTCOMES.items()))], base_url=url_for("paymaster.desk"),
        empty_title=_("Nothing yet"), empty_text=_("A payment stands here once two people have counted it."),
        totals={"paid": Money(sum(r.paid.minor for r in done), "USD"),
                "back": Money(sum(r.back.minor for r in done), "USD")} if done else None)
    return render_template("disbursements/paymaster.html", to_pay=cash_queries.to_pay(),
                           waiting=cash_queries.counts(("counted",)), table=table, may=may,
                           stopped=is_stopped(), me=current_actor().person_id)


@bp.route("/paymaster/payments/<uuid:id>/pay", methods=["GET", "POST"])
@needs("paymaster.pay")
def hand_out(id: uuid.UUID) -> View:
    """What is seen and counted; once that was checked, it is recorded with the signed receipt."""
    if request.method == "GET":
        row, begun = cash_queries.cash_row(id), HandOutForm()
        begun.version.data, begun.amount.data = row.version, row.amount
        return _pay(row, begun)
    form = HandedForm()
    if form.validate_on_submit():
        assert isinstance(form.amount.data, Money)
        try:
            proof = check_upload(form.receipt.data, field="receipt")
            cash_service.hand_out(id, Handed(form.amount.data.minor, bool(form.passport.data),
                                             bool(form.boarding_pass.data)), proof, current_actor(), form.seen,
                                  form.happened.data or None)
        except RuleBroken as error:
            add_error(form, error.field, error.message)
        else:
            flash(_("Recorded. A second person counts the money now."), "success")
            return redirect(url_for("paymaster.desk"), 303)
    row = cash_queries.cash_row(id)
    # what the first page asks for is put right there
    return _check(row, form, 422) if set(form.errors) <= {"receipt"} else _pay(row, form, 422)


def _pay(row: cash_queries.CashRow, form: HandOutForm, status: int = 200) -> View:
    return render_template("disbursements/paymaster_pay.html", row=row, form=form,
                           obstacle=cash_service.obstacle(row.id)), status


def _check(row: cash_queries.CashRow, form: HandedForm, status: int = 200) -> View:
    assert isinstance(form.amount.data, Money)
    return render_template("disbursements/paymaster_check.html", row=row, form=form, paid=form.amount.data,
                           stays=usd(row.amount.minor - form.amount.data.minor),
                           obstacle=cash_service.obstacle(row.id)), status


@bp.route("/paymaster/payments/<uuid:id>/pay/check", methods=["GET", "POST"])
@needs("paymaster.pay")
def check_hand_out(id: uuid.UUID) -> View:
    """One page that says what recording it does. Nothing is written. Whoever comes back by the address alone begins
    anew."""
    if request.method == "GET":
        return redirect(url_for("paymaster.hand_out", id=id), 303)
    row, form = cash_queries.cash_row(id), HandedForm()
    if not form.validate_on_submit() and not set(form.errors) <= {"receipt"}:
        return _pay(row, form, 422)
    if form.seen != row.version:
        raise Stale()
    assert isinstance(form.amount.data, Money)
    refusal = cash_service.refused(id, form.amount.data.minor, form.happened.data or "")
    if refusal is not None:
        add_error(form, refusal.field, refusal.message)
        return _pay(row, form, 422)
    form.receipt.errors = []  # it is asked for on the page that follows
    return _check(row, form)


@bp.route("/paymaster/payments/<uuid:id>/not-paid", methods=["GET", "POST"])
@needs("paymaster.pay")
def not_paid(id: uuid.UUID) -> View:
    """All of it is back in the office."""
    row = cash_queries.cash_row(id)
    return act("disbursements/paymaster_act.html", NotPaidForm(), row.version,
               lambda f: cash_service.not_paid(id, f.reason.data, f.text.data, current_actor(), f.seen),
               _("Recorded. A second person counts the money now."), url_for("paymaster.desk"), row=row, paying=False,
               title=_("The cash was not paid out"), button=_("Record that it was not paid"), kind="danger",
               lead=_("All of it is back. Once a second person has counted it, its money is reserved again."))


@bp.route("/paymaster/counts/<uuid:id>/agree", methods=["GET", "POST"])
@needs("paymaster.pay")
def agree(id: uuid.UUID) -> View:
    """The second person types the amount counted, without being shown it in the field."""
    row = cash_queries.count_row(id)
    return act("disbursements/paymaster_agree.html", AgreeForm(), row.version,
               lambda f: cash_service.agree(id, f.amount.data.minor, current_actor(), f.seen),
               _("Counted by two. The payment is confirmed.") if row.outcome == "confirmed" else
               _("Counted by two. The money is reserved again."), url_for("paymaster.desk"), row=row,
               me=current_actor().person_id)


@bp.post("/paymaster/counts/<uuid:id>/take-back")
@needs("paymaster.pay")
def take_back(id: uuid.UUID) -> View:
    """The record was wrong; the money is counted anew."""
    form = VersionedForm()
    if form.validate_on_submit():
        cash_service.take_back(id, current_actor(), form.seen)
        flash(_("Taken back. Count the money anew."), "success")
    return redirect(url_for("paymaster.desk"), 303)


@bp.get("/paymaster/payments/<uuid:id>/receipt.pdf")
@needs("paymaster.pay", "disbursement.view_all")
def receipt(id: uuid.UUID) -> Response:
    """The receipt: to be signed, or as it was paid."""
    row = cash_queries.cash_row(id)
    done = [c for c in cash_queries.counts(("agreed",), id) if c.receipt == row.receipt]
    return pdf_response(render(receipt_document(row, done[0] if done else None)), row.receipt.replace("/", "-"))


@bp.get("/paymaster/counts/<uuid:id>/signed")
@needs("paymaster.pay", "disbursement.view_all")
def signed(id: uuid.UUID) -> Response:
    """The receipt with the payee's signature."""
    row = cash_queries.count_row(id)
    if row.receipt_file_id is None:
        raise NotFound()
    return serve(row.receipt_file_id)


@bp.route("/payees/<uuid:id>/rail", methods=["GET", "POST"])
@needs("payee.verify")
def choose_rail(id: uuid.UUID) -> View:
    """How what is due on arrival is paid."""
    page, form = queries.payee_page(id, current_actor()), RailForm()
    if request.method == "GET":
        form.rail.data = page.rail
    return act("disbursements/payee_rail.html", form, page.row.version,
               lambda f: rails.choose(id, f.rail.data, current_actor(), f.seen),
               _("Chosen. What was signed for the other rail needs new signatures."),
               url_for("payees.payee_page", id=id), page=page)
