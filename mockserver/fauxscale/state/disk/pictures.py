"""The blobs of a store on disk: files named by their hash, and the keys that refer to them."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from contextlib import suppress
from pathlib import Path

from .tables import group_of

# The contents of keys that were deleted or replaced. It ends with the connection: `sweep` does the rest.
_WATCH = """
PRAGMA recursive_triggers = ON;
CREATE TEMP TABLE gone (digest TEXT);
CREATE TEMP TRIGGER note_gone AFTER DELETE ON blobs BEGIN INSERT INTO gone VALUES (old.digest); END;
"""


class PictureFiles:
    """Files beside the database. A file is written before its first key and deleted after its last. The caller locks,
    except for `write` and `read`."""

    def __init__(self, folder: Path, database: sqlite3.Connection) -> None:
        self._folder = folder
        self._database = database
        database.executescript(_WATCH)

    def write(self, data: bytes) -> tuple[str, Path | None]:
        """Write bytes into a file that no key refers to yet. Returns their hash and the file; None if the file already
        exists."""
        digest = hashlib.sha256(data).hexdigest()
        if (self._folder / digest).exists():
            return digest, None
        return digest, self._written(data)

    def _written(self, data: bytes) -> Path:
        file = self._folder / f"{os.urandom(8).hex()}.new"
        file.write_bytes(data)
        return file

    def lead(self, key: str, data: bytes, digest: str, new: Path | None, dies: float | None) -> None:
        """Make a key refer to bytes that were written."""
        if new is None and not (self._folder / digest).exists():
            new = self._written(data)  # deleted in the meantime
        if new is not None:
            new.replace(self._folder / digest)
        self._database.execute(
            "INSERT OR REPLACE INTO blobs VALUES (?, ?, ?, ?)", (_text(key), group_of(key), digest, dies)
        )

    def digest(self, key: str, now: float) -> str | None:
        """The hash of a key's bytes, None if there are none."""
        found: tuple[str] | None = self._database.execute(
            "SELECT digest FROM blobs WHERE key = ? AND (dies IS NULL OR dies > ?)", (_text(key), now)
        ).fetchone()
        return found[0] if found else None

    def read(self, digest: str) -> bytes | None:
        with suppress(FileNotFoundError):  # forgotten since it was looked up
            return (self._folder / digest).read_bytes()
        return None

    def remove_gone(self) -> None:
        """Remove the files of deleted keys, unless other keys refer to them."""
        gone = self._database.execute("DELETE FROM gone RETURNING digest").fetchall()
        for digest in {digest for (digest,) in gone}:
            if not self._database.execute("SELECT 1 FROM blobs WHERE digest = ?", (digest,)).fetchone():
                (self._folder / digest).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove every file that no key refers to."""
        known = {digest for (digest,) in self._database.execute("SELECT DISTINCT digest FROM blobs")}
        for file in self._folder.iterdir():
            if file.name not in known:
                file.unlink(missing_ok=True)


def _text(key: str) -> bytes:
    return key.encode(errors="surrogatepass")
