"""Who acts: a person, the public, or a named part of the system. Never a name or an address: identifiers only."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Actor:
    """`kind` is person, public or system; `person_id` is set for persons, `name` for parts of the system. `proof` is
    the proof of the second factor that was asked for this act; events tell of it."""

    kind: str
    person_id: uuid.UUID | None = None
    name: str = ""
    proof: uuid.UUID | None = field(default=None, compare=False)

    @property
    def code(self) -> str:
        """What events store: system:<name>, public, or person."""
        return f"system:{self.name}" if self.kind == "system" else self.kind


PUBLIC = Actor("public")


def person(person_id: uuid.UUID, proof: uuid.UUID | None = None) -> Actor:
    return Actor("person", person_id, proof=proof)


def system(name: str) -> Actor:
    """A scheduled job, an importer or a webhook acts under its own name."""
    return Actor("system", None, name)
