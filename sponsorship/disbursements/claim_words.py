"""Words of claims, recoveries and reports: reasons, events, what happens next."""

from __future__ import annotations

from datetime import datetime

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from sponsorship.disbursements.claim_recovery import REPORT_PARTS, WRITE_OFF_REASONS
from sponsorship.disbursements.claim_service import NO_SHOW_REASONS, RETURN_REASONS
from sponsorship.disbursements.words import NextStep

ATTENDANCE_LABELS = {
    "attended": _l("Attended the meeting"), "part": _l("Attended part of it"), "none": _l("Did not attend"),
}
NO_SHOW_LABELS = {
    "visa_refused": _l("The visa was refused or came too late"), "ill": _l("Ill"),
    "duties": _l("Called to other duties"), "travel_disrupted": _l("The journey was disrupted"),
    "no_word": _l("Nobody said why"), "other": _l("Another reason"),
}
RETURN_LABELS = {
    "boarding_pass_missing": _l("A boarding pass is missing"), "days_unclear": _l("The days are not clear"),
    "paper_unreadable": _l("A paper cannot be read"), "other": _l("Another reason"),
}
WRITE_OFF_LABELS = {
    "cannot_be_reached": _l("The payee cannot be reached"), "costs_more": _l("Recovering costs more than it brings"),
    "hardship": _l("Hardship"), "fund_mistake": _l("The fund’s own mistake"), "other": _l("Another reason"),
}
REPORT_LABELS = {
    "meetings": _l("Meetings attended, and on which items you spoke for your State"),
    "statement": _l("Statements made"), "contacts": _l("Contacts made that will be followed up"),
    "follow_up": _l("What your State will do next"), "lessons": _l("What would have helped you to do more"),
}
LABELS = {"disbursements.recovery.ask": _l("Asked back")}
assert set(NO_SHOW_LABELS) == set(NO_SHOW_REASONS) and set(RETURN_LABELS) == set(RETURN_REASONS)
assert set(WRITE_OFF_LABELS) == set(WRITE_OFF_REASONS) and set(REPORT_LABELS) == set(REPORT_PARTS)


def claim_step(state: str, due: datetime, ended: bool, back_due: datetime | None = None,
               late: str | None = None) -> NextStep:
    """For the column beside a claim; `back_due` is by when open money is to be paid back, `late` where a late claim
    stands."""
    if late in ("asked", "decided"):
        return NextStep(
            _("A late claim is asked for. If it is allowed, this claim is open again and what was asked back is no "
              "longer owed."),
            _("The head of the fund") if late == "asked" else _("A certifying or approving officer"))
    if back_due is not None:
        return NextStep(_("What was paid too much is paid back to the fund."), _("The payee, through the State"),
                        back_due)
    if state == "wanted" and ended:
        return NextStep(_("The award ended after money was paid. An officer records that nobody travelled; the money "
                          "is asked back."), _("A requesting officer"), due)
    texts = {
        "wanted": NextStep(_("The claim is sent with the boarding passes. If everything was as planned, that is all."),
                           _("The State’s focal point or the delegate"), due),
        "submitted": NextStep(_("The claim is settled: the final share is paid, or money is asked back."),
                              _("A requesting officer")),
        "settled": NextStep(_("Nothing more on this page. A final share that is due goes its chain of four.")),
    }
    return texts.get(state, NextStep(_("Nothing more: this claim is closed.")))


def recovery_step(state: str, due: datetime) -> NextStep:
    """For the column beside a recovery."""
    if state == "asked":
        return NextStep(_("The money is transferred to the fund’s bank account with the reference above; an officer "
                          "records it against the bank’s reference."), _("The payee, through the State"), due)
    return NextStep(_("Nothing more: this is closed."))
