"""What a run of `make torture` found: printed, and kept for docs/scoreboard.md."""

from __future__ import annotations

import json
import mmap
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

    def again(self) -> Result:
        """This result to go on with: what the tries broke stays, what the whole run is held to is judged anew."""
        self.failures = [failure for failure in self.failures if failure.startswith(("try ", "tries "))]
        return self

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


class Progress:
    """The number of the try under way, in a file that outlives a process which the try ends.

    `fatal` is the try that was under way when two processes in a row were ended: it is to be left out.
    """

    def __init__(self, name: str, folder: Path = KEPT) -> None:
        self._path = folder / f"{name}.at"
        found = self._path.read_bytes() if self._path.exists() else b""
        last, before = found[:8], found[8:]
        self.fatal = int.from_bytes(last) if last and last == before else None
        self._start = bytes(8) + (last or b"\xff" * 8)

    def __enter__(self) -> Progress:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_bytes(self._start)
        with self._path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 16)
        return self

    def __exit__(self, *_: object) -> None:
        self._map.close()
        self._path.unlink()

    def mark(self, number: int) -> None:
        """Say that this try begins."""
        self._map[:8] = number.to_bytes(8)


def machine() -> str:
    """Describe this machine in a few words."""
    return f"{os.cpu_count()} cores, {platform.system()}, Python {sys.version.partition(' ')[0]}"
