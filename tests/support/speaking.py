"""An application that speaks the pseudo-languages, for tests that look for words that escaped translation."""

from __future__ import annotations

import pytest

from operations import pseudo


@pytest.fixture(scope="session")
def catalogues(tmp_path_factory):
    folder = tmp_path_factory.mktemp("translations")
    assert pseudo.write(folder) > 300
    return folder


@pytest.fixture(scope="session")
def _speaking_app(catalogues, tmp_path_factory):
    """Made once: it compiles every template and reads every string anew."""
    from tests.conftest import _make_app

    return _make_app("sqlite://", tmp_path_factory.mktemp("speaking"), translations=catalogues)


@pytest.fixture
def speaking(app, tmp_path, catalogues, _speaking_app):
    """An application with the pseudo-languages, on this test's database."""
    from core.db import db
    from tests.conftest import moved_to

    db.session.remove()
    url = db.engine.url.render_as_string(hide_password=False)
    with moved_to(_speaking_app, url, tmp_path, TRANSLATIONS_DIR=str(catalogues)) as other:
        yield other
