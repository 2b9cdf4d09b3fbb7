"""Programs under test, written by the tests that start them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from click.testing import CliRunner, Result

from fauxscale_contracts import Endpoint
from fauxscale_contracts.cli import main
from fauxscale_contracts.conform.program import Program

NOWHERE = Endpoint("ideogram", "http://127.0.0.1:9", "key", {"IDEOGRAM_API_KEY": "key"})


def conform(*words: str) -> Result:
    return CliRunner().invoke(main, ["conform", *words])


def command(tmp_path: Path, source: str, *words: str) -> list[str]:
    script = tmp_path / "client.py"
    script.write_text(source, encoding="utf-8")
    return [sys.executable, str(script), "{image}", "{output}", *words]


def program(tmp_path: Path, source: str, *words: str) -> Program:
    return Program(command(tmp_path, source, *words))


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # Killed and not yet collected by whoever adopted it.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")


def environment(file: Path) -> dict[str, str]:
    """What `env` wrote."""
    rows = [line.partition("=") for line in file.read_text(encoding="utf-8").splitlines()]
    return {name: value for name, _, value in rows}
