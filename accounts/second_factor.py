"""The second factor of a person: set up, shown, replaced. Time-based codes (RFC 6238: SHA-1, six figures, 30 seconds),
as every authenticator app makes them.

All times are real time: codes are made by the machine's clock, which no rehearsal moves.
"""

from __future__ import annotations

import base64
import re
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP
from flask_babel import gettext as _
from sqlalchemy import func, select, update

from accounts.factor_models import RecoveryCode, SecondFactor, SecondFactorProof
from accounts.models import Person, SignInAttempt
from accounts.permissions import roles_acted
from accounts.security import digest
from accounts.service import in_language
from accounts.settings import setting
from core import clock, events, vault
from core.actor import Actor
from core.db import command, db, get, lock, new_id
from core.errors import NotFound, RuleBroken
from core.outbox import send_mail

STEP = 30  # seconds (RFC 6238)
SECRET_BYTES = 20  # as long as the digest of SHA-1 (RFC 4226, section 4)
DRIFT = 1  # steps by which a telephone's clock may be ahead or behind
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that looks like something else
_CODE = re.compile(r"[0-9]{6}\Z")
_RECOVERY = re.compile(rf"[{_ALPHABET}]{{12}}\Z")


# --- codes ------------------------------------------------------------------------------------------------------
def step_at(instant: datetime) -> int:
    return int(instant.timestamp()) // STEP


def code_at(secret: str, step: int) -> str:
    """The six figures of one step. `secret` is base 32."""
    # SHA-1 is what the apps know; a keyed digest does not need what SHA-1 has lost
    return HOTP(base64.b32decode(secret), 6, SHA1(), enforce_key_length=False).generate(step).decode()


def _fitting_step(secret: str, code: str) -> int | None:
    """The step that a code belongs to, of those around now."""
    now = step_at(clock.real_now())
    return next((now + drift for drift in range(-DRIFT, DRIFT + 1)
                 if secrets.compare_digest(code_at(secret, now + drift), code)), None)


def provisioning_address(secret: str, email: str) -> str:
    """The otpauth: address that an app reads from the QR code."""
    label = quote(f"Placard:{email}")
    return f"otpauth://totp/{label}?" + urlencode({"secret": secret, "issuer": "Placard"})


def new_secret() -> str:
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


# --- what stands ------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Standing:
    """A person's second factor: `secret` only while it is being set up, by its own person."""

    confirmed_at: datetime | None
    secret: str | None
    codes_left: int
    pending: bool
    needed: bool


def live_factor(person_id: uuid.UUID) -> SecondFactor | None:
    return db.session.scalar(
        select(SecondFactor).where(SecondFactor.person_id == person_id, SecondFactor.ended_at.is_(None)))


def must_prove(actor: Actor) -> bool:
    """Whether this person holds (or acts in) a role that shows a second factor."""
    if actor.person_id is None:
        return False
    return bool(roles_acted(actor.person_id) & frozenset(setting("second_factor_roles")))


def standing(actor: Actor) -> Standing:
    """What the person's own page shows."""
    assert actor.person_id is not None
    factor, needed = live_factor(actor.person_id), must_prove(actor)
    if factor is None:
        return Standing(None, None, 0, False, needed)
    pending = factor.confirmed_at is None
    left = db.session.scalar(select(func.count()).select_from(RecoveryCode).where(
        RecoveryCode.factor_id == factor.id, RecoveryCode.used_at.is_(None), RecoveryCode.void_at.is_(None))) or 0
    return Standing(factor.confirmed_at, vault.unseal(actor.person_id, factor.secret_sealed) if pending else None,
                    left, pending, needed)


def valid_proof(actor: Actor, proof_id: uuid.UUID | None) -> uuid.UUID | None:
    """The proof if it is this person's, of a factor that still stands, and young enough."""
    if proof_id is None or actor.person_id is None:
        return None
    since = clock.real_now() - timedelta(minutes=int(setting("second_factor_minutes")))
    return db.session.scalar(
        select(SecondFactorProof.id).join(SecondFactor, SecondFactor.id == SecondFactorProof.factor_id)
        .where(SecondFactorProof.id == proof_id, SecondFactorProof.person_id == actor.person_id,
               SecondFactorProof.at > since, SecondFactor.ended_at.is_(None)))


# --- commands ---------------------------------------------------------------------------------------------------
def _own(actor: Actor) -> Person:
    if actor.person_id is None:
        raise NotFound()
    return lock(Person, actor.person_id)


@command
def begin(actor: Actor) -> None:
    """Make a secret to be put into an app; it counts once a code proves that it arrived there. An unfinished one is
    given up. Raises RuleBroken while a factor stands."""
    person = _own(actor)
    factor = live_factor(person.id)
    if factor is not None and factor.confirmed_at is not None:
        raise RuleBroken(_("Your second factor is set up already. To change the device, replace it."),
                         code="second_factor.stands")
    if factor is not None:
        _end(factor, "not_finished")
    _make(person)


@command
def replace(actor: Actor) -> None:
    """Give up the present device for another one. The view has asked for the present one first."""
    person = _own(actor)
    factor = live_factor(person.id)
    if factor is not None:
        _end(factor, "replaced")
        events.record(actor, "accounts.second_factor.replace", "person", person.id)
    _make(person)


def _make(person: Person) -> None:
    sealed = vault.seal(person.id, new_secret())
    assert sealed is not None
    db.session.add(SecondFactor(person_id=person.id, secret_sealed=sealed, created_at=clock.real_now()))


def _end(factor: SecondFactor, ending: str) -> None:
    factor.ended_at, factor.ending = clock.real_now(), ending
    db.session.flush()  # the next one may only stand once this one has ended


def end_by_reset(person_id: uuid.UUID, reset_id: uuid.UUID) -> bool:
    """In the command of the second person: the factor no longer stands. False when there was none."""
    factor = live_factor(person_id)
    if factor is None:
        return False
    factor.reset_id = reset_id
    _end(factor, "reset")
    return True


@command
def confirm(actor: Actor, code: str) -> tuple[list[str], uuid.UUID]:
    """The app's first code: from now on the factor counts. Returns the recovery codes, to be shown this once, and the
    proof. Raises RuleBroken (wrong code, nothing to confirm)."""
    person = _own(actor)
    factor = live_factor(person.id)
    if factor is None or factor.confirmed_at is not None:
        raise RuleBroken(_("There is nothing to confirm. Begin to set it up first."), code="second_factor.nothing")
    secret = vault.unseal(person.id, factor.secret_sealed)
    step = _fitting_step(secret, _digits(code)) if secret else None
    if step is None:
        raise _wrong()
    factor.confirmed_at, factor.last_step = clock.real_now(), step
    db.session.flush()  # recovery codes and the proof point at a factor that counts
    events.record(actor, "accounts.second_factor.confirm", "person", person.id)
    with in_language(person.locale):
        send_mail(person.email, kind="second-factor", subject=_("Your second factor is set up"),
                  body=_("A second factor was set up for your account at Placard. Approving and releasing ask for its "
                         "code from now on.\n\nIf it was not you, change your password and tell the secretariat."))
    return _new_codes(factor), _proof(person.id, factor, "code")


@command
def new_recovery_codes(actor: Actor) -> list[str]:
    """New codes for a lost device; the former ones are void. The view has asked for the factor. Raises RuleBroken."""
    person = _own(actor)
    factor = live_factor(person.id)
    if factor is None or factor.confirmed_at is None:
        raise RuleBroken(_("Set up the second factor first."), code="second_factor.none")
    db.session.execute(update(RecoveryCode).where(
        RecoveryCode.factor_id == factor.id, RecoveryCode.used_at.is_(None), RecoveryCode.void_at.is_(None),
    ).values(void_at=clock.real_now()).execution_options(synchronize_session=False))
    events.record(actor, "accounts.second_factor.codes", "person", person.id)
    return _new_codes(factor)


def _new_codes(factor: SecondFactor) -> list[str]:
    codes = ["".join(secrets.choice(_ALPHABET) for _n in range(12)) for _m in range(int(setting("recovery_codes")))]
    db.session.add_all([RecoveryCode(id=new_id(), factor_id=factor.id, digest=digest("recovery-code", code))
                        for code in codes])
    return ["-".join(code[n:n + 4] for n in (0, 4, 8)) for code in codes]


def _digits(code: str) -> str:
    return re.sub(r"[\s-]", "", code).lower()


def _wrong() -> RuleBroken:
    return RuleBroken(_("This code does not fit. Write the six figures that the app shows now; if they never fit, set "
                        "your telephone’s clock to automatic."), code="second_factor.wrong", field="second_factor")


def _proof(person_id: uuid.UUID, factor: SecondFactor, way: str) -> uuid.UUID:
    proof = SecondFactorProof(id=new_id(), person_id=person_id, factor_id=factor.id, way=way, at=clock.real_now())
    db.session.add(proof)
    db.session.flush()  # an event or a signature of this very request may point at it
    return proof.id


@command
def prove(actor: Actor, code: str, attempt_id: uuid.UUID) -> uuid.UUID:
    """Show the second factor, or a recovery code in its place; the proof. The attempt was counted before.

    Raises RuleBroken: not set up, wrong code, code already taken.
    """
    assert actor.person_id is not None
    factor = live_factor(actor.person_id)
    if factor is None or factor.confirmed_at is None:
        raise RuleBroken(_("Your second factor is not set up yet."), code="second_factor.none",
                         field="second_factor")
    factor = lock(SecondFactor, factor.id)  # two that send one code at once: the second reads what the first wrote
    typed = _digits(code)
    if _CODE.fullmatch(typed):
        _take(actor.person_id, factor, typed)
        way = "code"
    elif _RECOVERY.fullmatch(typed):
        _use_recovery_code(actor.person_id, factor, typed)
        way = "recovery"
    else:
        raise _wrong()
    attempt = db.session.get(SignInAttempt, attempt_id)
    if attempt is not None:
        attempt.succeeded = True
    proof = _proof(actor.person_id, factor, way)
    events.record(actor, "accounts.second_factor.prove", "person", actor.person_id,
                  data={"way": way, "proof": str(proof)})
    return proof


def _take(person_id: uuid.UUID, factor: SecondFactor, code: str) -> None:
    secret = vault.unseal(person_id, factor.secret_sealed)
    step = _fitting_step(secret, code) if secret else None
    if step is None:
        raise _wrong()
    if factor.last_step is not None and step <= factor.last_step:
        raise RuleBroken(_("This code was used already. Wait for the next one, at most half a minute."),
                         code="second_factor.replayed", field="second_factor")
    factor.last_step = step


def _use_recovery_code(person_id: uuid.UUID, factor: SecondFactor, typed: str) -> None:
    row = db.session.scalar(select(RecoveryCode).where(
        RecoveryCode.digest == digest("recovery-code", typed), RecoveryCode.factor_id == factor.id,
        RecoveryCode.used_at.is_(None), RecoveryCode.void_at.is_(None)))
    if row is None:
        raise _wrong()
    row.used_at = clock.real_now()
    person = get(Person, person_id)
    with in_language(person.locale):
        send_mail(person.email, kind="recovery-code", subject=_("A recovery code was used"),
                  body=_("A recovery code of your account at Placard was used in place of the app. If it was not you, "
                         "change your password and tell the secretariat at once."))


# --- demonstration ----------------------------------------------------------------------------------------------
@command
def enrol_demo(actor: Actor) -> None:
    """Set the factor up for a person of the demonstration, whose codes a page shows. Raises RuleBroken for others."""
    person = _own(actor)
    if not person.is_demo:
        raise RuleBroken(_("This is for people of the demonstration only."), code="second_factor.not_demo")
    begin(actor)
    factor = live_factor(person.id)
    assert factor is not None
    factor.confirmed_at, factor.last_step = clock.real_now(), step_at(clock.real_now()) - DRIFT - 1
    events.record(actor, "accounts.second_factor.confirm", "person", person.id, data={"demonstration": True})


@dataclass(frozen=True)
class DemoCode:
    """What the app of a person of the demonstration shows now. `used`: wait for the next."""

    code: str
    used: bool


def demo_codes() -> tuple[dict[str, DemoCode], int]:
    """Codes by e-mail of invented people, and the seconds for which they hold. Two queries."""
    rows = db.session.execute(
        select(Person.id, Person.email, SecondFactor.secret_sealed, SecondFactor.last_step)
        .join(SecondFactor, SecondFactor.person_id == Person.id)
        .where(Person.is_demo, SecondFactor.ended_at.is_(None))).all()
    vault.preload([row.id for row in rows])
    now = clock.real_now()
    step, found = step_at(now), {}
    for row in rows:
        secret = vault.unseal(row.id, row.secret_sealed)
        if secret:
            found[row.email] = DemoCode(code_at(secret, step), row.last_step is not None and row.last_step >= step)
    return found, STEP - int(now.timestamp()) % STEP
