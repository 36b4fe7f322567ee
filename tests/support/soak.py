"""What `make soak` asks for, and what a test tells it: counts from the environment, notes into a file."""

from __future__ import annotations

import os
from pathlib import Path

SOAKING = "SOAK_NOTES" in os.environ
SEED = int(os.environ.get("SOAK_SEED", "1"))


def count(name: str, otherwise: int) -> int:
    """How much of this to do: SOAK_<name>, or what `make test` does."""
    return int(os.environ.get(f"SOAK_{name}", str(otherwise)))


def note(words: str) -> None:
    """Say what was done, for the record."""
    if SOAKING:
        with Path(os.environ["SOAK_NOTES"]).open("a", encoding="utf-8") as notes:
            notes.write(f"{words}\n")
