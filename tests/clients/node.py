"""What the tests of JavaScript clients start: node, beside the packages that tests/js/package.json names."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests import tools

JS = Path(__file__).parent.parent / "js"


def installed() -> Path:
    """tests/js with its packages in place, as its lock file says; installed once and kept.

    Skips the test where the packages cannot be had; with CI=true the test fails.
    """
    lock, stamp = JS / "package-lock.json", JS / "node_modules" / "installed.json"
    with (JS / "package.json").open("rb") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # two workers may come here at once
        if stamp.exists() and stamp.read_bytes() == lock.read_bytes():
            return JS
        command = [tools.path_of("npm"), "ci", "--prefer-offline", "--loglevel=error"]
        done = subprocess.run(command, cwd=JS, capture_output=True, text=True, timeout=300)
        if done.returncode:
            reason = f"the packages of tests/js cannot be installed: {done.stderr.strip()[-500:]}"
            if tools.required():
                pytest.fail(f"{reason}; CI=true allows no skipping", pytrace=False)
            pytest.skip(reason)
        shutil.copyfile(lock, stamp)
    return JS


def node(*words: str, cwd: Path = JS, env: Mapping[str, str] | None = None) -> str:
    """What node prints on stdout. A program that fails, fails the test."""
    done = subprocess.run(
        [tools.path_of("node"), *words],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    return done.stdout


def run_module(source: str, folder: Path, env: Mapping[str, str] | None = None) -> str:
    """What an ES module prints that may import the packages and finds `fixtures/` beside it."""
    beside = {"node_modules": installed() / "node_modules", "fixtures": JS.parent.parent / "fixtures"}
    for name, target in beside.items():
        if not (folder / name).exists():
            (folder / name).symlink_to(target)
    (folder / "program.mjs").write_text(source, encoding="utf-8")
    return node("program.mjs", cwd=folder, env=env)


def play(scenes: str, task: Mapping[str, object]) -> dict[str, Any]:
    """What came of every scene of tests/js/`scenes`, by name; see play.mjs."""
    told: dict[str, Any] = json.loads(node("play.mjs", f"./{scenes}", json.dumps(task), cwd=installed()))
    return told
