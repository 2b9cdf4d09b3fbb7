"""`make audit`: asks the package index for advisories about the packages of the lock, by means of pip-audit.

Exit status 1 where there are any. Where no index could be asked it says so in one line and exits with 0: pip-audit says
"no known vulnerabilities" then (2.10.1, read 2026-11-21), which is unknown.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .lock import LOCK

PIP_AUDIT = (
    sys.executable,
    "-m",
    "pip_audit",
    "--require-hashes",
    "--disable-pip",
    "--progress-spinner",
    "off",
)


@dataclass(frozen=True, slots=True)
class Audit:
    """The answer: which packages were asked about, which were unknown, and the advisories, a line each."""

    asked: tuple[str, ...]
    unknown: tuple[str, ...]
    advisories: tuple[str, ...]

    def lines(self) -> Iterator[str]:
        """Say it to a person."""
        if not self.asked:
            yield f"not audited: the index tells of no advisories for any of {len(self.unknown)} packages"
            return
        yield f"{len(self.asked)} packages asked about, {len(self.advisories)} advisories"
        yield from (f"  {advisory}" for advisory in self.advisories)
        if self.unknown:
            yield f"  the index does not know {', '.join(self.unknown)}"


def read(report: str) -> Audit:
    """Read pip-audit's JSON."""
    packages: list[dict[str, Any]] = json.loads(report)["dependencies"]
    asked = [package for package in packages if "skip_reason" not in package]
    return Audit(
        tuple(package["name"] for package in asked),
        tuple(package["name"] for package in packages if "skip_reason" in package),
        tuple(
            f"{package['name']} {package['version']}: {found['id']}, mended in "
            f"{', '.join(found['fix_versions']) or 'no version yet'}"
            for package in asked
            for found in package["vulns"]
        ),
    )


def main(lock: Path = LOCK) -> int:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        options = ["--requirement", str(lock), "--format", "json", "--output", str(report)]
        done = subprocess.run([*PIP_AUDIT, *options], capture_output=True, text=True, check=False)
        if not report.exists():
            why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            print(f"not audited: the index could not be asked ({why[:200]})")
            return 0
        audit = read(report.read_text("utf-8"))
    print("\n".join(audit.lines()))
    return int(bool(audit.advisories))


if __name__ == "__main__":
    sys.exit(main())
