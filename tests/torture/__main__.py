"""`python -m tests.torture [NAME ...]`: long, random, hostile load, by kinds. `make torture` and `make attack`.

Each kind is a module beside this one with `COUNT`, how many tries the whole run has, and
`torture(seed, limits) -> Result`. Exit status 1 where a promise was broken.
"""

from __future__ import annotations

import argparse
import importlib
import sys

from .harness import Limits
from .results import KEPT, Result

KINDS = (
    "requests",
    "raw",
    "pictures",
    "links",
    "race",
    "workers",
    "peers",
    "memory",
    "kill",
)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="NAME", help=f"any of {', '.join(KINDS)}; default: all")
    parser.add_argument("--count", type=int, help="how many tries of each (default: the whole run's)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop each after so long")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resume", action="store_true", help="go on where the last run of this seed stopped")
    given = parser.parse_args(arguments)
    if unknown := set(given.kinds) - set(KINDS):
        parser.error(f"no such kind: {', '.join(sorted(unknown))} (one of {', '.join(KINDS)})")
    results = [_torture(name, given) for name in given.kinds or KINDS]
    return int(any(result.failures for result in results))


def _torture(name: str, given: argparse.Namespace) -> Result:
    module = importlib.import_module(f"{__package__}.{name}")
    count = module.COUNT if given.count is None else given.count
    result: Result = module.torture(given.seed, Limits(count, given.seconds, given.resume, KEPT))
    print("\n".join(result.lines()), flush=True)
    return result


if __name__ == "__main__":
    sys.exit(main())
