"""What a decision would do, shown before it binds: who is selected, what it sets aside, who gets which letter."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _

from core.money import Money, usd
from sponsorship.awards.decision_service import ADVISED, Choice
from sponsorship.awards.queries import DecisionPage
from sponsorship.ledger.queries import support_on


@dataclass(frozen=True)
class CheckLine:
    """One nominee as decided; `advised` and `reason` only where the decision departs from the recommendation."""

    state: str
    priority: int
    outcome: str
    advised: str | None
    reason: str


@dataclass(frozen=True)
class DecisionCheck:
    """`direct` is what the places cost at the estimate, `support` the support costs on top (None: today's money does
    not carry all of them), in US dollars. `letters` is what each State hears: (State, letter, when)."""

    lines: tuple[CheckLine, ...]
    direct: Money
    support: Money | None
    carried: int
    letters: tuple[tuple[str, Any, Any], ...]

    def count(self, outcome: str) -> int:
        """Nominees with this outcome."""
        return sum(line.outcome == outcome for line in self.lines)

    @property
    def departures(self) -> list[CheckLine]:
        """Lines that depart from the panel's recommendation."""
        return [line for line in self.lines if line.advised is not None]

    @property
    def total(self) -> Money | None:
        """Direct and support costs together."""
        return None if self.support is None else usd(self.direct.minor + self.support.minor)

    def seen(self, version: int) -> str:
        """A digest of what the page shows: who confirms confirms this and nothing else."""
        shown = (version, self.lines, self.direct.minor, self.support.minor if self.support else None, self.carried)
        return hashlib.sha256(repr(shown).encode()).hexdigest()


def check_of(page: DecisionPage, choices: Mapping[uuid.UUID, Choice]) -> DecisionCheck:
    """What these choices would do. The choices are those that `check_choices` let pass."""
    lines = []
    best: dict[uuid.UUID, str] = {}
    worth = ("selected", "reserve", "not")
    for slot in page.slots:
        choice = choices[slot.nominee_id]
        departs = choice.outcome != ADVISED[slot.recommended]
        lines.append(CheckLine(
            page.organisations[slot.organisation_id], page.nominees[slot.nominee_id].priority, choice.outcome,
            ADVISED[slot.recommended] if departs else None, choice.reason.strip() if departs else ""))
        state = best.get(slot.organisation_id, "not")
        best[slot.organisation_id] = min(state, choice.outcome, key=worth.index)
    direct = page.each.minor * sum(line.outcome == "selected" for line in lines)
    support = support_on(list(page.call.pool_ids), direct) if direct else 0
    told: dict[str, tuple[Any, Any]] = {
        "selected": (_("Selected"), _("once certified and approved; the offer comes with it")),
        "reserve": (_("Reserve list"), _("once an officer has signed it")),
        "not": (_("Not selected"), _("once an officer has signed it; a mail leaves at once")),
    }
    letters = tuple((page.organisations[state], *told[outcome]) for state, outcome in best.items())
    return DecisionCheck(tuple(lines), usd(direct), None if support is None else usd(support), page.carried, letters)
