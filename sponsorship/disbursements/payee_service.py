"""Bank data and identity of those who are paid: entered by one person, verified by another, and every change starts
anew."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import timedelta

from flask_babel import gettext as _
from sqlalchemy import select

from accounts.models import Person
from accounts.permissions import allows, require
from core import clock, vault
from core.actor import Actor
from core.db import command, db, get, lock
from core.errors import NotFound, RuleBroken, Stale
from core.files import CheckedUpload, keep
from sponsorship.applications.models import Nominee
from sponsorship.applications.travel_tests import passport_of
from sponsorship.awards.models import Award
from sponsorship.disbursements import mails
from sponsorship.disbursements.cash_models import CASH, TRANSFER
from sponsorship.disbursements.models import Disbursement, Payee
from sponsorship.disbursements.names import DIFFERS, worst_name
from sponsorship.disbursements.payee_needs import PAPERS, Paper, has_given, paper_of
from sponsorship.disbursements.plan_service import back_to_draft, redate
from sponsorship.disbursements.sanctions_service import screen_locked
from sponsorship.disbursements.settings import days
from sponsorship.disbursements.transitions import PAYEE, UNDERWAY

NAME_REASONS = ("transliteration", "shorter_form", "changed_name", "joint_account", "new_paper", "other")
# breaks of a line, which would cut the bank's file, and marks that turn the order of letters round, whatever an officer
# then compares; joiners stay, names are spelled with them
_UNSEEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff\ud800-\udfff]")
RETURN_REASONS = ("proof_unreadable", "proof_differs", "name_differs", "incomplete")


@dataclass(frozen=True)
class BankData:
    """What is needed for a transfer. `account` is an IBAN or an account number, `bic` may be empty where a bank has
    none."""

    holder: str
    bank_name: str
    bank_country: str
    account: str
    bic: str


def iban_is_valid(text: str) -> bool:
    """The check of ISO 13616: letters as numbers, remainder 1 by 97."""
    if not re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", text):
        return False
    turned = text[4:] + text[:4]
    return int("".join(str(int(ch, 36)) for ch in turned)) % 97 == 1


def looks_like_iban(text: str) -> bool:
    return re.match(r"[A-Z]{2}\d{2}[A-Z0-9]{8}", text) is not None


def _plain(data: BankData) -> BankData:
    """The data without spaces in numbers; raises RuleBroken for what no bank could use."""
    account = re.sub(r"[\s.-]", "", data.account).upper()
    bic = re.sub(r"\s", "", data.bic).upper()
    if not re.fullmatch(r"[A-Z0-9/]{4,34}", account):
        raise RuleBroken(_("Write the account number or IBAN with letters and figures only."), code="payee.account",
                         field="account")
    if looks_like_iban(account) and not iban_is_valid(account):
        raise RuleBroken(_("This IBAN has a typing mistake. Compare it with the bank’s paper."), code="payee.iban",
                         field="account")
    if bic and not re.fullmatch(r"[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?", bic):
        raise RuleBroken(_("A BIC has 8 or 11 letters and figures, for example DEUTDEFF."), code="payee.bic",
                         field="bic")
    for field in ("holder", "bank_name"):
        text = getattr(data, field).strip()
        if len(text) < 2 or text[0] in "=+-@" or _UNSEEN.search(text):
            raise RuleBroken(_("Write the name as the bank knows it."), code="payee.name", field=field)
    return BankData(data.holder.strip(), data.bank_name.strip(), data.bank_country.strip().upper(), account, bic)


def may_enter(actor: Actor, award: Award) -> bool:
    """A focal point of the State, or the nominee in person."""
    if not allows(actor, "payee.enter", award.organisation_id):
        return False
    return allows(actor, "award.answer", award.organisation_id) or (
        award.beneficiary_id is not None and actor.person_id == award.beneficiary_id
    )


@command
def enter(
    payee_id: uuid.UUID, data: BankData, actor: Actor, expected_version: int, proof: CheckedUpload | None = None,
) -> None:
    """Give or change the bank data. It must be verified anew, and every payment under way starts a new round.

    `proof` (a bank's letter or voided cheque) may be left out only when one stands already. Raises RuleBroken for
    `account`, `bic`, `holder`, `bank_name` or `proof`; NotFound for another State's; NotAllowed, Stale, IllegalMove.
    """
    payments, award, payee = _lock_all(payee_id, actor, expected_version)
    clean = _plain(data)
    if not (payee.rail == TRANSFER or has_given(payee, CASH)):
        raise RuleBroken(_("Give the identity first: the person is paid in cash on arrival."),
                         code="payee.identity_first")
    if proof is None and payee.proof_file_id is None:
        raise RuleBroken(_("Add the bank’s letter or a voided cheque as proof."), code="payee.proof", field="proof")
    _write(payee, award, payments, actor, "enter", has_given(payee, TRANSFER), {
        f"{name}_sealed": getattr(clean, name) for name in ("holder", "bank_name", "bank_country", "account", "bic")
    }, "proof_file_id", proof)


@command
def identify(
    payee_id: uuid.UUID, paper: Paper, actor: Actor, expected_version: int, copy: CheckedUpload | None = None,
) -> None:
    """Give or change the identity of whoever is paid in cash: the paper that the paymaster will check. As with bank
    data it must be verified anew, and every payment under way starts a new round.

    `copy` shows the paper's page with name and photograph; it may be left out only when one stands already. Raises
    RuleBroken for `name`, `kind`, `ending` or `copy`, and where the payee is paid by transfer; else as `enter`.
    """
    payments, award, payee = _lock_all(payee_id, actor, expected_version)
    if payee.rail != CASH:
        raise RuleBroken(_("This person is paid by transfer, so no identity paper is needed."),
                         code="payee.not_in_cash")
    name, ending = " ".join(paper.name.split()), re.sub(r"[\s.-]", "", paper.ending).upper()
    if len(name) < 2 or name[0] in "=+-@" or _UNSEEN.search(name):
        raise RuleBroken(_("Write the name as it stands in the paper."), code="payee.name", field="name")
    if paper.kind not in PAPERS:
        raise RuleBroken(_("Choose the kind of paper."), code="payee.paper", field="kind")
    if not re.fullmatch(r"[A-Z0-9]{4}", ending):
        raise RuleBroken(_("Write the last four letters or figures of the number, for example 4821."),
                         code="payee.ending", field="ending")
    if copy is None and payee.paper_file_id is None:
        raise RuleBroken(_("Add a copy of the page with name and photograph."), code="payee.copy", field="copy")
    _write(payee, award, payments, actor, "identify", has_given(payee, CASH), {
        "paper_name_sealed": name, "paper_kind_sealed": paper.kind, "paper_ending_sealed": ending,
    }, "paper_file_id", copy)


def _lock_all(payee_id: uuid.UUID, actor: Actor, expected_version: int) -> tuple[list[Disbursement], Award, Payee]:
    """The payments, the award and the payee, locked; raises NotFound for another State's, Stale."""
    award = lock(Award, get(Payee, payee_id).award_id)
    payments = [
        lock(Disbursement, row_id) for row_id in db.session.scalars(
            select(Disbursement.id).where(Disbursement.payee_id == payee_id).order_by(Disbursement.id)
        ).all()
    ]
    payee = lock(Payee, payee_id)
    if not may_enter(actor, award):
        raise NotFound()
    if payee.version != expected_version:
        raise Stale()
    return payments, award, payee


def _write(
    payee: Payee, award: Award, payments: list[Disbursement], actor: Actor, action: str, stood: bool,
    fields: dict[str, str], file_field: str, upload: CheckedUpload | None,
) -> None:
    """Seal what was given; whatever was verified is verified anew. `stood`: the same had been given before."""
    # what was verified until another rail asked for more is changed, not corrected
    was_known = payee.state in ("entered", "verified") or (stood and payee.verified_at is not None)
    former = _former_contacts(payee, award)
    with db.session.no_autoflush:  # data, hands and state belong to one statement
        for name, value in fields.items():
            setattr(payee, name, vault.seal(payee.id, value))
        if upload is not None:
            setattr(payee, file_field, keep(upload, "payee-proof", actor).id)
        payee.data_version += 1
        payee.entered_by, payee.entered_at = actor.person_id, clock.now()
        payee.verified_by = payee.verified_at = payee.name_check = None
        payee.contact_sealed = vault.seal(payee.id, get(Person, actor.person_id).email if actor.person_id else None)
        if was_known or payee.frozen_until is not None:  # a correction that an officer asked for cools nothing
            payee.frozen_until = clock.now() + timedelta(days=days("payee_cooling_days", clock.today()))
        PAYEE.apply(payee, action, actor, organisation_id=payee.organisation_id,
                    data={"data_version": payee.data_version, "proof": str(getattr(payee, file_field))})
    screen_locked(payee)
    for row in payments:
        if row.state in UNDERWAY:
            back_to_draft(row, "restart", "payee_changed")
    if was_known:
        mails.bank_data_changed(award, payee)
    if payee.frozen_until is not None:
        mails.former_contact_alarmed(award, payee, former)


def _former_contacts(payee: Payee, award: Award) -> list[str | None]:
    """Addresses that a change alarms: of whoever gave the data, as it was then and as it is now, and the nominee's."""
    nominee = get(Nominee, award.nominee_id)
    giver = db.session.get(Person, payee.entered_by) if payee.entered_by else None
    return [vault.unseal(payee.id, payee.contact_sealed), giver.email if giver else None,
            vault.unseal(nominee.id, nominee.email_sealed)]


def names_compare(payee: Payee) -> str:
    """How the names on account and paper are the nominee's, the worse of both: see names.compare."""
    nominee = get(Nominee, get(Award, payee.award_id).nominee_id)
    parts = [vault.unseal(nominee.id, s) for s in (nominee.given_names_sealed, nominee.family_name_sealed)]
    return worst_name((vault.unseal(payee.id, payee.holder_sealed), vault.unseal(payee.id, payee.paper_name_sealed)),
                      " ".join(part for part in parts if part)) or DIFFERS


def passport_differs(payee: Payee) -> bool:
    """Whether the payee's passport ends otherwise than the one that the nominee gave with the application."""
    paper = paper_of(payee)
    given = passport_of(get(Award, payee.award_id).nominee_id) if paper and paper.kind == "passport" else None
    number = re.sub(r"[^A-Z0-9]", "", (given.number or "").upper()) if given else ""
    return bool(paper and number and not number.endswith(paper.ending))


@command
def verify(
    payee_id: uuid.UUID, actor: Actor, expected_version: int, name_reason: str | None = None, text: str | None = None,
) -> None:
    """Verify the data against its proof, the identity against the passport: another person than who entered it. Where a
    name is not the nominee's, or the passport not the one given with the application, `name_reason` says why it is the
    same person all the same.

    Raises RuleBroken (`payee.same_person`, `payee.name_differs`, `payee.passport_differs`), NotAllowed, Stale,
    IllegalMove.
    """
    payee = _lock(payee_id, expected_version)
    require(actor, PAYEE.move(payee.state, "verify").permission)
    award = get(Award, payee.award_id)
    if actor.person_id in (payee.entered_by, award.beneficiary_id):
        raise RuleBroken(_("Whoever gave the data does not verify it. A colleague must."),
                         code="payee.same_person")
    found = names_compare(payee)
    if found == DIFFERS and name_reason not in NAME_REASONS:
        raise RuleBroken(_("The account holder or the paper and the person who travels do not have the same name. Say "
                           "why it is the same person, or return the data."), code="payee.name_differs", field="reason")
    other = passport_differs(payee)
    if other and name_reason not in NAME_REASONS:
        raise RuleBroken(_("The nominee gave another passport number with the application. Say why it is the same "
                           "person, or return the data."), code="payee.passport_differs", field="reason")
    with db.session.no_autoflush:
        payee.verified_by, payee.verified_at = actor.person_id, clock.now()
        payee.name_check = "confirmed" if found == DIFFERS else found
        PAYEE.apply(payee, "verify", actor, reason=name_reason if found == DIFFERS or other else None, text=text,
                    data={"data_version": payee.data_version, "names": payee.name_check})
    db.session.flush()
    redate(payee.award_id)


@command
def give_back(payee_id: uuid.UUID, actor: Actor, expected_version: int, reason: str, text: str) -> None:
    """Return the data for correction; `text` says what to correct. Raises NotAllowed, Stale, IllegalMove."""
    payee = _lock(payee_id, expected_version)
    with db.session.no_autoflush:
        payee.verified_at = None  # of what another rail found verified: it is returned now
        PAYEE.apply(payee, "return", actor, reason=reason, text=text)
    mails.bank_data_returned(get(Award, payee.award_id), payee)


def _lock(payee_id: uuid.UUID, expected_version: int) -> Payee:
    lock(Award, get(Payee, payee_id).award_id)
    return lock(Payee, payee_id, expected_version)
