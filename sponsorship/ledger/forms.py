"""What may be asked of the books: an instant, a period, a day. In the address, so that a page can be passed on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core import clock
from core.web.fields import DayField
from core.web.forms import BaseForm, add_error
from core.web.instants import UntilField
from core.web.tables import Filter, TableQuery
from sponsorship.ledger.statements import Period, this_year


@dataclass(frozen=True, slots=True)
class Asked(TableQuery):
    """What the address asks of the books; lists keep it in their links, but it is no filter of theirs."""

    @property
    def filtered(self) -> bool:
        return False


AT = (Filter("at", _l("As of")),)
PERIOD = (Filter("from", _l("From")), Filter("to", _l("To")))


class _AddressForm(BaseForm):
    """A form whose answers stand in the address: nothing is changed by it."""

    class Meta(BaseForm.Meta):
        """Reading needs no token."""

        csrf = False

    @classmethod
    def asked(cls) -> Any:
        """The form with what the address says, checked."""
        form = cls(formdata=request.args)
        form.validate()
        return form


class AtForm(_AddressForm):
    """Until when."""

    at = UntilField(_l("As of, in UTC"), description=_l("Everything that had happened by then. Empty: now."))


class PeriodForm(_AddressForm):
    """From which day to which."""

    first = DayField(_l("From"), name="from")
    last = DayField(_l("To"), name="to")

    def validate(self, extra_validators: Any = None) -> bool:
        good = super().validate(extra_validators)
        if good and self.first.data and self.last.data and self.first.data > self.last.data:
            add_error(self, "last", _("Write a day that is not before the first one."))
            return False
        return good

    def period(self) -> Period:
        """What was asked for; this year where nothing was, or nothing that can be read. The fields show it."""
        found = self._period()
        if not self.errors:
            self.first.data, self.last.data = found.first, found.last
        return found

    def _period(self) -> Period:
        year = this_year()
        if self.errors:
            return year
        first, last = self.first.data, self.last.data
        if first and not last:
            last = max(first, year.last)
        if last and not first:
            first = min(last, year.first)
        return Period(first or year.first, last or year.last)


class DayForm(_AddressForm):
    """At the end of which day."""

    at = DayField(_l("At the end of"), description=_l("Income and expenditure are counted from 1 January of its year."))

    def day(self) -> date:
        """What was asked for, or today. The field shows it."""
        if not self.at.errors:
            self.at.data = self.at.data or clock.today()
        return self.at.data or clock.today()
