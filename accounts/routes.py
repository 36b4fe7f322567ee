"""Pages of accounts: my desk, my account, the first password. Requests and people stand beside this file."""

from __future__ import annotations

import uuid
from typing import Any

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _

# imported for their views, which register themselves on the blueprint
from accounts import (
    designation_routes,
    designations,
    desk,
    factor_routes,
    navigation,
    passkey_routes,
    people_routes,
    queries,
    request_routes,
    second_factor,
    service,
    sign_in_routes,
    waiting,
)
from accounts.blueprint import bp
from accounts.current import current_actor, current_person
from accounts.forms import OwnDetailsForm
from accounts.lists import desk_table
from accounts.permissions import ROLES
from core.errors import NotFound, RuleBroken
from core.web.access import public, signed_in
from core.web.forms import add_error

__all__ = ["bp", "designation_routes", "factor_routes", "passkey_routes", "people_routes", "request_routes"]
Answer = Any
waiting.register()


# --- my desk ----------------------------------------------------------------------------------------------------
@bp.get("/desk", endpoint="desk")
@signed_in
def my_desk() -> Answer:
    """What waits for me, by when."""
    actor = current_actor()
    items = desk.items_for(actor)
    return render_template(
        "accounts/desk.html", items=items, table=desk_table(items), found=queries.get_person(_own_id()), roles=ROLES,
        starts=navigation.starting_points(actor),
    )


# --- myself -----------------------------------------------------------------------------------------------------
@bp.route("/accounts/welcome/<string:token>", methods=["GET", "POST"])
@public
def welcome(token: str) -> Answer:
    """The first password of a new person."""
    return sign_in_routes.welcome_page(token)


@bp.get("/accounts/me")
@signed_in
def me() -> Answer:
    """My account: details and roles."""
    person = current_person()
    form = OwnDetailsForm(_languages(), name=person.name if person else "", locale=_own_locale())
    return _me(form)


@bp.post("/accounts/me")
@signed_in
def update_me() -> Answer:
    """Correct the own name and language."""
    form = OwnDetailsForm(_languages())
    if form.validate():
        try:
            service.update_own_details(current_actor(), form.name.data, form.locale.data)
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            flash(_("Your details are saved."), "success")
            return redirect(url_for("accounts.me"), 303)
    return _me(form), 422


def _me(form: OwnDetailsForm) -> str:
    found = queries.get_person(_own_id())
    return render_template("accounts/me.html", found=found, form=form, roles=ROLES, factor=_factor(), own=found.id,
                           alternates=designations.designations_of(found.id),
                           links=navigation.own_pages(current_actor()))


def _own_id() -> uuid.UUID:
    person = current_person()
    if person is None:
        raise NotFound()
    return person.id


def _factor() -> second_factor.Standing:
    return second_factor.standing(current_actor())


def _own_locale() -> str:
    person = current_person()
    return person.locale if person else "en"


def _languages() -> list[tuple[str, str]]:
    return queries.mail_languages()
