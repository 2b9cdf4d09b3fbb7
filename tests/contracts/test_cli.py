"""The command names itself and what is on record."""

from __future__ import annotations

from click.testing import CliRunner

from fauxscale._version import __version__
from fauxscale_contracts.cli import main


def test_version() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert result.output == f"fauxscale-contracts, version {__version__}\n"


def test_list_names_every_contract() -> None:
    result = CliRunner().invoke(main, ["list"])
    assert result.exit_code == 0
    assert "ideogram 2026-04: ideogram.upscale, ideogram.download" in result.output.splitlines()
    assert len(result.output.splitlines()) == 5
