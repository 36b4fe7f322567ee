"""Giving, step by step: amount, purpose, instalments, donor, check. For visitors and donors with an account alike."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from flask import redirect, render_template, request, url_for
from flask_babel import get_locale
from flask_babel import gettext as _

from accounts.current import current_actor
from accounts.permissions import organisations_with
from accounts.queries import names
from core import clock
from core.errors import RuleBroken
from core.money import Money, usd
from core.text import one_line
from core.web.access import public
from core.web.forms import add_error
from core.web.limits import limiter
from sponsorship.contributions import agreement_queries, donate_draft, service
from sponsorship.contributions.blueprint import bp
from sponsorship.contributions.donate_draft import Draft
from sponsorship.contributions.donate_forms import (
    DATED,
    DONOR_KIND_LABELS,
    OWN_PURPOSE,
    AmountForm,
    DonorForm,
    PurposeForm,
    SplitForm,
    instalments_form,
)
from sponsorship.contributions.earmark_reach import doubts
from sponsorship.contributions.earmark_words import earmark_words
from sponsorship.contributions.giving_fields import (
    BLANK_ROWS,
    has_errors,
    no_rate,
    parts_of_rows,
    row_data,
    split_evenly,
)
from sponsorship.contributions.giving_words import amount_in_words, rate_in_words
from sponsorship.contributions.pools import purposes
from sponsorship.contributions.schedules import check_parts
from sponsorship.contributions.valuation import Worth, value_of
from sponsorship.gateways.rates import RateMissing

Organisations = dict[str, str]
Agreements = dict[str, agreement_queries.AgreementTermsRow]


def _organisations() -> Organisations:
    """The organisations for which the signed-in person may give, in order of their names."""
    found = names(organisations_with(current_actor(), "contribution.own"))
    return dict(sorted(((str(key), label) for key, label in found.items()), key=lambda pair: pair[1]))


def _agreements(organisations: Organisations) -> Agreements:
    """The agreements that decide what these organisations' money is for, by organisation."""
    found = {key: agreement_queries.agreement_terms(uuid.UUID(key), clock.today()) for key in organisations}
    return {key: terms for key, terms in found.items() if terms is not None}


def _page(name: str, endpoint: str, draft: Draft, organisations: Organisations, **values: Any) -> str:
    """A step's page, with where it stands among the steps."""
    steps = donate_draft.steps(draft, organisations)
    at = next((n for n, (step, _label) in enumerate(steps, 1) if step == endpoint), 1)
    return render_template(f"contributions/{name}.html", steps=[label for _step, label in steps], at=at, draft=draft,
                           back=url_for(f"contributions.{steps[at - 2][0]}") if at > 1 else None, **values)


def _onwards(draft: Draft, organisations: Organisations) -> Any:
    """To the first page that still lacks an answer, else to the check."""
    missing = donate_draft.first_missing(draft, organisations, purposes())
    return redirect(url_for(f"contributions.{missing or 'donate_check'}"), 303)


def _step(endpoint: str, show: Callable[[Draft, Organisations], Any]) -> Any:
    """A step's page, once the steps before it are answered; else the first of those that are not."""
    draft, organisations = donate_draft.read(), _organisations()
    mine = [step for step, _label in donate_draft.steps(draft, organisations)]
    missing = donate_draft.first_missing(draft, organisations, purposes())
    if endpoint not in mine or (missing is not None and mine.index(missing) < mine.index(endpoint)):
        return redirect(url_for(f"contributions.{missing or 'donate'}"), 303)
    return show(draft, organisations)


# --- amount -----------------------------------------------------------------------------------------------------
@bp.get("/donate/")
@public
def donate() -> Any:
    """First step: how much, for what, when."""
    draft, organisations = donate_draft.read(), _organisations()
    kept: dict[str, Any] = {"purpose": draft.purpose, "when": draft.when, "currency": draft.currency}
    if draft.amount_minor:
        kept |= {"amount": draft.amount, "organisation": draft.organisation}
    agreements = _agreements(organisations)
    form = AmountForm(purposes(), list(organisations.items()), agreements, formdata=None, data=kept)
    return _amount_page(form, draft, organisations, agreements)


def _amount_page(form: AmountForm, draft: Draft, organisations: Organisations, agreements: Agreements) -> str:
    bound = [(label, agreements[key]) for key, label in organisations.items() if key in agreements]
    return _page("donate", "donate", draft, organisations, form=form, bound=bound)


@bp.post("/donate/")
@public
def donate_amount() -> Any:
    """Keep amount, purpose and time; go on to what they ask for."""
    draft, organisations = donate_draft.read(), _organisations()
    agreements = _agreements(organisations)
    form = AmountForm(purposes(), list(organisations.items()), agreements)
    if not form.validate_on_submit():
        return _amount_page(form, draft, organisations, agreements), 422
    chosen = next(iter(organisations), None)
    if form.organisation:
        chosen = form.organisation.data
    assert form.amount.data is not None, "a required field"
    purpose = form.purpose.data if form.purpose and chosen not in agreements else "general"
    return _onwards(donate_draft.keep(
        amount_minor=form.amount.data.minor, currency=form.amount.data.currency, purpose=purpose, when=form.when.data,
        organisation=chosen), organisations)


# --- a purpose of one's own -------------------------------------------------------------------------------------
@bp.get("/donate/purpose")
@public
def donate_purpose() -> Any:
    """A purpose built from conditions."""
    return _step("donate_purpose", lambda draft, organisations: _purpose_page(
        PurposeForm(formdata=None, data=draft.earmark or {}), draft, organisations))


def _purpose_page(form: PurposeForm, draft: Draft, organisations: Organisations) -> str:
    chosen = form.earmark
    return _page("donate_purpose", "donate_purpose", draft, organisations, form=form,
                 words=earmark_words(chosen) if chosen else None, doubts=doubts(chosen))


@bp.post("/donate/purpose")
@public
def donate_conditions() -> Any:
    """Show the purpose in words, or keep it."""
    def answer(draft: Draft, organisations: Organisations) -> Any:
        form = PurposeForm()
        if not form.validate_on_submit():
            return _purpose_page(form, draft, organisations), 422
        if request.form.get("action") == "words":
            return _purpose_page(form, draft, organisations)
        return _onwards(donate_draft.keep(earmark=form.earmark), organisations)

    return _step("donate_purpose", answer)


# --- instalments ------------------------------------------------------------------------------------------------
@bp.get("/donate/instalments")
@public
def donate_instalments() -> Any:
    """Dates and amounts."""
    def show(draft: Draft, organisations: Organisations) -> Any:
        parts, changed = draft.parts, bool(draft.parts) and not draft.parts_fit
        rows: list[dict[str, Any]] = row_data(parts, draft.currency, 1 if parts else BLANK_ROWS)
        if changed:  # the dates are kept, the amounts are written anew
            rows = [{"due_on": part.due_on} for part in parts]
        return _instalments_page(draft, organisations, rows, changed=changed)

    return _step("donate_instalments", show)


def _instalments_page(
    draft: Draft, organisations: Organisations, rows: list[dict[str, Any]] | None = None, form: Any = None,
    split: SplitForm | None = None, changed: bool = False,
) -> str:
    if form is None:
        form = instalments_form(draft.currency)(formdata=None, data={"instalments": rows})
    return _page("donate_instalments", "donate_instalments", draft, organisations, form=form, changed=changed,
                 split=split or SplitForm(formdata=None), amount=draft.amount)


@bp.post("/donate/instalments")
@public
def donate_parts() -> Any:
    """Fill in equal instalments, add a row, or keep what the rows say."""
    return _step("donate_instalments", _answer_parts)


def _answer_parts(draft: Draft, organisations: Organisations) -> Any:
    if request.form.get("action") == "split":
        split = SplitForm()
        if not split.validate_on_submit() or split.number.data is None or split.first.data is None:
            rows = row_data(draft.parts if draft.parts_fit else (), draft.currency, BLANK_ROWS)
            return _instalments_page(draft, organisations, rows, split=split), 422
        parts = split_evenly(draft.amount_minor, split.number.data, split.first.data, int(split.every.data))
        return _instalments_page(draft, organisations, row_data(parts, draft.currency, blank=0), split=split)
    form: Any = instalments_form(draft.currency)()
    good = form.validate_on_submit()
    if request.form.get("action") == "add":
        if len(form.instalments.entries) < form.instalments.max_entries:
            form.instalments.append_entry()
        return _instalments_page(draft, organisations, form=form)
    parts = parts_of_rows(form.instalments) if good else ()
    if good and not has_errors(form.instalments):
        try:
            check_parts(parts, draft.amount_minor, draft.currency, from_day=clock.today())
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            return _onwards(donate_draft.keep(parts=parts), organisations)
    return _instalments_page(draft, organisations, form=form), 422


# --- donor ------------------------------------------------------------------------------------------------------
@bp.get("/donate/who")
@public
def donate_who() -> Any:
    """Who gives, for visitors."""
    return _step("donate_who", lambda draft, organisations: _page(
        "donate_who", "donate_who", draft, organisations, form=DonorForm(formdata=None, obj=draft)))


@bp.post("/donate/who")
@public
def donate_donor() -> Any:
    """Keep who gives."""
    def answer(draft: Draft, organisations: Organisations) -> Any:
        form = DonorForm()
        if not form.validate_on_submit():
            return _page("donate_who", "donate_who", draft, organisations, form=form), 422
        return _onwards(donate_draft.keep(
            donor_kind=form.donor_kind.data, donor_name=one_line(form.donor_name.data),
            donor_contact=one_line(form.donor_contact.data or ""), donor_email=form.donor_email.data), organisations)

    return _step("donate_who", answer)


# --- check ------------------------------------------------------------------------------------------------------
@bp.get("/donate/check")
@public
def donate_check() -> Any:
    """Show what will be recorded, before it is."""
    return _step("donate_check", _check_page)


def _check_page(draft: Draft, organisations: Organisations, problem: Any = None) -> str:
    offered, agreement, worth = purposes(), None, _worth(draft)
    if organisations and draft.organisation:
        agreement = agreement_queries.agreement_terms(uuid.UUID(draft.organisation), clock.today())
    earmark = None if agreement else donate_draft.earmark_of(draft, offered)
    labels = {choice.value: choice.label for choice in offered}
    return _page(
        "donate_check", "donate_check", draft, organisations, agreement=agreement, words=earmark_words(earmark),
        purpose=agreement.pool if agreement else labels.get(draft.purpose), own=draft.purpose == OWN_PURPOSE,
        earmarked=earmark is not None, doubts=doubts(earmark), amount_words=amount_in_words(draft.amount), worth=worth,
        worth_usd=usd(worth.usd_minor) if worth else None, rate_words=rate_in_words(worth) if worth else None,
        dated=draft.when == DATED,
        draft_parts=[(part.due_on, Money(part.amount_minor, draft.currency)) for part in draft.parts],
        organisation=organisations.get(draft.organisation or ""), kinds=DONOR_KIND_LABELS,
        problem=problem or (None if worth else no_rate(draft.currency)),
        seen=donate_draft.fingerprint(draft, worth) if worth else "",
    )


def _worth(draft: Draft) -> Worth | None:
    try:
        return value_of(draft.amount, clock.today())
    except RateMissing:
        return None


@bp.post("/donate/check")
@public
@limiter.limit("20/hour")
def donate_confirm() -> Any:
    """Make the pledge. Sending the page twice makes one."""
    return _step("donate_check", _confirm)


def _confirm(draft: Draft, organisations: Organisations) -> Any:
    worth, seen = _worth(draft), request.form.get("seen")
    if worth is None:
        return _check_page(draft, organisations), 422
    if seen and seen != donate_draft.fingerprint(draft, worth):
        return _check_page(draft, organisations, _(
            "What you see now is not what your page showed: an answer was changed in another window, or there is a "
            "newer exchange rate. Check it once more.")), 409
    donor: dict[str, Any] = {"organisation_id": uuid.UUID(draft.organisation)} if organisations and (
        draft.organisation) else {"donor_kind": draft.donor_kind, "donor_name": draft.donor_name,
                                  "donor_contact": draft.donor_contact, "donor_email": draft.donor_email}
    wanted = service.PledgeDraft(
        draft_key=draft.key, amount_minor=draft.amount_minor, currency=draft.currency,
        earmark=donate_draft.earmark_of(draft, purposes()), parts=draft.parts if draft.when == DATED else (),
        locale=str(get_locale() or "en"), **donor)
    try:
        made = service.make_pledge(wanted, current_actor())
    except RuleBroken as refusal:
        return _check_page(draft, organisations, refusal.message), 422
    donate_draft.forget()
    if made.token is None:
        return redirect(url_for("contributions.own_pledge", pledge_id=made.id), 303)
    return redirect(url_for("contributions.pledge_by_link", pledge_id=made.id, token=made.token), 303)
