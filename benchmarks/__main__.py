"""`make bench`: web pages and feeds, then posting; prints tables as they stand in docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path


def main() -> None:
    from benchmarks import web

    print(f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {os.cpu_count()} cores, "
          f"{platform.system()} {platform.machine()}; `make bench`\n")
    with tempfile.TemporaryDirectory() as folder:
        app = web.prepared(Path(folder))
        print(web.table(web.run(app)), flush=True)
    from benchmarks import posting

    print(flush=True)
    posting.main()


if __name__ == "__main__":
    sys.exit(main())
