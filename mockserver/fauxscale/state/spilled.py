"""A file that holds blobs moved out of memory together; it is removed with the last of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path


class SpilledFile:
    """Several blobs one after the other in one file; `used` of them are still wanted."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.used = 0

    def write(self, blobs: Sequence[bytes]) -> None:
        with self._path.open("xb", buffering=0) as file:
            file.writelines(blobs)

    def read(self, at: int, size: int) -> bytes:
        """Read a blob. Raises FileNotFoundError if none is wanted any more."""
        with self._path.open("rb", buffering=0) as file:
            file.seek(at)
            return file.read(size)

    def let_go(self) -> None:
        """Count one blob less; removes the file after the last."""
        self.used -= 1
        if self.used <= 0:
            with suppress(FileNotFoundError):
                self._path.unlink()
