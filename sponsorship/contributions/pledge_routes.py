"""Officers' pages of pledges: the list, one pledge, and what was announced elsewhere."""

from __future__ import annotations

import uuid
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import get_locale
from flask_babel import gettext as _

from accounts import queries as people
from accounts.current import current_actor
from accounts.permissions import allows
from core import clock
from core.errors import RuleBroken
from core.money import Money, usd
from core.web.access import needs
from core.web.downloads import download
from core.web.forms import add_error
from core.web.tables import TableQuery
from sponsorship.contributions import agreement_queries, figures, lists, pledge_queries, queries, service
from sponsorship.contributions.blueprint import bp
from sponsorship.contributions.dispute_words import ahead, live_notice
from sponsorship.contributions.earmark_reach import doubts
from sponsorship.contributions.earmark_words import earmark_words
from sponsorship.contributions.giving_fields import BLANK_ROWS
from sponsorship.contributions.giving_words import amount_in_words, rate_in_words
from sponsorship.contributions.officer_tabs import tabs
from sponsorship.contributions.pages import pledge_timeline
from sponsorship.contributions.pledge_act_routes import acts_for
from sponsorship.contributions.pledge_forms import ONCE, RecordFields, day_of, with_rows
from sponsorship.contributions.pledges import announced_at, check_draft
from sponsorship.contributions.pools import all_pools, pool_of, unearmarked

DONOR_KINDS = ("state", "observer", "donor", "organisation")


@bp.get("/contributions/pledges/")
@needs("contribution.view_all")
def pledge_list() -> Any:
    """Every pledge."""
    filters = lists.pledge_filters(pledge_queries.pledge_choices())
    query = TableQuery.from_args(request.args, lists.PLEDGE_SORTABLE, filters)
    rows, total = pledge_queries.list_pledges(query)
    if query.format:
        return download(query, lists.PLEDGE_FILE_COLUMNS, rows, "pledges")
    totals = pledge_queries.pledge_totals(query)
    return render_template(
        "contributions/pledges.html", table=lists.pledge_table(rows, total, query, filters, totals),
        tabs=tabs("pledge_list"), figures=figures.pledge_figures(),
        may_record=allows(current_actor(), "contribution.agreement"))


@bp.get("/contributions/pledges/<uuid:pledge_id>/")
@needs("contribution.view_all")
def pledge(pledge_id: uuid.UUID) -> Any:
    """A pledge: what it amounts to, its instalments and payments, what an officer may do, its history."""
    page = queries.get_pledge(pledge_id)
    names = people.person_labels(h.actor_id for h in page.history if h.actor_id)
    payments = pledge_queries.settlements(page)
    return render_template(
        "contributions/officer_pledge.html", page=page, today=clock.today(), payments=payments,
        old=pledge_queries.old_schedules(page), pool=pool_of(page.pool_id),
        wish=earmark_words(page.earmark) if page.earmark else None, doubts=doubts(page.earmark),
        may={name: page.outstanding and allows(current_actor(), f"contribution.{name}")
             for name in ("invoice", "deposit")},
        disputed=(live := live_notice(page.disputes)), ahead=ahead(live[0]) if live else None,
        acts=[act for act in acts_for(page) if allows(current_actor(), act.permission)],
        timeline=pledge_timeline(page, names, show_text=True))


# --- announced elsewhere ----------------------------------------------------------------------------------------
def _form(**kwargs: Any) -> Any:
    donors = people.list_organisations(DONOR_KINDS, people.shows_demonstration())
    made = with_rows(RecordFields, request.form.get("currency", "USD"))
    return made([(str(row.id), row.name) for row in donors], [unearmarked(), *_earmarked()], **kwargs)


def _earmarked() -> Any:
    return [choice for choice in all_pools() if choice.earmark]


@bp.get("/contributions/pledges/new")
@needs("contribution.agreement")
def new_pledge() -> Any:
    """The form of a pledge that was announced elsewhere."""
    form = _form(formdata=None, data={
        "draft_key": uuid.uuid4().hex, "announced_on": clock.today(), "purpose": "general", "plan": ONCE,
        "instalments": [{} for _ in range(BLANK_ROWS)]})
    return render_template("contributions/pledge_new.html", form=form)


@bp.post("/contributions/pledges/new")
@needs("contribution.agreement")
def record_pledge() -> Any:
    """Show what will be recorded, then put it on record."""
    form = _form()
    step = request.form.get("step")
    if step == "change" or not form.validate_on_submit():
        return render_template("contributions/pledge_new.html", form=form), 200 if step == "change" else 422
    try:
        draft = _draft(form)
        if draft is not None and step == "confirm":
            made = service.record_pledge(draft, current_actor())
            flash(_("The pledge is on record; the donor has been told."), "success")
            return redirect(url_for("contributions.pledge", pledge_id=made.id), 303)
        if draft is not None:
            return _check(form, draft)
    except RuleBroken as refusal:
        add_error(form, "currency" if refusal.code == "rates.missing" else refusal.field, refusal.message)
    return render_template("contributions/pledge_new.html", form=form), 422


def _draft(form: Any) -> service.PledgeDraft | None:
    """What the form says; None when something is wrong, which is then said at its field."""
    good, earmark = form.chosen()
    parts = form.parts(form.amount.data.minor)
    if not good or parts is None:
        return None
    return service.PledgeDraft(
        form.draft_key.data, form.amount.data.minor, form.amount.data.currency, earmark, parts,
        uuid.UUID(form.organisation.data), locale=str(get_locale() or "en"), announced_on=day_of(form.announced_on),
        words=form.words.data)


def _check(form: Any, draft: service.PledgeDraft) -> str:
    """Raises RuleBroken for what cannot be recorded."""
    assert draft.organisation_id is not None, "a required field"
    amount = Money(draft.amount_minor, draft.currency)
    worth = check_draft(draft, announced_at(draft.announced_on).date())
    agreement = agreement_queries.agreement_terms(draft.organisation_id, clock.today())
    return render_template(
        "contributions/pledge_check.html", draft=draft, amount=amount, amount_words=amount_in_words(amount),
        worth_usd=usd(worth.usd_minor), rate_words=rate_in_words(worth), agreement=agreement,
        donor=people.name(draft.organisation_id),
        purpose=earmark_words(draft.earmark), doubts=doubts(draft.earmark),
        parts=[(part.due_on, Money(part.amount_minor, draft.currency)) for part in draft.parts])
