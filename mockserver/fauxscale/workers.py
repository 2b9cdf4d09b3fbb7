"""The threads that judge uploads and make pictures, off the event loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Workers:
    """Two pools of as many threads as there are cores. Threads start when there is work."""

    def __init__(self, threads: int | None = None) -> None:
        self._threads = threads or os.cpu_count() or 1
        # Judging has its own threads: an upload is answered while pictures are being made.
        self._pools: dict[str, ThreadPoolExecutor] = {}

    async def run(self, work: Callable[[], T]) -> T:
        """Run a short computation (judging, hashing, encoding text) off the event loop."""
        return await self._run("judging", work)

    async def render(self, work: Callable[[], T]) -> T:
        """Run a function that makes a picture off the event loop."""
        return await self._run("pixels", work)

    async def _run(self, pool: str, work: Callable[[], T]) -> T:
        if pool not in self._pools:
            self._pools[pool] = ThreadPoolExecutor(self._threads, thread_name_prefix=f"fauxscale-{pool}")
        return await asyncio.get_running_loop().run_in_executor(self._pools[pool], work)

    def close(self) -> None:
        """Wait for running work, and drop waiting work."""
        for pool in self._pools.values():
            pool.shutdown(wait=True, cancel_futures=True)
        self._pools.clear()
