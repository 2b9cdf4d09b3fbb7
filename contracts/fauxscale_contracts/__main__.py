"""The command `fauxscale-contracts`, `python -m fauxscale_contracts` too: says in a line where an extra is missing."""

from __future__ import annotations

import sys

_OWN = ("fauxscale", "fauxscale_contracts")


def main() -> None:
    try:
        from .cli import main as command
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in _OWN:
            raise
        sys.stderr.write(f"fauxscale-contracts needs {package}: pip install 'fauxscale[contracts]'\n")
        sys.exit(2)
    command(prog_name="fauxscale-contracts")


if __name__ == "__main__":
    main()
