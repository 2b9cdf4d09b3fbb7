"""Files clients put here by themselves, to name them by address in later calls: what is known of each."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from .serialization import to_row

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class File:
    """One stored file. `path` is its provider-relative address, whose last segment is the `id`.

    `blob` holds the bytes ("" until they have come), `exp` is the account's time in Unix seconds from which
    it is gone, None when it stays.
    """

    id: str
    account: str
    provider: str
    path: str
    content_type: str
    blob: str = ""
    exp: float | None = None

    def to_json(self) -> bytes:
        return to_row(self)

    @classmethod
    def from_json(cls, row: bytes) -> File:
        return cls(**json.loads(row))


def safe_name(name: str) -> str:
    """A stranger's file name as one URL path segment of at most 80 ASCII characters."""
    return _UNSAFE.sub("_", name.replace("\\", "/").rpartition("/")[2])[-80:].lstrip(".") or "file"
