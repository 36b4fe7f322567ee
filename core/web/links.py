"""Absolute addresses for mails and calendar entries: from PUBLIC_URL, never from the Host header."""

from __future__ import annotations

from typing import Any

from flask import current_app, has_request_context, url_for


def absolute(endpoint: str, **values: Any) -> str:
    """https://… address of a view."""
    base: str = current_app.extensions["placard_settings"].public_url
    if has_request_context():
        return base + url_for(endpoint, **values)
    with current_app.test_request_context(base_url=base):
        return base + url_for(endpoint, **values)
