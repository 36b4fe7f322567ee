"""Types of documents and languages in words."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

# the official languages in the order of their English names, which is the order of the organisation's lists, each with
# the letter that marks it in file names
LANGUAGES = {"ar": "A", "zh": "C", "en": "E", "fr": "F", "ru": "R", "es": "S"}
OWN_NAMES = {"ar": "العربية", "zh": "中文", "en": "English", "fr": "Français", "ru": "Русский", "es": "Español"}
LANGUAGE_NAMES = {
    "ar": _l("Arabic"), "zh": _l("Chinese"), "en": _l("English"), "fr": _l("French"), "ru": _l("Russian"),
    "es": _l("Spanish"),
}
TYPES = {
    "agenda": _l("Agenda"),
    "programme": _l("Programme of work"),
    "rules": _l("Rules of procedure"),
    "report": _l("Report"),
    "outcome": _l("Outcome document"),
    "working_paper": _l("Working paper"),
    "national_report": _l("National report"),
    "statement": _l("Statement"),
    "participants": _l("List of participants"),
    "information": _l("Information for participants"),
    "other": _l("Other document"),
}
CHANGE_WORDS = {"Rev": _l("Revised text"), "Add": _l("Addendum"), "Corr": _l("Corrigendum")}
