"""From the call to the confirmed payment: the whole schema anew, with what was on record."""

from alembic import op

from migrations.rebuild import Change, Rebuild

revision = "0004"
down_revision = "0003"

# a payment that is wholly back at its donor, a part of it only until the donor's bank has decided
HELD = ("d.taken_at IS NOT NULL AND d.reinstated_at IS NULL AND d.state IN ('open', 'under_review', 'won')")
FINAL = ("(SELECT coalesce(sum(r.amount_minor), 0) FROM old_refund r WHERE r.contribution_id = {0}.id "
         "AND r.state = 'succeeded') + (SELECT coalesce(sum(d.amount_minor), 0) FROM old_dispute d "
         "WHERE d.contribution_id = {0}.id AND d.taken_at IS NOT NULL AND d.reinstated_at IS NULL "
         "AND d.state NOT IN ('open', 'under_review', 'won'))")
DISPUTED = (f"{{0}}.state = 'refunded' AND EXISTS (SELECT 1 FROM old_dispute d WHERE d.contribution_id = {{0}}.id "
            f"AND {HELD}) AND {FINAL} < {{0}}.paid_minor")

CHANGES: dict[str, Change] = {
    "call": Change({"weights": "'{}'", "required_papers": "'[]'", "questions": "'[]'"}),
    "contribution": Change({"state": f"CASE WHEN {DISPUTED.format('o')} THEN 'disputed' ELSE o.state END"}),
    "pledge": Change({"state": "CASE WHEN o.state = 'returned' AND EXISTS (SELECT 1 FROM old_contribution c "
                               f"WHERE c.pledge_id = o.id AND {DISPUTED.format('c')}) THEN 'disputed' ELSE o.state "
                               "END"}),
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
