"""The totals of Stripe's movements, kept by triggers on both engines. A movement comes, changes its state, or an entry
is tied to it: each time the total that it belongs to moves by so much, in the same statement.

On SQLite they are updated and, where there is none yet, inserted: an upsert would take over the conflict rule of the
statement outside. On PostgreSQL rows are moved in the order of states, so that two who move the same never wait for
each other. Nobody else writes there on PostgreSQL; SQLite cannot tell, `verify` can (stripe_checks.py).
"""

from __future__ import annotations

from typing import cast

from sqlalchemy import Table

from core.ddl import REFUSE, append_only, trigger
from sponsorship.gateways.money_models import MovementEntry, MovementTotal, StripeMovement

_MOVEMENT, _TIE, _TOTAL = (cast(Table, model.__table__) for model in (StripeMovement, MovementEntry, MovementTotal))
_KEYS = ("state", "category", "currency")
_SIGNED = "coalesce(sum(CASE l.side WHEN 'D' THEN l.usd_minor ELSE -l.usd_minor END), 0)"
_CLEARING = "JOIN account a ON a.id = l.account_id AND a.kind = 'stripe_clearing'"
_OF_ENTRY = f"(SELECT {_SIGNED} FROM leg l {_CLEARING} WHERE l.entry_id = NEW.entry_id)"
_OF_MOVEMENT = (f"(SELECT {_SIGNED} FROM stripe_movement_entry t JOIN leg l ON l.entry_id = t.entry_id {_CLEARING} "
                "WHERE t.movement_id = NEW.id)")


def _same(row: str) -> str:
    return " AND ".join(f"{key} = {row}.{key}" for key in _KEYS)


def _add(tied: str) -> tuple[str, str]:
    """The total of the new row grows by it: on SQLite, on PostgreSQL."""
    columns, new = ", ".join(_KEYS), ", ".join(f"NEW.{key}" for key in _KEYS)
    insert = f"INSERT INTO stripe_movement_total ({columns}, movements, net_minor, tied_minor) "
    return (
        f"UPDATE stripe_movement_total SET movements = movements + 1, net_minor = net_minor + NEW.net_minor, "
        f"tied_minor = tied_minor + {tied} WHERE {_same('NEW')}; "
        f"{insert}SELECT {new}, 1, NEW.net_minor, {tied} WHERE NOT EXISTS "
        f"(SELECT 1 FROM stripe_movement_total WHERE {_same('NEW')}); ",
        f"{insert.replace('total (', 'total AS s (')}VALUES ({new}, 1, NEW.net_minor, {tied}) "
        f"ON CONFLICT ({columns}) DO UPDATE SET movements = s.movements + 1, "
        "net_minor = s.net_minor + excluded.net_minor, tied_minor = s.tied_minor + excluded.tied_minor; ",
    )


_TAKE = (
    f"UPDATE stripe_movement_total SET movements = movements - 1, net_minor = net_minor - OLD.net_minor, "
    f"tied_minor = tied_minor - {_OF_MOVEMENT} WHERE {_same('OLD')}; "
)
_IN_ORDER = (
    "PERFORM 1 FROM stripe_movement_total WHERE state IN (OLD.state, NEW.state) AND category = NEW.category "
    "AND currency = NEW.currency ORDER BY state FOR UPDATE; "
)
_TIED = (
    f"UPDATE stripe_movement_total SET tied_minor = tied_minor + {_OF_ENTRY} WHERE ({', '.join(_KEYS)}) = "
    f"(SELECT {', '.join(_KEYS)} FROM stripe_movement WHERE id = NEW.movement_id); "
)


def _kept(table: Table, name: str, event: str, when: str, sqlite: str, postgresql: str) -> None:
    only = f" WHEN ({when})" if when else ""
    trigger(
        table, name,
        sqlite=f"CREATE TRIGGER {name} AFTER {event} ON {table.name}{only} BEGIN {sqlite}END",
        postgresql=(
            f"CREATE OR REPLACE FUNCTION placard_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {postgresql}"
            "RETURN NULL; END $$",
            f"CREATE TRIGGER {name} AFTER {event} ON {table.name} FOR EACH ROW{only} "
            f"EXECUTE FUNCTION placard_{name}()",
        ),
    )


_ANEW, _MOVED = _add("0"), _add(_OF_MOVEMENT)
_kept(_MOVEMENT, "stripe_movement_counts", "INSERT", "", *_ANEW)
_kept(_MOVEMENT, "stripe_movement_counts_anew", "UPDATE OF state", "OLD.state <> NEW.state",
      _TAKE + _MOVED[0], _IN_ORDER + _TAKE + _MOVED[1])
_kept(_TIE, "stripe_movement_entry_counts", "INSERT", "", _TIED, _TIED)
append_only(_TOTAL, key=_KEYS, updatable=("movements", "net_minor", "tied_minor"))
trigger(
    _TOTAL, "stripe_movement_total_by_movement",
    sqlite=(),
    postgresql=(REFUSE,
                "CREATE TRIGGER stripe_movement_total_by_movement BEFORE INSERT OR UPDATE ON stripe_movement_total "
                "FOR EACH ROW WHEN (pg_trigger_depth() = 0) "
                "EXECUTE FUNCTION placard_refuse('only movements keep their totals')"),
)
