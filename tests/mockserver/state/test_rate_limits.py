"""Exactly so many calls a minute by the account's clock, exactly so many at once."""

from __future__ import annotations

import asyncio

import pytest

from fauxscale.errors import ApiError, Problem
from fauxscale.state.rate_limits import Limits, Quota
from fauxscale.state.scope import Scope


async def entered(limits: Limits, quota: Quota, now: float, times: int = 1) -> int:
    """How many of `times` calls come in, and go out again."""
    count = 0
    for _ in range(times):
        try:
            await limits.enter("ideogram", quota, "call", now=now, since=1000)
        except ApiError:
            continue
        await limits.leave("ideogram", "call")
        count += 1
    return count


def test_a_minute_lets_so_many_in_and_the_next_as_many_again(scope: Scope) -> None:
    async def count() -> list[int]:
        limits = Limits(scope)
        return [await entered(limits, Quota(per_minute=3), now, 5) for now in (1000, 1059.9, 1060, 1200)]

    assert asyncio.run(count()) == [3, 0, 3, 3]


def test_a_refusal_tells_when_the_next_minute_begins(scope: Scope) -> None:
    async def refusal() -> ApiError:
        limits = Limits(scope)
        standing = await limits.enter("ideogram", Quota(per_minute=1), "call", now=1010, since=1000)
        assert standing is not None
        assert (standing.limit, standing.remaining, standing.reset) == (1, 0, 50)
        with pytest.raises(ApiError) as refused:
            await limits.enter("ideogram", Quota(per_minute=1), "call", now=1020.5, since=1000)
        return refused.value

    error = asyncio.run(refusal())
    assert (error.problem, error.retry_after) == (Problem.RATE_LIMITED, 40)


def test_a_place_taken_is_free_again_once_left(scope: Scope) -> None:
    async def fill() -> None:
        limits, quota = Limits(scope), Quota(in_flight=2)
        for call in ("call_1", "call_2"):
            assert await limits.enter("ideogram", quota, call, now=0) is None
        with pytest.raises(ApiError) as refused:
            await limits.enter("ideogram", quota, "call_3", now=0)
        assert refused.value.problem is Problem.TOO_MANY_IN_FLIGHT
        await limits.enter("fal", quota, "call_4", now=0)
        await limits.leave("ideogram", "call_1")
        await limits.enter("ideogram", quota, "call_5", now=0)

    asyncio.run(fill())


def test_no_quota_is_no_limit_and_zero_lets_nobody_in(scope: Scope) -> None:
    async def count() -> tuple[int, int]:
        limits = Limits(scope)
        return await entered(limits, Quota(), 0, 50), await entered(limits, Quota(per_minute=0), 0)

    assert asyncio.run(count()) == (50, 0)
