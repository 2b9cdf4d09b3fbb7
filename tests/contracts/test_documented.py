"""The command lines of the pages on recording, drift, checks, exploration and the gate are understood."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from fauxscale.cli import main as fauxscale
from fauxscale_contracts.cli import main as contracts

DOCS = Path(__file__).parents[2] / "docs"
PAGE = "\n## \n".join(
    (DOCS / name).read_text(encoding="utf-8") for name in ("recording-and-drift.md", "explore.md", "gate.md")
)
PROGRAMS: dict[str, click.Group] = {"fauxscale": fauxscale, "fauxscale-contracts": contracts}


def lines() -> list[str]:
    """The command lines of the pages' shell blocks."""
    blocks = re.findall(r"^```sh skip\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    found = [line for block in blocks for line in block.splitlines() if line.startswith("fauxscale")]
    return [line.partition(" > ")[0] for line in found]


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("line", lines())
def test_each_command_line_is_understood(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "recordings").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FAUXSCALE_DRIFT_KEY", "a-key")
    monkeypatch.setenv("FAUXSCALE_OBSERVE_KEY", "a-key")
    program, name, *words = shlex.split(line)
    # A command keeps the names of its help option from its first context: without the program's it would lose -h.
    main = PROGRAMS[program]
    with main.commands[name].make_context(name, words, **main.context_settings) as context:
        assert context.args == []


def test_all_these_commands_and_the_replay_are_shown() -> None:
    assert {tuple(line.split()[:2]) for line in lines()} == {
        ("fauxscale", "serve"),
        *(("fauxscale-contracts", name) for name in ("record", "scan", "drift", "usage", "observe", "check")),
        *(("fauxscale-contracts", name) for name in ("conform", "explore", "gate")),
    }


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Record", "record"),
        ("Drift", "drift"),
        ("Usage", "usage"),
        ("Check a server", "check"),
        ("Any language", "explore"),
        ("Options", "gate"),
    ],
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
