"""People, organisations and meetings for tests, made through the rooms' own commands."""

from __future__ import annotations

import itertools
import uuid
from datetime import date, timedelta
from typing import Any

from core import clock, vault
from core.actor import Actor, person, system
from core.db import db

TESTS = system("tests")
_counter = itertools.count(1)
DEMO_FACTS: dict[str, tuple[str, ...]] = {"XA": ("ldc",), "XB": ("sids",), "XC": (), "XD": ("ldc", "lldc")}


def put_session(session: Any, signed_in: Any) -> None:
    """What a completed sign-in leaves in the session (a test signs in through the pages separately)."""
    session["_user_id"] = signed_in.fs_uniquifier
    session["_fresh"] = True
    session["fs_cc"] = "set"
    session["fs_paa"] = clock.real_now().timestamp()
    session["identity.id"] = signed_in.fs_uniquifier


def show_factor(session: Any, signed_in: Any) -> None:
    """What showing the second factor leaves, for a person whose roles need it: a factor, and a proof given just now."""
    from accounts import second_factor
    from accounts.factor_models import SecondFactorProof

    actor = person(signed_in.id)
    if not second_factor.must_prove(actor):
        return
    factor = second_factor.live_factor(signed_in.id)
    if factor is None:
        second_factor.begin(actor)
        factor = second_factor.live_factor(signed_in.id)
        now = clock.real_now()
        factor.confirmed_at, factor.last_step = now, second_factor.step_at(now) - 2
        db.session.flush()
    proof = SecondFactorProof(person_id=signed_in.id, factor_id=factor.id, way="code", at=clock.real_now())
    db.session.add(proof)
    db.session.commit()
    session["second_factor_proof"] = str(proof.id)


def app_code(signed_in: Any, drift: int = 0) -> str:
    """What the person's app shows now (or `drift` steps from now)."""
    from accounts import second_factor

    factor = second_factor.live_factor(signed_in.id)
    secret = vault.unseal(signed_in.id, factor.secret_sealed)
    return second_factor.code_at(secret, second_factor.step_at(clock.real_now()) + drift)


class Maker:
    """`make.person("fund_manager")`, `make.state("XA")`, `make.secretariat()`, `make.meeting(...)`."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def secretariat(self) -> uuid.UUID:
        """The secretariat's organisation (made once per test)."""
        return self._organisation("secretariat", "SECRETARIAT", "Secretariat")

    def state(self, code: str = "XA", name: str | None = None, facts: tuple[str, ...] | None = None) -> uuid.UUID:
        """An invented State with facts such as ('ldc', 'group:African'), valid since 2000."""
        from accounts.models import OrganisationFact

        made = self._organisation("state", code, name or f"State {code}")
        known = db.session.query(OrganisationFact).filter_by(organisation_id=made).count()
        if not known:
            for fact in DEMO_FACTS.get(code, ()) if facts is None else facts:
                kind, _, value = fact.partition(":")
                db.session.add(OrganisationFact(organisation_id=made, fact=kind, value=value or "yes",
                                                valid_from=date(2000, 1, 1), source="test"))
            db.session.commit()
        return made

    def donor(self, code: str = "DONOR", name: str = "A donor") -> uuid.UUID:
        """A donor that is not a State."""
        return self._organisation("donor", code, name)

    def _organisation(self, kind: str, code: str, name: str) -> uuid.UUID:
        from accounts.models import Organisation
        from accounts.service import create_organisation

        found = db.session.query(Organisation).filter_by(code=code).one_or_none()
        if found:
            return found.id
        return create_organisation(TESTS, kind, code, {"en": name}, is_demo=kind == "state",
                                   valid_from=date(2000, 1, 1), source="test")

    def person(self, *roles: str, organisation: uuid.UUID | None = None, email: str | None = None,
               name: str = "Test Person", password_hash: str | None = None) -> Any:
        """A person holding `roles`, in `organisation` or where such roles belong (secretariat, State XA, a donor)."""
        from accounts.models import Person
        from accounts.service import create_person, grant

        n = next(_counter)
        made = create_person(TESTS, email or f"person{n}@test.example", name, confirmed=True, invite=False,
                             password_hash=password_hash)
        for role in roles:
            place = organisation or {
                "focal_point": self.state, "nominee": self.state, "donor": self.donor,
            }.get(role, self.secretariat)()
            grant(TESTS, made, place, role, valid_from=date(2000, 1, 1))
        return db.session.get(Person, made)

    def actor(self, *roles: str, organisation: uuid.UUID | None = None) -> Actor:
        """The actor of a new person with these roles."""
        return person(self.person(*roles, organisation=organisation).id)

    def meeting(self, state: str = "published", **values: Any) -> Any:
        """A meeting ninety days ahead, one week long, unless `values` say otherwise."""
        from meetings.calendar.models import Meeting
        from meetings.calendar.stamp import touch_calendar

        n = next(_counter)
        start = values.pop("start_date", clock.today() + timedelta(days=90))
        now = clock.now()
        row = Meeting(**{
            "slug": f"meeting-{n}", "kind": "BMS", "ordinal": 100 + n, "short_name": f"BMS {n}",
            "title": f"Test Biennial Meeting of States {n}", "year": start.year if start else 2028,
            "start_date": start, "end_date": start + timedelta(days=4) if start else None, "city": "New York",
            "country_code": "US", "timezone": "America/New_York", "mode": "in_person", "state": state,
            "announced_at": now, "published_at": now if state in ("published", "postponed", "held") else None,
            "created_at": now, "changed_at": now, "is_demo": True, "version": 1, **values,
        })
        db.session.add(row)
        touch_calendar()
        db.session.commit()
        return row
