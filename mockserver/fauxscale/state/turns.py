"""Queues the calls of one process that change a shared value: a call that lost a race waits for its turn."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary


class Turn:
    """The turn of one call; it begins after its wait and ends with the context."""

    def __init__(self, locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock]) -> None:
        self._locks = locks
        self._mine: asyncio.Lock | None = None

    async def wait(self) -> None:
        """Wait until no other call that lost a race retries: of sixty that retry at once, only one succeeds each
        time."""
        if self._mine is None:
            lock = self._locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())
            await lock.acquire()
            self._mine = lock

    def __enter__(self) -> Turn:
        return self

    def __exit__(self, *_: object) -> None:
        if self._mine is not None:
            self._mine.release()


class Turns:
    """The turns of one process, on each of its event loops."""

    def __init__(self) -> None:
        self._locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

    def turn(self) -> Turn:
        """A turn, to be entered as a context; it has not begun yet."""
        return Turn(self._locks)
