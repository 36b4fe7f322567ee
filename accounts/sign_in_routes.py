"""Our views behind Flask-Security's addresses: sign in and out, recovery, confirmation, change of password.

What an answer says never depends on whether an account exists. Slow work (argon2, token digests) runs with no
transaction open.
"""

from __future__ import annotations

from typing import Any

from flask import current_app, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_login import current_user
from flask_security.confirmable import confirm_email_token_status, generate_confirmation_token
from flask_security.recoverable import generate_reset_password_token, reset_password_token_status
from flask_security.utils import login_user, logout_user
from sqlalchemy import select

from accounts import sign_in
from accounts.access import safe_next
from accounts.current import current_actor
from accounts.forms import ChangePasswordForm, ConfirmForm, EmailForm, NewPasswordForm, SignInForm
from accounts.models import Person
from accounts.security import TokenSubject, hashed, password_is, wants_new_hash
from accounts.tokens import read_welcome_token, welcome_token
from core.db import db, end_reading, reading
from core.errors import NotFound
from core.web.access import public, signed_in
from core.web.forms import add_error
from core.web.limits import limiter
from core.web.links import absolute

Answer = Any


def _find(**where: Any) -> Person | None:
    """A person, read in a transaction of its own that ends here, so that slow work holds no lock."""
    attribute, value = where.popitem()
    with reading():
        person = db.session.scalar(select(Person).where(getattr(Person, attribute) == value))
        end_reading()
    return person


def _address() -> str:
    return request.remote_addr or "unknown"


# --- sign in and out --------------------------------------------------------------------------------------------
@public
def sign_in_view() -> Answer:
    """/sign-in"""
    form = SignInForm()
    target = safe_next(form.next.data or request.args.get("next"), url_for("accounts.desk"))
    if current_user.is_authenticated:
        return redirect(target, 303)
    if request.method == "POST" and form.validate():
        person, status = _authenticate(form)
        if person is not None:
            _start_session(person)
            return redirect(target, 303)
        return _sign_in_page(form, target), status
    return _sign_in_page(form, target), 422 if request.method == "POST" else 200


def _sign_in_page(form: SignInForm, target: str) -> str:
    form.next.data = target if target != url_for("accounts.desk") else ""
    # a demonstration says on a page of its own who can be played; that page is a room above this one
    cast = "operations.demonstration" in current_app.view_functions
    demo = cast and current_app.extensions["placard_settings"].env == "demo"
    return render_template("security/sign_in.html", form=form, returning=bool(form.next.data),
                           cast_url=url_for("operations.demonstration") if demo else None)


def _authenticate(form: SignInForm) -> tuple[Person | None, int]:
    """The person whose password it is, or None with the status to answer with."""
    attempt = sign_in.begin_attempt(form.email.data, _address())
    if attempt.id is None:
        form.form_errors = [_("Too many attempts. Wait %(n)s minutes, then try again, or recover your password.",
                              n=attempt.minutes)]
        return None, 429
    person = _find(email=form.email.data.strip().lower())
    known = person is not None and person.active
    if not password_is(form.password.data, person.password if known and person else None) or person is None:
        add_error(form, "password", _("E-mail address and password do not fit together. Check both."))
        return None, 422
    if person.confirmed_at is None:
        _mail_confirmation(person)
        form.form_errors = [_("Confirm your address first: a mail with a link is on its way to you.")]
        return None, 422
    new_hash = hashed(form.password.data) if wants_new_hash(person.password or "") else None
    sign_in.attempt_succeeded(attempt.id, person.id, new_hash)
    return person, 303


def _start_session(person: Person) -> None:
    """A new session: nothing that was in the visitor's goes on, the token of forms included."""
    session.clear()
    login_user(person, remember=False, authn_via=["password"])


@signed_in
def sign_out_view() -> Answer:
    """/sign-out"""
    logout_user()
    session.clear()
    flash(_("You are signed out."), "success")
    return redirect(url_for("security.login"), 303)


# --- recovery ---------------------------------------------------------------------------------------------------
@limiter.limit("30/hour", methods=["POST"])
@public
def recover_view() -> Answer:
    """/recover"""
    form = EmailForm()
    if request.method == "POST" and form.validate():
        attempt = sign_in.begin_attempt(form.email.data, _address(), "recovery")
        person = _find(email=form.email.data)
        usable = person is not None and person.active and attempt.id is not None
        # the digest inside a token takes time: made for nobody too, so that the answer's time tells nothing
        subject = person if usable and person is not None else TokenSubject("nobody", form.email.data, "nothing")
        token = generate_reset_password_token(subject)
        if usable and person is not None:
            first_time = person.password is None
            link = (absolute("accounts.welcome", token=welcome_token(person.fs_uniquifier)) if first_time
                    else absolute("security.reset_password", token=token))
            sign_in.send_recovery(person.id, link, first_time)
        return redirect(url_for("security.forgot_password", sent=1), 303)
    status = 422 if request.method == "POST" else 200
    sent = bool(request.args.get("sent")) and status == 200
    return render_template("security/recover.html", form=form, sent=sent), status


@public
def reset_view(token: str) -> Answer:
    """/recover/<token>"""
    with reading():
        expired, invalid, person = reset_password_token_status(token)
        end_reading()
    if invalid or expired or person is None or not person.active:
        return render_template("security/link_over.html", kind="recovery"), 410
    return new_password_page(person.fs_uniquifier, person.email, "recovery")


def new_password_page(fs_uniquifier: str, email: str, reason: str) -> Answer:
    """Ask for a password and set it, for whoever followed a mailed link."""
    form = NewPasswordForm(email=email)
    if request.method == "POST" and form.validate():
        password_hash = hashed(form.password.data)
        try:
            sign_in.set_password(fs_uniquifier, password_hash, reason)
        except NotFound:
            return render_template("security/link_over.html", kind=reason), 410
        logout_user()
        session.clear()
        flash(_("Your password is set. Sign in with it."), "success")
        return redirect(url_for("security.login"), 303)
    status = 422 if request.method == "POST" else 200
    return render_template("security/new_password.html", form=form, email=email, kind=reason), status


def welcome_page(token: str) -> Answer:
    """/accounts/welcome/<token>: the first password of a new person."""
    fs_uniquifier = read_welcome_token(token)
    person = _find(fs_uniquifier=fs_uniquifier) if fs_uniquifier else None
    if person is None or not person.active:
        return render_template("security/link_over.html", kind="welcome"), 410
    return new_password_page(person.fs_uniquifier, person.email, "welcome")


# --- confirmation -----------------------------------------------------------------------------------------------
def _mail_confirmation(person: Person) -> None:
    token = generate_confirmation_token(person)
    sign_in.send_confirmation(person.id, absolute("security.confirm_email", token=token))


@limiter.limit("30/hour", methods=["POST"])
@public
def send_confirmation_view() -> Answer:
    """/confirm"""
    form = EmailForm()
    if request.method == "POST" and form.validate():
        attempt = sign_in.begin_attempt(form.email.data, _address(), "recovery")
        person = _find(email=form.email.data)
        if person is not None and person.active and person.confirmed_at is None and attempt.id is not None:
            _mail_confirmation(person)
        else:
            generate_confirmation_token(TokenSubject("nobody", form.email.data, None))
        return redirect(url_for("security.send_confirmation", sent=1), 303)
    status = 422 if request.method == "POST" else 200
    return render_template("security/send_confirmation.html", form=form,
                           sent=bool(request.args.get("sent")) and status == 200), status


@public
def confirm_view(token: str) -> Answer:
    """/confirm/<token>: opening the link only asks; the button confirms, so that no scanner of mail does it."""
    with reading():
        expired, invalid, person = confirm_email_token_status(token)
        end_reading()
    if invalid or expired or person is None or not person.active:
        return render_template("security/link_over.html", kind="confirmation"), 410
    form = ConfirmForm()
    if request.method == "POST" and form.validate():
        sign_in.confirm_address(person.fs_uniquifier)
        flash(_("Your address is confirmed. Sign in."), "success")
        return redirect(url_for("security.login"), 303)
    return render_template("security/confirm.html", form=form, email=person.email)


# --- change of password -----------------------------------------------------------------------------------------
@signed_in
def change_password_view() -> Answer:
    """/accounts/password"""
    person = current_user
    form = ChangePasswordForm(email=person.email)
    if request.method == "POST" and form.validate():
        status = _change(form, person)
        if status == 303:
            flash(_("Your password is changed, and every other session is ended."), "success")
            return redirect(url_for("accounts.me"), 303)
        return render_template("security/change_password.html", form=form), status
    return render_template("security/change_password.html", form=form), 422 if request.method == "POST" else 200


def _change(form: ChangePasswordForm, person: Any) -> int:
    attempt = sign_in.begin_attempt(person.email, _address())
    if attempt.id is None:
        form.form_errors = [_("Too many attempts. Wait %(n)s minutes, then try again.", n=attempt.minutes)]
        return 429
    if not password_is(form.current.data, person.password):
        add_error(form, "current", _("This is not your present password."))
        return 422
    sign_in.change_password(current_actor(), hashed(form.password.data))
    fresh = _find(id=person.id)
    if fresh is not None:
        _start_session(fresh)
    return 303


VIEWS: dict[str, Any] = {
    "login": sign_in_view,
    "logout": sign_out_view,
    "forgot_password": recover_view,
    "reset_password": reset_view,
    "send_confirmation": send_confirmation_view,
    "confirm_email": confirm_view,
    "change_password": change_password_view,
}
