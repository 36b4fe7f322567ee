"""The papers a call may ask for with each nominee: their codes, in the order in which they are listed, and words."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

PAPER_KINDS: dict[str, Any] = {
    "passport": _l("Passport, the page with the photograph"),
    "visa": _l("Visa, or proof that it has been asked for"),
    "nomination_letter": _l("Letter of nomination by the ministry"),
    "insurance": _l("Health insurance policy"),
    "fare_quote": _l("Quotation of the fare"),
}
