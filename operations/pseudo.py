"""Pseudo-languages: every string of the product longer, accented and in brackets. `eo` reads left to right, `ar`
right to left. Not translations; they show what escaped gettext and whether layouts mirror."""

from __future__ import annotations

import re
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.plurals import get_plural

from core.settings import ROOT

METHODS = [
    ("templates/**.html", "jinja2"), ("core/**.py", "python"), ("accounts/**.py", "python"),
    ("meetings/**.py", "python"), ("sponsorship/**.py", "python"), ("operations/**.py", "python"),
    ("demonstration/**.py", "python"), ("app.py", "python"),
]
KEYWORDS = {
    "_": None, "_l": None, "gettext": None, "lazy_gettext": None, "ngettext": (1, 2), "lazy_ngettext": (1, 2),
    "pgettext": ((1, "c"), 2), "lazy_pgettext": ((1, "c"), 2), "npgettext": ((1, "c"), 2, 3), "_n": (1, 2), "N_": None,
}
_ACCENTS = str.maketrans("aceinorsuyzACEINORSUYZ", "áçéíñóŕšúýžÁÇÉÍÑÓŔŠÚÝŽ")
_KEEP = re.compile(r"(%\([a-z_]+\)[sd]|%[sd]|\{[^}]*\}|<[^>]+>|&[a-z]+;)")


def pseudo(text: str) -> str:
    """⟦ţéxţ …⟧, a third longer; placeholders and tags stay."""
    parts = _KEEP.split(text)
    changed = "".join(p if i % 2 else p.translate(_ACCENTS) for i, p in enumerate(parts))
    return f"⟦{changed}{' ~' * (len(text) // 24 + 1)}⟧"


def messages() -> Catalog:
    """Everything that gettext is asked for anywhere in the product."""
    catalog = Catalog()
    for name, line, message, _comments, context in extract_from_dir(
        str(ROOT), method_map=METHODS, keywords=KEYWORDS,
        options_map={"templates/**.html": {"trimmed": "true", "silent": "false"}},
        directory_filter=lambda d: not Path(d).name.startswith((".", "instance", "node_modules")),
    ):
        catalog.add(message, None, [(name, line)], context=context)
    return catalog


def write(folder: Path, codes: tuple[str, ...] = ("eo", "ar")) -> int:
    """Compile the pseudo-catalogues into `folder`, marked complete; the number of messages."""
    source = messages()
    for code in codes:
        catalog = Catalog(locale=code)
        forms = get_plural(code)[0]
        for message in source:
            if not message.id:
                continue
            if isinstance(message.id, (tuple, list)):
                catalog.add(message.id, tuple(pseudo(message.id[1]) for _ in range(forms)), context=message.context)
            else:
                catalog.add(message.id, pseudo(message.id), context=message.context)
        target = folder / code / "LC_MESSAGES"
        target.mkdir(parents=True, exist_ok=True)
        with open(target / "messages.mo", "wb") as handle:
            write_mo(handle, catalog)
        (folder / code / "complete").touch()
    return len(source)


if __name__ == "__main__":
    import sys

    print(f"{write(Path(sys.argv[1]))} messages in {sys.argv[1]}")
