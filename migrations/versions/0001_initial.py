"""The first schema: tables, codes and triggers, as SQL files for each engine beside this one."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None

HERE = Path(__file__).resolve().parent


def upgrade() -> None:
    dialect = op.get_bind().dialect.name
    for statement in (HERE / f"0001_{dialect}.sql").read_text().split("\n-- next --\n"):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    raise RuntimeError("there is nothing before the first schema; restore a backup instead")
