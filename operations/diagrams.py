"""docs/states.md, drawn from the state tables and the permission table. A test holds it to the code."""

from __future__ import annotations

from flask_babel import force_locale

from core.machines import MACHINES, SYSTEM
from core.settings import ROOT

TARGET = ROOT / "docs" / "states.md"


def text() -> str:
    """The whole page."""
    from accounts.permissions import PERMISSIONS

    lines = ["# State machines and permissions", "",
             "Drawn from the code by `python -m operations.diagrams`; do not edit by hand.", ""]
    with force_locale("en"):
        for name in sorted(MACHINES):
            machine = MACHINES[name]
            lines += [f"## {name.replace('_', ' ').capitalize()}", "", "```mermaid", machine.mermaid(), "```", "",
                      "| from | action | to | who |", "| --- | --- | --- | --- |"]
            for move in machine.moves:
                who = "schedule or gateway" if move.permission == SYSTEM else ", ".join(
                    sorted(r.replace("_", " ") for r in PERMISSIONS[move.permission]))
                lines.append(f"| {', '.join(move.sources)} | {move.action} | {move.target} | {who} |")
            lines.append("")
        lines += ["## Permissions", "", "| permission | roles |", "| --- | --- |"]
        lines += [f"| {p} | {', '.join(sorted(r.replace('_', ' ') for r in roles))} |"
                  for p, roles in sorted(PERMISSIONS.items())]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    from app import create_app
    from core.settings import Settings

    with create_app(Settings.from_environ()).app_context():
        TARGET.write_text(text())
