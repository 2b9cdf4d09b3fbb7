"""Connections to Redis: one set per event loop, closed with it, and their errors in plain sentences."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from msgspec import Struct
from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from fauxscale.clock import stopwatch
from fauxscale.state.store import StoreUnavailable

from .problems import place_named, problem_with
from .waiters import AccountWaiters

T = TypeVar("T")
Client = Redis | RedisCluster
# For this long after Redis was unreachable, calls fail at once instead of waiting.
_SPARED = 0.25
_MOST_CONNECTIONS = 32


class Here(Struct, frozen=True):
    """The connections of one event loop."""

    client: Client
    waiters: AccountWaiters
    life: AsyncGenerator[None]


class Connections:
    """The connections of one store. `seconds`: how long a reply may take."""

    def __init__(self, url: str, *, clustered: bool, seconds: float) -> None:
        self._url = url
        self._place = place_named(url)
        self._clustered = clustered
        self._seconds = seconds
        self._lock = threading.Lock()
        self._here: WeakKeyDictionary[asyncio.AbstractEventLoop, Here] = WeakKeyDictionary()
        self._lost: tuple[float, str] | None = None

    async def ask(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """Do something with this loop's client. Raises StoreUnavailable."""
        if self._lost is not None and stopwatch() < self._lost[0]:
            raise StoreUnavailable(self._lost[1], lost=True)
        here = await self.here()
        try:
            if isinstance(here.client, RedisCluster):
                # Loads the nodes, once. If the first commands did so, they would close each other's connections
                # (redis-py 8.1, 2026-11).
                await here.client.initialize()
            found = await work(here.client)
        except Exception as error:
            problem = problem_with(self._place, error, self._seconds)
            if problem.lost:
                self._lost = stopwatch() + _SPARED, problem.reason
            raise problem from None
        self._lost = None
        return found

    async def here(self) -> Here:
        """The running loop's part, made at its first call."""
        loop = asyncio.get_running_loop()
        with self._lock:
            here = self._here.get(loop)
            if here is None:
                client = self._client(self._seconds)
                waiters = AccountWaiters(lambda: self._single(None), self._seconds)
                here = self._here[loop] = Here(client, waiters, _life(client, waiters))
                fresh = True
            else:
                fresh = False
        if fresh:
            await anext(here.life)
        return here

    async def close(self) -> None:
        """Close this loop's connections, and those of all other running loops."""
        with self._lock:
            others = list(self._here.items())
            self._here.clear()
        for loop, here in others:
            if loop is asyncio.get_running_loop():
                await here.life.aclose()
            elif loop.is_running():
                with suppress(RuntimeError):
                    await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(here.life.aclose(), loop))

    def _client(self, seconds: float) -> Client:
        if not self._clustered:
            return self._single(seconds)
        return RedisCluster.from_url(self._url, **self._how(seconds))

    def _single(self, seconds: float | None) -> Redis:
        """A client of a single server; without `seconds`, to listen on."""
        pools: Any = BlockingConnectionPool  # its `from_url` has no types
        most = {"max_connections": _MOST_CONNECTIONS, "timeout": seconds, "redis_connect_func": _greet}
        return Redis.from_pool(pools.from_url(self._url, **self._how(seconds), **most))

    def _how(self, seconds: float | None) -> dict[str, Any]:
        # No retries: a batch whose reply was lost may have been executed.
        return {
            "socket_timeout": seconds,
            "socket_connect_timeout": self._seconds,
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,
        }


async def _greet(connection: Any) -> None:
    """Begin a connection with a short command: without the required password, Redis 7 answers a long one by closing the
    connection, without an error."""
    await connection.on_connect()
    await connection.send_command("PING")
    await connection.read_response()


async def _life(client: Client, waiters: AccountWaiters) -> AsyncGenerator[None]:
    """Close the connections when the loop ends, which closes its generators (asyncio.Runner.close)."""
    try:
        yield
    finally:
        await waiters.close()
        await client.aclose()
