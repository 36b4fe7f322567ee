"""A stand-alone, stateful stand-in for Stripe, for first runs and tests.

It speaks the part of Stripe's HTTP API that the application uses, keeps its own SQLite file, shows a
hosted payment page and sends signed webhooks. No money moves, and nothing it answers proves how Stripe
itself behaves. It is started as a child process (``python -m stripe_simulator``), imports nothing of the
application, and nothing of the application imports it.
"""
