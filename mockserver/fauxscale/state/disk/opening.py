"""Opens a store in a folder: creates it, or continues that of an earlier server."""

from __future__ import annotations

import os
import secrets
import sqlite3
from pathlib import Path

from fauxscale.clock import wall
from fauxscale.state.store import StoreUnavailable

from .schema import SCHEMA, VERSION
from .store import DiskStore
from .tables import DiskTables

_NAME, _PICTURES = "state.sqlite", "pictures"
_SETUP = """
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
"""


def open_folder(folder: Path) -> DiskStore:
    """Open the store in a folder, and create the folder if necessary.

    Raises StoreUnavailable, with one line, for a folder that cannot be used, or that another server uses.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / _PICTURES).mkdir(mode=0o700, exist_ok=True)
        os.close(os.open(folder / _NAME, os.O_CREAT | os.O_RDWR, 0o600))  # it contains a secret
        database = sqlite3.connect(folder / _NAME, timeout=0.5, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise StoreUnavailable(f"--state {folder} cannot be used: {reason}") from None
    try:
        database.executescript(_SETUP)
        secret = _secret(database, folder)
    except sqlite3.Error as error:
        database.close()
        locked = isinstance(error, sqlite3.OperationalError) and "locked" in str(error)
        said = "another server uses it" if locked else str(error)
        raise StoreUnavailable(f"--state {folder} cannot be used: {said}") from None
    except StoreUnavailable:
        database.close()
        raise
    return DiskStore(database, folder / _PICTURES, secret)


def _secret(database: sqlite3.Connection, folder: Path) -> bytes:
    """Create the tables of a new store, or tidy those of an old one. Returns the secret that links are signed with."""
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version not in (0, VERSION):
        raise StoreUnavailable(
            f"--state {folder} was written by another version of fauxscale: name another folder, or delete this one"
        )
    database.execute("BEGIN IMMEDIATE")
    if version == 0:
        for statement in SCHEMA.split(";\n"):
            database.execute(statement)
        database.execute("CREATE TABLE server (secret BLOB)")
        database.execute("INSERT INTO server VALUES (?)", (secrets.token_bytes(32),))
        database.execute(f"PRAGMA user_version = {VERSION}")
    # The calls that ran when the last server ended are over.
    database.execute("DELETE FROM leases")
    DiskTables(database).bury(wall())
    database.execute("COMMIT")
    found: bytes = database.execute("SELECT secret FROM server").fetchone()[0]
    return found
