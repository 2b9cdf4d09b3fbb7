"""EagerCoroutine: awaiting it is what the coroutine does after its first wait, errors and cancellation included."""

from __future__ import annotations

import asyncio

import pytest

from fauxscale.bodies.eager import EagerCoroutine


def test_what_waits_for_nothing_is_done_at_once() -> None:
    did: list[int] = []

    async def work() -> None:
        did.append(1)

    assert EagerCoroutine(work()).done
    assert did == [1]


def test_an_error_before_the_first_wait_is_raised_at_once() -> None:
    async def work() -> None:
        raise LookupError("none")

    with pytest.raises(LookupError, match="none"):
        EagerCoroutine(work())


def test_what_waits_goes_on_when_it_is_awaited() -> None:
    async def work() -> str:
        for _ in range(3):
            await asyncio.sleep(0.001)
        await asyncio.sleep(0)
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 0.001)
        except TimeoutError:
            return "ended"
        return ""

    async def begin() -> str:
        begun = EagerCoroutine(work())
        assert not begun.done
        return await begun

    assert asyncio.run(begin()) == "ended"


def test_an_error_after_a_wait_is_the_waiter_s() -> None:
    async def work() -> None:
        await asyncio.sleep(0)
        raise LookupError("later")

    async def begin() -> None:
        await EagerCoroutine(work())

    with pytest.raises(LookupError, match="later"):
        asyncio.run(begin())


@pytest.mark.parametrize("waits", [0, 1], ids=["at its first wait", "later"])
def test_it_can_be_given_a_time(waits: int) -> None:
    seen: list[str] = []

    async def work() -> None:
        for _ in range(waits):
            await asyncio.sleep(0)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def begin() -> None:
        begun = EagerCoroutine(work())
        async with asyncio.timeout(0.001):
            await begun

    with pytest.raises(TimeoutError):
        asyncio.run(begin())
    assert seen == ["cancelled"]


def test_a_cancellation_reaches_what_gives_way_to_others() -> None:
    seen: list[str] = []

    async def work() -> str:
        try:
            while True:
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def begin() -> None:
        task = asyncio.create_task(_awaited(EagerCoroutine(work())))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 30)

    asyncio.run(begin())
    assert seen == ["cancelled"]


def test_what_catches_its_cancellation_returns_all_the_same() -> None:
    async def work() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            return "put away"
        return ""

    async def begin() -> str:
        task = asyncio.create_task(_awaited(EagerCoroutine(work())))
        await asyncio.sleep(0)
        task.cancel()
        return await task

    assert asyncio.run(begin()) == "put away"


async def _awaited(begun: EagerCoroutine[str]) -> str:
    return await begun
