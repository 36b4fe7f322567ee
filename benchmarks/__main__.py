"""`make bench`: pages and feeds, posting, reading the books, applications, payments; prints tables as they stand
in docs/benchmarks.md. `make bench ONLY=posting` (or web, books, applications, payments) measures one of them;
`make bench ONLY=hordak` posting beside a peer, which it fetches."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path


def _web() -> None:
    from benchmarks import web

    with tempfile.TemporaryDirectory() as folder:
        print(web.table(web.run(web.prepared(Path(folder)))), flush=True)


def _posting() -> None:
    from benchmarks import posting

    posting.main()


def _books() -> None:
    from benchmarks import books

    books.main()


def _applications() -> None:
    from benchmarks import applications

    applications.main()


def _payments() -> None:
    from benchmarks import payments

    payments.main()


def _hordak() -> None:
    from benchmarks import beside_hordak

    beside_hordak.main()


PARTS = {"web": _web, "posting": _posting, "books": _books, "applications": _applications, "payments": _payments}
ON_ASKING = {"hordak": _hordak}  # fetches a package that is not ours


def main(only: list[str]) -> None:
    """Those named, or all."""
    print(f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {os.cpu_count()} cores, "
          f"{platform.system()} {platform.machine()}; `make bench`\n")
    for part in only or PARTS:
        (PARTS | ON_ASKING)[part]()
        print(flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
