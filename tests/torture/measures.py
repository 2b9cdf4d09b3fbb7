"""What a process holds, and for how long its event loop was held: Linux only, as /proc tells it."""

from __future__ import annotations

import asyncio
import gc
import os
import selectors
import threading
import time
from collections import Counter
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


def resident(pid: int | str = "self") -> int:
    """Memory of a process in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


def peak(pid: int | str = "self") -> int:
    """The most memory a process ever had, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


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
        self._descriptors, self._threads = descriptors(), threading.active_count()

    def left(self, threads: int = 0) -> list[str]:
        """What is there and was not before, but for `threads` more of them."""
        gc.collect()
        more = sorted((descriptors() - self._descriptors).elements())
        found = [f"{len(more)} descriptors left open: {', '.join(more[:5])}"] if more else []
        if (now := threading.active_count()) > self._threads + threads:
            found.append(f"{now - self._threads} threads left")
        return found


class WatchedSelector(selectors.DefaultSelector):
    """A selector that knows how long each turn of its event loop took: what ran between two calls of `select`."""

    def __init__(self) -> None:
        super().__init__()
        self.longest = 0.0
        self._returned = time.perf_counter()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.longest = max(self.longest, time.perf_counter() - self._returned)
        events = super().select(timeout)
        self._returned = time.perf_counter()
        return events

    def begin(self) -> None:
        """Forget the turns there were, and how long this one has lasted."""
        self.longest = 0.0
        self._returned = time.perf_counter()

    def held(self) -> float:
        """The longest turn since `begin`, in seconds, this one included."""
        return max(self.longest, time.perf_counter() - self._returned)


def watched_runner(selector: WatchedSelector) -> asyncio.Runner:
    """Run coroutines on a loop that `selector` watches."""
    return asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector))
