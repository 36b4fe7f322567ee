"""What browsers and authenticators exchange with us about passkeys (WebAuthn), and whether it holds. Nothing is stored
here, and only this module knows the library.

A passkey belongs to a name (PUBLIC_URL's), so addresses that are numbers have none; the loopback counts as localhost,
which is what browsers allow without https. The user is always verified: a passkey is device and finger (or PIN) in one.
Attestation is not asked for and not taken: no make of authenticator is preferred, and none is recorded beyond its kind.
"""

from __future__ import annotations

import ipaddress
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import current_app
from flask_babel import gettext as _
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, options_to_json, parse_client_data_json
from webauthn.helpers.parse_attestation_object import parse_attestation_object
from webauthn.helpers.structs import (
    AttestationFormat,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from core.errors import RuleBroken

CHALLENGE_BYTES = 32
TIMEOUT = 120_000  # milliseconds that the browser waits for the person
LONGEST = 20_000  # letters of an answer; a kilobyte or two is usual
_ALWAYS = UserVerificationRequirement.REQUIRED
_TRANSPORTS = {t.value: t for t in AuthenticatorTransport}


@dataclass(frozen=True)
class RelyingParty:
    """Whom passkeys are made for: the name, and the one origin that pages may have."""

    id: str
    origin: str


def relying_party() -> RelyingParty | None:
    """From PUBLIC_URL; None where browsers would refuse (no https, an address without a name)."""
    parts = urlsplit(current_app.extensions["placard_settings"].public_url)
    host = parts.hostname or ""
    try:
        if not ipaddress.ip_address(host).is_loopback:
            return None
        host = "localhost"
    except ValueError:
        pass  # a name
    if parts.scheme != "https" and host != "localhost":
        return None
    usual = {"https": 443, "http": 80}.get(parts.scheme)
    port = f":{parts.port}" if parts.port not in (None, usual) else ""
    return RelyingParty(host, f"{parts.scheme}://{host}{port}")


def _party() -> RelyingParty:
    party = relying_party()
    if party is None:
        raise RuleBroken(_("Passkeys are not possible at this address. Use the code of an app."),
                         code="passkey.no_address")
    return party


def new_challenge() -> str:
    return bytes_to_base64url(secrets.token_bytes(CHALLENGE_BYTES))


# --- what is asked ----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class KnownKey:
    """A passkey that stands, as far as a browser is told."""

    credential_id: str
    transports: str


def _descriptors(keys: Iterable[KnownKey]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(
        id=base64url_to_bytes(key.credential_id),
        transports=[_TRANSPORTS[t] for t in key.transports.split() if t in _TRANSPORTS] or None) for key in keys]


def options_to_add(challenge: str, handle: bytes, email: str, name: str, keys: Iterable[KnownKey]) -> dict[str, Any]:
    """For navigator.credentials.create(). `handle` names the person to the authenticator and says nothing else."""
    made = generate_registration_options(
        rp_id=_party().id, rp_name="Placard", user_id=handle, user_name=email, user_display_name=name,
        challenge=base64url_to_bytes(challenge), timeout=TIMEOUT, exclude_credentials=_descriptors(keys),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=_ALWAYS))
    return dict(json.loads(options_to_json(made)))


def options_to_prove(challenge: str, keys: Iterable[KnownKey]) -> dict[str, Any]:
    """For navigator.credentials.get(), by one of these passkeys."""
    made = generate_authentication_options(
        rp_id=_party().id, challenge=base64url_to_bytes(challenge), timeout=TIMEOUT,
        allow_credentials=_descriptors(keys), user_verification=_ALWAYS)
    return dict(json.loads(options_to_json(made)))


# --- what is answered -------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Answer:
    """What a browser sent, not verified yet: what it says it is about."""

    fields: dict[str, Any]
    credential_id: str
    challenge: str


def refused() -> RuleBroken:
    """One answer for whatever does not hold: what was wrong helps nobody who is honest."""
    return RuleBroken(_("The passkey could not be verified. Try again, or use another way."), code="passkey.refused")


def read_answer(text: str) -> Answer:
    """Raises RuleBroken where it is none."""
    try:
        if len(text) > LONGEST:
            raise ValueError("too long")
        fields = json.loads(text)
        raw = base64url_to_bytes(fields["response"]["clientDataJSON"])
        challenge = bytes_to_base64url(parse_client_data_json(raw).challenge)
        # one spelling only: it is looked up, and unique in the database
        credential_id = bytes_to_base64url(base64url_to_bytes(fields["id"]))
    except Exception as error:  # anything at all may have been sent
        raise refused() from error
    return Answer(fields, credential_id, challenge)


@dataclass(frozen=True)
class NewKey:
    """A passkey that was made for us just now."""

    credential_id: str
    public_key: str
    sign_count: int
    aaguid: str
    transports: str
    backup_eligible: bool
    backed_up: bool


def verify_new(answer: Answer, challenge: str) -> NewKey:
    """The passkey that was made in answer to this challenge. Raises RuleBroken."""
    party = _party()
    try:
        raw = base64url_to_bytes(answer.fields["response"]["attestationObject"])
        if parse_attestation_object(raw).fmt != AttestationFormat.NONE:
            raise ValueError("attestation was not asked for")
        made = verify_registration_response(
            credential=answer.fields, expected_challenge=base64url_to_bytes(challenge), expected_rp_id=party.id,
            expected_origin=party.origin, require_user_verification=True)
        if bytes_to_base64url(made.credential_id) != answer.credential_id or len(made.credential_id) > 1023:
            raise ValueError("another credential than it says")
        told = answer.fields["response"].get("transports") or []
        transports = " ".join(sorted({t for t in told if isinstance(t, str) and t in _TRANSPORTS}))
    except Exception as error:  # the library lets errors of its parsers through
        raise refused() from error
    return NewKey(answer.credential_id, bytes_to_base64url(made.credential_public_key), made.sign_count, made.aaguid,
                  transports, made.credential_device_type == CredentialDeviceType.MULTI_DEVICE,
                  made.credential_backed_up)


@dataclass(frozen=True)
class Shown:
    """A passkey has signed; whether its count is good is for whoever keeps the count."""

    sign_count: int
    backed_up: bool


def verify_shown(answer: Answer, challenge: str, public_key: str, handle: bytes) -> Shown:
    """The passkey of this public key has signed this challenge, here and for its person. Raises RuleBroken."""
    party = _party()
    try:
        named = answer.fields["response"].get("userHandle")
        if named and base64url_to_bytes(named) != handle:
            raise ValueError("another person's")
        # count 0 as if it were new: the library looks at the count before the signature, and a count means something
        # only once the signature holds
        shown = verify_authentication_response(
            credential=answer.fields, expected_challenge=base64url_to_bytes(challenge), expected_rp_id=party.id,
            expected_origin=party.origin, credential_public_key=base64url_to_bytes(public_key),
            credential_current_sign_count=0, require_user_verification=True)
    except Exception as error:  # the library lets errors of its parsers through
        raise refused() from error
    return Shown(shown.new_sign_count, shown.credential_backed_up)
