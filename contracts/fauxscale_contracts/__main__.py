"""Runs the command `fauxscale-contracts`, also as `python -m fauxscale_contracts`. A missing extra is one line."""

from __future__ import annotations

import sys

from fauxscale.extras import MissingExtra, needed_by


def main() -> None:
    try:
        with needed_by("fauxscale-contracts", "contracts"):
            from .cli import main as command

            command(prog_name="fauxscale-contracts")
    except MissingExtra as missing:
        sys.stderr.write(f"{missing}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
