"""Commands for operators: flask --app app verify | jobs | load-reference-data | demo | serve | worker."""

from __future__ import annotations

import sys
from datetime import datetime

import click
from flask import Flask
from flask.cli import AppGroup, with_appcontext

from core import clock, jobs, marks, verify
from core.db import db, reading
from core.settings import Settings

jobs_cli = AppGroup("jobs", help="What runs by schedule.")


def register(app: Flask) -> None:
    app.cli.add_command(jobs_cli)
    for one in (verify_command, reference_command, demo_command):
        app.cli.add_command(one)

    @app.cli.command("serve", help="Serve the web pages and run the scheduler, in one process.")
    def serve_command() -> None:
        from operations.serving import serve

        serve(app)

    @app.cli.command("worker", help="Run the scheduler alone.")
    def worker_command() -> None:
        from operations.serving import worker

        worker(app)


@click.command("verify", help="Prove every invariant; exit status 1 when one fails.")
@with_appcontext
def verify_command() -> None:
    with reading():
        findings = verify.run_all()
        db.session.rollback()
    faulty = 0
    for finding in findings:
        click.echo(f"{'FAULT' if finding.faults else 'ok   '} {finding.name:<32} {finding.checked:>8} checked")
        for fault in finding.faults[:50]:
            click.echo(f"      {fault}")
        faulty += len(finding.faults)
    click.echo(f"{len(findings)} checks, {sum(f.checked for f in findings)} things looked at, {faulty} faults")
    if faulty:
        sys.exit(1)


@click.command("load-reference-data", help="Load States, meetings and mandates; adds only what is missing.")
@with_appcontext
def reference_command() -> None:
    from flask import current_app

    from operations.prepare import load_reference_data

    for line in load_reference_data(current_app._get_current_object()):  # type: ignore[attr-defined]
        click.echo(line)


@click.command("demo", help="Play the whole story on a fresh database marked as demonstration.")
@with_appcontext
def demo_command() -> None:
    from flask import current_app

    from demonstration.story import play
    from operations import prepare
    from operations.child import start_simulator

    app = current_app._get_current_object()  # type: ignore[attr-defined]
    settings: Settings = app.extensions["placard_settings"]
    if settings.env == "production":
        raise click.ClickException("a demonstration never runs in production")
    prepare.migrate(app)
    prepare.mark(app, settings)
    if marks.read("demonstration_played_at"):
        raise click.ClickException("this database already holds the demonstration; start with an empty one")
    db.session.rollback()
    prepare.load_reference_data(app)
    child = start_simulator(settings) if settings.uses_simulator else None
    try:
        play()
    finally:
        if child is not None:
            child.terminate()


@jobs_cli.command("list", help="Every job, how often it wakes, what it does.")
def jobs_list() -> None:
    for job in jobs.JOBS.values():
        click.echo(f"{job.name:<24} every {job.every:>5} s  {job.description}")


def _instant(text: str | None, dry_run: bool) -> datetime:
    if text is None:
        return clock.now()
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter("write an instant such as 2027-05-01T09:00:00+00:00", param_hint="--at") from error
    if instant.tzinfo is None:
        raise click.BadParameter("add the time zone, such as +00:00", param_hint="--at")
    if instant > clock.real_now() and not dry_run and not marks.clock_may_move():
        raise click.BadParameter("a future instant needs --dry-run, or a demonstration database", param_hint="--at")
    return instant


@jobs_cli.command("run", help="Run one job now, once.")
@click.argument("name")
@click.option("--at", help="The instant to take as now (ISO 8601 with zone).")
@click.option("--dry-run", is_flag=True, help="Show what would be done; change nothing.")
@with_appcontext
def jobs_run(name: str, at: str | None, dry_run: bool) -> None:
    if name not in jobs.JOBS:
        raise click.BadParameter(f"no job {name}; see flask jobs list")
    instant = _instant(at, dry_run)
    db.session.rollback()
    if dry_run:
        _show(name, instant)
        return
    with clock.moved_to(instant):
        outcome = jobs.run(name, instant)
    for item, word in outcome.results:
        click.echo(f"{item}  {word}")
    click.echo(f"{outcome.done} done, {outcome.failed} failed")
    if outcome.failed:
        sys.exit(1)


@jobs_cli.command("catch-up", help="Do everything that is due, of all jobs, in the order in which it fell due.")
@with_appcontext
def jobs_catch_up() -> None:
    db.session.rollback()
    done = jobs.catch_up()
    for name, item, word in done:
        click.echo(f"{name:<24} {item}  {word or 'failed'}")
    click.echo(f"{len(done)} done")
    if any(not word for _name, _item, word in done):
        sys.exit(1)


@jobs_cli.command("preview", help="What every job would do at an instant.")
@click.option("--at", help="The instant (ISO 8601 with zone); the present if left out.")
@with_appcontext
def jobs_preview(at: str | None) -> None:
    instant = _instant(at, dry_run=True)
    db.session.rollback()
    for name in jobs.JOBS:
        _show(name, instant)


def _show(name: str, instant: datetime) -> None:
    job = jobs.JOBS[name]
    if job.sweeping:
        click.echo(f"{name:<24} {'every ' + str(job.every) + ' s':<20} {job.description}")
        return
    for item, due, word in jobs.preview(name, instant):
        click.echo(f"{name:<24} {due:%Y-%m-%d %H:%M} UTC  {item}  {word}")
