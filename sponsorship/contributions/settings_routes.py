"""The fund's settings: whether cards are taken, where transfers go, who changed it when."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _

from accounts.current import current_actor
from accounts.permissions import allows
from accounts.queries import person_labels
from core.errors import RuleBroken
from core.web.access import needs
from core.web.forms import add_error
from sponsorship.contributions import fund_settings as kept
from sponsorship.contributions.back_forms import SettingsForm
from sponsorship.contributions.blueprint import bp
from sponsorship.contributions.officer_tabs import tabs


@bp.get("/contributions/settings/")
@needs("contribution.settings", "contribution.view_all")
def fund_settings() -> Any:
    """What holds now, and every change of it."""
    return _page()


def _page(form: SettingsForm | None = None) -> str:
    changes = kept.changes()
    if form is None and allows(current_actor(), "contribution.settings"):
        form = SettingsForm(formdata=None, cards="on" if kept.cards_accepted() else "off", details=kept.bank_details(),
                            version=kept.settings_version())
    return render_template(
        "contributions/settings.html", form=form, changes=changes, cards=kept.cards_accepted(),
        details=kept.bank_details(), people=person_labels(change.by for change in changes), tabs=tabs("fund_settings"))


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
            flash(_("The settings hold from now on; donors see them at once."), "success")
            return redirect(url_for("contributions.fund_settings"), 303)
    return _page(form), 422
