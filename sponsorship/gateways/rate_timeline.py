"""What happened to an import, in words."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from flask_babel import gettext as _

from core.events import History
from core.web.timeline import TimelineItem


def import_timeline(history: Sequence[History], names: Mapping[uuid.UUID, str]) -> list[TimelineItem]:
    """Imported, perhaps withdrawn: by whom, when, why."""
    labels = {"record": (_("Imported"), "done"), "withdraw": (_("Withdrawn"), "stopped")}
    items = []
    for h in history:
        title, tone = labels[h.tag.rsplit(".", 1)[-1]]
        who = names.get(h.actor_id, _("A person with the right role")) if h.actor_id else _("The command line")
        items.append(TimelineItem(h.at, title, who, h.text, tone))
    return items
