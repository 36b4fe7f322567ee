"""People, organisations and their dated facts, memberships, sign-in attempts. Tables and constraints only."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from flask_security.core import UserMixin
from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from accounts.transitions import ACCOUNT_REQUEST
from core import vault
from core.db import Base, Versioned, WithId
from core.ddl import lookup_table, trigger

ROLE_CODES = (
    "organiser", "fund_manager", "panel_member", "head_of_fund", "requesting_officer", "payee_data_officer",
    "certifying_officer", "approving_officer", "bank_signatory", "paymaster", "focal_point", "nominee", "donor",
    "auditor", "administrator",
)
KIND_CODES = ("state", "observer", "donor", "secretariat", "organisation")
FACT_CODES = ("ldc", "lldc", "sids", "group", "oda")
# an approving officer is never bank signatory, and whoever keeps payee data never approves (domain.md (g)); whoever
# holds the cash neither approves nor releases it
NEVER_TOGETHER = (("approving_officer", "bank_signatory"), ("approving_officer", "payee_data_officer"),
                  ("approving_officer", "paymaster"), ("bank_signatory", "paymaster"))

lookup_table("membership_role", ROLE_CODES)
lookup_table("organisation_kind", KIND_CODES)
lookup_table("organisation_fact_kind", FACT_CODES)


class Person(WithId, UserMixin, Base):  # type: ignore[misc]  # the mixin says its id is an int
    """One person with one sign-in. The e-mail stays plain (lower case) and is overwritten at erasure; the name is
    sealed under the person's own key. Flask-Security authenticates it; authority comes from memberships alone."""

    __tablename__ = "person"
    __table_args__ = (
        CheckConstraint("email = lower(email)", name="email_lower_case"),
        CheckConstraint("email <> ''", name="email_not_empty"),
    )
    email: Mapped[str] = mapped_column(String(254), unique=True)
    password: Mapped[str | None] = mapped_column(String(255))
    active: Mapped[bool] = mapped_column(default=True)
    confirmed_at: Mapped[datetime | None]
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True)
    locale: Mapped[str] = mapped_column(String(12), default="en")
    name_sealed: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    last_sign_in_at: Mapped[datetime | None]
    is_demo: Mapped[bool] = mapped_column(default=False)

    @property
    def name(self) -> str:
        """The person's name; a dash once the person has been erased."""
        return vault.unseal(self.id, self.name_sealed) or "—"


class Organisation(WithId, Base):
    """A State, an observer, another donor, the secretariat or another organisation. `code` is ISO 3166 alpha-3 for
    States (XA to XZ in demonstrations), a short word for others. `known_email` is the mission's address that the
    secretariat already knows: account openings are checked through it."""

    __tablename__ = "organisation"
    kind: Mapped[str] = mapped_column(ForeignKey("organisation_kind.code"), index=True)
    code: Mapped[str] = mapped_column(String(20), unique=True)
    iso2: Mapped[str | None] = mapped_column(String(2), unique=True)
    m49: Mapped[str | None] = mapped_column(String(3), unique=True)
    is_demo: Mapped[bool] = mapped_column(default=False)
    known_email: Mapped[str | None] = mapped_column(String(254))


class OrganisationName(WithId, Base):
    """A dated name. Only protocol changes names of States: a change is a new row, never an edit.

    Valid from `valid_from` (inclusive) to `valid_to` (exclusive; open when null). `sort_key` orders by language
    without help from the database (PostgreSQL may lack ICU).
    """

    __tablename__ = "organisation_name"
    __table_args__ = (
        CheckConstraint("form IN ('short', 'formal')", name="form_known"),
        CheckConstraint("valid_to IS NULL OR valid_to > valid_from", name="dates_in_order"),
        UniqueConstraint("organisation_id", "language", "form", "valid_from", name="uq_organisation_name_once"),
        Index("ix_organisation_name_language_sort_key", "language", "form", "sort_key"),
    )
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    language: Mapped[str] = mapped_column(String(12))
    form: Mapped[str] = mapped_column(String(10), default="short")
    name: Mapped[str] = mapped_column(String(300))
    sort_key: Mapped[str] = mapped_column(String(600))
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    source: Mapped[str] = mapped_column(String(300))


class OrganisationFact(WithId, Base):
    """A dated fact about a State, with its source. `value` is the regional group for `group`, the derived income
    class for `oda`, and 'yes' otherwise. Valid from `valid_from` (inclusive) to `valid_to` (exclusive)."""

    __tablename__ = "organisation_fact"
    __table_args__ = (
        CheckConstraint("valid_to IS NULL OR valid_to > valid_from", name="dates_in_order"),
        UniqueConstraint("organisation_id", "fact", "value", "valid_from", name="uq_organisation_fact_once"),
    )
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    fact: Mapped[str] = mapped_column(ForeignKey("organisation_fact_kind.code"))
    value: Mapped[str] = mapped_column(String(60), default="yes")
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    source: Mapped[str] = mapped_column(String(400))


class Membership(WithId, Base):
    """A role that a person holds in an organisation on the days `valid_from` <= day < `valid_to` (open when null),
    by the business clock in UTC. Ending a role on the day it began leaves an empty span: it never counted."""

    __tablename__ = "membership"
    __table_args__ = (
        CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name="dates_in_order"),
        Index("uq_membership_open", "person_id", "organisation_id", "role", unique=True,
              sqlite_where=text("valid_to IS NULL"), postgresql_where=text("valid_to IS NULL")),
    )
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"), index=True)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    role: Mapped[str] = mapped_column(ForeignKey("membership_role.code"), index=True)
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    granted_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    granted_at: Mapped[datetime]
    evidence_file_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("stored_file.id"))
    # a focal point in a ministry, not in the mission: the mission's note verbale prevails over its requests
    of_ministry: Mapped[bool] = mapped_column(default=False)


class AccountRequest(WithId, Versioned, Base):
    """A State asks for its account by a letter that names a primary and a backup focal point. Names and addresses
    are sealed under the request's own id."""

    __tablename__ = "account_request"
    reference: Mapped[str] = mapped_column(String(20), unique=True)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    state: Mapped[str] = ACCOUNT_REQUEST.column()
    letter_file_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("stored_file.id"))
    letter_date: Mapped[date]
    primary_name_sealed: Mapped[str] = mapped_column(Text)
    primary_email_sealed: Mapped[str] = mapped_column(Text)
    backup_name_sealed: Mapped[str] = mapped_column(Text)
    backup_email_sealed: Mapped[str] = mapped_column(Text)
    # the mission, ministry or office each works in; empty in requests from before it was asked
    primary_office_sealed: Mapped[str | None] = mapped_column(Text)
    backup_office_sealed: Mapped[str | None] = mapped_column(Text)
    primary_of_ministry: Mapped[bool] = mapped_column(default=False)
    backup_of_ministry: Mapped[bool] = mapped_column(default=False)
    locale: Mapped[str] = mapped_column(String(12), default="en")
    received_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))

    def unsealed(self, field: str) -> str:
        """One of primary_name, primary_email, primary_office and the same of the backup; a dash once erased, or where
        it was not asked."""
        return vault.unseal(self.id, getattr(self, f"{field}_sealed")) or "—"


class SignInAttempt(WithId, Base):
    """One try to sign in, in real time. Account and address are kept as keyed digests: enough to count by, of no use
    to anybody who reads the table. Removed after a day."""

    __tablename__ = "sign_in_attempt"
    __table_args__ = (
        Index(None, "account_digest", "at"),
        Index(None, "address_digest", "at"),
    )
    at: Mapped[datetime] = mapped_column(index=True)
    account_digest: Mapped[str] = mapped_column(String(64))
    address_digest: Mapped[str] = mapped_column(String(64))
    succeeded: Mapped[bool]


_TEXT = "an approving officer may not be bank signatory or payee data officer at the same time"


def _pairs(new: str, old: str) -> str:
    return " OR ".join(
        f"({new}.role = '{a}' AND {old}.role = '{b}') OR ({new}.role = '{b}' AND {old}.role = '{a}')"
        for a, b in NEVER_TOGETHER
    )


_CLASH = f"""SELECT 1 FROM membership m WHERE m.person_id = NEW.person_id AND m.id <> NEW.id
 AND ({_pairs("NEW", "m")})
 AND m.valid_from < COALESCE(NEW.valid_to, '9999-12-31') AND NEW.valid_from < COALESCE(m.valid_to, '9999-12-31')
 AND NEW.valid_from < COALESCE(NEW.valid_to, '9999-12-31') AND m.valid_from < COALESCE(m.valid_to, '9999-12-31')"""

_FUNCTION = f"""CREATE OR REPLACE FUNCTION membership_separate_hands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
 PERFORM 1 FROM person WHERE id = NEW.person_id FOR UPDATE; -- two grants at once must see each other
 IF EXISTS ({_CLASH}) THEN
  RAISE EXCEPTION '{_TEXT}' USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'membership_separate_hands';
 END IF;
 RETURN NEW;
END $$"""

for _event in ("INSERT", "UPDATE"):
    _name = f"membership_separate_hands_{_event.lower()}"
    trigger(
        Membership.__table__, _name,  # type: ignore[arg-type]
        sqlite=f"CREATE TRIGGER {_name} BEFORE {_event} ON membership WHEN EXISTS ({_CLASH}) "
               f"BEGIN SELECT RAISE(ABORT, '{_TEXT}'); END",
        postgresql=(_FUNCTION, f"CREATE TRIGGER {_name} BEFORE {_event} ON membership "
                               "FOR EACH ROW EXECUTE FUNCTION membership_separate_hands()"),
    )
