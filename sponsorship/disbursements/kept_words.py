"""Words of files that must never leave."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from sponsorship.disbursements import kept_service

REASONS = {
    "wrong_payee": _l("It would pay somebody who must not be paid"), "wrong_amount": _l("An amount in it is wrong"),
    "went_astray": _l("It went astray"), "damaged": _l("It is damaged"), "other": _l("Another reason"),
}
assert tuple(REASONS) == kept_service.REASONS
