"""The file a bank is sent: CSV in UTF-8, one line per payment, a control total, and an Ed25519 signature.

The last line signs every byte before it. Anybody who holds the public key (shown on the instruction's page) can prove
the file: see `verify`. A file is made once, in the transaction that releases its payments, and never again.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import current_app

from core.money import usd

CASH_HEADER = ("record", "list", "line", "reference", "payee", "paper", "ends_in", "amount", "currency", "day",
               "purpose")
HEADER = ("record", "instruction", "line", "reference", "holder", "bank", "bank_country", "account", "bic", "amount",
          "currency", "execution_date", "purpose")


@dataclass(frozen=True)
class Line:
    """One payment, in US cents. `purpose` is what the payee's statement shows: references only."""

    reference: str
    holder: str
    bank: str
    bank_country: str
    account: str
    bic: str
    amount_minor: int
    purpose: str


@dataclass(frozen=True)
class CashLine:
    """One payment by hand, in US cents; `payee` is the name as in the `paper` (its kind) that the paymaster checks,
    whose number ends in `ends_in`."""

    reference: str
    payee: str
    paper: str
    ends_in: str
    amount_minor: int
    purpose: str


@dataclass(frozen=True)
class Instruction:
    """The bytes and what proves them (hexadecimal)."""

    content: bytes
    sha256: str
    signature: str
    public_key: str


def _key() -> Ed25519PrivateKey:
    # derived, so that no further secret has to be kept; each instruction keeps the public key it was signed under,
    # so files stay provable after the secret changes
    secret: str = current_app.extensions["placard_settings"].secret_key
    raw = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"placard payment instruction").derive(secret.encode())
    return Ed25519PrivateKey.from_private_bytes(raw)


def public_key() -> str:
    """The public key files are signed under now, hexadecimal."""
    return _key().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def make_list(number: str, day: date, lines: Sequence[CashLine]) -> Instruction:
    """The signed list for a paymaster: whom to pay how much in cash. No bank data stands in it."""
    rows: list[tuple[object, ...]] = [
        ("payment", number, n, line.reference, line.payee, line.paper, line.ends_in, usd(line.amount_minor).decimal,
         "USD", day.isoformat(), line.purpose) for n, line in enumerate(lines, 1)]
    total = usd(sum(line.amount_minor for line in lines))
    return _signed(number, [CASH_HEADER, *rows,
                            ("total", number, len(lines), "", "", "", "", total.decimal, "USD", day.isoformat(),
                             "")])


def make(number: str, execution: date, lines: Sequence[Line]) -> Instruction:
    """The signed file."""
    rows: list[tuple[object, ...]] = [
        ("payment", number, n, line.reference, line.holder, line.bank, line.bank_country, line.account, line.bic,
         usd(line.amount_minor).decimal, "USD", execution.isoformat(), line.purpose)
        for n, line in enumerate(lines, 1)]
    total = usd(sum(line.amount_minor for line in lines))
    return _signed(number, [HEADER, *rows, ("total", number, len(lines), "", "", "", "", "", "", total.decimal, "USD",
                                            execution.isoformat(), "")])


def _signed(number: str, rows: Sequence[Sequence[object]]) -> Instruction:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows(rows)
    signed = buffer.getvalue().encode()
    key = _key()
    signature = key.sign(signed)
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    trailer = f"signature,{number},ed25519,{public.hex()},{base64.b64encode(signature).decode()}\r\n".encode()
    content = signed + trailer
    return Instruction(content, hashlib.sha256(content).hexdigest(), signature.hex(), public.hex())


def verify(content: bytes, public_key_hex: str) -> bool:
    """Whether the file is whole and signed under this public key."""
    signed, mark, trailer = content.rpartition(b"signature,")
    parts = trailer.decode("ascii", "replace").strip().split(",")
    if not mark or len(parts) != 4 or parts[2] != public_key_hex:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key_hex)).verify(base64.b64decode(parts[3]), signed)
    except (InvalidSignature, ValueError):
        return False
    return True
