"""A store for tests that makes JSON of every value and back: what memory holds as objects, Redis cannot."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from fauxscale.state.batch import (
    Append,
    Batch,
    BatchOutcome,
    Expect,
    Fields,
    Get,
    GetField,
    Items,
    Operation,
    Put,
    SetField,
)
from fauxscale.state.serialization import decode, encode
from fauxscale.state.store import BLOB_LIFE, Changes, MemoryStore


class EncodingStore:
    """A memory store that is given, and gives, nothing that has not been through JSON."""

    secret = None
    skew = 0.0

    def __init__(self) -> None:
        self._store = MemoryStore()

    async def run(self, batch: Batch) -> BatchOutcome:
        written = Batch([_written(one) for one in batch.operations], batch.account, batch.writes)
        outcome = await self._store.run(written)
        results = [
            _read(operation, result)
            for operation, result in zip(batch.operations, outcome.results, strict=False)
        ]
        refusal = outcome.refusal
        if refusal is not None and isinstance(stopped := batch.operations[refusal.index], Expect):
            refusal = replace(refusal, found=_again(refusal.found, stopped.kind))
        return BatchOutcome(tuple(results), refusal)

    async def put_blob(self, key: str, data: bytes, *, life: float | None = BLOB_LIFE) -> None:
        await self._store.put_blob(key, data, life=life)

    async def get_blob(self, key: str) -> bytes | None:
        return await self._store.get_blob(key)

    async def digests(self, keys: Sequence[str]) -> Mapping[str, str]:
        return await self._store.digests(keys)

    async def changed(self, account: str) -> asyncio.Future[None]:
        return await self._store.changed(account)

    async def changes(self, since: int | None) -> Changes:
        return await self._store.changes(since)

    async def close(self) -> None:
        await self._store.close()


def _again(value: Any, kind: Any) -> Any:
    return None if value is None else decode(encode(value), kind)


def _written(operation: Operation) -> Operation:
    if isinstance(operation, Put | SetField | Append | Expect):
        return replace(operation, value=_again(operation.value, type(operation.value)))
    return operation


def _read(operation: Operation, result: Any) -> Any:
    match operation:
        case Get() | GetField():
            return _again(result, operation.kind)
        case Items():
            return [_again(one, operation.kind) for one in result]
        case Fields():
            return {name: _again(one, operation.kind) for name, one in result.items()}
        case _:
            return result
