"""Python packages that are not of the development environment, each with what it needs in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests import tools

ROOT = Path(__file__).parent.parent.parent


def folder_with(requirement: str | Path, name: str) -> Path:
    """A folder to put on PYTHONPATH that holds `requirement` and all it needs, installed once and kept.

    A file of requirements is all that is installed, and has the hashes of their files. Skips the test where the index
    cannot be reached; with CI=true the test fails.
    """
    if isinstance(requirement, Path):
        wanted, version = (
            ["--no-deps", "--require-hashes", "-r", str(requirement)],
            requirement.read_text("utf-8"),
        )
    else:
        wanted, version = [requirement], requirement
    folder = ROOT / f".venv-{name}"
    if _is_there(folder, version):
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
        done = subprocess.run([*install, *wanted], capture_output=True, text=True, timeout=300)
        if done.returncode:
            tools.not_installed(str(requirement), done.stderr)
        (made / ".complete").write_text(version, "utf-8")
        # Two workers may come here at once: the first to finish wins, and what it made is the same.
        try:
            made.rename(folder)
        except OSError:
            if not _is_there(folder, version):
                shutil.rmtree(folder, ignore_errors=True)
                made.rename(folder)
    return folder


def _is_there(folder: Path, version: str) -> bool:
    stamp = folder / ".complete"
    return stamp.exists() and stamp.read_text("utf-8") == version


def isolated(folder: Path) -> dict[str, str]:
    """An environment in which only `folder` and the standard library can be imported; start Python with -S."""
    return {**os.environ, "PYTHONPATH": str(folder)}
