"""Each command line of the page on recording, drift and checks is taken as it stands, each option is in a table."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from fauxscale.cli import main as fauxscale
from fauxscale_contracts.cli import main as contracts

PAGE = (Path(__file__).parents[2] / "docs" / "recording-and-drift.md").read_text(encoding="utf-8")
PROGRAMS: dict[str, click.Group] = {"fauxscale": fauxscale, "fauxscale-contracts": contracts}


def lines() -> list[str]:
    """The command lines of the page's shell blocks."""
    blocks = re.findall(r"^```sh skip\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("fauxscale")]


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("line", lines())
def test_each_command_line_is_understood(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "recordings").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FAUXSCALE_DRIFT_KEY", "a-key")
    monkeypatch.setenv("FAUXSCALE_OBSERVE_KEY", "a-key")
    program, name, *words = shlex.split(line)
    with PROGRAMS[program].commands[name].make_context(name, words) as context:
        assert context.args == []


def test_all_five_commands_and_the_replay_are_shown() -> None:
    assert {tuple(line.split()[:2]) for line in lines()} == {
        ("fauxscale", "serve"),
        *(("fauxscale-contracts", name) for name in ("record", "scan", "drift", "observe", "check")),
    }


@pytest.mark.parametrize(
    ("title", "name"), [("Record", "record"), ("Drift", "drift"), ("Check a server", "check")]
)
def test_the_table_of_options_is_that_of_the_command(title: str, name: str) -> None:
    shown = set(re.findall(r"^\| `(--[a-z-]+)", section(title), re.MULTILINE))
    options = [one for one in contracts.commands[name].params if isinstance(one, click.Option)]
    assert shown == {flag for one in options for flag in one.opts if flag != "--help"}


@pytest.mark.parametrize(("title", "name"), [("Drift", "drift"), ("Check a server", "check")])
def test_a_key_is_shown_in_the_environment_and_not_on_a_command_line(title: str, name: str) -> None:
    variables = {one.envvar for one in contracts.commands[name].params if one.name == "key"}
    (variable,) = variables
    assert f"export {variable}=" in section(title)
    assert not any("--key" in line for line in lines() if line.split()[0] == "fauxscale-contracts")
