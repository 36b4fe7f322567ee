"""From the call to the confirmed payment: the whole schema anew, with what was on record."""

from alembic import op

from migrations.rebuild import Change, Rebuild

revision = "0004"
down_revision = "0003"

CHANGES: dict[str, Change] = {
    "call": Change({"weights": "'{}'", "required_papers": "'[]'", "questions": "'[]'"}),
    "ranking": Change({"places": "'{}'"}),
    # nobody acts on a final share before the claim is settled
    "disbursement": Change({"act_by": "CASE WHEN o.kind = 'final' AND o.state = 'draft' THEN NULL ELSE o.act_by END"}),
}


def upgrade() -> None:
    schema = Rebuild(op.get_bind(), "0004", before=("0003",))
    schema.move_aside()
    schema.make_tables()
    schema.copy(CHANGES)
    schema.drop_old()
    schema.make_rules()
    schema.prove_references()


def downgrade() -> None:
    raise RuntimeError("signatures and payments hang on the new tables; restore the backup from before the upgrade instead")
