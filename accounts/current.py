"""Who is behind the request."""

from __future__ import annotations

from flask import g, has_request_context
from flask_login import current_user

from accounts.models import Person
from core import actor
from core.actor import Actor


def current_person() -> Person | None:
    """The signed-in person, or None."""
    if not has_request_context() or not current_user or not current_user.is_authenticated:
        return None
    person: Person = current_user._get_current_object()
    return person


def current_actor() -> Actor:
    """The signed-in person as an actor, else the public; with the proof of the second factor where the view asked."""
    person = current_person()
    return actor.PUBLIC if person is None else actor.person(person.id, g.get("second_factor_proof"))
