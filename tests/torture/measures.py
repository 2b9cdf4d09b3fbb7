"""What a process holds, and for how long its event loop was held: Linux only, as /proc tells it."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import os
import selectors
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median

_PAGE = os.sysconf("SC_PAGE_SIZE")
# Threads of pools: the application's, asyncio's, those of clients. They start when there is work, up to a bound.
_POOLS = ("fauxscale-", "asyncio_", "ThreadPoolExecutor-")
_MOST_POOLED = 64


def resident(pid: int | str = "self") -> int:
    """Memory of a process in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


def in_use() -> int:
    """Memory of this process in bytes, once the allocator has handed back what it keeps for later."""
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)
    return resident()


def peak(pid: int | str = "self") -> int:
    """The most memory a process ever had, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def waits() -> float:
    """Seconds that the threads of this process could have run and had no processor."""
    waited = 0
    for thread in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # it has ended by now
            waited += int((thread / "schedstat").read_text().split()[1])
    return waited / 1e9


def growth(samples: Sequence[tuple[int, float]]) -> tuple[float, int]:
    """Bytes a try by which memory grew, and over how many tries that is told: of samples (tries so far, bytes).

    Only the second half counts: what fills up to a limit fills in the first. Medians, for a single sample tells
    what was under way.
    """
    half = samples[len(samples) // 2 :]
    early, late = half[: len(half) // 2], half[len(half) // 2 :]
    if not early:
        return 0.0, 0
    tries = int(median(at for at, _ in late) - median(at for at, _ in early))
    return (median(used for _, used in late) - median(used for _, used in early)) / max(tries, 1), tries


def descriptors(pid: int | str = "self") -> Counter[str]:
    """What the open descriptors of a process lead to: sockets, pipes and files by their number or path."""
    found: Counter[str] = Counter()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found[os.readlink(link)] += 1
        except OSError:  # the one that lists them is gone by now
            continue
    return found


class Held:
    """How many descriptors and threads this process holds; `left` tells what came to stay."""

    def __init__(self) -> None:
        gc.collect()
        self._descriptors, self._threads = descriptors(), _threads()

    def left(self, threads: int = 0) -> list[str]:
        """What is there and was not before, but for `threads` more of them and those of pools."""
        if found := self._left(threads):
            gc.collect()
            found = self._left(threads)
        return found

    def _left(self, threads: int) -> list[str]:
        more = sorted((descriptors() - self._descriptors).elements())
        found = [f"{len(more)} descriptors left open: {more[0]}"] if more else []
        others = sorted(_threads() - self._threads)
        pooled = [name for name in others if name.startswith(_POOLS)]
        if len(others) - len(pooled) > threads or len(pooled) > _MOST_POOLED:
            found.append(f"{len(others)} threads left: {', '.join(others[:5])}")
        return found


def _threads() -> set[str]:
    return {f"{one.name} ({one.ident})" for one in threading.enumerate()}


@contextmanager
def own_temporary_files() -> Generator[Path]:
    """Give this process a folder of its own for temporary files, to see which are left. The folder goes at the end."""
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="fauxscale-torture-") as folder:
        tempfile.tempdir = folder
        try:
            yield Path(folder)
        finally:
            tempfile.tempdir = before


class Errors(logging.Handler):
    """Collects what is logged as an error, or with a traceback, instead of printing it."""

    def __init__(self) -> None:
        super().__init__()
        self._said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR or record.exc_info:
            raised = f" ({record.exc_info[1]!r})" if record.exc_info else ""
            self._said.append(f"{record.name}: {record.getMessage()}{raised}"[:1_000])

    def take(self) -> list[str]:
        """What was logged since this was asked last."""
        said, self._said = self._said, []
        return said


@contextmanager
def errors_collected() -> Generator[Errors]:
    """Collect what this process logs."""
    errors, root = Errors(), logging.getLogger()
    root.addHandler(errors)
    try:
        yield errors
    finally:
        root.removeHandler(errors)


class WatchedSelector(selectors.DefaultSelector):
    """A selector that knows how long each turn of its event loop took: what ran between two calls of `select`.

    What its thread only waited for a processor is not counted, where Linux tells that: the machine may be busy.
    """

    def __init__(self) -> None:
        super().__init__()
        told = Path("/proc/thread-self/schedstat")
        self._waits = os.open(told, os.O_RDONLY) if told.exists() else None
        self.longest = 0.0
        self._returned = self._spent()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.longest = max(self.longest, self._turn())
        events = super().select(timeout)
        self._returned = self._spent()
        return events

    def begin(self) -> None:
        """Forget the turns there were, and how long this one has lasted."""
        self.longest = 0.0
        self._returned = self._spent()

    def held(self) -> float:
        """The longest turn since `begin`, in seconds, this one included."""
        return max(self.longest, self._turn())

    def close(self) -> None:
        super().close()
        if self._waits is not None:
            os.close(self._waits)
            self._waits = None

    def _turn(self) -> float:
        return self._spent() - self._returned

    def _spent(self) -> float:
        """Seconds on a clock that stands still while this thread waits for a processor."""
        waited = 0 if self._waits is None else int(os.pread(self._waits, 64, 0).split()[1])
        return time.perf_counter() - waited / 1e9


def watched_runner(selector: WatchedSelector) -> asyncio.Runner:
    """Run coroutines on a loop that `selector` watches."""
    return asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector))
