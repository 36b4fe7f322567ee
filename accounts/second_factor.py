"""The second factor of a person: an app set up, shown, replaced, removed. Time-based codes (RFC 6238: SHA-1, six
figures, 30 seconds), as every authenticator app makes them. Passkeys stand beside it (accounts/passkeys.py).

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
from sqlalchemy import or_, select

from accounts.factor_models import SecondFactor, SecondFactorProof
from accounts.models import Person, SignInAttempt
from accounts.permissions import roles_acted
from accounts.recovery_codes import SHAPE, codes_if_none, codes_left, new_codes, use_code, void_codes
from accounts.service import in_language
from accounts.settings import setting
from core import clock, events, vault
from core.actor import Actor
from core.db import command, db, lock, new_id
from core.errors import NotFound, RuleBroken
from core.outbox import send_mail

STEP = 30  # seconds (RFC 6238)
SECRET_BYTES = 20  # as long as the digest of SHA-1 (RFC 4226, section 4)
DRIFT = 1  # steps by which a telephone's clock may be ahead or behind
_CODE = re.compile(r"[0-9]{6}\Z")


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
    """A person's second factor: `confirmed_at` of the app, its `secret` only while it is being set up, by its own
    person; how many passkeys."""

    confirmed_at: datetime | None
    secret: str | None
    codes_left: int
    pending: bool
    needed: bool
    passkeys: int

    @property
    def stands(self) -> bool:
        """Whether there is anything to show."""
        return self.confirmed_at is not None or self.passkeys > 0


def live_factors(person_id: uuid.UUID) -> list[SecondFactor]:
    """The app, be it confirmed or not, and every passkey."""
    return list(db.session.scalars(
        select(SecondFactor).where(SecondFactor.person_id == person_id, SecondFactor.ended_at.is_(None))))


def live_factor(person_id: uuid.UUID) -> SecondFactor | None:
    """The app."""
    return next((f for f in live_factors(person_id) if f.kind == "app"), None)


def stands(person_id: uuid.UUID, *, without: uuid.UUID | None = None) -> bool:
    """Whether a factor of this person counts (one other than `without`)."""
    return any(f.confirmed_at is not None and f.id != without for f in live_factors(person_id))


def must_prove(actor: Actor) -> bool:
    """Whether this person holds (or acts in) a role that shows a second factor."""
    if actor.person_id is None:
        return False
    return bool(roles_acted(actor.person_id) & frozenset(setting("second_factor_roles")))


def standing(actor: Actor) -> Standing:
    """What the person's own page shows."""
    assert actor.person_id is not None
    factors = live_factors(actor.person_id)
    factor = next((f for f in factors if f.kind == "app"), None)
    pending = factor is not None and factor.confirmed_at is None
    secret = vault.unseal(actor.person_id, factor.secret_sealed) if factor is not None and pending else None
    return Standing(factor.confirmed_at if factor is not None else None, secret,
                    codes_left(actor.person_id) if factors else 0, pending, must_prove(actor),
                    sum(f.kind == "passkey" for f in factors))


def valid_proof(actor: Actor, proof_id: uuid.UUID | None) -> uuid.UUID | None:
    """The proof if it is this person's, of a factor that still stands (a recovery code: of any that stood already), and
    young enough."""
    if proof_id is None or actor.person_id is None:
        return None
    since = clock.real_now() - timedelta(minutes=int(setting("second_factor_minutes")))
    return db.session.scalar(
        select(SecondFactorProof.id)
        .where(SecondFactorProof.id == proof_id, SecondFactorProof.person_id == actor.person_id,
               SecondFactorProof.at > since,
               select(SecondFactor.id).where(
                   SecondFactor.person_id == actor.person_id, SecondFactor.ended_at.is_(None),
                   or_(SecondFactor.id == SecondFactorProof.factor_id,
                       SecondFactorProof.factor_id.is_(None) & (SecondFactor.confirmed_at <= SecondFactorProof.at)),
               ).exists()))


# --- commands ---------------------------------------------------------------------------------------------------
def own(actor: Actor) -> Person:
    """The person behind the actor, locked: factors of one person change one after the other."""
    if actor.person_id is None:
        raise NotFound()
    return lock(Person, actor.person_id)


@command
def begin(actor: Actor) -> None:
    """Make a secret to be put into an app; it counts once a code proves that it arrived there. An unfinished one is
    given up. Raises RuleBroken while a factor stands."""
    person = own(actor)
    factor = live_factor(person.id)
    if factor is not None and factor.confirmed_at is not None:
        raise RuleBroken(_("Your app is set up already. To change the device, replace it."),
                         code="second_factor.stands")
    if factor is not None:
        end(factor, "not_finished")
    _make(person)


@command
def replace(actor: Actor) -> None:
    """Give up the present device for another one. The view has asked for the present one first."""
    person = own(actor)
    factor = live_factor(person.id)
    if factor is not None:
        end(factor, "replaced")
        events.record(actor, "accounts.second_factor.replace", "person", person.id)
    _make(person)


def _make(person: Person) -> None:
    sealed = vault.seal(person.id, new_secret())
    assert sealed is not None
    db.session.add(SecondFactor(person_id=person.id, secret_sealed=sealed, created_at=clock.real_now()))


def end(factor: SecondFactor, ending: str) -> None:
    """The factor no longer stands; with the last one, what stands in for it does not either."""
    factor.ended_at, factor.ending = clock.real_now(), ending
    db.session.flush()  # the next one may only stand once this one has ended
    if not stands(factor.person_id):
        void_codes(factor.person_id)


def end_by_reset(person_id: uuid.UUID, reset_id: uuid.UUID) -> bool:
    """In the command of the second person: app, passkeys and recovery codes no longer stand. False when there was
    none."""
    factors = live_factors(person_id)
    for factor in factors:
        factor.reset_id = reset_id
        end(factor, "reset")
    return bool(factors)


def may_go(actor: Actor, factor: SecondFactor) -> None:
    """Raises RuleBroken when this is the last factor of a person whose role needs one."""
    if factor.confirmed_at is not None and must_prove(actor) and not stands(factor.person_id, without=factor.id):
        raise RuleBroken(_("Your role needs a second factor, and this is your last one. Add another one first."),
                         code="second_factor.last")


@command
def remove(actor: Actor) -> None:
    """Give up the app; whoever has a passkey may do without. The view has asked for a factor first. Raises RuleBroken
    (none stands, the last one of a role that needs one)."""
    person = own(actor)
    factor = live_factor(person.id)
    if factor is None:
        raise RuleBroken(_("Set up the second factor first."), code="second_factor.none")
    may_go(actor, factor)
    end(factor, "removed")
    events.record(actor, "accounts.second_factor.remove", "person", person.id)
    with in_language(person.locale):
        send_mail(person.email, kind="second-factor-removed", subject=_("Your app no longer counts"),
                  body=_("The app that showed codes for your account at Placard was removed as a second factor.\n\n"
                         "If it was not you, change your password and tell the secretariat."))


@command
def confirm(actor: Actor, code: str) -> tuple[list[str], uuid.UUID]:
    """The app's first code: from now on the factor counts. Returns recovery codes to be shown this once (none where the
    person has good ones from before), and the proof. Raises RuleBroken (wrong code, nothing to confirm)."""
    person = own(actor)
    factor = live_factor(person.id)
    if factor is None or factor.confirmed_at is not None:
        raise RuleBroken(_("There is nothing to confirm. Begin to set it up first."), code="second_factor.nothing")
    secret = vault.unseal(person.id, factor.secret_sealed)
    step = _fitting_step(secret, _digits(code)) if secret else None
    if step is None:
        raise _wrong(True)
    factor.confirmed_at, factor.last_step = clock.real_now(), step
    db.session.flush()  # recovery codes and the proof point at a factor that counts
    events.record(actor, "accounts.second_factor.confirm", "person", person.id)
    with in_language(person.locale):
        send_mail(person.email, kind="second-factor", subject=_("Your second factor is set up"),
                  body=_("A second factor was set up for your account at Placard. Approving and releasing ask for its "
                         "code from now on.\n\nIf it was not you, change your password and tell the secretariat."))
    return codes_if_none(person.id), add_proof(person.id, factor.id, "code")


@command
def new_recovery_codes(actor: Actor) -> list[str]:
    """New codes for a lost device; the former ones are void. The view has asked for the factor. Raises RuleBroken."""
    person = own(actor)
    if not stands(person.id):
        raise RuleBroken(_("Set up the second factor first."), code="second_factor.none")
    events.record(actor, "accounts.second_factor.codes", "person", person.id)
    return new_codes(person.id)


def _digits(code: str) -> str:
    return re.sub(r"[\s-]", "", code).lower()


def _wrong(has_app: bool) -> RuleBroken:
    words = _("This code does not fit. Write the six figures that the app shows now; if they never fit, set your "
              "telephone’s clock to automatic.") if has_app else _(
        "This code does not fit. You have no app: use a passkey, or one of your recovery codes.")
    return RuleBroken(words, code="second_factor.wrong", field="second_factor")


def add_proof(person_id: uuid.UUID, factor_id: uuid.UUID | None, way: str) -> uuid.UUID:
    """Note within a command that the person has shown the factor just now."""
    proof = SecondFactorProof(id=new_id(), person_id=person_id, factor_id=factor_id, way=way, at=clock.real_now())
    db.session.add(proof)
    db.session.flush()  # an event or a signature of this very request may point at it
    return proof.id


def proven(actor: Actor, factor_id: uuid.UUID | None, way: str, attempt_id: uuid.UUID) -> uuid.UUID:
    """Within a command: the try went well. The proof."""
    assert actor.person_id is not None
    attempt = db.session.get(SignInAttempt, attempt_id)
    if attempt is not None:
        attempt.succeeded = True
    proof = add_proof(actor.person_id, factor_id, way)
    events.record(actor, "accounts.second_factor.prove", "person", actor.person_id,
                  data={"way": way, "proof": str(proof)})
    return proof


@command
def prove(actor: Actor, code: str, attempt_id: uuid.UUID) -> uuid.UUID:
    """Show a code of the app, or a recovery code in place of whatever is lost; the proof. The attempt was counted
    before.

    Raises RuleBroken: not set up, wrong code, code already taken.
    """
    assert actor.person_id is not None
    counting = [f for f in live_factors(actor.person_id) if f.confirmed_at is not None]
    if not counting:
        raise RuleBroken(_("Your second factor is not set up yet."), code="second_factor.none",
                         field="second_factor")
    app = next((f for f in counting if f.kind == "app"), None)
    typed = _digits(code)
    if app is not None and _CODE.fullmatch(typed):
        app = lock(SecondFactor, app.id)  # two that send one code at once: the second reads what the first wrote
        _take(actor.person_id, app, typed)
        return proven(actor, app.id, "code", attempt_id)
    if SHAPE.fullmatch(typed) and use_code(actor.person_id, typed):
        return proven(actor, None, "recovery", attempt_id)
    raise _wrong(app is not None)


def _take(person_id: uuid.UUID, factor: SecondFactor, code: str) -> None:
    secret = vault.unseal(person_id, factor.secret_sealed)
    step = _fitting_step(secret, code) if secret else None
    if step is None:
        raise _wrong(True)
    if factor.last_step is not None and step <= factor.last_step:
        raise RuleBroken(_("This code was used already. Wait for the next one, at most half a minute."),
                         code="second_factor.replayed", field="second_factor")
    factor.last_step = step


# --- demonstration ----------------------------------------------------------------------------------------------
@command
def enrol_demo(actor: Actor) -> None:
    """Set the factor up for a person of the demonstration, whose codes a page shows. Raises RuleBroken for others."""
    person = own(actor)
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
        .where(Person.is_demo, SecondFactor.kind == "app", SecondFactor.ended_at.is_(None))).all()
    vault.preload([row.id for row in rows])
    now = clock.real_now()
    step, found = step_at(now), {}
    for row in rows:
        secret = vault.unseal(row.id, row.secret_sealed)
        if secret:
            found[row.email] = DemoCode(code_at(secret, step), row.last_step is not None and row.last_step >= step)
    return found, STEP - int(now.timestamp()) % STEP
