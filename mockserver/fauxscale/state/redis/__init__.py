"""A store on Redis, which several workers and machines share: `open_store` opens it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fauxscale.extras import needed_by

if TYPE_CHECKING:
    from .store import RedisStore

# How long a reply of Redis may take, in seconds, before a call fails.
PATIENCE = 1.0


def open_store(url: str, *, memory: int, seconds: float = PATIENCE) -> RedisStore:
    """Open the store at an address: `redis://`, `rediss://` or `unix://`, of a server or of any node of a cluster.

    `memory`: how many bytes of pictures are kept for an account; `seconds`: how long a reply may take. Raises
    NoAddress for an invalid address, StoreUnavailable, with a sentence for people, if no server there can be used,
    and MissingExtra without the library.
    """
    with needed_by("a store on Redis"):
        from .opening import connect
    return connect(url, memory, seconds)
