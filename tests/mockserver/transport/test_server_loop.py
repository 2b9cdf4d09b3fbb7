"""ServerLoop: other threads take its turns, one at a time, and what they leave to do its own thread does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Generator

import pytest
import trio

from fauxscale.transport.server_loop import ServerLoop
from tests.waiting import until


@pytest.fixture
def loop() -> Generator[ServerLoop]:
    """A loop that runs in another thread, and waits."""
    made = ServerLoop()
    made.lends = True
    thread = threading.Thread(target=made.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0), made).result(30)
    yield made
    made.call_soon_threadsafe(made.stop)
    thread.join(30)
    made.close()


def taken(loop: ServerLoop, work: Callable[[], None]) -> bool:
    """Take a turn once the loop is free."""
    return until(lambda: loop.take_turn(work))


def test_a_turn_is_taken_in_the_caller_s_thread_as_if_on_the_loop(loop: ServerLoop) -> None:
    seen: list[object] = []

    async def task() -> None:
        seen.extend((threading.current_thread(), asyncio.get_running_loop(), asyncio.current_task()))

    def work() -> None:
        seen.append(loop.start(task()))

    assert taken(loop, work)
    thread, running, current, started = seen
    assert (thread, running) == (threading.current_thread(), loop)
    assert current is started
    assert isinstance(started, asyncio.Task)
    assert started.done()
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()


def test_what_a_turn_leaves_to_do_is_done_in_the_loop_s_thread(loop: ServerLoop) -> None:
    threads: list[threading.Thread] = []
    ended = threading.Event()

    async def waits() -> None:
        threads.append(threading.current_thread())
        await asyncio.sleep(0.001)
        threads.append(threading.current_thread())
        await asyncio.sleep(0)
        threads.append(threading.current_thread())
        ended.set()

    assert taken(loop, lambda: (loop.start(waits()), None)[1])
    assert ended.wait(30)
    mine = threading.current_thread()
    assert [one is mine for one in threads] == [True, False, False]


def test_a_callback_and_a_timer_of_a_turn_wake_the_loop(loop: ServerLoop) -> None:
    for schedule in (loop.call_soon, lambda work: loop.call_later(0.001, work)):
        called = threading.Event()
        assert taken(loop, lambda schedule=schedule, called=called: schedule(called.set))  # type: ignore[misc]  # a lambda has no types
        assert called.wait(30)


def test_a_task_of_a_turn_can_be_given_a_time(loop: ServerLoop) -> None:
    ended: list[str] = []

    async def waits() -> None:
        try:
            async with asyncio.timeout(0.001):
                await asyncio.Event().wait()
        except TimeoutError:
            ended.append("timed out")

    assert taken(loop, lambda: (loop.start(waits()), None)[1])
    assert until(lambda: ended == ["timed out"])


def test_within_a_task_another_is_started_a_turn_later(loop: ServerLoop) -> None:
    order: list[str] = []

    async def inner() -> None:
        order.append("inner")

    async def outer() -> None:
        task = loop.start(inner())
        order.append("outer")
        await task

    asyncio.run_coroutine_threadsafe(outer(), loop).result(30)
    assert order == ["outer", "inner"]


def test_a_busy_loop_gives_no_turn(loop: ServerLoop) -> None:
    busy, free = threading.Event(), threading.Event()
    loop.call_soon_threadsafe(lambda: (busy.set(), free.wait(30)))  # type: ignore[func-returns-value]  # two calls
    assert busy.wait(30)
    assert not loop.take_turn(pytest.fail)
    free.set()
    assert taken(loop, lambda: None)


def test_a_loop_that_has_something_to_do_comes_first(loop: ServerLoop) -> None:
    done = threading.Event()
    seen: list[bool] = []

    def work() -> None:
        loop.call_soon_threadsafe(done.set)
        assert until(lambda: loop._waiting.is_over)

    assert taken(loop, work)
    for _ in range(100):
        loop.take_turn(lambda: seen.append(done.is_set()))
    assert all(seen)


def test_a_loop_that_does_not_lend_gives_no_turn(loop: ServerLoop) -> None:
    loop.lends = False
    for _ in range(100):
        assert not loop.take_turn(pytest.fail)


def test_a_loop_that_has_ended_gives_no_turn() -> None:
    loop = ServerLoop()
    loop.lends = True
    loop.run_until_complete(asyncio.sleep(0))
    assert not loop.take_turn(pytest.fail)
    loop.close()
    assert not loop.take_turn(pytest.fail)


def test_who_runs_a_loop_gets_no_turn(loop: ServerLoop) -> None:
    async def asks() -> bool:
        return any(loop.take_turn(pytest.fail) for _ in range(100))

    assert not asyncio.run(asks())
    assert not trio.run(asks)


def test_an_error_of_a_turn_is_the_caller_s_and_the_loop_goes_on(loop: ServerLoop) -> None:
    def work() -> None:
        raise LookupError("mine")

    def fails() -> bool:
        try:
            return loop.take_turn(work)
        except LookupError:
            return True

    assert until(fails)
    assert taken(loop, lambda: None)
    assert asyncio.run_coroutine_threadsafe(asyncio.sleep(0, 7), loop).result(30) == 7


def test_nothing_runs_twice_at_a_time(loop: ServerLoop) -> None:
    inside: list[int] = []
    most: list[int] = []
    turns: list[int] = []

    def work() -> None:
        inside.append(1)
        most.append(len(inside))
        sum(range(2_000))
        inside.pop()

    def takes() -> None:
        for _ in range(300):
            if loop.take_turn(work):
                turns.append(1)
            else:
                loop.call_soon_threadsafe(work)

    threads = [threading.Thread(target=takes) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert until(lambda: len(most) == 1_200)
    assert max(most) == 1
    assert turns
