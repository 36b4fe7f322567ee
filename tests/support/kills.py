"""Dying at a chosen step: of a function, of a statement to the database, of a commit, of a call to the provider.

In one process `Killed` unwinds everything without any handler of ours; `killed` sends a process of its own SIGKILL at
the same place.
"""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.sql.expression import ReleaseSavepointClause, RollbackToSavepointClause, SavepointClause

from core.db import db

_SAVEPOINTS = (SavepointClause, ReleaseSavepointClause, RollbackToSavepointClause)


class Killed(BaseException):
    """The process is gone: no handler of ours may catch it."""


def die() -> None:
    raise Killed


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class Failpoint:
    """Die before or after the n-th call of a step: `attribute` of what `holder` gives."""

    name: str
    holder: Callable[[], Any]
    attribute: str
    when: str = "before"
    n: int = 1
    calls: int = field(default=0)

    def arm(self, monkeypatch: pytest.MonkeyPatch, die: Callable[[], None]) -> None:
        original = getattr(self.holder(), self.attribute)
        self.calls = 0

        def step(*args: Any, **kwargs: Any) -> Any:
            if not self._counts(args):
                return original(*args, **kwargs)
            self.calls += 1
            here = self.calls == self.n
            if here and self.when == "before":
                die()
            result = original(*args, **kwargs)
            if here and self.when == "after":
                die()
            return result

        monkeypatch.setattr(self.holder(), self.attribute, step)

    def _counts(self, args: tuple[Any, ...]) -> bool:
        return True


class AtStatement(Failpoint):
    """Before the n-th statement to the database."""

    def __init__(self, n: int) -> None:
        super().__init__(f"before statement {n}", lambda: Connection, "execute", "before", n)

    def _counts(self, args: tuple[Any, ...]) -> bool:
        return not isinstance(args[1], _SAVEPOINTS)


class AtCommit(Failpoint):
    """Before or after the n-th commit."""

    def __init__(self, when: str, n: int = 1) -> None:
        super().__init__(f"{when} commit {n}", lambda: db.session, "commit", when, n)


@contextmanager
def dying(failpoint: Failpoint) -> Iterator[None]:
    """Inside, this process dies at the failpoint: Killed comes out, unless the step is never reached."""
    with pytest.MonkeyPatch.context() as patch:
        failpoint.arm(patch, die)
        yield


def killed(app: Any, failpoint: Failpoint, act: Callable[[], Any]) -> bool:
    """Run `act` in a process of its own, killed for real at the failpoint: no rollback, no close, only what the
    database itself makes of it. False when the step was not reached, and `act` came to its end.

    A failure of `act` itself raises here.
    """
    db.session.remove()
    db.engine.dispose()
    child = os.fork()
    if child == 0:
        code = 7
        try:
            with app.app_context():
                db.engine.dispose(close=False)
                failpoint.arm(pytest.MonkeyPatch(), kill)
                act()
                code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    _pid, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, f"{failpoint.name}: the act itself failed"
    return False
