"""The schema as SQL, for a migration's files: every table, lookup row and trigger, in order, for both engines.

`python -m operations.schema 0003` writes the files that migrations/rebuild.py reads (docs/operations.md says when).
"""

from __future__ import annotations

import json
import sys
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy import create_mock_engine

from core.db import Base
from core.ddl import SEPARATOR
from core.settings import ROOT

VERSIONS = ROOT / "migrations" / "versions"


def statements(dialect: str) -> list[str]:
    """All statements of `create_all` for 'sqlite' or 'postgresql', each once, always in the same order."""
    found: dict[str, None] = {}

    def note(sql: Any, *_a: Any, **_k: Any) -> None:
        text = str(sql.compile(dialect=engine.dialect)).strip()
        found[text.replace("%%", "%") if dialect == "postgresql" else text] = None

    engine = create_mock_engine("sqlite://" if dialect == "sqlite" else "postgresql+psycopg://", note)
    Base.metadata.create_all(engine, checkfirst=False)
    # a table's indexes come in no order of their own: sorted, the same models make the same file
    runs = groupby(found, lambda text: text.startswith(("CREATE INDEX", "CREATE UNIQUE")))
    return [statement for are_indexes, run in runs for statement in (sorted(run) if are_indexes else run)]


def defaults() -> dict[str, dict[str, Any]]:
    """What the models put into a column that nobody fills, by table and column: plain values only."""
    found = {
        name: {
            column.name: column.default.arg  # type: ignore[attr-defined]
            for column in table.columns if column.default is not None and column.default.is_scalar
        }
        for name, table in sorted(Base.metadata.tables.items())
    }
    return {name: columns for name, columns in found.items() if columns}


def write(folder: Path, revision: str) -> list[Path]:
    """Write <revision>_<dialect>.sql and <revision>_defaults.json into `folder`; the files."""
    texts = {f"{revision}_{dialect}.sql": SEPARATOR.join(statements(dialect)) for dialect in ("sqlite", "postgresql")}
    texts[f"{revision}_defaults.json"] = json.dumps(defaults(), indent=1, sort_keys=True)
    for name, text in texts.items():
        (folder / name).write_text(text + "\n")
    return [folder / name for name in texts]


if __name__ == "__main__":
    from app import create_app  # every room, so that no table is missing
    from core.settings import Settings

    if len(sys.argv) != 2 or not list(VERSIONS.glob(f"{sys.argv[1]}_*.py")):
        sys.exit("usage: python -m operations.schema REVISION (one that migrations/versions has, such as 0003)")
    create_app(Settings.from_environ())
    for path in write(VERSIONS, sys.argv[1]):
        print(path.relative_to(ROOT))
