"""Letters that call for funds: the fund manager makes them, donors read those addressed to them."""

from __future__ import annotations

import uuid
from collections import Counter
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select

from accounts import queries as people
from accounts.current import current_actor
from accounts.permissions import allows, organisations_with
from core import clock, files
from core import letters as common
from core.db import db
from core.errors import NotFound, RuleBroken
from core.web.access import needs
from core.web.attachments import attachment
from core.web.forms import add_error
from core.web.tables import Column, Table
from meetings.calendar.models import Meeting
from sponsorship.applications.models import Call
from sponsorship.contributions.donor_tabs import donor_tabs
from sponsorship.contributions.officer_tabs import tabs
from sponsorship.transparency import letters
from sponsorship.transparency.blueprint import bp
from sponsorship.transparency.forms import LetterForm
from sponsorship.transparency.fund_tables import dollars
from sponsorship.transparency.letters import LetterRow
from sponsorship.transparency.words import LETTER_KINDS


def _form(**kwargs: Any) -> LetterForm:
    calls = db.session.execute(
        select(Call.id, Call.reference, Meeting.short_name).join(Meeting, Meeting.id == Call.meeting_id)
        .where(Call.state.not_in(("draft", "cancelled")), Meeting.end_date >= clock.today())
        .order_by(Meeting.start_date, Call.reference)
    ).all()
    return LetterForm(
        [(str(row.id), row.name) for row in letters.donors()],
        [(str(row.id), f"{row.reference}, {row.short_name}") for row in calls], people.mail_languages(), **kwargs)


# --- officers ---------------------------------------------------------------------------------------------------
@bp.get("/contributions/letters/")
@needs("contribution.view_all")
def letter_list() -> str:
    """Every letter that was made, the newest first."""
    rows = letters.list_letters()
    sizes = Counter(row.batch_id for row in rows)
    firsts = {row.batch_id: row for row in rows}
    return render_template(
        "transparency/letters.html", tabs=tabs("letter_list"),
        table=_table(rows, people.names(row.organisation_id for row in rows)),
        may_make=allows(current_actor(), "contribution.agreement"),
        batches=[(row, sizes[key]) for key, row in firsts.items() if sizes[key] > 1])


def _table(rows: list[LetterRow], names: dict[uuid.UUID, str] | None) -> Table:
    """`names` of the addressees; None on the donor's own page, whose letters they are."""
    where = "fund.letter" if names is not None else "fund.donor_letter"
    columns = [
        Column("reference", _("Letter"), heading=True),
        Column("made_at", _("Date"), render=lambda row: row.made_at.date()),
        *([Column("donor", _("To"), render=lambda row: names[row.organisation_id])] if names is not None else []),
        Column("kind", _("Kind"), render=lambda row: LETTER_KINDS[row.kind]),
        Column("subject", _("For")),
        dollars("needed", _("Needed"), lambda row: row.needed),
        dollars("missing", _("Missing then"), lambda row: row.missing),
        Column("pay_by", _("Asked for by")),
    ]
    return Table(
        _("Letters that call for funds"), columns, rows, csv=False, per_page=max(len(rows), 1),
        row_url=lambda row: url_for(where, letter_id=row.id), empty_title=_("No letter has been made yet"),
        empty_text=_("A letter says what is needed, what is there, and how to contribute."),
    )


@bp.get("/contributions/letters/new")
@needs("contribution.agreement")
def new_letter() -> str:
    """What the letter should say."""
    return _letter_form(_form(formdata=None))


def _letter_form(form: LetterForm) -> str:
    return render_template("transparency/letter_new.html", form=form)


@bp.post("/contributions/letters/check")
@needs("contribution.agreement")
def check_letter() -> Any:
    """The figures as the letter will say them, before it is made."""
    form = _form()
    if form.validate():
        wish = form.wish([row.id for row in letters.donors()])
        try:
            found = letters.needs(wish)
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            names, form.batch.data = people.names(wish.addressees), str(wish.batch)
            applied = letters.applications_for(wish.call_id) if wish.call_id else None
            return render_template("transparency/letter_check.html", form=form, wish=wish, needs=found, applied=applied,
                                   names=sorted(names.values()))
    return _letter_form(form), 422


@bp.post("/contributions/letters/")
@needs("contribution.agreement")
def make_letter() -> Any:
    """Make, sign and keep; or back to the form with everything typed."""
    form = _form()
    if "change" in request.form:
        return _letter_form(form)
    if form.validate():
        try:
            wish = form.wish([row.id for row in letters.donors()])
            letters.make_letters(wish, current_actor())
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            flash(ngettext("The letter is made. The donor sees it in the donor’s area; send it as you send letters.",
                           "%(num)s letters are made. Each donor sees its own in the donor’s area; send them as you "
                           "send letters.", len(wish.addressees)), "success")
            return redirect(url_for("fund.letter_list"), 303)
    return _letter_form(form), 422


@bp.get("/contributions/letters/<uuid:letter_id>")
@needs("contribution.view_all")
def letter(letter_id: uuid.UUID) -> Response:
    """One letter as it was sent."""
    return files.serve(_one(letter_id, None).file_id)


@bp.get("/contributions/letters/batches/<uuid:batch_id>.zip")
@needs("contribution.view_all")
def letter_batch(batch_id: uuid.UUID) -> Response:
    """All letters of one step, one file each."""
    rows = letters.list_letters(batch=batch_id)
    if not rows:
        raise NotFound()
    return attachment(common.bundle((row.reference, row.file_id) for row in rows),
                      f"{rows[-1].reference}-{rows[0].reference}", "zip", "application/zip")


def _one(letter_id: uuid.UUID, organisations: set[uuid.UUID] | None) -> LetterRow:
    """Raises NotFound, also for a letter to somebody else."""
    found = letters.find_letter(letter_id)
    if found is None or (organisations is not None and found.organisation_id not in organisations):
        raise NotFound()
    return found


# --- donors -----------------------------------------------------------------------------------------------------
@bp.get("/donor/letters/")
@needs("contribution.own")
def donor_letters() -> str:
    """Letters addressed to the reader's own organisations."""
    rows = letters.list_letters(list(organisations_with(current_actor(), "contribution.own")))
    return render_template("transparency/donor_letters.html", table=_table(rows, None),
                           tabs=donor_tabs("fund.donor_letters"))


@bp.get("/donor/letters/<uuid:letter_id>")
@needs("contribution.own")
def donor_letter(letter_id: uuid.UUID) -> Response:
    """One of them as it was sent."""
    return files.serve(_one(letter_id, organisations_with(current_actor(), "contribution.own")).file_id)
