"""Migrations make exactly the schema that the models describe, triggers and checks included."""

import re

import pytest
import sqlalchemy as sa
from flask_migrate import upgrade

from core.db import Base, db
from core.ddl import LOOKUPS, missing_triggers


def _normal(sql):
    return re.sub(r"\s+", " ", sql or "").strip().strip(";").replace('"', "")


def schema(engine):
    """Every table, check, index, trigger and function by name, as the database has it."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            rows = connection.execute(sa.text(
                "SELECT type || ' ' || name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' "
                "AND name <> 'alembic_version'"))
            found = {name: _normal(sql) for name, sql in rows}
        else:
            found = {}
            for kind, statement in {
                "column": "SELECT table_name || '.' || column_name, concat_ws(' ', data_type, is_nullable, "
                          "column_default, character_maximum_length) FROM information_schema.columns "
                          "WHERE table_schema = 'public' AND table_name <> 'alembic_version'",
                "constraint": "SELECT conrelid::regclass || '.' || conname, pg_get_constraintdef(oid) "
                              "FROM pg_constraint WHERE connamespace = 'public'::regnamespace "
                              "AND conrelid::regclass::text <> 'alembic_version'",
                "index": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' "
                         "AND tablename <> 'alembic_version'",
                "trigger": "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
                "function": "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
            }.items():
                found |= {f"{kind} {name}": _normal(text) for name, text in connection.execute(sa.text(statement))}
        return found


def _schema_and_codes(engine):
    found = schema(engine)
    with engine.connect() as connection:
        for lookup in LOOKUPS:
            codes = connection.execute(sa.text(f"SELECT code FROM {lookup} ORDER BY code")).scalars().all()
            found[f"codes {lookup}"] = ",".join(codes)
    return found


def _made_by(app, databases, *revisions):
    """What migrations leave in a new database: its schema and codes, and how many rows each table has."""
    name = "placard_migrated_probe"
    databases.drop(name)
    from tests.conftest import _make_app

    fresh = _make_app(databases.create(name), app.extensions["placard_settings"].instance_dir)
    with fresh.app_context():
        for revision in revisions:
            upgrade(revision=revision)
        found = _schema_and_codes(db.engine)
        assert missing_triggers(db.session.connection()) == []
        rows = {table: db.session.scalar(sa.select(sa.func.count()).select_from(sa.table(table)))
                for table in (*Base.metadata.tables, "alembic_version")}
        db.session.remove()
        db.engine.dispose()
    databases.drop(name)
    return found, rows


@pytest.mark.real_database
def test_migrations_make_what_models_describe(app, databases):
    by_models = _schema_and_codes(db.engine)
    at_once, rows = _made_by(app, databases, "head", "head")  # the second time nothing happens
    step_by_step, same_rows = _made_by(app, databases, "0001", "head")
    for by_migrations in (at_once, step_by_step):
        differing = {k for k in by_models.keys() | by_migrations.keys() if by_models.get(k) != by_migrations.get(k)}
        assert not differing, "python -m operations.schema 0005, while that is not released\n" + "\n".join(
            f"{k}\n  models     {by_models.get(k)}\n  migrations {by_migrations.get(k)}" for k in sorted(differing))
    assert rows == same_rows


def test_every_lookup_holds_the_codes_of_the_code(app):
    for name, codes in LOOKUPS.items():
        found = db.session.execute(sa.text(f"SELECT code FROM {name}")).scalars().all()
        assert sorted(found) == sorted(codes), name


def test_constraints_have_names():
    for table in Base.metadata.tables.values():
        for constraint in table.constraints:
            if not isinstance(constraint, sa.PrimaryKeyConstraint):
                assert constraint.name, f"{table.name}: {constraint}"
