"""Commands around signing in: attempts counted in the database, recovery, confirmation, change of password.

All times here are real time. Hashes and tokens are made before a command is called.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import gettext
from sqlalchemy import delete, func, select

from accounts.models import Person, SignInAttempt
from accounts.security import CONFIRM_DAYS, RESET_HOURS, digest
from accounts.service import in_language
from accounts.settings import setting
from accounts.tokens import WELCOME_DAYS
from core import clock, events
from core.actor import Actor
from core.actor import person as person_actor
from core.db import command, db, lock, new_id
from core.errors import NotFound
from core.outbox import send_mail

WINDOW = timedelta(minutes=15)
FAILURES_PER_ACCOUNT = 5
FAILURES_PER_ADDRESS = 50  # a mission's people may share one network address
RECOVERIES_PER_ACCOUNT = 3
RECOVERIES_PER_ADDRESS = 20
KEEP = timedelta(days=1)


@dataclass(frozen=True)
class Attempt:
    """An attempt that may go on (`id`), or must wait until `wait_until` (real time)."""

    id: uuid.UUID | None
    wait_until: datetime | None = None

    @property
    def minutes(self) -> int:
        """Whole minutes to wait, at least one."""
        left = (self.wait_until - clock.real_now()).total_seconds() if self.wait_until else 0
        return max(1, int(-(-left // 60)))


@command
def begin_attempt(email: str, address: str, kind: str = "sign_in") -> Attempt:
    """Count a try before the password is looked at, so that tries sent at once are counted too.

    Known and unknown accounts are treated alike.
    """
    account, network = digest(f"{kind}-account", email.strip().lower()), digest(f"{kind}-address", address)
    per_account = {"sign_in": FAILURES_PER_ACCOUNT, "second_factor": int(setting("second_factor_failures"))}.get(
        kind, RECOVERIES_PER_ACCOUNT)
    per_address = RECOVERIES_PER_ADDRESS if kind == "recovery" else FAILURES_PER_ADDRESS
    waits = [
        _wait(SignInAttempt.account_digest == account, per_account, _last_success(account)),
        _wait(SignInAttempt.address_digest == network, per_address, None),
    ]
    if any(waits):
        return Attempt(None, max(wait for wait in waits if wait))
    attempt = SignInAttempt(id=new_id(), at=clock.real_now(), account_digest=account, address_digest=network,
                            succeeded=False)
    db.session.add(attempt)
    return Attempt(attempt.id)


def _wait(where, limit: int, since: datetime | None) -> datetime | None:  # type: ignore[no-untyped-def]
    """When the next try is allowed: `WINDOW` after the first of the last `limit` failures; None for now."""
    oldest_that_counts = max(clock.real_now() - WINDOW, since or datetime.min.replace(tzinfo=clock.real_now().tzinfo))
    failures = db.session.scalars(
        select(SignInAttempt.at)
        .where(where, SignInAttempt.succeeded.is_(False), SignInAttempt.at > oldest_that_counts)
        .order_by(SignInAttempt.at.desc()).limit(limit)
    ).all()
    return failures[-1] + WINDOW if len(failures) >= limit else None


def _last_success(account: str) -> datetime | None:
    return db.session.scalar(
        select(func.max(SignInAttempt.at)).where(SignInAttempt.account_digest == account,
                                                 SignInAttempt.succeeded.is_(True))
    )


@command
def attempt_succeeded(attempt_id: uuid.UUID, person_id: uuid.UUID, new_hash: str | None = None) -> None:
    """The password was right: earlier failures of the account no longer count."""
    attempt = db.session.get(SignInAttempt, attempt_id)
    if attempt is not None:
        attempt.succeeded = True
    person = lock(Person, person_id)
    person.last_sign_in_at = clock.real_now()
    if new_hash is not None:
        person.password = new_hash
    events.record(person_actor(person_id), "accounts.person.sign_in", "person", person_id)


@command
def send_recovery(person_id: uuid.UUID, link: str, first_time: bool) -> None:
    """Mail the link to set a new password (or the first one, when none was ever set)."""
    person = lock(Person, person_id)
    with in_language(person.locale):
        hours = WELCOME_DAYS * 24 if first_time else RESET_HOURS
        send_mail(
            person.email, kind="recovery", subject=gettext("Set your password at Placard"),
            body=gettext(
                "Somebody, probably you, asked to set a new password for this address.\n\n"
                "Open this link within %(hours)s hours and write the new password:\n%(link)s\n\n"
                "If it was not you, you need do nothing: the present password stays as it is.",
                hours=hours, link=link,
            ),
        )
    events.record(Actor("public"), "accounts.person.recovery", "person", person.id)


@command
def set_password(fs_uniquifier: str, password_hash: str, reason: str) -> uuid.UUID:
    """Follow a mailed link: set the password, confirm the address, end every session, void the link, forget failures.

    `reason` is welcome or recovery. Raises NotFound when the link was used before or the person may not sign in.
    """
    person = db.session.execute(
        select(Person).where(Person.fs_uniquifier == fs_uniquifier, Person.active).with_for_update()
    ).scalar_one_or_none()
    if person is None:
        raise NotFound()
    person.confirmed_at = person.confirmed_at or clock.real_now()
    _replace_password(person, password_hash, reason)
    return person.id


@command
def change_password(actor: Actor, password_hash: str) -> None:
    """A signed-in person's new password. Every session ends, the caller signs this one in again."""
    if actor.person_id is None:
        raise NotFound()
    _replace_password(lock(Person, actor.person_id), password_hash, "change")


def _replace_password(person: Person, password_hash: str, reason: str) -> None:
    had_one = person.password is not None
    person.password = password_hash
    person.fs_uniquifier = uuid.uuid4().hex
    for kind in ("sign_in", "recovery"):
        db.session.execute(
            delete(SignInAttempt).where(SignInAttempt.account_digest == digest(f"{kind}-account", person.email))
        )
    events.record(person_actor(person.id), "accounts.person.password", "person", person.id, reason=reason)
    if had_one:
        with in_language(person.locale):
            send_mail(
                person.email, kind="password_changed", subject=gettext("Your password was changed"),
                body=gettext("The password of your account at Placard was changed just now, and every other session "
                             "was ended.\n\nIf it was not you, recover your account at the sign-in page and tell the "
                             "secretariat."),
            )


@command
def send_confirmation(person_id: uuid.UUID, link: str) -> None:
    """Mail the link that confirms an address."""
    person = lock(Person, person_id)
    with in_language(person.locale):
        send_mail(
            person.email, kind="confirmation", subject=gettext("Confirm your address"),
            body=gettext("Confirm within %(days)s days that this address is yours:\n%(link)s\n\n"
                         "If you did not expect this, you need do nothing.", days=CONFIRM_DAYS, link=link),
        )


@command
def confirm_address(fs_uniquifier: str) -> None:
    """The address is the person's own. Repeating it changes nothing. Raises NotFound."""
    person = db.session.execute(
        select(Person).where(Person.fs_uniquifier == fs_uniquifier, Person.active).with_for_update()
    ).scalar_one_or_none()
    if person is None:
        raise NotFound()
    if person.confirmed_at is None:
        person.confirmed_at = clock.real_now()
        events.record(person_actor(person.id), "accounts.person.confirm", "person", person.id)


@command
def forget_attempts(before: datetime) -> int:
    """Remove attempts from before `before` (real time); the number removed."""
    done = db.session.execute(delete(SignInAttempt).where(SignInAttempt.at < before))
    return int(done.rowcount)  # type: ignore[attr-defined]
