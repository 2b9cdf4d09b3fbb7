"""Enlarged, encoded pictures: made when first looked at, once per content, in threads bounded by cores and memory."""

from __future__ import annotations

import asyncio
import ctypes
import hashlib
import json
import os
import sys
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from fauxscale.state.serialization import to_row

T = TypeVar("T")
# Renderings that may take more than this give what they freed back to the machine.
_LARGE = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Rendition:
    """What a link leads to: how to make one result from a stored upload, and whose it is.

    `source` is the blob of the upload, `width` x `height` the result's size in pixels, `permit` the bytes
    of memory making it may take, `path` the link's provider-relative path, `charge` what was paid, `exp`
    the account's time in Unix seconds from which the link is dead. `spoil` is what a quiet failure makes of it,
    the size it really has (`640x480`) or `swapped`; `configured` the fault, in JSON, that applies to every read of it.
    `finished`: the stored picture is the result already, to the byte. `made`: when it was given out, real time.
    """

    id: str
    account: str
    provider: str
    operation: str
    path: str
    source: str
    format: str
    width: int
    height: int
    permit: int
    quality: int | None = None
    charge: str = ""
    exp: int = 0
    signed: bool = True
    revoked: bool = False
    spoil: str = ""
    configured: str = ""
    finished: bool = False
    made: float = 0.0

    def to_json(self) -> bytes:
        return to_row(self)

    @classmethod
    def from_json(cls, row: bytes) -> Rendition:
        return cls(**json.loads(row))


class Renditions:
    """Renders, remembers up to `cache` bytes of results, and never makes the same one twice at a time."""

    def __init__(self, *, cache: int, permits: int, threads: int | None = None) -> None:
        self._threads = threads or os.cpu_count() or 1
        # Judging has threads of its own: an upload is answered while pictures are being rendered.
        self._pools: dict[str, ThreadPoolExecutor] = {}
        self._limit = cache
        self._done: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        self._digests: dict[str, str] = {}
        self._making: dict[str, asyncio.Task[bytes]] = {}
        self._permits = permits
        self._held = 0
        self._queue: deque[tuple[int, asyncio.Future[None]]] = deque()
        self.rendered = 0

    async def run(self, work: Callable[[], T], *, pool: str = "judging") -> T:
        """Run something that computes off the event loop, in a pool of as many threads as there are cores."""
        if pool not in self._pools:
            self._pools[pool] = ThreadPoolExecutor(self._threads, thread_name_prefix=f"fauxscale-{pool}")
        return await asyncio.get_running_loop().run_in_executor(self._pools[pool], work)

    async def picture(self, recipe: Rendition, source: bytes) -> bytes:
        """The encoded result. Raises BROKEN_IMAGE if the pixels turn out bad."""
        key = await self.content(recipe, source)
        if (done := self._done.get(key)) is not None:
            self._done.move_to_end(key)
            return done
        task = self._making.get(key)
        if task is None:
            task = asyncio.create_task(self._make(key, recipe, source))
            self._making[key] = task
            task.add_done_callback(lambda _: self._making.pop(key, None))
        # A reader that goes away must not take the rendering from the others who wait for it.
        return await asyncio.shield(task)

    async def content(self, recipe: Rendition, source: bytes) -> str:
        """Names the result's content: equal names are equal pictures."""
        digest = await self.digest(recipe.source, source)
        return f"{digest}:{recipe.format}:{recipe.width}x{recipe.height}:{recipe.quality}:{recipe.finished}"

    async def digest(self, name: str, data: bytes | None) -> str:
        """SHA-256 of the upload of this name, in hexadecimal, computed once; "" of one that is gone unhashed."""
        digest = self._digests.get(name, "")
        if not digest and data is not None:
            digest = await self.run(lambda: hashlib.sha256(data).hexdigest())
            self._digests[name] = digest
            while len(self._digests) > 10_000:
                self._digests.pop(next(iter(self._digests)))
        return digest

    async def _make(self, key: str, recipe: Rendition, source: bytes) -> bytes:
        await self._take(recipe.permit)
        try:
            data = await self.run(lambda: _render(recipe, source), pool="pixels")
        finally:
            self._release(recipe.permit)
        self.rendered += 1
        self._done[key] = data
        self._size += len(data)
        while self._size > self._limit and len(self._done) > 1:
            self._size -= len(self._done.popitem(last=False)[1])
        return data

    async def _take(self, permit: int) -> None:
        """Wait in turn until the memory is free: a link that lives always answers, however many look at once."""
        if not self._queue and self._fits(permit):
            self._held += permit
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((permit, turn))
        await turn

    def _fits(self, permit: int) -> bool:
        # One alone may always work: a picture larger than the budget is not refused for ever.
        return not self._held or self._held + permit <= self._permits

    def _release(self, permit: int) -> None:
        self._held -= permit
        while self._queue and (self._queue[0][1].done() or self._fits(self._queue[0][0])):
            next_permit, turn = self._queue.popleft()
            if not turn.done():
                self._held += next_permit
                turn.set_result(None)

    def close(self) -> None:
        for pool in self._pools.values():
            pool.shutdown(wait=True, cancel_futures=True)
        self._pools.clear()
        self._done.clear()
        self._size = 0


def _render(recipe: Rendition, source: bytes) -> bytes:
    from .render import encode, enlarge  # Pillow: not before somebody looks

    if recipe.finished:
        return source
    enlarged = enlarge(source, recipe.width, recipe.height)
    encoded = encode(enlarged, recipe.format, quality=recipe.quality)
    if recipe.permit > _LARGE:
        del enlarged
        _give_back()
    return encoded


def _give_back() -> None:
    """glibc keeps what a thread freed for that thread: half a gigabyte each, after a few large pictures."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
