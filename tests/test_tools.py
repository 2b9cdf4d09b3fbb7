"""The promises of tests/tools.py: a missing program skips a test on a developer's machine and fails it under CI."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest

from tests import tools

ROOT = Path(__file__).resolve().parent.parent


def outcome(folder: Path, environ: dict[str, str]) -> str:
    """The closing lines of a run of one marked test on a machine that has no programs at all."""
    (folder / "test_marked.py").write_text(
        "from tests.tools import needs\n\n\n@needs('chromium', 'node')\ndef test_a_page() -> None: ...\n"
    )
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = needs\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-rs",
        "-p",
        "tests.conftest",
        "-p",
        "no:cacheprovider",
        str(folder),
    ]
    environment = {
        "PATH": str(folder),
        "PYTHONPATH": str(ROOT),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        **environ,
    }
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60).stdout


def test_a_missing_program_skips_with_its_name_and_package(tmp_path: Path) -> None:
    shown = outcome(tmp_path, {})
    assert "1 skipped" in shown
    assert f"needs chromium, node {tools.NODE} or newer (apt-get install chromium nodejs)" in shown


def test_under_ci_a_missing_program_fails_the_test(tmp_path: Path) -> None:
    shown = outcome(tmp_path, {"CI": "true"})
    assert "1 error" in shown
    assert "skipped" not in shown
    assert "CI=true allows no skipping" in shown


def test_a_program_that_is_there_is_found_and_nothing_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (program := tmp_path / "npm").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert tools.path_of("npm") == str(program)
    assert tools.absence(["npm"]) is None
    assert tools.find("chromium") is None


@pytest.mark.parametrize(
    ("said", "is_there"), [("v18.20.4", False), ("v20.0.0", True), ("v100.1.0", True), ("", False)]
)
def test_a_node_older_than_the_clients_ask_for_counts_as_missing(
    said: str, is_there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nodejs").write_text(f"#!/bin/sh\necho {said}\n")
    (tmp_path / "nodejs").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (tools.absence(["node"]) is None) is is_there


def test_an_unknown_program_is_refused_at_the_mark() -> None:
    with pytest.raises(ValueError, match="unknown tool 'chrome'"):
        tools.needs(cast(tools.Tool, "chrome"))
