"""Opens the store at an address: a Redis, or a local folder."""

from __future__ import annotations

from pathlib import Path

from .store import Store

FOLDER = "file:"


def open_store(address: str, *, memory: int) -> Store:
    """Open a store: `redis://127.0.0.1:6379/0`, or `file:` and a folder. `memory`: see `RedisStore`.

    Raises NoAddress, MissingExtra, or StoreUnavailable for a store that cannot be used.
    """
    if address.startswith(FOLDER):
        from .disk import open_folder

        return open_folder(Path(address.removeprefix(FOLDER)))
    from . import redis

    return redis.open_store(address, memory=memory)
