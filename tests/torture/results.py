"""What a run of `make torture` found: printed, and kept for docs/scoreboard.md."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "build" / "torture"


@dataclass(slots=True)
class Result:
    """The figures of one run. `histogram` counts outcomes; `figures` are what a run measures besides."""

    name: str
    promise: str
    seed: int
    count: int = 0
    seconds: float = 0.0
    slowest_ms: float = 0.0
    held_ms: float = 0.0
    peak_mib: float = 0.0
    growth_kib: float = 0.0
    """Of memory, for each 100,000 tries, charges not counted."""
    reached: int = 0
    accepted: int = 0
    charges: int = 0
    histogram: dict[str, int] = field(default_factory=dict[str, int])
    figures: dict[str, str] = field(default_factory=dict[str, str])
    failures: list[str] = field(default_factory=list[str])
    date: str = ""
    machine: str = ""

    @property
    def rate(self) -> float:
        """Tries a second."""
        return self.count / self.seconds if self.seconds else 0.0

    def save(self, folder: Path = KEPT) -> Path:
        """Write the figures to `folder`, at once or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{self.name}.json"
        half = file.with_suffix(".part")
        half.write_text(json.dumps(asdict(self), indent=1, sort_keys=True) + "\n", encoding="utf-8")
        half.replace(file)
        return file

    def lines(self) -> Iterator[str]:
        """Say it to a person."""
        yield f"{self.name}: {self.promise}"
        yield (
            f"  {self.count:,} tries in {self.seconds:,.0f} s ({self.rate:,.0f}/s), seed {self.seed}; "
            f"slowest {self.slowest_ms:,.0f} ms, loop held {self.held_ms:,.0f} ms at most, "
            f"peak {self.peak_mib:,.0f} MiB, growth {self.growth_kib:,.0f} KiB in 100,000 tries"
        )
        if self.count:
            yield (
                f"  {self.reached / self.count:.0%} reached a handler, {self.accepted / self.count:.0%} succeeded, "
                f"{self.charges:,} charges"
            )
        for what, times in sorted(self.histogram.items(), key=lambda item: -item[1])[:40]:
            yield f"  {times:>9,}  {what}"
        yield from (f"  {name}: {figure}" for name, figure in self.figures.items())
        yield from (f"  FAIL {failure}" for failure in self.failures)
        yield "  PASS" if not self.failures else f"  {len(self.failures)} failures"


def load(name: str, folder: Path = KEPT) -> Result | None:
    """Read what a run kept; None where there is nothing."""
    file = folder / f"{name}.json"
    return Result(**json.loads(file.read_text(encoding="utf-8"))) if file.exists() else None


def machine() -> str:
    """Describe this machine in a few words."""
    return f"{os.cpu_count()} cores, {platform.system()}, Python {sys.version.partition(' ')[0]}"
