"""Two donor States give under agreements, delegates travel: for tests of the figures that the public and donors see."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

from core import clock
from core.actor import person, system
from core.db import db
from core.money import usd
from sponsorship.contributions import payments, service
from sponsorship.gateways.stripe_facts import SessionFacts
from sponsorship.ledger import service as ledger
from sponsorship.transparency import keeping
from tests.support.award_story import AwardStory

TESTS = system("tests")
DONORS = {"XY": 700, "XZ": 1300}  # rates of support costs in their agreements


class FundStory:
    """`give` pays a pledge through the commands; `travel` makes an award, reserves, spends and confirms it."""

    def __init__(self, make: Any) -> None:
        self.make = make
        self.pool_id = ledger.open_pool("general", "General", is_demo=True)
        self.donors: dict[str, Any] = {}
        self.story: AwardStory | None = None
        self.awards: list[uuid.UUID] = []

    def donor(self, code: str, pool_id: uuid.UUID | None = None) -> Any:
        """A person who gives for State `code`, which has an agreement."""
        if code not in self.donors:
            state = self.make.state(code, f"Donor State {code}")
            service.record_agreement(
                service.AgreementTerms(state, f"NV/{code}", clock.today() - timedelta(days=400), DONORS[code], None,
                                       pool_id or self.pool_id), self.make.actor("fund_manager"))
            self.donors[code] = self.make.person("donor", organisation=state, name=f"Donor Person {code}")
        return self.donors[code]

    def pledge(self, code: str, amount: int, pool_id: uuid.UUID | None = None) -> service.PledgeMade:
        giver = self.donor(code, pool_id)
        return service.make_pledge(service.PledgeDraft(
            uuid.uuid4().hex, amount, organisation_id=self.make.state(code)), person(giver.id))

    def pay(self, made: service.PledgeMade, code: str, amount: int, fee: int) -> uuid.UUID:
        """What Stripe says of a paid session is applied. The contribution."""
        attempt = payments.start_payment(made.id, person(self.donor(code).id))
        key = str(attempt.contribution_id)
        opened = SessionFacts(f"cs_{key}", False, "open", "unpaid", usd(amount), key, {"placard_contribution": key},
                              f"https://checkout.test/{key}", attempt.expires_at)
        payments.checkout_opened(attempt.contribution_id, opened)
        settled = payments.settle_session(SessionFacts(
            f"cs_{key}", False, "complete", "paid", usd(amount), key, {"placard_contribution": key},
            payment_intent_id=f"pi_{key}", charge_id=f"ch_{key}", fee=usd(fee), net=usd(amount - fee)), TESTS, False)
        assert settled.word == "received"
        return attempt.contribution_id

    def give(self, code: str, amount: int, fee: int = 0, pool_id: uuid.UUID | None = None) -> uuid.UUID:
        return self.pay(self.pledge(code, amount, pool_id), code, amount, fee)

    # --- journeys -----------------------------------------------------------------------------------------------
    def meeting(self, states: int = 3) -> AwardStory:
        """A meeting in ninety days with one accepted award for each State: the money for it is reserved."""
        self.story = AwardStory(self.make, states=states, recommended=states, money=0)
        self.awards = self.story.decide()
        for n, award in enumerate(self.awards):
            self.story.offer(award)
            self.story.accept(award, n)
        return self.story

    def spend(self, award_id: uuid.UUID, direct: int, confirm: bool = True, bank_fee: int = 0) -> uuid.UUID:
        assert self.story is not None
        key = str(uuid.uuid4())
        reservation = self.story.award(award_id).reservation_id
        assert reservation is not None
        spent = ledger.spend(reservation, direct, key=key, actor=TESTS)
        if confirm:
            ledger.confirm_spend(spent, key=f"{key}:c", actor=TESTS, bank_fee_minor=bank_fee)
        db.session.commit()
        return spent

    def close(self, award_id: uuid.UUID) -> None:
        """The rest of the reservation is given back."""
        from sponsorship.awards.service import close

        close(award_id, TESTS)

    def close_again(self, reservation_id: uuid.UUID) -> None:
        """What came back to a closed award's reservation is given back too."""
        ledger.release(reservation_id, key=f"again:{uuid.uuid4()}", actor=TESTS)
        db.session.commit()

    def travel(self, *costs: int, bank_fee: int = 0) -> AwardStory:
        """A meeting whose delegates cost so many cents directly, settled. The clock is the caller's to move."""
        story = self.meeting(len(costs))
        for award, cost in zip(self.awards, costs, strict=True):
            self.spend(award, cost, bank_fee=bank_fee)
            self.close(award)
        return story

    @contextmanager
    def after(self) -> Iterator[None]:
        """Hold the business clock at a month after the meeting, when the schedule has kept the sums of what is
        settled."""
        assert self.story is not None
        end: date = self.story.meeting.end_date
        with clock.moved_to(clock.now() + timedelta(days=(end - clock.today()).days + 30)):
            self.keep()
            yield

    @staticmethod
    def keep() -> list[str]:
        """What the job keep-meetings does now."""
        return [keeping.keep(item) for item, _due, _word in keeping.meetings_due(clock.now(), 1000)]
