"""Composition root: makes the application out of its rooms. Wiring only; nothing starts here."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from typing import Any

from flask import Flask
from flask_migrate import Migrate

from core import events, i18n, jobs, logs, outbox, verify
from core.db import db
from core.ddl import missing_triggers
from core.settings import ROOT, Settings
from core.tables import __all__ as _core_tables  # noqa: F401 - the tables themselves
from core.web import errors, formats, security

BLUEPRINTS = (
    "accounts.routes:bp",
    "meetings.calendar.routes:bp",
    "meetings.calendar.feeds:bp",
    "meetings.programme.routes:bp",
    "meetings.documents.routes:bp",
    "sponsorship.ledger.routes:bp",
    "sponsorship.gateways.routes:bp",
    "sponsorship.gateways.rate_routes:bp",
    "sponsorship.contributions.routes:bp",
    "sponsorship.applications.routes:bp",
    "sponsorship.applications.paper_routes:bp",
    "sponsorship.applications.nominee_routes:bp",
    "sponsorship.applications.officer_routes:bp",
    "sponsorship.applications.selection_routes:bp",
    "sponsorship.applications.chair_routes:bp",
    "sponsorship.applications.panel_routes:bp",
    "sponsorship.awards.routes:bp",
    "sponsorship.awards.decision_routes:bp",
    "sponsorship.awards.condition_routes:bp",
    "sponsorship.awards.entitlement_routes:bp",
    "sponsorship.letters.routes:bp",
    "sponsorship.disbursements.routes:bp",
    "sponsorship.disbursements.payee_routes:bp",
    "sponsorship.disbursements.cash_routes:bp",
    "sponsorship.disbursements.claim_routes:bp",
    "sponsorship.disbursements.late_routes:bp",
    "sponsorship.disbursements.loss_routes:bp",
    "sponsorship.disbursements.sanctions_routes:bp",
    "sponsorship.disbursements.plan_routes:bp",
    "sponsorship.transparency.routes:bp",
    "sponsorship.transparency.hands_routes:bp",
    "operations.routes:bp",
)
# signals, desk sources, panels, handlers: each room says what it listens to in one function
WIRING = (
    "meetings.calendar.desk:register",
    "meetings.programme.desk:register",
    "meetings.programme.panels:register",
    "meetings.programme.signals_in:subscribe",
    "meetings.documents.panels:register",
    "meetings.documents.finding:register",
    "sponsorship.gateways.rate_watch:register",
    "sponsorship.contributions.inbox:register_handlers",
    "sponsorship.contributions.stripe_words:register",
    "sponsorship.contributions.stripe_desk:register",
    "sponsorship.contributions.invoice_way:register",
    "sponsorship.contributions.desk:register",
    "sponsorship.contributions.ledger_words:register",
    "sponsorship.contributions.back_desk:register",
    "sponsorship.contributions.transfer_way:register",
    "sponsorship.contributions.card_way:register",
    "sponsorship.applications.signals_in:subscribe",
    "sponsorship.applications.desk:register",
    "sponsorship.applications.panels:register",
    "sponsorship.applications.meeting_dates:register",
    "sponsorship.awards.signals_in:subscribe",
    "sponsorship.awards.desk:register",
    "sponsorship.awards.ledger_words:register",
    "sponsorship.letters.desk:register",
    "sponsorship.disbursements.signals_in:subscribe",
    "sponsorship.disbursements.desk:register",
    "sponsorship.disbursements.claim_desk:register",
    "sponsorship.disbursements.ledger_words:register",
    "sponsorship.disbursements.stops:register",
    "sponsorship.disbursements.rules:register",
    "sponsorship.transparency.panels:register",
)
JOBS = (
    "accounts.jobs:JOBS",
    "meetings.calendar.jobs:JOBS",
    "sponsorship.gateways.jobs:JOBS",
    "sponsorship.gateways.rate_watch:JOBS",
    "sponsorship.contributions.jobs:JOBS",
    "sponsorship.contributions.reminder_sending:JOBS",
    "sponsorship.contributions.agreement_ends:JOBS",
    "sponsorship.applications.jobs:JOBS",
    "sponsorship.applications.paper_keeping:JOBS",
    "sponsorship.awards.jobs:JOBS",
    "sponsorship.disbursements.jobs:JOBS",
    "sponsorship.disbursements.claim_jobs:JOBS",
    "sponsorship.transparency.keeping:JOBS",
)
CHECKS = (
    "accounts.checks",
    "meetings.calendar.checks",
    "meetings.programme.checks",
    "meetings.documents.checks",
    "sponsorship.ledger.checks",
    "sponsorship.gateways.checks",
    "sponsorship.gateways.rate_verify",
    "sponsorship.contributions.checks",
    "sponsorship.contributions.back_checks",
    "sponsorship.contributions.stripe_checks",
    "sponsorship.applications.checks",
    "sponsorship.applications.paper_checks",
    "sponsorship.awards.checks",
    "sponsorship.letters.checks",
    "sponsorship.disbursements.checks",
    "sponsorship.disbursements.cash_checks",
    "sponsorship.disbursements.claim_checks",
    "sponsorship.disbursements.loss_checks",
    "sponsorship.transparency.checks",
)


def _load(path: str) -> Any:
    module, _, name = path.partition(":")
    found = import_module(module)
    return getattr(found, name) if name else found


def create_app(settings: Settings | None = None) -> Flask:
    """The application, wired and ready; it starts no thread and no process."""
    settings = settings or Settings.from_environ()
    logs.configure_logs(as_json=settings.is_production)
    app = Flask("placard", root_path=str(ROOT))
    app.extensions["placard_settings"] = settings
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"hide_parameters": True}
    security.configure(app, settings)
    db.init_app(app)
    Migrate(app, db, directory=str(ROOT / "migrations"))
    i18n.init_i18n(app, settings.translations_dir)
    formats.register_formats(app)
    errors.init_errors(app)
    app.extensions["placard_mail"] = (
        outbox.SmtpTransport(settings.smtp_url) if settings.smtp_url else outbox.MailboxTransport(settings.mailbox_dir)
    )
    _rooms(app, settings)
    security.exempt_webhooks(app)
    return app


def _rooms(app: Flask, settings: Settings) -> None:
    for path, argument in (("accounts.security:init_security", app), ("accounts.access:init_access", app),
                           ("accounts.cli:register", app), ("sponsorship.gateways.rate_cli:register", app),
                           ("sponsorship.contributions.stripe_cli:register", app),
                           ("operations.commands:register", app)):
        _load(path)(argument)
    app.extensions["placard_stripe"] = _load("sponsorship.gateways.stripe_gateway:StripeGateway")(settings)
    for path in BLUEPRINTS:
        app.register_blueprint(_load(path))
    for path in WIRING:
        _load(path)()
    for path in JOBS:
        for job in _load(path):
            jobs.register(job)
    for job in _core_jobs(settings):
        if job.name not in jobs.JOBS:
            jobs.register(job)
    for path in CHECKS:
        _load(path)
    navigation = _load("accounts.navigation")
    app.context_processor(lambda: {
        "is_demo": settings.env == "demo",
        "nav_items": navigation.nav_items(),
        "account_items": navigation.account_items(),
        "footer_items": navigation.footer_items(),
        "signed_in_name": navigation.signed_in_name(),
        "banners": navigation.banners(),
    })


def _core_jobs(settings: Settings) -> list[jobs.Job]:
    from flask_babel import lazy_gettext as _l

    def seal(_now: Any) -> str:
        sealed = events.seal()
        events.publish_head(settings.seal_dir)
        return f"{sealed} sealed"

    def check(_now: Any) -> str:
        faults = [f for finding in verify.run_all() for f in finding.faults]
        if faults:
            raise RuntimeError(f"{len(faults)} faults")
        return "no faults"

    return [
        jobs.Job("outbox", _l("Send mail"), 5, outbox.due, outbox.perform),
        jobs.sweep("seal-events", _l("Seal events into the chain and publish its head"), 20, seal),
        jobs.sweep("verify", _l("Check every invariant"), 600, check),
        jobs.sweep("outbox-erase", _l("Forget the words of mail sent 30 days ago"), 3600,
                   lambda now: f"{outbox.erase_sent(now - timedelta(days=30))} erased"),
    ]


@verify.check("core.events")
def _check_events() -> tuple[int, list[str]]:
    return events.proof_of_chain()


@verify.check("core.triggers")
def _check_triggers() -> tuple[int, list[str]]:
    from core.ddl import TRIGGERS

    return len(TRIGGERS), [f"trigger {name} is missing" for name in missing_triggers(db.session.connection())]


if __name__ == "__main__":
    from flask.cli import FlaskGroup

    FlaskGroup(create_app=create_app)()
