"""`make bench`: prints every table, or those named: `make bench ARGS="rivals steady"`."""

from __future__ import annotations

import datetime
import os
import platform
import sys

from bench import calls, cold, lives, memory, plugin, rendering, rivals, steady, uploads, workers

TABLES = {
    "rivals": rivals.main,
    "calls": calls.main,
    "steady": steady.main,
    "uploads": uploads.main,
    "rendering": rendering.main,
    "lives": lives.main,
    "cold": cold.main,
    "plugin": plugin.main,
    "memory": memory.main,
    "workers": workers.main,
}


def main() -> None:
    names = sys.argv[1:] or list(TABLES)
    if unknown := set(names) - TABLES.keys():
        sys.exit(f"no table {', '.join(sorted(unknown))}: there are {', '.join(TABLES)}")
    today = datetime.datetime.now(datetime.UTC).date()
    print(f"{today}, {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    for name in names:
        TABLES[name]()
        print()


main()
