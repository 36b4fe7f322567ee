"""Passkeys, what was left of the way to a confirmed payment, the calendar: the whole schema anew, with its rows."""

from alembic import op

from migrations import books_0005 as books
from migrations.rebuild import Change, Rebuild

revision = "0005"
down_revision = "0004"

_OF_FACTOR = "FROM old_second_factor f WHERE f.id = o.factor_id"
CHANGES: dict[str, Change] = {
    # recovery codes are a person's from now on, for any lost device; those of a device that ended are void
    "recovery_code": Change(
        {"person_id": f"(SELECT f.person_id {_OF_FACTOR})",
         "void_at": f"COALESCE(o.void_at, (SELECT f.ended_at {_OF_FACTOR}))"},
        gone=("factor_id",)),
    "meeting_kind": Change(columns={"precedes": "CASE WHEN o.code = 'PrepCom' THEN 'RevCon' END"}),
}


def upgrade() -> None:
    schema = Rebuild(op.get_bind(), "0005", before=("0004",))
    schema.move_aside()
    schema.make_tables()
    schema.copy(CHANGES)
    books.keep_movement_totals(op.get_bind())
    schema.drop_old()
    schema.make_rules()
    schema.prove_references()


def downgrade() -> None:
    raise RuntimeError("signatures and payments hang on the new tables; restore the backup from before the upgrade instead")
