"""Pages of alternates: the list, a new one with its check page, and the end of one."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, SelectField
from wtforms.validators import Optional

from accounts import designations
from accounts.blueprint import bp
from accounts.current import current_actor
from accounts.designations import DesignationRow, Wish
from accounts.fresh import fresh_sign_in
from accounts.permissions import ROLES, allows
from core.errors import RuleBroken
from core.money import Money
from core.web.access import needs, signed_in
from core.web.downloads import download
from core.web.forms import After, BaseForm, DayField, MoneyField, Required, add_error
from core.web.tables import Column, Table, TableQuery

Answer = Any
COLUMNS = [
    Column("alternate", _l("Alternate"), heading=True), Column("role_label", _l("Acts as")),
    Column("holder", _l("For")), Column("valid_from", _l("First day")), Column("last_day", _l("Last day")),
    Column("limit", _l("Up to"), numeric=True, currency="USD"), Column("status", _l("Today")),
    Column("designated_by", _l("Designated by")), Column("revoked_by", _l("Revoked by")),
]


class DesignationForm(BaseForm):
    """Who acts for whom, when, and up to which amount. `step` is check or save."""

    office = SelectField(_l("Office and holder"), validators=[Required()])
    alternate_id = SelectField(_l("Alternate"), validators=[Required()],
                               description=_l("Signs under the own name; the record says for whom."))
    valid_from = DayField(_l("First day"), validators=[Required()])
    last_day = DayField(_l("Last day"), validators=[Required(), After("valid_from", or_same=True)])
    limit = MoneyField(_l("Up to, for a single amount"), validators=[Optional()],
                       description=_l("In US dollars. Empty: as the holder."))
    step = HiddenField()

    def __init__(self) -> None:
        super().__init__()
        self.office.choices = [("", _("Choose an office")), *designations.offices()]
        self.alternate_id.choices = [("", _("Choose a person")), *designations.candidates()]

    def wish(self) -> Wish:
        """What was written; ask only after the form was validated."""
        holder, _colon, role = str(self.office.data).partition(":")
        assert self.valid_from.data is not None and self.last_day.data is not None
        limit = self.limit.data.minor if isinstance(self.limit.data, Money) else None
        return Wish(uuid.UUID(holder), role, uuid.UUID(str(self.alternate_id.data)), self.valid_from.data,
                    self.last_day.data + timedelta(days=1), limit)


@bp.get("/accounts/alternates/")
@needs("alternate.view")
def alternates() -> Answer:
    """Who may act for whom, today, later and formerly."""
    query, rows = TableQuery.from_args(request.args), designations.all_designations()
    if query.format:
        return download(query, [*COLUMNS, Column("designated_at", _("Designated")), Column("revoked_at", _("Revoked"))],
                        rows, "alternates")
    may = allows(current_actor(), "alternate.designate")
    table = Table(
        _("Alternates"), COLUMNS, rows[query.offset:query.offset + query.limit], query=query, total=len(rows),
        base_url=url_for("accounts.alternates"),
        row_url=(lambda row: url_for("accounts.revoke_alternate", id=row.id) if row.open else None) if may else None,
        empty_title=_("No alternates"),
        empty_text=_("While nobody is designated, only the holders of an office act in it."))
    return render_template("accounts/alternates.html", table=table, may=may)


@bp.route("/accounts/alternates/new", methods=["GET", "POST"])
@needs("alternate.designate")
def new_alternate() -> Answer:
    """Write, then check."""
    form = DesignationForm()
    if form.validate_on_submit():
        if form.step.data != "back":
            form.step.data = "save"
            return _check_page(form)
    elif request.method == "GET":
        form.office.data = request.args.get("office", "")
    return render_template("accounts/alternate_new.html", form=form), 422 if form.errors else 200


def _check_page(form: DesignationForm, status: int = 200) -> Answer:
    wish = form.wish()
    people = dict(form.alternate_id.choices) | dict(form.office.choices)
    return render_template("accounts/alternate_check.html", form=form, wish=wish,
                           alternate=people.get(form.alternate_id.data), office=people.get(form.office.data),
                           role=ROLES[wish.role]), status


@bp.post("/accounts/alternates/save")
@needs("alternate.designate")
@fresh_sign_in(_l("Designate an alternate"))
def save_alternate() -> Answer:
    """Designate."""
    form = DesignationForm()
    if form.validate():
        try:
            designations.designate(current_actor(), form.wish())
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            flash(_("Designated. Both are told by mail."), "success")
            return redirect(url_for("accounts.alternates"), 303)
    return render_template("accounts/alternate_new.html", form=form), 422


@bp.route("/accounts/alternates/<uuid:id>/revoke", methods=["GET", "POST"])
@signed_in
def revoke_alternate(id: uuid.UUID) -> Answer:
    """The end of a designation, by whoever may designate or by the holder."""
    row: DesignationRow = designations.designation(id, current_actor())
    form = BaseForm()
    back = url_for("accounts.alternates") if allows(current_actor(), "alternate.view") else url_for("accounts.me")
    if form.validate_on_submit():
        designations.revoke(current_actor(), id)
        flash(_("Revoked. Both are told by mail."), "success")
        return redirect(back, 303)
    return render_template("accounts/alternate_revoke.html", row=row, form=form, back=back)
