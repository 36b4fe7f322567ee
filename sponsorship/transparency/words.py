"""What the fund's figures mean, and earmarks in plain words. One place, so that page, chart and files agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core.web.charts import Definition
from meetings.calendar.words import kind_name

# keys are stable: they name the figures in files and are the anchors of the definitions
DEFINITIONS: dict[str, Definition] = {d.id: d for d in (
    Definition("pledged", _l("Pledged"), _l(
        "Announced by a donor, or agreed in an exchange of letters, and not paid yet. It is shown and never spent: no "
        "delegate is promised anything on a pledge.")),
    Definition("waiting", _l("Waiting for acceptance"), _l(
        "Paid, but not the fund's yet: the head of the fund has still to accept it, or it is on its way back to its "
        "giver. It is part of no other figure.")),
    Definition("received", _l("Received"), _l(
        "Paid and accepted since the fund began, before fees. Received = fees + spent + reserved + available, to the "
        "cent.")),
    Definition("fees", _l("Fees"), _l("What banks and card companies kept, on the way in and on the way out.")),
    Definition("spent", _l("Spent"), _l(
        "Paid for delegates' journeys, with the support costs on it. A payment counts from the day it is handed to the "
        "bank; one that comes back is taken off again.")),
    Definition("spent-direct", _l("Direct costs"), _l(
        "Tickets, daily subsistence and terminal expenses of delegates.")),
    Definition("spent-support", _l("Support costs"), _l(
        "Programme support costs are charged on what is spent, not on what is received: 13 per cent of direct costs "
        "unless the donor's agreement says otherwise, rounded down to the cent.")),
    Definition("in-transit", _l("With the bank"), _l(
        "The part of direct costs that the bank has not confirmed yet.")),
    Definition("reserved", _l("Reserved"), _l(
        "Set aside for journeys whose obligation is certified, with the support costs on them. It cannot be promised "
        "twice; what a journey does not need becomes available again.")),
    Definition("available", _l("Available"), _l(
        "What may still be promised: received less fees, less spent, less reserved. The support costs of what it will "
        "pay for must come out of it too.")),
    Definition("shortfall", _l("Shortfall"), _l(
        "What banks took when a pool had nothing free. Nothing leaves that pool until it is covered.")),
    Definition("carries-direct", _l("Direct costs that today's money carries"), _l(
        "Available money less the support costs on it, at the rate of each contribution; money whose agreed last day "
        "has passed is left out. At 13 per cent, 1.13 dollars carry one dollar of direct costs.")),
    Definition("average", _l("Average cost of a journey"), _l(
        "Direct costs of all sponsored delegates of one meeting, divided by their number, once the meeting is settled: "
        "everything paid and confirmed by the bank, or given back. It is told only where at least three States were "
        "sponsored, so that it never tells what one State's delegate cost.")),
    Definition("carries", _l("Delegates that today's money carries"), _l(
        "Direct costs that today's money carries, divided by the average cost of a journey, rounded down. An "
        "indication: fares differ, and earmarked money carries only the delegates it is meant for.")),
    Definition("sponsored", _l("Sponsored delegates"), _l(
        "Delegates whose award was accepted and paid from, counted once their meeting is over. Amounts are never shown "
        "by State, and nothing is shown before travel.")),
)}
# what the donor's page says in its own way
RECEIVED = Definition("received", _l("Received"), _l(
    "Paid and accepted, before fees. For each contribution, to the cent: received = fees + direct costs + support "
    "costs + reserved + still unspent."))
UNSPENT = Definition("unspent", _l("Still unspent"), _l(
    "Free for the next journeys, and for the support costs on them."))
JOURNEYS = Definition("journeys", _l("Journeys"), _l(
    "Sponsored delegates whose costs the contribution paid, wholly or in part, counted once the meeting is over. A "
    "journey that two contributions share counts with each of them, and once in the sum. Direct costs also hold what "
    "was paid ahead for meetings to come, and tickets of journeys that did not take place."))
DAYS = Definition("days", _l("Days of attendance"), _l(
    "Journeys times the meeting's days, Mondays to Fridays. Attendance day by day is not recorded."))

_FACTS = {
    "ldc": _l("from least developed countries"),
    "lldc": _l("from landlocked developing countries"),
    "sids": _l("from small island developing States"),
}
_GROUPS = {
    "African": _l("from African States"),
    "Asia-Pacific": _l("from Asia-Pacific States"),
    "Eastern European": _l("from Eastern European States"),
    "GRULAC": _l("from Latin American and Caribbean States"),
    "WEOG": _l("from Western European and other States"),
}
_SEXES = {"female": _l("who are women"), "male": _l("who are men")}


def earmark_words(earmark: Mapping[str, Any] | None, meeting_names: Mapping[str, str]) -> str:
    """What a pool's money may be used for. `meeting_names` has the names of meetings by slug and by identifier.

    Conditions are those of sponsorship.awards.money.fits; one not known here is named as recorded in the agreement.
    """
    if not earmark:
        return _("Where it is needed most (unearmarked)")
    parts = [_or([_value(condition, str(value), meeting_names) for value in _values(wanted)])
             for condition, wanted in earmark.items()]
    return _("For delegates %(conditions)s", conditions=_(", ").join(parts))


def _values(wanted: Any) -> list[Any]:
    return list(wanted) if isinstance(wanted, list) else [wanted]


def meetings_named(earmark: Mapping[str, Any] | None) -> set[str]:
    """Slugs or identifiers of the meetings an earmark names."""
    return {str(value) for value in _values((earmark or {}).get("meeting", []))}


def _value(condition: str, value: str, meeting_names: Mapping[str, str]) -> str:
    if condition == "meeting":
        return _("to %(meeting)s", meeting=meeting_names.get(value, value))
    if condition == "kind":
        return _("to meetings of the kind: %(kind)s", kind=kind_name(value))
    known = {"facts": _FACTS, "group": _GROUPS, "sex": _SEXES}.get(condition, {})
    return str(known.get(value) or _("as its agreement says"))


def _or(words: list[str]) -> str:
    return words[0] if len(words) == 1 else _(" or ").join(words)
