"""Client libraries of another major version than the one installed here, each in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests import tools

ROOT = Path(__file__).parent.parent.parent


def folder_with(requirement: str, name: str) -> Path:
    """A folder to put on PYTHONPATH that holds `requirement` and all it needs, installed once and kept.

    Skips the test where the index cannot be reached; with CI=true the test fails.
    """
    folder = ROOT / f".venv-{name}"
    if (folder / ".complete").exists():
        return folder
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".venv-") as scratch:
        made = Path(scratch) / name
        install = [
            sys.executable,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "install",
            "--quiet",
            "--target",
            str(made),
        ]
        done = subprocess.run([*install, requirement], capture_output=True, text=True, timeout=300)
        if done.returncode:
            reason = f"{requirement} cannot be installed: {done.stderr.strip()[-300:]}"
            if tools.required():
                pytest.fail(f"{reason}; CI=true allows no skipping", pytrace=False)
            pytest.skip(reason)
        (made / ".complete").touch()
        # Two workers may come here at once: the first to finish wins, and what it made is the same.
        try:
            made.rename(folder)
        except OSError:
            if not (folder / ".complete").exists():
                shutil.rmtree(folder, ignore_errors=True)
                made.rename(folder)
    return folder


def isolated(folder: Path) -> dict[str, str]:
    """An environment in which only `folder` and the standard library can be imported; start Python with -S."""
    return {**os.environ, "PYTHONPATH": str(folder)}
