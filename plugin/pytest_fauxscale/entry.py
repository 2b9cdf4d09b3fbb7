"""The entry point: loads the plugin if pytest is new enough, and otherwise says in one line why not.

It comes with the base install, which asks for no pytest: any run in such an environment loads it. So it uses only
what every pytest has.
"""

from __future__ import annotations

import os
import sys

import pytest

OLDEST = (8, 0)


def stays_out(version: str) -> str:
    """Say why the plugin is not loaded by this version of pytest; "" where it is."""
    numbers = version.split(".")
    if tuple(int("".join(filter(str.isdigit, one)) or 0) for one in numbers[:2]) >= OLDEST:
        return ""
    oldest = ".".join(map(str, OLDEST))
    return f"fauxscale: the pytest plugin is not loaded: it needs pytest {oldest} or newer, and this is {version}"


_REASON = stays_out(pytest.__version__)

# Pytest loads what a plugin names so.
pytest_plugins = () if _REASON else ("pytest_fauxscale.plugin",)


def pytest_addoption() -> None:
    """Say why: here nothing captures output yet, and options of ours that are refused are refused after it."""
    if _REASON and "PYTEST_XDIST_WORKER" not in os.environ:
        sys.stderr.write(f"{_REASON}\n")
