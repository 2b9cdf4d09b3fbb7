"""What all state stands on: values with lifetimes, bounded counters, capped lists, blobs.

Rooms hold the logic and know only this protocol, so that a shared store can stand in for memory. Every
method is atomic. Keys are short ASCII strings; `clear` removes all keys with a prefix.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from fauxscale.clock import wall


class Store(Protocol):
    """The promises state relies on. Lifetimes (`ttl`) are real seconds: they tidy, they never decide."""

    async def get(self, key: str) -> bytes | None: ...

    async def put(self, key: str, value: bytes, *, ttl: float | None = None) -> None: ...

    async def claim(self, key: str, value: bytes, *, ttl: float | None = None) -> bool:
        """Put unless there is a value already; True for the one caller who did."""
        ...

    async def delete(self, *keys: str) -> None: ...

    async def clear(self, prefix: str) -> None:
        """Remove values, counters, lists and blobs whose key starts with `prefix`."""
        ...

    async def add(
        self,
        key: str,
        amount: int,
        *,
        least: int | None = None,
        most: int | None = None,
        ttl: float | None = None,
    ) -> int | None:
        """Add to a counter (from 0) and return it, or None, changing nothing, if that would leave the bounds."""
        ...

    async def count(self, key: str) -> int | None:
        """A counter's value, None if it was never added to."""
        ...

    async def append(self, key: str, value: bytes, *, most: int, most_bytes: int) -> None:
        """Append to a list, dropping its oldest entries beyond `most` entries or `most_bytes` in all."""
        ...

    async def items(self, key: str) -> list[bytes]:
        """A list, oldest first."""
        ...

    async def put_blob(self, key: str, data: bytes) -> None: ...

    async def get_blob(self, key: str) -> bytes | None: ...

    async def close(self) -> None: ...


@dataclass(slots=True)
class _Row:
    value: bytes
    dies: float | None


@dataclass(slots=True)
class _Rows:
    items: deque[bytes] = field(default_factory=deque[bytes])
    size: int = 0


class MemoryStore:
    """The store of one process. Blobs above `memory` bytes in all move to a temporary folder, oldest first."""

    def __init__(self, *, memory: int = 64 * 1024 * 1024) -> None:
        # One lock: with no socket the app may be called from several threads' loops.
        self._lock = threading.Lock()
        self._values: dict[str, _Row] = {}
        self._counters: dict[str, int] = {}
        self._lists: dict[str, _Rows] = {}
        self._blobs: OrderedDict[str, bytes] = OrderedDict()
        self._blob_bytes = 0
        self._memory = memory
        self._spilled: dict[str, Path] = {}
        self._folder: Path | None = None
        self._names = 0

    async def get(self, key: str) -> bytes | None:
        with self._lock:
            return self._live(key)

    async def put(self, key: str, value: bytes, *, ttl: float | None = None) -> None:
        with self._lock:
            self._values[key] = _Row(value, None if ttl is None else wall() + ttl)

    async def claim(self, key: str, value: bytes, *, ttl: float | None = None) -> bool:
        with self._lock:
            if self._live(key) is not None:
                return False
            self._values[key] = _Row(value, None if ttl is None else wall() + ttl)
            return True

    def _live(self, key: str) -> bytes | None:
        row = self._values.get(key)
        if row is None:
            return None
        if row.dies is not None and wall() >= row.dies:
            del self._values[key]
            return None
        return row.value

    async def delete(self, *keys: str) -> None:
        with self._lock:
            for key in keys:
                self._forget(key)

    async def clear(self, prefix: str) -> None:
        with self._lock:
            tables = (self._values, self._counters, self._lists, self._blobs, self._spilled)
            for key in {key for table in tables for key in table if key.startswith(prefix)}:
                self._forget(key)

    def _forget(self, key: str) -> None:
        self._values.pop(key, None)
        self._counters.pop(key, None)
        self._lists.pop(key, None)
        self._blob_bytes -= len(self._blobs.pop(key, b""))
        if (path := self._spilled.pop(key, None)) is not None:
            path.unlink(missing_ok=True)

    async def add(
        self,
        key: str,
        amount: int,
        *,
        least: int | None = None,
        most: int | None = None,
        ttl: float | None = None,
    ) -> int | None:
        with self._lock:
            value = self._counters.get(key, 0) + amount
            if (least is not None and value < least) or (most is not None and value > most):
                return None
            self._counters[key] = value
            return value

    async def count(self, key: str) -> int | None:
        with self._lock:
            return self._counters.get(key)

    async def append(self, key: str, value: bytes, *, most: int, most_bytes: int) -> None:
        with self._lock:
            rows = self._lists.setdefault(key, _Rows())
            rows.items.append(value)
            rows.size += len(value)
            while len(rows.items) > most or (rows.size > most_bytes and len(rows.items) > 1):
                rows.size -= len(rows.items.popleft())

    async def items(self, key: str) -> list[bytes]:
        with self._lock:
            rows = self._lists.get(key)
            return [] if rows is None else list(rows.items)

    async def put_blob(self, key: str, data: bytes) -> None:
        with self._lock:
            self._blob_bytes += len(data) - len(self._blobs.pop(key, b""))
            self._blobs[key] = data
            crowded = self._blob_bytes > self._memory and len(self._blobs) > 1
        if crowded:
            await asyncio.to_thread(self._spill)

    def _spill(self) -> None:
        """Move the oldest blobs to disk until memory is back under its budget. Runs in a thread."""
        while True:
            with self._lock:
                if self._blob_bytes <= self._memory or len(self._blobs) <= 1:
                    return
                key, data = next(iter(self._blobs.items()))
                if self._folder is None:
                    self._folder = Path(tempfile.mkdtemp(prefix="fauxscale-"))
                self._names += 1
                path = self._folder / str(self._names)
            path.write_bytes(data)
            with self._lock:
                if self._blobs.get(key) is data:
                    del self._blobs[key]
                    self._blob_bytes -= len(data)
                    self._spilled[key] = path
                else:  # forgotten or replaced while it was being written
                    path.unlink(missing_ok=True)

    async def get_blob(self, key: str) -> bytes | None:
        with self._lock:
            data = self._blobs.get(key)
            path = self._spilled.get(key)
        if data is not None or path is None:
            return data
        try:
            return await asyncio.to_thread(path.read_bytes)
        except FileNotFoundError:
            return None  # forgotten since it was looked up

    async def close(self) -> None:
        with self._lock:
            for table in (self._values, self._counters, self._lists, self._blobs, self._spilled):
                table.clear()
            self._blob_bytes = 0
            folder, self._folder = self._folder, None
        if folder is not None:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
