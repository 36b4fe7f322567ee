"""Whether a file is whole: what its first bytes promise is really there to its end. Telephones and weak lines leave
photographs and scans cut short, which open nowhere. Nothing in the file is run or drawn."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

_PNG_HEAD = 8
_TAIL = 2048  # bytes in which a PDF says where its index stands
_NEAR = 1024  # bytes around that place in which it may begin
# markers of a JPEG that open a frame with its size: all kinds of SOF, not DHT (C4), JPG (C8) and DAC (CC)
_SOF = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


def is_whole(path: Path, media_type: str) -> bool:
    """True when a PDF, PNG or JPEG has its beginning, its middle and its end; other kinds are not looked at."""
    look = {"application/pdf": _pdf, "image/png": _png, "image/jpeg": _jpeg}.get(media_type)
    return look is None or look(path.read_bytes())


def _pdf(content: bytes) -> bool:
    """An end mark, and near the offset it gives an index that really begins there (ISO 32000-1, 7.5.5). Bytes that a
    mail program put before the beginning move every offset a little: readers forgive that, and so do we."""
    found = list(re.finditer(rb"startxref\s+(\d+)\s+%%EOF", content[-_TAIL:]))
    if not found:
        return False
    at = int(found[-1][1])
    return at < len(content) and re.search(rb"xref|\d+\s+\d+\s+obj", content[max(0, at - _NEAR):at + _NEAR]) is not None


def _png(content: bytes) -> bool:
    """Chunk after chunk with its own sum, from IHDR through IDAT to IEND (ISO/IEC 15948, 5.3)."""
    at, kinds = _PNG_HEAD, []
    while at + 12 <= len(content):
        size = int.from_bytes(content[at:at + 4])
        body = content[at + 4:at + 8 + size]
        if zlib.crc32(body) != int.from_bytes(content[at + 8 + size:at + 12 + size]):
            return False
        kinds.append(body[:4])
        if body[:4] == b"IEND":
            break
        at += 12 + size
    return bool(kinds) and kinds[0] == b"IHDR" and b"IDAT" in kinds and kinds[-1] == b"IEND"


def _jpeg(content: bytes) -> bool:
    """Segments up to the picture's data with a frame that has a size, and the end mark after it (ISO/IEC 10918-1,
    annex B). Telephones add bytes of their own behind the end."""
    at, framed = 2, False
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker, size = content[at + 1], int.from_bytes(content[at + 2:at + 4])
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker in _SOF:
            framed = int.from_bytes(content[at + 5:at + 7]) > 0 and int.from_bytes(content[at + 7:at + 9]) > 0
        if marker == 0xDA:  # the data begin
            return framed and content.find(b"\xff\xd9", at + 2 + size) > 0
        at += 2 + size
    return False
