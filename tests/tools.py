"""What a test may need from outside Python: programs that a developer may lack and CI may not.

Mark a test, a class or a module with what it starts, and ask where that is:

    @needs("redis-server")
    def test_two_workers_share_one_wallet() -> None:
        subprocess.Popen([path_of("redis-server"), ...])

Where the program is installed, the test runs. Where it is not, the test is skipped with the reason, so that
`make test` is of use on a bare machine. With CI=true in the environment nothing is skipped for want of a
program: the test fails, because a green run that left the browser out would promise too much. A Node.js
older than tests/js/package.json asks for counts as missing: the clients would fail in it for reasons of their own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Literal, NoReturn

import pytest

Tool = Literal["chromium", "curl", "fish", "node", "npm", "redis-server", "zsh"]

# The names a program goes by, the likeliest first; and how Debian calls what brings it.
NAMES: Mapping[Tool, tuple[str, ...]] = {
    "chromium": ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"),
    "curl": ("curl",),
    "fish": ("fish",),
    "node": ("node", "nodejs"),
    "npm": ("npm",),
    "redis-server": ("redis-server", "valkey-server"),
    "zsh": ("zsh",),
}
PACKAGES: Mapping[Tool, str] = {
    "chromium": "chromium",
    "curl": "curl",
    "fish": "fish",
    "node": "nodejs",
    "npm": "npm",
    "redis-server": "redis-server",
    "zsh": "zsh",
}
# The oldest Node.js (major version) the clients run in: 18, Debian 12's, has no global File.
NODE = int(
    json.loads((Path(__file__).parent / "js" / "package.json").read_text())["engines"]["node"].strip(">=")
)


def needs(*tools: Tool) -> pytest.MarkDecorator:
    """A mark: this test starts these programs. conftest.py skips or fails it where one is missing."""
    for tool in tools:
        if tool not in NAMES:
            raise ValueError(f"unknown tool {tool!r}: name it in tests/tools.py")
    return pytest.mark.needs(*tools)


def find(tool: Tool) -> str | None:
    """The path of the program, or None where it is not installed, or too old."""
    paths = (path for name in NAMES[tool] if (path := shutil.which(name)))
    return next((path for path in paths if tool != "node" or _is_new(path)), None)


@cache
def _is_new(node: str) -> bool:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, check=False).stdout
    found = re.match(r"v(\d+)\.", said)
    return found is not None and int(found[1]) >= NODE


def path_of(tool: Tool) -> str:
    """The path of a program the test is marked to need."""
    path = find(tool)
    if path is None:
        raise LookupError(f"{tool} is not installed; mark the test with needs({tool!r})")
    return path


def required(environ: Mapping[str, str] | None = None) -> bool:
    """Whether a missing program is a failure: CI=true."""
    return (os.environ if environ is None else environ).get("CI", "").lower() in {"1", "true"}


def not_installed(what: str, said: str) -> NoReturn:
    """Skip a test whose packages the index did not give; fail it under CI, and where a file is not the one locked."""
    reason = f"{what} cannot be installed: {said.strip()[-500:]}"
    if "EINTEGRITY" in said or "DO NOT MATCH THE HASHES" in said:
        pytest.fail(reason, pytrace=False)
    if required():
        pytest.fail(f"{reason}; CI=true allows no skipping", pytrace=False)
    pytest.skip(reason)


def absence(tools: Iterable[Tool]) -> str | None:
    """One line naming the programs that are missing and what installs them, or None when all are there."""
    missing: list[Tool] = [tool for tool in tools if find(tool) is None]
    if not missing:
        return None
    names = (f"{tool} {NODE} or newer" if tool == "node" else tool for tool in missing)
    return f"needs {', '.join(names)} (apt-get install {' '.join(PACKAGES[tool] for tool in missing)})"


def enforce(item: pytest.Item) -> None:
    """Skip a test whose programs are missing; under CI, fail it."""
    demand(*(tool for mark in item.iter_markers("needs") for tool in mark.args))


def demand(*tools: Tool) -> None:
    """Skip the test that asks where a program is missing; under CI, fail it."""
    reason = absence(tools)
    if reason is None:
        return
    if required():
        pytest.fail(f"{reason}; CI=true allows no skipping", pytrace=False)
    pytest.skip(reason)
