"""Words of payments: kinds, steps, reasons, and what happens next in each state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from sponsorship.disbursements.transitions import BACK

KIND_LABELS = {
    "ticket": _l("Ticket"),
    "dsa_advance": _l("DSA, advance"),
    "terminal": _l("Terminal expenses"),
    "final": _l("DSA, final share"),
}
STEPS = {
    "disbursement.requested": _l("Requested, requesting officer"),
    "disbursement.certified": _l("Certified, certifying officer"),
    "disbursement.approved": _l("Approved, approving officer"),
    "disbursement.approved_second": _l("Approved, second approving officer"),
    "disbursement.released": _l("Released, bank signatory"),
}
SIGNED = {  # in a column of signatures, where the name says which officer it was
    "disbursement.requested": _l("Requested"),
    "disbursement.certified": _l("Certified"),
    "disbursement.approved": _l("Approved"),
    "disbursement.approved_second": _l("Approved by a second"),
    "disbursement.released": _l("Released"),
}
assert set(SIGNED) == set(STEPS)
LABELS = {
    "disbursements.disbursement.plan": _l("Planned from the award and the dates of travel"),
    "disbursements.disbursement.approve_first": _l("Approved by the first of two approving officers"),
    "disbursements.instruction.download": _l("Instruction downloaded"),
    "disbursements.instruction.hand_over": _l("The bank has the file"),
    "disbursements.instruction.withdraw": _l("Withdrawn: a payment in it was made already"),
    "disbursements.disbursement.loss": _l("Money of it is said to be gone, or paid before"),
    "disbursements.loss.ask": _l("One person says so"),
    "disbursements.disbursement.count_cash": _l("Cash counted by one person"),
    "disbursements.payee.choose_rail": _l("Rail chosen"),
    "disbursements.finding.ask": _l("One person says what became of it"),
}
SEND_BACK_REASONS = {
    "amount_wrong": _l("The amount is wrong"),
    "payee_wrong": _l("The payee is wrong"),
    "rules_not_met": _l("The fund’s rules are not met"),
    "papers_missing": _l("Papers are missing"),
    "no_longer_needed": _l("It is no longer needed"),
    "other": _l("Another reason"),
}
NAME_REASONS = {
    "transliteration": _l("Written in other letters, or spelled otherwise in Latin letters"),
    "shorter_form": _l("The bank knows a shorter or longer form"),
    "changed_name": _l("The name has changed, by marriage or otherwise"),
    "joint_account": _l("A joint account that names the person among others"),
    "new_paper": _l("The paper was renewed since the application"),
    "other": _l("Another reason"),
}
NAMES_FIT = {
    "same": _l("The account is in the nominee’s name."),
    "order": _l("The same words as the nominee’s name; order or accents differ."),
    "differs": _l("The account holder and the nominee do not have the same name."),
}
NAME_CHECKS = {
    "same": _l("the same name"), "order": _l("the same words, in another order or with other accents"),
    "confirmed": _l("another name, confirmed by the officer with a reason"),
}
RETURN_REASONS = {
    "proof_unreadable": _l("The proof cannot be read"),
    "proof_differs": _l("The proof shows other data"),
    "name_differs": _l("Account or paper is not in the nominee’s name"),
    "incomplete": _l("Something is missing"),
}


def by_when(due: datetime | None, planned_at: datetime | None) -> datetime | str | None:
    """By when to act, in words where the usual date had passed before the payment was planned."""
    if due is not None and planned_at is not None and due < planned_at:
        return _("At once: the usual dates have passed")
    return due


@dataclass(frozen=True)
class NextStep:
    """What happens next, who acts, by when."""

    what: str
    who: str | None = None
    by: datetime | str | None = None


def next_step(state: str, act_by: datetime | str | None, payee_state: str, cash: bool = False) -> NextStep:
    """For the column beside a payment; `cash` where a paymaster pays it."""
    if state == "draft" and payee_state == "wanted":
        return NextStep(_("The identity of the person who travels is given.") if cash else
                        _("The bank data of the person who travels is given."), _("The State’s focal point"), act_by)
    if state == "draft" and payee_state == "entered":
        return NextStep(_("The identity is verified against the passport.") if cash else
                        _("The bank data is verified against its proof."), _("A payee data officer"), act_by)
    if state == "draft" and act_by is None:
        return NextStep(_("The claim after the journey is settled. Then this payment has its amount and is requested."),
                        _("The State’s focal point"))
    texts = {
        "draft": (_("The payment is requested."), _("A requesting officer")),
        "requested": (_("The payment is certified: money, purpose and rules."), _("A certifying officer")),
        "certified": (_("The payment is approved."), _("An approving officer")),
        "half_approved": (_("A second approving officer approves the payment: a rule asks for two."),
                          _("An approving officer")),
        "approved": (_("On its date the payment becomes ready for release."), _("Placard, by schedule")),
        "ready": (_("The payment is released to the bank."), _("A bank signatory")),
        "released": (_("The file is handed to the bank, and that is confirmed."), _("A bank signatory")),
        "ready_cash": (_("The payment is released into a list for the paymaster."), _("A bank signatory")),
        "released_cash": (_("The paymaster receives the list and the cash, and that is confirmed."),
                          _("A bank signatory")),
        "sent_cash": (_("The cash is paid on arrival and counted by two people."), _("A paymaster, then another")),
        "sending": (_("The bank takes the payment."), _("Placard, by itself")),
        "sent": (_("The bank’s answer is recorded."), _("A requesting officer")),
        "unknown": (_("It is not paid again until the bank says what became of it, or two people find out."),
                    _("A requesting officer, then another person")),
        "confirmed": (_("The claim after the journey is settled, and what was paid too much comes back."),
                      _("The State’s focal point")),
        **dict.fromkeys(BACK, (_("The payment is planned again, with new signatures."), _("A requesting officer"))),
        "held": (_("The meeting is postponed. The payment is planned anew once it has dates."),
                 _("The organiser of the meeting")),
    }
    what, who = texts.get(state, (_("Nothing more: this payment is done."), None))
    return NextStep(what, who, act_by)
