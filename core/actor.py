"""Who acts: a person, the public, or a named part of the system. Never a name or an address: identifiers only."""

from __future__ import annotations

import uuid
from dataclasses import dataclass


@dataclass(frozen=True)
class Actor:
    """`kind` is person, public or system; `person_id` is set for persons, `name` for parts of the system."""

    kind: str
    person_id: uuid.UUID | None = None
    name: str = ""

    @property
    def code(self) -> str:
        """What events store: system:<name>, public, or person."""
        return f"system:{self.name}" if self.kind == "system" else self.kind


PUBLIC = Actor("public")


def person(person_id: uuid.UUID) -> Actor:
    return Actor("person", person_id)


def system(name: str) -> Actor:
    """A scheduled job, an importer or a webhook acts under its own name."""
    return Actor("system", None, name)
