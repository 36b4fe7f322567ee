"""Signed tokens of ours; they age in real time.

The welcome link sets a new person's first password. It carries the person's `fs_uniquifier`, which changes with the
password, so a link works once. Recovery of a lost password is Flask-Security's own. A kept letter is an upload that
was checked but belongs to a form not yet sent.
"""

from __future__ import annotations

import uuid
from typing import Any

from flask import current_app
from itsdangerous import BadSignature, URLSafeTimedSerializer

from core.files import CheckedUpload

WELCOME_DAYS = 7
KEPT_HOURS = 4


def _serializer(purpose: str = "welcome") -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.extensions["placard_settings"].secret_key, salt=f"placard-{purpose}")


def welcome_token(fs_uniquifier: str) -> str:
    """A token for the mail that opens an account."""
    return str(_serializer().dumps(fs_uniquifier))


def read_welcome_token(token: str) -> str | None:
    """The `fs_uniquifier` inside, or None for a token that is forged or older than WELCOME_DAYS."""
    try:
        value = _serializer().loads(token, max_age=WELCOME_DAYS * 86400)
    except BadSignature:
        return None
    return value if isinstance(value, str) else None


def keep_upload(upload: CheckedUpload) -> str:
    """A token for a checked upload, to travel with the form until it is sent."""
    return str(_serializer("upload").dumps(
        [str(upload.key), upload.name, upload.media_type, upload.size, upload.sha256]
    ))


def kept_upload(token: str) -> CheckedUpload | None:
    """The checked upload behind a token, or None for one that is forged or older than KEPT_HOURS."""
    if not token:
        return None
    try:
        value: Any = _serializer("upload").loads(token, max_age=KEPT_HOURS * 3600)
    except BadSignature:
        return None
    return CheckedUpload(uuid.UUID(value[0]), *value[1:])
