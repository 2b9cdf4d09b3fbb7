"""The command names itself and what is on record."""

from __future__ import annotations

import runpy
import sys

import pytest
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


def test_a_missing_extra_is_one_line_and_no_verdict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [one for one in sys.modules if one.startswith(("fauxscale_contracts", "python_multipart"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "python_multipart", None)
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("fauxscale_contracts", run_name="__main__")
    assert ended.value.code == 2
    told = "fauxscale-contracts needs python_multipart: pip install 'fauxscale[contracts]'\n"
    assert capsys.readouterr().err == told


@pytest.mark.parametrize("command", ["", *main.commands])
def test_every_command_has_short_help(command: str) -> None:
    done = CliRunner().invoke(main, [*filter(None, [command]), "-h"])
    assert done.exit_code == 0
    assert done.output.startswith("Usage: ")


def test_no_summary_of_a_command_is_cut_off() -> None:
    lines = CliRunner().invoke(main, ["-h"]).output.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in lines] == sorted(main.commands), "a line each"
    assert [line for line in lines if line.endswith(("...", "…"))] == []
