"""The form of a button."""

from __future__ import annotations

from core.web.forms import BaseForm, VersionField


class VersionOnlyForm(BaseForm):
    """A button that must know what the page showed."""

    version = VersionField()
