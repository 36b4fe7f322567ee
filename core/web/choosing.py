"""Choosing lines of a list: a box at the head of each, and one button for all that were listed."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from flask_babel import gettext as _
from markupsafe import Markup
from werkzeug.datastructures import MultiDict

from core.web.tables import Column


def choose_column(name: str, value: Callable[[Any], str], what: Callable[[Any], str], chosen: Collection[str],
                  first: str | None = None) -> Column:
    """A box for each line, named `name` in the form around the table; `what` says to a screen reader which line it is.
    The box of the line with the value `first` carries the field's own identifier, so that errors lead to it."""

    def box(row: Any) -> Markup:
        own = value(row)
        return Markup('<span><input type="checkbox" class="pick" name="{}" value="{}" aria-label="{}"{}{}>'
                      '<input type="hidden" name="listed" value="{}"></span>').format(
            name, own, _("Choose %(what)s", what=what(row)), Markup(' id="{}"').format(name) if own == first else "",
            Markup(" checked") if own in chosen else "", own)

    return Column("choose", _("Choose"), render=box)


def everything_listed(form: MultiDict[str, str], name: str) -> MultiDict[str, str]:
    """What was sent, with every line chosen that the page listed when the button for all of them was pressed: lines
    that came since are not meant."""
    if "all" not in form:
        return form
    whole = MultiDict(form)
    whole.setlist(name, list(dict.fromkeys(form.getlist("listed"))))
    return whole
