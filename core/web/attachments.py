"""Files that we make and hand out: named, never sniffed, never run, never kept by a cache unless the route says so."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

from flask import Response

_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f"\\/<>|:*?]+')


def named(filename: str, extension: str, inline: bool = False) -> str:
    """The Content-Disposition. ``filename`` may hold any letters; old clients get a plain one."""
    name = _FORBIDDEN.sub("-", filename).strip(" .-")
    if name.lower().endswith(f".{extension}"):
        name = name[: -len(extension) - 1].rstrip(" .-")
    name = f"{name or 'file'}.{extension}"
    plain = name.encode("ascii", "ignore").decode().strip(" -")
    if plain == f".{extension}":
        plain = f"file.{extension}"
    disposition = f'{"inline" if inline else "attachment"}; filename="{plain}"'
    if plain != name:
        disposition += f"; filename*=UTF-8''{quote(name, safe='')}"
    return disposition


def attachment(
    data: bytes | Iterable[bytes], filename: str, extension: str, media_type: str, inline: bool = False
) -> Response:
    """A download, or with ``inline`` a file that the browser shows. ``filename`` may come without its extension."""
    response = Response(data, mimetype=media_type)
    response.headers["Content-Disposition"] = named(filename, extension, inline)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cache-Control"] = "private, no-store"
    return response
