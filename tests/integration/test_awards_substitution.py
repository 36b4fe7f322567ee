"""A nominee substituted after the decision: the award goes with the place, nothing is signed before the new person has
been looked at, and not once money is on its way in the former one's name."""

from datetime import date, timedelta

import pytest

from core import clock
from core.db import db
from core.errors import NotFound, RuleBroken
from sponsorship.applications import substitution_service
from sponsorship.applications.models import Application
from sponsorship.applications.paper_models import NomineeSubstitution
from sponsorship.awards import service as awards
from sponsorship.awards.models import Award
from sponsorship.disbursements import service as payments
from sponsorship.disbursements.models import Disbursement
from sponsorship.ledger import service as ledger
from sponsorship.ledger.service import open_pool
from tests.support.award_story import TESTS, AwardStory


def other(email="other@state.example", sex="female"):
    return {"family_name": "Traoré", "given_names": "Ibrahim", "function": "Adviser", "ministry": "Interior",
            "email": email, "birth_date": date(1981, 1, 2), "sex": sex}


def substitute(story, n=0, **values):
    clock.tick(timedelta(minutes=1))
    version = story.version(Application, story.applications[n])
    return substitution_service.substitute(story.applications[n], story.nominees[n], other(**values), "",
                                           version, story.focal_point(n))


def test_the_award_goes_with_the_place(make):
    story = AwardStory(make, states=2, recommended=2)
    with clock.moved_to(clock.now()):
        first, _second = story.decide()
        account = make.person("nominee", organisation=story.states[0], email="other@state.example")
        made = substitute(story)
        assert story.award(first).beneficiary_id == account.id, "who travels never signs"
        with pytest.raises(RuleBroken) as refused:
            awards.certify(first, story.officer("certifying_officer"), story.version(Award, first))
        assert refused.value.code == "award.substitute"
        substitution_service.check(made, story.officer("fund_manager"))
        story.offer(first)
        with pytest.raises(NotFound):
            substitution_service.substitute(story.applications[0], story.nominees[0], other("b@x.example"), "",
                                            story.version(Application, story.applications[0]), story.focal_point(1))
        # accepted, nothing entered yet: still possible; then the new one must be looked at before a payment
        story.accept(first)
        again = substitute(story, email="third@state.example")
        story.give_bank_data(first)
        ticket = story.payments(first)["ticket"]
        with pytest.raises(RuleBroken) as refused:
            payments.request(ticket, story.officer("requesting_officer"), story.version(Disbursement, ticket))
        assert refused.value.code == "award.substitute"
        substitution_service.check(again, story.officer("fund_manager"))
        payments.request(ticket, story.officer("requesting_officer"), story.version(Disbursement, ticket))
        with pytest.raises(RuleBroken) as refused:
            substitute(story, email="fourth@state.example")
        assert refused.value.code == "nominee.money_under_way"
        db.session.rollback()
        assert db.session.query(NomineeSubstitution).count() == 2, "nothing of the refused one is kept"
        assert not story.verify()


def test_money_meant_for_women_does_not_go_to_a_man(make):
    women = open_pool(f"women{clock.now():%H%M%S%f}", "Women", earmark={"sex": "female"}, is_demo=True)
    ledger.receive(women, ledger.Intake(1_000_000), source=("test", women), key=f"test:{women}", actor=TESTS)
    story = AwardStory(make, states=1, recommended=1, money=0, pools=(women,))
    with clock.moved_to(clock.now()):
        [award] = story.decide()
        story.offer(award)
        with pytest.raises(RuleBroken) as refused:
            substitute(story, sex="male")
        assert refused.value.code == "nominee.earmark"
        db.session.rollback()
        substitute(story)
        assert not story.verify()
