"""What officers do with a pledge: each act has a page of its own, and shows what it will do before it does it."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from accounts.current import current_actor
from accounts.permissions import require
from core.db import db
from core.errors import NotFound, RuleBroken
from core.money import Money, usd
from core.web.access import needs
from core.web.forms import add_error
from sponsorship.contributions import agreement_queries, queries, service
from sponsorship.contributions.blueprint import bp
from sponsorship.contributions.giving_fields import BLANK_ROWS
from sponsorship.contributions.giving_words import rate_of_support
from sponsorship.contributions.models import Pledge
from sponsorship.contributions.pledge_changes import deferred_parts, reduced_parts
from sponsorship.contributions.pledge_forms import LISTED, AgreeForm, DeferFields, WordsForm, reduce_form, with_rows
from sponsorship.contributions.queries import PledgePage
from sponsorship.contributions.schedules import Part
from sponsorship.contributions.transitions import PLEDGE
from sponsorship.contributions.valuation import part_worth

Facts = list[tuple[Any, Any]]


@dataclass(frozen=True)
class Preview:
    """What an act would do: facts with their labels, and the instalments that would be in force."""

    facts: Facts
    parts: tuple[Part, ...] = ()


class Act(ABC):
    """An act on a pledge. `move` names the row of the state table that permits it; `done` is said afterwards."""

    key: str
    move: str
    permission = "contribution.agreement"
    button: Any
    lead: Any
    done: Any
    kind = "primary"

    def offered(self, page: PledgePage) -> bool:
        """Whether the pledge stands where this may be done."""
        return PLEDGE.find(page.code, self.move) is not None

    def form(self, page: PledgePage, **kwargs: Any) -> Any:
        """Its form."""
        return WordsForm(**kwargs)

    def start(self, page: PledgePage) -> dict[str, Any]:
        """What the form holds at first."""
        return {}

    @abstractmethod
    def preview(self, page: PledgePage, form: Any) -> Preview | None:
        """What it would do; None when something is wrong, which is then said at its field. Raises RuleBroken."""

    @abstractmethod
    def run(self, page: PledgePage, form: Any) -> None:
        """Do it. Raises what the command raises."""


def _pledge(page: PledgePage) -> Pledge:
    return db.session.get_one(Pledge, page.id)


class Agree(Act):
    """Under an agreement."""

    key, move = "agree", "agree"
    button = _l("Put it under the agreement")
    lead = _l("The agreement then decides the pool and the rate of support costs of what is paid. It cannot be taken "
              "back.")
    done = _l("The pledge stands under the agreement.")

    def offered(self, page: PledgePage) -> bool:
        return page.organisation_id is not None and page.agreement_id is None and super().offered(page)

    def form(self, page: PledgePage, **kwargs: Any) -> Any:
        form = AgreeForm(**kwargs)
        form.agreement.choices = [("", _("Choose")), *(
            (str(row.id), f"{row.reference}: {row.pool}") for row in self._rows(page) if row.running)]
        return form

    def _rows(self, page: PledgePage) -> list[agreement_queries.AgreementRow]:
        return agreement_queries.list_agreements([page.organisation_id] if page.organisation_id else [])

    def preview(self, page: PledgePage, form: Any) -> Preview | None:
        row = next(row for row in self._rows(page) if str(row.id) == form.agreement.data)
        return Preview([
            (_("Contribution agreement"), row.reference), (_("For"), row.pool),
            (_("Support costs"), rate_of_support(row.support_rate_bp)), (_("Last day"), row.end_date),
            (_("Unspent money"), row.clause_words)])

    def run(self, page: PledgePage, form: Any) -> None:
        service.agree(page.id, uuid.UUID(form.agreement.data), current_actor(), form.version.data)


class Reduce(Act):
    """To a smaller amount."""

    key, move = "reduce", "reduce"
    button = _l("Reduce the pledge")
    lead = _l("For a donor who will give less in all. The last instalments shrink first; what was pledged before stays "
              "readable. A pledge is never raised again, only made anew.")
    done = _l("The pledge has been reduced.")

    def form(self, page: PledgePage, **kwargs: Any) -> Any:
        return reduce_form(page.amount.currency)(**kwargs)

    def preview(self, page: PledgePage, form: Any) -> Preview | None:
        to = form.amount.data
        parts = reduced_parts(_pledge(page), to.minor)
        worth = usd(part_worth(page.usd.minor, page.amount.minor, to.minor))
        return Preview([(_("Now"), page.current), (_("Reduced to"), to), (_("Paid"), page.paid),
                        (_("Then still to be paid"), to - page.paid), (_("Worth when announced"), worth),
                        (_("Why"), form.words.data)], tuple(parts))

    def run(self, page: PledgePage, form: Any) -> None:
        service.reduce(page.id, form.amount.data.minor, current_actor(), form.words.data, form.version.data)


class Defer(Act):
    """To later dates."""

    key, move = "defer", "defer"
    button = _l("Defer the pledge")
    lead = _l("For a donor who will pay later. Give new dates for what is not paid yet; instalments that are paid keep "
              "their place, and the earlier dates stay readable.")
    done = _l("The pledge has been deferred.")

    def form(self, page: PledgePage, **kwargs: Any) -> Any:
        return with_rows(DeferFields, page.amount.currency)(**kwargs)

    def start(self, page: PledgePage) -> dict[str, Any]:
        open_parts = [{"due_on": part.due_on, "amount": part.left} for part in page.parts if part.left]
        blank: list[dict[str, Any]] = [{} for _ in range(max(BLANK_ROWS - len(open_parts), 1))]
        return {"plan": LISTED, "instalments": [*open_parts, *blank]}

    def preview(self, page: PledgePage, form: Any) -> Preview | None:
        rest = form.parts(page.outstanding.minor)
        if rest is None:
            return None
        return Preview([(_("Still to be paid"), page.outstanding), (_("Why"), form.words.data)],
                       tuple(deferred_parts(_pledge(page), rest)))

    def run(self, page: PledgePage, form: Any) -> None:
        service.defer(page.id, form.parts(page.outstanding.minor) or (), current_actor(), form.words.data,
                      form.version.data)


class WriteOff(Act):
    """Give up what is not paid."""

    key, move, permission = "write-off", "write_off", "contribution.write_off"
    button = _l("Write off what is not paid")
    lead = _l("The fund gives up what is not paid, for good: nothing leads back. What was paid stays.")
    done = _l("What was not paid has been written off.")
    kind = "danger"

    def preview(self, page: PledgePage, form: Any) -> Preview | None:
        return Preview([(_("Paid"), page.paid), (_("Written off"), page.outstanding),
                        (_("Worth when announced"), page.outstanding_usd), (_("Why"), form.words.data)])

    def run(self, page: PledgePage, form: Any) -> None:
        service.write_off(page.id, current_actor(), form.words.data, form.version.data)


class Cancel(Act):
    """A pledge of which nothing was paid."""

    key, move = "cancel", "cancel"
    button = _l("Cancel the pledge")
    lead = _l("For a pledge that will not be paid. It stays on record as cancelled, and nothing leads back.")
    done = _l("The pledge has been cancelled.")
    kind = "danger"

    def offered(self, page: PledgePage) -> bool:
        return not page.paid and super().offered(page)

    def preview(self, page: PledgePage, form: Any) -> Preview | None:
        return Preview([(_("Pledged"), page.current), (_("Why"), form.words.data)])

    def run(self, page: PledgePage, form: Any) -> None:
        service.cancel_pledge(page.id, current_actor(), form.words.data, form.version.data)


ACTS: dict[str, Act] = {act.key: act for act in (Agree(), Reduce(), Defer(), WriteOff(), Cancel())}


def acts_for(page: PledgePage) -> list[Act]:
    """What may be done with a pledge where it stands."""
    return [act for act in ACTS.values() if act.offered(page)]


def _asked(pledge_id: uuid.UUID, key: str) -> tuple[Act, PledgePage]:
    """Raises NotFound, NotAllowed, IllegalMove."""
    act, page = ACTS.get(key), queries.get_pledge(pledge_id)
    if act is None:
        raise NotFound()
    require(current_actor(), act.permission)
    PLEDGE.move(page.code, act.move)
    return act, page


def _page(act: Act, page: PledgePage, form: Any, preview: Preview | None = None) -> str:
    return render_template("contributions/pledge_act.html", act=act, page=page, form=form, preview=preview,
                           parts=[(part.due_on, Money(part.amount_minor, page.amount.currency))
                                  for part in preview.parts] if preview else [])


@bp.get("/contributions/pledges/<uuid:pledge_id>/<string:act_key>")
@needs("contribution.agreement", "contribution.write_off")
def pledge_act(pledge_id: uuid.UUID, act_key: str) -> Any:
    """The form of an act."""
    act, page = _asked(pledge_id, act_key)
    return _page(act, page, act.form(page, formdata=None, data={"version": page.version, **act.start(page)}))


@bp.post("/contributions/pledges/<uuid:pledge_id>/<string:act_key>")
@needs("contribution.agreement", "contribution.write_off")
def do_pledge_act(pledge_id: uuid.UUID, act_key: str) -> Any:
    """Show what the act will do, then do it."""
    act, page = _asked(pledge_id, act_key)
    form, step = act.form(page), request.form.get("step")
    if step == "change":
        return _page(act, page, form)
    if form.validate_on_submit():
        try:
            if step == "confirm":
                act.run(page, form)
                flash(str(act.done), "success")
                return redirect(url_for("contributions.pledge", pledge_id=pledge_id), 303)
            preview = act.preview(page, form)
            if preview is not None:
                return _page(act, page, form, preview)
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
    return _page(act, page, form), 422
