"""Identifiers that look like Stripe's (prefix, underscore, base 62)."""

from __future__ import annotations

import secrets
import string

_ALPHABET = string.ascii_letters + string.digits


def new_id(prefix: str, length: int = 24) -> str:
    """A fresh identifier, for example ``pi_...``."""
    return f"{prefix}_" + "".join(secrets.choice(_ALPHABET) for _ in range(length))
