"""What the fund's figures mean. One place, so that page, chart and files agree."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from core.web.charts import Definition

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
