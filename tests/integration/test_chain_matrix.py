"""Every role, in every state, at every route of both chains: what the tables allow is done, all else is refused and
changes nothing. The tables are those of the program: a new move, role or permission is tried here by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta

import pytest

from accounts.permissions import PERMISSIONS, ROLES
from core import clock
from core.actor import person
from core.db import PlacardSession, db
from core.machines import SYSTEM
from meetings.calendar import service as calendar
from meetings.calendar.models import Meeting
from sponsorship.awards import answer_service
from sponsorship.awards import service as awards
from sponsorship.awards.models import Award
from sponsorship.awards.transitions import AWARD
from sponsorship.disbursements import cash_service, payee_service, rails, release_service, service
from sponsorship.disbursements.cash_models import CASH, CashCount
from sponsorship.disbursements.models import Disbursement, Payee
from sponsorship.disbursements.payee_needs import Paper
from sponsorship.disbursements.transitions import CASH_COUNT, DISBURSEMENT
from tests.support.award_story import AwardStory

pytestmark = pytest.mark.pages  # permissions and moves are the same on both databases
# where the route of a move does not bear its name; `approve` takes both of two approvals, `select` is the decision, a
# file is handed over by its instruction, a contradiction is of an earlier round (test_payment_answers.py)
ENDPOINTS = {"request": "request_payment"}
NO_ROUTE = {"approve_first", "select", "hand_over", "contradict"}
BODY = {"reason": "other", "text": "For the test.", "bank_reference": "B-1", "ticket": "900.00", "dsa": "700.00",
        "terminal": "100.00", "amount": "200.00"}


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside is taken back."""
    db.session.commit()
    saved = PlacardSession.held_connection.begin_nested()
    try:
        yield
    finally:
        db.session.remove()
        saved.rollback()


class Matrix:
    """All roles before one object."""

    def __init__(self, app, make, as_person, story, machine, model, blueprint):
        self.app, self.machine, self.model, self.blueprint = app, machine, model, blueprint
        # `other` speaks for another State
        self.people = {role: as_person(make.person(role)) for role in ROLES}
        self.people["other"] = as_person(story.focal[1])
        self.routes = {}
        for move in machine.moves:
            endpoint = f"{blueprint}.{ENDPOINTS.get(move.action, move.action)}"
            if move.permission != SYSTEM and move.action not in NO_ROUTE and endpoint in app.view_functions:
                self.routes[move.action] = endpoint
        # who holds nothing of this chain is refused before the object is known: tried once, at the first state
        self.parties = frozenset().union(*(PERMISSIONS[m.permission] for m in machine.moves
                                           if m.action in self.routes)) | {"other"}
        self.rules = {r.endpoint: r for r in app.url_map.iter_rules()}
        self.seen: set[str] = set()
        self.faults: list[str] = []

    def try_all(self, key) -> None:
        state = db.session.get(self.model, key, populate_existing=True).state
        self.seen.add(state)
        for action, endpoint in self.routes.items():
            roles = frozenset().union(*(PERMISSIONS[m.permission] for m in self.machine.moves if m.action == action))
            legal = self.machine.find(state, action) is not None
            before = self._facts(key)
            for role, client in self.people.items():
                if role not in self.parties and len(self.seen) > 1:
                    continue
                held = (role if role != "other" else "focal_point") in roles
                allowed = legal and held and role != "other"
                with undone() if allowed else nullcontext():  # what is refused leaves nothing to take back
                    self._one(key, before, action, endpoint, role, client, allowed, held)

    def _one(self, key, before, action, endpoint, role, client, allowed, held) -> None:
        state, rule = before[0], self.rules[endpoint]
        body = {**BODY, "version": before[1]}
        if not rule.arguments:
            body = {"payments": f"{key}:{before[1]}"}
        answer = client.post(rule.build({"id": key}, append_unknown=False)[1], data=body, check=False)
        after = self._facts(key)
        if allowed:
            move = self.machine.move(state, action)
            good = answer.status_code == 303 and after[1] > before[1] and move.target in (after[0], move.target)
        else:
            good = answer.status_code in ((403, 404, 409) if held else (403, 404)) and after == before
        if not good:
            self.faults.append(f"{role} {action} at {state}: {answer.status_code}, {before} -> {after}")

    def _facts(self, key):
        row = db.session.get(self.model, key, populate_existing=True)
        return row.state, row.version


@pytest.fixture(autouse=True)
def plain_refusals(monkeypatch):
    """Pages of refusals are looked at elsewhere; making fifteen hundred of them would take half a minute."""
    monkeypatch.setattr("core.web.errors.render_template", lambda *_args, **_values: "refused")


def test_payments(app, make, as_person):
    story = AwardStory(make)
    award = story.accepted()
    ticket = story.payments(award)["ticket"]
    story.give_bank_data(award)
    matrix = Matrix(app, make, as_person, story, DISBURSEMENT, Disbursement, "disbursements")
    assert {"request", "certify", "approve", "release", "confirm", "fail", "plan_again", "refuse_certification",
            "refuse_approval", "refuse_release"} <= set(matrix.routes)
    matrix.try_all(ticket)
    with undone():
        calendar.postpone_meeting(story.meeting_id, make.actor("organiser"), "Postponed.")
        matrix.try_all(ticket)
    with undone():
        answer_service.give_back(award, story.focal_point(), story.award(award).version)
        matrix.try_all(ticket)
    with clock.moved_to(story.payment(ticket).due_at + timedelta(hours=1)):
        for step, role in (("request", "requesting_officer"), ("certify", "certifying_officer"),
                           ("approve", "approving_officer")):
            getattr(service, step)(ticket, story.officer(role), story.payment(ticket).version)
            matrix.try_all(ticket)
        service.make_ready(ticket, clock.now())
        matrix.try_all(ticket)
        story.release(ticket)
        matrix.try_all(ticket)
        officer = story.officer("requesting_officer")
        with undone():
            release_service.fail(ticket, "other", "R01", officer, story.payment(ticket).version)
            matrix.try_all(ticket)
        release_service.confirm(ticket, "FT1", officer, story.payment(ticket).version)
        matrix.try_all(ticket)
    assert not matrix.faults, "\n".join(matrix.faults)
    assert {"draft", "requested", "certified", "approved", "ready", "released", "confirmed", "failed", "held",
            "cancelled"} <= matrix.seen


def test_counts_of_cash(app, make, as_person):
    """Every role at every state of a count; at the payment itself only a paymaster who has its list."""
    story = AwardStory(make)
    award = story.accepted()
    payee, payment = story.give_bank_data(award), story.payments(award)["terminal"]
    country = db.session.get_one(Meeting, story.meeting_id).country_code
    rails.set_place(country, CASH, True, clock.today(), "Letter", story.officer("fund_manager"))
    rails.choose(payee, CASH, story.officer("payee_data_officer"), story.version(Payee, payee))
    payee_service.identify(payee, Paper("Given Family0", "passport", "AB12"), story.focal_point(),
                           story.version(Payee, payee), story.proof())
    payee_service.verify(payee, story.officer("payee_data_officer"), story.version(Payee, payee))
    matrix = Matrix(app, make, as_person, story, CASH_COUNT, CashCount, "paymaster")
    assert set(matrix.routes) == {"agree", "take_back"}
    first = person(make.person("paymaster").id)

    def all_roles(state: str) -> None:
        row = story.payment(payment)
        assert row.state == state
        seen = row.version
        for role, client in matrix.people.items():
            for action, body in (("pay", {**BODY, "passport": "y", "boarding_pass": "y"}), ("not-paid", BODY)):
                allowed = role == "paymaster" and state == "sent" and action == "not-paid"
                if role == "paymaster" and action == "pay" and state == "sent":
                    continue  # with its file: test_paymaster.py
                with undone() if allowed else nullcontext():
                    answer = client.post(f"/paymaster/payments/{payment}/{action}",
                                         data={**body, "version": seen}, check=False)
                    assert answer.status_code == 303 if allowed else answer.status_code in (403, 404, 409, 422), (
                        role, action, state, answer.status_code)
                assert story.payment(payment).version == seen

    all_roles("draft")
    with clock.moved_to(story.payment(payment).due_at + timedelta(hours=1)):
        story.ready(payment)
        listed = story.release(payment)
        all_roles("released")
        release_service.hand_over(listed, story.officer("bank_signatory"))
        all_roles("sent")
        amount = story.terminal  # as BODY says
        count = cash_service.hand_out(payment, cash_service.Handed(amount, True, True), story.proof(), first,
                                      story.version(Disbursement, payment))
        matrix.try_all(count)
        with undone():
            cash_service.take_back(count, first, 1)
            matrix.try_all(count)
        cash_service.agree(count, amount, person(make.person("paymaster").id), 1)
        matrix.try_all(count)
        all_roles("confirmed")
    assert not matrix.faults, "\n".join(matrix.faults)
    assert matrix.seen == {"counted", "agreed", "taken_back"}


def test_awards(app, make, as_person):
    story = AwardStory(make)
    first, second, _third = story.decide()
    matrix = Matrix(app, make, as_person, story, AWARD, Award, "awards")
    assert {"estimate", "certify", "approve", "refuse_certification", "refuse_approval", "accept", "turn_down",
            "give_back", "withdraw"} <= set(matrix.routes)
    manager = story.officer("fund_manager")

    def ended(act) -> None:
        with undone():
            act()
            matrix.try_all(first)

    def version() -> int:
        return story.award(first).version

    matrix.try_all(second)  # on the reserve list
    matrix.try_all(first)
    ended(lambda: awards.refuse(first, story.officer("certifying_officer"), version(), "other", "No."))
    ended(lambda: answer_service.withdraw(first, manager, version(), "other", "No."))
    awards.certify(first, story.officer("certifying_officer"), version())
    matrix.try_all(first)
    ended(lambda: calendar.postpone_meeting(story.meeting_id, make.actor("organiser"), "Later."))
    awards.approve(first, story.officer("approving_officer"), version())
    matrix.try_all(first)
    ended(lambda: answer_service.turn_down(first, story.focal_point(), version(), "No."))
    ended(lambda: answer_service.lapse(first, story.award(first).offer_expires_at))
    story.accept(first)
    matrix.try_all(first)
    assert not matrix.faults, "\n".join(matrix.faults)
    assert {"reserve", "selected", "certified", "offered", "accepted", "suspended", "refused", "withdrawn",
            "turned_down", "lapsed"} <= matrix.seen
