"""Commands on account requests: a State asks by letter, the secretariat checks, the account opens."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext
from sqlalchemy import select

from accounts import service
from accounts.emails import normal_email
from accounts.models import AccountRequest, Organisation, Person
from accounts.queries import name as organisation_name
from accounts.transitions import ACCOUNT_REQUEST
from core import clock, events, vault
from core.actor import PUBLIC, Actor
from core.db import command, db, get, lock, new_id
from core.errors import RuleBroken
from core.files import CheckedUpload, keep
from core.outbox import send_mail
from core.references import next_reference
from core.web.links import absolute

CHECKS = ("known_address", "note_verbale", "telephone")
RETURN_REASONS = ("letter_unreadable", "letter_not_signed", "names_differ", "not_confirmed", "duplicate")


@dataclass(frozen=True)
class FocalPointData:
    """A focal point as the letter names him or her, the office the person works in, and whether that is in a ministry.
    Personal: never leaves the sealed columns and mails."""

    name: str
    email: str
    office: str = ""
    of_ministry: bool = False


@command
def submit_account_request(
    organisation_id: uuid.UUID, primary: FocalPointData, backup: FocalPointData, letter: CheckedUpload,
    letter_date: date, *, locale: str = "en",
) -> uuid.UUID:
    """The public form: a State's letter with its primary and backup focal points. Anybody may send one; nothing
    opens before the secretariat has checked it. A mail to the mission's known address, if there is one, tells it.

    Sending the same page twice gives the same request. Raises RuleBroken, NotFound.
    """
    sent = db.session.scalar(select(AccountRequest).where(AccountRequest.letter_file_id == letter.key))
    if sent is not None and sent.organisation_id == organisation_id:
        return sent.id  # the same page sent twice
    if sent is not None:
        raise RuleBroken(gettext("This letter was sent for another State already. Choose the file again."),
                         code="request.letter_used", field="letter")
    organisation = get(Organisation, organisation_id)
    if organisation.kind not in ("state", "observer"):
        raise RuleBroken(gettext("Choose a State from the list."), code="request.state", field="state")
    if letter_date > clock.today():
        raise RuleBroken(gettext("The letter’s date lies in the future. Write the date printed on it."),
                         code="request.letter_date", field="letter_date")
    addresses = [normal_email(primary.email), normal_email(backup.email)]
    if addresses[0] == addresses[1]:
        raise RuleBroken(gettext("The backup needs an own address: each person signs in alone."),
                         code="request.same_email", field="backup_email")
    request = AccountRequest(
        id=new_id(), reference=next_reference("ACC", clock.today().year), organisation_id=organisation.id,
        state=ACCOUNT_REQUEST.initial, letter_file_id=keep(letter, "account_letter", PUBLIC).id,
        letter_date=letter_date, locale=locale, received_at=clock.now(), version=1,
        primary_of_ministry=primary.of_ministry, backup_of_ministry=backup.of_ministry,
    )
    for field, value in (("primary_name", primary.name), ("primary_email", addresses[0]),
                         ("backup_name", backup.name), ("backup_email", addresses[1]),
                         ("primary_office", primary.office), ("backup_office", backup.office)):
        setattr(request, f"{field}_sealed", vault.seal(request.id, " ".join(value.split()) or None))
    db.session.add(request)
    db.session.flush()  # the event names it
    events.record(PUBLIC, "accounts.request.receive", "account_request", request.id, to_state=request.state,
                  data={"organisation": str(organisation.id), "reference": request.reference})
    if organisation.known_email:
        with service.in_language(locale):
            send_mail(
                organisation.known_email, kind="account_request_received",
                dedupe_key=f"account_request:{request.id}:known",
                subject=gettext("Account request %(reference)s was received", reference=request.reference),
                body=gettext(
                    "We received a letter dated %(date)s that asks to open an account for %(state)s and names two "
                    "focal points. The secretariat checks it with you before anything opens.\n\n"
                    "If your mission did not send it, answer to the secretariat and quote %(reference)s.",
                    date=letter_date.isoformat(), state=organisation_name(organisation.id),
                    reference=request.reference),
            )
    return request.id


@command
def accept_account_request(request_id: uuid.UUID, actor: Actor, expected_version: int, checked_by: str) -> None:
    """Open the account: both focal points become persons with the role and each gets a link to set a password.

    `checked_by` says how the letter was confirmed with the mission (CHECKS). Raises RuleBroken, Stale, IllegalMove,
    NotAllowed, NotFound.
    """
    request = lock(AccountRequest, request_id)
    if checked_by not in CHECKS:
        raise RuleBroken(gettext("Say how the letter was confirmed with the mission."), code="request.checked_by",
                         field="checked_by")
    ACCOUNT_REQUEST.apply(request, "accept", actor, expected_version=expected_version,
                          data={"checked_by": checked_by, "organisation": str(request.organisation_id)})
    request.decided_at, request.decided_by = clock.now(), actor.person_id
    for part in ("primary", "backup"):
        _open_for(request, actor, request.unsealed(f"{part}_name"), request.unsealed(f"{part}_email"),
                  request.primary_of_ministry if part == "primary" else request.backup_of_ministry)


def _open_for(request: AccountRequest, actor: Actor, name: str, email: str, of_ministry: bool) -> None:
    person = db.session.scalar(select(Person).where(Person.email == email))
    if person is None:
        person_id = service._new_person(actor, email, name, request.locale, None, False, _is_demo(request), True)
    else:
        person_id = person.id
    if person_id == actor.person_id:
        raise RuleBroken(gettext("The letter names you. Another officer must decide on it."), code="request.oneself")
    try:
        service._grant(actor, person_id, request.organisation_id, "focal_point", None, None, request.letter_file_id,
                       of_ministry)
    except RuleBroken as refusal:
        if refusal.code != "membership.held":
            raise
    if person is not None:
        with service.in_language(person.locale):
            send_mail(
                person.email, kind="focal_point_named", dedupe_key=f"account_request:{request.id}:{person.id}",
                subject=gettext("You are now a focal point"),
                body=gettext("You have been named a focal point of %(state)s. Sign in as before: %(link)s",
                             state=organisation_name(request.organisation_id), link=absolute("security.login")),
            )


def _is_demo(request: AccountRequest) -> bool:
    return get(Organisation, request.organisation_id).is_demo


@command
def return_account_request(
    request_id: uuid.UUID, actor: Actor, expected_version: int, reason: str, words: str = ""
) -> None:
    """Send the request back with a reason (RETURN_REASONS) and words to the primary focal point, who may send a new
    one. Raises RuleBroken, Stale, IllegalMove, NotAllowed, NotFound."""
    request = lock(AccountRequest, request_id)
    if reason not in RETURN_REASONS:
        raise RuleBroken(gettext("Choose a reason."), code="request.reason", field="reason")
    ACCOUNT_REQUEST.apply(request, "return", actor, expected_version=expected_version, reason=reason,
                          text=words or None)
    request.decided_at, request.decided_by = clock.now(), actor.person_id
    with service.in_language(request.locale):
        send_mail(
            request.unsealed("primary_email"), kind="account_request_returned",
            dedupe_key=f"account_request:{request.id}:returned",
            subject=gettext("Account request %(reference)s was returned", reference=request.reference),
            body="\n\n".join(part for part in (
                gettext("The secretariat could not open the account that was asked for."),
                gettext("Reason: %(reason)s", reason=reason_label(reason)),
                words,
                gettext("You may send a new request: %(link)s", link=absolute("accounts.request_account")),
            ) if part),
        )


def reason_label(code: str) -> str:
    """A reason for returning a request, in words."""
    return {
        "letter_unreadable": gettext("The letter cannot be read."),
        "letter_not_signed": gettext("The letter bears no signature or stamp."),
        "names_differ": gettext("The letter does not name the persons given in the form."),
        "not_confirmed": gettext("The mission did not confirm the letter through its known address."),
        "duplicate": gettext("Another request for the same persons is under way or accepted."),
    }[code]


def check_label(code: str) -> str:
    """A way of checking a letter, in words."""
    return {
        "known_address": gettext("The mission confirmed it from its known address"),
        "note_verbale": gettext("The original note verbale was received"),
        "telephone": gettext("The mission confirmed it when called at its listed number"),
    }[code]
