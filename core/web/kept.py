"""What a person typed into a form that could not be taken: shown back, so that nothing typed is ever lost."""

from __future__ import annotations

import re

from flask import request

from core.text import without_controls

_SECRET = re.compile(r"password|token|secret|account|iban|bic|second_factor|passkey", re.IGNORECASE)
LONGEST = 20_000


def typed_words() -> list[tuple[str, str]]:
    """(field, words) of the form that was just sent; never passwords, tokens, bank data or the form's own marks."""
    if request.method != "POST":
        return []
    try:
        fields = request.form
    except Exception:  # a body that cannot be read holds no words to give back
        return []
    found = []
    for name, value in fields.items(multi=True):
        if name in ("version", "action", "next") or _SECRET.search(name) or not value.strip():
            continue
        if len(value) > 2 or not value.isascii():  # ticks and choices are made again in a moment
            words = without_controls(name.replace("_", " ").replace("-", " "))
            found.append((words, without_controls(value[:LONGEST])))
    return found
