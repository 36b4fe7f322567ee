"""Words of entitlements: rules, legs, what is provided, settings."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from core.web.formats import format_money, format_number
from sponsorship.awards.entitlement import Line
from sponsorship.awards.words import LINES

RULE_LABELS = {
    "full": _l("Official day with a night at the place: the whole rate"),
    "reduced": _l("Official day, part provided free"),
    "no_night": _l("Ten hours or more without a night"),
    "too_short": _l("Under ten hours: nothing"),
    "last_day": _l("Last day of travel home: nothing"),
    "in_air": _l("Night in the air: nothing"),
    "private": _l("Outside the official days: nothing"),
    "quote": _l("The newest fare quote"),
    "call_estimate": _l("The call’s own figure"),
    "leg": _l("Flat sum for the leg"),
    "leg_car": _l("Flat sum for the leg, car provided"),
    "by_officer": _l("Set by an officer, with a reason"),
}
LEG_LABELS = {
    "home_out": _l("Home to terminal"), "arrival": _l("Terminal to lodging"), "departure": _l("Lodging to terminal"),
    "home_in": _l("Terminal to home"),
}
PROVIDED_LABELS = {
    "lodging": _l("Lodging"), "breakfast": _l("Breakfast"), "lunch": _l("Lunch"), "dinner": _l("Dinner"),
}
SETTING_LABELS = {
    "dsa_lodging_bp": _l("Taken off where lodging is provided"),
    "dsa_breakfast_bp": _l("Taken off where breakfast is provided"),
    "dsa_lunch_bp": _l("Taken off where lunch is provided"),
    "dsa_dinner_bp": _l("Taken off where dinner is provided"),
    "dsa_short_hours": _l("A journey shorter than this pays nothing"),
    "dsa_without_night_bp": _l("Paid for a longer journey without a night"),
    "dsa_days_before_meeting": _l("Official days before the meeting"),
    "dsa_days_after_meeting": _l("Official days after the meeting"),
    "terminal_leg_minor": _l("Terminal expenses for each leg"),
    "terminal_leg_car_minor": _l("Terminal expenses for each leg, car provided"),
}


def percent(share_bp: int) -> str:
    """Basis points as a percentage in the reader's figures."""
    whole, rest = divmod(share_bp, 100)
    return _("%(share)s %%", share=format_number(whole) if not rest else f"{share_bp / 100:.2f}")


def what(line: Line) -> str:
    """What a line pays for: its leg, its kind."""
    if line.kind == "terminal" and line.given:
        return str(LEG_LABELS[line.given[0]])
    return str(LINES[line.kind])


def rule(line: Line) -> str:
    """The rule of a line in words, with what was provided."""
    words = str(RULE_LABELS[line.rule])
    if line.kind == "dsa" and line.given and line.rule in ("reduced", "no_night"):
        parts = ", ".join(str(PROVIDED_LABELS[part]) for part in line.given)
        return _("%(rule)s (%(parts)s)", rule=words, parts=parts)
    return words


def setting_value(key: str, value: int) -> str:
    """A setting as people read it."""
    from core.money import usd

    if key.endswith("_bp"):
        return percent(value)
    if key.endswith("_minor"):
        return format_money(usd(value))
    if key.endswith("_hours"):
        return ngettext("%(num)s hour", "%(num)s hours", value)
    return ngettext("%(num)s day", "%(num)s days", value)
