"""Papers between the fund and a donor, as files: the exchange of letters, the agreement, reports."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from accounts.permissions import require
from core import clock, events
from core.actor import Actor
from core.db import command, db, get, lock
from core.errors import NotFound, RuleBroken
from core.files import CheckedUpload, StoredFile, keep
from sponsorship.contributions.back_models import DonorFile
from sponsorship.contributions.models import Agreement

KINDS = {
    "letter": _l("Letter or note verbale"),
    "agreement": _l("Agreement"),
    "report": _l("Report to the donor"),
    "other": _l("Another paper"),
}
PURPOSE = "donor-file"
MOST_LETTERS = 200


@dataclass(frozen=True)
class FileRow:
    """A paper as listed. `size` in bytes."""

    id: uuid.UUID
    kind: str
    title: str
    name: str
    size: int
    added_at: datetime
    agreement_id: uuid.UUID | None

    @property
    def kind_label(self) -> str:
        return str(KINDS[self.kind])


@command
def add_file(agreement_id: uuid.UUID, kind: str, title: str, upload: CheckedUpload, actor: Actor) -> uuid.UUID:
    """Put a checked upload with an agreement, where its donor sees it. Raises NotAllowed, NotFound, RuleBroken."""
    require(actor, "contribution.agreement")
    agreement = get(Agreement, agreement_id)
    if kind not in KINDS:
        raise RuleBroken(_("Choose what kind of paper it is."), code="donor_file.kind", field="kind")
    if not 0 < len(title.strip()) <= MOST_LETTERS:
        raise RuleBroken(_("Write a title of at most %(most)s letters.", most=MOST_LETTERS), code="donor_file.title",
                         field="title")
    row = DonorFile(
        organisation_id=agreement.organisation_id, agreement_id=agreement.id, kind=kind, title=title.strip(),
        file_id=keep(upload, PURPOSE, actor).id, added_by=actor.person_id, added_at=clock.now(),
    )
    db.session.add(row)
    db.session.flush()  # the event names the row
    events.record(actor, "contributions.agreement.add-file", "agreement", agreement.id,
                  data={"file": str(row.id), "kind": kind, "sha256": upload.sha256})
    return row.id


@command
def withdraw_file(donor_file_id: uuid.UUID, actor: Actor) -> uuid.UUID:
    """Take back a paper that was added by mistake: nobody is shown it any more. Its agreement. Raises NotAllowed,
    NotFound (also when it was taken back already)."""
    require(actor, "contribution.agreement")
    row = lock(DonorFile, donor_file_id)
    if row.withdrawn_at is not None or row.agreement_id is None:
        raise NotFound()
    row.withdrawn_at = clock.now()
    events.record(actor, "contributions.agreement.withdraw-file", "agreement", row.agreement_id,
                  data={"file": str(row.id)})
    return row.agreement_id


def files_of(organisations: Iterable[uuid.UUID], agreement_id: uuid.UUID | None = None) -> list[FileRow]:
    """Papers of these donors (of one agreement, when given), newest first."""
    wanted = (
        select(DonorFile, StoredFile.name, StoredFile.size).join(StoredFile, StoredFile.id == DonorFile.file_id)
        .where(DonorFile.organisation_id.in_(list(organisations)), DonorFile.withdrawn_at.is_(None))
        .order_by(DonorFile.added_at.desc(), DonorFile.id.desc())
    )
    if agreement_id is not None:
        wanted = wanted.where(DonorFile.agreement_id == agreement_id)
    return [FileRow(row.id, row.kind, row.title, name, size, row.added_at, row.agreement_id)
            for row, name, size in db.session.execute(wanted)]


def stored_file_of(donor_file_id: uuid.UUID, organisations: Iterable[uuid.UUID] | None = None) -> uuid.UUID:
    """The kept file behind a paper (of one of these donors, when given). Raises NotFound for any other."""
    row = db.session.get(DonorFile, donor_file_id)
    if row is None or row.withdrawn_at is not None:
        raise NotFound()
    if organisations is not None and row.organisation_id not in set(organisations):
        raise NotFound()
    return row.file_id
