"""People and their roles, for administrators."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from accounts import queries, service
from accounts.blueprint import bp
from accounts.current import current_actor
from accounts.forms import EndRoleForm, GrantForm, PersonForm
from accounts.lists import PEOPLE_FILTERS, PEOPLE_SORTABLE, people_table, person_timeline, standing
from accounts.permissions import ROLES
from core import clock, events
from core.errors import NotFound, RuleBroken
from core.web.access import needs
from core.web.downloads import download
from core.web.forms import add_error
from core.web.tables import TableQuery

Answer = Any


# --- people -----------------------------------------------------------------------------------------------------
@bp.get("/accounts/people/")
@needs("account.people.manage")
def people_list() -> Answer:
    """Everybody who can sign in."""
    query = TableQuery.from_args(request.args, PEOPLE_SORTABLE, PEOPLE_FILTERS, default_sort="name")
    rows, total = queries.list_people(query)
    table = people_table(rows, total, query)
    if query.format:
        return download(query, table.columns, rows, "people")
    return render_template("accounts/people.html", table=table)


@bp.get("/accounts/people/new")
@needs("account.people.manage")
def new_person() -> Answer:
    """The form for a new person."""
    return render_template("accounts/person_new.html", form=PersonForm())


@bp.post("/accounts/people/new")
@needs("account.people.manage")
def create_person() -> Answer:
    """Make a person, who is sent a link."""
    form = PersonForm()
    if form.validate():
        try:
            made = service.create_person(current_actor(), form.email.data, form.name.data,
                                         is_demo=queries.shows_demonstration())
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            flash(_("The person was sent a link to set a password. Now give a role."), "success")
            return redirect(url_for("accounts.person_page", person_id=made), 303)
    return render_template("accounts/person_new.html", form=form), 422


@bp.get("/accounts/people/<uuid:person_id>/")
@needs("account.people.manage")
def person_page(person_id: uuid.UUID) -> Answer:
    """One person: roles with their days, and what was done to the account."""
    return _person_page(person_id, _grant_form())


def _grant_form() -> GrantForm:
    rows = queries.list_organisations(include_demo=queries.shows_demonstration())
    secretariat = [row for row in rows if row.kind == "secretariat"]
    others = [row for row in rows if row.kind != "secretariat"]
    form = GrantForm([(str(row.id), row.name) for row in [*secretariat, *others]])
    if request.method == "GET":
        form.valid_from.data = clock.today()
    return form


def _person_page(person_id: uuid.UUID, form: GrantForm) -> str:
    found = queries.get_person(person_id)
    history = list(reversed(events.history("person", person_id)))
    names = queries.person_labels({h.actor_id for h in history} | {m.granted_by for m in found.roles})
    return render_template(
        "accounts/person.html", found=found, form=form, roles=ROLES, names=names,
        timeline=person_timeline(history[:30], names), standing=standing(found),
        oneself=current_actor().person_id == person_id,
    )


@bp.post("/accounts/people/<uuid:person_id>/roles")
@needs("account.people.manage")
def grant_role(person_id: uuid.UUID) -> Answer:
    """Give a role."""
    queries.get_person(person_id)
    form = _grant_form()
    if form.validate():
        last = form.last_day.data
        try:
            service.grant(
                current_actor(), person_id, uuid.UUID(form.organisation_id.data), form.role.data,
                valid_from=form.valid_from.data, valid_to=last + timedelta(days=1) if last else None,
                of_ministry=form.of_ministry.data,
            )
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            flash(_("The role was given."), "success")
            return redirect(url_for("accounts.person_page", person_id=person_id), 303)
    return _person_page(person_id, form), 422


@bp.get("/accounts/people/<uuid:person_id>/roles/<uuid:membership_id>/end")
@needs("account.people.manage")
def end_role_page(person_id: uuid.UUID, membership_id: uuid.UUID) -> Answer:
    """Ask for the last day of a role."""
    return _end_role_page(person_id, membership_id, EndRoleForm())


def _end_role_page(person_id: uuid.UUID, membership_id: uuid.UUID, form: EndRoleForm) -> str:
    found = queries.get_person(person_id)
    membership = next((m for m in found.roles if m.id == membership_id), None)
    if membership is None:
        raise NotFound()
    return render_template("accounts/role_end.html", found=found, membership=membership, form=form, roles=ROLES)


@bp.post("/accounts/people/<uuid:person_id>/roles/<uuid:membership_id>/end")
@needs("account.people.manage")
def end_role(person_id: uuid.UUID, membership_id: uuid.UUID) -> Answer:
    """End a role, now or after a day."""
    form = EndRoleForm()
    if form.validate():
        last = form.last_day.data
        try:
            service.revoke(current_actor(), membership_id, on=last + timedelta(days=1) if last else None)
        except RuleBroken as refusal:
            add_error(form, "last_day" if refusal.field == "on" else refusal.field, refusal.message)
        else:
            flash(_("The role ends as you asked."), "success")
            return redirect(url_for("accounts.person_page", person_id=person_id), 303)
    return _end_role_page(person_id, membership_id, form), 422


@bp.post("/accounts/people/<uuid:person_id>/invite")
@needs("account.people.manage")
def invite_again(person_id: uuid.UUID) -> Answer:
    """Send a fresh welcome link."""
    return _simple(person_id, _("A new link was sent; the former one is void."),
                   lambda: service.invite_again(current_actor(), person_id))


@bp.post("/accounts/people/<uuid:person_id>/stop")
@needs("account.people.manage")
def stop_person(person_id: uuid.UUID) -> Answer:
    """Stop a person's sign-in."""
    return _simple(person_id, _("This person can no longer sign in, and every session is ended."),
                   lambda: service.set_active(current_actor(), person_id, False))


@bp.post("/accounts/people/<uuid:person_id>/restore")
@needs("account.people.manage")
def restore_person(person_id: uuid.UUID) -> Answer:
    """Let a person sign in again."""
    return _simple(person_id, _("This person can sign in again."),
                   lambda: service.set_active(current_actor(), person_id, True))


def _simple(person_id: uuid.UUID, done: str, work: Any) -> Response:
    try:
        work()
        flash(done, "success")
    except RuleBroken as refusal:
        flash(str(refusal.message), "error")
    return redirect(url_for("accounts.person_page", person_id=person_id), 303)
