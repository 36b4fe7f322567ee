"""Payments follow their award."""

from __future__ import annotations

from sponsorship.awards.signals import award_accepted, award_ended, award_resumed, award_suspended
from sponsorship.disbursements.plan_service import on_accepted, on_ended, on_resumed, on_suspended


def subscribe() -> None:
    """Called once by app.py."""
    award_accepted.subscribe(on_accepted)
    award_ended.subscribe(on_ended)
    award_suspended.subscribe(on_suspended)
    award_resumed.subscribe(on_resumed)
