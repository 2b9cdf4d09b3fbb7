"""Renders recipes when a picture is first read, once per content, bounded by cores and memory."""

from __future__ import annotations

import asyncio
import ctypes
import hashlib
import sys
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeAlias, TypeVar

from msgspec import Struct

from fauxscale.workers import Workers

from .permits import Permits
from .recipe import AsStored, Enlarge, Recipe, Source

# Renderings that may take more than this return the memory they freed to the system.
_LARGE = 32 * 1024 * 1024
_M_MMAP_THRESHOLD = -3  # from malloc.h
_MAPPED_FROM = 4 * 1024 * 1024
_READ_AT_ONCE = 2  # uploads read to learn whether they exist and what they are: many may be on disk


T = TypeVar("T")
Load: TypeAlias = Callable[[], Awaitable[Sequence[bytes] | None]]
"""Reads the uploads that a recipe names; None if one of them is gone."""


class SourceGone(LookupError):
    """Raised if an upload that a picture is made from was purged."""


class Rendition(Struct, frozen=True):
    """An encoded picture, and its SHA-256 in hexadecimal, which every reader of its link gets as the ETag."""

    data: bytes
    digest: str


class Renderer:
    """Makes pictures, caches up to `cache` bytes of them, and never makes the same one twice at a time.

    `memory` gives permits for the bytes that all running renderings take together.
    """

    def __init__(self, workers: Workers, memory: Permits, *, cache: int) -> None:
        self._workers = workers
        self._memory = memory
        self._reading = Permits(_READ_AT_ONCE)
        self._limit = cache
        self._done: OrderedDict[str, Rendition] = OrderedDict()
        self._size = 0
        self._digests: dict[str, str] = {}
        self._making: dict[str, asyncio.Task[Rendition]] = {}
        self.rendered = 0

    @property
    def pending(self) -> int:
        """How many pictures are being made, or wait to be made."""
        return len(self._making)

    async def picture(self, recipe: Recipe, load: Load) -> bytes:
        """Render the encoded picture. Raises BROKEN_IMAGE if the pixels of a source are damaged, and SourceGone."""
        return (await self.rendition(recipe, load)).data

    async def rendition(self, recipe: Recipe, load: Load) -> Rendition:
        """Render the encoded picture, as `picture` does, with its digest, which is computed once."""
        known = [self._digests.get(name) for name in recipe.sources]
        # If the uploads are known, the store, which may be far away, is not asked again.
        key = await self.content(recipe, load) if None in known else _name(known, recipe)
        if (done := self._done.get(key)) is not None:
            self._done.move_to_end(key)
            return done
        task = self._making.get(key)
        if task is None:
            task = asyncio.create_task(self._make(key, recipe, load))
            self._making[key] = task
            task.add_done_callback(lambda _: self._making.pop(key, None))
        # A reader that leaves must not cancel the rendering for the others who wait for it.
        return await asyncio.shield(task)

    async def content(self, recipe: Recipe, load: Load) -> str:
        """Name the picture's content: equal names mean equal pictures. Raises SourceGone."""
        async with self._reading.of(1):
            digests = [
                await self._digest(name, data)
                for name, data in zip(recipe.sources, await _loaded(load), strict=True)
            ]
        return _name(digests, recipe)

    async def _digest(self, name: str, data: bytes) -> str:
        digest = self._digests.get(name)
        if digest is None:
            digest = await self._workers.run(lambda: hashlib.sha256(data).hexdigest())
            self._digests[name] = digest
            while len(self._digests) > 10_000:
                self._digests.pop(next(iter(self._digests)))
        return digest

    async def _make(self, key: str, recipe: Recipe, load: Load) -> Rendition:
        # A living link always answers, however many are read at once: a rendering that waits for memory does not hold
        # the uploads meanwhile.
        async with self._memory.of(recipe.memory):
            made = await self._workers.render(partial(_rendition, recipe, await _loaded(load)))
        self.rendered += 1
        self._done[key] = made
        self._size += len(made.data)
        while self._size > self._limit and len(self._done) > 1:
            self._size -= len(self._done.popitem(last=False)[1].data)
        return made

    async def measure(self, memory: int, work: Callable[[], T]) -> T:
        """Run a function that reads pixels without making any, under the same bounds; `memory` is the most it may
        take."""
        # As above: memory is freed when the thread has ended, not when the caller stops waiting.
        return await asyncio.shield(asyncio.create_task(self._measured(memory, work)))

    async def _measured(self, memory: int, work: Callable[[], T]) -> T:
        async with self._memory.of(memory):
            return await self._workers.render(work)

    def close(self) -> None:
        self._done.clear()
        self._size = 0


def _name(digests: Sequence[str | None], recipe: Recipe) -> str:
    return f"{','.join(map(str, digests))}:{recipe.step}:{recipe.format}:{recipe.quality}"


def _rendition(recipe: Recipe, sources: Sequence[bytes]) -> Rendition:
    data = _render(recipe, sources)
    return Rendition(data, hashlib.sha256(data).hexdigest())


def _render(recipe: Recipe, sources: Sequence[bytes]) -> bytes:
    """Make a recipe's pixels: the one function that does."""
    if isinstance(recipe.step, AsStored):
        return sources[0]
    from .painting import paint  # Pillow: not imported before a picture is read
    from .render import prepare, read, write, write_enlarged_png

    if recipe.memory > _LARGE:
        _map_large_blocks()
    give_back = _give_back if recipe.memory > _LARGE else lambda: None
    step = recipe.step
    if recipe.format == "PNG" and isinstance(step, Enlarge) and isinstance(step.of, Source):
        source = read(sources[step.of.index])
        give_back()
        return write_enlarged_png(source, step.width, step.height)
    picture = paint(recipe.step, sources)
    # Memory that one step has freed, and glibc keeps, would add to that of the next.
    give_back()
    prepared = prepare(picture, recipe.format)
    del picture
    give_back()
    encoded = write(prepared, quality=recipe.quality)
    del prepared
    give_back()
    return encoded


async def _loaded(load: Load) -> Sequence[bytes]:
    sources = await load()
    if sources is None:
        raise SourceGone
    return sources


def _give_back() -> None:
    """Return freed memory to the system: glibc keeps half a gigabyte a thread after a few large pictures."""
    if (glibc := _glibc()) is not None:
        glibc.malloc_trim(0)


def _map_large_blocks() -> None:
    """Allocate large blocks separately: they are returned when freed and grow without a copy.

    glibc stops doing so after the first of them was freed. Files that grow in a thread then leave their former
    blocks behind: 127 MB instead of 80 for a PNG of 38 MB (2026-11).
    """
    if (glibc := _glibc()) is not None:
        glibc.mallopt(_M_MMAP_THRESHOLD, _MAPPED_FROM)


def _glibc() -> ctypes.CDLL | None:
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    return library if hasattr(library, "malloc_trim") else None
