"""Small files that are really what their names say, and some that are not."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any


def pdf(words: str = "Note") -> bytes:
    """A PDF of one empty page, with an index that is right."""
    parts = [b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"]
    offsets = []
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
               b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>", b"<</Title(" + words.encode("ascii") + b")>>"]
    for number, body in enumerate(objects, 1):
        offsets.append(sum(map(len, parts)))
        parts.append(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    at = sum(map(len, parts))
    rows = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    parts.append(b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<</Size %d/Root 1 0 R/Info 4 0 R>>\n"
                 b"startxref\n%d\n%%%%EOF\n" % (len(objects) + 1, rows, len(objects) + 1, at))
    return b"".join(parts)


def png(colour: int = 200) -> bytes:
    """A grey picture of two points by two."""
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\x00" + bytes([colour, colour]) for _ in range(2))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def jpeg(filler: int = 0) -> bytes:
    """The frame of a photograph as telephones make it, with `filler` bytes of picture."""
    def segment(marker: int, body: bytes) -> bytes:
        return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body

    return (b"\xff\xd8" + segment(0xE0, b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00")
            + segment(0xDB, b"\x00" + bytes([16] * 64)) + segment(0xC0, b"\x08\x00\x10\x00\x10\x01\x01\x11\x00")
            + segment(0xC4, b"\x00" + bytes(16) ) + segment(0xDA, b"\x01\x01\x00\x00\x3f\x00")
            + bytes(filler) + b"\x2a\xff\xd9")


def sent(content: bytes, name: str) -> dict[str, Any]:
    """The part of a form that carries a file."""
    return {"file": (io.BytesIO(content), name)}
