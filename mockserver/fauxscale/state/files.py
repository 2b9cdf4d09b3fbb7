"""Files that clients upload and name in later calls: complete ones, and uploads in parts."""

from __future__ import annotations

import re
from typing import TypeVar

from msgspec import Struct

from .batch import Batch
from .scope import Scope

T = TypeVar("T")

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class File(Struct, frozen=True):
    """One stored file. `path` is its provider-relative address, whose last segment is the `id`.

    `blob` holds the bytes ("" until they arrive), `exp` is the account's time in Unix seconds at which the file
    expires, None if it stays.
    """

    id: str
    account: str
    provider: str
    path: str
    content_type: str
    blob: str = ""
    exp: float | None = None


class Begun:
    """Uploads whose bytes are still to arrive, by id, with the provider's note and the parts received."""

    _MOST_PARTS = 2_000

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def add_reset(self, batch: Batch) -> None:
        """Forget an upload that was begun."""
        batch.drop(self._scope.group("files"))

    async def begin(self, file_id: str, note: object) -> None:
        batch = self._scope.batch()
        batch.put(self._key(file_id), note)
        await self._scope.run(batch)

    async def get(self, file_id: str, kind: type[T]) -> T | None:
        """Read the note of an upload that was begun; None if there is none."""
        batch = Batch()
        note = batch.get(self._key(file_id), kind)
        return (await self._scope.store.run(batch)).of(note)

    async def add_part(self, file_id: str, part: object) -> None:
        batch = self._scope.batch()
        batch.append(f"{self._key(file_id)}:parts", part, most=self._MOST_PARTS)
        await self._scope.run(batch)

    async def parts(self, file_id: str, kind: type[T]) -> list[T]:
        """List the parts received, oldest first."""
        batch = Batch()
        parts = batch.items(f"{self._key(file_id)}:parts", kind)
        return (await self._scope.store.run(batch)).of(parts)

    def _key(self, file_id: str) -> str:
        return self._scope.key("files", file_id)


def safe_name(name: str) -> str:
    """Make a client's file name one URL path segment of at most 80 ASCII characters."""
    return _UNSAFE.sub("_", name.replace("\\", "/").rpartition("/")[2])[-80:].lstrip(".") or "file"
