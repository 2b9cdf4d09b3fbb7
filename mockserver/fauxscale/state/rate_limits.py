"""How often and how many at once: a window of a minute and places in flight for each account and provider."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from fauxscale.clock import repeat
from fauxscale.errors import ApiError, Problem

from .batch import Batch, Outcome, Ref, WindowState
from .scope import Scope

MINUTE = 60
# A place in flight is freed so long after its worker's last sign of life, which it gives three times in that while.
LEASE_LIFE = 30.0


@dataclass(frozen=True, slots=True)
class Quota:
    """None means no limit. `per_minute` counts calls started in a minute, `in_flight` calls at once."""

    per_minute: int | None = None
    in_flight: int | None = None


@dataclass(frozen=True, slots=True)
class RateLimitStatus:
    """Where a call left its minute: the limit, calls remaining, seconds until the next window."""

    limit: int
    remaining: int
    reset: float


@dataclass(frozen=True, slots=True)
class Entrance:
    """The operations that count a call in."""

    name: str
    quota: Quota
    minute: Ref[WindowState] | None
    place: Ref[int]


class Limits:
    """Counts calls against quotas. Windows are minutes of the account's clock, from its beginning on."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._renewals: dict[tuple[str, str], Callable[[], None]] = {}

    def add_entry(
        self, batch: Batch, name: str, quota: Quota, holder: str, *, now: float, since: float | None = None
    ) -> Entrance:
        """Count a call in; `status` says what came of it. The minutes count from `since`, or the first call, on."""
        minute = None
        if quota.per_minute is not None:
            minute = batch.window(
                self._scope.key("limits", f"minute:{name}"),
                now=now, span=MINUTE, most=quota.per_minute, since=since, counts=True,
            )  # fmt: skip
        place = batch.lease(self._flight(name), holder, life=LEASE_LIFE, most=quota.in_flight)
        return Entrance(name, quota, minute, place)

    def add_exit(self, batch: Batch, name: str, holder: str) -> None:
        """Give a call's place in flight back."""
        batch.release(self._flight(name), holder)

    def add_reset(self, batch: Batch) -> None:
        """Begin every minute anew. Calls in flight stay there."""
        batch.drop(self._scope.group("limits"))

    def status(self, outcome: Outcome, entrance: Entrance) -> RateLimitStatus | None:
        """Where the call left its minute, None without one. Raises RATE_LIMITED or TOO_MANY_IN_FLIGHT."""
        found = None if outcome.refusal is None else outcome.refusal.found
        minute, limit = entrance.minute, entrance.quota.per_minute
        if minute is not None and outcome.refused(minute):
            raise _rate_limited(entrance.name, limit or 0, cast("WindowState", found).reset)
        if outcome.refused(entrance.place):
            raise _too_many(entrance.name, entrance.quota.in_flight or 0)
        if minute is None or limit is None:
            return None
        state = outcome.of(minute)
        return RateLimitStatus(limit, limit - state.used, state.reset)

    async def enter(
        self, name: str, quota: Quota, holder: str, *, now: float, since: float | None = None
    ) -> RateLimitStatus | None:
        """Count a call in, or raise RATE_LIMITED or TOO_MANY_IN_FLIGHT. Who enters must `leave`."""
        batch = self._scope.batch()
        entrance = self.add_entry(batch, name, quota, holder, now=now, since=since)
        status = self.status(await self._scope.run(batch), entrance)
        self.hold(name, holder)
        return status

    def hold(self, name: str, holder: str) -> None:
        """Renew a call's place for as long as this worker lives and the call has not left."""

        async def renew() -> None:
            batch = self._scope.batch()
            batch.lease(self._flight(name), holder, life=LEASE_LIFE)
            await self._scope.run_late(batch)

        self._renewals[name, holder] = repeat(LEASE_LIFE / 3, renew)

    def let_go(self, name: str, holder: str) -> None:
        """Renew a call's place no longer."""
        if (stop := self._renewals.pop((name, holder), None)) is not None:
            stop()

    async def leave(self, name: str, holder: str) -> None:
        self.let_go(name, holder)
        batch = self._scope.batch()
        self.add_exit(batch, name, holder)
        await self._scope.run_late(batch)

    def _flight(self, name: str) -> str:
        return self._scope.key("flight", name)


def _rate_limited(name: str, limit: int, reset: float) -> ApiError:
    return ApiError(
        Problem.RATE_LIMITED,
        "Rate limit exceeded",
        reason=f"{limit} calls a minute are allowed at {name} and this is one more; "
        f"the next window opens in {math.ceil(reset)} s by this account's clock",
        retry_after=float(max(1, math.ceil(reset))),
        details={"limit": limit, "remaining": 0, "reset": reset},
    )


def _too_many(name: str, limit: int) -> ApiError:
    return ApiError(
        Problem.TOO_MANY_IN_FLIGHT,
        "Too many requests in flight",
        reason=f"{limit} calls of this account are in flight at {name} already, which is its "
        "limit; wait for one to end, or raise in_flight",
        details={"limit": limit},
    )
