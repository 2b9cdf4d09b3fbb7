"""How often and how many at once: a window of a minute and an in-flight count for each account and provider."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fauxscale.errors import ApiError, Problem

from .store import Store

MINUTE = 60


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


class Limits:
    """Counts calls against quotas. Windows are minutes of the account's clock, from its beginning on."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._prefix = prefix

    async def enter(self, name: str, quota: Quota, *, now: float, since: float) -> RateLimitStatus | None:
        """Count a call in, or raise RATE_LIMITED or TOO_MANY_IN_FLIGHT. Who enters must `leave`."""
        standing = await self._count_minute(name, quota.per_minute, now, since)
        # The lifetime frees a place that a killed process took along: no call lives an hour.
        entered = await self._store.add(f"{self._prefix}flight:{name}", 1, most=quota.in_flight, ttl=3600)
        if entered is None:
            raise ApiError(
                Problem.TOO_MANY_IN_FLIGHT,
                "Too many requests in flight",
                reason=f"{quota.in_flight} calls of this account are in flight at {name} already, which is its "
                "limit; wait for one to end, or raise in_flight",
                details={"limit": quota.in_flight},
            )
        return standing

    async def leave(self, name: str) -> None:
        await self._store.add(f"{self._prefix}flight:{name}", -1, least=0)

    async def _count_minute(
        self, name: str, limit: int | None, now: float, since: float
    ) -> RateLimitStatus | None:
        if limit is None:
            return None
        window = math.floor((now - since) / MINUTE)
        reset = since + (window + 1) * MINUTE - now
        used = await self._store.add(f"{self._prefix}minute:{name}:{window}", 1, most=limit, ttl=3600)
        if used is None:
            raise ApiError(
                Problem.RATE_LIMITED,
                "Rate limit exceeded",
                reason=f"{limit} calls a minute are allowed at {name} and this is one more; "
                f"the next window opens in {math.ceil(reset)} s by this account's clock",
                retry_after=float(max(1, math.ceil(reset))),
                details={"limit": limit, "remaining": 0, "reset": reset},
            )
        return RateLimitStatus(limit, limit - used, reset)
