"""Tries a great many seeded inputs on the server, one after the other, and reduces those that break a promise.

A run says what it tries (`Run`); `perform` draws try number n from the seed and n alone, so that a run goes on where
it was interrupted and a single try can be repeated. What takes too long is tried again before it is called a failure:
the machine may have been busy. Whatever is logged as an error breaks a promise too.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import random
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Generic, TypeVar

from .measures import (
    Errors,
    Held,
    WatchedSelector,
    errors_collected,
    growth,
    in_use,
    own_temporary_files,
    peak,
    waits,
    watched_runner,
)
from .results import Progress, Result, load, machine
from .runs import Limits, Outcome, Run, smaller_bytes

__all__ = ["Limits", "Outcome", "Run", "perform", "smaller_bytes"]

T = TypeVar("T")

HELD_SECONDS = 0.05
REPLY_SECONDS = 2.0
GROWTH_KIB = 1024.0
CHARGE_BYTES = 100
REACHED, ACCEPTED = 0.3, 0.1
# Of failures that read the same two are reduced, the others counted; a run ends that has too many.
_ALIKE, _FAILURES = 2, 200
# Descriptors and threads are counted once in so many tries; what came to stay is then looked for among these.
_COUNTED = 1_000
# Reducing an input ends after so many tries, or seconds: what breaks a promise may take long to do so.
_REDUCING, _REDUCING_SECONDS = 2_000, 60.0
_AGAIN = 3


def perform(run: Run[T], seed: int, limits: Limits) -> Result:
    """Try inputs until the limits, then say what was found. Keeps the result as it goes."""
    selector = WatchedSelector()
    before = load(run.name, limits.kept) if limits.resume else None
    result = (
        before.again()
        if before and before.seed == seed
        else Result(run.name, run.promise, seed, machine=machine(), date=f"{datetime.now(UTC):%Y-%m-%d}")
    )
    with Progress(run.name, limits.kept) as at, own_temporary_files() as files, errors_collected() as errors:
        held = Held()
        try:
            with watched_runner(selector) as runner:
                runner.run(_Performance(run, result, selector, limits, errors, at).whole())
            result.failures += [f"at the end {one}" for one in held.left()]
            if left := sorted(file.name for file in files.iterdir()):
                result.failures.append(f"at the end {len(left)} temporary files left: {', '.join(left[:5])}")
        finally:
            gc.unfreeze()
            result.save(limits.kept)
    return result


class _Performance(Generic[T]):
    """One run under way."""

    def __init__(
        self,
        run: Run[T],
        result: Result,
        selector: WatchedSelector,
        limits: Limits,
        errors: Errors,
        at: Progress,
    ) -> None:
        self._run, self._result, self._selector, self._limits = run, result, selector, limits
        self._errors, self._at = errors, at
        self._histogram = Counter(result.histogram)
        self._memory: list[tuple[int, float]] = []
        self._alike: dict[str, list[int]] = {}
        self._leaks = False

    async def whole(self) -> None:
        result, begun = self._result, time.monotonic()
        before = result.seconds
        async with self._run.opened() as attempt:
            await self._warm(attempt)
            await self._again(attempt)
            try:
                await self._tries(attempt, begun, before)
            finally:
                result.seconds = before + time.monotonic() - begun
                self._note()
        self._judge()

    async def _tries(self, attempt: Callable[[T], Awaitable[Outcome]], begun: float, before: float) -> None:
        result, counted, held = self._result, self._result.count, Held()
        found = False
        while result.count < self._limits.count and time.monotonic() - begun < self._limits.seconds:
            self._at.mark(result.count)
            if result.count == self._at.fatal:
                given = self._run.make(random.Random(f"{result.seed} {result.count}"))
                self._fail(result.count, "ended the process, twice", self._run.write(given))
            else:
                await self._try(attempt, result.count)
            result.count += 1
            if result.count % _COUNTED == 0:
                charged = CHARGE_BYTES * result.charges
                self._memory.append((result.count, float(in_use() - charged)))
                if not found and await _left(held):
                    found = True  # it is looked for once: what was found goes on coming
                    await self._find_leak(attempt, held, range(counted, result.count))
                counted = result.count
            if result.count % 20_000 == 0:
                result.seconds = before + time.monotonic() - begun
                self._note()
                result.save(self._limits.kept)
            if sum(map(len, self._alike.values())) >= _FAILURES:
                break
        if not found and await _left(held):
            await self._find_leak(attempt, held, range(counted, result.count))

    async def _warm(self, attempt: Callable[[T], Awaitable[Outcome]]) -> None:
        """Try a few inputs that do not count: threads start, modules load."""
        for number in range(200):
            await attempt(self._run.make(random.Random(f"warm {number}")))
        self._errors.take()
        # What is there by now stays: the collector need not walk it with every try's garbage.
        gc.collect()
        gc.freeze()
        self._selector.begin()

    async def _again(self, attempt: Callable[[T], Awaitable[Outcome]]) -> None:
        """Try once more what failed before this run went on: what does not fail any more is mended, or was the
        machine's fault."""
        failures, self._result.failures = self._result.failures, []
        for failure in failures:
            if (number := re.match(r"try (\d+) ", failure)) is not None:
                given = self._run.make(random.Random(f"{self._result.seed} {number[1]}"))
                outcome, _, _ = await self._timed(attempt, given)
                if not outcome.broken:
                    self._result.figures[f"try {number[1]}, when tried again"] = "did not fail"
                    continue
            self._result.failures.append(failure)

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
            alike = re.sub(r"\d+|b'.*", "…", outcome.broken)[:80]
            self._alike.setdefault(alike, []).append(number)
            if len(self._alike[alike]) <= _ALIKE:
                await self._report(attempt, given, number, outcome.broken)

    async def _timed(
        self, attempt: Callable[[T], Awaitable[Outcome]], given: T
    ) -> tuple[Outcome, float, float]:
        """Try an input; where it took too long, a few times more, and the least counts."""
        outcome, took, held = await self._once(attempt, given)
        for _ in range(_AGAIN):
            if not outcome.broken and (held > HELD_SECONDS or took > REPLY_SECONDS + outcome.work):
                waited = waits()
                outcome, again, held_again = await self._once(attempt, given)
                # A busy machine is none of the server's doing.
                again -= waits() - waited
                took, held = min(took, again), min(held, held_again)
        if held > HELD_SECONDS:
            outcome = _broken(outcome, f"holds the loop for {1000 * held:.0f} ms")
        elif took > REPLY_SECONDS + outcome.work:
            outcome = _broken(outcome, f"takes {took:.1f} s")
        return outcome, took, held

    async def _once(
        self, attempt: Callable[[T], Awaitable[Outcome]], given: T
    ) -> tuple[Outcome, float, float]:
        before = Held() if self._leaks else None
        self._selector.begin()
        begun = time.perf_counter()
        outcome = await attempt(given)
        took = time.perf_counter() - begun
        held = self._selector.held()
        if logged := self._errors.take():
            outcome = _broken(outcome, f"logs {logged[0]}")
        if before is not None and (left := await _left(before)):
            outcome = _broken(outcome, left[0])
        return outcome, took, held

    async def _find_leak(self, attempt: Callable[[T], Awaitable[Outcome]], held: Held, among: range) -> None:
        """Try these tries once more, and look behind each: something came to stay."""
        found, self._leaks = len(self._result.failures), True
        for number in among:
            given = self._run.make(random.Random(f"{self._result.seed} {number}"))
            outcome, _, _ = await self._once(attempt, given)
            if outcome.broken:
                await self._report(attempt, given, number, outcome.broken)
                break
        self._leaks = False
        if len(self._result.failures) == found:
            told = ", ".join(await _left(held))
            self._result.failures.append(f"tries {among.start} to {among.stop - 1}: {told}")

    async def _report(
        self, attempt: Callable[[T], Awaitable[Outcome]], given: T, number: int, broken: str
    ) -> None:
        """Reduce the input for as long as a smaller one breaks a promise too, and keep it in a file."""
        smallest, tries, until = given, 0, time.monotonic() + _REDUCING_SECONDS
        outcome, _, _ = await self._timed(attempt, given)
        looking = bool(outcome.broken)
        if not looking:
            broken += " (not when tried again)"
        while looking:
            looking = False
            for smaller in self._run.smaller(smallest):
                if tries >= _REDUCING or time.monotonic() > until:
                    break
                tries += 1
                outcome, _, _ = await self._timed(attempt, smaller)
                if outcome.broken:
                    smallest, looking = smaller, True
                    break
        self._fail(number, broken, self._run.write(smallest))
        self._selector.begin()

    def _fail(self, number: int, broken: str, written: bytes) -> None:
        folder = self._limits.kept / "found"
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{self._run.name}-{hashlib.sha256(written).hexdigest()[:12]}.bin"
        file.write_bytes(written)
        if not any(file.name in failure for failure in self._result.failures):
            self._result.failures.append(
                f"try {number} {broken}; reduced to {len(written):,} bytes: {written[:200]!r} ({file.name})"
            )

    def _note(self) -> None:
        self._result.histogram = dict(self._histogram)
        self._result.peak_mib = max(self._result.peak_mib, peak() / 2**20)

    def _judge(self) -> None:
        """Hold the whole run to its promises: memory, and that its tries were worth something."""
        result = self._result
        result.failures += [
            f"try {number} like one of these: {alike}"
            for alike, numbers in self._alike.items()
            for number in numbers[_ALIKE:]
        ]
        each, told = growth(self._memory)
        if told:  # or this run only tried again what had failed
            result.growth_kib = each * 100_000 / 1024
        if result.growth_kib > GROWTH_KIB and told >= 50_000:
            result.failures.append(f"memory grows by {result.growth_kib:,.0f} KiB in 100,000 tries")
        for name, part, least in (
            ("reached a handler", result.reached, REACHED),
            ("succeeded", result.accepted, ACCEPTED),
        ):
            if part < least * result.count:
                result.failures.append(f"only {part / result.count:.1%} {name}: the tries are too wild")


async def _left(held: Held) -> list[str]:
    """What came to stay: what is still under way has a moment to end."""
    for _ in range(5):
        if not held.left():
            return []
        await asyncio.sleep(0.01)
    return held.left()


def _broken(outcome: Outcome, how: str) -> Outcome:
    return replace(outcome, broken=outcome.broken or how)
