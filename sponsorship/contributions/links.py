"""The private link of a donor without an account: a keyed digest, never stored, made anew for each mail.

It changes when the pledge's nonce or SECRET_KEY changes; the database alone is of no use to whoever reads it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid

from flask import current_app

from core.web.links import absolute
from sponsorship.contributions.models import Pledge


def token_for(pledge_id: uuid.UUID, nonce: str) -> str:
    """43 letters that open this pledge."""
    secret: str = current_app.extensions["placard_settings"].secret_key
    digest = hmac.new(secret.encode(), f"pledge-link:{pledge_id}:{nonce}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def opens(pledge: Pledge, token: str | None) -> bool:
    """Whether `token` is this pledge's own. Always False for a pledge of an organisation."""
    if token is None or pledge.access_nonce is None or not token.isascii():
        return False
    return hmac.compare_digest(token, token_for(pledge.id, pledge.access_nonce))


def pledge_url(pledge: Pledge, **values: str) -> str:
    """The absolute address of the donor's page of a pledge."""
    if pledge.access_nonce is not None:
        token = token_for(pledge.id, pledge.access_nonce)
        return absolute("contributions.pledge_by_link", pledge_id=pledge.id, token=token, **values)
    return absolute("contributions.own_pledge", pledge_id=pledge.id, **values)


def paper_url(pledge: Pledge, paper_id: uuid.UUID) -> str:
    """The absolute address of a receipt or credit note, as the donor reads it."""
    if pledge.access_nonce is not None:
        token = token_for(pledge.id, pledge.access_nonce)
        return absolute("contributions.paper_by_link", pledge_id=pledge.id, token=token, paper_id=paper_id)
    return absolute("contributions.own_paper", paper_id=paper_id)
