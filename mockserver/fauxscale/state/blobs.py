"""Blobs of one process: stored for a while, kept once named, moved to disk beyond a memory budget."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
from collections import OrderedDict
from pathlib import Path

from fauxscale.clock import wall


class Blobs:
    """Blobs above `memory` bytes in all move to a temporary folder, oldest first."""

    def __init__(self, memory: int) -> None:
        self._lock = threading.Lock()
        self._held: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0
        self._memory = memory
        self._spilled: dict[str, Path] = {}
        self._unnamed: dict[str, float] = {}
        self._groups: dict[str, set[str]] = {}
        self._folder: Path | None = None
        self._names = 0

    async def put(self, key: str, data: bytes, life: float | None) -> None:
        """Keep a blob for `life` seconds, or until it is forgotten."""
        now = wall()
        with self._lock:
            for dead in [one for one, dies in self._unnamed.items() if dies <= now]:
                self._forget(dead)
            self._forget(key)
            self._held[key] = data
            self._bytes += len(data)
            self._groups.setdefault(key.partition("/")[0], set()).add(key)
            if life is not None:
                self._unnamed[key] = now + life
            crowded = self._bytes > self._memory and len(self._held) > 1
        if crowded:
            await asyncio.to_thread(self._spill)

    async def get(self, key: str) -> bytes | None:
        with self._lock:
            if not self._lives(key):
                return None
            data = self._held.get(key)
            path = self._spilled.get(key)
        if data is not None or path is None:
            return data
        try:
            return await asyncio.to_thread(path.read_bytes)
        except FileNotFoundError:
            return None  # forgotten since it was looked up

    def name(self, key: str) -> bool:
        """Keep a blob until it is forgotten; False if it is gone."""
        with self._lock:
            self._unnamed.pop(key, None)
            return self._lives(key)

    def keys(self) -> list[str]:
        with self._lock:
            return [*self._held, *self._spilled]

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
            for table in (self._held, self._spilled, self._unnamed, self._groups):
                table.clear()
            self._bytes = 0
            folder, self._folder = self._folder, None
        if folder is not None:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    def _lives(self, key: str) -> bool:
        if (dies := self._unnamed.get(key)) is not None and wall() >= dies:
            self._forget(key)
        return key in self._held or key in self._spilled

    def _forget(self, key: str) -> None:
        group = key.partition("/")[0]
        if (keys := self._groups.get(group)) is not None:
            keys.discard(key)
            if not keys:
                del self._groups[group]
        self._unnamed.pop(key, None)
        self._bytes -= len(self._held.pop(key, b""))
        if (path := self._spilled.pop(key, None)) is not None:
            path.unlink(missing_ok=True)

    def _spill(self) -> None:
        """Move the oldest blobs to disk until memory is back under its budget. Runs in a thread."""
        while True:
            with self._lock:
                if self._bytes <= self._memory or len(self._held) <= 1:
                    return
                key, data = next(iter(self._held.items()))
                if self._folder is None:
                    self._folder = Path(tempfile.mkdtemp(prefix="fauxscale-"))
                self._names += 1
                path = self._folder / str(self._names)
            path.write_bytes(data)
            with self._lock:
                if self._held.get(key) is data:
                    del self._held[key]
                    self._bytes -= len(data)
                    self._spilled[key] = path
                else:  # forgotten or replaced while it was being written
                    path.unlink(missing_ok=True)
