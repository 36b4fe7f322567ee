"""Pages of the dates that follow from a meeting's days, and of the rules that give them."""

from __future__ import annotations

import uuid
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select

from accounts.current import current_actor
from core.db import db
from core.errors import NotFound, RuleBroken
from core.web.access import needs
from core.web.forms import add_error
from meetings.calendar import date_service
from meetings.calendar.blueprint import bp
from meetings.calendar.date_models import DateKind, DateRule
from meetings.calendar.dates import ANCHOR_NAMES, END, START, DateRow, date_changes, date_name, dates_of
from meetings.calendar.queries import MeetingRow, get_meeting, kinds_for_choice
from meetings.calendar.record_forms import DateKindForm, RuleForm, SetDateForm
from meetings.calendar.transitions import MANAGE


def date_kinds() -> list[DateKind]:
    """Every date that meetings may have, in order. One query."""
    return list(db.session.scalars(select(DateKind).order_by(DateKind.position)))


# --- one meeting ------------------------------------------------------------------------------------------------
@bp.get("/meetings/<string:slug>/dates")
@needs(MANAGE)
def dates(slug: str) -> ResponseReturnValue:
    """Its dates, those that it may have besides, and how they changed."""
    meeting = get_meeting(slug, reveal=True)
    rows = dates_of([meeting.id], reveal=True)[meeting.id]
    there = {row.code for row in rows if row.ours}
    return render_template(
        "calendar/dates.html", meeting=meeting, rows=rows, changes=date_changes(meeting.id, reveal=True),
        others=[(k.code, date_name(k.code, k.name)) for k in date_kinds() if k.code not in there])


def _one(slug: str, code: str) -> tuple[MeetingRow, DateRow | None, str]:
    meeting = get_meeting(slug, reveal=True)
    kind = db.session.get(DateKind, code)
    if kind is None:
        raise NotFound()
    rows = dates_of([meeting.id], reveal=True, dropped=True)[meeting.id]
    return meeting, next((r for r in rows if r.code == code and r.ours), None), date_name(code, kind.name)


@bp.get("/meetings/<string:slug>/dates/<string:code>")
@needs(MANAGE)
def edit_date(slug: str, code: str) -> ResponseReturnValue:
    """The form of one date."""
    meeting, row, name = _one(slug, code)
    there = row is not None and not row.dropped
    form = SetDateForm(data={
        "version": row.version if row else 0, "day": row.day if row and there else None,
        "at_time": row.at_time if row and there else None})
    return render_template("calendar/date_edit.html", form=form, meeting=meeting, row=row, name=name, code=code)


@bp.post("/meetings/<string:slug>/dates/<string:code>")
@needs(MANAGE)
def save_date(slug: str, code: str) -> ResponseReturnValue:
    """Set one date by hand, or drop it."""
    meeting, row, name = _one(slug, code)
    form = SetDateForm()
    if form.validate_on_submit():
        try:
            date_service.set_date(
                meeting.id, current_actor(), code, form.day.data, form.reason.data or "", at_time=form.at_time.data,
                expected_version=form.version.data)
        except RuleBroken as error:
            add_error(form, error.field, error.message)
        else:
            flash(_("Saved. This date stays as you set it when the meeting moves, and asks you to look at it again."),
                  "success")
            return redirect(url_for("calendar.dates", slug=slug), 303)
    return render_template("calendar/date_edit.html", form=form, meeting=meeting, row=row, name=name, code=code), 422


@bp.post("/meetings/<string:slug>/dates-by-rule")
@needs(MANAGE)
def reckon_dates(slug: str) -> ResponseReturnValue:
    """Reckon all dates by the rules; `free` names one set by hand that the rule gives again."""
    meeting = get_meeting(slug, reveal=True)
    try:
        found = date_service.reckon_dates(meeting.id, current_actor(), free=request.form.get("free") or None)
    except RuleBroken as error:
        flash(str(error.message), "error")
    else:
        flash(_("Reckoned by the rules. Nothing changed.") if not found else _("Reckoned by the rules."), "success")
    return redirect(url_for("calendar.dates", slug=slug), 303)


@bp.post("/meetings/<string:slug>/dates/<string:code>/keep")
@needs(MANAGE)
def keep_date(slug: str, code: str) -> ResponseReturnValue:
    """A date set by hand was looked at, and stays."""
    date_service.keep_date(get_meeting(slug, reveal=True).id, current_actor(), code)
    flash(_("It stays as it is."), "success")
    return redirect(url_for("calendar.dates", slug=slug), 303)


# --- rules ------------------------------------------------------------------------------------------------------
def _anchors(kinds: list[DateKind], but: str) -> list[tuple[str, str]]:
    found = [(code, str(name)) for code, name in ANCHOR_NAMES.items()]
    return found + [(k.code, date_name(k.code, k.name)) for k in kinds if k.code != but]


def rule_words(rule: DateRule, names: dict[str, str]) -> str:
    """`56 days before the first day, at 18:00`."""
    if rule.days is None:
        return _("no such date")
    anchor = names.get(rule.anchor) or str(ANCHOR_NAMES[rule.anchor])
    if rule.anchor in (START, END) and rule.days:
        count = ngettext("%(num)s day", "%(num)s days", abs(rule.days))
        words = {
            (START, True): _("%(count)s before the first day", count=count),
            (START, False): _("%(count)s after the first day", count=count),
            (END, True): _("%(count)s before the last day", count=count),
            (END, False): _("%(count)s after the last day", count=count),
        }[rule.anchor, rule.days < 0]
    elif rule.days == 0:
        words = _("on the same day as: %(anchor)s", anchor=anchor)
    elif rule.days < 0:
        words = _("%(days)s days before: %(anchor)s", days=-rule.days, anchor=anchor)
    else:
        words = _("%(days)s days after: %(anchor)s", days=rule.days, anchor=anchor)
    return _("%(when)s, at %(time)s", when=words, time=rule.at_time) if rule.at_time else words


def _rules_page(form: DateKindForm, status: int = 200) -> ResponseReturnValue:
    kinds = date_kinds()
    names = {k.code: date_name(k.code, k.name) for k in kinds}
    of_meetings = dict(kinds_for_choice())
    rules: dict[str, list[tuple[DateRule, str, str]]] = {k.code: [] for k in kinds}
    for rule in db.session.scalars(select(DateRule).where(DateRule.ended_at.is_(None)).order_by(DateRule.id)):
        who = of_meetings.get(rule.kind, rule.kind) if rule.kind else _("All kinds without a rule of their own")
        rules[rule.code].append((rule, str(who), rule_words(rule, names)))
    return render_template("calendar/date_rules.html", form=form, kinds=kinds, names=names, rules=rules), status


@bp.get("/meetings/dates")
@needs(MANAGE)
def date_rules() -> ResponseReturnValue:
    """Every date that meetings may have, and from what it follows. Three queries."""
    return _rules_page(DateKindForm(data={"public": True}))


@bp.post("/meetings/dates")
@needs(MANAGE)
def add_date_kind() -> ResponseReturnValue:
    """Add a date, and go on to its rule."""
    form = DateKindForm()
    if form.validate_on_submit():
        try:
            code = date_service.add_date_kind(current_actor(), form.name.data or "", public=bool(form.public.data))
        except RuleBroken as error:
            add_error(form, error.field, error.message)
        else:
            flash(_("Added. Say now from what it follows, or set it by hand on each meeting."), "success")
            return redirect(url_for("calendar.date_rule", code=code), 303)
    return _rules_page(form, 422)


def _rule_form(code: str, form: RuleForm) -> str:
    kinds = date_kinds()
    name = next((date_name(k.code, k.name) for k in kinds if k.code == code), None)
    if name is None:
        raise NotFound()
    form.offer(kinds_for_choice(), _anchors(kinds, code))
    return name


def _standing(code: str, kind: str | None) -> dict[str, Any]:
    same = DateRule.kind.is_(None) if kind is None else DateRule.kind == kind
    rule = db.session.scalar(select(DateRule).where(DateRule.code == code, same, DateRule.ended_at.is_(None)))
    if rule is None:
        return {"kind": kind or "", "anchor": START, "roll": "before"}
    direction = "never" if rule.days is None else "before" if rule.days < 0 or rule.anchor == START else "after"
    if rule.days is not None and rule.days > 0:
        direction = "after"
    return {"kind": rule.kind or "", "direction": direction, "days": abs(rule.days) if rule.days is not None else None,
            "anchor": rule.anchor, "roll": rule.roll, "at_time": rule.at_time, "source": rule.source}


@bp.get("/meetings/dates/<string:code>")
@needs(MANAGE)
def date_rule(code: str) -> ResponseReturnValue:
    """The form of one rule, with what stands for the kind of meeting in the address."""
    form = RuleForm(data=_standing(code, request.args.get("kind", "")[:20] or None))
    return render_template("calendar/date_rule.html", form=form, code=code, name=_rule_form(code, form))


@bp.post("/meetings/dates/<string:code>")
@needs(MANAGE)
def set_rule(code: str) -> ResponseReturnValue:
    """The rule counts from now on."""
    form = RuleForm()
    name = _rule_form(code, form)
    if form.validate_on_submit():
        try:
            date_service.set_rule(
                current_actor(), code, kind=form.kind.data or None, anchor=form.anchor.data or END, days=form.offset,
                roll=form.roll.data, source=form.source.data or "", at_time=form.at_time.data)
        except RuleBroken as error:
            add_error(form, error.field, error.message)
        else:
            flash(_("The rule counts from now on. Dates that stand do not move by it: have them reckoned on the page "
                    "of each meeting."), "success")
            return redirect(url_for("calendar.date_rules"), 303)
    return render_template("calendar/date_rule.html", form=form, code=code, name=name), 422


@bp.post("/meetings/dates/rules/<uuid:key>/end")
@needs(MANAGE)
def end_rule(key: uuid.UUID) -> ResponseReturnValue:
    """The rule no longer counts."""
    date_service.end_rule(key, current_actor())
    flash(_("The rule no longer counts."), "success")
    return redirect(url_for("calendar.date_rules"), 303)
