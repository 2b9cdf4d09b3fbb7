"""The command names itself and what is on record."""

from __future__ import annotations

from click.testing import CliRunner

from fauxscale._version import __version__
from fauxscale_contracts import api_versions, load
from fauxscale_contracts.cli import main


def test_version() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert result.output == f"fauxscale-contracts, version {__version__}\n"


def test_list_names_every_contract() -> None:
    result = CliRunner().invoke(main, ["list"])
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert len(lines) == sum(map(len, api_versions().values()))
    contract = load("ideogram", api_version="2026-04")
    counts = contract.confidences()
    said = ", ".join(f"{counts[one]} {one}" for one in ("documented", "observed", "guess"))
    assert f"ideogram 2026-04: {', '.join(contract.operations)} ({said})" in lines
    assert counts["documented"] > 0 < counts["guess"]
