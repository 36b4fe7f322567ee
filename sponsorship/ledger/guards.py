"""What the database refuses, whoever writes to it: triggers on both engines.

Entries, legs and postings are added, never changed. Legs join only an unposted entry. A posting's insertion checks
that each book of the entry balances (the budgetary one pool by pool), that no guarded account is overdrawn, and
moves the balances; nothing else moves them. Each rule stands beside the attack it answers.
"""

from __future__ import annotations

from sqlalchemy import Table

from core.db import Base
from core.ddl import REFUSE, append_only, checks_of_added, function, trigger
from sponsorship.ledger.models import (
    Account,
    AccountMonth,
    Entry,
    FundSetting,
    HeldReceipt,
    Leg,
    Lot,
    LotMovement,
    Pool,
    Posting,
    Reservation,
    ReservationLine,
    Shortfall,
    Spend,
    SpendCut,
    SpendLine,
    SpendRecovery,
    tables,
)


def _table(model: type[Base]) -> Table:
    return tables(model)[0]


def _keeps(model: type[Base], *columns: str) -> None:
    """On SQLite INSERT OR REPLACE removes the row that holds a unique value, without a delete trigger: refuse to
    insert the value again. (PostgreSQL has no REPLACE, and ON CONFLICT DO UPDATE meets the update triggers.)"""
    name = _table(model).name
    same = " AND ".join(f"{column} = NEW.{column}" for column in columns)
    trigger(
        _table(model), f"{name}_keeps_{columns[0]}",
        sqlite=f"CREATE TRIGGER {name}_keeps_{columns[0]} BEFORE INSERT ON {name} "
               f"WHEN EXISTS (SELECT 1 FROM {name} WHERE {same}) "
               f"BEGIN SELECT RAISE(ABORT, '{name} holds this {columns[0]} already'); END",
        postgresql=(),
    )


append_only(_table(Pool), updatable=("name",))
append_only(_table(Account), updatable=("debits_posted", "credits_posted", "moved_by"))
append_only(_table(Posting), key="entry_id")
append_only(_table(Entry))
append_only(_table(HeldReceipt), updatable=("accepted_minor", "refunded_minor"))
append_only(_table(Lot), updatable=("reserved_minor", "spent_minor", "charged_minor"))
append_only(_table(Reservation))
append_only(
    _table(ReservationLine),
    updatable=(
        "spent_direct_minor", "spent_support_minor", "released_direct_minor", "released_support_minor",
    ),
)
append_only(_table(Spend), updatable=("state", "confirm_entry_id", "return_entry_id"))
append_only(_table(Leg), key=("entry_id", "n"))
append_only(_table(AccountMonth), key=("account_id", "month"), updatable=("debits", "credits", "legs"))
append_only(_table(LotMovement), key=("entry_id", "lot_id", "part"))
append_only(_table(FundSetting))
append_only(_table(Shortfall), key="entry_id", updatable=("covered_minor",))
append_only(_table(SpendLine), key=("spend_id", "reservation_line_id"))
append_only(_table(SpendCut), key=("spend_id", "reservation_line_id"))
append_only(_table(SpendRecovery), key=("entry_id", "reservation_line_id"))

_keeps(Pool, "code")
_keeps(Account, "code")
_keeps(Account, "kind", "pool_id")
_keeps(Entry, "key")
_keeps(HeldReceipt, "key")
_keeps(HeldReceipt, "source_type", "source_id")
_keeps(HeldReceipt, "entry_id")
_keeps(Lot, "key")
_keeps(Lot, "entry_id")
_keeps(Reservation, "key")
_keeps(Reservation, "entry_id")
_keeps(ReservationLine, "reservation_id", "lot_id")
_keeps(Spend, "key")
_keeps(Spend, "entry_id")
_keeps(Spend, "confirm_entry_id")
_keeps(Spend, "return_entry_id")

# --- an account starts at zero, and only the posting trigger moves it -------------------------------------------
trigger(
    _table(Account), "account_is_sound",
    sqlite=(),  # the CHECKs stand in the table
    postgresql=(
        "CREATE OR REPLACE FUNCTION placard_account_is_sound() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        + checks_of_added(_table(Account)) + "RETURN NEW; END $$",
        "CREATE TRIGGER account_is_sound BEFORE INSERT ON account FOR EACH ROW "
        "EXECUTE FUNCTION placard_account_is_sound()",
    ),
)
trigger(
    _table(Account), "account_starts_at_zero",
    sqlite="CREATE TRIGGER account_starts_at_zero BEFORE INSERT ON account "
           "WHEN NEW.debits_posted IS NOT 0 OR NEW.credits_posted IS NOT 0 OR NEW.moved_by IS NOT NULL "
           "BEGIN SELECT RAISE(ABORT, 'an account starts at zero'); END",
    postgresql=(REFUSE,
                "CREATE TRIGGER account_starts_at_zero BEFORE INSERT ON account FOR EACH ROW "
                "WHEN (NEW.debits_posted <> 0 OR NEW.credits_posted <> 0 OR NEW.moved_by IS NOT NULL) "
                "EXECUTE FUNCTION placard_refuse('an account starts at zero')"),
)
# PostgreSQL knows that an update comes out of a trigger. SQLite does not: there a balance may only move by the legs of
# an entry posted later than the one that moved it last, which leaves nothing that an update by hand could name.
trigger(
    _table(Account), "account_moves_by_posting",
    sqlite="CREATE TRIGGER account_moves_by_posting BEFORE UPDATE OF debits_posted, credits_posted, moved_by "
           "ON account WHEN coalesce("
           "(SELECT rowid FROM posting WHERE entry_id = NEW.moved_by) > "
           "coalesce((SELECT rowid FROM posting WHERE entry_id = OLD.moved_by), 0) "
           "AND NEW.debits_posted - OLD.debits_posted = (SELECT coalesce(sum(usd_minor), 0) FROM leg "
           "WHERE entry_id = NEW.moved_by AND account_id = NEW.id AND side = 'D') "
           "AND NEW.credits_posted - OLD.credits_posted = (SELECT coalesce(sum(usd_minor), 0) FROM leg "
           "WHERE entry_id = NEW.moved_by AND account_id = NEW.id AND side = 'C'), 0) = 0 "
           "BEGIN SELECT RAISE(ABORT, 'only posting moves a balance'); END",
    postgresql=(REFUSE,
                "CREATE TRIGGER account_moves_by_posting BEFORE UPDATE OF debits_posted, credits_posted, moved_by "
                "ON account FOR EACH ROW WHEN (pg_trigger_depth() = 0) "
                "EXECUTE FUNCTION placard_refuse('only posting moves a balance')"),
)

# --- a lot's counters follow its movements ----------------------------------------------------------------------
# Rows that give back come first in a statement (spending.py), so that no CHECK is met half-way. SQLite cannot tell an
# update by a trigger from one by hand: there `verify` proves the sums.
_COUNTERS = {"reserved": ("reserved",), "spent": ("direct", "support"), "charged": ("fee", "refund", "loss")}


def _sum_of(parts: tuple[str, ...], row: str) -> str:
    codes = ", ".join(f"'{part}'" for part in parts)
    return f"CASE WHEN {row}.part IN ({codes}) THEN {row}.amount_minor ELSE 0 END"


trigger(
    _table(LotMovement), "lot_movement_moves_lot",
    sqlite="CREATE TRIGGER lot_movement_moves_lot AFTER INSERT ON lot_movement BEGIN UPDATE lot SET "
           + ", ".join(f"{name}_minor = {name}_minor + {_sum_of(parts, 'NEW')}" for name, parts in _COUNTERS.items())
           + " WHERE id = NEW.lot_id; END",
    postgresql=(
        "CREATE OR REPLACE FUNCTION placard_lot_moves() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "UPDATE lot SET " + ", ".join(f"{name}_minor = {name}_minor + s.{name}" for name in _COUNTERS)
        + " FROM (SELECT a.lot_id, "
        + ", ".join(f"sum({_sum_of(parts, 'a')})::bigint AS {name}" for name, parts in _COUNTERS.items())
        + " FROM added a GROUP BY a.lot_id ORDER BY a.lot_id) s WHERE lot.id = s.lot_id; RETURN NULL; END $$",
        "CREATE TRIGGER lot_movement_moves_lot AFTER INSERT ON lot_movement REFERENCING NEW TABLE AS added "
        "FOR EACH STATEMENT EXECUTE FUNCTION placard_lot_moves()",
    ),
)
trigger(
    _table(Lot), "lot_moves_by_movement",
    sqlite=(),
    postgresql=(REFUSE,
                "CREATE TRIGGER lot_moves_by_movement BEFORE UPDATE OF reserved_minor, spent_minor, charged_minor "
                "ON lot FOR EACH ROW WHEN (pg_trigger_depth() = 0) "
                "EXECUTE FUNCTION placard_refuse('only movements change a lot')"),
)
trigger(
    _table(AccountMonth), "account_month_by_posting",
    sqlite=(),
    postgresql=(REFUSE,
                "CREATE TRIGGER account_month_by_posting BEFORE INSERT OR UPDATE ON account_month "
                "FOR EACH ROW WHEN (pg_trigger_depth() = 0) "
                "EXECUTE FUNCTION placard_refuse('only posting keeps the months')"),
)
trigger(
    _table(Shortfall), "shortfall_is_covered_once",
    sqlite="CREATE TRIGGER shortfall_is_covered_once BEFORE UPDATE OF covered_minor ON shortfall "
           "WHEN NEW.covered_minor <= OLD.covered_minor "
           "BEGIN SELECT RAISE(ABORT, 'what is covered stays covered'); END",
    postgresql=(REFUSE,
                "CREATE TRIGGER shortfall_is_covered_once BEFORE UPDATE OF covered_minor ON shortfall FOR EACH ROW "
                "WHEN (NEW.covered_minor <= OLD.covered_minor) "
                "EXECUTE FUNCTION placard_refuse('what is covered stays covered')"),
)

# --- legs join only an unposted entry ---------------------------------------------------------------------------
# A posting locks its entry, and a leg's foreign key holds the entry against that lock: else a leg slips in beside a
# posting that does not see it yet. On PostgreSQL the rule therefore stands AFTER the row: its foreign keys are checked
# first (triggers go by name, and theirs begin with RI_), so what is read here is read under the lock. A snapshot older
# than the posting would not see it even so: the ledger is written under READ COMMITTED only.
_READ_COMMITTED = (
    "IF current_setting('transaction_isolation') <> 'read committed' THEN "
    "RAISE EXCEPTION 'the ledger is written under READ COMMITTED' USING ERRCODE = 'integrity_constraint_violation'; "
    "END IF; "
)
trigger(
    _table(Leg), "leg_joins_unposted",
    sqlite="CREATE TRIGGER leg_joins_unposted BEFORE INSERT ON leg "
           "WHEN EXISTS (SELECT 1 FROM posting WHERE entry_id = NEW.entry_id) "
           "BEGIN SELECT RAISE(ABORT, 'the entry is posted'); END",
    postgresql=(
        "CREATE OR REPLACE FUNCTION placard_leg_joins() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        + _READ_COMMITTED + checks_of_added(_table(Leg)) +
        "PERFORM 1 FROM posting WHERE entry_id = NEW.entry_id; IF FOUND THEN "  # an IF with a query is planned anew
        "RAISE EXCEPTION 'the entry is posted' USING ERRCODE = 'integrity_constraint_violation'; END IF; "
        "RETURN NULL; END $$",
        # row by row: with a table of the added rows PostgreSQL would plan the question anew each time
        "CREATE TRIGGER leg_joins_unposted AFTER INSERT ON leg FOR EACH ROW EXECUTE FUNCTION placard_leg_joins()",
    ),
)

# --- posting ----------------------------------------------------------------------------------------------------
# AFTER INSERT, so that a row skipped by ON CONFLICT DO NOTHING moves nothing. On SQLite an outer INSERT OR IGNORE
# passes on to the statements of a trigger and would skip, in silence, an update that a CHECK refuses: overdrafts are
# refused by RAISE before it, and the update is counted after it. On PostgreSQL the entries of one statement are judged
# together where accounts are guarded (what it leaves is never overdrawn), and each by itself where it must balance.
_SIGNED = "CASE l.side WHEN 'D' THEN l.usd_minor ELSE -l.usd_minor END"
_BY_BOOK = (
    "leg l JOIN account a ON a.id = l.account_id WHERE l.entry_id = NEW.entry_id "
    "GROUP BY a.book, CASE a.book WHEN 'B' THEN a.pool_id END"
)
_BOOKS = f"SELECT 1 FROM {_BY_BOOK} HAVING sum({_SIGNED}) <> 0"
_OVERDRAWN = (
    "SELECT 1 FROM leg l JOIN account a ON a.id = l.account_id WHERE l.entry_id = NEW.entry_id AND a.guarded "
    "GROUP BY a.id, a.side, a.debits_posted, a.credits_posted "
    f"HAVING (a.debits_posted - a.credits_posted + sum({_SIGNED})) * (CASE a.side WHEN 'D' THEN 1 ELSE -1 END) < 0"
)


def _posted(side: str, account: str = "account.id") -> str:
    return (
        f"coalesce((SELECT sum(usd_minor) FROM leg WHERE entry_id = NEW.entry_id AND account_id = {account} "
        f"AND side = '{side}'), 0)"
    )


_MONTH = (
    "(SELECT CAST(substr(occurred_at, 1, 4) || substr(occurred_at, 6, 2) AS INTEGER) FROM entry "
    "WHERE id = NEW.entry_id)"
)
_LEGS = "(SELECT count(*) FROM leg WHERE entry_id = NEW.entry_id AND account_id = account_month.account_id)"


trigger(
    _table(Posting), "posting_moves_balances",
    sqlite="CREATE TRIGGER posting_moves_balances AFTER INSERT ON posting BEGIN "
           "SELECT RAISE(ABORT, 'an entry has two legs or more') "
           "WHERE (SELECT count(*) FROM leg WHERE entry_id = NEW.entry_id) < 2; "
           f"SELECT RAISE(ABORT, 'the entry does not balance') WHERE EXISTS ({_BOOKS}); "
           f"SELECT RAISE(ABORT, 'account_no_overdraft: a guarded account would be overdrawn') "
           f"WHERE EXISTS ({_OVERDRAWN}); "
           f"UPDATE account SET debits_posted = debits_posted + {_posted('D')}, "
           f"credits_posted = credits_posted + {_posted('C')}, moved_by = NEW.entry_id "
           "WHERE id IN (SELECT account_id FROM leg WHERE entry_id = NEW.entry_id); "
           "SELECT RAISE(ABORT, 'a balance did not move') WHERE EXISTS (SELECT 1 FROM leg l "
           "JOIN account a ON a.id = l.account_id WHERE l.entry_id = NEW.entry_id AND a.moved_by IS NOT NEW.entry_id); "
           # not an upsert: an outer INSERT OR REPLACE would pass its conflict rule on to it
           f"UPDATE account_month SET debits = debits + {_posted('D', 'account_month.account_id')}, "
           f"credits = credits + {_posted('C', 'account_month.account_id')}, "
           f"legs = legs + {_LEGS} WHERE month = {_MONTH} "
           "AND account_id IN (SELECT account_id FROM leg WHERE entry_id = NEW.entry_id); "
           "INSERT INTO account_month (account_id, month, debits, credits, legs) "
           "SELECT l.account_id, e.month, sum(CASE l.side WHEN 'D' THEN l.usd_minor ELSE 0 END), "
           "sum(CASE l.side WHEN 'C' THEN l.usd_minor ELSE 0 END), count(*) FROM leg l, "
           f"(SELECT {_MONTH} AS month) e WHERE l.entry_id = NEW.entry_id AND NOT EXISTS (SELECT 1 "
           "FROM account_month m WHERE m.account_id = l.account_id AND m.month = e.month) GROUP BY l.account_id; "
           "END",
    postgresql=(
        # Once for all postings of a statement, so that many entries move each balance once; each balances by itself.
        # One alone, which is the rule, is moved by plain statements by key: they keep their plans, while whatever
        # names `added` is planned anew each time. Always in the order of identifiers, so that two never wait for each
        # other; whoever has moved an account has its months to himself.
        "CREATE OR REPLACE FUNCTION placard_posting() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "DECLARE posted bigint; one uuid; of_month integer; of_book text; part record; legs_found bigint := 0; "
        "net bigint := 0; budget boolean := false; whole bigint; balanced boolean; BEGIN "
        + _READ_COMMITTED +
        "SELECT count(*), (array_agg(entry_id))[1] INTO posted, one FROM added; "
        "IF posted = 1 THEN "
        "SELECT extract(year FROM at) * 100 + extract(month FROM at) INTO of_month FROM "
        "(SELECT occurred_at AT TIME ZONE 'UTC' AS at FROM entry WHERE id = one FOR UPDATE) e; "
        "FOR part IN SELECT account_id, coalesce(sum(usd_minor) FILTER (WHERE side = 'D'), 0)::bigint AS debits, "
        "coalesce(sum(usd_minor) FILTER (WHERE side = 'C'), 0)::bigint AS credits, count(*) AS legs FROM leg "
        "WHERE entry_id = one GROUP BY account_id ORDER BY account_id LOOP "
        "UPDATE account SET debits_posted = debits_posted + part.debits, "
        "credits_posted = credits_posted + part.credits, moved_by = one WHERE id = part.account_id "
        "RETURNING book INTO of_book; "
        "UPDATE account_month SET debits = debits + part.debits, credits = credits + part.credits, "
        "legs = legs + part.legs WHERE account_id = part.account_id AND month = of_month; "
        "IF NOT FOUND THEN INSERT INTO account_month (account_id, month, debits, credits, legs) "
        "VALUES (part.account_id, of_month, part.debits, part.credits, part.legs); END IF; "
        "legs_found := legs_found + part.legs; "
        "IF of_book = 'B' THEN budget := true; ELSE net := net + part.debits - part.credits; END IF; "
        "END LOOP; "
        "whole := (legs_found >= 2)::integer; "
        f"balanced := net = 0 AND NOT (budget AND EXISTS ({_BOOKS.replace('NEW.entry_id', 'one')})); "
        "ELSIF posted > 1 THEN "
        "PERFORM 1 FROM entry WHERE id IN (SELECT entry_id FROM added) ORDER BY id FOR UPDATE; "
        "PERFORM 1 FROM account WHERE id IN (SELECT l.account_id FROM added p JOIN leg l ON l.entry_id = p.entry_id) "
        "ORDER BY id FOR NO KEY UPDATE; "
        "WITH sums AS (SELECT l.entry_id, l.account_id, "
        "coalesce(sum(l.usd_minor) FILTER (WHERE l.side = 'D'), 0)::bigint AS debits, "
        "coalesce(sum(l.usd_minor) FILTER (WHERE l.side = 'C'), 0)::bigint AS credits, count(*) AS legs "
        "FROM added p JOIN leg l ON l.entry_id = p.entry_id GROUP BY l.entry_id, l.account_id), "
        "moved AS (UPDATE account SET debits_posted = account.debits_posted + s.debits, "
        "credits_posted = account.credits_posted + s.credits, moved_by = s.last FROM "
        "(SELECT account_id, sum(debits)::bigint AS debits, sum(credits)::bigint AS credits, "
        "(array_agg(entry_id ORDER BY entry_id DESC))[1] AS last FROM sums GROUP BY account_id) s "
        "WHERE account.id = s.account_id RETURNING account.id, book, pool_id), "
        "months AS (INSERT INTO account_month AS m (account_id, month, debits, credits, legs) "
        "SELECT s.account_id, to_char(e.occurred_at AT TIME ZONE 'UTC', 'YYYYMM')::integer, sum(s.debits), "
        "sum(s.credits), sum(s.legs) FROM sums s JOIN entry e ON e.id = s.entry_id GROUP BY 1, 2 ORDER BY 1, 2 "
        "ON CONFLICT (account_id, month) DO UPDATE SET debits = m.debits + excluded.debits, "
        "credits = m.credits + excluded.credits, legs = m.legs + excluded.legs) "
        "SELECT count(*) FILTER (WHERE e.legs >= 2), bool_and(e.balanced) INTO whole, balanced FROM "
        "(SELECT b.entry_id, sum(b.legs) AS legs, bool_and(b.net = 0) AS balanced FROM "
        "(SELECT s.entry_id, sum(s.legs) AS legs, sum(s.debits - s.credits) AS net FROM sums s "
        "JOIN moved ON moved.id = s.account_id GROUP BY s.entry_id, book, CASE book WHEN 'B' THEN pool_id END) b "
        "GROUP BY b.entry_id) e; "
        "END IF; "
        "IF whole <> posted THEN RAISE EXCEPTION 'an entry has two legs or more' "
        "USING ERRCODE = 'integrity_constraint_violation'; END IF; "
        "IF NOT balanced THEN RAISE EXCEPTION 'the entry does not balance' "
        "USING ERRCODE = 'integrity_constraint_violation'; END IF; "
        "RETURN NULL; END $$",
        "CREATE TRIGGER posting_moves_balances AFTER INSERT ON posting REFERENCING NEW TABLE AS added "
        "FOR EACH STATEMENT EXECUTE FUNCTION placard_posting()",
    ),
)

# What posting.py calls: the same three insertions as anybody's, under the rules above, in one round trip. False, and
# nothing written, when the key is known; a second writer of one key waits here for the first to end. Parts of legs
# that nobody names are those of an amount paid in dollars.
function(
    _table(Posting),
    "CREATE OR REPLACE FUNCTION placard_post(id uuid, kind text, key text, occurred_at timestamptz, "
    "recorded_at timestamptz, actor text, actor_id uuid, subject_type text, subject_id uuid, corrects_id uuid, "
    "accounts uuid[], sides text[], amounts bigint[], originals bigint[], currencies text[], rates text[], "
    "sources text[], days date[]) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN "
    "INSERT INTO entry (id, kind, key, occurred_at, recorded_at, actor, actor_id, subject_type, subject_id, "
    "corrects_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT ON CONSTRAINT uq_entry_key DO NOTHING; "
    "IF NOT FOUND THEN RETURN false; END IF; "
    "INSERT INTO leg (entry_id, n, account_id, side, usd_minor, original_minor, original_currency, rate, rate_source, "
    "rate_date) SELECT $1, l.n - 1, l.account, l.side, l.usd, coalesce(l.original, l.usd), "
    "coalesce(l.currency, 'USD'), l.rate, l.source, l.day FROM unnest(accounts, sides, amounts, originals, currencies, "
    "rates, sources, days) WITH ORDINALITY AS l (account, side, usd, original, currency, rate, source, day, n); "
    "INSERT INTO posting (entry_id, posted_at) VALUES ($1, $5); "
    "RETURN true; END $$",
)

# --- a payment is sent, then confirmed or returned; confirmed, it may still come back -----------------------------
_MOVES = (
    "(OLD.state = 'sent' AND NEW.state IN ('confirmed', 'returned')) "
    "OR (OLD.state = 'confirmed' AND NEW.state = 'returned') OR OLD.state = NEW.state"
)
_KEPT = (
    "coalesce(OLD.confirm_entry_id = NEW.confirm_entry_id, OLD.confirm_entry_id IS NULL) "
    "AND coalesce(OLD.return_entry_id = NEW.return_entry_id, OLD.return_entry_id IS NULL)"
)
trigger(
    _table(Spend), "spend_moves_forward",
    # the second rule answers UPDATE OR REPLACE, which removes the row that holds the unique value
    sqlite=f"CREATE TRIGGER spend_moves_forward BEFORE UPDATE ON spend WHEN NOT (({_MOVES}) AND ({_KEPT})) "
           "OR EXISTS (SELECT 1 FROM spend s WHERE s.id <> NEW.id AND (s.confirm_entry_id = NEW.confirm_entry_id "
           "OR s.return_entry_id = NEW.return_entry_id)) BEGIN SELECT RAISE(ABORT, 'a payment does not move so'); END",
    postgresql=(REFUSE,
                f"CREATE TRIGGER spend_moves_forward BEFORE UPDATE ON spend FOR EACH ROW "
                f"WHEN (NOT (({_MOVES}) AND ({_KEPT}))) EXECUTE FUNCTION placard_refuse('a payment does not move so')"),
)

# --- what the bank did not pay is a part of a payment that is still with the bank ---------------------------------
_NOT_A_PART = (
    "NOT EXISTS (SELECT 1 FROM spend s JOIN spend_line l ON l.spend_id = s.id WHERE s.id = NEW.spend_id "
    "AND s.state = 'sent' AND l.reservation_line_id = NEW.reservation_line_id AND l.direct_minor >= NEW.direct_minor) "
    "OR (SELECT coalesce(sum(c.direct_minor), 0) FROM spend_cut c WHERE c.spend_id = NEW.spend_id) + NEW.direct_minor "
    ">= (SELECT s.direct_minor FROM spend s WHERE s.id = NEW.spend_id)"
)
trigger(
    _table(SpendCut), "spend_cut_is_a_part",
    sqlite=f"CREATE TRIGGER spend_cut_is_a_part BEFORE INSERT ON spend_cut WHEN {_NOT_A_PART} "
           "BEGIN SELECT RAISE(ABORT, 'only a part of a payment that is with the bank can be unpaid'); END",
    postgresql=(
        "CREATE OR REPLACE FUNCTION placard_spend_cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {_NOT_A_PART} THEN RAISE EXCEPTION 'only a part of a payment that is with the bank can be unpaid' "
        "USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER spend_cut_is_a_part BEFORE INSERT ON spend_cut FOR EACH ROW "
        "EXECUTE FUNCTION placard_spend_cut()",
    ),
)

# --- what its payee pays back was paid: confirmed, and no more than the payment took from that line ---------------
_BEYOND = (
    "(SELECT state FROM spend WHERE id = NEW.spend_id) <> 'confirmed' OR NEW.direct_minor + "
    "(SELECT coalesce(sum(direct_minor), 0) FROM spend_recovery WHERE spend_id = NEW.spend_id "
    "AND reservation_line_id = NEW.reservation_line_id) > coalesce((SELECT direct_minor FROM spend_line "
    "WHERE spend_id = NEW.spend_id AND reservation_line_id = NEW.reservation_line_id), 0) "
    "- coalesce((SELECT direct_minor FROM spend_cut WHERE spend_id = NEW.spend_id "
    "AND reservation_line_id = NEW.reservation_line_id), 0)"
)
trigger(
    _table(SpendRecovery), "spend_recovery_was_paid",
    sqlite=f"CREATE TRIGGER spend_recovery_was_paid BEFORE INSERT ON spend_recovery WHEN {_BEYOND} "
           "BEGIN SELECT RAISE(ABORT, 'more than was paid cannot come back'); END",
    postgresql=(
        "CREATE OR REPLACE FUNCTION placard_spend_recovery_was_paid() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {_BEYOND} THEN RAISE EXCEPTION 'more than was paid cannot come back' "
        "USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER spend_recovery_was_paid BEFORE INSERT ON spend_recovery FOR EACH ROW "
        "EXECUTE FUNCTION placard_spend_recovery_was_paid()",
    ),
)
