"""Rate limits of public forms, per process (sign-in attempts are counted in the database: accounts)."""

from __future__ import annotations

from flask import request
from flask_limiter import Limiter


def _address() -> str:
    return request.remote_addr or "unknown"


limiter = Limiter(key_func=_address, storage_uri="memory://", strategy="fixed-window", headers_enabled=False)
