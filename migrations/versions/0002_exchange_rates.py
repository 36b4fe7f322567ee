"""Exchange rates: what files said, which of it holds. Only new tables."""

from pathlib import Path

from alembic import op

from core.ddl import run_file

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    connection = op.get_bind()
    run_file(connection, Path(__file__).with_name(f"0002_{connection.dialect.name}.sql"))


def downgrade() -> None:
    connection = op.get_bind()
    if connection.exec_driver_sql("SELECT count(*) FROM rate_import").scalar_one():
        raise RuntimeError("rates are on record: restore a backup instead")
    for table in ("exchange_rate", "rate_import", "rate_withdrawal_reason", "rate_source"):
        connection.exec_driver_sql(f"DROP TABLE {table}")
