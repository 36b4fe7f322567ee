"""Forms of awards."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import RadioField, SelectField, TextAreaField
from wtforms.validators import Length, Optional

from core.money import Money
from core.web.forms import BaseForm, MoneyField, Required, VersionField
from sponsorship.awards.decision_service import Choice
from sponsorship.awards.service import REASONS

OUTCOMES = (("selected", _l("Selected")), ("reserve", _l("Reserve list")), ("not", _l("Not selected")))
REASON_LABELS = {
    "no_money": _l("The money is needed elsewhere"),
    "rules_not_met": _l("The fund’s rules are not met"),
    "details_wrong": _l("Details are wrong"),
    "meeting_changed": _l("The meeting has changed"),
    "state_request": _l("The State asked for it"),
    "other": _l("Another reason"),
}
assert set(REASON_LABELS) == set(REASONS)
MOST_WORDS = 2000


class VersionedForm(BaseForm):
    """One act on a page: only the version it was shown in."""

    version = VersionField()

    @property
    def seen(self) -> int:
        """The version shown; ask only after the form was validated."""
        assert self.version.data is not None
        return self.version.data


class ReasonForm(VersionedForm):
    """An act that needs a reason."""

    reason = SelectField(
        _l("Reason"), validators=[Required()], choices=[("", _l("Choose a reason")), *REASON_LABELS.items()],
    )
    text = TextAreaField(
        _l("In your words"), description=_l("For the file and the auditor; not shown to the State."),
        validators=[Required(_l("Say in a sentence why.")), Length(max=MOST_WORDS)],
    )


class AnswerForm(VersionedForm):
    """The State's answer, with words if it likes."""

    text = TextAreaField(_l("Anything the secretariat should know"), validators=[Optional(), Length(max=MOST_WORDS)])


class ConditionForm(VersionedForm):
    """Which condition of travel is let go, and why."""

    condition = RadioField(_l("Condition that is not met"), validators=[Required(_l("Choose the condition."))])
    reason = TextAreaField(
        _l("Why the ticket is bought all the same"), description=_l("For the file and the auditor; not shown to the "
                                                                    "State."),
        validators=[Required(_l("Write why the ticket is bought all the same.")), Length(max=MOST_WORDS)])


class EstimateForm(VersionedForm):
    """The three lines of an estimate."""

    ticket = MoneyField(_l("Ticket"), description=_l("The fare quoted, taxes included."))
    dsa = MoneyField(_l("Daily subsistence allowance"))
    terminal = MoneyField(_l("Terminal expenses"))

    def lines(self) -> dict[str, int]:
        """US cents by kind."""
        return {
            name: self[name].data.minor if isinstance(self[name].data, Money) else 0
            for name in ("ticket", "dsa", "terminal")
        }


def decision_form(nominees: Mapping[uuid.UUID, str]) -> type[VersionedForm]:
    """A form with a choice and a reason for each nominee."""
    fields: dict[str, Any] = {}
    for nominee_id, label in nominees.items():
        fields[f"outcome-{nominee_id}"] = SelectField(
            _("Decision for %(nominee)s", nominee=label), choices=list(OUTCOMES),
            validators=[Required(_l("Choose one of the three."))],
        )
        fields[f"reason-{nominee_id}"] = TextAreaField(
            _("Reason for %(nominee)s", nominee=label), validators=[Optional(), Length(max=MOST_WORDS)],
            render_kw={"rows": 1},
        )
    return type("DecisionForm", (VersionedForm,), fields)


def choices_of(form: VersionedForm, nominees: Mapping[uuid.UUID, str]) -> dict[uuid.UUID, Choice]:
    """What was chosen, by nominee."""
    return {
        nominee_id: Choice(form[f"outcome-{nominee_id}"].data, form[f"reason-{nominee_id}"].data or "")
        for nominee_id in nominees
    }
