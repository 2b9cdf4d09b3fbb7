"""Waits for changes of accounts, which Redis announces over one connection per event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from .encoding import PREFIX


def channel_of(account: str) -> str:
    """The channel for changes of an account."""
    return f"{PREFIX}changed:{account}"


class AccountWaiters:
    """The waiters on one event loop, by account. It subscribes only to accounts that have waiters.

    If the connection breaks, all are woken: they read again, and find what they missed or that nothing can be read.
    """

    def __init__(self, connect: Callable[[], Redis], seconds: float) -> None:
        self._connect = connect
        self._seconds = seconds
        self._waiting: dict[str, set[asyncio.Future[None]]] = {}
        self._heard: dict[str, asyncio.Event] = {}
        self._line: Any = None
        self._client: Any = None  # Redis, whose `pubsub` has no types
        self._listening: asyncio.Task[None] | None = None
        # One at a time: two that connect at once would open two connections, and an unsubscription must not overtake a
        # later subscription.
        self._turn = asyncio.Lock()

    async def wait(self, account: str) -> asyncio.Future[None]:
        """Return a future that is done with the next change of an account. Raises connection errors."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        channel = channel_of(account)
        self._waiting.setdefault(channel, set()).add(future)
        future.add_done_callback(lambda done: self._forget(channel, done))
        try:
            async with asyncio.timeout(self._seconds):
                await self._listen_to(channel)
        except BaseException:
            future.cancel()
            raise
        return future

    async def close(self) -> None:
        await self._hang_up()

    async def _listen_to(self, channel: str) -> None:
        heard = self._heard.get(channel)
        if heard is None:
            heard = self._heard[channel] = asyncio.Event()
            try:
                async with self._turn:
                    if self._line is None:
                        self._client = self._connect()
                        self._line = self._client.pubsub()
                        await self._line.subscribe(channel_of(""))  # listens as long as there is a waiter
                    await self._line.subscribe(channel)
            except BaseException:
                await self._hang_up()
                raise
            if self._listening is None:
                self._listening = asyncio.create_task(self._listen())
        await heard.wait()

    async def _listen(self) -> None:
        line = self._line
        with suppress(RedisError, OSError):
            async for message in line.listen():
                channel = message["channel"].decode()
                if message["type"] == "subscribe" and channel in self._heard:
                    self._heard[channel].set()
                elif message["type"] == "message":
                    self._wake(channel)
                    # A caller that goes on waiting asks again. One that waits for the next subscription already has
                    # its change: Redis sent this message before it read the end of the last subscription.
                    if (heard := self._heard.pop(channel, None)) is not None:
                        heard.set()
                        async with self._turn:
                            if channel not in self._heard:
                                await line.unsubscribe(channel)
        self._listening = None
        await self._hang_up()

    async def _hang_up(self) -> None:
        line, client, listening = self._line, self._client, self._listening
        self._line = self._client = self._listening = None
        heard, self._heard = self._heard, {}
        for one in heard.values():
            one.set()
        for channel in list(self._waiting):
            self._wake(channel)
        if listening is not None:
            # One that comes as a command has just been sent gets lost (`wait_for` of Python 3.11).
            while not listening.done():
                listening.cancel()
                await asyncio.wait([listening], timeout=0.1)
        if line is not None:
            await line.aclose()
        if client is not None:
            await client.aclose()

    def _wake(self, channel: str) -> None:
        for one in self._waiting.pop(channel, set()):
            if not one.done():
                one.set_result(None)

    def _forget(self, channel: str, done: asyncio.Future[None]) -> None:
        waiting = self._waiting.get(channel)
        if waiting is not None:
            waiting.discard(done)
            if not waiting:
                del self._waiting[channel]
