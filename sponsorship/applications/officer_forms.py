"""Forms of the fund's officers on applications: dense, one page each. That of a call stands in call_forms.py."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import StringField, TextAreaField
from wtforms.validators import Length, Optional

from core.web.forms import DayField, Required, RequiredWhen, WholeNumberField
from sponsorship.applications.forms import OneOf, OneOfList, VersionedForm
from sponsorship.applications.models import DECLARED_CRITERIA as DECLARED
from sponsorship.applications.models import ELIGIBILITY, EQUITY_CRITERIA, FACT_CRITERIA
from sponsorship.applications.screening_service import CORRECTED, INELIGIBLE_REASONS, Correction, Finding
from sponsorship.applications.words import (
    CAPACITY_NAMES,
    CRITERION_NAMES,
    CRITERION_SHORT,
    ELIGIBILITY_NAMES,
    INELIGIBLE_SENTENCES,
    OUTCOME_NAMES,
    SEX_NAMES,
)


class ReasonForm(VersionedForm):
    """A step that needs a reason in words."""

    reason = TextAreaField(_l("Reason"), [Required(_l("Write the reason.")), Length(max=2000)], render_kw={"rows": 4})


class RecusalForm(VersionedForm):
    """A panel member declares an interest in a State that applies."""

    state = OneOfList(_l("State"), [Required(_l("Choose the State."))])
    reason = TextAreaField(
        _l("What the interest is"), [Required(_l("Write what the interest is.")), Length(max=1000)],
        description=_l("Read by the panel, the head of the fund and auditors; it stands for the whole call."),
        render_kw={"rows": 3})


class ChairForm(VersionedForm):
    """Who sits on the panel as Chair of the meeting, or in the Chair's place."""

    person = OneOfList(_l("Panel member of a State"), [Required(_l("Choose the person."))],
                       description=_l("The administrator gives the role of panel member in that State first."))
    capacity = OneOf(_l("In which capacity"), [Required(_l("Choose in which capacity."))],
                     choices=list(CAPACITY_NAMES.items()), default="chair")
    source = StringField(_l("Paper that says so"), [Required(_l("Write which paper says so, with its date.")),
                                                    Length(max=200)],
                         description=_l("For example: letter of the Chair of 3 March 2027."))

    def offer(self, people: Sequence[tuple[uuid.UUID, uuid.UUID, str]]) -> None:
        """Fill the list of persons."""
        self.person.choices = [("", _("Choose")), *((f"{person}:{state}", label) for person, state, label in people)]

    @property
    def chosen(self) -> tuple[uuid.UUID, uuid.UUID]:
        """Person and State. Call after `validate`."""
        person, state = str(self.person.data).split(":")
        return uuid.UUID(person), uuid.UUID(state)


class ScreeningForm(VersionedForm):
    """Findings on one application, and what follows from them."""

    outcome = OneOf(
        _l("Result"), [Required(_l("Choose the result."))],
        choices=[("eligible", _l("Eligible")), ("return", _l("Return to the mission for completion")),
                 ("ineligible", _l("Not eligible"))])
    note = TextAreaField(
        _l("What is missing"), [RequiredWhen("outcome", "return", _l("Write what is missing: the mission reads it.")),
                                Length(max=4000)],
        description=_l("The mission reads these words, in the mail and on its page."), render_kw={"rows": 4})
    due_on = DayField(_l("To be completed by"),
                      [RequiredWhen("outcome", "return", _l("Write the day by which it is expected."))],
                      description=_l("Until the end of that day at the place of the meeting."))
    reason = OneOfList(
        _l("Reason given to the mission"),
        [RequiredWhen("outcome", "ineligible", _l("Choose the reason that the mission is given."))],
        choices=[("", _l("Choose")), *((code, INELIGIBLE_SENTENCES[code]) for code in INELIGIBLE_REASONS)])

    def corrections(self) -> dict[str, Correction]:
        """Regional group and sex found otherwise than recorded."""
        return {
            code: Correction(self[f"{code}_value"].data, self[f"{code}_day"].data, self[f"{code}_source"].data or "",
                             self[f"{code}_reason"].data or "")
            for code in EQUITY_CRITERIA if self[f"{code}_value"].data
        }

    def findings(self) -> dict[str, Finding]:
        """The officer's findings, by criterion."""
        return {
            code: Finding(self[f"{code}_met"].data == "yes", self[f"{code}_evidence"].data or "",
                          self[f"{code}_source"].data or "")
            for code in (*ELIGIBILITY, *DECLARED) if self[f"{code}_met"].data
        } | {
            code: Finding(self[f"{code}_met"].data == "yes", self[f"{code}_evidence"].data or "",
                          self[f"{code}_source"].data or "")
            for code in FACT_CRITERIA if self[f"{code}_met"].data
        }


def _add_findings() -> None:
    for code in (*ELIGIBILITY, *DECLARED):
        label = ELIGIBILITY_NAMES.get(code) or CRITERION_NAMES[code]
        asked = [RequiredWhen("outcome", ("eligible", "ineligible"), _l("Choose yes or no."))]
        setattr(ScreeningForm, f"{code}_met", OneOfList(
            # asked for by some calls only; the command knows
            label, [Optional()] if code == "most_affected" else asked,
            choices=[("", "–"), ("yes", _l("Yes")), ("no", _l("No"))]))
        setattr(ScreeningForm, f"{code}_evidence", StringField(
            _l("Evidence: %(criterion)s", criterion=label), [Length(max=1000)]))
        setattr(ScreeningForm, f"{code}_source", StringField(
            _l("Where it was read: %(criterion)s", criterion=label), [Length(max=200)]))
    for code in FACT_CRITERIA:
        label = CRITERION_NAMES[code]
        setattr(ScreeningForm, f"{code}_met", OneOfList(
            label, [Optional()], choices=[("", _l("As listed")), ("yes", _l("Yes")), ("no", _l("No"))]))
        setattr(ScreeningForm, f"{code}_evidence", StringField(
            _l("Why otherwise than on the list: %(criterion)s", criterion=label), [Length(max=1000)]))
        setattr(ScreeningForm, f"{code}_source", StringField(
            _l("Where it was read: %(criterion)s", criterion=label), [Length(max=200)]))
    for code, values in CORRECTED.items():
        label = CRITERION_SHORT[code]
        words = [(v, SEX_NAMES[v] if code == "equity_sex" else v) for v in values]
        setattr(ScreeningForm, f"{code}_value", OneOfList(
            label, [Optional()], choices=[("", _l("As recorded")), *words]))
        setattr(ScreeningForm, f"{code}_day", DayField(
            _l("Day of the evidence: %(criterion)s", criterion=label), [Optional()]))
        setattr(ScreeningForm, f"{code}_source", StringField(
            _l("Where it was read: %(criterion)s", criterion=label), [Length(max=200)]))
        setattr(ScreeningForm, f"{code}_reason", StringField(
            _l("Why otherwise than recorded: %(criterion)s", criterion=label), [Length(max=1000)]))


_add_findings()


def recommendation_form(
    rows: Sequence[tuple[uuid.UUID, str]], defaults: Mapping[uuid.UUID, tuple[str, int, int, str]], filled: bool
) -> VersionedForm:
    """A form with one line for each (application, State). `defaults` are outcome, place, seats, reason."""
    fields: dict[str, Any] = {}
    for application_id, name in rows:
        outcome, place, seats, reason = defaults[application_id]
        fields[f"{application_id}-outcome"] = OneOfList(
            _("Recommendation for %(state)s", state=name), [Required()], choices=list(OUTCOME_NAMES.items()),
            default=outcome)
        fields[f"{application_id}-position"] = WholeNumberField(
            _("Place of %(state)s", state=name), [Required(_l("Write the place as a number."))], default=place)
        fields[f"{application_id}-seats"] = WholeNumberField(
            _("Seats for %(state)s", state=name), [Optional()], default=seats)
        fields[f"{application_id}-reason"] = StringField(
            _("Reason for %(state)s", state=name), [Length(max=2000)], default=reason)
    form_class = type("RecommendationForm", (VersionedForm,), fields)
    form: VersionedForm = form_class() if filled else form_class(formdata=None)
    return form
