"""Lists, cursors, filters and ``expand``, for every object (API reference, "Pagination", "Expanding")."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from . import balance, cash, checkout, disputes, invoice_payments, payouts, refunds
from .errors import InvalidParameters, no_such
from .store import Obj, Tx

#: Fields that hold the id of another object; a kind with a dot is a part of an object.
EXPANDABLE: dict[str, frozenset[str]] = {
    "checkout.session": frozenset({"payment_intent", "customer", "invoice"}),
    "payment_intent": frozenset({"latest_charge", "payment_method", "customer", "review"}),
    "charge": frozenset(
        {
            "balance_transaction",
            "payment_intent",
            "customer",
            "failure_balance_transaction",
            "review",
            "application_fee",
        }
    ),
    "refund": frozenset(
        {"balance_transaction", "charge", "customer", "payment_intent", "failure_balance_transaction"}
    ),
    "balance_transaction": frozenset({"source"}),
    "dispute": frozenset({"charge", "payment_intent"}),
    "payout": frozenset({"balance_transaction", "destination", "failure_balance_transaction"}),
    "invoice": frozenset({"customer", "default_payment_method"}),
    "invoiceitem": frozenset({"customer", "invoice"}),
    "invoice_payment": frozenset({"invoice"}),
    "invoice_payment.payment": frozenset({"payment_intent"}),
    "customer_cash_balance_transaction": frozenset({"customer"}),
    "customer_cash_balance_transaction.applied_to_payment": frozenset({"payment_intent"}),
    "customer_cash_balance_transaction.unapplied_from_payment": frozenset({"payment_intent"}),
}
#: Fields that are absent unless asked for.
INCLUDABLE: dict[str, frozenset[str]] = {
    "checkout.session": frozenset({"line_items"}),
    "charge": frozenset({"refunds"}),
    "customer": frozenset({"cash_balance"}),
    "invoice": frozenset({"payments", "confirmation_secret"}),
}
#: List parameters that a field of the same name must equal.
EQUAL = (
    "payment_intent",
    "charge",
    "status",
    "source",
    "currency",
    "customer",
    "email",
    "invoice",
    "collection_method",
    "destination",
)
RANGES = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def present(tx: Tx, obj: Obj) -> Obj:
    """The object as it reads now: balances mature with time, and events count their open deliveries."""
    kind = obj.get("object")
    if kind == balance.KIND:
        return balance.shown(tx, obj)
    if kind == disputes.KIND:
        return disputes.shown(tx, obj)
    if kind == "event":
        row = tx.conn.execute(
            "SELECT count(*) AS n FROM delivery WHERE event = ? AND state = 'pending'", (obj["id"],)
        )
        return obj | {"pending_webhooks": row.fetchone()["n"]}
    return obj


def page_of(url: str, data: list[Obj], has_more: bool = False) -> Obj:
    """A list object."""
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def _included(tx: Tx, obj: Obj, name: str) -> Obj | None:
    if name == "line_items":
        items = tx.children("item", obj["id"])
        return page_of(f"/v1/checkout/sessions/{obj['id']}/line_items", items[:10], len(items) > 10)
    if name == "cash_balance":
        return cash.balance_of(tx, obj["id"])
    if name == "payments":
        found = tx.children(invoice_payments.KIND, obj["id"])
        return page_of(f"/v1/invoice_payments?invoice={obj['id']}", found)
    if name == "confirmation_secret":
        payment = invoice_payments.of_invoice(tx, obj["id"])
        intent = tx.find(payment["payment"]["payment_intent"]) if payment else None
        return {"client_secret": intent["client_secret"], "type": "payment_intent"} if intent else None
    found = list(reversed(refunds.of_charge(tx, obj["id"])))
    return page_of(f"/v1/charges/{obj['id']}/refunds", found[:10], len(found) > 10)


def expand(tx: Tx, obj: Obj, paths: Iterable[str]) -> Obj:
    """The object with the asked-for paths filled in."""
    for path in paths:
        parts = path.split(".")
        if len(parts) > 4 + (parts[0] == "data"):
            raise InvalidParameters(
                f"You cannot expand more than 4 levels of a property. Property: {path}", param="expand"
            )
        _expand(tx, obj, parts, path)
    return obj


def _expand(tx: Tx, node: Obj, parts: list[str], path: str, part_of: str = "") -> None:
    name, rest = parts[0], parts[1:]
    kind = part_of or str(node.get("object"))
    if kind == "list" and name == "data":
        if not rest:
            raise _not_expandable(path)
        for item in node["data"]:
            _expand(tx, item, rest, path)
        return
    if name in INCLUDABLE.get(kind, ()):
        node.setdefault(name, _included(tx, node, name))
    elif name in EXPANDABLE.get(kind, ()):
        if isinstance(node.get(name), str):
            found = tx.find(node[name])
            if found is None:
                return
            node[name] = present(tx, found)
    elif rest and f"{kind}.{name}" in EXPANDABLE:
        if node.get(name):
            _expand(tx, node[name], rest, path, f"{kind}.{name}")
        return
    elif rest and name == "balance_transactions" and kind == disputes.KIND:
        for txn in node[name]:
            _expand(tx, txn, rest, path)
        return
    else:
        raise _not_expandable(path)
    if rest and isinstance(node.get(name), dict):
        _expand(tx, node[name], rest, path)


def _not_expandable(path: str) -> InvalidParameters:
    return InvalidParameters(f"This property cannot be expanded ({path}).", param="expand")


def _sql_filters(kind: str, given: dict[str, Any]) -> tuple[list[str], list[Any]]:
    where, values = ["kind = ?"], [kind]
    for name in ("created", "due_date", "arrival_date"):
        column = name if name == "created" else f"json_extract(data, '$.{name}')"
        span = given.get(name)
        if isinstance(span, dict):
            for bound, limit in span.items():
                where.append(f"{column} {RANGES[bound]} ?")
                values.append(limit)
        elif span is not None:
            where.append(f"{column} = ?")
            values.append(span)
    equal = [(name, given[name]) for name in EQUAL if name in given]
    for name, value in invoice_payments.filters(given) if kind == invoice_payments.KIND else equal:
        where.append(f"json_extract(data, '$.{name}') = ?")
        values.append(value)
    if "pending" in given:
        where.append(f"json_extract(data, '$.invoice') IS {'' if given['pending'] else 'NOT '}NULL")
    if "payout" in given:
        where.append("id IN (SELECT txn FROM payout_item WHERE payout = ?)")
        values.append(given["payout"])
    if "customer_details" in given:
        where.append("json_extract(data, '$.customer_details.email') = ?")
        values.append(given["customer_details"]["email"])
    if "type" in given and "types" in given:
        raise InvalidParameters(
            "You may only specify one of these parameters: type, types.",
            param="types",
            code="parameters_exclusive",
        )
    if "type" in given:
        pattern = given["type"].replace("[", "[[]").replace("?", "[?]") if kind == "event" else given["type"]
        where.append("json_extract(data, '$.type') GLOB ?")
        values.append(pattern)
    if "types" in given:
        if len(given["types"]) > 20:
            raise InvalidParameters("At most 20 types can be given.", param="types")
        where.append(f"json_extract(data, '$.type') IN ({','.join('?' * len(given['types']))})")
        values.extend(given["types"])
    if "delivery_success" in given:
        unsent = "EXISTS (SELECT 1 FROM delivery WHERE event = object.id AND state <> 'delivered')"
        where.append(f"NOT {unsent}" if given["delivery_success"] else unsent)
    return where, values


def _cursor(tx: Tx, kind: str, object_id: str, param: str) -> int:
    row = tx.conn.execute("SELECT seq FROM object WHERE id = ? AND kind = ?", (object_id, kind)).fetchone()
    if row is None:
        raise no_such(kind, object_id, param, 400)
    return int(row["seq"])


def limit_of(given: dict[str, Any]) -> int:
    """Between 1 and 100, 10 when not said."""
    limit: int = given.get("limit", 10)
    if not 1 <= limit <= 100:
        bound = "greater than or equal to 1" if limit < 1 else "less than or equal to 100"
        raise InvalidParameters(
            f"This value must be {bound} (it currently is '{limit}').",
            param="limit",
            code="parameter_invalid_integer",
        )
    return limit


def list_of(tx: Tx, kind: str, url: str, given: dict[str, Any], parent: str | None = None) -> Obj:
    """One page, newest first; ``parent``: only what hangs on that object."""
    limit = limit_of(given)
    if "starting_after" in given and "ending_before" in given:
        raise InvalidParameters(
            "You may only specify one of these parameters: starting_after, ending_before.",
            code="parameters_exclusive",
            param="ending_before",
        )
    if kind == checkout.KIND and given.get("status") not in (None, "open", "complete", "expired"):
        raise InvalidParameters("Invalid status: must be one of open, complete, or expired", param="status")
    if "payout" in given:
        payouts.check_listing(tx, given["payout"])
    where, values = _sql_filters(kind, given)
    if parent is not None:
        where.append("parent = ?")
        values.append(parent)
    order = "DESC"
    if "starting_after" in given:
        where.append("seq < ?")
        values.append(_cursor(tx, kind, given["starting_after"], "starting_after"))
    if "ending_before" in given:
        where.append("seq > ?")
        values.append(_cursor(tx, kind, given["ending_before"], "ending_before"))
        order = "ASC"
    rows = tx.conn.execute(
        f"SELECT data FROM object WHERE {' AND '.join(where)} ORDER BY seq {order} LIMIT ?",
        (*values, limit + 1),
    ).fetchall()
    data = [present(tx, json.loads(row["data"])) for row in rows[:limit]]
    if order == "ASC":
        data.reverse()
    return page_of(url, data, len(rows) > limit)
