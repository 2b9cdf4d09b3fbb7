"""Options of exploration: checks them, and reads what users declare about situations."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import cast

import pytest

PREFIX = "--fauxscale-explore-"
# What a client does in a situation, as its user has declared.
DECLARED = ("passes", "fails", "either", "skip")


def patience(config: pytest.Config) -> float:
    """The seconds of silence, if tests are explored in silence."""
    return float(config.getoption("--fauxscale-explore-patience") or 0)


def check(config: pytest.Config) -> None:
    """Raise UsageError for invalid options and ini values, before any test is run."""
    for pattern, word in _written(config):
        if not pattern or word not in DECLARED:
            raise pytest.UsageError(
                f"fauxscale_explore: {pattern or word!r} needs one of {', '.join(DECLARED)}, as in lost-reply: fails"
            )
    for file in config.getoption("--fauxscale-explore-report") or ():
        if not str(file).endswith((".html", ".json", ".md")):
            raise pytest.UsageError(
                f"--fauxscale-explore-report must be a .html, .json or .md file, not {file}"
            )
    if config.getoption("--fauxscale-explore") and config.getoption("--fauxscale-url"):
        raise pytest.UsageError(
            "--fauxscale-explore cannot be combined with --fauxscale-url: it needs a server that the run itself starts"
        )


def check_marked(item: pytest.Item, value: object) -> None:
    """Raise UsageError for an invalid argument of a marker."""
    said = cast("dict[object, object]", value) if isinstance(value, dict) else {}
    if not isinstance(value, bool | dict) or not all(
        isinstance(pattern, str) and word in DECLARED for pattern, word in said.items()
    ):
        raise pytest.UsageError(
            f"{item.nodeid}: explore must be True, False, or the expected results by situation, each one of "
            f'{", ".join(DECLARED)}: fauxscale(explore={{"lost-reply": "fails"}})'
        )


def declared(item: pytest.Item, name: str) -> str:
    """What the user has declared that this test does in a situation, by its marker or the ini file; "" for nothing."""
    said: list[tuple[str, str]] = []
    for mark in item.iter_markers("fauxscale"):  # the closest marker comes first
        value = mark.kwargs.get("explore")
        if value is False:
            return "skip"
        if isinstance(value, dict):
            said += cast("dict[str, str]", value).items()
    said += _written(item.config)
    return next((word for pattern, word in said if _fits(name, pattern)), "")


def _written(config: pytest.Config) -> list[tuple[str, str]]:
    """The ini file's declarations about situations: patterns, and what clients do."""
    lines = [str(line).rpartition(":") for line in config.getini("fauxscale_explore")]
    return [(pattern.strip(), word.strip()) for pattern, _, word in lines]


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(name.partition("@")[0], pattern)
