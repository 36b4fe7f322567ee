"""The fund's settings: whether cards are taken, where transfers go, who changed it when."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from accounts.current import current_actor
from accounts.fresh import fresh_sign_in
from accounts.permissions import allows
from accounts.queries import person_labels
from core.errors import RuleBroken
from core.web.access import needs
from core.web.forms import add_error
from sponsorship.contributions import fund_settings as kept
from sponsorship.contributions.back_forms import SettingsForm, VersionForm, WordsForm
from sponsorship.contributions.blueprint import bp
from sponsorship.contributions.officer_tabs import tabs


@bp.get("/contributions/settings/")
@needs("contribution.settings", "contribution.view_all")
def fund_settings() -> Any:
    """What holds now, and every change of it."""
    return _page()


def _page(form: SettingsForm | None = None, decline: WordsForm | None = None, problem: Any = None) -> str:
    changes, asked, actor = kept.changes(), kept.asked_details(), current_actor()
    mine = asked is not None and asked.by == actor.person_id
    may_approve = asked is not None and not mine and allows(actor, "contribution.settings.approve")
    if form is None and allows(actor, "contribution.settings"):
        form = SettingsForm(formdata=None, cards="on" if kept.cards_accepted() else "off",
                            details=asked.details if asked else kept.bank_details(), version=kept.settings_version())
    return render_template(
        "contributions/settings.html", form=form, changes=changes, cards=kept.cards_accepted(),
        details=kept.bank_details(), asked=asked, mine=mine, problem=problem, may_approve=may_approve,
        decline=decline or (WordsForm(formdata=None, version=kept.settings_version()) if may_approve else None),
        people=person_labels([*(change.by for change in changes), *([asked.by] if asked else [])]),
        tabs=tabs("fund_settings"))


@bp.post("/contributions/settings/")
@needs("contribution.settings")
def change_settings() -> Any:
    """Say something else from now on."""
    form = SettingsForm()
    if form.validate_on_submit():
        try:
            kept.change_fund_settings(cards=form.cards.data == "on", details=form.details.data or "",
                                      actor=current_actor(), expected_version=form.seen)
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            if kept.asked_details():
                flash(_("Saved. Donors read the other bank details once the head of the fund has approved them."),
                      "success")
            else:
                flash(_("The settings hold from now on; donors see them at once."), "success")
            return redirect(url_for("contributions.fund_settings"), 303)
    return _page(form), 422


@bp.post("/contributions/settings/bank-details/approve")
@needs("contribution.settings.approve")
@fresh_sign_in(_l("Approve the fund’s bank details"))
def approve_bank_details() -> Any:
    """The bank details that were asked for hold from now on."""
    form = VersionForm()
    if not form.validate_on_submit():
        return _page(problem=_("This page was incomplete. Open it again and repeat your change.")), 422
    try:
        kept.approve_bank_details(current_actor(), form.seen)
    except RuleBroken as refusal:
        return _page(problem=refusal.message), 422
    flash(_("The bank details hold from now on; donors see them at once."), "success")
    return redirect(url_for("contributions.fund_settings"), 303)


@bp.post("/contributions/settings/bank-details/decline")
@needs("contribution.settings.approve")
def decline_bank_details() -> Any:
    """The bank details stay as they are."""
    form = WordsForm()
    if form.validate_on_submit():
        try:
            kept.decline_bank_details(current_actor(), form.note.data or "", form.seen)
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            flash(_("The bank details stay as they are."), "success")
            return redirect(url_for("contributions.fund_settings"), 303)
    return _page(decline=form), 422
