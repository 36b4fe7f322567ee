"""What this database is for: production, demonstration or test. A production server refuses a demonstration."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, command, db


class DatabaseMark(Base):
    """Facts about the database itself."""

    __tablename__ = "database_mark"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str] = mapped_column(String(120))


def read(name: str) -> str | None:
    row = db.session.get(DatabaseMark, name)
    return row.value if row else None


@command
def write(name: str, value: str) -> None:
    """Set a mark. `kind`, once set, never changes."""
    row = db.session.get(DatabaseMark, name)
    if row is None:
        db.session.add(DatabaseMark(name=name, value=value))
    elif name == "kind" and row.value != value:
        raise ValueError(f"this database is marked {row.value}, not {value}")
    else:
        row.value = value


def clock_may_move() -> bool:
    """Business time may be moved only on a demonstration or a test."""
    return read("kind") in ("demonstration", "test")
