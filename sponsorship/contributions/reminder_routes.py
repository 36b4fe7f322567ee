"""Officers' page of reminders: what will be sent next, the same as a paper, and on which days."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from accounts.current import current_actor
from accounts.permissions import allows
from core import clock
from core.errors import NotFound, RuleBroken
from core.money import Money
from core.pdf import pdf_response, render
from core.web.access import needs
from core.web.downloads import download
from core.web.forms import add_error
from core.web.tables import Column, Table, TableQuery
from sponsorship.contributions import reminder_settings, reminder_words, reminders
from sponsorship.contributions.blueprint import bp
from sponsorship.contributions.models import Pledge
from sponsorship.contributions.officer_tabs import tabs
from sponsorship.contributions.pledge_forms import ReminderForm
from sponsorship.contributions.queries import pledge_rows

AHEAD = 60  # days of the schedule that are shown


@dataclass(frozen=True)
class NextReminder:
    """One instalment, and when its donor is written to next: None once every reminder has been sent."""

    pledge: Pledge
    donor_id: uuid.UUID
    reference: str
    due_on: date
    left: Money
    sent: int
    next_on: date | None
    donor: str = ""


def _rows() -> list[NextReminder]:
    day, days = clock.today(), reminder_settings.reminder_days()
    rows = [
        NextReminder(line.pledge, letter.donor.id, line.pledge.reference, line.due_on, line.left,
                     line.pledge.reminders, letter.next_on(line, days, day))
        for letter in reminders.letters(day, ahead=AHEAD) for line in letter.lines
    ]
    return sorted(rows, key=lambda row: (row.next_on is None, row.next_on or date.max, row.due_on, row.reference))


def _named(rows: list[NextReminder]) -> list[NextReminder]:
    """The same with the names of the donors: a fixed number of queries."""
    names = {row.id: row.donor for row in pledge_rows([row.pledge for row in rows])}
    return [replace(row, donor=names[row.pledge.id]) for row in rows]


COLUMNS = (
    Column("reference", _l("Pledge"), heading=True),
    Column("donor", _l("Donor")),
    Column("due_on", _l("Due")),
    Column("left", _l("Still to be paid"), numeric=True),
    Column("next_on", _l("Next letter"), render=lambda row: row.next_on or _("all sent: decide with the donor")),
)
FILE_COLUMNS = (*COLUMNS[:3], Column("currency", _l("Currency"), csv=lambda row: row.left.currency), *COLUMNS[3:])


@bp.get("/contributions/reminders/")
@needs("contribution.view_all")
def reminder_list() -> Any:
    """What will be recalled to whom, and when."""
    query, rows = TableQuery.from_args(request.args), _rows()
    if query.format:
        return download(query, FILE_COLUMNS, _named(rows), "reminders")
    return _page(query, rows)


def _page(query: TableQuery, rows: list[NextReminder], form: ReminderForm | None = None) -> str:
    if form is None and allows(current_actor(), "contribution.settings"):
        form = ReminderForm(formdata=None, data={
            "days": ", ".join(map(str, reminder_settings.reminder_days())),
            "gap": reminder_settings.reminder_gap().days,
            "notices": ", ".join(map(str, reminder_settings.notice_days()))})
    shown = _named(rows[query.offset:query.offset + query.limit])
    letters = {row.donor_id: row for row in shown}
    table = Table(
        _("Instalments due or soon due"), COLUMNS, shown, total=len(rows), query=query,
        base_url=url_for("contributions.reminder_list"),
        row_url=lambda row: url_for("contributions.pledge", pledge_id=row.pledge.id),
        empty_title=_("Nobody is to be reminded"),
        empty_text=_("Instalments appear here two months before their first reminder."))
    return render_template(
        "contributions/reminders.html", table=table, tabs=tabs("reminder_list"), form=form, letters=letters.values(),
        days=[reminder_words.day_words(after) for after in reminder_settings.reminder_days()],
        gap=reminder_settings.reminder_gap().days, ahead=AHEAD)


@bp.get("/contributions/reminders/<uuid:donor_id>/letter")
@needs("contribution.view_all")
def reminder_letter(donor_id: uuid.UUID) -> Any:
    """The letter to a donor on paper, to be sent by other means. It leaves the schedule as it is."""
    donor, day = reminders.donor_by_id(donor_id), clock.today()
    letter = next(iter(reminders.letters(day, donor, ahead=AHEAD)), None) if donor is not None else None
    if letter is None:
        raise NotFound()
    return pdf_response(render(reminder_words.paper(letter, day)), reminder_words.letter_name(letter, day))


@bp.post("/contributions/reminders/")
@needs("contribution.settings")
def change_reminders() -> Any:
    """Other days from now on."""
    form = ReminderForm()
    if form.validate_on_submit():
        try:
            assert form.gap.data is not None, "a required field"
            reminder_settings.change_reminders(
                days=form.numbers("days"), gap=form.gap.data, notices=form.numbers("notices"), actor=current_actor())
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            flash(_("The new days hold from now on."), "success")
            return redirect(url_for("contributions.reminder_list"), 303)
    return _page(TableQuery(), _rows(), form), 422
