"""Pages of what became of payments that left: handed over, answered by the bank, found by two people."""

from __future__ import annotations

import uuid
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from werkzeug.wrappers import Response

from accounts.current import current_actor
from accounts.fresh import fresh_sign_in
from core.errors import NotFound, RuleBroken
from core.web.access import needs
from core.web.forms import add_error
from sponsorship.awards.forms import VersionedForm
from sponsorship.disbursements import (
    answer_queries,
    answer_service,
    finding_service,
    queries,
    release_service,
    routes,
)
from sponsorship.disbursements.acts import act
from sponsorship.disbursements.answer_forms import (
    BackForm,
    ConfirmForm,
    ContradictForm,
    DoubtForm,
    FindingForm,
    HandOverForm,
    RefuseFindingForm,
)
from sponsorship.disbursements.cash_models import CASH
from sponsorship.disbursements.held_files import last_downloads
from sponsorship.disbursements.stops import is_stopped
from sponsorship.disbursements.transitions import PAID

bp = routes.bp
View = str | Response | tuple[str, int]


@bp.route("/disbursements/<uuid:id>/confirm", methods=["GET", "POST"])
@needs("disbursement.confirm")
def confirm(id: uuid.UUID) -> View:
    return routes.page_with_form(
        id, ConfirmForm(),
        lambda f: answer_service.confirm(id, f.bank_reference.data, current_actor(), f.seen, figures=f.figures),
        _("Confirmed. The payment is done."), _("Record the bank’s confirmation"),
        _("The money has arrived, by the bank’s own word. If it comes back later, that is recorded then."),
        _("Record the confirmation"),
    )


def _back(id: uuid.UUID, action: str, run: Any, done: str, title: str, warning: str, button: str) -> View:
    page = queries.disbursement_page(id, current_actor())
    return routes.page_with_form(
        id, BackForm.about(action, page.row.state in PAID),
        lambda f: run(id, f.reason.data, f.bank_reference.data, current_actor(), f.seen, f.text.data, f.figures),
        done, title, warning, button, "danger")


@bp.route("/disbursements/<uuid:id>/fail", methods=["GET", "POST"])
@needs("disbursement.confirm")
def fail(id: uuid.UUID) -> View:
    return _back(id, "fail", answer_service.fail, _("Recorded. The money is reserved again."),
                 _("Record that the payment failed"),
                 _("The money goes back to the award’s reservation. Paying it again needs four new signatures."),
                 _("Record the failure"))


@bp.route("/disbursements/<uuid:id>/reject", methods=["GET", "POST"])
@needs("disbursement.confirm")
def reject(id: uuid.UUID) -> View:
    return _back(id, "reject", answer_service.reject, _("Recorded. The money is reserved again."),
                 _("Record that the bank rejected it"),
                 _("The bank did not take the instruction, so nothing left the account. Paying it again needs four new "
                   "signatures."), _("Record the rejection"))


@bp.route("/disbursements/<uuid:id>/return", methods=["GET", "POST"], endpoint="return")
@needs("disbursement.confirm")
def came_back(id: uuid.UUID) -> View:
    return _back(id, "return", answer_service.came_back, _("Recorded. The money is reserved again."),
                 _("Record that the money came back"),
                 _("The payee’s bank sent the money back, perhaps days after it was confirmed. Record it once it is on "
                   "the fund’s account."), _("Record the return"))


@bp.route("/disbursements/<uuid:id>/reverse", methods=["GET", "POST"])
@needs("disbursement.confirm")
def reverse(id: uuid.UUID) -> View:
    return _back(id, "reverse", answer_service.reverse, _("Recorded. The money is reserved again."),
                 _("Record that the bank reversed it"),
                 _("The bank undid its own booking, by itself or because we recalled the payment. Record it once the "
                   "money is on the fund’s account."), _("Record the reversal"))


@bp.route("/disbursements/<uuid:id>/doubt", methods=["GET", "POST"])
@needs("disbursement.confirm")
def doubt(id: uuid.UUID) -> View:
    return routes.page_with_form(
        id, DoubtForm(), lambda f: answer_service.doubt(id, f.reason.data, current_actor(), f.seen, f.text.data),
        _("Recorded. It is not paid again until the bank, or two people, say what became of it."),
        _("Record that nobody knows whether it was paid"),
        _("From then on it can be neither paid again nor confirmed by one person alone without the bank’s reference."),
        _("Mark as unknown"), "danger")


@bp.route("/disbursements/<uuid:id>/contradict", methods=["GET", "POST"])
@needs("disbursement.confirm")
def contradict(id: uuid.UUID) -> View:
    rounds = answer_queries.rounds_of(id)
    if not rounds:
        raise NotFound()
    form = ContradictForm()
    form.round.choices = [(n, _("Round %(round)s, instruction %(number)s", round=n, number=number))
                          for n, number in rounds]
    return routes.page_with_form(
        id, form,
        lambda f: answer_service.contradict(id, f.round.data, f.reason.data, f.bank_reference.data, current_actor(),
                                            f.seen, f.text.data),
        _("Recorded. Nothing is paid until it is clear what became of it."),
        _("Record that the bank contradicts its earlier word"),
        _("The money counts as on its way again, whatever was being prepared stops, and nothing is paid twice."),
        _("Record the contradiction"), "danger")


# --- what two people find -------------------------------------------------------------------------------------------
@bp.route("/disbursements/<uuid:id>/finding", methods=["GET", "POST"])
@needs("disbursement.confirm", "disbursement.resolve")
def finding(id: uuid.UUID) -> View:
    return routes.page_with_form(
        id, FindingForm(),
        lambda f: finding_service.ask(id, f.outcome.data, f.text.data, current_actor(), f.seen),
        _("Recorded. Another person has been asked to agree."), _("Say what the papers show"),
        _("For a payment of which the bank says nothing. Nothing moves before another person agrees."),
        _("Ask another person to agree"))


@bp.post("/disbursements/findings/<uuid:id>/agree")
@needs("disbursement.resolve")
@fresh_sign_in(_l("Agree to what became of the payment"))
def agree_finding(id: uuid.UUID) -> View:
    found = answer_queries.finding(id)
    form = VersionedForm()
    if not form.validate_on_submit():
        return routes.show(found.disbursement_id, _("Open the page again."))
    try:
        finding_service.agree(id, current_actor(), form.seen)
    except RuleBroken as error:
        return routes.show(found.disbursement_id, error.message)
    return routes.back_to(found.disbursement_id, _("Agreed by two people."))


@bp.route("/disbursements/findings/<uuid:id>/refuse", methods=["GET", "POST"])
@needs("disbursement.resolve")
def refuse_finding(id: uuid.UUID) -> View:
    found = answer_queries.finding(id)
    page = queries.disbursement_page(found.disbursement_id, current_actor())
    return act("disbursements/act.html", RefuseFindingForm(), found.version,
               lambda f: finding_service.refuse(id, f.reason.data, f.text.data, current_actor(), f.seen),
               _("Refused. The payment stays unknown."),
               url_for("disbursements.disbursement_page", id=found.disbursement_id), page=page,
               title=_("Refuse what was found"), button=_("Refuse"), kind="danger",
               warning=_("%(what)s, says the other person. The payment stays unknown.", what=found.outcome_label))


# --- the file --------------------------------------------------------------------------------------------------------
@bp.route("/disbursements/instructions/<uuid:id>/hand-over", methods=["GET", "POST"])
@needs("disbursement.release")
def hand_over(id: uuid.UUID) -> View:
    """A signatory confirms that the bank has the whole file, or the paymaster list and cash."""
    page = queries.instruction_page(id)
    form = HandOverForm()
    if request.method == "GET":
        form.version.data = 1
    elif form.validate_on_submit():
        try:
            moved = release_service.hand_over(id, current_actor(), form.receipt.data or "")
            flash(ngettext("Recorded: the paymaster has the list and the cash for %(num)s payment.",
                           "Recorded: the paymaster has the list and the cash for %(num)s payments.", moved)
                  if page.row.rail == CASH else
                  ngettext("Recorded: the bank has the file with %(num)s payment.",
                           "Recorded: the bank has the file with %(num)s payments.", moved), "success")
            return redirect(url_for("disbursements.instruction", id=id), 303)
        except RuleBroken as error:
            add_error(form, error.field, error.message)
    body = render_template("disbursements/hand_over.html", page=page, form=form, held=is_stopped(),
                           taken=last_downloads([id]).get(id))
    return (body, 422) if request.method == "POST" else body
