"""The schema as SQL, for a migration's files: every table, lookup row and trigger, in order, for both engines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import create_mock_engine

from core.db import Base
from core.ddl import SEPARATOR


def statements(dialect: str) -> list[str]:
    """All statements of `create_all` for 'sqlite' or 'postgresql'."""
    found: list[str] = []

    def note(sql: Any, *_a: Any, **_k: Any) -> None:
        found.append(str(sql.compile(dialect=engine.dialect)).strip())

    engine = create_mock_engine("sqlite://" if dialect == "sqlite" else "postgresql+psycopg://", note)
    Base.metadata.create_all(engine, checkfirst=False)
    return [s.replace("%%", "%") if dialect == "postgresql" else s for s in found]


def write(folder: Path, revision: str) -> None:
    """Write <revision>_<dialect>.sql into `folder`."""
    for dialect in ("sqlite", "postgresql"):
        (folder / f"{revision}_{dialect}.sql").write_text(SEPARATOR.join(statements(dialect)) + "\n")
