"""Forms of the donors' pages."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms.validators import Optional

from core import clock
from core.web.forms import After, BaseForm, DayField


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
