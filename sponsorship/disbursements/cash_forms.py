"""Forms of rails and of cash paid by hand."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import Length, Regexp

from core.web.forms import BaseForm, DayField, MoneyField, Required, UploadField
from sponsorship.awards.forms import VersionedForm
from sponsorship.disbursements.cash_words import RAIL_LABELS, REASONS


class RailForm(VersionedForm):
    """How what is due on arrival is paid."""

    rail = RadioField(_l("How it is paid"), choices=list(RAIL_LABELS.items()), validators=[Required()])


class RailPlaceForm(BaseForm):
    """Whether a rail serves a place, from a day on."""

    country = StringField(
        _l("Place"), description=_l("Two letters, for example KE."), filters=[lambda t: t.upper() if t else t],
        validators=[Required(), Regexp(r"[A-Za-z]{2}\Z",
                                       message=_l("Write the two letters of the place, such as KE."))])
    rail = SelectField(_l("Rail"), choices=list(RAIL_LABELS.items()), validators=[Required()])
    serves = RadioField(_l("Does it serve the place?"), choices=[("yes", _l("Yes")), ("no", _l("No"))], default="yes",
                        validators=[Required()])
    valid_from = DayField(_l("From"), validators=[Required()])
    source = StringField(_l("Who says so"), validators=[Required(), Length(max=200)])


class HandOutForm(VersionedForm):
    """What is seen before cash is handed over, and how much. `happened` where it must not have been handed over."""

    passport = BooleanField(_l("I have seen the paper: name, number and picture are the person’s"),
                            validators=[Required(_l("See the paper first."))])
    boarding_pass = BooleanField(_l("I have seen the boarding pass of the journey"),
                                 validators=[Required(_l("See the boarding pass first."))])
    amount = MoneyField(_l("Counted and handed over"), validators=[Required()],
                        description=_l("Less than the whole only if the rest stays with you."))
    happened = TextAreaField(_l("How it came to it"), validators=[Length(max=2000)], render_kw={"rows": 3},
                             description=_l("Officers are told at once and read these words."))


class HandedForm(HandOutForm):
    """The same with the signed receipt, after the check page."""

    receipt = UploadField(_l("Signed receipt"), description=_l("A photograph or scan of the receipt with the "
                                                               "signature: PDF, PNG or JPG."))


class NotPaidForm(VersionedForm):
    """Cash is not handed over."""

    reason = SelectField(_l("Reason"), choices=[("", _l("Choose a reason")), *REASONS.items()],
                         validators=[Required()])
    text = TextAreaField(_l("What happened"), validators=[Required(_l("Say in a sentence what happened.")),
                                                          Length(max=2000)])


class AgreeForm(VersionedForm):
    """A second person counts."""

    amount = MoneyField(_l("The amount that you counted"), validators=[Required()])
