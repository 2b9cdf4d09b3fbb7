"""The Store protocol and its memory implementation: batches on values, counters, windows, leases, lists; and blobs.

State's modules hold the logic and know only this protocol, so that a shared store can replace memory. Lifetimes
and leases go by the store's own clock: they tidy, and free what a killed process took along.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import takewhile
from typing import Protocol

from msgspec import Struct

from fauxscale.clock import wall
from fauxscale.errors import FauxscaleError

from .batch import Batch, BatchOutcome
from .blobs import Blobs
from .tables import Tables

BLOB_LIFE = 60.0
MOST_CHANGES = 4_096


class NoAddress(FauxscaleError, ValueError):
    """Raised for what is no address of a store; the message shows one."""


class StoreUnavailable(FauxscaleError):
    """The store cannot do what it is asked to now. `reason` is a plain sentence for people, without secrets; `lost`: it
    is out of reach as a whole."""

    def __init__(self, reason: str, *, lost: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.lost = lost


class Changes(Struct, frozen=True):
    """The accounts that batches have written to since a mark; None where there are more than the store remembers.

    `mark` is the one to ask with the next time.
    """

    mark: int
    accounts: tuple[str, ...] | None


class Store(Protocol):
    """The protocol of a store; tests/mockserver/state/test_store.py holds every implementation to it.

    `secret` is what all who share it sign with, None where it is one process's own. Whatever it is asked, a shared
    store may raise StoreUnavailable.
    """

    @property
    def secret(self) -> bytes | None: ...

    @property
    def skew(self) -> float:
        """The seconds by which the clock of the store is ahead of this machine's; 0 where they are the same."""
        ...

    async def run(self, batch: Batch) -> BatchOutcome:
        """Execute all operations of a batch at once, or none but those marked `counts`."""
        ...

    async def put_blob(self, key: str, data: bytes, *, life: float | None = BLOB_LIFE) -> None:
        """Store bytes for `life` seconds, until a batch names them; with None they are kept from the start."""
        ...

    async def get_blob(self, key: str) -> bytes | None: ...

    async def digests(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Tell what blobs that were kept hash to (SHA-256, in hexadecimal), but for those that were deleted since."""
        ...

    async def changed(self, account: str) -> asyncio.Future[None]:
        """Return a future that is done once a batch has written to this account, from now on. Get it before reading,
        await it (and cancel it, when tired of waiting) after having found nothing."""
        ...

    async def changes(self, since: int | None) -> Changes:
        """Tell which accounts were written to, or deleted, since a mark. None gives the first mark and no accounts."""
        ...

    async def close(self) -> None: ...


class MemoryStore:
    """The store of one process. It keeps objects as they are; blobs above `memory` bytes in all go to disk."""

    def __init__(self, *, memory: int = 64 * 1024 * 1024) -> None:
        # One lock: with no socket the app may be called from several threads' loops.
        self._lock = threading.Lock()
        self._blobs = Blobs(memory)
        self._tables = Tables(self._blobs)
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}
        # The accounts written to last and the number of the write: the newest so many, those that were closed, too.
        self._written: OrderedDict[str, int] = OrderedDict()
        self._mark = self._forgotten = 0
        self.secret = None
        self.skew = 0.0

    async def run(self, batch: Batch) -> BatchOutcome:
        with self._lock:
            outcome = self._tables.execute(batch.operations, wall())
            waiting: list[asyncio.Future[None]] = []
            if batch.writes:
                waiting = self._waiting.pop(batch.account, waiting)
                self._note(batch.account)
        for one in waiting:
            _wake(one)
        return outcome

    async def put_blob(self, key: str, data: bytes, *, life: float | None = BLOB_LIFE) -> None:
        await self._blobs.put(key, data, life)

    async def get_blob(self, key: str) -> bytes | None:
        return await self._blobs.get(key)

    async def digests(self, keys: Sequence[str]) -> dict[str, str]:
        found = {key: await self._blobs.digest(key) for key in keys}
        return {key: digest for key, digest in found.items() if digest}

    async def changed(self, account: str) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        name = f"{{{account}}}"

        def forget(done: asyncio.Future[None]) -> None:
            with self._lock:
                waiting = [one for one in self._waiting.get(name, []) if one is not done]
                if waiting:
                    self._waiting[name] = waiting
                else:
                    self._waiting.pop(name, None)

        future.add_done_callback(forget)
        with self._lock:
            self._waiting.setdefault(name, []).append(future)
        return future

    async def changes(self, since: int | None) -> Changes:
        with self._lock:
            if since is None or since < self._forgotten:
                return Changes(self._mark, None)
            newer = takewhile(lambda one: one[1] > since, reversed(self._written.items()))
            return Changes(self._mark, tuple(name[1:-1] for name, _ in newer if name))

    def _note(self, account: str) -> None:
        self._mark += 1
        self._written[account] = self._mark
        self._written.move_to_end(account)
        if len(self._written) > MOST_CHANGES:
            self._forgotten = self._written.popitem(last=False)[1]

    def keys(self) -> list[str]:
        """List every key there is, blobs' included, to check that nothing was left behind."""
        with self._lock:
            return [*self._tables.keys(), *self._blobs.keys()]

    async def close(self) -> None:
        with self._lock:
            self._tables.clear()
        await self._blobs.close()


def _wake(future: asyncio.Future[None]) -> None:
    def wake() -> None:
        if not future.done():
            future.set_result(None)

    with suppress(RuntimeError):  # its loop was closed: nobody waits there any more
        future.get_loop().call_soon_threadsafe(wake)
