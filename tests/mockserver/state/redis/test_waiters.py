"""Whoever waits for an account is woken by the next change of it, also by one that comes while he asks to be told."""

from __future__ import annotations

import asyncio
from typing import Any

from redis.asyncio import Redis

from fauxscale.state.redis.waiters import AccountWaiters, channel_of
from tests.redis_server import RedisServer
from tests.tools import needs

pytestmark = needs("redis-server")


def test_a_change_between_the_end_of_one_subscription_and_the_beginning_of_the_next_wakes(
    redis_server: RedisServer,
) -> None:
    """It ended the second subscription, and who waited for that was told that Redis does not answer (2026-11-23)."""
    asked: list[asyncio.Task[asyncio.Future[None]]] = []

    async def work() -> None:
        publisher = Redis.from_url(redis_server.url)
        waiters = AccountWaiters(lambda: Redis.from_url(redis_server.url), 60)
        try:
            first = await waiters.wait("acct")
            unsubscribe = waiters._line.unsubscribe

            async def late(*channels: Any) -> None:
                """Before Redis reads of it, another change is told, and somebody asks for the next."""
                waiters._line.unsubscribe = unsubscribe
                await publisher.publish(channel_of("acct"), "")
                asked.append(asyncio.create_task(waiters.wait("acct")))
                await asyncio.sleep(0)
                await unsubscribe(*channels)

            waiters._line.unsubscribe = late
            await publisher.publish(channel_of("acct"), "")
            await first
            while not asked:
                await asyncio.sleep(0)
            async with asyncio.timeout(30):
                await (await asked[0])
        finally:
            await waiters.close()
            await publisher.aclose()

    asyncio.run(work())
