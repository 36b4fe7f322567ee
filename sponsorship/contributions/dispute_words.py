"""Disputes in words, for donors and officers: what is held, by when evidence is due, what happens next, the end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _

from core.web.formats import format_instant, format_money
from sponsorship.contributions.dispute_queries import DisputeRow

Notice = tuple[str, str, str]  # tone, title, text


@dataclass(frozen=True)
class Ahead:
    """What happens next with a dispute, who acts, by when."""

    what: str
    who: str
    by: datetime | str | None = None


def latest_live(disputes: Iterable[DisputeRow]) -> DisputeRow | None:
    """The dispute of which something has still to happen: the newest that holds money, else the newest."""
    live = [row for row in disputes if row.live]
    return next((row for row in reversed(live) if row.holds), live[-1] if live else None)


def donor_notice(row: DisputeRow) -> Notice:
    """What the donor reads of a dispute, whether it is under way or has ended."""
    amount = format_money(row.amount)
    if row.code in ("inquiry", "open", "under_review"):
        title = (_("Disputed: your bank holds %(amount)s", amount=amount) if row.holds
                 else _("Your bank asks about %(amount)s", amount=amount))
        return "warning", title, " ".join((
            _due(row), _("Then your bank decides: the money comes back to the fund, or stays with you.") if row.holds
            else _("Nothing has been taken. Your bank may close its question, or take the money back."),
            _("Did you not mean to dispute it? Then tell your bank that you withdraw the dispute.")))
    if row.code == "won":
        return ("success", _("The dispute of %(amount)s was decided for the fund", amount=amount),
                _("The money is the fund’s again: your contribution and its receipt stand.") if not row.holds
                else _("The money comes back to the fund. Your contribution and its receipt stand."))
    if row.code == "lost":
        return ("info", _("The dispute of %(amount)s was decided for you", amount=amount),
                _("The money stays with you. A credit note cancels so much of the receipt, if there was one."))
    return ("info", _("Your bank’s question about %(amount)s is closed", amount=amount),
            _("No money has moved: your contribution stands."))


def officer_notice(row: DisputeRow) -> Notice:
    """What officers read of a dispute of which something has still to happen."""
    amount = format_money(row.amount)
    if row.code == "won":
        return ("info", _("The dispute of %(amount)s is won", amount=amount),
                _("The money is on its way back from Stripe. Until it is here, it is missing in the books."))
    title = (_("Disputed: %(amount)s is held", amount=amount) if row.holds
             else _("The donor’s bank asks about %(amount)s", amount=amount))
    return "warning", title, _evidence(row)


def live_notice(disputes: Iterable[DisputeRow]) -> tuple[DisputeRow, Notice] | None:
    """The dispute of which something has still to happen, with what officers read of it."""
    row = latest_live(disputes)
    return (row, officer_notice(row)) if row is not None else None


def _evidence(row: DisputeRow) -> str:
    if not row.holds:
        return f"{_due(row)} " + _("Nothing has been taken. The donor’s bank may close its question, or take the money "
                                   "back.")
    return f"{_due(row)} " + _("Then the donor’s bank decides: the money comes back to the fund, or stays with the "
                               "donor.")


def _due(row: DisputeRow) -> str:
    """By when evidence is due, or that it has been given."""
    if row.code == "under_review":
        return _("The evidence has been given; a decision usually takes two to three months.")
    if row.respond_by is None:
        return _("Stripe names no day by which evidence is due.")
    return _("Evidence is due by %(when)s.", when=format_instant(row.respond_by))


def ahead(row: DisputeRow) -> Ahead:
    """What happens next with one dispute, for officers."""
    if row.code in ("open", "inquiry"):
        return Ahead(_("Answer it at Stripe with what shows that the donor gave the money: the pledge, the mails, the "
                       "receipt. Or say there that you will not."), _("The fund manager"), row.respond_by)
    if row.code == "under_review":
        return Ahead(_("The donor’s bank decides."), _("The donor’s bank"), _("usually within two to three months"))
    if row.holds:
        return Ahead(_("The money comes back."), _("Stripe"))
    return Ahead(ended(row), _("Nobody needs to act"))


def ended(row: DisputeRow) -> str:
    """How a dispute ended, in a sentence."""
    day = format_instant(row.closed_at, time=False) if row.closed_at else "—"
    if row.code == "won":
        return _("Won on %(day)s: the money is the fund’s again.", day=day) if row.taken \
            else _("Won on %(day)s: nothing had been taken.", day=day)
    if row.code == "lost":
        return _("Lost on %(day)s: the money stays with the donor.", day=day)
    return _("Closed on %(day)s: no money has moved.", day=day)
