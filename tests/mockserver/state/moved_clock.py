"""The store's clock, moved by hand."""

from __future__ import annotations

import pytest

from fauxscale.state import blobs, store
from fauxscale.state.disk import store as disk_store
from fauxscale.state.redis.store import RedisStore
from fauxscale.state.store import Store
from tests.redis_server import RedisCluster, RedisServer


class Wall:
    """The store's clock, moved by hand. That of Redis goes on by itself as well: tests leave it a second or more."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, moved: Store | None, server: RedisServer | RedisCluster | None
    ) -> None:
        self._now = 1000.0
        self._store, self._server = moved, server
        for module in (store, blobs, disk_store):
            monkeypatch.setattr(module, "wall", lambda: self._now)

    @property
    def now(self) -> float:
        return self._now

    @now.setter
    def now(self, then: float) -> None:
        passed, self._now = then - self._now, then
        if isinstance(self._store, RedisStore):
            assert self._server is not None
            self._store.ahead += passed
            self._server.age(passed)
