"""Every operation of Ideogram called as its documentation says: its pixels, its price and its contract checked.

`python -m tests.ideogram_operations` prints the table; it ends with 1 if a line of it fails.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter

import httpx

from fauxscale import MockServer, Settings
from fauxscale_contracts import api_versions

from .calling import Calling, Row, run
from .rows import ROWS

_HEAD = "| call | status | pixels | price an image | contract | |\n|---|---|---|---|---|---|"


def line(row: Row, calling: Calling) -> tuple[str, bool]:
    """Run a row. Its line of the table, and whether all of it is as it should be."""
    wrong = ""
    try:
        run(row, calling)
    except AssertionError as error:
        wrong = f"FAIL {str(error)[:80]}"
    departures = calling.departures()
    statuses = Counter(reply.status_code for reply in calling.replies)
    cells = (
        row.call,
        ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items())),
        row.true,
        ", ".join(f"${one:g}" for one in calling.prices(row.operation)) or "free",
        f"FAIL {departures[0][:80]}" if departures else "PASS",
        wrong or "PASS",
    )
    return f"| {' | '.join(cells)} |", not (wrong or departures)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.ideogram_operations", description=__doc__)
    dates = api_versions()["ideogram"]
    parser.add_argument("--api-version", choices=dates, default=dates[0])
    options = {"ideogram.api_version": parser.parse_args().api_version}
    print(_HEAD)
    failed = 0
    with MockServer(Settings(options=options)) as mock, httpx.Client(timeout=120) as http:
        for row in ROWS:
            told, passed = line(row, Calling(http, mock.base_url("ideogram"), mock.account()))
            failed += not passed
            print(told, flush=True)
    print(f"\n{len(ROWS) - failed} of {len(ROWS)} PASS")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
