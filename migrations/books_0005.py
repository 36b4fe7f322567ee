"""What revision 0005 derives from the rows of 0004: the totals of Stripe's movements. Amounts are minor units.

It names every table and code itself: a migration stays as it was when the models move on.
"""

from __future__ import annotations

from sqlalchemy import Connection, text


def keep_movement_totals(connection: Connection) -> None:
    """What the movements of each state, category and currency come to, and what is tied to them in the books."""
    connection.execute(text(
        "INSERT INTO stripe_movement_total (state, category, currency, movements, net_minor, tied_minor) "
        "SELECT m.state, m.category, m.currency, count(*), sum(m.net_minor), coalesce(sum(t.tied), 0) "
        "FROM stripe_movement m LEFT JOIN (SELECT e.movement_id, sum(CASE l.side WHEN 'D' THEN l.usd_minor "
        "ELSE -l.usd_minor END) AS tied FROM stripe_movement_entry e JOIN leg l ON l.entry_id = e.entry_id "
        "JOIN account a ON a.id = l.account_id AND a.kind = 'stripe_clearing' GROUP BY e.movement_id) t "
        "ON t.movement_id = m.id GROUP BY m.state, m.category, m.currency"))
