"""Rates of works that take turns, so that a machine that is busy for a while does not favour one of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Work = Callable[[], Any]


@dataclass(frozen=True)
class Rate:
    """The best round: how many a second, median and 95th percentile in ms. `least` is the quickest of all rounds, ms:
    what the work costs when nothing else wants the processor. `shares` has, for each other work, the median over all
    rounds of this one's rate divided by that one's rate in the same round."""

    per_second: float
    p50: float
    p95: float
    least: float
    shares: Mapping[str, float]


def rates(works: Mapping[str, Work], rounds: int = 12, seconds: float = 0.4) -> dict[str, Rate]:
    """Each work for `seconds` in each round, after a warm-up."""
    for work in works.values():
        times(work, 0.3)
    found: dict[str, list[list[float]]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            found[name].append(times(work, seconds))
    speeds = {name: [len(each) / sum(each) for each in taken] for name, taken in found.items()}
    return {
        name: Rate(*_best(taken), min(map(min, taken)) * 1000, {
            other: statistics.median(a / b for a, b in zip(speeds[name], speeds[other], strict=True))
            for other in works
        })
        for name, taken in found.items()
    }


def times(work: Work, seconds: float) -> list[float]:
    """Seconds of each call, one after the other, for `seconds`; at least one."""
    taken = []
    until = time.perf_counter() + seconds
    while not taken or time.perf_counter() < until:
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return taken


def _best(taken: list[list[float]]) -> tuple[float, float, float]:
    best = sorted(min(taken, key=lambda each: sum(each) / len(each)))
    return len(best) / sum(best), statistics.median(best) * 1000, best[int(len(best) * 0.95)] * 1000
