"""Typed signals: a lower room tells what happened, an upper room answers inside the same transaction.

Subscribers do database work only, in the fixed lock order, and are registered in app.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Signal(Generic[T]):
    """`Signal[Payload]("name")`; `send` calls every subscriber in the order of registration. An error in one
    fails the whole command."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._subscribers: list[Callable[[T], None]] = []

    def subscribe(self, subscriber: Callable[[T], None]) -> None:
        if subscriber not in self._subscribers:
            self._subscribers.append(subscriber)

    def send(self, payload: T) -> None:
        for subscriber in self._subscribers:
            subscriber(payload)
