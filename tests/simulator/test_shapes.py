"""Every key of every answer is one the SDK's resource class knows, and none that it promises is absent."""

from __future__ import annotations

import types
from typing import Any, ForwardRef, Union, get_args, get_origin

import pytest
import stripe
from stripe._stripe_object import StripeObject, UntypedStripeObject

from .conftest import Simulator, session_params


def _members(hint: Any) -> list[Any]:
    if get_origin(hint) in (Union, types.UnionType):
        return [m for arg in get_args(hint) for m in _members(arg)]
    if isinstance(hint, ForwardRef | str):
        name = hint if isinstance(hint, str) else hint.__forward_arg__
        return [getattr(stripe, name, None)]
    return [hint]


def faults(cls: type, value: dict[str, Any], path: str) -> list[str]:
    """Unknown and missing keys, all the way down."""
    hints = {key: hint for key, hint in cls.__annotations__.items() if key != "OBJECT_NAME"}
    found = [f"{path}.{key}: unknown" for key in value if key not in hints]
    for key, hint in hints.items():
        members = _members(hint)
        if key not in value:
            if type(None) not in members:
                found.append(f"{path}.{key}: missing")
            continue
        given = value[key]
        if given is None and type(None) not in members:
            found.append(f"{path}.{key}: null")
        for member in members:
            inner = get_args(member)[0] if get_origin(member) is list else member
            for inner in _members(inner):
                if not isinstance(inner, type) or not issubclass(inner, StripeObject):
                    continue
                if issubclass(inner, UntypedStripeObject) or inner is stripe.ListObject:
                    continue
                for item in given if isinstance(given, list) else [given]:
                    if isinstance(item, dict):
                        found += faults(inner, item, f"{path}.{key}")
    return found


@pytest.fixture(scope="module")
def answers(simulator: Simulator) -> dict[str, tuple[type, dict[str, Any]]]:
    client = simulator.client()
    opened = client.v1.checkout.sessions.create(session_params(expand=["line_items"]))
    simulator.press(str(opened.url), "decline")
    failed = client.v1.checkout.sessions.retrieve(opened.id, {"expand": ["payment_intent.latest_charge"]})
    simulator.press(str(opened.url), "challenge")
    waiting = client.v1.payment_intents.retrieve(failed.payment_intent.id)  # type: ignore[union-attr]
    simulator.press(f"{opened.url}/confirm", "authenticate")
    paid: Any = client.v1.checkout.sessions.retrieve(
        opened.id,
        {
            "expand": [
                "line_items",
                "payment_intent.payment_method",
                "payment_intent.latest_charge.balance_transaction",
            ]
        },
    )
    intent = paid.payment_intent
    refund = client.v1.refunds.create({"charge": intent.latest_charge.id, "expand": ["balance_transaction"]})
    broken = simulator.control(f"refunds/{refund.id}", {"status": "failed"})
    item = paid.line_items.data[0]
    found: dict[str, tuple[type, Any]] = {
        "open session": (stripe.checkout.Session, opened),
        "paid session": (stripe.checkout.Session, paid),
        "failed intent": (stripe.PaymentIntent, failed.payment_intent),
        "failed charge": (stripe.Charge, failed.payment_intent.latest_charge),  # type: ignore[union-attr]
        "waiting intent": (stripe.PaymentIntent, waiting),
        "paid intent": (stripe.PaymentIntent, intent),
        "charge": (stripe.Charge, intent.latest_charge),
        "balance transaction": (stripe.BalanceTransaction, intent.latest_charge.balance_transaction),
        "payment method": (stripe.PaymentMethod, intent.payment_method),
        "refund": (stripe.Refund, refund),
        "failed refund": (stripe.Refund, broken),
        "line item": (stripe.LineItem, item),
        "price": (stripe.Price, item.price),
        "event": (stripe.Event, client.v1.events.list({"limit": 1}).data[0]),
        "balance": (stripe.Balance, client.v1.balance.retrieve()),
    }
    return {
        name: (cls, obj if isinstance(obj, dict) else obj.to_dict()) for name, (cls, obj) in found.items()
    }


@pytest.mark.parametrize(
    "name",
    [
        "open session",
        "paid session",
        "failed intent",
        "failed charge",
        "waiting intent",
        "paid intent",
        "charge",
        "balance transaction",
        "payment method",
        "refund",
        "failed refund",
        "line item",
        "price",
        "event",
        "balance",
    ],
)
def test_keys(name: str, answers: dict[str, tuple[type, dict[str, Any]]]) -> None:
    cls, value = answers[name]
    assert faults(cls, value, name) == []
    assert value.get("livemode", False) is False
