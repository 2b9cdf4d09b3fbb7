"""A run that uses nothing of the plugin pays next to nothing for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HEAVY = (
    "httpx",
    "httpx2",
    "starlette",
    "uvicorn",
    "PIL",
    "hypothesis",
    "respx",
    "jsonschema_rs",
    "fauxscale",
)
LOAD = """
import json, sys, time
import pytest
before, start = set(sys.modules), time.perf_counter()
import pytest_fauxscale.plugin
print(json.dumps({"ms": (time.perf_counter() - start) * 1000, "modules": sorted(set(sys.modules) - before)}))
"""
LOOK = """
import sys
HEAVY = {heavy!r}

def loaded():
    return sorted(set(HEAVY) & set(sys.modules))

def test_unused():
    assert loaded() == []

def test_pictures(sample_image):
    assert sample_image()
    assert loaded() == ["PIL"]

def test_account(fauxscale):
    assert not {{"hypothesis", "respx", "httpx2", "jsonschema_rs"}} & set(loaded())
"""


def python(cwd: Path, *args: str) -> str:
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    # A measured run starts without coverage, which would be measured too.
    env = {name: value for name, value in env.items() if not name.startswith("COVERAGE")}
    done = subprocess.run(
        [sys.executable, *args], cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_loading_the_plugin_takes_under_ten_modules_and_no_heavy_one(tmp_path: Path) -> None:
    loaded: dict[str, Any] = json.loads(python(tmp_path, "-c", LOAD))
    assert len(loaded["modules"]) < 10, loaded["modules"]
    assert not set(HEAVY) & set(loaded["modules"])


@pytest.mark.torture
def test_loading_the_plugin_takes_under_five_milliseconds(tmp_path: Path) -> None:
    # The best of a dozen: the first compiles, and other programs run on this machine too.
    runs: list[dict[str, Any]] = [json.loads(python(tmp_path, "-c", LOAD)) for _ in range(12)]
    assert min(run["ms"] for run in runs) < 5


def test_nothing_heavy_is_loaded_until_a_fixture_needs_it(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(LOOK.format(heavy=HEAVY))
    out = python(tmp_path, "-m", "pytest", "-p", "pytest_fauxscale.plugin", "-p", "no:cacheprovider", "-q")
    assert "3 passed" in out
