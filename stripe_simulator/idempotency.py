"""Idempotency keys (API reference, "Idempotent requests").

The first answer of a key is kept, a 500 included, once the endpoint has begun to run; a request that
fails validation, or meets another one running, is not kept. The answer is stored in the same transaction
as the change, so a crash leaves both or neither.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from typing import Any

from .errors import ApiError
from .store import Store, Tx

#: Stripe may drop keys after 24 hours; the simulator does.
KEEP_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class Replay:
    """An answer given before."""

    status: int
    body: str
    request_id: str


def fingerprint(method: str, path: str, given: dict[str, Any]) -> str:
    """One value for equal parameters, whatever their order."""
    text = json.dumps([method, path, given], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def begin(store: Store, key: str, path: str, mark: str, request_id: str) -> Replay | None:
    """Claim the key, or return its first answer; refuse other parameters and a request still running."""
    if len(key) > 255:
        raise ApiError(400, "Idempotency keys may have up to 255 characters.", type="idempotency_error")
    with store.write() as tx:
        tx.conn.execute(
            "DELETE FROM idempotency WHERE status IS NOT NULL AND created < ?", (time.time() - KEEP_SECONDS,)
        )
        row = tx.conn.execute("SELECT * FROM idempotency WHERE key = ?", (key,)).fetchone()
        if row is None:
            tx.conn.execute(
                "INSERT INTO idempotency (key, path, fingerprint, request_id, created) "
                "VALUES (?, ?, ?, ?, ?)",
                (key, path, mark, request_id, time.time()),
            )
            return None
    if row["path"] != path:
        raise ApiError(
            400,
            f"Keys for idempotent requests can only be used for the same endpoint they were first used "
            f"for ('{path}' vs '{row['path']}'). Try using a key other than '{key}' if you meant to "
            "execute a different request.",
            type="idempotency_error",
        )
    if row["fingerprint"] != mark:
        raise ApiError(
            400,
            "Keys for idempotent requests can only be used with the same parameters they were first "
            f"used with. Try using a key other than '{key}' if you meant to execute a different "
            "request.",
            type="idempotency_error",
        )
    if row["status"] is None:
        raise ApiError(
            409,
            "There is currently another in-progress request using this Idempotent Key (that probably "
            "means you submitted twice, and the other request is still going through): "
            f"{key}. Please try again later.",
            code="idempotency_key_in_use",
        )
    return Replay(int(row["status"]), str(row["body"]), str(row["request_id"]))


def finish(tx: Tx, key: str, status: int, body: str) -> None:
    """Keep the answer, in the transaction of the change."""
    tx.conn.execute("UPDATE idempotency SET status = ?, body = ? WHERE key = ?", (status, body, key))


def release(store: Store, key: str) -> None:
    """Forget a claim whose request never ran."""
    with store.write() as tx:
        tx.conn.execute("DELETE FROM idempotency WHERE key = ? AND status IS NULL", (key,))
