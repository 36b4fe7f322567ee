"""Forms of exchange rates: choose a file, say how it is read, withdraw an import."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, HiddenField, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import Length, Optional, ValidationError

from core.web.forms import BaseForm, DayField, Required, RequiredWhen, UploadField, WholeNumberField
from sponsorship.gateways.rate_csv import Layout, Sheet, skipped_lines
from sponsorship.gateways.rate_models import WITHDRAWAL_REASONS
from sponsorship.gateways.rate_reading import COMMA, DAY_FIRST, MAX_BYTES, MONTH_FIRST, POINT, Unreadable, checked_day
from sponsorship.gateways.rate_sources import SOURCES, books_source

REASON_LABELS = dict(zip(WITHDRAWAL_REASONS, (
    _l("The wrong file was imported"),
    _l("It was read wrongly (columns, day or decimal mark)"),
    _l("The source has corrected its rates"),
    _l("Another reason"),
), strict=True))


class UploadForm(BaseForm):
    """A file and where it comes from."""

    source = RadioField(
        _l("Source"), choices=[(source.code, source.label) for source in SOURCES.values()], default=books_source,
        validators=[Required(_l("Choose where the rates come from."))],
    )
    file = UploadField(
        _l("File"), kinds=("csv", "txt", "tsv", "xml"), max_bytes=MAX_BYTES,
        validators=[Required(_l("Choose the file with the rates."))],
        description=_l("UN rates: a table saved as CSV (a workbook must be saved as CSV first). ECB rates: the file "
                       "“eurofxref” as XML or CSV. Up to 10 MB. Nothing is stored before you have seen what was read."),
    )


class CheckForm(BaseForm):
    """What stands beside every preview: which file, and that somebody has looked at large changes."""

    source = HiddenField()
    kept_token = HiddenField()
    looked = BooleanField(_l("I have compared these rates with the source"))


class LayoutForm(CheckForm):
    """How a table is read. Columns are numbers as text; a table without dates has one day for all."""

    currency = SelectField(_l("Column of the currency"), description=_l("Its code of three letters, or its name."),
                           validators=[Required(_l("Choose the column with the currency."))])
    rate = SelectField(_l("Column of the rate"), description=_l("Units of the currency for one US dollar."),
                       validators=[Required(_l("Choose the column with the rate."))])
    dates = SelectField(_l("Column of the effective date"))
    day = DayField(
        _l("One day for the whole file"), description=_l("When it has no column of dates: the day rates hold from."),
        validators=[RequiredWhen("dates", "", _l("Choose the column with the dates, or write the day the rates hold "
                                                 "from."))],
    )
    decimal = SelectField(_l("Decimal mark"), description=_l("Of the column of the rate."),
                          choices=[(POINT, _l("Point: 1,234.56")), (COMMA, _l("Comma: 1.234,56"))])
    order = SelectField(
        _l("Dates in figures"),
        choices=[("", _l("As written: 2027-03-01, 1 March 2027")), (DAY_FIRST, _l("Day first: 31/03/2027")),
                 (MONTH_FIRST, _l("Month first: 03/31/2027"))],
    )
    header = WholeNumberField(_l("Line of the headings"), description=_l("0 when there are none."),
                              validators=[Optional()])
    skip = StringField(
        _l("Lines to leave out"), description=_l("Notes below the table, for example 170-175."),
        validators=[Length(max=200, message=_l("Keep it under 200 characters."))],
    )

    def __init__(self, sheet: Sheet, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        titles = sheet.headings(self.header.data or 0)
        columns = [(str(n), f"{n}: {title}" if title else str(n)) for n, title in enumerate(titles, 1)]
        self.currency.choices = [("", _("Choose")), *columns]
        self.rate.choices = [("", _("Choose")), *columns]
        self.dates.choices = [("", _("None: one day for the whole file")), *columns]

    def validate_day(self, field: Any) -> None:
        """A day that rates can be of."""
        if field.data is not None and not self.dates.data:
            try:
                checked_day(field.data)
            except Unreadable as wrong:
                raise ValidationError(str(wrong)) from wrong

    def validate_rate(self, field: Any) -> None:
        """Three different columns."""
        if field.data and field.data in (self.currency.data, self.dates.data):
            raise ValidationError(_("This column holds something else already. Choose the column with the rate."))

    def validate_skip(self, field: Any) -> None:
        """Numbers of lines."""
        try:
            skipped_lines(field.data or "")
        except Unreadable as wrong:
            raise ValidationError(str(wrong)) from wrong

    @property
    def layout(self) -> Layout:
        """What was told."""
        currency, rate, dates = (int(f.data) if f.data else None for f in (self.currency, self.rate, self.dates))
        return Layout(currency, rate, dates, self.day.data, self.header.data or 0, self.decimal.data, self.order.data,
                      self.skip.data or "")

    @staticmethod
    def values(layout: Layout) -> dict[str, Any]:
        """A layout as the form's own values."""
        return {
            **{name: str(getattr(layout, name) or "") for name in ("currency", "rate", "dates")},
            **{name: getattr(layout, name) for name in ("day", "header", "decimal", "order", "skip")},
        }


class WithdrawForm(BaseForm):
    """An import is withdrawn, with its reason."""

    reason = SelectField(_l("Reason"), choices=[("", _l("Choose")), *REASON_LABELS.items()],
                         validators=[Required(_l("Choose a reason."))])
    words = TextAreaField(
        _l("What happened"), description=_l("For the record: who found it, and what takes its place."),
        validators=[Required(_l("Write what happened.")),
                    Length(max=2000, message=_l("Keep it under 2,000 letters."))],
    )
