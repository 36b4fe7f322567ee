"""Commands on pledges, one by one: who may, from where, what is refused, what stands afterwards."""

from __future__ import annotations

import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest

from core import clock
from core.actor import PUBLIC
from core.db import db
from core.errors import IllegalMove, NotAllowed, NotFound, RuleBroken, SignInNeeded, Stale
from core.events import Event, EventText
from core.outbox import OutboxMail
from core.verify import CHECKS
from sponsorship.contributions import service
from sponsorship.contributions.back_models import Refund
from sponsorship.contributions.desk import currencies_pledged
from sponsorship.contributions.models import Contribution, Instalment, Pledge
from sponsorship.contributions.queries import get_pledge
from sponsorship.contributions.refunds import BankRefund
from sponsorship.contributions.schedules import Part
from sponsorship.contributions.transitions import OPEN, PLEDGE
from sponsorship.gateways.rates import RateMissing, currencies_in_use
from sponsorship.ledger.models import Pool
from tests.support.giving import EUR, Fund, fresh, in_days
from tests.support.rates import put_rates


@pytest.fixture
def fund(make: Any) -> Fund:
    return Fund(make, rates=True)


def sound() -> None:
    """Every invariant of contributions and the ledger holds."""
    db.session.commit()
    assert [f for name, check in CHECKS.items() if name.startswith(("contributions.", "ledger."))
            for f in check()[1]] == []


def parts_of(pledge_id: uuid.UUID) -> list[tuple[Any, int]]:
    pledge = fresh(Pledge, pledge_id)
    rows = db.session.query(Instalment).filter_by(pledge_id=pledge_id, schedule=pledge.schedule)
    return [(row.due_on, row.amount_minor) for row in rows.order_by(Instalment.n)]


# --- making -----------------------------------------------------------------------------------------------------
def test_a_pledge_in_another_currency_keeps_its_worth_of_the_day(fund: Fund) -> None:
    made = fresh(Pledge, fund.named(1_000_00, currency="EUR").id)
    assert (made.usd_minor, made.rate, made.rate_date) == (1_086_96, EUR, clock.today())  # 1000 / 0.92
    assert made.rate_source == "UN operational rate"
    assert currencies_pledged() == {"EUR"} and "EUR" in currencies_in_use()
    put_rates({"EUR": "0.80"}, in_days(1))
    with clock.moved_to(clock.now() + timedelta(days=1)):
        assert get_pledge(made.id).usd.minor == 1_086_96
        assert fresh(Pledge, fund.named(1_000_00, currency="EUR").id).usd_minor == 1_250_00
    sound()


@pytest.mark.parametrize(("currency", "minor", "usd"), [
    ("JPY", 15_000, 100_00), ("KWD", 307_000, 1_000_00), ("USD", 5_00, 5_00), ("USD", 100_000_000_00, 100_000_000_00),
])
def test_currencies_without_two_decimals(fund: Fund, currency: str, minor: int, usd: int) -> None:
    made = fresh(Pledge, fund.named(minor, currency=currency).id)
    assert (made.amount_minor, made.usd_minor) == (minor, usd)
    sound()


@pytest.mark.parametrize(("values", "code"), [
    ({"amount_minor": 4_99}, "pledge.too_small"), ({"amount_minor": 100_000_000_01}, "pledge.too_large"),
    ({"amount_minor": 749, "currency": "JPY"}, "pledge.too_small"),
    ({"amount_minor": 10_00, "currency": "SEK"}, "rates.missing"),
    ({"donor_name": " \u202e\u200b "}, "pledge.anonymous"), ({"donor_name": "Anonymous"}, "pledge.anonymous"),
    ({"donor_name": ""}, "pledge.anonymous"), ({"donor_name": "x" * 201}, "pledge.long_name"),
    ({"donor_email": "nobody"}, "pledge.no_address"),
    ({"parts": (Part(499_99, None),)}, "pledge.instalments_sum"),
    ({"parts": (Part(500_01, None),)}, "pledge.instalments_sum"),
    ({"parts": (Part(250_00, None), Part(250_00, None))}, "pledge.instalments_date_missing"),
    ({"parts": (Part(0, None), Part(500_00, None))}, "pledge.instalments_amount"),
    ({"parts": tuple(Part(25_00, None) for _ in range(21))}, "pledge.instalments_number"),
])
def test_pledges_that_cannot_be_made(fund: Fund, values: dict[str, Any], code: str) -> None:
    with pytest.raises(RuleBroken) as refusal:
        fund.named(**{"amount": 500_00, **values} if "amount_minor" not in values else values)
    assert refusal.value.code == code
    assert db.session.query(Pledge).count() == 0


def test_instalments_lie_ahead_in_order_and_within_ten_years(fund: Fund) -> None:
    for days, code in ((-1, "past"), (4_000, "far")):
        with pytest.raises(RuleBroken, match=code):
            fund.named(500_00, days)
    with pytest.raises(RuleBroken, match="order"):
        fund.named(500_00, 20, 10)
    with pytest.raises(RuleBroken, match="order"):
        fund.named(500_00, 20, 20)


def test_no_pledge_without_a_rate_and_one_with_it(fund: Fund) -> None:
    with pytest.raises(RateMissing):
        fund.named(1_000_00, currency="SEK")
    put_rates({"SEK": "10.5"}, clock.today())
    fund.named(1_000_00, currency="SEK")


def test_names_are_kept_in_their_one_form(fund: Fund) -> None:
    made = fund.named(donor_name="  Ada \u202e Foundation ", donor_contact="\u2066Ada\u2069 L.")
    page = get_pledge(made.id)
    assert (page.donor, page.contact) == ("Ada Foundation", "Ada L.")


def test_a_purpose_opens_its_pool_once(fund: Fund) -> None:
    earmark = {"facts": ["ldc"], "sex": ["female"]}
    one = fresh(Pledge, fund.named(earmark=earmark).id)
    two = fresh(Pledge, fund.named(earmark={"sex": "female", "ldc": True}).id)
    assert one.pool_id == two.pool_id not in (None, fund.women, fund.general)
    assert fresh(Pool, one.pool_id).name == "For delegates from least developed countries, who are women"
    assert one.earmark == {"facts": ["ldc"], "sex": ["female"]}
    assert fresh(Pledge, fund.named(earmark={"sex": ["female"]}).id).pool_id == fund.women


@pytest.mark.real_database
def test_two_donors_with_one_new_purpose_at_once(app: Any, make: Any) -> None:
    """The pool opens once; so does a pledge that is sent twice in the same instant."""
    Fund(make)
    db.session.remove()
    earmark, key, made, gate = {"group": ["GRULAC"]}, uuid.uuid4().hex, [], threading.Barrier(6)

    def give(draft_key: str) -> None:
        with app.app_context():
            gate.wait()
            made.append(service.make_pledge(service.PledgeDraft(
                draft_key, 100_00, earmark=earmark, donor_name="Ada", donor_email="ada@donor.example"), PUBLIC).id)
            db.session.remove()

    keys = [key, key, key, *(uuid.uuid4().hex for _ in range(3))]
    threads = [threading.Thread(target=give, args=(k,)) for k in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(made) == 6 and len(set(made)) == 4
    assert db.session.query(Pledge).count() == 4
    assert len({row.pool_id for row in db.session.query(Pledge)}) == 1


def test_only_the_fund_manager_records_what_was_announced_elsewhere(fund: Fund, make: Any) -> None:
    draft = service.PledgeDraft(uuid.uuid4().hex, 100_00, organisation_id=fund.state)
    for actor in (fund.head, fund.officer, fund.donor, PUBLIC):
        with pytest.raises((NotAllowed, SignInNeeded)):
            service.record_pledge(draft, actor)
    with pytest.raises(RuleBroken, match="anonymous"):
        service.record_pledge(service.PledgeDraft(uuid.uuid4().hex, 100_00, donor_name="Ada",
                                                  donor_email="a@b.example"), fund.manager)
    with pytest.raises(NotFound):
        service.record_pledge(service.PledgeDraft(uuid.uuid4().hex, 100_00, organisation_id=uuid.uuid4()),
                              fund.manager)


def test_a_pledge_is_worth_what_the_day_of_its_announcement_makes_it(fund: Fund) -> None:
    put_rates({"EUR": "0.50"}, in_days(-20))
    key = uuid.uuid4().hex
    draft = service.PledgeDraft(
        key, 1_000_00, "EUR", parts=(Part(1_000_00, in_days(-5)),), organisation_id=fund.state,
        announced_on=in_days(-10), words="General exchange of views.")
    made = fresh(Pledge, service.record_pledge(draft, fund.manager).id)
    assert (made.usd_minor, made.announced_at.date()) == (2_000_00, in_days(-10))
    said = db.session.query(EventText.text).join(Event).filter(Event.subject_id == made.id).scalar()
    assert said == "General exchange of views."
    assert service.record_pledge(draft, fund.manager).id == made.id
    assert service.fall_due(made.id, clock.now()) and fund.state_of(made.id) == "overdue"
    mail = db.session.query(OutboxMail).filter_by(kind="pledge.made").one()
    assert mail.to_address == fund.donor_person.email
    for days, code in ((1, "future"), (-4_100, "long_ago")):
        with pytest.raises(RuleBroken, match=code):
            service.record_pledge(service.PledgeDraft(
                uuid.uuid4().hex, 100_00, organisation_id=fund.state, announced_on=in_days(days)), fund.manager)
    sound()


def test_an_agreement_in_force_decides_for_a_state_and_for_nobody_else(fund: Fund, make: Any) -> None:
    agreement = fund.agreement(pool_id=fund.women)
    made = fresh(Pledge, fund.pledge(500_00, earmark={"facts": ["sids"]}))
    assert (made.state, made.agreement_id, made.pool_id) == ("agreed", agreement, fund.women)
    assert made.earmark == {"facts": ["sids"]}, "the donor's own wish stays readable"
    other = make.donor()
    fund.agreement(other, pool_id=fund.women)
    assert fund.state_of(fund.pledge(500_00, organisation=other)) == "announced"


# --- under an agreement -----------------------------------------------------------------------------------------
def test_put_under_an_agreement(fund: Fund, make: Any) -> None:
    made = fund.pledge(900_00, 10, 20)
    agreement = fund.agreement(pool_id=fund.women)
    foreign, over = fund.agreement(make.state("XB")), fund.agreement(end_date=in_days(-1))
    for wrong in (foreign, over):
        with pytest.raises(RuleBroken, match="agreement"):
            service.agree(made, wrong, fund.manager, fund.version(made))
    with pytest.raises(Stale):
        service.agree(made, agreement, fund.manager, 99)
    with pytest.raises(NotAllowed):
        service.agree(made, agreement, fund.head, fund.version(made))
    service.agree(made, agreement, fund.manager, fund.version(made))
    row = fresh(Pledge, made)
    assert (row.state, row.agreement_id, row.pool_id) == ("agreed", agreement, fund.women)
    with pytest.raises(RuleBroken, match="agreed"):
        service.agree(made, agreement, fund.manager, fund.version(made))
    contribution = fresh(Contribution, fund.pay(made, 450_00))
    assert (contribution.state, contribution.pool_id) == ("accepted", fund.women)
    sound()


def test_letters_of_others_than_states_replace_no_acceptance(fund: Fund, make: Any) -> None:
    other = make.donor()
    made = fund.pledge(900_00, organisation=other)
    service.agree(made, fund.agreement(other, support_rate_bp=700), fund.manager, fund.version(made))
    row = fresh(Contribution, fund.pay(made, 900_00))
    assert row.state == "in_suspense"
    service.record_check(made, "clear", "A register.", fund.manager)
    service.accept(row.id, fund.head, "Checked.")
    from sponsorship.ledger.models import Lot

    assert db.session.query(Lot).filter_by(source_id=row.id).one().rate_bp == 700
    sound()


# --- reducing ---------------------------------------------------------------------------------------------------
def test_the_last_instalments_shrink_first(fund: Fund) -> None:
    made = fund.pledge(900_00, 10, 20, 30)
    service.reduce(made, 450_00, fund.manager, "A smaller budget.", fund.version(made))
    assert parts_of(made) == [(in_days(10), 300_00), (in_days(20), 150_00)]
    row = fresh(Pledge, made)
    assert (row.state, row.current_minor, row.amount_minor, row.schedule) == ("reduced", 450_00, 900_00, 2)
    assert db.session.query(Instalment).filter_by(pledge_id=made, schedule=1).count() == 3
    fund.pay(made, 450_00)
    assert fund.state_of(made) == "paid"
    sound()


@pytest.mark.parametrize(("to", "paid", "good"), [
    (900_00, 0, False), (900_01, 0, False), (0, 0, False), (-1, 0, False), (1, 0, True), (899_99, 0, True),
    (299_99, 300_00, False), (300_00, 300_00, True), (300_01, 300_00, True),
])
def test_how_far_a_pledge_is_reduced(fund: Fund, to: int, paid: int, good: bool) -> None:
    made = fund.pledge(900_00, 10, 20, 30)
    if paid:
        fund.pay(made, paid)
    if not good:
        with pytest.raises(RuleBroken, match=r"pledge\.reduce"):
            service.reduce(made, to, fund.manager, "Less.", fund.version(made))
        return
    service.reduce(made, to, fund.manager, "Less.", fund.version(made))
    assert fund.state_of(made) == ("paid" if to == paid else "reduced")
    sound()


def test_reduced_to_what_went_back_is_paid_back(fund: Fund) -> None:
    made = fund.pledge(900_00, 10, 20, 30)
    row = fresh(Contribution, fund.pay(made, 300_00))
    refund = service.refuse(row.id, fund.head, "purpose", "", row.version)
    done = BankRefund("OUT/1", clock.today(), 300_00)
    service.record_bank_refund(refund, done, fund.officer, fresh(Refund, refund).version)
    assert fund.state_of(made) == "partly_paid", "600 are still owed: the refund hides no promise"
    assert get_pledge(made).outstanding.minor == 600_00
    service.reduce(made, 300_00, fund.manager, "No more.", fund.version(made))
    assert fund.state_of(made) == "returned"
    sound()


# --- deferring --------------------------------------------------------------------------------------------------
def test_paid_instalments_keep_their_place(fund: Fund) -> None:
    made = fund.pledge(900_00, 10, 20, 30)
    fund.pay(made, 400_00)  # the first, and a third of the second
    service.defer(made, [Part(200_00, in_days(40)), Part(300_00, in_days(50))], fund.manager, "Later.",
                  fund.version(made))
    assert parts_of(made) == [(in_days(10), 300_00), (in_days(40), 300_00), (in_days(50), 300_00)]
    assert fresh(Pledge, made).next_due_on == in_days(40)
    assert [part.left.minor for part in get_pledge(made).parts] == [0, 200_00, 300_00]
    sound()


def test_what_was_paid_ahead_counts_in_the_first_new_instalment(fund: Fund) -> None:
    made = fund.pledge(900_00, 30, 60, 90)
    fund.pay(made, 300_00)
    service.defer(made, [Part(600_00, in_days(20))], fund.manager, "Sooner, in fact.", fund.version(made))
    assert parts_of(made) == [(in_days(20), 900_00)]
    assert get_pledge(made).next_part.left.minor == 600_00  # type: ignore[union-attr]
    sound()


def test_an_undated_pledge_gets_dates(fund: Fund) -> None:
    made = fund.pledge(900_00)
    fund.pay(made, 100_00)
    service.defer(made, [Part(400_00, in_days(20)), Part(400_00, in_days(40))], fund.manager, "In two.",
                  fund.version(made))
    assert parts_of(made) == [(in_days(20), 500_00), (in_days(40), 400_00)]
    sound()


@pytest.mark.parametrize(("parts", "code"), [
    ((), "number"), (((900_00, None),), "past"), (((900_00, -1),), "past"), (((899_99, 5),), "sum"),
    (((900_01, 5),), "sum"), (((450_00, 9), (450_00, 5)), "order"), (((900_00, 4_000),), "far"),
])
def test_deferrals_that_cannot_be(fund: Fund, parts: Any, code: str) -> None:
    made = fund.pledge(900_00, 10)
    wanted = [Part(minor, None if days is None else in_days(days)) for minor, days in parts]
    with pytest.raises(RuleBroken, match=code):
        service.defer(made, wanted, fund.manager, "Later.", fund.version(made))
    assert fresh(Pledge, made).schedule == 1


# --- ends -------------------------------------------------------------------------------------------------------
def test_written_off_by_the_head_of_the_fund_for_good(fund: Fund) -> None:
    made = fund.pledge(900_00, 10, 20, 30)
    fund.pay(made, 300_00)
    with pytest.raises(NotAllowed):
        service.write_off(made, fund.manager, "Given up.", fund.version(made))
    service.write_off(made, fund.head, "Given up.", fund.version(made))
    assert fund.state_of(made) == "written_off"
    assert get_pledge(made).outstanding.minor == 0
    fund.pay(made, 600_00)  # money is recorded whenever it comes
    row = fresh(Pledge, made)
    assert (row.state, row.paid_minor) == ("written_off", 900_00)
    sound()


def test_cancelled_while_nothing_is_paid(fund: Fund) -> None:
    made = fund.pledge(900_00)
    service.cancel_pledge(made, fund.manager, "Not paid.", fund.version(made))
    assert fund.state_of(made) == "cancelled"
    paid = fund.pledge(900_00)
    fund.pay(paid, 1_00)
    with pytest.raises(RuleBroken, match="partly_paid"):
        service.cancel_pledge(paid, fund.manager, "Not paid.", fund.version(paid))


def test_no_act_leads_out_of_an_ended_pledge(fund: Fund) -> None:
    acts = {
        "agree": lambda p, v: service.agree(p, agreement, fund.manager, v),
        "reduce": lambda p, v: service.reduce(p, 1_00, fund.manager, "x", v),
        "defer": lambda p, v: service.defer(p, [Part(900_00, in_days(9))], fund.manager, "x", v),
        "write_off": lambda p, v: service.write_off(p, fund.head, "x", v),
        "cancel": lambda p, v: service.cancel_pledge(p, fund.manager, "x", v),
    }
    ends = {"cancelled": lambda p: service.cancel_pledge(p, fund.manager, "x", 1),
            "written_off": lambda p: service.write_off(p, fund.head, "x", 1),
            "paid": lambda p: fund.pay(p, 900_00)}
    for state, end in ends.items():
        made = fund.pledge(900_00)
        end(made)
        assert fund.state_of(made) == state
        agreement = fund.agreement()
        for name, act in acts.items():
            with pytest.raises((IllegalMove, RuleBroken)):
                act(made, fund.version(made))
            assert fund.state_of(made) == state, name
        assert not service.fall_due(made, clock.now() + timedelta(days=400))
    sound()


@pytest.mark.parametrize("act", ["reduce", "defer", "write_off", "cancel"])
def test_every_act_needs_words_a_permission_and_the_page_that_stands(fund: Fund, make: Any, act: str) -> None:
    made = fund.pledge(900_00, 10)
    run = {
        "reduce": lambda actor, words, v: service.reduce(made, 1_00, actor, words, v),
        "defer": lambda actor, words, v: service.defer(made, [Part(900_00, in_days(9))], actor, words, v),
        "write_off": lambda actor, words, v: service.write_off(made, actor, words, v),
        "cancel": lambda actor, words, v: service.cancel_pledge(made, actor, words, v),
    }[act]
    right = fund.head if act == "write_off" else fund.manager
    for wrong in (fund.officer, fund.donor, make.actor("auditor"), PUBLIC,
                  fund.manager if act == "write_off" else fund.head):
        with pytest.raises((NotAllowed, SignInNeeded)):
            run(wrong, "Because.", 1)
    with pytest.raises(RuleBroken, match="no_reason"):
        run(right, "  ", 1)
    with pytest.raises(Stale):
        run(right, "Because.", 2)
    assert fresh(Pledge, made).version == 1
    run(right, "Because.", 1)
    with pytest.raises((Stale, IllegalMove)):
        run(right, "Because.", 1)  # a second click


@pytest.mark.parametrize("act", ["reduce", "defer", "write_off", "cancel"])
def test_no_act_while_a_payment_is_under_way(fund: Fund, act: str) -> None:
    from sponsorship.contributions import payments

    made = fund.pledge(900_00, 10)
    row = payments.new_contribution(fresh(Pledge, made), get_pledge(made).amount, fund.donor, method="transfer")
    row.state = "declared"
    db.session.commit()
    run = {
        "reduce": lambda: service.reduce(made, 1_00, fund.manager, "x", 1),
        "defer": lambda: service.defer(made, [Part(900_00, in_days(9))], fund.manager, "x", 1),
        "write_off": lambda: service.write_off(made, fund.head, "x", 1),
        "cancel": lambda: service.cancel_pledge(made, fund.manager, "x", 1),
    }[act]
    with pytest.raises(RuleBroken, match="payment_open"):
        run()


# --- money ------------------------------------------------------------------------------------------------------
def test_payments_settle_the_oldest_promise_first_to_the_cent(fund: Fund) -> None:
    made = fund.pledge(900_00, 10, 20, 30)
    steps = ((299_99, (299_99, 0, 0), 10), (1, (300_00, 0, 0), 20), (300_01, (300_00, 300_00, 1), 30),
             (299_99, (300_00, 300_00, 300_00), None))
    for minor, covered, due in steps:
        fund.pay(made, minor)
        page = get_pledge(made)
        assert tuple(part.covered.minor for part in page.parts) == covered
        assert page.next_due_on == (None if due is None else in_days(due))
    assert fund.state_of(made) == "paid"
    sound()


def test_a_correction_of_what_was_paid_too_much_leaves_the_pledge_paid(fund: Fund) -> None:
    made = fund.pledge(900_00, 10)
    fund.pay(made, 900_00)
    wrong = fresh(Contribution, fund.pay(made, 50_00))
    from sponsorship.contributions.back_models import Refund

    refund = service.request_correction(wrong.id, fund.manager, "Booked twice.", wrong.version)
    service.approve_refund(refund, fund.head, fresh(Refund, refund).version)
    row = fresh(Pledge, made)
    assert (row.state, row.paid_minor, row.next_due_on) == ("paid", 900_00, None)
    sound()


@pytest.mark.parametrize(("under", "state"), [(True, "agreed"), (False, "announced")])
def test_a_correction_of_the_only_payment_leads_to_where_the_pledge_stood(fund: Fund, under: bool, state: str) -> None:
    from sponsorship.contributions.back_models import Refund

    if under:
        fund.agreement(pool_id=fund.general)
    made = fund.pledge(900_00, 10)
    wrong = fresh(Contribution, fund.pay(made, 900_00))
    refund = service.request_correction(wrong.id, fund.manager, "Another donor's.", wrong.version)
    service.approve_refund(refund, fund.head, fresh(Refund, refund).version)
    row = fresh(Pledge, made)
    assert (row.state, row.paid_minor, row.next_due_on) == (state, 0, in_days(10))
    sound()


def test_every_state_and_every_move_is_told_by_the_table(app: Any) -> None:
    """No move leads into an open state from one that has ended."""
    for move in PLEDGE.moves:
        if move.target in OPEN:
            assert not {"cancelled", "written_off"} & set(move.sources), move.action
    assert {s.code for s in PLEDGE.states if s.terminal} == {"cancelled", "written_off"}
