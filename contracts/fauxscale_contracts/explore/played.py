"""What one run of a test or a program did at the stand-in: its calls, charges and waits, and how it ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Literal, TypeAlias

from fauxscale.client import AccountHandle, CallRecord
from fauxscale_contracts.profiles.installed import profiles

LIVE_CALL = "live_call"
# Statuses after which the same request can never succeed.
FINAL = (400, 402, 403, 413, 415, 422)
Ending: TypeAlias = Literal["passed", "assertion", "surprise", "failed"]
"""passed; assertion: only the test's own assertion failed. surprise: the program raised an error that nobody raises on
purpose, such as KeyError. failed: any other way."""


@dataclass(frozen=True, slots=True)
class Sleep:
    """A sleep that was requested and skipped: seconds, and when, by the clock of `CallRecord.started`."""

    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Timeout:
    """A client's time-out that ended a silence: when, as for Sleep, and its seconds, None if the client has none."""

    at: float
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One run. `calls` are all of the account in order, `charges` how often each piece of work was paid, by its
    fingerprint. `sleeps` is None if they were not seen. `said` is the error it ended with. `callers`: where in the
    project each call was made, empty if that was not seen; `timeouts`: those that ended silences."""

    calls: tuple[CallRecord, ...] = ()
    charges: Counter[str] = field(default_factory=Counter[str])
    micros: int = 0
    sleeps: tuple[Sleep, ...] | None = None
    callers: tuple[str, ...] = ()
    timeouts: tuple[Timeout, ...] = ()
    ending: Ending = "passed"
    said: str = ""

    @property
    def shape(self) -> list[tuple[object, ...]]:
        """What two runs of the same test have in common, if it behaves the same again."""
        return [(one.operation, one.kind, one.status, *sorted(one.params)) for one in self.calls]

    @property
    def made(self) -> list[CallRecord]:
        """The calls that reached the stand-in."""
        return [one for one in self.calls if one.rule != LIVE_CALL]

    @property
    def timed(self) -> bool:
        """Whether each call was seen where it was made, so that its time-out is known."""
        return 0 < len(self.callers) == len(self.made)

    @property
    def blocked(self) -> list[CallRecord]:
        """Calls to real hosts that were blocked."""
        return [one for one in self.calls if one.rule == LIVE_CALL]

    def work(self) -> list[CallRecord]:
        """The calls that ask for work: not polls, not downloads."""
        asks = [
            listed.work
            for profile in profiles().by_name.values()
            for listed in (profile, *profile.operations.values())
        ]
        return [
            one
            for one in self.calls
            if one.kind == "api" and any(fnmatchcase(one.operation, pattern) for pattern in asks)
        ]

    def repeats(self, statuses: Collection[int]) -> list[CallRecord]:
        """The calls for work that were refused with one of these statuses and sent again nevertheless."""
        again = {one.retry_of for one in self.calls}
        return [one for one in self.work() if one.status in statuses and one.id in again]

    def waits(self) -> list[tuple[CallRecord, float]]:
        """The calls that were told to wait and were repeated, each with the seconds until then."""
        found: list[tuple[CallRecord, float]] = []
        for before, after in pairwise(one for one in self.calls if one.kind == "api"):
            if before.retry_after is not None and after.operation == before.operation:
                found.append((before, self._between(before, after)))
        return found

    def _between(self, before: CallRecord, after: CallRecord) -> float:
        """Seconds between two calls: real time plus sleeps, or by the account's clock, if a test moves it."""
        slept = sum(one.seconds for one in self.sleeps or () if before.started <= one.at <= after.started)
        real = after.started - before.ended
        return max(real + slept, after.at - before.at - before.seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """What a test does without any situation: how often it pays for each piece of work, how many calls for work it
    makes, how many of them it repeats although they were refused, and how many calls to real hosts are blocked."""

    charges: Mapping[str, int]
    micros: int
    work: int
    repeats: int
    blocked: int

    @classmethod
    def of(cls, plain: Played) -> Usual:
        return cls(
            charges=dict(plain.charges),
            micros=plain.micros,
            work=len(plain.work()),
            repeats=len(plain.repeats(FINAL)),
            blocked=len(plain.blocked),
        )


def played(
    account: AccountHandle,
    *,
    sleeps: tuple[Sleep, ...] | None = None,
    callers: Iterable[str] = (),
    timeouts: Iterable[tuple[float, float | None]] = (),
    ending: Ending = "passed",
    said: str = "",
) -> Played:
    """Collect what an account and its client's observation saw."""
    calls = account.calls
    everything = sorted([*calls, *calls.downloads, *calls.refused], key=lambda one: one.n)
    kept = account.ledger.kept
    return Played(
        calls=tuple(everything),
        charges=Counter(one.fingerprint for one in kept),
        micros=sum(one.micros for one in kept),
        sleeps=sleeps,
        callers=tuple(callers),
        timeouts=tuple(Timeout(*one) for one in timeouts),
        ending=ending,
        said=said,
    )
