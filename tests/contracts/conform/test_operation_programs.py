"""Programs with typed options go through every list by command, and are judged rightly."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.contracts.conform.programs import conform

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[3]
CLIENT = (sys.executable, "-m", "tests.contracts.conform.clients.ideogram_program")
IMAGE, OUTPUT, SEED = ("--image", "{image}"), ("--output", "{output}"), "[--seed {seed}]"
PROMPT = ("--prompt", "{prompt}")
# For each list: the options that a program is given there, and what it is played in.
LISTS = {
    "": (
        (*IMAGE, SEED, "[--resemblance {resemblance}]", "[--detail {detail}]", "[--prompt {prompt}]"),
        ("options", "picture-jpeg-turned", "picture-text", "429-zero", "error-422", "new-fields"),
    ),
    "generate": (
        (*PROMPT, "--resolution", "{resolution}", SEED, "[--num-images {num_images}]"),
        ("options", "withheld-first", "three-of-four", "error-422", "download-purged"),
    ),
    "edit": (
        (*IMAGE, "--mask", "{mask}", *PROMPT, SEED, "[--num-images {num_images}]"),
        ("options", "withheld-first", "mask-other-size", "picture-jpeg-turned"),
    ),
    "describe": (IMAGE, ("picture-jpeg-turned", "missing-text", "new-fields", "error-422")),
    "v2-upscale": ((*IMAGE, SEED), ("options", "picture-jpeg-turned", "queue-")),
}


def play(name: str, words: Sequence[str], patterns: Sequence[str]) -> tuple[int, dict[str, str], str]:
    """The exit status, the verdicts, and all that was said."""
    chosen = [word for pattern in patterns for word in ("-k", pattern)]
    done = conform(
        "ideogram",
        *(("--operation", name) if name else ()),
        *chosen,
        "--json",
        "--limit",
        "120",
        "--",
        *CLIENT,
        name or "upscale",
        *words,
        *OUTPUT,
    )
    report = json.loads(done.stdout)
    assert report.get("operation", "") == name
    return done.exit_code, {one["id"]: one["verdict"] for one in report["scenarios"]}, done.stdout


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("name", LISTS)
def test_a_typed_command_line_holds_in_every_list(name: str) -> None:
    words, patterns = LISTS[name]
    code, verdicts, said = play(name, words, patterns)
    assert "invalid int" not in said
    assert {one for one, verdict in verdicts.items() if verdict != "PASS"} == set()
    assert code == 0
    assert len(verdicts) >= len(patterns)


def test_a_typed_option_that_is_empty_where_there_is_none_is_refused_by_the_program() -> None:
    code, verdicts, said = play("", (*IMAGE, "--seed", "{seed}"), ("picture-jpeg-turned",))
    assert "invalid int value" in said
    assert (code, verdicts) == (1, {"picture-jpeg-turned": "FAIL"})


@pytest.mark.parametrize(
    ("name", "lost", "said"),
    [
        ("generate", "{prompt}", "the command has no {prompt}: files and options are passed that way"),
        ("edit", "{mask}", "the command has no {mask}: "),
        ("describe", "{image}", "the command has no {image}: "),
    ],
)
def test_what_a_list_gives_has_to_be_in_the_command(name: str, lost: str, said: str) -> None:
    words = [word for word in LISTS[name][0] if word != lost]
    done = conform("ideogram", "--operation", name, "--", *CLIENT, name, *words, *OUTPUT)
    assert done.exit_code == 2
    assert said in done.stderr


def test_a_list_that_is_not_there_is_told_those_that_are() -> None:
    done = conform("ideogram", "--operation", "layerize", "--list")
    assert done.exit_code == 2
    assert (
        "no list of scenarios for 'layerize': choose from generate, edit, describe, v2-upscale" in done.stderr
    )
    done = conform("fal", "--operation", "edit", "--list")
    assert "fal has no list of scenarios for 'edit': it has one list only" in done.stderr
