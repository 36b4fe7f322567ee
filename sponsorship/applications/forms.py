"""The mission's form: one question group a page. Officers' forms stand in officer_forms.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, EmailField, Field, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import Length, Optional, Regexp, StopValidation, ValidationError

from core import clock
from core.errors import NotFound
from core.web.forms import BaseForm, DayField, Required, RequiredWhen, VersionField, add_error
from sponsorship.applications.completeness import travel_problem
from sponsorship.applications.queries import Question
from sponsorship.applications.words import SEX_NAMES

_YES_NO = [("yes", _l("Yes")), ("no", _l("No"))]


def _no_longer_than(most: int) -> Length:
    return Length(max=most, message=_l("Write at most %(most)s characters.", most=most))


def _has_letters(_form: Any, field: Field) -> None:
    if field.data and not any(ch.isalpha() for ch in field.data):
        raise ValidationError(_("Write the name in letters, as in the passport."))


class _OneOf:
    """Nothing chosen is for the validators to say; something that is not offered gets words of ours."""

    data: Any
    choices: Any

    def pre_validate(self, form: Any) -> None:
        """Refuse what is not among the choices."""
        offered = {str(value) for value, _label in self.choices}
        if self.data not in (None, "") and str(self.data) not in offered:
            raise StopValidation(_("Choose one of the answers offered."))


class OneOf(_OneOf, RadioField):
    """A choice by radio buttons."""


class OneOfList(_OneOf, SelectField):
    """A choice from a list."""


class StepForm(BaseForm):
    """One page of the form. `typed` is every field as it stands on the page, `readable` what could be made of it."""

    version = VersionField()
    page = ""

    @property
    def shown(self) -> int:
        """The version the page was made from. Call after `validate`."""
        assert self.version.data is not None
        return int(self.version.data)

    def typed(self) -> dict[str, str]:
        """The words on the page, as typed."""
        found: dict[str, str] = {}
        for field in self:
            if field.name in ("version", "csrf_token"):
                continue
            if field.raw_data:
                found[field.name] = str(field.raw_data[0])
        return found

    def readable(self) -> dict[str, Any]:
        """Values for the command; None for a field that is empty or wrong. Call after `validate`."""
        return {
            field.name: None if field.errors or field.data in ("", None) else field.data
            for field in self if field.name not in ("version", "csrf_token")
        }

    def fill(self, values: Mapping[str, Any]) -> None:
        """Take stored answers (the other way round from `readable`)."""
        for name, value in values.items():
            if name in self._fields:
                self._fields[name].data = value

    def check_against(self, start: date | None, end: date | None) -> bool:
        """Rules that need the meeting's days. True when they hold."""
        return True


class DeclarationForm(StepForm):
    """Paragraph 18's own test."""

    page = "declaration"
    could_not_attend_otherwise = BooleanField(
        _l("My State declares that it could not attend this meeting without help from the fund."),
        [Required(_l("The fund helps only States that could not attend otherwise: tick the declaration, or leave."))],
    )
    need_text = TextAreaField(
        _l("Why your State could not attend otherwise"), [_no_longer_than(2000)],
        description=_l("A few sentences are enough. For example: no travel budget for this year, cost of the journey."),
        render_kw={"rows": 6},
    )


class ContributionForm(StepForm):
    """What the State pays itself."""

    page = "contribution"
    own_contribution = TextAreaField(
        _l("What your State pays itself"),
        [Required(_l("Say what your State pays itself. If it pays nothing, write “nothing”.")), _no_longer_than(2000)],
        description=_l("For example: salary during the journey, travel within the country, visa, insurance. "
                       "If it pays nothing, write “nothing”."),
        render_kw={"rows": 6},
    )


class AttendanceForm(StepForm):
    """Facts that only the State knows and the ranking asks for."""

    page = "attendance"
    attended_before = OneOf(
        _l("Has an official from your capital attended an earlier meeting under the Programme of Action?"),
        [Required(_l("Choose yes or no."))], choices=_YES_NO,
        description=_l("Members of your permanent mission do not count as officials from the capital."),
    )
    has_mission = OneOf(
        _l("Has your State a permanent mission in the city of the meeting?"),
        [Required(_l("Choose yes or no."))], choices=_YES_NO,
    )
    affected = OneOf(
        _l("Is your State among those most affected by the illicit trade in small arms and light weapons?"),
        [Optional()], choices=_YES_NO,
    )
    affected_evidence = TextAreaField(
        _l("What shows it"), [RequiredWhen("affected", "yes", _l("Write what shows it.")), _no_longer_than(2000)],
        description=_l("For example figures of weapons seized or traced, your national report, or a report of the "
                       "United Nations. The secretariat reads the source you name."), render_kw={"rows": 4})

    def readable(self) -> dict[str, Any]:
        """`first_attendance` and `no_mission_at_seat`: the ranking asks the other way round."""
        answers = super().readable()
        turned = {"yes": False, "no": True}
        return {"first_attendance": turned.get(answers["attended_before"] or ""),
                "no_mission_at_seat": turned.get(answers["has_mission"] or ""),
                "most_affected": {"yes": True, "no": False}.get(answers["affected"] or ""),
                "most_affected_evidence": answers["affected_evidence"]}

    def fill(self, values: Mapping[str, Any]) -> None:
        """Turn them round again."""
        words = {True: "no", False: "yes", None: None}
        super().fill({"attended_before": words[values.get("first_attendance")],
                      "has_mission": words[values.get("no_mission_at_seat")],
                      "affected": {True: "yes", False: "no", None: None}[values.get("most_affected")],
                      "affected_evidence": values.get("most_affected_evidence")})


class PersonForm(StepForm):
    """Who is nominated."""

    page = "person"
    family_name = StringField(_l("Family name"), [Required(), _no_longer_than(120), _has_letters],
                              description=_l("As in the passport, in Latin letters."))
    given_names = StringField(_l("Given names"), [Required(), _no_longer_than(120), _has_letters],
                              description=_l("As in the passport, in Latin letters."))
    sex = OneOf(_l("Sex"), [Required(_l("Choose an answer."))], choices=list(SEX_NAMES.items()),
                     description=_l("Used for totals of women and men sponsored, never for a person."))
    birth_date = DayField(_l("Date of birth"), [Required(_l("Write the date of birth, as in the passport."))],
                          description=_l("As in the passport."))
    function = StringField(_l("Function"), [Required(), _no_longer_than(200)],
                           description=_l("For example: head of the national commission on small arms."))
    ministry = StringField(_l("Ministry or service"), [Required(), _no_longer_than(200)])
    email = EmailField(
        _l("E-mail address of this person"),
        [Required(), _no_longer_than(254),
         Regexp(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+\Z", message=_l("Write an address like name@ministry.example."))],
        description=_l("A personal address: tickets and questions about the journey go there."),
    )

    def validate_birth_date(self, field: Field) -> None:
        """An adult who can travel."""
        if field.data is None:
            return
        years = (clock.today() - field.data).days / 365.25
        if not 18 <= years <= 100:
            raise ValidationError(_("Write the year in full; the person must be 18 or older."))


class JourneyForm(StepForm):
    """From where, and when."""

    page = "journey"
    departure_city = StringField(_l("City of departure"), [Required(), _no_longer_than(120)],
                                 description=_l("The city from whose airport this person leaves."))
    travel_from = DayField(_l("Day of departure"), [Required(_l("Write the day of departure."))])
    travel_to = DayField(_l("Day of return"), [Required(_l("Write the day of return."))])

    def check_against(self, start: date | None, end: date | None) -> bool:
        """The journey must fit the meeting."""
        problem = travel_problem(self.travel_from.data, self.travel_to.data, start, end)
        if problem:
            add_error(self, problem[0], problem[1])
        return problem is None


class QuestionsForm(StepForm):
    """The call's own questions: a field `answer-<key>` for each, so that no key can clash with a field of ours."""

    page = "questions"

    def readable(self) -> dict[str, Any]:
        """Answers by key."""
        return {name.removeprefix("answer-"): value for name, value in super().readable().items()}

    def fill(self, values: Mapping[str, Any]) -> None:
        """Stored answers into their fields."""
        super().fill({f"answer-{key}": value for key, value in values.items()})


STEP_FORMS: dict[str, type[StepForm]] = {
    form.page: form for form in (DeclarationForm, ContributionForm, AttendanceForm, PersonForm, JourneyForm)
}


def form_class_of(page: str, questions: Sequence[Question] = ()) -> type[StepForm]:
    """The form of a page; those of the call's own questions (of the State, about a nominee) are made from them.

    Raises NotFound for a page that does not exist.
    """
    if page not in ("questions", "answers"):
        if page not in STEP_FORMS:
            raise NotFound()
        return STEP_FORMS[page]
    asked = [q for q in questions if q.of_nominee == (page == "answers")]
    if not asked:
        raise NotFound()
    fields: dict[str, Any] = {}
    for question in asked:
        needed = [Required(_l("Answer this question."))] if question.required else []
        fields[f"answer-{question.key}"] = TextAreaField(
            question.text, [*needed, _no_longer_than(4000)], render_kw={"rows": 5})
    return type("QuestionsForm", (QuestionsForm,), fields)


def step_form(
    page: str, typed: Mapping[str, str] | None, values: Mapping[str, Any], version: int,
    questions: Sequence[Question] = (),
) -> StepForm:
    """The form of a page as it was last saved: the words as typed if there are any, else the stored answers."""
    form_class = form_class_of(page, questions)
    if typed is not None:
        form = form_class(formdata=MultiDict(dict(typed)))
    else:
        form = form_class(formdata=None)
        form.fill(values)
    form.version.data = version
    return form


class VersionedForm(BaseForm):
    """A button with the version of the page it stands on."""

    version = VersionField()

    @property
    def shown(self) -> int:
        """The version the page was made from. Call after `validate`."""
        assert self.version.data is not None
        return int(self.version.data)


class WithdrawForm(VersionedForm):
    """Taking an application back."""

    reason = TextAreaField(_l("Why you withdraw"), [_no_longer_than(1000)], render_kw={"rows": 3},
                           description=_l("The secretariat reads this. You may leave it empty."))
