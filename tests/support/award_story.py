"""A call at the point of decision, with its officers and its money, for tests of awards and payments."""

from __future__ import annotations

import dataclasses
import uuid
from datetime import date, timedelta
from typing import Any

from core import clock, vault
from core.actor import Actor, person, system
from core.db import command, db, new_id
from sponsorship.applications.models import Application, Call, CallPool, Nominee, Ranking, Recommendation
from sponsorship.awards.decision_service import ADVISED, Choice, decide
from sponsorship.awards.models import Award
from sponsorship.disbursements.models import Disbursement, Payee
from sponsorship.disbursements.payee_service import BankData
from sponsorship.ledger import service as ledger

TESTS = system("tests")
IBAN = "GB33BUKB20201555555555"
ROLES = ("head_of_fund", "fund_manager", "certifying_officer", "approving_officer", "requesting_officer",
         "bank_signatory", "payee_data_officer", "auditor")


class AwardStory:
    """`AwardStory(make)`: a meeting in ninety days, a recommended call, `states` with `nominees` each, `money` cents.

    The first `recommended` States are advised as selected, the others for the reserve list. Estimates are USD 1,000
    ticket, 800.01 DSA, 200 terminal expenses. `pools` may pay beside the general one.
    """

    ticket, dsa, terminal = 100_000, 80_001, 20_000

    def __init__(self, make: Any, states: int = 3, recommended: int = 1, money: int = 1_000_000, nominees: int = 1,
                 meeting: Any = None, pools: tuple[uuid.UUID, ...] = (), **call: Any) -> None:
        self.make = make
        self.people = {role: make.person(role, name=role.replace("_", " ").title()) for role in ROLES}
        self.meeting = meeting or make.meeting()
        self.meeting_id: uuid.UUID = self.meeting.id
        self.states = [make.state(f"X{letter}") for letter in "ABCDEFGHIJKLMNOPQRSTUVW"[:states]]
        self.focal = [make.person("focal_point", organisation=state) for state in self.states]
        # identifiers apart from the rows: threads and forks have no session of the test's
        self._ids = {role: found.id for role, found in self.people.items()}
        self._focal_ids = [found.id for found in self.focal]
        self._pools = pools  # of the call, beside the general one
        self._fill(recommended, money, nominees, call)
        self.sanctions_list()

    @property
    def meeting_days(self) -> int:
        """Working days of the meeting, which lasts five days from any weekday."""
        first = self.meeting.start_date
        return sum((first + timedelta(days=n)).weekday() < 5 for n in range(5))

    @property
    def each(self) -> int:
        return self.ticket + self.dsa + self.terminal

    def officer(self, role: str) -> Actor:
        return person(self._ids[role])

    def focal_point(self, n: int = 0) -> Actor:
        return person(self._focal_ids[n])

    def _fill(self, recommended: int, money: int, nominees: int, call: dict[str, Any]) -> None:
        self.pool_id = ledger.open_pool("general", "General", is_demo=True)
        if money:
            ledger.receive(self.pool_id, ledger.Intake(money), source=("test", new_id()),
                           key=f"test:{new_id()}", actor=TESTS)
        self._rows(recommended, nominees, call)

    @command
    def _rows(self, recommended: int, nominees: int, values: dict[str, Any]) -> None:
        now = clock.now()
        call = Call(**{
            "reference": f"CALL-{new_id().hex[-12:]}", "meeting_id": self.meeting_id, "state": "recommended",
            "opens_at": now - timedelta(days=60), "closes_at": now - timedelta(days=20),
            "grace_until": now - timedelta(days=20), "decide_by": (now + timedelta(days=10)).date(),
            "offer_days": 14, "seats_per_state": nominees,
            "package": "ticket_and_dsa", "estimate_ticket_minor": self.ticket, "estimate_dsa_minor": self.dsa,
            "estimate_terminal_minor": self.terminal, "criteria": [], "recommendation_round": 1, "ranking_round": 1,
            "is_demo": True,
            "created_at": now, "version": 1, **values,
        })
        db.session.add(call)
        db.session.flush()
        self.call_id: uuid.UUID = call.id
        for position, pool in enumerate((self.pool_id, *self._pools), 1):
            db.session.add(CallPool(call_id=call.id, pool_id=pool, position=position))
        self.applications: list[uuid.UUID] = []
        self.nominees: list[uuid.UUID] = []
        for n, state in enumerate(self.states):
            outcome = "recommend" if n < recommended else "reserve"
            application = Application(
                reference=f"APP-{new_id().hex[-12:]}", call_id=call.id, organisation_id=state,
                state="recommended" if outcome == "recommend" else "reserve", could_not_attend_otherwise=True,
                created_at=now, received_at=now - timedelta(days=30) + timedelta(hours=n), is_demo=True, version=1,
            )
            db.session.add(application)
            db.session.flush()
            self.applications.append(application.id)
            for priority in range(1, nominees + 1):
                nominee = Nominee(id=new_id(), application_id=application.id, priority=priority, sex="female",
                                  departure_city="Capital", version=1,
                                  travel_from=self.meeting.start_date - timedelta(days=1),
                                  travel_to=self.meeting.end_date + timedelta(days=1))
                nominee.family_name_sealed = vault.seal(nominee.id, f"Family{n}")
                nominee.given_names_sealed = vault.seal(nominee.id, "Given")
                nominee.email_sealed = vault.seal(nominee.id, f"nominee{n}-{priority}@state.example")
                db.session.add(nominee)
                self.nominees.append(nominee.id)
            db.session.add(Ranking(call_id=call.id, round=1, application_id=application.id, position=n + 1,
                                   criteria_values={}, received_at=application.received_at, at=now))
            db.session.add(Recommendation(
                call_id=call.id, round=1, application_id=application.id, outcome=outcome, position=n + 1,
                seats=nominees if outcome == "recommend" else 0, at=now))

    # --- steps --------------------------------------------------------------------------------------------------
    def choices(self) -> dict[uuid.UUID, Choice]:
        from sponsorship.applications.queries import ranked_slots

        return {s.nominee_id: Choice(ADVISED[s.recommended]) for s in ranked_slots(self.call_id)}

    def decide(self) -> list[uuid.UUID]:
        """The panel's advice is taken; awards in order: selected, then the reserve list."""
        call = db.session.get(Call, self.call_id)
        assert call is not None
        decide(self.call_id, self.choices(), self.officer("head_of_fund"), call.version)
        rows = db.session.query(Award).filter_by(call_id=self.call_id).order_by(Award.on_reserve, Award.position)
        return [a.id for a in rows]

    def version(self, model: Any, key: uuid.UUID) -> int:
        db.session.expire_all()
        return int(db.session.get(model, key).version)

    def award(self, key: uuid.UUID) -> Award:
        db.session.expire_all()
        found = db.session.get(Award, key)
        assert found is not None
        return found

    def payment(self, key: uuid.UUID) -> Disbursement:
        db.session.expire_all()
        found = db.session.get(Disbursement, key)
        assert found is not None
        return found

    def offer(self, award_id: uuid.UUID) -> None:
        """Certified and approved."""
        from sponsorship.awards import service

        service.certify(award_id, self.officer("certifying_officer"), self.version(Award, award_id))
        service.approve(award_id, self.officer("approving_officer"), self.version(Award, award_id))

    def accept(self, award_id: uuid.UUID, n: int = 0) -> None:
        from sponsorship.awards import answer_service

        answer_service.accept(award_id, self.focal_point(n), self.version(Award, award_id))

    def accepted(self, n: int = 0) -> uuid.UUID:
        """The first award, accepted, with its payments planned."""
        awards = self.decide()
        self.offer(awards[n])
        self.accept(awards[n], n)
        return awards[n]

    def payments(self, award_id: uuid.UUID) -> dict[str, uuid.UUID]:
        db.session.expire_all()
        return {d.kind: d.id for d in db.session.query(Disbursement).filter_by(award_id=award_id)}

    def give_bank_data(self, award_id: uuid.UUID, n: int = 0, account: str = IBAN) -> uuid.UUID:
        """Entered by the focal point, verified by the payee data officer."""
        from sponsorship.disbursements import payee_service

        payee_id = db.session.query(Payee.id).filter_by(award_id=award_id).scalar()
        nominee = db.session.get_one(Nominee, self.award(award_id).nominee_id)
        given, family = (vault.unseal(nominee.id, nominee.given_names_sealed),
                         vault.unseal(nominee.id, nominee.family_name_sealed))
        payee_service.enter(payee_id, BankData(f"{given} {family}", "State Bank", "KE", account, "BUKBGB22"),
                            self.focal_point(n), self.version(Payee, payee_id), self.proof())
        payee_service.verify(payee_id, self.officer("payee_data_officer"), self.version(Payee, payee_id))
        return payee_id

    def sanctions_list(self, *persons: Any, day: date | None = None, replace: bool = False) -> None:
        """A Consolidated List on record, of one person whom nobody resembles unless told otherwise."""
        from sponsorship.disbursements import sanctions_service
        from sponsorship.disbursements.sanctions_reading import Listed, ReadList

        if not replace and sanctions_service.current_list() is not None:
            return
        listed = list(persons) or [Listed("1", "QDi.000", None, ("Nobody Whosoever Anywhere",), ("1901",))]
        upload = dataclasses.replace(self.proof(), key=new_id(), name="consolidated.xml", sha256=new_id().hex * 2)
        sanctions_service.import_list(ReadList(day or clock.today(), listed), upload,
                                      self.officer("payee_data_officer"))

    def proof(self) -> Any:
        from core.files import CheckedUpload

        return CheckedUpload(new_id(), "proof.pdf", "application/pdf", 100, "0" * 64)

    def sign_three(self, payment_id: uuid.UUID) -> None:
        from sponsorship.disbursements import service

        for step, role in (("request", "requesting_officer"), ("certify", "certifying_officer"),
                           ("approve", "approving_officer")):
            getattr(service, step)(payment_id, self.officer(role), self.version(Disbursement, payment_id))

    def ready(self, payment_id: uuid.UUID) -> None:
        """Signed by three; the caller holds the clock at or after its date."""
        from sponsorship.disbursements import service

        self.sign_three(payment_id)
        assert service.make_ready(payment_id, clock.now())

    def release(self, *payment_ids: uuid.UUID) -> uuid.UUID:
        from sponsorship.disbursements import release_service

        return release_service.release({p: self.version(Disbursement, p) for p in payment_ids},
                                       self.officer("bank_signatory"))

    def paid(self, award_id: uuid.UUID, *kinds: str) -> dict[str, uuid.UUID]:
        """These payments of an award, confirmed by the bank; bank data given first. The caller holds the clock."""
        from sponsorship.disbursements import release_service

        payments = self.payments(award_id)
        if db.session.query(Payee.state).filter_by(award_id=award_id).scalar() == "wanted":
            self.give_bank_data(award_id)
        for kind in kinds:
            self.ready(payments[kind])
            self.release(payments[kind])
            release_service.confirm(payments[kind], f"FT-{new_id().hex[-8:]}", self.officer("requesting_officer"),
                                    self.version(Disbursement, payments[kind]))
        return payments

    def claim(self, award_id: uuid.UUID, told: Any = None, n: int = 0, settle: bool = True,
              **options: Any) -> uuid.UUID:
        """The claim, opened, sent by the focal point and settled; `told` is None for a journey as planned."""
        from sponsorship.disbursements import claim_service
        from sponsorship.disbursements.claim_models import Claim

        claim_service.open_claim(award_id, clock.now())
        claim_id = db.session.query(Claim.id).filter_by(award_id=award_id).scalar()
        claim_service.submit(claim_id, told, [("boarding_pass", self.proof())], "", self.focal_point(n),
                             self.version(Claim, claim_id))
        if settle:
            claim_service.settle(claim_id, "attended", self.officer("requesting_officer"),
                                 self.version(Claim, claim_id), **options)
        return claim_id

    def verify(self) -> list[str]:
        """Faults of every check but the seal's age, which no test waits for."""
        from core import verify

        db.session.rollback()
        return [fault for finding in verify.run_all() for fault in finding.faults if "seal" not in fault]
