"""Pages of passkeys: added and removed by their person. What asks for one is accounts/fresh.py."""

from __future__ import annotations

import uuid
from typing import Any

from flask import flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, StringField
from wtforms.validators import Length

from accounts import passkeys, sign_in
from accounts.blueprint import bp
from accounts.current import current_actor, current_person
from accounts.factor_models import PURPOSES
from accounts.fresh import fresh_sign_in, remember
from accounts.relying_party import relying_party
from core.errors import NotFound, RuleBroken
from core.web.access import signed_in
from core.web.forms import BaseForm, Required, add_error
from core.web.limits import limiter

Answer = Any


class PasskeyForm(BaseForm):
    """A name for the passkey, and what the browser made."""

    name = StringField(_l("Name"), description=_l("So that you know it again: “Office laptop”, “Blue security key”."),
                       validators=[Required(_l("Give it a name.")), Length(max=80)])
    new_passkey = HiddenField()


@bp.post("/accounts/passkeys/options/<string:purpose>")
@limiter.limit("120/hour")
@signed_in
def passkey_options(purpose: str) -> Answer:
    """What the browser needs to make a passkey, or to show one: for the script, with a challenge that is good once."""
    if purpose not in PURPOSES:
        raise NotFound()
    try:
        return jsonify(passkeys.ask(current_actor(), purpose))
    except RuleBroken as refusal:
        return jsonify(message=str(refusal.message)), 422


@bp.post("/accounts/passkeys/begin")
@signed_in
@fresh_sign_in(_l("Add a passkey"), once_set_up=True)
def begin_passkey() -> Answer:
    """Whoever has a factor shows it before another is added."""
    return redirect(url_for("accounts.new_passkey"), 303)


@bp.get("/accounts/passkeys/new", endpoint="new_passkey")
@signed_in
def new_passkey_page() -> Answer:
    """The name of a new passkey."""
    return _page(PasskeyForm(formdata=None))


def _page(form: PasskeyForm, status: int = 200) -> Answer:
    return render_template("accounts/passkey_new.html", form=form, party=relying_party()), status


@bp.post("/accounts/passkeys/new")
@signed_in
@fresh_sign_in(_l("Add a passkey"), once_set_up=True)
def add_passkey() -> Answer:
    """Keep it; recovery codes, where there were none, are shown on this answer and never again."""
    form, person = PasskeyForm(), current_person()
    assert person is not None
    if not form.validate():
        return _page(form, 422)
    if not form.new_passkey.data:
        add_error(form, None, _("Your browser has made no passkey. It needs JavaScript for that."))
        return _page(form, 422)
    attempt = sign_in.begin_attempt(person.email, request.remote_addr or "unknown", "second_factor")
    if attempt.id is None:
        add_error(form, None, _("Too many tries that failed. Wait %(n)s minutes, then try again.", n=attempt.minutes))
        return _page(form, 429)
    try:
        codes, proof = passkeys.add(current_actor(), form.name.data, form.new_passkey.data, attempt.id)
    except RuleBroken as refusal:
        add_error(form, refusal.field, refusal.message)
        return _page(form, 422)
    remember(proof)
    if codes:
        return render_template("accounts/recovery_codes.html", codes=codes, first=True)
    flash(_("The passkey is added."), "success")
    return redirect(url_for("accounts.own_factor"), 303)


@bp.post("/accounts/passkeys/<uuid:id>/remove")
@signed_in
@fresh_sign_in(_l("Remove the passkey"), own_factor=True)
def remove_passkey(id: uuid.UUID) -> Answer:
    try:
        passkeys.remove(current_actor(), id)
    except RuleBroken as refusal:
        flash(str(refusal.message), "error")
    else:
        flash(_("The passkey is removed."), "success")
    return redirect(url_for("accounts.own_factor"), 303)
