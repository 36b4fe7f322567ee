"""What must be true of a database before it is served."""

from __future__ import annotations

import logging

from flask import Flask
from flask_migrate import upgrade

from core import marks
from core.db import db
from core.settings import Settings


class WrongDatabase(RuntimeError):
    """This database is not one that this environment may serve."""


def migrate(app: Flask) -> None:
    """Bring the schema to its newest revision (a no-op when it is there)."""
    with app.app_context():
        logging.getLogger("alembic").setLevel(logging.WARNING)
        upgrade()
        db.session.remove()


def mark(app: Flask, settings: Settings) -> None:
    """Mark a new database for what it is; refuse one that is marked otherwise. Raises WrongDatabase."""
    wanted = {"production": "production", "demo": "demonstration", "test": "test"}[settings.env]
    with app.app_context():
        kind = marks.read("kind")
        db.session.remove()
        if kind is None:
            marks.write("kind", wanted)
        elif kind != wanted:
            raise WrongDatabase(f"the database is marked {kind}; PLACARD_ENV={settings.env} must not serve it")


def load_reference_data(app: Flask) -> list[str]:
    """States and observers, meetings and mandates; adds what is missing, changes nothing that was edited."""
    from accounts.reference import load_states
    from meetings.calendar.reference import load_meetings
    from sponsorship.ledger.service import open_pool

    with app.app_context():
        states = load_states()
        meetings = load_meetings()
        open_pool("unearmarked", "Unearmarked contributions")
        return [f"States and observers: {states}", f"meetings and mandates: {meetings}", "the fund: its accounts"]
