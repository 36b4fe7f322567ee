"""A list as a file, in the format that its address asks for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from flask import Response

from core.web.sheets import Sheet, xlsx_response
from core.web.tables import Column, TableQuery, csv_response


def download(query: TableQuery, columns: Sequence[Column], rows: Iterable[Any], name: str) -> Response:
    """All rows of a list as ``query.format`` wants them: ``if query.format: return download(...)``.

    ``name`` becomes the file's name, without an extension, and the sheet's. CSV streams; a workbook is made here.
    """
    if query.format == "xlsx":
        return xlsx_response([Sheet(name, columns, rows)], name)
    return csv_response(columns, rows, name)
