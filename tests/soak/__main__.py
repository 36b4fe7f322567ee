"""`make soak`: the proofs of money in full counts, on both databases, and a record of them in docs/soak.md.

SOAK_PART runs a part only (a word of its name), SOAK_SHARE a share of every count (in hundredths), SOAK_SEED the same
dice again. Such a run is printed, not recorded.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAME_BOOKS = "test_the_same_events_in_any_order_give_the_same_books"
RECORD = ROOT / "docs" / "soak.md"
SHARE = int(os.environ.get("SOAK_SHARE", "100"))
HEAD = """# Soak

`make soak` runs the proofs of money in full counts on both databases and writes this record. `make test` runs the same
tests with small ones; how much is done is all that differs.

- **Anything in any order**: pledges, payments by card and by transfer, acceptances, refunds, disputes, changing rates,
  obligations, offers, payments to delegates, in random order, every command dying at random steps and begun again.
  After every step every figure is that of a slow model beside the books, and the donors' statements, made by the code
  of their pages, are together the fund's; in the end the books are Stripe's to the cent and no check finds a fault.
- **Killed between steps**: processes killed with SIGKILL at random statements, commits and calls of receiving money (by
  card, by invoice, by transfer to the bank) and sending part of it back, against the Stripe simulator; begun again,
  nothing is lost and nothing doubled.
- **Releases killed**: the life of payments, with processes killed with SIGKILL at random statements, commits and named
  steps: workers that make payments ready and open claims, web processes that release into a signed file and hand it
  over, processes that record the bank’s part payment, confirmation and return, claims, and money paid back. Begun
  again, each is done once; what was done already is refused; nothing is lost. Besides, two workers make 1,000 payments
  ready while two signatories release them, and PostgreSQL is stopped as by a crash and started again in the middle,
  then one worker and one signatory's process are killed.
- **Shuffled events**: Stripe's events in any order and repeated, read by several processes at once: the same books,
  entry by entry, as those of one reader to whom everything happens in order.
- **Races**: a refund against an obligation and one refund sent by many at once, again and again; fifty obligations on
  money for ten, twenty copies of one webhook, a stop of all releases against a release under way, each first with the
  guard off.
- **The schedule**: the process that leads is killed just after it has renewed its lease, with the real lease of 20
  seconds; and two workers as they are installed, under which PostgreSQL is stopped as by a crash and started again
  before the leader is killed: offers lapse once, places are given once, each mail leaves once.
"""


@dataclass(frozen=True)
class Part:
    name: str
    tests: tuple[str, ...]
    counts: dict[str, int]
    database: str


def parts() -> list[Part]:
    found = []
    for database, events in (("postgresql", 10_000), ("sqlite", 2_000)):
        found += [
            Part("Anything in any order", ("test_money_properties.py",), {"EXAMPLES": 500, "STEPS": 40}, database),
            Part("The ledger alone, in any order", ("test_ledger_properties.py",), {"EXAMPLES": 500}, database),
            Part("Pledges alone, in any order", ("test_pledges_properties.py",), {"EXAMPLES": 200}, database),
            Part("Killed between steps", ("test_money_kills.py",), {"KILLS": 200}, database),
            Part("Releases killed", ("test_release_kills.py", "test_disbursements_kills.py"), {"RELEASE_KILLS": 200},
                 database),
            Part("Shuffled events", ("test_money_storm.py", f"test_stripe_events.py::{SAME_BOOKS}"),
                 {"EVENTS": events, "ORDERS": 100}, database),
            Part("Races", ("test_money_races.py", "test_ledger_races.py", "test_awards_races.py",
                           "test_release_stop.py"), {"RACES": 20},
                 database),
        ]
        found.append(Part("A dead leader is replaced", ("test_schedule.py::test_a_dead_leader_is_replaced",),
                          {"LEADERS": 3}, database))
    found.append(Part("Two workers, the database started anew, the leader killed", ("../soak/restart.py",),
                      {"MAILS": 1500}, "postgresql"))
    found.append(Part("Releases, the database started anew", ("../soak/releases.py",), {"PAYMENTS": 1000},
                      "postgresql"))
    return [part for part in found if os.environ.get("SOAK_PART", "").lower() in part.name.lower()]


def run(part: Part, seed: int) -> tuple[bool, str]:
    """Whether the part passed, and its row of the record."""
    counts = {name: count if name == "STEPS" else max(count * SHARE // 100, 1) for name, count in part.counts.items()}
    with tempfile.TemporaryDirectory() as folder:
        notes = Path(folder) / "notes"
        environment = {
            **os.environ, **{f"SOAK_{name}": str(count) for name, count in counts.items()}, "SOAK_SEED": str(seed),
            "SOAK_NOTES": str(notes), "TEST_DATABASE": part.database,
        }
        began = time.monotonic()
        result = subprocess.run(
            [sys.executable, "-m", "pytest", "-n", "0", "--timeout=0", f"--hypothesis-seed={seed}",
             *(f"tests/integration/{name}" for name in part.tests)], cwd=ROOT, env=environment, check=False)
        seconds = time.monotonic() - began
        told = notes.read_text(encoding="utf-8").split("\n") if notes.exists() else []
    passed = result.returncode == 0
    asked = ", ".join(f"{count:,} {name.lower().replace('_', ' ')}" for name, count in counts.items())
    words = "; ".join(line for line in told if line)
    return passed, (f"| {part.name} | {part.database} | {asked}{f' ({words})' if words else ''} | {seconds:,.0f} | "
                    f"{'passed' if passed else 'FAILED'} |")


def main() -> int:
    seed = int(os.environ.get("SOAK_SEED") or int(time.time()) % 1_000_000)
    began, rows, good = datetime.now(UTC), [], True
    for part in parts():
        print(f"--- {part.name} on {part.database}", flush=True)
        passed, row = run(part, seed)
        good = good and passed
        rows.append(row)
        print(row, flush=True)
    record = (
        f"\n## {began:%Y-%m-%d %H:%M} UTC\n\n{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python "
        f"{platform.python_version()}; seed {seed}; {'everything passed' if good else 'NOT everything passed'}.\n\n"
        "| what | database | counts | seconds | result |\n| --- | --- | --- | --- | --- |\n" + "\n".join(rows) + "\n"
    )
    print(record)
    if SHARE == 100 and "SOAK_PART" not in os.environ:
        RECORD.write_text(HEAD + record, encoding="utf-8")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
