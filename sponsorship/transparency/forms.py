"""Forms: the period of a statement, and a letter that calls for funds."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date
from typing import Any

from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, SelectField, StringField, TextAreaField
from wtforms.validators import Length, NumberRange, Optional

from core import clock
from core.db import new_id
from core.web.forms import After, BaseForm, DayField, MoneyField, Required, WholeNumberField
from sponsorship.transparency.letters import Wish

Choices = Sequence[tuple[str, Any]]
ALL = "all"


def _no_longer_than(most: int) -> Length:
    return Length(max=most, message=_l("Write at most %(most)s letters.", most=most))


class PeriodForm(BaseForm):
    """From which day to which; sent by GET, so that the address keeps it."""

    class Meta(BaseForm.Meta):
        """It changes nothing: no token."""

        csrf = False

    start = DayField(_l("From"), validators=[Optional()])
    end = DayField(_l("To"), validators=[Optional(), After("start", or_same=True)])

    @property
    def days(self) -> tuple[date | None, date]:
        """The first day (None: since the first contribution) and the last (today when none was written)."""
        last: Any = self.end.data
        return self.start.data, last or max(clock.today(), self.start.data or clock.today())


class LetterForm(BaseForm):
    """What a letter that calls for funds says. The officer sees the figures before it is made."""

    addressee = SelectField(_l("To"), validators=[Required(_l("Choose the donor, or all of them."))])
    call_id = SelectField(
        _l("Call for applications"), validators=[Optional()],
        description=_l("Its estimate is used unless you write another cost, and the money of its pools is counted."))
    subject = StringField(
        _l("What the money is for"), description=_l("Such as: BMS10, New York, 2028. Or: the meetings of 2027."),
        validators=[Required(_l("Write what the money is for, such as a meeting or a year.")), _no_longer_than(200)])
    delegates = WholeNumberField(
        _l("Delegates expected to need help"),
        validators=[Required(_l("Write how many delegates are expected to need help.")),
                    NumberRange(1, 5000, _l("Write a number from 1 to 5,000."))],
        description=_l("Without those whose obligation is certified: their money is reserved already."))
    each = MoneyField(
        _l("Direct cost of one delegate"), validators=[Optional()], allow_zero=False,
        description=_l("Ticket, daily subsistence and terminal expenses. Leave it empty to take the call’s estimate."))
    pay_by = DayField(_l("Contributions are asked for by"),
                      validators=[Required(_l("Write the day by which contributions are asked for."))])
    words = TextAreaField(_l("A paragraph of your own"), validators=[Optional(), _no_longer_than(2000)])
    name = StringField(_l("Name of whoever signs"),
                       validators=[Required(_l("Write the name of whoever signs.")), _no_longer_than(120)])
    office = StringField(_l("Office of whoever signs"),
                         validators=[Required(_l("Write the office of whoever signs.")), _no_longer_than(160)])
    language = SelectField(_l("Language of the letter"), validators=[Required()])
    batch = HiddenField()  # set on the page that shows the figures: its button makes the letters once

    def __init__(self, donors: Choices, calls: Choices, languages: Choices, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.addressee.choices = [("", gettext("Choose")), (ALL, ngettext(
            "All donors: %(num)s", "All donors: %(num)s", len(donors))), *donors]
        self.call_id.choices = [("", gettext("None: the cost is written below")), *calls]
        self.language.choices = list(languages)
        if len(languages) == 1:
            self.language.data = self.language.data or languages[0][0]

    def wish(self, donors: Sequence[uuid.UUID]) -> Wish:
        """What was typed. Call after `validate`."""
        values: dict[str, Any] = {field.name: field.data for field in self}
        return Wish(
            uuid.UUID(values["call_id"]) if values["call_id"] else None, values["subject"], values["delegates"],
            values["each"], values["pay_by"], values["words"] or "", values["name"], values["office"],
            values["language"],
            tuple(donors) if values["addressee"] == ALL else (uuid.UUID(values["addressee"]),),
            _batch(values["batch"]),
        )


def _batch(text: str | None) -> uuid.UUID:
    try:
        return uuid.UUID(text or "")
    except ValueError:  # not from our page: letters of their own
        return new_id()
