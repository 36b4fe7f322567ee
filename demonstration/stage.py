"""The stage: organisations, people, pools and agreements of the demonstration, and who acts under which key."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from flask_security.utils import hash_password

from accounts.models import OrganisationFact
from accounts.second_factor import enrol_demo, must_prove
from accounts.service import create_organisation, create_person, grant
from core import clock
from core.actor import Actor, person, system
from core.db import command, db
from demonstration.cast import CAST, PASSWORD, SECRETARIAT, STATES, Member
from sponsorship.contributions.agreements import AgreementTerms, record_agreement
from sponsorship.ledger.service import open_pool

DEMONSTRATION = system("demonstration")
LONG_AGO = date(2000, 1, 1)
SOURCE = "invented for the demonstration"


class Stage:
    """Identifiers by the keys of the cast."""

    def __init__(self) -> None:
        self.people: dict[str, uuid.UUID] = {}
        self.places: dict[str, uuid.UUID] = {}
        self.pools: dict[str, uuid.UUID] = {}

    def actor(self, key: str) -> Actor:
        """The person of the cast, or the focal point of a State by its code."""
        return person(self.people[key])


def version_of(model: type, key: uuid.UUID) -> int:
    """The version in which a row stands now."""
    version: int = db.session.get_one(model, key, populate_existing=True).version  # type: ignore[attr-defined]
    db.session.rollback()
    return version


@command
def _organisations(stage: Stage) -> None:
    stage.places[SECRETARIAT] = create_organisation(
        DEMONSTRATION, "secretariat", SECRETARIAT, {"en": "Demo Secretariat"}, is_demo=True, valid_from=LONG_AGO,
        source=SOURCE)
    for code, name, facts in STATES:
        made = create_organisation(DEMONSTRATION, "state", code, {"en": name}, is_demo=True, valid_from=LONG_AGO,
                                   known_email=f"mission-{code.lower()}@demo.example", source=SOURCE)
        stage.places[code] = made
        for fact in facts:
            kind, _, value = fact.partition(":")
            db.session.add(OrganisationFact(organisation_id=made, fact=kind, value=value or "yes",
                                            valid_from=LONG_AGO, source=SOURCE))


def _others() -> tuple[Member, ...]:
    """People the story needs beside the listed accounts: a focal point for every other State, a second donor, a second
    paymaster, a second approving officer."""
    known = {m.key for m in CAST}
    focal = [Member(f"focal-{c.lower()}", f"Demo Focal Point {c}", c, ("focal_point",), "", "")
             for c, _n, _f in STATES if c not in ("XY", "XZ")]
    return tuple(m for m in [*focal, Member("donor-xy", "Demo Donor XY", "XY", ("donor",), "", ""),
                             Member("paymaster-2", "Demo Second Paymaster", SECRETARIAT, ("paymaster",), "", ""),
                             Member("approving-2", "Demo Second Approving Officer", SECRETARIAT,
                                    ("approving_officer",), "", "")]
                 if m.key not in known)


@command
def _people(stage: Stage, password_hash: str) -> None:
    for member in (*CAST, *_others()):
        made = create_person(DEMONSTRATION, member.email, member.name, password_hash=password_hash, confirmed=True,
                             is_demo=True, invite=False)
        stage.people[member.key] = made
        for role in member.roles:
            grant(DEMONSTRATION, made, stage.places[member.place], role, valid_from=LONG_AGO)


@command
def _second_factors(stage: Stage) -> None:
    """Whoever decides, approves or releases has a device, whose codes the page of the demonstration shows."""
    for key, made in stage.people.items():
        if must_prove(stage.actor(key)):
            enrol_demo(person(made))


def set_stage(at: datetime) -> Stage:
    """Make everybody and everything that stands before the first act, at business time `at`."""
    stage = Stage()
    password_hash = hash_password(PASSWORD)
    with clock.moved_to(at):
        _organisations(stage)
        _people(stage, password_hash)
        _second_factors(stage)
        stage.pools["general"] = open_pool("unearmarked", "Unearmarked contributions")
        stage.pools["ldc"] = open_pool("demo-ldc", "Least developed countries", {"facts": ["ldc"]}, is_demo=True)
        manager = stage.actor("fund-manager")
        for code, pool, reference in (("XZ", "general", "DEMO/XZ/1"), ("XY", "ldc", "DEMO/XY/7")):
            record_agreement(AgreementTerms(
                organisation_id=stage.places[code], reference=reference, exchange_of_letters=at.date(),
                support_rate_bp=1300, end_date=None, pool_id=stage.pools[pool]), manager)
    return stage
