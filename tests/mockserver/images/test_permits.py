"""Never more in use than there is, in turn, and whoever leaves takes nothing along."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from fauxscale.images.permits import Permits

T = TypeVar("T")


def run(work: Coroutine[object, object, T]) -> T:
    return asyncio.run(work)


async def turns() -> None:
    """Let every task that can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)


class Crowd:
    """Tasks that hold permits until they are told to let go; `inside` names those that do, in the order they came."""

    def __init__(self, permits: Permits) -> None:
        self._permits = permits
        self.inside: list[str] = []
        self.leave: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def comes(self, name: str, units: int, *, first: bool = False) -> None:
        self.leave[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._hold(name, units, first=first))
        await turns()

    async def goes(self, name: str) -> None:
        self.leave[name].set()
        await turns()

    async def _hold(self, name: str, units: int, *, first: bool) -> None:
        async with self._permits.of(units, first=first):
            self.inside.append(name)
            await self.leave[name].wait()
            self.inside.remove(name)


def test_what_does_not_fit_waits_in_turn_and_what_is_small_does_not_overtake() -> None:
    async def story() -> None:
        crowd = Crowd(Permits(100))
        await crowd.comes("a", 60)
        await crowd.comes("b", 50)
        await crowd.comes("c", 10)
        assert crowd.inside == ["a"]
        await crowd.goes("a")
        assert crowd.inside == ["b", "c"]

    run(story())


def test_one_alone_gets_more_than_there_is_and_nobody_beside_it() -> None:
    async def story() -> None:
        crowd = Crowd(Permits(100))
        await crowd.comes("a", 500)
        await crowd.comes("b", 1)
        assert crowd.inside == ["a"]
        await crowd.goes("a")
        assert crowd.inside == ["b"]

    run(story())


def test_who_is_first_overtakes_all_who_wait_and_nobody_who_works() -> None:
    async def story() -> None:
        crowd = Crowd(Permits(100))
        await crowd.comes("a", 60)
        await crowd.comes("b", 50)
        await crowd.comes("judge", 30, first=True)
        assert crowd.inside == ["a", "judge"]
        await crowd.comes("late", 30, first=True)
        await crowd.goes("a")
        assert crowd.inside == ["judge", "late"]
        await crowd.goes("judge")
        assert crowd.inside == ["late", "b"]

    run(story())


def test_who_leaves_while_waiting_or_while_being_let_in_takes_nothing_along() -> None:
    async def story() -> None:
        permits = Permits(100)
        crowd = Crowd(permits)
        for name in ("a", "b", "c", "d"):
            await crowd.comes(name, 100)
        crowd.tasks["b"].cancel()
        await turns()
        crowd.leave["a"].set()
        while "a" in crowd.inside:
            await asyncio.sleep(0)
        crowd.tasks["c"].cancel()  # it was given its permits just now
        await turns()
        assert crowd.inside == ["d"]
        await crowd.goes("d")
        assert permits._held == 0

    run(story())
