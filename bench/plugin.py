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
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
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
        bare: list[float] = []
        added: list[float] = []
        for number in range(RUNS):
            order = (PLUGIN, ()) if number % 2 else ((), PLUGIN)
            times = {flags: run(folder, *flags) for flags in order}
            bare.append(times[()])
            added.append(times[PLUGIN] - times[()])
    print(
        f"a run of one empty test, {RUNS} pairs: what an unused plugin adds, in ms of CPU: median (quartiles)"
    )
    low, middle, high = (1000 * value for value in statistics.quantiles(added, n=4))
    print(
        f"  {middle:4.1f} ({low:.1f} to {high:.1f}) to the {1000 * statistics.median(bare):.0f} of pytest alone"
    )
