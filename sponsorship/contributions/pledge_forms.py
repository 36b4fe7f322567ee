"""Forms of the officers who keep pledges, agreements and reminders."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms import FieldList, HiddenField, SelectField, StringField, TextAreaField
from wtforms.validators import Length, Optional, ValidationError

from core.errors import RuleBroken
from core.web.forms import (
    BaseForm,
    DayField,
    MoneyField,
    Required,
    UploadField,
    VersionField,
    WholeNumberField,
    add_error,
)
from sponsorship.contributions.agreement_files import KINDS, MOST_LETTERS
from sponsorship.contributions.agreement_queries import CLAUSES
from sponsorship.contributions.donate_forms import OWN_PURPOSE
from sponsorship.contributions.giving_fields import (
    EVERY,
    CurrencyField,
    EarmarkFields,
    OneOfField,
    has_errors,
    instalment_rows,
    parts_of_rows,
    split_evenly,
)
from sponsorship.contributions.pools import PoolChoice, unearmarked
from sponsorship.contributions.schedules import MOST, Part
from sponsorship.ledger.earmarks import CONDITIONS, Earmark

Choices = Sequence[tuple[str, Any]]
ONCE, EQUAL, LISTED = "once", "equal", "listed"


class WordsField(TextAreaField):
    """Why something is done, for the record."""

    def __init__(self, label: Any = None, message: Any = None, **kwargs: Any) -> None:
        super().__init__(label or _l("Why, for the record"), validators=[
            Required(message or _l("Write why, for the record.")),
            Length(max=2000, message=_l("Keep it under 2,000 letters."))], **kwargs)


class WordsForm(BaseForm):
    """An act that needs a reason and nothing else."""

    words = WordsField()
    version = VersionField()


def reduce_form(currency: str) -> type[BaseForm]:
    """The form of a pledge in this currency that the donor makes smaller."""

    class ReduceForm(BaseForm):
        amount = MoneyField(_l("Reduced to"), validators=[Required(_l("Write what the donor will give in all."))],
                            allow_zero=False, currency=currency)
        words = WordsField()
        version = VersionField()

    return ReduceForm


class AgreeForm(BaseForm):
    """A pledge is put under an agreement of its donor."""

    agreement = SelectField(_l("Contribution agreement"), validators=[Required(_l("Choose the agreement."))])
    version = VersionField()


class PlanFields(BaseForm):
    """When it will be paid: on one's own time, in equal instalments, or on the dates listed in `instalments`."""

    plan = OneOfField(_l("When it will be paid"), validators=[Required(_l("Choose when it will be paid."))])
    number = WholeNumberField(_l("Equal instalments: how many"))
    first = DayField(_l("The first on"))
    every = SelectField(_l("Then"), choices=list(EVERY.items()), default="12")
    instalments: FieldList

    def parts(self, total_minor: int) -> tuple[Part, ...] | None:
        """The instalments, none for a payment when it suits the donor; None when something is wrong, which is then said
        at its field. Call it once the form is valid."""
        if self.plan.data == ONCE:
            return ()
        if self.plan.data == LISTED:
            found = parts_of_rows(self.instalments)
            return None if has_errors(self.instalments) else found
        number, first = self.number.data, self.first.data
        if number is None or not 1 <= number <= MOST:
            add_error(self, "number", gettext("Write a number from 1 to %(most)s.", most=MOST))
        if first is None:
            add_error(self, "first", gettext("Write the date of the first instalment."))
        if number is None or first is None or self.number.errors:
            return None
        return split_evenly(total_minor, number, first, int(self.every.data))


PLAN_LABELS: dict[str, Any] = {
    ONCE: _l("In one payment, when it suits the donor"),
    EQUAL: _l("In equal instalments"),
    LISTED: _l("On the dates listed"),
}


class DeferFields(PlanFields):
    """The donor will pay later."""

    words = WordsField()
    version = VersionField()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan.choices = [(key, PLAN_LABELS[key]) for key in (LISTED, EQUAL)]


class PurposeFields(EarmarkFields):
    """A purpose that is open, where it is needed most, or one of its own built from conditions."""

    purpose = OneOfField(_l("What it is for"), validators=[Required(_l("Choose what the money is for."))])

    def offer(self, purposes: Sequence[PoolChoice]) -> None:
        """Fill the choices."""
        self.purpose.choices = [*((choice.value, choice.label) for choice in purposes),
                                (OWN_PURPOSE, gettext("A purpose of its own, from the conditions below"))]
        self._offered = {choice.value: choice.earmark for choice in purposes}

    def chosen(self) -> tuple[bool, Earmark | None]:
        """Whether an answer can be used, and the earmark it means. Call it once the form is valid."""
        if self.purpose.data != OWN_PURPOSE:
            earmark = self._offered.get(self.purpose.data)
            return True, dict(earmark) if earmark else None
        if self.earmark is None:
            add_error(self, "purpose", gettext("Choose at least one condition below, or another purpose."))
        return self.earmark is not None, self.earmark


class RecordFields(PurposeFields, PlanFields):
    """A pledge that was announced elsewhere."""

    organisation = SelectField(_l("Donor"), validators=[Required(_l("Choose the donor."))])
    announced_on = DayField(_l("Announced on"), validators=[Required(_l("Write the day of the announcement."))])
    words = TextAreaField(
        _l("Where it was announced"), description=_l("A meeting and its agenda item, or the note verbale."),
        validators=[Required(_l("Write where it was announced.")),
                    Length(max=2000, message=_l("Keep it under 2,000 letters."))])
    currency = CurrencyField(_l("Currency"), default="USD", validators=[Required(_l("Choose the currency."))])
    amount = MoneyField(_l("Amount"), validators=[Required(_l("Write the amount."))], allow_zero=False,
                        currency_from="currency")
    draft_key = HiddenField()

    def __init__(self, organisations: Choices, purposes: Sequence[PoolChoice], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.currency.offer()
        self.offer(purposes)
        self.organisation.choices = [("", gettext("Choose")), *organisations]
        self.plan.choices = list(PLAN_LABELS.items())
        _in_order(self, "organisation", "announced_on", "words", "currency", "amount", "purpose", *CONDITIONS, "plan")


def _in_order(form: Any, *first: str) -> None:
    """Errors are listed in the order of the page."""
    form._fields = {name: form._fields[name] for name in dict.fromkeys((*first, *form._fields))}


def with_rows(form: type[PlanFields], currency: str) -> Any:
    """The form with rows of instalments in this currency."""
    code = currency if re.fullmatch("[A-Z]{3}", currency) else "USD"
    return type(form.__name__, (form,), {"instalments": instalment_rows(code, shown=not hasattr(form, "currency"))})


# --- agreements -------------------------------------------------------------------------------------------------
class PercentField(StringField):
    """A percentage with at most two decimals; `basis_points` is the integer (13 % = 1300), or None."""

    basis_points: int | None = None

    def post_validate(self, form: Any, validation_stopped: bool) -> None:
        """Read what was typed, or say how to write it."""
        text = str(self.data or "").rstrip("% \u00a0\u202f").replace(",", ".")
        if validation_stopped or not text:
            return
        try:
            value = Decimal(text) * 100
        except ArithmeticError:  # no number, or one too large to be one
            value = Decimal("0.5")
        if value != value.to_integral_value() or not 0 <= value <= 5000:
            raise ValidationError(gettext("Write a rate from 0 to 50, with at most two decimals, for example 13."))
        self.basis_points = int(value)


class AgreementForm(PurposeFields):
    """An exchange of letters goes on record."""

    organisation = SelectField(_l("Donor"), validators=[Required(_l("Choose the donor."))])
    reference = StringField(
        _l("Reference of the letter or note verbale"),
        validators=[Required(_l("Write the reference of the letter.")),
                    Length(max=80, message=_l("Write a reference of at most 80 letters."))],
    )
    exchange_of_letters = DayField(_l("Date of the exchange of letters"),
                                   validators=[Required(_l("Write the date of the exchange of letters."))])
    support_rate = PercentField(
        _l("Programme support costs"), default="13",
        description=_l("In per cent of what is spent. The standard is 13."),
        validators=[Required(_l("Write the rate of programme support costs, for example 13."))],
    )
    end_date = DayField(_l("Last day of the agreement"), validators=[Optional()],
                        description=_l("Leave it empty if the agreement has no end."))
    refund_clause = OneOfField(_l("Money unspent at the end"), choices=list(CLAUSES.items()),
                               validators=[Required(_l("Choose what the letters say about unspent money."))])

    def __init__(self, organisations: Choices, purposes: Sequence[PoolChoice], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.offer(purposes)
        self.organisation.choices = [("", gettext("Choose")), *organisations]
        _in_order(self, "organisation", "reference", "exchange_of_letters", "end_date", "support_rate",
                  "refund_clause", "purpose", *CONDITIONS)


    @property
    def pool_id(self) -> uuid.UUID | None:
        """The open pool that was chosen, if one was."""
        chosen = self.purpose.data
        return None if chosen in (OWN_PURPOSE, unearmarked().value) else uuid.UUID(chosen)


class FileForm(BaseForm):
    """A paper is put with an agreement."""

    kind = SelectField(_l("Kind of paper"), choices=[("", _l("Choose")), *KINDS.items()],
                       validators=[Required(_l("Choose what kind of paper it is."))])
    title = StringField(_l("Title"), description=_l("As the donor will read it, for example Note verbale of 3 March."),
                        validators=[Required(_l("Write a title.")),
                                    Length(max=MOST_LETTERS, message=_l("Write a title of at most 200 letters."))])
    file = UploadField(_l("File"), kinds=("pdf",), validators=[Required(_l("Choose a PDF."))])


# --- reminders --------------------------------------------------------------------------------------------------
class ReminderForm(BaseForm):
    """When donors and the fund manager are reminded."""

    days = StringField(_l("Days of the reminders"), description=_l("From the due day, at most four: -30 is thirty days "
                                                                   "before, 0 the day itself."),
                       validators=[Required(_l("Write the days, for example -30, 0, 30, 90."))])
    gap = WholeNumberField(_l("Days between two letters to one donor"),
                           validators=[Required(_l("Write a number of days, for example 14."))])
    notices = StringField(_l("Notices before an agreement ends"), description=_l("In days before its last day."),
                          validators=[Required(_l("Write the days, for example 60, 7."))])

    def numbers(self, name: str) -> list[int]:
        """What a field of several numbers says. Raises RuleBroken for what is no list of whole numbers."""
        text = str(self[name].data).replace("\u2212", "-")
        parts = [part for part in re.split(r"[\s,;\u060c]+", text) if part]
        if not parts or not all(re.fullmatch(r"-?\d{1,4}", part) for part in parts):
            raise RuleBroken(gettext("Write whole numbers with commas between them."), code="reminders.numbers",
                             field=name)
        return [int(part) for part in parts]


def day_of(field: Any) -> date:
    """The day of a required field."""
    found = field.data
    assert isinstance(found, date), "a required field"
    return found
