"""Flask-Security, for authentication only: hashing (argon2), sessions, tokens of recovery and confirmation.

Authority is ours (accounts.permissions). The extension's addresses answer with our own views
(accounts.sign_in_routes), because its own hash passwords inside open transactions, answer mistakes with 200 and
commit by themselves. Its mails go through our outbox, its templates are never rendered, and what is not used here
(registration, tokens in headers, JSON answers) is switched off.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from datetime import timedelta
from typing import Any

from flask import Flask, current_app
from flask_babel import gettext
from flask_security.core import RoleMixin, Security, UserMixin
from flask_security.datastore import UserDatastore
from flask_security.mail_util import MailUtil
from flask_security.proxies import _security
from flask_security.utils import hash_password, verify_password
from sqlalchemy import bindparam, func, select

from accounts.models import Person
from core.db import db
from core.outbox import send_mail

PASSWORD_MIN = 12
PASSWORD_MAX = 200
RESET_HOURS = 2
CONFIRM_DAYS = 5


# asked on every page of whoever is signed in: built once
_BY_SESSION = select(Person).where(Person.fs_uniquifier == bindparam("uniquifier"))


class PersonDatastore(UserDatastore):
    """Finds persons for the extension. It never writes: our commands do."""

    def __init__(self) -> None:
        super().__init__(Person, RoleMixin)  # roles of the extension are not used

    def find_user(self, case_insensitive: bool = False, **kwargs: Any) -> Person | None:
        """The person with this one attribute."""
        attribute, value = kwargs.popitem()
        if attribute == "fs_uniquifier":
            return db.session.scalars(_BY_SESSION, {"uniquifier": value}).one_or_none()
        column = getattr(Person, attribute)
        where = func.lower(column) == str(value).lower() if case_insensitive else column == value
        return db.session.scalar(select(Person).where(where))

    def find_role(self, role: str) -> None:
        """There are no roles here: memberships are ours."""

    def put(self, model: Any) -> Any:
        raise RuntimeError("persons change by commands of accounts.service only")

    delete = put

    def commit(self) -> None:
        """Commands have committed already."""


class OutboxMailUtil(MailUtil):
    """Whatever the extension might send leaves by our outbox, as plain text."""

    def send_mail(self, template: str, subject: str, recipient: Any, sender: Any, body: str | None,
                  html: str | None, **kwargs: Any) -> None:
        send_mail(recipient[-1] if isinstance(recipient, tuple) else recipient,
                  kind=template.rsplit("/", 1)[-1], subject=str(subject), body=body or "")


def init_security(app: Flask) -> None:
    """Set the extension up and put our views behind its addresses."""
    from accounts.sign_in_routes import VIEWS

    app.config.update(
        SECURITY_PASSWORD_HASH="argon2",
        SECURITY_PASSWORD_SCHEMES=["argon2"],
        SECURITY_PASSWORD_SINGLE_HASH={"argon2"},
        SECURITY_PASSWORD_SALT="argon2-carries-its-own",
        SECURITY_PASSWORD_LENGTH_MIN=PASSWORD_MIN,
        SECURITY_RECOVERABLE=True,
        SECURITY_CONFIRMABLE=True,
        SECURITY_CHANGEABLE=True,
        SECURITY_RESET_PASSWORD_WITHIN=timedelta(hours=RESET_HOURS),
        SECURITY_CONFIRM_EMAIL_WITHIN=timedelta(days=CONFIRM_DAYS),
        SECURITY_LOGIN_URL="/sign-in",
        SECURITY_LOGOUT_URL="/sign-out",
        SECURITY_LOGOUT_METHODS=["POST"],
        SECURITY_RESET_URL="/recover",
        SECURITY_CONFIRM_URL="/confirm",
        SECURITY_CHANGE_URL="/accounts/password",
        SECURITY_FRESHNESS=timedelta(seconds=-1),  # no /verify route; fresh sign-in is ours (accounts.fresh)
        SECURITY_STATIC_FOLDER=None,
        SECURITY_API_ENABLED_METHODS=["session"],
        SECURITY_FLASH_MESSAGES=False,
        SECURITY_EMAIL_HTML=False,
        SECURITY_RETURN_GENERIC_RESPONSES=True,
        SECURITY_TWO_FACTOR_IMPLEMENTATIONS={},
    )
    security = Security(app, PersonDatastore(), mail_util_cls=OutboxMailUtil)
    security.want_json(lambda _request: False)
    app.login_manager.request_loader(lambda _request: None)  # type: ignore[attr-defined]  # no tokens in addresses
    app.login_manager.session_protection = "basic"  # type: ignore[attr-defined]
    # Flask-Principal would load the person on every request, before we know whether anybody asks who it is
    app.before_request_funcs[None].remove(security.principal._on_before_request)
    app.blueprints["security"].template_folder = None
    for endpoint, view in VIEWS.items():
        app.view_functions[f"security.{endpoint}"] = view


# --- passwords --------------------------------------------------------------------------------------------------
def hashed(password: str) -> str:
    """The argon2 hash of a password, normalised. Takes about a tenth of a second: call it with no transaction
    open."""
    return str(hash_password(_normal(password)))


def password_is(password: str, password_hash: str | None) -> bool:
    """Whether the password fits; takes as long when there is no hash to compare with."""
    if password_hash is None:
        hash_password(_normal(password))
        return False
    return bool(verify_password(_normal(password), password_hash))


def wants_new_hash(password_hash: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return bool(_security.pwd_context.needs_update(password_hash))


def _normal(password: str) -> str:
    return unicodedata.normalize("NFKD", password[:PASSWORD_MAX * 2])


def password_advice(password: str, email: str = "") -> str | None:
    """What to write instead of this password, or None when it will do."""
    if len(password) < PASSWORD_MIN:
        return gettext("Write at least %(n)s characters: three or four words that do not belong together do well.",
                       n=PASSWORD_MIN)
    if len(password) > PASSWORD_MAX:
        return gettext("Write at most %(n)s characters.", n=PASSWORD_MAX)
    if len(set(password.casefold())) < 5:
        return gettext("Use more different characters.")
    local = email.partition("@")[0].casefold()
    if len(local) > 3 and local in password.casefold():
        return gettext("Leave your e-mail address out of the password.")
    if password.casefold().strip("0123456789!. ") in _COMMON:
        return gettext("This password is among the first that would be tried. Write another one.")
    return None


_COMMON = {"password", "passwordpassword", "qwertyuiop", "qwertyuiopasdf", "letmeinletmein", "iloveyou",
           "administrator", "welcomewelcome", "abcdefghijkl", "placardplacard", "unitednations", ""}


def digest(kind: str, value: str) -> str:
    """A keyed digest of an e-mail or network address: enough to count by, of no use to whoever reads the table."""
    key = current_app.extensions["placard_settings"].secret_key.encode()
    return hmac.new(key, f"{kind}:{value}".encode(), hashlib.sha256).hexdigest()


class TokenSubject(UserMixin):
    """What the extension needs of a person to make a token, apart from any session or transaction."""

    def __init__(self, fs_uniquifier: str, email: str, password: str | None) -> None:
        self.fs_uniquifier, self.email, self.password = fs_uniquifier, email, password
