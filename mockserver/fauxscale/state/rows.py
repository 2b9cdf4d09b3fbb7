"""Rows of a list in memory: the newest as objects, the older ones of a long list packed."""

from __future__ import annotations

import pickle
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TypeAlias

Row: TypeAlias = tuple[object, int]
# This many rows are packed at once, which takes about a millisecond and leaves a quarter of their size or less.
BLOCK = 256
# Lists that never have more rows than this are not packed: they are short, and read often.
_LONG = 10_000


class Rows:
    """Values with their sizes, oldest first. `most` is how many its owner ever keeps."""

    def __init__(self, most: int) -> None:
        self.size = 0
        self._packs = most > _LONG
        self._oldest: deque[Row] = deque()
        self._blocks: deque[bytes] = deque()
        self._newest: deque[Row] = deque()

    def __len__(self) -> int:
        return len(self._oldest) + BLOCK * len(self._blocks) + len(self._newest)

    def __iter__(self) -> Iterator[object]:
        """The values, oldest first."""
        yield from (value for value, _ in self._oldest)
        for block in self._blocks:
            yield from (value for value, _ in _unpacked(block))
        yield from (value for value, _ in self._newest)

    def append(self, row: Row) -> None:
        self._newest.append(row)
        self.size += row[1]
        if self._packs and len(self._newest) >= 2 * BLOCK:
            self._blocks.append(_packed([self._newest.popleft() for _ in range(BLOCK)]))

    def pop(self) -> None:
        """Remove the newest row again."""
        self.size -= self._newest.pop()[1]

    def popleft(self) -> Row:
        """Drop the oldest row, and return it."""
        if not self._oldest and self._blocks:
            self._oldest.extend(_unpacked(self._blocks.popleft()))
        row = (self._oldest or self._newest).popleft()
        self.size -= row[1]
        return row

    def put_back(self, rows: Sequence[Row]) -> None:
        """Restore rows that were dropped, oldest first."""
        self._oldest.extendleft(reversed(rows))
        self.size += sum(size for _, size in rows)


def _packed(rows: list[Row]) -> bytes:
    return zlib.compress(pickle.dumps(rows, pickle.HIGHEST_PROTOCOL), 3)


def _unpacked(block: bytes) -> list[Row]:
    rows: list[Row] = pickle.loads(zlib.decompress(block))  # always bytes that this process has packed
    return rows
