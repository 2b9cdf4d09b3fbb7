"""Permits: limit how much, of memory for example, is in use at once; further requests wait in turn."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class Permits:
    """Gives out up to `total` units at once. A single request alone always gets its units, even more than `total`."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._held = 0
        self._queue: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def of(self, units: int, *, first: bool = False) -> AsyncGenerator[None]:
        """Hold so many units while entered; wait for them first, in turn or (`first`) ahead of all others."""
        await self._take(units, first=first)
        try:
            yield
        finally:
            self._release(units)

    async def _take(self, units: int, *, first: bool) -> None:
        if self._fits(units) and (first or not self._queue):
            self._held += units
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self._queue.appendleft if first else self._queue.append)((units, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # granted and cancelled at the same moment
                self._release(units)
            raise

    def _fits(self, units: int) -> bool:
        return not self._held or self._held + units <= self._total

    def _release(self, units: int) -> None:
        self._held -= units
        while self._queue and (self._queue[0][1].done() or self._fits(self._queue[0][0])):
            needed, turn = self._queue.popleft()
            if not turn.done():
                self._held += needed
                turn.set_result(None)
