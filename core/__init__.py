"""What every room stands on: database, clocks, money, events, outbox, jobs, page helpers."""
