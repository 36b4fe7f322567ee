"""The form of a button."""

from __future__ import annotations

from core.web.forms import BaseForm, VersionField


class VersionForm(BaseForm):
    """A button, or more, that must know what the page showed."""

    version = VersionField()

    @property
    def seen(self) -> int:
        """The version that the page showed, once the form is found good."""
        assert isinstance(self.version.data, int)
        return self.version.data
