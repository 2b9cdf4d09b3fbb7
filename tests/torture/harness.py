"""Tries a great many seeded inputs on the server, one after the other, and reduces those that break a promise.

A run says what it tries (`Run`); `perform` draws try number n from the seed and n alone, so that a run goes on where
it was interrupted and a single try can be repeated. What takes too long is tried again before it is called a failure:
the machine may have been busy.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from .measures import Held, WatchedSelector, peak, resident, watched_runner
from .results import KEPT, Result, load, machine

T = TypeVar("T")

HELD_SECONDS = 0.05
REPLY_SECONDS = 2.0
GROWTH_KIB = 1024.0
CHARGE_BYTES = 100
REACHED, ACCEPTED = 0.3, 0.1
_FAILURES = 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one try. `what` is its line in the histogram; `broken` says which promise it broke."""

    what: str
    reached: bool = False
    accepted: bool = False
    charges: int = 0
    broken: str = ""


class Run(Protocol[T]):
    """One kind of input. Inputs of type T are values: trying one twice is the same try."""

    @property
    def name(self) -> str: ...

    @property
    def promise(self) -> str:
        """What holds for every try, in a sentence."""
        ...

    @property
    def count(self) -> int:
        """How many tries the whole run has."""
        ...

    def opened(self) -> AbstractAsyncContextManager[Callable[[T], Awaitable[Outcome]]]:
        """Start what is tried; yields the function that tries an input on it."""
        ...

    def make(self, dice: random.Random) -> T: ...

    def smaller(self, given: T) -> Iterator[T]:
        """Inputs a step smaller than this one, the smallest first."""
        ...

    def write(self, given: T) -> bytes:
        """The input as it is kept in a file."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a run goes: tries, seconds, and where it keeps what it found."""

    count: int
    seconds: float = float("inf")
    resume: bool = False
    kept: Path = KEPT


def perform(run: Run[T], seed: int, limits: Limits) -> Result:
    """Try inputs until the limits, then say what was found. Keeps the result as it goes."""
    selector = WatchedSelector()
    before = load(run.name, limits.kept) if limits.resume else None
    result = (
        before
        if before and before.seed == seed
        else Result(run.name, run.promise, seed, machine=machine(), date=f"{datetime.now(UTC):%Y-%m-%d}")
    )
    with watched_runner(selector) as runner:
        runner.run(_Performance(run, result, selector, limits).whole())
    result.save(limits.kept)
    return result


class _Performance(Generic[T]):
    """One run under way."""

    def __init__(self, run: Run[T], result: Result, selector: WatchedSelector, limits: Limits) -> None:
        self._run, self._result, self._selector, self._limits = run, result, selector, limits
        self._histogram = Counter(result.histogram)
        self._memory: list[tuple[int, int, int]] = []

    async def whole(self) -> None:
        result, begun = self._result, time.monotonic()
        before = result.seconds
        async with self._run.opened() as attempt:
            held = await self._warm(attempt)
            while result.count < self._limits.count and time.monotonic() - begun < self._limits.seconds:
                await self._try(attempt, result.count)
                result.count += 1
                if result.count % 1_000 == 0:
                    self._memory.append((result.count, result.charges, resident()))
                if result.count % 20_000 == 0:
                    result.seconds = before + time.monotonic() - begun
                    self._note()
                    result.save(self._limits.kept)
                if len(result.failures) >= _FAILURES:
                    break
            result.failures += held.left(threads=8)
        result.seconds = before + time.monotonic() - begun
        self._note()
        self._judge()

    async def _warm(self, attempt: Callable[[T], Awaitable[Outcome]]) -> Held:
        """Try a few inputs that do not count: threads start, modules load."""
        for number in range(200):
            await attempt(self._run.make(random.Random(f"warm {number}")))
        self._selector.begin()
        return Held()

    async def _try(self, attempt: Callable[[T], Awaitable[Outcome]], number: int) -> None:
        result = self._result
        given = self._run.make(random.Random(f"{result.seed} {number}"))
        outcome, took, held = await self._timed(attempt, given)
        result.slowest_ms = max(result.slowest_ms, 1000 * took)
        result.held_ms = max(result.held_ms, 1000 * held)
        self._histogram[outcome.what] += 1
        result.reached += outcome.reached
        result.accepted += outcome.accepted
        result.charges += outcome.charges
        if outcome.broken:
            await self._report(attempt, given, number, outcome.broken)

    async def _timed(
        self, attempt: Callable[[T], Awaitable[Outcome]], given: T
    ) -> tuple[Outcome, float, float]:
        """Try an input; where it took too long, twice more, and the least of the three counts."""
        outcome, took, held = await self._once(attempt, given)
        for _ in range(2):
            if not outcome.broken and (held > HELD_SECONDS or took > REPLY_SECONDS):
                outcome, again, held_again = await self._once(attempt, given)
                took, held = min(took, again), min(held, held_again)
        if held > HELD_SECONDS:
            outcome = _broken(outcome, f"holds the loop for {1000 * held:.0f} ms")
        elif took > REPLY_SECONDS:
            outcome = _broken(outcome, f"takes {took:.1f} s")
        return outcome, took, held

    async def _once(
        self, attempt: Callable[[T], Awaitable[Outcome]], given: T
    ) -> tuple[Outcome, float, float]:
        self._selector.begin()
        begun = time.perf_counter()
        outcome = await attempt(given)
        took = time.perf_counter() - begun
        return outcome, took, self._selector.held()

    async def _report(
        self, attempt: Callable[[T], Awaitable[Outcome]], given: T, number: int, broken: str
    ) -> None:
        """Reduce the input for as long as a smaller one breaks a promise too, and keep it in a file."""
        smallest, tries = given, 0
        looking = True
        while looking and tries < 2_000:
            looking = False
            for smaller in self._run.smaller(smallest):
                tries += 1
                outcome, _, _ = await self._timed(attempt, smaller)
                if outcome.broken:
                    smallest, looking = smaller, True
                    break
                if tries >= 2_000:
                    break
        written = self._run.write(smallest)
        folder = self._limits.kept / "found"
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{self._run.name}-{hashlib.sha256(written).hexdigest()[:12]}.bin"
        file.write_bytes(written)
        if not any(file.name in failure for failure in self._result.failures):
            self._result.failures.append(
                f"try {number} {broken}; reduced to {len(written):,} bytes: {written[:200]!r} ({file.name})"
            )
        self._selector.begin()

    def _note(self) -> None:
        self._result.histogram = dict(self._histogram)
        self._result.peak_mib = max(self._result.peak_mib, peak() / 2**20)

    def _judge(self) -> None:
        """Hold the whole run to its promises: memory, and that its tries were worth something."""
        result = self._result
        if len(self._memory) >= 20:
            # What fills up to its limits fills in the first half.
            (n, charged, used), (last, charges, now) = self._memory[len(self._memory) // 2], self._memory[-1]
            grown = now - used - CHARGE_BYTES * (charges - charged)
            result.growth_kib = grown / 1024 * 100_000 / max(last - n, 1)
            if result.growth_kib > GROWTH_KIB and last - n >= 100_000:
                result.failures.append(f"memory grows by {result.growth_kib:,.0f} KiB in 100,000 tries")
        for name, part, least in (
            ("reached a handler", result.reached, REACHED),
            ("succeeded", result.accepted, ACCEPTED),
        ):
            if part < least * result.count:
                result.failures.append(f"only {part / result.count:.1%} {name}: the tries are too wild")


def _broken(outcome: Outcome, how: str) -> Outcome:
    return Outcome(outcome.what, outcome.reached, outcome.accepted, outcome.charges, outcome.broken or how)


def smaller_bytes(data: bytes) -> Iterator[bytes]:
    """Parts of `data` cut out: a half first, single bytes last."""
    size = len(data) // 2
    while size:
        for at in range(0, len(data), size):
            yield data[:at] + data[at + size :]
        size //= 2
