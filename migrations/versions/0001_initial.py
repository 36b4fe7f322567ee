"""The first schema: tables, codes and triggers, as SQL files for each engine beside this one."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None

HERE = Path(__file__).resolve().parent


def upgrade() -> None:
    connection = op.get_bind()
    dialect = connection.dialect.name
    for statement in (HERE / f"0001_{dialect}.sql").read_text().split("\n-- next --\n"):
        # psycopg reads a lone % as a placeholder
        connection.exec_driver_sql(statement.replace("%", "%%") if dialect == "postgresql" else statement)


def downgrade() -> None:
    raise RuntimeError("there is nothing before the first schema; restore a backup instead")
