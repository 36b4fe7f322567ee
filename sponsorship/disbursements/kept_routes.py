"""Pages of a file that must never leave: each lists every payment that the act is about, before it is done."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from flask import request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from werkzeug.wrappers import Response

from accounts.current import current_actor
from accounts.fresh import fresh_sign_in
from core.errors import NotFound
from core.web.access import needs
from sponsorship.disbursements import kept_queries, kept_service, queries, routes
from sponsorship.disbursements.acts import act
from sponsorship.disbursements.held_files import last_downloads
from sponsorship.disbursements.kept_forms import KeepForm, RefuseUnpaidForm, SeenForm, UnpaidForm

bp = routes.bp
View = str | Response | tuple[str, int]


def _act(instruction_id: uuid.UUID, listed: kept_queries.FilePayments, form: Any, run: Callable[[], int],
         done: Callable[[int], str], **words: Any) -> View:
    page = queries.instruction_page(instruction_id)
    if request.method == "GET":
        if not listed.rows:
            raise NotFound()
        form.seen.data = listed.seen
    return act(
        "disbursements/kept_act.html", form, None, lambda _form: run(), done,
        url_for("disbursements.instruction", id=instruction_id), row=page.row, said_by=listed.said_by,
        count=len(listed.rows), total=listed.total, taken=last_downloads([instruction_id]).get(instruction_id),
        table=routes.payments_table(queries.InstructionPage(page.row, tuple(listed.rows)), listed.total), **words)


@bp.route("/disbursements/instructions/<uuid:id>/keep", methods=["GET", "POST"])
@needs("disbursement.confirm")
def keep_file(id: uuid.UUID) -> View:
    """This file must never leave."""
    form = KeepForm()
    return _act(
        id, kept_queries.waiting(id), form,
        lambda: kept_service.keep(id, form.reason.data, form.text.data, current_actor(), form.seen.data),
        lambda n: ngettext("Kept back for good: %(num)s payment is unknown now.",
                           "Kept back for good: %(num)s payments are unknown now.", n),
        title=_("This file must never leave"), button=_("Keep it back for good"), kind="danger",
        then=[_("At once nobody can download the file or confirm that the bank has it. This cannot be undone: signed "
                "bytes do not change."),
              _("Every payment above is unknown, and is not paid again while it is."),
              _("One person says what the papers show, another agrees. Then the money is reserved again, and each "
                "payment is signed anew."),
              _("If the bank has it all the same, its word is recorded on each payment.")])


@bp.route("/disbursements/instructions/<uuid:id>/unpaid", methods=["GET", "POST"])
@needs("disbursement.confirm", "disbursement.resolve")
def file_unpaid(id: uuid.UUID) -> View:
    """The first of two says that none of it was paid."""
    form = UnpaidForm()
    return _act(
        id, kept_queries.unknown(id), form,
        lambda: kept_service.ask_unpaid(id, form.text.data, current_actor(), form.seen.data),
        lambda n: _("Recorded. Another person has been asked to agree."),
        title=_("None of it was paid"), button=_("Ask another person to agree"), kind="primary",
        then=[_("You say of every payment above that it was not paid. Where one was paid, or you do not know, say it "
                "on the page of each payment instead."), _("Nothing moves before another person agrees.")])


@bp.route("/disbursements/instructions/<uuid:id>/unpaid/agree", methods=["GET", "POST"])
@needs("disbursement.resolve")
@fresh_sign_in(_l("Agree that none of a file was paid"))
def agree_file_unpaid(id: uuid.UUID) -> View:
    """The second of two agrees."""
    form = SeenForm()
    return _act(
        id, kept_queries.asked(id, current_actor()), form,
        lambda: kept_service.agree_unpaid(id, current_actor(), form.seen.data),
        lambda n: ngettext("Agreed by two people: the money of %(num)s payment is reserved again.",
                           "Agreed by two people: the money of %(num)s payments is reserved again.", n),
        title=_("Agree that none of it was paid"), button=_("Agree: none of it was paid"), kind="primary",
        refuse=url_for("disbursements.refuse_file_unpaid", id=id),
        then=[_("The money of every payment above is reserved again at once."),
              _("Each may then be planned again, with four new signatures, in another file."),
              _("If the bank says later that one was paid, that is recorded, and nothing is paid twice.")])


@bp.route("/disbursements/instructions/<uuid:id>/unpaid/refuse", methods=["GET", "POST"])
@needs("disbursement.resolve")
def refuse_file_unpaid(id: uuid.UUID) -> View:
    """The second of two does not agree."""
    form = RefuseUnpaidForm()
    return _act(
        id, kept_queries.asked(id, current_actor()), form,
        lambda: kept_service.refuse_unpaid(id, form.reason.data, form.text.data, current_actor(), form.seen.data),
        lambda n: _("Refused. The payments stay unknown."),
        title=_("Refuse what was found"), button=_("Refuse"), kind="danger",
        then=[_("Every payment above stays unknown, and is not paid again.")])
