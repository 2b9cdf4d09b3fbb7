"""Exactly so many calls a minute by the account's clock, exactly so many at once."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from fauxscale.errors import ApiError, Problem
from fauxscale.state.rate_limits import Limited, Limits, Quota, in_flight, per_minute
from fauxscale.state.scope import Scope


def limited(quota: Quota | None, holder: str = "call", name: str = "ideogram") -> Limited:
    return Limited(name=name, holder=holder, quotas=(quota,) if quota else ())


async def entered(limits: Limits, quota: Quota | None, now: float, times: int = 1) -> int:
    """How many of `times` calls come in, and go out again."""
    count = 0
    for _ in range(times):
        try:
            await limits.enter(limited(quota), now=now)
        except ApiError:
            continue
        await limits.leave(limited(quota))
        count += 1
    return count


def test_a_minute_lets_so_many_in_and_the_next_as_many_again(scope: Scope) -> None:
    async def count() -> list[int]:
        limits = Limits(scope)
        return [await entered(limits, per_minute(3), now, 5) for now in (1000, 1059.9, 1060, 1200)]

    assert asyncio.run(count()) == [3, 0, 3, 3]


def test_a_rolling_window_is_the_last_so_many_seconds(scope: Scope) -> None:
    async def count() -> list[int]:
        limits, quota = Limits(scope), Quota(most=10, window=60.0, kind="rolling")
        return [
            await entered(limits, quota, now, times)
            for now, times in ((0, 1), (55, 9), (61, 10), (115.5, 10))
        ]

    assert asyncio.run(count()) == [1, 9, 1, 9]


def test_what_one_rolling_window_refuses_is_not_counted_in_another(scope: Scope) -> None:
    async def count() -> list[int]:
        limits = Limits(scope)
        quotas = (Quota(most=6, window=60.0, kind="rolling"), Quota(most=2, window=10.0, kind="rolling"))
        let_in: list[int] = []
        for now, times in ((0, 9), (5, 9), (10, 9), (20, 9), (30, 9), (60, 9)):
            inside = 0
            for _ in range(times):
                with contextlib.suppress(ApiError):
                    await limits.enter(Limited(name="aigateway", holder="call", quotas=quotas), now=now)
                    inside += 1
            let_in.append(inside)
        return let_in

    assert asyncio.run(count()) == [2, 0, 2, 2, 0, 2]


def test_a_quota_counts_the_operations_it_is_on() -> None:
    quota = Quota(most=1, on=("ideogram.upscale", "ideogram.v2.*"))
    assert [quota.covers(one) for one in ("ideogram.upscale", "ideogram.v2.poll", "ideogram.edit")] == [
        True, True, False
    ]  # fmt: skip


def test_a_quota_leaves_out_the_operations_it_is_not_on() -> None:
    quota = Quota(most=1, on=("ideogram.*",), not_on=("ideogram.v2_poll",))
    assert [quota.covers(one) for one in ("ideogram.upscale", "ideogram.v2_poll", "fal.run")] == [
        True, False, False
    ]  # fmt: skip


def test_a_refusal_tells_when_the_next_minute_begins(scope: Scope) -> None:
    async def refusal() -> ApiError:
        limits = Limits(scope)
        assert await limits.enter(limited(per_minute(2)), now=1000) is not None
        status = await limits.enter(limited(per_minute(2)), now=1010)
        assert status is not None
        assert (status.limit, status.remaining, status.reset) == (2, 0, 50)
        with pytest.raises(ApiError) as refused:
            await limits.enter(limited(per_minute(2)), now=1020.5)
        return refused.value

    error = asyncio.run(refusal())
    assert (error.problem, error.retry_after) == (Problem.RATE_LIMITED, 40)


def test_a_place_taken_is_free_again_once_left(scope: Scope) -> None:
    async def fill() -> None:
        limits, quota = Limits(scope), in_flight(2)
        for call in ("call_1", "call_2"):
            assert await limits.enter(limited(quota, call), now=0) is None
        with pytest.raises(ApiError) as refused:
            await limits.enter(limited(quota, "call_3"), now=0)
        assert refused.value.problem is Problem.TOO_MANY_IN_FLIGHT
        await limits.enter(limited(quota, "call_4", "fal"), now=0)
        await limits.leave(limited(quota, "call_1"))
        await limits.enter(limited(quota, "call_5"), now=0)

    asyncio.run(fill())


def test_no_quota_is_no_limit_and_zero_lets_nobody_in(scope: Scope) -> None:
    async def count() -> tuple[int, int]:
        limits = Limits(scope)
        return await entered(limits, None, 0, 50), await entered(limits, per_minute(0), 0)

    assert asyncio.run(count()) == (50, 0)
