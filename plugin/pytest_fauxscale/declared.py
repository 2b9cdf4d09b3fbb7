"""The options of the command line, the ini values and the marker's arguments.

Every run of pytest imports this, with or without the plugin's features: values are looked up and checked elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pytest

Value = float | int | str
Network = Literal["block", "allow"]
Strictness = Literal["strict", "error", "warn", "off"]
MARKER = "fauxscale"


class Option:
    """One argument of the marker, the option `--fauxscale-<name>` and the ini value `fauxscale_<name>`."""

    # Not a dataclass: making one costs every run of pytest a millisecond.

    __slots__ = ("choices", "default", "kind", "text")

    def __init__(
        self,
        kind: type[float] | type[int] | type[str],
        text: str,
        default: Value | None = None,
        choices: tuple[str, ...] | None = None,
    ) -> None:
        self.kind, self.text, self.default, self.choices = kind, text, default, choices


TERMS: Mapping[str, Option] = {
    "balance": Option(float, "dollars in the wallet of each test's account", 10.0),
    "rate_limit": Option(int, "calls per minute before a 429"),
    "in_flight": Option(int, "concurrent calls before a 429"),
    "link_ttl": Option(float, "seconds until a link to a result expires"),
    "latency": Option(float, "minimum seconds that every API call takes"),
    "time": Option(
        str, "real, or virtual: clients are never told to wait in real time", choices=("real", "virtual")
    ),
    "api_version": Option(str, "API version of the providers, such as 2026-10"),
}
# Those of a run, not of a test.
NETWORK = Option(str, "block or allow connections to other machines", "block", ("block", "allow"))
CONTRACT = Option(
    str,
    "what a violation of the recorded contract does to its test: strict, error, warn or off",
    "error",
    ("strict", "error", "warn", "off"),
)
BUDGET = Option(float, "fail the run if its calls would have cost more than this, in dollars")
FAIL_UNDER = Option(float, "fail the run if its tests meet fewer of the situations than this, in percent")
_OF_RUNS = {"network": NETWORK, "budget": BUDGET, "contract": CONTRACT, "coverage_fail_under": FAIL_UNDER}
EVERY: Mapping[str, Option] = {**TERMS, **_OF_RUNS}
MARKED = (*TERMS, "contract", "explore")
_TYPED = {float: "NUMBER", int: "COUNT", str: "DATE"}
_INI: Mapping[type, Literal["float", "int", "string"]] = {float: "float", int: "int", str: "string"}
_NUMBERS = pytest.version_tuple >= (8, 4)  # which pytest has read itself by then
# Each has the default None, so that given values can be told from missing ones.
_MORE: Mapping[str, dict[str, Any]] = {
    "coverage": {
        "action": "append",
        "metavar": "REPORT",
        "help": "report which situations the tests met: term, html, json or md; html:PATH writes to that file",
    },
    "usage": {
        "metavar": "DIR",
        "help": "write to this folder which parts of the recorded contracts the tested clients use",
    },
    "contract-report": {
        "metavar": "FILE",
        "help": "write contract violations to this file, for `fauxscale-contracts gate`",
    },
    "url": {"metavar": "URL", "help": "use the fauxscale server at this URL instead of starting one"},
    "token": {"metavar": "TOKEN", "help": "the control API token of that server"},
}
_EXPLORE: Mapping[str, dict[str, Any]] = {
    "explore": {
        "action": "store_const",
        "const": True,
        "help": "run each passing test again, once for each situation that can affect one of its calls",
    },
    "explore-plan": {
        "metavar": "FILE",
        "help": "run a plan written by --fauxscale-explore, without the normal run first",
    },
    "explore-max": {"type": int, "metavar": "COUNT", "help": "maximum number of situations to try"},
    "explore-patience": {
        "type": float,
        "metavar": "SECONDS",
        "help": "also try replies that never come, and report clients that wait longer than this",
    },
    "explore-fail": {
        "choices": ("wrong", "look", "never"),
        "help": "lowest verdict that fails the run (default: wrong)",
    },
    "explore-report": {
        "action": "append",
        "metavar": "FILE",
        "help": "write the findings to this file: .html, .json or .md",
    },
    "explore-write": {
        "metavar": "DIR",
        "help": "write a regression test for each finding to this folder",
    },
    "explore-baseline": {
        "metavar": "FILE",
        "help": "file of accepted findings, one per line: TEST SITUATION # why",
    },
}


def declare(parser: pytest.Parser) -> None:
    """Declare the command line options and ini values."""
    group = parser.getgroup("fauxscale", "fauxscale, a mock server for image-upscaling APIs")
    for name, option in EVERY.items():
        given = "" if option.default is None else f" (default: {option.default})"
        group.addoption(
            f"--fauxscale-{name.replace('_', '-')}",
            type=option.kind,
            default=None,
            choices=option.choices,
            metavar=None if option.choices else _TYPED[option.kind],
            help=f"{option.text}{given}",
        )
        parser.addini(
            f"fauxscale_{name}", option.text, type=_INI[option.kind if _NUMBERS else str], default=None
        )
    explore = parser.getgroup("fauxscale-explore", "fauxscale: run tests again in other situations")
    for heading, options in ((group, _MORE), (explore, _EXPLORE)):
        for name, members in options.items():
            heading.addoption(f"--fauxscale-{name}", default=None, **members)
    parser.addini(
        "fauxscale_reachable",
        "hosts that tests may reach even though the network is blocked",
        type="args",
        default=[],
    )
    parser.addini(
        "fauxscale_explore",
        "expected results by situation, one per line: PATTERN: passes, fails, either or skip",
        type="linelist",
        default=[],
    )


def is_given(config: pytest.Config) -> bool:
    """Whether the run was given any of these options or ini values."""
    if any(value is not None for name, value in vars(config.option).items() if name.startswith(MARKER)):
        return True
    try:
        return any(
            config.getini(f"{MARKER}_{name}") not in (None, "", [])
            for name in (*EVERY, "reachable", "explore")
        )
    except (
        TypeError,
        ValueError,
        pytest.UsageError,
    ):  # given, but invalid; which one depends on pytest's version
        return True
