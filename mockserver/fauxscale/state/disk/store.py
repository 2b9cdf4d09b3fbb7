"""DiskStore: the store of one process, kept in a folder for the next."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fauxscale.clock import wall
from fauxscale.state.batch import Batch, BatchOutcome, Delete, Drop
from fauxscale.state.store import BLOB_LIFE, Changes, MemoryStore, StoreUnavailable

from .pictures import PictureFiles
from .tables import DiskTables

# So many batches that write are executed before what has died is deleted again.
_BURY_EVERY = 1_000


class DiskStore:
    """A store on SQLite, with pictures as files beside it; `open_folder` makes one.

    A batch is a transaction that the operating system has when `run` returns: whatever ends this process loses nothing
    of it. What a power cut loses of the last seconds, it loses as whole batches. Values are encoded as JSON, journal
    entries masked.
    """

    def __init__(self, database: sqlite3.Connection, folder: Path, secret: bytes) -> None:
        self.secret: bytes | None = secret
        self.skew = 0.0
        # One lock: with no socket the app may be called from several threads' loops.
        self._lock = threading.Lock()
        self._database = database
        self._tables = DiskTables(database)
        self._pictures = PictureFiles(folder, database)
        self._pictures.sweep()
        # Who waits for changes, and what has changed, are facts of this process alone.
        self._notices = MemoryStore()
        self._written = 0

    async def run(self, batch: Batch) -> BatchOutcome:
        with self._lock, _told():
            now = wall()
            outcome = self._tables.execute(batch.operations, now, writes=batch.writes)
            if batch.writes:
                self._tidy(now, forgets=any(isinstance(one, Delete | Drop) for one in batch.operations))
        if batch.writes:
            await self._notices.run(Batch([], batch.account, writes=True))
        return outcome

    def _tidy(self, now: float, *, forgets: bool) -> None:
        self._written += 1
        if self._written % _BURY_EVERY == 0:
            self._tables.bury(now)
            forgets = True
        if forgets:
            self._pictures.remove_gone()

    async def put_blob(self, key: str, data: bytes, *, life: float | None = BLOB_LIFE) -> None:
        with _told():
            digest, new = await asyncio.to_thread(self._pictures.write, data)
            with self._lock:
                self._pictures.lead(key, data, digest, new, None if life is None else wall() + life)
                self._pictures.remove_gone()

    async def get_blob(self, key: str) -> bytes | None:
        with self._lock, _told():
            digest = self._pictures.digest(key, wall())
        return None if digest is None else await asyncio.to_thread(self._pictures.read, digest)

    async def digests(self, keys: Sequence[str]) -> dict[str, str]:
        with self._lock, _told():
            found = {key: self._pictures.digest(key, wall()) for key in keys}
        return {key: digest for key, digest in found.items() if digest}

    async def changed(self, account: str) -> asyncio.Future[None]:
        return await self._notices.changed(account)

    async def changes(self, since: int | None) -> Changes:
        return await self._notices.changes(since)

    def keys(self) -> list[str]:
        """List every key there is, blobs' included, to check that nothing was left behind."""
        with self._lock:
            return list(self._tables.keys())

    async def close(self) -> None:
        with self._lock:
            self._database.close()
        await self._notices.close()


@contextmanager
def _told() -> Generator[None]:
    """Turn what a disk may do to us into StoreUnavailable."""
    try:
        yield
    except (sqlite3.OperationalError, sqlite3.DatabaseError, OSError) as error:
        raise StoreUnavailable(f"the folder of --state cannot be used: {error}") from error
