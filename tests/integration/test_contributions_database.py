"""What the database itself refuses, by the name of the constraint, and what the checks of `verify` would find."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from core import clock
from core.db import db
from sponsorship.contributions import back_checks, checks, service
from sponsorship.contributions.back_models import Receipt, Refund
from sponsorship.contributions.models import Agreement, Contribution, Instalment, Pledge
from sponsorship.contributions.shortfall_models import Cover
from sponsorship.gateways.models import StripeEvent
from sponsorship.ledger.models import FundSetting
from tests.integration.test_contributions_payments import FakeGateway, begin, checked, named_pledge, only, settle
from tests.integration.test_contributions_payments import gateway as gateway
from tests.integration.test_contributions_payments import pool as pool

ALL = (checks.receipts_without_gaps, checks.books_know_every_contribution, checks.pledges_agree_with_payments)


def refused(statement: Callable[[], Any]) -> str:
    """The driver's words when the database refuses."""
    with pytest.raises(DBAPIError) as error, db.session.begin_nested():
        statement()
        db.session.flush()
    db.session.rollback()
    return str(error.value.orig)


def update(model: Any, key: uuid.UUID, **values: Any) -> Callable[[], Any]:
    return lambda: db.session.execute(sa.update(model).where(model.id == key).values(**values))


def contribution(pledge_id: uuid.UUID, **values: Any) -> Contribution:
    now = clock.now()
    return Contribution(**{
        "reference": f"CTR-T-{uuid.uuid4().hex[:8]}", "pledge_id": pledge_id, "attempt": 50, "amount_minor": 100,
        "idempotency_key": uuid.uuid4().hex, "created_at": now, "opened_at": now, "expires_at": now, **values,
    })


def paid(**values: Any) -> dict[str, Any]:
    now = clock.now()
    return {"paid_minor": 100, "paid_currency": "USD", "settles_minor": 100, "gross_minor": 100, "exchange_minor": 0,
            "fee_minor": 10, "net_minor": 90, "received_at": now, "stripe_session_id": "cs_x",
            "stripe_payment_intent_id": "pi_x", "state": "in_suspense", **values}


def in_euros(**values: Any) -> dict[str, Any]:
    return paid(**{"paid_minor": 92, "paid_currency": "EUR", "exchange_minor": -1, "fee_minor": 9, "rate": "0.92",
                   "rate_source": "a test", "rate_date": clock.today(), **values})


@pytest.fixture
def pledge_id(gateway: FakeGateway, pool: uuid.UUID) -> uuid.UUID:
    return begin(gateway, named_pledge()).pledge_id


@pytest.mark.parametrize(("values", "name"), [
    ({"state": "checkout", "stripe_session_id": "cs_y"}, "one_live|pledge_id"),
    ({"state": "checkout"}, "checkout_has_session"),
    ({"state": "failed", "amount_minor": 0}, "amount_positive"),
    ({"state": "failed", "currency": "euro"}, "currency_code|too long"),
    ({"state": "failed", "currency": "eur"}, "currency_code"),
    (in_euros(rate=None), "worth_at_its_rate"),
    (paid(rate="0.92"), "worth_at_its_rate"),
    (paid(paid_minor=99), "worth_at_its_rate"),
    (paid(exchange_minor=5, net_minor=95), "worth_at_its_rate"),
    (paid(settles_minor=-1), "gross_is_fee_and_net"),
    (paid(back_minor=-1), "back_positive"),
    (paid(stripe_payment_intent_id=None, bank_reference="B/1"), "transfer_has_officer"),
    ({"state": "invoiced"}, "invoiced_has_invoice"),
    ({"state": "failed", "attempt": 1}, "attempt"),
    ({"state": "nowhere"}, "fk|FOREIGN KEY"),
    (paid(net_minor=91), "gross_is_fee_and_net"),
    (paid(gross_minor=-100, fee_minor=-10, net_minor=-90), "gross_is_fee_and_net|worth_at_its_rate"),
    (paid(fee_minor=None), "gross_is_fee_and_net"),
    (paid(received_at=None), "gross_is_fee_and_net"),
    (paid(state="failed"), "money_where_state_says"),
    ({"state": "in_suspense"}, "money_where_state_says"),
    (paid(stripe_payment_intent_id=None), "money_has_payment"),
    (paid(state="accepted"), "accepted_into_a_pool"),
    (paid(accepted_at=clock.now()), "pool_by_acceptance"),
])
def test_contributions_that_cannot_be(pledge_id: uuid.UUID, values: dict[str, Any], name: str) -> None:
    words = refused(lambda: db.session.add(contribution(pledge_id, **values)))
    assert any(part in words for part in name.split("|")), words


@pytest.mark.parametrize("values", [
    {"donor_name_sealed": None}, {"donor_email_sealed": None}, {"access_nonce": None}, {"amount_minor": 0},
    {"currency": "EUR"}, {"rate": "0.92"}, {"usd_minor": 99}, {"current_minor": 101}, {"current_minor": -1},
    {"paid_minor": -1}, {"returned_minor": 1}, {"state": "agreed"},
])
def test_pledges_that_cannot_be(app: Any, values: dict[str, Any]) -> None:
    row = Pledge(**{
        "reference": "PLG-T", "draft_key": "k", "donor_kind": "person", "donor_name_sealed": "x",
        "donor_email_sealed": "x", "access_nonce": "x", "amount_minor": 100, "current_minor": 100, "usd_minor": 100,
        "announced_at": clock.now(), **values,
    })
    words = refused(lambda: db.session.add(row))
    assert any(name in words for name in (
        "never_anonymous", "amount_positive", "worth_at_its_rate", "never_more_than_announced", "parts_positive",
        "agreed_under_an_agreement")), words


def test_a_pledge_never_grows_nor_comes_back(make: Any, pool: uuid.UUID) -> None:
    made = named_pledge()
    db.session.execute(sa.update(Pledge).where(Pledge.id == made.id).values(current_minor=24_000_00))
    assert "never raised" in refused(update(Pledge, made.id, current_minor=24_000_01))
    assert "not the pledge" in refused(update(Pledge, made.id, schedule=2))
    service.cancel_pledge(made.id, make.actor("fund_manager"), "It will not be paid.")
    assert "ended for good" in refused(update(Pledge, made.id, state="announced"))
    assert "append-only" in refused(lambda: db.session.execute(sa.update(Instalment).values(amount_minor=1)))


def test_two_people_for_a_refund(gateway: FakeGateway, make: Any, pool: uuid.UUID) -> None:
    row, who = begin(gateway, named_pledge()), make.actor("fund_manager").person_id
    values = {"contribution_id": row.id, "kind": "refund", "amount_minor": 1, "usd_minor": 1, "reason": "other",
              "idempotency_key": "k", "requested_by": who, "created_at": clock.now(), "asked_at": clock.now()}
    assert "two_people" in refused(lambda: db.session.add(Refund(**values, state="created", approved_by=who)))
    assert "approved_before_it_moves" in refused(lambda: db.session.add(Refund(**values, state="created")))


def test_what_was_received_stands(gateway: FakeGateway, pool: uuid.UUID) -> None:
    row = begin(gateway, named_pledge())
    assert "append-only" in refused(update(Contribution, row.id, amount_minor=1))
    settle(gateway.pay(row.stripe_session_id))
    for values in ({"gross_minor": 1, "fee_minor": 0, "net_minor": 1}, {"paid_minor": 1},
                   {"stripe_payment_intent_id": "pi_other"}):
        assert "what was received stands" in refused(update(Contribution, row.id, **values))
    for model in (Contribution, Pledge):
        assert "append-only" in refused(lambda model=model: db.session.execute(sa.delete(model)))
    assert "append-only" in refused(update(Pledge, row.pledge_id, amount_minor=1))


def test_receipts_and_agreements_never_change(gateway: FakeGateway, make: Any, pool: uuid.UUID) -> None:
    row = begin(gateway, named_pledge())
    settle(gateway.pay(row.stripe_session_id))
    checked(make, row.pledge_id)
    service.accept(row.id, make.actor("head_of_fund"), "Checked.")
    receipt = only(Receipt)
    assert "append-only" in refused(update(Receipt, receipt.id, amount_minor=1))
    assert "append-only" in refused(lambda: db.session.execute(sa.delete(Receipt)))
    terms = service.AgreementTerms(make.donor(), "L/1", clock.today(), 1300, None, pool)
    key = service.record_agreement(terms, make.actor("fund_manager"))
    assert "append-only" in refused(update(Agreement, key, support_rate_bp=0))


def test_an_event_keeps_what_it_was(app: Any) -> None:
    from sponsorship.gateways import inbox

    inbox.set_aside("checkout.session.completed", "cs_1", False, "amount_differs")
    row = only(StripeEvent)
    assert "append-only" in refused(update(StripeEvent, row.id, event_id="other"))
    assert "append-only" in refused(lambda: db.session.execute(sa.delete(StripeEvent)))


def test_the_checks_see_what_should_not_be(gateway: FakeGateway, pool: uuid.UUID, pledge_id: uuid.UUID) -> None:
    """Money that the ledger never saw, without a receipt, on a pledge that nobody paid."""
    for check in ALL:
        assert check()[1] == []
    db.session.add(contribution(
        pledge_id, **paid(state="accepted", accepted_at=clock.now(), pool_id=pool)))
    db.session.flush()
    for check in ALL:
        assert len(check()[1]) == 1, check
    row = only(Contribution, attempt=50)
    for sequence in (1, 3):
        about = row.id if sequence == 1 else only(Contribution, attempt=1).id
        db.session.add(Receipt(number=f"RCT-T-{sequence}", year=2020, sequence=sequence, amount_minor=100,
                               usd_minor=100, contribution_id=about, cause_type="contribution", cause_id=about,
                               received_at=clock.now(), issued_at=clock.now()))
    db.session.flush()
    assert any("2020" in fault for fault in checks.receipts_without_gaps()[1])


def test_an_attempt_nobody_asked_about_is_a_fault(gateway: FakeGateway, pool: uuid.UUID) -> None:
    begin(gateway, named_pledge())
    assert checks.stripe_was_asked()[1] == []
    db.session.execute(sa.update(Contribution).values(expires_at=clock.real_now() - checks.ASKED_TOO_LONG * 2))
    assert len(checks.stripe_was_asked()[1]) == 1


# --- what goes back ---------------------------------------------------------------------------------------------
@pytest.fixture
def accepted(gateway: FakeGateway, make: Any, pool: uuid.UUID) -> Contribution:
    row = begin(gateway, named_pledge())
    settle(gateway.pay(row.stripe_session_id))
    checked(make, row.pledge_id)
    service.accept(row.id, make.actor("head_of_fund"), "Checked.")
    return only(Contribution, id=row.id)  # type: ignore[no-any-return]


def paper(receipt: Receipt, **values: Any) -> Receipt:
    """A credit note of a cent, with changes."""
    n = uuid.uuid4().int % 10**6
    return Receipt(**{
        "kind": "credit_note", "number": f"CRN-T-{n}", "year": 2020, "sequence": n + 1, "usd_minor": 1,
        "contribution_id": receipt.contribution_id, "cause_type": "refund", "cause_id": uuid.uuid4(),
        "cancels_id": receipt.id, "amount_minor": 1, "received_at": clock.now(), "issued_at": clock.now(), **values})


def test_credit_notes_cancel_a_receipt_once_and_no_more_than_it_says(accepted: Contribution) -> None:
    receipt = only(Receipt)
    assert "cancel no more" in refused(lambda: db.session.add(paper(receipt, amount_minor=receipt.amount_minor + 1)))
    assert "cancel no more" in refused(lambda: db.session.add(paper(receipt, currency="EUR")))
    assert "cancel no more" in refused(lambda: db.session.add(paper(receipt, cancels_id=uuid.uuid4())))
    db.session.add(paper(receipt, amount_minor=receipt.amount_minor - 1))
    db.session.commit()
    assert "cancel no more" in refused(lambda: db.session.add(paper(receipt, amount_minor=2)))
    note = paper(receipt)
    db.session.add(note)
    db.session.commit()
    assert "cancel no more" in refused(lambda: db.session.add(paper(receipt, cancels_id=note.id)))
    assert any("papers of contribution" in fault for fault in back_checks.papers_say_what_is_kept()[1])


def test_a_fact_is_papered_once(accepted: Contribution) -> None:
    receipt = only(Receipt)
    again = {"kind": "receipt", "cancels_id": None, "cause_type": "contribution", "cause_id": accepted.id}
    assert re.search("uq_receipt_cause|UNIQUE", refused(lambda: db.session.add(paper(receipt, **again))))
    cause = uuid.uuid4()
    db.session.add(paper(receipt, cause_id=cause))
    db.session.commit()
    assert re.search("uq_receipt_cancelled|UNIQUE", refused(lambda: db.session.add(paper(receipt, cause_id=cause))))
    for values in ({"amount_minor": 0}, {"usd_minor": -1}, {"sequence": 0}, {"cancels_id": None},
                   {"kind": "receipt"}):
        refused(lambda values=values: db.session.add(paper(receipt, **values)))


def test_papers_are_never_replaced(accepted: Contribution) -> None:
    """Not by hand either: another content under the same number, a deletion, a replacement."""
    receipt = only(Receipt)
    columns = {column.name: getattr(receipt, column.name) for column in Receipt.__table__.columns}
    for changed in ({"amount_minor": 1}, {"number": "RCT-2020-0001"}, {"id": uuid.uuid4()},
                    {"id": uuid.uuid4(), "number": "RCT-2020-0001", "sequence": 2}):
        refused(lambda changed=changed: db.session.execute(sa.insert(Receipt).values(**columns | changed)))
    if db.engine.dialect.name == "sqlite":
        for changed in ({"number": "RCT-X"}, {"sequence": 9, "year": 1999}):
            again = sa.insert(Receipt).prefix_with("OR REPLACE").values(
                **columns | {"id": uuid.uuid4(), "cause_id": uuid.uuid4(), "amount_minor": 1} | changed)
            assert "append-only" in refused(lambda again=again: db.session.execute(again))
    assert only(Receipt).amount_minor == columns["amount_minor"]
    for statement in ("DELETE FROM receipt", "UPDATE receipt SET usd_minor = 1",
                      "UPDATE receipt SET cancels_id = NULL"):
        assert "append-only" in refused(lambda statement=statement: db.session.execute(sa.text(statement)))
    if db.engine.dialect.name == "sqlite":
        replace = sa.insert(Receipt).prefix_with("OR REPLACE").values(**columns | {"amount_minor": 1})
        assert "append-only" in refused(lambda: db.session.execute(replace))
    else:
        assert "append-only" in refused(lambda: db.session.execute(sa.text("TRUNCATE receipt")))


def test_the_database_wants_two_people_for_acceptance(gateway: FakeGateway, make: Any, pool: uuid.UUID) -> None:
    row = begin(gateway, named_pledge())
    settle(gateway.pay(row.stripe_session_id))
    both = make.person("fund_manager", "head_of_fund")
    values = {"state": "accepted", "accepted_at": clock.now(), "pool_id": pool, "accepted_by": both.id}
    assert "somebody else than who accepts" in refused(update(Contribution, row.id, **values))
    from core.actor import person

    service.record_check(row.pledge_id, "clear", "A list.", person(both.id))
    db.session.commit()
    assert "somebody else than who accepts" in refused(update(Contribution, row.id, **values))
    service.record_check(row.pledge_id, "not_clear", "A list.", make.actor("fund_manager"))
    db.session.commit()
    assert "somebody else than who accepts" in refused(update(Contribution, row.id, **values))
    checked(make, row.pledge_id)
    db.session.execute(sa.update(Contribution).where(Contribution.id == row.id).values(**values))
    db.session.rollback()


def test_what_covers_and_refunds_cannot_be(accepted: Contribution, make: Any, pool: uuid.UUID) -> None:
    who, other, now = make.actor("fund_manager").person_id, make.actor("head_of_fund").person_id, clock.now()
    cover = {"pool_id": pool, "amount_minor": 1, "requested_by": who, "requested_at": now}
    for values, name in (({"amount_minor": 0}, "amount_positive"), ({"state": "covered"}, "decided_by_somebody"),
                         ({"decided_by": other}, "decided_by_somebody"),
                         ({"state": "covered", "decided_by": who}, "two_people")):
        words = refused(lambda values=values: db.session.add(Cover(**cover | values)))
        assert name in words, words
    db.session.add(Cover(**cover))
    db.session.commit()
    assert re.search("uq_cover_one_under_way|UNIQUE", refused(lambda: db.session.add(Cover(**cover))))
    refund = {"contribution_id": accepted.id, "kind": "refund", "amount_minor": 1, "usd_minor": 1, "reason": "other",
              "idempotency_key": "k", "requested_by": who, "created_at": now, "asked_at": now}
    for values, name in (
        ({"usd_minor": 0}, "amount_positive"), ({"settled_minor": -1}, "settled_positive"),
        ({"state": "succeeded", "approved_by": other, "recorded_by": other}, "recorded_by_a_third"),
        ({"state": "succeeded", "approved_by": other, "recorded_by": who}, "recorded_by_a_third"),
        ({"state": "succeeded", "approved_by": other, "bank_reference": "B"}, "transfer_has_officer"),
        ({"state": "pending", "approved_by": other}, "pending_has_refund"),
    ):
        words = refused(lambda values=values: db.session.add(Refund(**refund | values)))
        assert name in words, words


def test_a_line_of_the_statement_counts_once_unless_corrected(pledge_id: uuid.UUID, make: Any) -> None:
    officer = make.actor("requesting_officer").person_id
    by_bank = {"stripe_session_id": None, "stripe_payment_intent_id": None, "bank_reference": "B 1",
               "confirmed_by": officer, "method": "transfer"}
    db.session.add(contribution(pledge_id, **paid(**by_bank)))
    db.session.commit()
    again = {"attempt": 51, **by_bank}
    words = refused(lambda: db.session.add(contribution(pledge_id, **paid(**again))))
    assert re.search("uq_contribution_bank_reference|UNIQUE", words)
    db.session.add(contribution(pledge_id, **paid(**again, state="corrected")))
    db.session.flush()
    db.session.rollback()


def test_the_checks_see_what_went_back_wrongly(accepted: Contribution, pool: uuid.UUID) -> None:
    for check in (back_checks.states_follow_what_is_gone, back_checks.papers_say_what_is_kept,
                  back_checks.two_people_each):
        assert check()[1] == []
    db.session.execute(sa.update(Contribution).values(back_minor=5))
    db.session.execute(sa.update(Pledge).values(paid_minor=25_000_00, returned_minor=7))
    faults = back_checks.states_follow_what_is_gone()[1]
    assert len(faults) == 2 and all("what went back" in fault for fault in faults)
    db.session.add(Refund(
        contribution_id=accepted.id, kind="external", state="succeeded", amount_minor=25_000_00, usd_minor=25_000_00,
        settled_minor=25_000_00, reason="other", idempotency_key="x", created_at=clock.now(), asked_at=clock.now()))
    db.session.flush()
    assert any("should be refunded" in fault for fault in back_checks.states_follow_what_is_gone()[1])
    assert len(back_checks.papers_say_what_is_kept()[1]) == 1


# --- where transfers go -----------------------------------------------------------------------------------------
def test_bank_details_are_changed_by_two(make: Any) -> None:
    one, other = make.person("fund_manager").id, make.person("head_of_fund").id

    def say(name: str, value: str, by: uuid.UUID | None) -> Callable[[], Any]:
        return lambda: db.session.add(FundSetting(name=name, value=value, set_at=clock.now(), set_by=by))

    def put(name: str, value: str, by: uuid.UUID) -> None:
        say(name, value, by)()
        db.session.commit()

    assert "approved by another" in refused(say("bank_details", "IBAN", other)), "nothing is asked for"
    put("bank_details_asked", "?IBAN", one)
    for value, by in (("IBAN", one), ("IBAN", None), ("another", other)):
        assert "approved by another" in refused(say("bank_details", value, by))
    put("bank_details", "IBAN", other)
    put("bank_details_asked", "", other)
    assert "approved by another" in refused(say("bank_details", "IBAN", other))
