"""The papers a call may ask for, and what each is: one table for the call's form, the mission's pages and screening."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l


@dataclass(frozen=True)
class PaperKind:
    """One kind of paper. `of_state`: one paper of the State, else one for each nominee. `retention` is the class that
    says how long it is kept (days by the dated settings `paper_days_*`)."""

    label: Any
    hint: Any
    of_state: bool
    retention: str


RETENTION = ("identity", "journey", "nomination")
KINDS: dict[str, PaperKind] = {
    "nomination_letter": PaperKind(
        _l("Note verbale of nomination"),
        _l("Initialled and stamped by the mission; a photograph from a telephone is enough if every word can be read."),
        True, "nomination"),
    "passport": PaperKind(
        _l("Passport, page with the photograph"),
        _l("The whole page with the two lines of letters and figures at its foot."), False, "identity"),
    "visa": PaperKind(_l("Visa"), _l("The visa itself, or the consulate’s letter with the day of the appointment."),
                      False, "identity"),
    "insurance": PaperKind(_l("Health insurance for the journey"),
                           _l("The policy or a certificate with the days it covers."), False, "journey"),
    "fare_quote": PaperKind(_l("Fare quote"),
                            _l("Of an airline or an agency: route, price, and the day until which it holds."), False,
                            "journey"),
}
# code -> words, for choices and lists
PAPER_KINDS: dict[str, Any] = {code: kind.label for code, kind in KINDS.items()}
