"""Sets the stage for the path: an empty marked database with reference data and the cast, and no story played.

Run as a child process (`python -m tests.browser.stage`), because an application reads its settings from the
environment and the suite's own process is marked for tests.
"""

from __future__ import annotations

from datetime import timedelta

from app import create_app
from core import clock, marks
from demonstration.stage import set_stage
from operations import prepare


def main() -> None:
    """INSTANCE_DIR, PORT and PLACARD_ENV=demo come from the environment."""
    app = create_app()
    prepare.migrate(app)
    prepare.mark(app, app.extensions["placard_settings"])
    prepare.load_reference_data(app)
    with app.app_context():
        set_stage(clock.real_now() - timedelta(days=30))
        marks.write("demonstration_played_at", clock.real_now().isoformat())  # `serve` plays no story


if __name__ == "__main__":
    main()
