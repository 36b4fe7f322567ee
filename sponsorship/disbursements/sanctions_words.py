"""Words of the check of payees."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

LIKENESS = {
    "name_and_birth": _l("Name and date of birth"),
    "name_only": _l("Name; a date of birth is not known"),
    "name_not_birth": _l("The very same name; another date of birth"),
}
REASONS = {
    "another_birth": _l("Another date of birth"),
    "another_person": _l("Known to be another person"),
    "another_spelling": _l("Only the spelling is alike"),
    "papers_prove": _l("The papers prove another identity"),
    "other": _l("Another reason"),
}
LABELS = {
    "disbursements.sanctions_match.find": _l("Found alike"),
    "disbursements.sanctions_list.import": _l("Imported"),
}
