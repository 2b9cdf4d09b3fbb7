"""The entry point: loads the plugin if pytest is new enough, and otherwise says in one line why not.

The base install includes it and does not require pytest, so any run in such an environment loads it. It therefore
uses only what every version of pytest has.
"""

from __future__ import annotations

import os
import sys

import pytest

OLDEST = (8, 0)


def stays_out(version: str) -> str:
    """Say why the plugin is not loaded by this version of pytest; "" if it is."""
    numbers = version.split(".")
    if tuple(int("".join(filter(str.isdigit, one)) or 0) for one in numbers[:2]) >= OLDEST:
        return ""
    oldest = ".".join(map(str, OLDEST))
    return f"fauxscale: the pytest plugin is not loaded: it needs pytest {oldest} or newer, and this is {version}"


_REASON = stays_out(pytest.__version__)

# Pytest loads the plugins that a plugin names in this variable.
pytest_plugins = () if _REASON else ("pytest_fauxscale.plugin",)


def pytest_addoption() -> None:
    """Say why: here nothing captures output yet, and pytest refuses our options only after it."""
    if _REASON and "PYTEST_XDIST_WORKER" not in os.environ:
        sys.stderr.write(f"{_REASON}\n")
