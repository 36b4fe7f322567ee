"""What happens to calls by the clock: they open, they close, and drafts are called to mind before closing."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from core.db import db
from core.jobs import Due, Job
from sponsorship.applications import application_service, call_service, panel_mails
from sponsorship.applications.models import Application, Call

REMIND_BEFORE = timedelta(days=3)


def _opening(now: datetime, limit: int) -> list[Due]:
    rows = db.session.execute(
        select(Call.id, Call.opens_at).where(Call.state == "scheduled", Call.opens_at <= now)
        .order_by(Call.opens_at, Call.id).limit(limit)
    )
    return [(row.id, row.opens_at, "open") for row in rows]


def _closing(now: datetime, limit: int) -> list[Due]:
    rows = db.session.execute(
        select(Call.id, Call.grace_until).where(Call.state == "open", Call.grace_until < now)
        .order_by(Call.grace_until, Call.id).limit(limit)
    )
    return [(row.id, row.grace_until, "close") for row in rows]


def _reminding(now: datetime, limit: int) -> list[Due]:
    rows = db.session.execute(
        select(Application.id, Call.closes_at).join(Call, Call.id == Application.call_id)
        .where(Application.state == "draft", Application.reminded_at.is_(None), Call.state == "open",
               Call.closes_at > now, Call.closes_at <= now + REMIND_BEFORE)
        .order_by(Call.closes_at, Application.id).limit(limit)
    )
    return [(row.id, row.closes_at - REMIND_BEFORE, "remind") for row in rows]


def _remind(application_id: uuid.UUID, now: datetime) -> str:
    call_id = db.session.scalar(select(Application.call_id).where(Application.id == application_id))
    return application_service.remind(application_id, call_id) if call_id else "gone"


JOBS = [
    Job("calls-open", _l("Open calls for applications at their opening time"), 15, _opening, call_service.open_due,
        leads_to=("calls-close", "applications-remind")),
    Job("calls-close", _l("Close calls for applications once nothing more is taken"), 15, _closing,
        call_service.close_due),
    Job("applications-remind", _l("Remind missions of drafts three days before the closing time"), 300, _reminding,
        _remind),
    Job("panel-tell", _l("Tell the panel that the States are ranked"), 300, panel_mails.to_tell_panel,
        panel_mails.tell_panel),
    Job("panel-remind", _l("Remind the panel of a recommendation that is due"), 300, panel_mails.to_remind_panel,
        panel_mails.remind_panel),
    Job("decisions-tell", _l("Tell the head of the fund of recommendations that wait"), 300, panel_mails.to_tell_head,
        panel_mails.tell_head),
]
