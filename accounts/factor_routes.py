"""Pages of the second factor: a person's own, and resets by two. Passkeys stand in passkey_routes.py."""

from __future__ import annotations

import uuid
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from wtforms import TextAreaField
from wtforms.validators import Length

from accounts import factor_resets, passkeys, queries, second_factor, sign_in
from accounts.blueprint import bp
from accounts.current import current_actor, current_person
from accounts.fresh import ProveForm, fresh_sign_in, may_add, remember
from accounts.permissions import allows
from accounts.relying_party import relying_party
from core.errors import RuleBroken
from core.web import qr
from core.web.access import needs, signed_in
from core.web.forms import BaseForm, Required, add_error
from core.web.tables import Column, Table, TableQuery

Answer = Any
factor_resets.register()


class ResetForm(BaseForm):
    """Why a second factor is to be reset."""

    why = TextAreaField(_l("How do you know that the device is lost?"),
                        description=_l("For the file: how the person reached you, and how you knew who it was."),
                        validators=[Required(_l("Say in a sentence how you know.")), Length(max=2000)])


def _page(form: ProveForm | None = None, status: int = 200) -> Answer:
    person = current_person()
    assert person is not None
    stands = second_factor.standing(current_actor())
    address = second_factor.provisioning_address(stands.secret, person.email) if stands.secret else None
    return render_template(
        "accounts/second_factor.html", stands=stands, rows=passkeys.passkey_rows(current_actor()),
        party=relying_party(), form=form or ProveForm(formdata=None), address=address,
        picture=Markup(qr.svg(address, _("QR code of the secret"))) if address else None,
        secret=" ".join(stands.secret[n:n + 4] for n in range(0, len(stands.secret), 4)) if stands.secret else None,
    ), status


@bp.get("/accounts/second-factor")
@signed_in
def own_factor() -> Answer:
    """Where the own second factor stands; while it is set up, the secret."""
    return _page()


@bp.post("/accounts/second-factor/begin")
@signed_in
@fresh_sign_in(_l("Set up an app"), once_set_up=True)
def begin_factor() -> Answer:
    """Make a secret."""
    try:
        second_factor.begin(current_actor())
    except RuleBroken as refusal:
        flash(str(refusal.message), "error")
    return redirect(url_for("accounts.own_factor"), 303)


@bp.post("/accounts/second-factor/confirm")
@signed_in
def confirm_factor() -> Answer:
    """The app's first code; the recovery codes are shown on this answer and never again."""
    form, person = ProveForm(), current_person()
    assert person is not None
    if not may_add():  # asked when it was begun; the field of the page that asks is the one of the first code here
        flash(_("Too much time has passed. Begin again."), "error")
        return redirect(url_for("accounts.own_factor"), 303)
    if form.validate():
        attempt = sign_in.begin_attempt(person.email, request.remote_addr or "unknown", "second_factor")
        if attempt.id is None:
            add_error(form, "second_factor", _("Too many tries that failed. Wait %(n)s minutes, then try again.",
                                               n=attempt.minutes))
            return _page(form, 429)
        try:
            codes, proof = second_factor.confirm(current_actor(), form.second_factor.data)
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            remember(proof)
            if codes:
                return render_template("accounts/recovery_codes.html", codes=codes, first=True)
            flash(_("Your app is set up."), "success")
            return redirect(url_for("accounts.own_factor"), 303)
    return _page(form, 422)


@bp.post("/accounts/second-factor/replace")
@signed_in
@fresh_sign_in(_l("Replace the device"), own_factor=True)
def replace_factor() -> Answer:
    """Another device."""
    second_factor.replace(current_actor())
    return redirect(url_for("accounts.own_factor"), 303)


@bp.post("/accounts/second-factor/remove")
@signed_in
@fresh_sign_in(_l("Remove the app"), own_factor=True)
def remove_factor() -> Answer:
    """Do without the app; passkeys stay."""
    try:
        second_factor.remove(current_actor())
    except RuleBroken as refusal:
        flash(str(refusal.message), "error")
    else:
        flash(_("The app is removed."), "success")
    return redirect(url_for("accounts.own_factor"), 303)


@bp.post("/accounts/second-factor/recovery-codes")
@signed_in
@fresh_sign_in(_l("Make new recovery codes"), own_factor=True)
def new_recovery_codes() -> Answer:
    """New recovery codes, shown on this answer and never again."""
    try:
        codes = second_factor.new_recovery_codes(current_actor())
    except RuleBroken as refusal:
        flash(str(refusal.message), "error")
        return redirect(url_for("accounts.own_factor"), 303)
    return render_template("accounts/recovery_codes.html", codes=codes, first=False)


# --- resets -----------------------------------------------------------------------------------------------------
@bp.route("/accounts/people/<uuid:person_id>/second-factor-reset", methods=["GET", "POST"])
@needs("factor.reset")
def ask_factor_reset(person_id: uuid.UUID) -> Answer:
    """Ask for a reset; another person must agree."""
    form, found = ResetForm(), queries.get_person(person_id)
    if form.validate_on_submit():
        try:
            factor_resets.ask(current_actor(), person_id, form.why.data)
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            flash(_("Asked. The factor stands until a second person agrees."), "success")
            return redirect(url_for("accounts.person_page", person_id=person_id), 303)
    return render_template("accounts/factor_reset.html", form=form, found=found), 422 if form.errors else 200


@bp.get("/accounts/factor-resets/", endpoint="factor_resets")
@needs("factor.reset", "factor.reset.approve")
def factor_resets_page() -> Answer:
    """What waits for a second person, and what was decided."""
    rows = factor_resets.reset_rows(current_actor())
    columns = [
        Column("person", _("Person"), heading=True), Column("asked_by", _("Asked by")), Column("asked_at", _("Asked")),
        Column("status", _("Where it stands")), Column("decided_by", _("Decided by")),
        Column("decided_at", _("Decided")),
    ]
    table = Table(_("Resets of second factors"), columns, rows, csv=False, query=TableQuery(per_page=len(rows) or 1),
                  empty_title=_("No resets"),
                  empty_text=_("An administrator asks for one on the page of a person whose device is lost."))
    return render_template("accounts/factor_resets.html", table=table,
                           sees_people=allows(current_actor(), "account.people.manage"),
                           waiting=[r for r in rows if r.decided_at is None])



def _decide(reset_id: uuid.UUID, agree: bool, done: str) -> Answer:
    try:
        factor_resets.decide(current_actor(), reset_id, agree)
        flash(done, "success")
    except RuleBroken as refusal:
        flash(str(refusal.message), "error")
    return redirect(url_for("accounts.factor_resets"), 303)


@bp.post("/accounts/factor-resets/<uuid:id>/agree")
@needs("factor.reset.approve")
@fresh_sign_in(_l("Agree to the reset"), own_factor=True)
def agree_factor_reset(id: uuid.UUID) -> Answer:
    return _decide(id, True, _("Reset. The person sets up a new device before the next approval."))


@bp.post("/accounts/factor-resets/<uuid:id>/refuse")
@needs("factor.reset.approve")
def refuse_factor_reset(id: uuid.UUID) -> Answer:
    return _decide(id, False, _("Refused. The second factor stands as it was."))
