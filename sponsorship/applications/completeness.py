"""What an application still lacks before it can be sent, in words, with the page that puts it right."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from flask_babel import gettext as _
from flask_babel import ngettext

from core import vault
from core.web.formats import format_days
from sponsorship.applications.models import Application, Call, Nominee
from sponsorship.applications.paper_kinds import KINDS
from sponsorship.applications.paper_queries import Place
from sponsorship.applications.queries import Question, questions, required_papers

MAX_NOMINEES = 6
TRAVEL_MARGIN = timedelta(days=7)  # around the meeting's days; a longer stay is private and at own cost


@dataclass(frozen=True)
class Missing:
    """One thing to do: the page (and the nominee) where it is done, and what is missing."""

    page: str
    nominee_id: uuid.UUID | None
    text: str


_PERSON = ("family_name_sealed", "given_names_sealed", "function_sealed", "ministry_sealed", "email_sealed",
           "birth_date_sealed", "sex")


def _person_label(column: str) -> str:
    return {
        "family_name_sealed": _("family name"),
        "given_names_sealed": _("given names"),
        "function_sealed": _("function"),
        "ministry_sealed": _("ministry or service"),
        "email_sealed": _("e-mail address"),
        "birth_date_sealed": _("date of birth"),
        "sex": _("sex"),
    }[column]


def travel_problem(travel_from: date | None, travel_to: date | None, start: date | None, end: date | None
                   ) -> tuple[str, str] | None:
    """(field, what to write instead) where days of travel do not fit a meeting's days; None where they do, or where
    either is not known yet."""
    if travel_from is None or travel_to is None:
        return None
    if travel_to < travel_from:
        return "travel_to", _("The day of return must not come before the day of departure.")
    if start is None or end is None:
        return None
    days = format_days(start, end)
    if travel_from > end or travel_from < start - TRAVEL_MARGIN:
        return "travel_from", _("Choose a day of departure that fits the meeting (%(days)s): at most 7 days before it.",
                                days=days)
    if travel_to < start or travel_to > end + TRAVEL_MARGIN:
        return "travel_to", _("Choose a day of return that fits the meeting (%(days)s): at most 7 days after it.",
                              days=days)
    return None


@dataclass(frozen=True)
class Asked:
    """What the call asks beyond the form: papers (codes of paper_kinds), and questions of its own with the answers
    as they stand."""

    papers: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    answers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, call: Call, application: Application) -> Asked:
        """Of a call and an application under it."""
        return cls(required_papers(call), questions(call), answers_of(application))


def answers_of(application: Application) -> dict[str, str]:
    """The answers to the call's own questions, by key; empty once the application is forgotten."""
    return _answers(application.id, application.answers_sealed)


def nominee_answers(nominee: Nominee) -> dict[str, str]:
    """The answers to the call's questions about a nominee, by key; empty once the person is forgotten."""
    return _answers(nominee.id, nominee.answers_sealed)


def _answers(subject: uuid.UUID, sealed: str | None) -> dict[str, str]:
    words = vault.unseal(subject, sealed)
    found: dict[str, str] = json.loads(words) if words else {}
    return found


def missing(
    application: Application, nominees: Sequence[Nominee], start: date | None, end: date | None, *,
    asked: Asked | None = None, present: Collection[Place] = (),
) -> list[Missing]:
    """Everything that still keeps the application from being sent, in the order of the form. `present` are the places
    that hold a paper."""
    asked = asked or Asked()
    found: list[Missing] = []
    if not application.could_not_attend_otherwise:
        found.append(Missing("declaration", None, _("Declare that your State could not attend otherwise.")))
    if not application.own_contribution:
        found.append(Missing("contribution", None, _("Say what your State pays itself.")))
    if application.first_attendance is None or application.no_mission_at_seat is None:
        found.append(Missing("attendance", None, _("Answer the questions about earlier meetings and the seat.")))
    if open_questions := [q for q in asked.questions if q.required and not q.of_nominee
                          and not asked.answers.get(q.key)]:
        found.append(Missing("questions", None, ngettext(
            "Answer the question of this call that is still open.",
            "Answer the %(num)s questions of this call that are still open.", len(open_questions))))
    if application.most_affected and not application.most_affected_evidence:
        found.append(Missing("attendance", None, _("Say what shows that your State is among the most affected.")))
    if not nominees:
        found.append(Missing("nominees", None, _("Nominate at least one person.")))
    for nominee in nominees:
        lacks = [_person_label(column) for column in _PERSON if getattr(nominee, column) is None]
        if lacks:
            found.append(Missing("person", nominee.id, _("Nominee %(number)s: write the %(lacks)s.",
                                                         number=nominee.priority, lacks=", ".join(lacks))))
        if not nominee.departure_city or nominee.travel_from is None or nominee.travel_to is None:
            found.append(Missing("journey", nominee.id, _("Nominee %(number)s: complete the journey.",
                                                          number=nominee.priority)))
        elif problem := travel_problem(nominee.travel_from, nominee.travel_to, start, end):
            found.append(Missing("journey", nominee.id, _("Nominee %(number)s: %(problem)s", number=nominee.priority,
                                                          problem=problem[1])))
        about = [q for q in asked.questions if q.required and q.of_nominee]
        answers = nominee_answers(nominee) if about else {}
        if left := [q for q in about if not answers.get(q.key)]:
            found.append(Missing("answers", nominee.id, ngettext(
                "Nominee %(place)s: answer the question of this call that is still open.",
                "Nominee %(place)s: answer the %(num)s questions of this call that are still open.", len(left),
                place=nominee.priority)))
    return found + _missing_papers(asked, nominees, present)


def _missing_papers(asked: Asked, nominees: Sequence[Nominee], present: Collection[Place]) -> list[Missing]:
    found = []
    for code in [c for c in KINDS if c in asked.papers]:
        if KINDS[code].of_state:
            if (code, None) not in present:
                found.append(Missing("papers", None, _("Upload: %(paper)s.", paper=KINDS[code].label)))
            continue
        found += [
            Missing("papers", nominee.id, _("Nominee %(number)s: upload: %(paper)s.", number=nominee.priority,
                                            paper=KINDS[code].label))
            for nominee in nominees if (code, nominee.id) not in present
        ]
    return found
