"""Enlarged, encoded pictures: made when first looked at, once per content, in threads bounded by cores and memory."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from .errors import ApiError, Problem
from .rows import to_row

T = TypeVar("T")
PERMIT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Rendition:
    """What a link leads to: how to make one result from a stored upload, and whose it is.

    `source` is the blob of the upload, `width` x `height` the result's size in pixels, `permit` the bytes
    of memory making it may take, `path` the link's provider-relative path, `charge` what was paid, `exp`
    the account's time in Unix seconds from which the link is dead. `spoil` is what a quiet failure makes of it,
    the size it really has (`640x480`) or `swapped`; `ordered` the fault, in JSON, that strikes every read of it.
    `finished`: the stored picture is the result already, to the byte.
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
    ordered: str = ""
    finished: bool = False

    def to_json(self) -> bytes:
        return to_row(self)

    @classmethod
    def from_json(cls, row: bytes) -> Rendition:
        return cls(**json.loads(row))


class Renditions:
    """Renders, remembers up to `cache` bytes of results, and never makes the same one twice at a time."""

    def __init__(self, *, cache: int, permits: int, threads: int | None = None) -> None:
        self._threads = threads or os.cpu_count() or 1
        self._pool: ThreadPoolExecutor | None = None
        self._limit = cache
        self._done: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        self._digests: dict[str, str] = {}
        self._making: dict[str, asyncio.Task[bytes]] = {}
        self._permits = permits
        self._held = 0
        self._freed = asyncio.Event()
        self.rendered = 0

    async def run(self, work: Callable[[], T]) -> T:
        """Run something that computes off the event loop, in the pool."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="fauxscale-pixels")
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def picture(self, recipe: Rendition, source: bytes) -> bytes:
        """The encoded result. Raises BROKEN_IMAGE if the pixels turn out bad, UNAVAILABLE for want of memory."""
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
            data = await self.run(lambda: _render(recipe, source))
        finally:
            self._held -= recipe.permit
            self._freed.set()
        self.rendered += 1
        self._done[key] = data
        self._size += len(data)
        while self._size > self._limit and len(self._done) > 1:
            self._size -= len(self._done.popitem(last=False)[1])
        return data

    async def _take(self, permit: int) -> None:
        try:
            async with asyncio.timeout(PERMIT_SECONDS):
                # One alone may always work: a picture larger than the budget is not refused for ever.
                while self._held and self._held + permit > self._permits:
                    self._freed.clear()
                    await self._freed.wait()
        except TimeoutError:
            raise ApiError(
                Problem.UNAVAILABLE,
                "Rendering capacity exhausted",
                reason=f"{self._held >> 20} MiB of rendering memory are in use and this picture wants "
                f"{permit >> 20} MiB of {self._permits >> 20}; ask again",
                retry_after=1,
            ) from None
        self._held += permit

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None
        self._done.clear()
        self._size = 0


def _render(recipe: Rendition, source: bytes) -> bytes:
    from . import images  # Pillow: not before somebody looks

    if recipe.finished:
        return source
    enlarged = images.enlarge(source, recipe.width, recipe.height)
    return images.encode(enlarged, recipe.format, quality=recipe.quality)
