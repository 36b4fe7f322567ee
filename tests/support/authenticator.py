"""An authenticator made of software: it holds a key (ES256), signs as WebAuthn says, and can be made to lie."""

from __future__ import annotations

import hashlib
import json
import secrets
import struct
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import bytes_to_base64url as text_of

ORIGIN = "https://placard.test"
RP = "placard.test"
PRESENT, VERIFIED, ELIGIBLE, BACKED_UP, WITH_KEY = 0x01, 0x04, 0x08, 0x10, 0x40


class Authenticator:
    """One credential. `count` is what it says next; `None` for one that keeps no count."""

    def __init__(self, *, origin: str = ORIGIN, rp: str = RP, count: int | None = 1, backed_up: bool = False) -> None:
        self.origin, self.rp, self.count = origin, rp, count
        self.flags = PRESENT | VERIFIED | (ELIGIBLE | BACKED_UP if backed_up else 0)
        self.key = generate_private_key(SECP256R1())
        self.id = secrets.token_bytes(32)
        self.handle: bytes | None = None

    def _data(self, flags: int) -> bytes:
        count, self.count = self.count or 0, None if self.count is None else self.count + 1
        return hashlib.sha256(self.rp.encode()).digest() + bytes([flags]) + struct.pack(">I", count)

    def _client(self, kind: str, options: dict[str, Any]) -> bytes:
        return json.dumps({"type": kind, "challenge": options["challenge"], "origin": self.origin,
                           "crossOrigin": False}).encode()

    def _answer(self, response: dict[str, Any]) -> str:
        return json.dumps({"id": text_of(self.id), "rawId": text_of(self.id), "type": "public-key",
                           "response": response})

    def make(self, options: dict[str, Any], *, fmt: str = "none", statement: dict[str, Any] | None = None) -> str:
        """What navigator.credentials.create() would have answered."""
        numbers = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        data = (self._data(self.flags | WITH_KEY) + bytes(16) + struct.pack(">H", len(self.id)) + self.id
                + cbor2.dumps(cose))
        return self._answer({
            "clientDataJSON": text_of(self._client("webauthn.create", options)), "transports": ["usb", "telepathy"],
            "attestationObject": text_of(cbor2.dumps({"fmt": fmt, "attStmt": statement or {}, "authData": data})),
        })

    def show(self, options: dict[str, Any], *, kind: str = "webauthn.get") -> str:
        """What navigator.credentials.get() would have answered."""
        client, data = self._client(kind, options), self._data(self.flags)
        signed = self.key.sign(data + hashlib.sha256(client).digest(), ECDSA(SHA256()))
        return self._answer({
            "clientDataJSON": text_of(client), "authenticatorData": text_of(data), "signature": text_of(signed),
            "userHandle": text_of(self.handle) if self.handle else None,
        })
