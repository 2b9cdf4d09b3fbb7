"""Renders recipes when a picture is first read, once per content, bounded by cores and memory."""

from __future__ import annotations

import asyncio
import ctypes
import hashlib
import sys
from collections import OrderedDict, deque
from collections.abc import Sequence

from fauxscale.workers import Workers

from .recipe import AsStored, Draw, Enlarge, Recipe

# Renderings that may take more than this give what they freed back to the machine.
_LARGE = 64 * 1024 * 1024


class Renderer:
    """Makes pictures, remembers up to `cache` bytes of them, and never makes the same one twice at a time.

    `memory` is how many bytes all renderings under way may take together.
    """

    def __init__(self, workers: Workers, *, cache: int, memory: int) -> None:
        self._workers = workers
        self._limit = cache
        self._done: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        self._digests: dict[str, str] = {}
        self._making: dict[str, asyncio.Task[bytes]] = {}
        self._memory = memory
        self._held = 0
        self._queue: deque[tuple[int, asyncio.Future[None]]] = deque()
        self.rendered = 0

    async def picture(self, recipe: Recipe, sources: Sequence[bytes]) -> bytes:
        """Render the encoded picture. Raises BROKEN_IMAGE if the pixels of a source turn out bad."""
        key = await self.content(recipe, sources)
        if (done := self._done.get(key)) is not None:
            self._done.move_to_end(key)
            return done
        task = self._making.get(key)
        if task is None:
            task = asyncio.create_task(self._make(key, recipe, sources))
            self._making[key] = task
            task.add_done_callback(lambda _: self._making.pop(key, None))
        # A reader that goes away must not take the rendering from the others who wait for it.
        return await asyncio.shield(task)

    async def content(self, recipe: Recipe, sources: Sequence[bytes]) -> str:
        """Name the picture's content: equal names are equal pictures."""
        digests = [await self.digest(name, data) for name, data in zip(recipe.sources, sources, strict=True)]
        return f"{','.join(digests)}:{recipe.step}:{recipe.format}:{recipe.quality}"

    async def digest(self, name: str, data: bytes | None) -> str:
        """SHA-256 of the upload of this name, in hexadecimal, computed once; "" of one that is gone unhashed."""
        digest = self._digests.get(name, "")
        if not digest and data is not None:
            digest = await self._workers.run(lambda: hashlib.sha256(data).hexdigest())
            self._digests[name] = digest
            while len(self._digests) > 10_000:
                self._digests.pop(next(iter(self._digests)))
        return digest

    async def _make(self, key: str, recipe: Recipe, sources: Sequence[bytes]) -> bytes:
        await self._take(recipe.memory)
        try:
            data = await self._workers.render(lambda: _render(recipe, sources))
        finally:
            self._release(recipe.memory)
        self.rendered += 1
        self._done[key] = data
        self._size += len(data)
        while self._size > self._limit and len(self._done) > 1:
            self._size -= len(self._done.popitem(last=False)[1])
        return data

    async def _take(self, memory: int) -> None:
        """Wait in turn until the memory is free: a link that lives always answers, however many are read at once."""
        if not self._queue and self._fits(memory):
            self._held += memory
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((memory, turn))
        await turn

    def _fits(self, memory: int) -> bool:
        # One alone may always work: a picture larger than the budget is not refused for ever.
        return not self._held or self._held + memory <= self._memory

    def _release(self, memory: int) -> None:
        self._held -= memory
        while self._queue and (self._queue[0][1].done() or self._fits(self._queue[0][0])):
            needed, turn = self._queue.popleft()
            if not turn.done():
                self._held += needed
                turn.set_result(None)

    def close(self) -> None:
        self._done.clear()
        self._size = 0


def _render(recipe: Recipe, sources: Sequence[bytes]) -> bytes:
    """Make a recipe's pixels: the one function that does."""
    from .drawing import draw  # Pillow: not imported before a picture is read
    from .render import encode, enlarge

    match recipe.step:
        case AsStored():
            return sources[0]
        case Draw(prompt, width, height):
            picture = enlarge(draw(prompt, width, height), width, height)
        case Enlarge(width, height):
            picture = enlarge(sources[0], width, height)
    encoded = encode(picture, recipe.format, quality=recipe.quality)
    if recipe.memory > _LARGE:
        del picture
        _give_back()
    return encoded


def _give_back() -> None:
    """Return freed memory to the system: glibc keeps half a gigabyte a thread after a few large pictures."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
