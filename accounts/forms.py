"""Forms of this room. What was typed is kept; passwords alone are asked again."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms import (
    BooleanField,
    EmailField,
    Field,
    HiddenField,
    PasswordField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import Length, ValidationError

from accounts.emails import EmailAddress
from accounts.permissions import ROLES
from accounts.requests import CHECKS, RETURN_REASONS, check_label, reason_label
from accounts.security import password_advice
from accounts.tokens import kept_upload
from core import clock
from core.files import CheckedUpload
from core.web.forms import After, BaseForm, DayField, Required, UploadField, VersionField

MAX_NAME = 200
SITS = [("mission", _l("In the permanent mission")), ("ministry", _l("In a ministry or another office of the State"))]


class AtMost(Length):
    """No longer than `max` characters."""

    def __init__(self, max: int) -> None:
        super().__init__(max=max)

    def __call__(self, form: Any, field: Field) -> None:
        """Check the length."""
        if field.data and len(field.data) > self.max:
            raise ValidationError(gettext("Write at most %(n)s characters.", n=self.max))


# --- signing in -------------------------------------------------------------------------------------------------
class SignInForm(BaseForm):
    """Address and password."""

    email = EmailField(_l("E-mail address"), [Required(_l("Write your e-mail address.")), AtMost(254)],
                       render_kw={"autocomplete": "username", "spellcheck": "false"})
    password = PasswordField(_l("Password"), [Required(_l("Write your password.")), AtMost(1000)],
                             render_kw={"autocomplete": "current-password"})
    next = HiddenField()


class EmailForm(BaseForm):
    """An address to send a link to."""

    email = EmailField(_l("E-mail address"), [Required(_l("Write your e-mail address.")), EmailAddress()],
                       render_kw={"autocomplete": "email", "spellcheck": "false"})


class ConfirmForm(BaseForm):
    """A button only."""


class NewPasswordForm(BaseForm):
    """A password, typed twice."""

    password = PasswordField(
        _l("New password"), [Required(_l("Write a password."))],
        description=_l("At least 12 characters. Three or four words that do not belong together do well."),
        render_kw={"autocomplete": "new-password"},
    )
    repeated = PasswordField(_l("The same password again"), [Required(_l("Write the password again."))],
                             render_kw={"autocomplete": "new-password"})

    def __init__(self, *args: Any, email: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._email = email

    def validate_password(self, field: Field) -> None:
        """Long and various enough."""
        advice = password_advice(field.data, self._email)
        if advice:
            raise ValidationError(advice)

    def validate_repeated(self, field: Field) -> None:
        """The same twice."""
        if self.password.data != field.data:
            raise ValidationError(gettext("The two passwords differ. Write the same one twice."))


class ChangePasswordForm(NewPasswordForm):
    """The present password and a new one."""

    current = PasswordField(_l("Present password"), [Required(_l("Write your present password.")), AtMost(1000)],
                            render_kw={"autocomplete": "current-password"})


# --- a State's account ------------------------------------------------------------------------------------------
class AccountRequestForm(BaseForm):
    """A State asks for its account: the letter and the two focal points it names."""

    state = SelectField(_l("State"), [Required(_l("Choose your State."))])
    letter_date = DayField(_l("Date of the letter"), [Required(_l("Write the date printed on the letter."))])
    kept_letter = HiddenField()
    letter = UploadField(
        _l("Letter or note verbale"),
        kinds=("pdf", "jpg", "jpeg", "png"), max_bytes=10 * 1024 * 1024,
    )
    primary_name = StringField(_l("Name of the primary focal point"),
                               [Required(_l("Write the name of the primary focal point.")), AtMost(MAX_NAME)],
                               render_kw={"autocomplete": "off"})
    primary_email = EmailField(_l("E-mail address of the primary focal point"),
                               [Required(_l("Write the address of the primary focal point.")), EmailAddress()],
                               render_kw={"autocomplete": "off", "spellcheck": "false"})
    primary_sits = RadioField(_l("Where the primary focal point works"),
                              [Required(_l("Choose whether the primary focal point works in the mission or in a "
                                           "ministry."))], choices=SITS, default="mission")
    primary_office = StringField(_l("Office of the primary focal point"),
                                [Required(_l("Write in which mission, ministry or office the primary focal point "
                                             "works.")), AtMost(MAX_NAME)], render_kw={"autocomplete": "off"})
    backup_name = StringField(_l("Name of the backup focal point"),
                              [Required(_l("Write the name of the backup focal point.")), AtMost(MAX_NAME)],
                              render_kw={"autocomplete": "off"})
    backup_email = EmailField(_l("E-mail address of the backup focal point"),
                              [Required(_l("Write the address of the backup focal point.")), EmailAddress()],
                              render_kw={"autocomplete": "off", "spellcheck": "false"})
    backup_sits = RadioField(_l("Where the backup focal point works"),
                              [Required(_l("Choose whether the backup focal point works in the mission or in a "
                                           "ministry."))], choices=SITS, default="mission")
    backup_office = StringField(_l("Office of the backup focal point"),
                                [Required(_l("Write in which mission, ministry or office the backup focal point "
                                             "works.")), AtMost(MAX_NAME)], render_kw={"autocomplete": "off"})
    agreed = BooleanField(
        _l("The persons named know that their names and addresses are given here"),
        [Required(_l("Ask the two persons first, then tick this box."))],
    )

    def __init__(self, states: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state.choices = [("", gettext("Choose a State")), *states]

    @property
    def kept(self) -> CheckedUpload | None:
        """The letter that was sent with an earlier try of this form."""
        return kept_upload(self.kept_letter.data or "")

    def validate_letter(self, field: Field) -> None:
        """One letter: now, or kept from an earlier try."""
        if field.data is None and self.kept is None:
            raise ValidationError(gettext("Choose the file with the signed letter."))

    def validate_letter_date(self, field: Field) -> None:
        """Not in the future, and not before the programme."""
        if field.data and field.data > clock.today():
            raise ValidationError(gettext("This date lies in the future. Write the date printed on the letter."))
        if field.data and field.data.year < 2001:
            raise ValidationError(gettext("Write the year with four figures, as printed on the letter."))

    def validate_backup_email(self, field: Field) -> None:
        """Two persons, two addresses."""
        if field.data and field.data == self.primary_email.data:
            raise ValidationError(gettext("The backup needs an own address: each person signs in alone."))


class AcceptRequestForm(BaseForm):
    """How the letter was checked."""

    version = VersionField()
    checked_by = RadioField(_l("How was the letter checked with the mission?"),
                            [Required(_l("Say how the letter was checked with the mission."))])

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.checked_by.choices = [(code, check_label(code)) for code in CHECKS]


class ReturnRequestForm(BaseForm):
    """Why the request goes back."""

    version = VersionField()
    reason = SelectField(_l("Reason"), [Required(_l("Choose a reason."))])
    words = TextAreaField(_l("What the mission should do"), [AtMost(1000)],
                          description=_l("Goes into the mail to the primary focal point."))

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.reason.choices = [("", gettext("Choose a reason")), *((c, reason_label(c)) for c in RETURN_REASONS)]


# --- people -----------------------------------------------------------------------------------------------------
class PersonForm(BaseForm):
    """A new person."""

    name = StringField(_l("Name"), [Required(_l("Write the person’s name.")), AtMost(MAX_NAME)],
                       render_kw={"autocomplete": "off"})
    email = EmailField(_l("E-mail address"), [Required(_l("Write the person’s e-mail address.")), EmailAddress()],
                       description=_l("The person’s own address: it is used to sign in and is not shared."),
                       render_kw={"autocomplete": "off", "spellcheck": "false"})


class GrantForm(BaseForm):
    """A role for a person, with its days."""

    role = SelectField(_l("Role"), [Required(_l("Choose a role."))])
    organisation_id = SelectField(_l("Held in"), [Required(_l("Choose an organisation."))])
    valid_from = DayField(_l("First day"), [Required(_l("Write the first day on which the role holds."))])
    last_day = DayField(_l("Last day"), [After("valid_from", or_same=True)],
                        description=_l("Leave empty when no end is fixed."))
    of_ministry = BooleanField(_l("A focal point in a ministry, not in the mission"))

    def __init__(self, organisations: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.role.choices = [("", gettext("Choose a role")), *((r.code, r.label) for r in ROLES.values())]
        self.organisation_id.choices = [("", gettext("Choose an organisation")), *organisations]


class EndRoleForm(BaseForm):
    """The last day of a role."""

    last_day = DayField(
        _l("Last day"), description=_l("Leave empty to end the role now.")
    )

    def validate_last_day(self, field: Field) -> None:
        """Not in the past: what was done under the role stays explained."""
        if field.data and field.data < clock.today():
            raise ValidationError(gettext("This day is over. Write today or a later day, or leave it empty."))


class OwnDetailsForm(BaseForm):
    """What a person may change."""

    name = StringField(_l("Name"), [Required(_l("Write your name.")), AtMost(MAX_NAME)],
                       render_kw={"autocomplete": "name"})
    locale = SelectField(_l("Language of mails"), [Required(_l("Choose a language."))])

    def __init__(self, languages: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.locale.choices = languages
