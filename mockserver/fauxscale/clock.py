"""Time: the only module that reads it or waits, and the clock per account that tests freeze and move."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import formatdate
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

# The times that calendars, and so replies, can show. A year is left for what is reckoned from a clock.
EARLIEST, LATEST = -62_135_596_800.0, 253_370_764_800.0  # 0001-01-01 and 9999-01-01


def wall() -> float:
    """Real time, Unix seconds. For lifetimes of the stand-in's own memory; wire facts use `Clock.now`."""
    return time.time()


# Where machines share a store, each counts its monotonic seconds from a start of its own.
_BEGUN = time.time() - time.perf_counter()


def stopwatch() -> float:
    """Seconds on a clock that only goes forward, for durations, and to tell what ended first: about the same on all
    machines that have the same time."""
    return _BEGUN + time.perf_counter()


async def give_way() -> None:
    """Let whatever else is due go on first."""
    await asyncio.sleep(0)


async def wait(seconds: float) -> None:
    """Really wait. Only a configured fault (a delay, a stall) or a set latency does so."""
    if seconds > 0:
        await asyncio.sleep(seconds)


def repeat(seconds: float, work: Callable[[], Awaitable[object]]) -> Callable[[], None]:
    """Call a function every so many seconds on the running loop, until the returned function is called."""
    loop = asyncio.get_running_loop()
    running: set[asyncio.Future[object]] = set()
    timers: list[asyncio.TimerHandle] = []

    def start() -> None:
        timers[:] = [loop.call_later(seconds, start)]
        task = asyncio.ensure_future(work())
        running.add(task)
        task.add_done_callback(running.discard)

    timers.append(loop.call_later(seconds, start))
    return lambda: timers[0].cancel()


class Clock(Struct, frozen=True):
    """An account's time: real time moved by `offset` seconds, or standing still at `frozen_at`.

    `ahead`: so many seconds the clock that machines share is ahead of this machine's. It is no part of what is stored.
    """

    offset: float = 0.0
    frozen_at: float | None = None
    ahead: float = 0.0

    def now(self) -> float:
        """Unix seconds, within what calendars know."""
        at = self.unbounded()
        return at if EARLIEST <= at <= LATEST else min(max(at, EARLIEST), LATEST)

    def unbounded(self) -> float:
        """What it would show if calendars had no end."""
        return self.frozen_at if self.frozen_at is not None else self._real() + self.offset

    def advance(self, seconds: float) -> Clock:
        if self.frozen_at is not None:
            return replace(self, frozen_at=self.frozen_at + seconds)
        return replace(self, offset=self.offset + seconds)

    def freeze(self, at: float | None = None) -> Clock:
        return replace(self, frozen_at=self.now() if at is None else at)

    def set(self, at: float) -> Clock:
        """Set the clock to `at`; a frozen clock stays frozen, a running one runs on from there."""
        if self.frozen_at is not None:
            return replace(self, frozen_at=at)
        return replace(self, offset=at - self._real())

    def unfreeze(self) -> Clock:
        """Run on from the time shown."""
        if self.frozen_at is None:
            return self
        return replace(self, offset=self.frozen_at - self._real(), frozen_at=None)

    def _real(self) -> float:
        return wall() + self.ahead


def http_date(at: float) -> str:
    """Format Unix seconds as an HTTP-date: `Fri, 20 Nov 2026 13:00:00 GMT`."""
    return _http_date(int(min(max(at, EARLIEST), LATEST) // 1))


@lru_cache(64)  # the calls of one second tell the same one
def _http_date(second: int) -> str:
    return formatdate(second, usegmt=True)


def iso(at: float, between: str = "T") -> str:
    """Format Unix seconds in ISO 8601: `2026-11-20T13:00:00+00:00`, or with another separator than T."""
    return _iso(int(min(max(at, EARLIEST), LATEST)), between)


@lru_cache(64)
def _iso(second: int, between: str) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat(sep=between)
