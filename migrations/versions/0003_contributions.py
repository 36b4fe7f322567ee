"""Contributions of every kind and books that follow them: the whole schema anew, with what was on record."""

from alembic import op

from migrations import books_0003 as books
from migrations.rebuild import Change, Rebuild

revision = "0003"
down_revision = "0002"

CAME = "CASE WHEN o.received_at IS NOT NULL THEN {} END"
PAID = "o.state = 'succeeded' OR o.returned_at IS NOT NULL"  # a refund that succeeded, even if it came back later
ORDERED = ("(SELECT e.actor_id FROM old_event e JOIN old_person p ON p.id = e.actor_id WHERE e.subject_type = 'refund' "
           "AND e.subject_id = o.id AND e.tag = 'contributions.refund.order' LIMIT 1)")
STATE = "(SELECT c.state FROM old_contribution c WHERE c.id = o.source_id)"

CHANGES = {
    "agreement": Change({"refund_clause": "'return'"}),
    "pledge": Change({
        "usd_minor": "o.amount_minor",
        "current_minor": "o.amount_minor",
        "paid_minor": "coalesce((SELECT sum(c.gross_minor) FROM old_contribution c WHERE c.pledge_id = o.id), 0)",
        "returned_minor": "coalesce((SELECT sum(c.gross_minor) FROM old_contribution c WHERE c.pledge_id = o.id "
                          "AND c.state = 'refunded'), 0)",
        "earmark": "(SELECT p.earmark FROM old_pool p WHERE p.id = o.pool_id)",
        "state": "CASE WHEN o.state = 'announced' AND o.agreement_id IS NOT NULL THEN 'agreed' ELSE o.state END",
        "schedule": "1",
        "reminders": "0",
    }),
    "contribution": Change({
        "method": "'card'",
        "paid_minor": "o.gross_minor",
        "paid_currency": CAME.format("'USD'"),
        "settles_minor": "o.gross_minor",
        "exchange_minor": CAME.format("0"),
        "back_minor": "CASE o.state WHEN 'refunded' THEN o.gross_minor ELSE 0 END",
    }),
    "receipt": Change({
        "kind": "'receipt'",
        "cause_type": "'contribution'",
        "cause_id": "o.contribution_id",
        "amount_minor": "o.gross_minor",
        "usd_minor": "o.gross_minor",
    }, gone=("gross_minor",)),
    "refund": Change({
        "kind": "'refusal'",
        "usd_minor": "o.amount_minor",
        "settled_minor": f"CASE WHEN {PAID} THEN o.amount_minor END",
        "reason": "coalesce((SELECT c.refusal_code FROM old_contribution c WHERE c.id = o.contribution_id), 'other')",
        "requested_by": ORDERED,
        "succeeded_at": f"CASE WHEN {PAID} THEN coalesce((SELECT max(e.occurred_at) FROM old_event e "
                        "WHERE e.subject_type = 'refund' AND e.subject_id = o.id AND e.to_state = 'succeeded'), "
                        "o.created_at) END",
    }),
    # a refund that came back stood in suspense under its own name: it is the contribution's money that waits again
    "held_receipt": Change({
        "exchange_minor": "0",
        "refunded_minor": f"CASE WHEN o.source_type = 'contribution' AND {STATE} = 'refund_due' THEN 0 "
                          "ELSE o.refunded_minor END",
    }, where="o.source_type <> 'refund'"),
}


def upgrade() -> None:
    connection = op.get_bind()
    schema = Rebuild(connection, "0003", before=("0001", "0002"))
    schema.move_aside()
    schema.make_tables()
    schema.copy(CHANGES, gone=("lot_charge",))
    books.instalments(connection)
    books.open_accounts(connection)
    books.keep_months(connection)
    books.keep_years(connection)
    books.note_earlier_acceptances(connection)
    books.move_lots(connection)
    books.keep_shortfalls(connection)
    schema.drop_old()
    schema.make_rules()
    books.restate_refunds(connection)
    books.restate_lost_fees(connection)
    books.prove(connection)
    schema.prove_references()


def downgrade() -> None:
    raise RuntimeError("the books were made anew; restore the backup from before the upgrade instead")
