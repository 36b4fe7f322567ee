"""Commands for operators: flask accounts create-administrator."""

from __future__ import annotations

import click
from flask import Flask
from flask.cli import AppGroup, with_appcontext
from sqlalchemy import select

from accounts import service
from accounts.models import Organisation
from accounts.security import hashed, password_advice
from core.actor import system
from core.db import command, db
from core.errors import RuleBroken

accounts_cli = AppGroup("accounts", help="People who administer.")
OPERATOR = system("command-line")


def register(app: Flask) -> None:
    app.cli.add_command(accounts_cli)


@command
def make_administrator(email: str, name: str, password_hash: str) -> None:
    """A person who may keep people and roles, in the secretariat (made when missing). Raises RuleBroken."""
    secretariat = db.session.scalar(select(Organisation.id).where(Organisation.kind == "secretariat").limit(1))
    if secretariat is None:
        secretariat = service.create_organisation(OPERATOR, "secretariat", "SECRETARIAT", {"en": "Secretariat"})
    made = service.create_person(OPERATOR, email, name, password_hash=password_hash, confirmed=True, invite=False)
    service.grant(OPERATOR, made, secretariat, "administrator")


@accounts_cli.command("create-administrator", help="Create a person who may give roles to others.")
@click.option("--email", prompt="E-mail address")
@click.option("--name", prompt="Name")
@click.option("--password", prompt="Password", hide_input=True, confirmation_prompt=True, envvar="ADMIN_PASSWORD",
              help="Better typed at the prompt, or given in ADMIN_PASSWORD, than on the command line.")
@with_appcontext
def create_administrator(email: str, name: str, password: str) -> None:
    advice = password_advice(password, email)
    if advice:
        raise click.ClickException(advice)
    try:
        make_administrator(email, name, hashed(password))
    except RuleBroken as refusal:
        raise click.ClickException(str(refusal.message)) from refusal
    click.echo("Done. Sign in and give the other roles under People.")
