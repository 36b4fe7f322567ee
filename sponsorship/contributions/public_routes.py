"""Giving: amount, donor, check, pledge, payment. Works for visitors and for donors with an account alike.

Answers travel in the visitor's own signed session until the pledge is made; nothing is stored before.
"""

from __future__ import annotations

import uuid
from typing import Any

from flask import current_app, redirect, render_template, request, session, url_for
from flask_babel import get_locale
from flask_babel import gettext as _

from accounts.current import current_actor
from accounts.permissions import organisations_with
from accounts.queries import names
from core import clock
from core.actor import PUBLIC
from core.errors import RuleBroken
from core.money import usd
from core.web.access import public
from core.web.limits import limiter
from core.web.links import absolute
from sponsorship.contributions import agreement_queries, queries, service
from sponsorship.contributions.blueprint import bp
from sponsorship.contributions.forms import DONOR_KIND_LABELS, AmountForm, DonorForm
from sponsorship.contributions.pages import pledge_view
from sponsorship.contributions.pools import purposes

DRAFT = "donation"


def _organisations() -> list[tuple[str, str]]:
    """The organisations for which the signed-in person may give, by name."""
    found = names(organisations_with(current_actor(), "contribution.own"))
    return sorted(((str(key), label) for key, label in found.items()), key=lambda pair: pair[1])


def _draft() -> dict[str, Any]:
    kept = session.get(DRAFT)
    return dict(kept) if isinstance(kept, dict) else {}


def _keep(**values: Any) -> None:
    session[DRAFT] = {"key": uuid.uuid4().hex, **_draft(), **values}


def _steps(organisations: list[tuple[str, str]]) -> list[str]:
    return [_("Amount"), *([] if organisations else [_("Donor")]), _("Check"), _("Pay")]


@bp.get("/donate/")
@public
def donate() -> Any:
    """First step: how much, for what."""
    draft, organisations = _draft(), _organisations()
    agreements = _agreements(organisations)
    return _amount_page(_amount_form(organisations, agreements, draft), organisations, agreements)


Agreements = dict[str, agreement_queries.AgreementTermsRow]


def _agreements(organisations: list[tuple[str, str]]) -> Agreements:
    """The agreements that decide what these organisations' money is for, by organisation."""
    found = {key: agreement_queries.agreement_terms(uuid.UUID(key), clock.today()) for key, _label in organisations}
    return {key: terms for key, terms in found.items() if terms is not None}


def _amount_page(form: AmountForm, organisations: list[tuple[str, str]], agreements: Agreements) -> str:
    bound = [(label, agreements[key]) for key, label in organisations if key in agreements]
    return render_template("contributions/donate.html", form=form, steps=_steps(organisations), bound=bound)


def _amount_form(
    organisations: list[tuple[str, str]], agreements: Agreements, draft: dict[str, Any] | None = None
) -> AmountForm:
    kept: dict[str, Any] = {"purpose": "general"}
    if draft and draft.get("amount_minor"):
        kept = {"amount": usd(draft["amount_minor"]), "purpose": draft["purpose"],
                "organisation": draft.get("organisation")}
    return AmountForm(purposes(), organisations, agreements, data=kept)


@bp.post("/donate/")
@public
def donate_amount() -> Any:
    """Keep amount and purpose; go on to the donor, or to the check for donors with an account."""
    organisations = _organisations()
    agreements = _agreements(organisations)
    form = _amount_form(organisations, agreements)
    if not form.validate_on_submit():
        return _amount_page(form, organisations, agreements), 422
    chosen = organisations[0][0] if len(organisations) == 1 else form.organisation.data if organisations else None
    assert form.amount.data is not None, "a required field"
    purpose = form.purpose.data if form.purpose and chosen not in agreements else "general"
    _keep(amount_minor=form.amount.data.minor, purpose=purpose, organisation=chosen)
    return redirect(url_for("contributions.donate_check" if chosen else "contributions.donate_who"), 303)


@bp.get("/donate/who")
@public
def donate_who() -> Any:
    """Second step for visitors: who gives."""
    draft = _draft()
    if not draft.get("amount_minor"):
        return redirect(url_for("contributions.donate"), 303)
    return render_template("contributions/donate_who.html", form=DonorForm(data=draft), steps=_steps([]))


@bp.post("/donate/who")
@public
def donate_donor() -> Any:
    """Keep who gives."""
    form = DonorForm()
    if not _draft().get("amount_minor"):
        return redirect(url_for("contributions.donate"), 303)
    if not form.validate_on_submit():
        return render_template("contributions/donate_who.html", form=form, steps=_steps([])), 422
    _keep(donor_kind=form.donor_kind.data, donor_name=form.donor_name.data,
          donor_contact=form.donor_contact.data or "", donor_email=form.donor_email.data)
    return redirect(url_for("contributions.donate_check"), 303)


def _complete(draft: dict[str, Any], organisations: list[tuple[str, str]]) -> str | None:
    """The endpoint that still lacks an answer, or None."""
    labels = dict(organisations)
    if not draft.get("amount_minor") or draft.get("purpose") not in {choice.value for choice in purposes()}:
        return "contributions.donate"
    if organisations:
        return None if draft.get("organisation") in labels else "contributions.donate"
    return None if draft.get("donor_name") and draft.get("donor_email") else "contributions.donate_who"


@bp.get("/donate/check")
@public
def donate_check() -> Any:
    """Show what will be recorded, before it is."""
    draft, organisations = _draft(), _organisations()
    missing = _complete(draft, organisations)
    if missing:
        return redirect(url_for(missing), 303)
    return _check_page(draft, organisations)


def _check_page(draft: dict[str, Any], organisations: list[tuple[str, str]], problem: Any = None) -> str:
    labels = {choice.value: choice.label for choice in purposes()}
    agreement = None
    if organisations:
        agreement = agreement_queries.agreement_terms(uuid.UUID(draft["organisation"]), clock.today())
    return render_template(
        "contributions/donate_check.html", draft=draft, amount=usd(draft["amount_minor"]),
        purpose=agreement.pool if agreement else labels.get(draft["purpose"]), agreement=agreement,
        organisation=dict(organisations).get(draft.get("organisation") or ""), kinds=DONOR_KIND_LABELS,
        steps=_steps(organisations), problem=problem,
    )


@bp.post("/donate/check")
@public
@limiter.limit("20/hour")
def donate_confirm() -> Any:
    """Make the pledge. Sending the page twice makes one."""
    draft, organisations = _draft(), _organisations()
    missing = _complete(draft, organisations)
    if missing:
        return redirect(url_for(missing), 303)
    earmark = next(choice.earmark for choice in purposes() if choice.value == draft["purpose"])
    common: dict[str, Any] = {
        "draft_key": draft["key"], "amount_minor": draft["amount_minor"], "earmark": earmark,
        "locale": str(get_locale() or "en"),
    }
    if organisations:
        wanted = service.PledgeDraft(**common, organisation_id=uuid.UUID(draft["organisation"]))
    else:
        wanted = service.PledgeDraft(
            **common, donor_kind=draft["donor_kind"], donor_name=draft["donor_name"],
            donor_contact=draft["donor_contact"], donor_email=draft["donor_email"],
        )
    try:
        made = service.make_pledge(wanted, current_actor())
    except RuleBroken as refusal:
        return _check_page(draft, organisations, refusal.message), 422
    session.pop(DRAFT, None)
    if made.token is None:
        return redirect(url_for("contributions.own_pledge", pledge_id=made.id), 303)
    return redirect(url_for("contributions.pledge_by_link", pledge_id=made.id, token=made.token), 303)


# --- a pledge by its private link -------------------------------------------------------------------------------
@bp.get("/donate/pledges/<uuid:pledge_id>/<string:token>/")
@public
def pledge_by_link(pledge_id: uuid.UUID, token: str) -> Any:
    """A pledge of a donor without an account: where it stands, and how to pay it."""
    return _link_page(pledge_id, token)


def _link_page(pledge_id: uuid.UUID, token: str, problem: Any = None) -> str:
    page = queries.pledge_by_link(pledge_id, token)
    return render_template(
        "contributions/pledge.html",
        view=pledge_view(
            page, request.args.get("back"), problem,
            pay_url=url_for("contributions.pay_by_link", pledge_id=pledge_id, token=token),
            here=url_for("contributions.pledge_by_link", pledge_id=pledge_id, token=token),
            receipt_url=lambda row: url_for("contributions.receipt_by_link", pledge_id=pledge_id, token=token,
                                            contribution_id=row.id),
        ),
        crumbs=[(_("Contribute"), url_for("contributions.donate")), (page.reference, None)],
    )


@bp.post("/donate/pledges/<uuid:pledge_id>/<string:token>/pay")
@public
@limiter.limit("60/hour")
def pay_by_link(pledge_id: uuid.UUID, token: str) -> Any:
    """Open, or open again, Stripe's payment page."""
    back = {"pledge_id": pledge_id, "token": token}
    try:
        url = service.begin_checkout(
            current_app.extensions["placard_stripe"], pledge_id, PUBLIC, token=token,
            success_url=absolute("contributions.pledge_by_link", **back, back="paid"),
            cancel_url=absolute("contributions.pledge_by_link", **back, back="cancelled"),
        )
    except RuleBroken as refusal:
        return _link_page(pledge_id, token, refusal.message), 422
    return redirect(url, 303)
