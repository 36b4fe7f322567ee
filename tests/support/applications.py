"""Calls and applications in every state, made through the room's own commands."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from core import clock
from core.actor import Actor
from core.db import db
from sponsorship.applications import (
    application_service,
    call_service,
    panel_service,
    ranking_service,
    screening_service,
)
from sponsorship.applications.call_service import CallValues
from sponsorship.applications.models import Application, ApplicationStep, Call, Nominee
from sponsorship.applications.screening_service import Finding
from sponsorship.ledger.service import open_pool

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
PERSON = {"family_name": "Ndiaye", "given_names": "Awa", "sex": "female", "birth_date": "1980-05-04",
          "function": "Head of commission", "ministry": "Ministry of the Interior", "email": "awa@interior.example"}


@dataclass
class Kit:
    """A fund manager, a panel member, a meeting in June 2027, a pool, an open call."""

    make: Any
    manager: Actor
    panel: Actor
    meeting: Any
    pool_id: uuid.UUID

    def values(self, **changes: Any) -> CallValues:
        base = CallValues(
            meeting_id=self.meeting.id, opens_at=NOW, closes_at=NOW + timedelta(days=30),
            grace_until=NOW + timedelta(days=30), decide_by=(NOW + timedelta(days=45)).date(), offer_days=14,
            seats_per_state=1, package="ticket_and_dsa", estimate_ticket_minor=140_000, estimate_dsa_minor=200_000,
            estimate_terminal_minor=18_800, ceiling_minor=None, pool_ids=(self.pool_id,),
            criteria=("ldc", "lldc", "sids", "first_attendance", "no_mission_at_seat"), governance_text="",
            guidance_text="",
        )
        return replace(base, **changes)

    def call(self, state: str = "open", **changes: Any) -> Call:
        call_id = call_service.create_call(self.values(**changes), self.manager)
        if state != "draft":
            call_service.open_now(call_id, 1, self.manager)
        return fresh(Call, call_id)

    def focal_point(self, code: str) -> Any:
        return self.make.person("focal_point", organisation=self.make.state(code))

    def draft(self, call: Call, code: str = "XA", actor: Actor | None = None) -> Application:
        organisation = self.make.state(code)
        actor = actor or self.make.actor("focal_point", organisation=organisation)
        return fresh(Application, application_service.start(call.id, organisation, actor))

    def complete(self, call: Call, code: str = "XA", actor: Actor | None = None, nominees: int = 1,
                 first: bool = True) -> Application:
        """A draft with nothing missing."""
        organisation = self.make.state(code)
        actor = actor or self.make.actor("focal_point", organisation=organisation)
        application_id = application_service.start(call.id, organisation, actor)

        def write(page: str, nominee_id: uuid.UUID | None, **values: Any) -> None:
            step = db.session.get(ApplicationStep, (application_id, application_service.step_key(page, nominee_id)))
            application_service.save_step(
                application_id, page, nominee_id, typed={k: str(v) for k, v in values.items()}, values=values,
                complete=True, expected_version=step.version if step else 0, actor=actor)

        write("declaration", None, could_not_attend_otherwise=True, need_text="No travel budget.")
        write("contribution", None, own_contribution="Salary and visa.")
        write("attendance", None, first_attendance=first, no_mission_at_seat=False)
        while len(nominees_of(application_id)) < nominees:
            application_service.add_nominee(application_id, fresh(Application, application_id).version, actor)
        for nominee in nominees_of(application_id):
            write("person", nominee.id, **PERSON)
            write("journey", nominee.id, departure_city="Xanadu", travel_from=self.meeting.start_date,
                  travel_to=self.meeting.end_date)
        return fresh(Application, application_id)

    def sent(self, call: Call, code: str = "XA", **options: Any) -> Application:
        actor = options.pop("actor", None) or self.make.actor("focal_point", organisation=self.make.state(code))
        application = self.complete(call, code, actor=actor, **options)
        application_service.submit(application.id, application.version, actor)
        return fresh(Application, application.id)

    def findings(self, **met: bool) -> dict[str, Finding]:
        base = {"complete": True, "nominated_by_state": True, "declaration": True, "first_attendance": False,
                "no_mission_at_seat": False, **met}
        return {code: Finding(value, "seen", "lists of participants") for code, value in base.items()}

    def screened(self, application: Application, **met: bool) -> Application:
        screening_service.find_eligible(application.id, self.findings(**met), application.version, self.manager)
        return fresh(Application, application.id)

    def close(self, call: Call) -> Call:
        call_service.close_due(call.id, call.grace_until + timedelta(seconds=1))
        return fresh(Call, call.id)

    def ranked(self, codes: tuple[str, ...] = ("XA", "XB", "XC"), **changes: Any) -> tuple[Call, list[Application]]:
        """A closed and ranked call; XA is an LDC, XB a SIDS, XC neither. Received in the order given."""
        call = self.call(**changes)
        nominees = changes.get("seats_per_state", 1)
        rows = []
        for code in codes:
            rows.append(self.screened(self.sent(call, code, nominees=nominees)))
            clock.tick(timedelta(minutes=1))
        call = self.close(call)
        ranking_service.rank_call(call.id, call.version, self.manager)
        return fresh(Call, call.id), [fresh(Application, r.id) for r in rows]

    def recommended(self, outcomes: tuple[str, ...] = ("recommend", "reserve", "not"), **changes: Any
                    ) -> tuple[Call, list[Application]]:
        """Recommended in the order of the ranking."""
        call, _rows = self.ranked(("XA", "XB", "XC")[:len(outcomes)], **changes)
        ids = panel_service.ranked_ids(call)
        advice = [panel_service.Advice(a, o, n, 1 if o == "recommend" else 0, "reason" if o == "not" else "")
                  for n, (a, o) in enumerate(zip(ids, outcomes, strict=True), 1)]
        panel_service.recommend(call.id, advice, call.version, self.panel)
        return fresh(Call, call.id), [fresh(Application, a) for a in ids]


def nominees_of(application_id: uuid.UUID) -> list[Nominee]:
    return list(db.session.query(Nominee).filter_by(application_id=application_id).order_by(Nominee.priority))


def fresh(model: Any, key: uuid.UUID) -> Any:
    db.session.expire_all()
    return db.session.get(model, key)


def kit(make: Any) -> Kit:
    meeting = make.meeting(start_date=datetime(2027, 6, 14, tzinfo=UTC).date())
    manager, panel = make.actor("fund_manager"), make.actor("panel_member")
    pool_id = open_pool(f"p{uuid.uuid4().hex[:6]}", "Test pool")
    return Kit(make, manager, panel, meeting, pool_id)
