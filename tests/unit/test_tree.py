"""The tree itself: who imports the composition root, how long modules are."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("core", "accounts", "meetings", "sponsorship", "operations", "demonstration", "stripe_simulator",
         "migrations")


def _modules():
    for room in ROOMS:
        yield from (ROOT / room).rglob("*.py")


def test_no_room_imports_the_composition_root():
    allowed = {ROOT / f"operations/{name}.py" for name in ("pictures", "diagrams", "schema")}
    guilty = [str(p.relative_to(ROOT)) for p in _modules()
              if p not in allowed and re.search(r"^\s*(from app import|import app\b)", p.read_text(), re.MULTILINE)]
    assert not guilty


def test_modules_stay_small():
    long = {str(p.relative_to(ROOT)): n for p in _modules() if (n := len(p.read_text().splitlines())) > 450}
    assert not long
