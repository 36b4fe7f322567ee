"""The words of letters to States. Approved sentences only: no amounts, nothing about another State, no reason that was
merely computed. Call inside the language of the letter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core.pdf import inline
from core.web.formats import format_days, format_instant
from sponsorship.applications.words import INELIGIBLE_SENTENCES
from sponsorship.awards.words import COVERED

KIND_LABELS: dict[str, Any] = {
    "selected": _l("Selected"),
    "reserve": _l("Reserve list"),
    "not_selected": _l("Not selected"),
    "ineligible": _l("Not eligible"),
    "lapsed": _l("Offer lapsed"),
    "withdrawn": _l("Award ended"),
    "taken_back": _l("Application withdrawn"),
    "call_cancelled": _l("Call cancelled"),
    "postponed": _l("Meeting postponed"),
    "cancelled": _l("Meeting cancelled"),
}
REASON_LABELS: dict[str, Any] = {
    "no_funds": _l("Not enough money"),
    "rules": _l("Order of the published rules"),
    "reserve_ended": _l("No place became free"),
    "outside_call": _l("Outside the call"),
    "incomplete": _l("Not complete"),
    "not_nominated_by_state": _l("Not nominated through the mission"),
    "no_declaration": _l("No declaration of need"),
    "mission_prevails": _l("The mission’s note prevails"),
    "no_money": _l("Money no longer there"),
    "rules_not_met": _l("Rules no longer met"),
    "details_wrong": _l("Details turned out otherwise"),
    "meeting_changed": _l("The meeting has changed"),
    "state_request": _l("The State asked for it"),
}
SENTENCES: dict[str, Any] = {
    "no_funds": _l("More was asked for than the money available carries."),
    "rules": _l("By the rules published with the call, the places available were filled before this application was "
                "reached."),
    "reserve_ended": _l("The application stood on the reserve list, and no place became free before the day of "
                        "travel."),
    "outside_call": _l("What was asked for is not what this call pays."),
    **INELIGIBLE_SENTENCES,
    "no_money": _l("The money from which the place was to be paid is no longer available."),
    "rules_not_met": _l("The rules of the fund for this place are no longer met."),
    "details_wrong": _l("Details on which the award rested turned out to be otherwise."),
    "meeting_changed": _l("The meeting is no longer held as it was when the award was made."),
    "state_request": _l("Your Government asked for it."),
}
Fact = tuple[str, str]


@dataclass(frozen=True)
class Place:
    """An award as a letter tells of it: the official, the journey, what the fund provides (never an amount)."""

    reference: str
    name: str
    function: str | None
    ministry: str | None
    travel_from: date
    travel_to: date
    covers: tuple[str, ...]
    expires_at: datetime | None
    accepted: bool


@dataclass(frozen=True)
class About:
    """What a letter is about. Days are local to `zone`; `days` are None where the meeting has none."""

    application: str
    call: str
    meeting: str
    short_name: str
    start: date | None
    end: date | None
    city: str | None
    zone: str
    places: tuple[Place, ...]
    reason: str | None
    replaces: str | None


@dataclass(frozen=True)
class Words:
    """A title, and paragraphs with lists of facts between them."""

    title: str
    body: tuple[str | tuple[Fact, ...], ...]


def words(kind: str, about: About) -> Words:
    """What a letter of this kind says."""
    return _WORDS[kind](about)


def _usual(about: About) -> dict[str, Any]:
    return {"application": inline(about.application), "meeting": inline(about.meeting), "call": inline(about.call)}


def _facts(about: About, place: Place) -> tuple[Fact, ...]:
    rows: list[tuple[str, str | None]] = [
        (_("Name"), place.name), (_("Function"), place.function), (_("Ministry or department"), place.ministry),
        (_("Meeting"), about.meeting), (_("Place"), about.city),
        (_("Days of the meeting"), format_days(about.start, about.end) if about.start and about.end else None),
        (_("Days of travel"), format_days(place.travel_from, place.travel_to)),
        (_("The fund provides"), ", ".join(str(COVERED.get(part, part)) for part in place.covers)),
        (_("Award"), place.reference), (_("Application"), about.application),
    ]
    return tuple((label, value) for label, value in rows if value)


def _selected(about: About) -> Words:
    (place,) = about.places
    body: list[str | tuple[Fact, ...]] = [
        _("I have the honour to inform you that, on application %(application)s of your Government, the voluntary "
          "sponsorship fund has selected the following official for sponsorship:", **_usual(about)),
        _facts(about, place),
        _("The State pays everything else."),
    ]
    if place.accepted:
        body.append(_("The offer has been accepted."))
    elif place.expires_at is not None:
        body.append(_(
            "The offer is answered by a focal point on the page of the award, by %(until)s. Without an answer it "
            "lapses, and the place goes to the next State on the reserve list.",
            until=inline(format_instant(place.expires_at, about.zone))))
    body.append(_(
        "This letter may be attached to the note verbale by which your Government asks for a visa for the official "
        "named. It is neither a visa nor a travel document; visa and insurance remain with the State."))
    if about.replaces:
        body.append(_("It takes the place of letter %(letter)s, which no longer holds.",
                      letter=inline(about.replaces)))
    return Words(_("Award of sponsorship: %(meeting)s", meeting=inline(about.short_name)), tuple(body))


def _reserve(about: About) -> Words:
    return Words(_("Reserve list: %(meeting)s", meeting=inline(about.short_name)), (
        _("I have the honour to inform you that application %(application)s of your Government for %(meeting)s has "
          "been placed on the reserve list of the voluntary sponsorship fund.", **_usual(about)),
        _("When a place becomes free it goes to the next on the list, in the order decided, and an offer follows. The "
          "list ends when the day of travel has come. You need not do anything now."),
    ))


def _not_selected(about: About) -> Words:
    assert about.reason is not None
    return Words(_("Result of application %(application)s", **_usual(about)), (
        _("I have the honour to refer to application %(application)s of your Government for %(meeting)s. I regret to "
          "inform you that the voluntary sponsorship fund could not select it.", **_usual(about)),
        _("Reason: %(reason)s", reason=SENTENCES[about.reason]),
        _("The fund thanks your Government for applying. A new application to the next call is welcome; it is "
          "considered on its own."),
    ))


def _ineligible(about: About) -> Words:
    assert about.reason is not None
    return Words(_("Result of screening: application %(application)s", **_usual(about)), (
        _("I have the honour to refer to application %(application)s of your Government for %(meeting)s. I regret to "
          "inform you that it was found not eligible under call %(call)s and is not considered further.",
          **_usual(about)),
        _("Reason: %(reason)s", reason=SENTENCES[about.reason]),
        _("If this rests on a mistake, please write to the secretariat and quote the reference of the application. A "
          "new application to the next call is welcome."),
    ))


def _lapsed(about: About) -> Words:
    return Words(_("Offer lapsed: %(meeting)s", meeting=inline(about.short_name)), (
        _("I have the honour to refer to the offer to sponsor %(officials)s for %(meeting)s. No answer was received by "
          "the day given in it, so the offer has lapsed and the place goes to the next State on the reserve list.",
          officials=_named(about), **_usual(about)),
        _("Any earlier letter about this award no longer holds. Please do not travel on the strength of it."),
        _("A new application to the next call is welcome; it is considered on its own."),
    ))


def _withdrawn(about: About) -> Words:
    assert about.reason is not None
    return Words(_("End of an award: %(meeting)s", meeting=inline(about.short_name)), (
        _("I have the honour to inform you that the sponsorship of %(officials)s for %(meeting)s has ended.",
          officials=_named(about), **_usual(about)),
        _("Reason: %(reason)s", reason=SENTENCES[about.reason]),
        _("Any earlier letter about this award no longer holds. Please do not travel on the strength of it. Where a "
          "ticket or an allowance has been paid already, the secretariat will write to you."),
    ))


def _taken_back(about: About) -> Words:
    return Words(_("Withdrawal of application %(application)s", **_usual(about)), (
        _("I have the honour to confirm that application %(application)s of your Government for %(meeting)s was "
          "withdrawn as your Government asked. It is not considered further.", **_usual(about)),
        _("A new application, under this call while it is open or under the next one, is welcome."),
    ))


def _call_cancelled(about: About) -> Words:
    return Words(_("Call %(call)s is cancelled", **_usual(about)), (
        _("I have the honour to inform you that the call for applications %(call)s for %(meeting)s has been "
          "cancelled.", **_usual(about)),
        _("Application %(application)s of your Government ends with it. You need not do anything.", **_usual(about)),
    ))


def _named(about: About) -> str:
    return ", ".join(f"{inline(place.name)} ({inline(place.reference)})" for place in about.places)


def _postponed(about: About) -> Words:
    days = inline(format_days(about.start, about.end)) if about.start and about.end else ""
    body = [_("I have the honour to inform you that %(meeting)s, which was to be held on %(days)s, has been postponed. "
              "Its new dates are not fixed yet.", days=days, **_usual(about))]
    if about.places:
        body += [
            _("The sponsorship of %(officials)s is suspended, not lost: it goes on once new dates are fixed, and "
              "another letter will then follow. Until then nothing is paid.", officials=_named(about)),
            _("Please do not book or begin the journey. Where a ticket has been issued already, the secretariat will "
              "write to you."),
        ]
    else:
        body.append(_("Application %(application)s of your Government is kept as it stands. You need not do anything "
                      "now; you will hear from the fund once new dates are fixed.", **_usual(about)))
    return Words(_("Postponed: %(meeting)s", meeting=inline(about.short_name)), tuple(body))


def _cancelled(about: About) -> Words:
    body = [_("I have the honour to inform you that %(meeting)s will not be held.", **_usual(about))]
    if about.places:
        body += [
            _("The sponsorship of %(officials)s has therefore ended, and what was reserved for it has been released.",
              officials=_named(about)),
            _("Please do not travel. Where a ticket or an allowance has been paid already, the secretariat will write "
              "to you."),
        ]
    else:
        body.append(_("Application %(application)s of your Government has ended with it. You need not do anything.",
                      **_usual(about)))
    return Words(_("Not held: %(meeting)s", meeting=inline(about.short_name)), tuple(body))


_WORDS = {
    "selected": _selected, "reserve": _reserve, "not_selected": _not_selected, "ineligible": _ineligible,
    "lapsed": _lapsed, "withdrawn": _withdrawn, "taken_back": _taken_back, "call_cancelled": _call_cancelled,
    "postponed": _postponed, "cancelled": _cancelled,
}
