"""Passkeys of a person: made, shown in place of the app's code, removed.

A challenge is taken in a command of its own before the answer is looked at, so that none is good for a second try. The
view counts each try before that (accounts.sign_in). All times are real time.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import delete, select

from accounts import relying_party
from accounts.factor_models import Passkey, PasskeyChallenge, SecondFactor
from accounts.models import Person, SignInAttempt
from accounts.recovery_codes import codes_if_none
from accounts.relying_party import Answer, KnownKey, NewKey, Shown
from accounts.second_factor import add_proof, end, may_go, own, proven
from accounts.service import in_language
from accounts.settings import setting
from core import clock, events
from core.actor import Actor
from core.db import command, db, end_reading, get, lock, new_id, reading
from core.errors import NotFound, RuleBroken
from core.outbox import send_mail


# --- what stands ------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class PasskeyRow:
    """One passkey on its person's page."""

    id: uuid.UUID
    name: str
    added_at: datetime
    last_used_at: datetime | None
    backed_up: bool


def _standing(person_id: uuid.UUID) -> Any:
    return (select(Passkey, SecondFactor).join(SecondFactor, SecondFactor.id == Passkey.factor_id)
            .where(SecondFactor.person_id == person_id, SecondFactor.ended_at.is_(None))
            .order_by(SecondFactor.created_at, SecondFactor.id))


def passkey_rows(actor: Actor) -> list[PasskeyRow]:
    """The own passkeys, the oldest first. One query."""
    assert actor.person_id is not None
    return [PasskeyRow(factor.id, key.name, factor.created_at, key.last_used_at, key.backed_up)
            for key, factor in db.session.execute(_standing(actor.person_id))]


def _known(person_id: uuid.UUID) -> list[KnownKey]:
    return [KnownKey(key.credential_id, key.transports) for key, _f in db.session.execute(_standing(person_id))]


def _handle(person_id: uuid.UUID) -> bytes:
    """Who the person is to an authenticator: no name, no address, and the same for ever."""
    return person_id.bytes


# --- challenges -------------------------------------------------------------------------------------------------
@command
def ask(actor: Actor, purpose: str) -> dict[str, Any]:
    """Options for the browser, with a new challenge. Raises RuleBroken (no passkeys here, none to show, enough)."""
    if actor.person_id is None:
        raise NotFound()
    person, keys = get(Person, actor.person_id), _known(actor.person_id)
    if purpose == "add":
        _refuse_more(len(keys))
    elif not keys:
        raise RuleBroken(_("You have no passkey."), code="passkey.none")
    challenge = relying_party.new_challenge()
    options = (relying_party.options_to_add(challenge, _handle(person.id), person.email, person.name, keys)
               if purpose == "add" else relying_party.options_to_prove(challenge, keys))
    db.session.add(PasskeyChallenge(id=new_id(), person_id=person.id, purpose=purpose, challenge=challenge,
                                    made_at=clock.real_now()))
    return options


def _refuse_more(have: int) -> None:
    if have >= int(setting("passkeys_most")):
        raise RuleBroken(_("You have %(n)s passkeys. Remove one before you add another.", n=have),
                         code="passkey.enough")


@command
def take_challenge(actor: Actor, purpose: str, challenge: str) -> str:
    """The challenge, which is good no more. Raises RuleBroken: not made for this person and purpose, used, too old."""
    row = db.session.scalar(select(PasskeyChallenge).where(
        PasskeyChallenge.challenge == challenge, PasskeyChallenge.person_id == actor.person_id,
        PasskeyChallenge.purpose == purpose).with_for_update().execution_options(populate_existing=True))
    oldest = clock.real_now() - timedelta(minutes=int(setting("passkey_challenge_minutes")))
    if row is None or row.used_at is not None or row.made_at <= oldest:
        raise RuleBroken(_("This took too long, or was sent twice. Try again."), code="passkey.challenge")
    row.used_at = clock.real_now()
    return row.challenge


@command
def forget_challenges(before: datetime) -> int:
    """Remove challenges from before `before`; the number removed."""
    done = db.session.execute(delete(PasskeyChallenge).where(PasskeyChallenge.made_at < before))
    return int(done.rowcount)  # type: ignore[attr-defined]


# --- made -------------------------------------------------------------------------------------------------------
def add(actor: Actor, name: str, text: str, attempt_id: uuid.UUID) -> tuple[list[str], uuid.UUID]:
    """Keep the passkey that the browser made. Returns recovery codes to be shown this once (none where the person has
    good ones), and the proof. Raises RuleBroken."""
    answer = relying_party.read_answer(text)
    made = relying_party.verify_new(answer, take_challenge(actor, "add", answer.challenge))
    return _keep(actor, name, made, attempt_id)


@command
def _keep(actor: Actor, name: str, made: NewKey, attempt_id: uuid.UUID) -> tuple[list[str], uuid.UUID]:
    person = own(actor)
    _refuse_more(len(_known(person.id)))
    if db.session.scalar(select(Passkey.factor_id).where(Passkey.credential_id == made.credential_id)):
        raise RuleBroken(_("This passkey is known here already. Make another one."), code="passkey.known")
    now = clock.real_now()
    factor = SecondFactor(id=new_id(), person_id=person.id, kind="passkey", created_at=now, confirmed_at=now)
    db.session.add(factor)
    db.session.flush()  # the passkey, its event and its proof point at it
    db.session.add(Passkey(
        factor_id=factor.id, name=name, credential_id=made.credential_id, public_key=made.public_key,
        sign_count=made.sign_count, aaguid=made.aaguid, transports=made.transports,
        backup_eligible=made.backup_eligible, backed_up=made.backed_up))
    attempt = db.session.get(SignInAttempt, attempt_id)
    if attempt is not None:
        attempt.succeeded = True
    events.record(actor, "accounts.second_factor.add_passkey", "person", person.id, data={"factor": str(factor.id)})
    with in_language(person.locale):
        send_mail(person.email, kind="passkey-added", subject=_("A passkey was added"),
                  body=_("The passkey “%(name)s” was added to your account at Placard as a second factor. Approving "
                         "and releasing can be confirmed with it from now on.\n\nIf it was not you, remove it on the "
                         "page of your second factor, change your password and tell the secretariat.", name=name))
    return codes_if_none(person.id), add_proof(person.id, factor.id, "passkey")


# --- shown ------------------------------------------------------------------------------------------------------
def prove(actor: Actor, text: str, attempt_id: uuid.UUID) -> uuid.UUID:
    """Show a passkey; the proof. Raises RuleBroken: challenge, another's or a removed passkey, signature, count."""
    assert actor.person_id is not None
    answer = relying_party.read_answer(text)
    challenge = take_challenge(actor, "prove", answer.challenge)
    factor_id, public_key = _own_key(actor.person_id, answer)
    shown = relying_party.verify_shown(answer, challenge, public_key, _handle(actor.person_id))
    proof = _take(actor, factor_id, shown, attempt_id)
    if proof is None:
        raise RuleBroken(_("This passkey was refused: its count of uses went backwards, so there may be a copy of it. "
                           "Use another way, remove this passkey and tell the secretariat."), code="passkey.count")
    return proof


def _own_key(person_id: uuid.UUID, answer: Answer) -> tuple[uuid.UUID, str]:
    with reading():
        found = db.session.execute(_standing(person_id).where(Passkey.credential_id == answer.credential_id)).first()
        end_reading()
    if found is None:
        raise RuleBroken(_("This passkey is not one of yours here, or was removed."), code="passkey.unknown")
    return found[0].factor_id, found[0].public_key


@command
def _take(actor: Actor, factor_id: uuid.UUID, shown: Shown, attempt_id: uuid.UUID) -> uuid.UUID | None:
    """The proof; None when the count went backwards, which is put on record and told to the person."""
    person = own(actor)
    factor = lock(SecondFactor, factor_id)
    if factor.ended_at is not None:
        raise RuleBroken(_("This passkey is not one of yours here, or was removed."), code="passkey.unknown")
    key = db.session.get_one(Passkey, factor_id, populate_existing=True)
    if (shown.sign_count or key.sign_count) and shown.sign_count <= key.sign_count:
        events.record(actor, "accounts.second_factor.count_passkey", "person", person.id,
                      data={"factor": str(factor_id), "kept": key.sign_count, "shown": shown.sign_count})
        with in_language(person.locale):
            send_mail(person.email, kind="passkey-refused", subject=_("A passkey was refused"),
                      body=_("Your passkey “%(name)s” was refused at Placard: its count of uses went backwards, which "
                             "happens when there is a copy of it.\n\nRemove it on the page of your second factor, and "
                             "tell the secretariat.", name=key.name))
        return None
    key.sign_count, key.backed_up, key.last_used_at = shown.sign_count, shown.backed_up, clock.real_now()
    return proven(actor, factor_id, "passkey", attempt_id)


# --- removed ----------------------------------------------------------------------------------------------------
@command
def remove(actor: Actor, factor_id: uuid.UUID) -> None:
    """Give up a passkey of one's own. The view has asked for a factor first. Raises RuleBroken (the last factor of a
    role that needs one), NotFound."""
    person = own(actor)
    found = db.session.execute(_standing(person.id).where(SecondFactor.id == factor_id)).first()
    if found is None:
        raise NotFound()
    key, factor = found
    may_go(actor, factor)
    end(factor, "removed")
    events.record(actor, "accounts.second_factor.remove_passkey", "person", person.id, data={"factor": str(factor.id)})
    with in_language(person.locale):
        send_mail(person.email, kind="passkey-removed", subject=_("A passkey was removed"),
                  body=_("The passkey “%(name)s” no longer counts for your account at Placard. You may delete it on "
                         "your device as well.\n\nIf it was not you, change your password and tell the secretariat.",
                         name=key.name))
