"""What the fund's figures mean. One place, so that pages, charts and files agree."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core.web.charts import Definition

# keys are stable: they name the figures in files and are the anchors of the definitions
DEFINITIONS: dict[str, Definition] = {d.id: d for d in (
    Definition("pledged", _l("Pledged"), _l(
        "Announced by a State or an organisation known to the fund, or agreed in an exchange of letters, and not paid "
        "yet; what anybody else announces counts once it is received. It is shown and never spent: no delegate is "
        "promised anything on a pledge.")),
    Definition("announced", _l("Announced"), _l("Pledged, without an agreement yet, and not after its date.")),
    Definition("agreed", _l("Under an agreement"), _l(
        "Pledged under an exchange of letters, and not after its date.")),
    Definition("overdue", _l("Overdue"), _l("Pledged for a day that has passed, and not paid.")),
    Definition("waiting", _l("Waiting for acceptance"), _l(
        "Paid, but not the fund’s yet: the head of the fund has still to accept it, or it is on its way back to its "
        "giver. It is part of no other figure.")),
    Definition("received", _l("Received"), _l(
        "Paid and accepted since the fund began, before fees, in US dollars at the rate of the day of the payment. "
        "Received + exchange difference = paid back + held in dispute + fees + losses + spent + reserved + available, "
        "to the cent.")),
    Definition("exchange", _l("Exchange difference"), _l(
        "What payments in other currencies brought beyond their value at the rate of the day of the payment, or short "
        "of it (below zero).")),
    Definition("refunded", _l("Paid back"), _l(
        "Contributions, or parts of them, that were accepted and went back to their donors, or were recorded by "
        "mistake.")),
    Definition("disputed", _l("Held in dispute"), _l(
        "What donors’ banks have taken and hold until they decide a dispute. It comes back to the fund, or counts as "
        "paid back from that day. It counts in the year in which it was taken.")),
    Definition("fees", _l("Fees"), _l("What banks and card companies kept, on the way in and on the way out.")),
    Definition("losses", _l("Losses"), _l(
        "Money that a donor’s bank took back after it was promised or spent, covered out of other money of its pool; "
        "and payments made twice and cash lost, as far as they did not come back.")),
    Definition("spent", _l("Spent"), _l(
        "Paid for delegates’ journeys, with the support costs on it. A payment counts from the day it is handed to the "
        "bank; one that comes back is taken off again.")),
    Definition("spent-direct", _l("Direct costs"), _l(
        "Tickets, daily subsistence and terminal expenses of delegates.")),
    Definition("spent-support", _l("Support costs"), _l(
        "Programme support costs are charged on what is spent, not on what is received: 13 per cent of direct costs "
        "unless the donor’s agreement says otherwise, rounded down to the cent.")),
    Definition("in-transit", _l("With the bank"), _l(
        "The part of direct costs that the bank has not confirmed yet.")),
    Definition("reserved", _l("Reserved"), _l(
        "Set aside for journeys whose obligation is certified, with the support costs on them. It cannot be promised "
        "twice; what a journey does not need becomes available again.")),
    Definition("available", _l("Available"), _l(
        "What may still be promised: all that came, less all that went, less reserved. The support costs of what it "
        "will pay for must come out of it too.")),
    Definition("shortfall", _l("Shortfall"), _l(
        "What banks took when a pool had nothing free. Nothing leaves that pool until it is covered.")),
    Definition("pledged-in-year", _l("Pledged in the year"), _l(
        "Announced in the year by States and organisations known to the fund, at the rate of the day of the "
        "announcement. It stays as announced, whether it was paid in another year, reduced or cancelled.")),
    Definition("opening", _l("At the beginning of the year"), _l(
        "What was reserved and available together when the year began, at midnight UTC.")),
    Definition("closing", _l("At the end of the year"), _l(
        "What was reserved and available together when the year ended, or is now: the beginning + received + exchange "
        "difference, less what was paid back or is held in dispute, fees, losses, direct costs and support costs. A "
        "figure counts in the year, by UTC, in which it happened.")),
    Definition("carries-direct", _l("Direct costs that today’s money carries"), _l(
        "Available money less the support costs on it, at the rate of each contribution; money whose agreed last day "
        "has passed is left out. At 13 per cent, 1.13 dollars carry one dollar of direct costs.")),
    Definition("average", _l("Average cost of a journey"), _l(
        "Direct costs of all sponsored delegates of one meeting, divided by their number, once the meeting is settled: "
        "everything paid and confirmed by the bank, or given back. It is told only where at least three States were "
        "sponsored, and once: if a payment comes back later it is told no more, since the difference would tell what "
        "one State’s delegate cost.")),
    Definition("carries", _l("Delegates that today’s money carries"), _l(
        "Direct costs that today’s money carries, divided by the average cost of a journey, rounded down. An "
        "indication: fares differ, and earmarked money carries only the delegates it is meant for.")),
    Definition("sponsored", _l("Sponsored delegates"), _l(
        "Delegates whose award was accepted and paid from, counted once their meeting is over. Amounts are never shown "
        "by State, and nothing is shown before travel.")),
    Definition("states", _l("States"), _l("States whose delegates were sponsored.")),
    Definition("days", _l("Days of attendance"), _l(
        "Sponsored delegates times the meeting’s days, Mondays to Fridays. Attendance day by day is not recorded.")),
    Definition("women", _l("Women"), _l(
        "As the State said in its nomination. Women and men are told where there are none or at least three of each.")),
    Definition("men", _l("Men"), _l("As with women.")),
    Definition("group", _l("Regional group"), _l(
        "Delegates by the regional group of their State on the meeting’s first day. Groups with fewer than three "
        "sponsored States stand together, with another one where they would be fewer than three States even so.")),
    Definition("meeting-direct", _l("Direct costs of the meeting"), _l(
        "Direct costs of its sponsored delegates. Told where the average is.")),
    Definition("meeting-support", _l("Support costs of the meeting"), _l(
        "Support costs on its direct costs. Told where the average is.")),
)}
# what the donor's page says in its own way
HELD = Definition("disputed", _l("Held by open disputes"), _l(
    "What the donor’s bank has taken and holds until it decides a dispute. It comes back to the fund, or counts as "
    "paid back from that day."))
RECEIVED = Definition("received", _l("Received"), _l(
    "Paid and accepted, before fees, in US dollars at the rate of the day of the payment. For each contribution, to "
    "the cent: received + exchange difference = paid back + held by open disputes + fees + losses + direct costs + "
    "support costs + reserved + still unspent."))
UNSPENT = Definition("unspent", _l("Still unspent"), _l(
    "Free for the next journeys, and for the support costs on them."))
JOURNEYS = Definition("journeys", _l("Journeys"), _l(
    "Sponsored delegates whose costs the contribution paid, wholly or in part, counted once the meeting is over. A "
    "journey that two contributions share counts with each of them, and once in the sum. Direct costs also hold what "
    "was paid ahead for meetings to come, and tickets of journeys that did not take place."))
DAYS = Definition("days", _l("Days of attendance"), _l(
    "Journeys times the meeting’s days, Mondays to Fridays. Attendance day by day is not recorded."))

# what a statement says in its own way: its period is whatever the donor asked for
STATEMENT: dict[str, Definition] = {d.id: d for d in (
    Definition("opening", _l("At the beginning"), _l(
        "What was reserved and unspent together of these contributions when the period began, at midnight UTC.")),
    Definition("closing", _l("At the end"), _l(
        "What is reserved and unspent together when the period ends: the beginning + received + exchange difference, "
        "less what was paid back or is held by open disputes, fees, losses, direct costs and support costs, for each "
        "contribution and in all.")),
    Definition("fees", _l("Fees"), _l(
        "What was kept on the payment itself, and fees of banks that this money paid since.")),
    Definition("losses", _l("Losses"), _l(
        "Money that another donor’s bank took back after it was promised or spent, and payments made twice or cash "
        "lost, covered out of this.")),
    Definition("unspent", UNSPENT.term, UNSPENT.text), HELD,
)}

GROUPS: dict[str, Any] = {
    "African": _l("African States"),
    "Asia-Pacific": _l("Asia-Pacific States"),
    "Eastern European": _l("Eastern European States"),
    "GRULAC": _l("Latin American and Caribbean States"),
    "WEOG": _l("Western European and other States"),
    "": _l("In no regional group"),
}
LETTER_KINDS: dict[str, Any] = {"note_verbale": _l("Note verbale"), "letter": _l("Letter")}
# why a meeting's amounts are not shown
WITHHELD: dict[str, Any] = {
    "open": _l("Once the meeting is settled"),
    "pending": _l("Within minutes: the meeting has just been settled"),
    "few": _l("Not shown: with so few States it would tell what one of them cost"),
    "sheltering": _l("Not shown: with it one could tell what the one or two States of another meeting cost"),
    "revised": _l("No longer shown: a payment came back or was made later, and the difference would tell what one "
                  "State’s delegate cost"),
}


def group_name(group: str | None) -> str:
    """A regional group in words; None: all that may not be told apart."""
    return str(GROUPS.get(group, group)) if group is not None else _("Other groups, together")
