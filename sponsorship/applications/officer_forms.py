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
from sponsorship.applications.models import ELIGIBILITY, FACT_CRITERIA
from sponsorship.applications.screening_service import INELIGIBLE_REASONS, Finding
from sponsorship.applications.words import CRITERION_NAMES, ELIGIBILITY_NAMES, INELIGIBLE_SENTENCES, OUTCOME_NAMES


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
