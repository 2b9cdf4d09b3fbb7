"""What the plugin costs a run of pytest that uses nothing of it."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

RUNS = 60
PLUGIN = ("-p", "pytest_fauxscale.plugin")


def run(folder: Path, *flags: str) -> float:
    """Seconds of CPU that a run of one empty test takes, from start to exit."""
    before = getrusage(RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *flags],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # modules are compiled once
        stdout=subprocess.DEVNULL,
        check=True,
    )
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_empty.py").write_text("def test_empty():\n    assert True\n")
        (folder / "pytest.ini").write_text("[pytest]\n")
        run(folder, *PLUGIN)  # compiles
        times: dict[tuple[str, ...], list[float]] = {(): [], PLUGIN: []}
        for number in range(RUNS):
            for flags in (PLUGIN, ()) if number % 2 else ((), PLUGIN):
                times[flags].append(run(folder, *flags))
    # The fastest runs are those that other work on the machine disturbed least.
    fastest = {flags: 1000 * statistics.mean(sorted(found)[: RUNS // 4]) for flags, found in times.items()}
    print(f"a run of one empty test, the fastest quarter of {RUNS} runs each, ms of CPU")
    print(f"  pytest alone              {fastest[()]:6.1f}")
    print(f"  what an unused plugin adds {fastest[PLUGIN] - fastest[()]:5.1f}")
