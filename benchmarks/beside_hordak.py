"""Posting beside django-hordak, the best kept double entry for the same database: both on one PostgreSQL, in turns,
each beside the same ceiling (plain SQL by the driver: an entry and two legs in three statements, no trigger, one
commit). The peer runs in its own process and its own environment, made for the run (`pip` fetches it); its journal
and ours are warmed alike.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from benchmarks.databases import analyse, databases
from benchmarks.measure import times
from benchmarks.posting import BEFORE, ceiling, ours
from core.db import db
from sponsorship.ledger.service import open_pool

NEEDS = ("django-hordak==2.0.0", "django==5.2.19", "psycopg[binary]==3.3.9")
CEILING, PEER, OURS = "plain SQL, no triggers (ceiling)", "django-hordak 2.0.0, ORM in `atomic()`", "`post()`"
Times = list[float]


class Peer:
    """django-hordak in a process of its own."""

    def __init__(self, folder: Path, host: str, user: str, name: str) -> None:
        venv.create(folder, with_pip=True)
        python = folder / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *NEEDS], check=True)
        script = Path(__file__).with_name("hordak_postings.py")
        self._process = subprocess.Popen(
            [python, script, host, user, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._line("ready")

    def _line(self, awaited: str = "") -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line or not line.startswith(awaited):
            raise RuntimeError("django-hordak did not answer")
        return line

    def times(self, seconds: float) -> Times:
        """Seconds of each posting, one after the other, for `seconds`."""
        assert self._process.stdin is not None
        print(seconds, file=self._process.stdin, flush=True)
        found: Times = json.loads(self._line())
        return found

    def close(self) -> None:
        self._process.communicate()


def run(rounds: int = 20, seconds: float = 1.0) -> dict[str, list[Times]]:
    """The times of every round."""
    with databases("PostgreSQL") as made, tempfile.TemporaryDirectory() as folder:
        app = made.app()
        with app.app_context():
            open_pool("benchmark", "Benchmark")
            db.session.remove()
            plain, post = ceiling(), ours()
            peer = Peer(Path(folder), *made.empty())
            works = {CEILING: lambda s: times(plain, s), PEER: peer.times, OURS: lambda s: times(post, s)}
            for _ in range(BEFORE):
                plain()
                post()
            peer.times(BEFORE / 400)
            analyse()
            found: dict[str, list[Times]] = {name: [] for name in works}
            for n in range(rounds):
                turn = list(works)[n % 3:] + list(works)[:n % 3]
                for name in turn:
                    found[name].append(works[name](seconds))
            peer.close()
            return found


def table(found: dict[str, list[Times]]) -> list[str]:
    """Markdown: medians over all rounds; shares are medians of the shares within a round."""
    speeds = {name: [len(taken) / sum(taken) for taken in rounds] for name, rounds in found.items()}

    def share(name: str, other: str) -> float:
        return statistics.median(a / b for a, b in zip(speeds[name], speeds[other], strict=True))

    made = ["| what | a second, median | lowest and highest round | p50 ms | p95 ms | of ceiling | times hordak |",
            "| --- | --- | --- | --- | --- | --- | --- |"]
    for name, rounds in found.items():
        every = sorted(one for taken in rounds for one in taken)
        made.append(
            f"| {name} | {statistics.median(speeds[name]):,.0f} | {min(speeds[name]):,.0f} to {max(speeds[name]):,.0f} "
            f"| {every[len(every) // 2] * 1000:.2f} | {every[int(len(every) * 0.95)] * 1000:.2f} "
            f"| {share(name, CEILING):.0%} | {share(name, PEER):.2f} |")
    return made


def main() -> None:
    """Fetches the peer from the package index, so it is not a part of `make bench` unless named."""
    print(*table(run()), "", sep="\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
