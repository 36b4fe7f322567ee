"""Paying by bank transfer, for donors with an account and by private link: where the money goes, and "it was sent"."""

from __future__ import annotations

import uuid
from typing import Any

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _

from accounts.current import current_actor
from accounts.permissions import organisations_with
from core import clock
from core.actor import PUBLIC, Actor
from core.errors import NotFound, RuleBroken
from core.web.access import needs, public
from core.web.forms import add_error
from core.web.limits import limiter
from sponsorship.contributions import fund_settings, queries, transfers
from sponsorship.contributions.back_forms import AnnounceForm, VersionForm
from sponsorship.contributions.blueprint import bp
from sponsorship.contributions.queries import ContributionRow, PledgePage
from sponsorship.contributions.transitions import OPEN
from sponsorship.contributions.ways import Payer


def _own_page(pledge_id: uuid.UUID) -> PledgePage:
    return queries.own_pledge(pledge_id, organisations_with(current_actor(), "contribution.own"))


def _announced(page: PledgePage) -> ContributionRow | None:
    return next((row for row in page.attempts if row.method == "transfer" and row.code == "declared"), None)


def _show(page: PledgePage, payer: Payer, form: AnnounceForm | None = None, problem: Any = None) -> str:
    waiting = _announced(page)
    if form is None and waiting is None and page.code in OPEN and page.outstanding:
        form = AnnounceForm(page.outstanding.currency, formdata=None, amount=page.outstanding, sent_on=clock.today())
    back_url = url_for("contributions.own_pledge", pledge_id=payer.pledge_id)
    if payer.token is not None:
        back_url = url_for("contributions.pledge_by_link", pledge_id=payer.pledge_id, token=payer.token)
    return render_template(
        "contributions/transfer.html", page=page, payer=payer, form=form, waiting=waiting, problem=problem,
        details=fund_settings.bank_details(), back_url=back_url,
        home=(_("My contributions"), url_for("contributions.donor_home")) if payer.token is None else
        (_("Contribute"), url_for("contributions.donate")),
    )


def _announce(page: PledgePage, payer: Payer, actor: Actor) -> Any:
    form = AnnounceForm(page.amount.currency)
    if form.validate_on_submit():
        assert form.amount.data is not None and form.sent_on.data is not None, "required fields"
        try:
            transfers.declare(page.id, actor, payer.token, form.amount.data.minor, form.sent_on.data)
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            flash(_("Thank you. We look for it on our bank’s statement and write to you when it is there."), "success")
            return redirect(payer.url("transfer"), 303)
    return _show(page, payer, form), 422


def _take_back(page: PledgePage, payer: Payer, actor: Actor, contribution_id: uuid.UUID) -> Any:
    form = VersionForm()
    if contribution_id not in {row.id for row in page.attempts}:
        raise NotFound()
    if not form.validate_on_submit():
        problem = _("This page was incomplete. Open it again and repeat your change.")
        return _show(page, payer, problem=problem), 422
    transfers.take_back_announcement(contribution_id, actor, payer.token, form.seen)
    flash(_("The announcement has been taken back."), "success")
    return redirect(payer.url("transfer"), 303)


# --- with an account --------------------------------------------------------------------------------------------
@bp.get("/donor/pledges/<uuid:pledge_id>/transfer")
@needs("contribution.own")
def transfer_own(pledge_id: uuid.UUID) -> Any:
    """Where a transfer goes, with which reference; what was announced."""
    return _show(_own_page(pledge_id), Payer(pledge_id))


@bp.post("/donor/pledges/<uuid:pledge_id>/transfer")
@needs("contribution.own")
def announce_own(pledge_id: uuid.UUID) -> Any:
    """It was sent."""
    return _announce(_own_page(pledge_id), Payer(pledge_id), current_actor())


@bp.post("/donor/pledges/<uuid:pledge_id>/transfer/<uuid:contribution_id>/take-back")
@needs("contribution.own")
def take_back_own(pledge_id: uuid.UUID, contribution_id: uuid.UUID) -> Any:
    """It was not sent."""
    return _take_back(_own_page(pledge_id), Payer(pledge_id), current_actor(), contribution_id)


# --- by private link --------------------------------------------------------------------------------------------
@bp.get("/donate/pledges/<uuid:pledge_id>/<string:token>/transfer")
@public
def transfer_by_link(pledge_id: uuid.UUID, token: str) -> Any:
    """Where a transfer goes, with which reference; what was announced."""
    return _show(queries.pledge_by_link(pledge_id, token), Payer(pledge_id, token))


@bp.post("/donate/pledges/<uuid:pledge_id>/<string:token>/transfer")
@public
@limiter.limit("60/hour")
def announce_by_link(pledge_id: uuid.UUID, token: str) -> Any:
    """It was sent."""
    return _announce(queries.pledge_by_link(pledge_id, token), Payer(pledge_id, token), PUBLIC)


@bp.post("/donate/pledges/<uuid:pledge_id>/<string:token>/transfer/<uuid:contribution_id>/take-back")
@public
@limiter.limit("60/hour")
def take_back_by_link(pledge_id: uuid.UUID, token: str, contribution_id: uuid.UUID) -> Any:
    """It was not sent."""
    return _take_back(queries.pledge_by_link(pledge_id, token), Payer(pledge_id, token), PUBLIC, contribution_id)
