"""The page of the rules for a second approving officer."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response
from wtforms import SelectField
from wtforms.validators import Optional

from accounts.current import current_actor
from accounts.fresh import fresh_sign_in
from accounts.permissions import allows
from core import clock
from core.errors import RuleBroken
from core.money import Money
from core.web.access import needs
from core.web.downloads import download
from core.web.forms import BaseForm, DayField, MoneyField, Required, add_error
from core.web.tables import Column, Table, TableQuery
from sponsorship.awards.forms import VersionedForm
from sponsorship.disbursements import rules
from sponsorship.disbursements.blueprint import bp
from sponsorship.disbursements.payment_tabs import tabs
from sponsorship.disbursements.words import KIND_LABELS

View = str | Response | tuple[str, int]
COLUMNS = [
    Column("valid_from", _l("From"), heading=True), Column("valid_to", _l("Until before")),
    Column("amount", _l("Payments of at least"), numeric=True, currency="USD"), Column("kind", _l("Kind")),
    Column("pool", _l("Pool")), Column("status", _l("Today")), Column("proposed_by", _l("Proposed by")),
    Column("decided_by", _l("Decided by")), Column("end_asked_by", _l("End asked by")),
    Column("end_agreed_by", _l("End agreed by")),
]


class RuleForm(BaseForm):
    """A rule to propose."""

    amount = MoneyField(_l("Payments of at least"), validators=[Required()])
    kind = SelectField(_l("Kind of payment"), validators=[Optional()])
    pool = SelectField(_l("Paid out of"), validators=[Optional()])
    valid_from = DayField(_l("From"), description=_l("Payments certified on this day or later."),
                          validators=[Required()])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind.choices = [("", _("every kind")), *KIND_LABELS.items()]
        self.pool.choices = [("", _("every pool")), *rules.pool_choices()]


class EndForm(VersionedForm):
    """From when a rule no longer holds."""

    end_on = DayField(_l("No longer from"), validators=[Required()])


@dataclass(frozen=True)
class _Shown:
    form: RuleForm
    status: int = 200


def _page(shown: _Shown | None = None) -> View:
    actor, rows, query = current_actor(), rules.rule_rows(), TableQuery.from_args(request.args)
    if query.format:
        return download(query, [*COLUMNS, Column("proposed_at", _("Proposed"))], rows, "approval-rules")
    may = allows(actor, "approval.rules.propose")
    table = Table(
        _("Rules"), COLUMNS, rows[query.offset:query.offset + query.limit], query=query, total=len(rows), broad=True,
        base_url=url_for("disbursements.approval_rules"), empty_title=_("No rules"),
        empty_text=_("Without a rule one approving officer approves each payment."),
        row_url=(lambda row: url_for("disbursements.end_rule", id=row.id)
                 if row.status.code in ("holds", "later") else None) if may else None)
    form = shown.form if shown else RuleForm()
    if shown is None:
        form.valid_from.data = clock.today()
    return render_template(
        "disbursements/rules.html", table=table, form=form, may=may, me=actor.person_id,
        tabs=tabs("disbursements.approval_rules"),
        agrees=allows(actor, "approval.rules.agree"), waiting=[row for row in rows if row.waits],
    ), shown.status if shown else 200


@bp.get("/disbursements/approval-rules")
@needs("disbursement.view_all")
def approval_rules() -> View:
    """Which payments need two approving officers."""
    return _page()


@bp.post("/disbursements/approval-rules")
@needs("approval.rules.propose")
def propose_rule() -> View:
    form = RuleForm()
    if form.validate():
        assert isinstance(form.amount.data, Money) and form.valid_from.data is not None
        try:
            rules.propose(current_actor(), kind=form.kind.data or None, from_minor=form.amount.data.minor,
                          pool_id=uuid.UUID(form.pool.data) if form.pool.data else None,
                          valid_from=form.valid_from.data)
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            flash(_("Proposed. It holds once the head of the fund agrees."), "success")
            return redirect(url_for("disbursements.approval_rules"), 303)
    return _page(_Shown(form, 422))


@bp.route("/disbursements/approval-rules/<uuid:id>/end", methods=["GET", "POST"])
@needs("approval.rules.propose")
def end_rule(id: uuid.UUID) -> View:
    """Ask that a rule end."""
    row = next((r for r in rules.rule_rows() if r.id == id), None)
    form = EndForm()
    if row is not None and request.method == "GET":
        form.version.data, form.end_on.data = row.version, clock.today()
    elif form.validate_on_submit():
        assert form.end_on.data is not None
        try:
            rules.ask_end(current_actor(), id, form.seen, form.end_on.data)
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            flash(_("Asked. The rule holds until the head of the fund agrees."), "success")
            return redirect(url_for("disbursements.approval_rules"), 303)
    if row is None:
        return redirect(url_for("disbursements.approval_rules"), 303)
    return render_template("disbursements/rule_end.html", row=row, form=form), 422 if form.errors else 200


def _decide(run: Callable[[int], None], done: str) -> View:
    form = VersionedForm()
    if form.validate_on_submit():
        try:
            run(form.seen)
            flash(done, "success")
        except RuleBroken as refusal:
            flash(str(refusal.message), "error")
    return redirect(url_for("disbursements.approval_rules"), 303)


@bp.post("/disbursements/approval-rules/<uuid:id>/agree")
@needs("approval.rules.agree")
@fresh_sign_in(_l("Agree to a rule for a second approving officer"))
def agree_rule(id: uuid.UUID) -> View:
    return _decide(lambda v: rules.decide(current_actor(), id, v, True), _("Agreed. The rule holds."))


@bp.post("/disbursements/approval-rules/<uuid:id>/refuse")
@needs("approval.rules.agree")
def refuse_rule(id: uuid.UUID) -> View:
    return _decide(lambda v: rules.decide(current_actor(), id, v, False), _("Refused."))


@bp.post("/disbursements/approval-rules/<uuid:id>/agree-end")
@needs("approval.rules.agree")
@fresh_sign_in(_l("Agree to end a rule for a second approving officer"))
def agree_rule_end(id: uuid.UUID) -> View:
    return _decide(lambda v: rules.decide_end(current_actor(), id, v, True), _("Agreed. The rule ends on its day."))


@bp.post("/disbursements/approval-rules/<uuid:id>/keep")
@needs("approval.rules.agree")
def keep_rule(id: uuid.UUID) -> View:
    return _decide(lambda v: rules.decide_end(current_actor(), id, v, False), _("The rule goes on."))
