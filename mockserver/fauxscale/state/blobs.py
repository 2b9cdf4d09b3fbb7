"""Blobs of one process: stored for a while, kept once something names them, on disk beyond a memory budget."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

from msgspec import Struct, field

from fauxscale.clock import wall
from fauxscale.temporary import TemporaryFolder

from .spilled import SpilledFile

_SAMPLE = 64
# This many bytes are hashed in a thirtieth of a millisecond.
_QUICK = 64 * 1024
# At the first share of the budget, blobs begin to move to disk, before any call has to wait; they stop at the second.
_SPILL_FROM, _SPILL_TO = 0.75, 0.5
# The size of a file of several blobs. It stays on disk until none of them is wanted, so it is not larger.
_TOGETHER = 4 * 1024 * 1024


async def sha256(data: bytes) -> str:
    """Hash bytes, in hexadecimal; large ones in a thread."""
    hashed = hashlib.sha256(data) if len(data) <= _QUICK else await asyncio.to_thread(hashlib.sha256, data)
    return hashed.hexdigest()


class _Content(Struct, eq=False):
    """Bytes that one or more keys refer to: in memory, or in a `file` on disk, `at` so many bytes."""

    data: bytes | None
    size: int
    sample: bytes
    file: SpilledFile | None = None
    at: int = 0
    digest: str = ""
    keys: set[str] = field(default_factory=set[str])


class Blobs:
    """Blobs beyond `memory` bytes in total move to a temporary folder, oldest first. Equal blobs are stored once, as
    test suites send the same few pictures again and again."""

    def __init__(self, memory: int) -> None:
        self._lock = threading.Lock()
        self._by_key: dict[str, _Content] = {}
        self._held: OrderedDict[_Content, None] = OrderedDict()
        self._by_sample: dict[bytes, _Content] = {}
        self._bytes = 0
        self._memory = memory
        self._unnamed: OrderedDict[str, float] = OrderedDict()
        self._groups: dict[str, set[str]] = {}
        self._folder: TemporaryFolder | None = None
        self._names = 0
        self._disk: ThreadPoolExecutor | None = None
        self._spilling: Future[None] | None = None

    async def put(self, key: str, data: bytes, life: float | None) -> None:
        """Keep a blob for `life` seconds, or until it is forgotten."""
        now = wall()
        with self._lock:
            for dead in [one for one, dies in self._unnamed.items() if dies <= now]:
                self._forget(dead)
            self._forget(key)
            content = self._content(data)
            content.keys.add(key)
            self._by_key[key] = content
            self._groups.setdefault(key.partition("/")[0], set()).add(key)
            if life is not None:
                self._unnamed[key] = now + life
            spilling = self._spill_soon()
        while spilling is not None and self._crowded():
            # A caller that is cancelled while it waits must not cancel the spill for the others.
            await asyncio.shield(asyncio.wrap_future(spilling))
            with self._lock:
                spilling = self._spill_soon()

    async def get(self, key: str) -> bytes | None:
        with self._lock:
            content = self._by_key[key] if self._lives(key) else None
            data, file = (None, None) if content is None else (content.data, content.file)
        if data is not None or content is None or file is None:
            return data
        try:
            return await asyncio.to_thread(file.read, content.at, content.size)
        except FileNotFoundError:
            return None  # forgotten since it was looked up

    async def digest(self, key: str) -> str:
        """Hash a blob, once for all equal ones; "" if it is gone."""
        with self._lock:
            content = self._by_key[key] if self._lives(key) else None
        if content is None:
            return ""
        if not content.digest and (data := await self.get(key)) is not None:
            content.digest = await sha256(data)
        return content.digest

    def name(self, key: str) -> bool:
        """Keep a blob until it is forgotten; False if it is gone."""
        with self._lock:
            self._unnamed.pop(key, None)
            return self._lives(key)

    def keys(self) -> list[str]:
        with self._lock:
            return list(self._by_key)

    def is_kept(self, key: str) -> bool:
        with self._lock:
            return self._lives(key)

    def forget(self, key: str) -> None:
        with self._lock:
            self._forget(key)

    def forget_group(self, group: str) -> None:
        with self._lock:
            for key in list(self._groups.get(group, ())):
                self._forget(key)

    async def close(self) -> None:
        with self._lock:
            for table in (self._by_key, self._held, self._by_sample, self._unnamed, self._groups):
                table.clear()
            self._bytes = 0
            disk, self._disk = self._disk, None
        if disk is not None:
            await asyncio.to_thread(disk.shutdown)
        folder, self._folder = self._folder, None
        if folder is not None:
            await asyncio.to_thread(folder.remove)

    def _content(self, data: bytes) -> _Content:
        """Return the content in memory that equals `data`, now the youngest, or a new one."""
        middle = len(data) // 2
        sample = b"%d " % len(data) + data[:_SAMPLE] + data[middle : middle + _SAMPLE] + data[-_SAMPLE:]
        known = self._by_sample.get(sample)
        if known is not None and known.data == data:
            self._held.move_to_end(known)
            return known
        content = self._by_sample[sample] = _Content(data, len(data), sample)
        self._held[content] = None
        self._bytes += content.size
        return content

    def _crowded(self) -> bool:
        return self._bytes > self._memory and len(self._held) > 1

    def _lives(self, key: str) -> bool:
        if (dies := self._unnamed.get(key)) is not None and wall() >= dies:
            self._forget(key)
        return key in self._by_key

    def _forget(self, key: str) -> None:
        content = self._by_key.pop(key, None)
        if content is None:
            return
        group = key.partition("/")[0]
        if (keys := self._groups.get(group)) is not None:
            keys.discard(key)
            if not keys:
                del self._groups[group]
        self._unnamed.pop(key, None)
        content.keys.discard(key)
        if not content.keys:
            self._let_go(content)
            if content.file is not None:
                content.file.let_go()

    def _let_go(self, content: _Content) -> None:
        """Remove a content from memory."""
        if content in self._held:
            del self._held[content]
            self._bytes -= content.size
        if self._by_sample.get(content.sample) is content:
            del self._by_sample[content.sample]
        content.data = None

    def _spill_soon(self) -> Future[None] | None:
        """Start moving the oldest contents to disk if memory is nearly full. Returns the running spill."""
        if self._spilling is not None and not self._spilling.done():
            return self._spilling
        if self._bytes <= self._memory * _SPILL_FROM or len(self._held) <= 1:
            return None
        if self._disk is None:
            self._disk = ThreadPoolExecutor(1, "fauxscale-spill")
        self._spilling = self._disk.submit(self._spill)
        return self._spilling

    def _spill(self) -> None:
        """Move the oldest contents to disk until memory is well under its budget. Runs in a thread."""
        while oldest := self._oldest():
            with self._lock:
                if self._folder is None:
                    self._folder = TemporaryFolder()
                self._names += 1
                file = SpilledFile(self._folder.path / str(self._names))
            file.write([data for _, data in oldest])
            with self._lock:
                file.used = 1  # while it is being filled
                at = 0
                for content, data in oldest:
                    if content.keys:  # or else it was forgotten meanwhile
                        content.file, content.at = file, at
                        file.used += 1
                        self._let_go(content)
                    at += len(data)
                file.let_go()

    def _oldest(self) -> list[tuple[_Content, bytes]]:
        """The contents to be moved to disk next, and their bytes; none while memory is not nearly full."""
        with self._lock:
            if self._bytes <= self._memory * _SPILL_FROM or len(self._held) <= 1:
                return []
            oldest: list[tuple[_Content, bytes]] = []
            left, least = self._bytes, max(self._memory * _SPILL_TO, self._bytes - _TOGETHER)
            for content in islice(self._held, len(self._held) - 1):
                assert content.data is not None  # somebody reads it
                oldest.append((content, content.data))
                left -= content.size
                if left <= least:
                    break
            return oldest
