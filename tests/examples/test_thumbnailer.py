"""The example project keeps its promises, and its tests notice when it stops: each planted bug is caught by name."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.examples.bugs import BUGS, Bug, copy, plant

pytestmark = pytest.mark.e2e  # each is a run of pytest

FAILED = re.compile(r"^FAILED tests/test_thumbnailer\.py::(\w+)", re.MULTILINE)


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The example's tests in `folder`, by a pytest of their own."""
    command = [sys.executable, "-B", "-m", "pytest", "-q", *words]
    for unused in ("cacheprovider", "schemathesis", "xdist", "hypothesispytest"):
        command += ["-p", f"no:{unused}"]
    # Not measured: the example is a user's code, and measuring doubles what starting Python costs.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60)


def failed(output: str) -> list[str]:
    return sorted(set(FAILED.findall(output)))


def test_the_example_passes_its_own_tests(tmp_path: Path) -> None:
    done = run(copy(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr


def test_its_usage_is_what_it_sends_and_reads(tmp_path: Path) -> None:
    done = run(copy(tmp_path), f"--fauxscale-usage={tmp_path}")
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads((tmp_path / "ideogram-2026-04.usage.json").read_text())
    assert list(document["paths"]) == ["/upscale"]
    operation = document["paths"]["/upscale"]["post"]
    form = operation["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    assert form["image_request"]["properties"].keys() == {"resemblance", "num_images"}
    reply = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert reply["properties"].keys() == {"data"}
    assert reply["properties"]["data"]["items"]["properties"].keys() == {"is_image_safe", "url"}


@pytest.mark.parametrize("bug", [pytest.param(bug, id=bug.what.replace(" ", "-")) for bug in BUGS])
def test_a_planted_bug_is_caught_by_the_tests_named_for_it(bug: Bug, tmp_path: Path) -> None:
    folder = copy(tmp_path)
    plant(bug, (folder / "thumbnailer").glob("*.py"))
    done = run(folder)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    assert failed(done.stdout) == sorted(bug.caught_by), done.stdout


def test_at_least_twelve_bugs_are_planted_and_no_two_are_one() -> None:
    assert len({(bug.old, bug.new) for bug in BUGS}) == len({bug.what for bug in BUGS}) == len(BUGS) >= 12
