"""Fresh sign-in: an act that binds asks for the second factor again when the last proof is older than the setting says.

The page that asks holds everything that was sent, so nothing typed is lost: once the code is right, the act itself
goes on. Commands do not ask (jobs and tests act through them); each signature and event names the proof.
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

from accounts import second_factor, sign_in
from accounts.current import current_actor, current_person
from accounts.settings import setting
from core.db import end_reading, reading
from core.errors import RuleBroken
from core.web.forms import BaseForm, Required, add_error

F = TypeVar("F", bound=Callable[..., Any])
CODE = "second_factor"
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


def fresh_sign_in(what: Any, *, own_factor: bool = False, unless: str | None = None) -> Callable[[F], F]:
    """Mark a view whose POST asks for a fresh second factor; `what` names the act on the page that asks. `own_factor`:
    the act changes that factor, so it is asked for wherever one stands, whatever roles the person holds today.
    `unless`: a button of the form that only shows it again, and so asks for nothing."""

    def mark(view: F) -> F:
        @wraps(view)
        def asked(**values: Any) -> Any:
            if request.method in ("GET", "HEAD") or (unless is not None and unless in request.form):
                return view(**values)
            actor = current_actor()
            with reading():
                needed = second_factor.must_prove(actor) or (
                    own_factor and second_factor.standing(actor).confirmed_at is not None)
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
    """The page that asks, or None once the code was right."""
    form = ProveForm(formdata=request.form if CODE in request.form else None)
    status = 200
    if CODE in request.form:
        if form.validate():
            status = _try(form)
            if status == 303:
                return None
        else:
            status = 422
    person = current_person()
    assert person is not None
    with reading():
        stands = second_factor.standing(current_actor())
        end_reading()
    kept = [(name, value) for name, value in request.form.items(multi=True) if name not in (CODE, "csrf_token")]
    came_from = urlsplit(request.referrer or "")
    ours = came_from.netloc == request.host and not came_from.path.startswith("//")  # "//host" is another's address
    back = came_from.path if ours and came_from.path != request.path else None
    return render_template(
        "security/prove.html", form=form, what=what, kept=kept, stands=stands, minutes=setting("second_factor_minutes"),
        action=request.full_path.rstrip("?"), back=back or url_for("accounts.desk"), demo=person.is_demo), status


def _try(form: ProveForm) -> int:
    person = current_person()
    assert person is not None
    attempt = sign_in.begin_attempt(person.email, request.remote_addr or "unknown", "second_factor")
    if attempt.id is None:
        add_error(form, CODE, _("Too many wrong codes. Wait %(n)s minutes, then try again.", n=attempt.minutes))
        return 429
    try:
        remember(second_factor.prove(current_actor(), form.second_factor.data, attempt.id))
    except RuleBroken as refusal:
        add_error(form, CODE, refusal.message)
        return 422
    return 303
