"""Connections to Redis: those of each event loop end with it, and what broke is made anew."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from fauxscale.state.batch import Batch
from fauxscale.state.redis import open_store
from fauxscale.state.redis.store import RedisStore
from fauxscale.state.store import StoreUnavailable
from tests.redis_server import RedisServer
from tests.tools import needs
from tests.waiting import until

pytestmark = needs("redis-server")


@pytest.fixture
def opened(redis_server: RedisServer) -> RedisStore:
    return open_store(redis_server.url, memory=100, seconds=20)


def connected(server: RedisServer) -> int:
    with server.client() as client:
        return len(client.client_list()) - 1


async def write(store: RedisStore, account: str = "a") -> None:
    batch = Batch()
    batch.put(f"{{{account}}}:1:room/v", 1)
    await store.run(batch)


def test_what_a_loop_opened_is_closed_with_it(redis_server: RedisServer, opened: RedisStore) -> None:
    before = connected(redis_server)

    async def work() -> None:
        await asyncio.gather(*(write(opened) for _ in range(5)))
        (await opened.changed("a")).cancel()
        assert connected(redis_server) > before

    for _ in range(3):
        asyncio.run(work())
    assert until(lambda: connected(redis_server) == before)


def test_closing_a_store_closes_what_other_loops_opened(
    redis_server: RedisServer, opened: RedisStore
) -> None:
    before = connected(redis_server)

    async def work() -> None:
        await write(opened)
        with ThreadPoolExecutor(1) as pool:
            await asyncio.get_running_loop().run_in_executor(pool, asyncio.run, closing())
        assert await asyncio.to_thread(until, lambda: connected(redis_server) == before)
        await write(opened)

    async def closing() -> None:
        await write(opened)
        await opened.close()

    asyncio.run(work())
    assert until(lambda: connected(redis_server) == before)


def test_no_more_connections_than_a_few_dozen_are_opened(
    redis_server: RedisServer, opened: RedisStore
) -> None:
    async def work() -> None:
        await asyncio.gather(*(write(opened) for _ in range(500)))
        assert connected(redis_server) <= 32

    asyncio.run(work())


def test_who_waits_is_woken_when_the_connection_breaks_and_can_wait_again() -> None:
    async def wait(server: RedisServer) -> None:
        store = open_store(server.url, memory=100, seconds=20)
        change = await store.changed("a")
        await asyncio.to_thread(server.restart)
        await asyncio.wait_for(change, 20)
        change = await store.changed("a")
        await write(store)
        await asyncio.wait_for(change, 20)
        await asyncio.to_thread(server.kill)
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            while True:  # who asks before that is found out is woken at once
                await asyncio.wait_for(await store.changed("a"), 20)
        await store.close()

    with RedisServer() as server:
        asyncio.run(wait(server))


def test_waiting_again_and_again_is_for_the_next_change_each_time(opened: RedisStore) -> None:
    async def wait() -> None:
        for number in range(50):
            changes = [await opened.changed(account) for account in ("a", "a", "b")]
            await write(opened, "a")
            await asyncio.wait_for(asyncio.gather(*changes[:2]), 20)
            assert not changes[2].done(), number
            changes[2].cancel()
        await opened.close()

    asyncio.run(wait())


def test_whoever_begins_to_wait_at_once_or_again_is_woken(opened: RedisStore) -> None:
    async def work() -> None:
        accounts = [f"acct_{number}" for number in range(20)]
        for _ in range(20):
            waiting = await asyncio.gather(*map(opened.changed, accounts))
            await asyncio.gather(*(write(opened, account) for account in accounts))
            await asyncio.wait_for(asyncio.gather(*waiting), 20)

    asyncio.run(work())
