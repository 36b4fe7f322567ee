"""Many at the same instant, each in a thread and on a connection of its own."""

from __future__ import annotations

import os
import queue
import threading
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from core import clock
from core.db import db

WIDTH = 12  # at one time: the engine's pool has fifteen connections, and nobody should be turned away for want of one


def at_once(app: Any, tasks: Sequence[Callable[[], Any]], width: int = WIDTH) -> list[Any]:
    """Run the tasks, `width` of them starting together and the others as soon as one of those has ended; what each
    returned or raised. Business time is the caller's."""
    db.session.rollback()
    db.session.remove()
    results: list[Any] = [None] * len(tasks)
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for n in range(len(tasks)):
        waiting.put(n)
    crowd = min(width, len(tasks))
    gate, now = threading.Barrier(crowd), clock.now()

    def run() -> None:
        with app.app_context(), clock.moved_to(now):
            gate.wait(timeout=120)
            while True:
                try:
                    n = waiting.get_nowait()
                except queue.Empty:
                    return
                try:
                    results[n] = tasks[n]()
                except Exception as error:
                    db.session.rollback()
                    results[n] = error
                finally:
                    db.session.remove()

    threads = [threading.Thread(target=run) for _ in range(crowd)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=600)
        assert not thread.is_alive()
    return results


def in_processes(app: Any, tasks: Sequence[Callable[[], Any]]) -> None:
    """Run each task in a process of its own, all at the same time. Raises AssertionError when one fails."""
    db.session.remove()
    db.engine.dispose()
    children = []
    for task in tasks:
        child = os.fork()
        if child == 0:
            code = 7
            try:
                with app.app_context():
                    db.engine.dispose(close=False)
                    task()
                    code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert codes == [0] * len(tasks), codes


class Meeting:
    """The first `size` threads that come here wait for each other once; nobody else ever waits."""

    def __init__(self, size: int) -> None:
        self._barrier, self._free, self._lock = threading.Barrier(size), size, threading.Lock()
        self._been: set[int] = set()

    def wait(self) -> None:
        me = threading.get_ident()
        with self._lock:
            if me in self._been or not self._free:
                return
            self._been.add(me)
            self._free -= 1
        self._barrier.wait(timeout=120)
