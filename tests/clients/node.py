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

from tests import tools

JS = Path(__file__).parent.parent / "js"


def installed(folder: Path = JS) -> Path:
    """A folder with its packages in place, as its lock file says by version and hash; installed once and kept.

    Skips the test where the packages cannot be had; with CI=true the test fails.
    """
    lock, stamp = folder / "package-lock.json", folder / "node_modules" / "installed.json"
    with (folder / "package.json").open("rb") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # two workers may come here at once
        if stamp.exists() and stamp.read_bytes() == lock.read_bytes():
            return folder
        command = [tools.path_of("npm"), "ci", "--prefer-offline", "--loglevel=error"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=400)
        if done.returncode:
            tools.not_installed(f"what {folder.name}/package.json names", done.stderr)
        shutil.copyfile(lock, stamp)
    return folder


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


def play(cases: str, task: Mapping[str, object]) -> dict[str, Any]:
    """What came of every case of tests/js/`cases`, by name; see play.mjs."""
    told: dict[str, Any] = json.loads(node("play.mjs", f"./{cases}", json.dumps(task), cwd=installed()))
    return told
