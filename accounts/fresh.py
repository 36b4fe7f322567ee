"""Fresh sign-in: an act that binds asks for the second factor again when the last proof is older than the setting says.

The page that asks holds everything that was sent, so nothing typed is lost: once the code is right, or a passkey has
signed, the act itself goes on. Commands do not ask (jobs and tests act through them); each signature and event names
the proof.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import g, render_template, request, session, url_for
from flask_babel import gettext as _
from wtforms import StringField

from accounts import passkeys, second_factor, sign_in
from accounts.current import current_actor, current_person
from accounts.relying_party import relying_party
from accounts.settings import setting
from core.db import end_reading, reading
from core.errors import RuleBroken
from core.web.forms import BaseForm, Required, add_error

F = TypeVar("F", bound=Callable[..., Any])
CODE = "second_factor"
PASSKEY = "second_factor_passkey"  # what the script writes; never shown again, so a name that core.web.kept leaves out
SESSION = "second_factor_proof"


class ProveForm(BaseForm):
    """The six figures, or a recovery code."""

    second_factor = StringField(
        validators=[Required()],
        render_kw={"autocomplete": "one-time-code", "inputmode": "text", "spellcheck": "false",
                   "autocapitalize": "none", "maxlength": "20"})

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.second_factor.label.text = _("Code from your app")
        self.second_factor.description = _("Six figures. Without your device: one of your recovery codes.")


def remember(proof: uuid.UUID) -> None:
    """The session has shown the second factor just now."""
    session[SESSION] = str(proof)


def _session_proof() -> uuid.UUID | None:
    try:
        return uuid.UUID(session.get(SESSION, ""))
    except (ValueError, TypeError):
        return None


def may_add() -> bool:
    """Whether the signed-in person may add a factor without being asked: none stands yet, or one was shown just now."""
    actor = current_actor()
    assert actor.person_id is not None
    return not second_factor.stands(actor.person_id) or second_factor.valid_proof(actor, _session_proof()) is not None


def fresh_sign_in(what: Any, *, own_factor: bool = False, once_set_up: bool = False,
                  unless: str | None = None) -> Callable[[F], F]:
    """Mark a view whose POST asks for a fresh second factor; `what` names the act on the page that asks. `own_factor`:
    the act changes that factor, so it is asked for wherever one stands, whatever roles the person holds today.
    `once_set_up`: the act adds one, so it is asked for only where one stands. `unless`: a button of the form that only
    shows it again, and so asks for nothing."""

    def mark(view: F) -> F:
        @wraps(view)
        def asked(**values: Any) -> Any:
            if request.method in ("GET", "HEAD") or (unless is not None and unless in request.form):
                return view(**values)
            actor = current_actor()
            with reading():
                needed = (not once_set_up and second_factor.must_prove(actor)) or (
                    (own_factor or once_set_up) and actor.person_id is not None
                    and second_factor.stands(actor.person_id))
                proof = second_factor.valid_proof(actor, _session_proof())
                end_reading()
            if proof is None and needed:
                page = _ask(what)
                if page is not None:
                    return page
                proof = _session_proof()
            g.second_factor_proof = proof
            return view(**values)

        asked.asks_fresh_sign_in = True  # type: ignore[attr-defined]
        return asked  # type: ignore[return-value]

    return mark


def _ask(what: Any) -> Any:
    """The page that asks, or None once the code was right or a passkey has signed."""
    form = ProveForm(formdata=request.form if CODE in request.form else None)
    status = 200
    if request.form.get(PASSKEY):
        status = _try(form, lambda attempt: passkeys.prove(current_actor(), request.form[PASSKEY], attempt))
        if status == 303:
            return None
    elif CODE in request.form:
        if form.validate():
            status = _try(form, lambda attempt: second_factor.prove(current_actor(), form.second_factor.data, attempt))
            if status == 303:
                return None
        else:
            status = 422
    person = current_person()
    assert person is not None
    with reading():
        stands = second_factor.standing(current_actor())
        end_reading()
    if stands.passkeys and stands.confirmed_at is None:  # without the passkey, a recovery code is what can be written
        form.second_factor.label.text, form.second_factor.description = _("Recovery code"), _("Each works once.")
    kept = [(name, value) for name, value in request.form.items(multi=True)
            if name not in (CODE, PASSKEY, "csrf_token")]
    came_from = urlsplit(request.referrer or "")
    ours = came_from.netloc == request.host and not came_from.path.startswith("//")  # "//host" is another's address
    back = came_from.path if ours and came_from.path != request.path else None
    return render_template(
        "security/prove.html", form=form, what=what, kept=kept, stands=stands, minutes=setting("second_factor_minutes"),
        party=relying_party() if stands.passkeys else None, passkey_field=PASSKEY,
        action=request.full_path.rstrip("?"), back=back or url_for("accounts.desk"), demo=person.is_demo), status


def _try(form: ProveForm, show: Callable[[uuid.UUID], uuid.UUID]) -> int:
    person = current_person()
    assert person is not None
    attempt = sign_in.begin_attempt(person.email, request.remote_addr or "unknown", "second_factor")
    if attempt.id is None:
        add_error(form, CODE, _("Too many tries that failed. Wait %(n)s minutes, then try again.", n=attempt.minutes))
        return 429
    try:
        remember(show(attempt.id))
    except RuleBroken as refusal:
        add_error(form, CODE, refusal.message)
        return 422
    return 303
