"""Words of money that is gone."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

KINDS = {
    "paid_twice": _l("An earlier release was paid after all"), "lost": _l("Cash lost"), "stolen": _l("Cash stolen"),
    "short": _l("Cash short at the count"),
}
REFUSALS = {
    "papers_differ": _l("The papers show something else"), "papers_missing": _l("Papers are missing"),
    "other": _l("Another reason"),
}
