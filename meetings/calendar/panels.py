"""What other rooms show on a meeting's page and on the home page. Registered in app.py; each runs a fixed number of
queries and only reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import render_template
from markupsafe import Markup

from meetings.calendar.queries import MeetingRow


@dataclass(frozen=True)
class Panel:
    """A part of a page: a heading (h2 is made by the page) and a template, rendered with `context` alone.

    `key` becomes the anchor of the part; `order` sorts parts (lower first). `link` is an optional
    (label, address) beside the heading.
    """

    title: Any
    template: str
    context: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""
    order: int = 100
    link: tuple[Any, str] | None = None


@dataclass(frozen=True)
class RenderedPanel:
    """A panel ready for a page."""

    title: Any
    html: Markup
    key: str
    link: tuple[Any, str] | None


MeetingPanel = Callable[[MeetingRow], Panel | None]
HomePanel = Callable[[], Panel | None]
_meeting_panels: list[MeetingPanel] = []
_home_panels: list[HomePanel] = []


def register_meeting_panel(function: MeetingPanel) -> None:
    """Ask `function(meeting)` for a part of each meeting's page; None means nothing to show. Twice counts once."""
    if function not in _meeting_panels:
        _meeting_panels.append(function)


def register_home_panel(function: HomePanel) -> None:
    """Ask `function()` for a part of the home page; None means nothing to show. Twice counts once."""
    if function not in _home_panels:
        _home_panels.append(function)


def _render(panels: list[Panel | None]) -> list[RenderedPanel]:
    present = sorted((p for p in panels if p is not None), key=lambda p: p.order)
    return [
        RenderedPanel(p.title, Markup(render_template(p.template, **p.context)), p.key or f"panel-{n}", p.link)
        for n, p in enumerate(present, 1)
    ]


def meeting_panels(meeting: MeetingRow) -> list[RenderedPanel]:
    """The parts that other rooms add to this meeting's page."""
    return _render([function(meeting) for function in _meeting_panels])


def home_panels() -> list[RenderedPanel]:
    """The parts that other rooms add to the home page."""
    return _render([function() for function in _home_panels])
