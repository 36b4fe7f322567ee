"""Forms of papers, of the note verbale, and of the nominee's own page."""

from __future__ import annotations

import re
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, Field, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import Regexp, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from core import clock
from core.web.forms import MEGABYTE, BaseForm, DayField, Required, UploadField
from sponsorship.applications.forms import OneOf, PersonForm, VersionedForm, _has_letters, _no_longer_than
from sponsorship.applications.travel_tests import VISA_CLASSES
from sponsorship.applications.words import SEX_NAMES

MOST = 10 * MEGABYTE  # a photograph from a telephone has 3 to 8 MB


class PaperForm(BaseForm):
    """One paper."""

    file = UploadField(_l("File"), [Required(_l("Choose a file."))], max_bytes=MOST,
                       render_kw={"accept": ".pdf,.jpg,.jpeg,.png,application/pdf,image/jpeg,image/png"})


class NoteForm(PaperForm):
    """The stamped note verbale, and which applications it covers."""

    covers = SelectMultipleField(
        _l("Applications that this note covers"), [Required(_l("Choose at least one application."))],
        option_widget=CheckboxInput(), widget=ListWidget(prefix_label=False), validate_choice=True)


def _future(form: Any, field: Field) -> None:
    if field.data is not None and field.data < clock.today():
        raise ValidationError(_("This passport has expired. Renew it, and write the day of the new one."))


class NomineeForm(VersionedForm):
    """What a nominee corrects and confirms about himself or herself."""

    family_name = StringField(_l("Family name"), [Required(), _no_longer_than(120), _has_letters],
                              description=_l("As in the passport, in Latin letters."),
                              render_kw={"autocomplete": "family-name"})
    given_names = StringField(_l("Given names"), [Required(), _no_longer_than(120), _has_letters],
                              description=_l("As in the passport, in Latin letters."),
                              render_kw={"autocomplete": "given-name"})
    sex = OneOf(_l("Sex"), [Required(_l("Choose an answer."))], choices=list(SEX_NAMES.items()))
    birth_date = DayField(_l("Date of birth"), [Required(_l("Write the date of birth, as in the passport."))])
    function = StringField(_l("Function"), [Required(), _no_longer_than(200)])
    ministry = StringField(_l("Ministry or service"), [Required(), _no_longer_than(200)])
    departure_city = StringField(_l("City of departure"), [_no_longer_than(120)],
                                 description=_l("The city from whose airport you leave."))
    passport_number = StringField(
        _l("Passport number"), [Regexp(r"(?i)[A-Z0-9 ]{0,20}\Z", message=_l("Write letters and figures only, as in the "
                                                                         "passport."))],
        render_kw={"autocomplete": "off", "spellcheck": "false", "dir": "ltr"})
    passport_expires = DayField(_l("Passport expires on"), [_future])
    visa_class = OneOf(_l("Visa for the host country"), choices=list(VISA_CLASSES.items()))
    visa_held = BooleanField(_l("I have the visa already."))
    visa_day = DayField(_l("If not: day of the appointment at the consulate"))
    keep_profile = BooleanField(_l("My mission may use these data when it names me again (not passport and visa)."))
    confirm = BooleanField(
        _l("These data are right. I agree that my mission and the fund use them for this journey."),
        [Required(_l("Tick this to confirm, once the data are right."))])
    number_known = False  # a number was given before: an empty field keeps it

    def validate_birth_date(self, field: Field) -> None:
        """An adult who can travel."""
        PersonForm.validate_birth_date(self, field)  # type: ignore[arg-type]

    def validate_passport_number(self, field: Field) -> None:
        """Both or neither: a number without its day says nothing, and the other way round."""
        words = re.sub(r"\s", "", field.data or "")
        if self.passport_expires.data and not words and not self.number_known:
            raise ValidationError(_("Write the number of the passport, too."))
        if words and len(words) < 5:
            raise ValidationError(_("Write the whole number, as in the passport."))

    def validate_passport_expires(self, field: Field) -> None:
        """See above."""
        if field.data is None and self.passport_number.data:
            raise ValidationError(_("Write the day on which the passport expires, too."))


class SubstituteForm(PersonForm):
    """The person who takes a nominee's place."""

    page = ""
    reason = TextAreaField(_l("Why the nominee is substituted"), [_no_longer_than(1000)], render_kw={"rows": 3},
                           description=_l("The secretariat reads this. You may leave it empty."))
