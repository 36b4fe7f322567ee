"""Marks on view functions: every route is in exactly one access group. accounts.access enforces them and a test
reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Access:
    """`group` is public, signed_in, permission or webhook; `permissions` name rows of the permission table, of
    which one is enough."""

    group: str
    permissions: tuple[str, ...] = ()


def _mark(access: Access) -> Callable[[F], F]:
    def mark(view: F) -> F:
        if hasattr(view, "access"):
            raise ValueError(f"{view.__qualname__} is in two access groups")
        view.access = access  # type: ignore[attr-defined]
        return view

    return mark


def public(view: F) -> F:
    """Anybody."""
    return _mark(Access("public"))(view)


def signed_in(view: F) -> F:
    """Any signed-in person."""
    return _mark(Access("signed_in"))(view)


def needs(*permissions: str) -> Callable[[F], F]:
    """Persons who hold one of `permissions` in some organisation; which objects they may see is the query's matter."""
    return _mark(Access("permission", permissions))


def webhook(view: F) -> F:
    """Machines that prove themselves by a signature: no session, no CSRF token."""
    return _mark(Access("webhook"))(view)


def writes_on_get(reason: str) -> Callable[[F], F]:
    """A GET that must write (such as following a mailed link), with the reason; a short list kept by a test."""

    def mark(view: F) -> F:
        view.writes_on_get = reason  # type: ignore[attr-defined]
        return view

    return mark
