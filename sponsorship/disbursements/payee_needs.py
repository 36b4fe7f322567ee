"""What each rail needs of a payee: bank data for a transfer; for cash the identity that the paymaster will check."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from core import vault
from core.db import db
from core.errors import RuleBroken
from core.machines import State
from sponsorship.disbursements.cash_models import CASH
from sponsorship.disbursements.models import Disbursement, Payee
from sponsorship.disbursements.transitions import PAYEE

PAPERS = {"passport": _l("Passport"), "laissez_passer": _l("United Nations laissez-passer"),
          "identity_card": _l("National identity card")}


@dataclass(frozen=True)
class Paper:
    """The identity paper of a payee: the name on it, its kind and the last characters of its number."""

    name: str
    kind: str
    ending: str

    @property
    def kind_label(self) -> str:
        return str(PAPERS.get(self.kind, self.kind))

    @property
    def label(self) -> str:
        return _("%(paper)s, number ends in %(ending)s", paper=self.kind_label, ending=self.ending)


def paper_of(payee: Payee) -> Paper | None:
    """None where nobody gave it, or once it is erased."""
    name, kind, ending = (vault.unseal(payee.id, sealed) for sealed in (
        payee.paper_name_sealed, payee.paper_kind_sealed, payee.paper_ending_sealed))
    return Paper(name, kind, ending) if name and kind and ending else None


def papers_of(payee_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Paper]:
    """Of many payees, in two queries."""
    ids = list(set(payee_ids))
    vault.preload(ids)
    found = {payee.id: paper_of(payee) for payee in db.session.scalars(select(Payee).where(Payee.id.in_(ids)))}
    return {key: paper for key, paper in found.items() if paper is not None}


def has_given(payee: Payee, rail: str) -> bool:
    """Whether what a rail needs stands, verified or not."""
    return (payee.paper_ending_sealed if rail == CASH else payee.account_sealed) is not None


def check_given(payee: Payee, row: Disbursement) -> None:
    """Raises RuleBroken while what the payment's rail needs is not verified."""
    if payee.state != "verified":
        raise RuleBroken(_("The payee’s identity is not verified yet.") if payee.rail == CASH else
                         _("The payee’s bank data is not verified yet."), code="disbursement.payee")
    if has_given(payee, row.rail):
        return
    if row.rail == CASH:
        raise RuleBroken(_("Nobody has given the identity paper that the paymaster will check. Ask for it on the "
                           "payee’s page."), code="disbursement.no_identity")
    raise RuleBroken(_("This payment is a transfer, and the payee is paid in cash and has given no bank data. Ask for "
                       "it on the payee’s page."), code="disbursement.no_bank_data")


def status_for(state: str, rail: str) -> State:
    """The tag of a payee: of whoever is paid in cash the identity is awaited."""
    known = PAYEE.state(state)
    return replace(known, label=_l("Identity awaited")) if rail == CASH and state == "wanted" else known
