"""Cut the fonts of official papers out of their sources, and list what they can write.

python templates/pdf/fonts/subset.py FOLDER, where FOLDER holds the unpacked packages named in README.md.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

HERE = Path(__file__).parent
# Latin with extended A to D and Vietnamese, IPA, Greek, Cyrillic, marks, punctuation, currencies, arrows, shapes
_WESTERN = [
    (0x20, 0x52F), (0x1C80, 0x1C8F), (0x1D00, 0x20CF), (0x2100, 0x22FF), (0x25A0, 0x25FF), (0x2C60, 0x2C7F),
    (0x2DE0, 0x2DFF), (0xA640, 0xA69F), (0xA720, 0xA7FF), (0xFB00, 0xFB06), (0xFFFD, 0xFFFD),
]
_ARABIC = [(0x600, 0x6FF), (0x750, 0x77F), (0x870, 0x8FF), (0xFB50, 0xFDFF), (0xFE70, 0xFEFC)]


def _decoded(codec: str, leads: Iterable[int]) -> set[int]:
    """Every character of a two-byte code whose first byte is one of `leads`."""
    found = set()
    for lead in leads:
        for trail in range(0x40, 0xFF):
            try:
                found.update(map(ord, bytes((lead, trail)).decode(codec)))
            except UnicodeDecodeError:
                continue
    return found


def _spans(spans: Iterable[tuple[int, int]]) -> set[int]:
    return {point for first, last in spans for point in range(first, last + 1)}


def sources() -> dict[str, tuple[str, set[int]]]:
    """File in this folder -> file in the packages, and the characters kept (those the source has)."""
    # all of GB 2312; level 1 of Big5 adds the traditional forms that stand in names
    chinese = _decoded("gb2312", range(0xA1, 0xF8)) | _decoded("big5", range(0xA1, 0xC7))
    return {
        "NotoSans-Regular.ttf": ("noto-sans/400Regular/NotoSans_400Regular.ttf", _spans(_WESTERN)),
        "NotoSans-Bold.ttf": ("noto-sans/700Bold/NotoSans_700Bold.ttf", _spans(_WESTERN)),
        "Vazirmatn-Regular.ttf": ("vazirmatn/400Regular/Vazirmatn_400Regular.ttf", _spans(_ARABIC)),
        "Vazirmatn-Bold.ttf": ("vazirmatn/700Bold/Vazirmatn_700Bold.ttf", _spans(_ARABIC)),
        "NotoSansArabic-Regular.ttf": ("noto-sans-arabic/400Regular/NotoSansArabic_400Regular.ttf", _spans(_ARABIC)),
        "NotoSansArabic-Bold.ttf": ("noto-sans-arabic/700Bold/NotoSansArabic_700Bold.ttf", _spans(_ARABIC)),
        "NotoSansSC-Regular.ttf": ("noto-sans-sc/400Regular/NotoSansSC_400Regular.ttf", chinese),
    }


def cut(source: Path, target: Path, characters: set[int]) -> None:
    """Write a subset; hints go, since nothing here is shown on a coarse screen."""
    options = subset.Options(layout_features=["*"], hinting=False, recalc_timestamp=False, notdef_outline=True)
    options.drop_tables += ["STAT", "vhea", "vmtx"]
    font = subset.load_font(str(source), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=characters)
    subsetter.subset(font)
    subset.save_font(font, str(target), options)


def coverage() -> str:
    """The code points that the fonts of this folder have between them, as lines of `first-last` in hexadecimal."""
    points = sorted({p for path in sorted(HERE.glob("*-Regular.ttf")) for p in TTFont(path).getBestCmap()})
    spans: list[list[int]] = []
    for point in points:
        if spans and point == spans[-1][1] + 1:
            spans[-1][1] = point
        else:
            spans.append([point, point])
    return "".join(f"{first:04X}-{last:04X}\n" for first, last in spans)


if __name__ == "__main__":
    for name, (path, characters) in sources().items():
        cut(Path(sys.argv[1]) / path, HERE / name, characters)
    (HERE / "coverage.txt").write_text(coverage())
