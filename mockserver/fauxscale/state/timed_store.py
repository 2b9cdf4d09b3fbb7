"""A store that notes how long its batches take."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from fauxscale.clock import stopwatch

from .batch import Batch, BatchOutcome
from .store import BLOB_LIFE, Changes, Store


class TimedStore:
    """Any store; `batches` were executed so far, in `seconds` altogether."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.batches = 0
        self.seconds = 0.0

    @property
    def secret(self) -> bytes | None:
        return self.store.secret

    @property
    def skew(self) -> float:
        return self.store.skew

    async def run(self, batch: Batch) -> BatchOutcome:
        begun = stopwatch()
        try:
            return await self.store.run(batch)
        finally:
            self.batches += 1
            self.seconds += stopwatch() - begun

    async def put_blob(self, key: str, data: bytes, *, life: float | None = BLOB_LIFE) -> None:
        await self.store.put_blob(key, data, life=life)

    async def get_blob(self, key: str) -> bytes | None:
        return await self.store.get_blob(key)

    async def digests(self, keys: Sequence[str]) -> Mapping[str, str]:
        return await self.store.digests(keys)

    async def changed(self, account: str) -> asyncio.Future[None]:
        return await self.store.changed(account)

    async def changes(self, since: int | None) -> Changes:
        return await self.store.changes(since)

    async def close(self) -> None:
        await self.store.close()
