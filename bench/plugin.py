"""What the plugin costs a run of pytest that uses nothing of it, and what coverage adds to tests that use it."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import entry_points
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

RUNS = 60
TESTS = 200
PLUGIN = ("-p", "pytest_fauxscale.plugin")
# A run finds plugins by their entry points, whatever is installed: those of others are found and not loaded, and ours
# is loaded or not.
OTHERS = [
    flag
    for one in entry_points(group="pytest11")
    if one.name != "fauxscale"
    for flag in ("-p", f"no:{one.name}")
]
WITHOUT = ("-p", "no:fauxscale")


def run(folder: Path, *flags: str) -> float:
    """Seconds of CPU that a run of one empty test takes, from start to exit."""
    before = getrusage(RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *OTHERS, *flags],
        cwd=folder,
        env={"PATH": os.environ["PATH"]},  # modules are compiled once
        stdout=subprocess.DEVNULL,
        check=True,
    )
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


# A project whose tests each send a picture and read the result, and which times what coverage does meanwhile.
_PROJECT = """
import json
from time import thread_time

import httpx
import pytest
from pytest_fauxscale.coverage import Collector

spent = {{"test": 0.0, "end": 0.0, "once": 0.0}}

def timed(name, of):
    plain = getattr(Collector, name)
    def method(*args, **members):
        began = thread_time()
        try:
            return plain(*args, **members)
        finally:
            spent[of] += thread_time() - began
    setattr(Collector, name, method)

for name, of in (("__call__", "test"), ("give", "test"), ("settle", "test"), ("_judge", "end")):
    timed(name, of)

@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish():
    began = thread_time()
    from fauxscale_contracts.coverage.situations import lists_of
    import fauxscale_contracts.coverage.coverage
    lists_of("ideogram")[0].met([])
    spent["once"] = thread_time() - began

@pytest.fixture(scope="session")
def picture():
    from pytest_fauxscale.samples import SampleImages
    return SampleImages()()

@pytest.mark.parametrize("number", range({tests}))
def test_upload(fauxscale, picture, number):
    form = {{"image_file": ("a.png", picture, "image/png"), "image_request": (None, "{{}}", "application/json")}}
    headers = {{"Api-Key": fauxscale.api_key("ideogram")}}
    reply = httpx.post(fauxscale.base_url("ideogram") + "/upscale", headers=headers, files=form)
    assert httpx.get(reply.json()["data"][0]["url"]).status_code == 200

@pytest.hookimpl(trylast=True)
def pytest_unconfigure():
    print(json.dumps(spent))
"""


def coverage_costs(folder: Path) -> dict[str, float]:
    """Seconds that coverage takes: during all tests, and in judging them, most of it at the end."""
    (folder / "test_uploads.py").write_text(_PROJECT.format(tests=TESTS))
    (folder / "conftest.py").write_text("from test_uploads import pytest_sessionfinish, pytest_unconfigure\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", *PLUGIN, "test_uploads.py"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    costs: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return costs


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_empty.py").write_text("def test_empty():\n    assert True\n")
        (folder / "pytest.ini").write_text("[pytest]\n")
        run(folder)  # compiles
        times: dict[tuple[str, ...], list[float]] = {(): [], WITHOUT: []}
        for number in range(RUNS):
            for flags in (WITHOUT, ()) if number % 2 else ((), WITHOUT):
                times[flags].append(run(folder, *flags))
        costs = coverage_costs(folder)
    # The fastest runs are those that other work on the machine disturbed least.
    fastest = {flags: 1000 * statistics.mean(sorted(found)[: RUNS // 4]) for flags, found in times.items()}
    print(f"a run of one empty test, the fastest quarter of {RUNS} runs each, ms of CPU")
    print(f"  pytest alone              {fastest[WITHOUT]:6.1f}")
    print(f"  what an unused plugin adds {fastest[()] - fastest[WITHOUT]:5.1f}")
    print(f"situation coverage of {TESTS} tests of an upload and a download each, ms of CPU")
    print(f"  a test, while it runs     {1000 * costs['test'] / TESTS:7.3f}")
    print(f"  a test, judged at the end {1000 * costs['end'] / TESTS:7.3f}")
    print(f"  a run, to begin judging   {1000 * costs['once']:7.1f}")
