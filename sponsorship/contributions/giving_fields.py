"""What donors and officers fill in alike: the conditions of a purpose, instalments with their dates, a currency."""

from __future__ import annotations

import calendar
import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms import FieldList, FormField, RadioField, SelectField, SelectMultipleField
from wtforms.validators import StopValidation
from wtforms.widgets import CheckboxInput, ListWidget

from core import clock
from core.money import Money
from core.web.forms import BaseForm, DayField, MoneyField, RowForm, is_filled
from meetings.calendar.queries import kinds_for_choice
from sponsorship.contributions.earmark_reach import meetings_to_come
from sponsorship.contributions.earmark_words import FACTS, GROUPS, SEXES, names_of_meetings
from sponsorship.contributions.schedules import MOST, Part
from sponsorship.gateways.rates import currencies_with_rates, currency_name
from sponsorship.ledger.earmarks import CONDITIONS, Earmark, EarmarkError, canonical

EVERY = {"1": _l("every month"), "3": _l("every three months"), "6": _l("every six months"), "12": _l("every year")}
BLANK_ROWS = 4


class OneOfField(RadioField):
    """One answer out of a few. Says one thing at a time: what to choose, or that the answer is none of these."""

    def pre_validate(self, form: Any) -> None:
        """Leave an empty answer to `Required`; refuse one that was not offered."""
        if not self.data:
            return
        if self.data not in {value for value, *_ in self.iter_choices()}:
            raise StopValidation(gettext("Choose one of the answers offered."))


class SomeOfField(SelectMultipleField):
    """Any number of answers, to be ticked."""

    def __init__(self, label: Any = None, **kwargs: Any) -> None:
        super().__init__(label, option_widget=CheckboxInput(), widget=ListWidget(prefix_label=False), **kwargs)

    def pre_validate(self, form: Any) -> None:
        """Refuse what was not offered."""
        offered = {value for value, *_ in self.iter_choices()}
        if not set(self.data or ()) <= offered:
            raise StopValidation(gettext("Choose among the answers offered."))


class CurrencyField(SelectField):
    """The currencies that can be turned into dollars today, the dollar first. One that can no longer stays chosen, so
    that no amount changes its currency unseen, and is refused in plain words."""

    def __init__(self, label: Any = None, validators: Any = None, **kwargs: Any) -> None:
        super().__init__(label, validators, choices=[], **kwargs)

    def offer(self) -> None:
        """Fill the choices; called when the form is made."""
        self.usable = currencies_with_rates(clock.today())
        known = {code for code, _name in self.usable}
        chosen = str(self.data or "")
        lost = [(chosen, chosen)] if re.fullmatch("[A-Z]{3}", chosen) and chosen not in known else []
        self.choices = [(code, f"{name} ({code})") for code, name in self.usable] + [
            (code, gettext("%(currency)s: no exchange rate today", currency=currency_name(code)))
            for code, _name in lost]

    def pre_validate(self, form: Any) -> None:
        """Say what to do about a currency without a rate."""
        if self.data in {code for code, _name in self.usable}:
            return
        if re.fullmatch("[A-Z]{3}", str(self.data or "")):
            raise StopValidation(no_rate(str(self.data)))
        raise StopValidation(gettext("Choose a currency from the list."))


def no_rate(currency: str) -> str:
    """What a donor is told; officers are told what to import."""
    return gettext("There is no exchange rate for %(currency)s today, so nobody can say what the amount is worth in US "
                   "dollars. Choose another currency, or come back another day: what you wrote stays here meanwhile.",
                   currency=currency)


# --- a purpose of one's own -------------------------------------------------------------------------------------
class EarmarkFields(BaseForm):
    """The conditions of a purpose. All those chosen must hold; of one condition's answers, any."""

    meeting = SomeOfField(_l("To one of these meetings"))
    kind = SomeOfField(_l("To meetings of this kind"))
    facts = SomeOfField(_l("From States that are"))
    group = SomeOfField(_l("From States of this regional group"))
    sex = SomeOfField(_l("Delegates who are"))

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        coming = {row.slug: row.label for row in meetings_to_come()}
        chosen = [key for key in self.meeting.data or () if key not in coming]
        kept = names_of_meetings([{"meeting": chosen}]) if chosen else {}
        self.meeting.choices = [*coming.items(), *((key, kept[key]) for key in chosen if key in kept)]
        self.kind.choices = kinds_for_choice()
        self.facts.choices = list(FACT_LABELS.items())
        self.group.choices = list(GROUP_LABELS.items())
        self.sex.choices = list(SEX_LABELS.items())

    @property
    def earmark(self) -> Earmark | None:
        """What was chosen, in its one form; None when nothing was, or what nobody offered."""
        try:
            return canonical({name: self[name].data for name in CONDITIONS if self[name].data})
        except EarmarkError:
            return None


FACT_LABELS = {
    "ldc": _l("Least developed countries"),
    "lldc": _l("Landlocked developing countries"),
    "sids": _l("Small island developing States"),
}
GROUP_LABELS = {
    "African": _l("African States"),
    "Asia-Pacific": _l("Asia-Pacific States"),
    "Eastern European": _l("Eastern European States"),
    "GRULAC": _l("Latin American and Caribbean States"),
    "WEOG": _l("Western European and other States"),
}
SEX_LABELS = {"female": _l("Women"), "male": _l("Men")}
assert set(FACT_LABELS) == set(FACTS) and set(GROUP_LABELS) == set(GROUPS) and set(SEX_LABELS) == set(SEXES)


# --- instalments ------------------------------------------------------------------------------------------------
class PartField(MoneyField):
    """An amount whose currency is chosen above it on the same page, and so is not shown beside it."""

    def __init__(self, label: Any = None, **kwargs: Any) -> None:
        super().__init__(label, currency_from="currency", **kwargs)

    @property
    def currency(self) -> str:
        """That of the form, which was made for it."""
        return str(self._currency)


def instalment_rows(currency: str, shown: bool = True) -> FieldList:
    """Rows of a date and an amount in `currency` (`shown` beside it), as a field of a form made for that currency."""
    field = MoneyField if shown else PartField

    class Row(RowForm):
        due_on = DayField(_l("Due on"))
        amount = field(_l("Amount"), currency=currency, allow_zero=False)

    return FieldList(FormField(Row), _l("Instalments"), max_entries=MOST)


def parts_of_rows(rows: Any) -> tuple[Part, ...]:
    """What the rows say; empty ones are left out, and a half-filled one is told so. Call it once the form is valid."""
    found = []
    for entry in rows.entries:
        day, amount = entry.form.due_on, entry.form.amount
        if not is_filled(day) and not is_filled(amount):
            continue
        if not is_filled(day):
            day.errors = [gettext("Write a date for each instalment.")]
        elif not is_filled(amount):
            amount.errors = [gettext("Write an amount for each instalment.")]
        else:
            found.append(Part(amount.data.minor, day.data))
    return tuple(found)


def has_errors(rows: Any) -> bool:
    """Whether a row has been found wrong after the form was."""
    return any(entry.form.due_on.errors or entry.form.amount.errors for entry in rows.entries)


def row_data(parts: Sequence[Part], currency: str, blank: int = 1) -> list[dict[str, Any]]:
    """Parts as the rows of a form, with some empty ones beneath."""
    filled = [{"due_on": part.due_on, "amount": Money(part.amount_minor, currency)} for part in parts]
    return [*filled, *({} for _ in range(min(blank, MOST - len(filled))))]


def split_evenly(total_minor: int, number: int, first: date, every_months: int) -> tuple[Part, ...]:
    """Equal instalments from a day on; what cannot be shared equally goes to the first ones, a unit each."""
    each, rest = divmod(total_minor, number)
    return tuple(Part(each + (n < rest), months_later(first, n * every_months)) for n in range(number))


def months_later(day: date, months: int) -> date:
    """The same day of a later month, or the month's last day."""
    year, month = divmod(day.month - 1 + months, 12)
    year += day.year
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
