"""Commands for operators: flask --app app stripe status | replay | reconcile. The same reading and the same rules as by
schedule; each may be repeated at any time."""

from __future__ import annotations

import sys
import uuid
from datetime import UTC, datetime

import click
from flask import Flask
from flask.cli import AppGroup, with_appcontext
from sqlalchemy import select

from core import clock, jobs
from core.db import db, reading
from core.money import Money, usd
from sponsorship.contributions import movements, stripe_checks
from sponsorship.contributions.inbox import EVENTS
from sponsorship.gateways import inbox, payouts, stripe_events
from sponsorship.gateways import movements as gateway_movements
from sponsorship.gateways.cursors import cursor
from sponsorship.gateways.money_models import StripeMovement, StripePayout
from sponsorship.gateways.stripe_calls import GatewayError
from sponsorship.gateways.stripe_gateway import StripeGateway, current_gateway

stripe_cli = AppGroup("stripe", help="What lies at Stripe.")


def register(app: Flask) -> None:
    """Called once by app.py."""
    app.cli.add_command(stripe_cli)


def _instant(text: str | None, option: str) -> datetime | None:
    """A day (from its first second, UTC) or an instant with its zone."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter("write a day such as 2027-05-01, or an instant such as 2027-05-01T09:00:00+00:00",
                                 param_hint=option) from error
    if found.tzinfo is None and len(text) > 10:
        raise click.BadParameter("add the time zone, such as +00:00", param_hint=option)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


@stripe_cli.command("status", help="Mode, version, events to subscribe to, and how far the lists have been read.")
@with_appcontext
def status_command() -> None:
    gateway = current_gateway()
    click.echo(f"mode      {'live' if gateway.livemode else 'test'}")
    click.echo(f"version   {gateway.api_version}")
    for name in (stripe_events.CURSOR, gateway_movements.CURSOR):
        through = cursor(name)
        click.echo(f"{name:<9} {f'read up to {through:%Y-%m-%d %H:%M:%S} UTC' if through else 'never read'}")
    click.echo("webhook   " + " ".join(sorted(kind for kinds in EVENTS.values() for kind in kinds)))


@stripe_cli.command("replay", help="Read events from Stripe again and apply them; safe, since applying twice is once.")
@click.option("--since", help="The first day or instant; Stripe keeps 30 days.")
@click.option("--until", help="The day or instant before which to end.")
@click.option("--type", "kind", help="One type of event, such as invoice.paid; a star stands for any part.")
@click.option("--dry-run", is_flag=True, help="Show what would change; change nothing.")
@with_appcontext
def replay_command(since: str | None, until: str | None, kind: str | None, dry_run: bool) -> None:
    first, last = _instant(since, "--since"), _instant(until, "--until")
    read = changed = problems = 0
    try:
        for one in stripe_events.replay(current_gateway(), first, last, kind, dry_run=dry_run):
            read += 1
            changed += bool(one.changes)
            problems += one.outcome not in _WELL
            what = ", ".join(f"{tag} x{count}" for tag, count in one.changes.items()) or "nothing changed"
            click.echo(f"{one.event_id}  {one.kind:<40} {one.object_id}  was {one.here or 'never here'}: "
                       f"{one.outcome}; {what}")
    except GatewayError as error:
        raise click.ClickException(f"Stripe could not be asked: {error.code}") from error
    click.echo(f"{read} read, {changed} {'would change' if dry_run else 'changed'} something, {problems} for a person")
    if problems:
        sys.exit(1)


_WELL = ("settle", "ignore", "not new", stripe_events.SAME, "surplus_returned")


@stripe_cli.command("reconcile", help="Read Stripe's lists and compare them with the books; exit status 1 unless they "
                                      "agree.")
@click.option("--since", help="Read movements and payouts from this day or instant on; left out: since the last time.")
@with_appcontext
def reconcile_command(since: str | None) -> None:
    gateway, first = current_gateway(), _instant(since, "--since")
    try:
        looked, stored = stripe_events.sweep_events(gateway)
        click.echo(f"events     {looked} looked at, {stored} stored that no webhook had brought")
        done = jobs.run("stripe-inbox")
        click.echo(f"inbox      {done.done} read, {done.failed} failed")
        _payouts(gateway, first)
        looked, new = gateway_movements.gather(gateway, first)
        click.echo(f"movements  {looked} looked at, {new} new")
        held = gateway.balance()
    except GatewayError as error:
        raise click.ClickException(f"Stripe could not be asked: {error.code}") from error
    for movement_id in _open_movements():
        movements.match(movement_id)
    if not _compare(held):
        sys.exit(1)


def _payouts(gateway: StripeGateway, first: datetime | None) -> None:
    seen: set[str] = set()
    for rows in gateway.list_payouts(first):
        for facts in rows:
            news = payouts.settle_payout(facts, payouts.PAYOUTS, gateway.livemode)
            if news.problem:
                inbox.set_aside("payout.updated", facts.payout_id, facts.livemode, news.problem)
            seen.add(facts.payout_id)
            word = news.problem or payouts.look_inside(gateway, facts.payout_id)
            if word != "known":
                click.echo(f"payout     {facts.payout_id} {facts.amount} {facts.status}: contents {word}")
    with reading():
        known = db.session.scalars(select(StripePayout.payout_id)).all()
        db.session.rollback()
    click.echo(f"payouts    {len(seen)} looked at, {len(known)} on record")


def _open_movements() -> list[uuid.UUID]:
    with reading():
        found = list(db.session.scalars(
            select(StripeMovement.id).where(StripeMovement.state.in_(("new", "unmatched")))
            .order_by(StripeMovement.recorded_at, StripeMovement.id)))
        db.session.rollback()
    return found


def _compare(held: tuple[Money, ...]) -> bool:
    """Print both sides; whether they agree, with nothing waiting for a person."""
    with reading():
        found = stripe_checks.totals()
        waiting = db.session.execute(
            select(StripeMovement.txn_id, StripeMovement.type, StripeMovement.net_minor, StripeMovement.currency,
                   StripeMovement.note).where(StripeMovement.state.in_(("new", "unmatched")))
            .order_by(StripeMovement.created_at)).all()
        db.session.rollback()
    in_dollars = sum(amount.minor for amount in held if amount.currency == "USD")
    others = [amount for amount in held if amount.currency != "USD" and amount]
    for row in waiting:
        click.echo(f"open       {row.txn_id} {row.type} {Money(row.net_minor, row.currency)}: {row.note}")
    rows = (
        ("Stripe says it holds", in_dollars), ("its movements add up to", found.at_stripe),
        ("not in the books yet", found.not_booked), ("explained, left out", found.explained),
        ("in the books, not listed yet", found.not_listed), ("Stripe’s account in the books", found.in_books),
        ("difference nobody has named", found.difference),
    )
    for label, minor in rows:
        click.echo(f"{label:<30} {usd(minor)!s:>22}")
    for amount in others:
        click.echo(f"Stripe also holds {amount}, which the books do not know")
    agree = not waiting and not others and not found.difference and in_dollars == found.at_stripe
    click.echo(f"{'agrees' if agree else 'DOES NOT AGREE'}, {clock.real_now():%Y-%m-%d %H:%M} UTC")
    return agree
