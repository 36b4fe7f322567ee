"""From an accepted award to planned payments: which, how much, and by when, computed backwards from the travel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sponsorship.disbursements import workdays
from sponsorship.disbursements.plan_places import Place
from sponsorship.disbursements.settings import days, setting


@dataclass(frozen=True)
class Dates:
    """Instants (UTC) by which each officer acts; `due_at` is the one on or after which the payment is released."""

    request_by: datetime
    certify_by: datetime
    approve_by: datetime
    due_at: datetime
    confirm_by: datetime

    def act_by(self, state: str) -> datetime | None:
        """By when whoever must act next in this state should have acted; None where nobody must."""
        return {
            "draft": self.request_by, "requested": self.certify_by, "certified": self.approve_by,
            "approved": self.due_at, "ready": self.due_at, "released": self.confirm_by, "sent": self.confirm_by,
            "unknown": self.confirm_by, "rejected": self.confirm_by, "failed": self.confirm_by,
            "returned": self.confirm_by, "reversed": self.confirm_by,
        }.get(state)


@dataclass(frozen=True)
class Planned:
    """One payment to plan, in US cents."""

    kind: str
    amount_minor: int
    dates: Dates


def _instant(day: date, zone: ZoneInfo, hour: int) -> datetime:
    return datetime.combine(day, time(hour), zone).astimezone(UTC)


def dates_for(kind: str, travel_from: date, travel_to: date, on: date, place: Place | None = None) -> Dates:
    """Dates of one kind of payment under the settings of the day `on`.

    Ticket: bought so many days before travel. Advance and terminal expenses: at the payee's bank on the day of
    travel, so released the bank's lead days before. Final share: after the claim's term. A due day is a working day
    of the office: the one before for what comes before travel, the one after for what comes after. `place` is what is
    known of the payee's bank and the host: its lead days count days on which neither is closed.
    """
    closed = place.closed if place else workdays.NONE
    if kind == "ticket":
        due = workdays.on_or_before(travel_from - timedelta(days=days("ticket_days_before_travel", on)))
    elif kind == "final":
        due = workdays.on_or_after(travel_to + timedelta(days=days("claim_days_after_travel", on)), closed)
    else:
        due = workdays.back(travel_from, place.lead_days if place else days("bank_lead_days", on), closed)
        due = workdays.on_or_before(due)
    return dates_due(due, on)


def dates_due(due: date, on: date) -> Dates:
    """Dates of a payment that is released on the working day `due`, counted from it under the settings of `on`."""
    zone, hour = ZoneInfo(setting("office_zone", on)), int(setting("office_hour", on))
    return Dates(
        request_by=_instant(workdays.back(due, days("request_days_before_due", on)), zone, hour),
        certify_by=_instant(workdays.back(due, days("certify_days_before_due", on)), zone, hour),
        approve_by=_instant(workdays.back(due, days("approve_days_before_due", on)), zone, hour),
        due_at=_instant(due, zone, hour),
        confirm_by=_instant(workdays.forward(due, days("confirm_days_after_due", on)), zone, hour),
    )


def amounts(lines: Mapping[str, int], on: date) -> dict[str, int]:
    """Payments by kind from the lines of an award, in US cents; they sum to the award exactly.

    The advance is rounded down to the cent, the final share takes the rest.
    """
    found: dict[str, int] = {}
    if lines.get("ticket"):
        found["ticket"] = lines["ticket"]
    dsa = lines.get("dsa", 0)
    advance = dsa * int(setting("advance_share_bp", on)) // 10_000
    if advance:
        found["dsa_advance"] = advance
    if lines.get("terminal"):
        found["terminal"] = lines["terminal"]
    if dsa - advance:
        found["final"] = dsa - advance
    return found


def plan(
    lines: Mapping[str, int], travel_from: date, travel_to: date, on: date, place: Place | None = None,
) -> list[Planned]:
    """Everything to pay for an award, in the order of falling due."""
    made = [Planned(kind, minor, dates_for(kind, travel_from, travel_to, on, place))
            for kind, minor in amounts(lines, on).items()]
    return sorted(made, key=lambda p: p.dates.due_at)
