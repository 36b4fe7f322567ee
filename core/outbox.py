"""Mail leaves after the commit: a command adds a row, a job sends it. At least once, under a stable Message-ID."""

from __future__ import annotations

import smtplib
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from flask import current_app
from sqlalchemy import Index, String, Text, select, text
from sqlalchemy.orm import Mapped, mapped_column

from core import clock
from core.db import Base, WithId, command, db, insert_into, lock, new_id
from core.text import seen

GIVE_UP_AFTER = 12
KEY_LENGTH = 120


class OutboxMail(WithId, Base):
    """One mail. Address, subject and body are erased 30 days after sending (they may hold personal data)."""

    __tablename__ = "outbox_mail"
    __table_args__ = (
        Index("ix_outbox_mail_due", "due_at", sqlite_where=text("sent_at IS NULL"),
              postgresql_where=text("sent_at IS NULL")),
    )
    kind: Mapped[str] = mapped_column(String(60))
    dedupe_key: Mapped[str | None] = mapped_column(String(KEY_LENGTH), unique=True)
    to_address: Mapped[str | None] = mapped_column(String(320))
    subject: Mapped[str | None] = mapped_column(String(300))
    body: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None] = mapped_column(String(80))


def send_mail(
    to_address: str, *, kind: str, subject: str, body: str, dedupe_key: str | None = None,
    due_at: datetime | None = None,
) -> None:
    """Queue a mail in the command under way. The same `dedupe_key` queues once, whatever is retried."""
    if dedupe_key is not None and len(dedupe_key) > KEY_LENGTH:  # SQLite would take it
        raise ValueError(f"the key of a mail is longer than {KEY_LENGTH} letters: {dedupe_key.split(':')[0]}")
    instant = clock.real_now()
    row = {"kind": kind, "dedupe_key": dedupe_key, "to_address": to_address,
           "subject": " ".join(seen(subject, isolates=True).split())[:300], "body": seen(body, isolates=True),
           "created_at": instant, "due_at": due_at or instant}
    if dedupe_key is None:
        db.session.add(OutboxMail(**row))
        return
    # one statement; of two commands that meet, the second waits for the first and then adds nothing
    db.session.execute(insert_into(OutboxMail).on_conflict_do_nothing(index_elements=["dedupe_key"]),
                       {"id": new_id(), "attempts": 0, **row})


@dataclass(frozen=True)
class Letter:
    """A mail ready to leave."""

    message_id: str
    to: str
    subject: str
    body: str

    def as_message(self, sender: str) -> EmailMessage:
        message = EmailMessage(policy=SMTP)
        message["Message-ID"] = self.message_id
        message["From"] = sender
        message["To"] = self.to
        message["Subject"] = self.subject
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(self.body)
        return message


class Transport(Protocol):
    """How a letter leaves. Raises OSError (smtplib's errors are) when it did not."""

    def send(self, letter: Letter, sender: str) -> None: ...


class MailboxTransport:
    """Keeps each mail as a file, shown on the local mailbox page. For demonstrations: nothing leaves the machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, letter: Letter, sender: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        name = letter.message_id.strip("<>").split("@")[0]
        partial = self.folder / f"{name}.partial"
        partial.write_bytes(letter.as_message(sender).as_bytes())
        partial.replace(self.folder / f"{name}.eml")


class SmtpTransport:
    """smtp://user:password@host:port or smtps://; STARTTLS is required with smtp:// unless the host is local."""

    def __init__(self, url: str) -> None:
        self.url = urlsplit(url)

    def send(self, letter: Letter, sender: str) -> None:
        host, port = self.url.hostname or "localhost", self.url.port
        server: smtplib.SMTP
        if self.url.scheme == "smtps":
            server = smtplib.SMTP_SSL(host, port or 465, timeout=20)
        else:
            server = smtplib.SMTP(host, port or 587, timeout=20)
        with server:
            if self.url.scheme != "smtps" and host not in ("localhost", "127.0.0.1"):
                server.starttls()
            if self.url.username:
                server.login(unquote(self.url.username), unquote(self.url.password or ""))
            server.send_message(letter.as_message(sender))


def due(now: datetime, limit: int) -> list[tuple[uuid.UUID, datetime, str]]:
    """Mails to send: (id, due, kind). Business time plays no part: mail leaves in real time."""
    rows = db.session.execute(
        select(OutboxMail.id, OutboxMail.due_at, OutboxMail.kind)
        .where(OutboxMail.sent_at.is_(None), OutboxMail.due_at <= clock.real_at(now),
               OutboxMail.attempts < GIVE_UP_AFTER)
        .order_by(OutboxMail.due_at, OutboxMail.id).limit(limit)
    )
    return [(row.id, row.due_at, row.kind) for row in rows]


@command
def _claim(mail_id: uuid.UUID) -> Letter | None:
    mail = lock(OutboxMail, mail_id)
    if mail.sent_at or mail.due_at > clock.real_now() or mail.to_address is None:
        return None
    mail.attempts += 1
    mail.due_at = clock.real_now() + timedelta(seconds=min(3600, 30 * 2 ** min(mail.attempts, 7)))
    return Letter(f"<{mail.id}@{current_app.extensions['placard_settings'].public_url.split('//')[-1].split(':')[0]}>",
                  mail.to_address, mail.subject or "", mail.body or "")


@command
def _settle(mail_id: uuid.UUID, error: str | None) -> None:
    mail = lock(OutboxMail, mail_id)
    if error is None:
        mail.sent_at, mail.last_error = clock.real_now(), None
    else:
        mail.last_error = error[:80]


def perform(mail_id: uuid.UUID, now: datetime) -> str:
    """Send one mail: claim (commit), send with no transaction open, settle (commit). A crash between sends again
    under the same Message-ID."""
    letter = _claim(mail_id)
    if letter is None:
        return "not due"
    transport: Transport = current_app.extensions["placard_mail"]
    try:
        transport.send(letter, current_app.extensions["placard_settings"].mail_from)
    except OSError as error:
        _settle(mail_id, type(error).__name__)
        return "failed"
    _settle(mail_id, None)
    return "sent"


@command
def erase_sent(before: datetime) -> int:
    """Forget addresses and words of mails sent before `before`; the number erased."""
    rows = db.session.scalars(
        select(OutboxMail).where(OutboxMail.sent_at < before, OutboxMail.to_address.is_not(None)).limit(1000)
    ).all()
    for mail in rows:
        mail.to_address = mail.subject = mail.body = None
    return len(rows)
