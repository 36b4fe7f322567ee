"""What the docs say of the code is drawn from the code."""

from pathlib import Path

from operations import diagrams

ROOT = Path(__file__).resolve().parents[2]


def test_state_machines_in_the_docs_are_those_of_the_code(app):
    assert diagrams.TARGET.read_text() == diagrams.text(), "run: python -m operations.diagrams"


def test_readme_names_only_commands_that_exist(app):
    makefile = (ROOT / "Makefile").read_text()
    import re

    for command in re.findall(r"`make ([a-z-]+)", (ROOT / "README.md").read_text()):
        assert f"\n{command}:" in makefile, command
    commands = set(app.cli.commands)
    for command in re.findall(r"flask --app app ([a-z-]+)", (ROOT / "README.md").read_text()):
        assert command in commands, command


def test_no_path_of_a_machine_in_the_tree():
    import re
    import subprocess

    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    for name in files:
        path = ROOT / name
        if path.suffix in (".py", ".html", ".md", ".txt", ".toml", ".css", ".js", "") and path.exists():
            found = re.search(r"(^|[^\w.])/(?:work|root|farm)/", path.read_text(errors="ignore"))
            assert not found or name.endswith("test_docs.py"), name
