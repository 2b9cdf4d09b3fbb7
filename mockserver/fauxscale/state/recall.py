"""A worker's cache of the directory and of accounts, which saves calls a request to the store.

The batch that a call enters with checks every cached value, and a wrong one is dropped: after a reset the same
links are given out again, by another generation of their account.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

from msgspec import Struct

from .account import Account
from .passage import Snapshot

T = TypeVar("T")
_MOST = 10_000


class _Latest(Generic[T]):
    """The entries used last, by name."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, T] = OrderedDict()

    def get(self, name: str) -> T | None:
        found = self._known.get(name)
        if found is not None:
            self._known.move_to_end(name)
        return found

    def put(self, name: str, value: T) -> None:
        self._known[name] = value
        if len(self._known) > _MOST:
            self._known.popitem(last=False)

    def clear(self) -> None:
        self._known.clear()


class Owner(Struct, frozen=True):
    """The account of an API key, and the provider the key is for ("*" is any): an entry of the directory."""

    account: str
    provider: str


class Recall:
    """`owners` by the digest of a key, the givers of links (`givers`), `accounts` and their `snapshots` by id."""

    def __init__(self) -> None:
        self.owners: _Latest[Owner] = _Latest()
        self.givers: _Latest[tuple[str, int]] = _Latest()
        self.accounts: _Latest[Account] = _Latest()
        self.snapshots: _Latest[Snapshot] = _Latest()

    def clear(self) -> None:
        """Empty the cache, because it was out of date."""
        self.owners.clear()
        self.givers.clear()
        self.accounts.clear()
        self.snapshots.clear()
