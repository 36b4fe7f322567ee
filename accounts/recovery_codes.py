"""Recovery codes: a person's, for whichever device is lost. Each is good once; they are shown once and kept as digests.

Nothing here commits: commands of the second factor call these.
"""

from __future__ import annotations

import re
import secrets
import uuid

from flask_babel import gettext as _
from sqlalchemy import func, select, update

from accounts.factor_models import RecoveryCode
from accounts.models import Person
from accounts.security import digest
from accounts.service import in_language
from accounts.settings import setting
from core import clock
from core.db import db, get, new_id
from core.outbox import send_mail

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that looks like something else
SHAPE = re.compile(rf"[{_ALPHABET}]{{12}}\Z")


def codes_left(person_id: uuid.UUID) -> int:
    return db.session.scalar(select(func.count()).select_from(RecoveryCode).where(*_good(person_id))) or 0


def _good(person_id: uuid.UUID):  # type: ignore[no-untyped-def]
    return RecoveryCode.person_id == person_id, RecoveryCode.used_at.is_(None), RecoveryCode.void_at.is_(None)


def void_codes(person_id: uuid.UUID) -> None:
    db.session.execute(update(RecoveryCode).where(*_good(person_id)).values(void_at=clock.real_now())
                       .execution_options(synchronize_session=False))


def new_codes(person_id: uuid.UUID) -> list[str]:
    """New codes as they are shown; the former ones are void."""
    void_codes(person_id)
    codes = ["".join(secrets.choice(_ALPHABET) for _n in range(12)) for _m in range(int(setting("recovery_codes")))]
    db.session.add_all([RecoveryCode(id=new_id(), person_id=person_id, digest=digest("recovery-code", code))
                        for code in codes])
    return ["-".join(code[n:n + 4] for n in (0, 4, 8)) for code in codes]


def codes_if_none(person_id: uuid.UUID) -> list[str]:
    """New codes where none is left, else nothing: those that the person keeps stay good."""
    return [] if codes_left(person_id) else new_codes(person_id)


def use_code(person_id: uuid.UUID, typed: str) -> bool:
    """Take a code; False when it is none of this person's, or was used. The person is told by mail."""
    row = db.session.scalar(
        select(RecoveryCode).where(RecoveryCode.digest == digest("recovery-code", typed), *_good(person_id))
        .with_for_update())
    if row is None:
        return False
    row.used_at = clock.real_now()
    person = get(Person, person_id)
    with in_language(person.locale):
        send_mail(person.email, kind="recovery-code", subject=_("A recovery code was used"),
                  body=_("A recovery code of your account at Placard was used in place of your second factor. If it "
                         "was not you, change your password and tell the secretariat at once."))
    return True
