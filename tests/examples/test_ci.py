"""The workflow for CI servers uses commands and flags that exist, and keeps the key out of pull requests."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from fauxscale_contracts.cli import main

WORKFLOW = Path(__file__).parents[2] / "examples" / "ci" / "contracts.yml"


def jobs() -> dict[str, str]:
    """The text of each job by its name."""
    _, *found = re.split(
        r"^  (\w+):\n", WORKFLOW.read_text(encoding="utf-8").partition("\njobs:\n")[2], flags=re.MULTILINE
    )
    return dict(zip(found[::2], found[1::2], strict=True))


def commands() -> list[list[str]]:
    found = [
        line
        for job in jobs().values()
        for line in re.findall(r"(fauxscale-contracts [a-z].*)$", job.replace("\\\n", ""), re.MULTILINE)
    ]
    return [shlex.split(line) for line in found]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_and_flag_exists(words: list[str]) -> None:
    command = main.commands[words[1]]
    known = {flag for one in command.params for flag in one.opts}
    own = words[2 : words.index("--")] if "--" in words else words[2:]
    assert {word for word in own if word.startswith("--")} <= known


def test_all_commands_for_ci_are_shown() -> None:
    assert {words[1] for words in commands()} == {"conform", "scan", "check", "drift", "gate"}


def test_the_real_key_is_seen_by_the_scheduled_job_alone() -> None:
    assert [name for name, job in jobs().items() if "secrets." in job] == ["drift"]
    assert "if: github.event_name == 'schedule'" in jobs()["drift"]
