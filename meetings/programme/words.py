"""The words of a programme: kinds of slots, when something is, what a slot is called in a sentence."""

from __future__ import annotations

from datetime import date, time
from typing import Any

from babel.dates import format_date
from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from core.web.formats import current_locale
from meetings.programme.facts import Content, SlotView

KIND_NAMES: dict[str, Any] = {
    "plenary": _l("Plenary meeting"),
    "informal": _l("Informal consultations"),
    "side_event": _l("Side event"),
    "break": _l("Break"),
    "other": _l("Other"),
}
ROLE_NAMES: dict[str, Any] = {
    "opening": _l("opening"), "organisation": _l("organizational matters"), "exchange": _l("general exchange of views"),
    "theme": _l("theme"), "other": _l("other matters"), "outcome": _l("outcome document"),
    "credentials": _l("credentials"), "report": _l("report"),
}
HALF_NAMES: dict[str, Any] = {"morning": _l("Morning"), "afternoon": _l("Afternoon")}
LANGUAGE_NAMES: dict[str, Any] = {
    "A": _l("Arabic"), "C": _l("Chinese"), "E": _l("English"), "F": _l("French"), "R": _l("Russian"),
    "S": _l("Spanish"),
}
STANDING_TITLES: dict[str, Any] = {
    "provisional": _l("Provisional programme of work"),
    "indicative": _l("Indicative programme of work"),
    "adopted": _l("Programme of work, adopted by the meeting"),
}
STANDING_MEANS: dict[str, Any] = {
    "provisional": _l("Proposed by the secretariat. Only the meeting adopts its programme of work."),
    "indicative": _l("For orientation: times and order may change. Only the meeting adopts its programme of work."),
    "adopted": _l("Adopted by the meeting. The official document prevails."),
}
ACTION_NAMES: dict[str, Any] = {
    "add": _l("adding a slot"), "edit": _l("changing a slot"), "move": _l("moving a slot"),
    "resize": _l("changing a slot’s length"), "copy": _l("copying a slot"), "remove": _l("taking a slot out"),
    "fill": _l("filling from the template"), "paste": _l("pasting from a spreadsheet"),
    "shift": _l("moving all slots with the meeting"), "accept": _l("giving a side event its slot"),
}


def short_day(day: date) -> str:
    """`Wed 9 June`, in the reader's language."""
    return format_date(day, "EEE d MMMM", locale=current_locale())


def weekday(day: date) -> str:
    """`Wed`."""
    return format_date(day, "EEE", locale=current_locale())


def clock_time(moment: time) -> str:
    """`15:00`: programmes of work are written so in every language."""
    return f"{moment:%H:%M}"


def span(slot: SlotView) -> str:
    """`10:00–13:00`."""
    return f"{clock_time(slot.starts)}–{clock_time(slot.ends)}"


def ordinal_meeting(number: int) -> str:
    """What a numbered plenary meeting is called."""
    return gettext("Plenary meeting %(number)s", number=number)


def items_words(numbers: tuple[str, ...]) -> str:
    """`item 8`, `items 1 to 5`, `items 6, 7 and 9`."""
    if len(numbers) == 1:
        return gettext("item %(number)s", number=numbers[0])
    if len(numbers) > 2 and all(n.isdigit() for n in numbers):
        figures = [int(n) for n in numbers]
        if figures == list(range(figures[0], figures[0] + len(figures))):
            return gettext("items %(first)s to %(last)s", first=numbers[0], last=numbers[-1])
    return gettext("items %(some)s and %(last)s", some=", ".join(numbers[:-1]), last=numbers[-1])


def title_of(slot: SlotView, content: Content) -> str:
    """What a slot is headed: its own title, else the titles of its items."""
    title = slot.title or "; ".join(content.titles(slot))
    return gettext("%(title)s (continued)", title=title) if slot.continued else title


def called(slot: SlotView) -> str:
    """A slot in a sentence: by its items, else by its title."""
    if slot.items and slot.kind != "side_event":
        return items_words(slot.items)
    if slot.kind == "side_event":
        return gettext("side event “%(title)s”", title=slot.title)
    return gettext("“%(title)s”", title=slot.title)


def sentence(text: str) -> str:
    """With a capital letter."""
    return text[:1].upper() + text[1:]
