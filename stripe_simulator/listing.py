"""Lists, cursors, filters and ``expand``, for every object (API reference, "Pagination", "Expanding")."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any

from . import checkout, refunds
from .errors import InvalidParameters, no_such
from .store import Obj, Tx

#: Fields that hold the id of another object.
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
    "refund": frozenset({"balance_transaction", "charge", "payment_intent", "failure_balance_transaction"}),
    "balance_transaction": frozenset({"source"}),
}
#: Fields that are absent unless asked for.
INCLUDABLE: dict[str, frozenset[str]] = {
    "checkout.session": frozenset({"line_items"}),
    "charge": frozenset({"refunds"}),
}
RANGES = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def present(tx: Tx, obj: Obj) -> Obj:
    """The object as it reads now: balances mature with time, and events count their open deliveries."""
    if obj.get("object") == "balance_transaction" and obj["available_on"] <= time.time():
        return obj | {"status": "available"}
    if obj.get("object") == "event":
        row = tx.conn.execute(
            "SELECT count(*) AS n FROM delivery WHERE event = ? AND state = 'pending'", (obj["id"],)
        )
        return obj | {"pending_webhooks": row.fetchone()["n"]}
    return obj


def page_of(url: str, data: list[Obj], has_more: bool = False) -> Obj:
    """A list object."""
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def _included(tx: Tx, obj: Obj, name: str) -> Obj:
    if name == "line_items":
        items = tx.children("item", obj["id"])
        return page_of(f"/v1/checkout/sessions/{obj['id']}/line_items", items[:10], len(items) > 10)
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


def _expand(tx: Tx, node: Obj, parts: list[str], path: str) -> None:
    name, rest = parts[0], parts[1:]
    kind = str(node.get("object"))
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
    else:
        raise _not_expandable(path)
    if rest and isinstance(node.get(name), dict):
        _expand(tx, node[name], rest, path)


def _not_expandable(path: str) -> InvalidParameters:
    return InvalidParameters(f"This property cannot be expanded ({path}).", param="expand")


def _sql_filters(kind: str, given: dict[str, Any]) -> tuple[list[str], list[Any]]:
    where, values = ["kind = ?"], [kind]
    created = given.get("created")
    if isinstance(created, dict):
        for name, limit in created.items():
            where.append(f"created {RANGES[name]} ?")
            values.append(limit)
    elif created is not None:
        where.append("created = ?")
        values.append(created)
    for name in ("payment_intent", "charge", "status", "source", "currency"):
        if name in given:
            where.append(f"json_extract(data, '$.{name}') = ?")
            values.append(given[name])
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


def list_of(tx: Tx, kind: str, url: str, given: dict[str, Any]) -> Obj:
    """One page, newest first."""
    limit = limit_of(given)
    if "starting_after" in given and "ending_before" in given:
        raise InvalidParameters(
            "You may only specify one of these parameters: starting_after, ending_before.",
            code="parameters_exclusive",
            param="ending_before",
        )
    if kind == checkout.KIND and given.get("status") not in (None, "open", "complete", "expired"):
        raise InvalidParameters("Invalid status: must be one of open, complete, or expired", param="status")
    where, values = _sql_filters(kind, given)
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


def balance(tx: Tx) -> Obj:
    """The Balance object: nets of the balance transactions, by currency."""
    rows = tx.conn.execute(
        "SELECT json_extract(data, '$.currency') AS currency, "
        "json_extract(data, '$.available_on') <= ? AS ready, "
        "sum(json_extract(data, '$.net')) AS net FROM object "
        "WHERE kind = 'balance_transaction' GROUP BY 1, 2",
        (tx.now,),
    ).fetchall()
    nets = {(row["currency"], bool(row["ready"])): int(row["net"]) for row in rows}
    currencies = sorted({currency for currency, _ in nets} | {"usd"})

    def part(ready: bool) -> list[Obj]:
        return [
            {"amount": net, "currency": c, "source_types": {"card": net}}
            for c in currencies
            for net in [nets.get((c, ready), 0)]
        ]

    return {
        "object": "balance",
        "available": part(True),
        "livemode": False,
        "pending": part(False),
        "refund_and_dispute_prefunding": {"available": [], "pending": []},
    }
