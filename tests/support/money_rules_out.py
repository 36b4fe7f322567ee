"""Money going out, as rules: obligations certified and approved, offers answered or not, payments released, confirmed,
failed."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from core import clock
from core.db import db
from core.errors import RuleBroken
from sponsorship.awards import answer_service
from sponsorship.awards import service as awards
from sponsorship.awards.models import Award
from sponsorship.disbursements import release_service
from sponsorship.disbursements import service as chain
from sponsorship.disbursements.models import Disbursement
from sponsorship.ledger.costs import PoolStopped
from sponsorship.ledger.posting import NotEnoughMoney
from tests.support.money_flows import Line, Short, Spent, Stopped
from tests.support.money_rules_back import BackRules


class OutRules(BackRules):
    """The five awards of the world; the model knows what each has reserved and spent."""

    def __init__(self) -> None:
        super().__init__()
        self.reserved: dict[uuid.UUID, list[Line]] = {}
        self.spent: dict[uuid.UUID, Spent] = {}
        self.with_data: set[uuid.UUID] = set()
        self.look()

    def look(self) -> None:
        """Where awards and payments stand, for the choice of what may happen next."""
        db.session.expire_all()
        self.all_awards = db.session.query(Award).order_by(Award.id).all()
        self.all_payments = db.session.query(Disbursement).order_by(Disbursement.id).all()

    def awards(self, *states: str) -> list[Any]:
        return [award for award in self.all_awards if award.state in states]

    def disbursements(self, *states: str) -> list[Any]:
        return [row for row in self.all_payments if row.state in states]

    @precondition(lambda self: self.awards("selected"))
    @rule(data=st.data(), refused=st.sampled_from([False, False, False, True]))
    def an_obligation_is_certified(self, data: Any, refused: bool) -> None:
        found = self.awards("selected")
        award = data.draw(st.sampled_from(found))
        award_id, version, amount = award.id, award.version, award.amount_minor
        pools, officer = self.world.call_pools[award.organisation_id], self.officer("certifying_officer")
        if refused and len(found) > 2:
            self.do(data, lambda: awards.refuse(award_id, officer, version, "other", "Not now."))
            return
        try:
            self.do(data, lambda: awards.certify(award_id, officer, version))
        except NotEnoughMoney as refusal:
            db.session.rollback()
            try:
                self.model.books.reserve(pools, amount, clock.today())
            except Short as short:
                assert short.missing == refusal.short_minor
            else:
                raise AssertionError("the money is there") from refusal
            return
        self.reserved[award_id] = self.model.books.reserve(pools, amount, clock.today())

    @precondition(lambda self: self.awards("certified", "offered"))
    @rule(data=st.data(), answer=st.sampled_from(["accept", "accept", "accept", "turn_down", "lapse", "refuse"]))
    def an_offer_is_made_and_answered(self, data: Any, answer: str) -> None:
        award = data.draw(st.sampled_from(self.awards("certified", "offered")))
        state, award_id, version = award.state, award.id, award.version
        n = self.world.story.states.index(award.organisation_id)
        if state == "certified":
            officer = self.officer("approving_officer")
            if answer == "refuse":
                self.do(data, lambda: awards.refuse(award_id, officer, version, "other", "Not now."))
                self.model.books.release(self.reserved[award_id])
                return
            try:
                self.do(data, lambda: awards.approve(award_id, officer, version))
            except RuleBroken as late:
                db.session.rollback()
                assert late.code == "award.too_late"
                return
            version = self.version(Award, award_id)
        expires, focal = self.world.story.award(award_id).offer_expires_at, self.world.story.focal_point(n)
        assert expires is not None
        if answer == "lapse" or clock.now() + timedelta(minutes=1) >= expires:
            clock.tick(max(expires - clock.now(), timedelta()))
            self.do(data, lambda: answer_service.lapse(award_id, clock.now()))
        elif answer == "turn_down":
            self.do(data, lambda: answer_service.turn_down(award_id, focal, version))
        else:
            self.do(data, lambda: answer_service.accept(award_id, focal, version))
            return
        self.model.books.release(self.reserved[award_id])

    @precondition(lambda self: len(self.awards("accepted")) > 1)
    @rule(data=st.data())
    def an_award_is_given_back(self, data: Any) -> None:
        award = data.draw(st.sampled_from(self.awards("accepted")))
        award_id, version = award.id, award.version
        self.do(data, lambda: answer_service.withdraw(award_id, self.world.officer, version, "other", "Ended."))
        self.model.books.release(self.reserved[award_id])

    def payable(self) -> list[Disbursement]:
        """Payments before the journey: the final share waits for its claim (test_claims.py)."""
        return [row for row in self.disbursements("draft", "approved", "ready", "failed") if row.kind != "final"]

    @precondition(lambda self: self.payable())
    @rule(data=st.data())
    def a_payment_is_released(self, data: Any) -> None:
        row = data.draw(st.sampled_from(self.payable()))
        row_id, award_id, state = row.id, row.award_id, row.state
        story = self.world.story
        if award_id not in self.with_data:
            story.give_bank_data(award_id, story.states.index(row.organisation_id))
            self.with_data.add(award_id)
        if state == "failed":
            release_service.plan_again(row_id, story.officer("requesting_officer"),
                                       self.version(Disbursement, row_id))
            state = "draft"
        if state == "draft":
            story.sign_three(row_id)
        clock.tick(max(story.payment(row_id).due_at - clock.now(), timedelta()) + timedelta(hours=1))
        if state != "ready":
            assert chain.make_ready(row_id, clock.now())
        versions, amount = {row_id: self.version(Disbursement, row_id)}, story.payment(row_id).amount_minor
        try:
            self.do(data, lambda: release_service.release(versions, story.officer("bank_signatory")))
        except PoolStopped as refusal:
            db.session.rollback()
            try:
                self.model.books.spend(self.reserved[award_id], amount)
            except Stopped:
                return
            raise AssertionError("nothing lacks") from refusal
        self.spent[row_id] = self.model.books.spend(self.reserved[award_id], amount)

    @precondition(lambda self: self.disbursements("released"))
    @rule(data=st.data(), fee=st.sampled_from([0, 0, 25_00]), fails=st.booleans())
    def the_bank_answers(self, data: Any, fee: int, fails: bool) -> None:
        row = data.draw(st.sampled_from(self.disbursements("released")))
        row_id, version, award_id = row.id, row.version, row.award_id
        officer, spent = self.officer("requesting_officer"), self.spent[row_id]
        if fails:
            self.do(data, lambda: release_service.fail(row_id, "returned", uuid.uuid4().hex, officer, version))
            self.model.books.returned(spent)
            if self.world.story.award(award_id).state != "accepted":
                self.model.books.release(self.reserved[award_id])
        else:
            self.do(data, lambda: release_service.confirm(row_id, uuid.uuid4().hex, officer, version,
                                                          bank_fee_minor=fee))
            self.model.books.confirm(spent, fee)
