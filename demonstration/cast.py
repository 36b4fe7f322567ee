"""Who plays in the demonstration. Nobody here is real; every address ends in demo.example."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l

PASSWORD = "placard-demo-2027"
DOMAIN = "demo.example"


@dataclass(frozen=True)
class Member:
    """One account: `place` is the code of the organisation in which the roles are held."""

    key: str
    name: str
    place: str
    roles: tuple[str, ...]
    role_label: Any
    try_this: Any

    @property
    def email(self) -> str:
        return f"{self.key}@{DOMAIN}"


SECRETARIAT = "DEMO-SECRETARIAT"
CAST: tuple[Member, ...] = (
    Member("organiser", "Demo Organiser", SECRETARIAT, ("organiser",), _l("Organiser"),
           _l("Publish or postpone a meeting; check a State’s letter.")),
    Member("fund-manager", "Demo Fund Manager", SECRETARIAT, ("fund_manager",), _l("Fund manager"),
           _l("Screen the applications that arrived; open a call.")),
    Member("panel", "Demo Panel Member", SECRETARIAT, ("panel_member",), _l("Panel member"),
           _l("Recommend from the ranking.")),
    Member("head", "Demo Head of Fund", SECRETARIAT, ("head_of_fund",), _l("Head of the fund"),
           _l("Decide on awards; accept a contribution.")),
    Member("requesting", "Demo Requesting Officer", SECRETARIAT, ("requesting_officer",), _l("Requesting officer"),
           _l("Request disbursements; record what the bank says; settle a claim.")),
    Member("payee-data", "Demo Payee Data Officer", SECRETARIAT, ("payee_data_officer",), _l("Payee data officer"),
           _l("Check a payee’s bank details.")),
    Member("certifying", "Demo Certifying Officer", SECRETARIAT, ("certifying_officer",), _l("Certifying officer"),
           _l("Certify an obligation, which reserves the money; look at a name that is like one on the Security "
              "Council’s list.")),
    Member("approving", "Demo Approving Officer", SECRETARIAT, ("approving_officer",), _l("Approving officer"),
           _l("Approve an advance as the second of two officers (the first, approving-2@demo.example, has signed).")),
    Member("signatory", "Demo Bank Signatory", SECRETARIAT, ("bank_signatory",), _l("Bank signatory"),
           _l("Release a payment that is due.")),
    Member("paymaster", "Demo Paymaster", SECRETARIAT, ("paymaster",), _l("Paymaster"),
           _l("Hand over cash, and have it counted by a second (paymaster-2@demo.example).")),
    Member("focal-xa", "Demo Focal Point XA", "XA", ("focal_point",), _l("Focal point of State XA"),
           _l("Finish the draft application and send it.")),
    Member("focal-xb", "Demo Focal Point XB", "XB", ("focal_point",), _l("Focal point of State XB"),
           _l("Follow an application that was sent.")),
    Member("focal-xe", "Demo Focal Point XE", "XE", ("focal_point",), _l("Focal point of State XE"),
           _l("Answer an offer.")),
    Member("donor-xz", "Demo Donor XZ", "XZ", ("donor",), _l("Donor, State XZ"),
           _l("Pledge, pay with the simulator, see what the money carried.")),
    Member("auditor", "Demo Auditor", SECRETARIAT, ("auditor",), _l("Auditor"),
           _l("Follow a cent from donor to journey; nothing can be changed.")),
    Member("administrator", "Demo Administrator", SECRETARIAT, ("administrator",), _l("Administrator"),
           _l("Give somebody a role; try to give two that exclude each other.")),
)

# code, name, facts (valid since 2000), plays in the story
STATES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("XA", "Demo State XA", ("ldc", "group:African")),
    ("XB", "Demo State XB", ("sids", "group:GRULAC")),
    ("XC", "Demo State XC", ("ldc", "lldc", "group:Asia-Pacific")),
    ("XD", "Demo State XD", ("group:Eastern European",)),
    ("XE", "Demo State XE", ("lldc", "group:African")),
    ("XF", "Demo State XF", ("sids", "ldc", "group:Asia-Pacific")),
    ("XG", "Demo State XG", ("group:GRULAC",)),
    ("XH", "Demo State XH", ("ldc", "group:African")),
    ("XY", "Demo State XY", ("group:WEOG",)),
    ("XZ", "Demo State XZ", ("group:WEOG",)),
)


def accounts_table(address: str) -> str:
    """The accounts as lines for the terminal."""
    lines = [f"Demonstration accounts, all with the password {PASSWORD} (list: {address}/demonstration):"]
    lines += [f"  {m.email:<28} {m.role_label}" for m in CAST]
    return "\n".join(lines)
