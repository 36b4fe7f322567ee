"""Pages that approve many payments at once: choose, check each line, see each result."""

from __future__ import annotations

from datetime import datetime

from flask import redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from werkzeug.wrappers import Response

from accounts.current import current_actor
from accounts.fresh import fresh_sign_in
from core import clock
from core.money import Money, usd
from core.web.access import needs
from core.web.choosing import choose_column, everything_listed
from core.web.formats import instant_html
from core.web.tables import Column, Table, TableQuery
from sponsorship.disbursements import many
from sponsorship.disbursements.blueprint import bp
from sponsorship.disbursements.forms import ManyForm
from sponsorship.disbursements.many import Line
from sponsorship.disbursements.settings import setting
from sponsorship.disbursements.words import SIGNED

View = str | Response | tuple[str, int]


def _value(line: Line) -> str:
    return f"{line.id}:{line.row.version}"


def _table(lines: list[Line], caption: str, chosen: list[str] | None = None) -> Table:
    """Each line as the officer must see it: payee, whether the names agree, account, dates, who signed, amount. With
    `chosen`, a box at the head of each."""
    columns = [] if chosen is None else [
        choose_column("payments", _value, lambda line: line.reference, chosen, _value(lines[0]) if lines else None)]
    columns += [
        Column("reference", _("Payment"), heading=True), Column("kind_label", _("For"), render=_for),
        Column("amount", _("Amount"), numeric=True, currency="USD"),
        Column("holder", _("Paid to"), render=_account), Column("name_state", _("Nominee and holder")),
        Column("due_at", _("Release from"), render=lambda line: _day(line.row.due_at)),
        Column("signed", _("Signatures"), render=_signed), Column("approval", _("Your approval")),
    ]
    total = sum(line.amount.minor for line in lines)
    return Table(caption, columns, lines, csv=False, query=TableQuery(per_page=len(lines) or 1), broad=True,
                 totals={"amount": Money(total, "USD")} if lines else None, anchor="payments-to-approve",
                 row_url=lambda line: url_for("disbursements.disbursement_page", id=line.id))


def _day(instant: datetime) -> Markup:
    return instant_html(instant, setting("office_zone", clock.today()), time=False)


# each in one element: on a telephone a cell lays out its children beside one another
def _for(line: Line) -> Markup:
    return Markup("<span>{}<br>{}</span>").format(line.kind_label, line.organisation)


def _account(line: Line) -> Markup:
    return Markup('<span><bdi>{}</bdi><br><bdi>{}</bdi><br><bdi dir="ltr">{}</bdi></span>').format(
        line.holder, line.bank, line.account)


def _signed(line: Line) -> Markup:
    return Markup("<span>{}</span>").format(Markup("<br>").join(
        Markup("{}: <bdi>{}</bdi>, {}").format(SIGNED[s.step], who, _day(s.at)) for s, who in line.signed))


@bp.get("/disbursements/approve")
@needs("disbursement.approve")
def approve_many() -> View:
    """Everything that waits for an approving officer, to choose from."""
    return _choose(ManyForm(formdata=None))


def _choose(form: ManyForm, status: int = 200) -> View:
    lines = many.lines(current_actor())
    return render_template("disbursements/many_choose.html", form=form, lines=lines, table=_table(
        lines, _("What waits for approval"), form.payments.data or [])), status


@bp.route("/disbursements/approve/check", methods=["GET", "POST"])
@needs("disbursement.approve")
def check_many() -> View:
    """One page with every chosen line, before anything is signed. Nothing is written. Whoever comes back by the address
    alone chooses anew."""
    if request.method == "GET":
        return redirect(url_for("disbursements.approve_many"), 303)
    form = ManyForm(everything_listed(request.form, "payments"))
    if not form.validate():
        return _choose(form, 422)
    wanted = form.versions()
    lines = many.lines(current_actor(), list(wanted))
    shown = [line for line in lines if wanted[line.id] == line.row.version]
    return render_template(
        "disbursements/many_check.html", table=_table(shown, _("You approve these payments")),
        chosen=[_value(line) for line in shown], left_out=len(wanted) - len(shown),
        differing=[line for line in shown if line.name_fits is False],
        total=usd(sum(line.amount.minor for line in shown)), count=len(shown))


@bp.post("/disbursements/approve")
@needs("disbursement.approve")
@fresh_sign_in(_l("Approve the payments you checked"))
def approve_many_now() -> View:
    """Approve each; each line has a result of its own. Sent twice it answers the same."""
    form = ManyForm()
    if not form.validate():
        return _choose(form, 422)
    results = many.approve_many(form.versions(), current_actor())
    columns = [
        Column("reference", _("Payment"), heading=True), Column("organisation", _("State")),
        Column("status", _("What came of it")), Column("amount", _("Amount"), numeric=True, currency="USD"),
    ]
    done = [r for r in results if r.done]
    table = Table(_("Results"), columns, results, csv=False, query=TableQuery(per_page=len(results) or 1),
                  row_url=lambda r: url_for("disbursements.disbursement_page", id=r.id), anchor="results")
    return render_template("disbursements/many_done.html", table=table, done=len(done), stayed=len(results) - len(done),
                           total=usd(sum(r.amount.minor for r in done)), method=request.method)
