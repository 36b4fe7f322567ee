"""Human references such as APP-2027-0042: counted per prefix and year, in the command that uses them."""

from __future__ import annotations

from sqlalchemy import String, select, update
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, db, insert_into


class ReferenceCounter(Base):
    """Last number given out. A rolled-back command gives its number back, so there are no gaps."""

    __tablename__ = "reference_counter"
    prefix: Mapped[str] = mapped_column(String(12), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]


def next_number(prefix: str, year: int) -> int:
    """The next number, without gaps; holds the counter's row until the command ends."""
    where = (ReferenceCounter.prefix == prefix, ReferenceCounter.year == year)
    for _ in range(2):
        changed = db.session.execute(
            update(ReferenceCounter).where(*where).values(last=ReferenceCounter.last + 1)
            .execution_options(synchronize_session=False)
        )
        if changed.rowcount:  # type: ignore[attr-defined]
            return db.session.execute(select(ReferenceCounter.last).where(*where)).scalar_one()
        db.session.execute(
            insert_into(ReferenceCounter).values(prefix=prefix, year=year, last=0).on_conflict_do_nothing())
    raise AssertionError("the counter's row was just made")


def next_reference(prefix: str, year: int) -> str:
    """PREFIX-YEAR-0001."""
    return f"{prefix}-{year}-{next_number(prefix, year):04d}"
